/**
 * How fast the stub client asks, against dnsperf on the same warm unbound, in pairs: `tsx bench/dns-client.ts [pairs] [queries]`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddress, reverseName } from '../src/core/address.ts'
import type { DomainName } from '../src/core/domain-name.ts'
import { createDnsClient } from '../src/dns/client.ts'
import { findProgram, makeBenchZones, missingPrograms, startKnotAndUnbound } from './support/dns-servers.ts'

const IN_FLIGHT = 128

export async function measureClient(port: number, names: readonly DomainName[], queries: number): Promise<number> {
  const client = createDnsClient({ servers: [{ address: { family: 4, bytes: [127, 0, 0, 1] }, port }] })
  let next = 0
  let unanswered = 0
  const ask = async (): Promise<void> => {
    while (next < queries) {
      const outcome = await client.resolve({ name: names[next++ % names.length] as DomainName, type: 'PTR' })
      if (outcome.kind !== 'records') unanswered++
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, ask))
  const rate = (queries / (performance.now() - start)) * 1000
  const { timeouts, rejected } = client.statistics
  await client.close()
  if (unanswered > 0 || timeouts > 0) console.error({ unanswered, timeouts, rejected })
  return rate
}

export function measureDnsperf(port: number, questionsFile: string, runs: number): number {
  const program = findProgram('dnsperf') ?? 'dnsperf'
  const given = ['-s', '127.0.0.1', '-p', String(port), '-d', questionsFile, '-n', String(runs), '-q', String(IN_FLIGHT)]
  const { stdout } = spawnSync(program, given, { encoding: 'utf8' })
  const rate = /Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]
  if (rate === undefined) throw new Error(`dnsperf printed no rate:\n${stdout}`)
  return Number(rate)
}

async function main(pairs: number, queries: number): Promise<void> {
  const missing = missingPrograms()
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}`)
  const bench = makeBenchZones()
  const names = bench.addresses.map((text) => {
    const address = parseAddress(text)
    if (address === undefined) throw new TypeError(text)
    return reverseName(address)
  })
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-bench-'))
  const questionsFile = join(folder, 'questions')
  await writeFile(questionsFile, names.map((name) => `${name} PTR\n`).join(''))
  const servers = await startKnotAndUnbound({ zones: bench.zones })
  try {
    measureDnsperf(servers.unboundPort, questionsFile, 1)
    await measureClient(servers.unboundPort, names, names.length)
    const ratios: number[] = []
    for (let pair = 0; pair < pairs; pair++) {
      const before = measureDnsperf(servers.unboundPort, questionsFile, queries / names.length)
      const client = await measureClient(servers.unboundPort, names, queries)
      const after = measureDnsperf(servers.unboundPort, questionsFile, queries / names.length)
      const ratio = client / ((before + after) / 2)
      ratios.push(ratio)
      console.log(`dnsperf ${before.toFixed(0)} and ${after.toFixed(0)}/s, client ${client.toFixed(0)}/s, ratio ${ratio.toFixed(2)}`)
    }
    console.log(`median ratio ${median(ratios).toFixed(2)}`)
  } finally {
    await servers.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? NaN
}

await main(Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 400_000))
