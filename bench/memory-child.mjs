// Makes iprev lookups through one resolver and reports its own resident memory: memory-child.mjs PORT LOOKUPS IN_FLIGHT
import { createResolver, lookupIprev } from '../dist/index.js'

const [port, lookups, inFlight] = process.argv.slice(2).map(Number)
const SAMPLES = 20
/** More names than the cache holds, so that it is full and entries come and go; the first 20,000 are confirmed. */
const DISTINCT = 250_000

const resolver = createResolver({ servers: [`127.0.0.1:${port}`] })
const samplesMiB = []
let next = 0
const start = performance.now()

async function work() {
  while (next < lookups) {
    const index = next++
    if (index % Math.ceil(lookups / SAMPLES) === 0) samplesMiB.push(residentMiB())
    const host = index % DISTINCT
    const facts = await lookupIprev({ family: 4, bytes: [127, 1 + (host >> 16), (host >> 8) & 255, host & 255] }, { resolver })
    const expected = host < 20_000 ? 'pass' : 'permerror'
    if (facts.result !== expected) throw new Error(`${facts.address.bytes.join('.')}: ${facts.result} (${facts.reason})`)
  }
}

await Promise.all(Array.from({ length: inFlight }, work))
samplesMiB.push(residentMiB())
const perSecond = Math.round((lookups / (performance.now() - start)) * 1000)
const { cache } = resolver.statistics()
await resolver.close()
process.stdout.write(JSON.stringify({ peakMiB: Math.max(...samplesMiB), samplesMiB, perSecond, hits: cache.hits }))

function residentMiB() {
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}
