import { describe, expect, it } from 'vitest'
import { openLog } from '../../../src/app/log.ts'
import { createPtrgateReader } from '../../../src/app/replay/ptrgate-log.ts'
import { recordOf } from '../../../src/app/serve/event-record.ts'
import { openGateSession } from '../../../src/engine/gate.ts'
import type { GateClient, GateEvent } from '../../../src/gateway/gate-event.ts'
import { CONTRACT_CASES } from '../../contract/cases.ts'
import { startTestGate } from '../../contract/gate.ts'
import { ip } from '../../support/arbitrary.ts'
import { readAll, short } from './log-fixture.ts'

const CLIENT: GateClient = {
  address: ip('198.51.100.7'),
  claimedName: 'mail.example.com',
  authenticated: false,
  sender: 'a@example.com',
  recipients: ['user@example.org'],
  recipientCount: 1,
  queueId: '4F1C2A0331',
}

/** As `serve` writes it. */
function logLine(event: GateEvent): string {
  let written = ''
  const log = openLog({ write: (line) => void (written += line), flush: () => Promise.resolve(), flushSync: () => undefined }, 'debug')
  log.write(recordOf('milter', event, () => 3))
  return written.trimEnd()
}

/** The log line of a decision on this case of the contract. */
async function caseLine(id: string, client: Partial<GateClient> = {}): Promise<string> {
  const found = CONTRACT_CASES.find((candidate) => candidate.id === id)
  if (!found) throw new TypeError(`no such case: ${id}`)
  await using test = await startTestGate(found)
  const session = openGateSession(ip(found.client.address), test.gate)
  for (const helo of found.client.helos) session.helo(helo)
  const verdict = await session.verdict('rcpt', 'user@example.org')
  session.close()
  return logLine({ kind: 'decision', moment: verdict.reply ? 'rcpt' : 'message', verdict, client: { ...CLIENT, ...client } })
}

describe("ptrgate's own log", () => {
  it('an accepted message → with what the DNS said', async () => {
    const { records } = readAll(createPtrgateReader, [await caseLine('confirmed name → accepted')])
    expect(records.map(short)).toEqual(['198.51.100.7 helo=mail.example.com <a@example.com> -> user@example.org accepted'])
    expect(records[0]).toMatchObject({ facts: { result: 'pass', reason: 'confirmed', confirmedName: 'mail.example.com' } })
  })

  it.each([
    ['no PTR → 550', 'rejected', 'PTR_MISSING'],
    ['PTR name resolves elsewhere → 550', 'rejected', 'FCRDNS_MISMATCH'],
    ['reverse SERVFAIL → 451', 'deferred', 'PTR_UNKNOWN'],
    ['observe, no PTR → tagged', 'accepted', 'PTR_MISSING'],
  ])('%s', async (id, then, code) => {
    const { records } = readAll(createPtrgateReader, [await caseLine(id)])
    expect(records).toMatchObject([{ then, facts: { findings: expect.arrayContaining([code]) as unknown } }])
  })

  it('behind a syslog front', async () => {
    const { records } = readAll(createPtrgateReader, [`May  3 06:30:11 mx ptrgate[7]: ${await caseLine('no PTR → 550')}`])
    expect(records).toHaveLength(1)
  })

  it('to postmaster alone only if all recipients are listed', async () => {
    const line = (recipientCount: number): Promise<string> =>
      caseLine('no PTR → 550', { recipients: ['Postmaster@example.org'], recipientCount })
    const { records } = readAll(createPtrgateReader, [await line(1), await line(2)])
    expect(records.map(({ isToPostmaster }) => isToPostmaster)).toEqual([true, false])
  })

  it('a skipped client → no facts, and an unknown end', () => {
    const line = logLine({ kind: 'skipped', rule: 'authenticated', client: { ...CLIENT, authenticated: true } })
    expect(readAll(createPtrgateReader, [line]).records).toMatchObject([{ authenticated: true, then: 'unknown', facts: null }])
  })

  it.each([
    logLine({ kind: 'protocolError', reason: 'x' }),
    logLine({ kind: 'skipped', rule: 'unixSocket', client: { ...CLIENT, address: null } }),
    '{"event":"decision","address":"198.51.100.7"',
    '{"event":"decision","address":17}',
    '{"__proto__":{"address":"198.51.100.7","event":"decision"}}',
    '["event"]',
    'null',
    '',
  ])('%j → nothing', (line) => {
    expect(readAll(createPtrgateReader, [line])).toEqual({ records: [], used: [false] })
  })

  it('a line that is not as we write it → without facts rather than with wrong ones', () => {
    const line = JSON.stringify({
      event: 'decision',
      address: '198.51.100.7',
      result: 'pass',
      reason: 'toString',
      findings: ['constructor'],
      to: 7,
    })
    expect(readAll(createPtrgateReader, [line]).records).toMatchObject([{ facts: null, recipients: [], isToPostmaster: false }])
  })
})
