/**
 * Rates against the same warm unbound: dnsperf, our stub client, and whole iprev lookups. Each of ours is measured between two
 * runs of dnsperf, and the ratio to their mean is what counts: the machine's own speed drops out.
 */
import { spawnSync } from 'node:child_process'
import type { IpAddress } from '../../src/core/address.ts'
import { reverseName } from '../../src/core/address.ts'
import { createDnsClient } from '../../src/dns/client.ts'
import { createResolver } from '../../src/dns/create-resolver.ts'
import { lookupIprev } from '../../src/iprev/lookup.ts'
import { findProgram } from '../support/dns-servers.ts'
import { median, type Measurement } from './table.ts'

export interface QueryBench {
  readonly port: number
  readonly addresses: readonly IpAddress[]
  /** The reverse names of the addresses, as dnsperf reads them. */
  readonly questionsFile: string
  readonly pairs: number
}

/** As many as a busy gate has; dnsperf gets the same. */
const IN_FLIGHT = 128
const DNSPERF_RUNS = 15
const CLIENT_QUERIES = 300_000
const IPREV_LOOKUPS = 100_000

export async function measureClient(bench: QueryBench): Promise<Measurement> {
  return pairwise('stub client, warm, of dnsperf', 0.7, bench, () => clientRate(bench, CLIENT_QUERIES))
}

export async function measureIprev(bench: QueryBench): Promise<Measurement> {
  return pairwise('iprev lookups, uncached, of dnsperf', 0.3, bench, () => iprevRate(bench, IPREV_LOOKUPS))
}

/** Both sides once, so that no cache is cold and the compiler has seen the code. */
export async function warmUp(bench: QueryBench): Promise<void> {
  dnsperfRate(bench, 1)
  await clientRate(bench, bench.addresses.length)
  await iprevRate(bench, bench.addresses.length)
}

async function pairwise(name: string, atLeast: number, bench: QueryBench, ours: () => Promise<number>): Promise<Measurement> {
  const rates: number[] = []
  const dnsperfRates: number[] = []
  const ratios: number[] = []
  for (let pair = 0; pair < bench.pairs; pair++) {
    const before = dnsperfRate(bench, DNSPERF_RUNS)
    const rate = await ours()
    const reference = (before + dnsperfRate(bench, DNSPERF_RUNS)) / 2
    rates.push(Math.round(rate))
    dnsperfRates.push(Math.round(reference))
    ratios.push(Number((rate / reference).toFixed(3)))
  }
  return { name, value: median(ratios), unit: '', bound: { kind: 'atLeast', value: atLeast }, details: { rates, dnsperfRates, ratios } }
}

function dnsperfRate({ port, questionsFile }: QueryBench, runs: number): number {
  const given = ['-s', '127.0.0.1', '-p', String(port), '-d', questionsFile, '-n', String(runs), '-q', String(IN_FLIGHT)]
  const { stdout } = spawnSync(findProgram('dnsperf') ?? 'dnsperf', given, { encoding: 'utf8' })
  const rate = /Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]
  const lost = /Queries lost:\s+([\d]+)/.exec(stdout)?.[1]
  if (rate === undefined) throw new Error(`dnsperf printed no rate:\n${stdout}`)
  if (lost !== '0') console.error(`dnsperf lost ${String(lost)} queries`)
  return Number(rate)
}

async function clientRate({ port, addresses }: QueryBench, queries: number): Promise<number> {
  const client = createDnsClient({ servers: [{ address: LOOPBACK, port }] })
  const names = addresses.map(reverseName)
  let unanswered = 0
  const rate = await rateOf(queries, async (index) => {
    const name = names[index % names.length]
    const outcome = name && (await client.resolve({ name, type: 'PTR' }))
    if (outcome?.kind !== 'records') unanswered++
  })
  await client.close()
  if (unanswered > 0) throw new Error(`${String(unanswered)} of ${String(queries)} questions were not answered`)
  return rate
}

async function iprevRate({ port, addresses }: QueryBench, lookups: number): Promise<number> {
  const resolver = createResolver({ servers: [{ address: LOOPBACK, port }], cache: false })
  let unconfirmed = 0
  const rate = await rateOf(lookups, async (index) => {
    const address = addresses[index % addresses.length]
    const facts = address && (await lookupIprev(address, { resolver }))
    if (facts?.result !== 'pass') unconfirmed++
  })
  await resolver.close()
  if (unconfirmed > 0) throw new Error(`${String(unconfirmed)} of ${String(lookups)} addresses were not confirmed`)
  return rate
}

const LOOPBACK: IpAddress = { family: 4, bytes: [127, 0, 0, 1] }

async function rateOf(count: number, work: (index: number) => Promise<void>): Promise<number> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return (count / (performance.now() - start)) * 1000
}
