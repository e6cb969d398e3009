/**
 * The content of a message on its way to the next hop: every line end becomes CRLF, then lines that begin with a dot get another one
 * (RFC 5321 §4.5.2). Servers disagree on what ends a line, which is how one message is smuggled in as two: a bare LF or CR is made
 * a line end for all of them. Refusing instead would cost the mail of many simple senders. All other octets pass unchanged.
 */
import { Transform } from 'node:stream'

/** Content in pieces of any size, and what goes out for each. */
export interface ContentFilter {
  take(chunk: Buffer): Buffer
  end(): Buffer
}

/** As many CRs in a row may wait for the LF that they belong to: some senders write CR CR LF, and mean one line end. */
const MAX_WAITING_RETURNS = 1000

/** What comes out ends in CRLF, unless it is empty. */
export class LineEnds implements ContentFilter {
  /** CRs at the end of the last chunk. */
  #waiting = 0
  #isAtLineStart = true

  take(chunk: Buffer): Buffer {
    const out: Buffer[] = []
    let start = this.#waiting > 0 ? this.#settleWaiting(chunk, out) : 0
    for (let at = start; at < chunk.length; at++) {
      const octet = chunk[at]
      if (octet === LINE_FEED) {
        out.push(chunk.subarray(start, at), LINE_END)
        start = at + 1
      } else if (octet === CARRIAGE_RETURN) {
        const end = endOfReturns(chunk, at)
        const isPlain = end - at === 1 && chunk[end] === LINE_FEED
        if (!isPlain) {
          out.push(chunk.subarray(start, at))
          start = this.#settleReturns(end - at, chunk, end, out)
        }
        at = isPlain ? end : start - 1
      }
    }
    if (start < chunk.length) out.push(chunk.subarray(start))
    return this.#note(join(out))
  }

  end(): Buffer {
    const isOpen = this.#waiting > 0 || !this.#isAtLineStart
    const out = isOpen ? repeated(Math.max(1, this.#waiting)) : EMPTY
    this.#waiting = 0
    return this.#note(out)
  }

  #settleWaiting(chunk: Buffer, out: Buffer[]): number {
    const end = endOfReturns(chunk, 0)
    const count = this.#waiting + end
    this.#waiting = 0
    return this.#settleReturns(count, chunk, end, out)
  }

  /** `end`: behind the CRs. Gives where the rest of the chunk begins. */
  #settleReturns(count: number, chunk: Buffer, end: number, out: Buffer[]): number {
    if (chunk[end] === LINE_FEED) {
      out.push(LINE_END)
      return end + 1
    }
    if (end === chunk.length && count <= MAX_WAITING_RETURNS) this.#waiting = count
    else out.push(repeated(count))
    return end
  }

  #note(out: Buffer): Buffer {
    if (out.length > 0) this.#isAtLineStart = out[out.length - 1] === LINE_FEED
    return out
  }
}

/** For content whose lines end in CRLF. The dot that ends it all is not its business. */
export class DotStuffing implements ContentFilter {
  #isAtLineStart = true

  take(chunk: Buffer): Buffer {
    const out: Buffer[] = []
    let start = 0
    if (this.#isAtLineStart && chunk[0] === DOT) out.push(DOTS)
    for (let at = chunk.indexOf(DOT_LINE); at >= 0; at = chunk.indexOf(DOT_LINE, start)) {
      out.push(chunk.subarray(start, at + 1), DOTS)
      start = at + 1
    }
    if (chunk.length > 0) this.#isAtLineStart = chunk[chunk.length - 1] === LINE_FEED
    if (out.length === 0) return chunk
    out.push(chunk.subarray(start))
    return join(out)
  }

  end(): Buffer {
    return EMPTY
  }
}

export function filterStream(filter: ContentFilter): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      callback(null, filter.take(chunk))
    },
    flush(callback) {
      callback(null, filter.end())
    },
  })
}

function endOfReturns(chunk: Buffer, from: number): number {
  let end = from
  while (chunk[end] === CARRIAGE_RETURN) end++
  return end
}

function repeated(count: number): Buffer {
  return count === 1 ? LINE_END : Buffer.from('\r\n'.repeat(count))
}

function join(parts: readonly Buffer[]): Buffer {
  const [only = EMPTY] = parts
  return parts.length <= 1 ? only : Buffer.concat(parts)
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const DOT = 46
const EMPTY = Buffer.alloc(0)
const LINE_END = Buffer.from('\r\n')
const DOTS = Buffer.from('.')
const DOT_LINE = Buffer.from('\n.')
