/**
 * IP addresses as bytes: parsing, canonical text (RFC 5952), comparison, reverse names (RFC 1035 §3.5, RFC 3596 §2.5).
 * Zone ids are refused: a scoped address has no reverse name. It knows nothing of networks: see network.ts.
 */
import ipaddr from 'ipaddr.js'
import type { DomainName } from './domain-name.ts'

/** A plain array rather than a Uint8Array: it survives JSON, and four small integers cost less to allocate. */
export interface IpAddress {
  readonly family: 4 | 6
  readonly bytes: readonly number[]
}

export function parseAddress(text: string): IpAddress | undefined {
  return text.includes(':') ? parseSixteenBytes(text) : parseFourBytes(text)
}

/** As `parseAddress`, also with the brackets of an SMTP address literal or a URL: `[2001:db8::1]`, `[IPv6:2001:db8::1]`. */
export function parseBracketedAddress(text: string): IpAddress | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return parseAddress(text)
  const inner = text.slice(1, -1)
  return /^ipv6:/i.test(inner) ? parseSixteenBytes(inner.slice(5)) : parseAddress(inner)
}

export function formatAddress(address: IpAddress): string {
  return address.family === 4 ? formatFourBytes(address.bytes, 0) : formatSixteenBytes(address.bytes)
}

/** Which the well-known NAT64 prefix (RFC 6052) or 6to4 (RFC 3056) carries; a mapped one is unmapped, not carried. */
export function embeddedIpv4({ family, bytes }: IpAddress): IpAddress | undefined {
  if (family !== 6) return undefined
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return { family: 4, bytes: bytes.slice(2, 6) }
  return NAT64_PREFIX.every((byte, index) => bytes[index] === byte) ? { family: 4, bytes: bytes.slice(12) } : undefined
}

const NAT64_PREFIX = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]

/** An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is the IPv4 address that it wraps. */
export function unmapAddress(address: IpAddress): IpAddress {
  const { family, bytes } = address
  if (family === 4 || bytes[10] !== 255 || bytes[11] !== 255) return address
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return address
  return { family: 4, bytes: bytes.slice(12) }
}

export function sameAddress(left: IpAddress, right: IpAddress): boolean {
  if (left.family !== right.family) return false
  // From the end, where addresses of one pool differ.
  for (let index = left.bytes.length - 1; index >= 0; index--) if (left.bytes[index] !== right.bytes[index]) return false
  return true
}

/** Canonical order: IPv4 before IPv6, then by bytes. */
export function compareAddresses(left: IpAddress, right: IpAddress): number {
  if (left.family !== right.family) return left.family - right.family
  for (let index = 0; index < left.bytes.length; index++) {
    const difference = (left.bytes[index] ?? 0) - (right.bytes[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export function reverseName(address: IpAddress): DomainName {
  const { bytes } = address
  if (address.family === 4) {
    return `${String(bytes[3])}.${String(bytes[2])}.${String(bytes[1])}.${String(bytes[0])}.in-addr.arpa` as DomainName
  }
  let name = ''
  for (let index = 15; index >= 0; index--) name += NIBBLES[bytes[index] ?? 0] ?? ''
  return `${name}ip6.arpa` as DomainName
}

/** `4.3.` for 0x34: the two labels of each possible byte. */
const NIBBLES = Array.from({ length: 256 }, (_, byte) => `${(byte & 15).toString(16)}.${(byte >> 4).toString(16)}.`)

/** Four decimal numbers without leading zeros, by hand: it runs for every connection, and `010.0.0.1` must not be octal. */
function parseFourBytes(text: string): IpAddress | undefined {
  const bytes: number[] = []
  let value = 0
  let digits = 0
  for (let index = 0; index <= text.length; index++) {
    const code = index === text.length ? DOT : text.charCodeAt(index)
    if (code === DOT) {
      if (digits === 0 || value > 255 || bytes.length === 4) return undefined
      bytes.push(value)
      value = 0
      digits = 0
    } else {
      const hasLeadingZero = digits > 0 && value === 0
      if (code < 0x30 || code > 0x39 || hasLeadingZero || digits === 3) return undefined
      value = value * 10 + code - 0x30
      digits++
    }
  }
  return bytes.length === 4 ? { family: 4, bytes } : undefined
}

const DOT = 0x2e

function parseSixteenBytes(text: string): IpAddress | undefined {
  if (text.length > MAX_IPV6_LENGTH || text.includes('%')) return undefined
  // ipaddr.js reads the IPv4 tail of ::ffff:010.0.0.1 as octal and of ::ffff:0x7f.0.0.1 as hexadecimal.
  if (text.includes('.') && !parseFourBytes(text.slice(text.lastIndexOf(':') + 1))) return undefined
  return ipaddr.IPv6.isValid(text) ? { family: 6, bytes: ipaddr.IPv6.parse(text).toByteArray() } : undefined
}

/** `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255` */
const MAX_IPV6_LENGTH = 45

function formatFourBytes(bytes: readonly number[], from: number): string {
  return `${String(bytes[from])}.${String(bytes[from + 1])}.${String(bytes[from + 2])}.${String(bytes[from + 3])}`
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`; IPv4-mapped in mixed notation (§5). */
function formatSixteenBytes(bytes: readonly number[]): string {
  let zerosAt = -1
  let zeros = 1
  for (let group = 0, run = 0; group < 8; group++) {
    run = isZeroGroup(bytes, group) ? run + 1 : 0
    if (run > zeros) {
      zeros = run
      zerosAt = group - run + 1
    }
  }
  if (zerosAt === 0 && zeros === 5 && bytes[10] === 0xff && bytes[11] === 0xff) return `::ffff:${formatFourBytes(bytes, 12)}`
  let text = ''
  for (let group = 0; group < 8; group++) {
    if (group === zerosAt) {
      text += '::'
      group += zeros - 1
    } else {
      if (group > 0 && group !== zerosAt + zeros) text += ':'
      text += formatGroup(bytes, group)
    }
  }
  return text
}

function isZeroGroup(bytes: readonly number[], group: number): boolean {
  return bytes[2 * group] === 0 && bytes[2 * group + 1] === 0
}

function formatGroup(bytes: readonly number[], group: number): string {
  const high = bytes[2 * group] ?? 0
  const low = bytes[2 * group + 1] ?? 0
  return high === 0 ? (HEX[low] ?? '') : (HEX[high] ?? '') + (HEX2[low] ?? '')
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16))
const HEX2: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
