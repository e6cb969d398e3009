import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { codesOf, explained } from './subject.ts'

const V4 = '198.51.100.7'
const V6 = '2001:db8::7'
const EITHER = ['PTR_MISSING', 'FCRDNS_MISMATCH']

/** What is known to be said on reverse DNS and HELO: text, who says it (null: not known), of what, and the address in it. */
const TEXTS: readonly (readonly [text: string, persona: string | null, findings: readonly string[], ip: string | null])[] = [
  // Mail servers
  [`450 4.7.25 Client host rejected: cannot find your hostname, [${V4}]`, 'postfix-strict', [...EITHER, 'PTR_UNKNOWN'], V4],
  [`550 5.7.25 Client host rejected: cannot find your hostname, [${V4}]`, 'postfix-strict', EITHER, V4],
  [`450 4.7.1 Client host rejected: cannot find your hostname, [${V6}]`, 'postfix-strict', [...EITHER, 'PTR_UNKNOWN'], V6],
  [
    `450 4.7.1 Client host rejected: cannot find your reverse hostname, [${V4}]`,
    'postfix-reverse-only',
    ['PTR_MISSING', 'PTR_UNKNOWN'],
    V4,
  ],
  [`550 5.7.1 Client host rejected: cannot find your reverse hostname, [${V4}]`, 'postfix-reverse-only', ['PTR_MISSING'], V4],
  [`554 5.7.1 Client host rejected: cannot find your reverse hostname, [${V6}]`, 'postfix-reverse-only', ['PTR_MISSING'], V6],
  ['550 5.7.1 Client host rejected: cannot find your reverse hostname', 'postfix-reverse-only', ['PTR_MISSING'], null],
  ['501 5.5.2 <x>: Helo command rejected: Invalid name', 'postfix-strict', ['HELO_SYNTAX'], null],
  ['504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname', 'postfix-strict', ['HELO_NOT_FQDN', 'HELO_LOCALHOST'], null],
  ['450 4.7.1 <x>: Helo command rejected: Host not found', 'postfix-strict', ['HELO_UNRESOLVABLE', 'HELO_UNKNOWN'], null],
  ['550 HELO argument does not match calling host', 'exim', ['HELO_OTHER_ADDRESS', 'HELO_UNRESOLVABLE'], null],
  ['451 HELO argument does not match calling host', 'exim', ['HELO_UNKNOWN', 'HELO_OTHER_ADDRESS', 'HELO_UNRESOLVABLE'], null],
  ['501 Syntactically invalid HELO argument(s)', 'exim', ['HELO_SYNTAX', 'HELO_UNDERSCORE'], null],
  ['550-X-Host-Lookup-Failed: Reverse DNS lookup failed', 'exim', EITHER, null],
  [`550-X-Host-Lookup-Failed: Reverse DNS lookup does not match for ${V4}\n550 (deferred)`, 'exim', ['FCRDNS_MISMATCH'], V4],
  ['550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)', 'cpanel', ['HELO_BARE_ADDRESS', 'HELO_OUR_NAME'], null],
  [`550 5.7.1 Fix reverse DNS for ${V4}`, 'sendmail', ['PTR_MISSING'], V4],
  [`451 4.1.8 Client IP address ${V4} does not resolve`, 'sendmail', ['PTR_UNKNOWN'], V4],
  [`451 4.1.8 Possibly forged hostname for ${V4}`, 'sendmail', ['FCRDNS_MISMATCH'], V4],
  [`550 5.7.1 <a@example.com>... Relaying denied. IP name lookup failed [${V4}]`, 'sendmail', EITHER, V4],
  ['550 5.7.25 Reverse DNS validation failed.', 'stalwart', EITHER, null],
  ['451 4.7.25 Temporary error validating reverse DNS.', 'stalwart', ['PTR_UNKNOWN'], null],
  ['550 5.5.0 Invalid EHLO domain.', 'stalwart', ['HELO_SYNTAX', 'HELO_NOT_FQDN'], null],
  ['550 5.7.25 No PTR record found', 'maddy', ['PTR_MISSING'], null],
  ['550 5.7.25 rDNS name does not match source hostname', 'maddy', ['HELO_PTR_DIFFERS'], null],
  [`550 client [${V4}] rejected; no rDNS`, 'haraka', ['PTR_MISSING'], V4],
  ['450 Sorry, no FCrDNS match found', 'haraka', ['FCRDNS_MISMATCH'], null],
  ['450 rDNS lookup timeout', 'haraka', ['PTR_UNKNOWN'], null],
  // Providers
  ['550 5.7.25 The IP address sending this message does not have a PTR record', 'exchange-online', ['PTR_MISSING'], null],
  [`550 5.7.25 Access denied, the sending IPv6 address [${V6}] must have a reverse DNS record`, 'exchange-online', ['PTR_MISSING'], V6],
  ['550 5.7.506 Access Denied, Bad HELO', 'exchange-online', ['HELO_OUR_NAME'], null],
  [`550 5.7.606 Access denied, banned sending IP [${V4}]`, 'exchange-online', ['RECEIVER_REPUTATION'], V4],
  [`550 5.7.649 Access denied, banned sending IP [${V4}]`, 'exchange-online', ['RECEIVER_REPUTATION'], V4],
  [
    `550-5.7.25 [${V4}] The IP address sending this message does not have a PTR record setup, or the corresponding forward DNS entry does not point to the sending IP. As a policy, Gmail does not accept messages from IPs with missing PTR records.`,
    'gmail',
    EITHER,
    V4,
  ],
  [
    "421-4.7.23 The sending IP address for this message doesn't have a PTR record, or the PTR record's forward DNS entry doesn't match the sending IP address.",
    'gmail',
    EITHER,
    null,
  ],
  [
    `550-5.7.1 [${V6}] Our system has detected that this message does not meet IPv6 sending guidelines regarding PTR records and authentication.`,
    'gmail',
    EITHER,
    V6,
  ],
  ['501-5.5.4 HELO/EHLO argument is invalid', 'gmail', ['HELO_SYNTAX'], null],
  [
    `554-gmx.net (mxgmx114) Nemesis ESMTP Service not available\r\n554-No SMTP service\r\n554-Bad DNS PTR resource record.\r\n554 For explanation visit https://www.gmx.net/mail/senderguidelines?ip=${V4}&c=rdns`,
    'gmx',
    EITHER,
    V4,
  ],
  [
    `554-web.de (mxweb012) Nemesis ESMTP Service not available 554-No SMTP service 554 invalid DNS PTR resource record, IP=${V4}`,
    'gmx',
    EITHER,
    V4,
  ],
  [`550 inconsistent or no DNS PTR record for ${V4} (see RFC 1912 2.1)`, 'freenet', EITHER, V4],
  [
    `554 IP=${V4} - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL)`,
    't-online',
    ['RECEIVER_NO_REASON'],
    V4,
  ],
  [`554 IP=${V4} - A problem occurred. (… contact tosa@rx.t-online.de …) (NOWL)`, 't-online', ['RECEIVER_NO_REASON'], V4],
  [`554 IP=${V4} - A problem occurred. (… contact tosa@rx.t-online.de …) (DIAL)`, 't-online', ['RECEIVER_NO_REASON'], V4],
  [
    `554 IMTA08.westchester.pa.mail.comcast.net comcast ${V4} Comcast requires that all mail servers must have a PTR record with a valid Reverse DNS entry. Currently your mail server does not fill that requirement.`,
    'comcast',
    EITHER,
    V4,
  ],
  ['421 imta01.example comcast Reverse DNS failure : Try again later', 'comcast', ['PTR_UNKNOWN', ...EITHER], null],
  ['421 Refused. Your reverse DNS entry does not resolve to an IP.', 'free-fr', ['FCRDNS_MISMATCH'], null],
  [`550 Sender IP reverse lookup rejected (${V6})`, 'cloudflare', EITHER, V6],
  ['421 4.7.1 : (DNS:NR)', 'aol', ['PTR_MISSING'], null],
  ['550 we do not accept mail from hosts with dynamic IP or generic DNS PTR-records', 'mail-ru', ['PTR_GENERIC'], null],
  ['421 Temporarily rejected. Reverse DNS for this IP failed. IB108', 'godaddy', [...EITHER, 'PTR_UNKNOWN'], null],
  ['421-failure in DNS look-up', 'att', ['PTR_UNKNOWN', ...EITHER], null],
  ['554 rejected - no rDNS', 'cox', ['PTR_MISSING'], null],
  [
    `550-Reason: This system will not accept messages from servers/devices with no reverse DNS. IP=[${V4}]`,
    'magicmail',
    ['PTR_MISSING'],
    V4,
  ],
  ['571 No PTR Record found. Reverse DNS required', null, ['PTR_MISSING'], null],
]

describe.each(TEXTS)('%s', (text, persona, findings, ip) => {
  it.each([
    ['alone', text],
    ['in the middle of a letter', `Hello,\n\nwe got this today:\n\n> ${text.replaceAll('\n', '\n> ')}\n\nWhat is wrong?\n`],
    ['in a bounce that breaks its lines', `<bob@example.org>: it said:\n    ${text.replace(/ /g, '\n    ')} (in reply to RCPT TO command)`],
  ])('%s', (_, pasted) => {
    const told = explained(pasted)
    expect(codesOf(told)).toEqual(findings)
    expect(told.address && formatAddress(told.address)).toBe(ip)
    if (persona === null) expect(told.persona).toBeNull()
    else expect([told.persona?.name, ...told.alsoSaidBy]).toContain(persona)
  })
})

describe('what is no matter of reverse DNS', () => {
  it.each([
    ['550 5.7.606 something in other words', ['RECEIVER_REPUTATION'], 'other'],
    [
      `554 5.7.1 Service unavailable; Client host [${V4}] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/${V4}`,
      ['RECEIVER_REPUTATION'],
      'other',
    ],
    [
      `550 5.7.1 Unfortunately, messages from [${V4}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).`,
      ['RECEIVER_REPUTATION'],
      'other',
    ],
    [`550 5.7.1 Mail from IP ${V4} was rejected due to listing in Spamhaus SBL.`, ['RECEIVER_REPUTATION'], 'other'],
    ['550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown', ['RECEIVER_OTHER_CAUSE'], 'other'],
    ['552 5.2.2 Mailbox full', ['RECEIVER_OTHER_CAUSE'], 'other'],
    ['550 5.7.26 Unauthenticated email from example.com is not accepted', ['RECEIVER_OTHER_CAUSE'], 'other'],
    ['550 5.7.1 Message rejected', [], 'unknown'],
    ['550 Go away', [], 'unknown'],
    ['Could you please look at the PTR of my server?', [], 'unknown'],
    ['250 2.1.5 Ok', [], 'unknown'],
    ['My phone number is 554 123 4567', [], 'unknown'],
  ] as const)('%s → %j', (text, findings, cause) => {
    const told = explained(text)
    expect({ codes: codesOf(told), cause: told.cause }).toEqual({ codes: findings, cause })
  })

  it.each([
    ['550 5.7.25 in words that nobody knows', EITHER],
    ['451 4.7.25 in words that nobody knows', [...EITHER, 'PTR_UNKNOWN']],
  ])('but the code of RFC 7372 tells it alone: %s', (text, findings) => {
    expect(explained(text)).toMatchObject({ cause: 'reverseDns', persona: null, findings: findings.map((code) => ({ code })) })
  })
})
