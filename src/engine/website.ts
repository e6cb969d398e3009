/**
 * The commonest mix-up: a person checks (or mends) the address of the website while the mail comes from elsewhere.
 * Says so where a domain has MX hosts and its own address is none of theirs. It asks four names at most beyond the route.
 */
import { formatAddress, sameAddress, type IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { ResolveOptions, Resolver } from '../dns/resolver.ts'
import { finding, type Finding, type FindingLevel } from '../findings/catalogue.ts'
import { resolveAddresses } from './host-addresses.ts'
import { resolveMailRoute, type MailRoute } from './mail-route.ts'

interface WebsiteQuestion {
  readonly domain: DomainName
  /** Null: not asked yet. */
  readonly route: MailRoute | null
  /** The addresses that are being checked; null: the domain itself is, so that its own address is not among them. */
  readonly checked: readonly IpAddress[] | null
  readonly level?: FindingLevel
}

export async function websiteFinding(
  { domain, route, checked, level }: WebsiteQuestion,
  resolver: Resolver,
  options: ResolveOptions,
): Promise<readonly Finding<'WEBSITE_ADDRESS'>[]> {
  const [known, own] = await Promise.all([
    route ?? resolveMailRoute(domain, resolver, options),
    resolveAddresses(domain, resolver, options),
  ])
  const [exchange] = known.hosts
  if (known.kind !== 'mx' || !exchange) return []
  const mailAddresses = known.hosts.flatMap((host) => host.addresses)
  // While an exchange could not be resolved, the website's address may yet be one of its own.
  if (known.hosts.some((host) => host.addresses.length === 0)) return []
  const address = own.addresses.find((candidate) => !isAmong(candidate, mailAddresses) && (checked === null || isAmong(candidate, checked)))
  return address ? [finding('WEBSITE_ADDRESS', { domain, ip: formatAddress(address), exchange: exchange.name }, level)] : []
}

function isAmong(address: IpAddress, addresses: readonly IpAddress[]): boolean {
  return addresses.some((candidate) => sameAddress(candidate, address))
}
