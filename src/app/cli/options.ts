/**
 * The options that several commands share (contract: "Everywhere"), read once and in one way.
 */
import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../core/duration.ts'
import { createResolver, type ResolverHandle } from '../../dns/create-resolver.ts'
import type { FindingLevel } from '../../findings/catalogue.ts'
import { dnsServers } from '../dns-settings.ts'
import { UsageError, type CommandContext } from './context.ts'
import type { ColorChoice } from './terminal.ts'

export type FailLevel = Exclude<FindingLevel, 'inconclusive'>

export interface OutputOptions {
  readonly json: boolean
  readonly ndjson: boolean
  readonly color: ColorChoice
  readonly quiet: boolean
  readonly verbose: boolean
}

export const resolverOption = (): Option =>
  new Option('--resolver <host[:port]>', 'ask this DNS server (repeatable; default: resolv.conf)')
    .argParser((value: string, previous: readonly string[]) => [...previous, value])
    .default([], 'none')

export const timeoutOption = (): Option =>
  new Option('--timeout <duration>', 'give up on one address after this long, such as 5s or 800ms')
    .argParser(durationArgument)
    .default(5000, '5s')

export const failOnOption = (): Option =>
  new Option('--fail-on <level>', 'exit 1 from this level on').choices(['info', 'notice', 'warning', 'error']).default('error')

export const outputOptions = (): Option[] => [
  new Option('--json', 'print one JSON object').default(false).conflicts('ndjson'),
  new Option('--ndjson', 'print one JSON object a line').default(false),
  new Option('--color <when>', 'colours').choices(['auto', 'always', 'never']).default('auto'),
  new Option('-q, --quiet', 'print nothing but results').default(false).conflicts('verbose'),
  new Option('-v, --verbose', 'print every detail').default(false),
]

/** The resolver of a command: one client and one cache, closed by the caller. */
export function openResolver(resolverOptions: readonly string[], output: OutputOptions, context: CommandContext): ResolverHandle {
  const settings = dnsServers(resolverOptions)
  if ('error' in settings) throw new UsageError(settings.error)
  if (!output.quiet) for (const warning of settings.warnings) context.terminal.stderr.write(`ptrgate: warning: ${warning}\n`)
  const { servers, timeoutMs, attempts, rotate } = settings
  return createResolver({ servers, timeoutMs, attempts, rotate })
}

export function durationArgument(text: string): number {
  const parsed = parseDuration(text)
  if (parsed.kind === 'error') throw new InvalidArgumentError(parsed.error)
  if (parsed.ms < 1) throw new InvalidArgumentError('it must be longer than nothing')
  return parsed.ms
}
