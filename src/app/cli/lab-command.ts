/**
 * `ptrgate lab`: an embedded DNS with the zones of the lab, three sample addresses judged, and then it stays up.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { readFileSync } from 'node:fs'
import { parseAddress } from '../../core/address.ts'
import { specialRange } from '../../core/network.ts'
import { checkTarget, type CheckSettings } from '../../engine/check.ts'
import { startLab, type Lab } from '../../lab/start-lab.ts'
import { rfc7372 } from '../../personas/rfc7372.ts'
import { parseProviders } from '../../remedy/providers.ts'
import { renderCheckText } from '../../render/report-text.ts'
import { packagePath, readPackageFile } from '../package-root.ts'
import { UsageError, type CommandContext } from './context.ts'
import { columnsOf, EXIT, useColor, write, type ColorChoice } from './terminal.ts'

interface LabCommandOptions {
  readonly zone: string
  readonly listen: string
  readonly portBase: number
  readonly json: boolean
  readonly once: boolean
  readonly color: ColorChoice
}

const DEFAULT_PORT = 5300
const LAB_ZONE = 'config/zones/lab.zone'

/** One of each kind that a newcomer should see. */
const SAMPLES = [
  { title: 'Aligned', ip: '198.51.100.7', helo: 'mail.example.com' },
  { title: 'No PTR', ip: '198.51.100.8', helo: 'mail.example.net' },
  { title: 'Mismatch', ip: '198.51.100.9', helo: 'mail.example.org' },
] as const

export function labCommand(context: CommandContext): Command {
  return new Command('lab')
    .description('start the lab on loopback: a small internet to try ptrgate on')
    .option('--zone <file>', `answer from this master file (default: ${LAB_ZONE} of the package)`, packagePath(LAB_ZONE))
    .option('--listen <address>', 'listen here; beyond loopback only if you say so', '127.0.0.1')
    .addOption(new Option('--port-base <n>', 'the first port; 0 for any free one').argParser(portArgument).default(DEFAULT_PORT))
    .option('--json', 'print one line with every port when ready, and nothing else', false)
    .option('--once', 'end after the samples', false)
    .addOption(new Option('--color <when>', 'colours').choices(['auto', 'always', 'never']).default('auto'))
    .action(async (options: LabCommandOptions) => context.finish(await runLab(options, context)))
}

async function runLab(options: LabCommandOptions, context: CommandContext): Promise<number> {
  const { terminal, signal } = context
  const lab = await openLab(options)
  try {
    if (options.json) {
      await write(terminal.stdout, `${JSON.stringify({ ptrgate: 1, kind: 'labReady', dns: lab.dnsServer })}\n`)
    } else {
      await write(terminal.stdout, `The lab's DNS answers at ${lab.dnsServer}, UDP and TCP.\n`)
      await showSamples(lab, options, context)
    }
    if (!options.once) {
      if (!options.json) await write(terminal.stdout, hints(lab))
      await untilAborted(signal)
    }
    return EXIT.aligned
  } finally {
    await lab.close()
  }
}

async function openLab({ zone, listen, portBase }: LabCommandOptions): Promise<Lab> {
  const address = parseAddress(listen)
  if (!address) throw new UsageError(`--listen ${JSON.stringify(listen)}: not an address`)
  if (specialRange(address) === 'unspecified') {
    throw new UsageError(`--listen ${listen}: name the one address to listen on; a DNS that is open to everybody is abused within hours`)
  }
  try {
    return await startLab({ zone: readFileSync(zone, 'utf8'), zoneName: zone, address: listen, port: portBase })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new UsageError(
        `port ${String(portBase)} on ${listen} is taken; is another lab running? --port-base chooses another port, 0 any free one`,
      )
    }
    if (code === 'EADDRNOTAVAIL') throw new UsageError(`--listen ${listen}: this machine has no such address`)
    if (code === 'EACCES') throw new UsageError(`port ${String(portBase)} on ${listen} is not allowed to this user; ports from 1024 on are`)
    if (code === 'ENOENT' || code === 'EISDIR') throw new UsageError(`--zone ${zone}: cannot be read (${code})`)
    if (error instanceof SyntaxError) throw new UsageError(error.message)
    throw error
  }
}

async function showSamples(lab: Lab, options: LabCommandOptions, { terminal, signal }: CommandContext): Promise<void> {
  const providers = parseProviders(readPackageFile('config/providers.yaml'), 'config/providers.yaml')
  const settings: CheckSettings = { resolver: lab.resolver, persona: rfc7372, providers, authservId: 'mx.lab.test', failOn: 'error' }
  const style = { color: useColor(options.color, terminal), columns: columnsOf(terminal), verbose: false }
  for (const { title, ip, helo } of SAMPLES) {
    const address = parseAddress(ip)
    if (!address) throw new TypeError(`not an address: ${ip}`)
    const report = await checkTarget({ kind: 'address', text: ip, address }, helo, settings, signal)
    await write(
      terminal.stdout,
      `\n${title}: ptrgate check ${ip} --helo ${helo} --resolver ${lab.dnsServer}\n\n${renderCheckText(report, style)}`,
    )
  }
}

function hints(lab: Lab): string {
  return `
The lab stays up. In another terminal:
  npx ptrgate check 198.51.100.7 --helo mail.example.com --resolver ${lab.dnsServer}
  npx ptrgate check example.com --resolver ${lab.dnsServer}
What else is in it: ${LAB_ZONE}. Ctrl-C ends it.
`
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function portArgument(text: string): number {
  const port = Number(text)
  if (!/^[0-9]{1,5}$/.test(text) || port > 65535) throw new InvalidArgumentError('a port is a number from 0 to 65535')
  return port
}
