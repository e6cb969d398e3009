/**
 * A local unbound in front of a local knot (both as Debian installs them), on free loopback ports and in a temporary folder.
 * It installs nothing; `missingPrograms` says what is not there. Both end when `stop` is called, by their own process ids.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { DomainName } from '../../src/core/domain-name.ts'
import { name } from '../../src/core/domain-name.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/dns.ts'
import { startAskedChild, type AskedChild } from './asked-child.ts'

export interface ServedZone {
  /** Without the trailing dot. */
  readonly origin: string
  /** A master file; `$ORIGIN` is the origin already. */
  readonly text: string
}

export interface DnsServersSettings {
  readonly zones: readonly ServedZone[]
  readonly unboundThreads?: number
  /** Where unbound listens as well, on port 53: the system's resolver can be sent to no other. Needs root. */
  readonly systemAddress?: string
  /** How far away knot is for unbound: what is not cached takes that long a question. */
  readonly upstreamDelayMs?: number
  readonly readyTimeoutMs?: number
}

export interface DnsServers {
  /** On 127.0.0.1 both. */
  readonly unboundPort: number
  readonly knotPort: number
  stop(): Promise<void>
}

/** `count` addresses from 127.1.0.0 on, each with a PTR name that resolves back: `addresses[i]` is called `names[i]`. */
export interface BenchZones {
  readonly zones: readonly ServedZone[]
  readonly addresses: readonly string[]
  readonly names: readonly string[]
}

const PROGRAM_FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin']

export function missingPrograms(programs: readonly string[] = ['unbound', 'knotd', 'dnsperf']): string[] {
  return programs.filter((program) => findProgram(program) === undefined)
}

export function findProgram(program: string): string | undefined {
  const folders = [...PROGRAM_FOLDERS, ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

export function makeBenchZones(count = 20_000): BenchZones {
  const soa = '@ 3600 IN SOA ns.bench.test. admin.bench.test. 1 3600 600 86400 300\n@ 3600 IN NS ns.bench.test.\n'
  const addresses: string[] = []
  const names: string[] = []
  const reverse = [soa]
  const forward = [soa, 'ns 3600 IN A 127.0.0.1\n']
  for (let index = 0; index < count; index++) {
    const [third, fourth] = [String(index >> 8), String(index & 255)]
    const label = `mail-${third}-${fourth}`
    addresses.push(`127.1.${third}.${fourth}`)
    names.push(`${label}.bench.test`)
    reverse.push(`${fourth}.${third}.1 3600 IN PTR ${label}.bench.test.\n`)
    forward.push(`${label} 3600 IN A 127.1.${third}.${fourth}\n`)
  }
  const zones = [
    { origin: '127.in-addr.arpa', text: reverse.join('') },
    { origin: 'bench.test', text: forward.join('') },
  ]
  return { zones, addresses, names }
}

export async function startKnotAndUnbound(settings: DnsServersSettings): Promise<DnsServers> {
  const missing = missingPrograms(['unbound', 'knotd'])
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}`)
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-dns-'))
  const children: ChildProcess[] = []
  let delay: AskedChild | undefined
  const onExit = (): void => {
    for (const child of children) child.kill()
  }
  process.once('exit', onExit)
  const stop = async (): Promise<void> => {
    await Promise.all([...children.map(endChild), delay?.end()])
    process.off('exit', onExit)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const knotPort = await freePort()
    const unboundPort = await freePort()
    const readyTimeoutMs = settings.readyTimeoutMs ?? 30_000
    const someOrigin = name(settings.zones[0]?.origin ?? 'localhost')
    children.push(await startKnot(folder, knotPort, settings.zones))
    await untilAnswered(knotPort, someOrigin, children, readyTimeoutMs)
    if (settings.upstreamDelayMs !== undefined)
      delay = startAskedChild('delay-child.mjs', [String(knotPort), String(settings.upstreamDelayMs)])
    const upstreamPort = delay === undefined ? knotPort : Number(await delay.read())
    children.push(await startUnbound(folder, unboundPort, upstreamPort, settings))
    await untilAnswered(unboundPort, someOrigin, children, readyTimeoutMs)
    return { unboundPort, knotPort, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startKnot(folder: string, port: number, zones: readonly ServedZone[]): Promise<ChildProcess> {
  const home = join(folder, 'knot')
  await mkdir(home)
  const entries: string[] = []
  for (const [index, zone] of zones.entries()) {
    const file = join(home, `${String(index)}.zone`)
    await writeFile(file, `$ORIGIN ${zone.origin}.\n${zone.text}`)
    entries.push(`  - domain: ${zone.origin}\n    file: ${file}\n`)
  }
  const configuration = `server:
  rundir: ${home}
  pidfile: ${join(home, 'knot.pid')}
  listen: 127.0.0.1@${String(port)}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: ${home}
log:
  - target: stderr
    any: error
template:
  - id: default
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
${entries.join('')}`
  await writeFile(join(home, 'knot.conf'), configuration)
  return startChild('knotd', ['-c', join(home, 'knot.conf')])
}

async function startUnbound(folder: string, port: number, upstreamPort: number, settings: DnsServersSettings): Promise<ChildProcess> {
  const home = join(folder, 'unbound')
  await mkdir(home)
  // Unbound answers for 127.in-addr.arpa and test by itself, and keeps off loopback servers, unless told otherwise.
  const localZones = settings.zones.map((zone) => `  local-zone: "${zone.origin}." nodefault\n  domain-insecure: "${zone.origin}."\n`)
  const stubs = settings.zones.map((zone) => `stub-zone:\n  name: "${zone.origin}."\n  stub-addr: 127.0.0.1@${String(upstreamPort)}\n`)
  const configuration = `server:
  directory: "${home}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 0
  do-daemonize: no
  interface: 127.0.0.1@${String(port)}
${settings.systemAddress === undefined ? '' : `  interface: ${settings.systemAddress}@53\n`}  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-not-query-localhost: no
  num-threads: ${String(settings.unboundThreads ?? 1)}
  msg-cache-size: 64m
  rrset-cache-size: 128m
  so-rcvbuf: 1m
  so-sndbuf: 1m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  module-config: "iterator"
  local-zone: "test." nodefault
${localZones.join('')}remote-control:
  control-enable: no
${stubs.join('')}`
  await writeFile(join(home, 'unbound.conf'), configuration)
  return startChild('unbound', ['-d', '-c', join(home, 'unbound.conf')])
}

function startChild(program: string, programArguments: readonly string[]): ChildProcess {
  const path = findProgram(program)
  if (path === undefined) throw new Error(`not installed: ${program}`)
  return spawn(path, programArguments, { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(kill)
}

/** Asks for the SOA until there is an answer. */
async function untilAnswered(port: number, origin: DomainName, children: readonly ChildProcess[], timeoutMs: number): Promise<void> {
  const socket = createSocket('udp4')
  const query = encodeMessage({
    id: 1,
    isResponse: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticated: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [{ name: origin, type: 'SOA', classCode: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: null,
  })
  const deadline = performance.now() + timeoutMs
  try {
    await new Promise<void>((resolve, reject) => {
      const ask = setInterval(() => {
        const ended = children.find((child) => child.exitCode !== null)
        if (ended !== undefined) reject(new Error(`${ended.spawnfile} ended with ${String(ended.exitCode)}`))
        else if (performance.now() > deadline) reject(new Error(`no answer from port ${String(port)} in ${String(timeoutMs)} ms`))
        else socket.send(query, port, '127.0.0.1')
      }, 50)
      socket.on('error', reject)
      socket.on('message', (bytes) => {
        const decoded = decodeMessage(bytes)
        if (decoded.kind === 'message' && decoded.message.rcode === 0 && decoded.message.answers.length > 0) resolve()
      })
      socket.once('close', () => {
        clearInterval(ask)
      })
    })
  } finally {
    socket.close()
  }
}

/** Free for TCP and UDP at the moment of asking. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = createSocket('udp4')
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => {
        resolve(false)
      })
      socket.bind(port, '127.0.0.1', () => {
        resolve(true)
      })
    })
    socket.close()
    server.close()
    await once(server, 'close')
    if (isFree) return port
  }
  throw new Error('no port is free for both TCP and UDP')
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
