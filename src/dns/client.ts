/**
 * The stub resolver: asks recursive servers over UDP, and over TCP what does not fit (RFC 1035, 5452, 6891, 7766). Equal
 * questions under way are asked once, a bounded number at a time; servers take turns until one gives an answer.
 * One question, one step: it walks the CNAMEs of an answer, asks nothing further (`followAliases` does) and caches nothing.
 */
import { randomFillSync } from 'node:crypto'
import { recordTypeCode } from '../core/dns-record.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { DnsWireFault } from '../wire/byte-reader.ts'
import { RCODE } from '../wire/dns.ts'
import type { DnsReply, QueryOptions } from '../wire/dns-query.ts'
import { interpretReply } from './client-answer.ts'
import type { Clock } from './client-deadlines.ts'
import { SYSTEM_CLOCK } from './client-deadlines.ts'
import { Exchange } from './client-exchange.ts'
import type { Attempt } from './client-lookup.ts'
import { AbortWatcher, Lookup } from './client-lookup.ts'
import type { FillRandom } from './client-random.ts'
import { RandomPool } from './client-random.ts'
import type { DnsServer } from './client-server.ts'
import { UpstreamServer } from './client-server.ts'
import type { DnsClientStatistics } from './client-statistics.ts'
import { emptyStatistics } from './client-statistics.ts'
import { QuestionTable } from './client-table.ts'
import type { DnsFailure, DnsOutcome, Question, ResolveOptions, Resolver } from './resolver.ts'

export type { Clock } from './client-deadlines.ts'
export type { DnsServer } from './client-server.ts'
export type { DnsClientStatistics } from './client-statistics.ts'

export interface DnsClientSettings {
  /** Asked in this order. */
  readonly servers: readonly DnsServer[]
  /** For each try. */
  readonly timeoutMs: number
  /** How many times each server is tried. */
  readonly attempts: number
  /** Begin each question with another server. */
  readonly rotate: boolean
  /** Questions on the wire at the same time; equal ones count once. */
  readonly maxOutstanding: number
  /** Questions that wait for one of those places. Any more are answered `servfail` at once. */
  readonly queueLimit: number
  /** Datagrams sent to one server within the last moments and not answered: more might overflow its receive buffer, and be lost. */
  readonly maxUnreadQueries: number
  /** UDP sockets, and so source ports, in use at a time for each address family. */
  readonly sockets: number
  readonly maxQueriesPerSocket: number
  readonly maxSocketAgeMs: number
  readonly maxTcpConnections: number
  readonly tcpIdleMs: number
  /** Null: no EDNS. */
  readonly ednsPayload: number | null
  readonly dnssecOk: boolean
  readonly case0x20: boolean
  readonly recursionDesired: boolean
  /** Must be unpredictable. */
  readonly random: FillRandom
  readonly clock: Clock
}

export const DEFAULT_DNS_CLIENT_SETTINGS: Omit<DnsClientSettings, 'servers'> = {
  timeoutMs: 2000,
  attempts: 2,
  rotate: false,
  maxOutstanding: 2048,
  queueLimit: 10_000,
  maxUnreadQueries: 192,
  sockets: 16,
  maxQueriesPerSocket: 1000,
  maxSocketAgeMs: 10_000,
  maxTcpConnections: 32,
  tcpIdleMs: 5000,
  ednsPayload: 1232,
  dnssecOk: false,
  case0x20: true,
  recursionDesired: true,
  random: (target) => void randomFillSync(target),
  clock: SYSTEM_CLOCK,
}

export interface DnsClient extends Resolver {
  readonly statistics: DnsClientStatistics
  /** Questions under way, and any that are asked later, come out as `aborted`. */
  close(): Promise<void>
}

/** What is left out, or undefined, has its default. */
export type DnsClientOptions = Pick<DnsClientSettings, 'servers'> & {
  readonly [Setting in Exclude<keyof DnsClientSettings, 'servers'>]?: DnsClientSettings[Setting] | undefined
}

/** Throws on settings that make no sense. */
export function createDnsClient(options: DnsClientOptions): DnsClient {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<DnsClientSettings>
  const settings = { ...DEFAULT_DNS_CLIENT_SETTINGS, servers: options.servers, ...given }
  checkSettings(settings)
  return new StubClient(settings)
}

class StubClient implements DnsClient {
  readonly #settings: DnsClientSettings
  readonly #servers: readonly UpstreamServer[]
  readonly #statistics = emptyStatistics()
  readonly #exchange: Exchange
  readonly #withEdns: QueryOptions
  readonly #withoutEdns: QueryOptions
  readonly #lookups: QuestionTable<Lookup>
  readonly #queue = new Set<Lookup>()
  readonly #abortWatcher = new AbortWatcher()
  #outstanding = 0
  #turn = 0
  #isClosed = false

  constructor(settings: DnsClientSettings) {
    const { timeoutMs, maxUnreadQueries, case0x20, random, clock, recursionDesired, ednsPayload, dnssecOk } = settings
    this.#settings = settings
    this.#lookups = new QuestionTable(new RandomPool(random).uint32())
    this.#servers = settings.servers.map((server, index) => new UpstreamServer(server, index))
    this.#withoutEdns = { recursionDesired, edns: null }
    this.#withEdns = ednsPayload === null ? this.#withoutEdns : { recursionDesired, edns: { udpPayloadSize: ednsPayload, dnssecOk } }
    const udp = { sockets: settings.sockets, maxQueriesPerSocket: settings.maxQueriesPerSocket, maxSocketAgeMs: settings.maxSocketAgeMs }
    const tcp = { maxConnections: settings.maxTcpConnections, idleMs: settings.tcpIdleMs }
    this.#exchange = new Exchange({ timeoutMs, maxUnreadQueries, case0x20, random, clock, udp, tcp }, this.#servers, this.#statistics, {
      onReply: (attempt, reply) => {
        this.#onReply(attempt, reply)
      },
      onMalformed: (attempt, fault) => {
        this.#onMalformed(attempt, fault)
      },
      onCutOff: (attempt) => {
        attempt.lookup.failure ??= { kind: 'malformed', detail: 'the answer ends within its question' }
      },
      onTruncated: (attempt) => {
        this.#onTruncated(attempt)
      },
      onCaseDiffers: (attempt) => {
        this.#onCaseDiffers(attempt)
      },
      onTimeout: (attempt) => {
        this.#onTimeout(attempt)
      },
      onUnreachable: (attempt, reason) => {
        this.#onUnreachable(attempt, reason)
      },
    })
  }

  get statistics(): DnsClientStatistics {
    return {
      ...this.#statistics,
      rejected: { ...this.#statistics.rejected },
      socketsOpened: this.#exchange.socketsOpened,
      connectionsOpened: this.#exchange.connectionsOpened,
      outstanding: this.#outstanding,
      waiting: this.#queue.size,
    }
  }

  resolve(question: Question, options?: ResolveOptions): Promise<DnsOutcome> {
    const typeCode = recordTypeCode(question.type)
    if (!(typeCode >= 0 && typeCode <= 0xffff)) return Promise.reject(new TypeError(`not a record type: ${question.type}`))
    const signal = options?.signal
    if (this.#isClosed || signal?.aborted === true) return Promise.resolve({ kind: 'aborted' })
    this.#statistics.questions++
    const hash = this.#lookups.hash(question.name, typeCode)
    const known = this.#lookups.get(hash, question.name, typeCode)
    if (known !== null) this.#statistics.deduplicated++
    const lookup = known ?? this.#begin(question.name, typeCode, hash)
    if (lookup === null) return Promise.resolve(QUEUE_FULL)
    return signal === undefined ? lookup.join() : lookup.joinUntil(signal, this.#abortWatcher, this.#onAbandoned)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#queue.clear()
    for (const lookup of this.#lookups.entries()) this.#finish(lookup, { kind: 'aborted' })
    await this.#exchange.close()
  }

  /** Null if there is no place left. */
  #begin(name: DomainName, typeCode: number, hash: number): Lookup | null {
    const mustWait = this.#outstanding >= this.#settings.maxOutstanding
    if (mustWait && this.#queue.size >= this.#settings.queueLimit) {
      this.#statistics.queueFull++
      return null
    }
    const lookup = new Lookup(name, typeCode, hash)
    this.#lookups.add(lookup)
    if (mustWait) {
      this.#statistics.queued++
      this.#queue.add(lookup)
    } else this.#start(lookup)
    return lookup
  }

  #start(lookup: Lookup): void {
    this.#outstanding++
    lookup.isStarted = true
    lookup.firstServer = this.#chooseFirstServer()
    this.#tryNext(lookup)
  }

  /** The first by setting or turn that is not known to be silent. */
  #chooseFirstServer(): number {
    const count = this.#servers.length
    const start = this.#settings.rotate ? this.#turn++ % count : 0
    if (count === 1) return 0
    for (let offset = 0; offset < count; offset++) {
      const index = (start + offset) % count
      if (this.#servers[index]?.isSidelined(this.#settings.clock) === false) return index
    }
    return start
  }

  #tryNext(lookup: Lookup): void {
    const count = this.#servers.length
    while (lookup.step < count * this.#settings.attempts) {
      const server = this.#servers[(lookup.firstServer + lookup.step) % count]
      lookup.step++
      if (server === undefined || lookup.rejectedBy?.includes(server) === true) continue
      this.#exchange.sendUdp(lookup, server, server.refusesEdns(this.#settings.clock) ? this.#withoutEdns : this.#withEdns)
      return
    }
    this.#finish(lookup, lookup.failure ?? { kind: 'timeout' })
  }

  #onReply(attempt: Attempt, reply: DnsReply): void {
    const { lookup, server } = attempt
    this.#statistics.replies++
    server.noteAnswer()
    const dislikesQuery = reply.rcode === RCODE.FORMERR || reply.rcode === RCODE.NOTIMP || reply.rcode === RCODE.BADVERS
    if (dislikesQuery && attempt.options.edns !== null) return this.#askWithoutEdns(attempt)
    const outcome = interpretReply(reply, lookup.name, lookup.typeCode)
    if (outcome.kind === 'servfail' || outcome.kind === 'refused') return this.#giveUpOn(attempt, outcome)
    if (lookup.ednsRefusedBy === server && attempt.options.edns === null) server.noteEdnsRefused(this.#settings.clock)
    this.#finish(lookup, outcome)
  }

  #onMalformed(attempt: Attempt, fault: DnsWireFault): void {
    this.#statistics.malformed++
    this.#giveUpOn(attempt, { kind: 'malformed', detail: `${fault.error} at octet ${String(fault.offset)}` })
  }

  #onTruncated(attempt: Attempt): void {
    this.#statistics.truncated++
    attempt.server.noteAnswer()
    this.#replace(attempt)
    this.#exchange.release(attempt)
    this.#exchange.sendTcp(attempt.lookup, attempt.server, attempt.options)
  }

  /** A forgery, or a server that does not keep case: TCP tells, and gives the answer. The true one may still come. */
  #onCaseDiffers(attempt: Attempt): void {
    if (attempt.lookup.current !== attempt) return
    this.#statistics.caseFallbacks++
    this.#replace(attempt)
    this.#exchange.sendTcp(attempt.lookup, attempt.server, attempt.options)
  }

  #askWithoutEdns(attempt: Attempt): void {
    this.#statistics.ednsFallbacks++
    attempt.lookup.ednsRefusedBy = attempt.server
    this.#replace(attempt)
    this.#exchange.release(attempt)
    this.#exchange.sendUdp(attempt.lookup, attempt.server, this.#withoutEdns)
  }

  #onTimeout(attempt: Attempt): void {
    const { lookup, server } = attempt
    this.#statistics.timeouts++
    server.noteTimeout(this.#settings.clock)
    this.#replace(attempt)
    if (attempt.socket === null) this.#exchange.release(attempt)
    this.#tryNext(lookup)
  }

  #onUnreachable(attempt: Attempt, reason: string): void {
    this.#statistics.transportErrors++
    attempt.lookup.failure ??= { kind: 'servfail', detail: reason }
    this.#advanceFrom(attempt)
  }

  /** The server has answered, and the answer is none: it is not asked again. */
  #giveUpOn(attempt: Attempt, failure: DnsFailure): void {
    const { lookup, server } = attempt
    lookup.failure = failure
    if (lookup.rejectedBy === null) lookup.rejectedBy = [server]
    else lookup.rejectedBy.push(server)
    this.#advanceFrom(attempt)
  }

  #advanceFrom(attempt: Attempt): void {
    const { lookup } = attempt
    const isCurrent = lookup.current === attempt
    this.#exchange.release(attempt)
    if (isCurrent) this.#tryNext(lookup)
  }

  /** The lookup's current attempt gives way to another, but answers to it are still welcome. */
  #replace(attempt: Attempt): void {
    const { lookup } = attempt
    this.#exchange.stopClock(attempt)
    const { current } = lookup
    lookup.current = null
    if (current === null) return
    this.#exchange.stopClock(current)
    if (lookup.earlier === null) lookup.earlier = [current]
    else lookup.earlier.push(current)
  }

  #finish(lookup: Lookup, outcome: DnsOutcome): void {
    this.#forget(lookup)
    lookup.settle(outcome)
  }

  readonly #onAbandoned = (lookup: Lookup): void => {
    this.#forget(lookup)
  }

  #forget(lookup: Lookup): void {
    this.#lookups.delete(lookup)
    if (!lookup.isStarted) this.#queue.delete(lookup)
    if (lookup.current !== null) this.#exchange.release(lookup.current)
    if (lookup.earlier !== null) for (const attempt of lookup.earlier) this.#exchange.release(attempt)
    lookup.current = null
    lookup.earlier = null
    if (!lookup.isStarted) return
    this.#outstanding--
    this.#startQueued()
  }

  #startQueued(): void {
    for (const lookup of this.#queue) {
      if (this.#outstanding >= this.#settings.maxOutstanding) break
      this.#queue.delete(lookup)
      this.#start(lookup)
    }
  }
}

const QUEUE_FULL: DnsFailure = { kind: 'servfail', detail: 'too many questions wait for a DNS server already' }
/** Enough for a draw of 16 bits to find a free id soon, even if all questions met on one port. */
const MOST_OUTSTANDING = 16_384

function checkSettings(settings: DnsClientSettings): void {
  if (settings.servers.length === 0) throw new RangeError('a DNS client needs at least one server')
  for (const { port } of settings.servers) checkWithin('port', port, 1, 65_535)
  checkWithin('timeoutMs', settings.timeoutMs, 1, 600_000)
  checkWithin('attempts', settings.attempts, 1, 100)
  checkWithin('maxOutstanding', settings.maxOutstanding, 1, MOST_OUTSTANDING)
  checkWithin('queueLimit', settings.queueLimit, 0, 10_000_000)
  checkWithin('maxUnreadQueries', settings.maxUnreadQueries, 1, MOST_OUTSTANDING)
  checkWithin('sockets', settings.sockets, 1, 1024)
  checkWithin('maxQueriesPerSocket', settings.maxQueriesPerSocket, 1, Infinity)
  checkWithin('maxSocketAgeMs', settings.maxSocketAgeMs, 1, Infinity)
  checkWithin('maxTcpConnections', settings.maxTcpConnections, 1, 1024)
  checkWithin('tcpIdleMs', settings.tcpIdleMs, 1, 600_000)
  if (settings.ednsPayload !== null) checkWithin('ednsPayload', settings.ednsPayload, 512, 65_535)
}

function checkWithin(setting: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return
  throw new RangeError(`${setting} must be from ${String(least)} to ${String(most)}, not ${String(value)}`)
}
