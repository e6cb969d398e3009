/**
 * Which provider an address belongs to: by the shape of its PTR name, or by who serves its reverse zone. A PTR name is whatever
 * its zone says, so an unconfirmed one counts less than the nameservers to which the registry delegated the zone.
 */
import { formatAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { canonicalName, type DomainName } from '../core/domain-name.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { Provider } from './providers.ts'
import type { ReverseZoneFacts } from './reverse-zone.ts'

export interface RecognisedProvider {
  readonly provider: Provider
  readonly recognisedBy: 'ptrName' | 'nameserver'
  /** The PTR name or nameserver that told. */
  readonly evidence: DomainName
}

export interface ProviderClues {
  readonly iprev: IprevFacts
  readonly reverseZone: ReverseZoneFacts | null
}

export function identifyProvider({ iprev, reverseZone }: ProviderClues, providers: readonly Provider[]): RecognisedProvider | null {
  const confirmed = iprev.names.filter(({ outcome }) => outcome === 'confirmed').map(({ name }) => name)
  const claimed = iprev.names.map(({ name }) => name)
  return (
    recogniseByPtrName(confirmed, iprev.address, providers) ??
    recogniseByNameserver(nameserversOf(reverseZone), providers) ??
    recogniseByPtrName(claimed, iprev.address, providers)
  )
}

/** Whether the name is one that a provider with this pattern gives to the address by default. */
export function matchesPtrPattern(pattern: string, ptrName: DomainName, address: IpAddress): boolean {
  const source = pattern
    .split(/(\{[^}]*\})/)
    .map((part) => (part.startsWith('{') ? tokenSource(part.slice(1, -1), address) : escapeRegExp(part)))
  return new RegExp(`^${source.join('')}$`).test(canonicalName(ptrName))
}

function recogniseByPtrName(names: readonly DomainName[], address: IpAddress, providers: readonly Provider[]): RecognisedProvider | null {
  for (const provider of providers) {
    const evidence = names.find((name) => provider.ptrNames.some((pattern) => matchesPtrPattern(pattern, name, address)))
    if (evidence !== undefined) return { provider, recognisedBy: 'ptrName', evidence }
  }
  return null
}

function recogniseByNameserver(nameservers: readonly DomainName[], providers: readonly Provider[]): RecognisedProvider | null {
  for (const provider of providers) {
    const evidence = nameservers.find((name) => provider.nameservers.some((pattern) => matchesHostPattern(pattern, name)))
    if (evidence !== undefined) return { provider, recognisedBy: 'nameserver', evidence }
  }
  return null
}

/** Those of the reverse zone itself: a zone that a CNAME leads to is the customer's own. */
function nameserversOf(facts: ReverseZoneFacts | null): readonly DomainName[] {
  switch (facts?.reverse.kind) {
    case 'zone':
      return facts.reverse.zone.nameservers ?? []
    case 'unknown':
      return facts.reverse.enclosing?.nameservers ?? []
    default:
      return []
  }
}

function matchesHostPattern(pattern: string, name: DomainName): boolean {
  const canonical = canonicalName(name)
  return pattern.startsWith('*.') ? canonical.endsWith(pattern.slice(1)) : canonical === pattern
}

const OCTETS: Readonly<Record<string, number>> = { a: 0, b: 1, c: 2, d: 3 }
const NEVER = '[^\\s\\S]'

function tokenSource(token: string, address: IpAddress): string {
  const { family, bytes } = unmapAddress(address)
  switch (token) {
    case 'digits':
      return '[0-9]{1,20}'
    case 'hex':
      return '[0-9a-f]{1,32}'
    case 'label':
      return '[a-z0-9-]{1,63}'
    case 'dashed':
      return formatAddress({ family, bytes }).replace(/[.:]/g, '-')
    default: {
      const octet = bytes[OCTETS[token] ?? bytes.length]
      return family === 4 && octet !== undefined ? String(octet) : NEVER
    }
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[^a-z0-9-]/g, '\\$&')
}
