/**
 * One worker: serves the mail listeners of the config, and does what the primary says. Signals are the primary's business;
 * a worker whose primary is gone ends (node:cluster sees to that).
 */
import cluster from 'node:cluster'
import { readConfig } from '../config/read-config.ts'
import type { ServeConfig } from '../config/schema.ts'
import { LineWriter } from '../line-writer.ts'
import { openLog, type ServeLog } from '../log.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { describeError } from './event-record.ts'
import { isConfigError } from './problems.ts'
import { Runtime, type PreparedReload } from './runtime.ts'
import type { ConfigText, FromWorker, TimedRecord, ToWorker, WorkerAnswer, WorkerCommand } from './worker-messages.ts'

/** Resolves when the worker has been told to stop and has done so. */
export async function runWorker(onLog: (log: ServeLog) => void): Promise<void> {
  // With a terminal, or systemd, signals reach every process of the group; sessions must outlive them.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const worker = new Worker()
  onLog(worker.log)
  await new Promise<void>((resolve) => {
    process.on('message', (message: ToWorker) => {
      if ('streaming' in message) worker.stream(message.streaming)
      else {
        void worker.answer(message.command).then((answer) => {
          const isLast = message.command.kind === 'stop'
          send({ id: message.id, answer }, isLast ? resolve : undefined)
        })
      }
    })
    send({ ready: true })
  })
}

function send(message: FromWorker, whenSent?: () => void): void {
  process.send?.(message, undefined, undefined, () => whenSent?.())
}

class Worker {
  readonly #metrics: Metrics = createMetrics()
  readonly log: ServeLog
  readonly #streamer = new RecordSender()
  #runtime: Runtime | null = null
  #prepared: { readonly reload: PreparedReload; readonly config: ServeConfig } | null = null

  constructor() {
    const destination = new LineWriter(process.stdout.fd, {
      onLost: () => {
        this.#metrics.logLinesLost.inc()
      },
      // The primary writes to the same place, and says so once for all.
      onTrouble: () => undefined,
    })
    this.log = openLog(destination, 'info', { worker: cluster.worker?.id ?? 0 })
  }

  stream(isOn: boolean): void {
    this.#streamer.isOn = isOn
  }

  async answer(command: WorkerCommand): Promise<WorkerAnswer> {
    try {
      return await this.#do(command)
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : describeError(error), isConfigError: isConfigError(error) }
    }
  }

  async #do(command: WorkerCommand): Promise<WorkerAnswer> {
    switch (command.kind) {
      case 'start':
        return this.#start(command.config)
      case 'prepare': {
        const config = parse(command.config)
        this.#prepared = { reload: await this.#mustRun().prepare(config), config }
        return DONE
      }
      case 'commit': {
        const prepared = this.#prepared
        if (prepared === null) throw new Error('nothing is prepared')
        this.#prepared = null
        this.log.setLevel(prepared.config.log.level)
        return { kind: 'done', problems: await prepared.reload.commit() }
      }
      case 'discard':
        await this.#prepared?.reload.discard()
        this.#prepared = null
        return DONE
      case 'snapshot':
        return { kind: 'snapshot', metrics: await this.#metrics.registry.getMetricsAsJSON(), status: this.#mustRun().status() }
      case 'stop':
        await this.#runtime?.closeMail(command.graceMs)
        await this.#runtime?.close()
        await this.log.flush()
        return DONE
    }
  }

  async #start(text: ConfigText): Promise<WorkerAnswer> {
    const config = parse(text)
    this.log.setLevel(config.log.level)
    this.#runtime = await Runtime.start(config, {
      serves: ({ kind }) => kind !== 'http',
      metrics: this.#metrics,
      log: this.log,
      publish: () => (this.#streamer.isOn ? this.#streamer.send : undefined),
      mount: () => undefined,
    })
    return DONE
  }

  #mustRun(): Runtime {
    if (this.#runtime === null) throw new Error('the worker has not been started')
    return this.#runtime
  }
}

const DONE: WorkerAnswer = { kind: 'done', problems: [] }

/** The primary has read the same text without a problem. */
function parse({ text, file }: ConfigText): ServeConfig {
  const read = readConfig(text, file)
  if (read.kind === 'problems') throw new Error('the config has problems')
  return read.config
}

/** A primary that is slow to read costs events, never memory. */
const MAX_UNSENT_RECORDS = 500

class RecordSender {
  isOn = false
  #unsent = 0
  #dropped = 0
  #batch: TimedRecord[] = []

  /** Those of one turn of the event loop go together. */
  readonly send = ({ event, fields }: Omit<TimedRecord, 'time'>): void => {
    if (this.#unsent >= MAX_UNSENT_RECORDS) {
      this.#dropped++
      return
    }
    this.#unsent++
    if (this.#batch.push({ event, fields, time: new Date().toISOString() }) === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const records = this.#batch
    const dropped = this.#dropped
    this.#batch = []
    this.#dropped = 0
    send({ records, dropped }, () => {
      this.#unsent -= records.length
    })
  }
}
