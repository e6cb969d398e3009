/**
 * The forward half of the loop: whether the desired name already leads to the address, and the A or AAAA record that is missing.
 */
import { formatAddress, sameAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { sameName, type DomainName } from '../core/domain-name.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { DesiredName } from './desired-name.ts'
import type { RecognisedProvider } from './identify-provider.ts'
import { listNames, recordLine, type RemedyStep } from './step.ts'

export interface ForwardContext {
  readonly address: IpAddress
  readonly desired: DesiredName
  readonly iprev: IprevFacts
  readonly helo: HeloFacts | null
  readonly provider: RecognisedProvider | null
}

export type ForwardState =
  | { readonly kind: 'right' }
  /** No record of the address's family. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'elsewhere'; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'aliasBroken' }
  /** It was not asked, or not answered. */
  | { readonly kind: 'unknown' }

export function forwardState({ address, desired, iprev, helo }: ForwardContext): ForwardState {
  const ptr = iprev.names.find(({ name }) => sameName(name, desired.name))
  if (ptr) {
    switch (ptr.outcome) {
      case 'confirmed':
        return { kind: 'right' }
      case 'elsewhere':
        return { kind: 'elsewhere', addresses: ptr.addresses }
      case 'nxdomain':
      case 'nodata':
        return { kind: 'missing' }
      case 'aliasLoop':
      case 'aliasTooDeep':
        return { kind: 'aliasBroken' }
      default:
        return { kind: 'unknown' }
    }
  }
  return helo?.form.kind === 'name' && sameName(helo.form.name, desired.name) ? stateOfHelo(helo, address) : { kind: 'unknown' }
}

function stateOfHelo({ resolution }: HeloFacts, address: IpAddress): ForwardState {
  switch (resolution.kind) {
    case 'addresses':
      if (resolution.addresses.some((candidate) => sameAddress(candidate, unmapAddress(address)))) return { kind: 'right' }
      return { kind: 'elsewhere', addresses: resolution.addresses }
    case 'none':
    case 'otherFamilyOnly':
      return { kind: 'missing' }
    case 'unknown':
    case 'notAsked':
      return { kind: 'unknown' }
  }
}

export function forwardSteps({ address, desired, provider }: ForwardContext, state: ForwardState): readonly RemedyStep[] {
  const ip = formatAddress(address)
  const type = address.family === 4 ? 'A' : 'AAAA'
  const record = recordLine(desired.name, type, ip)
  const order =
    provider?.provider.forwardFirst === true
      ? ` Do this before the PTR: ${provider.provider.name} refuses a name that does not resolve to the address.`
      : ''
  const forward = (step: string): RemedyStep => ({ kind: 'forward', who: 'dnsOperator', step: `${step}${order}`, record })
  const { name } = desired
  if (desired.source === 'placeholder') return [choosing(name, record, order)]
  switch (state.kind) {
    case 'right':
      return []
    case 'missing':
      return [forward(`Publish ${ip} as the ${type} record of ${name}, in the DNS zone of its domain.`)]
    case 'elsewhere':
      return [forward(elsewhere(name, ip, type, state.addresses))]
    case 'aliasBroken':
      return [
        forward(`The CNAME of ${name} leads nowhere. Replace it, in the DNS zone of its domain, by the ${type} record of this server.`),
      ]
    case 'unknown':
      return [
        {
          kind: 'forward',
          who: 'dnsOperator',
          step: `Make sure that ${name} has ${ip} as an ${type} record; whether it has could not be told.${order}`,
          record,
          command: `dig +short ${name} ${type}`,
        },
      ]
  }
}

function elsewhere(name: DomainName, ip: string, type: string, addresses: readonly IpAddress[]): string {
  const others = listNames(addresses.map(formatAddress))
  return (
    `${name} resolves to ${others}, not to ${ip}. If it is the name of this server, correct its ${type} record, or add this one if ` +
    `it has several addresses. If it is the name of another machine or of a website, leave it alone and choose a name of its own for this server.`
  )
}

function choosing(name: DomainName, record: string, order: string): RemedyStep {
  return {
    kind: 'forward',
    who: 'dnsOperator',
    step: `Choose a host name in your own domain for this server (${name} stands for it here) and publish its address.${order}`,
    record,
  }
}
