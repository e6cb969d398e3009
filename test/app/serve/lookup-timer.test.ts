import { describe, expect, it } from 'vitest'
import { timeLookups, type LookupTimer } from '../../../src/app/serve/lookup-timer.ts'
import { name } from '../../../src/core/domain-name.ts'
import type { DnsOutcome, Resolver } from '../../../src/dns/resolver.ts'
import { deferred } from '../../support/fake-resolver.ts'

const PTR = { name: name('7.100.51.198.in-addr.arpa'), type: 'PTR' } as const
const FORWARD = { name: name('mail.example.com'), type: 'A' } as const
const TIMEOUT: DnsOutcome = { kind: 'timeout' }

interface Setting {
  readonly timer: LookupTimer
  readonly seconds: number[]
  readonly answer: (question: number, at: number) => Promise<void>
}

function start(): Setting {
  let now = 0
  const seconds: number[] = []
  const waiting: ((outcome: DnsOutcome) => void)[] = []
  const inner: Resolver = {
    resolve: () => {
      const { promise, settle } = deferred<DnsOutcome>()
      waiting.push(settle)
      return promise
    },
  }
  const soon: (() => void)[] = []
  const timer = timeLookups(inner, { clock: () => now, soon: (callback) => soon.push(callback), onLookup: (value) => seconds.push(value) })
  return {
    timer,
    seconds,
    answer: async (question, at) => {
      now = at
      waiting[question]?.(TIMEOUT)
      await new Promise((resolve) => setImmediate(resolve))
      for (const callback of soon.splice(0)) callback()
    },
  }
}

describe('how long a lookup takes', () => {
  it('PTR and forward questions together, from the first question to the last answer', async () => {
    const { timer, seconds, answer } = start()
    const options = {}
    void timer.resolver.resolve(PTR, options).then(() => {
      void timer.resolver.resolve(FORWARD, options)
      void timer.resolver.resolve(FORWARD, options)
    })
    await answer(0, 20)
    expect(seconds).toEqual([])
    await answer(1, 30)
    expect(timer.durationMs(PTR.name)).toBe(30)
    await answer(2, 50.26)
    expect(seconds).toEqual([0.05026])
    expect(timer.durationMs(PTR.name)).toBe(50.3)
  })

  it('two lookups at a time are two', async () => {
    const { timer, seconds, answer } = start()
    void timer.resolver.resolve(PTR, {})
    void timer.resolver.resolve({ ...PTR, name: name('8.100.51.198.in-addr.arpa') }, {})
    await answer(1, 10)
    await answer(0, 40)
    expect(seconds).toEqual([0.01, 0.04])
    expect(timer.durationMs(PTR.name)).toBe(40)
  })

  it('while an answer is awaited, the time so far', async () => {
    const { timer, answer } = start()
    void timer.resolver.resolve(PTR, {})
    await answer(7, 1234)
    expect(timer.durationMs(PTR.name)).toBe(1234)
  })

  it('a question of HELO alone, or one without options, is no lookup of an address', async () => {
    const { timer, seconds, answer } = start()
    void timer.resolver.resolve(FORWARD, {})
    void timer.resolver.resolve(PTR)
    await answer(0, 10)
    await answer(1, 10)
    expect(seconds).toEqual([])
    expect(timer.durationMs(PTR.name)).toBeNull()
  })

  it('only the latest ten thousand are remembered', () => {
    const { timer } = start()
    for (let index = 0; index <= 10_000; index++) {
      const address = [index & 255, index >> 8, 0, 10].map(String).join('.')
      void timer.resolver.resolve({ ...PTR, name: name(`${address}.in-addr.arpa`) }, {})
    }
    expect(timer.durationMs(name('0.0.0.10.in-addr.arpa'))).toBeNull()
    expect(timer.durationMs(name('1.0.0.10.in-addr.arpa'))).not.toBeNull()
  })
})
