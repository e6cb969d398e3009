/**
 * The stub client's UDP sockets: a pool of random source ports, one drawn for each batch of queries (RFC 5452 §9.2). A socket that has
 * served its time is replaced at its next use, and closed when nothing is outstanding on it. Ports are the kernel's choice.
 */
import type { RemoteInfo, Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import type { Attempt } from './client-lookup.ts'
import type { RandomPool } from './client-random.ts'
import { IdTable } from './client-table.ts'

export interface UdpPoolSettings {
  /** Sockets of each address family. */
  readonly sockets: number
  readonly maxQueriesPerSocket: number
  readonly maxSocketAgeMs: number
}

export interface UdpPoolEvents {
  readonly onDatagram: (socket: UdpSocket, bytes: Buffer, remote: RemoteInfo) => void
  /** Nothing can be received on this socket any more; what was outstanding on it will not be answered. */
  readonly onSocketError: (socket: UdpSocket, error: Error) => void
}

export class UdpSocket {
  /** Tries that wait for an answer on this port. */
  readonly attempts = new IdTable<Attempt>()
  queries = 0
  isRetired = false
  isClosed = false
  /** Why it is of no use, if it is not. */
  error: Error | null = null
  readonly openedAt: number
  readonly handle: Socket

  constructor(handle: Socket, openedAt: number) {
    this.handle = handle
    this.openedAt = openedAt
  }
}

/** A burst of answers must not be lost while the event loop is busy; the kernel cuts this down to what it allows. */
const RECEIVE_BUFFER_OCTETS = 4 << 20
/** Retired sockets still open, for each socket of the pool, beyond which no more are retired. */
const MAX_RETIRED_PER_SOCKET = 4

export class UdpPool {
  socketsOpened = 0
  readonly #family: 4 | 6
  readonly #settings: UdpPoolSettings
  readonly #random: RandomPool
  readonly #events: UdpPoolEvents
  readonly #sockets: (UdpSocket | null)[]
  #last: UdpSocket | null = null
  readonly #retired = new Set<UdpSocket>()
  readonly #closing = new Set<Promise<void>>()

  constructor(family: 4 | 6, settings: UdpPoolSettings, random: RandomPool, events: UdpPoolEvents) {
    this.#family = family
    this.#settings = settings
    this.#random = random
    this.#events = events
    this.#sockets = Array<UdpSocket | null>(settings.sockets).fill(null)
  }

  /**
   * A random socket, or the last one again, and in it a random id that is not in use. It may be one that could not be opened:
   * see its `error`. Answers that come in on one socket at a time cost much less than those that come in on all of them.
   */
  register(attempt: Attempt, now: number, drawAnew: boolean): UdpSocket {
    if (drawAnew || this.#last === null || this.#last.isClosed || this.#isWornOut(this.#last, now)) this.#last = this.#draw(now)
    const socket = this.#last
    if (socket.error !== null) return socket
    let id = this.#random.uint16()
    while (socket.attempts.get(id) !== null) id = this.#random.uint16()
    attempt.id = id
    attempt.socket = socket
    socket.attempts.add(attempt)
    socket.queries++
    return socket
  }

  release(socket: UdpSocket, attempt: Attempt): void {
    socket.attempts.delete(attempt)
    if (socket.isRetired && socket.attempts.size === 0) this.#close(socket)
  }

  async close(): Promise<void> {
    for (const socket of [...this.#sockets, ...this.#retired]) if (socket !== null) this.#close(socket)
    this.#sockets.fill(null)
    await Promise.all(this.#closing)
  }

  #draw(now: number): UdpSocket {
    const slot = this.#random.uint16() % this.#sockets.length
    const socket = this.#sockets[slot] ?? null
    if (socket !== null && !this.#isWornOut(socket, now)) return socket
    if (socket !== null) this.#retire(socket)
    const fresh = this.#open(slot, now)
    this.#sockets[slot] = fresh.error === null ? fresh : null
    return fresh
  }

  #isWornOut(socket: UdpSocket, now: number): boolean {
    const { maxQueriesPerSocket, maxSocketAgeMs } = this.#settings
    const isOld = socket.queries >= maxQueriesPerSocket || now - socket.openedAt >= maxSocketAgeMs
    return isOld && this.#retired.size < this.#sockets.length * MAX_RETIRED_PER_SOCKET
  }

  #retire(socket: UdpSocket): void {
    socket.isRetired = true
    if (socket.attempts.size === 0) this.#close(socket)
    else this.#retired.add(socket)
  }

  #open(slot: number, now: number): UdpSocket {
    const isIpv6 = this.#family === 6
    const handle = createSocket({
      type: isIpv6 ? 'udp6' : 'udp4',
      ipv6Only: isIpv6,
      // Addresses only: without this each query would go through the thread pool of getaddrinfo.
      lookup: (address, _options, callback) => {
        callback(null, address, this.#family)
      },
    })
    const socket = new UdpSocket(handle, now)
    handle.on('message', (bytes, remote) => {
      this.#events.onDatagram(socket, bytes, remote)
    })
    handle.on('error', (error) => {
      socket.error = error
      if (this.#sockets[slot] === socket) this.#sockets[slot] = null
      this.#close(socket)
      this.#events.onSocketError(socket, error)
    })
    handle.once('listening', () => {
      handle.setRecvBufferSize(RECEIVE_BUFFER_OCTETS)
    })
    // Not shared with other workers of a cluster. While something is outstanding its timer keeps the process alive.
    handle.bind({ port: 0, address: isIpv6 ? '::' : '0.0.0.0', exclusive: true })
    handle.unref()
    this.socketsOpened++
    return socket
  }

  #close(socket: UdpSocket): void {
    this.#retired.delete(socket)
    if (socket.isClosed) return
    socket.isClosed = true
    const closed = new Promise<void>((resolve) => {
      socket.handle.close(resolve)
    })
    this.#closing.add(closed)
    void closed.then(() => this.#closing.delete(closed))
  }
}
