/**
 * Spoils the octets of an answer in one of the ways of `MalformedAs`. The id stays right, and so does the question where the
 * spoiled part is behind it: a client must see that the answer is meant for it, and that it cannot be read.
 */
import { assertNever } from '../core/assert-never.ts'
import { encodeMessage, type DnsMessage } from '../wire/dns.ts'
import type { MalformedAs } from './authority-faults.ts'

export function encodeMalformed(message: DnsMessage, as: MalformedAs, maxOctets: number): Uint8Array {
  const bytes = Buffer.from(encodeMessage(message, { maxOctets }))
  switch (as) {
    case 'empty':
      return new Uint8Array()
    case 'short':
      return bytes.subarray(0, 7)
    case 'headerOnly':
      return withCounts(bytes.subarray(0, HEADER_OCTETS), 1, 1)
    case 'garbage':
      return Buffer.concat([bytes.subarray(0, 2), Buffer.alloc(40, 0xff)])
    case 'cut':
      return bytes.subarray(0, -3)
    case 'lyingCounts':
      bytes.writeUInt16BE(message.answers.length + 1, 6)
      return bytes
    case 'lyingLength':
      return withRecord(bytes, () => OWNER_IS_QUESTION, 200)
    case 'compressionLoop':
      return withRecord(bytes, (position) => pointerTo(position), 4)
    case 'forwardPointer':
      return withRecord(bytes, (position) => pointerTo(position + 12), 4)
    case 'badLabel':
      return withRecord(bytes, () => [0x80, 0x00], 4)
    case 'trailing':
      return Buffer.concat([bytes, Buffer.alloc(4)])
    case 'noQuestion':
      return encodeMessage({ ...message, questions: [] }, { maxOctets })
    case 'notResponse':
      bytes.writeUInt8(bytes.readUInt8(2) & 0x7f, 2)
      return bytes
    default:
      return assertNever(as)
  }
}

const HEADER_OCTETS = 12
/** As a name it is `a`, so that a reader that does follow pointers forward finds one. */
const DATA = Buffer.from([1, 0x61, 0, 0])
const OWNER_IS_QUESTION = [0xc0, HEADER_OCTETS]

/** Header and question of the answer, and behind them one record of the asked type: two octets of owner, four of data. */
function withRecord(bytes: Buffer, owner: (position: number) => readonly number[], announcedLength: number): Buffer {
  let end = HEADER_OCTETS
  // The first name of a message is never compressed.
  while ((bytes[end] ?? 0) !== 0) end += (bytes[end] ?? 0) + 1
  end += 5
  const type = bytes.subarray(end - 4, end - 2)
  const fixed = Buffer.from([0, 1, 0, 0, 0, 60, 0, announcedLength])
  return withCounts(Buffer.concat([bytes.subarray(0, end), Buffer.from(owner(end)), type, fixed, DATA]), 1, 1)
}

function withCounts(bytes: Buffer, questions: number, answers: number): Buffer {
  for (const [index, count] of [questions, answers, 0, 0].entries()) bytes.writeUInt16BE(count, 4 + 2 * index)
  return bytes
}

function pointerTo(offset: number): readonly number[] {
  return [0xc0 | (offset >> 8), offset & 0xff]
}
