/**
 * The service as a whole: the process that holds config, HTTP and life cycle, and the workers where there are any. Its caller
 * passes on signals, and reads files.
 */
import { readDescriptorLimit } from '../../gateway/listen.ts'
import { formatConfigProblem, readConfig } from '../config/read-config.ts'
import type { ServeConfig } from '../config/schema.ts'
import type { ServeLog } from '../log.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { descriptorShortage } from './descriptors.ts'
import { describeError, shown } from './event-record.ts'
import { EventStreams } from './event-stream.ts'
import { mountServiceRoutes } from './http-routes.ts'
import { isStartProblem } from './problems.ts'
import { Runtime, type PreparedReload } from './runtime.ts'
import { HIDDEN_CLIENTS, hiddenListeners, readinessOf, type ProcessStatus, type Readiness } from './status.ts'
import { workerCount } from './worker-count.ts'
import { WorkerPool } from './worker-pool.ts'
import type { ConfigText } from './worker-messages.ts'

export interface ServiceOptions {
  readonly log: ServeLog
  readonly metrics?: Metrics | undefined
  /** How many file descriptors a process may open; infinite where the system does not say. */
  readonly descriptorLimit?: (() => Promise<number>) | undefined
}

export type ReloadResult =
  | { readonly kind: 'applied'; readonly problems: readonly string[] }
  /** The old config is in force as before. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/** How often it is looked whether clients are hidden. */
const WATCH_PERIOD_MS = 5000

export class Service {
  readonly #log: ServeLog
  readonly #metrics: Metrics
  readonly #descriptorLimit: () => Promise<number>
  readonly #streams: EventStreams
  readonly #watch: NodeJS.Timeout
  #config: ServeConfig
  #pool: WorkerPool | null = null
  #runtime: Runtime | null = null
  #reloading: Promise<unknown> = Promise.resolve()
  #alarmed: ReadonlySet<string> = new Set()
  #isStopping = false

  /** Throws an error of problems.ts; then nothing is left behind. */
  static async start(config: ServeConfig, text: ConfigText, options: ServiceOptions): Promise<Service> {
    const service = new Service(config, options)
    try {
      await service.#start(text)
    } catch (error) {
      await service.stop(0)
      throw error
    }
    return service
  }

  private constructor(config: ServeConfig, { log, metrics = createMetrics(), descriptorLimit = readDescriptorLimit }: ServiceOptions) {
    this.#config = config
    this.#log = log
    this.#metrics = metrics
    this.#descriptorLimit = descriptorLimit
    this.#streams = new EventStreams({
      onReaders: (count) => {
        metrics.eventStreams.set(count)
        this.#pool?.stream(count > 0)
      },
      onDropped: (count) => {
        metrics.eventsDropped.inc(count)
      },
    })
    this.#watch = setInterval(() => void this.#statuses(), WATCH_PERIOD_MS)
    this.#watch.unref()
  }

  /** Of the listeners of this process: `http:127.0.0.1:8895`. */
  get addresses(): readonly string[] {
    return this.#runtime?.addresses ?? []
  }

  get drainMs(): number {
    return this.#config.drainMs
  }

  /** One after the other, however often it is called. */
  reload(text: ConfigText): Promise<ReloadResult> {
    const result = this.#reloading.then(() => this.#reload(text))
    this.#reloading = result
    return result
  }

  /** Nothing new is accepted; resolves when all sessions have ended, or the time is over. */
  async stop(graceMs: number = this.#config.drainMs): Promise<void> {
    this.#isStopping = true
    clearInterval(this.#watch)
    await this.#pool?.stop(graceMs)
    await this.#runtime?.closeMail(graceMs)
    // HTTP goes last, so that it can tell what is going on.
    this.#streams.close()
    await this.#runtime?.close()
  }

  async readiness(): Promise<Readiness> {
    return readinessOf({ statuses: await this.#statuses(), workers: this.#pool?.count ?? null, isStopping: this.#isStopping })
  }

  async #start(text: ConfigText): Promise<void> {
    const count = workerCount(this.#config)
    const { log } = this.#config
    this.#log.setLevel(log.level)
    await this.#warnOfDescriptors()
    if (count > 1) {
      this.#pool = await WorkerPool.start(text, { count, log: this.#log, metrics: this.#metrics, streams: this.#streams })
    }
    this.#runtime = await Runtime.start(this.#config, {
      serves: this.#pool === null ? () => true : ({ kind }) => kind === 'http',
      metrics: this.#metrics,
      log: this.#log,
      publish: () => {
        if (this.#streams.readers === 0) return undefined
        return (record) => {
          this.#streams.publish(record, new Date().toISOString())
        }
      },
      mount: (app) => {
        mountServiceRoutes(app, { streams: this.#streams, readiness: () => this.readiness(), metrics: () => this.#metricText() })
      },
    })
  }

  async #reload(text: ConfigText): Promise<ReloadResult> {
    if (this.#isStopping) return { kind: 'refused', problems: ['the service is stopping'] }
    const read = readConfig(text.text, text.file)
    if (read.kind === 'problems') return this.refuseReload(read.problems.map((problem) => formatConfigProblem(text.file, problem)))
    try {
      return await this.#apply(read.config, text)
    } catch (error) {
      if (!isStartProblem(error)) this.#log.write({ level: 'error', event: 'internalError', fields: { error: describeError(error) } })
      return this.refuseReload([error instanceof Error ? error.message : String(error)])
    }
  }

  async #apply(config: ServeConfig, text: ConfigText): Promise<ReloadResult> {
    await this.#pool?.prepare(text)
    let own: PreparedReload | undefined
    try {
      own = await this.#runtime?.prepare(config)
    } catch (error) {
      await this.#pool?.discard()
      throw error
    }
    this.#log.setLevel(config.log.level)
    const problems = [...((await this.#pool?.commit()) ?? []), ...((await own?.commit()) ?? [])]
    if (workerCount(config) !== workerCount(this.#config)) problems.push('another number of workers needs a restart')
    this.#config = config
    await this.#warnOfDescriptors()
    this.#metrics.reloads.inc({ outcome: 'applied' })
    this.#log.write({
      level: problems.length === 0 ? 'info' : 'error',
      event: 'reloaded',
      fields: { file: shown(text.file, 200), problems: problems.map((problem) => shown(problem, 300)) },
    })
    return { kind: 'applied', problems }
  }

  /** Tells all of them, however many: each has a line of its own. */
  refuseReload(problems: readonly string[]): ReloadResult {
    this.#metrics.reloads.inc({ outcome: 'refused' })
    for (const problem of problems) this.#log.write({ level: 'error', event: 'reloadProblem', fields: { problem: shown(problem, 1000) } })
    this.#log.write({ level: 'error', event: 'reloadRefused', fields: { problems: problems.length } })
    return { kind: 'refused', problems }
  }

  async #warnOfDescriptors(): Promise<void> {
    const problem = descriptorShortage(this.#config, await this.#descriptorLimit())
    if (problem !== null) this.#log.write({ level: 'warn', event: 'descriptorLimit', fields: { problem } })
  }

  async #statuses(): Promise<readonly ProcessStatus[]> {
    const own = this.#runtime === null ? [] : [this.#runtime.status()]
    const statuses = [...own, ...((await this.#pool?.statuses()) ?? [])]
    this.#raiseAlarms(hiddenListeners(statuses))
    return statuses
  }

  #raiseAlarms(hidden: readonly string[]): void {
    this.#metrics.hiddenClients.reset()
    for (const listener of hidden) {
      this.#metrics.hiddenClients.set({ listener }, 1)
      if (!this.#alarmed.has(listener))
        this.#log.write({ level: 'warn', event: 'hiddenClients', fields: { listener, problem: HIDDEN_CLIENTS } })
    }
    this.#alarmed = new Set(hidden)
  }

  async #metricText(): Promise<{ readonly contentType: string; readonly text: string }> {
    await this.#statuses()
    const { registry } = this.#metrics
    return this.#pool === null
      ? { contentType: registry.contentType, text: await registry.metrics() }
      : this.#pool.metrics(await registry.getMetricsAsJSON())
  }
}
