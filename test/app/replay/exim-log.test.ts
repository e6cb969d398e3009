import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createEximReader } from '../../../src/app/replay/exim-log.ts'
import { readAll, short } from './log-fixture.ts'

const at = (text: string): string => `2026-05-03 06:30:11 ${text}`
const told = (...lines: string[]): string[] => readAll(createEximReader, lines).records.map(short)
const ID = '1tZaaa-00000A-2r'

describe('an Exim log', () => {
  it('a whole day → each message and each refusal once', () => {
    const lines = readFileSync(new URL('logs/exim.log', import.meta.url), 'utf8')
      .trimEnd()
      .split('\n')
    expect(told(...lines)).toEqual([
      '198.51.100.7 helo=mail.example.com <alice@example.com> -> bob@example.org accepted',
      '198.51.100.8 helo=mail.example.net <billing@example.net> -> bob@example.org deferred',
      '198.51.100.8 helo=mail.example.net <billing@example.net> -> bob@example.org,info@example.org accepted',
      '198.51.100.9 helo=lists.example.net <news@example.net> -> ? rejected',
      '203.0.113.77 helo=laptop auth <dave@example.org> -> erin@example.com accepted',
      '198.51.100.7 helo=a_b c ? -> ? rejected',
      '2001:db8:51::7 helo=mail6.example.com <> -> postmaster@example.org postmaster accepted',
    ])
  })

  it.each([
    [
      `${ID} <= a@example.com H=mail.example.com [198.51.100.7] P=esmtp S=1`,
      '198.51.100.7 helo=mail.example.com <a@example.com> -> ? accepted',
    ],
    [`${ID} <= a@example.com H=(helo.example) [198.51.100.7] P=esmtp S=1`, '198.51.100.7 helo=helo.example <a@example.com> -> ? accepted'],
    [
      `${ID} <= a@example.com H=ptr.example (helo.example) [198.51.100.7]:2525 I=[203.0.113.1]:25 U=x P=esmtp S=1`,
      '198.51.100.7 helo=helo.example <a@example.com> -> ? accepted',
    ],
    [`${ID} <= a@example.com H=[198.51.100.7] P=smtp S=1`, '198.51.100.7 no-helo <a@example.com> -> ? accepted'],
    [
      `${ID} <= a@example.com H=([IPv6:2001:db8:51::9]) [2001:db8:51::9] P=esmtp S=1`,
      '2001:db8:51::9 helo=[IPv6:2001:db8:51::9] <a@example.com> -> ? accepted',
    ],
    [
      `${ID} <= a@example.com H=(x) [198.51.100.7] P=utf8esmtpsa X=TLS1.3:y:256 A=plain:bob S=1`,
      '198.51.100.7 helo=x auth <a@example.com> -> ? accepted',
    ],
    [
      `${ID} <= a@example.com H=(x) [198.51.100.7] P=esmtp S=1 T="P=esmtpsa A=plain:me" for postmaster@example.org`,
      '198.51.100.7 helo=x <a@example.com> -> postmaster@example.org postmaster accepted',
    ],
    [
      `${ID} <= "x) [192.0.2.1] H=(y) [192.0.2.2] y"@example.com H=(x) [198.51.100.7] P=esmtp S=1`,
      '198.51.100.7 helo=x <"x) [192.0.2.1] H=(y) [192.0.2.2] y"@example.com> -> ? accepted',
    ],
    ['1tZaaa-000000000Ab-1x2y <= <> H=(x) [198.51.100.7] P=esmtp S=1', '198.51.100.7 helo=x <> -> ? accepted'],
    ['H=(x) [198.51.100.7] F=<a@b> rejected RCPT <c@d>: no', '198.51.100.7 helo=x <a@b> -> c@d rejected'],
    [
      'H=(x) [198.51.100.7] X=TLS1.3:y:256 CV=no F=<a@b> A=plain:bob rejected RCPT <c@d>: no',
      '198.51.100.7 helo=x auth <a@b> -> c@d rejected',
    ],
    ['H=(x) [198.51.100.7] F=<a@b> temporarily rejected RCPT <c@d>: wait', '198.51.100.7 helo=x <a@b> -> c@d deferred'],
    [
      'H=(x) [198.51.100.7] F=<"a> rejected MAIL <b"@c> rejected RCPT <c@d>: no',
      '198.51.100.7 helo=x <"a> rejected MAIL <b"@c> -> c@d rejected',
    ],
    ['H=(x) [198.51.100.7] rejected EHLO or HELO x: no F=<a@b>', '198.51.100.7 helo=x ? -> ? rejected'],
    ['H=x.example [198.51.100.7] rejected MAIL <a@b>: no', '198.51.100.7 helo=x.example ? -> ? rejected'],
    ['H=[198.51.100.7] rejected connection in "connect" ACL: no', '198.51.100.7 no-helo ? -> ? rejected'],
    [`${ID} H=(x) [198.51.100.7] F=<a@b> temporarily rejected after DATA: wait`, '198.51.100.7 helo=x <a@b> -> ? deferred'],
    [
      'rejected EHLO from [198.51.100.7] U=root: syntactically invalid argument(s): x y) [9.9.9.9]',
      '198.51.100.7 helo=x y) [9.9.9.9] ? -> ? rejected',
    ],
    ['rejected HELO from [198.51.100.7]: syntactically invalid argument(s): (no argument given)', '198.51.100.7 helo= ? -> ? rejected'],
    ['rejected MAIL from [198.51.100.7]: no HELO/EHLO given', '198.51.100.7 no-helo ? -> ? rejected'],
  ])('%s', (line, expected) => {
    expect(told(at(line))).toEqual([expected])
  })

  it.each([
    ['2026-05-03 06:30:11.123 +0200 [77] ', '2026-05-03 06:30:11'],
    ['May  3 06:30:11 mx exim[77]: 2026-05-03 06:30:11 ', '2026-05-03 06:30:11'],
    ['2026-05-03T06:30:11.5+02:00 mx exim4[77]: ', '2026-05-03 06:30:11'],
  ])('the front %j', (front, seenAt) => {
    const { records } = readAll(createEximReader, [`${front}H=(x) [198.51.100.7] rejected MAIL <a@b>: no`])
    expect(records).toMatchObject([{ seenAt, then: 'rejected' }])
  })

  it.each([
    at(`${ID} <= root@mx U=root P=local S=1`),
    at(`${ID} <= root@mx U=root P=local S=1 T="x H=(y) [198.51.100.7]"`),
    at(`${ID} => bob <b@example.org> R=l T=t`),
    at('H=(x) [198.51.100.7] Warning: he was rejected MAIL'),
    at('H=(x) [198.51.100.7] sender verify fail for <a@b>: response to "RCPT TO:<a@b>" was: 550 rejected RCPT <a@b>'),
    at('SMTP call from [198.51.100.7] dropped: too many syntax or protocol errors'),
    at('Start queue run: pid=77'),
    'May  3 06:30:11 mx postfix/smtpd[7]: 4F1C2A0331: client=mail.example.com[198.51.100.7]',
    'H=(x) [198.51.100.7] rejected MAIL <a@b>: no',
    '',
  ])('%j → nothing', (line) => {
    expect(readAll(createEximReader, [line])).toEqual({ records: [], used: [false] })
  })
})
