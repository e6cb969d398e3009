/** The contract's cases through the milter, as Postfix speaks it, over TCP and over a unix socket. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { ListenAddress } from '../../src/gateway/listen.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import type { MilterReply } from '../../src/wire/milter.ts'
import { AUTHSERV_ID, CONTRACT_CASES, type ContractCase } from '../contract/cases.ts'
import { startTestGate } from '../contract/gate.ts'
import { isRefusal, MilterTestClient, POSTFIX_OFFER } from './milter-client.ts'

const FORGED = ['Authentication-Results', `${AUTHSERV_ID}; iprev=pass policy.iprev=198.51.100.7`] as const
const OFFERS = {
  'version 6': POSTFIX_OFFER,
  'version 4, which knows no silence': { version: 4, actions: 0x1ff, steps: 0x37f },
  'version 2': { version: 2, actions: 0x3f, steps: 0x7f },
}

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ptrgate-milter-'))
})
afterAll(() => rm(directory, { recursive: true }))

describe.each(Object.entries(OFFERS))('the milter on TCP, %s', (_version, offer) => {
  it.each(CONTRACT_CASES)('$id', async (testCase) => {
    await runCase(testCase, { kind: 'tcp', host: '127.0.0.1', port: 0 }, offer)
  })
})

describe('the milter on a unix socket', () => {
  it.each(CONTRACT_CASES)('$id', async (testCase) => {
    await runCase(testCase, { kind: 'unix', path: join(directory, 'milter.sock') }, POSTFIX_OFFER)
  })
})

async function runCase(testCase: ContractCase, address: ListenAddress, offer: typeof POSTFIX_OFFER): Promise<void> {
  const { client, expect: expected } = testCase
  const events: GateEvent[] = []
  await using dns = await startTestGate(testCase)
  const milter = await startMilter({ address, gate: dns.gate, onEvent: (event) => events.push(event) })
  try {
    await using mta = await MilterTestClient.connect(milter.address)
    await mta.negotiate(offer)
    const answers: (readonly [string, MilterReply | null])[] = [['connect', await mta.connectFrom(client.address)]]
    for (const claimedName of client.helos) answers.push(['helo', await mta.helo(claimedName)])
    // Whoever is let through at the start is asked no more.
    const isOver = answers.some(([, reply]) => reply?.kind === 'accept')
    const macros = client.authenticated ? { '{auth_type}': 'PLAIN' } : {}
    const headers = [['Subject', 'test'] as const, FORGED, ['X-Other', '1'] as const]
    const mail = isOver ? null : await mta.deliver({ recipients: [client.recipient ?? ''], headers, macros })
    answers.push(['mail', mail?.mail ?? null], ['rcpt', mail?.recipients[0] ?? null])
    const [refusedAt, refusal] = answers.find(([, reply]) => isRefusal(reply)) ?? [null, null]

    expect(refusedAt).toBe(expected.refusedAt)
    expect(refusal).toEqual(expected.reply === null ? null : { kind: 'replyCode', text: expected.reply.slice(0, -2) })
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError')).toEqual([])
    expect(outcomeOf(events)).toEqual({ action: expected.action, rule: expected.rule })
    if (expected.refusedAt === null) {
      expect(mail?.end?.reply ?? { kind: 'accept' }).toEqual({ kind: 'accept' })
      expect(mail?.end?.modifications ?? []).toEqual(modificationsOf(testCase))
    }
  } finally {
    await milter.close(0)
  }
}

function outcomeOf(events: readonly GateEvent[]): { action: string; rule: string } | undefined {
  for (const event of events) {
    if (event.kind === 'decision') return { action: event.verdict.decision.action, rule: event.verdict.decision.rule }
    if (event.kind === 'skipped') return { action: 'accept', rule: event.rule }
  }
  return undefined
}

function modificationsOf({ expect: { header, forgedHeaders, action, rule } }: ContractCase): unknown[] {
  const deletions = forgedHeaders === 'removed' ? [{ kind: 'deleteHeader', index: 1, name: 'Authentication-Results' }] : []
  const insertions =
    header === null ? [] : [{ kind: 'insertHeader', index: 0, name: header.split(': ')[0], value: header.slice(header.indexOf(' ') + 1) }]
  const quarantines = action === 'quarantine' ? [{ kind: 'quarantine', reason: `ptrgate: ${rule}` }] : []
  return [...deletions, ...insertions, ...quarantines]
}
