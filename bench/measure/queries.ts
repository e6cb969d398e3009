/**
 * Rates against the same warm unbound: dnsperf, our stub client, and whole iprev lookups. Each of ours is measured between two
 * runs of dnsperf, and the ratio to their mean is what counts: the machine's own speed drops out.
 */
import { spawnSync } from 'node:child_process'
import { startAskedChild } from '../support/asked-child.ts'
import { findProgram } from '../support/dns-servers.ts'
import { median, type Measurement } from './table.ts'

export interface QueryBench {
  readonly port: number
  /** The reverse names of the addresses, as dnsperf reads them. */
  readonly questionsFile: string
  readonly pairs: number
}

/** As many as a busy gate has; dnsperf and ours get the same. */
export const IN_FLIGHT = 128
const DNSPERF_RUNS = 15
const CLIENT_QUERIES = 300_000
const IPREV_LOOKUPS = 150_000

export async function measureClient(bench: QueryBench): Promise<Measurement> {
  return pairwise('stub client, warm, of dnsperf', 0.7, bench, 'client', CLIENT_QUERIES)
}

export async function measureIprev(bench: QueryBench): Promise<Measurement> {
  return pairwise('iprev lookups, uncached, of dnsperf', 0.3, bench, 'iprev', IPREV_LOOKUPS)
}

async function pairwise(name: string, atLeast: number, bench: QueryBench, mode: string, count: number): Promise<Measurement> {
  const rates: number[] = []
  const dnsperfRates: number[] = []
  const ratios: number[] = []
  const child = startAskedChild('query-child.mjs', [mode, String(bench.port), String(IN_FLIGHT)])
  // Both sides once, so that no cache is cold and the compiler has seen the code.
  dnsperfRate(bench, 1)
  await child.ask(count)
  for (let pair = 0; pair < bench.pairs; pair++) {
    const before = dnsperfRate(bench, DNSPERF_RUNS)
    const rate = Number(await child.ask(count))
    const reference = (before + dnsperfRate(bench, DNSPERF_RUNS)) / 2
    rates.push(Math.round(rate))
    dnsperfRates.push(Math.round(reference))
    ratios.push(Number((rate / reference).toFixed(3)))
  }
  await child.end()
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
