/**
 * `ptrgate serve`: reads the config, starts the service, and does what signals say: SIGHUP reloads, SIGTERM and SIGINT end it
 * once its sessions have ended, a second one ends it at once. What is served is in app/serve.
 */
import { Command, Option } from 'commander'
import cluster from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { readDescriptorLimit } from '../../gateway/listen.ts'
import { formatConfigProblem, readConfig } from '../config/read-config.ts'
import type { ServeConfig } from '../config/schema.ts'
import { LineWriter } from '../line-writer.ts'
import { openLog, type ServeLog } from '../log.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { packageVersion } from '../package-root.ts'
import { descriptorShortage } from '../serve/descriptors.ts'
import { describeError, shown } from '../serve/event-record.ts'
import { isConfigError, isStartProblem } from '../serve/problems.ts'
import { Service } from '../serve/service.ts'
import { runWorker } from '../serve/worker.ts'
import type { ConfigText } from '../serve/worker-messages.ts'
import { UsageError, type CommandContext } from './context.ts'
import { EXIT, write } from './terminal.ts'

interface ServeOptions {
  readonly config?: string
  readonly check: boolean
}

const DEFAULT_CONFIG = '/etc/ptrgate/ptrgate.yaml'

export function serveCommand(context: CommandContext): Command {
  return new Command('serve')
    .description('judge the clients of a mail server: milter, Postfix policy service, SMTP gateway, HTTP')
    .addOption(new Option('-c, --config <file>', `the config (default: ${DEFAULT_CONFIG}, if it is there)`))
    .option('--check', 'check the config, and end', false)
    .addHelpText('after', SIGNALS)
    .action(async (options: ServeOptions) => {
      if (cluster.isWorker) await serveAsWorker(context)
      else if (options.check) context.finish(await check(configFile(options), context))
      else context.finish(await serve(configFile(options), context))
    })
}

const SIGNALS = `
SIGHUP reads the config again; a bad one is refused, and no session is dropped. SIGTERM accepts nothing more and lets
sessions end (drainMs); a second one ends them.`

function configFile({ config }: ServeOptions): string {
  if (config !== undefined) return config
  if (existsSync(DEFAULT_CONFIG)) return DEFAULT_CONFIG
  throw new UsageError(`there is no ${DEFAULT_CONFIG}; name the config by --config FILE`)
}

async function check(file: string, context: CommandContext): Promise<number> {
  const { stdout, stderr } = context.terminal
  const config = await load(readText(file), context)
  if (config === undefined) return EXIT.usage
  const name = shown(file, MAX_FILE_NAME)
  await write(stdout, `${name}: valid\n`)
  // Of this process; that of the service may be another one.
  const remark = descriptorShortage(config, await readDescriptorLimit())
  if (remark !== null) await write(stderr, `${name}: remark: ${remark}\n`)
  return EXIT.aligned
}

const MAX_FILE_NAME = 4096

/** Undefined once all its problems have been told. */
async function load({ text, file }: ConfigText, { terminal }: CommandContext): Promise<ServeConfig | undefined> {
  const read = readConfig(text, file)
  if (read.kind === 'config') return read.config
  await write(terminal.stderr, read.problems.map((problem) => `${formatConfigProblem(file, problem)}\n`).join(''))
  return undefined
}

function readText(file: string): ConfigText {
  try {
    return { file, text: readFileSync(file, 'utf8') }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new UsageError(`--config ${shown(file, MAX_FILE_NAME)}: cannot be read (${code})`)
  }
}

async function serve(file: string, context: CommandContext): Promise<number> {
  const { terminal } = context
  const text = readText(file)
  const config = await load(text, context)
  if (config === undefined) return EXIT.usage
  const metrics = createMetrics()
  const log = openServiceLog(config, metrics, (problem) => {
    terminal.stderr.write(`ptrgate: the log cannot be written (${problem}); mail is judged all the same\n`)
  })
  // A closed stderr is no reason to stop judging mail.
  terminal.stderr.on('error', () => undefined)
  const signals = new Signals(context)
  logStart(log, file, config)
  const service = await startService(config, text, { log, metrics }, signals, context)
  if (typeof service === 'number') return service
  await logServing(log, service)
  signals.onReload(() => void reload(service, file, log))
  await signals.stopping
  log.write({ level: 'info', event: 'stopping', fields: { drainMs: service.drainMs } })
  await service.stop()
  log.write({ level: 'info', event: 'stopped', fields: {} })
  await log.flush()
  // Sessions of listeners that a reload has removed may outlast the time that was given to all.
  process.exit(EXIT.aligned)
}

/** The exit code if it could not be started, or was stopped meanwhile. */
async function startService(
  config: ServeConfig,
  text: ConfigText,
  options: { readonly log: ServeLog; readonly metrics: Metrics },
  signals: Signals,
  { terminal }: CommandContext,
): Promise<Service | number> {
  try {
    return await Service.start(config, text, options)
  } catch (error) {
    if (!isStartProblem(error)) throw error
    await options.log.flush()
    signals.release()
    terminal.stderr.write(`ptrgate: ${shown(error.message, MAX_FILE_NAME)}\n`)
    return isConfigError(error) ? EXIT.usage : EXIT.misaligned
  }
}

async function reload(service: Service, file: string, log: ServeLog): Promise<void> {
  let text: ConfigText
  try {
    text = readText(file)
  } catch (error) {
    service.refuseReload([error instanceof Error ? error.message : String(error)])
    return
  }
  const result = await service.reload(text)
  if (result.kind === 'applied') await logServing(log, service)
}

function openServiceLog(config: ServeConfig, metrics: Metrics, onTrouble: (problem: string) => void): ServeLog {
  const destination = new LineWriter(process.stdout.fd, {
    onLost: () => {
      metrics.logLinesLost.inc()
    },
    onTrouble,
  })
  const log = openLog(destination, config.log.level)
  logCrashes(log)
  return log
}

function logCrashes(log: ServeLog): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    log.write({ level: 'error', event: 'crashed', fields: { error: describeError(error) } })
    log.flushSync()
  })
}

function logStart(log: ServeLog, file: string, config: ServeConfig): void {
  const user = process.getuid?.() ?? -1
  log.write({
    level: 'info',
    event: 'starting',
    fields: { version: packageVersion(), node: process.version, user, file: shown(file, MAX_SHOWN_FILE) },
  })
  if (config.name === undefined && !hostname().includes('.')) {
    const problem = `the host name ${shown(hostname(), 100)} is not fully qualified, and stands in every header; set name`
    log.write({ level: 'warn', event: 'bareName', fields: { problem } })
  }
  if (user !== 0) return
  const problem = 'running as root; it needs no right but to its sockets, so give it a user of its own'
  log.write({ level: 'warn', event: 'runningAsRoot', fields: { problem } })
}

const MAX_SHOWN_FILE = 300
const MAX_LISTENERS = 40

async function logServing(log: ServeLog, service: Service): Promise<void> {
  const { listeners, workers } = await service.readiness()
  const names = listeners.slice(0, MAX_LISTENERS).map(({ name }) => name)
  log.write({ level: 'info', event: 'serving', fields: { listeners: names, workers: workers?.running ?? 0 } })
}

async function serveAsWorker(context: CommandContext): Promise<never> {
  context.takeSignals()
  process.stderr.on('error', () => undefined)
  await runWorker(logCrashes)
  process.exit(EXIT.aligned)
}

/** From its making on: a SIGHUP, or a first SIGTERM, never ends the process. */
class Signals {
  readonly stopping: Promise<void>
  readonly #stop: () => void
  #isStopping = false
  #reload: (() => void) | undefined
  #isReloadWanted = false

  constructor(context: CommandContext) {
    context.takeSignals()
    let resolveStopping = (): void => undefined
    this.stopping = new Promise((resolve) => {
      resolveStopping = resolve
    })
    this.#stop = () => {
      if (this.#isStopping) process.exit(EXIT.interrupted)
      this.#isStopping = true
      resolveStopping()
    }
    process.on('SIGTERM', this.#stop).on('SIGINT', this.#stop).on('SIGHUP', this.#hangup)
  }

  /** One that came too early is made up for. */
  onReload(reload: () => void): void {
    this.#reload = reload
    if (this.#isReloadWanted) reload()
  }

  release(): void {
    process.off('SIGTERM', this.#stop).off('SIGINT', this.#stop).off('SIGHUP', this.#hangup)
  }

  readonly #hangup = (): void => {
    if (this.#reload) this.#reload()
    else this.#isReloadWanted = true
  }
}
