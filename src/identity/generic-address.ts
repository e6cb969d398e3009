/**
 * The trace that an address leaves in a name derived from it, for both families on an equal footing.
 */
import type { IpAddress } from '../core/address.ts'
import { looksLikeAnyAddress, traceIpv4 } from './generic-address4.ts'
import { traceIpv6 } from './generic-address6.ts'
import type { NameParts } from './generic-name.ts'
import type { AddressTrace } from './generic-trace.ts'

export function traceAddress(parts: NameParts, address: IpAddress): AddressTrace | undefined {
  if (address.family === 4) return traceIpv4(parts, address.bytes)
  return traceIpv6(parts, address.bytes) ?? traceEmbeddedIpv4(parts, address.bytes)
}

/** 6to4 (RFC 3056) and the well-known NAT64 prefix (RFC 6052) carry the IPv4 address that the name may be made of. */
function traceEmbeddedIpv4(parts: NameParts, bytes: readonly number[]): AddressTrace | undefined {
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return traceIpv4(parts, bytes.slice(2, 6))
  const isNat64 = NAT64_PREFIX.every((byte, index) => bytes[index] === byte)
  if (isNat64) return traceIpv4(parts, bytes.slice(12))
  return looksLikeAnyAddress(parts) ? { extent: 'other', digits: 4, tight: true, bare: false } : undefined
}

const NAT64_PREFIX = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]
