import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MilterFrameFault, MilterPacket } from '../../src/wire/milter-frame.ts'
import { encodeMilterPacket, MAX_MILTER_PACKET_OCTETS, MilterFrameReader } from '../../src/wire/milter-frame.ts'
import { hex, inPieces, latin1, mutate, seededRandom } from './milter-arbitrary.ts'

describe('whole packets', () => {
  it('are written as length, code and data', () => {
    expect(encodeMilterPacket('c', new Uint8Array())).toEqual(hex('00000001 63'))
    expect(encodeMilterPacket('H', latin1('mx\0'))).toEqual(hex('00000004 48 6d7800'))
  })

  it('are read from one chunk, several of them, and with the beginning of the next', () => {
    const reader = new MilterFrameReader()
    expect(shown(reader.push(hex('00000001 41 00000003 42 0d0a 0000')))).toEqual({ packets: ['A:', 'B:0d0a'], fault: null })
    expect(reader.isMidPacket).toBe(true)
    expect(shown(reader.push(hex('0001 51')))).toEqual({ packets: ['Q:'], fault: null })
    expect(reader.isMidPacket).toBe(false)
  })

  it('come out alike wherever the stream is cut in two, and octet by octet', () => {
    const stream = Buffer.concat([packetOf('M', 300), packetOf('A', 0), packetOf('B', 1000), packetOf('R', 1)])
    const expected = shown(new MilterFrameReader().push(stream))
    expect(expected.packets).toHaveLength(4)
    for (let cut = 0; cut <= stream.length; cut++) expect(readAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(expected)
    expect(readAll(Array.from(stream, (octet) => Uint8Array.of(octet)))).toEqual(expected)
  })

  it('come out alike from any pieces of any packets', () => {
    const packets = fc.array(fc.tuple(fc.constantFrom('A', 'B', 'L', 'y'), fc.uint8Array({ maxLength: 200 })), { maxLength: 6 })
    fc.assert(
      fc.property(packets, fc.array(fc.nat(300)), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(([code, data]) => encodeMilterPacket(code, data)))
        const expected = sent.map(([code, data]) => `${code}:${Buffer.from(data).toString('hex')}`)
        expect(readAll(cutAt(stream, cuts))).toEqual({ packets: expected, fault: null })
      }),
      { numRuns: 500 },
    )
  })

  it('do not come from a stream that ends too early, wherever it does', () => {
    const packet = packetOf('L', 20)
    for (let end = 1; end < packet.length; end++) {
      const reader = new MilterFrameReader()
      expect(reader.push(packet.subarray(0, end))).toEqual({ packets: [], fault: null })
      expect(reader.isMidPacket).toBe(true)
    }
  })
})

describe('lengths that are refused', () => {
  it.each([
    ['zero', '00000000', { error: 'empty', announcedOctets: 0 }],
    ['one more than the cap', '00100001', { error: 'oversized', announcedOctets: 1048577 }],
    ['4 GiB', 'ffffffff', { error: 'oversized', announcedOctets: 4294967295 }],
  ] as const)('%s, before any of the packet is awaited', (_, length, fault) => {
    const reader = new MilterFrameReader()
    expect(shown(reader.push(hex(`00000001 41 ${length}`)))).toEqual({ packets: ['A:'], fault })
    expect(reader.heldOctets).toBe(0)
    expect(reader.push(hex('00000001 51'))).toEqual({ packets: [], fault })
  })

  it('the cap itself is not, and can be set', () => {
    const largest = packetOf('B', MAX_MILTER_PACKET_OCTETS - 1)
    expect(new MilterFrameReader().push(largest).packets).toHaveLength(1)
    const reader = new MilterFrameReader({ maxPacketOctets: 4 })
    expect(reader.push(hex('00000004 48 6d7800')).packets).toHaveLength(1)
    expect(reader.push(hex('00000005')).fault).toEqual({ error: 'oversized', announcedOctets: 5 })
  })
})

describe('memory', () => {
  it('is not taken for octets that were announced and did not come', () => {
    const readers = Array.from({ length: 10_000 }, () => new MilterFrameReader())
    for (const reader of readers) reader.push(hex('00100000 42'))
    expect(readers.reduce((sum, reader) => sum + reader.heldOctets, 0)).toBeLessThan(1_000_000)
  })

  it('grows with what comes, never beyond the packet, and is given back with it', () => {
    const reader = new MilterFrameReader()
    const packet = packetOf('B', 100_000)
    for (let start = 0; start < packet.length - 1; start += 1000) {
      reader.push(packet.subarray(start, Math.min(start + 1000, packet.length - 1)))
      expect(reader.heldOctets).toBeLessThanOrEqual(Math.min(100_001, Math.max(2 * (start + 1000), 64)))
    }
    expect(reader.push(packet.subarray(-1)).packets[0]?.data).toEqual(packet.subarray(5))
    expect(reader.heldOctets).toBe(0)
  })

  it('suffices for a large packet that comes octet by octet', () => {
    const packet = packetOf('B', 100_000)
    const { packets } = readAll(Array.from(packet, (octet) => Uint8Array.of(octet)))
    expect(packets[0]).toBe(`B:${Buffer.from(packet.subarray(5)).toString('hex')}`)
  })
})

describe('200,000 mutated streams', () => {
  it('never throw, never hold more than the cap, and give the same in pieces as in one', () => {
    const random = seededRandom(1)
    const samples = ['C', 'D', 'L', 'B', 'Q'].map((code, index) => Buffer.concat([packetOf('A', 0), packetOf(code, index * 13)]))
    const faults = { none: 0, empty: 0, oversized: 0 }
    for (let run = 0; run < 200_000; run++) {
      const stream = mutate(pick(samples, random), pick(samples, random), random)
      const whole = new MilterFrameReader({ maxPacketOctets: 256 }).push(stream)
      faults[whole.fault?.error ?? 'none']++
      const reader = new MilterFrameReader({ maxPacketOctets: 256 })
      const packets: MilterPacket[] = []
      for (const piece of inPieces(stream, random)) {
        packets.push(...reader.push(piece).packets)
        if (reader.heldOctets > 256) throw new Error(`holds ${String(reader.heldOctets)} octets`)
      }
      const { fault } = reader.push(new Uint8Array())
      if (!sameFrames(packets, fault, whole)) expect({ packets, fault }).toEqual(whole)
    }
    expect(Math.min(faults.none, faults.empty, faults.oversized)).toBeGreaterThan(1000)
  })
})

function packetOf(code: string, octets: number): Uint8Array {
  return encodeMilterPacket(
    code,
    Uint8Array.from({ length: octets }, (_, index) => index * 31),
  )
}

function shown(frames: { packets: readonly MilterPacket[]; fault: MilterFrameFault | null }): { packets: string[]; fault: unknown } {
  const packets = frames.packets.map(({ code, data }) => `${String.fromCharCode(code)}:${Buffer.from(data).toString('hex')}`)
  return { packets, fault: frames.fault }
}

/** The packets are copied as they come: they share memory with the pieces. */
function readAll(pieces: readonly Uint8Array[]): { packets: string[]; fault: unknown } {
  const reader = new MilterFrameReader()
  const packets = pieces.flatMap((piece) => shown(reader.push(piece)).packets)
  return { packets, fault: reader.push(new Uint8Array()).fault }
}

function cutAt(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...new Set(cuts.filter((cut) => cut < stream.length)), stream.length].toSorted((left, right) => left - right)
  return ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end))
}

function pick<T>(values: readonly T[], random: (below: number) => number): T {
  const value = values[random(values.length)]
  if (value === undefined) throw new TypeError('nothing to pick from')
  return value
}

function sameFrames(
  packets: readonly MilterPacket[],
  fault: MilterFrameFault | null,
  whole: ReturnType<MilterFrameReader['push']>,
): boolean {
  if (fault?.error !== whole.fault?.error || fault?.announcedOctets !== whole.fault?.announcedOctets) return false
  if (packets.length !== whole.packets.length) return false
  return packets.every((packet, index) => {
    const other = whole.packets[index]
    return other?.code === packet.code && Buffer.compare(other.data, packet.data) === 0
  })
}
