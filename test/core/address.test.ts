import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareAddresses,
  formatAddress,
  parseAddress,
  parseBracketedAddress,
  reverseName,
  sameAddress,
  unmapAddress,
  type IpAddress,
} from '../../src/core/address.ts'
import { anyAddress, anyIpv6, ip } from '../support/arbitrary.ts'

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', [0, 0, 0, 0]],
    ['198.51.100.7', [198, 51, 100, 7]],
    ['255.255.255.255', [255, 255, 255, 255]],
    ['::', Array<number>(16).fill(0)],
    ['2001:DB8::a', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]],
    ['::ffff:198.51.100.7', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, 7]],
    ['1:2:3:4:5:6:7::', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    ['ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', Array<number>(16).fill(255)],
  ])('%s', (text, bytes) => {
    expect(parseAddress(text)).toEqual({ family: bytes.length === 4 ? 4 : 6, bytes })
  })

  it.each([
    '',
    '.',
    '...',
    '1.2.3',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '010.0.0.1',
    '1.2.3.04',
    '00.0.0.0',
    '256.1.1.1',
    '1.2.3.1000',
    '1.2.3.4.5',
    '1.2.3.4.',
    '.1.2.3.4',
    '1..3.4',
    '+1.2.3.4',
    '-1.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1.2.3.4/32',
    '１.2.3.4',
    'mail.example.com',
    ':',
    ':::',
    '1:::2',
    '1::2::3',
    '12345::',
    '::g',
    ':1',
    '1:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::ffff:1.2.3',
    '::ffff:010.0.0.1',
    '::ffff:0x7f.0.0.1',
    '::ffff:1.2.3.256',
    '::1.2.3.4:1',
    'fe80::1%eth0',
    'fe80::1%25eth0',
    '[::1]',
    '::1\n',
    '0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it('never throws, and gives back what it accepted', () => {
    const nearly = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fA-F.:%x]{0,46}$/), fc.stringMatching(/^[0-9]{1,3}(\.[0-9]{1,3}){3}$/))
    fc.assert(
      fc.property(nearly, (text) => {
        const address = parseAddress(text)
        if (!address) return
        expect(address.bytes).toHaveLength(address.family === 4 ? 4 : 16)
        expect(parseAddress(formatAddress(address))).toEqual(address)
        if (address.family === 4) expect(formatAddress(address)).toBe(text)
      }),
    )
  })
})

describe('parseBracketedAddress', () => {
  it.each([
    ['[198.51.100.7]', '198.51.100.7'],
    ['198.51.100.7', '198.51.100.7'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[IPv6:2001:db8::1]', '2001:db8::1'],
    ['[ipv6:2001:db8::1]', '2001:db8::1'],
  ])('%s', (text, expected) => {
    expect(parseBracketedAddress(text)).toEqual(parseAddress(expected))
  })

  it.each(['[]', '[', ']', '[[::1]]', '[::1', '::1]', '[IPv6:]', '[IPv6:198.51.100.7]', '[IPv6:[::1]]', '[ ::1]', '[010.0.0.1]'])(
    'refuses %j',
    (text) => {
      expect(parseBracketedAddress(text)).toBeUndefined()
    },
  )
})

describe('formatAddress (RFC 5952)', () => {
  it.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:1:0:0:0:1:0:0', '0:1::1:0:0'],
    ['0:0:1:0:0:1:0:0', '::1:0:0:1:0:0'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['0:0:3:4:5:6:7:8', '::3:4:5:6:7:8'],
    ['0:2:3:4:5:6:7:0', '0:2:3:4:5:6:7:0'],
    ['::ffff:c633:6407', '::ffff:198.51.100.7'],
    ['::ffff:0:0', '::ffff:0.0.0.0'],
    ['::c633:6407', '::c633:6407'],
    ['64:ff9b::198.51.100.7', '64:ff9b::c633:6407'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatAddress(ip(text))).toBe(canonical)
  })

  it('round trips every address and has one text for it', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = formatAddress(address)
        expect(parseAddress(text)).toEqual(address)
        expect(text).toBe(text.toLowerCase())
      }),
    )
  })

  it('agrees with the platform on IPv6', () => {
    fc.assert(
      fc.property(anyIpv6, (address) => {
        const groups = Array.from({ length: 8 }, (_, index) =>
          (((address.bytes[2 * index] ?? 0) << 8) | (address.bytes[2 * index + 1] ?? 0)).toString(16),
        )
        const platform = new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
        // The URL standard never uses mixed notation.
        if (unmapAddress(address).family === 6) expect(formatAddress(address)).toBe(platform)
      }),
    )
  })
})

describe('unmapAddress', () => {
  it.each([
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['198.51.100.7', '198.51.100.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['::c633:6407', '::c633:6407'],
    ['::1:ffff:c633:6407', '::1:ffff:c633:6407'],
    ['8000::ffff:c633:6407', '8000::ffff:c633:6407'],
    ['::fffe:198.51.100.7', '::fffe:c633:6407'],
    ['::ff:198.51.100.7', '::ff:c633:6407'],
    ['64:ff9b::198.51.100.7', '64:ff9b::c633:6407'],
  ])('%s is %s', (text, expected) => {
    expect(formatAddress(unmapAddress(ip(text)))).toBe(expected)
  })
})

describe('comparing addresses', () => {
  it('is by bytes, IPv4 before IPv6', () => {
    const sorted = ['2.0.0.0', '10.0.0.0', '10.0.0.9', '10.0.0.10', '::', '::9', '::10', '2001:db8::'].map(ip)
    expect(sorted.toReversed().toSorted(compareAddresses)).toEqual(sorted)
  })

  it('tells a mapped address from the IPv4 address, and equal from different', () => {
    expect(sameAddress(ip('::ffff:1.2.3.4'), ip('1.2.3.4'))).toBe(false)
    fc.assert(
      fc.property(anyAddress, anyAddress, (left, right) => {
        expect(sameAddress(left, right)).toBe(JSON.stringify(left) === JSON.stringify(right))
        expect(sameAddress(left, right)).toBe(compareAddresses(left, right) === 0)
        expect(Math.sign(compareAddresses(left, right))).toBe(0 - Math.sign(compareAddresses(right, left)))
        expect(sameAddress(left, { ...left, bytes: [...left.bytes] })).toBe(true)
      }),
    )
  })

  it('sees a difference in every single byte', () => {
    fc.assert(
      fc.property(anyAddress, fc.nat(15), (address, position) => {
        const index = position % address.bytes.length
        const other: IpAddress = { ...address, bytes: address.bytes.map((byte, at) => (at === index ? byte ^ 1 : byte)) }
        expect(sameAddress(address, other)).toBe(false)
      }),
    )
  })
})

describe('reverseName', () => {
  it.each([
    ['198.51.100.7', '7.100.51.198.in-addr.arpa'],
    ['0.0.0.0', '0.0.0.0.in-addr.arpa'],
    ['2001:db8::12:34ab', 'b.a.4.3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'],
  ])('%s', (text, expected) => {
    expect(reverseName(ip(text))).toBe(expected)
  })

  it('spells every nibble of every IPv6 address from the last to the first', () => {
    fc.assert(
      fc.property(anyIpv6, (address) => {
        const hex = address.bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
        expect(reverseName(address)).toBe(`${Array.from(hex).toReversed().join('.')}.ip6.arpa`)
      }),
    )
  })
})
