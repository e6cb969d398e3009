/**
 * What a session may be told: our name, the time for each stage, the extra checks, and the means (clock, timer, permission).
 * Mistakes that would break the protocol, such as a line end in a name, are the caller's and are thrown before anything is sent.
 */
import { startNodeTimer, type StartTimer } from '../core/timer.ts'
import type { Admit } from './limiter.ts'
import type { SessionEvent } from './session-facts.ts'
import type { TlsVersion } from './tls-facts.ts'

export interface SessionTarget {
  /** An address as text, never a name. */
  readonly address: string
  readonly port: number
  /** TLS from the first octet on, as on port 465. */
  readonly implicitTls: boolean
  /** Asked for with SNI, and held against the certificate: the MX name, as a rule. An address is only compared. */
  readonly serverName: string | null
}

/** `submissions` (RFC 8314 §3.3), where TLS begins with the connection. */
export const IMPLICIT_TLS_PORT = 465

export interface SessionSettings {
  /** The truthful name of this machine, or its address literal. */
  readonly ehloName: string
  readonly timeouts?: Partial<StageTimeouts> | undefined
  /** For each connection as a whole. */
  readonly deadlineMs?: number | undefined
  /** Of what a server has said and no reply has been made of. */
  readonly maxReplyOctets?: number | undefined
  readonly tls?:
    | {
        readonly minVersion?: TlsVersion | undefined
        readonly maxVersion?: TlsVersion | undefined
        /** PEM, in place of the system's CAs. */
        readonly trustedCertificates?: readonly string[] | undefined
      }
    | undefined
  /** Whether each of these is accepted, by a connection each. */
  readonly checkOldTls?: readonly TlsVersion[] | undefined
  /** Whether a command in clear behind STARTTLS is carried out under TLS, by another connection. */
  readonly checkInjection?: boolean | undefined
  readonly relayTest?: RelayTest | undefined
  /** Asked before every connection, and given back after it: a limiter's lane of this host. Without it nothing waits. */
  readonly admit?: Admit | undefined
  readonly onEvent?: ((event: SessionEvent) => void) | undefined
  readonly startTimer?: StartTimer | undefined
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined
}

/** MAIL, RCPT, RSET; never a message. An empty sender is the null one. */
export interface RelayTest {
  readonly sender: string
  readonly recipient: string
}

export interface StageTimeouts {
  readonly connectMs: number
  readonly greetingMs: number
  readonly commandMs: number
  readonly tlsMs: number
  readonly quitMs: number
}

export interface ResolvedSettings {
  readonly ehloName: string
  readonly timeouts: StageTimeouts
  readonly deadlineMs: number
  readonly maxReplyOctets: number
  readonly tls: {
    readonly minVersion: TlsVersion
    readonly maxVersion: TlsVersion
    readonly trustedCertificates: readonly string[] | undefined
  }
  readonly onEvent: (event: SessionEvent) => void
  readonly startTimer: StartTimer
  readonly now: () => number
}

/**
 * Shorter than the five minutes of RFC 5321 §4.5.3.2, which a mail queue has and somebody who waits for a report has not;
 * the greeting gets as long as those take who delay it on purpose.
 */
export const DEFAULT_TIMEOUTS: StageTimeouts = { connectMs: 15_000, greetingMs: 60_000, commandMs: 30_000, tlsMs: 20_000, quitMs: 3000 }
export const DEFAULT_DEADLINE_MS = 120_000
export const DEFAULT_MAX_REPLY_OCTETS = 16_384

export function resolveSettings(settings: SessionSettings): ResolvedSettings {
  assertEhloName(settings.ehloName)
  if (settings.relayTest !== undefined) assertRelayTest(settings.relayTest)
  return {
    ehloName: settings.ehloName,
    timeouts: { ...DEFAULT_TIMEOUTS, ...settings.timeouts },
    deadlineMs: settings.deadlineMs ?? DEFAULT_DEADLINE_MS,
    maxReplyOctets: settings.maxReplyOctets ?? DEFAULT_MAX_REPLY_OCTETS,
    tls: {
      // As low as our own TLS goes: who could only speak an old one is to be seen, not missed.
      minVersion: settings.tls?.minVersion ?? 'TLSv1',
      maxVersion: settings.tls?.maxVersion ?? 'TLSv1.3',
      trustedCertificates: settings.tls?.trustedCertificates,
    },
    onEvent: settings.onEvent ?? (() => undefined),
    startTimer: settings.startTimer ?? startNodeTimer,
    now: settings.now ?? (() => performance.now()),
  }
}

function assertEhloName(ehloName: string): void {
  if (!/^[\x21-\x7e]{1,255}$/.test(ehloName)) throw new RangeError(`not a name for EHLO: ${JSON.stringify(ehloName)}`)
}

function assertRelayTest({ sender, recipient }: RelayTest): void {
  if (sender !== '' && !MAILBOX.test(sender)) throw new RangeError(`not a sender: ${JSON.stringify(sender)}`)
  if (!MAILBOX.test(recipient)) throw new RangeError(`not a recipient: ${JSON.stringify(recipient)}`)
}

/** No spaces, brackets or line ends: nothing that could end the command early. */
const MAILBOX = /^(?=.{3,254}$)[!-;=?-~]+@[!-;=?-~]+$/
