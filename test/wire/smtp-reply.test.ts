import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_RECEIVED_LINE_LENGTH, MAX_RECEIVED_LINES, parseReply, type ParsedReply } from '../../src/wire/smtp-reply.ts'

function reply(code: number, enhanced: string | null, lines: readonly string[], length: number): ParsedReply {
  return { kind: 'reply', reply: { code, enhanced, lines }, length }
}

describe('parseReply', () => {
  it.each<[string, string, ParsedReply]>([
    ['one line', '250 ok\r\n', reply(250, null, ['ok'], 8)],
    ['an enhanced code', '550 5.7.25 no PTR\r\n', reply(550, '5.7.25', ['no PTR'], 19)],
    ['an enhanced code on every line', '550-5.7.25 a\r\n550-5.7.25 b\r\n550 5.7.25 c\r\n', reply(550, '5.7.25', ['a', 'b', 'c'], 42)],
    ['an enhanced code on the first line only', '550-5.7.1 a\r\n550 b\r\n', reply(550, '5.7.1', ['a', 'b'], 20)],
    ['an enhanced code that comes too late', '550-a\r\n550 5.7.1 b\r\n', reply(550, null, ['a', '5.7.1 b'], 20)],
    ['an enhanced code of another class', '550 4.7.1 x\r\n', reply(550, '4.7.1', ['x'], 13)],
    ['an enhanced code and no text', '550-5.7.1\r\n550 5.7.1\r\n', reply(550, '5.7.1', ['', ''], 22)],
    ['what only begins like an enhanced code', '250 5.7.1x\r\n', reply(250, null, ['5.7.1x'], 12)],
    ['no text at all', '250\r\n', reply(250, null, [''], 5)],
    ['a space and no text', '250 \r\n', reply(250, null, [''], 6)],
    ['a hyphen and no text', '250-\r\n250 \r\n', reply(250, null, ['', ''], 12)],
    ['LF alone', '250-a\n250 b\n', reply(250, null, ['a', 'b'], 12)],
    ['what follows is left alone', '250 ok\r\n354 go\r\n', reply(250, null, ['ok'], 8)],
    ['a code beyond the RFC', '571 No PTR Record found.\r\n', reply(571, null, ['No PTR Record found.'], 26)],
    [
      'GMX at the greeting',
      '554-gmx.net (mx1) Nemesis\r\n554-Bad DNS PTR resource record.\r\n554 x\r\n',
      reply(554, null, ['gmx.net (mx1) Nemesis', 'Bad DNS PTR resource record.', 'x'], 68),
    ],
    ['raw octets', '220 \u0000\u001b[31m\u00fc\r\u00ff\r\n', reply(220, null, ['\u0000\u001b[31m\u00fc\r\u00ff'], 15)],
    ['a capability of EHLO', '250-mx\r\n250-SIZE 1\r\n250 X=1 2\r\n', reply(250, null, ['mx', 'SIZE 1', 'X=1 2'], 31)],
  ])('reads %s', (_, text, expected) => {
    expect(parseReply(text)).toEqual(expected)
  })

  it.each<[string, string, number, string]>([
    ['no code', 'hello\r\n', 0, 'code'],
    ['an empty line', '\r\n', 0, 'code'],
    ['a code of two digits', '25 ok\r\n', 0, 'code'],
    ['a code of four digits', '2500 ok\r\n', 3, 'separator'],
    ['a code below 200', '150 ok\r\n', 0, 'code'],
    ['a code above 599', '600 ok\r\n', 0, 'code'],
    ['a tab', '250\tok\r\n', 3, 'separator'],
    ['a code that changes', '250-a\r\n251 b\r\n', 7, 'codeChanges'],
    ['a line that is no reply', '250-a\r\nb\r\n', 7, 'code'],
    ['an HTTP server', 'HTTP/1.1 400 Bad Request\r\n', 0, 'code'],
    ['no code, before the line is over', 'SSH-2.0', 0, 'code'],
    ['a wrong separator, before the line is over', '220=', 3, 'separator'],
  ])('refuses %s', (_, text, offset, reason) => {
    expect(parseReply(text)).toEqual({ kind: 'error', offset, reason })
  })

  it.each(['', '2', '25', '250', '250 ', '250 ok', '250 ok\r', '250\r', '250-a\r\n', '250-a\r\n2', '250-a\r\n250 b'])(
    'waits for more after %j',
    (text) => {
      expect(parseReply(text)).toEqual({ kind: 'incomplete' })
    },
  )

  it('takes a pasted reply without a line end when told that nothing follows', () => {
    expect(parseReply('550-5.7.1 a\n550 5.7.1 b', { atEnd: true })).toEqual(reply(550, '5.7.1', ['a', 'b'], 23))
    expect(parseReply('550 5.7.1 a', { atEnd: true })).toEqual(reply(550, '5.7.1', ['a'], 11))
    expect(parseReply('550-a\r\n', { atEnd: true })).toEqual({ kind: 'error', offset: 7, reason: 'code' })
    expect(parseReply('550-a', { atEnd: true })).toEqual({ kind: 'incomplete' })
  })

  it('bounds a line, also one that never ends', () => {
    const text = `220 ${'x'.repeat(MAX_RECEIVED_LINE_LENGTH)}`
    expect(parseReply(text)).toEqual({ kind: 'error', offset: MAX_RECEIVED_LINE_LENGTH, reason: 'lineTooLong' })
    expect(parseReply(`${text}\r\n`)).toMatchObject({ kind: 'error', reason: 'lineTooLong' })
    expect(parseReply(`220 ${'x'.repeat(MAX_RECEIVED_LINE_LENGTH - 6)}\r\n`).kind).toBe('reply')
  })

  it('bounds the number of lines', () => {
    const lines = '220-tarpit\r\n'.repeat(MAX_RECEIVED_LINES)
    expect(parseReply(lines)).toMatchObject({ kind: 'error', reason: 'tooManyLines' })
    expect(parseReply(`${lines.slice(12)}220 ok\r\n`).kind).toBe('reply')
  })

  it('gives the same answer however the octets arrive', () => {
    const text = '550-5.7.25 one\r\n550-5.7.25 two\r\n550 5.7.25 three\r\n'
    for (let length = 0; length < text.length; length++) expect(parseReply(text.slice(0, length)).kind).toBe('incomplete')
    expect(parseReply(text)).toEqual(reply(550, '5.7.25', ['one', 'two', 'three'], text.length))
  })

  it('never throws, and never takes more than there is', () => {
    const pieces = fc.constantFrom('2', '5', '50', '550', '-', ' ', '\r', '\n', '\r\n', '5.7.1', '550-', '550 ', 'x', '\0', '\u00ff')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), fc.boolean(), (parts, atEnd) => {
        const text = parts.join('')
        const parsed = parseReply(text, { atEnd })
        if (parsed.kind === 'reply') expect(parsed.length).toBeLessThanOrEqual(text.length)
        if (parsed.kind === 'error') expect(parsed.offset).toBeLessThanOrEqual(text.length)
      }),
      { numRuns: 3000 },
    )
  })
})
