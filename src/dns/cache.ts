/**
 * Remembers outcomes for as long as the DNS allows: TTLs for records, RFC 2308 for "there is none", a moment for failures
 * (RFC 9520). A hit reports the time that is left. Where the entries lie is the `DnsCache`'s business: memory, or a server.
 */
import { canonicalName } from '../core/domain-name.ts'
import type { Alias, DnsOutcome, Question, Resolver, ResourceRecord } from './resolver.ts'

/** Texts by key. It may forget anything at any time, never rejects, and need not mind the lifetime: values carry their own. */
export interface DnsCache {
  get(key: string): string | undefined | Promise<string | undefined>
  set(key: string, value: string, lifetimeMs: number): void | Promise<void>
}

export interface CacheSettings {
  readonly maxTtlSeconds: number
  readonly maxNegativeTtlSeconds: number
  /** Raises smaller TTLs; a TTL of 0 is never cached. */
  readonly minTtlSeconds: number
  /** SERVFAIL, REFUSED, timeouts and malformed answers: RFC 9520 §3.2 asks for at least one second. */
  readonly temporaryFailureTtlMs: number
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

export const DEFAULT_CACHE_SETTINGS: CacheSettings = {
  maxTtlSeconds: 86_400,
  maxNegativeTtlSeconds: 3600,
  minTtlSeconds: 0,
  temporaryFailureTtlMs: 2000,
  clock: Date.now,
}

export interface CacheStatistics {
  readonly hits: number
  readonly misses: number
}

export interface CachingResolver extends Resolver {
  statistics(): CacheStatistics
}

export function withCache(inner: Resolver, cache: DnsCache, partialSettings: Partial<CacheSettings> = {}): CachingResolver {
  const settings = { ...DEFAULT_CACHE_SETTINGS, ...partialSettings }
  let hits = 0
  let misses = 0
  return {
    statistics: () => ({ hits, misses }),
    async resolve(question, options) {
      const key = cacheKey(question)
      const found = cache.get(key)
      const value = typeof found === 'object' ? await found : found
      const cached = value === undefined ? undefined : decodeOutcome(value, settings.clock())
      if (cached) {
        hits++
        return cached
      }
      misses++
      const outcome = await inner.resolve(question, options)
      const lifetimeMs = lifetimeOf(outcome, settings)
      if (lifetimeMs > 0) await cache.set(key, encodeOutcome(outcome, settings.clock(), lifetimeMs), lifetimeMs)
      return outcome
    },
  }
}

function cacheKey(question: Question): string {
  return `${question.type} ${canonicalName(question.name)}`
}

/** 0 is "do not cache". */
function lifetimeOf(outcome: DnsOutcome, settings: CacheSettings): number {
  switch (outcome.kind) {
    case 'records':
    case 'alias':
      return secondsWithin(outcome.ttl, settings.minTtlSeconds, settings.maxTtlSeconds)
    case 'nodata':
    case 'nxdomain':
      return secondsWithin(outcome.ttl, settings.minTtlSeconds, settings.maxNegativeTtlSeconds)
    case 'servfail':
    case 'refused':
    case 'timeout':
    case 'malformed':
      return settings.temporaryFailureTtlMs
    // How many CNAMEs are too many is the caller's choice, and a loop costs a hostile zone nothing: neither is worth a place.
    case 'aliasLoop':
    case 'aliasTooDeep':
    case 'aborted':
    case 'overBudget':
      return 0
  }
}

function secondsWithin(ttl: number, least: number, most: number): number {
  return ttl <= 0 ? 0 : Math.min(Math.max(ttl, least), most) * 1000
}

/** `<stored at, ms> <lifetime, ms> <outcome as JSON>`, in characters of one octet. */
function encodeOutcome(outcome: DnsOutcome, now: number, lifetimeMs: number): string {
  const json = JSON.stringify(outcome)
  return `${String(now)} ${String(lifetimeMs)} ${WIDE.test(json) ? escapeWide(json) : json}`
}

const WIDE = /[^\0-\xff]/

function escapeWide(json: string): string {
  return json.replace(/[^\0-\xff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Undefined once the time is over. The cache is our own, so its texts are trusted to be what `encodeOutcome` wrote. */
function decodeOutcome(value: string, now: number): DnsOutcome | undefined {
  const afterStart = value.indexOf(' ')
  const afterLifetime = value.indexOf(' ', afterStart + 1)
  const ageMs = now - Number(value.slice(0, afterStart))
  const lifetimeMs = Number(value.slice(afterStart + 1, afterLifetime))
  // A negative age: the wall clock was set back, and nothing can be said of the entry.
  if (!(ageMs >= 0 && ageMs < lifetimeMs)) return undefined
  const outcome = JSON.parse(value.slice(afterLifetime + 1)) as DnsOutcome
  return withAge(outcome, Math.floor(ageMs / 1000), Math.floor(lifetimeMs / 1000))
}

function withAge(outcome: DnsOutcome, age: number, lifetime: number): DnsOutcome {
  switch (outcome.kind) {
    case 'records':
      return { ...outcome, records: agedTtls(outcome.records, age), aliases: agedTtls(outcome.aliases, age), ttl: lifetime - age }
    case 'alias':
    case 'nodata':
    case 'nxdomain':
      return { ...outcome, aliases: agedTtls(outcome.aliases, age), ttl: lifetime - age }
    default:
      return outcome
  }
}

function agedTtls<T extends Alias | ResourceRecord>(items: readonly T[], age: number): readonly T[] {
  return age === 0 || items.length === 0 ? items : items.map((item) => ({ ...item, ttl: Math.max(0, item.ttl - age) }))
}
