import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SessionLimiter, type LimiterSettings, type Release } from '../../src/probe/limiter.ts'
import { FakeClock } from './session-clock.ts'

const UNLIMITED: LimiterSettings = { maxSessions: 1000, maxSessionsPerHost: 1000, pausePerHostMs: 0, sessionsPerSecond: null }

/** Grants in the order in which they come, each with its release. */
class Queue {
  readonly clock = new FakeClock()
  readonly limiter: SessionLimiter
  readonly begun: string[] = []
  readonly #releases = new Map<string, Release>()

  constructor(settings: Partial<LimiterSettings>) {
    this.limiter = new SessionLimiter({ ...UNLIMITED, ...settings }, this.clock)
  }

  /** `label`: the host, and a number behind it. */
  async ask(...labels: readonly string[]): Promise<void> {
    for (const label of labels) {
      void this.limiter.acquire(label.slice(0, 1)).then((release) => {
        this.begun.push(`${label}@${String(this.clock.now())}`)
        if (release !== null) this.#releases.set(label, release)
      })
    }
    await turns()
  }

  async release(...labels: readonly string[]): Promise<void> {
    for (const label of labels) this.#releases.get(label)?.()
    await turns()
  }

  async advance(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, ms - passed))
      await turns()
    }
  }
}

/** A grant is told by a promise: time must not go on meanwhile. */
const STEP_MS = 50

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

describe('a limiter', () => {
  test('lets as many run at once as it may, and the next when one is over', async () => {
    const queue = new Queue({ maxSessions: 2 })
    await queue.ask('a1', 'b1', 'c1', 'd1')
    expect(queue.begun).toEqual(['a1@0', 'b1@0'])
    await queue.release('b1')
    expect(queue.begun).toEqual(['a1@0', 'b1@0', 'c1@0'])
  })

  test('lets as many run at once with one host as it may; others do not wait for it', async () => {
    const queue = new Queue({ maxSessionsPerHost: 1 })
    await queue.ask('a1', 'a2', 'b1')
    expect(queue.begun).toEqual(['a1@0', 'b1@0'])
    await queue.release('a1')
    expect(queue.begun).toEqual(['a1@0', 'b1@0', 'a2@0'])
  })

  test('leaves a host alone between two sessions, from the end of the first on', async () => {
    const queue = new Queue({ maxSessionsPerHost: 1, pausePerHostMs: 1000 })
    await queue.ask('a1', 'a2', 'b1')
    await queue.advance(5000)
    await queue.release('a1')
    await queue.advance(999)
    expect(queue.begun).toEqual(['a1@0', 'b1@0'])
    await queue.advance(1)
    expect(queue.begun).toEqual(['a1@0', 'b1@0', 'a2@6000'])
  })

  test('the pause holds for a session that is asked for only later', async () => {
    const queue = new Queue({ pausePerHostMs: 1000 })
    await queue.ask('a1')
    await queue.release('a1')
    await queue.advance(400)
    await queue.ask('a2')
    await queue.advance(600)
    expect(queue.begun).toEqual(['a1@0', 'a2@1000'])
  })

  test('spreads beginnings evenly', async () => {
    const queue = new Queue({ sessionsPerSecond: 4 })
    await queue.ask('a1', 'b1', 'c1', 'd1')
    await queue.advance(600)
    expect(queue.begun).toEqual(['a1@0', 'b1@250', 'c1@500'])
    await queue.advance(10_000)
    await queue.ask('e1', 'f1')
    expect(queue.begun).toEqual(['a1@0', 'b1@250', 'c1@500', 'd1@750', 'e1@10600'])
  })

  test('hosts take turns', async () => {
    const queue = new Queue({ maxSessions: 1 })
    await queue.ask('a1', 'a2', 'a3', 'b1', 'c1')
    for (const label of ['a1', 'a2', 'b1', 'c1', 'a3']) await queue.release(label)
    for (const label of ['b1', 'c1', 'a2', 'a3']) await queue.release(label)
    expect(queue.begun.map((text) => text.slice(0, 2))).toEqual(['a1', 'a2', 'b1', 'c1', 'a3'])
  })

  test('a release counts once', async () => {
    const queue = new Queue({ maxSessions: 1 })
    await queue.ask('a1', 'b1', 'c1')
    await queue.release('a1', 'a1', 'a1')
    expect(queue.begun).toHaveLength(2)
  })

  test('who is called off gets nothing, and keeps nobody waiting', async () => {
    const clock = new FakeClock()
    const limiter = new SessionLimiter({ ...UNLIMITED, maxSessions: 1, sessionsPerSecond: 1, pausePerHostMs: 1000 }, clock)
    const first = await limiter.acquire('a')
    const abort = new AbortController()
    const second = limiter.acquire('b', abort.signal)
    const third = limiter.acquire('a', abort.signal)
    abort.abort()
    expect(await second).toBeNull()
    expect(await third).toBeNull()
    expect(await limiter.acquire('c', abort.signal)).toBeNull()
    first?.()
    clock.advance(1000)
    expect(await limiter.acquire('c')).not.toBeNull()
    expect(clock.timers).toBe(0)
  })

  test('who is called off during the pause of a host leaves no timer behind', async () => {
    const clock = new FakeClock()
    const limiter = new SessionLimiter({ ...UNLIMITED, pausePerHostMs: 60_000 }, clock)
    ;(await limiter.acquire('a'))?.()
    const abort = new AbortController()
    const second = limiter.acquire('a', abort.signal)
    expect(clock.timers).toBe(1)
    abort.abort()
    expect(await second).toBeNull()
    expect(clock.timers).toBe(0)
  })

  test('hosts are forgotten once their pause is over', async () => {
    const clock = new FakeClock()
    const limiter = new SessionLimiter({ ...UNLIMITED, pausePerHostMs: 1000 }, clock)
    for (let host = 0; host < 5000; host++) {
      ;(await limiter.acquire(String(host)))?.()
      clock.advance(10)
    }
    expect(limiter.hosts).toBeLessThanOrEqual(101)
  })

  test('whatever comes in whatever order: no limit is broken, and everybody has a turn', async () => {
    const settings = fc.record({
      maxSessions: fc.integer({ min: 1, max: 5 }),
      maxSessionsPerHost: fc.integer({ min: 1, max: 3 }),
      pausePerHostMs: fc.constantFrom(0, 10, 500),
      sessionsPerSecond: fc.constantFrom(null, 10, 100),
    })
    const jobs = fc.array(fc.record({ host: fc.constantFrom('a', 'b', 'c', 'd'), lastsMs: fc.nat(300) }), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(settings, jobs, async (limits, list) => {
        const log = await runJobs(limits, list)
        expect(log.done).toBe(list.length)
        expect(log.most).toBeLessThanOrEqual(limits.maxSessions)
        expect(log.mostOfOneHost).toBeLessThanOrEqual(limits.maxSessionsPerHost)
        expect(log.shortestPauseMs).toBeGreaterThanOrEqual(limits.pausePerHostMs)
        expect(log.timers).toBe(0)
        const { begun } = log
        const rate = limits.sessionsPerSecond
        if (rate !== null && begun.length > 1)
          expect((begun.at(-1) ?? 0) - (begun[0] ?? 0)).toBeGreaterThanOrEqual(((begun.length - 1) * 1000) / rate - 1)
      }),
      { numRuns: 300 },
    )
  })
})

interface Log {
  done: number
  most: number
  mostOfOneHost: number
  /** From an end to the next beginning with the same host, when nothing else ran there. */
  shortestPauseMs: number
  begun: number[]
  timers: number
}

async function runJobs(limits: LimiterSettings, jobs: readonly { host: string; lastsMs: number }[]): Promise<Log> {
  const clock = new FakeClock()
  const limiter = new SessionLimiter(limits, clock)
  const log: Log = { done: 0, most: 0, mostOfOneHost: 0, shortestPauseMs: Infinity, begun: [], timers: 0 }
  const running = new Map<string, number>()
  const endedAt = new Map<string, number>()
  let all = 0
  for (const { host, lastsMs } of jobs) {
    void limiter.acquire(host).then((release) => {
      log.begun.push(clock.now())
      log.most = Math.max(log.most, ++all)
      const here = (running.get(host) ?? 0) + 1
      running.set(host, here)
      log.mostOfOneHost = Math.max(log.mostOfOneHost, here)
      log.shortestPauseMs = Math.min(log.shortestPauseMs, clock.now() - (endedAt.get(host) ?? -Infinity))
      clock.startTimer(lastsMs, () => {
        all--
        running.set(host, (running.get(host) ?? 0) - 1)
        endedAt.set(host, clock.now())
        log.done++
        release?.()
      })
    })
  }
  for (let step = 0; step < 500 && (step === 0 || clock.timers > 0); step++) {
    await turns()
    clock.fireNext()
    await turns()
  }
  log.timers = clock.timers
  return log
}
