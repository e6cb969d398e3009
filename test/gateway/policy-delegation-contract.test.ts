/** The contract's cases through policy delegation, over TCP and over a unix socket, with a request at every step as with smtpd_delay_reject = no. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { ListenAddress } from '../../src/gateway/listen.ts'
import { startPolicyDelegation } from '../../src/gateway/policy-delegation.ts'
import { CONTRACT_CASES, type ContractCase } from '../contract/cases.ts'
import { startTestGate } from '../contract/gate.ts'
import { PolicyTestClient } from './policy-client.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ptrgate-policy-'))
})
afterAll(() => rm(directory, { recursive: true }))

describe('policy delegation on TCP', () => {
  it.each(CONTRACT_CASES)('$id', (testCase) => runCase(testCase, { kind: 'tcp', host: '127.0.0.1', port: 0 }))
})

describe('policy delegation on a unix socket', () => {
  it.each(CONTRACT_CASES)('$id', (testCase) => runCase(testCase, { kind: 'unix', path: join(directory, 'policy.sock') }))
})

async function runCase(testCase: ContractCase, address: ListenAddress): Promise<void> {
  const { client, expect: expected } = testCase
  const events: GateEvent[] = []
  await using dns = await startTestGate(testCase)
  const service = await startPolicyDelegation({ address, gate: dns.gate, onEvent: (event) => events.push(event) })
  try {
    await using smtpd = await PolicyTestClient.connect(service.address)
    const who = { client_address: client.address, ...(client.authenticated ? { sasl_method: 'PLAIN', sasl_username: 'user' } : {}) }
    const before = { recipient: '', sender: '', instance: '1.1.1.0' }
    const actions = [['connect', await smtpd.ask({ ...who, ...before, protocol_state: 'CONNECT', helo_name: '' })] as const]
    for (const helo of client.helos)
      actions.push(['helo', await smtpd.ask({ ...who, ...before, protocol_state: 'EHLO', helo_name: helo })] as never)
    const helo = { helo_name: client.helos.at(-1) ?? '' }
    actions.push(['mail', await smtpd.ask({ ...who, ...before, ...helo, sender: 'from@example.com', protocol_state: 'MAIL' })] as never)
    const recipient = client.recipient ?? ''
    actions.push(['rcpt', await smtpd.ask({ ...who, ...helo, recipient })] as never)
    actions.push(['rcpt', await smtpd.ask({ ...who, ...helo, recipient })] as never)
    const [refusedAt, refusal] = actions.find(([, action]) => /^[45]/.test(action)) ?? [null, null]

    expect(refusedAt).toBe(expected.refusedAt)
    expect(refusal).toBe(expected.reply === null ? null : expected.reply.slice(0, -2))
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError')).toEqual([])
    expect(outcomeOf(events)).toEqual({ action: expected.action, rule: expected.rule })
    if (expected.refusedAt === null) {
      const said = actions.map(([, action]) => action).filter((action) => action !== 'DUNNO' && !/^[45]/.test(action))
      expect(said).toEqual([
        ...(expected.action === 'quarantine' ? [`HOLD ptrgate: ${expected.rule}`] : []),
        ...(expected.header === null ? [] : [`PREPEND ${expected.header}`]),
      ])
    }
  } finally {
    await service.close(0)
  }
}

/** Recipients are asked twice, to see that nothing is said twice. */
function outcomeOf(events: readonly GateEvent[]): { action: string; rule: string } | undefined {
  for (const event of events) {
    if (event.kind === 'decision') return { action: event.verdict.decision.action, rule: event.verdict.decision.rule }
    if (event.kind === 'skipped') return { action: 'accept', rule: event.rule }
  }
  return undefined
}
