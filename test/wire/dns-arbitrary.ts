/** Arbitrary DNS names, records and messages, hostile labels included, for the codec's property tests. */
import fc from 'fast-check'
import type { RecordData, RecordType, ResourceRecord } from '../../src/core/dns-record.ts'
import { RECORD_TYPE_CODES, recordTypeOf } from '../../src/core/dns-record.ts'
import type { DomainName } from '../../src/core/domain-name.ts'
import { nameFromLabels } from '../../src/core/domain-name.ts'
import type { DnsMessage } from '../../src/wire/dns.ts'

const uint8 = fc.integer({ min: 0, max: 0xff })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const octetText = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.array(uint8, { minLength, maxLength }).map((octets) => String.fromCharCode(...octets))
const hex = (minOctets: number, maxOctets: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: minOctets, maxLength: maxOctets }).map((octets) => Buffer.from(octets).toString('hex'))

/** Few distinct labels, so that names share suffixes; among them dots, backslashes, controls, 8-bit octets and 63 octets. */
const label = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'mail', 'example', 'Example', 'com', 'in-addr', 'arpa', '1', '_25', '*') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('a.b', '\\', '\\046', '.', ' ', '\r\n', '\0', '"quoted"', '(', ';', '@', '\xff\x80', 'x'.repeat(63)),
  },
  { weight: 1, arbitrary: octetText(1, 63) },
)

export const domainName: fc.Arbitrary<DomainName> = fc
  .oneof(
    { weight: 20, arbitrary: fc.array(label, { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constant(Array<string>(127).fill('\xff')) },
  )
  .map((labels) => {
    let octets = 1
    return nameFromLabels(labels.filter((text) => (octets += text.length + 1) <= 255))
  })

const recordType: fc.Arbitrary<RecordType> = uint16.map(recordTypeOf)
const address = (family: 4 | 6) =>
  fc.array(uint8, { minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 }).map((bytes) => ({ family, bytes }))
const known: ReadonlySet<number> = new Set(Object.values(RECORD_TYPE_CODES))

const recordData: fc.Arbitrary<RecordData> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), address: address(4) }),
  fc.record({ type: fc.constant('AAAA' as const), address: address(6) }),
  fc.record({ type: fc.constantFrom('PTR' as const, 'CNAME' as const, 'NS' as const), target: domainName }),
  fc.record({
    type: fc.constant('SOA' as const),
    primary: domainName,
    mailbox: domainName,
    serial: uint32,
    refresh: uint32,
    retry: uint32,
    expire: uint32,
    minimum: uint32,
  }),
  fc.record({ type: fc.constant('MX' as const), preference: uint16, exchange: domainName }),
  fc.record({ type: fc.constant('TXT' as const), strings: fc.array(octetText(0, 255), { minLength: 1, maxLength: 4 }) }),
  fc.record({ type: fc.constant('TLSA' as const), usage: uint8, selector: uint8, matching: uint8, data: hex(0, 64) }),
  fc.record({ type: fc.constant('SRV' as const), priority: uint16, weight: uint16, port: uint16, target: domainName }),
  fc.record({ type: fc.constant('CAA' as const), flags: uint8, tag: octetText(1, 20), value: octetText(0, 300) }),
  fc.record({ type: fc.constant('DS' as const), keyTag: uint16, algorithm: uint8, digestType: uint8, digest: hex(0, 48) }),
  fc.record({ type: fc.constant('DNSKEY' as const), flags: uint16, protocol: uint8, algorithm: uint8, publicKey: hex(0, 260) }),
  fc.record({
    type: fc.constant('RRSIG' as const),
    typeCovered: recordType,
    algorithm: uint8,
    labels: uint8,
    originalTtl: uint32,
    expiration: uint32,
    inception: uint32,
    keyTag: uint16,
    signer: domainName,
    signature: hex(0, 128),
  }),
  fc.record({
    type: fc.constant('UNKNOWN' as const),
    typeCode: uint16.filter((code) => !known.has(code) && code !== 41),
    data: hex(0, 300),
  }),
)

export const resourceRecord: fc.Arbitrary<ResourceRecord> = fc
  .tuple(recordData, domainName, fc.integer({ min: 0, max: 0x7fffffff }))
  .map(([data, name, ttl]) => ({ ...data, name, ttl }))

const records = fc.array(resourceRecord, { maxLength: 6 })

export const dnsMessage: fc.Arbitrary<DnsMessage> = fc
  .record({
    id: uint16,
    isResponse: fc.boolean(),
    opcode: fc.integer({ min: 0, max: 15 }),
    authoritative: fc.boolean(),
    truncated: fc.boolean(),
    recursionDesired: fc.boolean(),
    recursionAvailable: fc.boolean(),
    authenticated: fc.boolean(),
    checkingDisabled: fc.boolean(),
    rcode: fc.integer({ min: 0, max: 0xfff }),
    questions: fc.array(fc.record({ name: domainName, type: recordType, classCode: uint16 }), { maxLength: 2 }),
    answers: records,
    authorities: records,
    additionals: records,
    edns: fc.option(
      fc.record({
        udpPayloadSize: uint16,
        version: uint8,
        dnssecOk: fc.boolean(),
        options: fc.array(fc.record({ code: uint16, data: hex(0, 40) }), { maxLength: 3 }),
      }),
    ),
  })
  .map((message) => (message.edns === null ? { ...message, rcode: message.rcode & 15 } : message))
