/** `ptrgate serve` as a process of its own, to be killed, starved, or left without a reader. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Lines } from '../app/serve/served.ts'

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  /** Of its log, if that is a pipe. */
  readonly lines: Lines
  /** Resolves when its stderr holds that text, with all of it. */
  stderr(text: string): Promise<string>
  /** Code or signal. */
  readonly exited: Promise<number | string>
}

export const SERVE = fileURLToPath(new URL('../../src/app/cli/main.ts', import.meta.url))

/** `stdout`: a pipe that is read, unless given as a file descriptor. */
export function spawnProgram(script: string, args: readonly string[], stdout: 'pipe' | number = 'pipe'): Program {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], { stdio: ['ignore', stdout, 'pipe'] })
  const lines = new Lines()
  if (child.stdout) {
    createInterface({ input: child.stdout })
      .on('line', (line) => {
        lines.add(line)
      })
      .on('close', () => {
        lines.end()
      })
  }
  let stderr = ''
  let isEnded = false
  let wake = (): void => undefined
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    wake()
  })
  const exited = once(child, 'close').then(([code, signal]) => {
    isEnded = true
    wake()
    return (code ?? signal) as number | string
  })
  return {
    child,
    lines,
    exited,
    async stderr(text) {
      while (!stderr.includes(text)) {
        if (isEnded) throw new Error(`it ended without ${JSON.stringify(text)}: ${JSON.stringify(stderr)}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return stderr
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}
