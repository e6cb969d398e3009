/**
 * The resolver and the health breaker that sessions hold, through every reload: what is asked from then on goes to the new
 * one, and the old one is closed when its last question is answered. It decides nothing about the DNS.
 */
import { createResolver, type ResolverHandle, type ResolverSettings } from '../../dns/create-resolver.ts'
import { watchCanaries } from '../../dns/canaries.ts'
import { createHealthBreaker, type HealthBreaker, type HealthStatus } from '../../dns/health.ts'
import type { Resolver } from '../../dns/resolver.ts'
import type { ServeConfig } from '../config/schema.ts'
import { dnsServers } from '../dns-settings.ts'

export type DnsConfig = Pick<ServeConfig, 'dns' | 'health' | 'cache'>

export interface LiveDnsOptions {
  readonly onQuery: (type: string, outcome: string) => void
  /** Of the breaker, also when a reload has replaced it. */
  readonly onHealth: (status: HealthStatus) => void
  readonly onWarning: (warning: string) => void
}

/** One set of servers, with all that belongs to it. */
interface Generation {
  readonly handle: ResolverHandle
  readonly breaker: HealthBreaker
  readonly stop: () => void
  pending: number
  whenIdle: (() => void) | null
}

/** Made for a config, and not in use yet. */
export interface PreparedDns {
  readonly generation: Generation
  readonly key: string
}

export class LiveDns {
  readonly #options: LiveDnsOptions
  #current: Generation
  #key: string
  readonly #retiring = new Set<Promise<void>>()
  readonly #counted = { hits: 0, misses: 0 }

  constructor(config: DnsConfig, options: LiveDnsOptions) {
    this.#options = options
    const { generation, key } = prepareDns(config, options)
    this.#current = generation
    this.#key = key
  }

  readonly resolver: Resolver = {
    resolve: async (question, options) => {
      const generation = this.#current
      generation.pending++
      try {
        return await generation.handle.resolve(question, options)
      } finally {
        generation.pending--
        if (generation.pending === 0) generation.whenIdle?.()
      }
    },
  }

  readonly health: HealthBreaker = {
    observe: (question, outcome, options) => {
      this.#current.breaker.observe(question, outcome, options)
    },
    observeCanaries: (report) => {
      this.#current.breaker.observeCanaries(report)
    },
    state: () => this.#current.breaker.state(),
    subscribe: (listener) => this.#current.breaker.subscribe(listener),
  }

  /** Undefined if what is in use would do for this config. Throws a `DnsConfigError`. */
  prepare(config: DnsConfig): PreparedDns | undefined {
    const settings = resolverSettings(config, this.#options)
    return keyOf(settings, config) === this.#key ? undefined : openDns(settings, config, this.#options)
  }

  replace({ generation, key }: PreparedDns): void {
    const old = this.#current
    this.#current = generation
    this.#key = key
    if (generation.breaker.state().state !== old.breaker.state().state) this.#options.onHealth(generation.breaker.state())
    const retired = this.#retire(old).finally(() => this.#retiring.delete(retired))
    this.#retiring.add(retired)
  }

  /** Since the start, over every reload. */
  cacheStatistics(): { readonly hits: number; readonly misses: number } {
    const { cache } = this.#current.handle.statistics()
    return { hits: this.#counted.hits + (cache?.hits ?? 0), misses: this.#counted.misses + (cache?.misses ?? 0) }
  }

  /** Whatever is still being asked comes out as `aborted`. */
  async close(): Promise<void> {
    await discardDns({ generation: this.#current, key: this.#key })
    await Promise.all(this.#retiring)
  }

  async #retire(old: Generation): Promise<void> {
    old.stop()
    const { cache } = old.handle.statistics()
    this.#counted.hits += cache?.hits ?? 0
    this.#counted.misses += cache?.misses ?? 0
    if (old.pending > 0) {
      await new Promise<void>((resolve) => {
        old.whenIdle = resolve
      })
    }
    await old.handle.close()
  }
}

export async function discardDns({ generation }: PreparedDns): Promise<void> {
  generation.stop()
  await generation.handle.close()
}

/** A mistake of the admin's that no schema can see. */
export class DnsConfigError extends Error {
  override readonly name = 'DnsConfigError'
}

function prepareDns(config: DnsConfig, options: LiveDnsOptions): PreparedDns {
  return openDns(resolverSettings(config, options), config, options)
}

type ResolverConfig = Pick<ResolverSettings, 'servers' | 'timeoutMs' | 'attempts' | 'rotate'>

/** resolv.conf is read at each reload, too. */
function resolverSettings({ dns }: DnsConfig, { onWarning }: LiveDnsOptions): ResolverConfig {
  const { servers, timeoutMs, attempts, rotate } = dns
  if (servers !== undefined) return { servers, timeoutMs, attempts, rotate }
  const system = dnsServers([])
  if ('error' in system) throw new DnsConfigError(system.error.replace('; give --resolver', '; set dns.servers'))
  for (const warning of system.warnings) onWarning(warning)
  return {
    servers: system.servers,
    timeoutMs: timeoutMs ?? system.timeoutMs,
    attempts: attempts ?? system.attempts,
    rotate: rotate ?? system.rotate,
  }
}

function openDns(settings: ResolverConfig, config: DnsConfig, { onQuery, onHealth }: LiveDnsOptions): PreparedDns {
  const { canaries, canaryIntervalMs: intervalMs, ...thresholds } = config.health
  const breaker = createHealthBreaker(thresholds)
  const handle = createResolver({ ...settings, cache: { entries: config.cache.entries }, health: countingBreaker(breaker, onQuery) })
  breaker.subscribe(onHealth)
  const stop = canaries.length === 0 ? noop : watchCanaries({ resolver: handle.uncached, breaker, canaries, intervalMs })
  return { generation: { handle, breaker, stop, pending: 0, whenIdle: null }, key: keyOf(settings, config) }
}

function noop(): void {
  // There are no canaries to stop.
}

/** The breaker is shown every answer that did not come from the cache. */
function countingBreaker(breaker: HealthBreaker, onQuery: LiveDnsOptions['onQuery']): HealthBreaker {
  return {
    observe(question, outcome, options) {
      onQuery(question.type, outcome.kind)
      breaker.observe(question, outcome, options)
    },
    observeCanaries: (report) => {
      breaker.observeCanaries(report)
    },
    state: () => breaker.state(),
    subscribe: (listener) => breaker.subscribe(listener),
  }
}

function keyOf(settings: ResolverConfig, { health, cache }: DnsConfig): string {
  return JSON.stringify({ settings, health, cache }, octetsAsNumbers)
}

/** For JSON of configs, in which addresses are octets. */
export function octetsAsNumbers(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value
}
