/**
 * The HTTP front end: Node's own server on TCP or a unix socket, and its bounds. Routes are in http-app.ts. HTTP/1.0 is
 * served, and so is a client that has closed its side after the request (Exim's readsocket does). Whoever breaks the protocol
 * or is too slow loses that one connection, and it is counted.
 */
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Hono } from 'hono'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { GateSettings } from '../engine/gate.ts'
import { startFrontEnd, type FrontEndHandle } from './front-end.ts'
import type { GateEvent } from './gate-event.ts'
import { createHttpApp, errorResponse, errorText } from './http-app.ts'
import type { ListenAddress, ServedConnection } from './listen.ts'

export interface HttpLimits {
  readonly maxConnections: number
  /** Requests of one connection that wait for their answers at the same time (pipelining). */
  readonly maxRequestsAtOnce: number
  readonly maxHeaderOctets: number
  readonly maxBodyOctets: number
  /** From the connection, or the first octet of a later request. */
  readonly headersTimeoutMs: number
  /** As before, the body included. */
  readonly requestTimeoutMs: number
  /** Between two requests. */
  readonly idleTimeoutMs: number
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxConnections: 10_000,
  maxRequestsAtOnce: 16,
  maxHeaderOctets: 8192,
  maxBodyOctets: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  idleTimeoutMs: 60_000,
}

export interface HttpOptions {
  readonly address: ListenAddress
  readonly gate: GateSettings
  /** Domain names by which it may be asked, beside its authserv-id. An address and a name of one label always may. */
  readonly hosts?: readonly string[] | undefined
  /** Adds routes, behind the same guards. Those that stream without end must end themselves before `close`. */
  readonly mount?: ((app: Hono) => void) | undefined
  readonly limits?: Partial<HttpLimits> | undefined
  readonly onEvent?: ((event: GateEvent) => void) | undefined
}

export async function startHttp(options: HttpOptions): Promise<FrontEndHandle> {
  const limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits }
  const onEvent = options.onEvent ?? ((): void => undefined)
  let { gate } = options
  const app = createHttpApp({
    gate: () => gate,
    hosts: [...(options.hosts ?? []), ...(options.address.kind === 'tcp' ? [options.address.host] : [])],
    maxBodyOctets: limits.maxBodyOctets,
    onEvent,
    mount: options.mount,
  })
  const connections = new WeakMap<Duplex, HttpConnection>()
  const server = createHttpServer(limits)
  const answer = requestListener(app, onEvent)
  server.on('request', (incoming, outgoing) => {
    if (connections.get(incoming.socket)?.begin(outgoing) === true) answer(incoming, outgoing)
  })
  server.on('clientError', (error, socket) => {
    const fault = faultOf(error)
    if (fault !== null) onEvent({ kind: 'protocolError', reason: fault.reason })
    connections.get(socket)?.fail(fault)
  })
  return startFrontEnd({
    address: options.address,
    maxConnections: limits.maxConnections,
    server,
    onEvent,
    serve: (socket) => {
      const connection = new HttpConnection(socket, limits.maxRequestsAtOnce, onEvent)
      connections.set(socket, connection)
      return connection
    },
    reload: (settings) => {
      gate = settings
    },
  })
}

function createHttpServer(limits: HttpLimits): Server {
  const server = createServer({
    noDelay: true,
    maxHeaderSize: limits.maxHeaderOctets,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  })
  // Else Node hangs up on a client that has closed its side and still waits for the answer.
  return Object.assign(server, { httpAllowHalfOpen: true })
}

function requestListener(app: Hono, onEvent: (event: GateEvent) => void): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const listener = getRequestListener(app.fetch, {
    // HTTP/1.0 knows no Host.
    hostname: 'localhost',
    overrideGlobalObjects: false,
    errorHandler: (error) => {
      if (error instanceof RequestError) {
        onEvent({ kind: 'protocolError', reason: 'badRequest' })
        return errorResponse(400, 'badRequest', [{ path: '', message: 'the target or the Host of the request is malformed' }])
      }
      onEvent({ kind: 'internalError', error })
      return errorResponse(500, 'internalError', [])
    },
  })
  return (incoming, outgoing) => {
    // A client that hangs up: seen as the end of the connection.
    incoming.on('error', () => undefined)
    outgoing.on('error', () => undefined)
    void listener(incoming, outgoing)
  }
}

interface HttpFault {
  readonly status: 400 | 408 | 431
  readonly phrase: string
  readonly reason: string
}

/** Null for a client that has just gone. */
function faultOf(error: Error & { readonly code?: string }): HttpFault | null {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return null
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, phrase: 'Request Timeout', reason: 'timeout' }
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, phrase: 'Request Header Fields Too Large', reason: 'headersTooLarge' }
    case 'HPE_INVALID_EOF_STATE':
      return { status: 400, phrase: 'Bad Request', reason: 'cutOff' }
    default:
      return { status: 400, phrase: 'Bad Request', reason: 'malformed' }
  }
}

class HttpConnection implements ServedConnection {
  readonly #socket: Socket
  readonly #maxRequestsAtOnce: number
  readonly #onEvent: (event: GateEvent) => void
  readonly #waiting = new Set<ServerResponse>()
  #isDraining = false

  constructor(socket: Socket, maxRequestsAtOnce: number, onEvent: (event: GateEvent) => void) {
    this.#socket = socket
    this.#maxRequestsAtOnce = maxRequestsAtOnce
    this.#onEvent = onEvent
  }

  /** False when there are too many at once: then the connection is gone. */
  begin(outgoing: ServerResponse): boolean {
    if (this.#socket.destroyed) return false
    if (this.#waiting.size >= this.#maxRequestsAtOnce) {
      this.#onEvent({ kind: 'protocolError', reason: 'tooManyRequestsAtOnce' })
      this.#socket.destroy()
      return false
    }
    this.#waiting.add(outgoing)
    if (this.#isDraining) outgoing.shouldKeepAlive = false
    outgoing.once('close', () => {
      this.#waiting.delete(outgoing)
      if (this.#isDraining && this.#waiting.size === 0) this.#socket.destroySoon()
    })
    return true
  }

  fail(fault: HttpFault | null): void {
    if (fault === null || !this.#socket.writable || !this.#isNextAnswer()) {
      this.#socket.destroy()
      return
    }
    const { status, phrase, reason } = fault
    const body = errorText(status, reason, [])
    const head = [
      'Content-Type: application/json',
      'Cache-Control: no-store',
      `Content-Length: ${String(body.length)}`,
      'Connection: close',
    ]
    this.#socket.write(`HTTP/1.1 ${String(status)} ${phrase}\r\n${head.join('\r\n')}\r\n\r\n${body}`)
    this.#socket.destroySoon()
  }

  /** Where an earlier request waits for its answer, or is being answered, this one would be taken for that. */
  #isNextAnswer(): boolean {
    const [first] = this.#waiting
    return first === undefined || (!first.req.complete && !first.headersSent)
  }

  /** The server has closed those that are idle already; one that is in the midst of a request gets its answer. */
  drain(): void {
    this.#isDraining = true
    for (const outgoing of this.#waiting) outgoing.shouldKeepAlive = false
  }
}
