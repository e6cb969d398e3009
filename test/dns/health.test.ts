import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reverseName, type IpAddress } from '../../src/core/address.ts'
import { name } from '../../src/core/domain-name.ts'
import { probeCanaries, watchCanaries, type Canary, type CanaryReport } from '../../src/dns/canaries.ts'
import { followAliases } from '../../src/dns/follow-aliases.ts'
import {
  createHealthBreaker,
  describeHealthReason,
  withHealth,
  type HealthBreaker,
  type HealthSettings,
  type HealthState,
} from '../../src/dns/health.ts'
import type { DnsOutcome, Question } from '../../src/dns/resolver.ts'
import { address, addresses, aliasOutcome, chain, fakeResolver, nodata, nxdomain, ptr, type Answer } from '../support/fake-resolver.ts'

const good = ptr(['mail.example.com'])
const bad: DnsOutcome = { kind: 'servfail' }

/** An address in the `index`-th /16, or IPv6 /32. */
function clientIn(index: number, host = 1): IpAddress {
  return { family: 4, bytes: [10 + (index >> 8), index & 255, 0, host] }
}

function reverseQuestion(client: IpAddress): Question {
  return { name: reverseName(client), type: 'PTR' }
}

interface Bench {
  readonly breaker: HealthBreaker
  readonly advance: (milliseconds: number) => void
  /** One answer from each of these /16s. */
  readonly observe: (from: number, to: number, outcome: DnsOutcome) => void
  readonly report: (...well: readonly boolean[]) => void
  readonly states: HealthState[]
}

function bench(settings: Partial<HealthSettings> = {}): Bench {
  let now = 5000
  const breaker = createHealthBreaker({ clock: () => now, ...settings })
  const states: HealthState[] = []
  breaker.subscribe((status) => states.push(status.state))
  return {
    breaker,
    states,
    advance: (milliseconds) => (now += milliseconds),
    observe(from, to, outcome) {
      for (let index = from; index < to; index++) breaker.observe(reverseQuestion(clientIn(index)), outcome)
    },
    report: (...well) => {
      breaker.observeCanaries(
        well.map((isWell, index): CanaryReport[number] => ({ ip: String(index), isWell, outcome: isWell ? 'records' : 'timeout' })),
      )
    },
  }
}

describe('the breaker by the share of client networks', () => {
  it('is closed at first and while everybody can be looked up', () => {
    const { breaker, observe } = bench()
    expect(breaker.state()).toMatchObject({ state: 'closed', reason: null, networks: 0 })
    observe(0, 100, good)
    expect(breaker.state()).toMatchObject({ state: 'closed', failing: 0, networks: 100 })
  })

  it.each(['servfail', 'refused', 'timeout'] as const)('opens when most networks give %s, and says why', (kind) => {
    const { breaker, observe, states } = bench()
    observe(0, 12, good)
    observe(12, 29, { kind })
    expect(breaker.state().state).toBe('closed')
    observe(29, 30, { kind })
    expect(breaker.state()).toMatchObject({ state: 'open', reason: { kind: 'share', failing: 18, networks: 30 }, since: 5000 })
    expect(states).toEqual(['open'])
  })

  it.each([nxdomain(), nodata(), good, aliasOutcome(chain('a.example', 'b.example')), { kind: 'aliasLoop', aliases: [] } as const])(
    'an answer is an answer: $kind',
    (outcome) => {
      const { breaker, observe } = bench()
      observe(0, 100, outcome)
      expect(breaker.state()).toMatchObject({ state: 'closed', failing: 0, networks: 100 })
    },
  )

  it.each(['aborted', 'overBudget'] as const)('%s says nothing of the resolver', (kind) => {
    const { breaker, observe } = bench()
    observe(0, 100, { kind })
    expect(breaker.state()).toMatchObject({ state: 'closed', networks: 0 })
  })

  it('does not judge a handful of networks', () => {
    const { breaker, observe } = bench()
    observe(0, 19, bad)
    expect(breaker.state().state).toBe('closed')
    observe(19, 20, bad)
    expect(breaker.state().state).toBe('open')
  })

  it('forgets what is older than its window', () => {
    const { breaker, observe, advance } = bench({ windowMs: 30_000 })
    observe(0, 19, bad)
    advance(33_001)
    observe(19, 25, bad)
    expect(breaker.state()).toMatchObject({ state: 'closed', failing: 6, networks: 6 })
  })

  it('counts a network by its latest answer', () => {
    const { breaker, observe } = bench()
    observe(0, 19, bad)
    observe(0, 19, good)
    observe(19, 25, bad)
    expect(breaker.state()).toMatchObject({ state: 'closed', failing: 6, networks: 25 })
  })

  it('counts no more networks than it is told', () => {
    const { breaker, observe } = bench({ maxNetworks: 50 })
    observe(0, 500, good)
    expect(breaker.state().networks).toBe(50)
  })
})

describe('a stranger cannot open the breaker', () => {
  it('with any number of addresses of one network', () => {
    const { breaker } = bench()
    for (let host = 0; host < 65_536; host += 13) {
      breaker.observe(reverseQuestion({ family: 4, bytes: [198, 51, host >> 8, host & 255] }), bad)
      breaker.observe(
        reverseQuestion({ family: 6, bytes: [0x20, 1, 0x0d, 0xb8, host >> 8, host & 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] }),
        bad,
      )
    }
    expect(breaker.state()).toMatchObject({ state: 'closed', failing: 2, networks: 2 })
  })

  it('with PTR or HELO names in any number of broken zones', () => {
    const { breaker } = bench()
    for (let zone = 0; zone < 1000; zone++) {
      for (const type of ['A', 'AAAA', 'PTR', 'MX'] as const)
        breaker.observe({ name: name(`mail.broken${String(zone)}.example`), type }, bad)
      breaker.observe({ name: name(`${String(zone)}.in-addr.arpa`), type: 'SOA' }, bad)
    }
    expect(breaker.state()).toMatchObject({ state: 'closed', networks: 0 })
  })

  it("with CNAMEs from its own reverse zone into everybody else's", async () => {
    const { breaker } = bench()
    const table: Record<string, Answer> = {}
    for (let host = 0; host < 100; host++) {
      const [start, target] = [reverseName({ family: 4, bytes: [198, 51, 100, host] }), reverseName(clientIn(host))]
      table[`PTR ${start}`] = aliasOutcome(chain(start, target))
      table[`PTR ${target}`] = bad
    }
    const resolver = followAliases(withHealth(fakeResolver(table), breaker))
    for (let host = 0; host < 100; host++) await resolver.resolve(reverseQuestion({ family: 4, bytes: [198, 51, 100, host] }))
    expect(breaker.state()).toMatchObject({ state: 'closed', failing: 0, networks: 1 })
  })

  it('while honest networks outnumber it', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), fc.integer({ min: 1, max: 40 }), (order, attackers) => {
        const { breaker } = bench()
        let [honest, hostile] = [0, 0]
        while (hostile < attackers) {
          if (honest <= hostile || order.next().value) breaker.observe(reverseQuestion(clientIn(honest++)), good)
          else for (let host = 0; host < 20; host++) breaker.observe(reverseQuestion(clientIn(1000 + hostile, host)), bad)
          hostile = Math.min(hostile + 1, honest)
        }
        expect(breaker.state().state).toBe('closed')
      }),
    )
  })
})

describe('opening and closing', () => {
  function opened(settings: Partial<HealthSettings> = {}): Bench {
    const all = bench({ openMs: 15_000, ...settings })
    all.observe(0, 20, bad)
    expect(all.breaker.state().state).toBe('open')
    return all
  }

  it('stays open for its time, whatever it sees', () => {
    const { breaker, observe, advance } = opened()
    advance(14_999)
    observe(0, 100, good)
    expect(breaker.state().state).toBe('open')
  })

  it('is half-open after it, by time alone, and keeps its reason', () => {
    const { breaker, advance, states } = opened()
    advance(15_000)
    expect(breaker.state()).toMatchObject({ state: 'halfOpen', reason: { kind: 'share' }, networks: 0 })
    expect(states).toEqual(['open', 'halfOpen'])
  })

  it('closes when enough networks are well again', () => {
    const { breaker, observe, advance, states } = opened()
    advance(15_000)
    observe(0, 4, good)
    expect(breaker.state().state).toBe('halfOpen')
    observe(4, 5, good)
    expect(breaker.state()).toMatchObject({ state: 'closed', reason: null })
    expect(states).toEqual(['open', 'halfOpen', 'closed'])
  })

  it('opens again when most still fail', () => {
    const { breaker, observe, advance, states } = opened()
    advance(15_000)
    observe(0, 20, bad)
    expect(breaker.state().state).toBe('open')
    expect(states).toEqual(['open', 'halfOpen', 'open'])
  })

  it('neither closes nor opens between the two shares: no flapping', () => {
    const { breaker, observe, advance, states } = opened()
    advance(15_000)
    observe(0, 20, bad)
    states.length = 0
    advance(15_000)
    observe(0, 9, bad)
    observe(9, 20, good)
    expect(breaker.state()).toMatchObject({ state: 'halfOpen', failing: 9, networks: 20 })
    observe(20, 30, good)
    expect(breaker.state().state).toBe('closed')
    expect(states).toEqual(['halfOpen', 'closed'])
  })

  it('tells no listener that has left', () => {
    const { breaker, observe } = bench()
    const heard: HealthState[] = []
    const leave = breaker.subscribe(({ state }) => heard.push(state))
    leave()
    observe(0, 20, bad)
    expect(heard).toEqual([])
  })

  it('describes its reasons', () => {
    expect(describeHealthReason({ kind: 'share', failing: 18, networks: 30 })).toBe('18 of 30 client networks could not be looked up')
    expect(describeHealthReason({ kind: 'canaries', failing: 2, canaries: 3 })).toBe('2 of 3 canary addresses could not be looked up')
  })
})

describe('canaries', () => {
  it('decide where there are any: however many networks fail, well canaries keep the breaker closed', () => {
    const { breaker, observe, report } = bench()
    report(true, true, true)
    observe(0, 1000, bad)
    report(true, true, false)
    expect(breaker.state().state).toBe('closed')
  })

  it('open the breaker after two bad rounds in a row, with no client at all', () => {
    const { breaker, report } = bench()
    report(false, false, true)
    report(true, true, true)
    report(false, false, true)
    expect(breaker.state().state).toBe('closed')
    report(false, false, true)
    expect(breaker.state()).toMatchObject({ state: 'open', reason: { kind: 'canaries', failing: 2, canaries: 3 } })
  })

  it('need one bad round only when the networks say the same', () => {
    const { breaker, observe, report } = bench()
    report(true, true)
    observe(0, 20, bad)
    report(false, false)
    expect(breaker.state()).toMatchObject({ state: 'open', reason: { kind: 'canaries' } })
  })

  it('close it after two good rounds, even when no client comes', () => {
    const { breaker, report, advance } = bench()
    report(false)
    report(false)
    report(true)
    report(true)
    expect(breaker.state().state).toBe('open')
    advance(15_000)
    report(true)
    expect(breaker.state().state).toBe('halfOpen')
    report(true)
    expect(breaker.state().state).toBe('closed')
  })

  it('leave it to the share when their last report is old', () => {
    const { breaker, observe, report, advance } = bench()
    report(true)
    advance(120_001)
    observe(0, 20, bad)
    expect(breaker.state()).toMatchObject({ state: 'open', reason: { kind: 'share' } })
  })

  it('an empty report says nothing', () => {
    const { breaker, observe, report } = bench()
    report()
    observe(0, 20, bad)
    expect(breaker.state().state).toBe('open')
  })

  const canary: Canary = { address: address('198.51.100.1'), ptrName: name('canary.example') }

  it.each([
    [ptr(['Canary.Example', 'other.example']), true, 'records'],
    [ptr(['other.example']), false, 'otherName'],
    [nxdomain(), false, 'nxdomain'],
    [bad, false, 'servfail'],
    [{ kind: 'timeout' }, false, 'timeout'],
    [addresses(['198.51.100.1']), false, 'otherName'],
  ] as const)('a canary that gets %j', async (outcome, isWell, seen) => {
    const resolver = fakeResolver({ 'PTR 1.100.51.198.in-addr.arpa': outcome })
    expect(await probeCanaries(resolver, [canary])).toEqual([{ ip: '198.51.100.1', isWell, outcome: seen }])
  })

  it('are probed at once and then a set time after each report, until stopped', async () => {
    const { breaker } = bench()
    const resolver = fakeResolver({ 'PTR 1.100.51.198.in-addr.arpa': bad })
    const timers: { milliseconds: number; callback: () => void }[] = []
    const nextTimer = async (count: number): Promise<void> => {
      for (let turn = 0; turn < 1000 && timers.length < count; turn++) await Promise.resolve()
      expect(timers).toHaveLength(count)
    }
    let cancelled = 0
    const stop = watchCanaries({
      resolver,
      breaker,
      canaries: [canary],
      intervalMs: 10_000,
      startTimer: (milliseconds, callback) => {
        timers.push({ milliseconds, callback })
        return () => cancelled++
      },
    })
    await nextTimer(1)
    expect(resolver.asked).toHaveLength(1)
    expect(timers[0]?.milliseconds).toBe(10_000)
    timers[0]?.callback()
    await nextTimer(2)
    expect(breaker.state().state).toBe('open')
    stop()
    expect(cancelled).toBe(1)
    expect(resolver.options.every((options) => options?.signal?.aborted === true)).toBe(true)
  })
})
