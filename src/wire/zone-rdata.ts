/**
 * One record from its words in a master file, type by type: RFC 1035 §3.3, and for each later type the RFC that defines it.
 * RFC 3597's `\# 4 0a000001` is taken for every type, and is the only form of types that have no shape of their own.
 */
import { parseAddress, type IpAddress } from '../core/address.ts'
import { assertNever } from '../core/assert-never.ts'
import {
  RECORD_TYPE_CODES,
  recordTypeCode,
  recordTypeOf,
  type KnownRecordType,
  type RecordType,
  type ResourceRecord,
} from '../core/dns-record.ts'
import { ROOT, type DomainName } from '../core/domain-name.ts'
import { recordFromGenericData } from './dns-rdata.ts'
import { shown, type FieldReader } from './zone-fields.ts'

export function readRecord(type: RecordType, fields: FieldReader, name: DomainName, ttl: number): ResourceRecord {
  const first = fields.peek()
  if (first?.text === '\\#' && !first.quoted) return readGenericData(type, fields, name, ttl)
  const known = KNOWN_TYPES.get(type)
  if (known !== undefined) return readKnownData(known, fields, name, ttl)
  fields.fail('the data are written as \\#, their length, and hexadecimal octets (RFC 3597)', first)
  return NO_DATA
}

/** `A`, `TYPE65280`, in any case; undefined for a mnemonic that is not known and for types that no zone can hold. */
export function parseRecordType(text: string): RecordType | undefined {
  const known = KNOWN_TYPES.get(text) ?? KNOWN_TYPES.get(text.toUpperCase())
  if (known !== undefined) return known
  const digits = /^TYPE([0-9]{1,5})$/i.exec(text)?.[1]
  if (digits === undefined) return undefined
  const code = Number(digits)
  return code > 0xffff || isMetaType(code) ? undefined : recordTypeOf(code)
}

/** Types that exist only in questions and messages (RFC 6895 §3.1). */
function isMetaType(code: number): boolean {
  return code === 0 || code === 41 || (code >= 128 && code <= 255)
}

/** RFC 3597 §5. Names in such data are never compressed. */
function readGenericData(type: RecordType, fields: FieldReader, name: DomainName, ttl: number): ResourceRecord {
  fields.take('\\#')
  const octets = fields.integer('length', 0xffff)
  const hex = octets === 0 && !fields.peek() ? '' : fields.hexRest('generic data')
  if (fields.problem) return NO_DATA
  if (hex.length !== octets * 2) {
    fields.fail(`\\# announces ${String(octets)} octets, and ${String(hex.length / 2)} follow`)
    return NO_DATA
  }
  const data = recordFromGenericData(name, ttl, recordTypeCode(type), Buffer.from(hex, 'hex'))
  if (data === undefined) fields.fail('the octets after \\# do not make data of this type')
  return data ?? NO_DATA
}

function readKnownData(type: KnownRecordType, fields: FieldReader, name: DomainName, ttl: number): ResourceRecord {
  switch (type) {
    case 'A':
    case 'AAAA':
      return { type, address: readAddress(type, fields), name, ttl }
    case 'PTR':
    case 'CNAME':
    case 'NS':
      return { type, target: fields.name('target'), name, ttl }
    case 'MX':
      return { type, preference: fields.integer('preference', 0xffff), exchange: fields.name('exchange'), name, ttl }
    case 'TXT':
      return { type, strings: readStrings(fields), name, ttl }
    case 'SOA':
      return readSoa(fields, name, ttl)
    case 'SRV':
      return {
        type,
        priority: fields.integer('priority', 0xffff),
        weight: fields.integer('weight', 0xffff),
        port: fields.integer('port', 0xffff),
        target: fields.name('target'),
        name,
        ttl,
      }
    case 'CAA':
      return readCaa(fields, name, ttl)
    case 'TLSA':
      return {
        type,
        usage: fields.integer('certificate usage', 0xff),
        selector: fields.integer('selector', 0xff),
        matching: fields.integer('matching type', 0xff),
        data: fields.hexRest('certificate data'),
        name,
        ttl,
      }
    case 'DS':
      return {
        type,
        keyTag: fields.integer('key tag', 0xffff),
        algorithm: readAlgorithm(fields),
        digestType: fields.integer('digest type', 0xff),
        digest: fields.hexRest('digest'),
        name,
        ttl,
      }
    case 'DNSKEY':
      return {
        type,
        flags: fields.integer('flags', 0xffff),
        protocol: fields.integer('protocol', 0xff),
        algorithm: readAlgorithm(fields),
        publicKey: fields.base64Rest('public key'),
        name,
        ttl,
      }
    case 'RRSIG':
      return readRrsig(fields, name, ttl)
    default:
      return assertNever(type)
  }
}

function readAddress(type: 'A' | 'AAAA', fields: FieldReader): IpAddress {
  const text = fields.takeWord('address')
  const address = parseAddress(text)
  const family = type === 'A' ? 4 : 6
  if (address?.family === family) return address
  const advice = address === undefined ? '' : `: its record type is ${type === 'A' ? 'AAAA' : 'A'}`
  fields.fail(`${shown(text)} is no IPv${String(family)} address${advice}`)
  return { family, bytes: [] }
}

function readStrings(fields: FieldReader): readonly string[] {
  const strings = [fields.characterString('string')]
  while (fields.peek() && !fields.problem) strings.push(fields.characterString('string'))
  return strings
}

function readSoa(fields: FieldReader, name: DomainName, ttl: number): ResourceRecord {
  const primary = fields.name('primary server')
  const mailbox = fields.peek()
  if (mailbox !== undefined && mailbox.text !== '@' && /(?<!\\)@/.test(mailbox.text)) {
    fields.fail(`the mailbox ${shown(mailbox.text)} is written with a dot in the place of the @`, mailbox)
  }
  return {
    type: 'SOA',
    primary,
    mailbox: fields.name('mailbox'),
    serial: fields.integer('serial', 0xffff_ffff),
    refresh: fields.duration('refresh time'),
    retry: fields.duration('retry time'),
    expire: fields.duration('expire time'),
    minimum: fields.duration('minimum TTL'),
    name,
    ttl,
  }
}

/** RFC 8659 §4.1. */
function readCaa(fields: FieldReader, name: DomainName, ttl: number): ResourceRecord {
  const flags = fields.integer('flags', 0xff)
  const tag = fields.takeWord('tag')
  if (!/^[a-zA-Z0-9]{1,255}$/.test(tag)) fields.fail(`the tag must be letters and digits, not ${shown(tag)}`)
  return { type: 'CAA', flags, tag, value: fields.characterString('value', 0xffff - 2 - tag.length), name, ttl }
}

function readRrsig(fields: FieldReader, name: DomainName, ttl: number): ResourceRecord {
  const text = fields.takeWord('covered type')
  const typeCovered = parseRecordType(text)
  if (typeCovered === undefined) fields.fail(`the covered type ${shown(text)} is not known: write it as TYPE and its number`)
  return {
    type: 'RRSIG',
    typeCovered: typeCovered ?? 'A',
    algorithm: readAlgorithm(fields),
    labels: fields.integer('number of labels', 0xff),
    originalTtl: fields.integer('original TTL', 0xffff_ffff),
    expiration: readSignatureTime('expiration', fields),
    inception: readSignatureTime('inception', fields),
    keyTag: fields.integer('key tag', 0xffff),
    signer: fields.name('signer'),
    signature: fields.base64Rest('signature'),
    name,
    ttl,
  }
}

/** RFC 4034 §3.2: `YYYYMMDDHHmmSS` in UTC, or seconds since 1970. */
function readSignatureTime(what: string, fields: FieldReader): number {
  const text = fields.peek()?.text ?? ''
  const parts = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})$/.exec(text)
  if (parts === null) return fields.integer(what, 0xffff_ffff)
  fields.takeWord(what)
  const iso = `${String(parts[1])}-${String(parts[2])}-${String(parts[3])}T${String(parts[4])}:${String(parts[5])}:${String(parts[6])}.000Z`
  const milliseconds = Date.parse(iso)
  // Date.parse would move 31 February into March.
  const isReal = !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === iso
  if (isReal && milliseconds >= 0 && milliseconds / 1000 <= 0xffff_ffff) return milliseconds / 1000
  fields.fail(`the ${what} ${shown(text)} is no date between 1970 and 2106`)
  return 0
}

function readAlgorithm(fields: FieldReader): number {
  const text = fields.peek()?.text.toUpperCase() ?? ''
  const code = SECURITY_ALGORITHMS.get(text)
  if (code === undefined) return fields.integer('algorithm', 0xff)
  fields.takeWord('algorithm')
  return code
}

/** What is read in the place of data that were wrong. */
const NO_DATA: ResourceRecord = { type: 'UNKNOWN', typeCode: 0, data: '', name: ROOT, ttl: 0 }

const KNOWN_TYPES = new Map(Object.keys(RECORD_TYPE_CODES).map((type) => [type, type as KnownRecordType]))

/** IANA, "DNS Security Algorithm Numbers". */
const SECURITY_ALGORITHMS = new Map<string, number>([
  ['RSAMD5', 1],
  ['DH', 2],
  ['DSA', 3],
  ['RSASHA1', 5],
  ['DSA-NSEC3-SHA1', 6],
  ['RSASHA1-NSEC3-SHA1', 7],
  ['RSASHA256', 8],
  ['RSASHA512', 10],
  ['ECC-GOST', 12],
  ['ECDSAP256SHA256', 13],
  ['ECDSAP384SHA384', 14],
  ['ED25519', 15],
  ['ED448', 16],
])
