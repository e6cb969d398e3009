/**
 * `npm run bench`: every speed that the project promises, as a table, and as JSON in bench/results/. `--only lookups` and
 * `--only gate` measure one half; `--quick` measures less, for a first look. It needs unbound and knot, dnsperf for the lookups
 * and Postfix (as root) for the gate; it installs nothing, and says what is missing.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseAddress, reverseName } from '../src/core/address.ts'
import { measureGate, whatGateLacks } from './measure/gate.ts'
import { measureJudgement } from './measure/judgement.ts'
import { measureMemory } from './measure/memory.ts'
import { measureClient, measureIprev } from './measure/queries.ts'
import { formatTable, holds, type Measurement } from './measure/table.ts'
import { makeBenchZones, missingPrograms, startKnotAndUnbound } from './support/dns-servers.ts'

interface Part {
  readonly lacks: () => string[]
  readonly measure: () => Promise<Measurement[]>
}

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
const { quick: isQuick, only } = options
const PARTS: Readonly<Record<string, Part>> = {
  lookups: { lacks: missingPrograms, measure: measureLookups },
  gate: { lacks: whatGateLacks, measure: () => measureGate(isQuick) },
}
const parts = Object.entries(PARTS).filter(([name]) => only === undefined || name === only)
if (parts.length === 0) throw new Error(`--only ${String(only)}: there are ${Object.keys(PARTS).join(' and ')}`)

// What was started is told to end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const missing = [...new Set(parts.flatMap(([, part]) => part.lacks()))]
if (missing.length > 0) {
  console.error(
    `not there: ${missing.join(', ')} (Debian: apt-get install unbound knot dnsperf postfix); only what needs none of it is measured`,
  )
}
const measurements: Measurement[] = []
for (const [, part] of parts) measurements.push(...(await part.measure()))
console.log(formatTable(measurements))

const folder = fileURLToPath(new URL('results/', import.meta.url))
mkdirSync(folder, { recursive: true })
const file = `${only ?? 'latest'}.json`
const result = {
  at: new Date().toISOString(),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model,
  isQuick,
  missing,
  measurements,
}
writeFileSync(join(folder, file), `${JSON.stringify(result, null, 2)}\n`)
console.log(`\nwritten: bench/results/${file}`)
process.exitCode = measurements.every(holds) ? 0 : 1

async function measureLookups(): Promise<Measurement[]> {
  return [measureJudgement(), ...(missingPrograms().length > 0 ? [] : await withServers())]
}

async function withServers(): Promise<Measurement[]> {
  const zones = makeBenchZones()
  const addresses = zones.addresses.map((text) => parseAddress(text)).filter((address) => address !== undefined)
  const temporary = await mkdtemp(join(tmpdir(), 'ptrgate-bench-'))
  const questionsFile = join(temporary, 'questions')
  await writeFile(questionsFile, addresses.map((address) => `${reverseName(address)} PTR\n`).join(''))
  const servers = await startKnotAndUnbound({ zones: zones.zones })
  try {
    const bench = { port: servers.unboundPort, questionsFile, pairs: isQuick ? 1 : 5 }
    return [await measureClient(bench), await measureIprev(bench), await measureMemory(servers.unboundPort, isQuick ? 200_000 : 1_000_000)]
  } finally {
    await servers.stop()
    await rm(temporary, { recursive: true, force: true })
  }
}
