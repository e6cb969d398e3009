/** Runs the command line in this process, with its streams in memory. */
import { Readable, Writable } from 'node:stream'
import { runCommandLine } from '../../src/app/cli/run.ts'

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly isTerminal?: boolean
  readonly environment?: Readonly<Record<string, string>>
}

export async function run(args: readonly string[], { stdin = '', isTerminal = false, environment = {} }: RunOptions = {}): Promise<Ran> {
  const stdout = new Sink(isTerminal)
  const stderr = new Sink(isTerminal)
  const exitCode = await runCommandLine(args, { stdout, stderr, stdin: Readable.from([Buffer.from(stdin)]), environment })
  return { exitCode, stdout: stdout.text, stderr: stderr.text }
}

class Sink extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns = 80

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
