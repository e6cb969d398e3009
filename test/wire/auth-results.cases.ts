/**
 * One table for both directions: what is read from `text`, and what is written again (`formatted`, or `text` itself).
 * Headers in the style of a provider or program are shapes seen in public; names and addresses are examples.
 */
import type { AuthProperty, AuthResult, AuthResults, AuthResultsErrorReason, Deviation } from '../../src/wire/auth-results.ts'

export interface LegalCase {
  readonly name: string
  readonly text: string
  readonly value: AuthResults
  /** Where writing gives another text than was read. */
  readonly formatted?: string
}

export interface BrokenCase {
  readonly name: string
  readonly text: string
  readonly error: { readonly offset: number; readonly reason: AuthResultsErrorReason }
  /** What the tolerant reader makes of it; null where even it gives up. */
  readonly tolerated: { readonly formatted: string | null; readonly deviations: readonly Deviation['kind'][] } | null
}

function field(authservId: string, results: readonly AuthResult[], rest: Partial<AuthResults> = {}): AuthResults {
  return { authservId, version: null, comment: null, results, ...rest }
}

function result(methodAndResult: string, properties: readonly AuthProperty[] = [], rest: Partial<AuthResult> = {}): AuthResult {
  const [method = '', outcome = ''] = methodAndResult.split('=')
  return { method, methodVersion: null, result: outcome, comment: null, reason: null, properties, ...rest }
}

function property(name: string, value: string, comment: string | null = null): AuthProperty {
  const [ptype = '', property = ''] = name.split('.')
  return { ptype, property, value, comment }
}

const NESTED = `${'('.repeat(32)}${')'.repeat(32)}`

export const LEGAL_CASES: readonly LegalCase[] = [
  // The shapes of RFC 8601 appendix B.
  { name: 'no authentication was done (B.2)', text: 'example.org 1; none', value: field('example.org', [], { version: 1 }) },
  {
    name: 'one result (B.3)',
    text: 'example.com; spf=pass smtp.mailfrom=example.net',
    value: field('example.com', [result('spf=pass', [property('smtp.mailfrom', 'example.net')])]),
  },
  {
    name: 'two results, one with a comment (B.4)',
    text: 'example.com; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net',
    value: field('example.com', [
      result('auth=pass', [property('smtp.auth', 'sender@example.net')], { comment: 'cram-md5' }),
      result('spf=pass', [property('smtp.mailfrom', 'example.net')]),
    ]),
  },
  {
    name: 'reasons, and one method twice (B.6)',
    text: 'example.com; dkim=pass reason="good signature" header.i=@mail-router.example.net; dkim=fail reason="bad signature" header.i=@newyork.example.com',
    value: field('example.com', [
      result('dkim=pass', [property('header.i', '@mail-router.example.net')], { reason: 'good signature' }),
      result('dkim=fail', [property('header.i', '@newyork.example.com')], { reason: 'bad signature' }),
    ]),
  },
  {
    name: 'a comment in every gap (B.7)',
    text: 'mx.example.net (a) 1 (b); dkim (c) / 1 (d) = (e) fail\r\n policy (f) . (g) expired (h) = (i) 1362471462',
    value: field(
      'mx.example.net',
      [result('dkim=fail', [property('policy.expired', '1362471462', 'f g h i')], { methodVersion: 1, comment: 'c d e' })],
      {
        version: 1,
        comment: 'a b',
      },
    ),
    formatted: 'mx.example.net 1 (a b); dkim/1=fail (c d e) policy.expired=1362471462 (f g h i)',
  },
  // iprev, which is ours to write.
  {
    name: 'iprev with an IPv4 address',
    text: 'mx.example.org; iprev=pass (mail.example.com) policy.iprev=198.51.100.10',
    value: field('mx.example.org', [result('iprev=pass', [property('policy.iprev', '198.51.100.10')], { comment: 'mail.example.com' })]),
  },
  {
    name: 'iprev with an IPv6 address, quoted',
    text: 'mx.example.org; iprev=pass (mail.example.com) policy.iprev="2001:db8::25"',
    value: field('mx.example.org', [result('iprev=pass', [property('policy.iprev', '2001:db8::25')], { comment: 'mail.example.com' })]),
  },
  {
    name: 'iprev as Exim writes it for IPv4',
    text: 'mx.example.org; iprev=pass (localhost) smtp.remote-ip=127.0.0.1',
    value: field('mx.example.org', [result('iprev=pass', [property('smtp.remote-ip', '127.0.0.1')], { comment: 'localhost' })]),
  },
  {
    name: 'a comment after the property, as Fastmail and authentication_milter write iprev',
    text: 'mx.example.org; iprev=pass policy.iprev=198.51.100.10 (mail.example.com)',
    value: field('mx.example.org', [result('iprev=pass', [property('policy.iprev', '198.51.100.10', 'mail.example.com')])]),
  },
  // none
  { name: 'none without a version', text: 'example.org; none', value: field('example.org', []) },
  { name: 'none in capitals', text: 'example.org; NONE', value: field('example.org', []), formatted: 'example.org; none' },
  { name: 'none without gaps', text: 'example.org;none', value: field('example.org', []), formatted: 'example.org; none' },
  {
    name: 'none among comments',
    text: 'example.org (a); (b) none (c)',
    value: field('example.org', [], { comment: 'a b c' }),
    formatted: 'example.org (a b c); none',
  },
  {
    name: 'a method that is called none',
    text: 'example.org; none=pass',
    value: field('example.org', [result('none=pass')]),
  },
  {
    name: 'a method called none with a version and gaps',
    text: 'example.org; none (x) / 2 = pass',
    value: field('example.org', [result('none=pass', [], { methodVersion: 2, comment: 'x' })]),
    formatted: 'example.org; none/2=pass (x)',
  },
  // authserv-id and version
  {
    name: 'a quoted authserv-id that needs no quotes',
    text: '"example.org"; none',
    value: field('example.org', []),
    formatted: 'example.org; none',
  },
  { name: 'a quoted authserv-id with a space', text: '"our gate"; none', value: field('our gate', []) },
  { name: 'an empty authserv-id', text: '""; none', value: field('', []) },
  {
    name: 'a comment before the authserv-id',
    text: '(hi) example.org; none',
    value: field('example.org', [], { comment: 'hi' }),
    formatted: 'example.org (hi); none',
  },
  {
    name: 'a version right before the semicolon',
    text: 'example.org 1; spf=none',
    value: field('example.org', [result('spf=none')], { version: 1 }),
  },
  {
    name: 'a version after a comment alone',
    text: 'example.org(x)1; none',
    value: field('example.org', [], { version: 1, comment: 'x' }),
    formatted: 'example.org 1 (x); none',
  },
  { name: 'another version', text: 'example.org 27; none', value: field('example.org', [], { version: 27 }) },
  {
    name: 'a version with leading zeros',
    text: 'example.org 001; none',
    value: field('example.org', [], { version: 1 }),
    formatted: 'example.org 1; none',
  },
  { name: 'an authserv-id that is no host name', text: 'mx_1.example.org!; none', value: field('mx_1.example.org!', []) },
  { name: 'an authserv-id in capitals keeps them', text: 'MX.Example.ORG; none', value: field('MX.Example.ORG', []) },
  {
    name: 'the field name before it',
    text: 'Authentication-Results: example.org; none',
    value: field('example.org', []),
    formatted: 'example.org; none',
  },
  {
    name: 'the field name as iCloud writes it',
    text: 'Authentication-results:example.org; none',
    value: field('example.org', []),
    formatted: 'example.org; none',
  },
  { name: 'a line end after it', text: 'example.org; none\r\n', value: field('example.org', []), formatted: 'example.org; none' },
  // Methods
  {
    name: 'a method with a version',
    text: 'example.org; spf/1=pass',
    value: field('example.org', [result('spf=pass', [], { methodVersion: 1 })]),
  },
  { name: 'a method with a hyphen', text: 'example.org; dkim-adsp=pass', value: field('example.org', [result('dkim-adsp=pass')]) },
  { name: 'a keyword may begin with a hyphen', text: 'example.org; -x=-1', value: field('example.org', [result('-x=-1')]) },
  {
    name: 'keywords in capitals are the same keywords',
    text: 'example.org; SPF=Pass SMTP.MailFrom=Example.NET',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'Example.NET')])]),
    formatted: 'example.org; spf=pass smtp.mailfrom=Example.NET',
  },
  {
    name: 'gaps around the equals sign',
    text: 'example.org; spf = pass',
    value: field('example.org', [result('spf=pass')]),
    formatted: 'example.org; spf=pass',
  },
  {
    name: 'results without properties',
    text: 'example.org; dkim=none; spf=none',
    value: field('example.org', [result('dkim=none'), result('spf=none')]),
  },
  // Reasons
  {
    name: 'a reason without quotes',
    text: 'example.org; dkim=fail reason=expired',
    value: field('example.org', [result('dkim=fail', [], { reason: 'expired' })]),
  },
  {
    name: 'a reason with gaps around its equals sign, in capitals',
    text: 'example.org; dkim=fail REASON = "x y" header.d=example.net',
    value: field('example.org', [result('dkim=fail', [property('header.d', 'example.net')], { reason: 'x y' })]),
    formatted: 'example.org; dkim=fail reason="x y" header.d=example.net',
  },
  {
    name: 'an empty reason',
    text: 'example.org; dkim=fail reason=""',
    value: field('example.org', [result('dkim=fail', [], { reason: '' })]),
  },
  {
    name: 'a comment between result and reason',
    text: 'example.org; dmarc=fail (p=none) reason="no valid SPF" header.from=example.net',
    value: field('example.org', [
      result('dmarc=fail', [property('header.from', 'example.net')], { comment: 'p=none', reason: 'no valid SPF' }),
    ]),
  },
  {
    name: 'a property type that is called reason',
    text: 'example.org; dkim=fail reason.code=7',
    value: field('example.org', [result('dkim=fail', [property('reason.code', '7')])]),
  },
  // Comments
  { name: 'an empty comment', text: 'example.org; spf=pass ()', value: field('example.org', [result('spf=pass', [], { comment: '' })]) },
  {
    name: 'a comment in a comment',
    text: 'example.org; arc=fail (1 set(s))',
    value: field('example.org', [result('arc=fail', [], { comment: '1 set(s)' })]),
    formatted: String.raw`example.org; arc=fail (1 set\(s\))`,
  },
  {
    name: 'escaped parentheses, backslash and letter',
    text: String.raw`example.org; spf=pass (a \( b \) c \\ \d)`,
    value: field('example.org', [result('spf=pass', [], { comment: String.raw`a ( b ) c \ d` })]),
    formatted: String.raw`example.org; spf=pass (a \( b \) c \\ d)`,
  },
  {
    name: 'comments instead of spaces',
    text: 'example.org;(a)spf(b)=(c)pass(d)smtp.mailfrom=example.net(e)',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'example.net', 'e')], { comment: 'a b c d' })]),
    formatted: 'example.org; spf=pass (a b c d) smtp.mailfrom=example.net (e)',
  },
  {
    name: 'a comment with quotes and a semicolon',
    text: 'example.org; spf=pass ("a"; b)',
    value: field('example.org', [result('spf=pass', [], { comment: '"a"; b' })]),
  },
  {
    name: 'a comment with several spaces',
    text: 'example.org; spf=pass ( a  b )',
    value: field('example.org', [result('spf=pass', [], { comment: ' a  b ' })]),
  },
  {
    name: 'comments as deep as they may be',
    text: `example.org; spf=pass ${NESTED}`,
    value: field('example.org', [result('spf=pass', [], { comment: NESTED.slice(1, -1) })]),
    formatted: `example.org; spf=pass (${'\\('.repeat(31)}${'\\)'.repeat(31)})`,
  },
  // Quoted strings
  {
    name: 'a quoted string with quoted pairs',
    text: String.raw`example.org; dkim=fail reason="a \"b\" \\ \c"`,
    value: field('example.org', [result('dkim=fail', [], { reason: String.raw`a "b" \ c` })]),
    formatted: String.raw`example.org; dkim=fail reason="a \"b\" \\ c"`,
  },
  {
    name: 'a quoted value with a semicolon and a parenthesis',
    text: 'example.org; x-test=pass policy.rule="a; spf=fail (b"',
    value: field('example.org', [result('x-test=pass', [property('policy.rule', 'a; spf=fail (b')])]),
  },
  {
    name: 'a property right after a quoted value',
    text: 'example.org; dkim=pass header.b="a/b"header.d=example.net',
    value: field('example.org', [result('dkim=pass', [property('header.b', 'a/b'), property('header.d', 'example.net')])]),
    formatted: 'example.org; dkim=pass header.b="a/b" header.d=example.net',
  },
  {
    name: 'an empty value',
    text: 'example.org; dmarc=none header.from=""',
    value: field('example.org', [result('dmarc=none', [property('header.from', '')])]),
  },
  // Addresses and domains as values
  {
    name: 'a local part with plus, equals and slash',
    text: 'example.org; spf=pass smtp.mailfrom=prvs=1234/5+user=example.net@bounce.example.com',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'prvs=1234/5+user=example.net@bounce.example.com')])]),
  },
  {
    name: 'a quoted local part',
    text: 'example.org; spf=pass smtp.mailfrom="joe \\"x\\" b;c"@example.net',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', '"joe \\"x\\" b;c"@example.net')])]),
  },
  {
    name: 'a domain with an at sign before it',
    text: 'example.org; dkim=pass header.i=@example.net',
    value: field('example.org', [result('dkim=pass', [property('header.i', '@example.net')])]),
  },
  {
    name: 'a whole address in quotes is the same address',
    text: 'example.org; spf=pass smtp.mailfrom="user@example.net"',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'user@example.net')])]),
    formatted: 'example.org; spf=pass smtp.mailfrom=user@example.net',
  },
  {
    name: 'an address of one label needs quotes',
    text: 'example.org; spf=pass smtp.mailfrom="root@localhost"',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'root@localhost')])]),
  },
  {
    name: 'gaps within a property',
    text: 'example.org; spf=pass smtp . mailfrom = example.net',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'example.net')])]),
    formatted: 'example.org; spf=pass smtp.mailfrom=example.net',
  },
  {
    name: 'non-ASCII text is read, and written escaped',
    text: 'example.org; spf=pass (gr\u00fc\u00dfe) smtp.mailfrom=j\u00f6rg@m\u00fcller.example',
    value: field('example.org', [
      result('spf=pass', [property('smtp.mailfrom', 'j\u00f6rg@m\u00fcller.example')], { comment: 'gr\u00fc\u00dfe' }),
    ]),
    formatted: String.raw`example.org; spf=pass (gr\\u{fc}\\u{df}e) smtp.mailfrom="j\\u{f6}rg@m\\u{fc}ller.example"`,
  },
  // Folding
  {
    name: 'folded with CRLF and a tab',
    text: 'example.org;\r\n\tspf=pass\r\n\t smtp.mailfrom=example.net',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'example.net')])]),
    formatted: 'example.org; spf=pass smtp.mailfrom=example.net',
  },
  {
    name: 'folded with LF, as a milter has it',
    text: 'example.org;\n spf=pass\n smtp.mailfrom=example.net\n',
    value: field('example.org', [result('spf=pass', [property('smtp.mailfrom', 'example.net')])]),
    formatted: 'example.org; spf=pass smtp.mailfrom=example.net',
  },
  {
    name: 'folded within a comment and a quoted string',
    text: 'example.org; dkim=fail (a\r\n b) reason="c\r\n d"',
    value: field('example.org', [result('dkim=fail', [], { comment: 'a b', reason: 'c d' })]),
    formatted: 'example.org; dkim=fail (a b) reason="c d"',
  },
  {
    name: 'a fold that leaves a line of white space only',
    text: 'example.org;\r\n \r\n none',
    value: field('example.org', []),
    formatted: 'example.org; none',
  },
  // In the style of big receivers
  {
    name: 'Gmail',
    text:
      'mx.google.com;\r\n       dkim=pass header.i=@example.net header.s=s1 header.b=Ab1cD2eF;\r\n' +
      '       spf=pass (google.com: domain of a+b=example.org@mail.example.net designates 192.0.2.7 as permitted sender) smtp.mailfrom="a+b=example.org@mail.example.net";\r\n' +
      '       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.net',
    value: field('mx.google.com', [
      result('dkim=pass', [property('header.i', '@example.net'), property('header.s', 's1'), property('header.b', 'Ab1cD2eF')]),
      result('spf=pass', [property('smtp.mailfrom', 'a+b=example.org@mail.example.net')], {
        comment: 'google.com: domain of a+b=example.org@mail.example.net designates 192.0.2.7 as permitted sender',
      }),
      result('dmarc=pass', [property('header.from', 'example.net')], { comment: 'p=REJECT sp=REJECT dis=NONE' }),
    ]),
    formatted:
      'mx.google.com; dkim=pass header.i=@example.net header.s=s1 header.b=Ab1cD2eF; ' +
      'spf=pass (google.com: domain of a+b=example.org@mail.example.net designates 192.0.2.7 as permitted sender) smtp.mailfrom=a+b=example.org@mail.example.net; ' +
      'dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.net',
  },
  {
    name: 'Yandex, with brackets in a comment',
    text: 'front.example.net; spf=pass (front.example.net: domain of example.com designates 192.0.2.7 as permitted sender, rule=[ip4:192.0.2.0/24]) smtp.mail=a@example.com; dkim=pass header.i=@example.com',
    value: field('front.example.net', [
      result('spf=pass', [property('smtp.mail', 'a@example.com')], {
        comment: 'front.example.net: domain of example.com designates 192.0.2.7 as permitted sender, rule=[ip4:192.0.2.0/24]',
      }),
      result('dkim=pass', [property('header.i', '@example.com')]),
    ]),
  },
  {
    name: 'rspamd, with a comment at the end',
    text: 'mail.example.org; dkim=pass header.d=example.net header.s=s1 header.b=Zz0aBc12; dmarc=fail reason="No valid SPF, No valid DKIM" header.from=example.net (policy=reject)',
    value: field('mail.example.org', [
      result('dkim=pass', [property('header.d', 'example.net'), property('header.s', 's1'), property('header.b', 'Zz0aBc12')]),
      result('dmarc=fail', [property('header.from', 'example.net', 'policy=reject')], { reason: 'No valid SPF, No valid DKIM' }),
    ]),
  },
  {
    name: 'Courier with a DNS white list, whose property types are its own',
    text: 'mail.example.org; dnswl=pass dns.zone=list.example.net policy.ip=127.0.2.3 policy.txt="example.com https://dnswl.example/s?s=2207"',
    value: field('mail.example.org', [
      result('dnswl=pass', [
        property('dns.zone', 'list.example.net'),
        property('policy.ip', '127.0.2.3'),
        property('policy.txt', 'example.com https://dnswl.example/s?s=2207'),
      ]),
    ]),
  },
  {
    name: 'iCloud, tabs within',
    text: 'milter.example.net;\tdkim=pass (2048-bit\r\n key) header.d=example.com header.i=@example.com\r\n header.b=0GObIji6;\tdkim-adsp=pass',
    value: field('milter.example.net', [
      result('dkim=pass', [property('header.d', 'example.com'), property('header.i', '@example.com'), property('header.b', '0GObIji6')], {
        comment: '2048-bit key',
      }),
      result('dkim-adsp=pass'),
    ]),
    formatted: 'milter.example.net; dkim=pass (2048-bit key) header.d=example.com header.i=@example.com header.b=0GObIji6; dkim-adsp=pass',
  },
]

export const BROKEN_CASES: readonly BrokenCase[] = [
  // What receivers write against the grammar
  {
    name: 'Microsoft: no authserv-id, domains between, properties without a type',
    text: 'spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=example.com; contoso.example; dkim=pass (signature was verified)\r\n header.d=example.com;contoso.example; dmarc=pass action=none\r\n header.from=example.com;compauth=pass reason=100',
    error: { offset: 3, reason: 'separatorExpected' },
    tolerated: {
      formatted:
        '; spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=example.com; dkim=pass (signature was verified) header.d=example.com; dmarc=pass header.from=example.com; compauth=pass reason=100',
      deviations: ['authservIdMissing', 'strayText', 'strayText', 'bareProperty'],
    },
  },
  {
    name: 'Microsoft: an empty value at the end',
    text: 'example.org; dmarc=none action=none header.from=;',
    error: { offset: 30, reason: 'dotExpected' },
    tolerated: { formatted: 'example.org; dmarc=none header.from=""', deviations: ['bareProperty', 'emptyValue', 'emptyResult'] },
  },
  {
    name: 'a semicolon at the end',
    text: 'example.org; spf=pass;',
    error: { offset: 22, reason: 'keywordExpected' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['emptyResult'] },
  },
  {
    name: 'an IPv6 address without quotes, as Exim writes it',
    text: 'example.org; iprev=pass (mail.example.com) smtp.remote-ip=2001:db8::25',
    error: { offset: 58, reason: 'valueNeedsQuotes' },
    tolerated: { formatted: 'example.org; iprev=pass (mail.example.com) smtp.remote-ip="2001:db8::25"', deviations: ['unquotedValue'] },
  },
  {
    name: 'Fastmail: base64 with a slash, properties without a type, underscores',
    text: 'example.org; dkim=pass header.b=oF80QtY/ x-bits=1024; x-return-mx=pass smtp.domain=example.net smtp_is_org_domain=yes',
    error: { offset: 32, reason: 'valueNeedsQuotes' },
    tolerated: {
      formatted: 'example.org; dkim=pass header.b="oF80QtY/"; x-return-mx=pass smtp.domain=example.net',
      deviations: ['unquotedValue', 'bareProperty', 'bareProperty'],
    },
  },
  {
    name: 'a reason after a property',
    text: 'example.org; iprev=fail policy.iprev=192.0.2.7 reason="does not match"',
    error: { offset: 53, reason: 'dotExpected' },
    tolerated: { formatted: 'example.org; iprev=fail reason="does not match" policy.iprev=192.0.2.7', deviations: ['lateReason'] },
  },
  {
    name: 'OpenDKIM: a queue id after the authserv-id',
    text: 'mx.example.org/C741440440; dkim=pass header.d=example.com',
    error: { offset: 0, reason: 'valueNeedsQuotes' },
    tolerated: { formatted: '"mx.example.org/C741440440"; dkim=pass header.d=example.com', deviations: ['unquotedValue'] },
  },
  {
    name: 'old Yahoo: properties where the version would be',
    text: 'mta.example.com  from=example.net; domainkeys=neutral (no sig);  from=example.net; dkim=pass (ok)',
    error: { offset: 17, reason: 'separatorExpected' },
    tolerated: {
      formatted: 'mta.example.com; domainkeys=neutral (no sig); from=example; dkim=pass (ok)',
      deviations: ['strayText', 'strayText'],
    },
  },
  {
    name: 'an address of one label',
    text: 'example.org; spf=pass smtp.mailfrom=root@localhost',
    error: { offset: 36, reason: 'valueNeedsQuotes' },
    tolerated: { formatted: 'example.org; spf=pass smtp.mailfrom="root@localhost"', deviations: ['unquotedValue'] },
  },
  {
    name: 'angle brackets around an address',
    text: 'example.org; spf=none smtp.mailfrom=<>',
    error: { offset: 36, reason: 'valueNeedsQuotes' },
    tolerated: { formatted: 'example.org; spf=none smtp.mailfrom="<>"', deviations: ['unquotedValue'] },
  },
  // Not enough
  { name: 'nothing', text: '', error: { offset: 0, reason: 'authservIdExpected' }, tolerated: null },
  { name: 'white space only', text: ' \t ', error: { offset: 3, reason: 'authservIdExpected' }, tolerated: null },
  { name: 'a comment only', text: '(x)', error: { offset: 3, reason: 'authservIdExpected' }, tolerated: null },
  {
    name: 'an authserv-id only',
    text: 'example.org',
    error: { offset: 11, reason: 'resultsExpected' },
    tolerated: { formatted: 'example.org; none', deviations: ['resultsMissing'] },
  },
  {
    name: 'an authserv-id and a semicolon',
    text: 'example.org;',
    error: { offset: 12, reason: 'keywordExpected' },
    tolerated: { formatted: 'example.org; none', deviations: ['emptyResult', 'resultsMissing'] },
  },
  {
    name: 'a method without a result',
    text: 'example.org; spf; dkim=pass',
    error: { offset: 16, reason: 'equalsExpected' },
    tolerated: { formatted: 'example.org; dkim=pass', deviations: ['strayText'] },
  },
  {
    name: 'a method with an empty result',
    text: 'example.org; spf=; dkim=pass',
    error: { offset: 17, reason: 'keywordExpected' },
    tolerated: { formatted: 'example.org; dkim=pass', deviations: ['strayText'] },
  },
  {
    name: 'a method version that is no number',
    text: 'example.org; spf/x=pass',
    error: { offset: 17, reason: 'versionExpected' },
    tolerated: { formatted: 'example.org; none', deviations: ['strayText', 'resultsMissing'] },
  },
  {
    name: 'a version without a gap before it',
    text: '"example.org"1; none',
    error: { offset: 13, reason: 'separatorExpected' },
    tolerated: { formatted: 'example.org; none', deviations: ['strayText'] },
  },
  {
    name: 'a version beyond all versions',
    text: 'example.org 1234567890; none',
    error: { offset: 12, reason: 'versionTooLarge' },
    tolerated: null,
  },
  {
    name: 'a property without a value',
    text: 'example.org; spf=pass smtp.mailfrom=',
    error: { offset: 36, reason: 'valueExpected' },
    tolerated: { formatted: 'example.org; spf=pass smtp.mailfrom=""', deviations: ['emptyValue'] },
  },
  {
    name: 'a property without a name keeps the result',
    text: 'example.org; spf=pass smtp.=x; dkim=pass',
    error: { offset: 27, reason: 'keywordExpected' },
    tolerated: { formatted: 'example.org; spf=pass; dkim=pass', deviations: ['strayText'] },
  },
  // Too much
  {
    name: 'none before a result',
    text: 'example.org; none; spf=pass',
    error: { offset: 12, reason: 'noneAmongResults' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText', 'strayText'] },
  },
  {
    name: 'none after a result',
    text: 'example.org; spf=pass; none',
    error: { offset: 22, reason: 'noneAmongResults' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
  {
    name: 'a reason right after a quoted value',
    text: 'example.org; dkim=fail header.b="a/b"reason=x',
    error: { offset: 43, reason: 'dotExpected' },
    tolerated: { formatted: 'example.org; dkim=fail reason=x header.b="a/b"', deviations: ['lateReason'] },
  },
  {
    name: 'no gap between a result and what comes after it',
    text: 'example.org; dkim=fail"x"',
    error: { offset: 22, reason: 'separatorExpected' },
    tolerated: { formatted: 'example.org; dkim=fail', deviations: ['strayText'] },
  },
  {
    name: 'two reasons',
    text: 'example.org; spf=fail reason=a reason=b',
    error: { offset: 37, reason: 'dotExpected' },
    tolerated: { formatted: 'example.org; spf=fail reason=b', deviations: ['lateReason'] },
  },
  {
    name: 'a keyword longer than any',
    text: `example.org; ${'x'.repeat(65)}=pass`,
    error: { offset: 13, reason: 'keywordTooLong' },
    tolerated: { formatted: 'example.org; none', deviations: ['strayText', 'resultsMissing'] },
  },
  {
    name: 'comments too deep',
    text: `example.org; spf=pass ${'('.repeat(33)}${')'.repeat(33)}`,
    error: { offset: 54, reason: 'nestedTooDeep' },
    tolerated: null,
  },
  {
    name: 'longer than any header',
    text: `example.org; spf=pass (${'x'.repeat(65536)})`,
    error: { offset: 65536, reason: 'tooLong' },
    tolerated: null,
  },
  // Broken text
  {
    name: 'a comment without an end',
    text: 'example.org; spf=pass (sender',
    error: { offset: 22, reason: 'unterminatedComment' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
  {
    name: 'a quoted string without an end',
    text: 'example.org; spf=pass reason="x; dkim=pass',
    error: { offset: 29, reason: 'unterminatedString' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
  {
    name: 'a backslash at the end of a comment',
    text: 'example.org; spf=pass (x\\',
    error: { offset: 25, reason: 'character' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
  {
    name: 'a NUL in a comment',
    text: 'example.org; spf=pass (a\u0000b)',
    error: { offset: 24, reason: 'character' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
  {
    name: 'an escaped NUL in a quoted string',
    text: 'example.org; spf=pass reason="a\\\u0000b"',
    error: { offset: 32, reason: 'character' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
  {
    name: 'the end of the header within',
    text: 'example.org; spf=pass\r\nX-Spam: yes',
    error: { offset: 21, reason: 'lineEnd' },
    tolerated: null,
  },
  {
    name: 'the end of the header within a comment',
    text: 'example.org; spf=pass (a\r\nb)',
    error: { offset: 24, reason: 'lineEnd' },
    tolerated: null,
  },
  { name: 'a CR alone', text: 'example.org; spf=pass\r smtp.mailfrom=x', error: { offset: 21, reason: 'lineEnd' }, tolerated: null },
  {
    name: 'a closing parenthesis alone',
    text: 'example.org; spf=pass ) x',
    error: { offset: 22, reason: 'keywordExpected' },
    tolerated: { formatted: 'example.org; spf=pass', deviations: ['strayText'] },
  },
]
