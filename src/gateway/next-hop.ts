/**
 * The next hop as the gateway sees it: what it offers, and sessions in which it has been told who the client is (XCLIENT, PROXY).
 * It is asked for its extensions at the start, and every later session renews that. It sends no mail by itself.
 */
import type { ReceivedReply } from '../wire/smtp-reply.ts'
import { formatListenAddress, type ListenAddress } from './listen.ts'
import { NO_CAPABILITIES, readCapabilities, type NextHopCapabilities } from './next-hop-capabilities.ts'
import { heloArgument, proxyLine, xclientCommands, type IntroducedClient } from './next-hop-client.ts'
import { connectNextHop, NextHopConnection, tlsNames, type Heard } from './next-hop-connection.ts'

/** RFC 5321 §4.5.3.2. */
export interface NextHopTimeouts {
  readonly connectMs: number
  readonly greetingMs: number
  /** EHLO, XCLIENT, STARTTLS and RSET, for which the RFC names no time, and the TLS handshake. */
  readonly setupMs: number
  readonly mailMs: number
  readonly rcptMs: number
  readonly dataMs: number
  readonly dataBlockMs: number
  readonly dataEndMs: number
}

export const DEFAULT_NEXT_HOP_TIMEOUTS: NextHopTimeouts = {
  connectMs: 30_000,
  greetingMs: 300_000,
  setupMs: 60_000,
  mailMs: 300_000,
  rcptMs: 300_000,
  dataMs: 120_000,
  dataBlockMs: 180_000,
  dataEndMs: 600_000,
}

export interface NextHopSettings {
  readonly address: ListenAddress
  /** `opportunistic` unless given: TLS where it is offered, without it where the handshake fails. */
  readonly tls?: 'opportunistic' | 'required' | 'never' | undefined
  /** Whether the certificate must be valid. Unless given: where TLS is required. */
  readonly tlsVerify?: boolean | undefined
  /** The name that the certificate must have, if it is not that of the address. */
  readonly tlsName?: string | undefined
  /** In the place of the well-known authorities, in PEM. */
  readonly tlsCa?: string | undefined
  /** A PROXY header (version 1) goes ahead of everything; such a next hop takes connections in no other way. */
  readonly proxyHeader?: boolean | undefined
  readonly timeouts?: Partial<NextHopTimeouts> | undefined
}

export interface NextHopSession {
  readonly connection: NextHopConnection
  readonly capabilities: NextHopCapabilities
}

export type Opened =
  | { readonly kind: 'session'; readonly session: NextHopSession }
  /** It is this client that the next hop does not want. */
  | { readonly kind: 'refused'; readonly reply: ReceivedReply }
  | { readonly kind: 'failed'; readonly reason: string }

export class NextHop {
  readonly timeouts: NextHopTimeouts
  readonly #settings: NextHopSettings
  readonly #ourName: string
  readonly #onTrouble: (error: Error) => void
  readonly #open = new Set<NextHopConnection>()
  /** Calls off what is being opened. */
  readonly #opening = new Set<() => void>()
  #isClosed = false
  #known: NextHopCapabilities | null = null
  #probe: Promise<void> | null = null

  constructor(settings: NextHopSettings, ourName: string, onTrouble: (error: Error) => void) {
    this.#settings = settings
    this.#ourName = ourName
    this.#onTrouble = onTrouble
    this.timeouts = { ...DEFAULT_NEXT_HOP_TIMEOUTS, ...settings.timeouts }
  }

  /** Null as long as it has never been reached. */
  async capabilities(): Promise<NextHopCapabilities | null> {
    if (this.#known === null) await (this.#probe ??= this.#learn())
    return this.#known
  }

  /** `client` null: nobody is introduced. */
  async open(client: IntroducedClient | null, signal: AbortSignal): Promise<Opened> {
    const controller = new AbortController()
    // By hand: AbortSignal.any() would tie each client to a signal that lives as long as the gateway.
    const abort = (): void => {
      controller.abort()
    }
    if (signal.aborted || this.#isClosed) abort()
    signal.addEventListener('abort', abort)
    this.#opening.add(abort)
    const opened = await this.#openWith(client, controller.signal)
    signal.removeEventListener('abort', abort)
    this.#opening.delete(abort)
    if (opened.kind === 'session') this.#known = opened.session.capabilities
    return opened
  }

  /** One line for whoever logs: which next hop, and what of it. */
  report(reason: string): void {
    this.#onTrouble(new Error(`next hop ${formatListenAddress(this.#settings.address)}: ${reason}`))
  }

  /** Cuts off what is left. */
  close(): void {
    this.#isClosed = true
    for (const abort of this.#opening) abort()
    for (const connection of [...this.#open]) connection.destroy()
  }

  async #learn(): Promise<void> {
    const opened = await this.open(null, new AbortController().signal)
    if (opened.kind === 'session') opened.session.connection.quit()
    else if (!this.#isClosed) this.report(opened.kind === 'failed' ? opened.reason : String(opened.reply.code))
    this.#probe = null
  }

  async #openWith(client: IntroducedClient | null, signal: AbortSignal): Promise<Opened> {
    const { tls = 'opportunistic' } = this.#settings
    const first = await this.#attempt(client, tls !== 'never', signal)
    const opened = first.kind === 'tlsFailed' && tls === 'opportunistic' ? await this.#attempt(client, false, signal) : first
    return opened.kind === 'tlsFailed' ? { kind: 'failed', reason: opened.reason } : opened
  }

  async #attempt(client: IntroducedClient | null, useTls: boolean, signal: AbortSignal): Promise<Opened | TlsFailed> {
    const socket = await connectNextHop(this.#settings.address, this.timeouts.connectMs, signal)
    if (typeof socket === 'string') return { kind: 'failed', reason: socket }
    const connection = new NextHopConnection(socket, () => this.#open.delete(connection))
    this.#open.add(connection)
    const abort = (): void => {
      connection.destroy()
    }
    signal.addEventListener('abort', abort)
    const opened = await this.#introduce(connection, client, useTls)
    signal.removeEventListener('abort', abort)
    if (opened.kind !== 'session') connection.quit()
    return opened
  }

  async #introduce(connection: NextHopConnection, client: IntroducedClient | null, useTls: boolean): Promise<Opened | TlsFailed> {
    const { proxyHeader = false } = this.#settings
    const greeting = await connection.greeting(proxyHeader ? proxyLine(client) : '', this.timeouts.greetingMs)
    // A server that has been told the client's address may refuse this one; otherwise it refuses us.
    if (!isCode(greeting, 220)) return proxyHeader && client !== null ? aboutClient('greeting', greeting) : failed('greeting', greeting)
    let hello = await this.#hello(connection, this.#ourName)
    if (hello.kind !== 'hello') return failed('EHLO', hello)
    if (useTls) {
      const problem = await this.#startTls(connection, hello.capabilities)
      if (problem !== null) return problem
      if (connection.isSecure) hello = await this.#hello(connection, this.#ourName)
      if (hello.kind !== 'hello') return failed('EHLO', hello)
    }
    const commands = client === null ? [] : xclientCommands(client, hello.capabilities.xclient)
    for (const command of commands) {
      const answer = await connection.command(command, this.timeouts.setupMs)
      if (!isCode(answer, 220)) return aboutClient('XCLIENT', answer)
    }
    if (client !== null && commands.length > 0) {
      hello = await this.#hello(connection, heloArgument(client.claimedName, this.#ourName))
      if (hello.kind !== 'hello') return aboutClient('EHLO', hello)
    }
    return { kind: 'session', session: { connection, capabilities: hello.capabilities } }
  }

  /** A server that knows no EHLO is asked with HELO. */
  async #hello(connection: NextHopConnection, name: string): Promise<Heard | Hello> {
    const answer = await connection.command(`EHLO ${name}`, this.timeouts.setupMs)
    if (isCode(answer, 250)) return { kind: 'hello', capabilities: readCapabilities(answer.reply) }
    if (!isCode(answer, 500) && !isCode(answer, 502)) return answer
    const plain = await connection.command(`HELO ${name}`, this.timeouts.setupMs)
    return isCode(plain, 250) ? { kind: 'hello', capabilities: NO_CAPABILITIES } : plain
  }

  async #startTls(connection: NextHopConnection, { startTls }: NextHopCapabilities): Promise<TlsFailed | null> {
    const { address, tls, tlsVerify = tls === 'required', tlsName, tlsCa } = this.#settings
    const answer = startTls ? await connection.command('STARTTLS', this.timeouts.setupMs) : null
    if (answer !== null && isCode(answer, 220)) {
      const name = tlsName ?? (address.kind === 'tcp' ? address.host : 'localhost')
      const options = { ...tlsNames(name), rejectUnauthorized: tlsVerify, minVersion: 'TLSv1.2' as const, ...(tlsCa ? { ca: tlsCa } : {}) }
      const reason = await connection.startTls(options, this.timeouts.setupMs)
      return reason === null ? null : { kind: 'tlsFailed', reason }
    }
    if (answer?.kind === 'lost') return { kind: 'tlsFailed', reason: `STARTTLS: ${answer.reason}` }
    return tls === 'required' ? { kind: 'tlsFailed', reason: startTls ? 'STARTTLS is refused' : 'STARTTLS is not offered' } : null
  }
}

interface Hello {
  readonly kind: 'hello'
  readonly capabilities: NextHopCapabilities
}

interface TlsFailed {
  readonly kind: 'tlsFailed'
  readonly reason: string
}

function isCode(heard: Heard, code: number): heard is Extract<Heard, { kind: 'reply' }> {
  return heard.kind === 'reply' && heard.reply.code === code
}

function failed(step: string, heard: Heard): Opened {
  return { kind: 'failed', reason: `${step}: ${heard.kind === 'lost' ? heard.reason : String(heard.reply.code)}` }
}

/** A command that is not understood is trouble between the two servers, and no reason to refuse anybody. */
function aboutClient(step: string, heard: Heard): Opened {
  const isRefusal = heard.kind === 'reply' && heard.reply.code >= 400 && !NOT_UNDERSTOOD.has(heard.reply.code)
  return isRefusal ? { kind: 'refused', reply: heard.reply } : failed(step, heard)
}

const NOT_UNDERSTOOD: ReadonlySet<number> = new Set([500, 501, 502, 503, 504])
