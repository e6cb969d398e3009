/**
 * One connection to the next hop: a command and its reply, message data with backpressure, STARTTLS. Whatever goes wrong is a value.
 * nodemailer's SMTPConnection neither gives MAIL and RCPT one by one nor streams a message with their replies, hence this one.
 * A reply that nobody asked for ends the connection, since no later one could be told from it (RFC 3207 §5 among others).
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { ReceivedReply } from '../wire/smtp-reply.ts'
import type { ListenAddress } from './listen.ts'
import { ReplyReader } from './next-hop-replies.ts'

export type Heard =
  | { readonly kind: 'reply'; readonly reply: ReceivedReply }
  /** Whether the last command was carried out cannot be known. */
  | { readonly kind: 'lost'; readonly reason: string }

const QUIT_MS = 5000

export class NextHopConnection {
  #socket: Socket
  #replies = new ReplyReader()
  /** It was said while nobody asked; in the midst of message data this is how a server refuses the rest. */
  #early: ReceivedReply | null = null
  #lost: string | null = null
  #hear: ((heard: Heard) => void) | null = null
  #wake: (() => void) | null = null
  #isSending = false
  readonly #onData = (octets: Buffer): void => {
    this.#receive(octets)
  }
  readonly #onDrain = (): void => this.#wake?.()
  readonly #onEnd = (): void => {
    this.#fail('closed by the next hop')
  }
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#fail(error.code ?? error.message)
  }

  constructor(socket: Socket, onClosed: () => void) {
    this.#socket = socket
    socket.once('close', onClosed)
    this.#listen()
  }

  get isSecure(): boolean {
    return 'encrypted' in this.#socket
  }

  /** Open, and nothing was said since the last reply. */
  get isUsable(): boolean {
    return this.#isListening() && !this.#replies.isMidReply
  }

  /** `first`: octets that go ahead of it. */
  greeting(first: string, timeoutMs: number): Promise<Heard> {
    if (first !== '') this.#socket.write(first, 'latin1')
    return this.#read(timeoutMs)
  }

  #read(timeoutMs: number): Promise<Heard> {
    const early = this.#takeEarly()
    if (early !== null) return Promise.resolve(early)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#fail('timeout')
      }, timeoutMs)
      this.#hear = (heard) => {
        clearTimeout(timer)
        this.#hear = null
        resolve(heard)
      }
    })
  }

  /** `line`: octets as latin1, without line end. */
  command(line: string, timeoutMs: number): Promise<Heard> {
    if (!this.isUsable) return this.#isOver()
    this.#socket.write(`${line}\r\n`, 'latin1')
    return this.#read(timeoutMs)
  }

  /** Of message data, in transparent form. Resolves when more may come; false if there is no use in it. */
  async send(chunk: Buffer, timeoutMs: number): Promise<boolean> {
    this.#isSending = true
    if (!this.#isListening()) return false
    if (this.#socket.write(chunk)) return true
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#fail('timeout')
      }, timeoutMs)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
    })
    return this.#isListening()
  }

  /** The only place that writes the dot. What was said before it counts as the answer only if it refuses. */
  finish(timeoutMs: number): Promise<Heard> {
    if (!this.isUsable) return this.#isOver()
    this.#isSending = false
    return this.command('.', timeoutMs)
  }

  /** Behind the 220 there must be nothing: what an attacker has put there would be read as said under TLS. */
  async startTls(options: ConnectionOptions, timeoutMs: number): Promise<string | null> {
    if (!this.isUsable) return this.#lost ?? 'text behind the reply to STARTTLS'
    this.#unlisten()
    const secure = connectTls({ ...options, socket: this.#socket })
    this.#socket = secure
    this.#replies = new ReplyReader()
    const problem = await settled(secure, 'secureConnect', timeoutMs)
    this.#listen()
    if (problem !== null) this.#fail(`TLS handshake: ${problem}`)
    return this.#lost
  }

  /** Says goodbye and waits for nothing; whatever is under way is cut off. */
  quit(): void {
    if (!this.isUsable || this.#hear !== null || this.#isSending) {
      this.destroy()
      return
    }
    const socket = this.#socket
    socket.end('QUIT\r\n')
    this.#lost = 'closed'
    const timer = setTimeout(() => socket.destroy(), QUIT_MS)
    timer.unref()
    socket.once('close', () => {
      clearTimeout(timer)
    })
  }

  /** No dot follows, so a message that is under way is void for the next hop. */
  destroy(): void {
    this.#fail('closed')
  }

  #listen(): void {
    this.#socket
      .on('data', this.#onData)
      .on('drain', this.#onDrain)
      .on('error', this.#onError)
      .on('end', this.#onEnd)
      .on('close', this.#onEnd)
  }

  /** Errors stay heard: one that nobody listens for would end the process. */
  #unlisten(): void {
    this.#socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd).off('close', this.#onEnd)
  }

  #receive(octets: Buffer): void {
    if (this.#lost !== null) return
    this.#replies.push(octets)
    for (;;) {
      const next = this.#replies.next()
      if (next.kind === 'incomplete') return
      if (next.kind === 'fault') {
        this.#fail(next.reason)
        return
      }
      if (this.#hear !== null) {
        this.#hear(next)
      } else if (this.#early === null) {
        this.#early = next.reply
        this.#wake?.()
      } else {
        this.#fail('more replies than commands')
        return
      }
    }
  }

  #isListening(): boolean {
    return this.#lost === null && this.#early === null
  }

  #isOver(): Promise<Heard> {
    const early = this.#takeEarly()
    return Promise.resolve(early ?? { kind: 'lost', reason: this.#lost ?? 'closed' })
  }

  /** A refusal ahead of its time is as good as one in time; for anything else the next hop has lost its place, or we have. */
  #takeEarly(): Heard | null {
    if (this.#early === null) return this.#lost === null ? null : { kind: 'lost', reason: this.#lost }
    const early = this.#early
    this.#fail('closed')
    return this.#isSending && early.code >= 400
      ? { kind: 'reply', reply: early }
      : { kind: 'lost', reason: `unexpected reply ${String(early.code)}` }
  }

  #fail(reason: string): void {
    this.#lost ??= reason
    this.#socket.destroy()
    this.#hear?.({ kind: 'lost', reason: this.#lost })
    this.#wake?.()
  }
}

/** The reason why there is none, else the socket. The caller owns it, and so its end. */
export function connectNextHop(address: ListenAddress, timeoutMs: number, signal: AbortSignal): Promise<Socket | string> {
  const socket =
    address.kind === 'unix' ? connect({ path: address.path }) : connect({ host: address.host, port: address.port, noDelay: true })
  return settled(socket, 'connect', timeoutMs, signal).then((problem) => problem ?? socket)
}

/** What the certificate must name: an address is compared as one, and is no server name in TLS. */
export function tlsNames(name: string): Pick<ConnectionOptions, 'host' | 'servername'> {
  return isIP(name) === 0 ? { host: name, servername: name } : { host: name }
}

/** Null when the event has come, else what came in its place; then the socket is gone. */
function settled(socket: Socket, event: 'connect' | 'secureConnect', timeoutMs: number, signal?: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const settle = (problem: string | null): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.off(event, onEvent).off('error', onError).off('close', onClose)
      socket.on('error', () => undefined)
      if (problem !== null) socket.destroy()
      resolve(problem)
    }
    const onEvent = (): void => {
      settle(null)
    }
    const onError = (error: NodeJS.ErrnoException): void => {
      settle(error.code ?? error.message)
    }
    const onClose = (): void => {
      settle('closed')
    }
    const onAbort = (): void => {
      settle('aborted')
    }
    const timer = setTimeout(() => {
      settle('timeout')
    }, timeoutMs)
    socket.once(event, onEvent).once('error', onError).once('close', onClose)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
  })
}
