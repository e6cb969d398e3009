/**
 * What one SMTP conversation with one address and port has shown: facts without opinion, readonly, plain JSON.
 * Text of the peer is raw octets as latin1: claimed by whoever answers, unescaped, bounded. Rendering escapes it.
 * Every part says for itself whether it was asked, so that "there is none" is never "we were not allowed to look".
 */
import type { ReceivedReply } from '../wire/smtp-reply.ts'
import type { Capabilities } from './capabilities.ts'
import type { TlsFacts, TlsVersion } from './tls-facts.ts'
import type { Transcript } from './transcript.ts'

export interface SessionFacts {
  readonly address: string
  readonly port: number
  readonly implicitTls: boolean
  /** As we called ourselves. */
  readonly ehloName: string
  readonly connect: ConnectFacts
  readonly greeting: GreetingFacts
  /** In plain text; with implicit TLS nothing is asked in plain text. */
  readonly hello: HelloFacts
  readonly startTls: StartTlsFacts
  readonly tls: TlsFacts
  /** Under TLS, whether it began with STARTTLS or with the connection. */
  readonly helloAfterTls: HelloFacts
  readonly relay: RelayFacts
  readonly quit: QuitFacts
  readonly ended: Ended
  /** What the server said without being asked, such as a second greeting; at most ten pieces of each at most 512 octets. */
  readonly unsolicited: readonly UnsolicitedText[]
  /** Of the main connection alone. */
  readonly durationMs: number
  readonly transcript: Transcript
  /** A connection each; empty unless wanted. */
  readonly oldTls: readonly OldTlsFacts[]
  readonly injection: InjectionFacts
}

export type Stage = 'connect' | 'tls' | 'greeting' | 'ehlo' | 'helo' | 'startTls' | 'mail' | 'rcpt' | 'rset' | 'quit'

/** Where the conversation ended, and why. `underTls`: `ehlo` and `helo` come twice. */
export interface Ended {
  readonly stage: Stage
  readonly underTls: boolean
  readonly cause: EndCause
}

export type EndCause =
  /** Everything that we wanted to know was asked, and we said QUIT; how the server took that is in `quit`. */
  | { readonly kind: 'done' }
  /** The port answered with a reset: nobody listens, or a filter says so. */
  | { readonly kind: 'refused' }
  /** `code` is the system's: EHOSTUNREACH, ENETUNREACH … */
  | { readonly kind: 'unreachable'; readonly code: string }
  /** `heard`: said meanwhile without completing a reply: empty for silence, some octets for a tarpit. */
  | { readonly kind: 'timeout'; readonly afterMs: number; readonly heard: string }
  /** The time for the whole conversation was over. */
  | { readonly kind: 'deadline'; readonly heard: string }
  | { readonly kind: 'reset'; readonly heard: string }
  | { readonly kind: 'closed'; readonly heard: string }
  /** It answered, but not what leads on: 421, 450 or 554 at the greeting, 421 anywhere, EHLO and HELO refused. */
  | { readonly kind: 'turnedAway'; readonly reply: ReplyFacts }
  /** What it said is no SMTP reply that could be read to its end. */
  | { readonly kind: 'malformed'; readonly fault: EndlessFault; readonly heard: string }
  /** `code` is OpenSSL's by Node's name (ERR_SSL_WRONG_VERSION_NUMBER), `reason` the same in words. */
  | { readonly kind: 'tlsFailed'; readonly code: string; readonly reason: string }
  /** Trouble of our own machine, such as no free descriptor: it says nothing about the server. */
  | { readonly kind: 'local'; readonly code: string }
  | { readonly kind: 'aborted' }

/** `noCode`: lines came, none of them with a reply code (another protocol, maybe). */
export type EndlessFault = 'lineTooLong' | 'tooManyLines' | 'replyTooLong' | 'noCode'

/** Tolerated, and told. `longLine`: over the 512 octets of RFC 5321 §4.5.3.1.5. */
export type ReplyFault =
  'noCode' | 'codeChanges' | 'nul' | 'control' | 'eightBit' | 'bareLineFeed' | 'bareCarriageReturn' | 'longLine' | 'unterminated'

export interface ReplyFacts extends ReceivedReply {
  /** From our asking to its last octet; for the greeting, from the connection (or the handshake of implicit TLS). */
  readonly delayMs: number
  readonly faults: readonly ReplyFault[]
  /** As it came, line ends included; null when nothing is wrong with it and the lines say it all. */
  readonly raw: string | null
}

export type NotAsked = {
  readonly kind: 'notAsked'
  /** `ended`: the conversation was over before it, see `ended`. `noEhlo`: the server takes only HELO, and so lists nothing. */
  readonly why: 'ended' | 'implicitTls' | 'noTls' | 'noEhlo' | 'notWanted'
}

/** Asked, and the conversation ended before there was a whole answer. */
export type Unanswered = { readonly kind: 'unanswered' }

export type ConnectFacts =
  | { readonly kind: 'connected'; readonly durationMs: number; readonly localAddress: string; readonly localPort: number }
  | { readonly kind: 'failed'; readonly durationMs: number; readonly cause: EndCause }

export type GreetingFacts =
  | NotAsked
  | Unanswered
  /** `reply.code` is 220 unless the server turned us away. */
  | {
      readonly kind: 'answered'
      readonly reply: ReplyFacts
      readonly claimedName: string | null
      readonly software: Software | null
    }

export interface Software {
  readonly product: string
  readonly version: string | null
  /** `stated`: it names itself. `shape`: we know the look of its greeting, which others may share. */
  readonly by: 'stated' | 'shape'
}

export type HelloFacts =
  | NotAsked
  | Unanswered
  | {
      readonly kind: 'answered'
      readonly verb: 'EHLO' | 'HELO'
      readonly reply: ReplyFacts
      readonly claimedName: string | null
      /** Null after HELO: it lists none, which is not an empty list. */
      readonly capabilities: Capabilities | null
      /** What EHLO was answered before HELO was tried. */
      readonly ehloRefusal: ReplyFacts | null
    }
  | { readonly kind: 'refused'; readonly ehlo: ReplyFacts; readonly helo: ReplyFacts | null }

export type StartTlsFacts =
  | NotAsked
  | Unanswered
  /** EHLO was answered, and its list is without it. `masked`: a keyword that a middlebox has overwritten, probably this one. */
  | { readonly kind: 'notOffered'; readonly masked: string | null }
  | { readonly kind: 'refused'; readonly reply: ReplyFacts }
  /** `trailing`: text in clear behind the reply, which a client must not read as said under TLS. */
  | { readonly kind: 'accepted'; readonly reply: ReplyFacts; readonly trailing: string | null }

export type RelayFacts =
  | NotAsked
  /** `stage` is the command without an answer. */
  | { readonly kind: 'unanswered'; readonly stage: 'mail' | 'rcpt' }
  | { readonly kind: 'refused'; readonly stage: 'mail' | 'rcpt'; readonly reply: ReplyFacts }
  /** Of RCPT; no message follows, ever. */
  | { readonly kind: 'accepted'; readonly reply: ReplyFacts }

export type QuitFacts =
  | NotAsked
  | { readonly kind: 'answered'; readonly reply: ReplyFacts }
  /** It went without a word, or not at all; both are common, neither matters. */
  | { readonly kind: 'unanswered'; readonly cause: EndCause }

export interface UnsolicitedText {
  /** What we were about to ask, or had just asked. */
  readonly stage: Stage
  readonly text: string
}

export interface OldTlsFacts {
  readonly version: TlsVersion
  readonly outcome:
    | { readonly kind: 'accepted'; readonly cipher: string }
    /** By an alert, or by hanging up in the handshake. */
    | { readonly kind: 'refused'; readonly cause: EndCause }
    | { readonly kind: 'inconclusive'; readonly ended: Ended }
    /** This machine's own TLS does not do it. */
    | { readonly kind: 'cannotAsk'; readonly code: string }
}

/** What became of a NOOP that was sent in clear in one piece with STARTTLS (CVE-2011-0411). */
export type InjectionFacts =
  | NotAsked
  /** Carried out as if it had come under TLS. */
  | { readonly kind: 'executed' }
  | { readonly kind: 'discarded' }
  /** Answered in clear, before the handshake. */
  | { readonly kind: 'answeredInClear'; readonly text: string }
  /** STARTTLS was refused for it, or the handshake failed over it: it was not carried out. */
  | { readonly kind: 'refused'; readonly cause: EndCause }
  | { readonly kind: 'notOffered' }
  | { readonly kind: 'inconclusive'; readonly ended: Ended }

/** In order, as they happen; the same facts stand in the result. `connection` tells the extra connections from the main one. */
export type SessionEvent = StageEvent & { readonly connection: ConnectionPurpose }

export type ConnectionPurpose = 'main' | 'injection' | TlsVersion

export type StageEvent =
  /** It begins. */
  | { readonly kind: 'stage'; readonly stage: Stage; readonly underTls: boolean; readonly atMs: number }
  | { readonly kind: 'connect'; readonly facts: ConnectFacts }
  | { readonly kind: 'greeting'; readonly facts: GreetingFacts }
  | { readonly kind: 'hello'; readonly underTls: boolean; readonly facts: HelloFacts }
  | { readonly kind: 'startTls'; readonly facts: StartTlsFacts }
  | { readonly kind: 'tls'; readonly facts: TlsFacts }
  | { readonly kind: 'relay'; readonly facts: RelayFacts }
  | { readonly kind: 'ended'; readonly ended: Ended }
