/**
 * Writes lines to a file descriptor and never waits for it: what does not fit into a bounded buffer is given up, and counted.
 * Lines go out whole, several in one write of at most PIPE_BUF, so that processes may share a pipe. It is ours since pino's own
 * (sonic-boom) tries for ever, at the end of the process, to write to a disk that is full.
 */
import { write, writeSync } from 'node:fs'

export interface LineWriterEvents {
  readonly onLost: () => void
  /** Once for each kind of trouble in a row: an error code. */
  readonly onTrouble: (problem: string) => void
}

export interface LineWriterLimits {
  readonly maxWaitingOctets: number
  /** Between two tries, where the reader is slow. */
  readonly slowRetryMs: number
  /** And where there is an error that may pass, such as a full disk. */
  readonly errorRetryMs: number
  /** At the end. */
  readonly flushMs: number
}

const DEFAULT_LINE_WRITER_LIMITS: LineWriterLimits = {
  maxWaitingOctets: 4 * 1024 * 1024,
  slowRetryMs: 20,
  errorRetryMs: 1000,
  flushMs: 2000,
}

/** Linux writes up to this much into a pipe in one piece. */
const PIPE_BUF_OCTETS = 4096

/** Lines that go out together. */
interface Chunk {
  text: string
  lines: number
}

export class LineWriter {
  readonly #fd: number
  readonly #events: LineWriterEvents
  readonly #limits: LineWriterLimits
  #chunks: Chunk[] = []
  #octets = 0
  #isWriting = false
  #isBroken = false
  #lastProblem = ''
  #whenIdle: (() => void)[] = []

  constructor(fd: number, events: LineWriterEvents, limits: Partial<LineWriterLimits> = {}) {
    this.#fd = fd
    this.#events = events
    this.#limits = { ...DEFAULT_LINE_WRITER_LIMITS, ...limits }
  }

  /** Of printable ASCII, with its line end. */
  write(line: string): void {
    if (this.#isBroken || this.#octets + line.length > this.#limits.maxWaitingOctets) {
      this.#events.onLost()
      return
    }
    this.#octets += line.length
    const last = this.#chunks.at(-1)
    // The first one may be on its way.
    if (last !== undefined && last !== this.#chunks[0] && last.text.length + line.length <= PIPE_BUF_OCTETS) {
      last.text += line
      last.lines++
    } else this.#chunks.push({ text: line, lines: 1 })
    if (!this.#isWriting) this.#next()
  }

  /** Resolves when all is written, or there has been time enough. */
  async flush(): Promise<void> {
    if (this.#chunks.length === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#limits.flushMs)
      this.#whenIdle.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** For a process that is about to crash: tries once. What is on its way already is left to the system. */
  flushSync(): void {
    const chunks = this.#isWriting ? this.#chunks.slice(1) : this.#chunks
    try {
      for (const { text } of chunks) writeSync(this.#fd, text)
    } catch {
      // There is nobody left to be told.
    }
    this.#chunks = []
  }

  #next(): void {
    const [chunk] = this.#chunks
    if (chunk === undefined) {
      this.#isWriting = false
      for (const resolve of this.#whenIdle.splice(0)) resolve()
      return
    }
    this.#isWriting = true
    write(this.#fd, chunk.text, (error, written) => {
      if (error) this.#failed(error)
      else this.#wrote(chunk, written)
    })
  }

  #wrote(chunk: Chunk, octets: number): void {
    this.#lastProblem = ''
    this.#octets -= octets
    if (octets < chunk.text.length) chunk.text = chunk.text.slice(octets)
    else this.#chunks.shift()
    this.#next()
  }

  #failed({ code = 'unknown' }: NodeJS.ErrnoException): void {
    if (code === 'EAGAIN') {
      this.#retryIn(this.#limits.slowRetryMs)
      return
    }
    if (code !== this.#lastProblem) this.#events.onTrouble(code)
    this.#lastProblem = code
    if (code === 'EPIPE') this.#break()
    else this.#retryIn(this.#limits.errorRetryMs)
  }

  /** Nobody will ever read it. */
  #break(): void {
    this.#isBroken = true
    for (const { lines } of this.#chunks) for (let line = 0; line < lines; line++) this.#events.onLost()
    this.#chunks = []
    this.#next()
  }

  #retryIn(milliseconds: number): void {
    setTimeout(() => {
      this.#next()
    }, milliseconds).unref()
  }
}
