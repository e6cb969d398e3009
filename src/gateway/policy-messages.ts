/**
 * Which messages already have their header, or were held: smtpd asks once a recipient, and all requests of a message share an
 * `instance`. Kept for the whole listener, since smtpd may take another connection in between; the oldest are forgotten.
 */

export type MessageMark = 'skipped' | 'held' | 'prepended'

export class MarkedMessages {
  readonly #maxMessages: number
  readonly #marks = new Map<string, ReadonlySet<MessageMark>>()

  constructor(maxMessages: number) {
    this.#maxMessages = maxMessages
  }

  /** True for the first time. A request without an instance is a message of its own. */
  mark(instance: string | null, mark: MessageMark): boolean {
    if (instance === null) return true
    const marks = this.#marks.get(instance)
    if (marks?.has(mark) === true) return false
    this.#marks.set(instance, new Set([...(marks ?? []), mark]))
    const [oldest] = this.#marks.keys()
    if (this.#marks.size > this.#maxMessages && oldest !== undefined) this.#marks.delete(oldest)
    return true
  }
}
