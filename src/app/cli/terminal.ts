/**
 * Where a command's words go: results to stdout, everything else to stderr; colour and progress only where a person looks.
 */
import type { Writable } from 'node:stream'

export interface Terminal {
  readonly stdout: Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }
  readonly stderr: Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }
  readonly stdin: AsyncIterable<Buffer | string>
  readonly environment: Readonly<Record<string, string | undefined>>
}

export type ColorChoice = 'auto' | 'always' | 'never'

export const EXIT = { aligned: 0, misaligned: 1, usage: 2, inconclusive: 3, interrupted: 130 } as const

/** NO_COLOR wins over `auto` (https://no-color.org), an explicit `always` wins over it. */
export function useColor(choice: ColorChoice, terminal: Terminal): boolean {
  switch (choice) {
    case 'always':
      return true
    case 'never':
      return false
    case 'auto':
      return terminal.stdout.isTTY === true && (terminal.environment['NO_COLOR'] ?? '') === '' && terminal.environment['TERM'] !== 'dumb'
  }
}

export function columnsOf(terminal: Terminal): number {
  return Math.min(Math.max(terminal.stdout.columns ?? 80, 60), 120)
}

/** Waits for a slow reader, so that a long report through a pipe neither fills memory nor loses its end. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (stream.write(text)) return
  await new Promise<void>((resolve, reject) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done).off('error', fail)
      resolve()
    }
    const fail = (error: Error): void => {
      stream.off('drain', done).off('close', done)
      reject(error)
    }
    stream.once('drain', done).once('close', done).once('error', fail)
  })
}

/** A line on stderr that rewrites itself; silent unless stderr is a terminal. */
export class Progress {
  readonly #terminal: Terminal
  readonly #active: boolean
  #shown = false

  constructor(terminal: Terminal, enabled: boolean) {
    this.#terminal = terminal
    this.#active = enabled && terminal.stderr.isTTY === true
  }

  show(text: string): void {
    if (!this.#active) return
    this.#terminal.stderr.write(`\r\u001b[K${text}`)
    this.#shown = true
  }

  clear(): void {
    if (this.#shown) this.#terminal.stderr.write('\r\u001b[K')
    this.#shown = false
  }
}
