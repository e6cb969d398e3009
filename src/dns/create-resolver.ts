/**
 * The resolver that everything is given: the stub client, watched by the health breaker where there is one, behind a cache,
 * with CNAMEs followed. It reads no file: servers are passed in, for instance those of a parsed resolv.conf.
 */
import { parseBracketedAddress } from '../core/address.ts'
import { withCache, type CacheSettings, type CacheStatistics, type DnsCache } from './cache.ts'
import { createDnsClient, type DnsClientOptions, type DnsClientStatistics, type DnsServer } from './client.ts'
import { followAliases } from './follow-aliases.ts'
import { withHealth, type HealthBreaker } from './health.ts'
import { createMemoryCache } from './memory-cache.ts'
import type { Resolver } from './resolver.ts'

/** Besides these, every setting of the DNS client (`timeoutMs`, `attempts`, `rotate` …). */
export interface ResolverSettings extends Omit<DnsClientOptions, 'servers'> {
  /** Texts as `--resolver` takes them: `198.51.100.53`, `127.0.0.1:5300`, `[2001:db8::53]:5300`. 127.0.0.1 unless given. */
  readonly servers?: readonly (DnsServer | string)[] | undefined
  /** False for none; 100,000 entries in memory unless given. */
  readonly cache?: false | CacheChoice | undefined
  readonly health?: HealthBreaker | undefined
}

export interface CacheChoice extends Partial<CacheSettings> {
  readonly entries?: number | undefined
  /** In the place of memory; `entries` then means nothing. */
  readonly store?: DnsCache | undefined
}

export interface ResolverHandle extends Resolver, AsyncDisposable {
  /** The same without cache and breaker, for canaries and for whoever waits for a change. */
  readonly uncached: Resolver
  statistics(): ResolverStatistics
  /** Questions under way, and any that are asked later, come out as `aborted`. */
  close(): Promise<void>
}

export interface ResolverStatistics {
  readonly client: DnsClientStatistics
  /** Null without a cache. */
  readonly cache: CacheStatistics | null
}

export const DEFAULT_CACHE_ENTRIES = 100_000

/** Throws on settings that make no sense. */
export function createResolver(settings: ResolverSettings = {}): ResolverHandle {
  const { servers = [LOCAL_SERVER], cache, health, ...clientSettings } = settings
  const client = createDnsClient({ ...clientSettings, servers: servers.map(toServer) })
  // Inside the cache: what it remembers says nothing of how the servers are now.
  const watched = health ? withHealth(client, health) : client
  const cached = cache === false ? undefined : withChosenCache(watched, cache ?? {})
  const following = followAliases(cached ?? watched)
  return {
    resolve: (question, options) => following.resolve(question, options),
    uncached: followAliases(client),
    statistics: () => ({ client: client.statistics, cache: cached?.statistics() ?? null }),
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

function withChosenCache(inner: Resolver, { entries, store, ...cacheSettings }: CacheChoice): ReturnType<typeof withCache> {
  return withCache(inner, store ?? createMemoryCache({ entries: entries ?? DEFAULT_CACHE_ENTRIES }), cacheSettings)
}

/** An address with an optional port; undefined for anything else, names included. */
export function parseDnsServer(text: string): DnsServer | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]]+)(?::([0-9]{1,5}))?$/.exec(text)
  const address = parseBracketedAddress(match?.[1] ?? text)
  const port = Number(match?.[2] ?? DNS_PORT)
  return address && port >= 1 && port <= 65_535 ? { address, port } : undefined
}

const DNS_PORT = 53
const LOCAL_SERVER = '127.0.0.1'

function toServer(server: DnsServer | string): DnsServer {
  const parsed = typeof server === 'string' ? parseDnsServer(server) : server
  if (!parsed) throw new TypeError(`not an address with an optional port: ${JSON.stringify(server)}`)
  return parsed
}
