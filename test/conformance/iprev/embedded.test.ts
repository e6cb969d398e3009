import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { formatAddress, parseAddress, unmapAddress } from '../../../src/core/address.ts'
import { isWithin, name } from '../../../src/core/domain-name.ts'
import { startAuthority, type AuthorityFlavour } from '../../../src/dns/authority.ts'
import { createResolver } from '../../../src/dns/create-resolver.ts'
import type { IprevFacts } from '../../../src/iprev/facts.ts'
import { apexRecords, caseFaults, caseRecords, loadCases, ZONES, type IprevCase } from './load-cases.ts'
import { differences, runCase } from './run-case.ts'

const cases = loadCases()

describe('the cases themselves', () => {
  it('are many, and each has its own id and address', () => {
    const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8')
    expect(readme).toContain(`${String(cases.length)} cases`)
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length)
    const addresses = cases.map(({ address }) => {
      const parsed = parseAddress(address)
      return parsed && formatAddress(unmapAddress(parsed))
    })
    expect(addresses).not.toContain(undefined)
    expect(new Set(addresses).size).toBe(cases.length)
  })

  it.each(cases)('$id keeps to its own names and zones', (testCase) => {
    const owners = caseRecords(testCase).map((record) => record.name)
    const outside = owners.filter((owner) => !ZONES.some((zone) => isWithin(owner, name(zone))))
    expect(outside).toEqual([])
    const forward = owners.filter((owner) => isWithin(owner, name(ZONES[0])))
    const foreign = forward.filter((owner) => !owner.toLowerCase().includes(testCase.id) && !SHARED.has(`${testCase.id} ${owner}`))
    expect(foreign).toEqual([])
  })

  /** What two cases hold in common, on purpose. */
  const SHARED = new Set(['label-nul mail.iprev.example'])
})

/** How the server packs its answers, and whether we have asked before, must not change the verdict. */
const SERVERS: Readonly<Record<string, Partial<AuthorityFlavour>>> = {
  'a server that follows CNAMEs itself': { followAliases: true },
  'a server that answers one CNAME at a time': { followAliases: false },
  'a server that rotates its answers': { order: 'rotate' },
}

/** Those with a deadline of their own run by themselves, so that a busy machine is less likely to be late for us. */
const timed = cases.filter((testCase) => testCase.settings.deadlineMs !== undefined)
const untimed = cases.filter((testCase) => testCase.settings.deadlineMs === undefined)

/** Its answer comes after the deadline. */
const LATE = 'slow-reverse'

interface Run {
  readonly first: ReadonlyMap<string, IprevFacts>
  /** Asked again through the same cache. */
  readonly second: ReadonlyMap<string, IprevFacts>
  readonly cacheHits: number
}

async function runAll(flavour: Partial<AuthorityFlavour>): Promise<Run> {
  const records = [...apexRecords(), ...cases.flatMap((testCase) => caseRecords(testCase))]
  await using server = await startAuthority({ records, faults: caseFaults(cases), flavour: { outside: 'nxdomain', ...flavour } })
  await using resolver = createResolver({ servers: [server.server], timeoutMs: 1100, attempts: 2 })
  // Many at once: each case has names of its own, and the slow ones wait together.
  const runCases = async (some: readonly IprevCase[]): Promise<(readonly [string, IprevFacts])[]> =>
    Promise.all(some.map(async (testCase) => [testCase.id, await runCase(testCase, resolver)] as const))
  const first = new Map([...(await runCases(untimed)), ...(await runCases(timed))])
  const second = new Map(await runCases(cases))
  const late = cases.find(({ id }) => id === LATE)
  // The answer is on its way; how many lookups its time holds is the machine's business.
  for (let turn = 0; turn < 20 && late && second.get(LATE)?.result !== 'pass'; turn++) second.set(LATE, await runCase(late, resolver))
  return { first, second, cacheHits: resolver.statistics().cache?.hits ?? 0 }
}

describe('iprev', () => {
  const runs = new Map<string, Run>()

  beforeAll(async () => {
    await Promise.all(Object.entries(SERVERS).map(async ([server, flavour]) => runs.set(server, await runAll(flavour))))
  })

  describe.each(Object.keys(SERVERS))('through %s', (server) => {
    it.each(cases)('$id: $says', (testCase) => {
      const facts = runs.get(server)?.first.get(testCase.id)
      expect(facts && differences(facts, testCase)).toEqual([])
    })

    it('gives the same verdicts again, now mostly from the cache', () => {
      const run = runs.get(server)
      const found = untimed.flatMap((testCase) => {
        const facts = run?.second.get(testCase.id)
        return facts ? differences(facts, testCase).map((difference) => `${testCase.id}: ${difference}`) : [testCase.id]
      })
      expect(found).toEqual([])
      expect(run?.cacheHits).toBeGreaterThan(200)
    })

    it('has an answer that came after the deadline by the next time', () => {
      expect(runs.get(server)?.first.get(LATE)?.result).toBe('temperror')
      expect(runs.get(server)?.second.get(LATE)?.result).toBe('pass')
    })
  })
})
