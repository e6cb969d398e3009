import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { compareNames, name, nameFromLabels, type DomainName } from '../../src/core/domain-name.ts'
import type { DnsOutcome, Resolver } from '../../src/dns/resolver.ts'
import { confirmedName, type IprevFacts, type IprevSettings } from '../../src/iprev/facts.ts'
import type { StartTimer } from '../../src/core/timer.ts'
import { lookupIprev } from '../../src/iprev/lookup.ts'
import {
  address,
  addresses,
  chain,
  deferred,
  fakeResolver,
  nodata,
  nxdomain,
  ptr,
  type Answer,
  type FakeResolver,
} from '../support/fake-resolver.ts'

const IP = '198.51.100.7'
const REVERSE = 'PTR 7.100.51.198.in-addr.arpa'
const here = addresses([IP])
const elsewhere = addresses(['198.51.100.8'])

async function lookup(
  table: Record<string, Answer>,
  settings: Partial<IprevSettings> = {},
  ip = IP,
): Promise<IprevFacts & { asked: readonly string[] }> {
  const resolver = fakeResolver(table)
  const facts = await lookupIprev(address(ip), { resolver, settings })
  return { ...facts, asked: resolver.asked }
}

/** A timer that runs out when the test says so. */
function manualTimer(): { startTimer: StartTimer; expire: () => void; started: number[]; cancelled: () => number } {
  let cancelled = 0
  let callback: () => void = () => undefined
  const started: number[] = []
  return {
    started,
    cancelled: () => cancelled,
    expire: () => {
      callback()
    },
    startTimer: (milliseconds, onExpiry) => {
      started.push(milliseconds)
      callback = onExpiry
      return () => cancelled++
    },
  }
}

/** Until the fake resolver was asked this many questions. */
async function asked(resolver: FakeResolver, count: number): Promise<void> {
  for (let turn = 0; resolver.asked.length < count; turn++) {
    if (turn === 1000) throw new Error(`asked ${String(resolver.asked.length)} questions and not ${String(count)}`)
    await Promise.resolve()
  }
}

describe('lookupIprev', () => {
  it('a PTR name that resolves back → pass, with every fact', async () => {
    const facts = await lookupIprev(address(IP), {
      resolver: fakeResolver({ [REVERSE]: ptr(['Mail.Example.com'], { ttl: 60 }), 'A mail.example.com': addresses([IP], { ttl: 30 }) }),
    })
    expect(facts).toEqual({
      kind: 'iprev',
      address: address(IP),
      reverseName: '7.100.51.198.in-addr.arpa',
      result: 'pass',
      reason: 'confirmed',
      aliases: [],
      ptrTtl: 60,
      names: [{ name: 'mail.example.com', outcome: 'confirmed', addresses: [address(IP)], aliases: [], ttl: 30, authenticated: false }],
      ptrNameCount: 1,
      truncated: false,
      authenticated: false,
      queries: 2,
    })
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts)
  })

  it.each([
    ['NXDOMAIN', nxdomain(), 'permerror', 'noReverseName'],
    ['an empty answer', nodata(), 'permerror', 'noPtrRecord'],
    ['a chain to NXDOMAIN', nxdomain({ aliases: chain('a.example', 'b.example') }), 'permerror', 'aliasDangling'],
    ['a chain to an empty answer', nodata({ aliases: chain('a.example', 'b.example') }), 'permerror', 'aliasDangling'],
    ['a loop', { kind: 'aliasLoop', aliases: chain('a.example', 'a.example') }, 'permerror', 'aliasLoop'],
    ['a chain too deep', { kind: 'aliasTooDeep', aliases: chain('a.example', 'b.example') }, 'permerror', 'aliasTooDeep'],
    ['SERVFAIL', { kind: 'servfail' }, 'temperror', 'reverseServfail'],
    ['REFUSED', { kind: 'refused' }, 'temperror', 'reverseRefused'],
    ['a timeout', { kind: 'timeout' }, 'temperror', 'reverseTimeout'],
    ['a malformed answer', { kind: 'malformed', detail: 'cut off' }, 'temperror', 'reverseMalformed'],
    ['an answer without a PTR in it', addresses([IP]), 'temperror', 'reverseMalformed'],
    ['aborted', { kind: 'aborted' }, 'temperror', 'aborted'],
    ['over budget', { kind: 'overBudget' }, 'temperror', 'queryCap'],
  ] as const)('PTR: %s', async (_, outcome, result, reason) => {
    const facts = await lookup({ [REVERSE]: outcome })
    expect(facts).toMatchObject({ result, reason, names: [], ptrNameCount: 0, truncated: false, queries: 1 })
    expect(facts.aliases).toEqual('aliases' in outcome ? outcome.aliases : [])
  })

  it.each([
    ['another address', elsewhere, 'fail', 'elsewhere', 'elsewhere'],
    ['NXDOMAIN', nxdomain(), 'fail', 'nameNotFound', 'nxdomain'],
    ['an empty answer', nodata(), 'fail', 'nameWithoutAddress', 'nodata'],
    ['a loop', { kind: 'aliasLoop', aliases: chain('a.example', 'a.example') }, 'fail', 'nameWithoutAddress', 'aliasLoop'],
    ['a chain too deep', { kind: 'aliasTooDeep', aliases: [] }, 'fail', 'nameWithoutAddress', 'aliasTooDeep'],
    ['SERVFAIL', { kind: 'servfail' }, 'temperror', 'forwardServfail', 'servfail'],
    ['REFUSED', { kind: 'refused' }, 'temperror', 'forwardRefused', 'refused'],
    ['a timeout', { kind: 'timeout' }, 'temperror', 'forwardTimeout', 'timeout'],
    ['a malformed answer', { kind: 'malformed', detail: '' }, 'temperror', 'forwardMalformed', 'malformed'],
    ['aborted', { kind: 'aborted' }, 'temperror', 'aborted', 'aborted'],
    ['over budget', { kind: 'overBudget' }, 'temperror', 'queryCap', 'queryCap'],
  ] as const)('the only name: %s', async (_, outcome, result, reason, nameOutcome) => {
    const facts = await lookup({ [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': outcome })
    expect(facts).toMatchObject({ result, reason, names: [{ outcome: nameOutcome }] })
  })

  it.each([
    ['good and elsewhere', [here, elsewhere], 'pass', 'confirmed'],
    ['good and SERVFAIL', [here, { kind: 'servfail' }], 'pass', 'confirmed'],
    ['elsewhere and SERVFAIL', [elsewhere, { kind: 'servfail' }], 'temperror', 'forwardServfail'],
    ['timeout and SERVFAIL: the first in canonical order', [{ kind: 'timeout' }, { kind: 'servfail' }], 'temperror', 'forwardTimeout'],
    ['NXDOMAIN and elsewhere', [nxdomain(), elsewhere], 'fail', 'elsewhere'],
    ['NXDOMAIN and empty', [nxdomain(), nodata()], 'fail', 'nameWithoutAddress'],
    ['NXDOMAIN twice', [nxdomain(), nxdomain()], 'fail', 'nameNotFound'],
  ] as const)('two names: %s', async (_, [first, second], result, reason) => {
    for (const order of [
      ['a.example.com', 'b.example.com'],
      ['b.example.com', 'a.example.com'],
    ]) {
      const facts = await lookup({ [REVERSE]: ptr(order), 'A a.example.com': first, 'A b.example.com': second })
      expect(facts).toMatchObject({ result, reason, names: [{ name: 'a.example.com' }, { name: 'b.example.com' }] })
    }
  })

  it('names that cannot be hosts are never asked for', async () => {
    const hostile = [
      nameFromLabels(['mail.example', 'com']),
      nameFromLabels(['mail\r\nX-Evil: 1', 'example', 'com']),
      nameFromLabels(['\0', 'example', 'com']),
      nameFromLabels(['m\xe4il', 'example', 'com']),
      nameFromLabels(['under_score', 'example', 'com']),
      nameFromLabels(['-hyphen', 'example', 'com']),
      name('.'),
      name('localhost'),
    ]
    const facts = await lookup({ [REVERSE]: ptr(hostile) })
    expect(facts.asked).toEqual([REVERSE])
    expect(facts).toMatchObject({ result: 'fail', reason: 'noUsableName', ptrNameCount: hostile.length })
    const singleLabels = facts.names.filter((candidate) => candidate.outcome === 'singleLabel').map((candidate) => candidate.name)
    expect(singleLabels).toEqual(['localhost'])
    expect(facts.names.every((candidate) => candidate.outcome === 'singleLabel' || candidate.outcome === 'notHostName')).toBe(true)
  })

  it('keeps the first ten names in canonical order, and says that there were more', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `n${String(index).padStart(3, '0')}.example.com`)
    const table: Record<string, Answer> = { [REVERSE]: ptr(names.toReversed()), 'A n010.example.com': here }
    for (const kept of names.slice(0, 10)) table[`A ${kept}`] = elsewhere
    const facts = await lookup(table)
    expect(facts).toMatchObject({ result: 'fail', ptrNameCount: 300, truncated: true, queries: 11 })
    expect(facts.names.map((candidate) => candidate.name)).toEqual(names.slice(0, 10))
    expect(await lookup(table, { maxPtrNames: 11 })).toMatchObject({ result: 'pass', truncated: true })
  })

  it('orders names as compareNames does, whatever octets they hold', async () => {
    const label = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 3 })
    const anyName = fc.array(label, { minLength: 1, maxLength: 4 }).map(nameFromLabels)
    await fc.assert(
      fc.asyncProperty(fc.array(anyName, { minLength: 1, maxLength: 9 }), async (names) => {
        const kept = (await lookup({ [REVERSE]: ptr(names) })).names.map((candidate) => candidate.name)
        expect(kept).toEqual(kept.toSorted(compareNames))
        expect(new Set(kept)).toEqual(new Set(names.map((candidate) => candidate.toLowerCase())))
      }),
    )
  })

  it('gives the same facts for any rotation, case and repetition of the answer', async () => {
    const names = ['a.example.com', 'b.example.com', 'c.example.com']
    const table = { 'A a.example.com': elsewhere, 'A b.example.com': here, 'A c.example.com': here }
    const plain = await lookup({ ...table, [REVERSE]: ptr(names) })
    for (const order of [
      ['C.Example.COM', 'a.example.com', 'B.example.com'],
      ['b.example.com', 'c.example.com', 'B.EXAMPLE.COM', 'a.example.com', 'A.example.com'],
    ]) {
      expect(await lookup({ ...table, [REVERSE]: ptr(order) })).toEqual(plain)
    }
  })

  it('the confirmed name is the one equal to HELO if there is one, else the first in canonical order', async () => {
    const facts = await lookup({ [REVERSE]: ptr(['z.example.com', 'a.example.com']), 'A a.example.com': here, 'A z.example.com': here })
    expect(confirmedName(facts, undefined)).toBe('a.example.com')
    expect(confirmedName(facts, name('Z.example.com'))).toBe('z.example.com')
    expect(confirmedName(facts, name('other.example.com'))).toBe('a.example.com')
  })

  it('asks A for IPv4 only, and AAAA for IPv6 only', async () => {
    const six = '2001:db8:51::7'
    const reverse = 'PTR 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
    const table = { [reverse]: ptr(['mail.example.com']), 'AAAA mail.example.com': addresses([six]) }
    expect(await lookup(table, {}, six)).toMatchObject({ result: 'pass', asked: [reverse, 'AAAA mail.example.com'] })
    const onlyA = { [reverse]: ptr(['mail.example.com']), 'A mail.example.com': here, 'AAAA mail.example.com': nodata() }
    expect(await lookup(onlyA, {}, six)).toMatchObject({ result: 'fail', reason: 'nameWithoutAddress' })
  })

  it('takes a v4-mapped address for the IPv4 address that it is', async () => {
    const facts = await lookup({ [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': here }, {}, `::ffff:${IP}`)
    expect(facts).toMatchObject({ result: 'pass', address: address(IP), reverseName: '7.100.51.198.in-addr.arpa' })
  })

  it('a neighbour in the same /24 never confirms', async () => {
    for (const neighbour of ['198.51.100.6', '198.51.100.0', '198.51.100.255']) {
      expect(await lookup({ [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': addresses([neighbour]) })).toMatchObject({
        result: 'fail',
        reason: 'elsewhere',
      })
    }
  })

  it('compares every address of a name but keeps a bounded number of them, the confirming one included', async () => {
    const many = Array.from({ length: 254 }, (_, index) => `198.51.101.${String(index)}`)
    const table = { [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': addresses([...many, '198.51.102.7'].toReversed()) }
    const facts = await lookup(table, {}, IP)
    expect(facts.names[0]?.addresses.map(formatAddress)).toEqual(many.slice(0, 20))
    const confirmed = await lookup(
      { ...table, 'A mail.example.com': addresses(['198.51.100.1', ...many, '198.51.102.7', IP]) },
      { maxAddresses: 2 },
    )
    expect(confirmed.result).toBe('pass')
    expect(confirmed.names[0]?.addresses.map(formatAddress)).toEqual(['198.51.100.1', IP])
  })

  it('hands the alias limit, the budget and the signal to the resolver', async () => {
    const resolver = fakeResolver({ [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': here })
    const { signal } = new AbortController()
    await lookupIprev(address(IP), { resolver, settings: { maxAliases: 3 }, signal })
    expect(resolver.options.map((options) => [options?.maxAliases, options?.signal])).toEqual([
      [3, signal],
      [3, signal],
    ])
  })

  it('a resolver that leaves CNAMEs to others is a mistake in the program', async () => {
    const alias: DnsOutcome = {
      kind: 'alias',
      target: name('b.example'),
      aliases: chain('a.example', 'b.example'),
      ttl: 1,
      authenticated: false,
    }
    await expect(lookup({ [REVERSE]: alias })).rejects.toThrow('followAliases')
    await expect(lookup({ [REVERSE]: ptr(['a.example']), 'A a.example': alias })).rejects.toThrow('followAliases')
  })
})

describe('the limits of a lookup', () => {
  it('past the query cap the name is unknown → temperror', async () => {
    const names = ['a.example.com', 'b.example.com', 'c.example.com']
    const resolver = fakeResolver({
      [REVERSE]: ptr(names),
      'A a.example.com': elsewhere,
      'A b.example.com': elsewhere,
      'A c.example.com': here,
    })
    const facts = await lookupIprev(address(IP), { resolver, settings: { maxQueries: 3 } })
    expect(facts).toMatchObject({ result: 'temperror', reason: 'queryCap', queries: 3 })
    expect(facts.names.map((candidate) => candidate.outcome)).toEqual(['elsewhere', 'elsewhere', 'queryCap'])
    expect(await lookupIprev(address(IP), { resolver, settings: { maxQueries: 4 } })).toMatchObject({
      result: 'pass',
      queries: 4,
    })
    expect(await lookupIprev(address(IP), { resolver, settings: { maxQueries: 0 } })).toMatchObject({
      reason: 'queryCap',
      queries: 0,
    })
  })

  it('past the deadline in the PTR question → temperror', async () => {
    const { startTimer, expire, started } = manualTimer()
    const resolver = fakeResolver({ [REVERSE]: 'never' })
    const pending = lookupIprev(address(IP), { resolver, startTimer, settings: { deadlineMs: 1234 } })
    await asked(resolver, 1)
    expire()
    expect(await pending).toMatchObject({ result: 'temperror', reason: 'deadline', names: [], queries: 1 })
    expect(started).toEqual([1234])
  })

  it('at the deadline a name that is still open is unknown, and the others keep their outcome', async () => {
    const { startTimer, expire } = manualTimer()
    const resolver = fakeResolver({
      [REVERSE]: ptr(['a.example.com', 'b.example.com']),
      'A a.example.com': elsewhere,
      'A b.example.com': 'never',
    })
    const pending = lookupIprev(address(IP), { resolver, startTimer })
    await asked(resolver, 3)
    await new Promise(setImmediate)
    expire()
    const facts = await pending
    expect(facts).toMatchObject({ result: 'temperror', reason: 'deadline' })
    expect(facts.names.map((candidate) => candidate.outcome)).toEqual(['elsewhere', 'deadline'])
  })

  it('at the deadline a name that has confirmed passes', async () => {
    const { startTimer, expire } = manualTimer()
    const resolver = fakeResolver({
      [REVERSE]: ptr(['a.example.com', 'b.example.com']),
      'A a.example.com': 'never',
      'A b.example.com': here,
    })
    const pending = lookupIprev(address(IP), { resolver, startTimer })
    await asked(resolver, 3)
    await new Promise(setImmediate)
    expire()
    const facts = await pending
    expect(facts).toMatchObject({ result: 'pass', reason: 'confirmed' })
    expect(confirmedName(facts, undefined)).toBe('b.example.com')
  })

  it('waits for the slower name, so that the quicker one is not chosen for its speed', async () => {
    const slow = deferred<DnsOutcome>()
    const resolver = fakeResolver({
      [REVERSE]: ptr(['a.example.com', 'b.example.com']),
      'A a.example.com': () => slow.promise,
      'A b.example.com': here,
    })
    const pending = lookupIprev(address(IP), { resolver })
    await asked(resolver, 3)
    await new Promise(setImmediate)
    slow.settle(here)
    expect(confirmedName(await pending, undefined)).toBe('a.example.com')
  })

  it('takes no more queries once the time is over', async () => {
    const { startTimer, expire } = manualTimer()
    let takeQuery: (() => boolean) | undefined
    const resolver = {
      resolve: async (_: unknown, options?: { takeQuery?: (() => boolean) | undefined }) => {
        takeQuery = options?.takeQuery
        expect(takeQuery?.()).toBe(true)
        return new Promise<DnsOutcome>(() => undefined)
      },
    }
    const pending = lookupIprev(address(IP), { resolver, startTimer })
    expire()
    expect(await pending).toMatchObject({ reason: 'deadline', queries: 1 })
    expect(takeQuery?.()).toBe(false)
  })

  it('asks nothing further when the PTR answer comes after the deadline', async () => {
    const { startTimer, expire } = manualTimer()
    const late = deferred<DnsOutcome>()
    const asked: string[] = []
    const resolver: Resolver = {
      resolve: ({ type }) => {
        asked.push(type)
        return late.promise
      },
    }
    const pending = lookupIprev(address(IP), { resolver, startTimer })
    expire()
    expect(await pending).toMatchObject({ reason: 'deadline' })
    late.settle(ptr(['mail.example.com']))
    await late.promise
    expect(asked).toEqual(['PTR'])
  })

  it("ends when the caller's signal fires, before or during the lookup", async () => {
    const fired = AbortSignal.abort()
    const unasked = fakeResolver({ [REVERSE]: 'never' })
    expect(await lookupIprev(address(IP), { resolver: unasked, signal: fired })).toMatchObject({ result: 'temperror', reason: 'aborted' })

    const controller = new AbortController()
    const resolver = fakeResolver({ [REVERSE]: ptr(['a.example.com']), 'A a.example.com': 'never' })
    const pending = lookupIprev(address(IP), { resolver, signal: controller.signal })
    await asked(resolver, 2)
    controller.abort()
    expect(await pending).toMatchObject({ result: 'temperror', reason: 'aborted', names: [{ outcome: 'aborted' }] })
  })

  it('leaves no timer behind, however it ends', async () => {
    const table = { [REVERSE]: ptr(['a.example.com']), 'A a.example.com': here }
    const ended = manualTimer()
    await lookupIprev(address(IP), { resolver: fakeResolver(table), startTimer: ended.startTimer })
    expect(ended.cancelled()).toBe(1)
    const thrown = manualTimer()
    const broken = { resolve: () => Promise.reject(new TypeError('a bug')) }
    await expect(lookupIprev(address(IP), { resolver: broken, startTimer: thrown.startTimer })).rejects.toThrow('a bug')
    expect(thrown.cancelled()).toBe(1)
    const thrownAtOnce = manualTimer()
    const worse: Resolver = {
      resolve: () => {
        throw new TypeError('a worse bug')
      },
    }
    await expect(lookupIprev(address(IP), { resolver: worse, startTimer: thrownAtOnce.startTimer })).rejects.toThrow('a worse bug')
    expect(thrownAtOnce.cancelled()).toBe(1)
  })

  it('bounds the work of an answer with thousands of names', async () => {
    const names: DomainName[] = Array.from({ length: 4000 }, (_, index) => name(`host-${String((index * 7919) % 4000)}.pool.isp.example`))
    const resolver = fakeResolver({ [REVERSE]: ptr(names) })
    const facts = await lookupIprev(address(IP), { resolver })
    expect(facts).toMatchObject({ ptrNameCount: 4000, truncated: true })
    expect(resolver.asked).toHaveLength(11)
  })
})

describe('authenticated', () => {
  const signed = { authenticated: true }
  const trusting = { trustAuthenticated: true }

  it.each([
    ['both answers signed', { [REVERSE]: ptr(['a.example.com'], signed), 'A a.example.com': addresses([IP], signed) }, true],
    ['the PTR alone', { [REVERSE]: ptr(['a.example.com'], signed), 'A a.example.com': here }, false],
    ['the address alone', { [REVERSE]: ptr(['a.example.com']), 'A a.example.com': addresses([IP], signed) }, false],
    [
      'a name that did not confirm does not count',
      {
        [REVERSE]: ptr(['a.example.com', 'b.example.com'], signed),
        'A a.example.com': addresses([IP], signed),
        'A b.example.com': elsewhere,
      },
      true,
    ],
    [
      'each confirming name counts, since HELO may choose it',
      { [REVERSE]: ptr(['a.example.com', 'b.example.com'], signed), 'A a.example.com': addresses([IP], signed), 'A b.example.com': here },
      false,
    ],
    ['a signed fail', { [REVERSE]: ptr(['a.example.com', 'x'], signed), 'A a.example.com': nxdomain(signed) }, true],
    ['a fail by an unsigned answer', { [REVERSE]: ptr(['a.example.com'], signed), 'A a.example.com': elsewhere }, false],
    ['a signed permerror', { [REVERSE]: nxdomain(signed) }, true],
    ['an unsigned permerror', { [REVERSE]: nodata() }, false],
    ['a temperror', { [REVERSE]: ptr(['a.example.com'], signed), 'A a.example.com': { kind: 'servfail' } }, false],
  ] as const)('%s', async (_, table, expected) => {
    expect((await lookup(table, trusting)).authenticated).toBe(expected)
    expect((await lookup(table)).authenticated).toBe(false)
  })
})
