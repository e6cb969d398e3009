/**
 * Which hosts take a domain's mail: MX by preference, implicit MX, null MX (RFC 5321 §5.1, RFC 7505), with every address
 * of every host. Bounded in hosts. It judges nothing but the route itself.
 */
import { parseAddress, type IpAddress } from '../core/address.ts'
import { compareNames, ROOT, type DomainName } from '../core/domain-name.ts'
import { type RecordOf, type ResolveOptions, type Resolver } from '../dns/resolver.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import { resolveAddresses } from './host-addresses.ts'

export interface MailHost {
  readonly name: DomainName
  /** Null for an implicit MX. */
  readonly preference: number | null
  readonly addresses: readonly IpAddress[]
}

export interface MailRoute {
  readonly kind: 'mx' | 'implicit' | 'null' | 'none' | 'unknown'
  readonly hosts: readonly MailHost[]
  readonly findings: readonly Finding[]
}

/** More would be a list, not a mail route; the rest is named in a finding. */
const MAX_EXCHANGES = 20

export async function resolveMailRoute(domain: DomainName, resolver: Resolver, options: ResolveOptions): Promise<MailRoute> {
  const outcome = await resolver.resolve({ name: domain, type: 'MX' }, options)
  switch (outcome.kind) {
    case 'records':
      return explicitRoute(
        domain,
        outcome.records.filter((record) => record.type === 'MX'),
        resolver,
        options,
      )
    case 'nodata':
    case 'nxdomain':
      // Some servers answer NXDOMAIN for a type that they do not know: only the address questions settle it.
      return implicitRoute(domain, resolver, options)
    case 'alias':
    case 'aliasLoop':
    case 'aliasTooDeep':
      return { kind: 'none', hosts: [], findings: [finding('TARGET_ALIAS_BROKEN', { target: domain })] }
    default:
      return { kind: 'unknown', hosts: [], findings: [finding('MX_UNKNOWN', { domain, outcome: outcome.kind })] }
  }
}

async function explicitRoute(
  domain: DomainName,
  records: readonly RecordOf<'MX'>[],
  resolver: Resolver,
  options: ResolveOptions,
): Promise<MailRoute> {
  if (records.length === 1 && records[0]?.exchange === ROOT) return { kind: 'null', hosts: [], findings: [finding('MX_NULL', { domain })] }
  const sorted = records
    .filter((record) => record.exchange !== ROOT)
    .toSorted((left, right) => left.preference - right.preference || compareNames(left.exchange, right.exchange))
  const kept = sorted.slice(0, MAX_EXCHANGES)
  const truncated = sorted.length > kept.length ? [finding('MX_TRUNCATED', { domain, count: sorted.length, kept: kept.length })] : []
  const hosts = await Promise.all(kept.map((record) => exchangeHost(domain, record, resolver, options)))
  return { kind: 'mx', hosts: hosts.map(({ host }) => host), findings: [...truncated, ...hosts.flatMap(({ findings }) => findings)] }
}

async function exchangeHost(
  domain: DomainName,
  { exchange, preference }: RecordOf<'MX'>,
  resolver: Resolver,
  options: ResolveOptions,
): Promise<{ host: MailHost; findings: readonly Finding[] }> {
  if (parseAddress(exchange)) {
    return { host: { name: exchange, preference, addresses: [] }, findings: [finding('MX_IS_ADDRESS', { domain, exchange })] }
  }
  const { addresses, aliases, broken, unknown } = await resolveAddresses(exchange, resolver, options)
  const findings: Finding[] = []
  const target = aliases.at(-1)?.target
  if (target) findings.push(finding('MX_ALIAS', { domain, exchange, target }))
  for (const { outcome } of unknown) findings.push(finding('TARGET_UNKNOWN', { target: exchange, outcome }))
  if (broken) findings.push(finding('TARGET_ALIAS_BROKEN', { target: exchange }))
  else if (addresses.length === 0 && unknown.length === 0) findings.push(finding('MX_NO_ADDRESS', { domain, exchange }))
  return { host: { name: exchange, preference, addresses }, findings }
}

/** A domain without MX is its own mail host (RFC 5321 §5.1), if it has an address. */
async function implicitRoute(domain: DomainName, resolver: Resolver, options: ResolveOptions): Promise<MailRoute> {
  const { addresses, nxdomain, broken, unknown } = await resolveAddresses(domain, resolver, options)
  const troubles = unknown.map(({ outcome }) => finding('TARGET_UNKNOWN', { target: domain, outcome }))
  if (addresses.length > 0) {
    return { kind: 'implicit', hosts: [{ name: domain, preference: null, addresses }], findings: troubles }
  }
  if (troubles.length > 0) return { kind: 'unknown', hosts: [], findings: troubles }
  if (broken) return { kind: 'none', hosts: [], findings: [finding('TARGET_ALIAS_BROKEN', { target: domain })] }
  return { kind: 'none', hosts: [], findings: [finding(nxdomain ? 'TARGET_NXDOMAIN' : 'TARGET_NO_ADDRESS', { target: domain })] }
}
