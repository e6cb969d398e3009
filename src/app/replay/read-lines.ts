/**
 * A log as lines, in bounded memory however long it is: plain or gzip'd (told by its first octets, so stdin may be either),
 * over-long lines left out and counted. It stops where the signal says, even while a pipe is silent.
 */
import { createGunzip } from 'node:zlib'
import { Readable } from 'node:stream'

/** Postfix cuts its lines at 2,000 octets and syslog at 8,192; Exim may list a thousand recipients. */
export const MAX_LINE_OCTETS = 65_536

export interface LineCounts {
  lines: number
  tooLong: number
}

/** In batches: a promise for each line would cost more than reading it. */
export async function* readLines(
  source: AsyncIterable<Buffer | string>,
  counts: LineCounts,
  signal: AbortSignal,
  maxLineOctets = MAX_LINE_OCTETS,
): AsyncGenerator<readonly string[]> {
  const splitter = new LineSplitter(counts, maxLineOctets)
  for await (const chunk of decompressed(source, signal)) {
    const lines = splitter.push(chunk)
    if (lines.length > 0) yield lines
  }
  if (signal.aborted) return
  const last = splitter.end()
  if (last.length > 0) yield last
}

class LineSplitter {
  readonly #counts: LineCounts
  readonly #maxOctets: number
  #rest: Buffer[] = []
  #restOctets = 0
  #isTooLong = false

  constructor(counts: LineCounts, maxOctets: number) {
    this.#counts = counts
    this.#maxOctets = maxOctets
  }

  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#take(chunk.subarray(start, end))
      this.#finish(lines)
      start = end + 1
    }
    if (start < chunk.length) this.#take(chunk.subarray(start))
    return lines
  }

  end(): string[] {
    const lines: string[] = []
    if (this.#restOctets > 0 || this.#isTooLong) this.#finish(lines)
    return lines
  }

  #take(part: Buffer): void {
    if (this.#isTooLong || this.#restOctets + part.length > this.#maxOctets) {
      this.#isTooLong = true
      this.#rest = []
      this.#restOctets = 0
      return
    }
    this.#rest.push(part)
    this.#restOctets += part.length
  }

  #finish(lines: string[]): void {
    this.#counts.lines++
    if (this.#isTooLong) this.#counts.tooLong++
    else {
      const [only, more] = this.#rest
      const line = (more ? Buffer.concat(this.#rest) : (only ?? EMPTY)).toString()
      lines.push(line.endsWith('\r') ? line.slice(0, -1) : line)
    }
    this.#rest = []
    this.#restOctets = 0
    this.#isTooLong = false
  }
}

const LINE_FEED = 0x0a
const EMPTY = Buffer.alloc(0)

async function* decompressed(source: AsyncIterable<Buffer | string>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = untilAborted(source, signal)
  let head = EMPTY
  while (head.length < GZIP_MAGIC.length) {
    const next = await chunks.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  if (!head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) {
    if (head.length > 0) yield head
    yield* chunks
    return
  }
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield head
    yield* chunks
    // A gunzip that is cut off by an interruption would complain of its end.
    if (signal.aborted) gunzip.destroy()
  }
  const gunzip = createGunzip()
  const input = Readable.from(rest())
  input.on('error', (error) => gunzip.destroy(error))
  yield* untilAborted(input.pipe(gunzip), signal)
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

async function* untilAborted(source: AsyncIterable<Buffer | string>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]()
  let stop: () => void = () => undefined
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => {
      resolve(undefined)
    }
  })
  signal.addEventListener('abort', stop, { once: true })
  try {
    while (!signal.aborted) {
      const pending = iterator.next()
      // What comes after the interruption, an error of the destroyed stream for one, concerns nobody.
      pending.catch(() => undefined)
      const next = await Promise.race([pending, stopped])
      if (next === undefined || next.done === true) return
      yield typeof next.value === 'string' ? Buffer.from(next.value) : next.value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    // A pipe that stays open and silent would keep the process alive.
    if (signal.aborted && source instanceof Readable) source.destroy()
  }
}
