import { describe, expect, test } from 'vitest'
import { readClaimedName, readSoftware } from '../../src/probe/session-software.ts'

/** Greetings behind their code, as servers of these kinds write them; the name, and the software. */
const GREETINGS: readonly (readonly [text: string, name: string | null, software: string | null])[] = [
  ['mx.example.org ESMTP Postfix', 'mx.example.org', 'Postfix'],
  ['mx.example.org ESMTP Postfix (Debian/GNU)', 'mx.example.org', 'Postfix'],
  ['mx.example.org ESMTP Postfix (3.7.11)', 'mx.example.org', 'Postfix 3.7.11'],
  ['mx.example.org ESMTP Exim 4.96 Sat, 21 Nov 2026 10:00:00 +0000', 'mx.example.org', 'Exim 4.96'],
  ['mx.example.org ESMTP Sendmail 8.17.1/8.17.1/Debian-2; Sat, 21 Nov 2026 10:00:00 GMT', 'mx.example.org', 'Sendmail 8.17.1'],
  [
    'EX01.corp.example.com Microsoft ESMTP MAIL Service ready at Sat, 21 Nov 2026 10:00:00 +0000',
    'EX01.corp.example.com',
    'Microsoft Exchange',
  ],
  ['srv Microsoft ESMTP MAIL Service, Version: 10.0.14393.2608 ready at  Sat', null, 'Microsoft Exchange 10.0.14393.2608'],
  [
    'AM5EUR03FT012.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Sat',
    'AM5EUR03FT012.mail.protection.outlook.com',
    'Exchange Online',
  ],
  ['mx.google.com ESMTP a1-20020a5d5081000000b0033e712b1947si123456wrt.200 - gsmtp', 'mx.google.com', 'Gmail'],
  ['smtp.gmail.com ESMTP 5b1f17b1804b1-42f6c0d2sm.7 - gsmtp', 'smtp.gmail.com', 'Gmail'],
  ['mx.example.org ESMTP OpenSMTPD', 'mx.example.org', 'OpenSMTPD'],
  ['mx.example.org Stalwart ESMTP at your service', 'mx.example.org', 'Stalwart'],
  ['mx.example.org ESMTP Haraka/3.0.3 ready', 'mx.example.org', 'Haraka 3.0.3'],
  ['mx.example.org ESMTP', 'mx.example.org', 'qmail?'],
  ['mx.example.org ESMTP MailEnable Service, Version: 10.45 ready', 'mx.example.org', 'MailEnable 10.45'],
  ['mx.example.org ESMTP MDaemon 23.0.2; Sat', 'mx.example.org', 'MDaemon 23.0.2'],
  ['mail ESMTP Postfix', 'mail', 'Postfix'],
  ['localhost', 'localhost', null],
  ['[198.51.100.10] ESMTP', '[198.51.100.10]', null],
  ['[IPv6:2001:db8::1] ready', '[IPv6:2001:db8::1]', null],
  ['198.51.100.10 ESMTP', '198.51.100.10', 'qmail?'],
  ['mail_1.example.org ESMTP', 'mail_1.example.org', 'qmail?'],
  ['ESMTP ready', null, null],
  ['Welcome to our server', null, null],
  ['', null, null],
  ['****************************2******0*****', null, 'Cisco firewall?'],
  ['a..b ESMTP ready', null, null],
  ['mx.example.org\x1b[2J ESMTP ready', null, null],
]

describe('a greeting', () => {
  test.each(GREETINGS)('%j claims %s, %s', (text, name, expected) => {
    const software = readSoftware([text])
    const told =
      software && `${software.product}${software.version === null ? '' : ` ${software.version}`}${software.by === 'shape' ? '?' : ''}`
    expect(readClaimedName({ code: 220, lines: [text] })).toBe(name)
    expect(told).toBe(expected)
  })

  test('a refusal claims a name only if it has a dot', () => {
    expect(readClaimedName({ code: 554, lines: ['no'] })).toBeNull()
    expect(readClaimedName({ code: 554, lines: ['No SMTP service here'] })).toBeNull()
    expect(readClaimedName({ code: 554, lines: ['mx.example.org no SMTP service here'] })).toBe('mx.example.org')
  })

  test('many lines count together', () => {
    expect(readSoftware(['mx.example.org hello', 'running Exim 4.97'])?.version).toBe('4.97')
  })

  test.each([
    'a'.repeat(16_000),
    'a '.repeat(8000),
    `${'Sendmail '.repeat(1500)}x`,
    `ESMTP ${'x '.repeat(8000)}`,
    '*'.repeat(16_000) + '!',
  ])('a hostile one of 16 kB is read in no time (%#)', (text) => {
    const startedAt = performance.now()
    for (let count = 0; count < 20; count++) {
      readSoftware([text])
      readClaimedName({ code: 220, lines: [text] })
    }
    // Generous: what it must catch takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })
})
