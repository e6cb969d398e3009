/**
 * What a mail log says of one message or of one refusal, whichever program wrote it, and what reads it out of lines.
 * All texts are strangers': they are bounded here and escaped when they are rendered.
 */
import type { IpAddress } from '../../core/address.ts'
import type { FindingCode } from '../../findings/catalogue.ts'
import type { IprevReason, IprevResult } from '../../iprev/facts.ts'

export const LOG_FORMATS = ['postfix', 'exim', 'ptrgate'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** What became of it at the time. `unknown`: the log begins too late or ends too early to tell. */
export const THEN_OUTCOMES = ['accepted', 'deferred', 'rejected', 'unknown'] as const
export type ThenOutcome = (typeof THEN_OUTCOMES)[number]

/** A message that was taken, or one refusal (of a recipient, or of the whole session). */
export interface LogRecord {
  readonly address: IpAddress
  /** Null where the log does not hold it. */
  readonly claimedName: string | null
  readonly authenticated: boolean
  /** `''` for the null sender, null where it is not known. */
  readonly sender: string | null
  /** A few of them. */
  readonly recipients: readonly string[]
  /** Every recipient is postmaster: a policy may let that through. */
  readonly isToPostmaster: boolean
  readonly then: ThenOutcome
  /** Wall clock of the log, `2024-05-01 10:11:12`, without a zone. */
  readonly seenAt: string | null
  /** What the DNS said then, from ptrgate's own log. */
  readonly facts?: LoggedFacts | null
}

export interface LoggedFacts {
  readonly result: IprevResult
  readonly reason: IprevReason
  readonly ptrNames: readonly string[]
  readonly confirmedName: string | null
  readonly findings: readonly FindingCode[]
}

export type OnRecord = (record: LogRecord) => void

export interface LogReader {
  /** False for a line that tells nothing of a client, or is of another format. It never throws. */
  read(line: string): boolean
  /** Tells what is known of messages whose end the log does not hold. */
  end(): void
}

export interface LogReaderOptions {
  readonly onRecord: OnRecord
  /** `2026-06-02`: timestamps without a year are not behind it. */
  readonly latestDay: string
  /** Messages that are followed at the same time; past it the oldest is taken as ended. */
  readonly maxOpenMessages: number
}

export const MAX_OPEN_MESSAGES = 50_000
/** Of a message, and of a client in the report. */
export const MAX_EXAMPLES = 3
/** A HELO argument of more than 255 octets is too long, however long it is. */
export const MAX_CLAIMED_NAME = 300
/** RFC 5321 §4.5.3.1: 64 + 1 + 255 octets. */
export const MAX_MAILBOX = 320

/** A bounded copy of its own: a part of a line would keep the whole line in memory. */
export function keepText(text: string, maxLength: number): string {
  return Buffer.from(text.length > maxLength ? text.slice(0, maxLength) : text).toString()
}
