import fc from 'fast-check'
import { Readable, Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { filterHeaders, headerStream, MAX_HELD_OCTETS } from '../../src/gateway/header-stream.ts'

const OURS = 'Authentication-Results: mx.test; iprev=pass'

async function pass(message: string | Buffer, header: string | null = OURS, sizes: readonly number[] = []): Promise<string> {
  const octets = typeof message === 'string' ? Buffer.from(message, 'latin1') : message
  const chunks: Buffer[] = []
  let offset = 0
  for (const size of sizes) {
    if (offset >= octets.length) break
    chunks.push(octets.subarray(offset, offset + size))
    offset += size
  }
  chunks.push(octets.subarray(offset))
  const out = await buffer(Readable.from(chunks).pipe(headerStream({ authservId: 'mx.test', header })))
  return out.toString('latin1')
}

const FORGED: readonly (readonly [string, string])[] = [
  ['as we write it', 'Authentication-Results: mx.test; iprev=pass\r\n'],
  ['in another case', 'AUTHENTICATION-results: MX.Test; iprev=pass\r\n'],
  ['blanks before the colon', 'Authentication-Results \t: mx.test; iprev=pass\r\n'],
  ['folded before the id', 'Authentication-Results:\r\n mx.test; iprev=pass\r\n'],
  ['folded after the id', 'Authentication-Results: mx.test;\r\n\tiprev=pass\r\n\tpolicy.iprev=127.0.0.1\r\n'],
  ['folded with a line of blanks', 'Authentication-Results:\r\n \r\n mx.test; iprev=pass\r\n'],
  ['a comment before the id', 'Authentication-Results: (mx.other (deep) \\) ) mx.test; iprev=pass\r\n'],
  ['a folded comment', 'Authentication-Results: (a\r\n b)\r\n (c) mx.test (d); iprev=pass\r\n'],
  ['a quoted id', 'Authentication-Results: "mx.test"; iprev=pass\r\n'],
  ['a trailing dot', 'Authentication-Results: mx.test.; iprev=pass\r\n'],
  ['a version', 'Authentication-Results: mx.test 1; iprev=pass\r\n'],
  ['bare LF', 'Authentication-Results: mx.test;\n iprev=pass\n'],
  ['a bare CR before the id', 'Authentication-Results:\rmx.test; iprev=pass\r\n'],
  ['behind a bare CR', 'Authentication-Results: mx.example.org\rAuthentication-Results: mx.test; iprev=pass\r\n'],
  ['a comment without end', 'Authentication-Results: ( mx.test; iprev=pass\r\n'],
  ['longer than what is held', `Authentication-Results: (${'x'.repeat(MAX_HELD_OCTETS)}) mx.test; iprev=pass\r\n`],
  ['folded beyond what is held', `Authentication-Results:\r\n${' x\r\n'.repeat(MAX_HELD_OCTETS / 4)} mx.test; iprev=pass\r\n`],
]

const KEPT: readonly (readonly [string, string])[] = [
  ['of somebody else', 'Authentication-Results: mx.example.org; iprev=pass\r\n'],
  ['of somebody else who mentions us', 'Authentication-Results: mx.example.org (mx.test); iprev=pass (mx.test)\r\n'],
  ['a name that begins like it', 'Authentication-Results-Old: mx.test; iprev=pass\r\n'],
  ['a name that ends like it', 'ARC-Authentication-Results: i=1; mx.test; iprev=pass\r\n'],
  ['another field that holds it', 'Subject: Authentication-Results: mx.test; iprev=pass\r\n'],
  ['a continuation that looks like it', 'Subject: x\r\n Authentication-Results: mx.test; iprev=pass\r\n'],
  ['no colon', 'Authentication-Results\r\n'],
]

describe('headerStream', () => {
  it('puts the header first and leaves the rest as it is', async () => {
    expect(await pass('Subject: x\r\n\r\nbody\r\n')).toBe(`${OURS}\r\nSubject: x\r\n\r\nbody\r\n`)
  })

  it.each(FORGED)('takes out a forged field, %s', async (_how, field) => {
    const rest = 'From: a@test\r\n folded\r\n'
    expect(await pass(`${field}${rest}\r\nbody\r\n`)).toBe(`${OURS}\r\n${rest}\r\nbody\r\n`)
    expect(await pass(`${rest}${field}${field}To: b@test\r\n${field}\r\nbody\r\n`)).toBe(`${OURS}\r\n${rest}To: b@test\r\n\r\nbody\r\n`)
    expect(await pass(`${rest}${field}\r\nbody\r\n`, null)).toBe(`${rest}\r\nbody\r\n`)
  })

  it.each(KEPT)('keeps a field, %s', async (_how, field) => {
    const message = `From: a@test\r\n${field}\r\nbody\r\n`
    expect(await pass(message)).toBe(`${OURS}\r\n${message}`)
  })

  it('leaves a body that looks like a forged header', async () => {
    const message = `Subject: x\r\n\r\n${OURS}\r\n${OURS}\r\n`
    expect(await pass(message)).toBe(`${OURS}\r\n${message}`)
    expect(await pass(`\r\n${OURS}\r\n`)).toBe(`${OURS}\r\n\r\n${OURS}\r\n`)
  })

  it('serves a message with bare LF', async () => {
    expect(await pass(`From: a@test\n${OURS}\n folded\nTo: b@test\n\n${OURS}\n`)).toBe(`${OURS}\r\nFrom: a@test\nTo: b@test\n\n${OURS}\n`)
  })

  it('finds a forged field behind a bare CR, and ends the header section at no bare CR', async () => {
    expect(await pass(`Subject: x\r${OURS}\r\nTo: b@test\r\n\r\nbody`)).not.toContain(`x\r${OURS}`)
    expect(await pass(`Subject: x\r\r\n${OURS}\r\n\r\nbody`)).toBe(`${OURS}\r\nSubject: x\r\r\n\r\nbody`)
    expect(await pass(`Subject: x\r\r${OURS}\r\n\r\nbody`)).toBe(`${OURS}\r\nSubject: x\r\r\r\n\r\nbody`)
    expect(await pass(`Subject: x\r\n\r${OURS}\r\n\r\nbody`)).toBe(`${OURS}\r\nSubject: x\r\n\r\r\n\r\nbody`)
  })

  it('a message without headers becomes a body, so that nothing of it is read as a header', async () => {
    expect(await pass('Hello\r\nX: y\r\n')).toBe(`${OURS}\r\n\r\nHello\r\nX: y\r\n`)
    expect(await pass('Hello')).toBe(`${OURS}\r\n\r\nHello`)
    expect(await pass('  iprev=pass (mail.test)\r\nSubject: x\r\n\r\n')).toBe(
      `${OURS}\r\n\r\n  iprev=pass (mail.test)\r\nSubject: x\r\n\r\n`,
    )
    expect(await pass(`${'x'.repeat(2000)}: y\r\n\r\n`)).toBe(`${OURS}\r\n\r\n${'x'.repeat(2000)}: y\r\n\r\n`)
  })

  it('an mbox separator does not end the header section', async () => {
    expect(await pass(`From a@test Mon Jan  1 00:00:00 2024\r\n${OURS}\r\nSubject: x\r\n\r\nbody`)).toBe(
      `${OURS}\r\nFrom a@test Mon Jan  1 00:00:00 2024\r\nSubject: x\r\n\r\nbody`,
    )
  })

  it('a line that is no field does not shield the forged one behind it', async () => {
    expect(await pass(`Subject: x\r\ngarbage\r\n${OURS}\r\n\r\nbody`)).toBe(`${OURS}\r\nSubject: x\r\ngarbage\r\n\r\nbody`)
  })

  it.each(['', '\r\n', 'Subject: x', 'Subject: x\r\n', '\r', 'Authentication-Results'])(
    'keeps all of the short message %j',
    async (message) => {
      expect((await pass(message, null)).trim()).toBe(message.trim())
      expect((await pass(message)).startsWith(`${OURS}\r\n`)).toBe(true)
    },
  )

  it('a forged field with blanks without end before its colon is taken out, or becomes body', async () => {
    const forged = `Authentication-Results${' '.repeat(2000)}: mx.test; iprev=pass\r\n`
    expect(await pass(`Subject: x\r\n${forged}\r\nbody`)).toBe(`${OURS}\r\nSubject: x\r\n\r\nbody`)
    expect(await pass(`${forged}\r\nbody`)).toBe(`${OURS}\r\n\r\n${forged}\r\nbody`)
  })

  it('a forged field without an end is taken out too', async () => {
    expect(await pass(`Subject: x\r\n${OURS}`)).toBe(`${OURS}\r\nSubject: x\r\n`)
  })

  it('gives the same whatever the chunks', async () => {
    const pieces = [OURS, 'Authentication-Results: mx.example.org; spf=pass', 'Authentication-', 'Results: mx.test', 'A', ' ', '\t', ':']
    const piece = fc.constantFrom(...pieces, 'Subject: x', 'mx.test', '(', ')', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\n\r\n')
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 25 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 400 }),
        async (parts, sizes) => {
          const message = parts.join('')
          expect(await pass(message, OURS, sizes)).toBe(await pass(message))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('whatever the message, no line of the header section claims to be ours but the first', async () => {
    const piece = fc.constantFrom(
      OURS,
      'authentication-results',
      ':',
      ' ',
      'mx.test',
      ';',
      'X: y',
      '(',
      ')',
      '"',
      '\r\n',
      '\n',
      '\r',
      '\r\n ',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async (parts) => {
        const out = await pass(parts.join(''))
        // Neither for a reader that takes a bare CR for a line end, nor for one that takes it for a blank.
        const section = out.slice(OURS.length).split(/\r?\n\r?\n/, 1)[0] ?? ''
        expect(out.startsWith(`${OURS}\r\n`)).toBe(true)
        expect(section).not.toMatch(/[\r\n]authentication-results[ \t]*:(?:[ \t\r]|\n[ \t])*mx\.test(?:[\s;]|$)/i)
      }),
      { numRuns: 3000 },
    )
  })

  it('holds nothing of a long header field back', async () => {
    const stream = headerStream({ authservId: 'mx.test', header: null })
    let octets = 0
    stream.on('data', (chunk: Buffer) => (octets += chunk.length))
    stream.write(`Subject: x\r\n${' y'.repeat(500_000)}`)
    await new Promise((resolve) => setImmediate(resolve))
    expect(octets).toBe(1_000_012)
  })
})

describe('filterHeaders', () => {
  it('is the same stream, which does what it did before to what is left', async () => {
    const stream = new Transform({
      transform(chunk: Buffer, _encoding, callback) {
        callback(null, chunk.toString().toUpperCase())
      },
      flush(callback) {
        callback(null, 'the end')
      },
    })
    expect(filterHeaders(stream, { authservId: 'mx.test', header: OURS })).toBe(stream)
    filterHeaders(stream, { authservId: 'other.test', header: 'X-Second: added' })
    stream.end(`${FORGED[0]?.[1] ?? ''}Authentication-Results: other.test; none\r\nSubject: x`)
    const out = (await buffer(stream)).toString('latin1')
    expect(out).toBe(`${OURS}\r\nX-Second: added\r\nSubject: x`.toUpperCase() + 'the end')
  })

  it('gives what it still held, and then the end, when the message ends within a field', async () => {
    const stream = filterHeaders(headerStream({ authservId: 'other.test', header: null }), { authservId: 'mx.test', header: null })
    stream.end('Authentication-Results: third.test; none')
    expect((await buffer(stream)).toString('latin1')).toBe('Authentication-Results: third.test; none')
  })
})
