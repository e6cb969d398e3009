/**
 * How long the lookup of a client takes, seen from the resolver that the engine is given: the questions of one lookup share
 * their options, and the PTR question says whose it is. It changes nothing in what is asked or answered.
 */
import type { DomainName } from '../../core/domain-name.ts'
import type { DnsOutcome, Question, ResolveOptions, Resolver } from '../../dns/resolver.ts'

export interface LookupTimer {
  readonly resolver: Resolver
  /** Of the latest lookup of this reverse name; null once that is long ago. */
  durationMs(reverseName: DomainName): number | null
}

export interface LookupTimerOptions {
  readonly clock: () => number
  /** Runs the callback once whatever an answer leads to has been asked. */
  readonly soon: (callback: () => void) => void
  readonly onLookup: (seconds: number) => void
}

interface TimedLookup {
  readonly startedAt: number
  lastAnswerAt: number
  pending: number
  isReported: boolean
}

/** Longer than any client waits for its verdict; at 1000 lookups a second still ten seconds. */
const MAX_REMEMBERED = 10_000

export function timeLookups(inner: Resolver, { clock, soon, onLookup }: LookupTimerOptions): LookupTimer {
  const underWay = new WeakMap<ResolveOptions, TimedLookup>()
  const latest = new Map<DomainName, TimedLookup>()

  const begin = (name: DomainName, options: ResolveOptions): TimedLookup => {
    const now = clock()
    const lookup = { startedAt: now, lastAnswerAt: now, pending: 0, isReported: false }
    underWay.set(options, lookup)
    latest.delete(name)
    latest.set(name, lookup)
    if (latest.size > MAX_REMEMBERED) for (const oldest of latest.keys()) return (latest.delete(oldest), lookup)
    return lookup
  }
  const end = (lookup: TimedLookup): void => {
    lookup.pending--
    lookup.lastAnswerAt = clock()
    if (lookup.pending > 0) return
    soon(() => {
      if (lookup.pending > 0 || lookup.isReported) return
      lookup.isReported = true
      onLookup((lookup.lastAnswerAt - lookup.startedAt) / 1000)
    })
  }
  const timed = (question: Question, options: ResolveOptions | undefined): TimedLookup | undefined => {
    if (options === undefined) return undefined
    return underWay.get(options) ?? (question.type === 'PTR' ? begin(question.name, options) : undefined)
  }
  return {
    resolver: {
      async resolve(question, options): Promise<DnsOutcome> {
        const lookup = timed(question, options)
        if (lookup === undefined) return inner.resolve(question, options)
        lookup.pending++
        try {
          return await inner.resolve(question, options)
        } finally {
          end(lookup)
        }
      },
    },
    durationMs(name) {
      const lookup = latest.get(name)
      if (lookup === undefined) return null
      const until = lookup.pending > 0 ? clock() : lookup.lastAnswerAt
      return Math.round((until - lookup.startedAt) * 10) / 10
    },
  }
}
