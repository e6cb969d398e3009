/**
 * The command line as a whole: which commands there are, and what a mistake in one looks like. Each command has its own file.
 */
import { Command, CommanderError } from 'commander'
import { packageVersion } from '../package-root.ts'
import { checkCommand } from './check-command.ts'
import { UsageError, type CommandContext } from './context.ts'
import { explainCommand } from './explain-command.ts'
import { findingsCommand } from './findings-command.ts'
import { labCommand } from './lab-command.ts'
import { personasCommand } from './personas-command.ts'
import { probeCommand } from './probe-command.ts'
import { replayCommand } from './replay-command.ts'
import { serveCommand } from './serve-command.ts'
import { EXIT, type Terminal } from './terminal.ts'
import { watchCommand } from './watch-command.ts'

/** Gives the exit code; it never ends the process itself. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.aligned
  const interruption = interruptible(terminal)
  const context: CommandContext = {
    terminal,
    signal: interruption.signal,
    finish: (code) => (exitCode = code),
    takeSignals: () => {
      interruption.release()
    },
  }
  try {
    await program(context).parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.aligned : EXIT.usage
    if (!(error instanceof UsageError)) throw error
    terminal.stderr.write(`ptrgate: ${error.message}\n`)
    return EXIT.usage
  } finally {
    interruption.release()
  }
  return interruption.signal.aborted && exitCode !== EXIT.usage ? EXIT.interrupted : exitCode
}

function program(context: CommandContext): Command {
  const root = new Command('ptrgate')
    .description('Checks and enforces reverse DNS for mail: PTR, forward confirmation (FCrDNS, iprev) and HELO.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.terminal.stdout.write(text),
      writeErr: (text) => void context.terminal.stderr.write(text.replace(/^error:/, 'ptrgate:')),
      getOutHelpWidth: () => context.terminal.stdout.columns ?? 80,
      getErrHelpWidth: () => context.terminal.stderr.columns ?? 80,
    })
    .addHelpText('after', EXIT_CODES)
  for (const command of [
    checkCommand,
    probeCommand,
    explainCommand,
    labCommand,
    findingsCommand,
    personasCommand,
    replayCommand,
    serveCommand,
    watchCommand,
  ])
    root.addCommand(inherit(command(context), root))
  return root
}

/** Commander passes settings on only to commands that it creates itself. */
function inherit(command: Command, root: Command): Command {
  return command.copyInheritedSettings(root)
}

const EXIT_CODES = `
Exit codes: 0 aligned, 1 misaligned, 2 usage or configuration error, 3 inconclusive, 130 interrupted.`

/** The first Ctrl-C asks the command to stop and report; a second one ends the process at once. */
function interruptible(terminal: Terminal): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    terminal.stderr.write('\nptrgate: stopping (once more to stop at once)\n')
    controller.abort()
  }
  const terminate = (): void => controller.abort()
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', terminate)
  return {
    signal: controller.signal,
    release() {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', terminate)
    },
  }
}
