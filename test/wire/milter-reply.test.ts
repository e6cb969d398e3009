import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatReply } from '../../src/render/smtp-reply.ts'
import type { MilterPacketError } from '../../src/wire/milter-data.ts'
import type { MilterPacket } from '../../src/wire/milter-frame.ts'
import { encodeMilterPacket, MilterFrameReader } from '../../src/wire/milter-frame.ts'
import type { DecodedMilterReply } from '../../src/wire/milter-reply.ts'
import { decodeMilterReply, encodeMilterReply, MAX_MILTER_CHUNK_OCTETS, MILTER_REPLY_CODES } from '../../src/wire/milter-reply.ts'
import type { MilterMacroStage, MilterReply } from '../../src/wire/milter.ts'
import { hex, latin1, milterReply, mutate, seededRandom } from './milter-arbitrary.ts'

/** Each reply, and the packet that libmilter would send for it. */
const PACKETS: readonly (readonly [reply: MilterReply, wire: string])[] = [
  [{ kind: 'continue' }, '00000001 63'],
  [{ kind: 'accept' }, '00000001 61'],
  [{ kind: 'reject' }, '00000001 72'],
  [{ kind: 'tempfail' }, '00000001 74'],
  [{ kind: 'discard' }, '00000001 64'],
  [{ kind: 'skip' }, '00000001 73'],
  [{ kind: 'progress' }, '00000001 70'],
  [{ kind: 'shutdown' }, '00000001 34'],
  [{ kind: 'connectionFailure' }, '00000001 66'],
  [{ kind: 'replyCode', text: '550 5.7.25 no PTR' }, `00000013 79 ${ascii('550 5.7.25 no PTR')}00`],
  [{ kind: 'replyCode', text: '451-4.7.25 a\r\n451 4.7.25 b' }, `0000001c 79 ${ascii('451-4.7.25 a')}0d0a${ascii('451 4.7.25 b')}00`],
  [{ kind: 'replyCode', text: '554 100% no' }, `00000014 79 ${ascii('554 5.0.0 100%% no')}00`],
  [{ kind: 'replyCode', text: '550 no' }, `00000008 79 ${ascii('550 no')}00`],
  [{ kind: 'addHeader', name: 'X-A', value: 'b' }, `00000007 68 ${ascii('X-A')}00 ${ascii('b')}00`],
  [
    { kind: 'insertHeader', index: 0, name: 'A', value: ' b\n\tc' },
    `0000000d 69 00000000 ${ascii('A')}00 ${ascii(' b')}0a09${ascii('c')}00`,
  ],
  [{ kind: 'changeHeader', index: 2, name: 'A', value: 'b' }, `00000009 6d 00000002 ${ascii('A')}00 ${ascii('b')}00`],
  [{ kind: 'deleteHeader', index: 1, name: 'A' }, `00000008 6d 00000001 ${ascii('A')}00 00`],
  [{ kind: 'changeSender', path: '<a@b>', parameters: null }, `00000007 65 ${ascii('<a@b>')}00`],
  [{ kind: 'changeSender', path: '<a@b>', parameters: 'RET=HDRS' }, `00000010 65 ${ascii('<a@b>')}00 ${ascii('RET=HDRS')}00`],
  [{ kind: 'addRecipient', path: '<a@b>' }, `00000007 2b ${ascii('<a@b>')}00`],
  [{ kind: 'addRecipientWithParameters', path: '<a>', parameters: 'X=1' }, `00000009 32 ${ascii('<a>')}00 ${ascii('X=1')}00`],
  [{ kind: 'deleteRecipient', path: '<a@b>' }, `00000007 2d ${ascii('<a@b>')}00`],
  [{ kind: 'replaceBody', chunk: Buffer.from('\0\r\n') }, '00000004 62 000d0a'],
  [{ kind: 'quarantine', reason: 'no PTR' }, `00000008 71 ${ascii('no PTR')}00`],
  [
    { kind: 'negotiate', agreement: { version: 6, actions: 0x111, steps: 0x1ff372, macros: new Map() } },
    '0000000d 4f 00000006 00000111 001ff372',
  ],
  [
    {
      kind: 'negotiate',
      agreement: {
        version: 6,
        actions: 0x111,
        steps: 0x80000000,
        macros: new Map<MilterMacroStage, string[]>([
          ['connect', ['j', '{client_resolve}']],
          ['endOfMessage', ['i']],
          ['endOfHeaders', []],
        ]),
      },
    },
    `0000002f 4f 00000006 00000111 80000000 00000000 ${ascii('j {client_resolve}')}00 00000005 6900 00000006 00`,
  ],
]

describe('each reply', () => {
  it.each(PACKETS)('%j', (reply, wire) => {
    expect(Buffer.from(encodeMilterReply(reply)).toString('hex')).toBe(wire.replaceAll(' ', ''))
    if (reply.kind !== 'replyCode') expect(decodeMilterReply(packetFrom(hex(wire)))).toEqual({ kind: 'reply', reply })
  })

  it('of every kind is in the table', () => {
    expect(new Set(PACKETS.map(([reply]) => reply.kind))).toEqual(new Set(Object.keys(MILTER_REPLY_CODES)))
  })

  it('comes back through the frame reader', () => {
    fc.assert(
      fc.property(milterReply, (reply) => {
        const buffered = reply.kind === 'replaceBody' ? { ...reply, chunk: Buffer.from(reply.chunk) } : reply
        expect(decodeMilterReply(packetFrom(encodeMilterReply(reply)))).toEqual({ kind: 'reply', reply: buffered })
      }),
      { numRuns: 3000 },
    )
  })

  it('is malformed, or shorter than it was, wherever it is cut off', () => {
    for (const [reply, wire] of PACKETS) {
      const { code, data } = packetFrom(hex(wire))
      for (let end = 0; end < data.length; end++) {
        const cut = decodeMilterReply({ code, data: data.subarray(0, end) })
        if (cut.kind === 'reply')
          expect(['replaceBody', 'negotiate', 'changeSender', 'addRecipientWithParameters']).toContain(cut.reply.kind)
        expect(cut).not.toEqual({ kind: 'reply', reply })
      }
    }
  })
})

describe('reply codes', () => {
  it.each([
    ['a CRLF at the end is not sent', '550 5.7.25 no\r\n', '550 5.7.25 no'],
    ['percent signs are doubled, since Sendmail prints the text as a format', '550 5.7.1 %s %% 5%', '550 5.7.1 %%s %%%% 5%%'],
    [
      'an address at the beginning gets an enhanced code, which Postfix would take it for',
      '550 198.51.100.7 has no PTR',
      '550 5.0.0 198.51.100.7 has no PTR',
    ],
    ['and so does every line of it', '450-1 a\r\n450 b\r\n', '450-4.0.0 1 a\r\n450 4.0.0 b'],
    ['what only looks like an enhanced code as well', '550 5.7 x', '550 5.0.0 5.7 x'],
    ['and what looks like one of another class, since rendering lets no class differ', '550 4.7.25 no', '550 5.0.0 4.7.25 no'],
    ['no text at all is a reply', '550 5.7.1', '550 5.7.1'],
  ])('%s', (_, text, sent) => {
    const packet = packetFrom(encodeMilterReply({ kind: 'replyCode', text }))
    expect(Buffer.from(packet.data).toString('latin1')).toBe(`${sent}\0`)
    expect(decodeMilterReply(packet)).toEqual({ kind: 'reply', reply: { kind: 'replyCode', text: sent.replaceAll('%%', '%') } })
  })

  it.each([
    ['it has no text and no space', '550'],
    ['it accepts', '250 2.0.0 ok'],
    ['it goes on', '354 go on'],
    ['it is no reply', 'no PTR'],
    ['it is empty', ''],
    ['it has two replies', '550 5.7.1 a\r\n550 5.7.1 b'],
    ['it has something behind it', '550 5.7.1 a\r\nX-Evil: b'],
    ['it lacks its last line', '550-5.7.1 a\r\n'],
    ['its codes differ', '550-5.7.1 a\r\n551 5.7.1 b'],
    ['a line ends in LF alone', '550-5.7.1 a\n550 5.7.1 b'],
    ['a CR stands in it', '550 5.7.1 a\rb'],
    ['a NUL stands in it', '550 5.7.1 a\0b'],
    ['it is not ASCII', '550 5.7.1 \xe9'],
    ['an escape sequence stands in it', '550 5.7.1 \x1b[2J'],
  ])('is refused when %s', (_, text) => {
    expect(() => encodeMilterReply({ kind: 'replyCode', text })).toThrow(RangeError)
  })

  it('takes whatever render/smtp-reply makes of hostile text, and changes nothing in it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 600 }),
      fc.constantFrom('%s%n', '5.7.1 x', '4.4.4', '\r\n250 ok', '\0', '198.51.100.7'),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 400, max: 599 }),
        fc.constantFrom('5.7.25', '4.7.25', null),
        fc.array(text, { maxLength: 4 }),
        (code, enhanced, lines) => {
          const rendered = formatReply({ code, enhanced, lines })
          const back = decodeMilterReply(packetFrom(encodeMilterReply({ kind: 'replyCode', text: rendered })))
          const sent = back.kind === 'reply' && back.reply.kind === 'replyCode' ? back.reply.text : ''
          const withoutGeneric = sent.replaceAll(/^([45]\d\d[ -])[45]\.0\.0 /gm, '$1')
          expect(withoutGeneric).toBe(rendered.slice(0, -2))
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('text that could be more than it says', () => {
  const index = 1
  it.each<readonly [string, MilterReply]>([
    ['a second header', { kind: 'addHeader', name: 'A', value: 'b\r\nX-Evil: c' }],
    ['a second header by LF alone', { kind: 'addHeader', name: 'A', value: 'b\nX-Evil: c' }],
    ['the end of the headers', { kind: 'addHeader', name: 'A', value: 'b\r\n\r\nbody' }],
    ['a line of white space, where some see the end of the headers', { kind: 'addHeader', name: 'A', value: 'b\n \n c' }],
    ['a line end at the end', { kind: 'addHeader', name: 'A', value: 'b\r\n' }],
    ['a fold at the end', { kind: 'insertHeader', index, name: 'A', value: 'b\r\n ' }],
    ['a CR', { kind: 'insertHeader', index, name: 'A', value: 'b\rc' }],
    ['a CR ahead of a fold', { kind: 'insertHeader', index, name: 'A', value: 'b\r\r\n c' }],
    ['the end of the string', { kind: 'changeHeader', index, name: 'A', value: 'b\0c' }],
    ['a control character', { kind: 'addHeader', name: 'A', value: '\x1b[2J' }],
    ['a character that is no octet', { kind: 'addHeader', name: 'A', value: '\u202e' }],
    ['a deletion', { kind: 'changeHeader', index, name: 'A', value: '' }],
    ['a name with a colon', { kind: 'addHeader', name: 'A: b\r\nX', value: 'c' }],
    ['a name with a space', { kind: 'deleteHeader', index, name: 'A ' }],
    ['no name', { kind: 'addHeader', name: '', value: 'b' }],
    ['an index that Postfix reads as negative', { kind: 'insertHeader', index: 0x80000000, name: 'A', value: 'b' }],
    ['an index below the first', { kind: 'deleteHeader', index: 0, name: 'A' }],
    ['half an index', { kind: 'deleteHeader', index: 1.5, name: 'A' }],
    ['a second recipient', { kind: 'addRecipient', path: '<a@b>\0<c@d>' }],
    ['an SMTP command', { kind: 'deleteRecipient', path: '<a@b>\r\nQUIT' }],
    ['no address', { kind: 'changeSender', path: '', parameters: null }],
    ['parameters with a line end', { kind: 'changeSender', path: '<a@b>', parameters: 'X\n' }],
    ['a reason with a line end', { kind: 'quarantine', reason: 'a\nb' }],
    ['no reason', { kind: 'quarantine', reason: '' }],
    ['a chunk that is too long', { kind: 'replaceBody', chunk: new Uint8Array(MAX_MILTER_CHUNK_OCTETS + 1) }],
    ['a macro name with a space', negotiation(['a b'])],
    ['a macro name with a comma', negotiation(['{a,b}'])],
    ['a macro name without its braces', negotiation(['client_ptr'])],
    ['more macros than Sendmail keeps', negotiation(Array<string>(51).fill('j'))],
  ])('is refused: %s', (_, reply) => {
    expect(() => encodeMilterReply(reply)).toThrow(RangeError)
  })

  it('folds by CRLF become folds by LF', () => {
    const reply = { kind: 'addHeader', name: 'A', value: 'b;\r\n\tc;\n d' } as const
    expect(decodeMilterReply(packetFrom(encodeMilterReply(reply)))).toEqual({ kind: 'reply', reply: { ...reply, value: 'b;\n\tc;\n d' } })
  })
})

describe('malformed replies', () => {
  it.each<readonly [code: string, data: string, error: MilterPacketError]>([
    ['C', '', 'unknownCode'],
    ['l', '', 'unknownCode'],
    ['c', 'x', 'trailingOctets'],
    ['y', '', 'truncated'],
    ['y', '550 5.7.1 no', 'unterminated'],
    ['y', '550 5.7.1 no\0x', 'trailingOctets'],
    ['y', '550 5.7.1 5% no\0', 'replyPercent'],
    ['y', '550 5.7.1 5%%% no\0', 'replyPercent'],
    ['y', '550 4.7.1 no\0', 'replyClass'],
    ['y', '250 ok\0', 'replyFormat'],
    ['y', '550 a\n550 b\0', 'replyFormat'],
    ['y', '\0', 'replyFormat'],
    ['h', 'A\0', 'truncated'],
    ['h', 'A\0b\0c\0', 'trailingOctets'],
    ['i', 'A\0', 'truncated'],
    ['m', '\0\0\0\x01A\0b', 'unterminated'],
    ['+', '', 'truncated'],
    ['e', '<a>\0b\0c\0', 'trailingOctets'],
    ['q', '', 'truncated'],
    ['O', '\0\0\0\x06\0\0\0\0\0\0\0', 'truncated'],
    ['O', `${'\0'.repeat(12)}\0\0\0\x07j\0`, 'macroStage'],
    ['O', `${'\0'.repeat(12)}\0\0\0\0j`, 'unterminated'],
    ['O', `${'\0'.repeat(12)}\0\0`, 'truncated'],
    ['O', '\0'.repeat(1_000_000), 'tooManyStrings'],
  ])('%j with %j', (code, data, error) => {
    expect(decodeMilterReply(packetFrom(encodeMilterPacket(code, latin1(data))))).toEqual({
      kind: 'malformed',
      error,
      code: code.charCodeAt(0),
    })
  })

  it('never throw, in 200,000 mutations', () => {
    const random = seededRandom(3)
    const samples = PACKETS.map(([, wire]) => hex(wire).subarray(4))
    const seen: Record<DecodedMilterReply['kind'], number> = { reply: 0, malformed: 0 }
    for (let run = 0; run < 200_000; run++) {
      const bytes = mutate(samples[random(samples.length)] ?? Buffer.alloc(0), samples[random(samples.length)] ?? Buffer.alloc(0), random)
      seen[decodeMilterReply({ code: bytes[0] ?? 0, data: bytes.subarray(1) }).kind]++
    }
    expect(Math.min(seen.reply, seen.malformed)).toBeGreaterThan(20_000)
  })
})

function negotiation(names: string[]): MilterReply {
  return { kind: 'negotiate', agreement: { version: 6, actions: 0, steps: 0, macros: new Map([['connect', names]]) } }
}

function ascii(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

function packetFrom(frame: Uint8Array): MilterPacket {
  const { packets, fault } = new MilterFrameReader().push(frame)
  const [packet] = packets
  if (!packet || packets.length > 1 || fault) throw new TypeError(`not one packet: ${Buffer.from(frame).toString('hex')}`)
  return packet
}
