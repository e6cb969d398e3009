/**
 * `ptrgate check`: what receivers conclude from an address, a host or a domain, by DNS alone.
 */
import { Command, Option } from 'commander'
import { mapInOrder } from '../../core/ordered-map.ts'
import { checkTarget, type CheckSettings } from '../../engine/check.ts'
import { findPersona, personaNames, type Persona } from '../../personas/personas.ts'
import { rfc7372 } from '../../personas/rfc7372.ts'
import { parseProviders } from '../../remedy/providers.ts'
import { checkJson, checkListJson } from '../../render/report-json.ts'
import { renderCheckText } from '../../render/report-text.ts'
import type { CheckReport } from '../../render/report-types.ts'
import { readPackageFile } from '../package-root.ts'
import { readPersonas } from '../personas.ts'
import { UsageError, type CommandContext } from './context.ts'
import { failOnOption, openResolver, outputOptions, resolverOption, timeoutOption, type FailLevel, type OutputOptions } from './options.ts'
import { answeredCheckJson, answeredListJson, answersText } from './receiver-answers.ts'
import { readTargets, type ListedTarget } from './target-list.ts'
import { columnsOf, EXIT, Progress, useColor, write } from './terminal.ts'

interface CheckOptions extends OutputOptions {
  readonly helo?: string
  readonly as: string
  readonly name: string
  readonly resolver: readonly string[]
  readonly trustAd: boolean
  readonly timeout: number
  readonly failOn: FailLevel
}

/** Enough to hide latency, few enough to be polite to the resolver. */
const CONCURRENT_TARGETS = 16

export function checkCommand(context: CommandContext): Command {
  const command = new Command('check')
    .description('check PTR, forward confirmation and HELO of addresses, hosts or domains')
    .argument('<target...>', 'addresses, host names or domains; - reads them from stdin, one a line')
    .option('--helo <name>', 'what the server says in HELO or EHLO')
    .addOption(new Option('--as <receiver>', 'answer as this receiver does (`ptrgate personas` lists them), or all').default('rfc7372'))
    .option('--name <name>', "the checking server's own name, as it stands in Authentication-Results", 'ptrgate')
    .addOption(resolverOption())
    .option('--trust-ad', "believe the resolver's AD bit (only over a trusted path to a validating resolver)", false)
    .addOption(timeoutOption())
    .addOption(failOnOption())
  for (const option of outputOptions()) command.addOption(option)
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (targets: string[], options: CheckOptions) => context.finish(await check(targets, options, context)))
}

const EXAMPLES = `
Examples:
  ptrgate check 198.51.100.7 --helo mail.example.com
  ptrgate check example.com
  ptrgate check 198.51.100.7 --helo mail.example.com --as all
  ptrgate check - --ndjson < addresses.txt`

async function check(args: readonly string[], options: CheckOptions, context: CommandContext): Promise<number> {
  const receivers = chosenReceivers(options.as)
  const listed = await readTargets(args, context.terminal.stdin)
  const providers = parseProviders(readPackageFile('config/providers.yaml'), 'config/providers.yaml')
  const resolver = openResolver(options.resolver, options, context)
  try {
    const settings: CheckSettings = {
      resolver,
      persona: receivers.speaking,
      providers,
      authservId: options.name,
      failOn: options.failOn,
      iprev: { deadlineMs: options.timeout, trustAuthenticated: options.trustAd },
    }
    return await report(listed, settings, receivers.answering, options, context)
  } finally {
    await resolver.close()
  }
}

interface Receivers {
  /** Whose words the report's decision has. */
  readonly speaking: Persona
  /** Whose answers stand beside the report. */
  readonly answering: readonly Persona[]
}

function chosenReceivers(name: string): Receivers {
  const personas = readPersonas()
  if (name.toLowerCase() === 'all') return { speaking: rfc7372, answering: personas }
  const speaking = findPersona(personas, name)
  if (speaking) return { speaking, answering: [] }
  throw new UsageError(`--as ${JSON.stringify(name)}: no such receiver; there is ${[...personaNames(personas), 'all'].join(', ')}`)
}

/** With the name that this client claims, which some receivers repeat. */
function speakingTo(persona: Persona, helo: string | null): Persona {
  return helo === null ? persona : { ...persona, replyFor: (request) => persona.replyFor(request, { helo }) }
}

async function report(
  listed: readonly ListedTarget[],
  settings: CheckSettings,
  answering: readonly Persona[],
  options: CheckOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context
  const progress = new Progress(terminal, !options.quiet && listed.length > 1)
  const print = printer(options, answering, context)
  const verdicts = new Set<CheckReport['verdict']>()
  let finished = 0
  const reports = mapInOrder(listed, CONCURRENT_TARGETS, async ({ target, helo }) => {
    const claimedName = helo ?? options.helo ?? null
    const result = await checkTarget(target, claimedName, { ...settings, persona: speakingTo(settings.persona, claimedName) }, signal)
    finished++
    progress.show(`${String(finished)} of ${String(listed.length)} checked`)
    return result
  })
  for await (const result of reports) {
    if (signal.aborted) break
    progress.clear()
    verdicts.add(result.verdict)
    await print.report(result)
  }
  progress.clear()
  await print.end()
  return verdicts.has('misaligned') ? EXIT.misaligned : verdicts.has('inconclusive') ? EXIT.inconclusive : EXIT.aligned
}

interface Printer {
  report(report: CheckReport): Promise<void>
  end(): Promise<void>
}

function printer(options: CheckOptions, answering: readonly Persona[], { terminal }: CommandContext): Printer {
  const { stdout } = terminal
  const json = (report: CheckReport): string => (answering.length === 0 ? checkJson(report) : answeredCheckJson(report, answering))
  if (options.ndjson) return { report: (report) => write(stdout, `${json(report)}\n`), end: () => Promise.resolve() }
  if (options.json) {
    const reports: CheckReport[] = []
    const listJson = (): string => (answering.length === 0 ? checkListJson(reports) : answeredListJson(reports, answering))
    return {
      report: (report) => Promise.resolve(void reports.push(report)),
      end: () => write(stdout, `${reports.length === 1 && reports[0] ? json(reports[0]) : listJson()}\n`),
    }
  }
  const style = { color: useColor(options.color, terminal), columns: columnsOf(terminal), verbose: options.verbose }
  let separator = ''
  return {
    async report(report) {
      await write(stdout, separator + renderCheckText(report, style) + answersText(report, answering, style))
      separator = '\n'
    },
    end: () => Promise.resolve(),
  }
}
