import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import type { DnsOutcome } from '../../../src/dns/resolver.ts'
import { askTexts, withinLimits, type RecordLookupOptions, type Told } from '../../../src/probe/record-lookup.ts'
import { aliasOutcome, chain, deferred, fakeResolver, nodata, nxdomain } from '../../support/fake-resolver.ts'

const LIMITS = { deadlineMs: 5000, maxQueries: 2 }
const owner = name('a.example')

function ask(options: RecordLookupOptions, times = 1): Promise<readonly Told[]> {
  return withinLimits(options, LIMITS, async (askOne) => {
    const told: Told[] = []
    for (let turn = 0; turn < times; turn++) told.push(await askOne(owner, 'TXT'))
    return told
  })
}

describe('withinLimits', () => {
  it.each<[DnsOutcome, unknown]>([
    [{ kind: 'servfail' }, { kind: 'trouble', trouble: 'servfail' }],
    [{ kind: 'refused' }, { kind: 'trouble', trouble: 'refused' }],
    [{ kind: 'timeout' }, { kind: 'trouble', trouble: 'timeout' }],
    [
      { kind: 'malformed', detail: '' },
      { kind: 'trouble', trouble: 'malformed' },
    ],
    [{ kind: 'aborted' }, { kind: 'trouble', trouble: 'aborted' }],
    [{ kind: 'overBudget' }, { kind: 'trouble', trouble: 'overBudget' }],
    [
      { kind: 'aliasLoop', aliases: [] },
      { kind: 'trouble', trouble: 'aliasLoop' },
    ],
    [
      { kind: 'aliasTooDeep', aliases: [] },
      { kind: 'trouble', trouble: 'aliasTooDeep' },
    ],
    [nxdomain(), { kind: 'nxdomain' }],
    [nodata(), { kind: 'nodata' }],
  ])('%j', async (outcome, told) => {
    const [answer] = await ask({ resolver: fakeResolver({ 'TXT a.example': outcome }) })
    expect(answer).toMatchObject(told as object)
  })

  it('asks no more than it may', async () => {
    const resolver = fakeResolver({})
    expect((await ask({ resolver }, 4)).map(({ kind }) => kind)).toEqual(['nxdomain', 'nxdomain', 'trouble', 'trouble'])
    expect(resolver.asked).toHaveLength(2)
  })

  it('the deadline answers what is under way and all that comes after it', async () => {
    const resolver = fakeResolver({ 'TXT a.example': 'never' })
    let expire: () => void = () => undefined
    let started: number | undefined
    const told = ask(
      {
        resolver,
        deadlineMs: 700,
        startTimer: (ms, callback) => {
          started = ms
          expire = callback
          return () => undefined
        },
      },
      3,
    )
    expire()
    expect(await told).toEqual(Array.from({ length: 3 }, () => ({ kind: 'trouble', trouble: 'deadline' })))
    expect(started).toBe(700)
    expect(resolver.asked).toHaveLength(1)
    expect(resolver.options[0]?.takeQuery?.()).toBe(false)
  })

  it('the timer and the listener are gone when it is over, and a late chain asks nothing', async () => {
    const resolver = fakeResolver({})
    const { signal } = new AbortController()
    let cancelled = 0
    await ask({ resolver, signal, startTimer: () => () => cancelled++ })
    expect(cancelled).toBe(1)
    expect(resolver.options[0]?.takeQuery?.()).toBe(false)
  })

  it('an abort ends it, also one that came before', async () => {
    const controller = new AbortController()
    const told = ask({ resolver: fakeResolver({ 'TXT a.example': 'never' }), signal: controller.signal })
    controller.abort()
    expect(await told).toEqual([{ kind: 'trouble', trouble: 'aborted' }])
    const resolver = fakeResolver({})
    expect(await ask({ resolver, signal: controller.signal })).toEqual([{ kind: 'trouble', trouble: 'aborted' }])
    expect(resolver.asked).toEqual([])
  })

  it('a resolver that does not follow CNAMEs is a mistake in the code', async () => {
    const resolver = fakeResolver({ 'TXT a.example': aliasOutcome(chain('a.example', 'b.example')) })
    await expect(ask({ resolver })).rejects.toThrow('followAliases')
  })

  it('a resolver that rejects after the deadline is not left unhandled', async () => {
    const late = deferred<DnsOutcome>()
    const resolver = fakeResolver({ 'TXT a.example': () => late.promise.then(() => Promise.reject(new Error('late'))) })
    let expire: () => void = () => undefined
    const told = ask({ resolver, startTimer: (_ms, callback) => ((expire = callback), () => undefined) })
    expire()
    expect(await told).toEqual([{ kind: 'trouble', trouble: 'deadline' }])
    late.settle({ kind: 'timeout' })
    await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('askTexts', () => {
  it('joins the strings of each record', async () => {
    const records = [
      { type: 'TXT', name: owner, ttl: 1, strings: ['a', 'b'] },
      { type: 'TXT', name: owner, ttl: 1, strings: [] },
    ] as const
    const resolver = fakeResolver({ 'TXT a.example': { kind: 'records', records, aliases: [], ttl: 1, authenticated: false } })
    expect(await withinLimits({ resolver }, LIMITS, (askOne) => askTexts(askOne, owner))).toEqual({ kind: 'texts', texts: ['ab', ''] })
  })

  it.each<[DnsOutcome, unknown]>([
    [nxdomain(), { kind: 'absent', nxdomain: true }],
    [nodata(), { kind: 'absent', nxdomain: false }],
    [{ kind: 'servfail' }, { kind: 'unknown', trouble: 'servfail' }],
  ])('%j', async (outcome, answer) => {
    const resolver = fakeResolver({ 'TXT a.example': outcome })
    expect(await withinLimits({ resolver }, LIMITS, (askOne) => askTexts(askOne, owner))).toEqual(answer)
  })
})
