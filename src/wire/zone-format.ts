/**
 * Records as master-file text, one a line, names absolute: `parseZone(formatZone(records))` gives the same records again.
 * Whatever a peer put into names and strings comes out escaped (RFC 1035 §5.1). Data that the type's own form cannot show go out as `\#`.
 */
import { formatAddress } from '../core/address.ts'
import { assertNever } from '../core/assert-never.ts'
import { ROOT, type DomainName } from '../core/domain-name.ts'
import { recordTypeOf, type Hex, type RecordData, type RecordType, type ResourceRecord } from '../core/dns-record.ts'
import { ByteWriter } from './byte-writer.ts'
import { writeRecordData } from './dns-rdata.ts'

export function formatZone(records: readonly ResourceRecord[]): string {
  return records.map((record) => `${formatRecord(record)}\n`).join('')
}

/** `mail.example.com. 3600 IN A 198.51.100.10` */
export function formatRecord(record: ResourceRecord): string {
  return `${absolute(record.name)} ${String(record.ttl)} IN ${typeText(record)} ${formatRecordData(record)}`
}

/** The part behind the type. */
export function formatRecordData(data: RecordData): string {
  if (!hasOwnForm(data)) return generic(wireData(data))
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return formatAddress(data.address)
    case 'PTR':
    case 'CNAME':
    case 'NS':
      return absolute(data.target)
    case 'SOA':
      return words(absolute(data.primary), absolute(data.mailbox), data.serial, data.refresh, data.retry, data.expire, data.minimum)
    case 'MX':
      return words(data.preference, absolute(data.exchange))
    case 'TXT':
      return data.strings.map(quoted).join(' ')
    case 'TLSA':
      return words(data.usage, data.selector, data.matching, data.data)
    case 'SRV':
      return words(data.priority, data.weight, data.port, absolute(data.target))
    case 'CAA':
      return words(data.flags, data.tag, quoted(data.value))
    case 'DS':
      return words(data.keyTag, data.algorithm, data.digestType, data.digest)
    case 'DNSKEY':
      return words(data.flags, data.protocol, data.algorithm, base64(data.publicKey))
    case 'RRSIG':
      return words(
        ...[data.typeCovered, data.algorithm, data.labels, data.originalTtl, signatureTime(data.expiration), signatureTime(data.inception)],
        ...[data.keyTag, absolute(data.signer), base64(data.signature)],
      )
    case 'UNKNOWN':
      return generic(data.data)
    default:
      return assertNever(data)
  }
}

/** Whether the type's own form can show these data: it has no way to write an empty field, or any octet in a CAA tag. */
function hasOwnForm(data: RecordData): boolean {
  switch (data.type) {
    case 'CAA':
      return /^[a-zA-Z0-9]+$/.test(data.tag)
    case 'TLSA':
      return data.data !== ''
    case 'DS':
      return data.digest !== ''
    case 'DNSKEY':
      return data.publicKey !== ''
    case 'RRSIG':
      return data.signature !== ''
    default:
      return true
  }
}

/** Only for types whose names are never compressed. */
function wireData(data: RecordData): Hex {
  const writer = new ByteWriter()
  writeRecordData(writer, data)
  return Buffer.from(writer.finish().subarray(2)).toString('hex')
}

function typeText(data: RecordData): RecordType {
  return data.type === 'UNKNOWN' ? recordTypeOf(data.typeCode) : data.type
}

/** With more escapes than the normal form has: some servers (knot) take only these few characters as they are. */
function absolute(domainName: DomainName): string {
  if (domainName === ROOT) return '.'
  if (PORTABLE_NAME.test(domainName)) return `${domainName}.`
  return `${domainName.replaceAll(/\\(?:[0-9]{3}|.)|[^a-zA-Z0-9*/_.-]/g, (text) => (text.startsWith('\\') ? text : decimalEscape(text)))}.`
}

const PORTABLE_NAME = /^[a-zA-Z0-9*/_.-]*$/

function words(...fields: readonly (string | number)[]): string {
  return fields.map(String).join(' ')
}

function quoted(octets: string): string {
  const escaped = octets.replaceAll(/["\\]|[^\x20-\x7e]/g, (octet) =>
    octet === '"' || octet === '\\' ? `\\${octet}` : decimalEscape(octet),
  )
  return `"${escaped}"`
}

function decimalEscape(octet: string): string {
  return `\\${String(octet.charCodeAt(0)).padStart(3, '0')}`
}

function base64(octets: Hex): string {
  return Buffer.from(octets, 'hex').toString('base64')
}

function generic(octets: Hex): string {
  return octets === '' ? '\\# 0' : `\\# ${String(octets.length / 2)} ${octets}`
}

/** `YYYYMMDDHHmmSS` in UTC (RFC 4034 §3.2). */
function signatureTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replaceAll(/[-:T]|\..*/g, '')
}
