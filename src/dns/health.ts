/**
 * Tells our own resolver's illness from other people's broken zones, so that local DNS trouble never becomes mail loss.
 * A breaker weighs how many client networks cannot be answered, and canaries: addresses whose PTR is known.
 *
 * Opening it disarms the gate, so a stranger must not be able to. Hence it counts networks (IPv4 /16, IPv6 /32) and not
 * queries, each by its latest answer; it counts only the reverse questions that a client's own address leads to, since a PTR,
 * a CNAME or a HELO can point into any number of broken zones at no cost; and where canaries are set, they decide.
 */
import { isFailure, type DnsOutcome, type Question, type ResolveOptions, type Resolver } from './resolver.ts'
import type { CanaryReport } from './canaries.ts'

export interface HealthSettings {
  /** How long an answer counts. */
  readonly windowMs: number
  /** Share of networks without an answer from which the breaker opens, and up to which it closes again. */
  readonly openShare: number
  readonly closeShare: number
  /** Fewer networks than this say nothing. */
  readonly minimumNetworks: number
  readonly closeMinimumNetworks: number
  /** How long it stays open before it looks again. */
  readonly openMs: number
  /** The most networks that are counted in one window; any beyond them are left out of the sample. */
  readonly maxNetworks: number
  /** Bad and good rounds in a row that the canaries need to change their mind. */
  readonly canaryRoundsToOpen: number
  readonly canaryRoundsToClose: number
  /** Older reports are ignored, and the share decides: then nobody probes any more. */
  readonly canaryMaxAgeMs: number
  /** Milliseconds of a clock that is never set back. */
  readonly clock: () => number
}

export const DEFAULT_HEALTH_SETTINGS: HealthSettings = {
  windowMs: 30_000,
  openShare: 0.6,
  closeShare: 0.3,
  minimumNetworks: 20,
  closeMinimumNetworks: 5,
  openMs: 15_000,
  maxNetworks: 4096,
  canaryRoundsToOpen: 2,
  canaryRoundsToClose: 2,
  canaryMaxAgeMs: 120_000,
  clock: () => performance.now(),
}

/** `halfOpen` still holds its hand over the mail: only `closed` is health. */
export type HealthState = 'closed' | 'open' | 'halfOpen'

export type HealthReason =
  | { readonly kind: 'share'; readonly failing: number; readonly networks: number }
  | { readonly kind: 'canaries'; readonly failing: number; readonly canaries: number }

export interface HealthStatus {
  readonly state: HealthState
  /** When the state was entered, by the breaker's clock. */
  readonly since: number
  /** Why it opened; null while closed. */
  readonly reason: HealthReason | null
  /** What the window holds now. */
  readonly failing: number
  readonly networks: number
}

export interface HealthBreaker {
  observe(question: Question, outcome: DnsOutcome, options?: ResolveOptions): void
  observeCanaries(report: CanaryReport): void
  state(): HealthStatus
  /** Called after each change of state, also those that only time brought; gives the way to stop. */
  subscribe(listener: (status: HealthStatus) => void): () => void
}

export function createHealthBreaker(settings: Partial<HealthSettings> = {}): HealthBreaker {
  return new Breaker({ ...DEFAULT_HEALTH_SETTINGS, ...settings })
}

/** Watches what a resolver really answers: it belongs inside the cache, and the chains of `followAliases` outside. */
export function withHealth(inner: Resolver, breaker: HealthBreaker): Resolver {
  return {
    async resolve(question, options) {
      const outcome = await inner.resolve(question, options)
      breaker.observe(question, outcome, options)
      return outcome
    },
  }
}

export function describeHealthReason(reason: HealthReason): string {
  switch (reason.kind) {
    case 'share':
      return `${String(reason.failing)} of ${String(reason.networks)} client networks could not be looked up`
    case 'canaries':
      return `${String(reason.failing)} of ${String(reason.canaries)} canary addresses could not be looked up`
  }
}

class Breaker implements HealthBreaker {
  readonly #settings: HealthSettings
  readonly #window: NetworkWindow
  readonly #listeners = new Set<(status: HealthStatus) => void>()
  readonly #canaries: CanaryRounds
  #state: HealthState = 'closed'
  #since: number
  #reason: HealthReason | null = null

  constructor(settings: HealthSettings) {
    this.#settings = settings
    this.#since = settings.clock()
    this.#window = new NetworkWindow(settings.windowMs, settings.maxNetworks)
    this.#canaries = new CanaryRounds()
  }

  observe(question: Question, outcome: DnsOutcome, options?: ResolveOptions): void {
    if (options?.aliasOf !== undefined || outcome.kind === 'aborted' || outcome.kind === 'overBudget') return
    const network = clientNetworkOf(question)
    if (network === undefined) return
    const now = this.#settings.clock()
    // First what time alone has brought: an answer that ends the open time already counts for the time after.
    this.#judge(now)
    this.#window.record(network, isFailure(outcome), now)
    this.#judge(now)
  }

  observeCanaries(report: CanaryReport): void {
    const now = this.#settings.clock()
    this.#judge(now)
    this.#canaries.record(report, now)
    this.#judge(now)
  }

  state(): HealthStatus {
    this.#judge(this.#settings.clock())
    return this.#status()
  }

  subscribe(listener: (status: HealthStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #judge(now: number): void {
    this.#window.sweep(now)
    switch (this.#state) {
      case 'closed': {
        const reason = this.#whyIll(now)
        if (reason) this.#enter('open', reason, now)
        return
      }
      case 'open':
        // What was seen while it was open says nothing of the time after: half-open begins with an empty window.
        if (now - this.#since < this.#settings.openMs) return
        this.#window.clear()
        this.#canaries.restart()
        this.#enter('halfOpen', this.#reason, now)
        return
      case 'halfOpen': {
        const reason = this.#whyIll(now)
        if (reason) this.#enter('open', reason, now)
        else if (this.#isWell(now)) this.#enter('closed', null, now)
      }
    }
  }

  #whyIll(now: number): HealthReason | undefined {
    const { canaryRoundsToOpen } = this.#settings
    if (this.#canariesDecide(now)) {
      // One bad round is enough when the clients' networks say the same.
      const roundsNeeded = this.#isShareIll() ? 1 : canaryRoundsToOpen
      const { failing, total, badRounds } = this.#canaries
      return badRounds >= roundsNeeded ? { kind: 'canaries', failing, canaries: total } : undefined
    }
    const { failing, size } = this.#window
    return this.#isShareIll() ? { kind: 'share', failing, networks: size } : undefined
  }

  #isWell(now: number): boolean {
    if (this.#canariesDecide(now)) return this.#canaries.goodRounds >= this.#settings.canaryRoundsToClose
    const { failing, size } = this.#window
    return size >= this.#settings.closeMinimumNetworks && failing <= size * this.#settings.closeShare
  }

  #isShareIll(): boolean {
    const { failing, size } = this.#window
    return size >= this.#settings.minimumNetworks && failing >= size * this.#settings.openShare
  }

  #canariesDecide(now: number): boolean {
    return now - this.#canaries.lastReport <= this.#settings.canaryMaxAgeMs
  }

  #enter(state: HealthState, reason: HealthReason | null, now: number): void {
    this.#state = state
    this.#reason = reason
    this.#since = now
    const status = this.#status()
    for (const listener of [...this.#listeners]) listener(status)
  }

  #status(): HealthStatus {
    const { failing, size } = this.#window
    return { state: this.#state, since: this.#since, reason: this.#reason, failing, networks: size }
  }
}

/** The latest answer of each network. Old ones are swept a few times a window: exact to the millisecond would cost each lookup. */
class NetworkWindow {
  readonly #latest = new Map<string, { failed: boolean; at: number }>()
  readonly #windowMs: number
  readonly #maxNetworks: number
  #nextSweep = -Infinity
  #failing = 0

  constructor(windowMs: number, maxNetworks: number) {
    this.#windowMs = windowMs
    this.#maxNetworks = maxNetworks
  }

  get size(): number {
    return this.#latest.size
  }

  get failing(): number {
    return this.#failing
  }

  record(network: string, failed: boolean, at: number): void {
    const known = this.#latest.get(network)
    if (known) {
      this.#failing += Number(failed) - Number(known.failed)
      known.failed = failed
      known.at = at
    } else if (this.#latest.size < this.#maxNetworks) {
      this.#failing += Number(failed)
      this.#latest.set(network, { failed, at })
    }
  }

  sweep(now: number): void {
    if (now < this.#nextSweep) return
    this.#nextSweep = now + this.#windowMs / SWEEPS_A_WINDOW
    for (const [network, { failed, at }] of this.#latest) {
      if (now - at < this.#windowMs) continue
      this.#latest.delete(network)
      this.#failing -= Number(failed)
    }
  }

  clear(): void {
    this.#latest.clear()
    this.#failing = 0
  }
}

const SWEEPS_A_WINDOW = 10

class CanaryRounds {
  lastReport = -Infinity
  failing = 0
  total = 0
  badRounds = 0
  goodRounds = 0

  /** A round is bad when at least half of its canaries fail: a single one may have been renamed or moved. */
  record(report: CanaryReport, now: number): void {
    if (report.length === 0) return
    this.lastReport = now
    this.total = report.length
    this.failing = report.filter((canary) => !canary.isWell).length
    const isBad = this.failing * 2 >= this.total
    this.badRounds = isBad ? this.badRounds + 1 : 0
    this.goodRounds = isBad ? 0 : this.goodRounds + 1
  }

  restart(): void {
    this.badRounds = 0
    this.goodRounds = 0
  }
}

/** The /16 or /32 of the address that a question is about; undefined for any question but an address's own PTR. */
function clientNetworkOf(question: Question): string | undefined {
  if (question.type !== 'PTR') return undefined
  return (REVERSE_V4.exec(question.name) ?? REVERSE_V6.exec(question.name))?.[1]?.toLowerCase()
}

const REVERSE_V4 = /^[0-9]+\.[0-9]+\.([0-9]+\.[0-9]+)\.in-addr\.arpa$/i
const REVERSE_V6 = /^(?:[0-9a-f]\.){24}((?:[0-9a-f]\.){8})ip6\.arpa$/i
