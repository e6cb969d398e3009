/**
 * A process under measurement, or one that loads it: a program of bench/ that reads a JSON line for each request and prints a JSON
 * line for each answer. It does nothing else, runs the built program, and ends with its stdin.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface AskedChild {
  readonly pid: number
  /** One request at a time. */
  ask(request: unknown): Promise<unknown>
  /** What it prints by itself. */
  read(): Promise<unknown>
  end(): Promise<void>
}

/** `program`: a file of bench/. */
export function startAskedChild(program: string, given: readonly string[] = []): AskedChild {
  const path = fileURLToPath(new URL(`../${program}`, import.meta.url))
  const child = spawn(process.execPath, [...NODE_ARGUMENTS, path, ...given], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async (): Promise<unknown> => {
    const line = await lines.next()
    if (line.done === true) throw new Error(`${[program, ...given].join(' ')} ended early`)
    return JSON.parse(line.value)
  }
  return {
    pid: child.pid ?? -1,
    read,
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return read()
    },
    async end() {
      child.stdin.end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    },
  }
}

/** For a look at where the time goes: BENCH_NODE_ARGUMENTS='--cpu-prof --cpu-prof-dir=/tmp/profiles'. */
export const NODE_ARGUMENTS = (process.env['BENCH_NODE_ARGUMENTS'] ?? '').split(' ').filter((argument) => argument !== '')
