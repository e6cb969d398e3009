/**
 * One question under way: who waits for it, which tries it has made, and what the servers said so far. Callers with a signal
 * may leave one by one without harm to the others; when the last has left, nobody wants the answer any more.
 */
import type { DomainName } from '../core/domain-name.ts'
import type { QueryOptions } from '../wire/dns-query.ts'
import type { Timed } from './client-deadlines.ts'
import type { LaneEntry } from './client-lane.ts'
import type { UpstreamServer } from './client-server.ts'
import type { ById, ByQuestion } from './client-table.ts'
import type { UdpSocket } from './client-udp.ts'
import type { DnsFailure, DnsOutcome } from './resolver.ts'

/** One query to one server by one transport. */
export class Attempt implements Timed<Attempt>, ById<Attempt>, LaneEntry {
  slice = -1
  nextOfId: Attempt | null = null
  dueAt = 0
  previous: Attempt | null = null
  next: Attempt | null = null
  isTimed = false
  id = -1
  /** The query as it was sent, in the case in which it was sent. */
  query: Buffer = NO_OCTETS
  questionEnd = 0
  /** Null for TCP, and before it is sent. */
  socket: UdpSocket | null = null
  isReleased = false
  readonly lookup: Lookup
  readonly server: UpstreamServer
  readonly options: QueryOptions

  constructor(lookup: Lookup, server: UpstreamServer, options: QueryOptions) {
    this.lookup = lookup
    this.server = server
    this.options = options
  }
}

const NO_OCTETS = Buffer.alloc(0)

export class Lookup implements ByQuestion<Lookup> {
  nextOfHash: Lookup | null = null
  /** How many (round, server) pairs of the plan were used up. */
  step = 0
  /** Index of the server that the plan begins with. */
  firstServer = 0
  current: Attempt | null = null
  /** Tries that timed out; their answers are still welcome. Null while there are none. */
  earlier: Attempt[] | null = null
  /** Servers that gave an answer which is none, and need not be asked again. */
  rejectedBy: UpstreamServer[] | null = null
  /** What a server said, or what went wrong on the way to it. */
  failure: DnsFailure | null = null
  /** The server that disliked EDNS and is being asked without it. */
  ednsRefusedBy: UpstreamServer | null = null
  /** False while it waits in the queue. */
  isStarted = false
  readonly name: DomainName
  readonly typeCode: number
  readonly hash: number
  /** Known before anybody could join, if nothing could be sent at all. */
  #outcome: DnsOutcome | null = null
  #promise: Promise<DnsOutcome> | null = null
  #settle: ((outcome: DnsOutcome) => void) | null = null
  #callers: Set<Caller> | null = null

  constructor(name: DomainName, typeCode: number, hash: number) {
    this.hash = hash
    this.name = name
    this.typeCode = typeCode
  }

  /** For callers who will not leave: they share one promise. */
  join(): Promise<DnsOutcome> {
    if (this.#outcome !== null) return Promise.resolve(this.#outcome)
    this.#promise ??= new Promise<DnsOutcome>((resolve) => {
      this.#settle = resolve
    })
    return this.#promise
  }

  /** `onAbandoned` runs when the last caller has left. */
  joinUntil(signal: AbortSignal, watcher: AbortWatcher, onAbandoned: (lookup: Lookup) => void): Promise<DnsOutcome> {
    if (this.#outcome !== null) return Promise.resolve(this.#outcome)
    return new Promise<DnsOutcome>((resolve) => {
      const caller: Caller = {
        signal,
        watcher,
        settle: resolve,
        onAbort: () => {
          this.#callers?.delete(caller)
          resolve({ kind: 'aborted' })
          if (this.#callers?.size === 0 && this.#promise === null && this.#outcome === null) onAbandoned(this)
        },
      }
      this.#callers ??= new Set()
      this.#callers.add(caller)
      watcher.watch(signal, caller)
    })
  }

  settle(outcome: DnsOutcome): void {
    this.#outcome = outcome
    this.#settle?.(outcome)
    if (this.#callers === null) return
    for (const caller of this.#callers) {
      caller.watcher.unwatch(caller.signal, caller)
      caller.settle(outcome)
    }
    this.#callers.clear()
  }
}

interface Caller extends AbortListener {
  readonly signal: AbortSignal
  readonly watcher: AbortWatcher
  readonly settle: (outcome: DnsOutcome) => void
}

interface AbortListener {
  readonly onAbort: () => void
}

/** One listener a signal, however many callers share it: an EventTarget removes listeners in linear time. */
export class AbortWatcher {
  readonly #watched = new WeakMap<AbortSignal, { readonly listeners: Set<AbortListener>; readonly handler: () => void }>()

  watch(signal: AbortSignal, listener: AbortListener): void {
    const watched = this.#watched.get(signal)
    if (watched !== undefined) {
      watched.listeners.add(listener)
      return
    }
    const listeners = new Set([listener])
    const handler = (): void => {
      this.#watched.delete(signal)
      for (const { onAbort } of listeners) onAbort()
    }
    this.#watched.set(signal, { listeners, handler })
    signal.addEventListener('abort', handler, { once: true })
  }

  unwatch(signal: AbortSignal, listener: AbortListener): void {
    const watched = this.#watched.get(signal)
    if (watched === undefined) return
    watched.listeners.delete(listener)
    if (watched.listeners.size > 0) return
    this.#watched.delete(signal)
    signal.removeEventListener('abort', watched.handler)
  }
}
