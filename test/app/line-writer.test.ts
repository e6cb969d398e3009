import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LineWriter, type LineWriterLimits } from '../../src/app/line-writer.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ptrgate-lines-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

interface Watched {
  readonly writer: LineWriter
  readonly problems: string[]
  lost: number
}

function watch(fd: number, limits: Partial<LineWriterLimits> = {}): Watched {
  const problems: string[] = []
  const watched: Watched = {
    problems,
    lost: 0,
    writer: new LineWriter(fd, { onLost: () => watched.lost++, onTrouble: (problem) => problems.push(problem) }, limits),
  }
  return watched
}

const MAKE_PIPE = 'mkfifo'

/** Both ends of a named pipe: writing does not wait. */
function openPipe(file: string): { readonly readEnd: number; readonly writeEnd: number } {
  const path = join(folder, file)
  execFileSync(MAKE_PIPE, [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return { readEnd, writeEnd: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) }
}

function readAll(fd: number): string {
  const buffer = Buffer.alloc(1 << 20)
  let text = ''
  for (;;) {
    try {
      const octets = readSync(fd, buffer)
      if (octets === 0) return text
      text += buffer.toString('latin1', 0, octets)
    } catch {
      return text
    }
  }
}

describe('lines to a file descriptor', () => {
  it('come out whole and in order', async () => {
    const path = join(folder, 'lines')
    const fd = openSync(path, 'a')
    const { writer } = watch(fd)
    const lines = Array.from({ length: 3000 }, (_, index) => `${String(index)} ${'x'.repeat(index % 700)}\n`)
    for (const line of lines) writer.write(line)
    await writer.flush()
    closeSync(fd)
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''))
  })

  it('a reader that stalls → what fits waits, the rest is counted as lost, and the end is not waited for', async () => {
    const { readEnd, writeEnd } = openPipe('stalled')
    const watched = watch(writeEnd, { maxWaitingOctets: 100_000, slowRetryMs: 1, flushMs: 10 })
    const line = `${'x'.repeat(999)}\n`
    for (let count = 0; count < 1000; count++) {
      watched.writer.write(line)
      if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await watched.writer.flush()
    expect(watched.lost).toBeGreaterThan(500)
    expect(watched.problems).toEqual([])
    let text = ''
    await expect
      .poll(() => {
        text += readAll(readEnd)
        return text.length
      })
      .toBe((1000 - watched.lost) * line.length)
    expect(new Set(text.split(/(?<=\n)/))).toEqual(new Set([line]))
    closeSync(readEnd)
    closeSync(writeEnd)
  })

  it('a reader that is gone → told once, and every line is counted as lost', async () => {
    const { readEnd, writeEnd } = openPipe('gone')
    closeSync(readEnd)
    const watched = watch(writeEnd)
    for (let count = 0; count < 10; count++) watched.writer.write('line\n')
    await watched.writer.flush()
    for (let count = 0; count < 10; count++) watched.writer.write('line\n')
    expect([watched.problems, watched.lost]).toEqual([['EPIPE'], 20])
    closeSync(writeEnd)
  })

  it('a full disk → told once, tried again, and neither the end nor a crash is held up', async () => {
    const fd = openSync('/dev/full', 'w')
    const watched = watch(fd, { errorRetryMs: 1, flushMs: 20, maxWaitingOctets: 1000 })
    for (let count = 0; count < 1000; count++) watched.writer.write('line\n')
    await watched.writer.flush()
    watched.writer.flushSync()
    expect(watched.problems).toEqual(['ENOSPC'])
    expect(watched.lost).toBe(800)
  })

  it('a crash → what waits is written at once', () => {
    const path = join(folder, 'crash')
    const fd = openSync(path, 'a')
    const { writer } = watch(fd)
    writer.write('first, on its way\n')
    writer.write('second\n')
    writer.write('third\n')
    writer.flushSync()
    expect(readFileSync(path, 'utf8')).toContain('second\nthird\n')
  })
})
