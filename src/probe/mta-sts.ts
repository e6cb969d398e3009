/**
 * MTA-STS (RFC 8461) of a domain: its TXT record, the policy that the record announces, fetched as a sender would fetch it, and
 * whether the policy covers the MX hosts. The fetcher is passed in. It judges nothing.
 */
import { childName, isHostName, type DomainName } from '../core/domain-name.ts'
import type { HttpsFailure, HttpsFetch } from './https-fetch.ts'
import {
  coveringPattern,
  isMtaStsRecord,
  parseMtaStsPolicy,
  parseMtaStsRecord,
  type MtaStsPolicy,
  type MtaStsRecord,
} from './mta-sts-policy.ts'
import { askTexts, withinLimits, type RecordLookupOptions, type Trouble } from './record-lookup.ts'

export type MtaStsRecordAnswer =
  | { readonly kind: 'record'; readonly record: MtaStsRecord }
  | { readonly kind: 'absent' }
  /** §3.1: senders then do as if there were none. */
  | { readonly kind: 'multiple'; readonly count: number }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export type MtaStsPolicyAnswer =
  /** Senders fetch nothing without one valid record. */
  | { readonly kind: 'notAsked' }
  | { readonly kind: 'policy'; readonly policy: MtaStsPolicy; readonly contentType: string | null }
  /** Any status but 200. Redirects are not followed (§3.3). */
  | { readonly kind: 'status'; readonly status: number; readonly location: string | null }
  | { readonly kind: 'failure'; readonly failure: HttpsFailure; readonly detail: string | null }

export interface MtaStsFacts {
  readonly kind: 'mtaSts'
  readonly domain: DomainName
  readonly record: MtaStsRecordAnswer
  readonly policy: MtaStsPolicyAnswer
  /** Each MX host with the pattern that covers it; empty without a valid policy. */
  readonly exchanges: readonly { readonly exchange: DomainName; readonly pattern: string | null }[]
}

export interface MtaStsOptions extends RecordLookupOptions {
  readonly fetch: HttpsFetch
  readonly fetchDeadlineMs?: number | undefined
}

const LIMITS = { deadlineMs: 5000, maxQueries: 10 }
/** §3.3 lets senders wait for a minute; whoever takes half of it is found slow, and nothing else is said. */
const FETCH_DEADLINE_MS = 30_000
export const MAX_POLICY_OCTETS = 64 * 1024
const MAX_TEXT_SHOWN = 256

/** `exchanges`: the MX hosts, or the domain itself where it has no MX records. */
export async function lookupMtaSts(domain: DomainName, exchanges: readonly DomainName[], options: MtaStsOptions): Promise<MtaStsFacts> {
  const record = await lookupRecord(domain, options)
  const policy = record.kind === 'record' && record.record.id !== null ? await fetchPolicy(domain, options) : NOT_ASKED
  const patterns = policy.kind === 'policy' && policy.policy.valid ? policy.policy.patterns : null
  return {
    kind: 'mtaSts',
    domain,
    record,
    policy,
    exchanges: patterns === null ? [] : exchanges.map((exchange) => ({ exchange, pattern: coveringPattern(patterns, exchange) })),
  }
}

const NOT_ASKED: MtaStsPolicyAnswer = { kind: 'notAsked' }

async function lookupRecord(domain: DomainName, options: RecordLookupOptions): Promise<MtaStsRecordAnswer> {
  // A name that leaves no room for `_mta-sts.` can have no record.
  if (domain.length > MAX_DOMAIN_LENGTH) return { kind: 'absent' }
  const answer = await withinLimits(options, LIMITS, (ask) => askTexts(ask, childName('_mta-sts', domain)))
  if (answer.kind !== 'texts') return answer.kind === 'absent' ? { kind: 'absent' } : answer
  const records = answer.texts.filter(isMtaStsRecord)
  const [text] = records
  if (text === undefined) return { kind: 'absent' }
  return records.length > 1 ? { kind: 'multiple', count: records.length } : { kind: 'record', record: parseMtaStsRecord(text) }
}

const MAX_DOMAIN_LENGTH = 253 - '_mta-sts.'.length

async function fetchPolicy(domain: DomainName, { fetch, fetchDeadlineMs, signal }: MtaStsOptions): Promise<MtaStsPolicyAnswer> {
  if (!isHostName(domain)) return { kind: 'failure', failure: 'noAddress', detail: 'not a host name' }
  const fetched = await fetch(`https://mta-sts.${domain.toLowerCase()}/.well-known/mta-sts.txt`, {
    signal,
    maxOctets: MAX_POLICY_OCTETS,
    deadlineMs: fetchDeadlineMs ?? FETCH_DEADLINE_MS,
  })
  if (fetched.kind === 'failure') {
    return { kind: 'failure', failure: fetched.failure, detail: fetched.detail?.slice(0, MAX_TEXT_SHOWN) ?? null }
  }
  const { status, headers, body } = fetched
  if (status !== 200) return { kind: 'status', status, location: headers['location']?.slice(0, MAX_TEXT_SHOWN) ?? null }
  return { kind: 'policy', policy: parseMtaStsPolicy(body), contentType: headers['content-type']?.slice(0, MAX_TEXT_SHOWN) ?? null }
}
