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
  /** Undefined while there is time. */
  expiry(): Expiry | undefined
  /** The work's result, or why it was not waited for. */
  race<T>(work: Promise<T>): Promise<T | Expiry>
  stop(): void
}

export function startLimits(settings: IprevSettings, signal?: AbortSignal, startTimer: StartTimer = startNodeTimer): Limits {
  let queries = 0
  let expiry: Expiry | undefined = signal?.aborted === true ? 'aborted' : undefined
  let announce: (expiry: Expiry) => void = () => undefined
  const expired = new Promise<Expiry>((resolve) => {
    announce = resolve
  })
  const expire = (cause: Expiry): void => {
    expiry ??= cause
    announce(expiry)
  }
  if (expiry) announce(expiry)
  const onAbort = (): void => {
    expire('aborted')
  }
  signal?.addEventListener('abort', onAbort)
  const cancelTimer = startTimer(settings.deadlineMs, () => {
    expire('deadline')
  })
  return {
    takeQuery() {
      if (expiry !== undefined || queries >= settings.maxQueries) return false
      queries++
      return true
    },
    queries: () => queries,
    expiry: () => expiry,
    race: (work) => Promise.race([work, expired]),
    stop() {
      cancelTimer()
      signal?.removeEventListener('abort', onAbort)
    },
  }
}

function startNodeTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}
