import { describe, expect, it } from 'vitest'
import { ClientTable } from '../../../src/app/replay/client-table.ts'
import { judgeClients, replayPolicy, type JudgedClient } from '../../../src/app/replay/judge-clients.ts'
import type { LoggedFacts } from '../../../src/app/replay/log-record.ts'
import { openGateSession } from '../../../src/engine/gate.ts'
import { rfc7372 } from '../../../src/personas/rfc7372.ts'
import { policySettings, type PolicyInput } from '../../../src/policy/settings.ts'
import { CONTRACT_CASES } from '../../contract/cases.ts'
import { startTestGate } from '../../contract/gate.ts'
import { ip } from '../../support/arbitrary.ts'

interface JudgeInput {
  readonly address?: string
  readonly helo?: string | null
  readonly authenticated?: boolean
  readonly facts?: LoggedFacts
  readonly policy: PolicyInput
  readonly zone: string
  readonly signal?: AbortSignal
}

async function judge(input: JudgeInput): Promise<{ judged: readonly JudgedClient[]; queries: number }> {
  const { address = '198.51.100.7', helo = 'mail.example.com', authenticated = false, facts, policy, zone } = input
  await using test = await startTestGate({ zone, policy })
  const table = new ClientTable()
  table.add({
    address: ip(address),
    claimedName: helo,
    authenticated,
    sender: null,
    recipients: [],
    isToPostmaster: false,
    then: 'accepted',
    seenAt: null,
    facts: facts ?? null,
  })
  const judged = await judgeClients(table.clients, {
    judge: test.gate,
    policy: replayPolicy(policySettings(policy), rfc7372.replyFor),
    concurrency: 4,
    signal: input.signal ?? new AbortController().signal,
    onJudged: () => undefined,
    onInternalError: (error) => {
      throw error
    },
  })
  return { judged, queries: test.queries() }
}

const NO_PTR = 'mail.example.com. A 198.51.100.7'

describe('the clients of a log', () => {
  // A log shows one HELO of a client, and the breaker is of the moment.
  const cases = CONTRACT_CASES.filter(({ client, resolverIll }) => client.helos.length <= 1 && resolverIll === undefined)

  it.each(cases.map((test) => [test.id, test] as const))('as at a gate: %s', async (_id, { client, zone, faults, policy }) => {
    await using test = await startTestGate({ zone, faults, policy })
    const session = openGateSession(ip(client.address), test.gate)
    const [helo = null] = client.helos
    if (helo !== null) session.helo(helo)
    if (client.authenticated) session.authenticate()
    const { decision } = await session.verdict('rcpt', client.recipient ?? null)
    session.close()
    const table = new ClientTable()
    const record = { address: ip(client.address), claimedName: helo, authenticated: client.authenticated === true }
    table.add({ ...record, sender: null, recipients: [], isToPostmaster: false, then: 'accepted', seenAt: null })
    const [judged] = await judgeClients(table.clients, {
      judge: test.gate,
      policy: replayPolicy(policySettings(policy), rfc7372.replyFor),
      concurrency: 1,
      signal: new AbortController().signal,
      onJudged: () => undefined,
      onInternalError: (error) => {
        throw error
      },
    })
    const isPostmaster = client.recipient?.toLowerCase().startsWith('postmaster') === true
    const outlook = isPostmaster ? judged?.verdict.toPostmaster : judged?.verdict.ordinary
    const { action, rule, finding, reply } = decision
    expect(outlook?.enforced).toEqual({ action, rule, finding, code: reply?.code ?? null, enhanced: reply?.enhanced ?? null })
  })

  it('a dry run → what is meant, by its own rule, and that it is not done', async () => {
    const { judged } = await judge({ policy: { dryRun: true }, zone: NO_PTR })
    expect(judged[0]?.verdict.ordinary).toMatchObject({
      intended: { action: 'reject', rule: 'permerror', code: 550, enhanced: '5.7.25' },
      enforced: { action: 'tag', rule: 'dryRun', code: null },
    })
  })

  it('a percentage of none, also in a network of its own → the same', async () => {
    for (const policy of [{ percent: 0 }, { networks: [{ cidr: '198.51.100.0/24', percent: 0 }] }] satisfies PolicyInput[]) {
      const { judged } = await judge({ policy, zone: NO_PTR })
      expect(judged[0]?.verdict.ordinary).toMatchObject({ intended: { action: 'reject' }, enforced: { action: 'tag', rule: 'percent' } })
    }
  })

  it('postmaster is exempt for good, not for the moment', async () => {
    const { judged } = await judge({ policy: { exemptPostmaster: true }, zone: NO_PTR })
    expect(judged[0]?.verdict).toMatchObject({
      ordinary: { intended: { action: 'reject' } },
      toPostmaster: { intended: { action: 'tag', rule: 'postmaster' } },
    })
  })

  it.each([
    ['logged in', { authenticated: true }, 'authenticated'],
    ['private', { address: '10.0.0.1' }, 'private'],
  ])('%s → nothing is asked', async (_name, client, rule) => {
    const { judged, queries } = await judge({ ...client, policy: {}, zone: NO_PTR })
    expect(judged[0]?.verdict).toMatchObject({ result: null, ordinary: { enforced: { action: 'accept', rule } } })
    expect(queries).toBe(0)
  })

  it.each<[LoggedFacts['result'], LoggedFacts['reason'], LoggedFacts['findings'], PolicyInput, string]>(
    [
      ['permerror', 'noPtrRecord', ['PTR_MISSING'], 'balanced', 'reject permerror'],
      ['temperror', 'reverseServfail', ['PTR_UNKNOWN'], 'balanced', 'defer temperror'],
      ['pass', 'confirmed', ['FCRDNS_CONFIRMED'], 'strict', 'accept pass'],
      ['pass', 'confirmed', ['FCRDNS_CONFIRMED', 'PTR_GENERIC'], 'strict', 'reject genericPtr'],
      ['pass', 'confirmed', ['PTR_GENERIC'], { preset: 'strict', names: [{ suffix: 'example.com', skip: true }] }, 'accept names'],
      ['permerror', 'noPtrRecord', ['PTR_MISSING', 'RESOLVER_ILL'], 'balanced', 'tag resolverIll'],
    ].map(
      ([result, reason, findings, policy, expected]) =>
        [result, reason, findings, typeof policy === 'string' ? { preset: policy } : policy, expected] as never,
    ),
  )('logged then as %s (%s) with %j under %j → %s, without asking', async (result, reason, findings, policy, expected) => {
    const facts = { result, reason, findings, ptrNames: ['mail.example.com'], confirmedName: result === 'pass' ? 'mail.example.com' : null }
    const { judged, queries } = await judge({ facts, policy, zone: '' })
    const { action, rule } = judged[0]?.verdict.ordinary.enforced ?? {}
    expect(`${String(action)} ${String(rule)}`).toBe(expected)
    expect(queries).toBe(0)
  })

  it('an interruption → what was not judged to its end is not told', async () => {
    const { judged } = await judge({ policy: {}, zone: NO_PTR, signal: AbortSignal.abort() })
    expect(judged).toEqual([])
  })
})
