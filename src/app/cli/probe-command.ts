/**
 * `ptrgate probe`: what the world sees of a mail server. It speaks SMTP to every address of every MX, one conversation an address.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { setMaxListeners } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseBracketedAddress, unmapAddress } from '../../core/address.ts'
import { isHostName, parseName, type DomainName } from '../../core/domain-name.ts'
import { mapInOrder } from '../../core/ordered-map.ts'
import { startNodeTimer } from '../../core/timer.ts'
import { findPersona, personaNames } from '../../personas/personas.ts'
import type { Persona } from '../../personas/persona.ts'
import { createHttpsFetch } from '../../probe/https-fetch.ts'
import { SessionLimiter } from '../../probe/limiter.ts'
import { probeChanges, readBaseline, type ProbeBaseline, type ProbeChanges } from '../../probe/probe-baseline.ts'
import { renderProbeHtml } from '../../probe/probe-html.ts'
import { probeEventJson, probeJson, probeListJson } from '../../probe/probe-json.ts'
import { parseProbeTarget, type ProbeTarget } from '../../probe/probe-target.ts'
import { renderProbeText } from '../../probe/probe-text.ts'
import { probeTarget, type ProbeEvent, type ProbeReport, type ProbeSettings } from '../../probe/probe.ts'
import type { RelayTest } from '../../probe/smtp-session-settings.ts'
import type { TlsVersion } from '../../probe/tls-facts.ts'
import { UsageError, type CommandContext } from './context.ts'
import { failOnOption, openResolver, outputOptions, resolverOption, timeoutOption, type FailLevel, type OutputOptions } from './options.ts'
import { columnsOf, EXIT, Progress, useColor, write } from './terminal.ts'
import { packageVersion } from '../package-root.ts'
import { readPersonas } from '../personas.ts'
import { answersText, receiverAnswers, type JudgedAddress } from './receiver-answers.ts'
import { vantagePoint } from './vantage-point.ts'

interface ProbeOptions extends OutputOptions {
  readonly port: number
  readonly ehlo?: string
  readonly timeout: number
  readonly tlsMin?: string
  readonly tlsVersions: boolean
  readonly injectionTest: boolean
  readonly relayTest?: RelayTest
  readonly allowPrivate: boolean
  readonly transcript: boolean
  readonly as?: string
  readonly baseline?: string
  readonly html?: string
  readonly sending: readonly string[]
  readonly helo?: string
  readonly selector: readonly string[]
  readonly dnsbl: readonly DomainName[]
  readonly resolver: readonly string[]
  readonly trustAd: boolean
  readonly failOn: FailLevel
}

const CONCURRENT_TARGETS = 50
const LIMITS = { maxSessions: 50, maxSessionsPerHost: 1, pausePerHostMs: 1000, sessionsPerSecond: 20 }
const OLD_VERSIONS: readonly TlsVersion[] = ['TLSv1', 'TLSv1.1']
const TLS_VERSIONS: Readonly<Record<string, TlsVersion>> = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' }

export function probeCommand(context: CommandContext): Command {
  const command = new Command('probe')
    .description('connect to every address of every MX, and report greeting, EHLO, STARTTLS, TLS and the names of each')
    .argument('<target...>', 'domains, or hosts and addresses with a port: mx.example.com:25, [2001:db8::7]:587')
    .addOption(new Option('--port <number>', 'the port to connect to; 465 is TLS from the start').argParser(portArgument).default(25))
    .option('--ehlo <name>', "our own name in EHLO (default: this machine's host name)")
    .addOption(timeoutOption().default(30_000, '30s'))
    .addOption(new Option('--tls-min <version>', 'accept no older TLS').choices(Object.keys(TLS_VERSIONS)))
    .option('--tls-versions', 'see whether TLS 1.0 and 1.1 are still accepted (a connection each)', false)
    .option('--injection-test', 'see whether commands in clear behind STARTTLS are carried out under TLS (one more connection)', false)
    .addOption(
      new Option('--relay-test <from,to>', 'see whether mail from one foreign address for another is taken; stops at RCPT').argParser(
        relayArgument,
      ),
    )
    .option('--allow-private', 'connect to private, loopback and reserved addresses as well', false)
    .option('--transcript', 'show what was said', false)
    .option('--html <file>', 'write the report as one page that needs nothing else')
    .option('--baseline <file>', 'say what has changed since this report of --json')
    .option('--as <receiver>', 'show what this receiver is known to answer to these addresses and names; all: every one')
    .addOption(
      repeatable(
        '--sending <address|spf>',
        'judge this address as one that sends for the domain; spf: those of its SPF record',
        sendingArgument,
      ),
    )
    .option('--helo <name>', 'what these say in HELO')
    .addOption(repeatable('--selector <name>', 'look at the DKIM key of this selector', (text) => text))
    .addOption(repeatable('--dnsbl <list>', 'see whether this blocklist has the sending addresses', listArgument))
    .addOption(resolverOption())
    .option('--trust-ad', "believe the resolver's AD bit (only over a trusted path to a validating resolver)", false)
    .addOption(failOnOption())
  for (const option of outputOptions()) command.addOption(option)
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (targets: string[], options: ProbeOptions) => context.finish(await probe(targets, options, context)))
}

const EXAMPLES = `
Examples:
  ptrgate probe example.com
  ptrgate probe mx.example.com:587 --ehlo probe.example.net --transcript
  ptrgate probe 127.0.0.1:2525 --allow-private`

async function probe(args: readonly string[], options: ProbeOptions, context: CommandContext): Promise<number> {
  const targets = args.map(targetOrThrow)
  const receivers = chosenReceivers(options.as)
  const baselines = readBaselines(options.baseline)
  if (options.ehlo !== undefined && !/^[\x21-\x7e]{1,255}$/.test(options.ehlo))
    throw new UsageError(`--ehlo ${JSON.stringify(options.ehlo)}: not a name`)
  const resolver = openResolver(options.resolver, options, context)
  const { signal, terminal } = context
  // Every session that is under way listens for Ctrl-C.
  setMaxListeners(0, signal)
  try {
    const vantage = await vantagePoint(options.ehlo, resolver, signal)
    if (vantage.isConfirmed === false && !options.quiet)
      terminal.stderr.write(
        `ptrgate: warning: we call ourselves ${vantage.ehloName}, which ${vantage.reason}; give our confirmed name with --ehlo\n`,
      )
    const events = new EventPrinter(options, context)
    const settings: ProbeSettings = {
      resolver,
      iprev: { trustAuthenticated: options.trustAd },
      ehloName: vantage.ehloName,
      isEhloConfirmed: vantage.isConfirmed,
      port: options.port,
      session: {
        timeouts: stageTimeouts(options.timeout),
        tls: options.tlsMin === undefined ? undefined : { minVersion: TLS_VERSIONS[options.tlsMin] },
        checkOldTls: options.tlsVersions ? OLD_VERSIONS : undefined,
        checkInjection: options.injectionTest,
      },
      relayTest: options.relayTest ?? null,
      limiter: new SessionLimiter(LIMITS, { startTimer: startNodeTimer, now: () => performance.now() }),
      allowPrivate: options.allowPrivate,
      trustAuthenticated: options.trustAd,
      selectors: options.selector,
      lists: options.dnsbl,
      sending: sendingSide(options),
      fetch: createHttpsFetch({ resolver, allowPrivate: options.allowPrivate }),
      failOn: options.failOn,
      clock: Date.now,
      onEvent: (event) => {
        events.take(event)
      },
    }
    return await report(targets, settings, events, { ...options, receivers, baselines }, context)
  } finally {
    await resolver.close()
  }
}

async function report(
  targets: readonly ProbeTarget[],
  settings: ProbeSettings,
  events: EventPrinter,
  options: ProbeOptions & { readonly receivers: readonly Persona[]; readonly baselines: readonly ProbeBaseline[] },
  { signal, terminal }: CommandContext,
): Promise<number> {
  const { stdout } = terminal
  const verdicts = new Set<ProbeReport['verdict']>()
  const kept: ProbeReport[] = []
  const style = {
    color: useColor(options.color, terminal),
    columns: columnsOf(terminal),
    verbose: options.verbose,
    transcript: options.transcript,
  }
  const { receivers, baselines } = options
  const changes = (result: ProbeReport): ProbeChanges | undefined => {
    const before = baselines.find(({ target }) => target === result.target)
    return before && probeChanges(result, before)
  }
  const shape = {
    transcript: options.transcript,
    changes,
    answers: receivers.length === 0 ? undefined : (result: ProbeReport) => receiverAnswers(judgedAddresses(result), receivers),
  }
  let separator = ''
  for await (const result of mapInOrder(targets, CONCURRENT_TARGETS, (target) => probeTarget(target, settings, signal))) {
    if (signal.aborted) break
    events.clear()
    verdicts.add(result.verdict)
    kept.push(result)
    if (options.json) continue
    if (options.ndjson) await write(stdout, `${probeJson(result, shape)}\n`)
    else {
      await write(
        stdout,
        separator +
          renderProbeText(result, { ...style, changes: changes(result) }) +
          answersText({ addresses: judgedAddresses(result) }, receivers, style),
      )
      separator = '\n'
    }
  }
  events.clear()
  if (options.html !== undefined) writePage(options.html, kept, options)
  if (options.json) await write(stdout, `${kept.length === 1 && kept[0] ? probeJson(kept[0], shape) : probeListJson(kept, shape)}\n`)
  return verdicts.has('misaligned') ? EXIT.misaligned : verdicts.has('inconclusive') ? EXIT.inconclusive : EXIT.aligned
}

/** Those that send first: receivers see only them. */
function judgedAddresses({ sending, hosts }: ProbeReport): readonly JudgedAddress[] {
  const probed = [...sending, ...hosts.flatMap(({ addresses }) => addresses)]
  return probed.map(({ address, judgement: { findings, helo, iprev } }) => ({ address, findings, helo, iprev }))
}

function writePage(file: string, reports: readonly ProbeReport[], { transcript }: ProbeOptions): void {
  try {
    writeFileSync(file, renderProbeHtml(reports, { at: new Date(), version: packageVersion(), transcript }))
  } catch (error) {
    throw new UsageError(`--html ${JSON.stringify(file)}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function readBaselines(file: string | undefined): readonly ProbeBaseline[] {
  if (file === undefined) return []
  const fail = (reason: string): never => {
    throw new UsageError(`--baseline ${JSON.stringify(file)}: ${reason}`)
  }
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
  const read = readBaseline(text)
  return read.kind === 'error' ? fail(read.reason) : read.baselines
}

function chosenReceivers(name: string | undefined): readonly Persona[] {
  if (name === undefined) return []
  const personas = readPersonas()
  if (name.toLowerCase() === 'all') return personas
  const one = findPersona(personas, name)
  if (one === undefined)
    throw new UsageError(`--as ${JSON.stringify(name)}: no such receiver; there is ${[...personaNames(personas), 'all'].join(', ')}`)
  return [one]
}

/** The steps as they happen: lines of NDJSON, or what a person waits for on a terminal. */
class EventPrinter {
  readonly #progress: Progress
  readonly #terminal: CommandContext['terminal']
  readonly #isNdjson: boolean

  constructor({ ndjson, quiet }: ProbeOptions, { terminal }: CommandContext) {
    this.#terminal = terminal
    this.#isNdjson = ndjson
    this.#progress = new Progress(terminal, !quiet && !ndjson)
  }

  take(event: ProbeEvent): void {
    if (this.#isNdjson) this.#terminal.stdout.write(`${probeEventJson(event)}\n`)
    else if (event.session.kind === 'stage')
      this.#progress.show(`${event.address.bytes.join(event.address.family === 4 ? '.' : ' ')}: ${event.session.stage}`)
  }

  clear(): void {
    this.#progress.clear()
  }
}

function targetOrThrow(text: string, index: number): ProbeTarget {
  const parsed = parseProbeTarget(text)
  if (parsed.kind === 'error')
    throw new UsageError(`argument ${String(index + 1)}: ${JSON.stringify(text)} is no domain, host or address to probe: ${parsed.reason}`)
  return parsed.target
}

/** Given once for each. */
function repeatable(flags: string, description: string, read: (text: string) => unknown): Option {
  return new Option(flags, `${description} (repeatable)`)
    .argParser((text: string, previous: readonly unknown[]) => [...previous, read(text)])
    .default([], 'none')
}

function sendingArgument(text: string): string {
  if (text !== FROM_SPF && parseBracketedAddress(text) === undefined) throw new InvalidArgumentError('an IP address, or spf')
  return text
}

function listArgument(text: string): DomainName {
  const list = parseName(text)
  if (list === undefined || !isHostName(list) || !list.includes('.'))
    throw new InvalidArgumentError('the name of a list, such as zen.example.net')
  return list
}

const FROM_SPF = 'spf'

function sendingSide({ sending, helo }: ProbeOptions): ProbeSettings['sending'] {
  const addresses = sending.map((text) => parseBracketedAddress(text)).filter((address) => address !== undefined)
  return { addresses: addresses.map(unmapAddress), fromSpf: sending.includes(FROM_SPF), claimedName: helo ?? null }
}

function portArgument(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('a port is a number from 1 to 65535')
  return port
}

function relayArgument(text: string): RelayTest {
  const [sender = '', recipient = '', ...rest] = text.split(',')
  if (!MAILBOX.test(sender) || !MAILBOX.test(recipient) || rest.length > 0)
    throw new InvalidArgumentError('two mail addresses with a comma between them, in domains of yours')
  return { sender, recipient }
}

/** As the session has it. */
const MAILBOX = /^(?=.{3,254}$)[!-;=?-~]+@[!-;=?-~]+$/

/** The greeting may take as long as all of it: some servers delay it on purpose. */
function stageTimeouts(milliseconds: number): ProbeSettings['session']['timeouts'] {
  return { connectMs: Math.min(milliseconds, 15_000), greetingMs: milliseconds, commandMs: milliseconds, tlsMs: milliseconds }
}
