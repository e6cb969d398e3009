/**
 * A Postfix of its own, as Debian installs it, that drops what it accepts: a queue in a temporary folder, and an smtpd on a free
 * loopback port for each of the variants, which differ by their settings alone. It sees another /etc/resolv.conf, in a mount
 * namespace of its own; that and Postfix itself need root. It installs nothing and leaves the host's own Postfix alone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram, freePort } from './dns-servers.ts'

export interface PostfixSettings<Variant extends string> {
  /** What each smtpd has beside the common main.cf. */
  readonly variants: Readonly<Record<Variant, Readonly<Record<string, string>>>>
  /** Of a DNS server on port 53. */
  readonly nameserver: string
}

export interface Postfix<Variant extends string> {
  readonly ports: Readonly<Record<Variant, number>>
  stop(): Promise<void>
}

const READY_TIMEOUT_MS = 30_000

/** Empty where all is there. */
export function whatPostfixLacks(): string[] {
  const programs = ['postfix', 'postconf', 'unshare'].filter((program) => findProgram(program) === undefined)
  return [...programs, ...(process.platform === 'linux' && process.getuid?.() === 0 ? [] : ['root on Linux (for Postfix)'])]
}

export async function startPostfix<Variant extends string>({ variants, nameserver }: PostfixSettings<Variant>): Promise<Postfix<Variant>> {
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-postfix-'))
  const entries = Object.entries(variants) as [Variant, Readonly<Record<string, string>>][]
  const ports = Object.fromEntries(await Promise.all(entries.map(async ([variant]) => [variant, await freePort()]))) as Record<
    Variant,
    number
  >
  const services = entries.map(([variant, settings]) => smtpdService(ports[variant], settings))
  await writeConfig(folder, services, nameserver)
  const config = join(folder, 'config')
  const script = 'mount --bind "$1" /etc/resolv.conf && exec "$2" -c "$3" start-fg'
  const given = ['--mount', 'sh', '-c', script, 'sh', join(folder, 'resolv.conf'), program('postfix'), config]
  const child = spawn(program('unshare'), given, { stdio: ['ignore', 'ignore', 'pipe'] })
  // Its shell says `Terminated` when it is stopped; what it says otherwise is of interest if it does not start.
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  // Its master leaves our process group: nobody else would end it.
  const stopNow = (): void => void spawnSync(program('postfix'), ['-c', config, 'stop'], { stdio: 'ignore' })
  const onExit = (): void => {
    child.kill()
    stopNow()
  }
  process.once('exit', onExit)
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit')
    if (isRunning()) {
      stopNow()
      await ended
    }
    process.off('exit', onExit)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    for (const port of Object.values<number>(ports)) await untilItGreets(port, isRunning)
    return { ports, stop }
  } catch (error) {
    console.error(said)
    console.error(readFileSync(join(folder, 'mail.log'), { encoding: 'utf8', flag: 'a+' }))
    await stop()
    throw error
  }
}

async function writeConfig(folder: string, services: readonly string[], nameserver: string): Promise<void> {
  const [config, data] = [join(folder, 'config'), join(folder, 'data')]
  for (const path of [config, data, join(folder, 'queue')]) await mkdir(path)
  // Postfix itself has no right to a folder of root's alone.
  for (const path of [folder, config, join(folder, 'queue')]) await chmod(path, 0o755)
  await chown(data, userId('postfix'), 0)
  await writeFile(join(folder, 'resolv.conf'), `nameserver ${nameserver}\noptions timeout:2 attempts:2\n`, { mode: 0o644 })
  await writeFile(join(config, 'main.cf'), mainCf(folder), { mode: 0o644 })
  await writeFile(join(config, 'master.cf'), `${services.join('')}${COMMON_SERVICES}`, { mode: 0o644 })
}

/**
 * Everybody is a stranger, whom the limits on clients hold for as they do by default, only that none of them is met. Without
 * `in_flow_delay` a client that leaves after RCPT would have the next ones wait a second each.
 */
function mainCf(folder: string): string {
  return `compatibility_level = 3.6
queue_directory = ${join(folder, 'queue')}
data_directory = ${join(folder, 'data')}
maillog_file = ${join(folder, 'mail.log')}
maillog_file_prefixes = ${folder}
myhostname = mx.bench.test
mydestination =
mynetworks = 192.0.2.1/32
relay_domains = mx.bench.test
relay_transport = discard:
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtpd_tls_security_level = none
smtpd_client_connection_count_limit = 1000
in_flow_delay = 0
smtpd_recipient_restrictions = reject_unauth_destination
milter_default_action = tempfail
smtpd_policy_service_default_action = 451 4.3.5 the policy service does not answer
`
}

function smtpdService(port: number, settings: Readonly<Record<string, string>>): string {
  const options = Object.entries(settings).map(([name, value]) => `    -o { ${name} = ${value} }\n`)
  return `127.0.0.1:${String(port)} inet n - n - 100 smtpd\n${options.join('')}`
}

const COMMON_SERVICES = `cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

async function untilItGreets(port: number, isRunning: () => boolean): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (!isRunning()) throw new Error('Postfix ended early')
    if (await greets(port)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Postfix did not greet on port ${String(port)} in ${String(READY_TIMEOUT_MS)} ms`)
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(5000, () => socket.destroy())
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1').startsWith('220'))
      socket.end('QUIT\r\n')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve(false)
    })
  })
}

function userId(user: string): number {
  const id = new RegExp(`^${user}:[^:]*:([0-9]+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))?.[1]
  if (id === undefined) throw new Error(`there is no user ${user}`)
  return Number(id)
}

function program(name: string): string {
  return findProgram(name) ?? name
}
