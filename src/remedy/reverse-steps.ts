/**
 * The reverse half of the loop: who has to set the PTR, where and how. A CNAME of the reverse name (RFC 2317) decides first, since
 * a PTR set anywhere else would have no effect; then the provider's own way; then the operator of the reverse zone.
 */
import { formatAddress, reverseName, type IpAddress } from '../core/address.ts'
import { sameName, type DomainName } from '../core/domain-name.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { DesiredName } from './desired-name.ts'
import type { RecognisedProvider } from './identify-provider.ts'
import type { ReverseZone, ReverseZoneFacts, ZoneSearch } from './reverse-zone.ts'
import { listNames, recordLine, type RemedyStep } from './step.ts'

export interface ReverseContext {
  readonly address: IpAddress
  readonly desired: DesiredName
  readonly iprev: IprevFacts
  readonly reverseZone: ReverseZoneFacts | null
  readonly provider: RecognisedProvider | null
}

export function reverseSteps(context: ReverseContext): readonly RemedyStep[] {
  switch (context.iprev.reason) {
    case 'aliasLoop':
    case 'aliasTooDeep':
      return [brokenAliasStep(context)]
    default: {
      const target = aliasTarget(context)
      if (target !== undefined) return [delegatedStep(context, target)]
      return context.provider ? providerSteps(context, context.provider) : [zoneOperatorStep(context)]
    }
  }
}

/** More than the desired name is published: what is wrong with the others ends when they go. */
export function cleanupSteps({ address, desired, iprev, provider, reverseZone }: ReverseContext): readonly RemedyStep[] {
  const ip = formatAddress(address)
  const others = iprev.names.filter(({ name }) => !sameName(name, desired.name)).map(({ name }) => name)
  const removed = others.length > 0 ? `, and remove the others (${listNames(others)})` : ''
  const count = iprev.truncated ? `${ip} has ${String(iprev.ptrNameCount)} PTR records; receivers look at the first few at most. ` : ''
  const owner = aliasTarget({ iprev, reverseZone }) ?? reverseName(address)
  return [
    {
      kind: 'cleanup',
      who: provider?.provider.setBy ?? 'provider',
      step: `${count}Keep one PTR record, ${desired.name}${removed}.`,
      record: recordLine(owner, 'PTR', `${desired.name}.`),
    },
  ]
}

/** For access lines, whose operators often set no PTR at all, and whose addresses many receivers refuse in any case. */
export function relaySteps(): readonly RemedyStep[] {
  return [
    {
      kind: 'relay',
      who: 'isp',
      step: 'The address looks like one of an access line. Ask the ISP for a fixed address with a PTR of its own; if there is none to be had, send through the relay of the ISP or of a mail provider instead (it then does not matter what the PTR says).',
      choices: [
        {
          label: 'Postfix',
          command: "postconf -e 'relayhost = [RELAY]:587' 'smtp_sasl_auth_enable = yes' 'smtp_tls_security_level = encrypt'",
        },
      ],
    },
  ]
}

function aliasTarget({ iprev, reverseZone }: Pick<ReverseContext, 'iprev' | 'reverseZone'>): DomainName | undefined {
  return reverseZone?.delegated?.target ?? iprev.aliases.at(-1)?.target
}

function brokenAliasStep({ address, desired, reverseZone }: ReverseContext): RemedyStep {
  const reverse = reverseName(address)
  return {
    kind: 'reverse',
    who: 'provider',
    step: `The CNAMEs of ${reverse} lead nowhere. ${operatorOf(reverseZone?.reverse)} has to replace the CNAME by a PTR record, or lead it straight to a name that holds one.`,
    record: recordLine(reverse, 'PTR', `${desired.name}.`),
  }
}

function delegatedStep({ address, desired, iprev, reverseZone }: ReverseContext, target: DomainName): RemedyStep {
  const zone = zoneOf(reverseZone?.delegated?.search)
  const where = zone ? `, in the zone ${zone.name}${servedBy(zone)}` : ''
  return {
    kind: 'reverse',
    who: 'dnsOperator',
    step: `The reverse name of ${formatAddress(address)} is an alias of ${target} (RFC 2317): set the PTR record there${where}.${replacing(iprev)}`,
    record: recordLine(target, 'PTR', `${desired.name}.`),
  }
}

function providerSteps({ address, desired, iprev }: ReverseContext, { provider }: RecognisedProvider): readonly RemedyStep[] {
  const family = address.family === 4 ? 'ipv4' : 'ipv6'
  const steps = provider.steps.filter(({ only }) => only === undefined || only === family)
  const doubt = provider.verified === 'unverified' ? ' (We could not verify this way; the support of the provider knows.)' : ''
  return steps.map((step, index) => {
    const isSettingStep = index === steps.length - 1
    return {
      kind: 'reverse',
      who: provider.setBy,
      step: `${provider.name}: ${fill(step.step, address, desired.name)}${isSettingStep ? replacing(iprev) + doubt : ''}`,
      ...(isSettingStep ? { record: recordLine(reverseName(address), 'PTR', `${desired.name}.`) } : {}),
      ...(step.command === undefined ? {} : { command: fill(step.command, address, desired.name) }),
    }
  })
}

/** The desired name is a host name: see desired-name.ts. */
function fill(template: string, address: IpAddress, name: DomainName): string {
  const values: Readonly<Record<string, string>> = { ip: formatAddress(address), name, fqdn: `${name}.` }
  return template.replace(/\{([a-z]+)\}/g, (placeholder, token: string) => values[token] ?? placeholder)
}

function zoneOperatorStep({ address, desired, iprev, reverseZone }: ReverseContext): RemedyStep {
  const ip = formatAddress(address)
  return {
    kind: 'reverse',
    who: 'provider',
    step: `Ask for the PTR record of ${ip}, from whoever gave you the address (hosting provider or ISP). ${operatorOf(reverseZone?.reverse)} has to set it to ${desired.name}.${replacing(iprev)}`,
    record: recordLine(reverseName(address), 'PTR', `${desired.name}.`),
  }
}

function operatorOf(search: ZoneSearch | undefined): string {
  switch (search?.kind) {
    case 'zone':
      return `The operator of the zone ${search.zone.name}${servedBy(search.zone)}`
    case 'unknown':
      return `The operator of the reverse zone (not known: ${search.at} did not answer)`
    case 'notDelegated':
      return 'The owner of the address block, who has no reverse zone yet and must first have one delegated by the registry,'
    case undefined:
      return 'The operator of the reverse zone'
  }
}

function zoneOf(search: ZoneSearch | undefined): ReverseZone | undefined {
  return search?.kind === 'zone' ? search.zone : undefined
}

function servedBy({ nameservers, primary }: ReverseZone): string {
  const servers = nameservers && nameservers.length > 0 ? nameservers : [primary]
  return ` (nameservers ${listNames(servers)})`
}

function replacing({ names }: IprevFacts): string {
  if (names.length === 0) return ''
  return ` It replaces ${listNames(names.map(({ name }) => name))}.`
}
