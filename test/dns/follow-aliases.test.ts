import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { followAliases } from '../../src/dns/follow-aliases.ts'
import type { Alias, DnsOutcome } from '../../src/dns/resolver.ts'
import { addresses, aliasOutcome, chain, fakeResolver, nodata, nxdomain, ptr, type Answer } from '../support/fake-resolver.ts'

const question = { name: name('n0.example'), type: 'A' } as const
const success = addresses(['198.51.100.7'])

/** A server that gives one CNAME an answer: n0 → n1 → … → n<length>, which ends in `last`. */
function stepwise(length: number, last: DnsOutcome): Record<string, Answer> {
  const table: Record<string, Answer> = { [`A n${String(length)}.example`]: last }
  for (let step = 0; step < length; step++) table[`A n${String(step)}.example`] = aliasOutcome(hops(step, step + 1))
  return table
}

function hops(from: number, to: number): Alias[] {
  return chain(...Array.from({ length: to - from + 1 }, (_, index) => `n${String(from + index)}.example`))
}

describe('followAliases', () => {
  it('gives an answer without CNAMEs as it is, after one question', async () => {
    const inner = fakeResolver({ 'A n0.example': success })
    expect(await followAliases(inner).resolve(question)).toBe(success)
    expect(inner.asked).toEqual(['A n0.example'])
  })

  it('goes on from an unresolved CNAME and reports the whole chain', async () => {
    const inner = fakeResolver(stepwise(3, success))
    expect(await followAliases(inner).resolve(question)).toMatchObject({ kind: 'records', aliases: hops(0, 3) })
    expect(inner.asked).toEqual(['A n0.example', 'A n1.example', 'A n2.example', 'A n3.example'])
  })

  it('joins the CNAMEs inside an answer to those of the answers before', async () => {
    const inner = fakeResolver({
      'A n0.example': aliasOutcome(hops(0, 2)),
      'A n2.example': addresses(['198.51.100.7'], { aliases: hops(2, 5) }),
    })
    expect(await followAliases(inner).resolve(question)).toMatchObject({ kind: 'records', aliases: hops(0, 5) })
  })

  it.each([
    ['nodata', nodata()],
    ['nxdomain', nxdomain()],
  ])('a chain that ends in %s keeps its CNAMEs', async (kind, last) => {
    const outcome = await followAliases(fakeResolver(stepwise(2, last))).resolve(question)
    expect(outcome).toMatchObject({ kind, aliases: hops(0, 2) })
  })

  it.each(['servfail', 'refused', 'timeout'] as const)('a chain that ends in %s is that failure', async (kind) => {
    expect(await followAliases(fakeResolver(stepwise(2, { kind }))).resolve(question)).toEqual({ kind })
  })

  it.each([8, 3, 1])('follows as many CNAMEs as allowed (%i), however they are packed', async (maxAliases) => {
    const packed = fakeResolver({ 'A n0.example': addresses(['198.51.100.7'], { aliases: hops(0, maxAliases) }) })
    for (const inner of [fakeResolver(stepwise(maxAliases, success)), packed]) {
      expect(await followAliases(inner).resolve(question, { maxAliases })).toMatchObject({ kind: 'records' })
    }
  })

  it.each([8, 3, 1])('one more than allowed (%i) is too deep, however they are packed', async (maxAliases) => {
    const packed = fakeResolver({ 'A n0.example': addresses(['198.51.100.7'], { aliases: hops(0, maxAliases + 1) }) })
    for (const inner of [fakeResolver(stepwise(maxAliases + 1, success)), packed]) {
      const outcome = await followAliases(inner).resolve(question, { maxAliases })
      expect(outcome).toEqual({ kind: 'aliasTooDeep', aliases: hops(0, maxAliases) })
    }
  })

  it('follows eight CNAMEs unless told otherwise', async () => {
    expect(await followAliases(fakeResolver(stepwise(8, success))).resolve(question)).toMatchObject({ kind: 'records' })
    expect(await followAliases(fakeResolver(stepwise(9, success))).resolve(question)).toMatchObject({ kind: 'aliasTooDeep' })
  })

  it('a circle is a loop, over several answers and in letters of either case', async () => {
    const inner = fakeResolver({
      'A n0.example': aliasOutcome(chain('n0.example', 'n1.example')),
      'A n1.example': aliasOutcome(chain('n1.example', 'N0.Example')),
    })
    expect(await followAliases(inner).resolve(question)).toMatchObject({ kind: 'aliasLoop' })
    expect(inner.asked).toHaveLength(2)
  })

  it.each([
    ['to itself', ['n0.example', 'n0.example']],
    ['back to the start', ['n0.example', 'n1.example', 'n0.example']],
    ['not through the start', ['n0.example', 'n1.example', 'n2.example', 'n1.example']],
  ])('a circle inside one answer is a loop: %s', async (_, names) => {
    const inner = fakeResolver({ 'A n0.example': aliasOutcome(chain(...names)) })
    expect(await followAliases(inner).resolve(question)).toEqual({ kind: 'aliasLoop', aliases: chain(...names) })
    expect(inner.asked).toHaveLength(1)
  })

  it('a circle that closes just past the limit is still called a loop', async () => {
    const names = [...Array.from({ length: 9 }, (_, index) => `n${String(index)}.example`), 'n0.example']
    expect(await followAliases(fakeResolver({ 'A n0.example': aliasOutcome(chain(...names)) })).resolve(question)).toMatchObject({
      kind: 'aliasLoop',
    })
  })

  it('passes on what the inner resolver calls a loop or too deep', async () => {
    for (const kind of ['aliasLoop', 'aliasTooDeep'] as const) {
      const inner = fakeResolver({ 'A n0.example': aliasOutcome(hops(0, 1)), 'A n1.example': { kind, aliases: hops(1, 3) } })
      expect(await followAliases(inner).resolve(question)).toEqual({ kind, aliases: hops(0, 3) })
    }
  })

  it('an alias without a CNAME is malformed rather than an endless question', async () => {
    const empty: DnsOutcome = { kind: 'alias', target: name('n0.example'), aliases: [], ttl: 1, authenticated: false }
    expect(await followAliases(fakeResolver({ 'A n0.example': empty })).resolve(question)).toMatchObject({ kind: 'malformed' })
    const later = fakeResolver({ 'A n0.example': aliasOutcome(hops(0, 1)), 'A n1.example': { ...empty, target: name('n1.example') } })
    expect(await followAliases(later).resolve(question)).toMatchObject({ kind: 'malformed' })
  })

  it('reports the least TTL of the chain', async () => {
    const table = (first: number, second: number): Record<string, Answer> => ({
      'A n0.example': aliasOutcome(hops(0, 1), { ttl: first }),
      'A n1.example': addresses(['198.51.100.7'], { ttl: second }),
    })
    expect(await followAliases(fakeResolver(table(60, 300))).resolve(question)).toMatchObject({ ttl: 60 })
    expect(await followAliases(fakeResolver(table(300, 30))).resolve(question)).toMatchObject({ ttl: 30 })
  })

  it('is authenticated only when every step is', async () => {
    for (const [first, second] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      const inner = fakeResolver({
        'A n0.example': aliasOutcome(hops(0, 1), { authenticated: first }),
        'A n1.example': addresses(['198.51.100.7'], { authenticated: second }),
      })
      expect(await followAliases(inner).resolve(question)).toMatchObject({ authenticated: first && second })
    }
  })

  it('takes one query from the budget before each question, and none for CNAMEs that came along', async () => {
    let taken = 0
    const inner = fakeResolver({
      'A n0.example': aliasOutcome(hops(0, 3)),
      'A n3.example': addresses(['198.51.100.7'], { aliases: hops(3, 5) }),
    })
    await followAliases(inner).resolve(question, { takeQuery: () => ++taken > 0 })
    expect(taken).toBe(2)
    expect(inner.options.every((options) => options?.takeQuery === undefined)).toBe(true)
  })

  it.each([0, 1, 2])('with a budget of %i the chain of three questions ends over budget', async (budget) => {
    let left = budget
    const inner = fakeResolver(stepwise(2, success))
    expect(await followAliases(inner).resolve(question, { takeQuery: () => left-- > 0 })).toEqual({ kind: 'overBudget' })
    expect(inner.asked).toHaveLength(budget)
  })

  it('asks nothing further once the signal has fired', async () => {
    const controller = new AbortController()
    const inner = fakeResolver({
      'A n0.example': () => {
        controller.abort()
        return aliasOutcome(hops(0, 1))
      },
      'A n1.example': success,
    })
    expect(await followAliases(inner).resolve(question, { signal: controller.signal })).toEqual({ kind: 'aborted' })
    expect(inner.asked).toEqual(['A n0.example'])
  })

  it('tells the inner resolver of the signal, and at which name a chain began', async () => {
    const { signal } = new AbortController()
    const inner = fakeResolver(stepwise(1, success))
    await followAliases(inner).resolve(question, { signal, takeQuery: () => true })
    expect(inner.options.map((options) => [options?.signal, options?.aliasOf])).toEqual([
      [signal, undefined],
      [signal, 'n0.example'],
    ])
  })

  it('always ends, never in alias, and asks at most one question more than it may follow CNAMEs', async () => {
    const anyName = fc.integer({ min: 0, max: 11 }).map((index) => `n${String(index)}.example`)
    const graph = fc.dictionary(anyName, fc.array(anyName, { minLength: 1, maxLength: 4 }))
    await fc.assert(
      fc.asyncProperty(graph, fc.integer({ min: 0, max: 9 }), async (edges, maxAliases) => {
        const table = Object.entries(edges).map(([start, targets]) => [`PTR ${start}`, aliasOutcome(chain(start, ...targets))])
        const inner = fakeResolver({ 'PTR n11.example': ptr(['mail.example']), ...(Object.fromEntries(table) as Record<string, Answer>) })
        const outcome = await followAliases(inner).resolve({ name: name('n0.example'), type: 'PTR' }, { maxAliases })
        expect(outcome.kind).not.toBe('alias')
        expect(inner.asked.length).toBeLessThanOrEqual(maxAliases + 1)
        if ('aliases' in outcome) expect(outcome.aliases.length).toBeLessThanOrEqual(maxAliases)
      }),
    )
  })
})
