import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../src/core/address.ts'
import { explain } from '../../src/explain/explain.ts'
import { readReceived } from '../../src/explain/received.ts'
import { codesOf, explained, settings } from './subject.ts'

describe('a Received field', () => {
  it.each([
    [
      'Postfix',
      'from mail.example.com (unknown [198.51.100.8]) by mx.example.org (Postfix) with ESMTP id 4F1C',
      'unknown',
      'mail.example.com',
      null,
    ],
    [
      'Postfix',
      'from mail.example.com (mail.example.com [198.51.100.8]) by mx.example.org (Postfix)',
      'named',
      'mail.example.com',
      'mail.example.com',
    ],
    ['Postfix, IPv6', 'from [10.0.0.5] (unknown [IPv6:2001:db8::8]) by mx.example.org (Postfix)', 'unknown', '[10.0.0.5]', null],
    [
      'Sendmail',
      'from mail.example.com (host.example.net [198.51.100.8] (may be forged))\n by mx.example.org (8.17.1/8.17.1)',
      'forged',
      'mail.example.com',
      'host.example.net',
    ],
    ['Sendmail', 'from mail.example.com ([198.51.100.8]) by mx.example.org (8.17.1/8.17.1)', 'none', 'mail.example.com', null],
    [
      'Gmail',
      'from mail.example.com (mail.example.com. [198.51.100.8]) by mx.google.com with ESMTPS',
      'named',
      'mail.example.com',
      'mail.example.com',
    ],
    ['Gmail', 'from mail.example.com ([198.51.100.8]) by mx.google.com with ESMTPS', 'none', 'mail.example.com', null],
    ['Exim', 'from [198.51.100.8] (helo=mail.example.com) by mx.example.org with esmtp (Exim 4.96)', 'unknown', 'mail.example.com', null],
    [
      'Exim',
      'from mail.example.com ([198.51.100.8]:4711 helo=other.example.com) by mx.example.org with esmtp (Exim 4.96)',
      'named',
      'other.example.com',
      'mail.example.com',
    ],
    ['Exim', 'from mail.example.com ([198.51.100.8]) by mx.example.org with esmtp (Exim 4.96)', 'notTold', 'mail.example.com', null],
    ['qmail', 'from unknown (HELO mail.example.com) (198.51.100.8) by mx.example.org with SMTP', 'unknown', 'mail.example.com', null],
    [
      'Exchange',
      'from mail.example.com (198.51.100.8) by AM0EUR02FT013.mail.protection.outlook.com (10.13.54.92) with Microsoft SMTP Server',
      'notTold',
      'mail.example.com',
      null,
    ],
  ])('of %s: %s', (_, value, lookup, claimedName, name) => {
    expect(readReceived(value)).toMatchObject({ lookup, claimedName, name })
  })

  it.each(['by mx.example.org (Postfix, from userid 0)', 'from localhost by mx.example.org', '', 'from x (y [300.1.1.1]) by z'])(
    'that names no client: %j',
    (value) => {
      expect(readReceived(value)).toBeUndefined()
    },
  )

  it('with unknown → what that may mean, by the server that wrote it', () => {
    const told = explained('Received: from mail.example.com (unknown [198.51.100.8])\n\tby mx.example.org (Postfix) with ESMTP id 4F1C\n')
    expect(told).toMatchObject({ input: 'received', cause: 'reverseDns', claimedName: 'mail.example.com', host: 'mx.example.org' })
    expect(codesOf(told)).toEqual(['PTR_MISSING', 'FCRDNS_MISMATCH', 'PTR_UNKNOWN'])
  })

  it('with a name → no trouble, and HELO is compared with it', () => {
    expect(explained('Received: from mail.example.com (mail.example.com [198.51.100.8]) by mx.example.org (Postfix)')).toMatchObject({
      cause: 'none',
      remedy: [],
    })
    const other = explained('Received: from other.example.com (mail.example.com [198.51.100.8]) by mx.example.org (Postfix)')
    expect(codesOf(other)).toEqual(['FCRDNS_CONFIRMED', 'HELO_CONFIRMED_DIFFERS'])
  })

  it('that does not tell → unknown', () => {
    expect(
      explained('Received: from mail.example.com (198.51.100.8) by x.mail.protection.outlook.com with Microsoft SMTP Server'),
    ).toMatchObject({ cause: 'unknown', input: 'received' })
  })

  it('of a whole message: the nearest hop from outside counts', () => {
    const message = `Received: from filter.example.org (localhost [127.0.0.1]) by mx.example.org (Postfix)
Received: from mail.example.com (unknown [198.51.100.8]) by mx.example.org (Postfix)
Received: from laptop (unknown [198.51.100.9]) by mail.example.com (Postfix)
Subject: Hello
From: alice@example.com

How are you?
`
    const told = explained(message)
    expect(told.address && formatAddress(told.address)).toBe('198.51.100.8')
  })
})

describe('an Authentication-Results field', () => {
  it.each([
    ['iprev=permerror policy.iprev=198.51.100.8', 'PTR_MISSING', 'reverseDns'],
    ['iprev=fail (no match) policy.iprev=198.51.100.8', 'FCRDNS_MISMATCH', 'reverseDns'],
    ['iprev=temperror smtp.remote-ip=198.51.100.8', 'PTR_UNKNOWN', 'reverseDns'],
    ['iprev=pass (mail.example.com) policy.iprev=198.51.100.8', 'FCRDNS_CONFIRMED', 'none'],
    ['spf=pass smtp.mailfrom=example.com; iprev=fail policy.iprev="198.51.100.8"', 'FCRDNS_MISMATCH', 'reverseDns'],
  ])('%s → %s', (results, code, cause) => {
    const told = explained(`Authentication-Results: mx.example.org; ${results}`)
    expect(told).toMatchObject({ input: 'authenticationResults', cause, host: 'mx.example.org', findings: [{ code }] })
    expect(told.address && formatAddress(told.address)).toBe('198.51.100.8')
  })

  it('of an IPv6 client, folded', () => {
    const told = explained('Authentication-Results: mx.example.org;\n\tiprev=permerror\n\tpolicy.iprev="2001:db8::8"\n')
    expect(told.address && formatAddress(told.address)).toBe('2001:db8::8')
  })

  it('without an iprev result → unknown', () => {
    expect(explained('Authentication-Results: mx.google.com; spf=pass smtp.mailfrom=example.com')).toMatchObject({
      cause: 'unknown',
      input: 'authenticationResults',
    })
  })
})

describe('a line of a log', () => {
  it.each([
    [
      'of Postfix, sending',
      'Feb 08 04:49:12 mail postfix/smtp[5460]: 9843783F4B: to=<bob@freenet.de>, relay=mx.freenet.de[192.0.2.115]:25, delay=0.46, dsn=5.0.0, status=bounced (host mx.freenet.de[192.0.2.115] said: 550 inconsistent or no DNS PTR record for 198.51.100.8 (see RFC 1912 2.1) (in reply to RCPT TO command))',
      'freenet',
      'mx.freenet.de',
    ],
    [
      'of Postfix, before the first command',
      'Jan 23 03:13:49 mail postfix/smtp[20633]: 4JfcC62DS0z1c1C: host mx1.free.fr[192.0.2.48] refused to talk to me: 421 Refused. Your reverse DNS entry does not resolve to an IP.',
      'free-fr',
      'mx1.free.fr',
    ],
    [
      'of Exim, sending',
      '2016-10-14 05:19:45 1buuuG-0006WT-99 ** bob@gmail.com R=dnslookup T=remote_smtp: SMTP error from remote mail server after end of data: host gmail-smtp-in.l.google.com [2001:db8::1a]: 550-5.7.1 [2001:db8::8] Our system has detected that this\\n550-5.7.1 message does not meet IPv6 sending guidelines regarding PTR records\\n550-5.7.1 and authentication. Please review\\n550 5.7.1 . uj9 - gsmtp',
      'gmail',
      'gmail-smtp-in.l.google.com',
    ],
  ])('%s', (_, line, persona, host) => {
    expect(explained(line)).toMatchObject({ input: 'logLine', cause: 'reverseDns', persona: { name: persona }, host })
  })

  it('of the receiver: its reader tells client and HELO', () => {
    const line =
      'May  3 06:47:02 mx postfix/smtpd[2133]: NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 450 4.7.1 <x>: Helo command rejected: Host not found; from=<a@b> to=<c@d> proto=ESMTP helo=<x>'
    const address = parseAddress('198.51.100.8')
    const told = explain(line, { ...settings, readLogLine: () => address && { address, claimedName: 'x' } })
    expect(told).toMatchObject({
      input: 'logLine',
      cause: 'helo',
      address,
      claimedName: 'x',
      reply: { code: 450, text: '<x>: Helo command rejected: Host not found' },
    })
  })

  it('among others: the one that tells', () => {
    const lines = `May  3 06:25:01 mx postfix/master[811]: daemon started -- version 3.7.11
May  3 06:30:12 mx postfix/smtp[2107]: 4F1C2A0331: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 No such user)
May  3 06:30:13 mx postfix/smtp[2107]: 4F1C2A0332: to=<a@example.net>, relay=mx.example.net[192.0.2.2]:25, dsn=5.7.25, status=bounced (host mx.example.net[192.0.2.2] said: 550 5.7.25 No PTR record found)`
    expect(explained(lines)).toMatchObject({ persona: { name: 'maddy' }, host: 'mx.example.net' })
  })
})
