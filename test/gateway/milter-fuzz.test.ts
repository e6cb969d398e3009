/** Whatever an MTA, or a stranger in its place, sends: every command gets one answer at most, none is malformed, and nothing throws. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { MilterDialogue } from '../../src/gateway/milter-dialogue.ts'
import { LookingServices } from '../../src/gateway/milter-opinion.ts'
import { planMilter } from '../../src/gateway/milter-plan.ts'
import { MilterFrameReader, type MilterFrames } from '../../src/wire/milter-frame.ts'
import { decodeMilterCommand, encodeMilterCommand } from '../../src/wire/milter-command.ts'
import { awaitsReply } from '../../src/wire/milter-negotiation.ts'
import { decodeMilterReply, encodeMilterReply } from '../../src/wire/milter-reply.ts'
import type { MilterAgreement, MilterCommand, MilterReply } from '../../src/wire/milter.ts'
import { AUTHSERV_ID } from '../contract/cases.ts'
import { startTestGate, type TestGate } from '../contract/gate.ts'
import { address } from '../support/fake-resolver.ts'
import { seededRandom } from '../wire/milter-arbitrary.ts'
import { clientAddress, fuzzGates, heapUsed, hostileStream } from './fuzz.ts'
import { POSTFIX_OFFER } from './milter-client.ts'

const octets = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 })
const name = fc.oneof(octets, fc.constantFrom('Authentication-Results', 'authentication-results ', 'Subject'))
const value = fc.oneof(octets, fc.constantFrom(`${AUTHSERV_ID}; none`, `"${AUTHSERV_ID}`, '(('))
const kinds = fc.constantFrom('connect', 'helo', 'mail', 'rcpt', 'endOfMessage', 'header', null)
const macros = fc.dictionary(fc.constantFrom('i', '{auth_type}', '{client_resolve}', '{client_name}', 'x'), octets)
const peer = fc.constantFrom('198.51.100.7', '198.51.100.8', '127.0.0.1', '2001:db8:51::7')

const command: fc.Arbitrary<MilterCommand> = fc.oneof(
  fc.constant({ kind: 'negotiate', offer: POSTFIX_OFFER } as const),
  fc.tuple(kinds, macros).map(([before, given]) => ({ kind: 'macros', before, macros: new Map(Object.entries(given)) }) as const),
  peer.map((from) => ({ kind: 'connect', nameByMta: 'x', peer: { kind: 'ip', address: address(from), port: 1 } }) as const),
  octets.map((claimedName) => ({ kind: 'helo', claimedName }) as const),
  fc.tuple(fc.constantFrom('mail' as const, 'rcpt' as const), octets).map(([kind, path]) => ({ kind, path, parameters: [] })),
  fc.tuple(name, value).map(([header, text]) => ({ kind: 'header', name: header, value: text }) as const),
  fc.constantFrom('data' as const, 'endOfHeaders' as const, 'abort' as const, 'quitNewConnection' as const).map((kind) => ({ kind })),
  fc.constant({ kind: 'endOfMessage', chunk: new Uint8Array() } as const),
  fc.constant({ kind: 'body', chunk: new Uint8Array([0]) } as const),
  octets.map((line) => ({ kind: 'unknown', line }) as const),
)

/** Mostly in order, so that the fuzz gets past the first command. */
const story = fc
  .tuple(peer, octets, octets, fc.array(octets, { minLength: 1, maxLength: 3 }), fc.array(command, { maxLength: 12 }))
  .map(([from, claimedName, sender, recipients, rest]): MilterCommand[] => [
    { kind: 'negotiate', offer: POSTFIX_OFFER },
    { kind: 'connect', nameByMta: 'x', peer: { kind: 'ip', address: address(from), port: 1 } },
    { kind: 'helo', claimedName },
    { kind: 'mail', path: sender, parameters: [] },
    ...recipients.map((path): MilterCommand => ({ kind: 'rcpt', path, parameters: [] })),
    ...rest,
  ])

describe('any commands', () => {
  const gates: TestGate[] = []
  beforeAll(async () => {
    const zone = '7.100.51.198.in-addr.arpa. PTR mail.example.com.\nmail.example.com. A 198.51.100.7'
    for (const policy of [{}, { preset: 'observe' }, { stage: 'connect', preset: 'strict', rules: { permerror: 'quarantine' } }] as const) {
      gates.push(await startTestGate({ zone, policy }))
    }
  })
  afterAll(async () => {
    for (const gate of gates) await gate[Symbol.asyncDispose]()
  })

  it('get what the protocol has for them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(story, fc.array(command, { maxLength: 20 })), fc.constantFrom(0, 1, 2), async (commands, which) => {
        const gate = gates[which]?.gate
        if (!gate) throw new Error('no gate')
        const events: GateEvent[] = []
        const dialogue = new MilterDialogue({
          gate,
          plan: planMilter(gate.policy, 65_536),
          lookingServices: new LookingServices(),
          onEvent: (event) => events.push(event),
        })
        let agreement: MilterAgreement | null = null
        for (const sent of commands.map(overTheWire)) {
          const answer = await dialogue.answer(sent)
          if (answer.kind !== 'replies') break
          const replies = answer.replies.map((reply) => backOverTheWire(reply))
          const [first] = replies
          if (first?.kind === 'negotiate') agreement = first.agreement
          const isFinal = (reply: MilterReply): boolean => !['insertHeader', 'deleteHeader', 'quarantine'].includes(reply.kind)
          const isAwaited = agreement !== null && awaitsReply(agreement, sent.kind)
          expect(replies.filter(isFinal)).toHaveLength(isAwaited ? 1 : 0)
          if (sent.kind !== 'endOfMessage') expect(replies.every(isFinal)).toBe(true)
        }
        dialogue.close()
        expect(events.filter(({ kind }) => kind === 'internalError')).toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})

const RUNS = 200_000

describe(`${String(RUNS)} hostile streams`, () => {
  it('neither throw nor hang, and leave nothing behind', { timeout: 600_000 }, async () => {
    const random = seededRandom(7)
    const gates = fuzzGates().map((gate) => ({ gate, plan: planMilter(gate.policy, 65_536), lookingServices: new LookingServices() }))
    const conversations = Array.from({ length: 1999 }, () => conversation(random).map(contentOf))
    const seen = new Map<string, number>()
    const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)
    const onEvent = (event: GateEvent): void => {
      if (event.kind === 'internalError') throw event.error
      count(event.kind)
    }
    let heapBefore = 0
    for (let run = 0; run < RUNS; run++) {
      if (run === RUNS / 4) heapBefore = heapUsed()
      const gate = gates[run % gates.length]
      if (!gate) throw new TypeError('no gate')
      const frames = new MilterFrameReader({ maxPacketOctets: 128 })
      const dialogue = new MilterDialogue({ ...gate, onEvent })
      for (const piece of hostileStream(conversations[run % conversations.length] ?? [], frameOf, random)) {
        const end = await converse(frames.push(piece), dialogue, count)
        if (frames.heldOctets > 128) throw new Error(`holds ${String(frames.heldOctets)} octets`)
        if (end === null) continue
        count(end)
        break
      }
      dialogue.close()
    }
    // Every corner was reached.
    const faults = ['outOfOrder', 'notNegotiated', 'oversized', 'empty', 'unknownCode', 'truncated', 'unterminated', 'end']
    const replies = ['negotiate', 'continue', 'accept', 'replyCode', 'insertHeader', 'deleteHeader', 'quarantine']
    for (const what of [...faults, ...replies, 'decision', 'skipped', 'disagreement'])
      expect([what, (seen.get(what) ?? 0) > 100]).toEqual([what, true])
    expect(heapUsed() - heapBefore).toBeLessThan(8_000_000)
  })
})

/** As the connection does it; why it would hang up, or null. */
async function converse({ packets, fault }: MilterFrames, dialogue: MilterDialogue, count: (what: string) => void): Promise<string | null> {
  for (const packet of packets) {
    const decoded = decodeMilterCommand(packet)
    if (decoded.kind === 'malformed') return decoded.error
    const answer = await dialogue.answer(decoded.command)
    if (answer.kind !== 'replies') return answer.kind === 'fault' ? answer.reason : answer.kind
    for (const reply of answer.replies) count(backOverTheWire(reply).kind)
  }
  return fault?.error ?? null
}

const OFFERS = [POSTFIX_OFFER, { version: 4, actions: 0x1ff, steps: 0x37f }, { version: 2, actions: 0x3f, steps: 0x7f }] as const

function conversation(random: (below: number) => number): MilterCommand[] {
  const pick = <T>(...values: readonly [T, ...T[]]): T => values[random(values.length)] ?? values[0]
  const from = clientAddress(random)
  const macros = new Map([
    ['i', 'QUEUE1'],
    ['{client_resolve}', pick('OK', 'FORGED', 'TEMP')],
    ...(random(8) === 0 ? ([['{auth_type}', 'PLAIN']] as const) : []),
  ])
  const mail: MilterCommand[] = [
    { kind: 'macros', before: 'mail', macros },
    { kind: 'mail', path: '<from@example.com>', parameters: [] },
    { kind: 'rcpt', path: pick('<user@example.org>', '<postmaster@example.org>'), parameters: ['NOTIFY=NEVER'] },
    { kind: 'header', name: 'Subject', value: 'test' },
    { kind: 'header', name: 'Authentication-Results', value: pick(`${AUTHSERV_ID}; none`, `(x)\n "${AUTHSERV_ID}" 1; iprev=pass`, '((') },
    { kind: 'endOfMessage', chunk: new Uint8Array() },
  ]
  return [
    { kind: 'negotiate', offer: pick(...OFFERS) },
    { kind: 'macros', before: 'connect', macros },
    { kind: 'connect', nameByMta: 'x', peer: from === null ? { kind: 'unknown' } : { kind: 'ip', address: address(from), port: 1 } },
    { kind: 'helo', claimedName: pick('mail.example.com', '-bad-', '[198.51.100.7]', AUTHSERV_ID, '\xff\x01"') },
    ...mail,
    ...(random(3) === 0 ? mail : []),
    { kind: pick('quit', 'abort', 'quitNewConnection') },
  ]
}

/** Code and data. */
function contentOf(command: MilterCommand): Uint8Array {
  return encodeMilterCommand(command).subarray(4)
}

/** The length is that of the content, damaged or not, so that the damage is read. */
function frameOf(content: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(4 + content.length)
  frame.writeUInt32BE(content.length, 0)
  frame.set(content, 4)
  return frame
}

function overTheWire(command: MilterCommand): MilterCommand {
  const packet = encodeMilterCommand(command)
  const decoded = decodeMilterCommand({ code: packet[4] ?? 0, data: packet.subarray(5) })
  if (decoded.kind === 'malformed') throw new Error(decoded.error)
  return decoded.command
}

function backOverTheWire(reply: MilterReply): MilterReply {
  const packet = encodeMilterReply(reply)
  const decoded = decodeMilterReply({ code: packet[4] ?? 0, data: packet.subarray(5) })
  if (decoded.kind === 'malformed') throw new Error(decoded.error)
  return decoded.reply
}
