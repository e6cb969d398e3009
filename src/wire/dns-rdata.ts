/**
 * The data of resource records, wire to value and back: RFC 1035 §3.3, RFC 3596, 2782, 4034, 6698, 8659; any other type as
 * octets (RFC 3597). Names are compressed only where RFC 3597 §4 lets them be; read, they may be compressed anywhere.
 */
import { assertNever } from '../core/assert-never.ts'
import type { RecordData, ResourceRecord } from '../core/dns-record.ts'
import { RECORD_TYPE_CODES, recordTypeCode, recordTypeOf } from '../core/dns-record.ts'
import type { DomainName } from '../core/domain-name.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/** The code under which a record goes on the wire. */
export function typeCodeOf(record: RecordData): number {
  return record.type === 'UNKNOWN' ? record.typeCode : RECORD_TYPE_CODES[record.type]
}

/** Reads the length of the data and the data. After a fault the record means nothing: the reader keeps the fault. */
export function readRecordData(reader: ByteReader, name: DomainName, ttl: number, typeCode: number): ResourceRecord {
  const octets = reader.uint16()
  reader.enter(octets)
  const record = readByType(reader, name, ttl, typeCode)
  reader.leave()
  return record
}

/** A record from RFC 3597 generic data (`\# 4 7f000001`); undefined where the type is known and the data do not fit it. */
export function recordFromGenericData(name: DomainName, ttl: number, typeCode: number, data: Uint8Array): ResourceRecord | undefined {
  const reader = new ByteReader(data)
  reader.allowPointers = false
  reader.enter(data.length)
  const record = readByType(reader, name, ttl, typeCode)
  reader.leave()
  return reader.fault === null ? record : undefined
}

export function writeRecordData(writer: ByteWriter, record: RecordData): void {
  writer.withLength(() => {
    writeByType(writer, record)
  })
}

function readByType(reader: ByteReader, name: DomainName, ttl: number, typeCode: number): ResourceRecord {
  switch (typeCode) {
    case RECORD_TYPE_CODES.PTR:
      return { type: 'PTR', target: reader.name(), name, ttl }
    case RECORD_TYPE_CODES.A:
      return { type: 'A', address: { family: 4, bytes: reader.octets(4) }, name, ttl }
    case RECORD_TYPE_CODES.AAAA:
      return { type: 'AAAA', address: { family: 6, bytes: reader.octets(16) }, name, ttl }
    case RECORD_TYPE_CODES.CNAME:
      return { type: 'CNAME', target: reader.name(), name, ttl }
    case RECORD_TYPE_CODES.NS:
      return { type: 'NS', target: reader.name(), name, ttl }
    case RECORD_TYPE_CODES.SOA:
      return readSoa(reader, name, ttl)
    case RECORD_TYPE_CODES.MX:
      return { type: 'MX', preference: reader.uint16(), exchange: reader.name(), name, ttl }
    case RECORD_TYPE_CODES.TXT:
      return { type: 'TXT', strings: readStrings(reader), name, ttl }
    case RECORD_TYPE_CODES.SRV:
      return { type: 'SRV', priority: reader.uint16(), weight: reader.uint16(), port: reader.uint16(), target: reader.name(), name, ttl }
    case RECORD_TYPE_CODES.TLSA:
      return {
        type: 'TLSA',
        usage: reader.octet(),
        selector: reader.octet(),
        matching: reader.octet(),
        data: readRestAsHex(reader),
        name,
        ttl,
      }
    case RECORD_TYPE_CODES.CAA:
      return readCaa(reader, name, ttl)
    case RECORD_TYPE_CODES.DS:
      return {
        type: 'DS',
        keyTag: reader.uint16(),
        algorithm: reader.octet(),
        digestType: reader.octet(),
        digest: readRestAsHex(reader),
        name,
        ttl,
      }
    case RECORD_TYPE_CODES.DNSKEY:
      return {
        type: 'DNSKEY',
        flags: reader.uint16(),
        protocol: reader.octet(),
        algorithm: reader.octet(),
        publicKey: readRestAsHex(reader),
        name,
        ttl,
      }
    case RECORD_TYPE_CODES.RRSIG:
      return readRrsig(reader, name, ttl)
    default:
      return { type: 'UNKNOWN', typeCode, data: readRestAsHex(reader), name, ttl }
  }
}

function readSoa(reader: ByteReader, name: DomainName, ttl: number): ResourceRecord {
  return {
    type: 'SOA',
    primary: reader.name(),
    mailbox: reader.name(),
    serial: reader.uint32(),
    refresh: reader.uint32(),
    retry: reader.uint32(),
    expire: reader.uint32(),
    minimum: reader.uint32(),
    name,
    ttl,
  }
}

function readRrsig(reader: ByteReader, name: DomainName, ttl: number): ResourceRecord {
  return {
    type: 'RRSIG',
    typeCovered: recordTypeOf(reader.uint16()),
    algorithm: reader.octet(),
    labels: reader.octet(),
    originalTtl: reader.uint32(),
    expiration: reader.uint32(),
    inception: reader.uint32(),
    keyTag: reader.uint16(),
    signer: reader.name(),
    signature: readRestAsHex(reader),
    name,
    ttl,
  }
}

function readCaa(reader: ByteReader, name: DomainName, ttl: number): ResourceRecord {
  const flags = reader.octet()
  const tag = reader.characterString()
  // RFC 8659 §4.1: the tag has at least one octet.
  if (tag === '') reader.fail('rdataValue')
  return { type: 'CAA', flags, tag, value: reader.latin1(octetsLeft(reader)), name, ttl }
}

/** RFC 1035 §3.3.14: one or more. */
function readStrings(reader: ByteReader): string[] {
  const strings: string[] = []
  do strings.push(reader.characterString())
  while (octetsLeft(reader) > 0 && reader.fault === null)
  return strings
}

function readRestAsHex(reader: ByteReader): string {
  return reader.hex(octetsLeft(reader))
}

function octetsLeft(reader: ByteReader): number {
  return Math.max(0, reader.limit - reader.position)
}

function writeByType(writer: ByteWriter, record: RecordData): void {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      if (record.address.bytes.length !== (record.type === 'A' ? 4 : 16)) throw new RangeError(`an ${record.type} record of another family`)
      writer.octets(record.address.bytes)
      return
    case 'PTR':
    case 'CNAME':
    case 'NS':
      writer.compressedName(record.target)
      return
    case 'SOA':
      writer.compressedName(record.primary)
      writer.compressedName(record.mailbox)
      for (const value of [record.serial, record.refresh, record.retry, record.expire, record.minimum]) writer.uint32(value)
      return
    case 'MX':
      writer.uint16(record.preference)
      writer.compressedName(record.exchange)
      return
    case 'TXT':
      if (record.strings.length === 0) throw new RangeError('a TXT record without a string')
      for (const text of record.strings) writer.characterString(text)
      return
    case 'SRV':
      writer.uint16(record.priority)
      writer.uint16(record.weight)
      writer.uint16(record.port)
      writer.plainName(record.target)
      return
    case 'TLSA':
      writer.octets([record.usage, record.selector, record.matching])
      writer.hex(record.data)
      return
    case 'CAA':
      if (record.tag === '') throw new RangeError('a CAA record without a tag')
      writer.octet(record.flags)
      writer.characterString(record.tag)
      writer.latin1(record.value)
      return
    case 'DS':
      writer.uint16(record.keyTag)
      writer.octets([record.algorithm, record.digestType])
      writer.hex(record.digest)
      return
    case 'DNSKEY':
      writer.uint16(record.flags)
      writer.octets([record.protocol, record.algorithm])
      writer.hex(record.publicKey)
      return
    case 'RRSIG':
      writer.uint16(recordTypeCode(record.typeCovered))
      writer.octets([record.algorithm, record.labels])
      for (const value of [record.originalTtl, record.expiration, record.inception]) writer.uint32(value)
      writer.uint16(record.keyTag)
      writer.plainName(record.signer)
      writer.hex(record.signature)
      return
    case 'UNKNOWN':
      writer.hex(record.data)
      return
    default:
      assertNever(record)
  }
}
