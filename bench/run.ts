/**
 * `npm run bench`: every speed that the project promises, as a table, and as JSON in bench/results/.
 * It needs unbound, knot and dnsperf, installs nothing, and says what is missing. `--quick` measures less, for a first look.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAddress, reverseName } from '../src/core/address.ts'
import { measureJudgement } from './measure/judgement.ts'
import { measureMemory } from './measure/memory.ts'
import { measureClient, measureIprev } from './measure/queries.ts'
import { formatTable, holds, type Measurement } from './measure/table.ts'
import { makeBenchZones, missingPrograms, startKnotAndUnbound } from './support/dns-servers.ts'

const isQuick = process.argv.includes('--quick')

const missing = missingPrograms()
if (missing.length > 0) {
  console.error(
    `not installed: ${missing.join(', ')} (Debian: apt-get install unbound knot dnsperf); only what needs no server is measured`,
  )
}
const measurements: Measurement[] = [measureJudgement(), ...(missing.length > 0 ? [] : await withServers())]
console.log(formatTable(measurements))

const folder = fileURLToPath(new URL('results/', import.meta.url))
mkdirSync(folder, { recursive: true })
const result = {
  at: new Date().toISOString(),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model,
  isQuick,
  missing,
  measurements,
}
writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(result, null, 2)}\n`)
console.log(`\nwritten: bench/results/latest.json`)
process.exitCode = measurements.every(holds) ? 0 : 1

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
