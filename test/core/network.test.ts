import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress } from '../../src/core/address.ts'
import {
  formatNetwork,
  networkContains,
  networkMap,
  parseNetwork,
  reachedRange,
  specialRange,
  type Network,
  type NetworkMatch,
} from '../../src/core/network.ts'
import { anyAddress, cidr, ip } from '../support/arbitrary.ts'

describe('parseNetwork', () => {
  it.each([
    ['198.51.100.0/24', '198.51.100.0/24'],
    ['198.51.100.7', '198.51.100.7/32'],
    ['198.51.100.7/32', '198.51.100.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['128.0.0.0/1', '128.0.0.0/1'],
    ['10.16.0.0/12', '10.16.0.0/12'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['::/0', '::/0'],
    ['::ffff:198.51.100.0/120', '198.51.100.0/24'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:198.51.100.7', '198.51.100.7/32'],
  ])('%s is %s', (text, expected) => {
    const parsed = parseNetwork(text)
    expect(parsed.kind === 'network' && formatNetwork(parsed.network)).toBe(expected)
  })

  it.each([
    ['', 'an empty text: a network is an address and a prefix length, such as 198.51.100.0/24'],
    ['/24', '/24: a network is an address and a prefix length, such as 198.51.100.0/24'],
    ['198.51.100.0/33', '198.51.100.0/33: the prefix length of an IPv4 network is 0 to 32'],
    ['2001:db8::/129', '2001:db8::/129: the prefix length of an IPv6 network is 0 to 128'],
    ['198.51.100.0/', '198.51.100.0/: the prefix length "" is not a plain decimal number'],
    ['198.51.100.0/-1', '198.51.100.0/-1: the prefix length "-1" is not a plain decimal number'],
    ['198.51.100.0/08', '198.51.100.0/08: the prefix length "08" is not a plain decimal number'],
    ['198.51.100.0/24/8', '198.51.100.0/24/8: the prefix length "24/8" is not a plain decimal number'],
    ['198.51.100.0/24 ', '198.51.100.0/24 : the prefix length "24 " is not a plain decimal number'],
    ['198.51.100.0/255.255.255.0', '198.51.100.0/255.255.255.0: write the netmask as a prefix length, 198.51.100.0/24'],
    ['198.51.100.0/0.0.0.0', '198.51.100.0/0.0.0.0: write the netmask as a prefix length, 198.51.100.0/0'],
    ['198.51.100.0/255.0.255.0', '198.51.100.0/255.0.255.0: the prefix length "255.0.255.0" is not a plain decimal number'],
    [
      '198.51.100.7/24',
      '198.51.100.7/24: bits are set behind the prefix; write 198.51.100.0/24 for the network or 198.51.100.7 for the one address',
    ],
    [
      '2001:db8::1/32',
      '2001:db8::1/32: bits are set behind the prefix; write 2001:db8::/32 for the network or 2001:db8::1 for the one address',
    ],
    [
      '::ffff:0:0/95',
      '::ffff:0:0/95: bits are set behind the prefix; write ::fffe:0:0/95 for the network or ::ffff:0:0 for the one address',
    ],
    ['10/8', '10/8: 10 is no IP address; write all four numbers'],
    ['192.168.0/24', '192.168.0/24: 192.168.0 is no IP address; write all four numbers'],
    ['010.0.0.0/8', '010.0.0.0/8: 010.0.0.0 is no IP address; write its numbers without leading zeros'],
    ['fe80::%eth0/64', 'fe80::%eth0/64: a network has no zone (the part from the percent sign)'],
    ['mail.example.com', 'mail.example.com: mail.example.com is no IP address'],
    ['198.51.100.0-198.51.100.9', '198.51.100.0-198.51.100.9: 198.51.100.0-198.51.100.9 is no IP address'],
  ])('refuses %j with its reason', (text, error) => {
    expect(parseNetwork(text)).toEqual({ kind: 'error', error })
  })

  it('round trips every network', () => {
    fc.assert(
      fc.property(anyNetwork, (network) => {
        expect(parseNetwork(formatNetwork(network))).toEqual({ kind: 'network', network })
      }),
    )
  })

  it('accepts an address with a prefix exactly when no bit behind the prefix is set', () => {
    fc.assert(
      fc.property(anyAddress, fc.nat(128), (address, length) => {
        const bits = bitsOf(address)
        if (length > bits.length || formatAddress(address).startsWith('::ffff:')) return
        const isClean = !bits.slice(length).includes('1')
        expect(parseNetwork(`${formatAddress(address)}/${String(length)}`).kind).toBe(isClean ? 'network' : 'error')
      }),
    )
  })
})

describe('networkContains', () => {
  it.each([
    ['198.51.100.0/24', '198.51.100.255', true],
    ['198.51.100.0/24', '198.51.101.0', false],
    ['198.51.100.0/25', '198.51.100.127', true],
    ['198.51.100.0/25', '198.51.100.128', false],
    ['198.51.100.7', '198.51.100.7', true],
    ['198.51.100.7', '198.51.100.6', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['198.51.100.0/24', '::ffff:198.51.100.9', true],
    ['::/0', '198.51.100.9', false],
    ['::/0', '::ffff:198.51.100.9', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
  ])('%s, %s: %s', (network, address, expected) => {
    expect(networkContains(cidr(network), ip(address))).toBe(expected)
  })

  it('agrees with comparing bits as text', () => {
    fc.assert(
      fc.property(anyNetwork, anyAddress, (network, address) => {
        expect(networkContains(network, address)).toBe(naivelyContains(network, address))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('networkMap', () => {
  it('finds the longest prefix, whatever the order of entries', () => {
    const entries = ['0.0.0.0/0', '198.51.100.0/24', '198.51.100.0/25', '198.51.100.0/32', '2001:db8::/32', '2001:db8:1::/48'].map(
      (text) => [cidr(text), text] as const,
    )
    for (const map of [networkMap(entries), networkMap(entries.toReversed())]) {
      expect(map.size).toBe(6)
      const found = [
        '198.51.100.0',
        '198.51.100.1',
        '198.51.100.200',
        '203.0.113.1',
        '2001:db8::1',
        '2001:db8:1::1',
        '2001:db9::',
        '::ffff:198.51.100.1',
      ]
      expect(found.map((text) => map.find(ip(text))?.value)).toEqual([
        '198.51.100.0/32',
        '198.51.100.0/25',
        '198.51.100.0/24',
        '0.0.0.0/0',
        '2001:db8::/32',
        '2001:db8:1::/48',
        undefined,
        '198.51.100.0/25',
      ])
    }
  })

  it('finds nothing when empty', () => {
    expect(networkMap([]).find(ip('198.51.100.1'))).toBeUndefined()
    expect(networkMap([]).find(ip('::1'))).toBeUndefined()
  })

  it('of two equal networks keeps the later value', () => {
    const map = networkMap([
      [cidr('198.51.100.0/24'), 'first'],
      [cidr('198.51.100.0/24'), 'second'],
    ])
    expect(map.find(ip('198.51.100.1'))?.value).toBe('second')
  })

  it('gives a value back even when it is falsy', () => {
    expect(networkMap([[cidr('198.51.100.0/24'), 0]]).find(ip('198.51.100.1'))).toEqual({ network: cidr('198.51.100.0/24'), value: 0 })
  })

  it('agrees with a naive search over arbitrary nested networks', () => {
    fc.assert(
      fc.property(
        fc.array(crowdedNetwork, { maxLength: 40 }),
        fc.array(crowdedAddress, { minLength: 20, maxLength: 20 }),
        (networks, addresses) => {
          const entries = networks.map((network, index) => [network, index] as const)
          const map = networkMap(entries)
          const edges = networks.flatMap((network) => edgesOf(network))
          for (const address of [...addresses, ...edges]) expect(map.find(address)).toEqual(naiveFind(entries, address))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('does not walk over all of 20,000 networks', () => {
    const entries = Array.from({ length: 20_000 }, (_, index) => {
      const text =
        index % 2 === 0
          ? `${String(1 + (index % 200))}.${String((index >> 3) & 255)}.${String(index & 255)}.0/24`
          : `2001:${index.toString(16)}::/32`
      return [cidr(text), index] as const
    })
    const map = networkMap(entries)
    const addresses = entries.map(([network]) => network.address)
    let hits = 0
    for (let round = 0; round < 10; round++) for (const address of addresses) if (map.find(address)) hits++
    // A walk over all would compare four thousand million times.
    expect(hits).toBe(200_000)
  })
})

describe('specialRange', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['0.0.0.1', 'reserved'],
    ['0.255.255.255', 'reserved'],
    ['1.0.0.0', undefined],
    ['9.255.255.255', undefined],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', undefined],
    ['100.63.255.255', undefined],
    ['100.64.0.0', 'cgnat'],
    ['100.127.255.255', 'cgnat'],
    ['100.128.0.0', undefined],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['128.0.0.0', undefined],
    ['169.253.255.255', undefined],
    ['169.254.0.1', 'linkLocal'],
    ['169.255.0.0', undefined],
    ['172.15.255.255', undefined],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', undefined],
    ['192.0.0.0', 'reserved'],
    ['192.0.0.8', 'reserved'],
    ['192.0.0.9', undefined],
    ['192.0.0.10', undefined],
    ['192.0.0.170', 'reserved'],
    ['192.0.1.0', undefined],
    ['192.0.2.1', 'documentation'],
    ['192.31.196.1', undefined],
    ['192.88.99.1', 'reserved'],
    ['192.167.255.255', undefined],
    ['192.168.0.0', 'private'],
    ['192.168.255.255', 'private'],
    ['192.169.0.0', undefined],
    ['198.17.255.255', undefined],
    ['198.18.0.0', 'benchmark'],
    ['198.19.255.255', 'benchmark'],
    ['198.20.0.0', undefined],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.7', 'documentation'],
    ['223.255.255.255', undefined],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.0', 'reserved'],
    ['255.255.255.254', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::2', 'reserved'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:8.8.8.8', undefined],
    ['64:ff9b::8.8.8.8', undefined],
    ['64:ff9b::1:0:0', 'reserved'],
    ['64:ff9b:1::8.8.8.8', 'reserved'],
    ['100::1', 'reserved'],
    ['100:0:0:1::1', 'reserved'],
    ['1fff:ffff::', 'reserved'],
    ['2001::1', undefined],
    ['2001:1::', 'reserved'],
    ['2001:1::1', undefined],
    ['2001:1::2', undefined],
    ['2001:1::3', undefined],
    ['2001:1::4', 'reserved'],
    ['2001:2::1', 'benchmark'],
    ['2001:2:1::', 'reserved'],
    ['2001:3::1', undefined],
    ['2001:4:112::1', undefined],
    ['2001:4:113::1', 'reserved'],
    ['2001:10::1', 'reserved'],
    ['2001:20::1', undefined],
    ['2001:30::1', undefined],
    ['2001:40::1', 'reserved'],
    ['2001:1ff:ffff::', 'reserved'],
    ['2001:200::1', undefined],
    ['2001:db7:ffff::', undefined],
    ['2001:db8::1', 'documentation'],
    ['2001:db9::', undefined],
    ['2002:c633:6407::1', undefined],
    ['2620:4f:8000::1', undefined],
    ['3fff::1', 'documentation'],
    ['3fff:fff:ffff::', 'documentation'],
    ['3fff:1000::', undefined],
    ['4000::', 'reserved'],
    ['5f00::1', 'reserved'],
    ['fbff::', 'reserved'],
    ['fc00::1', 'uniqueLocal'],
    ['fdff:ffff::1', 'uniqueLocal'],
    ['fe00::1', 'reserved'],
    ['fe80::1', 'linkLocal'],
    ['febf::1', 'linkLocal'],
    ['fec0::1', 'reserved'],
    ['ff02::1', 'multicast'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'multicast'],
  ])('%s: %s', (text, expected) => {
    expect(specialRange(ip(text))).toBe(expected)
  })
})

const anyNetwork: fc.Arbitrary<Network> = fc.tuple(anyAddress, fc.nat(128)).map(([address, length]) => networkAround(address, length))

/** Few distinct bytes, so that networks nest, touch and repeat. */
const crowdedAddress: fc.Arbitrary<IpAddress> = fc
  .tuple(fc.constantFrom<4 | 6>(4, 6), fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: 16, maxLength: 16 }))
  .map(([family, bytes]) => (family === 4 ? { family, bytes: bytes.slice(0, 4) } : { family, bytes: [0x20, 1, ...bytes.slice(2)] }))

const crowdedNetwork: fc.Arbitrary<Network> = fc
  .tuple(crowdedAddress, fc.nat(128))
  .map(([address, length]) => networkAround(address, length))

function networkAround(address: IpAddress, length: number): Network {
  const bits = bitsOf(address)
  const prefixLength = length % (bits.length + 1)
  const masked = fromBits(address.family, bits.slice(0, prefixLength).padEnd(bits.length, '0'))
  return isMapped(masked)
    ? { address: { family: 6, bytes: masked.bytes.map(() => 0) }, prefixLength: 0 }
    : { address: masked, prefixLength }
}

function edgesOf({ address, prefixLength }: Network): IpAddress[] {
  const bits = bitsOf(address)
  const last = bits.slice(0, prefixLength).padEnd(bits.length, '1')
  return [address, fromBits(address.family, last)].filter((edge) => !isMapped(edge))
}

function naivelyContains(network: Network, address: IpAddress): boolean {
  const peer = isMapped(address) ? { family: 4 as const, bytes: address.bytes.slice(12) } : address
  return peer.family === network.address.family && bitsOf(peer).startsWith(bitsOf(network.address).slice(0, network.prefixLength))
}

function naiveFind<T>(entries: readonly (readonly [Network, T])[], address: IpAddress): NetworkMatch<T> | undefined {
  let best: NetworkMatch<T> | undefined
  for (const [network, value] of entries) {
    if (naivelyContains(network, address) && (!best || network.prefixLength >= best.network.prefixLength)) best = { network, value }
  }
  return best
}

function bitsOf(address: IpAddress): string {
  return address.bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('')
}

function fromBits(family: 4 | 6, bits: string): IpAddress {
  return { family, bytes: Array.from({ length: bits.length / 8 }, (_, index) => Number.parseInt(bits.slice(index * 8, index * 8 + 8), 2)) }
}

function isMapped(address: IpAddress): boolean {
  return address.family === 6 && bitsOf(address).startsWith(`${'0'.repeat(80)}${'1'.repeat(16)}`)
}

describe('reachedRange', () => {
  it.each([
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::8.8.8.8', undefined],
    ['2002:7f00:1::', 'loopback'],
    ['2002:808:808::1', undefined],
    ['2001:db8::1', 'documentation'],
    ['10.0.0.1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
  ])('%s → %s', (text, range) => {
    expect(reachedRange(ip(text))).toBe(range)
  })
})
