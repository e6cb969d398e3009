/**
 * What a case needs to be run at a front end: its DNS on a free port of 127.0.0.1, a resolver that asks it, and the engine's settings.
 */
import { name } from '../../src/core/domain-name.ts'
import { createResolver } from '../../src/dns/create-resolver.ts'
import type { DnsFault } from '../../src/dns/authority.ts'
import type { HealthBreaker } from '../../src/dns/health.ts'
import type { Resolver } from '../../src/dns/resolver.ts'
import type { GateSettings } from '../../src/engine/gate.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { policySettings, type PolicyInput } from '../../src/policy/settings.ts'
import { startTestDns } from '../support/zone.ts'
import { AUTHSERV_ID } from './cases.ts'

export interface TestGate extends AsyncDisposable {
  readonly gate: GateSettings
  /** Its address, as a resolver takes it. */
  readonly dnsServer: string
  /** Of the DNS: how many questions it was asked. */
  readonly queries: () => number
}

export interface TestGateInput {
  readonly zone: string
  readonly faults?: readonly DnsFault[] | undefined
  readonly policy?: PolicyInput | undefined
  readonly resolverIll?: boolean | undefined
  readonly internalError?: boolean | undefined
}

/** Its reverse zone always fails where the resolver is to be ill, for front ends that have to find that out by themselves. */
export const UNANSWERED_CLIENT = '203.0.113.9'
const UNANSWERED: DnsFault = { name: '9.113.0.203.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }
const BROKEN_RESOLVER: Resolver = { resolve: () => Promise.reject(new Error('a fault of the test')) }

export async function startTestGate(input: TestGateInput): Promise<TestGate> {
  const { zone, faults = [], policy = {}, resolverIll = false, internalError = false } = input
  const dns = await startTestDns(zone, resolverIll ? [...faults, UNANSWERED] : faults)
  const resolver = createResolver({ servers: [`127.0.0.1:${String(dns.port)}`], timeoutMs: 2000, attempts: 1 })
  return {
    gate: {
      resolver: internalError ? BROKEN_RESOLVER : resolver,
      policy: compilePolicy(policySettings(policy), rfc7372.replyFor),
      authservId: AUTHSERV_ID,
      ourNames: [name(AUTHSERV_ID)],
      ...(resolverIll ? { health: OPEN_BREAKER } : {}),
    },
    dnsServer: dns.server,
    queries: () => dns.statistics.queries,
    async [Symbol.asyncDispose]() {
      await resolver.close()
      await dns.close()
    },
  }
}

const OPEN_BREAKER: HealthBreaker = {
  observe: () => undefined,
  observeCanaries: () => undefined,
  state: () => ({ state: 'open', since: 0, reason: { kind: 'share', failing: 30, networks: 30 }, failing: 30, networks: 30 }),
  subscribe: () => () => undefined,
}
