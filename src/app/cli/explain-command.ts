/**
 * `ptrgate explain`: a reply, a bounce, a header field or a line of a log → what it is about, who said it, and how to mend it.
 * It asks nobody: neither the DNS nor the receiver.
 */
import { createReadStream, existsSync } from 'node:fs'
import { Command } from 'commander'
import { explanationJson } from '../../explain/explanation-json.ts'
import { renderExplanation } from '../../explain/explanation-text.ts'
import type { Cause } from '../../explain/explanation.ts'
import { explain } from '../../explain/explain.ts'
import type { LoggedClient } from '../../explain/passages.ts'
import { createRecogniser } from '../../personas/recognise.ts'
import { escapeForTerminal } from '../../render/escape.ts'
import { readPersonas } from '../personas.ts'
import { createEximReader } from '../replay/exim-log.ts'
import { createPostfixReader } from '../replay/postfix-log.ts'
import { latestDay } from '../replay/syslog-line.ts'
import { UsageError, type CommandContext } from './context.ts'
import { outputOptions, type OutputOptions } from './options.ts'
import { columnsOf, EXIT, useColor, write } from './terminal.ts'

type ExplainOptions = Omit<OutputOptions, 'ndjson'>

/** A bounce says what it has to say at its beginning; behind that comes the message that it brings back. */
const MAX_INPUT_OCTETS = 1_048_576

export function explainCommand(context: CommandContext): Command {
  const command = new Command('explain')
    .description('explain a refusal: an SMTP reply, a bounce, a header field or a line of a log')
    .argument('[input...]', 'the text itself, or a file that holds it; - or nothing reads stdin')
  for (const option of outputOptions()) if (option.long !== '--ndjson') command.addOption(option)
  return command
    .addHelpText('after', NOTES)
    .action(async (words: string[], options: ExplainOptions) => context.finish(await explainInput(words, options, context)))
}

const NOTES = `
Nothing is looked up: it goes by the text alone, of which the first MiB is read.

Exit codes: 1 it is about reverse DNS or HELO, 0 it is about something else (such as
the reputation of the address) or tells of no trouble, 3 it is not understood, 2 usage.

Examples:
  ptrgate explain '550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]'
  ptrgate explain bounce.eml
  grep status=bounced /var/log/mail.log | tail -1 | ptrgate explain`

async function explainInput(words: readonly string[], options: ExplainOptions, { terminal, signal }: CommandContext): Promise<number> {
  const { text, isCut } = await readInput(words, terminal.stdin, signal)
  if (signal.aborted) return EXIT.inconclusive
  if (text.trim() === '') throw new UsageError('there is nothing to explain; give a text, a file, or something on stdin')
  if (isCut && !options.quiet) terminal.stderr.write('ptrgate: warning: only the first MiB is read\n')
  const personas = readPersonas()
  const explanation = explain(text, { personas, recogniser: createRecogniser(personas), readLogLine })
  const style = { color: useColor(options.color, terminal), columns: columnsOf(terminal), verbose: options.verbose }
  await write(terminal.stdout, options.json ? `${explanationJson(explanation)}\n` : renderExplanation(explanation, style))
  return EXIT_OF[explanation.cause]
}

const EXIT_OF: Readonly<Record<Cause, number>> = {
  reverseDns: EXIT.misaligned,
  helo: EXIT.misaligned,
  other: EXIT.aligned,
  none: EXIT.aligned,
  unknown: EXIT.inconclusive,
}

interface Input {
  readonly text: string
  readonly isCut: boolean
}

/** One word is a file, unless it can be nothing but a status code; several words are the text. */
async function readInput(words: readonly string[], stdin: AsyncIterable<Buffer | string>, signal: AbortSignal): Promise<Input> {
  const [first, ...others] = words
  if (first === undefined || (first === '-' && others.length === 0)) return readOctets(stdin, signal)
  const text = words.join(' ')
  if (others.length > 0 || /\s|^[45]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(first)) return cut(Buffer.from(text))
  if (!existsSync(first)) throw new UsageError(`${shown(first)}: there is no such file; a text is more than one word`)
  try {
    return await readOctets(createReadStream(first, { end: MAX_INPUT_OCTETS }), signal)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    throw new UsageError(`${shown(first)}: cannot be read (${String(error.code)})`)
  }
}

function shown(argument: string): string {
  return escapeForTerminal(JSON.stringify(argument))
}

async function readOctets(stream: AsyncIterable<Buffer | string>, signal: AbortSignal): Promise<Input> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    const octets = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    chunks.push(octets)
    length += octets.length
    if (length > MAX_INPUT_OCTETS || signal.aborted) break
  }
  return cut(Buffer.concat(chunks))
}

function cut(octets: Buffer): Input {
  return { text: decode(octets.subarray(0, MAX_INPUT_OCTETS)), isCut: octets.length > MAX_INPUT_OCTETS }
}

/** UTF-16 is what some Windows programs save; whatever is no UTF-8 is taken octet by octet. */
function decode(octets: Buffer): string {
  if (octets[0] === 0xff && octets[1] === 0xfe) return new TextDecoder('utf-16le').decode(octets)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    return octets.toString('latin1')
  }
}

/** What replay understands of the log of a server that refused somebody. */
function readLogLine(line: string): LoggedClient | undefined {
  for (const createReader of [createPostfixReader, createEximReader]) {
    let client: LoggedClient | undefined
    const reader = createReader({
      onRecord: ({ address, claimedName }) => (client = { address, claimedName }),
      latestDay: latestDay(new Date()),
      maxOpenMessages: 1,
    })
    reader.read(line)
    reader.end()
    if (client) return client
  }
  return undefined
}
