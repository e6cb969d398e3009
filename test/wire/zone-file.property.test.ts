import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelsOf, nameFromLabels, ROOT, type DomainName } from '../../src/core/domain-name.ts'
import type { RecordData, ResourceRecord } from '../../src/core/dns-record.ts'
import { formatZone, parseZone } from '../../src/wire/zone-file.ts'

const octet = fc.integer({ min: 0, max: 255 })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const duration = fc.integer({ min: 0, max: 2 ** 31 - 1 })

/** Hostile octets more often than chance would bring them. */
const character = fc.oneof(octet, fc.constantFrom(...Buffer.from('."();@$\\#*{}0123 \t\r\n\0\x1b\x7f', 'latin1')))
const octets = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.array(character, { minLength, maxLength }).map((codes) => String.fromCharCode(...codes))
const domainName: fc.Arbitrary<DomainName> = fc
  .oneof(
    { weight: 9, arbitrary: fc.array(octets(1, 20), { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(octets(63, 63), { maxLength: 3 }) },
  )
  .map(nameFromLabels)
const hex = (minOctets: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: minOctets, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('hex'))

const recordData: fc.Arbitrary<RecordData> = fc.oneof(
  fc.record({
    type: fc.constant('A' as const),
    address: fc.record({ family: fc.constant(4 as const), bytes: fc.array(octet, { minLength: 4, maxLength: 4 }) }),
  }),
  fc.record({
    type: fc.constant('AAAA' as const),
    address: fc.record({ family: fc.constant(6 as const), bytes: fc.array(octet, { minLength: 16, maxLength: 16 }) }),
  }),
  fc.record({ type: fc.constantFrom('PTR' as const, 'CNAME' as const, 'NS' as const), target: domainName }),
  fc.record({
    ...{ type: fc.constant('SOA' as const), primary: domainName, mailbox: domainName, serial: uint32 },
    ...{ refresh: duration, retry: duration, expire: duration, minimum: duration },
  }),
  fc.record({ type: fc.constant('MX' as const), preference: uint16, exchange: domainName }),
  fc.record({ type: fc.constant('TXT' as const), strings: fc.array(octets(0, 255), { minLength: 1, maxLength: 3 }) }),
  fc.record({ type: fc.constant('TLSA' as const), usage: octet, selector: octet, matching: octet, data: hex(0) }),
  fc.record({ type: fc.constant('SRV' as const), priority: uint16, weight: uint16, port: uint16, target: domainName }),
  fc.record({
    type: fc.constant('CAA' as const),
    flags: octet,
    tag: fc.oneof(octets(1, 255), fc.constant('issue')),
    value: octets(0, 300),
  }),
  fc.record({ type: fc.constant('DS' as const), keyTag: uint16, algorithm: octet, digestType: octet, digest: hex(0) }),
  fc.record({ type: fc.constant('DNSKEY' as const), flags: uint16, protocol: octet, algorithm: octet, publicKey: hex(0) }),
  fc.record({
    ...{
      type: fc.constant('RRSIG' as const),
      typeCovered: fc.constantFrom('A' as const, 'TYPE65280' as const),
      algorithm: octet,
      labels: octet,
    },
    ...{ originalTtl: uint32, expiration: uint32, inception: uint32, keyTag: uint16, signer: domainName, signature: hex(0) },
  }),
  fc.record({ type: fc.constant('UNKNOWN' as const), typeCode: fc.constantFrom(3, 13, 99, 258, 65280, 65535), data: hex(0) }),
)

const record: fc.Arbitrary<ResourceRecord> = fc.tuple(recordData, domainName, duration).map(([data, name, ttl]) => ({ ...data, name, ttl }))

describe('properties', () => {
  it('what formatZone writes, parseZone reads back, whatever is in names and strings', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), (records) => {
        const text = formatZone(records)
        expect(text).toMatch(/^[\x20-\x7e\n]*$/)
        expect(text.split('\n')).toHaveLength(records.length + 1)
        expect(parseZone(text, { file: 'f' })).toEqual({ kind: 'zone', records, files: ['f'] })
      }),
      { numRuns: 1500 },
    )
  })

  it('a name relative to an origin has its labels and then those of the origin', () => {
    fc.assert(
      fc.property(fc.array(octets(1, 20), { minLength: 1, maxLength: 4 }), domainName, (labels, origin) => {
        const relative = nameFromLabels(labels)
        const whole = nameFromLabels([...labels, ...labelsOf(origin)])
        fc.pre([...labels, ...labelsOf(origin)].reduce((sum, label) => sum + label.length + 1, 1) <= 255)
        const zone = parseZone(`${relative} 1 A 10.0.0.1`, { file: 'f', origin })
        expect(zone).toMatchObject({ kind: 'zone', records: [{ name: whole }] })
      }),
      { numRuns: 500 },
    )
  })

  it('any text gives a zone or one printable error with a place inside the text, and never throws', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'x',
        '@',
        ' ',
        '\t',
        '\n',
        '\r',
        '(',
        ')',
        '"',
        ';',
        '\\',
        '\\#',
        '$',
        '\\300',
        '60',
        'IN',
        'A',
        'TXT',
        'MX',
        '10.0.0.1',
        '.',
      ),
      fc.constantFrom('$ORIGIN', '$TTL', '$INCLUDE f2', '$GENERATE 1-3', '${1,2,n}', '1-2147483647', 'SOA', 'CAA', 'RRSIG', 'TYPE65280'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.constantFrom('', ' '), (pieces, glue) => {
        const text = pieces.join(glue)
        const zone = parseZone(text, { file: 'f', origin: ROOT, include: () => text })
        if (zone.kind === 'zone') return
        expect(zone.reason).toMatch(/^[\x20-\x7e…]+$/)
        const line = text.split('\n')[zone.line - 1]
        expect(line).toBeDefined()
        expect(zone.column).toBeGreaterThan(0)
        expect(zone.column).toBeLessThanOrEqual((line?.length ?? 0) + 1)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('size', () => {
  it('200,000 records are read, which anything quadratic would not end within the time limit', () => {
    const text = Array.from(
      { length: 200_000 },
      (_, index) => `h${String(index)} 60 A 10.0.${String((index >> 8) & 255)}.${String(index & 255)}\n`,
    ).join('')
    const zone = parseZone(text, { file: 'f', origin: ROOT })
    expect(zone.kind === 'zone' && zone.records.length).toBe(200_000)
  }, 30_000)

  it.each([
    ['one endless word', 'a'.repeat(3_000_000)],
    ['one endless run of backslashes', `${'\\'.repeat(3_000_000)} 60 A 10.0.0.1`],
    ['endless parentheses', `x 60 TXT ( ${'"a" '.repeat(200_000)}`],
    ['an endless TTL', `x ${'1h'.repeat(1_000_000)} A 10.0.0.1`],
    ['endless dots', `x 60 PTR ${'.'.repeat(2_000_000)}`],
    ['endless dollars', `$GENERATE 1-9 ${'${'.repeat(1_000_000)} 1 A 10.0.0.1`],
  ])('%s ends in an error at once', (_, text) => {
    expect(parseZone(text, { file: 'f', origin: ROOT }).kind).toBe('error')
  })
})
