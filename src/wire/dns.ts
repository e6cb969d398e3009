/**
 * DNS messages, wire to value and back (RFC 1035 §4, EDNS0 of RFC 6891). Decoding never throws and its cost is bounded.
 * Records of a class other than IN are checked for their bounds and then left out: nothing here has a use for them.
 */
import type { Hex, RecordType, ResourceRecord } from '../core/dns-record.ts'
import { recordTypeCode, recordTypeOf } from '../core/dns-record.ts'
import type { DomainName } from '../core/domain-name.ts'
import { ROOT } from '../core/domain-name.ts'
import type { DnsWireError } from './byte-reader.ts'
import { ByteReader, MAX_MESSAGE_OCTETS } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { readRecordData, typeCodeOf, writeRecordData } from './dns-rdata.ts'

export type { DnsWireError } from './byte-reader.ts'

export interface DnsMessage {
  readonly id: number
  readonly isResponse: boolean
  readonly opcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly recursionDesired: boolean
  readonly recursionAvailable: boolean
  /** AD */
  readonly authenticated: boolean
  readonly checkingDisabled: boolean
  /** With the upper eight bits of EDNS. */
  readonly rcode: number
  readonly questions: readonly DnsQuestion[]
  readonly answers: readonly ResourceRecord[]
  readonly authorities: readonly ResourceRecord[]
  /** Without OPT, which is `edns`. */
  readonly additionals: readonly ResourceRecord[]
  readonly edns: Edns | null
}

export interface DnsQuestion {
  readonly name: DomainName
  readonly type: RecordType
  readonly classCode: number
}

export interface Edns {
  readonly udpPayloadSize: number
  readonly version: number
  readonly dnssecOk: boolean
  readonly options: readonly { readonly code: number; readonly data: Hex }[]
}

export type DecodedMessage =
  | { readonly kind: 'message'; readonly message: DnsMessage }
  | { readonly kind: 'malformed'; readonly error: DnsWireError; readonly offset: number }

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const

export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  if (bytes.length > MAX_MESSAGE_OCTETS) return { kind: 'malformed', error: 'oversized', offset: MAX_MESSAGE_OCTETS }
  const reader = new ByteReader(bytes)
  const message = readMessage(reader)
  return reader.fault === null ? { kind: 'message', message } : { kind: 'malformed', ...reader.fault }
}

/** After a fault the message means nothing: the reader keeps the fault. */
export function readMessage(reader: ByteReader): DnsMessage {
  const id = reader.uint16()
  const flags = reader.uint16()
  const counts = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()] as const
  const questions: DnsQuestion[] = []
  for (let index = 0; index < counts[0] && reader.fault === null; index++) {
    questions.push({ name: reader.name(), type: recordTypeOf(reader.uint16()), classCode: reader.uint16() })
  }
  const opt: OptHolder = { edns: null, rcodeHigh: 0 }
  const answers = readSection(reader, counts[1], null)
  const authorities = readSection(reader, counts[2], null)
  const additionals = readSection(reader, counts[3], opt)
  if (reader.fault === null && reader.position !== reader.limit) reader.fail('trailingOctets')
  return {
    id,
    isResponse: (flags & FLAG.QR) !== 0,
    opcode: (flags >> 11) & 15,
    authoritative: (flags & FLAG.AA) !== 0,
    truncated: (flags & FLAG.TC) !== 0,
    recursionDesired: (flags & FLAG.RD) !== 0,
    recursionAvailable: (flags & FLAG.RA) !== 0,
    authenticated: (flags & FLAG.AD) !== 0,
    checkingDisabled: (flags & FLAG.CD) !== 0,
    rcode: (opt.rcodeHigh << 4) | (flags & 15),
    questions,
    answers,
    authorities,
    additionals,
    edns: opt.edns,
  }
}

/**
 * Over `maxOctets` whole records are left out from the end. TC is set where an answer or authority record is missing, not for
 * additional ones (RFC 2181 §9). Questions and OPT always stay, even if they alone are longer.
 */
export function encodeMessage(message: DnsMessage, limits: { readonly maxOctets?: number } = {}): Uint8Array {
  const maxOctets = Math.min(limits.maxOctets ?? MAX_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS)
  if (message.edns === null && message.rcode > 15) throw new RangeError('an extended RCODE needs EDNS')
  const writer = new ByteWriter()
  writer.uint16(message.id)
  writer.uint16(flagsOf(message))
  writer.uint16(message.questions.length)
  for (let section = 0; section < 3; section++) writer.uint16(0)
  for (const question of message.questions) {
    writer.compressedName(question.name)
    writer.uint16(recordTypeCode(question.type))
    writer.uint16(question.classCode)
  }
  const room = maxOctets - (message.edns === null ? 0 : optLength(message.edns))
  const answers = writeSection(writer, message.answers, room)
  const authorities = answers < message.answers.length ? 0 : writeSection(writer, message.authorities, room)
  const isWhole = answers === message.answers.length && authorities === message.authorities.length
  const additionals = isWhole ? writeSection(writer, message.additionals, room) : 0
  if (message.edns !== null) writeOpt(writer, message.edns, message.rcode)
  if (!isWhole) writer.patchUint16(2, flagsOf(message) | FLAG.TC)
  writer.patchUint16(6, answers)
  writer.patchUint16(8, authorities)
  writer.patchUint16(10, additionals + (message.edns === null ? 0 : 1))
  return writer.finish()
}

export const FLAG = { QR: 0x8000, AA: 0x400, TC: 0x200, RD: 0x100, RA: 0x80, AD: 0x20, CD: 0x10 } as const
export const CLASS_IN = 1
export const TYPE_OPT = 41
export const DNSSEC_OK = 0x8000
/** Owner, type, class, TTL and RDLENGTH of an OPT record. */
const OPT_OCTETS = 11

interface OptHolder {
  edns: Edns | null
  rcodeHigh: number
}

function readSection(reader: ByteReader, count: number, opt: OptHolder | null): ResourceRecord[] {
  const records: ResourceRecord[] = []
  for (let index = 0; index < count && reader.fault === null; index++) {
    const start = reader.position
    const name = reader.name()
    const typeCode = reader.uint16()
    const classCode = reader.uint16()
    if (typeCode === TYPE_OPT) {
      if (opt === null || opt.edns !== null || name !== ROOT) reader.fail('opt', start)
      else readOpt(reader, classCode, opt)
      continue
    }
    const ttl = clampTtl(reader.uint32())
    if (classCode === CLASS_IN) records.push(readRecordData(reader, name, ttl, typeCode))
    else reader.skip(reader.uint16())
  }
  return records
}

/** RFC 2181 §8: a TTL with its highest bit set means zero. */
export function clampTtl(ttl: number): number {
  return ttl > 0x7fffffff ? 0 : ttl
}

function readOpt(reader: ByteReader, udpPayloadSize: number, opt: OptHolder): void {
  opt.rcodeHigh = reader.octet()
  const version = reader.octet()
  const dnssecOk = (reader.uint16() & DNSSEC_OK) !== 0
  const options: { code: number; data: Hex }[] = []
  reader.enter(reader.uint16())
  while (reader.position < reader.limit && reader.fault === null) {
    const code = reader.uint16()
    options.push({ code, data: reader.hex(reader.uint16()) })
  }
  reader.leave()
  opt.edns = { udpPayloadSize, version, dnssecOk, options }
}

/** How many records were written before one did not fit. */
function writeSection(writer: ByteWriter, records: readonly ResourceRecord[], maxOctets: number): number {
  for (const [index, record] of records.entries()) {
    const start = writer.length
    writer.compressedName(record.name)
    writer.uint16(typeCodeOf(record))
    writer.uint16(CLASS_IN)
    writer.uint32(record.ttl)
    writeRecordData(writer, record)
    if (writer.length > maxOctets) {
      writer.truncate(start)
      return index
    }
  }
  return records.length
}

function optLength(edns: Edns): number {
  return edns.options.reduce((octets, option) => octets + 4 + option.data.length / 2, OPT_OCTETS)
}

function writeOpt(writer: ByteWriter, edns: Edns, rcode: number): void {
  writer.octet(0)
  writer.uint16(TYPE_OPT)
  writer.uint16(edns.udpPayloadSize)
  writer.octet(rcode >> 4)
  writer.octet(edns.version)
  writer.uint16(edns.dnssecOk ? DNSSEC_OK : 0)
  writer.withLength(() => {
    for (const option of edns.options) {
      writer.uint16(option.code)
      writer.withLength(() => {
        writer.hex(option.data)
      })
    }
  })
}

function flagsOf(message: DnsMessage): number {
  return (
    (message.isResponse ? FLAG.QR : 0) |
    ((message.opcode & 15) << 11) |
    (message.authoritative ? FLAG.AA : 0) |
    (message.truncated ? FLAG.TC : 0) |
    (message.recursionDesired ? FLAG.RD : 0) |
    (message.recursionAvailable ? FLAG.RA : 0) |
    (message.authenticated ? FLAG.AD : 0) |
    (message.checkingDisabled ? FLAG.CD : 0) |
    (message.rcode & 15)
  )
}
