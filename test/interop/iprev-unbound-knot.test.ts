/**
 * The published cases again, this time against servers that others wrote: unbound in front of knot, each in a container.
 * What a real server cannot be told to do is marked in the case, with the reason.
 */
import { Network, Wait, type StartedNetwork, type StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isWithin, name, type DomainName } from '../../src/core/domain-name.ts'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { createResolver } from '../../src/dns/create-resolver.ts'
import type { IprevFacts } from '../../src/iprev/facts.ts'
import { formatZone } from '../../src/wire/zone-file.ts'
import {
  apexRecords,
  caseRecords,
  loadCases,
  ORIGIN,
  ZONES,
  type CaseExpectation,
  type IprevCase,
} from '../conformance/iprev/load-cases.ts'
import { differences, runCase } from '../conformance/iprev/run-case.ts'
import { address } from '../support/fake-resolver.ts'
import { buildFixture, describeWithDocker } from '../support/docker.ts'
import { configureKnot } from './knot.ts'

const cases = loadCases()
const possible = cases.filter((testCase) => !isSkipped(testCase))
const skipped = cases.filter(isSkipped)

/** More than unbound needs to give up on a server that is silent, and less than its clients would wait. */
const CLIENT_TIMEOUT_MS = 4000
/** The start script of the unbound fixture holds a silent server there. */
const SILENT_SERVER = '127.0.0.9'

describeWithDocker('iprev through unbound and knot', () => {
  /** In the order in which they were started; stopped from the last to the first. */
  const started: (() => Promise<unknown>)[] = []
  const facts = new Map<string, IprevFacts>()

  beforeAll(async () => {
    const network = await new Network().start()
    started.push(() => network.stop())
    const knot = await startKnot(network)
    started.push(() => knot.stop())
    const unbound = await startUnbound(network, knot.getIpAddress(network.getName()))
    started.push(() => unbound.stop())
    const resolver = createResolver({ servers: [unbound.getIpAddress(network.getName())], timeoutMs: CLIENT_TIMEOUT_MS, attempts: 2 })
    started.push(() => resolver.close())
    const run = async (testCase: IprevCase): Promise<unknown> => {
      const settings = { deadlineMs: 20_000, ...testCase.settings }
      return facts.set(testCase.id, await runCase({ ...testCase, settings }, resolver))
    }
    // Silent servers slow unbound down for everybody who asks at the same time.
    await Promise.all(possible.filter((testCase) => !isSilent(testCase)).map(run))
    await Promise.all(possible.filter(isSilent).map(run))
  }, 300_000)

  afterAll(async () => {
    for (const stop of started.toReversed()) await stop()
  })

  it.each(possible)('$id: $says', (testCase) => {
    const found = facts.get(testCase.id)
    expect(found && differences(found, testCase, expectationOf(testCase))).toEqual([])
  })

  it.skip.each(skipped)('$id: $recursive.skip (skipped: a real recursive resolver cannot express the case, as it says)', () => undefined)
})

type RealFault = 'notLoaded' | 'silent' | 'refused'

function isSkipped(testCase: IprevCase): boolean {
  return testCase.recursive !== undefined && 'skip' in testCase.recursive
}

function expectationOf(testCase: IprevCase): CaseExpectation {
  const own = testCase.recursive && 'expect' in testCase.recursive ? testCase.recursive.expect : undefined
  const { confirmedName } = testCase.expect
  return own ? { ...own, confirmedName } : testCase.expect
}

function isSilent(testCase: IprevCase): boolean {
  return realFaults(testCase).some(([, fault]) => fault === 'silent')
}

/** How real servers are made to fail as the case wants it: see README.md there. */
function realFaults(testCase: IprevCase): readonly (readonly [DomainName, RealFault])[] {
  const faults = (testCase.recursive && 'faults' in testCase.recursive ? testCase.recursive.faults : undefined) ?? testCase.faults
  return faults.map((fault) => {
    const { effect } = fault
    const how =
      effect.kind === 'silence' && fault.first === undefined
        ? 'silent'
        : effect.kind === 'rcode'
          ? REAL_RCODES[String(effect['rcode'])]
          : undefined
    if (!how) throw new TypeError(`${testCase.id}: a real server cannot do ${JSON.stringify(fault)}: mark the case`)
    return [name(fault.name), how]
  })
}

const REAL_RCODES: Readonly<Record<string, RealFault>> = { SERVFAIL: 'notLoaded', REFUSED: 'refused' }

const MUTE_SERVER = name(`mute-server.${ORIGIN}`)

/** A name that has no answer is delegated to a server that gives none; what it holds is then not ours to say. */
function realRecords(): readonly ResourceRecord[] {
  const delegations: ResourceRecord[] = []
  const kept: ResourceRecord[] = []
  for (const testCase of possible) {
    const broken = realFaults(testCase).filter(([, fault]) => fault !== 'refused')
    for (const [owner, fault] of broken) {
      if (fault === 'silent') delegations.push({ type: 'NS', name: owner, ttl: 300, target: MUTE_SERVER })
    }
    kept.push(...caseRecords(testCase).filter((record) => !broken.some(([owner]) => isWithin(record.name, owner))))
  }
  return [...kept, ...delegations]
}

async function startKnot(network: StartedNetwork): Promise<StartedTestContainer> {
  const image = await buildFixture('knot')
  const records = realRecords()
  const zones = new Map(ZONES.map((zone) => [zone, zoneText(zone, records)]))
  const notLoaded = possible.flatMap((testCase) => realFaults(testCase).flatMap(([owner, fault]) => (fault === 'notLoaded' ? [owner] : [])))
  return configureKnot(image, zones, notLoaded).withNetwork(network).start()
}

function zoneText(zone: string, records: readonly ResourceRecord[]): string {
  const apex = name(zone)
  const server = name(`ns.${ORIGIN}`)
  const ownRecords: ResourceRecord[] = [{ type: 'NS', name: apex, ttl: 300, target: server }]
  if (zone === ORIGIN) {
    ownRecords.push({ type: 'A', name: server, ttl: 300, address: address('127.0.0.1') })
    ownRecords.push({ type: 'A', name: MUTE_SERVER, ttl: 300, address: address(SILENT_SERVER) })
  }
  const inZone = (record: ResourceRecord): boolean => isWithin(record.name, apex)
  return formatZone([...apexRecords().filter(inZone), ...ownRecords, ...records.filter(inZone)])
    .split('\n')
    .map(escapeNames)
    .join('\n')
}

/** Knot reads most octets of a name only as `\DDD`. */
function escapeNames(line: string): string {
  const fields = line.split(' ')
  const escape = (text: string): string =>
    text.replaceAll(/\\([0-9]{3})|\\(.)|([^A-Za-z0-9._*-])/g, (whole, digits?: string, escaped?: string, plain?: string) =>
      digits === undefined ? `\\${String((escaped ?? plain ?? '').charCodeAt(0)).padStart(3, '0')}` : whole,
    )
  const hasName = ['PTR', 'CNAME', 'NS'].includes(fields[3] ?? '')
  return fields.map((field, index) => (index === 0 || (index === 4 && hasName) ? escape(field) : field)).join(' ')
}

async function startUnbound(network: StartedNetwork, knotAddress: string): Promise<StartedTestContainer> {
  const image = await buildFixture('unbound')
  return image
    .withNetwork(network)
    .withCopyContentToContainer([{ content: unboundConfiguration(knotAddress), target: '/etc/unbound/unbound.conf' }])
    .withWaitStrategy(Wait.forLogMessage(/start of service/, 1))
    .start()
}

/** Whatever lies outside of our zones does not exist: nothing may ask the public DNS. */
function unboundConfiguration(knotAddress: string): string {
  const refused = possible.flatMap((testCase) => realFaults(testCase).filter(([, fault]) => fault === 'refused'))
  return [
    'server:',
    // Not 0.0.0.0: port 53 of the silent server's address is taken.
    '    interface: eth0',
    '    access-control: 0.0.0.0/0 allow',
    '    do-ip6: no',
    '    module-config: "iterator"',
    '    chroot: ""',
    '    username: ""',
    '    use-syslog: no',
    '    logfile: ""',
    '    verbosity: 1',
    '    edns-buffer-size: 1232',
    '    rrset-roundrobin: yes',
    '    do-not-query-localhost: no',
    '    local-zone: "." static',
    '    local-zone: "100.51.198.in-addr.arpa." nodefault',
    '    local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault',
    ...ZONES.map((zone) => `    local-zone: "${zone}." transparent`),
    ...refused.map(([owner]) => `    local-zone: "${owner}." always_refuse`),
    ...ZONES.map((zone) => `stub-zone:\n    name: "${zone}."\n    stub-addr: ${knotAddress}\n    stub-prime: no`),
    '',
  ].join('\n')
}
