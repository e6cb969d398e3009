/**
 * Runs one case through a resolver and says, in one sentence each, in what the facts differ from what the case expects.
 */
import { parseAddress } from '../../../src/core/address.ts'
import { canonicalName, parseName, type DomainName } from '../../../src/core/domain-name.ts'
import type { Resolver } from '../../../src/dns/resolver.ts'
import { confirmedName, type IprevFacts } from '../../../src/iprev/facts.ts'
import { lookupIprev } from '../../../src/iprev/lookup.ts'
import type { CaseExpectation, IprevCase } from './load-cases.ts'

export async function runCase(testCase: IprevCase, resolver: Resolver): Promise<IprevFacts> {
  const address = parseAddress(testCase.address)
  if (!address) throw new TypeError(`${testCase.id}: not an address: ${testCase.address}`)
  const given = Object.entries(testCase.settings).filter(([, value]) => value !== undefined)
  return lookupIprev(address, { resolver, settings: Object.fromEntries(given) })
}

/** Empty when all is as expected. */
export function differences(facts: IprevFacts, testCase: IprevCase, expected: CaseExpectation = testCase.expect): string[] {
  const found: string[] = []
  const compare = (what: string, actual: unknown, wanted: unknown): void => {
    if (wanted === undefined) return
    const isAsWanted = Array.isArray(wanted) ? wanted.includes(actual) : actual === wanted
    if (!isAsWanted) found.push(`${what} is ${JSON.stringify(actual)} and not ${JSON.stringify(wanted)}`)
  }
  compare('result', facts.result, expected.result)
  compare('reason', facts.reason, expected.reason)
  if (expected.result.includes('pass') || facts.result !== 'pass') {
    compare('confirmedName', confirmedName(facts, heloName(testCase)), canonical(expected.confirmedName))
  }
  compare('ptrNameCount', facts.ptrNameCount, expected.ptrNameCount)
  compare('truncated', facts.truncated, expected.truncated)
  compare('authenticated', facts.authenticated, expected.authenticated)
  compare('aliasCount', facts.aliases.length, expected.aliasCount)
  compare('queries', facts.queries, expected.queries)
  for (const [text, outcome] of Object.entries(expected.names ?? {})) {
    compare(`outcome of ${text}`, facts.names.find((candidate) => candidate.name === canonical(text))?.outcome, outcome)
  }
  return found
}

function heloName(testCase: IprevCase): DomainName | undefined {
  return testCase.helo === undefined ? undefined : parseName(testCase.helo)
}

function canonical(text: string | null): DomainName | null {
  const parsed = text === null ? undefined : parseName(text)
  if (text !== null && !parsed) throw new TypeError(`not a name: ${text}`)
  return parsed ? canonicalName(parsed) : null
}
