/**
 * Whether a listener sees its clients' real addresses. Behind NAT or a container's proxy every client is private, none is ever
 * judged, and nothing else would tell: after a row of such clients without a single other one, that is worth an alarm.
 */
import type { GateEvent } from '../../gateway/gate-event.ts'

/** `unknown`: too few clients so far to tell. */
export type Visibility = 'unknown' | 'visible' | 'hidden'

const PRIVATE_ROW = 50
/** Mail of the machine itself is nothing odd. Still, some containers show every client as 127.0.0.1. */
const LOOPBACK_ROW = 1000
const PRIVATE_RANGES: ReadonlySet<string> = new Set(['private', 'cgnat', 'linkLocal', 'uniqueLocal'])

export class ClientRow {
  #private = 0
  #loopback = 0
  #hasJudged = false

  observe(event: GateEvent): void {
    if (event.kind === 'skipped') {
      if (PRIVATE_RANGES.has(event.rule)) this.#private++
      else if (event.rule === 'loopback') this.#loopback++
    } else if (event.kind === 'decision' && event.verdict.judgement !== null) {
      this.#private = 0
      this.#loopback = 0
      this.#hasJudged = true
    }
  }

  visibility(): Visibility {
    if (this.#private >= PRIVATE_ROW || this.#loopback >= LOOPBACK_ROW) return 'hidden'
    return this.#hasJudged ? 'visible' : 'unknown'
  }
}

/** Of one listener in several processes: a client that one of them can see is real for all. */
export function commonVisibility(each: readonly Visibility[]): Visibility {
  if (each.includes('visible')) return 'visible'
  return each.includes('hidden') ? 'hidden' : 'unknown'
}
