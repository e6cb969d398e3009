import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLines } from '../../../src/app/replay/read-lines.ts'

const never = new AbortController().signal

async function lines(
  chunks: Iterable<Buffer | string>,
  maxOctets?: number,
): Promise<{ lines: string[]; counts: { lines: number; tooLong: number } }> {
  const counts = { lines: 0, tooLong: 0 }
  const read: string[] = []
  for await (const batch of readLines(asynchronous(chunks), counts, never, maxOctets)) read.push(...batch)
  return { lines: read, counts }
}

async function* asynchronous<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item)
}

/** Cut anywhere, as a pipe does. */
function cut(octets: Buffer, places: readonly number[]): Buffer[] {
  const edges = [0, ...places.map((place) => place % (octets.length + 1)), octets.length].sort((left, right) => left - right)
  return edges.slice(1).map((end, index) => octets.subarray(edges[index], end))
}

describe('lines of a log', () => {
  it('the same however the octets arrive, plain or gzipped', async () => {
    const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'ä', ' ', '\u{1f4e7}', '\u0000') }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(1000), { maxLength: 8 }), fc.boolean(), async (expected, places, isZipped) => {
        const octets = Buffer.from(expected.map((line) => `${line}\n`).join(''))
        const { lines: read, counts } = await lines(cut(isZipped ? gzipSync(octets) : octets, places))
        expect(read).toEqual(expected)
        expect(counts).toEqual({ lines: expected.length, tooLong: 0 })
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['\n\n', ['', '']],
    ['', []],
    ['\u001f', ['\u001f']],
  ])('%j', async (text, expected) => {
    expect((await lines([text])).lines).toEqual(expected)
  })

  it('several gzip members one after the other, as rotation tools write them', async () => {
    expect((await lines([Buffer.concat([gzipSync('a\nb'), gzipSync('c\n')])])).lines).toEqual(['a', 'bc'])
  })

  it('an over-long line is left out and counted, and what follows is read', async () => {
    const read = await lines(['a\n', 'x'.repeat(60), 'x'.repeat(60), '\nb\n', 'y'.repeat(101)], 100)
    expect(read).toEqual({ lines: ['a', 'b'], counts: { lines: 4, tooLong: 2 } })
  })

  it.each([
    ['cut', gzipSync('a\n'.repeat(1000)).subarray(0, -9)],
    ['broken', Buffer.concat([gzipSync('a\n').subarray(0, 10), Buffer.from('nonsense')])],
  ])('a gzip file that is %s → an error with a code', async (_name, octets) => {
    await expect(lines([octets])).rejects.toMatchObject({ code: expect.stringMatching(/^Z_/) as unknown })
  })

  it.each([false, true])('an interruption ends a silent pipe (gzipped: %s)', async (isZipped) => {
    const controller = new AbortController()
    const silent = async function* (): AsyncGenerator<Buffer> {
      yield isZipped ? gzipSync('a\n'.repeat(100_000)) : Buffer.from('a\nb\n')
      await new Promise(() => undefined)
    }
    const counts = { lines: 0, tooLong: 0 }
    for await (const batch of readLines(silent(), counts, controller.signal)) {
      expect(batch.length).toBeGreaterThan(0)
      controller.abort()
    }
    expect(counts.lines).toBeGreaterThan(0)
  })
})
