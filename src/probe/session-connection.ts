/**
 * One TCP connection to a server under probe: opening it, TLS on top, replies one by one. Whatever goes wrong is a value, once and
 * for all. It bounds every wait by a stage's time, all of them by one deadline, and what it holds by `maxReplyOctets`.
 * It neither knows SMTP's order nor judges: see session-conversation.ts.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { StartTimer } from '../core/timer.ts'
import type { EndCause } from './session-facts.ts'
import { ReplyReader, type ReadReply } from './session-replies.ts'

export type Outcome<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'lost'; readonly cause: EndCause }

export interface ConnectionLimits {
  readonly deadlineMs: number
  readonly maxReplyOctets: number
  readonly startTimer: StartTimer
  readonly now: () => number
  readonly signal: AbortSignal | undefined
}

export interface Endpoint {
  readonly localAddress: string
  readonly localPort: number
}

/** Of what was heard when a conversation broke off. */
export const MAX_HEARD_OCTETS = 512

export class SessionConnection {
  #socket: Socket
  #reader: ReplyReader
  #endpoint: Endpoint | null = null
  #lost: EndCause | null = null
  /** Whole replies that came before the end, and are yet to be read. */
  #last: ReadReply[] = []
  /** Looks again at what somebody waits for. */
  #look: (() => void) | null = null
  #waitsSince: number
  readonly #limits: ConnectionLimits
  readonly #cancelDeadline: () => void
  readonly #onAbort = (): void => {
    this.#fail({ kind: 'aborted' })
  }
  readonly #onData = (octets: Buffer): void => {
    this.#reader.push(octets)
    this.#look?.()
  }
  readonly #onEnd = (): void => {
    this.#leave((heard) => ({ kind: 'closed', heard }))
  }
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#leave((heard) => causeOf(error, heard, this.#limits.now() - this.#waitsSince))
  }

  /** `host` is an address: no name is looked up here. */
  constructor(host: string, port: number, limits: ConnectionLimits) {
    this.#limits = limits
    this.#waitsSince = limits.now()
    this.#reader = new ReplyReader(limits.maxReplyOctets)
    this.#cancelDeadline = limits.startTimer(limits.deadlineMs, () => {
      this.#fail(this.#noiseOr({ kind: 'deadline', heard: this.#heard() }))
    })
    limits.signal?.addEventListener('abort', this.#onAbort)
    this.#socket = connect({ host, port, noDelay: true })
    this.#socket.once('connect', () => {
      this.#endpoint = { localAddress: this.#socket.localAddress ?? '', localPort: this.#socket.localPort ?? 0 }
      this.#look?.()
    })
    this.#listen()
    if (limits.signal?.aborted === true) this.#fail({ kind: 'aborted' })
  }

  /** Nothing can be asked any more, though something may still be left to read. */
  get isLost(): boolean {
    return this.#lost !== null
  }

  connected(timeoutMs: number): Promise<Outcome<Endpoint>> {
    return this.#wait(timeoutMs, () => this.#endpoint)
  }

  /** What the server has said in clear is the caller's to take before; left here, it would be read as said under TLS. */
  secured(options: ConnectionOptions, timeoutMs: number): Promise<Outcome<TLSSocket>> {
    if (this.#lost !== null) return Promise.resolve({ kind: 'lost', cause: this.#lost })
    let isSecure = false
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd)
    const socket = connectTls({ ...options, socket: this.#socket })
    socket.once('secureConnect', () => {
      isSecure = true
      this.#look?.()
    })
    this.#socket = socket
    this.#listen()
    return this.#wait(timeoutMs, () => (isSecure ? socket : null))
  }

  /** `text`: octets as latin1, line ends included. */
  write(text: string): void {
    if (this.#lost === null) this.#socket.write(text, 'latin1')
  }

  read(timeoutMs: number): Promise<Outcome<ReadReply>> {
    return this.#wait(timeoutMs, () => this.#nextReply())
  }

  /** Replies that came without a question. */
  takeReplies(): ReadReply[] {
    const replies: ReadReply[] = []
    for (let reply = this.#nextReply(); reply !== null; reply = this.#nextReply()) replies.push(reply)
    return replies
  }

  /** What came, and is no reply yet. */
  takePending(): string {
    const pending = this.#reader.pending
    this.#reader = new ReplyReader(this.#limits.maxReplyOctets)
    return pending
  }

  close(): void {
    this.#fail({ kind: 'aborted' })
  }

  #listen(): void {
    this.#socket.on('data', this.#onData).on('error', this.#onError).on('end', this.#onEnd).on('close', this.#onEnd)
  }

  /** What has come before the end counts, hence the look before the loss. */
  #wait<T>(timeoutMs: number, look: () => T | null): Promise<Outcome<T>> {
    this.#waitsSince = this.#limits.now()
    return new Promise((resolve) => {
      const cancelTimer = this.#limits.startTimer(timeoutMs, () => {
        this.#fail(this.#noiseOr({ kind: 'timeout', afterMs: timeoutMs, heard: this.#heard() }))
      })
      this.#look = () => {
        const value = look()
        if (value === null && this.#lost === null) return
        this.#look = null
        cancelTimer()
        resolve(value === null ? { kind: 'lost', cause: this.#lost ?? { kind: 'aborted' } } : { kind: 'ok', value })
      }
      this.#look()
    })
  }

  #nextReply(): ReadReply | null {
    const last = this.#last.shift()
    if (last !== undefined) return last
    const next = this.#reader.next()
    switch (next.kind) {
      case 'reply':
        return next.reply
      case 'incomplete':
        return null
      case 'fault':
        this.#lose({ kind: 'malformed', fault: next.fault, heard: this.#heard() })
        return null
    }
  }

  /** The other side went, or was torn away. A last line without its end is a line. */
  #leave(cause: (heard: string) => EndCause): void {
    if (this.#lost !== null) return
    this.#reader.end()
    this.#last = this.takeReplies()
    this.#lose(this.#noiseOr(cause(this.#heard())))
    this.#look?.()
  }

  #fail(cause: EndCause): void {
    this.#lose(cause)
    this.#look?.()
  }

  #lose(cause: EndCause): void {
    if (this.#lost !== null) return
    this.#lost = cause
    this.#cancelDeadline()
    this.#limits.signal?.removeEventListener('abort', this.#onAbort)
    this.#socket.destroy()
  }

  #heard(): string {
    return this.#reader.pending.slice(0, MAX_HEARD_OCTETS)
  }

  /** Who has sent whole lines and no code does not speak SMTP; that it then waited for us is not the point. */
  #noiseOr(cause: EndCause): EndCause {
    return this.#reader.hasOnlyNoise ? { kind: 'malformed', fault: 'noCode', heard: this.#heard() } : cause
  }
}

function causeOf(error: NodeJS.ErrnoException, heard: string, elapsedMs: number): EndCause {
  const code = error.code ?? error.name
  switch (code) {
    case 'ECONNREFUSED':
      return { kind: 'refused' }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return { kind: 'unreachable', code }
    case 'ETIMEDOUT':
      return { kind: 'timeout', afterMs: elapsedMs, heard }
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return { kind: 'reset', heard }
    default:
      return code.startsWith('ERR_') || code === 'EPROTO' ? { kind: 'tlsFailed', code, reason: reasonOf(error) } : { kind: 'local', code }
  }
}

/** OpenSSL's own words, without the file and line that it adds. */
function reasonOf(error: Error): string {
  return ('reason' in error && typeof error.reason === 'string' ? error.reason : error.message).slice(0, MAX_HEARD_OCTETS)
}
