/**
 * `ptrgate replay`: what a policy would have done with the mail in a log, so that rejection can be switched on without a gamble.
 */
import { Command, Option } from 'commander'
import { closeSync, createReadStream, fstatSync, openSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parseName } from '../../core/domain-name.ts'
import { createResolver, type ResolverHandle } from '../../dns/create-resolver.ts'
import type { JudgeSettings } from '../../engine/judge.ts'
import { rfc7372 } from '../../personas/rfc7372.ts'
import { PRESET_NAMES, type PresetName } from '../../policy/presets.ts'
import { policySettings, type PolicySettings } from '../../policy/settings.ts'
import { formatConfigProblem, readConfig } from '../config/read-config.ts'
import type { ServeConfig } from '../config/schema.ts'
import { dnsServers, type DnsServers } from '../dns-settings.ts'
import { ClientTable } from '../replay/client-table.ts'
import { judgeClients, replayPolicy } from '../replay/judge-clients.ts'
import { LOG_FORMATS, MAX_OPEN_MESSAGES, type LogFormat } from '../replay/log-record.ts'
import { LogError, readLogs, type LogSource } from '../replay/read-logs.ts'
import { replayJson, replayNdjson } from '../replay/replay-json.ts'
import { replayReport, type PolicySummary, type ReplayReport } from '../replay/replay-report.ts'
import { renderReplayText } from '../replay/replay-text.ts'
import { UsageError, type CommandContext } from './context.ts'
import { openResolver, outputOptions, resolverOption, timeoutOption, type OutputOptions } from './options.ts'
import { columnsOf, EXIT, Progress, useColor, write } from './terminal.ts'

interface ReplayOptions extends OutputOptions {
  readonly config?: string
  readonly policy?: PresetName
  readonly format?: LogFormat
  readonly resolver: readonly string[]
  readonly timeout: number
}

/** Enough to hide the latency of dead name servers, few enough for a resolver that also serves the mail of today. */
const CONCURRENT_CLIENTS = 64

export function replayCommand(context: CommandContext): Command {
  const command = new Command('replay')
    .description('tell what a policy would have done with the mail in a log')
    .argument('<log...>', 'logs of Postfix, Exim or ptrgate, also gzipped; - reads stdin')
    .option('--config <file>', 'use the policy and the DNS servers of this config')
    .addOption(new Option('--policy <preset>', 'use this preset').choices(PRESET_NAMES).conflicts('config'))
    .addOption(new Option('--format <format>', 'the program that wrote the logs (default: told by their content)').choices(LOG_FORMATS))
    .addOption(resolverOption())
    .addOption(timeoutOption())
  for (const option of outputOptions()) command.addOption(option)
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (logs: string[], options: ReplayOptions) =>
      context.finish(await replay(logs, { ...options, isTimeoutGiven: command.getOptionValueSource('timeout') === 'cli' }, context)),
    )
}

const EXAMPLES = `
DNS is asked now, and not as it was when the mail came; ptrgate's own log holds what it said then.

Examples:
  ptrgate replay /var/log/mail.log --policy balanced
  ptrgate replay /var/log/exim4/mainlog* --config /etc/ptrgate.yaml
  journalctl -u postfix@- -o short-iso | ptrgate replay - --policy strict --json`

interface Setting {
  readonly policy: PolicySettings
  readonly summary: PolicySummary
  readonly judge: Omit<JudgeSettings, 'resolver'>
  readonly dns: ServeConfig['dns'] | null
}

async function replay(
  logs: readonly string[],
  options: ReplayOptions & { isTimeoutGiven: boolean },
  context: CommandContext,
): Promise<number> {
  const setting = options.config === undefined ? presetSetting(options) : configSetting(options.config, options)
  const sources = logSources(logs, context)
  const resolver = resolverFor(setting, options, context)
  try {
    const report = await run(sources, setting, resolver, options, context)
    await print(report, options, context)
    if (report.logs.every(({ format }) => format === null) && !options.quiet && !report.interrupted) {
      context.terminal.stderr.write('ptrgate: warning: no line of the logs is one of Postfix, Exim or ptrgate about a client\n')
    }
    return EXIT.aligned
  } catch (error) {
    if (error instanceof LogError) throw new UsageError(error.message)
    throw error
  } finally {
    await resolver.close()
  }
}

async function run(
  sources: readonly LogSource[],
  setting: Setting,
  resolver: ResolverHandle,
  options: ReplayOptions,
  { terminal, signal }: CommandContext,
): Promise<ReplayReport> {
  const progress = new Progress(terminal, !options.quiet)
  const table = new ClientTable()
  const logs = await readLogs(sources, {
    table,
    format: options.format ?? null,
    now: new Date(),
    maxOpenMessages: MAX_OPEN_MESSAGES,
    signal,
    onLines: (lines) => progress.show(`${String(lines)} lines read, ${String(table.size)} clients`),
  })
  const { clients } = table
  let internalErrors = 0
  const judged = await judgeClients(clients, {
    judge: { ...setting.judge, resolver },
    policy: replayPolicy(setting.policy, rfc7372.replyFor),
    concurrency: CONCURRENT_CLIENTS,
    signal,
    onJudged: (count) => progress.show(`${String(count)} of ${String(clients.length)} clients judged`),
    onInternalError: () => internalErrors++,
  })
  progress.clear()
  return replayReport({
    logs,
    policy: setting.summary,
    totals: table.totals,
    clients: clients.length,
    judged,
    internalErrors,
    interrupted: signal.aborted,
  })
}

async function print(report: ReplayReport, options: ReplayOptions, { terminal }: CommandContext): Promise<void> {
  const { stdout } = terminal
  if (options.json) return write(stdout, `${replayJson(report)}\n`)
  if (options.ndjson) {
    for (const line of replayNdjson(report)) await write(stdout, line)
    return
  }
  const style = { columns: columnsOf(terminal), color: useColor(options.color, terminal), verbose: options.verbose }
  await write(stdout, renderReplayText(report, style))
}

function presetSetting({ policy: preset = 'balanced', timeout }: ReplayOptions): Setting {
  const policy = policySettings(preset)
  return { policy, summary: summaryOf(policy, null), judge: { iprev: { deadlineMs: timeout } }, dns: null }
}

/** As `serve` would judge with this config, so that what is told here is what happens there. */
function configSetting(file: string, { timeout, isTimeoutGiven }: ReplayOptions & { isTimeoutGiven: boolean }): Setting {
  const read = readConfig(readText(file), file)
  if (read.kind === 'problems') throw new UsageError(read.problems.map((problem) => formatConfigProblem(file, problem)).join('\nptrgate: '))
  const { policy, iprev, name, addresses, dns } = read.config
  const ourName = parseName(name ?? hostname())
  return {
    policy,
    summary: summaryOf(policy, file),
    judge: {
      iprev: isTimeoutGiven ? { ...iprev, deadlineMs: timeout } : iprev,
      ourNames: ourName === undefined ? [] : [ourName],
      ourAddresses: addresses,
    },
    dns,
  }
}

function summaryOf({ preset, stage, dryRun, percent, exemptPostmaster }: PolicySettings, file: string | null): PolicySummary {
  return { file, preset, stage, dryRun, percent, exemptPostmaster }
}

/** The servers of `--resolver`, else of the config, else the system's. */
function resolverFor({ dns }: Setting, options: ReplayOptions, context: CommandContext): ResolverHandle {
  if (dns === null) return openResolver(options.resolver, options, context)
  const { timeoutMs, attempts, rotate } = dns
  const settings: DnsServers | { readonly error: string } =
    dns.servers !== undefined && options.resolver.length === 0 ? { servers: dns.servers, warnings: [] } : dnsServers(options.resolver)
  if ('error' in settings) throw new UsageError(settings.error)
  if (!options.quiet) for (const warning of settings.warnings) context.terminal.stderr.write(`ptrgate: warning: ${warning}\n`)
  return createResolver({
    servers: settings.servers,
    timeoutMs: timeoutMs ?? settings.timeoutMs,
    attempts: attempts ?? settings.attempts,
    rotate: rotate ?? settings.rotate,
  })
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--config ${file}: cannot be read (${errorCode(error)})`)
  }
}

/** Every file is opened before the first is read, so that a typo does not surface after an hour. */
function logSources(logs: readonly string[], { terminal }: CommandContext): readonly LogSource[] {
  if (logs.filter((log) => log === '-').length > 1) throw new UsageError('argument -: stdin can be read only once')
  for (const log of logs) if (log !== '-') requireReadable(log)
  return logs.map((log) =>
    log === '-'
      ? { name: 'stdin', open: () => terminal.stdin }
      : { name: log, open: () => createReadStream(log, { highWaterMark: READ_OCTETS }) },
  )
}

const READ_OCTETS = 256 * 1024

function requireReadable(log: string): void {
  try {
    const descriptor = openSync(log, 'r')
    try {
      if (fstatSync(descriptor).isDirectory()) throw new UsageError(`${log}: a directory, not a log`)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${log}: cannot be read (${errorCode(error)})`)
  }
}

function errorCode(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
