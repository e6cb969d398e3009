/** The service for tests: in this process with its log in memory, or as a program of its own with its signals. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../../src/app/config/read-config.ts'
import { openLog, type LogDestination } from '../../../src/app/log.ts'
import { Service, type ServiceOptions } from '../../../src/app/serve/service.ts'
import type { DnsFault } from '../../../src/dns/authority.ts'
import { startTestDns } from '../../support/zone.ts'

export const ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7
9.100.51.198.in-addr.arpa. PTR elsewhere.example.com.
elsewhere.example.com. A 198.51.100.99`

export type LogLine = Readonly<Record<string, unknown>>

/** Lines as they come, and the way to wait for one. */
export class Lines {
  readonly all: LogLine[] = []
  #wake: () => void = () => undefined
  #isEnded = false

  add(text: string): void {
    this.all.push(JSON.parse(text) as LogLine)
    this.#wake()
  }

  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  of(event: string): readonly LogLine[] {
    return this.all.filter((line) => line['event'] === event)
  }

  /** The first one after `skip` others that is as wanted. */
  async next(event: string, skip = 0, matches: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    for (;;) {
      const found = this.of(event).filter(matches)[skip]
      if (found !== undefined) return found
      if (this.#isEnded) throw new Error(`the log ended without ${event}: ${JSON.stringify(this.all)}`)
      await new Promise<void>((resolve) => {
        const before = this.#wake
        this.#wake = () => {
          before()
          resolve()
        }
      })
    }
  }
}

export interface TestSetup extends AsyncDisposable {
  readonly folder: string
  readonly dnsPort: number
  readonly file: string
  write(yaml: string): Promise<void>
  fault(fault: DnsFault): void
  clearFaults(): void
}

/** A DNS, and a folder with a config in which `$dns` and `$folder` are filled in. */
export async function setUp(yaml: string, zone = ZONE): Promise<TestSetup> {
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-serve-'))
  const dns = await startTestDns(zone)
  const file = join(folder, 'ptrgate.yaml')
  const write = (text: string): Promise<void> => writeFile(file, fillIn(text, folder, dns.port))
  await write(yaml)
  return {
    folder,
    dnsPort: dns.port,
    file,
    write,
    fault: (fault) => {
      dns.faults.add(fault)
    },
    clearFaults: () => {
      dns.faults.clear()
    },
    async [Symbol.asyncDispose]() {
      await dns.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function fillIn(yaml: string, folder: string, port: number): string {
  return `name: mx.example.org\ndns: { servers: ['127.0.0.1:${String(port)}'], timeoutMs: 1000, attempts: 1 }\n${yaml}`
    .replaceAll('$folder', folder)
    .replaceAll('$port', String(port))
}

export interface TestService extends AsyncDisposable {
  readonly setup: TestSetup
  readonly service: Service
  readonly lines: Lines
  /** `http://127.0.0.1:4711` */
  readonly http: string
  reload(yaml: string): ReturnType<Service['reload']>
  /** The first listener of this kind, as a client connects to it. */
  address(kind: string): string
}

/** In this process: `workers` must be 1. */
export async function startTestService(yaml: string, zone = ZONE, options: Omit<ServiceOptions, 'log'> = {}): Promise<TestService> {
  const setup = await setUp(yaml, zone)
  const lines = new Lines()
  try {
    const text = fillIn(yaml, setup.folder, setup.dnsPort)
    const log = openLog(memory(lines), 'info')
    const service = await Service.start(parsed(text, setup.file), { text, file: setup.file }, { ...options, log })
    const address = (kind: string): string => {
      const name = service.addresses.find((candidate) => candidate.startsWith(`${kind}:`))
      if (name === undefined) throw new Error(`no listener of kind ${kind} among ${service.addresses.join(', ')}`)
      return name.slice(kind.length + 1)
    }
    return {
      setup,
      service,
      lines,
      http: service.addresses.some((name) => name.startsWith('http:')) ? `http://${address('http')}` : '',
      address,
      reload: (next) => service.reload({ text: fillIn(next, setup.folder, setup.dnsPort), file: setup.file }),
      async [Symbol.asyncDispose]() {
        await service.stop(0)
        await setup[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await setup[Symbol.asyncDispose]()
    throw error
  }
}

function parsed(text: string, file: string): Parameters<typeof Service.start>[0] {
  const read = readConfig(text, file)
  if (read.kind === 'problems') throw new TypeError(JSON.stringify(read.problems))
  return read.config
}

function memory(lines: Lines): LogDestination {
  return {
    write: (line) => {
      lines.add(line)
    },
    flush: () => Promise.resolve(),
    flushSync: () => undefined,
  }
}

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  readonly lines: Lines
  readonly stderr: () => string
  /** Code or signal. */
  readonly exited: Promise<number | string>
  signal(signal: NodeJS.Signals): void
}

const MAIN = fileURLToPath(new URL('../../../src/app/cli/main.ts', import.meta.url))

/** What the arguments of Node.js begin with. */
export const SERVE_ARGUMENTS = ['--import', import.meta.resolve('tsx'), MAIN, 'serve'] as const

/** `ptrgate serve` as its own process. */
export function spawnServe(args: readonly string[]): Program {
  const child = spawn(process.execPath, [...SERVE_ARGUMENTS, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = new Lines()
  let stderr = ''
  createInterface({ input: child.stdout })
    .on('line', (line) => {
      lines.add(line)
    })
    .on('close', () => {
      lines.end()
    })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  return {
    child,
    lines,
    stderr: () => stderr,
    exited,
    signal: (signal) => {
      child.kill(signal)
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** The listeners of a `serving` line, by kind. */
export function addressIn(line: LogLine, kind: string): string {
  const name = (line['listeners'] as readonly string[]).find((candidate) => candidate.startsWith(`${kind}:`))
  if (name === undefined) throw new Error(`no listener of kind ${kind}: ${JSON.stringify(line)}`)
  return name.slice(kind.length + 1)
}

/** Of one metric, each with its labels. */
export async function metricsOf(http: string, name: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${http}/metrics`)).text()
  const found = text.split('\n').flatMap((line) => {
    const [, labels = '', value] = /^([^{ ]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    return labels === name || labels.startsWith(`${name}{`) ? [[labels.slice(name.length), Number(value)] as const] : []
  })
  return new Map(found)
}

export async function sumOfMetric(http: string, name: string): Promise<number> {
  return [...(await metricsOf(http, name)).values()].reduce((left, right) => left + right, 0)
}
