/**
 * Our own resolver is stopped, stalls, spoils its answers, refuses, or comes and goes: at every front end the client is told to
 * try again, nobody is refused for good, and all is as before once it is back.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import type { DnsFault, DnsFaultStep } from '../../src/dns/authority-faults.ts'
import { createResolver, type ResolverHandle } from '../../src/dns/create-resolver.ts'
import { createHealthBreaker, type HealthSettings } from '../../src/dns/health.ts'
import type { ResourceRecord } from '../../src/dns/resolver.ts'
import type { GateSettings } from '../../src/engine/gate.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { policySettings, type PolicyInput } from '../../src/policy/settings.ts'
import type { DnsMessage } from '../../src/wire/dns.ts'
import { startTestService, sumOfMetric, type LogLine } from '../app/serve/served.ts'
import { AUTHSERV_ID, CONTRACT_CASES, type ContractCase } from '../contract/cases.ts'
import { expectedOutcome, type ContractDriver } from '../contract/driver.ts'
import { HTTP_DRIVER } from '../contract/http.ts'
import { MILTER_DRIVERS } from '../contract/milter.ts'
import { PLUGIN_DRIVER } from '../contract/plugin.ts'
import { POLICY_DRIVERS } from '../contract/policy.ts'
import { RELAY_DRIVER } from '../contract/relay.ts'
import { PROXY_ADDRESS } from '../contract/smtp.ts'
import { startHop } from '../gateway/next-hop-server.ts'
import { startDnsPeer, type PeerQuery } from '../support/dns-peer.ts'
import { address } from '../support/fake-resolver.ts'
import { manualClock, startTestDns } from '../support/zone.ts'
import { FRONT_ENDS, judgeByHttp, judgeByMilter, judgeByPolicy, judgeBySmtp, portOf, type Judged } from './front-ends.ts'
import { networkHandlesGone } from './handles.ts'

/** One of each protocol: the contract shows that their variants do the same. */
const DRIVERS: readonly ContractDriver[] = [
  PLUGIN_DRIVER,
  RELAY_DRIVER,
  ...MILTER_DRIVERS.slice(0, 1),
  ...POLICY_DRIVERS.slice(0, 1),
  HTTP_DRIVER,
]
/** It refuses most of all presets, so it has most to refuse wrongly. */
const STRICT: PolicyInput = { preset: 'strict' }
/** The client is fine, if only the DNS could be asked. */
const DEFERRED: ContractCase = { ...caseNamed('reverse SERVFAIL → 451'), faults: [], policy: STRICT }
const ACCEPTED: ContractCase = { ...caseNamed('confirmed name → accepted'), policy: STRICT }

function caseNamed(id: string): ContractCase {
  const found = CONTRACT_CASES.find((testCase) => testCase.id === id)
  if (found === undefined) throw new Error(`the contract has no case ${id}`)
  return found
}

interface BrokenDns extends AsyncDisposable {
  readonly server: string
  /** Null for one that does not come back. */
  readonly mend: (() => void) | null
}

const BROKEN: readonly (readonly [what: string, start: () => Promise<BrokenDns>])[] = [
  ['is stopped before the start', stopped],
  ['is stopped between PTR and forward lookup', stoppedInTheMiddle],
  ['answers after the deadline', tooLate],
  ['is silent', () => failing({ kind: 'silence' })],
  ['says SERVFAIL to everything', () => failing({ kind: 'rcode', rcode: 'SERVFAIL' })],
  ['says REFUSED to everything', () => failing({ kind: 'rcode', rcode: 'REFUSED' })],
  ['says NOTIMP to everything', () => failing({ kind: 'rcode', rcode: 'NOTIMP' })],
  ['answers with garbage', () => failing({ kind: 'malformed', as: 'garbage' })],
  ['answers with cut off messages', () => failing({ kind: 'malformed', as: 'cut' })],
  ['truncates, and closes TCP', () => failing({ kind: 'truncate', tcp: 'close' })],
]

describe('a resolver that', { concurrent: true }, () => {
  it.each(BROKEN)('%s: 451 at every front end, nothing passes, and the client gets through once it is back', async (_what, start) => {
    await using dns = await start()
    // No cache: it would remember a failure for a moment.
    const openResolver = (timeoutMs: number): ResolverHandle =>
      createResolver({ servers: [dns.server], timeoutMs, attempts: 1, cache: false })
    const runEverywhere = async (testCase: ContractCase, resolver: ResolverHandle): Promise<void> => {
      const setting = { gate: gateWith(resolver), dnsServer: dns.server, queries: () => 0, [Symbol.asyncDispose]: () => resolver.close() }
      const outcomes = await Promise.all(DRIVERS.map(async (driver) => [driver.name, await driver.run(testCase, setting)] as const))
      expect(outcomes).toEqual(DRIVERS.map((driver) => [driver.name, expectedOutcome(driver, testCase)]))
    }
    await using impatient = openResolver(300)
    await using patient = openResolver(4000)
    await runEverywhere(DEFERRED, impatient)
    if (dns.mend !== null) {
      dns.mend()
      await runEverywhere(ACCEPTED, patient)
    }
    expect(impatient.statistics().client).toMatchObject({ outstanding: 0, waiting: 0 })
  })
})

describe('a resolver that comes and goes', { concurrent: true }, () => {
  it.each(FRONT_ENDS)('$name: no refusal between its failing and its recovery, three times over', async ({ start }) => {
    await using dns = await startTestDns('mail.example.com. A 198.51.100.7')
    const clock = manualClock()
    const health: Partial<HealthSettings> = { minimumNetworks: 3, closeMinimumNetworks: 1, openMs: 1000, clock: () => clock.now() }
    const settings = { servers: [dns.server], timeoutMs: 2000, attempts: 1, cache: false as const }
    const breaker = createHealthBreaker(health)
    await using resolver = createResolver({ ...settings, health: breaker })
    await using frontEnd = await start({
      gate: { ...gateWith(resolver), health: breaker },
      plugin: { policy: STRICT, dns: settings, health },
    })
    // Each from a network of its own, none with a PTR.
    let clients = 0
    const judgeNext = (): Promise<Judged> => frontEnd.judge(`101.${String(++clients)}.0.1`)
    for (let cycle = 0; cycle < 3; cycle++) {
      expect(await judgeNext()).toEqual(NO_PTR)
      dns.faults.add(ALL_SERVFAIL)
      expect(await judgeNext()).toEqual(NOT_NOW)
      // Most networks cannot be looked up: it is our resolver, and nobody is held up for it.
      expect([await judgeNext(), await judgeNext()]).toEqual([PASSED, PASSED])
      // Half-open: what fails is still held against nobody, and opens it again.
      clock.advance(1001)
      expect([await judgeNext(), await judgeNext(), await judgeNext()]).toEqual([PASSED, PASSED, PASSED])
      dns.faults.clear()
      // Well again, but not yet believed.
      expect(await judgeNext()).toEqual(PASSED)
      clock.advance(1001)
      expect(await judgeNext()).toEqual(NO_PTR)
      clock.advance(60_000)
    }
    expect(frontEnd.events.filter(({ kind }) => kind !== 'decision')).toEqual([])
  })

  it('the service: canaries open and close the breaker, and between the two nobody is refused at any listener', async () => {
    await using hop = await startHop({ extensions: [] })
    await using served = await startTestService(serviceConfig(hop.port), SERVICE_ZONE)
    const listeners: Readonly<Record<string, (client: string) => Promise<Judged>>> = {
      milter: (client) => judgeByMilter(served.address('milter'), client),
      policy: (client) => judgeByPolicy(served.address('policy'), client),
      http: (client) => judgeByHttp(served.address('http'), client),
      smtp: (client) => judgeBySmtp(portOf(served.address('smtp')), client, 'xclient'),
    }
    let clients = 0
    const judgeEverywhere = (): Promise<Judged[]> =>
      Promise.all(Object.values(listeners).map((judge) => judge(`101.${String(++clients)}.0.1`)))
    const allAre = (judged: Judged): Judged[] => Object.keys(listeners).map(() => judged)
    for (let cycle = 0; cycle < 2; cycle++) {
      expect(await judgeEverywhere()).toEqual(allAre(NO_PTR))
      const before = served.lines.of('resolverHealth').filter(isOpening).length
      served.setup.fault(ALL_SERVFAIL)
      await served.lines.next('resolverHealth', before, isOpening)
      expect(await judgeEverywhere()).toEqual(allAre(PASSED))
      expect(await sumOfMetric(served.http, 'ptrgate_resolver_open')).toBe(1)
      served.setup.clearFaults()
      await served.lines.next('resolverHealth', cycle, (line) => line['state'] === 'closed')
      expect(await sumOfMetric(served.http, 'ptrgate_resolver_open')).toBe(0)
    }
    expect(await judgeEverywhere()).toEqual(allAre(NO_PTR))
    const refusals = served.lines.of('decision').filter((line) => line['result'] === 'temperror' && line['action'] === 'reject')
    expect([refusals, served.lines.of('internalError'), served.lines.of('socketError')]).toEqual([[], [], []])
    expect(hop.sessions.flatMap(({ messages }) => messages)).toHaveLength(2)
  })
})

const NO_PTR: Judged = { kind: 'refused', reply: expect.stringMatching(/^550 5\.7\.25 /) as string }
const NOT_NOW: Judged = { kind: 'deferred', reply: expect.stringMatching(/^451 4\.7\.25 /) as string }
const PASSED: Judged = { kind: 'taken', reply: null }
const ALL_SERVFAIL: DnsFault = { name: '*', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }

function isOpening(line: LogLine): boolean {
  return line['state'] === 'open'
}

const SERVICE_ZONE = `
250.100.51.198.in-addr.arpa. PTR canary.example.
mail.example.com. A 198.51.100.7`

function serviceConfig(hopPort: number): string {
  return `
listeners:
  - { kind: milter, address: '127.0.0.1:0' }
  - { kind: policy, address: '127.0.0.1:0' }
  - { kind: http, address: '127.0.0.1:0' }
  - { kind: smtp, address: '127.0.0.1:0', nextHop: '127.0.0.1:${String(hopPort)}', xclientPeers: ['${PROXY_ADDRESS}'] }
health:
  canaries: [{ address: 198.51.100.250, ptrName: canary.example }]
  canaryIntervalMs: 1000
  canaryRoundsToOpen: 1
  canaryRoundsToClose: 1
  openMs: 100
policy: { preset: strict }
`
}

function gateWith(resolver: GateSettings['resolver']): GateSettings {
  return {
    resolver,
    policy: compilePolicy(policySettings(STRICT), rfc7372.replyFor),
    authservId: AUTHSERV_ID,
    ourNames: [name(AUTHSERV_ID)],
  }
}

/** Below the ports that anybody is given, so that nobody else comes to listen there meanwhile. */
function stopped(): Promise<BrokenDns> {
  return Promise.resolve({ server: '127.53.0.1:1', mend: null, [Symbol.asyncDispose]: () => Promise.resolve() })
}

async function failing(effect: DnsFaultStep): Promise<BrokenDns> {
  const dns = await startTestDns(ACCEPTED.zone, [{ name: '*', effect }])
  return {
    server: dns.server,
    mend: () => {
      dns.faults.clear()
    },
    [Symbol.asyncDispose]: () => dns.close(),
  }
}

/** It answers the PTR, and is gone for all that follows. */
async function stoppedInTheMiddle(): Promise<BrokenDns> {
  let closed: Promise<void> | null = null
  const peer = await startDnsPeer((query) => {
    if (query.question.type !== 'PTR') return
    query.reply(truth(query))
    setImmediate(() => {
      closed ??= peer.close()
    })
  }, OWN_HOST)
  return {
    server: `${OWN_HOST}:${String(peer.server.port)}`,
    mend: null,
    [Symbol.asyncDispose]: () => (closed ??= peer.close()),
  }
}

/** Its answers come when nobody waits for them any more, and then it is as fast as ever. */
async function tooLate(): Promise<BrokenDns> {
  const held: PeerQuery[] = []
  const peer = await startDnsPeer((query) => {
    held.push(query)
  }, OWN_HOST)
  return {
    server: `${OWN_HOST}:${String(peer.server.port)}`,
    mend: () => {
      for (const query of held) query.reply(truth(query))
      peer.script = (query) => {
        query.reply(truth(query))
      }
    },
    [Symbol.asyncDispose]: () => peer.close(),
  }
}

/** An address on which no other test of this file listens, so that none takes over a port that was given up. */
const OWN_HOST = '127.53.0.2'

function truth(query: PeerQuery): DnsMessage {
  const { name: asked, type } = query.question
  const common = { name: asked, ttl: 60 }
  const answers: ResourceRecord[] =
    type === 'PTR'
      ? [{ type, ...common, target: name('mail.example.com') }]
      : type === 'A'
        ? [{ type, ...common, address: address('198.51.100.7') }]
        : []
  return query.answer({ answers })
}

afterAll(networkHandlesGone)
