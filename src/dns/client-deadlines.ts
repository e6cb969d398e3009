/**
 * The deadlines of everything that is under way, by one timer. Every entry gets the same time, so they fall due in the order in
 * which they came: a linked list is enough, and adding or removing one costs next to nothing.
 */

/** What a deadline is kept for carries the links itself. */
export interface Timed<T> {
  dueAt: number
  previous: T | null
  next: T | null
  isTimed: boolean
}

export interface Clock {
  /** Milliseconds of a clock that is never set back. */
  now(): number
  /** Runs once, after `delayMs`; the function that it gives calls it off. */
  schedule(callback: () => void, delayMs: number): () => void
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs)
    return () => {
      clearTimeout(timer)
    }
  },
}

export class Deadlines<T extends Timed<T>> {
  #first: T | null = null
  #last: T | null = null
  #callOff: (() => void) | null = null
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #onDue: (entry: T) => void

  constructor(clock: Clock, timeoutMs: number, onDue: (entry: T) => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onDue = onDue
  }

  add(entry: T, now: number): void {
    entry.dueAt = now + this.#timeoutMs
    entry.isTimed = true
    entry.previous = this.#last
    entry.next = null
    if (this.#last === null) this.#first = entry
    else this.#last.next = entry
    this.#last = entry
    this.#callOff ??= this.#clock.schedule(this.#fire, this.#timeoutMs)
  }

  /** The timer runs on for the next entry; with the last one it goes, so that an idle client keeps no process alive. */
  remove(entry: T): void {
    if (!entry.isTimed) return
    entry.isTimed = false
    if (entry.previous === null) this.#first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === null) this.#last = entry.previous
    else entry.next.previous = entry.previous
    entry.previous = entry.next = null
    if (this.#first === null && this.#callOff !== null) {
      this.#callOff()
      this.#callOff = null
    }
  }

  readonly #fire = (): void => {
    this.#callOff = null
    const now = this.#clock.now()
    for (let entry = this.#first; entry !== null && entry.dueAt <= now; entry = this.#first) {
      this.remove(entry)
      this.#onDue(entry)
    }
    // A timer may fire a little early, and its entry may be gone: in both cases wait for the first that is left.
    const first = this.#first
    if (first !== null) this.#callOff ??= this.#clock.schedule(this.#fire, Math.max(1, Math.ceil(first.dueAt - now)))
  }
}
