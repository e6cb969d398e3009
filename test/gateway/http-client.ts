/** Whoever asks over HTTP, for tests: with Node's own client, or octet by octet. */
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { connect, type Socket } from 'node:net'
import { parseListenAddress } from '../../src/gateway/listen.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Asking {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** One request on a connection of its own. */
export function ask(to: string, { path = '/v1/check', method = 'POST', headers = {}, body = '' }: Asking): Promise<HttpAnswer> {
  const where = target(to)
  const options: RequestOptions = { ...('path' in where ? { socketPath: where.path } : where), path, method, agent: false }
  const length = { 'Content-Length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const asking = httpRequest({ ...options, headers: { 'Content-Type': 'application/json', ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('latin1') })
      })
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

export async function check(to: string, request: object, path = '/v1/check'): Promise<Record<string, unknown>> {
  const { body } = await ask(to, { path, body: JSON.stringify(request) })
  return JSON.parse(body) as Record<string, unknown>
}

/** A connection that says what it is told, and keeps what it hears until the server hangs up. */
export class RawClient {
  readonly socket: Socket
  /** All that was heard. */
  readonly closed: Promise<string>

  private constructor(socket: Socket) {
    this.socket = socket
    const chunks: Buffer[] = []
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve(Buffer.concat(chunks).toString('latin1'))
      })
    })
  }

  static async connect(to: string): Promise<RawClient> {
    // As a client that goes on listening when it has nothing more to say, and the other way round.
    const socket = connect({ ...target(to), allowHalfOpen: false })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawClient(socket)
  }

  /** Sends, closes its side if so told, and waits for the server to hang up. */
  async say(text: string | Buffer, { thenEnd = false } = {}): Promise<string> {
    this.socket.write(text)
    if (thenEnd) this.socket.end()
    return this.closed
  }
}

function target(to: string): { path: string } | { host: string; port: number } {
  const where = parseListenAddress(to)
  if (!where) throw new TypeError(`not an address: ${to}`)
  return where.kind === 'unix' ? { path: where.path } : { host: where.host, port: where.port }
}
