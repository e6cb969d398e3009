// Asks as fast as it can, in a process of its own that runs the built program and does nothing else, as a gate would:
// query-child.mjs client|iprev PORT IN_FLIGHT. For each line `COUNT` on stdin it makes so many lookups and prints how many a second.
import { createInterface } from 'node:readline'
import { createResolver, lookupIprev } from '../dist/index.js'
import { reverseName } from '../dist/core/address.js'
import { createDnsClient } from '../dist/dns/client.js'

const [mode, portText, inFlightText] = process.argv.slice(2)
const port = Number(portText)
const inFlight = Number(inFlightText)
/** The confirmed hosts of the benchmark's zones. */
const addresses = Array.from({ length: 20_000 }, (_, index) => ({ family: 4, bytes: [127, 1, index >> 8, index & 255] }))

const { work, close } = mode === 'client' ? ofClient() : ofIprev()
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line)
  let next = 0
  const one = async () => {
    while (next < count) await work(next++ % addresses.length)
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: inFlight }, one))
  process.stdout.write(`${String((count / (performance.now() - start)) * 1000)}\n`)
}
await close()

function ofClient() {
  const client = createDnsClient({ servers: [{ address: { family: 4, bytes: [127, 0, 0, 1] }, port }] })
  const names = addresses.map(reverseName)
  return {
    async work(index) {
      const outcome = await client.resolve({ name: names[index], type: 'PTR' })
      if (outcome.kind !== 'records') throw new Error(`${names[index]}: ${outcome.kind}`)
    },
    close: () => client.close(),
  }
}

function ofIprev() {
  const resolver = createResolver({ servers: [`127.0.0.1:${portText}`], cache: false })
  return {
    async work(index) {
      const facts = await lookupIprev(addresses[index], { resolver })
      if (facts.result !== 'pass') throw new Error(`${addresses[index].bytes.join('.')}: ${facts.result} (${facts.reason})`)
    },
    close: () => resolver.close(),
  }
}
