import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplyReader, type ReadReply } from '../../src/probe/session-replies.ts'
import { MAX_RECEIVED_LINES } from '../../src/wire/smtp-reply.ts'

const LIMIT = 16_384

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Everything that a stream says, cut into pieces; the fault at its end, if there is one. */
function readAll(
  text: string,
  pieces: readonly number[] = [],
  limit = LIMIT,
): { replies: ReadReply[]; fault: string | null; mostHeld: number } {
  const reader = new ReplyReader(limit)
  const replies: ReadReply[] = []
  let mostHeld = 0
  let offset = 0
  for (const size of [...pieces, text.length]) {
    reader.push(latin1(text.slice(offset, offset + size)))
    offset += size
    mostHeld = Math.max(mostHeld, reader.octets, reader.pending.length)
    for (let next = reader.next(); next.kind !== 'incomplete'; next = reader.next()) {
      if (next.kind === 'fault') return { replies, fault: next.fault, mostHeld }
      replies.push(next.reply)
    }
  }
  return { replies, fault: null, mostHeld }
}

describe('a reader of replies', () => {
  test('reads replies one by one', () => {
    const { replies } = readAll('220 a\r\n250-b\r\n250 c\r\n221 2.0.0 Bye\r\n')
    expect(replies).toEqual([
      { code: 220, enhanced: null, lines: ['a'], faults: [], raw: null },
      { code: 250, enhanced: null, lines: ['b', 'c'], faults: [], raw: null },
      { code: 221, enhanced: '2.0.0', lines: ['Bye'], faults: [], raw: null },
    ])
  })

  test('keeps what was wrong as it came', () => {
    const { replies } = readAll('noise\r\n250-\xe9\n451 x\0\r\n')
    expect(replies).toEqual([
      {
        ...{ code: 250, enhanced: null, lines: ['\xe9', 'x\0'], raw: 'noise\r\n250-\xe9\n451 x\0\r\n' },
        faults: ['noCode', 'codeChanges', 'eightBit', 'bareLineFeed', 'nul'],
      },
    ])
  })

  test('a line without its end counts once nothing more can come', () => {
    const reader = new ReplyReader(LIMIT)
    reader.push(latin1('250-a\r\n250 b'))
    expect(reader.next().kind).toBe('incomplete')
    reader.end()
    expect(reader.next()).toMatchObject({ kind: 'reply', reply: { lines: ['a', 'b'], faults: ['unterminated'] } })
    expect(reader.pending).toBe('')
  })

  test('a continued line without its end does not make a reply', () => {
    const reader = new ReplyReader(LIMIT)
    reader.push(latin1('250-a\r\n250-b'))
    reader.end()
    expect(reader.next().kind).toBe('incomplete')
    expect(reader.pending).toBe('250-a\r\n250-b')
  })

  test.each([
    ['lineTooLong', 'x'.repeat(4097)],
    ['lineTooLong', `250 ${'x'.repeat(5000)}\r\n`],
    ['tooManyLines', '250-x\r\n'.repeat(MAX_RECEIVED_LINES + 1)],
    ['tooManyLines', '\n'.repeat(MAX_RECEIVED_LINES + 1)],
    ['replyTooLong', `250-${'x'.repeat(900)}\r\n`.repeat(30)],
  ])('%s ends the reading', (fault, text) => {
    expect(readAll(text).fault).toBe(fault)
    expect(
      readAll(
        text,
        Array.from(text, () => 1),
      ).fault,
    ).toBe(fault)
  })

  test('replies that nobody takes fill it up, and no more', () => {
    const reader = new ReplyReader(1000)
    for (let count = 0; count < 1000; count++) reader.push(latin1('220 again\r\n'))
    expect(reader.octets).toBe(1000)
    expect(reader.pending).toHaveLength(1000)
  })

  test('what was taken makes room', () => {
    const { replies, fault } = readAll(
      '220 again\r\n'.repeat(1000),
      Array.from({ length: 1000 }, () => 11),
      100,
    )
    expect(replies).toHaveLength(1000)
    expect(fault).toBeNull()
  })

  test('faults stay', () => {
    const reader = new ReplyReader(LIMIT)
    reader.push(latin1('y'.repeat(5000)))
    reader.next()
    reader.push(latin1('\r\n220 fine\r\n'))
    expect(reader.next()).toEqual({ kind: 'fault', fault: 'lineTooLong' })
  })
})

const CORPUS = [
  '220 mx.example.org ESMTP Postfix\r\n',
  '220-mx.example.org\r\n220-one\r\n220 two\r\n250-mx\r\n250-SIZE 100\r\n250 STARTTLS\r\n',
  '421 4.7.0 later\r\n554 5.7.1 never\r\n',
  '250-a\r\n250-b\r\n250-c\r\n250 d\r\n'.repeat(5),
  '334 \r\n235 2.7.0 ok\r\n500\r\n220-\r\n220 \r\n',
]

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('insert'), at: fc.nat(400), text: fc.string({ unit: 'binary', maxLength: 6 }) }),
  fc.record({
    kind: fc.constant('insert'),
    at: fc.nat(400),
    text: fc.constantFrom('\r', '\n', '\0', '-', ' ', '250-', '\r\n\r\n', '\xff', '9'),
  }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(400), text: fc.string({ maxLength: 8 }) }),
  fc.record({ kind: fc.constant('repeat'), at: fc.nat(400), text: fc.constantFrom('x', '250-y\r\n', '\r\n', '2', '220 z\r\n') }),
)

const stream = fc.tuple(fc.constantFrom(...CORPUS), fc.array(mutation, { maxLength: 6 })).map(([text, mutations]) =>
  mutations.reduce((mutated, { kind, at, text: piece }) => {
    const head = mutated.slice(0, at)
    if (kind === 'cut') return head + mutated.slice(at + piece.length)
    return head + (kind === 'repeat' ? piece.repeat(1 + at * 3) : piece) + mutated.slice(at)
  }, text),
)

test('20,000 mutated streams: nothing throws, nothing grows, and the pieces do not matter', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 }), (text, pieces) => {
      const limit = 2048
      const whole = readAll(text, [], limit)
      const inPieces = readAll(text, pieces, limit)
      const isBounded = Math.max(inPieces.mostHeld, whole.mostHeld) <= limit
      // Only how much is held at once may depend on the pieces.
      const isSame =
        text.length > limit || JSON.stringify([inPieces.replies, inPieces.fault]) === JSON.stringify([whole.replies, whole.fault])
      const isLegal = inPieces.replies.every(({ code, lines }) => code >= 200 && code < 600 && lines.length <= MAX_RECEIVED_LINES)
      return isBounded && isSame && isLegal
    }),
    { numRuns: 20_000 },
  )
})
