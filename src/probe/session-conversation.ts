/**
 * The order of an SMTP conversation (RFC 5321 §3.1, §4.3; RFC 3207), a method a stage, and what each has shown. It never talks before
 * the banner, asks one thing at a time, and stops at the first stage that does not lead on; the rest then stays `notAsked`.
 * Which stages are wanted is the caller's: see smtp-session.ts and session-extras.ts.
 */
import { parseCapabilities } from './capabilities.ts'
import { MAX_HEARD_OCTETS, SessionConnection, type Outcome } from './session-connection.ts'
import type {
  ConnectFacts,
  ConnectionPurpose,
  EndCause,
  Ended,
  GreetingFacts,
  HelloFacts,
  NotAsked,
  QuitFacts,
  RelayFacts,
  ReplyFacts,
  Stage,
  StageEvent,
  StartTlsFacts,
  UnsolicitedText,
} from './session-facts.ts'
import type { ReadReply } from './session-replies.ts'
import { readClaimedName, readHelloName, readSoftware } from './session-software.ts'
import type { RelayTest, ResolvedSettings, SessionTarget } from './smtp-session-settings.ts'
import type { TlsFacts } from './tls-facts.ts'
import { readTlsSession, tlsOptions } from './tls-session.ts'
import { TranscriptWriter, type Transcript } from './transcript.ts'

/** What was shown so far: `notAsked` where a stage was not reached. */
export interface Shown {
  connect: ConnectFacts
  greeting: GreetingFacts
  hello: HelloFacts
  startTls: StartTlsFacts
  tls: TlsFacts
  helloAfterTls: HelloFacts
  relay: RelayFacts
  quit: QuitFacts
}

export interface ConversationOptions {
  readonly target: SessionTarget
  readonly settings: ResolvedSettings
  readonly purpose: ConnectionPurpose
  readonly signal: AbortSignal | undefined
}

export class Conversation {
  readonly shown: Shown = {
    connect: { kind: 'failed', durationMs: 0, cause: { kind: 'aborted' } },
    greeting: NOT_REACHED,
    hello: NOT_REACHED,
    startTls: NOT_REACHED,
    tls: NOT_REACHED,
    helloAfterTls: NOT_REACHED,
    relay: NOT_REACHED,
    quit: NOT_REACHED,
  }
  readonly #unsolicited: UnsolicitedText[] = []
  readonly #connection: SessionConnection
  readonly #transcript: TranscriptWriter
  readonly #options: ConversationOptions
  readonly #startedAt: number
  #ended: Ended | null = null
  #stage: Stage = 'connect'
  #isSecure = false

  constructor(options: ConversationOptions) {
    const { target, settings, signal } = options
    this.#options = options
    this.#startedAt = settings.now()
    this.#transcript = new TranscriptWriter(() => this.elapsedMs)
    this.#connection = new SessionConnection(target.address, target.port, { ...settings, signal })
  }

  get elapsedMs(): number {
    return this.#options.settings.now() - this.#startedAt
  }

  /** Null while it goes on. */
  get ended(): Ended | null {
    return this.#ended
  }

  get unsolicited(): readonly UnsolicitedText[] {
    return this.#unsolicited
  }

  get transcript(): Transcript {
    return this.#transcript.finish()
  }

  async connect(): Promise<boolean> {
    const { target, settings } = this.#options
    this.#enter('connect')
    this.#transcript.remark(`Trying ${target.address}:${String(target.port)}...`)
    const startedAt = settings.now()
    const outcome = await this.#connection.connected(settings.timeouts.connectMs)
    const durationMs = settings.now() - startedAt
    this.shown.connect =
      outcome.kind === 'ok' ? { kind: 'connected', durationMs, ...outcome.value } : { kind: 'failed', durationMs, cause: outcome.cause }
    this.#emit({ kind: 'connect', facts: this.shown.connect })
    if (outcome.kind === 'lost') return this.#end(outcome.cause)
    this.#transcript.remark(`Connected to ${target.address}.`)
    return true
  }

  /** The handshake; `tls` is its result. */
  async secure(): Promise<boolean> {
    const { target, settings } = this.#options
    this.#enter('tls')
    const request = { serverName: target.serverName, ...settings.tls }
    const startedAt = settings.now()
    const outcome = await this.#connection.secured(tlsOptions(request), settings.timeouts.tlsMs)
    const handshakeMs = settings.now() - startedAt
    this.shown.tls =
      outcome.kind === 'ok' ? readTlsSession(outcome.value, request, handshakeMs) : { kind: 'failed', handshakeMs, cause: outcome.cause }
    this.#emit({ kind: 'tls', facts: this.shown.tls })
    if (outcome.kind === 'lost') return this.#end(outcome.cause)
    this.#isSecure = true
    if (this.shown.tls.kind === 'established') {
      this.#transcript.remark(`TLS started with ${this.shown.tls.protocol}, ${this.shown.tls.cipher.name}`)
    }
    return true
  }

  async greet(): Promise<boolean> {
    this.#enter('greeting')
    const heard = await this.#listen(this.#options.settings.timeouts.greetingMs)
    if (heard.kind === 'lost') {
      this.shown.greeting = UNANSWERED
    } else {
      this.shown.greeting = {
        kind: 'answered',
        reply: heard.value,
        claimedName: readClaimedName(heard.value),
        software: readSoftware(heard.value.lines),
      }
    }
    this.#emit({ kind: 'greeting', facts: this.shown.greeting })
    if (heard.kind === 'lost') return this.#end(heard.cause)
    return heard.value.code === SERVICE_READY || this.#end({ kind: 'turnedAway', reply: heard.value })
  }

  /** EHLO, and HELO only if that is refused for good. */
  async hello(): Promise<boolean> {
    const underTls = this.#isSecure
    const { facts, end } = await this.#sayHello()
    if (underTls) this.shown.helloAfterTls = facts
    else this.shown.hello = facts
    this.#emit({ kind: 'hello', underTls, facts })
    return end === null || this.#end(end)
  }

  /** True when the handshake is to follow. `behind`: sent in one piece with it. */
  async askStartTls(behind = ''): Promise<boolean> {
    const leadsOn = await this.#askStartTls(behind)
    if (!leadsOn && this.#ended === null) {
      this.shown.tls = NO_TLS
      this.shown.helloAfterTls = NO_TLS
    }
    this.#emit({ kind: 'startTls', facts: this.shown.startTls })
    return leadsOn
  }

  /** Never a message: RSET follows whatever was answered. */
  async tryRelay({ sender, recipient }: RelayTest): Promise<boolean> {
    const { facts, end } = await this.#askRelay(sender, recipient)
    this.shown.relay = facts
    this.#emit({ kind: 'relay', facts })
    if (end !== null) return this.#end(end)
    const reset = await this.#ask('rset', 'RSET')
    return reset.kind === 'ok' || this.#end(reset.cause)
  }

  /** Politely, also to one that turned us away; but not to one that said it would hang up. */
  async quit(): Promise<void> {
    const cause = this.#ended?.cause
    const isOver = cause !== undefined && (cause.kind !== 'turnedAway' || cause.reply.code === CLOSING)
    if (!isOver) {
      const answer = await this.#ask('quit', 'QUIT', { timeoutMs: this.#options.settings.timeouts.quitMs, skips: OK })
      this.shown.quit = answer.kind === 'ok' ? { kind: 'answered', reply: answer.value } : { kind: 'unanswered', cause: answer.cause }
    }
    if (this.#ended === null) this.#end({ kind: 'done' })
    this.#connection.close()
  }

  close(): void {
    this.#connection.close()
  }

  async #sayHello(): Promise<{ facts: HelloFacts; end: EndCause | null }> {
    const { ehloName } = this.#options.settings
    const ehlo = await this.#ask('ehlo', `EHLO ${ehloName}`, { skips: SERVICE_READY })
    if (ehlo.kind === 'lost') return { facts: UNANSWERED, end: ehlo.cause }
    if (isPositive(ehlo.value)) return { facts: answered('EHLO', ehlo.value, null), end: null }
    const isForGood = ehlo.value.code >= 500
    if (!isForGood) return { facts: { kind: 'refused', ehlo: ehlo.value, helo: null }, end: { kind: 'turnedAway', reply: ehlo.value } }
    const helo = await this.#ask('helo', `HELO ${ehloName}`, { skips: SERVICE_READY })
    if (helo.kind === 'lost') return { facts: { kind: 'refused', ehlo: ehlo.value, helo: null }, end: helo.cause }
    if (isPositive(helo.value)) return { facts: answered('HELO', helo.value, ehlo.value), end: null }
    return { facts: { kind: 'refused', ehlo: ehlo.value, helo: helo.value }, end: { kind: 'turnedAway', reply: helo.value } }
  }

  async #askStartTls(behind: string): Promise<boolean> {
    const { hello } = this.shown
    if (hello.kind !== 'answered') return false
    if (hello.capabilities === null) {
      this.shown.startTls = { kind: 'notAsked', why: 'noEhlo' }
      return false
    }
    if (!hello.capabilities.startTls) {
      this.shown.startTls = { kind: 'notOffered', masked: hello.capabilities.masked }
      return false
    }
    const answer = await this.#ask('startTls', 'STARTTLS', { behind })
    if (answer.kind === 'lost') {
      this.shown.startTls = UNANSWERED
      return this.#end(answer.cause)
    }
    if (answer.value.code !== SERVICE_READY) {
      this.shown.startTls = { kind: 'refused', reply: answer.value }
      return answer.value.code === CLOSING && this.#end({ kind: 'turnedAway', reply: answer.value })
    }
    const trailing = this.#takeTrailing()
    this.shown.startTls = { kind: 'accepted', reply: answer.value, trailing: trailing === '' ? null : trailing }
    return true
  }

  async #askRelay(sender: string, recipient: string): Promise<{ facts: RelayFacts; end: EndCause | null }> {
    const mail = await this.#ask('mail', `MAIL FROM:<${sender}>`)
    if (mail.kind === 'lost') return { facts: { kind: 'unanswered', stage: 'mail' }, end: mail.cause }
    if (!isPositive(mail.value)) return { facts: { kind: 'refused', stage: 'mail', reply: mail.value }, end: closing(mail.value) }
    const rcpt = await this.#ask('rcpt', `RCPT TO:<${recipient}>`)
    if (rcpt.kind === 'lost') return { facts: { kind: 'unanswered', stage: 'rcpt' }, end: rcpt.cause }
    if (!isPositive(rcpt.value)) return { facts: { kind: 'refused', stage: 'rcpt', reply: rcpt.value }, end: closing(rcpt.value) }
    return { facts: { kind: 'accepted', reply: rcpt.value }, end: null }
  }

  async #ask(stage: Stage, command: string, how: AskOptions = {}): Promise<Outcome<ReplyFacts>> {
    const { timeoutMs = this.#options.settings.timeouts.commandMs, behind = '', skips } = how
    this.#enter(stage)
    for (const reply of this.#connection.takeReplies()) {
      // It may come at any time (RFC 5321 §3.8), and then it is the answer to everything.
      if (reply.code === CLOSING) return { kind: 'ok', value: this.#heard(reply, 0) }
      this.#keepUnsolicited(reply)
    }
    if (!this.#connection.isLost)
      for (const line of [command, ...behind.split('\r\n').filter(Boolean)]) this.#transcript.sent(line, this.#isSecure)
    this.#connection.write(`${command}\r\n${behind}`)
    for (let skipped = 0; ; skipped++) {
      const answer = await this.#listen(timeoutMs)
      if (answer.kind === 'lost' || answer.value.code !== skips || skipped === MAX_UNSOLICITED) return answer
      this.#keepUnsolicited(answer.value)
    }
  }

  async #listen(timeoutMs: number): Promise<Outcome<ReplyFacts>> {
    const startedAt = this.#options.settings.now()
    const outcome = await this.#connection.read(timeoutMs)
    if (outcome.kind === 'lost') return outcome
    return { kind: 'ok', value: this.#heard(outcome.value, this.#options.settings.now() - startedAt) }
  }

  #heard(reply: ReadReply, delayMs: number): ReplyFacts {
    this.#transcript.received(transcriptLines(reply), reply.code, this.#isSecure)
    return { ...reply, delayMs }
  }

  #keepUnsolicited(reply: ReadReply): void {
    this.#transcript.trouble(`unasked: ${transcriptLines(reply).join(' / ').slice(0, MAX_HEARD_OCTETS)}`)
    if (this.#unsolicited.length >= MAX_UNSOLICITED) return
    this.#unsolicited.push({ stage: this.#stage, text: transcriptLines(reply).join('\n').slice(0, MAX_HEARD_OCTETS) })
  }

  #takeTrailing(): string {
    const replies = this.#connection.takeReplies().map((reply) => transcriptLines(reply).join('\n'))
    return [...replies, this.#connection.takePending()].filter(Boolean).join('\n').slice(0, MAX_HEARD_OCTETS)
  }

  #enter(stage: Stage): void {
    this.#stage = stage
    this.#emit({ kind: 'stage', stage, underTls: this.#isSecure, atMs: this.elapsedMs })
  }

  #emit(event: StageEvent): void {
    this.#options.settings.onEvent({ ...event, connection: this.#options.purpose })
  }

  /** False, as what a stage that does not lead on returns. Only the first counts. */
  #end(cause: EndCause): false {
    if (this.#ended !== null) return false
    this.#ended = { stage: this.#stage, underTls: this.#isSecure, cause }
    if (cause.kind !== 'done') this.#transcript.trouble(`Ended at ${this.#stage}: ${cause.kind}`)
    this.#emit({ kind: 'ended', ended: this.#ended })
    return false
  }
}

interface AskOptions {
  readonly timeoutMs?: number
  readonly behind?: string
  /**
   * A code that this command is never answered with (RFC 5321 §4.3.2), so that it answers something earlier:
   * 220 after EHLO is a greeting that comes late or twice, 250 after QUIT is a step behind.
   */
  readonly skips?: number
}

const SERVICE_READY = 220
const OK = 250
const CLOSING = 421
const MAX_UNSOLICITED = 10
const NOT_REACHED: NotAsked = { kind: 'notAsked', why: 'ended' }
const NO_TLS: NotAsked = { kind: 'notAsked', why: 'noTls' }
const UNANSWERED = { kind: 'unanswered' } as const

function isPositive({ code }: ReplyFacts): boolean {
  return code >= 200 && code < 300
}

function closing(reply: ReplyFacts): EndCause | null {
  return reply.code === CLOSING ? { kind: 'turnedAway', reply } : null
}

function answered(verb: 'EHLO' | 'HELO', reply: ReplyFacts, ehloRefusal: ReplyFacts | null): HelloFacts {
  const capabilities = verb === 'EHLO' ? parseCapabilities(reply.lines) : null
  return { kind: 'answered', verb, reply, claimedName: readHelloName(reply.lines), capabilities, ehloRefusal }
}

/** As it came where anything was wrong with it, else as it must have come. */
function transcriptLines({ code, enhanced, lines, raw }: ReadReply): string[] {
  if (raw !== null) return raw.replace(/\r?\n$/, '').split(/\r?\n/)
  return lines.map((line, index) => {
    const separator = index === lines.length - 1 ? ' ' : '-'
    return `${String(code)}${separator}${enhanced === null ? '' : `${enhanced} `}${line}`
  })
}
