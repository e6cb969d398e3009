import { describe, expect, it } from 'vitest'
import { parseAddress, reverseName, type IpAddress } from '../../src/core/address.ts'
import { labelsOf, nameFromLabels } from '../../src/core/domain-name.ts'
import { findReverseZone } from '../../src/remedy/reverse-zone.ts'
import { fakeDns, type FakeDns } from './fake-dns.ts'

const ip = (text: string): IpAddress => {
  const address = parseAddress(text)
  if (!address) throw new TypeError(text)
  return address
}
const V4 = ip('198.51.100.7')
const V6 = ip('2001:db8:51:1::7')
const LEAF4 = '7.100.51.198.in-addr.arpa'
const LEAF6 = reverseName(V6)
/** The reverse name of the first bits of V6. */
const cut6 = (bits: number): string => nameFromLabels(labelsOf(LEAF6).slice((128 - bits) / 4))

const find = (dns: FakeDns, address = V4, maxQueries?: number) => findReverseZone(address, { resolver: fakeDns(dns), maxQueries })

describe('findReverseZone', () => {
  it.each([
    ['a /24 zone', '100.51.198.in-addr.arpa'],
    ['a /16 zone', '51.198.in-addr.arpa'],
    ['a /8 zone', '198.in-addr.arpa'],
    ['a zone for the one address', LEAF4],
  ])('%s', async (_, zone) => {
    const facts = await find({
      zones: { [zone]: ['ns2.isp.example', 'NS1.isp.example', 'ns1.isp.example'], 'in-addr.arpa': [] },
      nodes: [LEAF4],
    })
    expect(facts.reverseName).toBe(LEAF4)
    expect(facts.reverse).toEqual({
      kind: 'zone',
      zone: {
        name: zone,
        primary: 'ns1.isp.example',
        mailbox: 'hostmaster.isp.example',
        nameservers: ['NS1.isp.example', 'ns2.isp.example'],
      },
    })
    expect(facts.delegated).toBeNull()
    expect(facts.queries).toBeLessThanOrEqual(5)
  })

  it('the longest of several nested zones', async () => {
    const facts = await find({
      zones: { '100.51.198.in-addr.arpa': [], '51.198.in-addr.arpa': [], '198.in-addr.arpa': [] },
      nodes: [LEAF4],
    })
    expect(facts.reverse).toMatchObject({ kind: 'zone', zone: { name: '100.51.198.in-addr.arpa' } })
  })

  it('an IPv4-mapped address is looked up as IPv4', async () => {
    expect((await find({ zones: { '100.51.198.in-addr.arpa': [] } }, ip('::ffff:198.51.100.7'))).reverseName).toBe(LEAF4)
  })

  it('no zone below the registries → not delegated, which is no failure', async () => {
    expect((await find({ zones: { 'in-addr.arpa': [] } })).reverse).toEqual({ kind: 'notDelegated' })
    expect((await find({ zones: { 'ip6.arpa': [] } }, V6)).reverse).toEqual({ kind: 'notDelegated' })
  })

  it('nameservers that are not answered are unknown, not none', async () => {
    expect((await find({ zones: { '100.51.198.in-addr.arpa': [] } })).reverse).toMatchObject({ kind: 'zone', zone: { nameservers: null } })
  })

  it.each(['servfail', 'refused', 'timeout', 'malformed', 'aborted'] as const)(
    '%s of a longer name → unknown, with the zone above it',
    async (cause) => {
      const facts = await find({
        zones: { '51.198.in-addr.arpa': ['ns1.isp.example'] },
        nodes: [LEAF4],
        failing: { '100.51.198.in-addr.arpa': cause },
      })
      expect(facts.reverse).toMatchObject({
        kind: 'unknown',
        cause,
        at: '100.51.198.in-addr.arpa',
        enclosing: { name: '51.198.in-addr.arpa' },
      })
    },
  )

  it('a failure above the zone that was found does not matter', async () => {
    const dns = fakeDns({ zones: { '100.51.198.in-addr.arpa': [] } })
    const facts = await findReverseZone(V4, {
      resolver: {
        resolve: (question, options) =>
          question.name === '51.198.in-addr.arpa' ? Promise.resolve({ kind: 'servfail' }) : dns.resolve(question, options),
      },
    })
    expect(facts.reverse).toMatchObject({ kind: 'zone', zone: { name: '100.51.198.in-addr.arpa' } })
  })

  describe('IPv6', () => {
    it.each([124, 64, 60, 56, 48, 44, 40, 36, 32, 28, 16, 12])('finds a zone cut at /%i', async (bits) => {
      const facts = await find({ zones: { [cut6(bits)]: ['ns1.isp.example'], 'ip6.arpa': [] }, nodes: [LEAF6] }, V6)
      expect(facts.reverse).toMatchObject({ kind: 'zone', zone: { name: cut6(bits) } })
    })

    it('needs few questions where nothing is published below the zone', async () => {
      const facts = await find({ zones: { [cut6(32)]: ['ns1.isp.example'], [cut6(12)]: [] } }, V6)
      expect(facts.reverse).toMatchObject({ zone: { name: cut6(32) } })
      expect(facts.queries).toBeLessThanOrEqual(8)
    })

    it('prefers a /48 inside a /32', async () => {
      const facts = await find({ zones: { [cut6(32)]: [], [cut6(48)]: [] }, nodes: [LEAF6] }, V6)
      expect(facts.reverse).toMatchObject({ zone: { name: cut6(48) } })
    })
  })

  it('stops at the cap on questions and says so', async () => {
    const facts = await find({ zones: { [cut6(12)]: [] }, nodes: [LEAF6] }, V6, 10)
    expect(facts.queries).toBe(10)
    expect(facts.reverse).toMatchObject({ kind: 'unknown', cause: 'queryCap' })
  })

  describe('classless delegation (RFC 2317)', () => {
    it('finds both zones', async () => {
      const facts = await find({
        zones: { '100.51.198.in-addr.arpa': ['ns1.isp.example'], '0-25.100.51.198.in-addr.arpa': ['ns1.customer.example'] },
        aliases: { [LEAF4]: '7.0-25.100.51.198.in-addr.arpa' },
        nodes: ['7.0-25.100.51.198.in-addr.arpa'],
      })
      expect(facts.reverse).toMatchObject({ kind: 'zone', zone: { name: '100.51.198.in-addr.arpa' } })
      expect(facts.delegated).toMatchObject({
        target: '7.0-25.100.51.198.in-addr.arpa',
        search: { kind: 'zone', zone: { name: '0-25.100.51.198.in-addr.arpa', nameservers: ['ns1.customer.example'] } },
      })
    })

    it('into a forward zone, even where the target does not exist', async () => {
      const facts = await find({
        zones: { '100.51.198.in-addr.arpa': [], 'customer.example': ['ns1.customer.example'] },
        aliases: { [LEAF4]: 'ptr7.rev.customer.example' },
      })
      expect(facts.reverse).toMatchObject({ zone: { name: '100.51.198.in-addr.arpa' } })
      expect(facts.delegated).toMatchObject({
        target: 'ptr7.rev.customer.example',
        search: { kind: 'zone', zone: { name: 'customer.example' } },
      })
    })

    it('a target that is a zone of its own does not make the alias one', async () => {
      const facts = await find({
        zones: { '100.51.198.in-addr.arpa': [], 'ptr7.customer.example': [] },
        aliases: { [LEAF4]: 'ptr7.customer.example' },
      })
      expect(facts.reverse).toMatchObject({ zone: { name: '100.51.198.in-addr.arpa' } })
      expect(facts.delegated).toMatchObject({ search: { zone: { name: 'ptr7.customer.example' } } })
    })

    it('a loop has no target, but a reverse zone', async () => {
      const facts = await find({ zones: { '100.51.198.in-addr.arpa': [] }, aliases: { [LEAF4]: 'x.example', 'x.example': LEAF4 } })
      expect(facts.delegated).toBeNull()
      expect(facts.reverse).toMatchObject({ zone: { name: '100.51.198.in-addr.arpa' } })
    })

    it('a target of 120 labels costs no more than the cap', async () => {
      const target = `${'a.'.repeat(120)}example`
      const facts = await find({ zones: { '100.51.198.in-addr.arpa': [] }, aliases: { [LEAF4]: target }, nodes: [target] }, V4, 30)
      expect(facts.queries).toBeLessThanOrEqual(30)
      expect(facts.reverse).toMatchObject({ kind: 'zone' })
      expect(facts.delegated?.search).toMatchObject({ kind: 'unknown', cause: 'queryCap' })
    })
  })

  it('asks each question once', async () => {
    const resolver = fakeDns({ zones: { '100.51.198.in-addr.arpa': [] }, aliases: { [LEAF4]: '7.0-25.100.51.198.in-addr.arpa' } })
    await findReverseZone(V4, { resolver })
    const keys = resolver.asked.map(({ name, type }) => `${type} ${name}`)
    expect(new Set(keys).size).toBe(keys.length)
  })

  it("hands the caller's signal on", async () => {
    const { signal } = new AbortController()
    const seen = new Set<AbortSignal | undefined>()
    const dns = fakeDns({ zones: { '100.51.198.in-addr.arpa': [] } })
    await findReverseZone(V4, {
      signal,
      resolver: { resolve: (question, options) => (seen.add(options?.signal), dns.resolve(question, options)) },
    })
    expect([...seen]).toEqual([signal])
  })
})
