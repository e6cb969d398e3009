/**
 * Reads logs one after the other into the table of clients. The format of each is told by its first line that some reader
 * understands; its name says nothing.
 */
import type { ClientTable } from './client-table.ts'
import { createEximReader } from './exim-log.ts'
import { LOG_FORMATS, type LogFormat, type LogReader, type LogReaderOptions } from './log-record.ts'
import { createPostfixReader } from './postfix-log.ts'
import { createPtrgateReader } from './ptrgate-log.ts'
import { readLines, type LineCounts } from './read-lines.ts'
import { latestDay } from './syslog-line.ts'
import type { LogSummary } from './replay-report.ts'

export interface LogSource {
  readonly name: string
  /** Opened when its turn comes. */
  readonly open: () => AsyncIterable<Buffer | string>
}

export interface ReadLogsOptions {
  readonly table: ClientTable
  /** Null: told by the content of each log. */
  readonly format: LogFormat | null
  readonly now: Date
  readonly maxOpenMessages: number
  readonly signal: AbortSignal
  readonly onLines: (lines: number) => void
}

/** A log that cannot be read to its end: what was counted of it would look like the whole. */
export class LogError extends Error {
  override readonly name = 'LogError'
}

/** Rejects with a `LogError`. */
export async function readLogs(sources: readonly LogSource[], options: ReadLogsOptions): Promise<readonly LogSummary[]> {
  const summaries: LogSummary[] = []
  for (const source of sources) {
    if (options.signal.aborted) break
    const before = summaries.reduce((sum, { lines }) => sum + lines, 0)
    summaries.push(await readLog(source, options, before))
  }
  return summaries
}

const READERS: Readonly<Record<LogFormat, (options: LogReaderOptions) => LogReader>> = {
  postfix: createPostfixReader,
  exim: createEximReader,
  ptrgate: createPtrgateReader,
}

async function readLog(source: LogSource, options: ReadLogsOptions, linesBefore: number): Promise<LogSummary> {
  const { table, now, maxOpenMessages, signal, onLines } = options
  const readerOptions: LogReaderOptions = { latestDay: latestDay(now), maxOpenMessages, onRecord: (record) => table.add(record) }
  let candidates = (options.format === null ? LOG_FORMATS : [options.format]).map((format) => ({
    format,
    reader: READERS[format](readerOptions),
  }))
  let format = options.format
  const counts = { lines: 0, tooLong: 0 }
  let used = 0
  for await (const lines of readSource(source, counts, signal)) {
    for (const line of lines) {
      const found = candidates.find(({ reader }) => reader.read(line))
      if (!found) continue
      used++
      if (format === null) candidates = [found]
      format = found.format
    }
    onLines(linesBefore + counts.lines)
    if (signal.aborted) break
  }
  for (const { reader } of candidates) reader.end()
  return { name: source.name, format: used === 0 ? null : format, lines: counts.lines, used, tooLong: counts.tooLong }
}

async function* readSource({ name, open }: LogSource, counts: LineCounts, signal: AbortSignal): AsyncGenerator<readonly string[]> {
  try {
    yield* readLines(open(), counts, signal)
  } catch (error) {
    // Those of files and of gzip carry a code; anything else is a fault of ours.
    if (!(error instanceof Error) || !('code' in error)) throw error
    throw new LogError(`${name}: cannot be read to its end, after ${String(counts.lines)} lines (${String(error.code)})`, { cause: error })
  }
}
