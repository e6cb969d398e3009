/** Arbitrary milter commands, replies and byte mutations, for the property and fuzz tests of the milter and policy codecs. */
import fc from 'fast-check'
import type { MilterCommand, MilterMacroStage, MilterPeer, MilterReply } from '../../src/wire/milter.ts'
import { canonicalMacroName, MILTER_MACRO_STAGES } from '../../src/wire/milter.ts'
import { anyIpv4, anyIpv6 } from '../support/arbitrary.ts'

export function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

export function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const octets = fc.uint8Array({ maxLength: 300 })
const charactersOf = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map((octet) => String.fromCharCode(octet))
/** Any octets but NUL, with the ones that end lines in many of them. */
const text = fc
  .array(fc.oneof(charactersOf(1, 255), fc.constantFrom('\r', '\n', '%', ' ', '<', '\xff')), { maxLength: 40 })
  .map((parts) => parts.join(''))
const macroName = fc.oneof(fc.constantFrom('j', '_', 'i', '{client_resolve}', '{auth_type}', 'daemon_addr'), text).map(canonicalMacroName)

const peer: fc.Arbitrary<MilterPeer> = fc.oneof(
  fc.record({ kind: fc.constant('ip' as const), address: fc.oneof(anyIpv4, anyIpv6), port: fc.integer({ min: 0, max: 65535 }) }),
  fc.record({ kind: fc.constant('unix' as const), path: text }),
  fc.constant({ kind: 'unknown' as const }),
)

export const milterCommand: fc.Arbitrary<MilterCommand> = fc.oneof(
  fc.record({ kind: fc.constant('negotiate' as const), offer: fc.record({ version: uint32, actions: uint32, steps: uint32 }) }),
  fc.record({
    kind: fc.constant('macros' as const),
    before: fc.constantFrom('connect' as const, 'helo' as const, 'endOfMessage' as const, 'endOfHeaders' as const, null),
    macros: fc.array(fc.tuple(macroName, text), { maxLength: 8 }).map((pairs) => new Map(pairs)),
  }),
  fc.record({ kind: fc.constant('connect' as const), nameByMta: text, peer }),
  fc.record({ kind: fc.constant('helo' as const), claimedName: text }),
  fc.record({ kind: fc.constantFrom('mail' as const, 'rcpt' as const), path: text, parameters: fc.array(text, { maxLength: 5 }) }),
  fc.record({ kind: fc.constantFrom('data' as const, 'endOfHeaders' as const, 'abort' as const, 'quit' as const) }),
  fc.constant({ kind: 'quitNewConnection' as const }),
  fc.record({ kind: fc.constant('header' as const), name: text, value: text }),
  fc.record({ kind: fc.constantFrom('body' as const, 'endOfMessage' as const), chunk: octets }),
  fc.record({ kind: fc.constant('unknown' as const), line: text }),
)

const visible = fc.oneof(charactersOf(0x21, 0x7e), charactersOf(0x80, 0xff))
const word = fc.array(visible, { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''))
const printable = fc.array(charactersOf(0x20, 0x7e), { minLength: 1, maxLength: 40 }).map((parts) => parts.join(''))
const headerName = fc.array(charactersOf(0x21, 0x7e), { minLength: 1, maxLength: 20 }).map((parts) => parts.join('').replaceAll(':', '-'))
/** Words with folds between some of them. */
const headerValue = fc
  .array(fc.tuple(word, fc.constantFrom(' ', '\t', '\n ', '\n\t', '\n  \t ')), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map(([value, space], index) => (index === 0 ? value : space + value)).join(''))
const envelopeText = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => `<${parts.join(' ')}>`)
const index = fc.integer({ min: 1, max: 0x7fffffff })

const agreementMacros = fc
  .uniqueArray(fc.constantFrom(...MILTER_MACRO_STAGES), { maxLength: 7 })
  .chain((stages) =>
    fc.tuple(
      ...stages.map((stage) =>
        fc
          .uniqueArray(fc.constantFrom('j', '_', '{client_resolve}', '{client_ptr}', '{auth_type}'), { maxLength: 5 })
          .map((names) => [stage, names] as [MilterMacroStage, string[]]),
      ),
    ),
  )
  .map((entries) => new Map(entries))

export const milterReply: fc.Arbitrary<MilterReply> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('continue' as const, 'accept' as const, 'reject' as const, 'tempfail' as const, 'discard' as const),
  }),
  fc.record({ kind: fc.constantFrom('shutdown' as const, 'connectionFailure' as const) }),
  fc.record({ kind: fc.constantFrom('skip' as const) }),
  fc.record({ kind: fc.constantFrom('progress' as const) }),
  fc.record({
    kind: fc.constant('negotiate' as const),
    agreement: fc.record({ version: uint32, actions: uint32, steps: uint32, macros: agreementMacros }),
  }),
  fc.record({ kind: fc.constant('addHeader' as const), name: headerName, value: headerValue }),
  fc.record({ kind: fc.constant('insertHeader' as const), index, name: headerName, value: headerValue }),
  fc.record({ kind: fc.constant('changeHeader' as const), index, name: headerName, value: headerValue }),
  fc.record({ kind: fc.constant('deleteHeader' as const), index, name: headerName }),
  fc.record({
    kind: fc.constantFrom('changeSender' as const),
    path: envelopeText,
    parameters: fc.option(envelopeText),
  }),
  fc.record({ kind: fc.constant('addRecipientWithParameters' as const), path: envelopeText, parameters: fc.option(envelopeText) }),
  fc.record({ kind: fc.constantFrom('addRecipient' as const, 'deleteRecipient' as const), path: envelopeText }),
  fc.record({ kind: fc.constant('replaceBody' as const), chunk: octets }),
  fc.record({ kind: fc.constant('quarantine' as const), reason: printable }),
)

/** mulberry32: a fuzz run must be repeatable and cost next to nothing. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** One to four octets replaced, removed, doubled or cut off, or another sample's end put behind. */
export function mutate(sample: Uint8Array, other: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes: Uint8Array = Buffer.from(sample)
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(bytes.length + 1)
    switch (random(6)) {
      case 0:
      case 1:
        if (at < bytes.length) bytes[at] = INTERESTING[random(INTERESTING.length)] ?? 0
        break
      case 2:
        if (at < bytes.length) bytes[at] = random(256)
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(4))])
        break
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - random(8)))])
        break
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length + 1))])
    }
  }
  return bytes
}

const INTERESTING = [0, 1, 4, 0x0a, 0x0d, 0x20, 0x25, 0x2d, 0x34, 0x35, 0x36, 0x3d, 0x4c, 0x55, 0x7f, 0x80, 0xff]

/** The same octets in pieces of random length. */
export function inPieces(bytes: Uint8Array, random: (below: number) => number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let start = 0; start < bytes.length;) {
    const end = start + 1 + random(random(3) === 0 ? 64 : 5)
    pieces.push(bytes.subarray(start, end))
    start = end
  }
  return pieces
}
