import { describe, expect, test } from 'vitest'
import { MAX_TRANSCRIPT_LINES, MAX_TRANSCRIPT_OCTETS, TranscriptWriter } from '../../src/probe/transcript.ts'

const texts = (writer: TranscriptWriter): string[] => writer.finish().lines.map(({ hint, text }) => `${hint} ${text}`)

describe('a transcript', () => {
  test('hides what AUTH sends at once, and keeps its mechanism', () => {
    const writer = new TranscriptWriter(() => 0)
    writer.sent('AUTH PLAIN AHVzZXIAc2VjcmV0', true)
    writer.received(['235 2.7.0 ok'], 235, true)
    writer.sent('MAIL FROM:<>', true)
    expect(texts(writer)).toEqual([' ~> AUTH PLAIN <hidden>', '<~  235 2.7.0 ok', ' ~> MAIL FROM:<>'])
  })

  test('hides every answer to a challenge, and nothing after that', () => {
    const writer = new TranscriptWriter(() => 0)
    writer.sent('auth login', false)
    for (const secret of ['dXNlcg==', 'c2VjcmV0']) {
      writer.received(['334 VXNlcm5hbWU6'], 334, false)
      writer.sent(secret, false)
    }
    writer.received(['535 5.7.8 no'], 535, false)
    writer.sent('QUIT', false)
    expect(texts(writer)).toEqual([
      ...[' -> auth login', '<-  334 VXNlcm5hbWU6', ' -> <hidden>', '<-  334 VXNlcm5hbWU6', ' -> <hidden>'],
      ...['<** 535 5.7.8 no', ' -> QUIT'],
    ])
  })

  test('tells when, by the clock that it is given', () => {
    let now = 5
    const writer = new TranscriptWriter(() => now)
    writer.remark('one')
    now = 8
    writer.trouble('two')
    expect(writer.finish().lines).toEqual([
      { atMs: 5, hint: '===', text: 'one' },
      { atMs: 8, hint: '***', text: 'two' },
    ])
  })

  test('is bounded in lines and octets, and says so', () => {
    const many = new TranscriptWriter(() => 0)
    for (let line = 0; line < 2 * MAX_TRANSCRIPT_LINES; line++) many.remark('x')
    expect(many.finish()).toMatchObject({ truncated: true, lines: { length: MAX_TRANSCRIPT_LINES } })
    const long = new TranscriptWriter(() => 0)
    for (let line = 0; line < 100; line++) long.remark('x'.repeat(1000))
    expect(long.finish().lines).toHaveLength(Math.floor(MAX_TRANSCRIPT_OCTETS / 1000))
    expect(long.finish().truncated).toBe(true)
    expect(new TranscriptWriter(() => 0).finish().truncated).toBe(false)
  })
})
