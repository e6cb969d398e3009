/**
 * Resident memory over a million iprev lookups with a full cache, in a process of its own that runs the built program:
 * neither the benchmark's own data nor a compiler is in the figure.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { IN_FLIGHT } from './queries.ts'
import type { Measurement } from './table.ts'

export async function measureMemory(port: number, lookups: number): Promise<Measurement> {
  const program = fileURLToPath(new URL('../memory-child.mjs', import.meta.url))
  const given = [port, lookups, IN_FLIGHT].map(String)
  const child = spawn(process.execPath, [program, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the process under measurement ended with ${String(code)}`)
  const { peakMiB, samplesMiB, perSecond, hits } = JSON.parse(output) as {
    peakMiB: number
    samplesMiB: readonly number[]
    perSecond: number
    hits: number
  }
  return {
    name: `RSS over ${lookups.toLocaleString('en')} lookups, cache full`,
    value: peakMiB,
    unit: 'MiB',
    bound: { kind: 'atMost', value: 150 },
    details: { samplesMiB, perSecond, hits },
  }
}
