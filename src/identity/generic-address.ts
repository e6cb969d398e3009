/**
 * The trace that an address leaves in a name derived from it, for both families on an equal footing.
 */
import { embeddedIpv4, type IpAddress } from '../core/address.ts'
import { looksLikeAnyAddress, traceIpv4 } from './generic-address4.ts'
import { traceIpv6 } from './generic-address6.ts'
import type { NameParts } from './generic-name.ts'
import type { AddressTrace } from './generic-trace.ts'

export function traceAddress(parts: NameParts, address: IpAddress): AddressTrace | undefined {
  if (address.family === 4) return traceIpv4(parts, address.bytes)
  return traceIpv6(parts, address.bytes) ?? traceEmbeddedIpv4(parts, address)
}

/** The name may be made of the IPv4 address that the IPv6 one carries. */
function traceEmbeddedIpv4(parts: NameParts, address: IpAddress): AddressTrace | undefined {
  const embedded = embeddedIpv4(address)
  if (embedded) return traceIpv4(parts, embedded.bytes)
  return looksLikeAnyAddress(parts) ? { extent: 'other', digits: 4, tight: true, bare: false } : undefined
}
