/** Replies of a next hop, in pieces of any size, honest or not. */
import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readCapabilities } from '../../src/gateway/next-hop-capabilities.ts'
import { MAX_REPLY_OCTETS, ReplyReader, type NextReply } from '../../src/gateway/next-hop-replies.ts'
import { queueIdOf } from '../../src/gateway/relay-message.ts'
import { nextHopReply } from '../../src/gateway/relay-reply.ts'

describe('replies', () => {
  it('come out one by one, however they are divided', () => {
    const text = '220 hop\r\n250-2.1.0 one\r\n250 2.1.0 two\r\n'
    for (let size = 1; size <= text.length; size++) {
      expect(readAll(text, size)).toEqual([
        { kind: 'reply', reply: { code: 220, enhanced: null, lines: ['hop'] } },
        { kind: 'reply', reply: { code: 250, enhanced: '2.1.0', lines: ['one', 'two'] } },
      ])
    }
  })

  it.each([
    ['250-one\r\n251 two\r\n', 'reply: codeChanges'],
    ['hello\r\n', 'reply: code'],
    ['2500\r\n', 'reply: separator'],
    [`250 ${'x'.repeat(5000)}`, 'reply: lineTooLong'],
    ['250-x\r\n'.repeat(300), 'reply: tooManyLines'],
    [`250-${'x'.repeat(4000)}\r\n`.repeat(30), 'replyTooLong'],
  ])('%#: end with %s', (text, reason) => {
    expect(readAll(text, 1000).at(-1)).toEqual({ kind: 'fault', reason })
  })

  it('%#: keep their code on every line on their way to the client', () => {
    expect(
      nextHopReply({ code: 250, enhanced: '2.0.0', lines: ['a', '', 'ü'].map((line) => Buffer.from(line).toString('latin1')) }),
    ).toEqual({
      code: 250,
      lines: ['2.0.0 a', '2.0.0', '2.0.0 ü'],
    })
  })

  it('in 200,000 hostile forms never throw, and never make the reader hold more than it may', () => {
    const PIECES = [
      '2',
      '5',
      '50',
      '250',
      '250 ',
      '250-',
      '-',
      ' ',
      '\r',
      '\n',
      '\r\n',
      '354',
      '4.7.1 ',
      '\0',
      '\xff',
      'x'.repeat(1500),
      '220',
    ]
    const seed = randomInt(2 ** 31)
    let state = seed | 1
    const random = (below: number): number => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) % below
    }
    for (let index = 0; index < 200_000; index++) {
      const reader = new ReplyReader()
      let octets = 0
      for (let chunk = random(6); chunk >= 0; chunk--) {
        const text = Array.from({ length: random(6) }, () => PIECES[random(PIECES.length)] ?? '').join('')
        octets += text.length
        reader.push(Buffer.from(text, 'latin1'))
        let next = reader.next()
        for (; next.kind === 'reply'; next = reader.next()) {
          if (next.reply.code < 200 || next.reply.code > 599 || next.reply.lines.some((line) => line.includes('\n'))) {
            expect.fail(`seed ${String(seed)}: ${JSON.stringify(next)}`)
          }
        }
        if (next.kind === 'fault') break
        if (octets > MAX_REPLY_OCTETS && !reader.isMidReply) expect.fail(`seed ${String(seed)}`)
      }
    }
  })
})

describe('what EHLO says', () => {
  it('is read in any case, and SIZE with or without a limit', () => {
    const lines = ['hop.test', 'size 1000', '8bitmime', 'Xclient NAME ADDR', 'STARTTLS', 'CHUNKING', 'SIZE 5']
    expect(readCapabilities({ lines })).toEqual({
      extensions: new Set(['SIZE', '8BITMIME']),
      maxSize: 1000,
      startTls: true,
      xclient: new Set(['NAME', 'ADDR']),
    })
    expect(readCapabilities({ lines: ['hop.test', 'SIZE 0'] })).toMatchObject({ extensions: new Set(['SIZE']), maxSize: null })
    expect(readCapabilities({ lines: ['SIZE'] })).toMatchObject({ extensions: new Set(), maxSize: null })
  })
})

describe('queue ids', () => {
  it.each([
    ['Ok: queued as 4XyZ12', '4XyZ12'],
    ['OK id=1rqHmD-000000-2Q', '1rqHmD-000000-2Q'],
    ['<a@b> [InternalId=123456, Hostname=x] 1024 bytes in 0.1, Queued mail for delivery', '123456'],
    ['4461k8BW000123 Message accepted for delivery', '4461k8BW000123'],
    ['ok 1714979289 qp 4711', '4711'],
    ['Thanks', null],
    ['queued as "x"', null],
  ])('%s → %s', (line, id) => {
    expect(queueIdOf({ code: 250, enhanced: null, lines: [line] })).toBe(id)
  })
})

function readAll(text: string, size: number): NextReply[] {
  const reader = new ReplyReader()
  const found: NextReply[] = []
  for (let at = 0; at < text.length; at += size) {
    reader.push(Buffer.from(text.slice(at, at + size), 'latin1'))
    for (let next = reader.next(); next.kind !== 'incomplete'; next = reader.next()) {
      found.push(next)
      if (next.kind === 'fault') return found
    }
  }
  return found
}
