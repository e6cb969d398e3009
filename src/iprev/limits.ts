/**
 * What bounds one iprev lookup: a cap on queries, one deadline over all, and the caller's signal.
 * A question that is on its way at the deadline is not called back: its answer still reaches the cache, for the client's next try.
 */
import type { IprevSettings } from './facts.ts'

/** Runs the callback once after the time, and gives the way to cancel it. */
export type StartTimer = (milliseconds: number, callback: () => void) => () => void

export type Expiry = 'deadline' | 'aborted'

export interface Limits {
  /** False when the cap is reached or the time is over. */
  readonly takeQuery: () => boolean
  queries(): number
  stop(): void
}

/** `onExpiry` runs at most once, and not after `stop`; never before `startLimits` has returned. */
export function startLimits(settings: IprevSettings, onExpiry: (cause: Expiry) => void, options: LimitOptions): Limits {
  const { signal } = options
  let queries = 0
  let isOver = false
  const expire = (cause: Expiry): void => {
    if (isOver) return
    stop()
    onExpiry(cause)
  }
  const onAbort = (): void => {
    expire('aborted')
  }
  const onDeadline = (): void => {
    expire('deadline')
  }
  signal?.addEventListener('abort', onAbort)
  const cancelTimer = options.startTimer?.(settings.deadlineMs, onDeadline)
  const timer = cancelTimer ? undefined : setTimeout(onDeadline, settings.deadlineMs)
  const stop = (): void => {
    isOver = true
    clearTimeout(timer)
    cancelTimer?.()
    signal?.removeEventListener('abort', onAbort)
  }
  return {
    takeQuery() {
      if (isOver || queries >= settings.maxQueries) return false
      queries++
      return true
    },
    queries: () => queries,
    stop,
  }
}

export interface LimitOptions {
  readonly signal?: AbortSignal | undefined
  /** Node's timers unless given. */
  readonly startTimer?: StartTimer | undefined
}
