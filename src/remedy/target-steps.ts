/**
 * Steps for what was asked for rather than for one address: names and MX records that cannot work, an address that nobody sees,
 * IPv6 that lags behind. These findings carry no facts but their arguments.
 */
import { parseAddress } from '../core/address.ts'
import { isHostName, parseName, type DomainName } from '../core/domain-name.ts'
import { escapeUnprintable } from '../core/printable.ts'
import type { Finding } from '../findings/catalogue.ts'
import { listNames, recordLine, type RemedyStep } from './step.ts'

export function targetSteps(findings: readonly Finding[]): readonly RemedyStep[] {
  return findings.flatMap((finding) => {
    const step = targetStep(finding)
    return step ? [step] : []
  })
}

function targetStep(finding: Finding): RemedyStep | undefined {
  switch (finding.code) {
    case 'ADDRESS_SPECIAL':
      return {
        kind: 'target',
        who: 'you',
        step: `Find the public address behind which ${finding.args.ip} stands, and check that one: it is what receivers see.`,
        command: 'dig +short myip.opendns.com @resolver1.opendns.com',
      }
    case 'TARGET_NXDOMAIN':
      return operatorStep(
        `Check the spelling of ${shown(finding.args.target)}. If it is right, create it, with the server's address as its A or AAAA record.`,
      )
    case 'TARGET_NO_ADDRESS':
      return operatorStep(`Give ${shown(finding.args.target)} an A or AAAA record with the server's address.`)
    case 'TARGET_ALIAS_BROKEN':
      return operatorStep(
        `Replace the CNAME of ${shown(finding.args.target)}, which leads nowhere, by an A or AAAA record, or lead it to a name that has one.`,
      )
    case 'MX_ALIAS': {
      const { domain, exchange, target } = finding.args
      const step = `Name ${shown(target)} itself in the MX of ${shown(domain)}, with the preference that it has now; or replace the CNAME of ${shown(exchange)} by A and AAAA records.`
      return operatorStep(step, mxRecord(domain, target))
    }
    case 'MX_NO_ADDRESS': {
      const { domain, exchange } = finding.args
      return operatorStep(`Give ${shown(exchange)} an A or AAAA record, or take it out of the MX of ${shown(domain)}.`)
    }
    case 'MX_IS_ADDRESS': {
      const { domain, exchange } = finding.args
      const step = `An MX names a host. Give ${shown(exchange)} a name such as mail.${shown(domain)} by an A or AAAA record, and put that name into the MX of ${shown(domain)}.`
      return operatorStep(step, addressAndMx(domain, exchange))
    }
    case 'IPV6_ONLY_BROKEN':
      return {
        kind: 'target',
        who: 'you',
        step: `Give the IPv6 addresses of ${shown(finding.args.target)} (${listNames(finding.args.addresses)}) their PTR and AAAA records too, or let the server send by IPv4 only until they have them.`,
        choices: [
          { label: 'Postfix, IPv4 only for outgoing mail', command: "postconf -P 'smtp/unix/inet_protocols=ipv4' && postfix reload" },
        ],
      }
    default:
      return undefined
  }
}

function operatorStep(step: string, record?: string): RemedyStep {
  return { kind: 'target', who: 'dnsOperator', step, ...(record === undefined ? {} : { record }) }
}

/** Targets are what somebody typed, or what a zone says. */
function shown(text: string): string {
  return escapeUnprintable(text)
}

function mxRecord(domain: string, exchange: string): string | undefined {
  const owner = hostName(domain)
  const host = hostName(exchange)
  return owner && host && recordLine(owner, 'MX', `10 ${host}.`)
}

function addressAndMx(domain: string, exchange: string): string | undefined {
  const owner = hostName(domain)
  const host = hostName(`mail.${domain}`)
  const address = parseAddress(exchange)
  if (!owner || !host || !address) return undefined
  return `${recordLine(host, address.family === 4 ? 'A' : 'AAAA', exchange)}\n${recordLine(owner, 'MX', `10 ${host}.`)}`
}

function hostName(text: string): DomainName | undefined {
  const parsed = parseName(text)
  return parsed && isHostName(parsed) ? parsed : undefined
}
