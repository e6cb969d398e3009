/**
 * `ptrgate watch`: waits until a new PTR record, and the forward record that confirms it, are seen everywhere that was asked.
 */
import { Command, Option } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { formatAddress, parseBracketedAddress, unmapAddress, type IpAddress } from '../../core/address.ts'
import { isHostName, parseName, type DomainName } from '../../core/domain-name.ts'
import { createResolver, type ResolverHandle } from '../../dns/create-resolver.ts'
import type { DnsServer } from '../../dns/client.ts'
import { watchOnce, type Observation, type WatchRound, type WatchSettings } from '../../probe/watch.ts'
import { escapeForTerminal, escapeJson } from '../../render/escape.ts'
import { argumentText, joinList } from '../../render/finding-text.ts'
import { JSON_FORMAT } from '../../render/report-json.ts'
import { textStyle, type Mark } from '../../render/text-style.ts'
import { addWrapped } from '../../render/wrap.ts'
import { dnsServers } from '../dns-settings.ts'
import { UsageError, type CommandContext } from './context.ts'
import { durationArgument, outputOptions, resolverOption, type OutputOptions } from './options.ts'
import { columnsOf, EXIT, useColor, write } from './terminal.ts'

interface WatchOptions extends OutputOptions {
  readonly expect: string
  readonly every: number
  readonly for: number
  readonly resolver: readonly string[]
}

const DAY_MS = 86_400_000

export function watchCommand(context: CommandContext): Command {
  const command = new Command('watch')
    .description('wait until a new PTR record and its forward record are seen: by the servers of both zones, and by the resolvers')
    .argument('<ip>', 'the address')
    .requiredOption('--expect <name>', 'the name that its PTR record is to show')
    .addOption(new Option('--every <duration>', 'between two looks').argParser(durationArgument).default(30_000, '30s'))
    .addOption(new Option('--for <duration>', 'give up after this long').argParser(durationArgument).default(DAY_MS, '24h'))
    .addOption(resolverOption())
  for (const option of outputOptions()) command.addOption(option)
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (ip: string, options: WatchOptions) => context.finish(await watch(ip, options, context)))
}

const EXAMPLES = `
Ends with 0 as soon as all agree, and with 1 if they do not in time.

Examples:
  ptrgate watch 198.51.100.7 --expect mail.example.com
  ptrgate watch 2001:db8::7 --expect mail.example.com --resolver 9.9.9.9 --resolver 1.1.1.1 --every 1m`

async function watch(text: string, options: WatchOptions, context: CommandContext): Promise<number> {
  const ip = parseBracketedAddress(text)
  if (ip === undefined) throw new UsageError(`argument 1: ${JSON.stringify(text)} is no IP address`)
  const expected = parseName(options.expect)
  if (expected === undefined || !isHostName(expected) || !expected.includes('.'))
    throw new UsageError(`--expect ${JSON.stringify(options.expect)}: not the full name of a host`)
  const observers = new Observers(options, context)
  try {
    return await watchUntil(unmapAddress(ip), expected, observers.settings, options, context)
  } finally {
    await observers.close()
  }
}

async function watchUntil(
  ip: IpAddress,
  expected: DomainName,
  settings: WatchSettings,
  options: WatchOptions,
  { terminal, signal }: CommandContext,
): Promise<number> {
  const { stdout } = terminal
  const end = performance.now() + options.for
  let shown = ''
  for (;;) {
    const round = await watchOnce(ip, expected, settings, signal)
    if (signal.aborted) return EXIT.interrupted
    const state = JSON.stringify(
      round.observations.map(({ observer, question, state: seenState, seen }) => [observer, question.type, seenState, seen]),
    )
    const isLast = round.agreed || performance.now() + options.every > end
    if (options.ndjson || (options.json && isLast)) await write(stdout, `${roundJson(round)}\n`)
    // A person is shown what has changed since; the times that are left change always.
    else if (!options.json && (state !== shown || isLast)) await write(stdout, roundText(round, options, terminal))
    shown = state
    if (isLast) return round.agreed ? EXIT.aligned : EXIT.misaligned
    await delay(options.every, undefined, { signal }).catch(() => undefined)
  }
}

/** The resolvers, one client each, and one for each server of a zone. */
class Observers {
  readonly settings: WatchSettings
  readonly #open: ResolverHandle[] = []
  readonly #servers = new Map<string, ResolverHandle>()

  constructor(options: WatchOptions, { terminal }: CommandContext) {
    const found = dnsServers(options.resolver)
    if ('error' in found) throw new UsageError(found.error)
    if (!options.quiet) for (const warning of found.warnings) terminal.stderr.write(`ptrgate: warning: ${warning}\n`)
    const { servers, timeoutMs, attempts } = found
    const open = (server: DnsServer): ResolverHandle => this.#keep(createResolver({ servers: [server], timeoutMs, attempts, cache: false }))
    this.settings = {
      resolver: this.#keep(createResolver({ servers, timeoutMs, attempts, cache: false })),
      resolvers: servers.map((server) => ({ name: serverName(server), resolver: open(server) })),
      askServer: (address) => this.#serverAt(address),
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((handle) => handle.close()))
  }

  #serverAt(address: IpAddress): ResolverHandle {
    const key = formatAddress(address)
    const known = this.#servers.get(key) ?? this.#keep(createResolver({ servers: [{ address, port: DNS_PORT }], cache: false }))
    this.#servers.set(key, known)
    return known
  }

  #keep(handle: ResolverHandle): ResolverHandle {
    this.#open.push(handle)
    return handle
  }
}

const DNS_PORT = 53

function serverName({ address, port }: DnsServer): string {
  const host = address.family === 6 ? `[${formatAddress(address)}]` : formatAddress(address)
  return port === DNS_PORT ? host : `${host}:${String(port)}`
}

function roundJson({ ip, expected, observations, agreed, waitSeconds }: WatchRound): string {
  const seen = observations.map(({ role, observer, question, state, seen: values, ttl }) => ({
    role,
    observer,
    type: question.type,
    state,
    seen: values,
    ttl,
  }))
  return escapeJson(
    JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'watch', ip: formatAddress(ip), expected, agreed, waitSeconds, observations: seen }),
  )
}

function roundText(
  { ip, expected, observations, agreed, waitSeconds }: WatchRound,
  options: WatchOptions,
  terminal: CommandContext['terminal'],
): string {
  const style = textStyle(useColor(options.color, terminal))
  const columns = columnsOf(terminal)
  const lines: string[] = []
  for (const [role, heading] of HEADINGS) {
    lines.push(style.heading(heading))
    for (const observation of observations) if (observation.role === role) addObservation(lines, observation, columns)
  }
  const wait = waitSeconds === null ? '' : `; old answers may be kept for ${String(waitSeconds)} s more`
  const summary = agreed ? 'all agree' : `not all agree yet${wait}`
  addWrapped(lines, `${formatAddress(ip)} and ${argumentText(expected)}: ${summary}`, columns, {
    first: `${style.mark(agreed ? 'ok' : 'unsure')} `,
  })
  return `${lines.join('\n')}\n\n`
}

const HEADINGS = [
  ['reverseZone', 'Servers of the reverse zone'],
  ['forwardZone', 'Servers of the forward zone'],
  ['resolver', 'Resolvers'],
] as const

const MARKS: Readonly<Record<Observation['state'], Mark>> = { agrees: 'ok', differs: 'error', absent: 'error', unknown: 'unsure' }

function addObservation(lines: string[], { observer, question, state, seen, ttl }: Observation, columns: number): void {
  const what = state === 'absent' ? 'nothing' : joinList(seen, 4)
  const rest = ttl === null || state === 'agrees' ? '' : ` (for ${String(ttl)} s)`
  addWrapped(lines, `${escapeForTerminal(observer)} ${question.type}: ${what}${rest}`, columns, {
    first: `  ${textStyle(false).mark(MARKS[state])} `.padEnd(8),
    rest: ' '.repeat(8),
  })
}
