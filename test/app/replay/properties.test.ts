/** Lines that a stranger had a hand in: no reader throws, takes long, or lets anything raw through to a report. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientTable } from '../../../src/app/replay/client-table.ts'
import { createEximReader } from '../../../src/app/replay/exim-log.ts'
import { judgeClients, replayPolicy } from '../../../src/app/replay/judge-clients.ts'
import type { LogReader, LogReaderOptions } from '../../../src/app/replay/log-record.ts'
import { createPostfixReader } from '../../../src/app/replay/postfix-log.ts'
import { createPtrgateReader } from '../../../src/app/replay/ptrgate-log.ts'
import { replayJson, replayNdjson } from '../../../src/app/replay/replay-json.ts'
import { replayReport } from '../../../src/app/replay/replay-report.ts'
import { renderReplayText } from '../../../src/app/replay/replay-text.ts'
import { rfc7372 } from '../../../src/personas/rfc7372.ts'
import { policySettings } from '../../../src/policy/settings.ts'
import { fakeResolver } from '../../support/fake-resolver.ts'
import { NOW, readAll } from './log-fixture.ts'

const READERS: readonly (readonly [string, (options: LogReaderOptions) => LogReader])[] = [
  ['postfix', createPostfixReader],
  ['exim', createEximReader],
  ['ptrgate', createPtrgateReader],
]

const PIECES = [
  'May  3 06:30:11 mx postfix/smtpd[7]: ',
  'May  3 06:30:11 mx postfix/cleanup[7]: ',
  'May  3 06:30:11 mx postfix/qmgr[7]: ',
  '2026-05-03 06:30:11 ',
  '2026-05-03T06:30:11+02:00 mx exim[7]: ',
  '1tZaaa-00000A-2r ',
  'NOQUEUE: ',
  'ABCDE1: ',
  'client=',
  'reject: ',
  'header ',
  'proxy-reject: ',
  'RCPT from ',
  'END-OF-MESSAGE from ',
  'x[198.51.100.8]',
  'H=(x) [198.51.100.8]',
  ' F=<',
  ' rejected RCPT <',
  'rejected HELO from [198.51.100.8]',
  ': syntactically invalid argument(s): ',
  '<= ',
  '=> ',
  '"',
  '\\',
  '; from=<',
  '> to=<',
  '> proto=ESMTP',
  ' helo=<',
  '>',
  'removed',
  'Completed',
  '{"event":"decision","address":"198.51.100.8","helo":"',
  '","to":["',
  '"]}',
  '\u001b[31m',
  '\u202e',
  '\u0000',
]
const anyLine = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: 14 })
  .map((pieces) => pieces.join(''))

describe.each(READERS)('hostile lines to the %s reader', (_name, create) => {
  it('no line makes it throw', () => {
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 20 }), (lines) => {
        for (const { claimedName, sender, recipients } of readAll(create, lines, 4).records) {
          expect([claimedName, sender, ...recipients].every((text) => text === null || typeof text === 'string')).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each(PIECES)('a line full of %j is read in time that grows with its length alone', (piece) => {
    const fronts = [
      '',
      'May  3 06:30:11 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from x[198.51.100.8]: ',
      '2026-05-03 06:30:11 H=(x) [198.51.100.8] F=<',
      '2026-05-03 06:30:11 1tZaaa-00000A-2r <= "',
    ]
    const cost = (length: number): number => {
      const lines = fronts.map((front) => front + piece.repeat(Math.ceil(length / piece.length)).slice(0, length))
      const start = process.cpuUsage()
      for (let round = 0; round < 3; round++) readAll(create, lines)
      const { user, system } = process.cpuUsage(start)
      return user + system
    }
    cost(1000)
    // A quadratic reader would need seconds for this; the bound is a hundred times what is needed.
    expect(cost(65_000)).toBeLessThan(500_000)
  })
})

describe('a report of hostile lines', () => {
  it('is printable ASCII in every form, and no text of theirs begins a line', async () => {
    const hostile = fc.string({
      unit: fc.constantFrom('\n', '\r', '\u001b', '[2J', '\u202e', '"', '\\', "'", '- { cidr: ', 'ä', 'x', '\u0000', '</script>'),
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, hostile, async (claimedName, sender, recipient, name) => {
        const table = new ClientTable()
        const address = { family: 4 as const, bytes: [198, 51, 100, 8] }
        for (const then of ['accepted', 'rejected'] as const) {
          table.add({
            address,
            claimedName: `${then}${claimedName}`,
            authenticated: false,
            sender,
            recipients: [recipient],
            isToPostmaster: false,
            then,
            seenAt: null,
          })
        }
        const judged = await judgeClients(table.clients, {
          judge: { resolver: fakeResolver({}) },
          policy: replayPolicy(policySettings('strict'), rfc7372.replyFor),
          concurrency: 1,
          signal: new AbortController().signal,
          onJudged: () => undefined,
          onInternalError: () => undefined,
        })
        const policy = { file: name, preset: 'strict', stage: 'rcpt', dryRun: false, percent: 100, exemptPostmaster: false } as const
        const logs = [{ name, format: 'postfix', lines: 1, used: 1, tooLong: 0 } as const]
        const report = replayReport({ logs, policy, totals: table.totals, clients: 2, judged, internalErrors: 0, interrupted: false })
        const text = renderReplayText(report, { columns: 80, color: false, verbose: true })
        expect(text).toMatch(/^[\x20-\x7e\n]*$/)
        for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
        expect(text).not.toMatch(/^- \{ cidr/m)
        expect(replayJson(report)).toMatch(/^[\x20-\x7e]*$/)
        for (const line of replayNdjson(report)) {
          expect(line).toMatch(/^[\x20-\x7e]*\n$/)
          expect(JSON.parse(line)).toMatchObject({ ptrgate: 1 })
        }
      }),
      { numRuns: 200 },
    )
  })

  it('the year of a timestamp without one is the latest that is not in the future', () => {
    const seen = (day: string): string | null | undefined => {
      const line = `${day} 06:30:11 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from x[198.51.100.8]: 550 no; from=<a> to=<b> proto=SMTP helo=<c>`
      return readAll(createPostfixReader, [line]).records[0]?.seenAt
    }
    expect(NOW.toISOString()).toBe('2026-06-01T12:00:00.000Z')
    expect(seen('May  3')).toBe('2026-05-03 06:30:11')
    expect(seen('Jun  2')).toBe('2026-06-02 06:30:11')
    expect(seen('Jun  3')).toBe('2025-06-03 06:30:11')
    expect(seen('Dec 31')).toBe('2025-12-31 06:30:11')
  })
})
