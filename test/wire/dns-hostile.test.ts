import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, MAX_NAME_WORK } from '../../src/wire/byte-reader.ts'
import { decodeMessage, encodeMessage, readMessage } from '../../src/wire/dns.ts'
import { dnsMessage } from './dns-arbitrary.ts'

/** The same in every run, so that a failure can be looked at. */
const SEED = 20_261_121
const MESSAGES = fc.sample(dnsMessage, { numRuns: 400, seed: SEED }).map((message) => encodeMessage(message))
const MUTATED = 200_000

describe('decodeMessage on damaged messages', () => {
  it('every truncation point of every message → malformed, never a throw', () => {
    for (const bytes of MESSAGES.slice(0, 60)) {
      for (let length = 0; length < bytes.length; length++) {
        expect(decodeMessage(bytes.subarray(0, length)).kind).toBe('malformed')
      }
    }
  })

  it(`${MUTATED.toLocaleString('en')} mutated messages → a message or a typed error, at bounded work`, () => {
    const random = xorshift(SEED)
    const kinds = { message: 0, malformed: 0 }
    let mostWork = 0
    for (let run = 0; run < MUTATED; run++) {
      const bytes = mutate(MESSAGES[run % MESSAGES.length] ?? new Uint8Array(), random)
      kinds[decodeMessage(bytes).kind]++
      const reader = new ByteReader(bytes)
      readMessage(reader)
      mostWork = Math.max(mostWork, reader.nameWork)
    }
    expect(mostWork).toBeLessThanOrEqual(MAX_NAME_WORK + 512)
    // Both outcomes in numbers: neither is the test's own artefact.
    expect(kinds.message).toBeGreaterThan(MUTATED / 100)
    expect(kinds.malformed).toBeGreaterThan(MUTATED / 10)
  })

  it('what a mutated message decodes to is a message again when encoded', () => {
    const random = xorshift(SEED + 1)
    for (let run = 0; run < 20_000; run++) {
      const decoded = decodeMessage(mutate(MESSAGES[run % MESSAGES.length] ?? new Uint8Array(), random))
      if (decoded.kind === 'message') expect(decodeMessage(encodeMessage(decoded.message))).toEqual(decoded)
    }
  })
})

/** One to four changes: an octet set, a bit flipped, octets cut out, repeated, or a pointer put in. */
function mutate(original: Uint8Array, random: () => number): Uint8Array {
  let bytes = Uint8Array.from(original)
  for (let changes = 1 + (random() % 4); changes > 0; changes--) {
    const at = random() % Math.max(1, bytes.length)
    const size = random() % 24
    switch (random() % 6) {
      case 0:
        bytes[at] = random() & 255
        break
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (random() % 8))
        break
      case 2:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + size)])
        break
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at + size), ...bytes.subarray(at)])
        break
      case 4:
        bytes[at] = 0xc0 | (random() & 3)
        break
      default:
        bytes[4 + (random() % 8)] = random() & 255
    }
  }
  return bytes
}

function xorshift(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
