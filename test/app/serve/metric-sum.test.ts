import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../../src/app/metrics.ts'
import { MetricSum, type MetricSnapshot } from '../../../src/app/serve/metric-sum.ts'

async function snapshot(protocolErrors: number, sessions: number, lookups: readonly number[], open: boolean): Promise<MetricSnapshot> {
  const metrics = createMetrics()
  metrics.connect({
    cache: () => ({ hits: 1, misses: 2 }),
    resolverOpen: () => open,
    sessions: () => new Map([['milter', sessions]]),
  })
  for (let count = 0; count < protocolErrors; count++) metrics.observeEvent('milter', { kind: 'protocolError', reason: 'oversized' })
  for (const seconds of lookups) metrics.observeLookup(seconds)
  return metrics.registry.getMetricsAsJSON()
}

const valueOf = (text: string, metric: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${metric} `))
      ?.split(' ')
      .at(-1),
  )

const ERRORS = 'ptrgate_protocol_errors_total{listener="milter",reason="oversized"}'
const SESSIONS = 'ptrgate_sessions{listener="milter"}'
const LOOKUPS = 'ptrgate_lookup_seconds_count'
const QUICK = 'ptrgate_lookup_seconds_bucket{le="0.01"}'

describe('the metrics of several processes', () => {
  it('counters, gauges and histograms add up; an ill resolver in one is an ill resolver', async () => {
    const { text } = await new MetricSum().text([await snapshot(2, 5, [0.005], false), await snapshot(3, 7, [0.005, 1], true)])
    expect([ERRORS, SESSIONS, LOOKUPS, QUICK].map((metric) => valueOf(text, metric))).toEqual([5, 12, 3, 2])
    expect(valueOf(text, 'ptrgate_resolver_open')).toBe(1)
    expect(valueOf(text, 'ptrgate_cache_misses_total')).toBe(4)
  })

  it.skipIf(process.platform !== 'linux')('file descriptors are of one process: each has a limit of its own', async () => {
    const one = await snapshot(0, 0, [], false)
    const [alone, together] = [await new MetricSum().text([one]), await new MetricSum().text([one, one])]
    for (const metric of ['ptrgate_process_open_fds', 'ptrgate_process_max_fds']) {
      expect(valueOf(alone.text, metric)).toBeGreaterThan(0)
      expect(valueOf(together.text, metric)).toBe(valueOf(alone.text, metric))
    }
  })

  it('of a process that has died the counts stay, and its sessions are gone', async () => {
    const sum = new MetricSum()
    await sum.keep(await snapshot(2, 5, [0.005], true))
    await sum.keep(await snapshot(1, 5, [0.005], true))
    const { text } = await sum.text([await snapshot(3, 7, [1], false)])
    expect([ERRORS, SESSIONS, LOOKUPS, QUICK].map((metric) => valueOf(text, metric))).toEqual([6, 7, 3, 2])
    expect(valueOf(text, 'ptrgate_resolver_open')).toBe(0)
  })
})
