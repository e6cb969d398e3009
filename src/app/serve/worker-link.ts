/**
 * One worker as the primary sees it: commands to it, each with its answer in time, and the last that is known of it.
 */
import cluster, { type Worker } from 'node:cluster'
import type { MetricSnapshot } from './metric-sum.ts'
import { WorkerError } from './problems.ts'
import type { ProcessStatus } from './status.ts'
import type { FromWorker, TimedRecord, ToWorker, WorkerAnswer, WorkerCommand } from './worker-messages.ts'

export interface WorkerExit {
  readonly code: number | null
  readonly signal: string | null
}

export interface WorkerLinkHooks {
  readonly onRecords: (records: readonly TimedRecord[], dropped: number) => void
  readonly onExit: (link: WorkerLink, exit: WorkerExit) => void
  /** Of the channel between us. */
  readonly onTrouble: (link: WorkerLink, error: Error) => void
}

export const COMMAND_TIMEOUT_MS = 15_000
/** A worker that is busy for longer is seen as it last was. */
const SNAPSHOT_TIMEOUT_MS = 2000

export class WorkerLink {
  readonly #worker: Worker
  readonly #startedAt = performance.now()
  readonly #waiting = new Map<number, (answer: WorkerAnswer) => void>()
  readonly #gone: Promise<void>
  #nextId = 1
  #isGone = false
  /** Commands that came before it was ready; null since it is. */
  #early: ToWorker[] | null = []
  /** It has confirmed its start. */
  isServing = false
  metrics: MetricSnapshot = []
  status: ProcessStatus = { listeners: [], resolver: null }

  constructor(hooks: WorkerLinkHooks) {
    const worker = cluster.fork()
    this.#worker = worker
    worker.on('message', (message: FromWorker) => {
      if ('ready' in message) this.#sendEarly()
      else if ('records' in message) hooks.onRecords(message.records, message.dropped)
      else this.#settle(message.id, message.answer)
    })
    // Without a listener, a message to a worker that has just died would bring us down, too.
    worker.on('error', (error) => {
      hooks.onTrouble(this, error)
    })
    this.#gone = new Promise((resolve) => {
      worker.once('exit', (code: number | null, signal: string | null) => {
        this.#isGone = true
        for (const id of [...this.#waiting.keys()]) this.#settle(id, DIED)
        hooks.onExit(this, { code, signal })
        resolve()
      })
    })
  }

  get id(): number {
    return this.#worker.id
  }

  get pid(): number | null {
    return this.#worker.process.pid ?? null
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt
  }

  /** Rejects with a `WorkerError` when it fails, dies or does not answer. */
  async command(command: WorkerCommand, timeoutMs = COMMAND_TIMEOUT_MS): Promise<WorkerAnswer> {
    const id = this.#nextId++
    const answer = await new Promise<WorkerAnswer>((resolve) => {
      const timer = setTimeout(() => {
        this.#settle(id, SILENT)
      }, timeoutMs)
      this.#waiting.set(id, (given) => {
        clearTimeout(timer)
        resolve(given)
      })
      if (this.#isGone) this.#settle(id, DIED)
      else this.#send({ id, command })
    })
    if (answer.kind === 'failed') throw new WorkerError(answer.message, answer)
    return answer
  }

  stream(isOn: boolean): void {
    if (!this.#isGone) this.#send({ streaming: isOn })
  }

  /** What it says now, or last said. */
  async refresh(): Promise<void> {
    try {
      const answer = await this.command({ kind: 'snapshot' }, SNAPSHOT_TIMEOUT_MS)
      if (answer.kind !== 'snapshot') return
      this.metrics = answer.metrics
      this.status = answer.status
    } catch {
      // It is busy, or has just died.
    }
  }

  /** Resolves when it is gone; if it overstays it is killed. */
  async stop(graceMs: number): Promise<void> {
    try {
      await this.command({ kind: 'stop', graceMs }, graceMs + COMMAND_TIMEOUT_MS)
      const overdue = setTimeout(() => {
        this.kill()
      }, COMMAND_TIMEOUT_MS)
      await this.#gone
      clearTimeout(overdue)
    } catch {
      this.kill()
      await this.#gone
    }
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #send(message: ToWorker): void {
    if (this.#early === null) this.#worker.send(message)
    else this.#early.push(message)
  }

  #sendEarly(): void {
    const messages = this.#early ?? []
    this.#early = null
    for (const message of messages) this.#worker.send(message)
  }

  #settle(id: number, answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.(answer)
  }
}

const DIED: WorkerAnswer = { kind: 'failed', message: 'a worker has died', isConfigError: false }
const SILENT: WorkerAnswer = { kind: 'failed', message: 'a worker does not answer', isConfigError: false }
