/**
 * `ptrgate serve` with a milter, in a process of its own, which a test may kill as an out-of-memory killer or a power failure would.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MTA_NAME } from './mail-hosts.ts'
import { portOf, type MailNetwork } from './mail-network.ts'

export interface ServingProcess {
  /** Of its milter. */
  readonly port: number
  /** SIGSTOP: it is there, and says nothing. */
  freeze(): void
  /** SIGKILL: its connections are reset. */
  kill(): Promise<void>
  /** SIGTERM; gives the exit code. */
  end(): Promise<number | null>
}

/** On a free port, or on one that it had before. */
export async function startServing({ resolverAddress }: MailNetwork, port = 0): Promise<ServingProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'ptrgate-serving-'))
  const config = join(directory, 'ptrgate.yaml')
  await writeFile(
    config,
    JSON.stringify({
      name: MTA_NAME,
      dns: { servers: [resolverAddress] },
      listeners: [{ kind: 'milter', address: `0.0.0.0:${String(port)}` }],
    }),
  )
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const lines = createInterface(child.stdout)
  const serving = new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const { event, listeners } = JSON.parse(line) as { event?: string; listeners?: readonly string[] }
      if (event === 'serving') resolve(listeners?.[0] ?? '')
    })
    lines.on('close', () => {
      reject(new Error('ptrgate serve ended before it served'))
    })
  })
  const address = await serving.finally(() => rm(directory, { recursive: true }))
  return {
    port: Number(portOf({ address })),
    freeze: () => void child.kill('SIGSTOP'),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async end() {
      child.kill('SIGTERM')
      return (await exited)[0]
    },
  }
}

const PROGRAM = fileURLToPath(new URL('../../src/app/cli/main.ts', import.meta.url))
