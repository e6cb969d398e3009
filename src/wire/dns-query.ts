/**
 * The stub client's short way through the codec: one question out, and of its answer only what settles that question.
 * It decodes by the same reader as wire/dns.ts, so the same input is malformed; it only leaves unread what nobody asked for.
 */
import { Buffer } from 'node:buffer'
import type { RecordOf, ResourceRecord } from '../core/dns-record.ts'
import { RECORD_TYPE_CODES } from '../core/dns-record.ts'
import type { DomainName } from '../core/domain-name.ts'
import { labelsOf, ROOT } from '../core/domain-name.ts'
import type { DnsWireFault } from './byte-reader.ts'
import { ByteReader, HEADER_OCTETS } from './byte-reader.ts'
import { wireLengthOf } from './byte-writer.ts'
import { CLASS_IN, clampTtl, DNSSEC_OK, FLAG, TYPE_OPT } from './dns.ts'
import { readRecordData } from './dns-rdata.ts'

export interface QueryOptions {
  readonly recursionDesired: boolean
  readonly edns: { readonly udpPayloadSize: number; readonly dnssecOk: boolean } | null
}

/** What the answer to one question says, as far as the question goes. */
export interface DnsReply {
  /** With the upper eight bits of EDNS. */
  readonly rcode: number
  readonly authoritative: boolean
  readonly recursionAvailable: boolean
  readonly authenticated: boolean
  /** Of the answer section: the records of the asked type and the CNAMEs, in their order. */
  readonly records: readonly ResourceRecord[]
  /** The first SOA of the authority section; not looked for where the answer section holds what was asked. */
  readonly soa: RecordOf<'SOA'> | null
  readonly hasNameServers: boolean
  readonly extendedError: ExtendedError | null
}

/** RFC 8914. `text` is a peer's text. */
export interface ExtendedError {
  readonly code: number
  readonly text: string
}

/** How the question section of an answer compares with the question that was sent. */
export type QuestionMatch = 'same' | 'caseDiffers' | 'other' | 'absent' | 'incomplete'

export const TYPE_ANY = 255
const QUESTION_TAIL_OCTETS = 4
const OPT_OCTETS = 11
const OPTION_EXTENDED_ERROR = 15
const MAX_EXTENDED_ERROR_OCTETS = 200

/** A query in a buffer of its own, which stays valid however long the socket needs it. AD asks for AD in the answer (RFC 6840 §5.7). */
export function encodeQuery(id: number, name: DomainName, typeCode: number, options: QueryOptions): Buffer {
  const nameOctets = wireLengthOf(name)
  const { edns } = options
  const query = Buffer.allocUnsafe(HEADER_OCTETS + nameOctets + QUESTION_TAIL_OCTETS + (edns === null ? 0 : OPT_OCTETS))
  query[0] = id >> 8
  query[1] = id
  query[2] = options.recursionDesired ? FLAG.RD >> 8 : 0
  query[3] = FLAG.AD
  query[4] = 0
  query[5] = 1
  query[6] = query[7] = query[8] = query[9] = query[10] = 0
  query[11] = edns === null ? 0 : 1
  let position = writeName(query, HEADER_OCTETS, name)
  query[position++] = typeCode >> 8
  query[position++] = typeCode
  query[position++] = 0
  query[position++] = CLASS_IN
  if (edns !== null) {
    query[position++] = 0
    query[position++] = 0
    query[position++] = TYPE_OPT
    query[position++] = edns.udpPayloadSize >> 8
    query[position++] = edns.udpPayloadSize
    query[position++] = 0
    query[position++] = 0
    query[position++] = edns.dnssecOk ? DNSSEC_OK >> 8 : 0
    query[position++] = 0
    query[position++] = 0
    query[position++] = 0
  }
  return query
}

/** The offset behind the question of a query made by `encodeQuery`. */
export function questionEndOf(query: Uint8Array, options: QueryOptions): number {
  return query.length - (options.edns === null ? 0 : OPT_OCTETS)
}

/** Sets the case of each letter of the question's name by one bit (0x20, draft-vixie-dnsext-dns0x20). `bits` must hold one for each octet. */
export function setCase(query: Uint8Array, questionEnd: number, bits: Uint8Array, bitsOffset: number): void {
  let taken = bitsOffset << 3
  // A length octet is at most 63 and so never looks like a letter.
  for (let index = HEADER_OCTETS; index < questionEnd - QUESTION_TAIL_OCTETS; index++) {
    const lower = (query[index] ?? 0) | 0x20
    if (lower < 0x61 || lower > 0x7a) continue
    query[index] = lower & ~((((bits[taken >> 3] ?? 0) >> (taken & 7)) & 1) << 5)
    taken++
  }
}

/** Compares octets; nothing is decoded. The reply must have a header. */
export function compareQuestion(reply: Uint8Array, query: Uint8Array, questionEnd: number): QuestionMatch {
  if (reply[4] !== 0 || reply[5] !== 1) return reply[4] === 0 && reply[5] === 0 ? 'absent' : 'other'
  if (reply.length < questionEnd) return 'incomplete'
  let index = HEADER_OCTETS
  while (index < questionEnd && reply[index] === query[index]) index++
  return index === questionEnd ? 'same' : compareWithoutCase(reply, query, index, questionEnd)
}

function compareWithoutCase(reply: Uint8Array, query: Uint8Array, from: number, questionEnd: number): QuestionMatch {
  for (let index = from; index < questionEnd; index++) {
    const [left, right] = [reply[index] ?? 0, query[index] ?? 0]
    if (left === right) continue
    const lower = left | 0x20
    const isLetterOfOtherCase = lower === (right | 0x20) && lower >= 0x61 && lower <= 0x7a
    if (!isLetterOfOtherCase || index >= questionEnd - QUESTION_TAIL_OCTETS) return 'other'
  }
  return 'caseDiffers'
}

/** Reads replies one after the other. After `read` gave null, `fault` says why. */
export class ReplyReader {
  readonly #reader = new ByteReader(new Uint8Array(0))

  get fault(): DnsWireFault | null {
    return this.#reader.fault
  }

  /**
   * `reply` must have passed `compareQuestion`. The name is written over the question's, so that names compressed into it come
   * out in the asker's case and not in the one that 0x20 gave them.
   */
  read(reply: Buffer, questionEnd: number, name: DomainName, typeCode: number): DnsReply | null {
    if (questionEnd > HEADER_OCTETS) writeName(reply, HEADER_OCTETS, name)
    const reader = this.#reader
    reader.reset(reply)
    reader.position = 6
    const answerCount = reader.uint16()
    const authorityCount = reader.uint16()
    const additionalCount = reader.uint16()
    reader.position = questionEnd
    if (questionEnd > HEADER_OCTETS) reader.knowFirstName(name)
    const records = readAnswers(reader, answerCount, typeCode)
    const authority = readAuthority(reader, authorityCount)
    const opt = readAdditionals(reader, additionalCount)
    if (reader.fault === null && reader.position !== reply.length) reader.fail('trailingOctets')
    if (reader.fault !== null) return null
    const high = reply[2] ?? 0
    const low = reply[3] ?? 0
    return {
      rcode: (low & 15) | (opt === null ? 0 : opt.rcodeHigh << 4),
      authoritative: (high & (FLAG.AA >> 8)) !== 0,
      recursionAvailable: (low & FLAG.RA) !== 0,
      authenticated: (low & FLAG.AD) !== 0,
      records,
      soa: authority === null ? null : authority.soa,
      hasNameServers: authority?.hasNameServers ?? false,
      extendedError: opt === null ? null : opt.extendedError,
    }
  }
}

function readAnswers(reader: ByteReader, count: number, typeCode: number): ResourceRecord[] {
  const records: ResourceRecord[] = []
  for (let index = 0; index < count && reader.fault === null; index++) {
    const name = reader.name()
    const type = reader.uint16()
    const classCode = reader.uint16()
    const ttl = clampTtl(reader.uint32())
    if (type === TYPE_OPT) reader.fail('opt')
    const isWanted = type === typeCode || type === RECORD_TYPE_CODES.CNAME || typeCode === TYPE_ANY
    if (isWanted && classCode === CLASS_IN) records.push(readRecordData(reader, name, ttl, type))
    else reader.skip(reader.uint16())
  }
  return records
}

function readAuthority(reader: ByteReader, count: number): { soa: RecordOf<'SOA'> | null; hasNameServers: boolean } | null {
  if (count === 0) return null
  let soa: RecordOf<'SOA'> | null = null
  let hasNameServers = false
  for (let index = 0; index < count && reader.fault === null; index++) {
    const start = reader.position
    reader.skipName()
    const type = reader.uint16()
    const isInternet = reader.uint16() === CLASS_IN
    const ttl = clampTtl(reader.uint32())
    if (type === TYPE_OPT) reader.fail('opt')
    if (type === RECORD_TYPE_CODES.NS && isInternet) hasNameServers = true
    if (type !== RECORD_TYPE_CODES.SOA || !isInternet || soa !== null) {
      reader.skip(reader.uint16())
      continue
    }
    const behindHead = reader.position
    reader.position = start
    const name = reader.name()
    reader.position = behindHead
    const record = readRecordData(reader, name, ttl, type)
    if (record.type === 'SOA') soa = record
  }
  return { soa, hasNameServers }
}

function readAdditionals(reader: ByteReader, count: number): { rcodeHigh: number; extendedError: ExtendedError | null } | null {
  let opt: { rcodeHigh: number; extendedError: ExtendedError | null } | null = null
  for (let index = 0; index < count && reader.fault === null; index++) {
    const start = reader.position
    reader.skipName()
    const isOpt = reader.uint16() === TYPE_OPT
    reader.skip(2)
    if (!isOpt) {
      reader.skip(4)
      reader.skip(reader.uint16())
      continue
    }
    // The root is one octet: owner, type and class take five.
    if (opt !== null || reader.position !== start + 5) reader.fail('opt', start)
    const rcodeHigh = reader.octet()
    reader.skip(3)
    opt = { rcodeHigh, extendedError: readOptions(reader) }
  }
  return opt
}

function readOptions(reader: ByteReader): ExtendedError | null {
  let extendedError: ExtendedError | null = null
  const octets = reader.uint16()
  if (octets === 0) return null
  reader.enter(octets)
  while (reader.position < reader.limit && reader.fault === null) {
    const code = reader.uint16()
    const length = reader.uint16()
    if (code !== OPTION_EXTENDED_ERROR || length < 2 || extendedError !== null) {
      reader.skip(length)
      continue
    }
    const kept = Math.min(length - 2, MAX_EXTENDED_ERROR_OCTETS)
    extendedError = { code: reader.uint16(), text: Buffer.from(reader.latin1(kept), 'latin1').toString('utf8') }
    reader.skip(length - 2 - kept)
  }
  reader.leave()
  return extendedError
}

/** The offset behind the name. */
function writeName(target: Uint8Array, offset: number, name: DomainName): number {
  if (name === ROOT) {
    target[offset] = 0
    return offset + 1
  }
  let labelStart = offset
  let position = offset + 1
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    if (code === 0x5c) return writeLabels(target, offset, name)
    if (code === 0x2e) {
      target[labelStart] = position - labelStart - 1
      labelStart = position
    } else target[position] = code
    position++
  }
  target[labelStart] = position - labelStart - 1
  target[position] = 0
  return position + 1
}

function writeLabels(target: Uint8Array, offset: number, name: DomainName): number {
  let position = offset
  for (const label of labelsOf(name)) {
    target[position++] = label.length
    for (let index = 0; index < label.length; index++) target[position++] = label.charCodeAt(index)
  }
  target[position] = 0
  return position + 1
}
