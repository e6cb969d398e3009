/**
 * Queries out, answers in: every answer is checked against the query that it claims to answer (RFC 5452 §9.1) before anybody
 * sees it. It neither retries nor chooses servers; what comes of an attempt is reported, and the client decides.
 */
import type { RemoteInfo } from 'node:dgram'
import type { DnsWireFault } from '../wire/byte-reader.ts'
import { HEADER_OCTETS } from '../wire/byte-reader.ts'
import { FLAG, RCODE } from '../wire/dns.ts'
import type { DnsReply, QueryOptions } from '../wire/dns-query.ts'
import { compareQuestion, encodeQuery, questionEndOf, ReplyReader, setCase } from '../wire/dns-query.ts'
import type { Clock } from './client-deadlines.ts'
import { Deadlines } from './client-deadlines.ts'
import { SendLane } from './client-lane.ts'
import type { Lookup } from './client-lookup.ts'
import { Attempt } from './client-lookup.ts'
import type { FillRandom } from './client-random.ts'
import { RandomPool } from './client-random.ts'
import type { UpstreamServer } from './client-server.ts'
import type { DnsClientStatistics, Mutable, Rejection } from './client-statistics.ts'
import type { TcpPoolSettings } from './client-tcp.ts'
import { TcpPool } from './client-tcp.ts'
import type { UdpPoolSettings, UdpSocket } from './client-udp.ts'
import { UdpPool } from './client-udp.ts'

export interface ExchangeSettings {
  readonly timeoutMs: number
  /** Datagrams to one server that it may not have read yet. */
  readonly maxUnreadQueries: number
  readonly case0x20: boolean
  readonly random: FillRandom
  readonly clock: Clock
  readonly udp: UdpPoolSettings
  readonly tcp: TcpPoolSettings
}

export interface ExchangeEvents {
  readonly onReply: (attempt: Attempt, reply: DnsReply) => void
  /** It passed every check, and cannot be read. */
  readonly onMalformed: (attempt: Attempt, fault: DnsWireFault) => void
  /** From the right source with the right id, but cut off before the question could be compared. The attempt goes on. */
  readonly onCutOff: (attempt: Attempt) => void
  readonly onTruncated: (attempt: Attempt) => void
  /** All is right but the case of the question. The attempt goes on. */
  readonly onCaseDiffers: (attempt: Attempt) => void
  readonly onTimeout: (attempt: Attempt) => void
  readonly onUnreachable: (attempt: Attempt, reason: string) => void
}

export class Exchange {
  readonly #settings: ExchangeSettings
  readonly #events: ExchangeEvents
  readonly #statistics: Mutable<DnsClientStatistics>
  readonly #servers: readonly UpstreamServer[]
  readonly #random: RandomPool
  readonly #deadlines: Deadlines<Attempt>
  readonly #reader = new ReplyReader()
  readonly #udp4: UdpPool
  readonly #udp6: UdpPool
  readonly #tcp: TcpPool
  readonly #lanes: readonly SendLane<Attempt>[]

  constructor(
    settings: ExchangeSettings,
    servers: readonly UpstreamServer[],
    statistics: Mutable<DnsClientStatistics>,
    events: ExchangeEvents,
  ) {
    this.#settings = settings
    this.#servers = servers
    this.#statistics = statistics
    this.#events = events
    this.#lanes = servers.map(() => new SendLane(settings.clock, settings.maxUnreadQueries, this.#sendDatagram))
    this.#random = new RandomPool(settings.random)
    this.#deadlines = new Deadlines(settings.clock, settings.timeoutMs, events.onTimeout)
    const onSocketError = (socket: UdpSocket, error: Error): void => {
      for (const attempt of socket.attempts.entries()) events.onUnreachable(attempt, error.message)
    }
    const onDatagram = (socket: UdpSocket, bytes: Buffer, remote: RemoteInfo): void => {
      this.#onDatagram(socket, bytes, remote)
    }
    this.#udp4 = new UdpPool(4, settings.udp, this.#random, { onDatagram, onSocketError })
    this.#udp6 = new UdpPool(6, settings.udp, this.#random, { onDatagram, onSocketError })
    this.#tcp = new TcpPool(settings.tcp, {
      onMessage: (attempt, bytes) => {
        this.#onTcpMessage(attempt, bytes)
      },
      onFailure: events.onUnreachable,
    })
  }

  get socketsOpened(): number {
    return this.#udp4.socketsOpened + this.#udp6.socketsOpened
  }

  get connectionsOpened(): number {
    return this.#tcp.connectionsOpened
  }

  /** The lookup's current attempt is the new one. It leaves with others, a little later. */
  sendUdp(lookup: Lookup, server: UpstreamServer, options: QueryOptions): void {
    const attempt = new Attempt(lookup, server, options)
    lookup.current = attempt
    this.#lanes[server.index]?.push(attempt)
  }

  sendTcp(lookup: Lookup, server: UpstreamServer, options: QueryOptions): void {
    const attempt = new Attempt(lookup, server, options)
    lookup.current = attempt
    attempt.id = this.#random.uint16()
    this.#encode(attempt)
    this.#statistics.tcpQueries++
    this.#deadlines.add(attempt, this.#settings.clock.now())
    this.#tcp.start(attempt)
  }

  /** Its time does not run any more, if it did; an answer is still welcome. */
  stopClock(attempt: Attempt): void {
    this.#deadlines.remove(attempt)
  }

  /** Nothing will be reported of this attempt any more. */
  release(attempt: Attempt): void {
    if (attempt.isReleased) return
    attempt.isReleased = true
    this.#deadlines.remove(attempt)
    if (attempt.socket === null) this.#tcp.cancel(attempt)
    else (attempt.server.family === 4 ? this.#udp4 : this.#udp6).release(attempt.socket, attempt)
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes) lane.close()
    this.#tcp.close()
    await Promise.all([this.#udp4.close(), this.#udp6.close()])
  }

  readonly #sendDatagram = (attempt: Attempt, now: number, isFirstOfBatch: boolean): void => {
    // Meanwhile the question may have been answered, or have gone another way.
    if (attempt.isReleased || attempt.lookup.current !== attempt) return
    const { server } = attempt
    const socket = (server.family === 4 ? this.#udp4 : this.#udp6).register(attempt, now, isFirstOfBatch)
    if (socket.error !== null) {
      this.#events.onUnreachable(attempt, socket.error.message)
      return
    }
    this.#encode(attempt)
    this.#statistics.udpQueries++
    this.#deadlines.add(attempt, now)
    if (server.isAnswering) socket.handle.send(attempt.query, server.port, server.host)
    else this.#sendWatched(attempt, socket)
  }

  #encode(attempt: Attempt): void {
    const { lookup, options } = attempt
    const query = encodeQuery(attempt.id, lookup.name, lookup.typeCode, options)
    attempt.query = query
    attempt.questionEnd = questionEndOf(query, options)
    // One bit for each octet of the name.
    if (this.#checksCase(attempt)) setCase(query, attempt.questionEnd, this.#random.bytes, this.#random.take(query.length >> 3))
  }

  #checksCase(attempt: Attempt): boolean {
    return this.#settings.case0x20 && !attempt.server.manglesCase
  }

  /** A server that does not answer may be one that cannot be reached: that is worth knowing before the time is up. */
  #sendWatched(attempt: Attempt, socket: UdpSocket): void {
    socket.handle.send(attempt.query, attempt.server.port, attempt.server.host, (error) => {
      if (error !== null && !attempt.isReleased) this.#events.onUnreachable(attempt, error.message)
    })
  }

  #onDatagram(socket: UdpSocket, bytes: Buffer, remote: RemoteInfo): void {
    const attempt = bytes.length < HEADER_OCTETS ? null : socket.attempts.get(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0))
    if (attempt?.server.isSource(remote.address, remote.port) !== true) {
      this.#reject(this.#reasonFor(attempt, bytes, remote))
      return
    }
    const questionEnd = this.#checkedQuestionEnd(attempt, bytes)
    if (questionEnd < 0) return
    this.#lanes[attempt.server.index]?.settle(attempt)
    if (((bytes[2] ?? 0) & (FLAG.TC >> 8)) !== 0) this.#events.onTruncated(attempt)
    else this.#read(attempt, bytes, questionEnd)
  }

  #reasonFor(attempt: Attempt | null, bytes: Buffer, remote: RemoteInfo): Rejection {
    const isServer = attempt === null && this.#servers.some((server) => server.isSource(remote.address, remote.port))
    if (!isServer) return 'source'
    return bytes.length < HEADER_OCTETS ? 'short' : 'id'
  }

  /** TC means nothing over TCP. */
  #onTcpMessage(attempt: Attempt, bytes: Buffer): void {
    const hasId = bytes.length >= HEADER_OCTETS && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) === attempt.id
    const questionEnd = hasId ? this.#checkedQuestionEnd(attempt, bytes) : this.#reject('id')
    if (questionEnd < 0) return
    this.#tcp.complete(attempt)
    this.#read(attempt, bytes, questionEnd)
  }

  /** Where the question of the answer ends; negative if it does not answer the attempt. */
  #checkedQuestionEnd(attempt: Attempt, bytes: Buffer): number {
    const flags = bytes[2] ?? 0
    if ((flags & RESPONSE_MASK) !== RESPONSE) return this.#reject('notResponse')
    switch (compareQuestion(bytes, attempt.query, attempt.questionEnd)) {
      case 'same':
        return attempt.questionEnd
      case 'caseDiffers':
        return this.#checkCase(attempt)
      case 'incomplete':
        this.#events.onCutOff(attempt)
        return this.#reject('short')
      case 'absent':
        // Servers that do not know EDNS may give back a bare header (RFC 6891 §7). All that it leads to is a query without EDNS.
        return NO_EDNS_RCODES.has((bytes[3] ?? 0) & 15) ? HEADER_OCTETS : this.#reject('question')
      case 'other':
        return this.#reject('question')
    }
  }

  /** Over TCP nobody else can have sent it, so the server itself does not keep the case of names. */
  #checkCase(attempt: Attempt): number {
    if (!this.#checksCase(attempt)) return attempt.questionEnd
    if (attempt.socket === null) {
      attempt.server.manglesCase = true
      return attempt.questionEnd
    }
    this.#events.onCaseDiffers(attempt)
    return this.#reject('case')
  }

  #read(attempt: Attempt, bytes: Buffer, questionEnd: number): void {
    const { name, typeCode } = attempt.lookup
    const reply = this.#reader.read(bytes, questionEnd, name, typeCode)
    if (reply !== null) this.#events.onReply(attempt, reply)
    else this.#events.onMalformed(attempt, this.#reader.fault ?? { error: 'incomplete', offset: bytes.length })
  }

  #reject(reason: Rejection): -1 {
    this.#statistics.rejected[reason]++
    return -1
  }
}

/** QR and the opcode in the third octet. */
const RESPONSE_MASK = 0xf8
const RESPONSE = 0x80
const NO_EDNS_RCODES: ReadonlySet<number> = new Set([RCODE.FORMERR, RCODE.NOTIMP])
