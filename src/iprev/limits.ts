/**
 * What bounds one iprev lookup: a cap on queries, one deadline over all, and the caller's signal.
 * A question that is on its way at the deadline is not called back: its answer still reaches the cache, for the client's next try.
 */
import type { StartTimer } from '../core/timer.ts'
import type { ResolveOptions } from '../dns/resolver.ts'
import type { IprevSettings } from './facts.ts'

export type Expiry = 'deadline' | 'aborted'

export interface LimitOptions {
  readonly signal?: AbortSignal | undefined
  /** Node's timers unless given. */
  readonly startTimer?: StartTimer | undefined
}

/** Handed to the resolver as the options of every question of the lookup. */
export class Limits implements ResolveOptions {
  readonly signal: AbortSignal | undefined
  readonly maxAliases: number
  /** False when the cap is reached or the time is over. */
  readonly takeQuery = (): boolean => {
    if (this.#isOver || this.#queries >= this.#maxQueries) return false
    this.#queries++
    return true
  }
  #queries = 0
  #isOver = false
  #cancelTimer: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #onAbort: (() => void) | undefined
  readonly #maxQueries: number
  readonly #onExpiry: (cause: Expiry) => void

  /** `onExpiry` runs at most once, and neither in here nor after `stop`. */
  constructor(settings: IprevSettings, onExpiry: (cause: Expiry) => void, { signal, startTimer }: LimitOptions) {
    this.signal = signal
    this.maxAliases = settings.maxAliases
    this.#maxQueries = settings.maxQueries
    this.#onExpiry = onExpiry
    if (startTimer === undefined) this.#timer = setTimeout(expireByDeadline, settings.deadlineMs, this)
    else this.#cancelTimer = startTimer(settings.deadlineMs, () => expireByDeadline(this))
    if (signal === undefined) return
    this.#onAbort = () => {
      this.expire('aborted')
    }
    signal.addEventListener('abort', this.#onAbort)
  }

  get queries(): number {
    return this.#queries
  }

  expire(cause: Expiry): void {
    if (this.#isOver) return
    this.stop()
    this.#onExpiry(cause)
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#cancelTimer?.()
    if (this.#onAbort !== undefined) this.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** Given to every timer as it is: a closure for each lookup would be garbage in nearly every case. */
function expireByDeadline(limits: Limits): void {
  limits.expire('deadline')
}
