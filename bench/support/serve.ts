/** `ptrgate serve`, built and in a process of its own, with its log in a file, as a service manager would have it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODE_ARGUMENTS } from './asked-child.ts'

export interface Served {
  readonly pid: number
  readonly milterPort: number
  readonly policyPort: number
  readonly milterSocket: string
  readonly policySocket: string
  stop(): Promise<void>
}

const READY_TIMEOUT_MS = 20_000

/** Judges loopback addresses, too: the clients of the benchmark have no others. */
export async function startServe(dnsPort: number, cacheEntries?: number): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-serve-'))
  // Postfix comes to the sockets as a user of its own.
  await chmod(folder, 0o755)
  const [config, logFile] = [join(folder, 'ptrgate.yaml'), join(folder, 'log')]
  const [milterSocket, policySocket] = [join(folder, 'milter.sock'), join(folder, 'policy.sock')]
  await writeFile(
    config,
    `name: mx.bench.test
dns: { servers: ['127.0.0.1:${String(dnsPort)}'] }
listeners:
  - { kind: milter, address: '127.0.0.1:0' }
  - { kind: policy, address: '127.0.0.1:0' }
  - { kind: milter, address: 'unix:${milterSocket}', mode: '0666' }
  - { kind: policy, address: 'unix:${policySocket}', mode: '0666' }
policy: { preset: balanced, networks: [{ cidr: 127.0.0.0/8, skip: false }] }
${cacheEntries === undefined ? '' : `cache: { entries: ${String(cacheEntries)} }\n`}`,
  )
  const log = openSync(logFile, 'a')
  const program = fileURLToPath(new URL('../../dist/app/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [...NODE_ARGUMENTS, program, 'serve', '--config', config], { stdio: ['ignore', log, 'inherit'] })
  closeSync(log)
  const onExit = (): void => void child.kill()
  process.once('exit', onExit)
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit')
    if (isRunning()) {
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), 40_000)
      await ended
      clearTimeout(kill)
    }
    process.off('exit', onExit)
    await rm(folder, { recursive: true, force: true })
  }
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (isRunning() && performance.now() < deadline) {
    const text = await readFile(logFile, 'utf8')
    const [milterPort, policyPort] = ['milter', 'policy'].map((kind) => Number(new RegExp(`"${kind}:[^"]*:([0-9]+)"`).exec(text)?.[1]))
    if (milterPort && policyPort) return { pid: child.pid ?? -1, milterPort, policyPort, milterSocket, policySocket, stop }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const said = await readFile(logFile, 'utf8')
  await stop()
  throw new Error(`ptrgate serve did not start:\n${said}`)
}
