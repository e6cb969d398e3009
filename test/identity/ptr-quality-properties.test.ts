import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, reverseName, type IpAddress } from '../../src/core/address.ts'
import { nameFromLabels } from '../../src/core/domain-name.ts'
import { organisationalDomain } from '../../src/identity/organisation.ts'
import { assessPtrName, providerOfDefaultName } from '../../src/identity/ptr-quality.ts'
import { reservedSuffix } from '../../src/identity/reserved-suffix.ts'

const octet = fc.integer({ min: 0, max: 255 })
const address4 = fc.array(octet, { minLength: 4, maxLength: 4 }).map((bytes): IpAddress => ({ family: 4, bytes }))
const address6 = fc
  .array(fc.oneof(octet, fc.constant(0)), { minLength: 16, maxLength: 16 })
  .map((bytes): IpAddress => ({ family: 6, bytes }))
const address = fc.oneof(address4, address6)
/** Labels of any octets, up to 255 of them. */
const hostileName = fc
  .array(fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 63 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map(nameFromLabels)
const piece = fc.constantFrom(
  'mail',
  'mx',
  'dsl',
  'pool',
  'static',
  'vps',
  '10',
  '1',
  '198',
  '51',
  'c6',
  '0db8',
  '-',
  '--',
  '.',
  'x',
  'example',
  'com',
)
const likelyName = fc.array(piece, { minLength: 1, maxLength: 30 }).map((pieces) => pieces.join(''))

describe('generic-PTR detection', () => {
  it('never throws and stays within its bounds, whatever name and address', () => {
    fc.assert(
      fc.property(fc.oneof(hostileName, likelyName, fc.string({ maxLength: 2000 })), fc.oneof(address, fc.string()), (name, peer) => {
        const { generic, score, reasons, evidence } = assessPtrName(name, peer)
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(100)
        expect(generic).toBe(score >= 50)
        expect(reasons.length).toBe(evidence.length)
        expect(reasons.length).toBeLessThan(100)
        // Reasons are printed, so nothing of a hostile name may be in them.
        for (const reason of reasons) expect(reason).toMatch(/^[a-zA-Z0-9:-]{1,40}$/)
        providerOfDefaultName(name, peer)
      }),
      { numRuns: 2000 },
    )
  })

  it('does not depend on case', () => {
    fc.assert(
      fc.property(fc.oneof(likelyName, hostileName), address, (name, peer) => {
        const upper = name.replace(/[a-z]/g, (letter) => letter.toUpperCase())
        expect(assessPtrName(upper, peer)).toEqual(assessPtrName(name, peer))
      }),
      { numRuns: 1000 },
    )
  })

  it('does not depend on whether the address is text or bytes', () => {
    fc.assert(
      fc.property(likelyName, address, (name, peer) => {
        expect(assessPtrName(name, formatAddress(peer))).toEqual(assessPtrName(name, peer))
      }),
      { numRuns: 500 },
    )
  })

  it('finds every IPv4 address in the common shapes', () => {
    const pad = (value: number): string => String(value).padStart(3, '0')
    const hex = (value: number): string => value.toString(16).padStart(2, '0')
    const shapes: ((bytes: readonly number[]) => string)[] = [
      (bytes) => bytes.join('-'),
      (bytes) => bytes.toReversed().join('.'),
      (bytes) => `ip${bytes.map(pad).join('')}`,
      (bytes) => `h${bytes.map(hex).join('')}`,
      (bytes) => `static-${bytes.join('_')}`,
      (bytes) => bytes.map(hex).join('-'),
    ]
    fc.assert(
      fc.property(address4, fc.constantFrom(...shapes), (peer, shape) => {
        expect(assessPtrName(`${shape(peer.bytes)}.isp.example.net`, peer)).toMatchObject({ generic: true })
      }),
      { numRuns: 1000 },
    )
  })

  it('finds every IPv6 address in the common shapes', () => {
    const groups = (bytes: readonly number[]): number[] =>
      [0, 2, 4, 6, 8, 10, 12, 14].map((at) => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0))
    const shapes: ((peer: IpAddress) => string)[] = [
      (peer) =>
        groups(peer.bytes)
          .map((group) => group.toString(16).padStart(4, '0'))
          .join('-'),
      (peer) =>
        `h${groups(peer.bytes)
          .map((group) => group.toString(16).padStart(4, '0'))
          .join('')}`,
      (peer) => reverseName(peer).slice(0, 63),
    ]
    fc.assert(
      fc.property(address6, fc.constantFrom(...shapes), (peer, shape) => {
        fc.pre(peer.bytes.slice(0, 10).some((byte) => byte !== 0))
        expect(assessPtrName(`${shape(peer)}.isp.example.net`, peer)).toMatchObject({ generic: true })
      }),
      { numRuns: 1000 },
    )
  })

  it('judges the longest hostile names in bounded time', () => {
    const hostile = [
      `${'1-'.repeat(120)}.com`,
      `${'1.'.repeat(125)}com`,
      `${'f.'.repeat(125)}com`,
      `${'db8-'.repeat(12)}x.${'db8.'.repeat(45)}com`,
      `${'a1'.repeat(31)}.${'a1'.repeat(31)}.${'a1'.repeat(31)}.com`,
      `${'out'.repeat(21)}.${'mail'.repeat(15)}.${'mx'.repeat(31)}.com`,
      `${'no-'.repeat(20)}x.${'hosted-by'.repeat(6)}.com`,
      '\\001'.repeat(250),
    ]
    for (let round = 0; round < 50; round++) {
      for (const name of hostile) {
        for (const peer of ['198.51.100.7', '1.1.1.1', '2001:db8:db8:db8:db8:db8:db8:db8', 'f:f:f:f:f:f:f:f']) assessPtrName(name, peer)
      }
    }
    // Milliseconds in practice; a backtracking pattern would run into the time limit of the test.
    expect(hostile.map((name) => typeof assessPtrName(name, '198.51.100.7').generic)).toEqual(hostile.map(() => 'boolean'))
  })
})

describe('reservedSuffix and organisationalDomain', () => {
  it('never throw, and what they give ends the name', () => {
    fc.assert(
      fc.property(hostileName, (name) => {
        const suffix = reservedSuffix(name)
        if (suffix !== undefined) expect(name.toLowerCase().endsWith(`.${suffix}`)).toBe(true)
        const domain = organisationalDomain(name)
        if (domain !== undefined) expect(`.${name.toLowerCase()}`.endsWith(`.${domain}`)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
