/**
 * A clock that stands still until a test moves it, with timers that fire as it passes them. `settle` lets everything happen that is
 * already on its way through the loopback, so that time does not overtake octets.
 */

export class FakeClock {
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  #now = 0

  readonly now = (): number => this.#now

  readonly startTimer = (milliseconds: number, callback: () => void): (() => void) => {
    const timer = { at: this.#now + milliseconds, callback }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  get timers(): number {
    return this.#timers.size
  }

  advance(milliseconds: number): void {
    const until = this.#now + milliseconds
    for (let next = this.#next(); next !== undefined && next.at <= until; next = this.#next()) this.#fire(next)
    this.#now = until
  }

  /** Goes on to the next timer, and fires it. */
  fireNext(): void {
    const next = this.#next()
    if (next !== undefined) this.#fire(next)
  }

  #next(): { readonly at: number; readonly callback: () => void } | undefined {
    return [...this.#timers].sort((left, right) => left.at - right.at)[0]
  }

  #fire(timer: { readonly at: number; readonly callback: () => void }): void {
    this.#timers.delete(timer)
    this.#now = Math.max(this.#now, timer.at)
    timer.callback()
  }
}

/** A few turns of the event loop: what was written on the loopback has been read, and acted upon. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
}
