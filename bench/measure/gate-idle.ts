/** Resident memory of `ptrgate serve` with ten thousand milter connections, each with a client that was looked up and now says nothing. */
import { startAskedChild } from '../support/asked-child.ts'
import { mostOpenFiles, residentMiB } from '../support/process-facts.ts'
import { startServe } from '../support/serve.ts'
import type { Measurement } from './table.ts'

const CONNECTIONS = 10_000
/** Beside the connections. */
const OTHER_FILES = 100

/** Empty where all is there. */
export function whatIdleLacks(): string[] {
  const files = CONNECTIONS + OTHER_FILES
  const lacking = mostOpenFiles() < files ? [`a hard limit of ${String(files)} open files (ulimit -Hn)`] : []
  return process.platform === 'linux' ? lacking : [...lacking, 'Linux (for the memory of a process)']
}

export async function measureIdle(dnsPort: number): Promise<Measurement[]> {
  const served = await startServe(dnsPort)
  const mta = startAskedChild('mta-child.mjs')
  try {
    const atFirst = residentMiB(served.pid)
    const request = { kind: 'idle', port: served.milterPort, sessions: CONNECTIONS, concurrency: 100, first: 0, addresses: CONNECTIONS }
    const { open } = (await mta.ask({ ...request, known: CONNECTIONS })) as { open: number }
    if (open !== CONNECTIONS) throw new Error(`only ${String(open)} connections are open`)
    // All of them have been served once this one is.
    await mta.ask({ ...request, kind: 'milter', sessions: 1, concurrency: 1, known: CONNECTIONS })
    const measurement: Measurement = {
      name: 'RSS with 10,000 idle milter connections',
      value: residentMiB(served.pid),
      unit: 'MiB',
      bound: { kind: 'atMost', value: 300 },
      details: { atFirst },
    }
    return [measurement]
  } finally {
    await mta.end()
    await served.stop()
  }
}
