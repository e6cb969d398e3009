/**
 * An SMTP server that follows a script, a step at a time, and misbehaves exactly as it says: at any byte, in clear or under TLS.
 * It knows no time of its own: where a script waits, the test is asked to let time pass. What the client does against the script,
 * such as talking before the greeting, is kept in `complaints`.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket, type SecureContextOptions, type SecureVersion } from 'node:tls'

export type Step =
  /** Octets as latin1, line ends included. `pieces`: octet by octet. */
  | { readonly do: 'say'; readonly text: string; readonly inPieces: boolean }
  /** Waits for a line that begins so. */
  | { readonly do: 'hear'; readonly start: string }
  /** Says the text in clear, then does the server's part of a handshake. */
  | { readonly do: 'secure'; readonly text: string; readonly options: SecureOptions }
  /** Waits for any octets, such as the first of a handshake. */
  | { readonly do: 'hearAnything' }
  /** Says nothing more, until the client has lost its patience. */
  | { readonly do: 'stall' }
  | { readonly do: 'pass'; readonly ms: number }
  /** Speaks on and on, until the client is gone. */
  | { readonly do: 'flood'; readonly text: string }
  /** No more from here; it still listens. */
  | { readonly do: 'halfClose' }
  | { readonly do: 'close' }
  | { readonly do: 'reset' }
  /** Whatever the test wants done now, such as calling the client off. */
  | { readonly do: 'run'; readonly action: () => void }

export interface SecureOptions extends SecureContextOptions {
  /** Octets that came in clear are read on as if they had come under TLS: the fault of CVE-2011-0411. */
  readonly keepsClearText?: boolean
  readonly minVersion?: SecureVersion
  readonly maxVersion?: SecureVersion
}

export interface Watcher {
  /** The script has nothing more to say until the client gives up. */
  stalled(): Promise<void>
  passed(ms: number): Promise<void>
}

export const say = (text: string): Step => ({ do: 'say', text, inPieces: false })
export const sayInPieces = (text: string): Step => ({ do: 'say', text, inPieces: true })
/** A well-formed reply of these lines. */
export const reply = (code: number, ...lines: readonly string[]): Step =>
  say(lines.map((line, index) => `${String(code)}${index === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join(''))
export const hear = (start: string): Step => ({ do: 'hear', start })
export const hearAnything: Step = { do: 'hearAnything' }
export const secure = (options: SecureOptions, text = ''): Step => ({ do: 'secure', text, options })
export const stall: Step = { do: 'stall' }
export const pass = (ms: number): Step => ({ do: 'pass', ms })
export const flood = (text: string): Step => ({ do: 'flood', text })
export const halfClose: Step = { do: 'halfClose' }
export const close: Step = { do: 'close' }
export const reset: Step = { do: 'reset' }
export const run = (action: () => void): Step => ({ do: 'run', action })

/** A server may well show a key that OpenSSL's default level refuses to load. */
const EVERY_CIPHER = 'DEFAULT:@SECLEVEL=0'

export class ScriptedSmtp {
  readonly complaints: string[] = []
  /** Every line that clients have sent. */
  readonly heard: string[] = []
  connections = 0
  readonly #server: Server
  readonly #scripts: readonly (readonly Step[])[]
  readonly #watcher: Watcher
  readonly #sockets = new Set<Socket>()
  readonly #running = new Set<Promise<void>>()

  private constructor(scripts: readonly (readonly Step[])[], watcher: Watcher) {
    this.#scripts = scripts
    this.#watcher = watcher
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket)
    })
  }

  /** A script a connection, in order; further connections get the last. */
  static async listen(scripts: readonly (readonly Step[])[], watcher: Watcher, host = '127.0.0.1'): Promise<ScriptedSmtp> {
    const peer = new ScriptedSmtp(scripts, watcher)
    peer.#server.listen(0, host, BACKLOG)
    await once(peer.#server, 'listening')
    return peer
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#running)
  }

  #accept(socket: Socket): void {
    const script = this.#scripts[Math.min(this.connections, this.#scripts.length - 1)] ?? []
    this.connections++
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    const running = this.#play(new Line(socket), script).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #play(line: Line, script: readonly Step[]): Promise<void> {
    let hasSpoken = false
    for (const step of script) {
      if (step.do === 'say' && !hasSpoken) {
        if (line.buffered !== '') this.complaints.push(`talked early: ${JSON.stringify(line.buffered)}`)
        hasSpoken = true
      }
      if (!(await this.#take(step, line))) break
    }
    line.socket.end()
    await line.gone()
    line.socket.destroy()
  }

  /** False when the client is gone, or has done what the script does not have. */
  async #take(step: Step, line: Line): Promise<boolean> {
    switch (step.do) {
      case 'say':
        for (const text of step.inPieces ? [...step.text] : [step.text]) await line.write(text)
        return true
      case 'hear':
        return this.#hear(step.start, line)
      case 'hearAnything':
        await line.anything()
        return true
      case 'secure':
        return line.secure(step.text, step.options)
      case 'stall':
        await this.#watcher.stalled()
        return line.gone()
      case 'pass':
        await this.#watcher.passed(step.ms)
        return true
      case 'flood':
        for (let count = 0; count < MAX_FLOOD && !line.isGone; count++) {
          await line.write(step.text)
          await new Promise((resolve) => setImmediate(resolve))
        }
        if (!line.isGone) this.complaints.push('took a flood to its end')
        return true
      case 'halfClose':
        line.socket.end()
        return line.gone()
      case 'close':
        line.socket.end()
        await line.gone()
        return false
      case 'reset':
        line.reset()
        return false
      case 'run':
        step.action()
        return true
    }
  }

  async #hear(start: string, line: Line): Promise<boolean> {
    const heard = await line.next()
    if (heard !== null) this.heard.push(heard)
    if (heard?.toUpperCase().startsWith(start.toUpperCase()) === true) return true
    this.complaints.push(`expected ${start}, came ${heard === null ? 'the end' : JSON.stringify(heard)}`)
    return false
  }
}

/** Node's own, 511, is too few for a thousand clients at once: some would stay connected to nobody. */
const BACKLOG = 4096
/** Sixteen times what a client may hold of one reply, if the text has 1 kB. */
const MAX_FLOOD = 2000

/** One client: its octets, and whether it is still there. */
class Line {
  socket: Socket
  buffered = ''
  isGone = false
  #wake: (() => void) | null = null
  readonly #onData = (octets: Buffer): void => {
    this.buffered += octets.toString('latin1')
    this.#wake?.()
  }
  readonly #onGone = (): void => {
    this.isGone = true
    this.#wake?.()
  }

  /** The TCP connection, also under TLS. */
  readonly #plain: Socket

  constructor(socket: Socket) {
    this.socket = socket
    this.#plain = socket
    this.#listen()
  }

  async write(text: string): Promise<void> {
    if (this.isGone || !this.socket.writable) return
    await new Promise<void>((resolve) => {
      this.socket.write(text, 'latin1', () => {
        resolve()
      })
    })
  }

  reset(): void {
    this.#plain.resetAndDestroy()
  }

  async next(): Promise<string | null> {
    await this.#until(() => this.buffered.includes('\n'))
    const end = this.buffered.indexOf('\n')
    if (end < 0) return null
    const line = this.buffered.slice(0, end).replace(/\r$/, '')
    this.buffered = this.buffered.slice(end + 1)
    return line
  }

  async anything(): Promise<void> {
    await this.#until(() => this.buffered !== '')
  }

  async gone(): Promise<false> {
    await this.#until(() => this.isGone)
    return false
  }

  /** Whoever hears the text may begin the handshake at once, so that the ear for it is put on before. */
  async secure(text: string, { keepsClearText = false, ...options }: SecureOptions): Promise<boolean> {
    this.socket.off('data', this.#onData).off('end', this.#onGone).off('close', this.#onGone)
    if (text !== '') this.socket.write(text, 'latin1')
    if (!keepsClearText) this.buffered = ''
    this.socket = new TLSSocket(this.#plain, { isServer: true, secureContext: createSecureContext({ ciphers: EVERY_CIPHER, ...options }) })
    let isSecure = false
    this.socket.once('secure', () => {
      isSecure = true
      this.#wake?.()
    })
    this.#plain.once('close', this.#onGone)
    this.#listen()
    await this.#until(() => isSecure)
    return isSecure
  }

  #listen(): void {
    this.socket.on('data', this.#onData).on('error', this.#onGone).on('end', this.#onGone).on('close', this.#onGone)
  }

  /** Also returns when the client is gone. */
  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.isGone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
