import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { name, nameFromLabels } from '../../src/core/domain-name.ts'
import { withCache, type CacheSettings, type CachingResolver, type DnsCache } from '../../src/dns/cache.ts'
import { createMemoryCache } from '../../src/dns/memory-cache.ts'
import type { DnsOutcome, Question } from '../../src/dns/resolver.ts'
import { addresses, aliasOutcome, chain, fakeResolver, nodata, nxdomain, ptr, type FakeResolver } from '../support/fake-resolver.ts'

const question: Question = { name: name('mail.example.com'), type: 'A' }

interface Bench {
  readonly inner: FakeResolver
  readonly cached: CachingResolver
  readonly advance: (milliseconds: number) => void
}

function bench(outcome: DnsOutcome, settings: Partial<CacheSettings> = {}, cache: DnsCache = createMemoryCache({ entries: 100 })): Bench {
  let now = 1_700_000_000_000
  const inner = fakeResolver({ 'A mail.example.com': outcome })
  return { inner, cached: withCache(inner, cache, { clock: () => now, ...settings }), advance: (milliseconds) => (now += milliseconds) }
}

/** How long (in whole milliseconds) an outcome is answered from the cache. */
async function lifetimeMs(outcome: DnsOutcome, settings: Partial<CacheSettings> = {}): Promise<number> {
  const isCachedAfter = async (milliseconds: number): Promise<boolean> => {
    const { inner, cached, advance } = bench(outcome, settings)
    await cached.resolve(question)
    advance(milliseconds)
    await cached.resolve(question)
    return inner.asked.length === 1
  }
  let low = 0
  let high = 200_000_000
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (await isCachedAfter(middle)) low = middle + 1
    else high = middle
  }
  return low
}

describe('withCache', () => {
  it('answers the second question itself', async () => {
    const { inner, cached } = bench(addresses(['198.51.100.7']))
    const first = await cached.resolve(question)
    expect(await cached.resolve(question)).toEqual(first)
    expect(inner.asked).toHaveLength(1)
    expect(cached.statistics()).toEqual({ hits: 1, misses: 1 })
  })

  it('takes names in any case for one question, and types for several', async () => {
    const { inner, cached } = bench(addresses(['198.51.100.7']))
    await cached.resolve(question)
    await cached.resolve({ name: name('MAIL.Example.COM'), type: 'A' })
    expect(inner.asked).toHaveLength(1)
    await cached.resolve({ ...question, type: 'AAAA' })
    await cached.resolve({ ...question, type: 'TYPE65280' })
    expect(inner.asked).toHaveLength(3)
  })

  it('keeps a label that contains a dot apart from two labels', async () => {
    const inner = fakeResolver({
      'A a\\.b.example': addresses(['198.51.100.1'], { ttl: 60 }),
      'A a.b.example': addresses(['198.51.100.2']),
    })
    const cached = withCache(inner, createMemoryCache({ entries: 10 }))
    for (const labels of [
      ['a.b', 'example'],
      ['a', 'b', 'example'],
    ])
      await cached.resolve({ name: nameFromLabels(labels), type: 'A' })
    expect(inner.asked).toEqual(['A a\\.b.example', 'A a.b.example'])
  })

  it('reports the TTLs that are left', async () => {
    const aliases = chain('mail.example.com', 'mx.example.com')
    const { cached, advance } = bench(addresses(['198.51.100.7'], { ttl: 120, aliases }))
    await cached.resolve(question)
    advance(45_500)
    expect(await cached.resolve(question)).toMatchObject({ ttl: 75, records: [{ ttl: 75 }], aliases: [{ ttl: 255 }] })
  })

  it('asks again when the TTL is over, to the millisecond', async () => {
    expect(await lifetimeMs(addresses(['198.51.100.7'], { ttl: 120 }))).toBe(120_000)
  })

  it.each([
    ['records', addresses(['198.51.100.7'], { ttl: 300 }), 300_000],
    ['records beyond the maximum', addresses(['198.51.100.7'], { ttl: 10_000_000 }), 86_400_000],
    ['nodata: its negative TTL', nodata({ ttl: 900 }), 900_000],
    ['nxdomain: its negative TTL', nxdomain({ ttl: 900 }), 900_000],
    ['nxdomain beyond the negative maximum', nxdomain({ ttl: 86_400 }), 3_600_000],
    ['an unresolved CNAME', aliasOutcome(chain('mail.example.com', 'mx.example.com'), { ttl: 30 }), 30_000],
    ['SERVFAIL', { kind: 'servfail' }, 2000],
    ['REFUSED', { kind: 'refused' }, 2000],
    ['timeout', { kind: 'timeout' }, 2000],
    ['malformed', { kind: 'malformed', detail: 'cut off' }, 2000],
    ['TTL 0', addresses(['198.51.100.7'], { ttl: 0 }), 0],
    ['nodata without SOA (TTL 0)', nodata({ ttl: 0 }), 0],
    ['aborted', { kind: 'aborted' }, 0],
    ['over budget', { kind: 'overBudget' }, 0],
    ['a loop', { kind: 'aliasLoop', aliases: chain('mail.example.com', 'mail.example.com') }, 0],
    ['too deep', { kind: 'aliasTooDeep', aliases: chain('mail.example.com', 'mx.example.com') }, 0],
  ] as const)('keeps %s', async (_, outcome, expected) => {
    expect(await lifetimeMs(outcome)).toBe(expected)
  })

  it('has every limit as a setting', async () => {
    expect(await lifetimeMs(addresses(['198.51.100.7'], { ttl: 300 }), { maxTtlSeconds: 60 })).toBe(60_000)
    expect(await lifetimeMs(addresses(['198.51.100.7'], { ttl: 1 }), { minTtlSeconds: 30 })).toBe(30_000)
    expect(await lifetimeMs(addresses(['198.51.100.7'], { ttl: 0 }), { minTtlSeconds: 30 })).toBe(0)
    expect(await lifetimeMs(nxdomain({ ttl: 300 }), { maxNegativeTtlSeconds: 10 })).toBe(10_000)
    expect(await lifetimeMs({ kind: 'servfail' }, { temporaryFailureTtlMs: 5000 })).toBe(5000)
    expect(await lifetimeMs({ kind: 'servfail' }, { temporaryFailureTtlMs: 0 })).toBe(0)
  })

  it('asks again when the wall clock was set back', async () => {
    const { inner, cached, advance } = bench(addresses(['198.51.100.7'], { ttl: 120 }))
    await cached.resolve(question)
    advance(-1)
    await cached.resolve(question)
    expect(inner.asked).toHaveLength(2)
  })

  it('gives back what it was given, whatever the outcome holds', async () => {
    const outcomes: readonly DnsOutcome[] = [
      ptr(['a\\000\\255\\"b.example', 'x.example'], { authenticated: true }),
      nxdomain({ aliases: chain('mail.example.com', 'b.example') }),
      { kind: 'servfail', detail: 'EDE 22: “no reachable authority” \u0000 ÿ' },
      {
        kind: 'records',
        records: [{ type: 'TXT', name: question.name, ttl: 60, strings: ['\0\r\n"\\\xff', ''] }],
        aliases: [],
        ttl: 60,
        authenticated: false,
      },
    ]
    for (const outcome of outcomes) {
      const { inner, cached } = bench(outcome)
      await cached.resolve(question)
      expect(await cached.resolve(question)).toEqual(outcome)
      expect(inner.asked).toHaveLength(1)
    }
  })

  it('works with a cache that answers later, and with one that forgets', async () => {
    const entries = new Map<string, string>()
    const lifetimes: number[] = []
    const remote: DnsCache = {
      get: async (key) => Promise.resolve(entries.get(key)),
      set: async (key, value, lifetime) => {
        lifetimes.push(lifetime)
        entries.set(key, value)
        await Promise.resolve()
      },
    }
    const { inner, cached } = bench(addresses(['198.51.100.7'], { ttl: 120 }), {}, remote)
    await cached.resolve(question)
    await cached.resolve(question)
    expect(inner.asked).toHaveLength(1)
    expect(lifetimes).toEqual([120_000])
    entries.clear()
    await cached.resolve(question)
    expect(inner.asked).toHaveLength(2)
  })

  it('hands the options on', async () => {
    const { signal } = new AbortController()
    const { inner, cached } = bench(addresses(['198.51.100.7']))
    await cached.resolve(question, { signal })
    expect(inner.options[0]?.signal).toBe(signal)
  })
})

describe('createMemoryCache', () => {
  it('agrees with a Map as long as everything fits', () => {
    const key = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
    const value = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 })
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 60 }), (entries) => {
        const cache = createMemoryCache({ entries: 1000 })
        const model = new Map<string, string>()
        for (const [k, v] of entries) {
          void cache.set(k, v, 1000)
          model.set(k, v)
        }
        for (const [k, v] of model) expect(cache.get(k)).toBe(v)
        expect(cache.get('never set, and longer than any key of this test')).toBeUndefined()
      }),
    )
  })

  it('never gives a value of another key, however often its memory has been written over', () => {
    const cache = createMemoryCache({ entries: 50 })
    let found = 0
    let id = 1
    for (let round = 0; round < 20_000; round++) {
      id = (id * 48_271) % 2_147_483_647
      const key = `key ${String(id % 97)}`
      const value = cache.get(key)
      if (value !== undefined) {
        found++
        expect((value as string).startsWith(`value of ${key} `)).toBe(true)
      }
      void cache.set(key, `value of ${key} ${'x'.repeat(id % 900)}`, 1000)
    }
    expect(found).toBeGreaterThan(1000)
    expect(found).toBeLessThan(19_000)
  })

  it('tells keys of one hash apart', () => {
    // Among so many keys several pairs share all 32 bits; which ones depends on the random seed.
    const cache = createMemoryCache({ entries: 65_536, random: () => 0.5 })
    for (let index = 0; index < 65_536; index++) void cache.set(`known ${String(index)}`, 'value', 1000)
    const mistaken = Array.from({ length: 400_000 }, (_, index) => `unknown ${String(index)}`).filter((key) => cache.get(key) !== undefined)
    expect(mistaken).toEqual([])
  })

  it('forgets the oldest entries and keeps the newest', () => {
    const cache = createMemoryCache({ entries: 1000 })
    const value = 'v'.repeat(200)
    for (let index = 0; index < 20_000; index++) void cache.set(`key ${String(index)}`, value, 1000)
    const kept = (from: number, to: number): number => {
      let count = 0
      for (let index = from; index < to; index++) if (cache.get(`key ${String(index)}`) !== undefined) count++
      return count
    }
    expect(kept(0, 15_000)).toBe(0)
    expect(kept(19_500, 20_000)).toBeGreaterThan(480)
    expect(kept(0, 20_000)).toBeLessThan(2000)
  })

  it.each([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])('keeps what is asked for again and again (seed %d)', (seed) => {
    const cache = createMemoryCache({ entries: 1000, random: () => seed })
    void cache.set('popular', 'p', 1000)
    let lost = 0
    for (let index = 0; index < 50_000; index++) {
      void cache.set(`key ${String(index)}`, 'v'.repeat(200), 1000)
      if (index % 10 === 0 && cache.get('popular') === undefined) lost++
    }
    expect(lost).toBe(0)
  })

  it('takes a value that is too large for none, and forgets the one that it replaces', () => {
    const cache = createMemoryCache({ entries: 10, maxValueLength: 100 })
    void cache.set('key', 'small', 1000)
    void cache.set('key', 'x'.repeat(101), 1000)
    expect(cache.get('key')).toBeUndefined()
    void cache.set('key', 'x'.repeat(100), 1000)
    expect(cache.get('key')).toBe('x'.repeat(100))
  })
})
