/**
 * Where the events of every front end of a process go: counted, logged, streamed; but first the client gets its answer. Faults that
 * come in floods are logged at a bounded rate, and the next line says how many were left out; they are counted all the same.
 */
import type { GateEvent } from '../../gateway/gate-event.ts'
import type { GateVerdict } from '../../engine/gate.ts'
import type { ServeLog } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { recordOf, type EventRecord } from './event-record.ts'

export interface EventSinkOptions {
  readonly metrics: Pick<Metrics, 'observeEvent'>
  readonly log: ServeLog
  /** Undefined while nobody reads events. */
  readonly publish: () => ((record: EventRecord) => void) | undefined
  readonly lookupMs: (verdict: GateVerdict) => number | null
  readonly clock: () => number
  /** Runs the callback once what is about to be answered has been. */
  readonly soon: (callback: () => void) => void
}

export interface EventSink {
  take(listener: string, event: GateEvent): void
  /** At the end: what has been taken, at once. */
  flush(): void
}

export function createEventSink({ metrics, log, publish, lookupMs, clock, soon }: EventSinkOptions): EventSink {
  const throttle = new Throttle(clock)
  let waiting: (readonly [string, GateEvent])[] = []
  const settle = (listener: string, event: GateEvent): void => {
    metrics.observeEvent(listener, event)
    const publishNow = publish()
    if (publishNow === undefined && event.kind === 'skipped' && !log.isLogged('debug')) return
    const record = recordOf(listener, event, lookupMs)
    publishNow?.(record)
    const leftOut = FLOODING.has(event.kind) ? throttle.take(`${listener} ${event.kind}`) : 0
    if (leftOut === null) return
    log.write(leftOut === 0 ? record : { ...record, fields: { ...record.fields, leftOut } })
  }
  const flush = (): void => {
    const taken = waiting
    waiting = []
    for (const [listener, event] of taken) settle(listener, event)
  }
  return {
    take(listener, event) {
      waiting.push([listener, event])
      if (waiting.length === 1) soon(flush)
    },
    flush,
  }
}

/** What a stranger, or one broken piece of ours, can bring about as often as it likes. */
const FLOODING: ReadonlySet<GateEvent['kind']> = new Set<GateEvent['kind']>(['protocolError', 'internalError', 'socketError'])
const LINES_A_PERIOD = 20
const PERIOD_MS = 10_000

class Throttle {
  readonly #clock: () => number
  /** Listeners times kinds: as many as the config has. */
  readonly #periods = new Map<string, { startedAt: number; lines: number; leftOut: number }>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** How many lines were left out since the last one that was written; null: leave this one out, too. */
  take(key: string): number | null {
    const now = this.#clock()
    const period = this.#periods.get(key)
    if (period === undefined || now - period.startedAt >= PERIOD_MS) {
      this.#periods.set(key, { startedAt: now, lines: 1, leftOut: 0 })
      return period?.leftOut ?? 0
    }
    if (period.lines >= LINES_A_PERIOD) {
      period.leftOut++
      return null
    }
    period.lines++
    return 0
  }
}
