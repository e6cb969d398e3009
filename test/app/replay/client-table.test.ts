import { describe, expect, it } from 'vitest'
import { ClientTable } from '../../../src/app/replay/client-table.ts'
import type { LogRecord } from '../../../src/app/replay/log-record.ts'
import { isPostmaster } from '../../../src/policy/decide.ts'
import { decide } from '../../../src/policy/decide.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { policySettings } from '../../../src/policy/settings.ts'
import { finding } from '../../../src/findings/catalogue.ts'
import { rfc7372 } from '../../../src/personas/rfc7372.ts'
import { ip } from '../../support/arbitrary.ts'

const RECORD: LogRecord = {
  address: ip('198.51.100.7'),
  claimedName: 'mail.example.com',
  authenticated: false,
  sender: 'a@example.com',
  recipients: ['b@example.org'],
  isToPostmaster: false,
  then: 'accepted',
  seenAt: '2026-05-03 06:30:11',
}

function tableOf(...changes: Partial<LogRecord>[]): ClientTable {
  const table = new ClientTable(3)
  for (const change of changes) table.add({ ...RECORD, ...change })
  return table
}

describe('the table of clients', () => {
  it.each<[string, Partial<LogRecord>[], number]>([
    ['HELO in another case → the same client', [{}, { claimedName: 'MAIL.example.com' }], 1],
    ['another HELO → another client', [{}, { claimedName: 'other.example.com' }], 2],
    ['no HELO is not an empty one', [{ claimedName: null }, { claimedName: '' }], 2],
    ['IPv4 in IPv6 → the same client', [{}, { address: ip('::ffff:198.51.100.7') }], 1],
    ['logged in → one client whatever HELO says', [{ authenticated: true }, { authenticated: true, claimedName: 'x' }, {}], 2],
  ])('%s', (_name, changes, size) => {
    expect(tableOf(...changes).size).toBe(size)
  })

  it('past the bound → counted, and those that are known go on', () => {
    const table = tableOf({}, { claimedName: 'b' }, { claimedName: 'c' }, { claimedName: 'd' }, {})
    expect(table.size).toBe(3)
    expect(table.totals).toMatchObject({ notKept: 1, messages: { accepted: 5 } })
    expect(table.clients[0]?.messages.accepted).toBe(2)
  })

  it('examples: those of accepted messages push the others out, and each stands once', () => {
    const [client] = tableOf(
      { then: 'rejected', sender: 'r1' },
      { then: 'rejected', sender: 'r2' },
      { then: 'rejected', sender: 'r3' },
      { then: 'rejected', sender: 'r4' },
      { sender: 'a1' },
      { sender: 'a2' },
      { sender: 'a1' },
    ).clients
    expect(client?.senders).toEqual(['a1', 'a2', 'r1'])
  })

  it('messages to postmaster, and the times', () => {
    const table = tableOf({ isToPostmaster: true, seenAt: '2026-05-04 00:00:00' }, { seenAt: null }, { then: 'deferred' })
    expect(table.clients[0]).toMatchObject({
      messages: { accepted: 1, deferred: 1 },
      toPostmaster: { accepted: 1 },
      lastSeen: '2026-05-04 00:00:00',
    })
    expect(table.totals).toMatchObject({ firstSeen: '2026-05-03 06:30:11', lastSeen: '2026-05-04 00:00:00' })
  })

  it('hostile texts are kept in part only', () => {
    const [client] = tableOf({ claimedName: 'x'.repeat(60_000), sender: 'y'.repeat(60_000) }).clients
    expect(client?.claimedName?.length).toBeLessThan(400)
    expect(client?.senders[0]?.length).toBeLessThan(400)
  })
})

describe('postmaster', () => {
  const policy = compilePolicy(policySettings({ exemptPostmaster: true }), rfc7372.replyFor)
  const exempt = (recipient: string): boolean =>
    decide(
      {
        address: RECORD.address,
        iprev: null,
        findings: [finding('HELO_BARE_ADDRESS', { claimedName: '198.51.100.7' })],
        authenticated: false,
        recipient,
        resolverIll: false,
        internalError: false,
      },
      policy,
    ).rule === 'postmaster'

  it.each([
    'postmaster',
    'POSTMASTER@example.org',
    '"postmaster"@example.org',
    '<postmaster@example.org>',
    'postmaster@',
    'post',
    'postmaster@a@b',
    'x-postmaster@b',
    '',
  ])('%j as the policy sees it', (recipient) => {
    expect(isPostmaster(recipient)).toBe(exempt(recipient))
  })
})
