import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SmtpReply } from '../../src/policy/decision.ts'
import { formatReply, MAX_REPLY_LINE_OCTETS, MAX_REPLY_LINES } from '../../src/render/smtp-reply.ts'
import { parseReply } from '../../src/wire/smtp-reply.ts'
import { HOSTILE_TEXT } from './reports.ts'

describe('formatReply', () => {
  it.each<[string, SmtpReply, string]>([
    ['one line', { code: 550, enhanced: '5.7.25', lines: ['no PTR'] }, '550 5.7.25 no PTR\r\n'],
    [
      'several lines, each with the enhanced code',
      { code: 550, enhanced: '5.7.25', lines: ['a', 'b', 'c'] },
      '550-5.7.25 a\r\n550-5.7.25 b\r\n550 5.7.25 c\r\n',
    ],
    ['no enhanced code', { code: 554, enhanced: null, lines: ['a', 'b'] }, '554-a\r\n554 b\r\n'],
    ['no lines', { code: 451, enhanced: '4.7.25', lines: [] }, '451 4.7.25\r\n'],
    ['no lines and no enhanced code', { code: 250, enhanced: null, lines: [] }, '250 \r\n'],
    ['an empty line', { code: 550, enhanced: '5.7.1', lines: ['', 'a'] }, '550-5.7.1\r\n550 5.7.1 a\r\n'],
    ['an enhanced code of another class, left out', { code: 550, enhanced: '4.7.1', lines: ['a'] }, '550 a\r\n'],
    ['an enhanced code that is none, left out', { code: 550, enhanced: '5.7.1\r\n250 ok', lines: ['a'] }, '550 a\r\n'],
    ['line ends in a text', { code: 550, enhanced: '5.7.1', lines: ['a\r\n250 ok'] }, '550 5.7.1 a\\u{0d}\\u{0a}250 ok\r\n'],
    [
      'a long text, broken at a space',
      { code: 550, enhanced: '5.7.1', lines: [`${'a'.repeat(400)} ${'b'.repeat(400)}`] },
      `550-5.7.1 ${'a'.repeat(400)}\r\n550 5.7.1 ${'b'.repeat(400)}\r\n`,
    ],
    [
      'a long word, broken hard',
      { code: 550, enhanced: null, lines: ['a'.repeat(600)] },
      `550-${'a'.repeat(506)}\r\n550 ${'a'.repeat(94)}\r\n`,
    ],
    ['a text that is one too long', { code: 550, enhanced: null, lines: ['a'.repeat(507)] }, `550-${'a'.repeat(506)}\r\n550 a\r\n`],
    ['a text that just fits', { code: 550, enhanced: null, lines: ['a'.repeat(506)] }, `550 ${'a'.repeat(506)}\r\n`],
  ])('writes %s', (_, reply, expected) => {
    expect(formatReply(reply)).toBe(expected)
  })

  it.each([0, 199, 600, 55, 5500, 550.5, Number.NaN])('throws on the code %d, which no peer can choose', (code) => {
    expect(() => formatReply({ code, enhanced: null, lines: ['x'] })).toThrow(TypeError)
  })

  it('leaves out the rest of a text that is too long for a reply, and says so', () => {
    const lines = formatReply({ code: 550, enhanced: null, lines: Array.from({ length: 1000 }, String) }).split('\r\n')
    expect(lines).toHaveLength(MAX_REPLY_LINES + 1)
    expect(lines.at(-2)).toBe('550 ...')
  })

  it('holds a hostile text in its line', () => {
    const text = formatReply({ code: 550, enhanced: '5.7.1', lines: [HOSTILE_TEXT] })
    expect(text).toMatch(/^550 5\.7\.1 [\x20-\x7e]*\r\n$/)
  })
})

const CODE = fc.integer({ min: 200, max: 599 })
const HOSTILE_LINE = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 700 }),
  fc.string({ unit: fc.constantFrom('\r', '\n', '\0', ' ', 'a', '\u202e', '550 ', '\ud800'), maxLength: 700 }),
)

describe('formatReply and parseReply', () => {
  it('give back a reply whose lines fit', () => {
    // A text that itself begins like an enhanced code could not be told from one.
    const line = fc
      .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 480 })
      .map((text) => `x${text}`)
    const property = fc.property(
      CODE,
      fc.option(fc.stringMatching(/^[0-9]{1,3}\.[0-9]{1,3}$/)),
      fc.array(line, { minLength: 1, maxLength: 20 }),
      (code, detail, lines) => {
        const digit = String(code).charAt(0)
        const enhanced = detail === null || digit === '3' ? null : `${digit}.${detail}`
        const text = formatReply({ code, enhanced, lines })
        expect(parseReply(text)).toEqual({ kind: 'reply', reply: { code, enhanced, lines }, length: text.length })
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  it('make exactly one reply with that code of any text, in lines of 512 octets', () => {
    const enhanced = fc.oneof(fc.constant(null), fc.string({ maxLength: 12 }), fc.constant('5.7.1'), fc.constant('4.7.25'))
    const property = fc.property(CODE, enhanced, fc.array(HOSTILE_LINE, { maxLength: 20 }), (code, enhancedCode, lines) => {
      const text = formatReply({ code, enhanced: enhancedCode, lines })
      expect(text.replaceAll('\r\n', '')).toMatch(/^[\x20-\x7e]*$/)
      for (const line of text.split('\r\n')) expect(line.length + 2).toBeLessThanOrEqual(MAX_REPLY_LINE_OCTETS)
      const parsed = parseReply(text)
      expect(parsed).toMatchObject({ kind: 'reply', reply: { code }, length: text.length })
    })
    fc.assert(property, { numRuns: 500 })
  })
})
