/**
 * A soak: milter and policy service in one process, smtp-server with the plugin in another, under sessions without a pause. Most
 * clients are distinct, one in three has no name and is refused. The caches are small, so that they are full early on and entries
 * come and go; what counts is the memory of the last quarter against that of the second one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startAskedChild, type AskedChild } from '../support/asked-child.ts'
import { residentMiB } from '../support/process-facts.ts'
import { startServe } from '../support/serve.ts'
import { startSmtpLoad, type SmtpLoad } from './gate-clients.ts'
import { median, type Measurement } from './table.ts'

export interface SoakBench {
  readonly dnsPort: number
  /** The first ones have names. */
  readonly named: number
  readonly seconds: number
}

const CACHE_ENTRIES = 5000
const SAMPLE_MS = 500
/** Between two looks at the clock. */
const ROUND_SESSIONS = 500

export async function measureSoak({ dnsPort, named, seconds }: SoakBench): Promise<Measurement[]> {
  const served = await startServe(dnsPort, CACHE_ENTRIES)
  const plugin = startAskedChild('smtp-server-child.mjs', ['ptrgate', String(dnsPort), String(CACHE_ENTRIES)])
  const mtas = { milter: startAskedChild('mta-child.mjs'), policy: startAskedChild('mta-child.mjs') }
  const load = startSmtpLoad()
  try {
    const pluginPort = Number(await plugin.read())
    const deadline = performance.now() + seconds * 1000
    const samples = { serve: [] as number[], plugin: [] as number[] }
    const sessions = await Promise.all([
      ask(mtas.milter, { kind: 'milter', port: served.milterPort }, named, deadline),
      ask(mtas.policy, { kind: 'policy', port: served.policyPort }, named, deadline),
      send(load, pluginPort, named, deadline),
      sample(deadline, () => {
        samples.serve.push(residentMiB(served.pid))
        samples.plugin.push(residentMiB(plugin.pid))
      }),
    ])
    const details = { seconds, milterSessions: sessions[0], policySessions: sessions[1], pluginSessions: sessions[2] }
    return [growth('milter and policy service', samples.serve, details), growth('smtp-server with the plugin', samples.plugin, details)]
  } finally {
    await Promise.all([mtas.milter.end(), mtas.policy.end(), load.end(), plugin.end()])
    await served.stop()
  }
}

async function ask(mta: AskedChild, to: { kind: string; port: number }, named: number, deadline: number): Promise<number> {
  return rounds(named * 1.5, deadline, (first) =>
    mta.ask({ ...to, sessions: ROUND_SESSIONS, concurrency: 20, first, addresses: ROUND_SESSIONS, known: named }),
  )
}

async function send(load: SmtpLoad, port: number, named: number, deadline: number): Promise<number> {
  return rounds(named, deadline, (first) =>
    load.run({ port, sessions: ROUND_SESSIONS, concurrency: 50, messageOctets: 4000, first, addresses: ROUND_SESSIONS }),
  )
}

/** How many sessions there were. */
async function rounds(clients: number, deadline: number, round: (first: number) => Promise<unknown>): Promise<number> {
  let sessions = 0
  for (; performance.now() < deadline; sessions += ROUND_SESSIONS)
    await round(sessions % (Math.floor(clients / ROUND_SESSIONS) * ROUND_SESSIONS))
  return sessions
}

async function sample(deadline: number, take: () => void): Promise<void> {
  while (performance.now() < deadline) {
    take()
    await sleep(SAMPLE_MS)
  }
}

function growth(who: string, samplesMiB: readonly number[], details: Measurement['details']): Measurement {
  const quarter = samplesMiB.length >> 2
  const [second, last] = [median(samplesMiB.slice(quarter, 2 * quarter)), median(samplesMiB.slice(-quarter))]
  return {
    name: `soak, ${who}: growth of RSS`,
    value: ((last - second) / second) * 100,
    unit: '%',
    bound: { kind: 'atMost', value: 10 },
    details: { ...details, secondQuarterMiB: second, lastQuarterMiB: last, samplesMiB },
  }
}
