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
  if (text.includes(':')) {
    if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
    return { family: 6, bytes: ipaddr.IPv6.parse(text).toByteArray() }
  }
  // ipaddr.js alone would read 010.0.0.1 as octal and 127.1 as 127.0.0.1.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined
  return { family: 4, bytes: ipaddr.IPv4.parse(text).toByteArray() }
}

/** As `parseAddress`, also with the brackets of an SMTP address literal or a URL: `[2001:db8::1]`, `[IPv6:2001:db8::1]`. */
export function parseBracketedAddress(text: string): IpAddress | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return parseAddress(text)
  const inner = text.slice(1, -1)
  return /^ipv6:/i.test(inner) ? parseAddress(inner.slice(5)) : parseAddress(inner)
}

export function formatAddress(address: IpAddress): string {
  return address.family === 4 ? address.bytes.join('.') : formatSixteenBytes(address.bytes)
}

/** An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is the IPv4 address that it wraps. */
export function unmapAddress(address: IpAddress): IpAddress {
  if (address.family === 4) return address
  const isMapped = address.bytes.slice(0, 10).every((byte) => byte === 0) && address.bytes[10] === 255 && address.bytes[11] === 255
  return isMapped ? { family: 4, bytes: address.bytes.slice(12) } : address
}

export function sameAddress(left: IpAddress, right: IpAddress): boolean {
  return compareAddresses(left, right) === 0
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
  let name = ''
  if (address.family === 4) {
    for (let index = 3; index >= 0; index--) name += `${String(bytes[index])}.`
    return `${name}in-addr.arpa` as DomainName
  }
  for (let index = 15; index >= 0; index--) {
    const byte = bytes[index] ?? 0
    name += `${HEX.charAt(byte & 15)}.${HEX.charAt(byte >> 4)}.`
  }
  return `${name}ip6.arpa` as DomainName
}

const HEX = '0123456789abcdef'

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatSixteenBytes(bytes: readonly number[]): string {
  const groups: number[] = []
  for (let index = 0; index < 16; index += 2) groups.push(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0))
  let bestStart = -1
  let bestLength = 1
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groups[end] === 0) end++
    if (end - start > bestLength) {
      bestStart = start
      bestLength = end - start
    }
    if (end > start) start = end
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  if (bestStart < 0) return text(0, 8)
  return `${text(0, bestStart)}::${text(bestStart + bestLength, 8)}`
}
