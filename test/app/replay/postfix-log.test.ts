import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createPostfixReader } from '../../../src/app/replay/postfix-log.ts'
import { readAll, short } from './log-fixture.ts'

const at = (text: string, program = 'smtpd[7]'): string => `May  3 06:30:11 mx postfix/${program}: ${text}`
const told = (...lines: string[]): string[] => readAll(createPostfixReader, lines).records.map(short)

const CLIENT = at('4F1C2A0331: client=mail.example.com[198.51.100.7]')
const QUEUED = at('4F1C2A0331: from=<a@example.com>, size=1, nrcpt=1 (queue active)', 'qmgr[8]')
const DELIVERED = at('4F1C2A0331: to=<b@example.org>, relay=local, delay=1, dsn=2.0.0, status=sent (ok)', 'local[9]')
const REMOVED = at('4F1C2A0331: removed', 'qmgr[8]')
const FIELDS = 'from=<a@example.com> to=<b@example.org> proto=ESMTP helo=<mail.example.com>'

describe('a Postfix log', () => {
  it('a whole day → each message and each refusal once', () => {
    const lines = readFileSync(new URL('logs/postfix.log', import.meta.url), 'utf8')
      .trimEnd()
      .split('\n')
    expect(told(...lines)).toEqual([
      '198.51.100.7 no-helo <alice@example.com> -> bob@example.org accepted',
      '198.51.100.8 helo=mail.example.net <billing@example.net> -> bob@example.org deferred',
      '198.51.100.8 helo=mail.example.net <billing@example.net> -> bob@example.org,info@example.org accepted',
      '198.51.100.9 helo=lists.example.net <news@example.net> -> nobody@example.org rejected',
      '203.0.113.77 no-helo auth <dave@example.org> -> erin@example.com accepted',
      '198.51.100.10 helo=198.51.100.10 <x@example.net> -> bob@example.org rejected',
      '2001:db8:51::7 no-helo <> -> postmaster@example.org postmaster accepted',
      '198.51.100.9 helo=lists.example.net <news@example.net> -> bob@example.org rejected',
      '198.51.100.11 no-helo <shop@example.net> -> carol@example.org accepted',
    ])
  })

  it.each([
    ['a message', [CLIENT, QUEUED, DELIVERED, REMOVED], '198.51.100.7 no-helo <a@example.com> -> b@example.org accepted'],
    ['without its end', [CLIENT, QUEUED], '198.51.100.7 no-helo <a@example.com> -> ? accepted'],
    ['client= alone → its end is unknown', [CLIENT], '198.51.100.7 no-helo ? -> ? unknown'],
    [
      'an access table that warns → HELO of an accepted message',
      [CLIENT, at(`4F1C2A0331: warn: DATA from mail.example.com[198.51.100.7]: x; ${FIELDS}`), QUEUED, DELIVERED, REMOVED],
      '198.51.100.7 helo=mail.example.com <a@example.com> -> b@example.org accepted',
    ],
    [
      'refused at its end, though cleanup has seen it',
      [
        CLIENT,
        at(`4F1C2A0331: reject: END-OF-MESSAGE from mail.example.com[198.51.100.7]: 554 5.7.1 no; ${FIELDS}`),
        at('4F1C2A0331: message-id=<x@y>', 'cleanup[10]'),
      ],
      '198.51.100.7 helo=mail.example.com <a@example.com> -> b@example.org rejected',
    ],
    [
      'put off by a milter at its end',
      [CLIENT, at(`4F1C2A0331: milter-reject: END-OF-MESSAGE from mail.example.com[198.51.100.7]: 4.7.1 wait; ${FIELDS}`, 'cleanup[10]')],
      '198.51.100.7 helo=mail.example.com <a@example.com> -> b@example.org deferred',
    ],
    [
      'refused for a header',
      [
        CLIENT,
        at(`4F1C2A0331: reject: header Subject: x helo=<y> from mail.example.com[198.51.100.7]; ${FIELDS}: 5.7.1 bad`, 'cleanup[10]'),
      ],
      '198.51.100.7 helo=mail.example.com ? -> ? rejected',
    ],
    [
      'warned of for a header',
      [
        CLIENT,
        at(`4F1C2A0331: warning: header Subject: x from mail.example.com[198.51.100.7]; ${FIELDS}: noted`, 'cleanup[10]'),
        QUEUED,
        REMOVED,
      ],
      '198.51.100.7 helo=mail.example.com <a@example.com> -> ? accepted',
    ],
    [
      'a recipient refused for good',
      [at(`NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 550 5.7.1 no; ${FIELDS}`)],
      '198.51.100.8 helo=mail.example.com <a@example.com> -> b@example.org rejected',
    ],
    [
      'with a port behind the address',
      [at(`NOQUEUE: reject: RCPT from unknown[198.51.100.8]:2525: 450 4.7.1 no; ${FIELDS}`)],
      '198.51.100.8 helo=mail.example.com <a@example.com> -> b@example.org deferred',
    ],
    [
      'refused at connect',
      [at('NOQUEUE: reject: CONNECT from unknown[198.51.100.8]: 554 5.7.1 no; proto=SMTP')],
      '198.51.100.8 no-helo ? -> ? rejected',
    ],
    [
      'IPv6',
      [at('NOQUEUE: reject: HELO from unknown[2001:db8:51::9]: 504 5.5.2 no; proto=SMTP helo=<[IPv6:2001:db8:51::9]>')],
      '2001:db8:51::9 helo=[IPv6:2001:db8:51::9] ? -> ? rejected',
    ],
    [
      'logged in',
      [at('4F1C2A0331: client=unknown[203.0.113.7], sasl_method=PLAIN, sasl_username=bob'), QUEUED],
      '203.0.113.7 no-helo auth <a@example.com> -> ? accepted',
    ],
    [
      'mail to postmaster by an alias',
      [CLIENT, QUEUED, at('4F1C2A0331: to=<root@mx>, orig_to=<postmaster>, relay=local, status=sent (ok)', 'local[9]'), REMOVED],
      '198.51.100.7 no-helo <a@example.com> -> postmaster postmaster accepted',
    ],
    [
      'behind a before-queue filter',
      [at('NOQUEUE: client=mail.example.com[198.51.100.7]'), at(`proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 1; ${FIELDS}`)],
      '198.51.100.7 helo=mail.example.com <a@example.com> -> b@example.org accepted',
    ],
    [
      'refused by a before-queue filter',
      [at('NOQUEUE: client=mail.example.com[198.51.100.7]'), at(`proxy-reject: END-OF-MESSAGE: 554 5.7.0 no; ${FIELDS}`)],
      '198.51.100.7 helo=mail.example.com <a@example.com> -> b@example.org rejected',
    ],
    [
      'a quoted sender that looks like fields',
      [
        at(
          'NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 501 5.5.2 <x>: no; from=<"x> to=<y> proto=SMTP helo=<evil"@example.net> to=<b@example.org> proto=ESMTP helo=<foo??from=?x>',
        ),
      ],
      '198.51.100.8 helo=foo??from=?x <"x> to=<y> proto=SMTP helo=<evil"@example.net> -> b@example.org rejected',
    ],
    [
      'ISO timestamps, an instance of its own, a long queue id',
      [
        '2026-05-03T06:30:11.123456+02:00 mx postfix-in/smtpd[7]: 4V9xYz1bQ3zKc: client=mail.example.com[198.51.100.7]',
        '2026-05-03T06:30:12.123456+02:00 mx postfix-in/qmgr[8]: 4V9xYz1bQ3zKc: from=<a@example.com>, size=1, nrcpt=1 (queue active)',
      ],
      '198.51.100.7 no-helo <a@example.com> -> ? accepted',
    ],
  ])('%s', (_name, lines, expected) => {
    expect(told(...lines)).toEqual([expected])
  })

  it('HELO of a refusal holds for the rest of that session, and not for the next one', () => {
    const refusal = at(`NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 550 5.1.1 no; ${FIELDS}`)
    const client = (id: string): string => at(`${id}: client=unknown[198.51.100.7]`)
    const lines = [client('AAAAA1'), refusal, client('AAAAA2'), at('disconnect from unknown[198.51.100.7] ehlo=1'), client('AAAAA3')]
    expect(told(...lines)).toEqual([
      '198.51.100.7 helo=mail.example.com <a@example.com> -> b@example.org rejected',
      '198.51.100.7 helo=mail.example.com ? -> ? unknown',
      '198.51.100.7 helo=mail.example.com ? -> ? unknown',
      '198.51.100.7 no-helo ? -> ? unknown',
    ])
  })

  it.each([
    'May  3 06:30:11 mx dovecot: imap-login: Login: user=<bob>, rip=203.0.113.9',
    at('connect from unknown[unknown]'),
    at('NOQUEUE: reject: RCPT from unknown[unknown]: 550 5.7.1 no; from=<a@b> to=<c@d> proto=ESMTP helo=<x>'),
    at('warning: hostname x does not resolve to address 198.51.100.8'),
    at('4F1C2A0331: client=local'),
    at('ABCDE1: to=<b@example.org>, relay=local, status=sent (ok)', 'local[9]'),
    'Xyz  3 06:30:11 mx postfix/smtpd[7]: 4F1C2A0331: client=mail.example.com[198.51.100.7]',
    '',
  ])('%j → nothing', (line) => {
    expect(readAll(createPostfixReader, [line])).toEqual({ records: [], used: [false] })
  })

  it('more open messages than are followed → the oldest is told as it stands', () => {
    const lines = Array.from({ length: 50 }, (_, index) => at(`AAAAA${String(index)}: client=unknown[198.51.100.${String(index)}]`))
    const { records } = readAll(createPostfixReader, [...lines, at('AAAAA0: from=<a@example.com>, size=1', 'qmgr[8]')], 10)
    expect(records).toHaveLength(50)
    expect(records[0]).toMatchObject({ then: 'unknown', sender: null })
  })
})
