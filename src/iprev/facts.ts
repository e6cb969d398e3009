/**
 * What the DNS said about an address and its names (RFC 8601 §2.7.3): facts and the four-valued result, no opinion.
 * Plain data: it survives JSON and can be judged again later under another policy.
 */
import { canonicalName, sameName, type DomainName } from '../core/domain-name.ts'
import type { IpAddress } from '../core/address.ts'
import type { Alias } from '../dns/resolver.ts'

export type IprevResult = 'pass' | 'fail' | 'temperror' | 'permerror'

export type IprevReason =
  | 'confirmed'
  /** permerror: the reverse name does not exist, or exists without a PTR record. */
  | 'noReverseName'
  | 'noPtrRecord'
  /** permerror: the CNAMEs of the reverse name (RFC 2317) lead nowhere. */
  | 'aliasLoop'
  | 'aliasDangling'
  | 'aliasTooDeep'
  /** fail: every name was looked up and none holds the address. */
  | 'elsewhere'
  | 'nameNotFound'
  | 'nameWithoutAddress'
  | 'noUsableName'
  /** temperror: the PTR question, or the one that would have decided, was not answered. */
  | 'reverseServfail'
  | 'reverseRefused'
  | 'reverseTimeout'
  | 'reverseMalformed'
  | 'forwardServfail'
  | 'forwardRefused'
  | 'forwardTimeout'
  | 'forwardMalformed'
  | 'deadline'
  | 'queryCap'
  | 'aborted'

export type PtrNameOutcome =
  | 'confirmed'
  | 'elsewhere'
  | 'nxdomain'
  | 'nodata'
  | 'aliasLoop'
  | 'aliasTooDeep'
  /** Not asked at all: it can never be a mail host's name. */
  | 'notHostName'
  | 'singleLabel'
  /** It could not be told. */
  | 'servfail'
  | 'refused'
  | 'timeout'
  | 'malformed'
  | 'deadline'
  | 'queryCap'
  | 'aborted'

/** One PTR name and what its A (or AAAA) question gave. */
export interface PtrName {
  readonly name: DomainName
  readonly outcome: PtrNameOutcome
  /** In canonical order, at most `maxAddresses`; the one that confirms is among them. */
  readonly addresses: readonly IpAddress[]
  readonly aliases: readonly Alias[]
  readonly ttl: number | null
  readonly authenticated: boolean
}

export interface IprevFacts {
  readonly kind: 'iprev'
  readonly address: IpAddress
  readonly reverseName: DomainName
  readonly result: IprevResult
  readonly reason: IprevReason
  /** The CNAMEs between the reverse name and its PTR records. */
  readonly aliases: readonly Alias[]
  readonly ptrTtl: number | null
  /** Distinct PTR names in canonical order, at most `maxPtrNames`. */
  readonly names: readonly PtrName[]
  /** How many distinct PTR names there were; more than `names.length` when truncated. */
  readonly ptrNameCount: number
  readonly truncated: boolean
  /** Every answer that led to the result carried AD, and the resolver is one that the config trusts. */
  readonly authenticated: boolean
  readonly queries: number
}

export interface IprevSettings {
  readonly maxPtrNames: number
  /** How many addresses of a name the facts keep; all are compared. */
  readonly maxAddresses: number
  readonly maxAliases: number
  readonly maxQueries: number
  readonly deadlineMs: number
  /** Whether AD from this resolver may be believed. */
  readonly trustAuthenticated: boolean
}

export const DEFAULT_IPREV_SETTINGS: IprevSettings = {
  maxPtrNames: 10,
  maxAddresses: 20,
  maxAliases: 8,
  maxQueries: 40,
  deadlineMs: 5000,
  trustAuthenticated: false,
}

/** The confirmed name equal to HELO if there is one, else the first in canonical order: rotation of answers changes nothing. */
export function confirmedName(facts: IprevFacts, claimedName: DomainName | undefined): DomainName | null {
  const confirmed = facts.names.filter((candidate) => candidate.outcome === 'confirmed')
  const equal = claimedName && confirmed.find((candidate) => sameName(candidate.name, claimedName))
  const chosen = equal ?? confirmed[0]
  return chosen ? canonicalName(chosen.name) : null
}
