/**
 * The one interface through which everything asks the DNS: the stub client, the cache and the alias follower implement it,
 * tests replace it. Every expected outcome is a value; `resolve` rejects only on a programmer's error.
 */
import type { DomainName } from '../core/domain-name.ts'
import type { RecordType, ResourceRecord } from '../core/dns-record.ts'

export type { RecordOf, RecordType, ResourceRecord } from '../core/dns-record.ts'

export interface Question {
  readonly name: DomainName
  readonly type: RecordType
}

/** One step of a CNAME chain. */
export interface Alias {
  readonly name: DomainName
  readonly target: DomainName
  readonly ttl: number
}

interface Answered {
  /** The CNAMEs that were followed from the question's name, in order; empty for most names. */
  readonly aliases: readonly Alias[]
  /** Seconds for which this outcome may be reused: the least TTL on the way, or RFC 2308's negative TTL. */
  readonly ttl: number
  /** The AD bit. It means something only over a trusted path to a validating resolver. */
  readonly authenticated: boolean
}

export type DnsOutcome =
  /** `records`: those of the asked type at the end of the chain, in the order of the answer; never empty. */
  | ({ readonly kind: 'records'; readonly records: readonly ResourceRecord[] } & Answered)
  /** The name (or the chain's last target) exists and has no record of this type. */
  | ({ readonly kind: 'nodata' } & Answered)
  | ({ readonly kind: 'nxdomain' } & Answered)
  /** The answer ends in a CNAME whose target it does not resolve. Only one-step resolvers give it; `followAliases` goes on from there. */
  | ({ readonly kind: 'alias'; readonly target: DomainName } & Answered)
  | { readonly kind: 'aliasLoop'; readonly aliases: readonly Alias[] }
  | { readonly kind: 'aliasTooDeep'; readonly aliases: readonly Alias[] }
  | DnsFailure

/** It could not be told. Never the same as "there is none". */
export type DnsFailure =
  /** Also any other RCODE that is no answer; `detail` holds it, and an extended error (RFC 8914) where one was sent. */
  | { readonly kind: 'servfail'; readonly detail?: string }
  | { readonly kind: 'refused'; readonly detail?: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'malformed'; readonly detail: string }
  /** The caller's signal fired. */
  | { readonly kind: 'aborted' }
  /** The caller's query cap was reached before this question was sent. */
  | { readonly kind: 'overBudget' }

export interface ResolveOptions {
  readonly signal?: AbortSignal | undefined
  /** How many CNAMEs to follow; 8 unless told. */
  readonly maxAliases?: number | undefined
  /** Asked once before each question of a chain, cached or not; false ends the chain with `overBudget`. */
  readonly takeQuery?: (() => boolean) | undefined
  /** Set on the further questions of a chain: the name that it began at. Who owns that name owns what the chain leads through. */
  readonly aliasOf?: DomainName | undefined
}

export interface Resolver {
  resolve(question: Question, options?: ResolveOptions): Promise<DnsOutcome>
}

export function isFailure(outcome: DnsOutcome): outcome is DnsFailure {
  switch (outcome.kind) {
    case 'servfail':
    case 'refused':
    case 'timeout':
    case 'malformed':
    case 'aborted':
    case 'overBudget':
      return true
    default:
      return false
  }
}
