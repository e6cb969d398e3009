import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createMetrics } from '../../src/app/metrics.ts'

const SOURCES = { cache: () => ({ hits: 0, misses: 0 }), resolverOpen: () => false, sessions: () => new Map<string, number>() }

function file(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}

/** With the names that a histogram goes by. */
function knownNames(): ReadonlySet<string> {
  const names = createMetrics()
    .registry.getMetricsAsArray()
    .flatMap(({ name, type }) => (String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]))
  return new Set(names)
}

const namesIn = (text: string): readonly string[] => text.match(/\bptrgate_[a-z0-9_]+/g) ?? []

describe('the metrics', () => {
  it('have the names that outsiders rely on', () => {
    const known = [...createMetrics().registry.getMetricsAsArray()].map(({ name }) => name)
    expect(known).toEqual(
      expect.arrayContaining([
        'ptrgate_decisions_total',
        'ptrgate_findings_total',
        'ptrgate_lookup_seconds',
        'ptrgate_dns_queries_total',
        'ptrgate_cache_hits_total',
        'ptrgate_resolver_open',
        'ptrgate_sessions',
        'ptrgate_protocol_errors_total',
      ]),
    )
    for (const name of known) expect(name).toMatch(/^ptrgate_/)
  })

  it('a reason that is no word of ours is "other", and there are never more than a hundred', async () => {
    const metrics = createMetrics()
    metrics.connect(SOURCES)
    for (let count = 0; count < 300; count++) metrics.observeEvent('milter', { kind: 'protocolError', reason: `reason${String(count)}` })
    metrics.observeEvent('milter', { kind: 'protocolError', reason: 'a stranger"s\ntext' })
    const text = await metrics.registry.getSingleMetricAsString('ptrgate_protocol_errors_total')
    expect(text.match(/^ptrgate_protocol_errors_total\{/gm)).toHaveLength(101)
    expect(text).toContain('reason="other"} 201')
    expect(text).not.toContain('stranger')
  })

  it('cache counters never go back, whatever their source does', async () => {
    const metrics = createMetrics()
    let hits = 5
    metrics.connect({ ...SOURCES, cache: () => ({ hits, misses: 0 }) })
    const read = async (): Promise<string> =>
      (await metrics.registry.getSingleMetricAsString('ptrgate_cache_hits_total')).split(' ').at(-1) ?? ''
    expect(await read()).toBe('5')
    hits = 3
    expect(await read()).toBe('5')
    hits = 4
    expect(await read()).toBe('6')
  })
})

describe('what is shipped for monitoring names only metrics that exist', () => {
  it('the Grafana dashboard', () => {
    const dashboard = JSON.parse(file('config/grafana/ptrgate.json')) as { panels: { targets: { expr: string }[] }[] }
    const used = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr)))
    expect(dashboard.panels.length).toBeGreaterThan(10)
    expect(used.length).toBeGreaterThanOrEqual(dashboard.panels.length)
    for (const name of used) expect(knownNames()).toContain(name)
  })

  it('the alert rules', () => {
    const { groups } = parse(file('config/prometheus/ptrgate-alerts.yaml')) as {
      groups: { rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[] }[]
    }
    const rules = groups.flatMap((group) => group.rules)
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { alert, expr, annotations } of rules) {
      expect(annotations.summary !== '' && annotations.description !== '', alert).toBe(true)
      if (alert !== 'PtrgateDown') expect(namesIn(expr).length, alert).toBeGreaterThan(0)
      for (const name of namesIn(expr)) expect(knownNames()).toContain(name)
    }
  })

  it('docs/monitoring.md explains every metric of ours and every alert, and no other', () => {
    const page = file('docs/monitoring.md')
    // Those that end in an underscore stand for all that begin so.
    for (const name of namesIn(page).filter((each) => !each.endsWith('_')))
      expect([...knownNames(), 'ptrgate_lookup_seconds'], name).toContain(name)
    const own = createMetrics()
      .registry.getMetricsAsArray()
      .filter(({ name }) => !/^ptrgate_(?:process|nodejs)_/.test(name))
    for (const { name } of own) expect(page, name).toContain(`\`${name}`)
    const alerts = file('config/prometheus/ptrgate-alerts.yaml').match(/(?<=alert: )\w+/g) ?? []
    for (const alert of alerts) expect(page, alert).toContain(`\`${alert}\``)
  })
})
