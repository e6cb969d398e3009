/**
 * The way to one server. Queries leave in batches, which costs both sides less than one by one; and no more of them at once
 * than the server's receive buffer holds: what overflows it is lost, and comes to light only when a timeout has passed.
 */
import type { Clock } from './client-deadlines.ts'

export interface LaneEntry {
  /** In which slice of time it was sent; negative before, and when the server is known to have read it. */
  slice: number
}

export type SendEntry<T> = (entry: T, now: number, isFirstOfBatch: boolean) => void

/** A server that lives has read within this time what lies in its receive buffer. */
const SLICE_MS = 25
const BATCH = 64
const COMPACT_FROM = 1024

export class SendLane<T extends LaneEntry> {
  #waiting: T[] = []
  #head = 0
  /** Sent in the present and the previous slice of time, and not settled. */
  #slice = 0
  #inSlice = 0
  #inPreviousSlice = 0
  #isFlushPlanned = false
  #isFlushing = false
  #callOff: (() => void) | null = null
  readonly #clock: Clock
  readonly #maxUnread: number
  readonly #send: SendEntry<T>

  constructor(clock: Clock, maxUnread: number, send: SendEntry<T>) {
    this.#clock = clock
    this.#maxUnread = maxUnread
    this.#send = send
  }

  push(entry: T): void {
    this.#waiting.push(entry)
    if (this.#waiting.length - this.#head === BATCH) this.#flush()
    else this.#planFlush()
  }

  /** The server has read it. */
  settle(entry: T): void {
    if (entry.slice === this.#slice) this.#inSlice--
    else if (entry.slice >= 0 && entry.slice === this.#slice - 1) this.#inPreviousSlice--
    entry.slice = -1
    if (this.#waiting.length > 0) this.#planFlush()
  }

  close(): void {
    this.#waiting = []
    this.#head = 0
    this.#callOff?.()
    this.#callOff = null
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return
    this.#isFlushPlanned = true
    setImmediate(this.#runPlanned)
  }

  readonly #runPlanned = (): void => {
    this.#isFlushPlanned = false
    this.#flush()
  }

  #flush(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    const now = this.#clock.now()
    this.#enterSlice(Math.floor(now / SLICE_MS))
    let isFirst = true
    while (this.#head < this.#waiting.length && this.#inSlice + this.#inPreviousSlice < this.#maxUnread) {
      const entry = this.#waiting[this.#head++]
      if (entry === undefined) break
      entry.slice = this.#slice
      this.#inSlice++
      this.#send(entry, now, isFirst)
      isFirst = false
    }
    this.#isFlushing = false
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
      return
    }
    if (this.#head >= COMPACT_FROM) this.#compact()
    this.#callOff ??= this.#clock.schedule(this.#onSliceEnd, SLICE_MS)
  }

  readonly #onSliceEnd = (): void => {
    this.#callOff = null
    this.#flush()
  }

  #enterSlice(slice: number): void {
    if (slice === this.#slice) return
    this.#inPreviousSlice = slice === this.#slice + 1 ? this.#inSlice : 0
    this.#inSlice = 0
    this.#slice = slice
  }

  #compact(): void {
    this.#waiting = this.#waiting.slice(this.#head)
    this.#head = 0
  }
}
