/**
 * fast-check arbitraries for the words of core, and short readers for addresses and networks written in tests.
 * Bytes are drawn with many zeros and a few networks in common, since uniform ones never meet an edge.
 */
import fc from 'fast-check'
import { parseAddress, type IpAddress } from '../../src/core/address.ts'
import { parseNetwork, type Network } from '../../src/core/network.ts'

export function ip(text: string): IpAddress {
  const address = parseAddress(text)
  if (!address) throw new TypeError(`not an address: ${text}`)
  return address
}

export function cidr(text: string): Network {
  const parsed = parseNetwork(text)
  if (parsed.kind === 'error') throw new TypeError(parsed.error)
  return parsed.network
}

const byte = fc.oneof(fc.constantFrom(0, 0, 0, 1, 127, 128, 255), fc.nat(255))
const bytesOf = (length: number): fc.Arbitrary<number[]> => fc.array(byte, { minLength: length, maxLength: length })

export const anyIpv4: fc.Arbitrary<IpAddress> = bytesOf(4).map((bytes) => ({ family: 4, bytes }))
export const anyIpv6: fc.Arbitrary<IpAddress> = bytesOf(16).map((bytes) => ({ family: 6, bytes }))
export const anyAddress: fc.Arbitrary<IpAddress> = fc.oneof(anyIpv4, anyIpv6)

/** One to eight labels of arbitrary octets, within the limits of a name. */
export const anyLabels: fc.Arbitrary<string[]> = fc.array(
  fc
    .array(fc.oneof(fc.nat(255), fc.constantFrom(0, 0x0d, 0x0a, 0x1b, 0x22, 0x2e, 0x5c, 0x61, 0x41, 0x7f, 0x80, 0xff)), {
      minLength: 1,
      maxLength: 30,
    })
    .map((octets) => String.fromCharCode(...octets)),
  { minLength: 0, maxLength: 8 },
)
