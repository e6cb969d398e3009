/**
 * The stub client's TCP connections (RFC 7766), for answers that do not fit into a datagram: one query at a time on each, kept
 * for a while for the next one, and never more than a set number of them. Who waits for one does so within his own deadline.
 */
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { Attempt } from './client-lookup.ts'
import type { UpstreamServer } from './client-server.ts'

export interface TcpPoolSettings {
  /** All servers together. */
  readonly maxConnections: number
  readonly idleMs: number
}

export interface TcpPoolEvents {
  /** Whoever takes it for the answer calls `complete`; until then the connection goes on listening. */
  readonly onMessage: (attempt: Attempt, bytes: Buffer) => void
  /** There will be no answer to this attempt. */
  readonly onFailure: (attempt: Attempt, reason: string) => void
}

interface Connection {
  readonly server: UpstreamServer
  readonly socket: Socket
  attempt: Attempt | null
  readonly frames: FrameReader
  /** Answered before: if it fails now, the server may just have closed an idle connection. */
  isReused: boolean
}

const LENGTH_OCTETS = 2

export class TcpPool {
  connectionsOpened = 0
  readonly #settings: TcpPoolSettings
  readonly #events: TcpPoolEvents
  readonly #connections = new Set<Connection>()
  readonly #waiting = new Set<Attempt>()
  readonly #connectionOf = new Map<Attempt, Connection>()

  constructor(settings: TcpPoolSettings, events: TcpPoolEvents) {
    this.#settings = settings
    this.#events = events
  }

  start(attempt: Attempt): void {
    const idle = this.#idleConnection((connection) => connection.server === attempt.server)
    if (idle !== undefined) {
      idle.isReused = true
      this.#send(idle, attempt)
      return
    }
    // A connection to another server that nobody uses makes room.
    const spare = this.#connections.size < this.#settings.maxConnections ? undefined : this.#idleConnection(() => true)
    if (spare !== undefined) this.#drop(spare)
    if (this.#connections.size < this.#settings.maxConnections) this.#open(attempt)
    else this.#waiting.add(attempt)
  }

  /** The attempt has its answer, and its connection is free for another. */
  complete(attempt: Attempt): void {
    const connection = this.#connectionOf.get(attempt)
    if (connection === undefined) return
    this.#connectionOf.delete(attempt)
    connection.attempt = null
    if (!connection.frames.isEmpty) this.#drop(connection)
    else connection.socket.setTimeout(this.#settings.idleMs)
    this.#startWaiting()
  }

  /** The answer is not wanted any more. Whatever may still come on its connection would only confuse the next query. */
  cancel(attempt: Attempt): void {
    this.#waiting.delete(attempt)
    const connection = this.#connectionOf.get(attempt)
    if (connection === undefined) return
    this.#drop(connection)
    this.#startWaiting()
  }

  close(): void {
    this.#waiting.clear()
    for (const connection of [...this.#connections]) this.#drop(connection)
  }

  #idleConnection(isFit: (connection: Connection) => boolean): Connection | undefined {
    for (const connection of this.#connections) if (connection.attempt === null && isFit(connection)) return connection
    return undefined
  }

  #open(attempt: Attempt): void {
    const { server } = attempt
    const socket = connect({ host: server.host, port: server.port, family: server.family, noDelay: true })
    const connection: Connection = { server, socket, attempt: null, frames: new FrameReader(), isReused: false }
    this.#connections.add(connection)
    this.connectionsOpened++
    // While something is outstanding its timer keeps the process alive.
    socket.unref()
    socket.on('data', (chunk) => {
      this.#onData(connection, chunk)
    })
    socket.on('error', (error) => {
      this.#onEnd(connection, error.message)
    })
    socket.on('close', () => {
      this.#onEnd(connection, 'the server closed the connection')
    })
    socket.on('timeout', () => {
      if (connection.attempt === null) this.#drop(connection)
    })
    this.#send(connection, attempt)
  }

  #send(connection: Connection, attempt: Attempt): void {
    connection.attempt = attempt
    this.#connectionOf.set(attempt, connection)
    connection.socket.setTimeout(0)
    // One segment for both (RFC 7766 §8).
    const framed = Buffer.allocUnsafe(LENGTH_OCTETS + attempt.query.length)
    framed.writeUInt16BE(attempt.query.length, 0)
    attempt.query.copy(framed, LENGTH_OCTETS)
    connection.socket.write(framed)
  }

  #onData(connection: Connection, chunk: Buffer): void {
    connection.frames.add(chunk)
    while (this.#connections.has(connection) && !connection.frames.isEmpty) {
      const { attempt } = connection
      if (attempt === null) {
        // Nothing was asked: the server speaks out of turn.
        this.#drop(connection)
        this.#startWaiting()
        return
      }
      const message = connection.frames.take()
      if (message === null) return
      this.#events.onMessage(attempt, message)
    }
  }

  #onEnd(connection: Connection, reason: string): void {
    if (!this.#connections.has(connection)) return
    const { attempt } = connection
    const mayBeStale = connection.isReused && connection.frames.isEmpty
    this.#drop(connection)
    if (attempt !== null && mayBeStale) this.#open(attempt)
    else if (attempt !== null) this.#events.onFailure(attempt, reason)
    this.#startWaiting()
  }

  #drop(connection: Connection): void {
    this.#connections.delete(connection)
    if (connection.attempt !== null) this.#connectionOf.delete(connection.attempt)
    connection.attempt = null
    connection.socket.destroy()
  }

  #startWaiting(): void {
    for (const attempt of this.#waiting) {
      if (this.#connections.size >= this.#settings.maxConnections && this.#idleConnection(() => true) === undefined) return
      this.#waiting.delete(attempt)
      this.start(attempt)
    }
  }
}

/** Messages behind a length of two octets (RFC 1035 §4.2.2), in whatever pieces they come. */
class FrameReader {
  #pieces: Buffer[] = []
  #octets = 0

  get isEmpty(): boolean {
    return this.#octets === 0
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#octets += piece.length
  }

  /** The next whole message, or null. Pieces are joined twice a message at most, however small they are. */
  take(): Buffer | null {
    if (this.#octets < LENGTH_OCTETS) return null
    if ((this.#pieces[0]?.length ?? 0) < LENGTH_OCTETS) this.#join()
    const end = LENGTH_OCTETS + (this.#pieces[0]?.readUInt16BE(0) ?? 0)
    if (this.#octets < end) return null
    const all = this.#join()
    this.#pieces = [all.subarray(end)]
    this.#octets -= end
    return all.subarray(LENGTH_OCTETS, end)
  }

  #join(): Buffer {
    const all = this.#pieces.length === 1 && this.#pieces[0] !== undefined ? this.#pieces[0] : Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all
  }
}
