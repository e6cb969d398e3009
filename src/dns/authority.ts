/**
 * The embedded DNS server: authoritative for the zones that it is given, over UDP and TCP on one port, and able to fail on demand.
 * With RA set and RD answered it can stand in the place of a resolver for its own names; it never asks anybody else.
 */
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram'
import { formatAddress, parseAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { RecordType, ResourceRecord } from '../core/dns-record.ts'
import { decodeMessage, encodeMessage, type DnsMessage } from '../wire/dns.ts'
import { bindEndpoints, closeEndpoint, decoySocket, type BoundEndpoints, type Endpoint } from './authority-endpoint.ts'
import { FaultBook, type DecoyAs, type DnsFault, type DnsFaultStep, type DnsTransport } from './authority-faults.ts'
import { encodeMalformed } from './authority-malformed.ts'
import {
  DEFAULT_AUTHORITY_FLAVOUR,
  planReply,
  replyToUnreadable,
  udpLimit,
  type AuthorityFlavour,
  type ReplyPlan,
} from './authority-reply.ts'
import { serveTcpConnection } from './authority-tcp.ts'
import { AuthorityZones } from './authority-zones.ts'

export type { DnsFault, DnsFaultEffect } from './authority-faults.ts'
export type { AuthorityFlavour } from './authority-reply.ts'

export interface AuthorityOptions {
  /** Zones are where the SOA records are; see `AuthorityZones.unserved` for records under none. */
  readonly records?: Iterable<ResourceRecord>
  /** All with the same port; 127.0.0.1 unless given. */
  readonly addresses?: readonly string[]
  /** 0 (unless given) for any that is free on UDP and TCP. */
  readonly port?: number
  readonly faults?: readonly DnsFault[]
  readonly flavour?: Partial<AuthorityFlavour>
  readonly limits?: Partial<AuthorityLimits>
  /** False to listen on UDP only: TCP connections are then refused. */
  readonly tcp?: boolean
  readonly clock?: AuthorityClock
  /** Closes the server. */
  readonly signal?: AbortSignal
  /** Trouble with a socket after the start. It is counted in any case. */
  readonly onError?: (error: unknown) => void
}

interface AuthorityLimits {
  readonly maxTcpConnections: number
  /** How long a TCP connection may take to bring a whole message. */
  readonly tcpIdleMs: number
  /** Delayed answers of one TCP connection before it is read no further. */
  readonly maxTcpPipelined: number
  /** Delayed answers in all; beyond it they are dropped. */
  readonly maxDelayedAnswers: number
  /** How many of the last queries are remembered. */
  readonly maxLoggedQueries: number
}

const DEFAULT_AUTHORITY_LIMITS: AuthorityLimits = {
  maxTcpConnections: 256,
  tcpIdleMs: 10_000,
  maxTcpPipelined: 100,
  maxDelayedAnswers: 10_000,
  maxLoggedQueries: 1000,
}

export interface AuthorityClock {
  /** Milliseconds that never go back. */
  now(): number
  /** Gives a function that cancels. */
  setTimer(ms: number, callback: () => void): () => void
}

interface LoggedQuery {
  readonly atMs: number
  readonly transport: DnsTransport
  readonly from: { readonly address: string; readonly port: number }
  readonly id: number
  /** In the case that was sent. */
  readonly name: DomainName
  readonly type: RecordType
  readonly recursionDesired: boolean
  /** AD in the query. */
  readonly authenticated: boolean
  readonly checkingDisabled: boolean
  readonly edns: { readonly udpPayloadSize: number; readonly dnssecOk: boolean } | null
  readonly effects: readonly DnsFaultStep['kind'][]
  /** Null where no answer was meant to be given. */
  readonly rcode: number | null
}

interface AuthorityStatistics {
  readonly queries: number
  /** Octets that were no DNS question: dropped, or answered with FORMERR. */
  readonly unreadable: number
  /** Delayed answers beyond `maxDelayedAnswers`. */
  readonly dropped: number
  readonly tcpConnections: number
  /** Beyond `maxTcpConnections`. */
  readonly tcpRefused: number
  readonly errors: number
}

export interface Authority extends AsyncDisposable {
  /** The first of the addresses. */
  readonly address: string
  readonly addresses: readonly string[]
  readonly port: number
  /** As `--resolver` takes it: `127.0.0.1:5300`, `[::1]:5300`. */
  readonly server: string
  readonly zone: AuthorityZones
  readonly faults: {
    /** In the place of all others; times of sequences begin now. */
    set(faults: readonly DnsFault[]): void
    add(fault: DnsFault): void
    clear(name?: string): void
    list(): readonly DnsFault[]
  }
  /** The last queries, oldest first. */
  readonly queries: readonly LoggedQuery[]
  readonly statistics: AuthorityStatistics
  clearQueries(): void
  close(): Promise<void>
}

/** Rejects when an address cannot be bound. */
export async function startAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  options.signal?.throwIfAborted()
  const addresses = (options.addresses ?? ['127.0.0.1']).map((text) => {
    const address = parseAddress(text)
    if (address === undefined) throw new TypeError(`not an address to listen on: ${JSON.stringify(text)}`)
    return address
  })
  const clock = options.clock ?? SYSTEM_CLOCK
  const book = new FaultBook()
  book.set(options.faults ?? [], clock.now())
  const zone = new AuthorityZones(options.records)
  // Last, so that nothing stays bound when the options make no sense.
  const bound = await bindEndpoints(addresses, options.port ?? 0, options.tcp ?? true)
  const server = new AuthorityServer({ ...options, clock }, zone, book, bound)
  if (options.signal?.aborted === true) await server.close()
  return server
}

/** A plan in octets, ready to be sent. */
interface EncodedReply {
  readonly bytes: Uint8Array | null
  readonly decoys: readonly { readonly as: DecoyAs; readonly bytes: Uint8Array }[]
  readonly delayMs: number
  readonly copies: number
  readonly close: boolean
}

class AuthorityServer implements Authority {
  readonly addresses: readonly string[]
  readonly port: number
  readonly zone: AuthorityZones
  readonly faults: Authority['faults']
  readonly #options: AuthorityOptions & { readonly clock: AuthorityClock }
  readonly #flavour: AuthorityFlavour
  readonly #limits: AuthorityLimits
  readonly #clock: AuthorityClock
  readonly #endpoints: readonly Endpoint[]
  readonly #book: FaultBook
  readonly #delayed = new Set<() => void>()
  readonly #connections = new Set<{ destroy(): void }>()
  readonly #statistics = { queries: 0, unreadable: 0, dropped: 0, tcpConnections: 0, tcpRefused: 0, errors: 0 }
  readonly #onAbort = (): void => void this.close()
  readonly #fail = (error: unknown): void => {
    this.#statistics.errors++
    this.#options.onError?.(error)
  }
  #log: LoggedQuery[] = []
  #turn = 0
  #closing: Promise<void> | undefined

  constructor(
    options: AuthorityOptions & { readonly clock: AuthorityClock },
    zone: AuthorityZones,
    book: FaultBook,
    { port, endpoints }: BoundEndpoints,
  ) {
    this.#options = options
    this.#book = book
    this.#flavour = { ...DEFAULT_AUTHORITY_FLAVOUR, ...options.flavour }
    this.#limits = { ...DEFAULT_AUTHORITY_LIMITS, ...options.limits }
    this.#clock = options.clock
    this.#endpoints = endpoints
    this.addresses = endpoints.map((endpoint) => formatAddress(endpoint.address))
    this.port = port
    this.zone = zone
    this.faults = faultsOf(book, options.clock)
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    for (const endpoint of endpoints) this.#watch(endpoint)
  }

  get address(): string {
    return this.addresses[0] ?? ''
  }

  get server(): string {
    return `${this.address.includes(':') ? `[${this.address}]` : this.address}:${String(this.port)}`
  }

  get queries(): readonly LoggedQuery[] {
    return this.#log.slice(-this.#limits.maxLoggedQueries)
  }

  get statistics(): AuthorityStatistics {
    return { ...this.#statistics }
  }

  clearQueries(): void {
    this.#log = []
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #shutDown(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    for (const cancel of this.#delayed) cancel()
    this.#delayed.clear()
    for (const connection of this.#connections) connection.destroy()
    await Promise.all(this.#endpoints.map(closeEndpoint))
  }

  #watch(endpoint: Endpoint): void {
    endpoint.udp.on('message', (bytes, peer) => {
      this.#receiveUdp(endpoint, bytes, peer)
    })
    endpoint.udp.on('error', this.#fail)
    if (endpoint.tcp === null) return
    endpoint.tcp.maxConnections = this.#limits.maxTcpConnections
    endpoint.tcp.on('drop', () => {
      this.#statistics.tcpRefused++
    })
    endpoint.tcp.on('error', this.#fail)
    endpoint.tcp.on('connection', (socket) => {
      this.#statistics.tcpConnections++
      this.#connections.add(socket)
      socket.on('close', () => this.#connections.delete(socket))
      const peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
      serveTcpConnection(socket, {
        answer: (message) => this.#answer(message, 'tcp', peer),
        later: (ms, callback) => this.#later(ms, callback),
        timer: (ms, callback) => this.#clock.setTimer(ms, callback),
        idleMs: this.#limits.tcpIdleMs,
        maxPipelined: this.#limits.maxTcpPipelined,
        onError: this.#fail,
      })
    })
  }

  #receiveUdp(endpoint: Endpoint, bytes: Buffer, peer: RemoteInfo): void {
    // Nothing can be sent to port 0, though anybody may forge it.
    const reply = peer.port === 0 ? undefined : this.#answer(bytes, 'udp', peer)
    if (reply === undefined) return
    const send = (): void => {
      if (reply.bytes === null || this.#closing !== undefined) return
      for (let copy = 0; copy < reply.copies; copy++) this.#send(endpoint.udp, reply.bytes, peer)
    }
    const sendInTime = (): void => {
      if (reply.delayMs === 0) send()
      else this.#later(reply.delayMs, send)
    }
    if (reply.decoys.length === 0) sendInTime()
    else {
      void this.#sendDecoys(endpoint, reply.decoys, peer).catch(this.#fail).then(sendInTime)
    }
  }

  /** Undefined for octets that get no answer. The one place where an unexpected throw is caught: no packet may end the process. */
  #answer(bytes: Uint8Array, transport: DnsTransport, from: LoggedQuery['from']): EncodedReply | undefined {
    try {
      const decoded = decodeMessage(bytes)
      if (decoded.kind === 'message' && !decoded.message.isResponse) return this.#answerQuery(decoded.message, transport, from)
      this.#statistics.unreadable++
      const message = replyToUnreadable(bytes, this.#flavour)
      return message && { bytes: encodeMessage(message), decoys: [], delayMs: 0, copies: 1, close: false }
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  #answerQuery(query: DnsMessage, transport: DnsTransport, from: LoggedQuery['from']): EncodedReply {
    this.#statistics.queries++
    const nowMs = this.#clock.now()
    const { plan, effects } = planReply(query, {
      zones: this.zone,
      faults: this.#book,
      flavour: this.#flavour,
      transport,
      nowMs,
      turn: this.#turn++,
    })
    this.#remember(query, transport, from, nowMs, effects, plan)
    return encodePlan(plan, transport === 'udp' ? udpLimit(query, this.#flavour) : MAX_TCP_OCTETS)
  }

  #remember(
    query: DnsMessage,
    transport: DnsTransport,
    { address, port }: LoggedQuery['from'],
    atMs: number,
    effects: readonly DnsFaultStep[],
    plan: ReplyPlan,
  ): void {
    const [question] = query.questions
    if (question === undefined || this.#limits.maxLoggedQueries === 0) return
    // Cut back now and then rather than moved with every query.
    if (this.#log.length >= 2 * this.#limits.maxLoggedQueries) this.#log = this.#log.slice(-this.#limits.maxLoggedQueries)
    this.#log.push({
      atMs,
      transport,
      from: { address, port },
      id: query.id,
      name: question.name,
      type: question.type,
      recursionDesired: query.recursionDesired,
      authenticated: query.authenticated,
      checkingDisabled: query.checkingDisabled,
      edns: query.edns && { udpPayloadSize: query.edns.udpPayloadSize, dnssecOk: query.edns.dnssecOk },
      effects: effects.map((effect) => effect.kind),
      rcode: plan.message?.rcode ?? null,
    })
  }

  async #sendDecoys(endpoint: Endpoint, decoys: EncodedReply['decoys'], peer: RemoteInfo): Promise<void> {
    for (const decoy of decoys) {
      const isElsewhere = decoy.as === 'port' || decoy.as === 'address'
      const socket = isElsewhere ? await decoySocket(endpoint, decoy.as, this.port, this.#fail) : endpoint.udp
      if (this.#closing !== undefined) return
      await new Promise<void>((resolve) => {
        this.#send(socket, decoy.bytes, peer, resolve)
      })
    }
  }

  #send(socket: UdpSocket, bytes: Uint8Array, peer: RemoteInfo, done?: () => void): void {
    socket.send(bytes, peer.port, peer.address, (error) => {
      if (error !== null) this.#fail(error)
      done?.()
    })
  }

  #later(ms: number, callback: () => void): boolean {
    if (this.#closing !== undefined || this.#delayed.size >= this.#limits.maxDelayedAnswers) {
      this.#statistics.dropped++
      return false
    }
    const cancel = this.#clock.setTimer(ms, () => {
      this.#delayed.delete(cancel)
      callback()
    })
    this.#delayed.add(cancel)
    return true
  }
}

const MAX_TCP_OCTETS = 65_535

const SYSTEM_CLOCK: AuthorityClock = {
  now: () => performance.now(),
  setTimer: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => {
      clearTimeout(timer)
    }
  },
}

function faultsOf(book: FaultBook, clock: AuthorityClock): Authority['faults'] {
  return {
    set: (faults) => {
      book.set(faults, clock.now())
    },
    add: (fault) => {
      book.add(fault, clock.now())
    },
    clear: (name) => {
      book.clear(name)
    },
    list: () => book.list(),
  }
}

function encodePlan(plan: ReplyPlan, maxOctets: number): EncodedReply {
  const { message, malformed, delayMs, copies, close } = plan
  const encode = (whole: DnsMessage): Uint8Array => encodeMessage(whole, { maxOctets })
  return {
    bytes: message === null ? null : malformed === null ? encode(message) : encodeMalformed(message, malformed, maxOctets),
    decoys: plan.decoys.map((decoy) => ({ as: decoy.as, bytes: encode(decoy.message) })),
    delayMs,
    copies,
    close,
  }
}
