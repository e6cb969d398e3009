/**
 * The part of a test client that all protocols share: a connection to a front end, and what comes from there, read one by one.
 */
import { connect, type Socket } from 'node:net'
import { parseListenAddress } from '../../src/gateway/listen.ts'

export class SocketReader<T> implements AsyncDisposable {
  readonly socket: Socket
  /** Resolves when the connection is closed on both sides. */
  readonly closed: Promise<void>
  readonly #items: T[] = []
  #hasEnded = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket, decode: (chunk: Buffer) => readonly T[]) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#items.push(...decode(chunk))
      this.#wake()
    })
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.#hasEnded = true
        this.#wake()
      })
  }

  static async connect<T>(to: string, decode: (chunk: Buffer) => readonly T[]): Promise<SocketReader<T>> {
    const where = parseListenAddress(to)
    if (!where) throw new TypeError(`not an address: ${to}`)
    const socket = connect(where.kind === 'unix' ? { path: where.path } : { host: where.host, port: where.port })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new SocketReader(socket, decode)
  }

  async read(): Promise<T> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) return item
      if (this.#hasEnded) throw new Error('the front end has hung up')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
  }
}
