/**
 * The targets of a command: arguments as they stand, and the lines of stdin for `-`. Everything is read and checked before
 * the first question is asked, so that a typo on line 900 does not surface after an hour.
 */
import { parseTarget, type Target } from '../../engine/target.ts'
import { UsageError } from './context.ts'

export interface ListedTarget {
  readonly target: Target
  /** From `target,helo` or `target helo` on a line of stdin; else null. */
  readonly helo: string | null
}

const MAX_LINE_OCTETS = 4096

export async function readTargets(args: readonly string[], stdin: AsyncIterable<Buffer | string>): Promise<ListedTarget[]> {
  const listed: ListedTarget[] = []
  let stdinRead = false
  for (const [index, argument] of args.entries()) {
    if (argument === '-') {
      if (stdinRead) throw new UsageError('argument -: stdin can be read only once')
      stdinRead = true
      for await (const { text, line } of linesOf(stdin)) {
        const entry = parseLine(text, line)
        if (entry) listed.push(entry)
      }
    } else listed.push({ target: targetOrThrow(argument, `argument ${String(index + 1)}`), helo: null })
  }
  return listed
}

/** `#` begins a comment; an empty line is nothing. */
function parseLine(text: string, line: number): ListedTarget | undefined {
  const fields = text
    .replace(/#.*$/, '')
    .trim()
    .split(/\s*,\s*|\s+/)
    .filter((field) => field !== '')
  const [target, helo, ...rest] = fields
  if (target === undefined) return undefined
  if (rest.length > 0)
    throw new UsageError(`stdin:${String(line)}: one target and one HELO name a line, not ${String(fields.length)} words`)
  return { target: targetOrThrow(target, `stdin:${String(line)}`), helo: helo ?? null }
}

function targetOrThrow(text: string, place: string): Target {
  const parsed = parseTarget(text)
  if (parsed.kind === 'error')
    throw new UsageError(`${place}: ${JSON.stringify(text)} is no address, host name or domain: ${parsed.reason}`)
  return parsed.target
}

async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<{ text: string; line: number }> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: false })
  let rest = ''
  let line = 0
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const text of lines) yield { text, line: ++line }
    if (rest.length > MAX_LINE_OCTETS)
      throw new UsageError(`stdin:${String(line + 1)}: the line is longer than ${String(MAX_LINE_OCTETS)} octets`)
  }
  rest += decoder.decode()
  if (rest !== '') yield { text: rest, line: ++line }
}
