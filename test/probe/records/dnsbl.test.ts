import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { dnsblName, lookupDnsbl, type DnsblFacts } from '../../../src/probe/dnsbl.ts'
import { address } from '../../support/fake-resolver.ts'
import { startRecordDns, TROUBLES } from './record-dns.ts'

const ZONE = `
7.100.51.198.bl.example A 127.0.0.2
7.100.51.198.bl.example A 127.0.0.11
7.100.51.198.bl.example TXT "listed, see https://bl.example/"
8.100.51.198.bl.example A 127.255.255.254
8.100.51.198.bl.example TXT "error: open resolver"
9.100.51.198.bl.example A 203.0.113.1
10.100.51.198.bl.example A 127.0.0.1
11.100.51.198.bl.example A 127.0.0.2
11.100.51.198.bl.example A 203.0.113.1
12.100.51.198.bl.example TXT "no address record"
*.all.example A 127.0.0.2
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.3
`

async function lookup(
  ip: string,
  list = 'bl.example',
  faults: Parameters<typeof startRecordDns>[1] = [],
): Promise<DnsblFacts & { asked: readonly string[] }> {
  await using dns = await startRecordDns(ZONE, faults)
  const facts = await lookupDnsbl(address(ip), name(list), { resolver: dns.resolver })
  return { ...facts, asked: dns.asked() }
}

describe('lookupDnsbl', () => {
  it('a listing has its codes and the text of the list', async () => {
    const facts = await lookup('198.51.100.7')
    expect(facts).toMatchObject({
      question: '7.100.51.198.bl.example',
      answer: { kind: 'listed', codes: ['127.0.0.11', '127.0.0.2'], texts: ['listed, see https://bl.example/'] },
    })
    expect(facts.asked).toEqual(['A 7.100.51.198.bl.example', 'A 1.0.0.127.bl.example', 'TXT 7.100.51.198.bl.example'])
  })

  it('IPv6 goes by nibbles', async () => {
    expect((await lookup('2001:db8::7')).answer).toEqual({ kind: 'listed', codes: ['127.0.0.3'], texts: [] })
    expect((await lookup('::ffff:198.51.100.7')).answer.kind).toBe('listed')
  })

  it.each([
    ['198.51.100.99', { kind: 'notListed' }],
    ['198.51.100.12', { kind: 'notListed' }],
    ['198.51.100.8', { kind: 'refused', cause: 'refusalCode', codes: ['127.255.255.254'] }],
    ['198.51.100.10', { kind: 'refused', cause: 'refusalCode', codes: ['127.0.0.1'] }],
    ['198.51.100.9', { kind: 'refused', cause: 'outsideLoopback', codes: ['203.0.113.1'] }],
    ['198.51.100.11', { kind: 'refused', cause: 'outsideLoopback', codes: ['127.0.0.2', '203.0.113.1'] }],
  ])('%s → %j', async (ip, answer) => {
    expect((await lookup(ip)).answer).toEqual(answer)
  })

  it.each(['198.51.100.7', '2001:db8::7'])('a list that lists everything lists nobody (%s)', async (ip) => {
    expect((await lookup(ip, 'all.example')).answer).toEqual({ kind: 'refused', cause: 'listsEverything', codes: ['127.0.0.2'] })
  })

  it.each(TROUBLES)('%s is neither', async (_what, effect, trouble) => {
    const { answer } = await lookup('198.51.100.7', 'bl.example', [{ name: '7.100.51.198.bl.example', type: 'A', effect }])
    expect(answer).toEqual({ kind: 'unknown', trouble })
  })

  it.each(TROUBLES)('%s for the text takes nothing from a listing', async (_what, effect) => {
    const { answer } = await lookup('198.51.100.7', 'bl.example', [{ name: '7.100.51.198.bl.example', type: 'TXT', effect }])
    expect(answer).toEqual({ kind: 'listed', codes: ['127.0.0.11', '127.0.0.2'], texts: [] })
  })

  it('a list whose name leaves no room is not said to be fine', async () => {
    const list = `${'x'.repeat(60)}.`.repeat(3) + 'example'
    expect(dnsblName(address('2001:db8::7'), name(list))).toBeUndefined()
    expect(await lookup('2001:db8::7', list)).toMatchObject({ question: null, answer: { kind: 'unknown' }, asked: [] })
  })
})
