/** What the stub client counts, from its start. */

/** Why a datagram was not taken for an answer: most often a forgery, sometimes an answer that came too late. */
export type Rejection =
  /** Not from the address and port that were asked. */
  | 'source'
  /** No question with this id waits on this port. */
  | 'id'
  /** Shorter than a header, or cut off within the question. */
  | 'short'
  /** Not a response, or of another opcode. */
  | 'notResponse'
  | 'question'
  /** The question is right but for the case of its letters (0x20). */
  | 'case'

export interface DnsClientStatistics {
  /** Questions that callers asked, and how many of them joined one that was under way already. */
  readonly questions: number
  readonly deduplicated: number
  readonly queued: number
  readonly queueFull: number
  readonly udpQueries: number
  readonly tcpQueries: number
  /** Answers that passed every check. */
  readonly replies: number
  readonly timeouts: number
  readonly truncated: number
  readonly malformed: number
  readonly ednsFallbacks: number
  readonly caseFallbacks: number
  /** Sockets that could not be opened or written to, connections refused or broken off. */
  readonly transportErrors: number
  readonly rejected: Readonly<Record<Rejection, number>>
  readonly socketsOpened: number
  readonly connectionsOpened: number
  /** At this moment. */
  readonly outstanding: number
  readonly waiting: number
}

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends object ? Mutable<T[Key]> : T[Key] }

export function emptyStatistics(): Mutable<DnsClientStatistics> {
  return {
    questions: 0,
    deduplicated: 0,
    queued: 0,
    queueFull: 0,
    udpQueries: 0,
    tcpQueries: 0,
    replies: 0,
    timeouts: 0,
    truncated: 0,
    malformed: 0,
    ednsFallbacks: 0,
    caseFallbacks: 0,
    transportErrors: 0,
    rejected: { source: 0, id: 0, short: 0, notResponse: 0, question: 0, case: 0 },
    socketsOpened: 0,
    connectionsOpened: 0,
    outstanding: 0,
    waiting: 0,
  }
}
