import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/core/address.ts'
import { name, nameFromLabels } from '../../src/core/domain-name.ts'
import type { RecordData, ResourceRecord } from '../../src/core/dns-record.ts'
import { formatRecord, formatZoneFileError, parseZone, type ZoneFileOptions } from '../../src/wire/zone-file.ts'

const LAB = name('lab.test')

function records(text: string, options: Partial<ZoneFileOptions> = {}): readonly ResourceRecord[] {
  const zone = parseZone(text, { file: 'lab.zone', origin: LAB, ...options })
  if (zone.kind === 'error') throw new Error(formatZoneFileError(zone))
  return zone.records
}

/** One line a record, for comparing. */
function lines(text: string, options: Partial<ZoneFileOptions> = {}): readonly string[] {
  return records(text, options).map(formatRecord)
}

function address(text: string): { family: 4 | 6; bytes: readonly number[] } {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}

describe('record data', () => {
  const cases: readonly (readonly [string, RecordData])[] = [
    ['A 198.51.100.10', { type: 'A', address: address('198.51.100.10') }],
    ['AAAA 2001:db8:51::10', { type: 'AAAA', address: address('2001:db8:51::10') }],
    ['AAAA ::ffff:198.51.100.10', { type: 'AAAA', address: address('::ffff:198.51.100.10') }],
    ['PTR mail', { type: 'PTR', target: name('mail.lab.test') }],
    ['PTR .', { type: 'PTR', target: name('.') }],
    ['CNAME @', { type: 'CNAME', target: LAB }],
    ['NS ns.example.', { type: 'NS', target: name('ns.example') }],
    ['MX 10 mail', { type: 'MX', preference: 10, exchange: name('mail.lab.test') }],
    ['MX 0 .', { type: 'MX', preference: 0, exchange: name('.') }],
    ['TXT one two', { type: 'TXT', strings: ['one', 'two'] }],
    ['TXT "one two" three', { type: 'TXT', strings: ['one two', 'three'] }],
    ['TXT "a""b"', { type: 'TXT', strings: ['a', 'b'] }],
    ['TXT ""', { type: 'TXT', strings: [''] }],
    ['TXT "a;b(c)d"', { type: 'TXT', strings: ['a;b(c)d'] }],
    ['TXT a\\;b "c\\"d\\\\e" \\010\\255', { type: 'TXT', strings: ['a;b', 'c"d\\e', '\n\u00ff'] }],
    ['TXT "\\# 1 00"', { type: 'TXT', strings: ['# 1 00'] }],
    ['TXT "é"', { type: 'TXT', strings: ['\u00c3\u00a9'] }],
    ['TXT "😀"', { type: 'TXT', strings: ['\u00f0\u009f\u0098\u0080'] }],
    ['SRV 1 2 25 mail', { type: 'SRV', priority: 1, weight: 2, port: 25, target: name('mail.lab.test') }],
    ['TLSA 3 1 1 ABCD 0f', { type: 'TLSA', usage: 3, selector: 1, matching: 1, data: 'abcd0f' }],
    ['CAA 128 issue "ca.example; a=b"', { type: 'CAA', flags: 128, tag: 'issue', value: 'ca.example; a=b' }],
    ['DS 60485 5 1 2BB1 83AF', { type: 'DS', keyTag: 60485, algorithm: 5, digestType: 1, digest: '2bb183af' }],
    ['DS 1 ecdsap256sha256 2 00', { type: 'DS', keyTag: 1, algorithm: 13, digestType: 2, digest: '00' }],
    ['DNSKEY 257 3 13 aGVs bG8=', { type: 'DNSKEY', flags: 257, protocol: 3, algorithm: 13, publicKey: '68656c6c6f' }],
    ['\\# 0', { type: 'UNKNOWN', typeCode: 65280, data: '' }],
  ]
  it.each(cases)('%s', (text, expected) => {
    const type = expected.type === 'UNKNOWN' ? 'TYPE65280 ' : ''
    expect(records(`host 60 ${type}${text}`)).toEqual([{ ...expected, name: name('host.lab.test'), ttl: 60 }])
  })

  it('SOA with units in its timers', () => {
    expect(records('@ 1h SOA ns hostmaster 2026010100 2h 15m 2w 5M')).toEqual([
      {
        ...{ type: 'SOA', name: LAB, ttl: 3600, primary: name('ns.lab.test'), mailbox: name('hostmaster.lab.test') },
        ...{ serial: 2026010100, refresh: 7200, retry: 900, expire: 1_209_600, minimum: 300 },
      },
    ])
  })

  it('RRSIG with dates and with seconds', () => {
    const [dated, seconds] = records(
      'x 60 RRSIG A 13 2 60 20301231235959 20260101000000 1 lab.test. AAAA\nx 60 RRSIG TYPE65280 13 2 60 1 0 1 lab.test. AAAA',
    )
    expect(dated).toMatchObject({ typeCovered: 'A', expiration: 1_924_991_999, inception: 1_767_225_600, signature: '000000' })
    expect(seconds).toMatchObject({ typeCovered: 'TYPE65280', expiration: 1, inception: 0 })
  })

  it('RFC 3597: any type may be written as octets, and a known one is read as itself', () => {
    expect(records('x 60 TYPE65280 \\# 4 0A00 0001\nx 60 A \\# 4 0a000001\nx 60 TYPE1 10.0.0.1\nx 60 MX \\# 7 000A 0361622e 00')).toEqual([
      { type: 'UNKNOWN', typeCode: 65280, data: '0a000001', name: name('x.lab.test'), ttl: 60 },
      { type: 'A', address: address('10.0.0.1'), name: name('x.lab.test'), ttl: 60 },
      { type: 'A', address: address('10.0.0.1'), name: name('x.lab.test'), ttl: 60 },
      { type: 'MX', preference: 10, exchange: nameFromLabels(['ab.']), name: name('x.lab.test'), ttl: 60 },
    ])
  })

  it('a string of exactly 255 octets is kept', () => {
    expect(records(`x 60 TXT "${'a'.repeat(254)}\\200"`)).toMatchObject([{ strings: [`${'a'.repeat(254)}\u00c8`] }])
  })
})

describe('owner, TTL and class', () => {
  it.each([
    ['x 60 IN A 10.0.0.1', 'x.lab.test. 60 IN A 10.0.0.1'],
    ['x IN 60 A 10.0.0.1', 'x.lab.test. 60 IN A 10.0.0.1'],
    ['x in 1m a 10.0.0.1', 'x.lab.test. 60 IN A 10.0.0.1'],
    ['x CLASS1 60 A 10.0.0.1', 'x.lab.test. 60 IN A 10.0.0.1'],
    ['x 1h30m A 10.0.0.1', 'x.lab.test. 5400 IN A 10.0.0.1'],
    ['x 1w2d3h4m5s A 10.0.0.1', 'x.lab.test. 788645 IN A 10.0.0.1'],
    ['x 0 A 10.0.0.1', 'x.lab.test. 0 IN A 10.0.0.1'],
    ['x 2147483647 A 10.0.0.1', 'x.lab.test. 2147483647 IN A 10.0.0.1'],
    ['@ 60 A 10.0.0.1', 'lab.test. 60 IN A 10.0.0.1'],
    ['\\@ 60 A 10.0.0.1', '\\@.lab.test. 60 IN A 10.0.0.1'],
    ['. 60 A 10.0.0.1', '. 60 IN A 10.0.0.1'],
    ['*.x 60 A 10.0.0.1', '*.x.lab.test. 60 IN A 10.0.0.1'],
    ['MX 60 A 10.0.0.1', 'MX.lab.test. 60 IN A 10.0.0.1'],
    ['a\\.b 60 A 10.0.0.1', 'a\\.b.lab.test. 60 IN A 10.0.0.1'],
    ['a\\046b 60 A 10.0.0.1', 'a\\.b.lab.test. 60 IN A 10.0.0.1'],
    ['a\\. 60 A 10.0.0.1', 'a\\..lab.test. 60 IN A 10.0.0.1'],
    ['a\\\\. 60 A 10.0.0.1', 'a\\\\. 60 IN A 10.0.0.1'],
    ['a\\ b\\;c\\(\\" 60 A 10.0.0.1', 'a\\032b\\;c\\(\\".lab.test. 60 IN A 10.0.0.1'],
    ['MixedCase 60 A 10.0.0.1', 'MixedCase.lab.test. 60 IN A 10.0.0.1'],
  ])('%s', (text, expected) => {
    expect(lines(text)).toEqual([expected])
  })

  it('a line that begins with a blank has the owner before it, also behind another owner of no consequence', () => {
    expect(lines('$TTL 60\nx A 10.0.0.1\n\tA 10.0.0.2\n\n ; nothing\n    TXT "t"\n$ORIGIN other.\n A 10.0.0.3')).toEqual([
      'x.lab.test. 60 IN A 10.0.0.1',
      'x.lab.test. 60 IN A 10.0.0.2',
      'x.lab.test. 60 IN TXT "t"',
      'x.lab.test. 60 IN A 10.0.0.3',
    ])
  })

  it('$TTL wins over the last stated TTL; without it the last stated one goes on (RFC 2308 §4)', () => {
    expect(lines('x 10 A 10.0.0.1\ny A 10.0.0.2\n$TTL 1h\nz 20 A 10.0.0.3\nw A 10.0.0.4')).toEqual([
      'x.lab.test. 10 IN A 10.0.0.1',
      'y.lab.test. 10 IN A 10.0.0.2',
      'z.lab.test. 20 IN A 10.0.0.3',
      'w.lab.test. 3600 IN A 10.0.0.4',
    ])
  })

  it('an SOA without any TTL takes its minimum, and so do the records behind it', () => {
    expect(records('@ SOA ns host 1 2 3 4 77\n@ NS ns').map((record) => record.ttl)).toEqual([77, 77])
  })

  it('$ORIGIN may be relative, and @ follows it', () => {
    expect(lines('$TTL 1\n$ORIGIN sub\n@ A 10.0.0.1\n$origin . ; the root\nx A 10.0.0.2\n@ NS x')).toEqual([
      'sub.lab.test. 1 IN A 10.0.0.1',
      'x. 1 IN A 10.0.0.2',
      '. 1 IN NS x.',
    ])
  })

  it('names of exactly 63 and 255 octets are kept', () => {
    const long = 'a'.repeat(63)
    expect(records(`${long} 1 A 10.0.0.1`)).toMatchObject([{ name: `${long}.lab.test` }])
    const longest = [long, long, long, 'b'.repeat(61)].join('.')
    expect(records(`${longest}. 1 A 10.0.0.1`)).toMatchObject([{ name: longest }])
  })
})

describe('entries', () => {
  it('parentheses carry an entry over lines, with comments and blank lines inside', () => {
    const text = '@ 60 SOA ns host ( ; the serial\n  1\n\n  2 3 ; two\n4 5 )\nx 60 TXT ( "a"\n"b" ) "c" ; end'
    expect(lines(text)).toEqual(['lab.test. 60 IN SOA ns.lab.test. host.lab.test. 1 2 3 4 5', 'x.lab.test. 60 IN TXT "a" "b" "c"'])
  })

  it('CRLF, a byte order mark, tabs and a last line without an end make no difference', () => {
    expect(lines('\ufeff$TTL 60\r\nx\tA\t10.0.0.1\t; c\r\n\r\ny A 10.0.0.2\r')).toEqual([
      'x.lab.test. 60 IN A 10.0.0.1',
      'y.lab.test. 60 IN A 10.0.0.2',
    ])
  })

  it('nothing at all is an empty zone', () => {
    expect(records('')).toEqual([])
    expect(records('; only a comment\n\n   \n')).toEqual([])
  })
})

describe('formatting', () => {
  it('names carry more escapes than they must, for servers that take few characters as they are', () => {
    expect(lines("x 60 PTR a[b].c'd+e/f*_-.")).toEqual(['x.lab.test. 60 IN PTR a\\091b\\093.c\\039d\\043e/f*_-.'])
    expect(lines('x 60 PTR \\\\\\.\\027\\[')).toEqual(['x.lab.test. 60 IN PTR \\\\\\.\\027\\091.lab.test.'])
  })

  it('data that the own form of their type cannot show are written as octets', () => {
    const odd: readonly ResourceRecord[] = [
      { type: 'CAA', flags: 0, tag: 'a b', value: 'v', name: LAB, ttl: 1 },
      { type: 'DS', keyTag: 1, algorithm: 2, digestType: 3, digest: '', name: LAB, ttl: 1 },
    ]
    expect(odd.map(formatRecord)).toEqual(['lab.test. 1 IN CAA \\# 6 000361206276', 'lab.test. 1 IN DS \\# 4 00010203'])
    expect(records(odd.map(formatRecord).join('\n'))).toEqual(odd)
  })
})

describe('$GENERATE', () => {
  it.each([
    ['$GENERATE 1-3 h$ A 10.0.0.$', ['h1 A 10.0.0.1', 'h2 A 10.0.0.2', 'h3 A 10.0.0.3']],
    ['$GENERATE 0-5/2 h$ A 10.0.0.$', ['h0 A 10.0.0.0', 'h2 A 10.0.0.2', 'h4 A 10.0.0.4']],
    ['$GENERATE 1-1 h${0,3} A 10.0.0.$', ['h001 A 10.0.0.1']],
    ['$GENERATE 1-1 h${10} A 10.0.0.${-1,0,d}', ['h11 A 10.0.0.0']],
    ['$GENERATE 8-8 h${0,3,o} A 10.0.0.$', ['h010 A 10.0.0.8']],
    ['$GENERATE 171-171 h${0,4,x}-${0,0,X} A 10.0.0.$', ['h00ab-AB A 10.0.0.171']],
    ['$GENERATE 171-171 ${0,3,n}.x PTR h${0,5,N}', ['b.a.x PTR hB.A.0']],
    ['$GENERATE 171-171 ${0,0,n}.x PTR h', ['b.a.x PTR h']],
    ['$GENERATE 1-1 ${0,4,n}x PTR h', ['1.0.x PTR h']],
    ['$GENERATE 7-7 a$b$c PTR \\$$', ['a7b7c PTR \\$7']],
    ['$GENERATE 7-7 a PTR $$', ['a PTR \\$']],
    ['$GENERATE 2-2 h MX $ mail-$', ['h MX 2 mail-2']],
    ['$GENERATE 2-2 h MX "$ mail-$"', ['h MX 2 mail-2']],
    ['$GENERATE 2-2 h TXT "number $"', ['h TXT "number 2"']],
    ['$GENERATE 1-2 same A 10.0.0.$', ['same A 10.0.0.1', 'same A 10.0.0.2']],
  ])('%s', (text, expected) => {
    expect(lines(`$TTL 60\n${text}`)).toEqual(lines(`$TTL 60\n${expected.join('\n')}`))
  })

  it('takes TTL and class, and leaves the owner before it as it was', () => {
    expect(lines('x 5 A 10.0.0.9\n$GENERATE 1-2 h$ 1h IN A 10.0.0.$\n A 10.0.0.8')).toEqual([
      'x.lab.test. 5 IN A 10.0.0.9',
      'h1.lab.test. 3600 IN A 10.0.0.1',
      'h2.lab.test. 3600 IN A 10.0.0.2',
      'x.lab.test. 3600 IN A 10.0.0.8',
    ])
  })
})

describe('$INCLUDE', () => {
  const files: Readonly<Record<string, string>> = {
    'zones/more/a.zone': '$TTL 7\na A 10.0.0.1\n$ORIGIN elsewhere.\nb A 10.0.0.2\n$INCLUDE ../c.zone',
    'zones/c.zone': 'c 9 A 10.0.0.3',
    'zones/loop.zone': 'd 1 A 10.0.0.4\n$INCLUDE ./more/../loop.zone',
    'zones/deep.zone': '$INCLUDE deeper.zone',
    'zones/bad.zone': '\n\nx 60 A nowhere',
    '/etc/abs.zone': 'e 1 A 10.0.0.5',
  }
  const options = { file: 'zones/lab.zone', include: (path: string) => files[path] }

  it('paths are relative to the including file; origin, owner and TTL of the including file go on unchanged', () => {
    expect(lines('$TTL 60\nx A 10.0.0.9\n$INCLUDE more/a.zone\n A 10.0.0.8\ny A 10.0.0.7', options)).toEqual([
      'x.lab.test. 60 IN A 10.0.0.9',
      'a.lab.test. 7 IN A 10.0.0.1',
      'b.elsewhere. 7 IN A 10.0.0.2',
      'c.elsewhere. 9 IN A 10.0.0.3',
      'x.lab.test. 60 IN A 10.0.0.8',
      'y.lab.test. 60 IN A 10.0.0.7',
    ])
  })

  it('takes an origin, quotes and an absolute path', () => {
    expect(lines('$INCLUDE "c.zone" sub\n$INCLUDE /etc/abs.zone', options)).toEqual([
      'c.sub.lab.test. 9 IN A 10.0.0.3',
      'e.lab.test. 1 IN A 10.0.0.5',
    ])
  })

  it('names every file that was read', () => {
    expect(parseZone('$TTL 1\n$INCLUDE more/a.zone', { ...options, origin: LAB })).toMatchObject({
      files: ['zones/lab.zone', 'zones/more/a.zone', 'zones/c.zone'],
    })
  })

  it.each([
    ['$INCLUDE loop.zone', 'zones/loop.zone:2:1: $INCLUDE: "zones/loop.zone" includes itself'],
    ['$INCLUDE lab.zone', 'zones/lab.zone:1:1: $INCLUDE: "zones/lab.zone" includes itself'],
    ['x 1 A 10.0.0.1\n$INCLUDE gone.zone', 'zones/lab.zone:2:1: $INCLUDE: "zones/gone.zone" cannot be read'],
    ['$INCLUDE bad.zone', 'zones/bad.zone:3:8: A: "nowhere" is no IPv4 address'],
    ['$INCLUDE', 'zones/lab.zone:1:1: $INCLUDE: the file name is missing'],
    ['$INCLUDE c.zone sub more', 'zones/lab.zone:1:21: $INCLUDE: unexpected "more" after the origin'],
  ])('%s', (text, expected) => {
    expect(errorOf(text, options)).toBe(expected)
  })

  it('is bounded in depth and in number', () => {
    const endless = { ...options, include: (path: string) => `$INCLUDE ${path.replaceAll(/.*\//g, '')}x` }
    expect(errorOf('$INCLUDE a', endless)).toBe('zones/axxxxxxx:1:1: $INCLUDE: more than 8 files deep')
    const many = { ...options, include: () => '' }
    expect(errorOf('$INCLUDE a\n'.repeat(1001), many)).toBe('zones/lab.zone:1001:1: $INCLUDE: more than 1000 files')
  })

  it('is refused where the caller gives no way to read files', () => {
    expect(errorOf('$INCLUDE a')).toBe('lab.zone:1:1: $INCLUDE: other files cannot be read from here')
  })
})

describe('a syntax error names file, line, column and reason', () => {
  const label64 = 'a'.repeat(64)
  const ttlHelp = 'is neither a TTL (3600 or 1h30m, at most 2147483647 seconds) nor a type'
  const typeHelp = 'others are written as TYPE and their number, their data as \\# (RFC 3597)'
  const cases: readonly (readonly [string, string])[] = [
    // The words of a line
    ['x 60 TXT "open', '1:10: this quoted string is not closed on its line'],
    ['x 60 TXT "open\n"', '1:10: this quoted string is not closed on its line'],
    ['\nx 60 TXT ( "a"\n\n', '2:10: this parenthesis is never closed'],
    ['x 60 TXT "a" )', '1:14: this parenthesis was never opened'],
    ['x 60 TXT ( "a" ( "b" ) )', '1:16: parentheses do not nest'],
    ['x 60 TXT a"b"', '1:11: a quote inside a word: put the whole string into quotes, or write \\"'],
    ['x 60 TXT "a"b', '1:13: a blank is missing after the quoted string'],
    ['x 60 TXT a\\', '1:11: this backslash escapes nothing'],
    ['x 60 TXT "a\\\n"', '1:12: this backslash escapes nothing'],
    ['x 60 TXT a\u0000b', '1:11: a control character: write it as \\000'],
    ['x 60 TXT "a\u001bb"', '1:12: a control character: write it as \\027'],
    ['x 60 A 10.0.0.1\rx', '1:16: a control character: write it as \\013'],
    // Owner, TTL, class, type
    [' 60 A 10.0.0.1', '1:2: the owner name is missing: no record stands before this line'],
    ['x', '1:1: the record type is missing'],
    ['x 60 IN', '1:6: the record type is missing'],
    ['x 60 30 A 10.0.0.1', '1:6: a second TTL, "30"'],
    ['x IN IN A 10.0.0.1', '1:6: a second class, "IN"'],
    ['x 60 CH TXT "a"', '1:6: only class IN is read, not "CH"'],
    ['x 60 HINFO a b', `1:6: unknown record type "HINFO": ${typeHelp}`],
    ['x 60 "A" 10.0.0.1', `1:6: unknown record type "A": ${typeHelp}`],
    ['x 60 TYPE255 \\# 0', `1:6: unknown record type "TYPE255": ${typeHelp}`],
    ['x 60 TYPE65536 \\# 0', `1:6: unknown record type "TYPE65536": ${typeHelp}`],
    ['A 10.0.0.1', `1:3: "10.0.0.1" ${ttlHelp}`],
    ['x 2147483648 A 10.0.0.1', `1:3: "2147483648" ${ttlHelp}`],
    ['x 1h30 A 10.0.0.1', `1:3: "1h30" ${ttlHelp}`],
    ['x A 10.0.0.1', '1:1: this record has no TTL: give it one, or write $TTL before it'],
    // Names
    ['a..b 60 A 10.0.0.1', '1:1: the owner name "a..b" is no domain name: it has an empty label'],
    ['.a 60 A 10.0.0.1', '1:1: the owner name ".a" is no domain name: it has an empty label'],
    [`${label64} 60 A 10.0.0.1`, `1:1: the owner name "${'a'.repeat(60)}…" is no domain name: a label is longer than 63 octets`],
    [`${'a.'.repeat(124)}a 60 A 10.0.0.1`, `1:1: the owner name "${'a.'.repeat(30)}…" is no domain name: it is longer than 255 octets`],
    ['x 60 PTR a\\256', '1:10: PTR: the target "a\\256" is no domain name: it holds an escape that is neither \\X nor \\DDD up to 255'],
    ['x 60 PTR a\\1b', '1:10: PTR: the target "a\\1b" is no domain name: it holds an escape that is neither \\X nor \\DDD up to 255'],
    [
      'x 60 PTR bücher',
      '1:10: PTR: the target "b\\u{fc}cher" is no domain name: characters beyond ASCII are written as \\DDD, or in Punycode',
    ],
    ['x 60 PTR "mail.lab.test."', '1:10: PTR: the target is written without quotes'],
    ['x 60 PTR', '1:6: PTR: the target is missing'],
    ['x 60 PTR a. b.', '1:13: PTR: unexpected "b." after the data'],
    // Data
    ['x 60 A 300.0.0.1', '1:8: A: "300.0.0.1" is no IPv4 address'],
    ['x 60 A 010.0.0.1', '1:8: A: "010.0.0.1" is no IPv4 address'],
    ['x 60 A 2001:db8::1', '1:8: A: "2001:db8::1" is no IPv4 address: its record type is AAAA'],
    ['x 60 AAAA 10.0.0.1', '1:11: AAAA: "10.0.0.1" is no IPv6 address: its record type is A'],
    ['x 60 AAAA fe80::1%eth0', '1:11: AAAA: "fe80::1%eth0" is no IPv6 address'],
    ['x 60 MX mail', '1:9: MX: the preference must be a whole number from 0 to 65535, not "mail"'],
    ['x 60 MX 65536 mail', '1:9: MX: the preference must be a whole number from 0 to 65535, not "65536"'],
    ['x 60 MX -1 mail', '1:9: MX: the preference must be a whole number from 0 to 65535, not "-1"'],
    ['x 60 MX 10', '1:9: MX: the exchange is missing'],
    ['x 60 TXT', '1:6: TXT: the string is missing'],
    [`x 60 TXT ${'a'.repeat(256)}`, '1:10: TXT: the string has 256 octets, and 255 is the most'],
    ['x 60 TXT "a\\400"', '1:10: TXT: the string "a\\400" holds an escape that is neither \\X nor \\DDD up to 255'],
    ['x 60 SRV 1 2 mail 25', '1:14: SRV: the port must be a whole number from 0 to 65535, not "mail"'],
    ['@ 60 SOA ns host@lab.test. 1 2 3 4 5', '1:13: SOA: the mailbox "host@lab.test." is written with a dot in the place of the @'],
    ['@ 60 SOA ns host 1 2 3 4', '1:24: SOA: the minimum TTL is missing'],
    [
      '@ 60 SOA ns host (\n 1\n soon 3 4 5)',
      '3:2: SOA: the refresh time must be a time such as 3600 or 1h30m, at most 2147483647 seconds, not "soon"',
    ],
    ['x 60 CAA 0 is-sue "a"', '1:12: CAA: the tag must be letters and digits, not "is-sue"'],
    ['x 60 TLSA 3 1 1 xyz', '1:17: TLSA: the certificate data must be hexadecimal, not "xyz"'],
    ['x 60 TLSA 3 1 1', '1:15: TLSA: the certificate data is missing'],
    ['x 60 DS 1 8 2 abc', '1:15: DS: the digest has an odd number of hexadecimal digits'],
    ['x 60 DNSKEY 257 3 NOTHING AA==', '1:19: DNSKEY: the algorithm must be a whole number from 0 to 255, not "NOTHING"'],
    ['x 60 DNSKEY 257 3 13 AA=', '1:22: DNSKEY: the public key must be base64, not "AA="'],
    ['x 60 RRSIG NSEC 8 2 60 1 0 1 . AA==', '1:12: RRSIG: the covered type "NSEC" is not known: write it as TYPE and its number'],
    ['x 60 RRSIG A 8 2 60 20260231000000 0 1 . AA==', '1:21: RRSIG: the expiration "20260231000000" is no date between 1970 and 2106'],
    ['x 60 TYPE65280 0a000001', '1:16: TYPE65280: the data are written as \\#, their length, and hexadecimal octets (RFC 3597)'],
    ['x 60 TYPE65280 \\# 3 0a000001', '1:21: TYPE65280: \\# announces 3 octets, and 4 follow'],
    ['x 60 A \\# 3 0a0000', '1:13: A: the octets after \\# do not make data of this type'],
    ['x 60 PTR \\# 2 c00c', '1:15: PTR: the octets after \\# do not make data of this type'],
    // Directives
    ['$ORIGIN', '1:1: $ORIGIN: the name is missing'],
    ['$ORIGIN a b', '1:11: $ORIGIN: unexpected "b" after the name'],
    ['$TTL soon', '1:6: $TTL: the TTL must be a time such as 3600 or 1h30m, at most 2147483647 seconds, not "soon"'],
    ['$Ttl 4294967296', '1:6: $TTL: the TTL must be a time such as 3600 or 1h30m, at most 2147483647 seconds, not "4294967296"'],
    ['x 1 A 10.0.0.1\n $TTL 60', '2:2: "$TTL" must stand at the beginning of its line'],
    ['x 1 $TTL 60', '1:5: "$TTL" must stand at the beginning of its line'],
    ['$BOGUS x', '1:1: unknown directive "$BOGUS": there are $ORIGIN, $TTL, $INCLUDE and $GENERATE'],
    ['$GENERATE', '1:1: $GENERATE: the range is missing'],
    ['$GENERATE 1-2', '1:11: $GENERATE: the owner name is missing'],
    ['$GENERATE 1 h$ 60 A 10.0.0.$', '1:11: $GENERATE: the range must be START-STOP or START-STOP/STEP, not "1"'],
    ['$GENERATE 2-1 h$ 60 A 10.0.0.$', '1:11: $GENERATE: the range "2-1" ends before it starts'],
    ['$GENERATE 1-2/0 h$ 60 A 10.0.0.$', '1:11: $GENERATE: the step must be at least 1'],
    ['$GENERATE 1-2147483648 h$ 60 A 10.0.0.$', '1:11: $GENERATE: numbers go up to 2147483647'],
    ['$GENERATE 1-2147483647 h$ 60 A 10.0.0.$', '1:11: $GENERATE: more than 262144 records in all'],
    ['$GENERATE 1-2 h${0,1,q} 60 A 10.0.0.$', '1:15: $GENERATE: "${0,1,q}" must be ${offset,width,base} with base d, o, x, X, n or N'],
    ['$GENERATE 1-2 h${1 60 A 10.0.0.$', '1:15: $GENERATE: "${1" must be ${offset,width,base} with base d, o, x, X, n or N'],
    ['$GENERATE 1-2 h${-2} 60 A 10.0.0.$', '1:15: $GENERATE: the offset takes 1 out of range'],
    ['$GENERATE 250-260 h$ 60 A 10.0.0.$', '1:27: A: "10.0.0.256" is no IPv4 address'],
    ['$GENERATE 1-2 .$ 60 A 10.0.0.$', '1:15: $GENERATE: the owner name ".1" is no domain name: it has an empty label'],
  ]
  it.each(cases)('%j', (text, expected) => {
    expect(errorOf(text, { file: 'lab.zone' })).toBe(`lab.zone:${expected}`)
  })

  it('a relative name without an origin', () => {
    const zone = parseZone('x 60 A 10.0.0.1', { file: 'f' })
    expect(zone).toMatchObject({ kind: 'error', reason: 'the owner name "x" is relative, and there is no $ORIGIN' })
    expect(parseZone('@ 60 A 10.0.0.1', { file: 'f' })).toMatchObject({ reason: 'the owner name "@" is relative, and there is no $ORIGIN' })
  })

  it('hostile text is shown printable and short', () => {
    const reason = errorOf(`x 60 PTR ${'\u202e\u009b'.repeat(100)}`)
    expect(reason).toMatch(/^lab\.zone:1:10: PTR: the target "(?:\\u\{202e\}\\u\{9b\}){30}…" is no domain name/)
  })

  it('records are bounded, generated ones too, in number and in size', () => {
    expect(errorOf('$TTL 1\na A 10.0.0.1\nb A 10.0.0.2', { limits: { maxRecords: 1 } })).toBe('lab.zone:3:1: more than 1 records')
    const twice = '$GENERATE 1-3 h$ 1 A 10.0.0.$\n'.repeat(2)
    expect(errorOf(twice, { limits: { maxGenerated: 5 } })).toBe('lab.zone:2:11: $GENERATE: more than 5 records in all')
    const long = `$GENERATE 1-10000 h$ 1 TXT ${`${'a'.repeat(250)}$ `.repeat(40)}`
    expect(errorOf(long)).toBe('lab.zone:1:19: $GENERATE: the records are too long in all')
  })
})

function errorOf(text: string, options: Partial<ZoneFileOptions> = {}): string {
  const zone = parseZone(text, { file: 'lab.zone', origin: LAB, ...options })
  return zone.kind === 'error' ? formatZoneFileError(zone) : ''
}
