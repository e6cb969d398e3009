import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { formatNetwork } from '../../../src/core/network.ts'
import { listSpfAddresses, type SpfAddresses } from '../../../src/probe/spf-addresses.ts'
import { startRecordDns, TROUBLES, txt } from './record-dns.ts'

async function list(
  records: Readonly<Record<string, string | readonly string[]>>,
  faults: Parameters<typeof startRecordDns>[1] = [],
): Promise<SpfAddresses & { readonly asked: readonly string[]; readonly texts: readonly string[] }> {
  const zone = Object.entries(records).flatMap(([domain, texts]) => [texts].flat().map((text) => txt(domain, text)))
  await using dns = await startRecordDns(zone.join('\n'), faults)
  const facts = await listSpfAddresses(name('example.com'), { resolver: dns.resolver })
  return { ...facts, asked: dns.asked(), texts: facts.networks.map(({ network }) => formatNetwork(network)) }
}

describe('listSpfAddresses', () => {
  it('gives the networks that pass, through includes and redirect, each once and with its term', async () => {
    const facts = await list({
      'example.com': 'v=spf1 ip4:198.51.100.7 include:one.example ip6:2001:db8::/48 redirect=two.example',
      'one.example': 'v=spf1 ip4:203.0.113.0/24 ip4:198.51.100.7 -all',
      'two.example': 'v=spf1 ip4:192.0.2.1/30 -all',
    })
    expect(facts.texts).toEqual(['198.51.100.7/32', '203.0.113.0/24', '2001:db8::/48', '192.0.2.0/30'])
    expect(facts.networks[1]).toMatchObject({ term: 'ip4:203.0.113.0/24', domain: 'one.example' })
    expect(facts).toMatchObject({ lookupTerms: 2, problems: [], otherTerms: [], truncated: false })
  })

  it('leaves out what does not pass', async () => {
    const facts = await list({
      'example.com': 'v=spf1 -ip4:198.51.100.1 ?ip4:198.51.100.2 ~include:one.example ip4:198.51.100.3 -all ip4:198.51.100.4',
      'one.example': 'v=spf1 ip4:203.0.113.0/24 include:two.example -all',
      'two.example': 'v=spf1 ip4:192.0.2.0/24',
    })
    expect(facts.texts).toEqual(['198.51.100.3/32'])
    expect(facts.lookupTerms).toBe(2)
  })

  it('names the terms that it does not resolve', async () => {
    const facts = await list({
      'example.com': 'v=spf1 a mx:example.net ptr exists:%{i}.example include:%{i}.example include:_%{d} +all -mx',
    })
    expect(facts.otherTerms.map(({ term }) => term)).toEqual([
      'a',
      'mx:example.net',
      'ptr',
      'exists:%{i}.example',
      'include:%{i}.example',
      '+all',
    ])
    expect(facts.lookupTerms).toBe(6)
    expect(facts.problems).toEqual([{ domain: '_example.com', kind: 'noRecord', nxdomain: true }])
  })

  it('counts the lookups of the whole tree, a record that is included twice as well', async () => {
    const facts = await list({
      'example.com': 'v=spf1 include:one.example include:one.example a -all',
      'one.example': 'v=spf1 a a a a mx -all',
    })
    expect(facts.lookupTerms).toBe(13)
    expect(facts.asked).toEqual(['TXT example.com', 'TXT one.example'])
  })

  it.each([
    ['no record', [], { kind: 'noRecord', nxdomain: true }],
    ['two records', ['v=spf1 -all', 'v=spf1 +all'], { kind: 'multipleRecords', count: 2 }],
    ['a faulty record', ['v=spf1 ip4:1 -all'], { kind: 'syntax', fault: { position: 12, problem: 'badAddress' } }],
    ['a circle', ['v=spf1 include:EXAMPLE.com -all'], { kind: 'circle' }],
  ])('%s is a problem of its own', async (_what, texts, problem) => {
    const facts = await list({ 'example.com': texts })
    expect(facts).toMatchObject({ networks: [], problems: [problem] })
  })

  it.each(TROUBLES)('%s is told apart from no record', async (_what, effect, trouble) => {
    const facts = await list({ 'example.com': 'v=spf1 ip4:198.51.100.7 include:one.example -all' }, [{ name: 'one.example', effect }])
    expect(facts.texts).toEqual(['198.51.100.7/32'])
    expect(facts.problems).toEqual([{ domain: 'one.example', kind: 'unknown', trouble }])
  })

  it('a tree without end is cut', async () => {
    const records = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [
        index === 0 ? 'example.com' : `n${String(index)}.example`,
        `v=spf1 include:n${String(index + 1)}.example -all`,
      ]),
    )
    const facts = await list(records)
    expect(facts).toMatchObject({ truncated: true, lookupTerms: 40 })
    expect(facts.asked).toHaveLength(40)
  })
})
