/**
 * What one process serves: the listeners of a config, the policy and the resolver behind them. A reload is prepared first,
 * which can fail and changes nothing, and then committed. Sessions that are open go on through both.
 */
import type { Hono } from 'hono'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseName } from '../../core/domain-name.ts'
import { describeHealthReason, type HealthStatus } from '../../dns/health.ts'
import type { GateSettings } from '../../engine/gate.ts'
import type { GateEvent } from '../../gateway/gate-event.ts'
import { rfc7372 } from '../../personas/rfc7372.ts'
import { compilePolicy, type CompiledPolicy } from '../../policy/compile.ts'
import type { ListenerConfig, ServeConfig } from '../config/schema.ts'
import type { ServeLog } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { describeError, shown, type EventRecord } from './event-record.ts'
import { createEventSink, type EventSink } from './event-sink.ts'
import { ListenerError, listenerName, loadListener, startFrontEndOf, type LoadedListener, type StartedFrontEnd } from './front-ends.ts'
import { planListeners, type ListenerPlan } from './listener-plan.ts'
import { discardDns, LiveDns, type PreparedDns } from './live-dns.ts'
import { timeLookups, type LookupTimer } from './lookup-timer.ts'
import type { ProcessStatus } from './status.ts'
import { ClientRow } from './visibility.ts'

export interface RuntimeOptions {
  /** Which listeners of the config are this process's. */
  readonly serves: (listener: ListenerConfig) => boolean
  readonly metrics: Metrics
  readonly log: ServeLog
  readonly publish: () => ((record: EventRecord) => void) | undefined
  readonly mount: (app: Hono) => void
}

/** A change of the config that can be made, or given up, without a trace. */
export interface PreparedReload {
  /** Gives what went wrong all the same; everything else is in force. */
  commit(): Promise<readonly string[]>
  discard(): Promise<void>
}

interface Running {
  readonly listener: LoadedListener
  readonly handle: StartedFrontEnd
  readonly name: string
  readonly row: ClientRow
  readonly gate: (base: GateSettings) => GateSettings
}

/** Sessions of a listener that a reload has removed: as long as the longest of the protocols' own time limits, and a little. */
const RELOAD_DRAIN_MS = 3 * 3_600_000
/** Readers of metrics ask again; the mail is done by then. */
const HTTP_DRAIN_MS = 1000

export class Runtime {
  readonly #options: RuntimeOptions
  readonly #dns: LiveDns
  readonly #timer: LookupTimer
  readonly #sink: EventSink
  #running: readonly Running[] = []
  /** Wanted, and lost in a reload. */
  #missing: readonly string[] = []
  readonly #draining = new Map<Running, Promise<void>>()

  /** Throws a `ListenerError` or a `DnsConfigError`; then nothing is left behind. */
  static async start(config: ServeConfig, options: RuntimeOptions): Promise<Runtime> {
    const runtime = new Runtime(config, options)
    try {
      const prepared = await runtime.prepare(config)
      await prepared.commit()
    } catch (error) {
      await runtime.#dns.close()
      throw error
    }
    return runtime
  }

  private constructor(config: ServeConfig, options: RuntimeOptions) {
    const { metrics, log } = options
    this.#options = options
    this.#dns = new LiveDns(config, {
      onQuery: (type, outcome) => {
        metrics.observeDnsQuery(type, outcome)
      },
      onHealth: (status) => {
        log.write(healthRecord(status))
      },
      onWarning: (warning) => {
        log.write({ level: 'warn', event: 'dnsConfig', fields: { warning: shown(warning, 300) } })
      },
    })
    this.#timer = timeLookups(this.#dns.resolver, {
      clock: () => performance.now(),
      soon: setImmediate,
      onLookup: (seconds) => {
        metrics.observeLookup(seconds)
      },
    })
    this.#sink = createEventSink({
      metrics,
      log,
      publish: options.publish,
      lookupMs: ({ judgement }) => (judgement === null ? null : this.#timer.durationMs(judgement.iprev.reverseName)),
      clock: () => performance.now(),
      soon: setImmediate,
    })
    metrics.connect({
      cache: () => this.#dns.cacheStatistics(),
      resolverOpen: () => this.#dns.health.state().state !== 'closed',
      sessions: () => this.#sessions(),
    })
  }

  get addresses(): readonly string[] {
    return this.#running.map(({ name }) => name)
  }

  /** Throws a `ListenerError` or a `DnsConfigError`; then everything is as it was. */
  async prepare(config: ServeConfig): Promise<PreparedReload> {
    const base = this.#gate(config, compilePolicy(config.policy, rfc7372.replyFor))
    const mine = config.listeners.filter(this.#options.serves)
    const wanted = await Promise.all(mine.map((listener) => loadListener(listener, base.authservId)))
    const plan = planListeners(this.#running, wanted)
    const dns = this.#dns.prepare(config)
    const added: Running[] = []
    try {
      for (const listener of plan.add) added.push(await this.#start(listener, base))
    } catch (error) {
      await this.#giveUp(added, dns)
      throw error
    }
    return {
      commit: () => this.#commit({ plan, base, dns, added }),
      discard: () => this.#giveUp(added, dns),
    }
  }

  status(): ProcessStatus {
    const { state, reason } = this.#dns.health.state()
    const sessions = this.#sessions()
    const up = this.#running.map(({ name, row }) => ({
      name,
      isUp: true,
      sessions: sessions.get(name) ?? 0,
      visibility: row.visibility(),
    }))
    const missing = this.#missing.map((name) => ({ name, isUp: false, sessions: 0, visibility: 'unknown' }) as const)
    return { listeners: [...up, ...missing], resolver: { state, reason: reason && describeHealthReason(reason) } }
  }

  /** Resolves when all sessions of mail have ended, or the time is over. */
  async closeMail(graceMs: number): Promise<void> {
    const isMail = ({ listener }: Running): boolean => listener.config.kind !== 'http'
    const closings = this.#running.filter(isMail).map(({ handle }) => handle.close(graceMs))
    await within(graceMs + CUT_OFF_MS, [...closings, ...this.#draining.values()])
    this.#running = this.#running.filter((running) => !isMail(running))
  }

  async close(): Promise<void> {
    await this.closeMail(0)
    await within(
      HTTP_DRAIN_MS + CUT_OFF_MS,
      this.#running.map(({ handle }) => handle.close(HTTP_DRAIN_MS)),
    )
    this.#running = []
    this.#sink.flush()
    await this.#dns.close()
  }

  async #commit({ plan, base, dns, added }: Change): Promise<readonly string[]> {
    if (dns) this.#dns.replace(dns)
    const kept = plan.keep.map(({ old, listener }) => reloaded(old, listener, base))
    for (const running of plan.remove) this.#drain(running)
    const problems: string[] = []
    const missing: string[] = []
    const replaced: Running[] = []
    for (const { old, listener } of plan.replace) {
      this.#drain(old)
      try {
        replaced.push(await this.#restart(listener, old, base, problems))
      } catch (error) {
        problems.push(describeError(error, false))
        missing.push(old.name)
      }
    }
    this.#running = [...kept, ...replaced, ...added]
    this.#missing = missing
    return problems
  }

  /** In the place of one that has just been closed. What cannot be started as it is wanted goes on as it was. */
  async #restart(listener: LoadedListener, old: Running, base: GateSettings, problems: string[]): Promise<Running> {
    try {
      return await this.#start(listener, base)
    } catch (error) {
      problems.push(`${describeError(error, false)}; it goes on as before`)
      return this.#start(old.listener, base)
    }
  }

  async #giveUp(added: readonly Running[], dns: PreparedDns | undefined): Promise<void> {
    await Promise.all(added.map(({ handle }) => handle.close(0)))
    if (dns) await discardDns(dns)
  }

  async #start(listener: LoadedListener, base: GateSettings): Promise<Running> {
    const { config } = listener
    let name = listenerName(config)
    const row = new ClientRow()
    const onEvent = (event: GateEvent): void => {
      if (config.kind !== 'http') row.observe(event)
      this.#sink.take(name, event)
    }
    const gate = (settings: GateSettings): GateSettings => ({
      ...settings,
      onInternalError: (error) => {
        onEvent({ kind: 'internalError', error })
      },
    })
    try {
      const handle = await startFrontEndOf(listener, { gate: gate(base), onEvent, mount: this.#options.mount })
      name = `${config.kind}:${handle.address}`
      this.#options.metrics.addListener(name)
      return { listener, handle, name, row, gate }
    } catch (error) {
      throw new ListenerError(config, error)
    }
  }

  #drain(running: Running): void {
    const closed = running.handle.close(RELOAD_DRAIN_MS).finally(() => this.#draining.delete(running))
    this.#draining.set(running, closed)
  }

  #sessions(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { name, handle } of [...this.#running, ...this.#draining.keys()]) {
      counts.set(name, (counts.get(name) ?? 0) + handle.connections)
    }
    return counts
  }

  #gate({ name, addresses, iprev, policy }: ServeConfig, compiled: CompiledPolicy): GateSettings {
    const authservId = name ?? hostname()
    const ourName = parseName(authservId)
    return {
      resolver: this.#timer.resolver,
      health: this.#dns.health,
      iprev,
      policy: compiled,
      authservId,
      iprevProperty: policy.iprevProperty,
      ourNames: ourName === undefined ? [] : [ourName],
      ourAddresses: addresses,
    }
  }
}

/** Its sessions go on; a certificate that has been renewed is for handshakes from now on. */
function reloaded(running: Running, listener: LoadedListener, base: GateSettings): Running {
  const { handle, gate, listener: before } = running
  const { certificate } = listener
  handle.reload(gate(base))
  const isRenewed = certificate?.cert !== before.certificate?.cert || certificate?.key !== before.certificate?.key
  if (certificate && isRenewed) handle.renewCertificate?.(certificate)
  return { ...running, listener }
}

/** After the grace connections are cut off; that takes a moment. */
const CUT_OFF_MS = 1000

async function within(milliseconds: number, closings: readonly Promise<void>[]): Promise<void> {
  const stopper = new AbortController()
  await Promise.race([Promise.all(closings), delay(milliseconds, undefined, { signal: stopper.signal }).catch(() => undefined)])
  stopper.abort()
}

interface Change {
  readonly plan: ListenerPlan<Running>
  readonly base: GateSettings
  readonly dns: PreparedDns | undefined
  readonly added: readonly Running[]
}

function healthRecord({ state, reason }: HealthStatus): EventRecord {
  return {
    level: state === 'closed' ? 'info' : 'warn',
    event: 'resolverHealth',
    fields: { state, reason: reason && describeHealthReason(reason) },
  }
}
