/**
 * A DNS server under a test's control: UDP and TCP on one free loopback port. Each query is handed to the script, which replies
 * with a message or with any octets, at once, later, several times, from another source, or not at all.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { parseAddress, type IpAddress } from '../../src/core/address.ts'
import { decodeMessage, encodeMessage, type DnsMessage, type DnsQuestion } from '../../src/wire/dns.ts'

export interface PeerQuery {
  readonly transport: 'udp' | 'tcp'
  readonly message: DnsMessage
  readonly question: DnsQuestion
  /** As it came, in the case in which it came. */
  readonly bytes: Buffer
  /** The port from which it was sent. */
  readonly sourcePort: number
  /** What a truthful server sends back, with these parts. */
  answer(parts?: Partial<DnsMessage>): DnsMessage
  reply(answer: DnsMessage | Uint8Array): void
  /** From another port, or from another loopback address and port. UDP only. */
  replyFrom(source: UdpSocket, answer: DnsMessage | Uint8Array): void
  /** Octets without a length before them. TCP only. */
  write(octets: Uint8Array): void
  /** Ends the connection that it came on. TCP only. */
  hangUp(): void
}

export interface DnsPeer {
  readonly server: { readonly address: IpAddress; readonly port: number }
  /** In the order of arrival. */
  readonly queries: readonly PeerQuery[]
  /** Connections accepted so far, and those open now. */
  readonly connections: { readonly accepted: number; readonly open: number; readonly mostOpen: number }
  script: (query: PeerQuery) => void
  /** When the query with this number (from 1) has arrived. */
  queryArrived(number: number): Promise<PeerQuery>
  /** When one of its connections is closed for good, or at once if that has happened and nobody was told. */
  connectionClosed(): Promise<void>
  /** Connections are refused from now on. */
  refuseTcp(): void
  close(): Promise<void>
}

export async function startDnsPeer(script: (query: PeerQuery) => void = () => undefined, host = '127.0.0.1'): Promise<DnsPeer> {
  const { udp, tcp, port } = await bindBoth(host)
  const queries: PeerQuery[] = []
  const waiting = new Map<number, (query: PeerQuery) => void>()
  const sockets = new Set<Socket>()
  let untoldClosures = 0
  let tellClosure: (() => void) | undefined
  const connections = { accepted: 0, open: 0, mostOpen: 0 }
  const address = parseAddress(host)
  if (!address) throw new TypeError(host)
  const peer: DnsPeer = {
    server: { address, port },
    queries,
    connections,
    script,
    queryArrived(number) {
      const known = queries[number - 1]
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.set(number, resolve))
    },
    async connectionClosed() {
      if (untoldClosures === 0) await new Promise<void>((resolve) => (tellClosure = resolve))
      untoldClosures--
    },
    refuseTcp() {
      tcp.close()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([new Promise<void>((resolve) => udp.close(resolve)), new Promise((resolve) => tcp.close(resolve))])
    },
  }
  const receive = (query: PeerQuery): void => {
    queries.push(query)
    peer.script(query)
    waiting.get(queries.length)?.(query)
  }
  udp.on('message', (bytes, remote) => {
    receive(udpQuery(udp, bytes, remote))
  })
  tcp.on('connection', (socket) => {
    sockets.add(socket)
    connections.accepted++
    connections.mostOpen = Math.max(connections.mostOpen, ++connections.open)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      connections.open--
      untoldClosures++
      tellClosure?.()
    })
    readFramed(socket, (bytes) => {
      receive(tcpQuery(socket, bytes))
    })
  })
  return peer
}

/** A socket for answers from the wrong source. */
export async function strangerSocket(host = '127.0.0.1'): Promise<UdpSocket> {
  const socket = createSocket('udp4')
  socket.bind(0, host)
  await once(socket, 'listening')
  return socket
}

export function octetsOf(answer: DnsMessage | Uint8Array): Uint8Array {
  return answer instanceof Uint8Array ? answer : encodeMessage(answer)
}

function udpQuery(udp: UdpSocket, bytes: Buffer, remote: RemoteInfo): PeerQuery {
  return {
    ...readQuery(bytes),
    transport: 'udp',
    sourcePort: remote.port,
    reply(answer) {
      udp.send(octetsOf(answer), remote.port, remote.address)
    },
    replyFrom(source, answer) {
      source.send(octetsOf(answer), remote.port, remote.address)
    },
    write() {
      throw new TypeError('a datagram has no connection')
    },
    hangUp() {
      throw new TypeError('a datagram has no connection')
    },
  }
}

function tcpQuery(socket: Socket, bytes: Buffer): PeerQuery {
  return {
    ...readQuery(bytes),
    transport: 'tcp',
    sourcePort: socket.remotePort ?? 0,
    reply(answer) {
      socket.write(framed(octetsOf(answer)))
    },
    replyFrom() {
      throw new TypeError('a connection has one source')
    },
    write(octets) {
      socket.write(octets)
    },
    hangUp() {
      socket.end()
    },
  }
}

export function framed(octets: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(octets.length >> 8, octets.length & 255), octets])
}

function readQuery(bytes: Buffer): Pick<PeerQuery, 'message' | 'question' | 'bytes' | 'answer'> {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'malformed') throw new Error(`the client sent a malformed query: ${decoded.error}`)
  const { message } = decoded
  const [question] = message.questions
  if (!question || message.isResponse) throw new Error('the client sent no query')
  return {
    message,
    question,
    bytes,
    answer: (parts) => ({ ...message, isResponse: true, recursionAvailable: true, authenticated: false, ...parts }),
  }
}

/** Each message behind its length (RFC 1035 §4.2.2). */
export function readFramed(socket: Socket, onMessage: (bytes: Buffer) => void): void {
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0)
      const bytes = received.subarray(2, end)
      received = received.subarray(end)
      onMessage(bytes)
    }
  })
}

async function bindBoth(host: string): Promise<{ udp: UdpSocket; tcp: Server; port: number }> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const tcp = createServer().listen(0, host)
    await once(tcp, 'listening')
    const { port } = tcp.address() as AddressInfo
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const isBound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => {
        resolve(false)
      })
      udp.bind(port, host, () => {
        resolve(true)
      })
    })
    if (isBound) return { udp, tcp, port }
    udp.close()
    tcp.close()
  }
  throw new Error('no port is free for both UDP and TCP')
}
