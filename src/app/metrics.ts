/**
 * The metrics of `ptrgate serve`, as docs/monitoring.md lists them. Labels hold only what the config or the code chose,
 * never what a stranger did, so that no stranger can make them many. It measures nothing itself.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { assertNever } from '../core/assert-never.ts'
import type { GateEvent } from '../gateway/gate-event.ts'

/** What can only be asked for, at the moment of a scrape. */
export interface MetricSources {
  readonly cache: () => { readonly hits: number; readonly misses: number }
  readonly resolverOpen: () => boolean
  readonly sessions: () => ReadonlyMap<string, number>
}

export interface Metrics {
  readonly registry: Registry
  /** Its faults are there from the start, at 0: to Prometheus a series that begins with 1 has not increased. */
  addListener(listener: string): void
  observeEvent(listener: string, event: GateEvent): void
  observeDnsQuery(type: string, outcome: string): void
  observeLookup(seconds: number): void
  readonly reloads: Counter<'outcome'>
  readonly workerRestarts: Counter
  readonly workers: Gauge
  readonly hiddenClients: Gauge<'listener'>
  readonly eventStreams: Gauge
  readonly eventsDropped: Counter
  readonly logLinesLost: Counter
  /** Until then those metrics read nothing. */
  connect(sources: MetricSources): void
}

/** From a cache hit to the deadline of a lookup and a little beyond. */
const LOOKUP_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'ptrgate_' })
  let sources: MetricSources | undefined
  const counters = gateCounters(registry)
  // Of several processes, those of the one that is nearest to its limit.
  for (const name of ['open', 'max']) Object.assign(registry.getSingleMetric(`ptrgate_process_${name}_fds`) ?? {}, { aggregator: 'max' })
  const dnsQueries = new Counter({
    name: 'ptrgate_dns_queries_total',
    help: 'Questions that were put to the DNS servers, past the cache',
    labelNames: ['type', 'outcome'],
    registers,
  })
  const lookupSeconds = new Histogram({
    name: 'ptrgate_lookup_seconds',
    help: 'How long the lookup of one client address took, PTR and forward confirmation together, cache included',
    buckets: LOOKUP_BUCKETS,
    registers,
  })
  sourcedMetrics(registry, () => sources)
  return {
    registry,
    ...counters,
    observeDnsQuery(type, outcome) {
      dnsQueries.inc({ type, outcome })
    },
    observeLookup(seconds) {
      lookupSeconds.observe(seconds)
    },
    connect(connected) {
      sources = connected
    },
    ...operationMetrics(registers),
  }
}

function operationMetrics(registers: Registry[]): Omit<Metrics, 'registry' | 'connect' | 'addListener' | `observe${string}`> {
  const reloads = new Counter({ name: 'ptrgate_reloads_total', help: 'Reloads of the config', labelNames: ['outcome'], registers })
  // There from the start, so that the first refusal is seen as an increase.
  for (const outcome of ['applied', 'refused']) reloads.inc({ outcome }, 0)
  return {
    reloads,
    workerRestarts: new Counter({ name: 'ptrgate_worker_restarts_total', help: 'Workers that died and were replaced', registers }),
    workers: new Gauge({ name: 'ptrgate_workers', help: 'Processes that serve mail at this moment', registers }),
    hiddenClients: new Gauge({
      name: 'ptrgate_hidden_clients',
      help: '1 while every client of the listener has had a private address: NAT or a container may hide the real ones',
      labelNames: ['listener'],
      aggregator: 'max',
      registers,
    }),
    eventStreams: new Gauge({ name: 'ptrgate_event_streams', help: 'Readers of /v1/events', registers }),
    eventsDropped: new Counter({ name: 'ptrgate_event_stream_dropped_total', help: 'Events that slow readers have missed', registers }),
    logLinesLost: new Counter({ name: 'ptrgate_log_lines_lost_total', help: 'Lines that stdout did not take', registers }),
  }
}

function gateCounters(registry: Registry): Pick<Metrics, 'addListener' | 'observeEvent'> {
  const registers = [registry]
  const decisions = new Counter({
    name: 'ptrgate_decisions_total',
    help: 'Refusals that were spoken, and messages that were let through; result is none where nothing was looked up',
    labelNames: ['listener', 'action', 'result'],
    registers,
  })
  const findings = new Counter({ name: 'ptrgate_findings_total', help: 'Findings of those decisions', labelNames: ['code'], registers })
  const skipped = new Counter({
    name: 'ptrgate_skipped_total',
    help: 'Clients that were not judged, by the rule that spared them',
    labelNames: ['listener', 'rule'],
    registers,
  })
  const disagreements = new Counter({
    name: 'ptrgate_disagreements_total',
    help: 'Clients of whom the MTA said something else than our own lookup',
    labelNames: ['listener'],
    registers,
  })
  const protocolErrors = new Counter({
    name: 'ptrgate_protocol_errors_total',
    help: 'Connections that were closed because the peer broke the protocol, or were too many',
    labelNames: ['listener', 'reason'],
    registers,
  })
  const errors = new Counter({
    name: 'ptrgate_errors_total',
    help: 'Faults of our own (internal), and trouble with sockets (socket)',
    labelNames: ['listener', 'kind'],
    registers,
  })
  const reasons = new BoundedLabels()
  const observeEvent = (listener: string, event: GateEvent): void => {
    switch (event.kind) {
      case 'decision': {
        const { decision, judgement } = event.verdict
        decisions.inc({ listener, action: decision.action, result: judgement?.iprev.result ?? 'none' })
        for (const { code } of judgement?.findings ?? []) findings.inc({ code })
        return
      }
      case 'skipped':
        return skipped.inc({ listener, rule: reasons.of(event.rule) })
      case 'disagreement':
        return disagreements.inc({ listener })
      case 'protocolError':
        return protocolErrors.inc({ listener, reason: reasons.of(event.reason) })
      case 'internalError':
        return errors.inc({ listener, kind: 'internal' })
      case 'socketError':
        return errors.inc({ listener, kind: 'socket' })
      default:
        return assertNever(event)
    }
  }
  return {
    observeEvent,
    addListener(listener) {
      for (const kind of ['internal', 'socket']) errors.inc({ listener, kind }, 0)
      protocolErrors.inc({ listener, reason: reasons.of('tooManyConnections') }, 0)
    },
  }
}

function sourcedMetrics(registry: Registry, sources: () => MetricSources | undefined): void {
  const registers = [registry]
  const cacheCounter = (kind: 'hits' | 'misses', help: string): void => {
    let counted = 0
    new Counter({
      name: `ptrgate_cache_${kind}_total`,
      help,
      registers,
      collect() {
        const now = sources()?.cache()[kind] ?? 0
        this.inc(Math.max(0, now - counted))
        counted = now
      },
    })
  }
  cacheCounter('hits', 'Questions that were answered from the cache')
  cacheCounter('misses', 'Questions that were not in the cache')
  new Gauge({
    name: 'ptrgate_resolver_open',
    help: '1 while our own resolver is taken for ill, and nothing is refused for what the DNS says',
    aggregator: 'max',
    registers,
    collect() {
      this.set(sources()?.resolverOpen() === true ? 1 : 0)
    },
  })
  new Gauge({
    name: 'ptrgate_sessions',
    help: 'Connections that are open',
    labelNames: ['listener'],
    registers,
    collect() {
      this.reset()
      for (const [listener, count] of sources()?.sessions() ?? []) this.set({ listener }, count)
    },
  })
}

/** Reasons are words of our own code; should one ever hold a stranger's text, it cannot flood the registry. */
class BoundedLabels {
  readonly #known = new Set<string>()

  of(label: string): string {
    if (this.#known.has(label)) return label
    if (!/^[A-Za-z][A-Za-z0-9_]{0,39}$/.test(label) || this.#known.size >= MAX_LABELS) return 'other'
    this.#known.add(label)
    return label
  }
}

const MAX_LABELS = 100
