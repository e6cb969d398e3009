/**
 * One TCP connection to the embedded server (RFC 7766): messages behind their length, many in flight, answers as they are ready.
 * Bounded in memory, in answers that are due, and in the time that a whole message may take to arrive.
 */
import type { Socket } from 'node:net'

interface TcpAnswer {
  /** Null for none. */
  readonly bytes: Uint8Array | null
  readonly delayMs: number
  readonly copies: number
  readonly close: boolean
}

export interface TcpConnectionOptions {
  /** Undefined for octets that are no question at all: the connection is closed. */
  readonly answer: (message: Uint8Array) => TcpAnswer | undefined
  /** Calls back after that many milliseconds; false when too many calls are due already. */
  readonly later: (ms: number, callback: () => void) => boolean
  /** Like `later` without that bound; gives a function that cancels. */
  readonly timer: (ms: number, callback: () => void) => () => void
  readonly idleMs: number
  readonly maxPipelined: number
  readonly onError: (error: Error) => void
}

export function serveTcpConnection(socket: Socket, options: TcpConnectionOptions): void {
  const connection = new TcpConnection(socket, options)
  socket.on('data', (chunk) => {
    connection.receive(chunk)
  })
  socket.on('drain', () => {
    connection.resume()
  })
  socket.on('end', () => {
    connection.peerEnded()
  })
  socket.on('close', () => {
    connection.stop()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // A peer that goes away is no fault of ours.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') options.onError(error)
  })
}

class TcpConnection {
  readonly #socket: Socket
  readonly #options: TcpConnectionOptions
  readonly #lengthOctets = Buffer.alloc(2)
  #message: Buffer | undefined
  #filled = 0
  #pending = 0
  #hasEnded = false
  #cancelIdle: () => void

  constructor(socket: Socket, options: TcpConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#cancelIdle = this.#armIdle()
  }

  receive(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0 && !this.#socket.destroyed) {
      const target = this.#message ?? this.#lengthOctets
      const copied = rest.copy(target, this.#filled, 0, target.length - this.#filled)
      this.#filled += copied
      rest = rest.subarray(copied)
      if (this.#filled === target.length) this.#takeFilled()
    }
    if (this.#pending >= this.#options.maxPipelined || this.#socket.writableNeedDrain) this.#socket.pause()
  }

  resume(): void {
    if (this.#pending < this.#options.maxPipelined && !this.#socket.writableNeedDrain) this.#socket.resume()
  }

  /** Answers that are due are still sent (RFC 7766 §6.2.4). */
  peerEnded(): void {
    this.#hasEnded = true
    if (this.#pending === 0) this.#socket.end()
  }

  stop(): void {
    this.#cancelIdle()
  }

  /** Either the two octets of a length or a whole message have arrived. */
  #takeFilled(): void {
    this.#filled = 0
    if (this.#message === undefined) {
      const length = this.#lengthOctets.readUInt16BE()
      if (length === 0) this.#socket.destroy()
      else this.#message = Buffer.allocUnsafe(length)
      return
    }
    const message = this.#message
    this.#message = undefined
    this.#cancelIdle()
    this.#cancelIdle = this.#armIdle()
    this.#answer(message)
  }

  #answer(message: Buffer): void {
    const answer = this.#options.answer(message)
    if (answer === undefined) {
      this.#socket.destroy()
      return
    }
    if (answer.delayMs === 0) {
      this.#send(answer)
      return
    }
    this.#pending++
    const isScheduled = this.#options.later(answer.delayMs, () => {
      this.#pending--
      this.#send(answer)
      if (this.#hasEnded && this.#pending === 0) this.#socket.end()
      this.resume()
    })
    if (!isScheduled) this.#pending--
  }

  #send({ bytes, copies, close }: TcpAnswer): void {
    if (this.#socket.destroyed) return
    if (bytes !== null) {
      const frame = Buffer.allocUnsafe(2 + bytes.length)
      frame.writeUInt16BE(bytes.length)
      frame.set(bytes, 2)
      for (let copy = 0; copy < copies; copy++) this.#socket.write(frame)
    }
    if (close) this.#socket.destroy()
  }

  #armIdle(): () => void {
    return this.#options.timer(this.#options.idleMs, () => {
      if (this.#pending === 0) this.#socket.destroy()
      else this.#cancelIdle = this.#armIdle()
    })
  }
}
