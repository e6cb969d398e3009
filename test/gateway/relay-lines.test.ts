/** Line ends and dots of a message on its way through the gateway, for any octets in pieces of any size. */
import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DotStuffing, LineEnds, type ContentFilter } from '../../src/gateway/relay-lines.ts'

describe('line ends', () => {
  it.each([
    ['', ''],
    ['a', 'a\r\n'],
    ['a\r\nb\r\n', 'a\r\nb\r\n'],
    ['a\nb', 'a\r\nb\r\n'],
    ['a\rb', 'a\r\nb\r\n'],
    ['a\r\r\nb', 'a\r\nb\r\n'],
    ['a\r\r\r\nb', 'a\r\nb\r\n'],
    ['a\n\rb', 'a\r\n\r\nb\r\n'],
    ['a\r\rb', 'a\r\n\r\nb\r\n'],
    ['a\r', 'a\r\n'],
    ['\n', '\r\n'],
    ['\r\n', '\r\n'],
    ['\0\xff\r\n', '\0\xff\r\n'],
  ])('%j → %j, however it is divided', (content, expected) => {
    for (const chunks of divisions(content)) expect(run([new LineEnds()], chunks)).toBe(expected)
  })

  it('hold back no more than a few octets of CRs without end', () => {
    const filter = new LineEnds()
    const returns = Buffer.alloc(65_536, '\r')
    let octets = 0
    for (let index = 0; index < 10; index++) octets += filter.take(returns).length
    expect(octets).toBe(10 * 65_536 * 2)
  })
})

describe('dots', () => {
  it.each([
    ['.', '..'],
    ['.\r\n', '..\r\n'],
    ['a\r\n.b\r\n..c\r\n', 'a\r\n..b\r\n...c\r\n'],
    ['a.b\r\n', 'a.b\r\n'],
    ['\r\n.\r\n.\r\n', '\r\n..\r\n..\r\n'],
  ])('%j → %j, however it is divided', (content, expected) => {
    for (const chunks of divisions(content)) expect(run([new DotStuffing()], chunks)).toBe(expected)
  })
})

describe('200,000 hostile messages', () => {
  /** What some server or other takes for the end of a message. */
  const ENDS = /(^|\r\n|\n|\r)\.(\r\n|\n|\r)/
  const PIECES = [
    '\r',
    '\n',
    '\r\n',
    '.',
    '..',
    '\r\n.\r\n',
    '\n.\n',
    '\r.\r',
    '\n.\r\n',
    '\r\n.\n',
    '\r\r\n',
    'MAIL',
    '\0',
    '\xff',
    ' ',
    ':',
  ]

  it('have no end before their end, and lose no octet that is no line end', () => {
    const seed = randomInt(2 ** 31)
    const random = generator(seed)
    for (let index = 0; index < 200_000; index++) {
      const chunks = Array.from({ length: 1 + random(6) }, () =>
        Array.from({ length: random(5) }, () => PIECES[random(PIECES.length)] ?? '').join(''),
      )
      const content = chunks.join('')
      const out = run([new LineEnds(), new DotStuffing()], chunks)
      const honest = out.replace(/^\./gm, '')
      const isRight =
        !ENDS.test(out) &&
        !/[^\r]\n|^\n|\r[^\n]|\r$/.test(out) &&
        (out === '' || out.endsWith('\r\n')) &&
        honest.replace(/[\r\n]/g, '') === content.replace(/[\r\n]/g, '')
      if (!isRight) expect.fail(`seed ${String(seed)}: ${JSON.stringify(chunks)} → ${JSON.stringify(out)}`)
    }
  })
})

function run(filters: readonly ContentFilter[], chunks: readonly string[]): string {
  let current: readonly Buffer[] = chunks.map((chunk) => Buffer.from(chunk, 'latin1'))
  for (const filter of filters) current = [...current.map((chunk) => filter.take(chunk)), filter.end()]
  return Buffer.concat(current).toString('latin1')
}

/** Whole, octet by octet, and cut in two at every place. */
function divisions(content: string): string[][] {
  const cuts = Array.from({ length: content.length + 1 }, (_, at) => [content.slice(0, at), content.slice(at)])
  return [[content], [...content], ...cuts]
}

/** Fast, and the same again for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
