/**
 * Plain UDP and TCP clients for tests of DNS servers: they send what they are told, right or wrong, and show every answer that comes.
 * They never wait for time to pass: to see that there is no answer, ask another question behind and see that its answer is the first.
 */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { connect } from 'node:net'
import { name } from '../../src/core/domain-name.ts'
import type { RecordType } from '../../src/core/dns-record.ts'
import { decodeMessage, type DnsMessage, type Edns } from '../../src/wire/dns.ts'
import { formatRecord } from '../../src/wire/zone-file.ts'
import { framed, octetsOf, readFramed } from './dns-peer.ts'

interface Server {
  readonly address: string
  readonly port: number
}

export const PLAIN_EDNS: Edns = { udpPayloadSize: 1232, version: 0, dnssecOk: false, options: [] }

/** A query with RD, without EDNS. */
export function question(asked: string, type: RecordType, overrides: Partial<DnsMessage> = {}): DnsMessage {
  return {
    ...{ id: 1, isResponse: false, opcode: 0, authoritative: false, truncated: false, recursionDesired: true, recursionAvailable: false },
    ...{ authenticated: false, checkingDisabled: false, rcode: 0, questions: [{ name: name(asked), type, classCode: 1 }] },
    ...{ answers: [], authorities: [], additionals: [], edns: null },
    ...overrides,
  }
}

export interface UdpClient extends AsyncDisposable {
  readonly port: number
  send(message: DnsMessage | Uint8Array): void
  /** The next datagram, whoever sent it. */
  next(): Promise<{ readonly bytes: Buffer; readonly from: RemoteInfo }>
  ask(message: DnsMessage | Uint8Array): Promise<DnsMessage>
}

export async function udpClient(server: Server): Promise<UdpClient> {
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
  const datagrams = queue<{ bytes: Buffer; from: RemoteInfo }>()
  socket.on('message', (bytes, from) => {
    datagrams.push({ bytes, from })
  })
  await new Promise<void>((resolve) => socket.bind(0, server.address, resolve))
  const send = (message: DnsMessage | Uint8Array): void => {
    socket.send(octetsOf(message), server.port, server.address)
  }
  return {
    port: socket.address().port,
    send,
    next: datagrams.next,
    ask: async (message) => {
      send(message)
      return read((await datagrams.next()).bytes)
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) =>
        socket.close(() => {
          resolve()
        }),
      ),
  }
}

export interface TcpClient extends AsyncDisposable {
  /** Behind its length. */
  send(...messages: readonly (DnsMessage | Uint8Array)[]): void
  /** As it is. */
  write(octets: Uint8Array): void
  end(): void
  next(): Promise<Buffer>
  ask(message: DnsMessage | Uint8Array): Promise<DnsMessage>
  /** When the server has closed the connection. */
  readonly closed: Promise<void>
}

export async function tcpClient(server: Server): Promise<TcpClient> {
  const socket = connect({ host: server.address, port: server.port, noDelay: true })
  const messages = queue<Buffer>()
  readFramed(socket, (bytes) => {
    messages.push(bytes)
  })
  // A reset is one of the ways to be closed.
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) =>
    socket.on('close', () => {
      resolve()
    }),
  )
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject)
  })
  const send = (...all: readonly (DnsMessage | Uint8Array)[]): void => {
    socket.write(Buffer.concat(all.map((message) => framed(octetsOf(message)))))
  }
  return {
    send,
    write: (octets) => void socket.write(octets),
    end: () => void socket.end(),
    next: messages.next,
    ask: async (message) => {
      send(message)
      return read(await messages.next())
    },
    closed,
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      await closed
    },
  }
}

export function read(bytes: Uint8Array): DnsMessage {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'malformed') throw new Error(`malformed answer: ${decoded.error} at ${String(decoded.offset)}`)
  return decoded.message
}

/** The answer section, a line a record. */
export function answerLines(message: DnsMessage): readonly string[] {
  return message.answers.map(formatRecord)
}

function queue<T>(): { push(item: T): void; next: () => Promise<T> } {
  const items: T[] = []
  const waiting: ((item: T) => void)[] = []
  return {
    push: (item) => {
      const waiter = waiting.shift()
      if (waiter === undefined) items.push(item)
      else waiter(item)
    },
    next: () => {
      const item = items.shift()
      return item === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(item)
    },
  }
}
