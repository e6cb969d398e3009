/**
 * The alert rules and the dashboard that we ship, in a real Prometheus: promtool tries each rule on series that should raise it and on
 * healthy ones, and a server that scrapes a running `ptrgate serve` is asked every question of theirs.
 */
import { readFileSync } from 'node:fs'
import { Wait, type StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { startTestService, type TestService } from '../app/serve/served.ts'
import { MilterTestClient } from '../gateway/milter-client.ts'
import { PolicyTestClient } from '../gateway/policy-client.ts'
import { buildFixture, describeWithDocker } from '../support/docker.ts'
import { ALERT_CASES, type AlertCase, type Series } from './prometheus-alerts.ts'

const RULES = file('config/prometheus/ptrgate-alerts.yaml')
const LISTENERS = `
listeners:
  - { kind: milter, address: '127.0.0.1:0', maxConnections: 100 }
  - { kind: policy, address: '127.0.0.1:0', maxConnections: 100 }
  - { kind: http, address: '0.0.0.0:0', maxConnections: 100 }
`
/** Between two scrapes, and two evaluations of the rules. */
const INTERVAL = '1s'

describeWithDocker('a real Prometheus', () => {
  let served: TestService | undefined
  let prometheus: StartedTestContainer | undefined

  beforeAll(async () => {
    served = await startTestService(LISTENERS)
    await beBusy(served)
    const image = await buildFixture('prometheus')
    prometheus = await image
      // A name without a dot, by which our HTTP listener may be asked.
      .withExtraHosts([{ host: 'mx', ipAddress: 'host-gateway' }])
      .withExposedPorts(9090)
      .withCopyContentToContainer([
        { content: prometheusConfig(portOf(served)), target: '/etc/prometheus/prometheus.yml' },
        { content: RULES, target: '/etc/prometheus/ptrgate-alerts.yaml' },
        { content: JSON.stringify(ruleTests(ALERT_CASES)), target: '/etc/prometheus/tests.yaml' },
      ])
      .withWaitStrategy(Wait.forLogMessage(/Server is ready to receive web requests/, 1))
      .start()
  }, 300_000)

  afterAll(async () => {
    await prometheus?.stop()
    await served?.[Symbol.asyncDispose]()
  })

  async function promtool(...args: string[]): Promise<{ readonly output: string; readonly exitCode: number }> {
    if (!prometheus) throw new Error('Prometheus has not started')
    return prometheus.exec(['promtool', ...args])
  }

  async function ask<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    if (!prometheus) throw new Error('Prometheus has not started')
    const base = `http://${prometheus.getHost()}:${String(prometheus.getMappedPort(9090))}/api/v1/`
    const answer = (await (await fetch(`${base}${path}?${new URLSearchParams(query).toString()}`)).json()) as { status: string; data: T }
    expect(answer, path).toMatchObject({ status: 'success' })
    return answer.data
  }

  it('takes the rules', async () => {
    expect(await promtool('check', 'rules', '/etc/prometheus/ptrgate-alerts.yaml')).toMatchObject({ exitCode: 0 })
  })

  it('raises each alert when it should, and only then', { timeout: 120_000 }, async () => {
    expect([...new Set(ALERT_CASES.map(({ alert }) => alert))]).toEqual(rules().map(({ alert }) => alert))
    const { output, exitCode } = await promtool('test', 'rules', '/etc/prometheus/tests.yaml')
    expect(exitCode, output).toBe(0)
  })

  it('reads our metrics, and finds every one that the rules and the dashboard name', async () => {
    const families = async (): Promise<ReadonlySet<string>> => {
      const metadata = await ask<{ metric: string }[]>('targets/metadata', { match_target: '{job="ptrgate"}' })
      return new Set(metadata.map(({ metric }) => metric))
    }
    await expect.poll(async () => (await families()).size, { timeout: 30_000 }).toBeGreaterThan(20)
    const known = await families()
    const used = [...rules(), ...panels()].flatMap(({ expr }) => expr.match(/\bptrgate_[a-z0-9_]+/g) ?? [])
    for (const name of used) expect(known, name).toContain(name.replace(/_bucket$/, ''))
  })

  it.each(panels())('has an answer for the panel $title: $expr', async ({ expr }) => {
    const query = expr.replaceAll('$job', '.*').replaceAll('$__rate_interval', '1m')
    const answers = async (): Promise<number> => (await ask<{ result: unknown[] }>('query', { query })).result.length
    await expect.poll(answers, { timeout: 30_000 }).toBeGreaterThan(0)
  })

  it('raises no alert about a service that is well', async () => {
    interface Rule {
      readonly health: string
      readonly state: string
    }
    const evaluated = async (): Promise<readonly Rule[]> =>
      (await ask<{ groups: { rules: Rule[] }[] }>('rules')).groups.flatMap((group) => group.rules)
    await expect.poll(async () => (await evaluated()).every(({ health }) => health !== 'unknown'), { timeout: 30_000 }).toBe(true)
    expect(await evaluated()).toHaveLength(rules().length)
    for (const rule of await evaluated()) expect(rule).toMatchObject({ health: 'ok', state: 'inactive' })
  })
})

interface Question {
  readonly expr: string
}

function rules(): readonly (Question & {
  readonly alert: string
  readonly labels: object
  readonly annotations: { description: string }
})[] {
  return (parse(RULES) as { groups: { rules: ReturnType<typeof rules> }[] }).groups.flatMap((group) => group.rules)
}

function panels(): readonly (Question & { readonly title: string })[] {
  const dashboard = JSON.parse(file('config/grafana/ptrgate.json')) as { panels: { title: string; targets: Question[] }[] }
  return dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })))
}

function file(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}

function portOf({ http }: TestService): string {
  return new URL(http).port
}

function prometheusConfig(port: string): string {
  return JSON.stringify({
    global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL },
    rule_files: ['ptrgate-alerts.yaml'],
    scrape_configs: [{ job_name: 'ptrgate', static_configs: [{ targets: [`mx:${port}`] }] }],
  })
}

/** As promtool reads them; a test of each case by itself, since one alert's series may be another's as well. */
function ruleTests(cases: readonly AlertCase[]): object {
  const tests = cases.flatMap(({ alert, at, fires, labels, summary, quiet }) => {
    const rule = rules().find((each) => each.alert === alert)
    const raised = [
      { exp_labels: { ...labels, ...rule?.labels }, exp_annotations: { summary, description: rule?.annotations.description } },
    ]
    const test = (name: string, input: Series, exp_alerts: readonly object[]): object => ({
      name,
      interval: '1m',
      input_series: Object.entries(input).map(([series, values]) => ({ series, values })),
      alert_rule_test: [{ eval_time: `${String(at)}m`, alertname: alert, exp_alerts }],
    })
    return [test(`${alert} fires`, fires, raised), ...Object.entries(quiet).map(([why, input]) => test(`${alert}: ${why}`, input, []))]
  })
  return { rule_files: ['ptrgate-alerts.yaml'], evaluation_interval: '1m', tests }
}

/** Something of everything that a dashboard shows. */
async function beBusy(service: TestService): Promise<void> {
  await using smtpd = await PolicyTestClient.connect(service.address('policy'))
  for (const [index, client_address] of ['198.51.100.7', '198.51.100.8', '10.0.0.1'].entries())
    await smtpd.ask({ client_address, client_port: String(index + 1), instance: String(index) })
  await using mta = await MilterTestClient.connect(service.address('milter'))
  await mta.negotiate()
  await mta.connectFrom('198.51.100.7', { '{client_resolve}': 'FORGED' })
  await mta.deliver({ recipients: ['user@example.org'] })
  await using broken = await MilterTestClient.connect(service.address('milter'))
  broken.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  await broken.closed
}
