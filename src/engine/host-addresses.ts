/**
 * Every IPv4 and IPv6 address of a name, asked side by side and kept apart: one family's trouble never hides the other's answer.
 */
import type { IpAddress } from '../core/address.ts'
import { compareAddresses } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import { isFailure, type Alias, type DnsOutcome, type ResolveOptions, type Resolver } from '../dns/resolver.ts'

export interface HostAddresses {
  readonly addresses: readonly IpAddress[]
  readonly aliases: readonly Alias[]
  /** Both families answered NXDOMAIN: no such name at all. */
  readonly nxdomain: boolean
  /** The chain of CNAMEs is broken for good. */
  readonly broken: 'aliasLoop' | 'aliasTooDeep' | null
  /** The outcomes of the families that could not be told. */
  readonly unknown: readonly { readonly type: 'A' | 'AAAA'; readonly outcome: string }[]
}

export async function resolveAddresses(name: DomainName, resolver: Resolver, options: ResolveOptions): Promise<HostAddresses> {
  const [v4, v6] = await Promise.all([resolver.resolve({ name, type: 'A' }, options), resolver.resolve({ name, type: 'AAAA' }, options)])
  const outcomes = [
    { type: 'A', outcome: v4 },
    { type: 'AAAA', outcome: v6 },
  ] as const
  const broken = outcomes.map(({ outcome }) => outcome.kind).find((kind) => kind === 'aliasLoop' || kind === 'aliasTooDeep')
  return {
    addresses: outcomes.flatMap(({ outcome }) => addressesOf(outcome)).sort(compareAddresses),
    aliases: outcomes.map(({ outcome }) => ('aliases' in outcome ? outcome.aliases : [])).find((aliases) => aliases.length > 0) ?? [],
    nxdomain: v4.kind === 'nxdomain' && v6.kind === 'nxdomain',
    broken: broken ?? null,
    unknown: outcomes.flatMap(({ type, outcome }) => (isFailure(outcome) ? [{ type, outcome: outcome.kind }] : [])),
  }
}

function addressesOf(outcome: DnsOutcome): readonly IpAddress[] {
  if (outcome.kind !== 'records') return []
  return outcome.records.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [record.address] : []))
}
