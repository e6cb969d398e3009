/**
 * The workers of the primary: starts them one after the other, has all of them do what is to be done, and replaces those that
 * die, ever more slowly while they go on dying. It knows nothing of mail.
 */
import cluster from 'node:cluster'
import type { ServeLog } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { describeError, shown } from './event-record.ts'
import type { EventStreams } from './event-stream.ts'
import { MetricSum, type MetricSnapshot } from './metric-sum.ts'
import type { ProcessStatus, WorkerCount } from './status.ts'
import { WorkerLink, type WorkerExit } from './worker-link.ts'
import type { ConfigText } from './worker-messages.ts'

export interface WorkerPoolOptions {
  readonly count: number
  readonly log: ServeLog
  readonly metrics: Metrics
  readonly streams: EventStreams
}

/** So that a worker that dies takes at most the counts of this long with it. */
const REFRESH_PERIOD_MS = 2000
const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 30_000
/** Whoever lived this long did not die of what the one before it died of. */
const SETTLED_MS = 60_000

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #links = new Set<WorkerLink>()
  readonly #departed = new MetricSum()
  readonly #refreshTimer: NodeJS.Timeout
  readonly #restartTimers = new Set<NodeJS.Timeout>()
  /** Starts and reloads follow one another, so that each worker has the config of all. */
  readonly #turns = new Turns()
  #folding: Promise<void> = Promise.resolve()
  #config: ConfigText
  #reload: { readonly config: ConfigText; readonly end: () => void } | null = null
  #backoffMs = FIRST_BACKOFF_MS
  #phase: 'starting' | 'serving' | 'stopping' = 'starting'

  /** Throws a `WorkerError` when one of them could not start; then none is left. */
  static async start(config: ConfigText, options: WorkerPoolOptions): Promise<WorkerPool> {
    // Workers accept by themselves. Dealt out by the primary, a connection that finds every worker full goes round without end.
    cluster.schedulingPolicy = cluster.SCHED_NONE
    const pool = new WorkerPool(config, options)
    try {
      // One after the other: of two that want the same unix socket the first one makes it.
      for (let index = 0; index < options.count; index++) await pool.#add()
    } catch (error) {
      await pool.stop(0)
      throw error
    }
    pool.#phase = 'serving'
    return pool
  }

  private constructor(config: ConfigText, options: WorkerPoolOptions) {
    this.#config = config
    this.#options = options
    this.#refreshTimer = setInterval(() => void this.#refresh(), REFRESH_PERIOD_MS)
    this.#refreshTimer.unref()
  }

  get count(): WorkerCount {
    return { wanted: this.#options.count, running: this.#serving().length }
  }

  /** Throws a `WorkerError`; then no worker has changed anything. Else `commit` or `discard` must follow. */
  async prepare(config: ConfigText): Promise<void> {
    this.#reload = { config, end: await this.#turns.take() }
    try {
      for (const link of this.#serving()) await link.command({ kind: 'prepare', config })
    } catch (error) {
      await this.discard()
      throw error
    }
  }

  /** Gives what went wrong all the same. */
  async commit(): Promise<readonly string[]> {
    const problems = new Set<string>()
    this.#config = this.#reload?.config ?? this.#config
    for (const link of this.#serving()) {
      try {
        const answer = await link.command({ kind: 'commit' })
        if (answer.kind === 'done') for (const problem of answer.problems) problems.add(problem)
      } catch (error) {
        // It would go on with what nobody wants any more; its successor reads the new config.
        problems.add(describeError(error, false))
        link.kill()
      }
    }
    this.#endReload()
    return [...problems]
  }

  async discard(): Promise<void> {
    await Promise.allSettled(this.#serving().map((link) => link.command({ kind: 'discard' })))
    this.#endReload()
  }

  stream(isOn: boolean): void {
    for (const link of this.#links) link.stream(isOn)
  }

  /** As of now, where a worker answers in time. */
  async statuses(): Promise<readonly ProcessStatus[]> {
    await this.#refresh()
    return this.#serving().map(({ status }) => status)
  }

  /** Of all workers there have been, and of the primary. */
  async metrics(own: MetricSnapshot): Promise<{ readonly contentType: string; readonly text: string }> {
    await this.#refresh()
    await this.#folding
    return this.#departed.text([own, ...this.#serving().map(({ metrics }) => metrics)])
  }

  /** Resolves when every worker is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#phase = 'stopping'
    clearInterval(this.#refreshTimer)
    for (const timer of this.#restartTimers) clearTimeout(timer)
    await Promise.all([...this.#links].map((link) => link.stop(graceMs)))
  }

  async #add(): Promise<void> {
    const { log, metrics, streams } = this.#options
    const link = new WorkerLink({
      onRecords: (records, dropped) => {
        for (const record of records) streams.publish(record, record.time)
        if (dropped > 0) streams.countDropped(dropped)
      },
      onExit: (gone, exit) => {
        this.#onExit(gone, exit)
      },
      onTrouble: ({ id }, error) => {
        log.write({ level: 'error', event: 'workerTrouble', fields: { worker: id, error: describeError(error, false) } })
      },
    })
    this.#links.add(link)
    try {
      await link.command({ kind: 'start', config: this.#config })
    } catch (error) {
      link.kill()
      throw error
    }
    link.isServing = true
    metrics.workers.set(this.#serving().length)
    if (streams.readers > 0) link.stream(true)
  }

  #onExit(link: WorkerLink, { code, signal }: WorkerExit): void {
    const { log, metrics } = this.#options
    this.#links.delete(link)
    metrics.workers.set(this.#serving().length)
    this.#folding = this.#folding.then(() => this.#departed.keep(link.metrics))
    if (this.#phase !== 'serving') return
    if (link.ageMs >= SETTLED_MS) this.#backoffMs = FIRST_BACKOFF_MS
    const restartMs = this.#backoffMs
    this.#backoffMs = Math.min(restartMs * 2, MAX_BACKOFF_MS)
    log.write({ level: 'error', event: 'workerDied', fields: { worker: link.id, workerPid: link.pid, code, signal, restartMs } })
    metrics.workerRestarts.inc()
    const timer = setTimeout(() => {
      this.#restartTimers.delete(timer)
      void this.#restart()
    }, restartMs)
    this.#restartTimers.add(timer)
  }

  async #restart(): Promise<void> {
    const { log } = this.#options
    const end = await this.#turns.take()
    try {
      if (this.#phase !== 'serving') return
      await this.#add()
      log.write({ level: 'info', event: 'workerRestarted', fields: { ...this.count } })
    } catch (error) {
      // It has been killed, and its exit starts the next try.
      const message = error instanceof Error ? error.message : String(error)
      log.write({ level: 'error', event: 'workerFailed', fields: { error: shown(message, 300) } })
    } finally {
      end()
    }
  }

  #endReload(): void {
    this.#reload?.end()
    this.#reload = null
  }

  #serving(): readonly WorkerLink[] {
    return [...this.#links].filter(({ isServing }) => isServing)
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#serving().map((link) => link.refresh()))
  }
}

class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves when it is our turn; to be ended by calling what it gives. */
  async take(): Promise<() => void> {
    const before = this.#last
    let end = (): void => undefined
    this.#last = new Promise((resolve) => {
      end = resolve
    })
    await before
    return end
  }
}
