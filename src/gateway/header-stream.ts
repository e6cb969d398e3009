/**
 * A message on its way through: our header field comes first, forged Authentication-Results with our id are taken out (RFC 8601 §5).
 * It holds back one such field at a time, at most `MAX_HELD_OCTETS`, and nothing of any other field or of the body.
 * Whatever a lenient reader may take for a line end within the header section (CRLF, LF, a bare CR) starts a line here.
 */
import { PassThrough, type Transform } from 'node:stream'
import { AUTH_RESULTS_FIELD_NAME, isHeaderOf } from '../wire/auth-results.ts'

export interface HeaderStreamOptions {
  /** Null to take nothing out. */
  readonly authservId: string | null
  /** Whole fields to go before the message, without a line end after the last; null for none. */
  readonly header: string | null
}

/** An Authentication-Results field that is longer than this is taken out whosever it claims to be: nobody could check it. */
export const MAX_HELD_OCTETS = 65_536

export function headerStream(options: HeaderStreamOptions): Transform {
  return filterHeaders(new PassThrough(), options)
}

/**
 * The same for a stream that is there already, and that nothing has been written to: it stays the one that its writer and its reader
 * know, with their listeners and backpressure, and what it did to its chunks before it still does after us.
 */
export function filterHeaders<Stream extends Transform>(stream: Stream, options: HeaderStreamOptions): Stream {
  const filter = new HeaderFilter(options)
  const transform = stream._transform.bind(stream)
  const flush = (stream as Partial<Transform>)._flush?.bind(stream)
  stream._transform = (chunk: Buffer, encoding, callback) => {
    transform(filter.take(chunk), encoding, callback)
  }
  stream._flush = (callback) => {
    transform(filter.end(), 'buffer' as BufferEncoding, (error, data) => {
      if (error || flush === undefined) {
        callback(error, data)
        return
      }
      if (data !== null && data !== undefined) stream.push(data)
      flush(callback)
    })
  }
  return stream
}

/** What becomes of a field's octets: on their way at once, held until all of it is known, or left out. */
type Sink = 'pass' | 'hold' | 'drop'

/** The same without a stream: the message in chunks of any division, and what goes out for each. */
class HeaderFilter {
  readonly #authservId: string | null
  readonly #isPrepending: boolean
  #out: Buffer[] = []
  /** What has passed since, in one piece of the chunk. */
  #chunk: Buffer = NOTHING
  #runStart = 0
  #runEnd = 0
  #lastOctet = LINE_FEED
  #held: Buffer[] = []
  #heldOctets = 0
  #place: 'lineStart' | 'inLine' | 'afterCarriageReturn' | 'body' = 'lineStart'
  /** Of the field that the line belongs to; null before the first one. */
  #sink: Sink | null = null
  /** The octets, as latin1, of a line that cannot be told yet: at most `MAX_LINE_START`. */
  #lineStart = ''
  #isFirstLine = true
  /** Then an empty line ends the header section for every reader. */
  #isAfterLineFeed = true

  constructor({ authservId, header }: HeaderStreamOptions) {
    this.#authservId = authservId
    this.#isPrepending = header !== null
    if (header !== null) this.#emit(Buffer.from(`${header}\r\n`))
  }

  take(chunk: Buffer): Buffer {
    this.#chunk = chunk
    let offset = 0
    while (offset < chunk.length && this.#place !== 'body') offset = this.#takeSome(chunk, offset)
    if (offset < chunk.length) this.#pass(offset, chunk.length)
    return this.#takeOut()
  }

  end(): Buffer {
    if (this.#lineStart !== '') this.#settleLine(true)
    this.#endField()
    return this.#takeOut()
  }

  #emit(octets: Buffer): void {
    this.#endRun()
    this.#out.push(octets)
    this.#lastOctet = octets.at(-1) ?? this.#lastOctet
  }

  /** As they stand in the chunk: most of a message is one run. */
  #pass(start: number, end: number): void {
    if (start !== this.#runEnd) this.#endRun()
    if (this.#runStart === this.#runEnd) this.#runStart = start
    this.#runEnd = end
    this.#lastOctet = this.#chunk[end - 1] ?? this.#lastOctet
  }

  #endRun(): void {
    const [start, end] = [this.#runStart, this.#runEnd]
    this.#runStart = this.#runEnd = 0
    if (start < end) this.#out.push(end - start === this.#chunk.length ? this.#chunk : this.#chunk.subarray(start, end))
  }

  #takeOut(): Buffer {
    this.#endRun()
    this.#chunk = NOTHING
    const [only, ...others] = this.#out
    const out = only !== undefined && others.length === 0 ? only : Buffer.concat(this.#out)
    this.#out = []
    return out
  }

  #takeSome(chunk: Buffer, offset: number): number {
    switch (this.#place) {
      case 'lineStart':
        return this.#startLine(chunk[offset] ?? 0, offset)
      case 'afterCarriageReturn':
        return this.#endPair(chunk, offset)
      default:
        return this.#continueLine(chunk, offset)
    }
  }

  #continueLine(chunk: Buffer, offset: number): number {
    let end = offset
    while (end < chunk.length && chunk[end] !== LINE_FEED && chunk[end] !== CARRIAGE_RETURN) end++
    const last = chunk[end]
    if (last !== undefined) end++
    this.#putRun(offset, end)
    if (last === CARRIAGE_RETURN) this.#place = 'afterCarriageReturn'
    else if (last === LINE_FEED) this.#beginLine(true)
    return end
  }

  /** An LF here belongs to the CR before it; with anything else the CR alone was a line end for some. */
  #endPair(chunk: Buffer, offset: number): number {
    const isPair = chunk[offset] === LINE_FEED
    if (isPair) this.#putRun(offset, offset + 1)
    else if (this.#sink === 'hold') {
      // For other readers it is a blank within the field, and the id may stand behind it: #isForged looks at both readings.
      this.#place = 'inLine'
      return offset
    }
    this.#beginLine(isPair)
    return isPair ? offset + 1 : offset
  }

  #beginLine(isAfterLineFeed: boolean): void {
    this.#place = 'lineStart'
    this.#lineStart = ''
    this.#isAfterLineFeed = isAfterLineFeed
  }

  #startLine(octet: number, offset: number): number {
    if (this.#lineStart === '' && (octet === SPACE || octet === TAB)) return this.#startContinuation(offset)
    if (octet === LINE_FEED && (this.#lineStart === '' || this.#lineStart === '\r')) return this.#endEmptyLine(offset)
    if (this.#lineStart === '') this.#endField()
    else if (this.#lineStart === '\r') return this.#endBareCarriageReturn(offset)
    if (octet === LINE_FEED || (octet === CARRIAGE_RETURN && this.#lineStart !== '')) {
      this.#settleLine(true)
      return offset
    }
    if (this.#lineStart === '' && !this.#isFirstLine && octet !== CARRIAGE_RETURN && (octet | LOWER_CASE) !== FIRST_OCTET) {
      this.#beginRest('pass')
      return offset
    }
    // Nothing can be told before the name ends.
    const end = octet === CARRIAGE_RETURN ? offset + 1 : Math.max(offset + 1, endOfName(this.#chunk, offset))
    this.#lineStart += this.#chunk.toString('latin1', offset, end)
    if (octet !== CARRIAGE_RETURN) this.#settleLine(false)
    return end
  }

  #startContinuation(offset: number): number {
    // Under our own field it would become a part of that one: a message that begins so has no header section.
    if (this.#sink === null && this.#isPrepending) this.#beginBody()
    else this.#beginRest(this.#sink ?? 'pass')
    return offset
  }

  #endEmptyLine(offset: number): number {
    this.#endField()
    const isEnd = this.#isAfterLineFeed
    // What was taken out stood between a bare CR and this line: together they would be no empty line any more.
    if (isEnd && this.#lastOctet === CARRIAGE_RETURN) this.#emit(Buffer.from('\r\n'))
    this.#emit(Buffer.from(`${this.#lineStart}\n`, 'latin1'))
    this.#isFirstLine = false
    this.#sink = 'pass'
    this.#beginLine(true)
    if (isEnd) this.#place = 'body'
    return offset + 1
  }

  /** An empty line for some, nothing for others: the header section goes on, lest a forged field be read after it. */
  #endBareCarriageReturn(offset: number): number {
    this.#emit(Buffer.from('\r'))
    this.#isFirstLine = false
    this.#sink = 'pass'
    this.#beginLine(false)
    return offset
  }

  /** Decides what the line is, as soon as it can be told. `isWhole`: no more of it will come. */
  #settleLine(isWhole: boolean): void {
    const line = this.#lineStart
    const hasColon = line.endsWith(':')
    const canWait = !isWhole && !hasColon && line.length < MAX_LINE_START
    if (this.#isFirstLine && this.#isPrepending) {
      const isMailboxLine = /^>?From /.test(line)
      if (canWait && !isMailboxLine && MAY_BECOME_FIELD_NAME.test(line)) return
      if (!isMailboxLine && !(hasColon && MAY_BECOME_FIELD_NAME.test(line.slice(0, -1)))) {
        this.#beginBody()
        return
      }
    }
    const name = (hasColon ? line.slice(0, -1) : line).trimEnd().toLowerCase()
    if (canWait && FIELD_NAME.startsWith(name)) return
    // Blanks without end behind the name: held like the field that it may be.
    const mayBeOurs = this.#authservId !== null && name === FIELD_NAME && (hasColon || line.length >= MAX_LINE_START)
    this.#beginRest(mayBeOurs ? 'hold' : 'pass')
  }

  #beginRest(sink: Sink): void {
    this.#sink = sink
    this.#isFirstLine = false
    this.#place = 'inLine'
    if (this.#lineStart !== '') this.#put(Buffer.from(this.#lineStart, 'latin1'))
    this.#lineStart = ''
  }

  /** An empty line before it makes sure that nothing of it is taken for a header field. */
  #beginBody(): void {
    this.#emit(Buffer.from(`\r\n${this.#lineStart}`, 'latin1'))
    this.#lineStart = ''
    this.#place = 'body'
  }

  #putRun(start: number, end: number): void {
    if (this.#sink === 'pass') this.#pass(start, end)
    else this.#put(this.#chunk.subarray(start, end))
  }

  #put(octets: Buffer): void {
    if (this.#sink === 'drop') return
    if (this.#sink !== 'hold') {
      this.#emit(octets)
      return
    }
    this.#heldOctets += octets.length
    // Copied, lest a few octets keep a whole chunk alive.
    this.#held.push(Buffer.from(octets))
    if (this.#heldOctets <= MAX_HELD_OCTETS) return
    this.#sink = 'drop'
    this.#forget()
  }

  /** The line that begins now continues nothing, so what was held is complete. */
  #endField(): void {
    if (this.#sink === 'hold' && !this.#isForged()) for (const octets of this.#held) this.#emit(octets)
    this.#forget()
  }

  #isForged(): boolean {
    const text = Buffer.concat(this.#held).toString()
    return this.#isOurs(text) || (BARE_CARRIAGE_RETURN.test(text) && text.split(BARE_CARRIAGE_RETURN).some((field) => this.#isOurs(field)))
  }

  #isOurs(field: string): boolean {
    const colon = field.indexOf(':')
    const isResults = colon >= 0 && field.slice(0, colon).trim().toLowerCase() === FIELD_NAME
    return this.#authservId !== null && isResults && isHeaderOf(this.#authservId, field.slice(colon + 1).replace(/[\r\n]+/g, ' '))
  }

  #forget(): void {
    this.#held = []
    this.#heldOctets = 0
  }
}

/** Behind the letters, digits and hyphens that stand there, of which a name has hardly more than these. */
function endOfName(chunk: Buffer, start: number): number {
  const most = Math.min(chunk.length, start + MOST_OF_A_NAME)
  let end = start
  while (end < most && IS_OF_NAME[chunk[end] ?? 0] === 1) end++
  return end
}

const MOST_OF_A_NAME = 64
const IS_OF_NAME = Uint8Array.from({ length: 256 }, (_, octet) => Number(/[0-9A-Za-z-]/.test(String.fromCharCode(octet))))
const NOTHING = Buffer.alloc(0)
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const TAB = 9
const BARE_CARRIAGE_RETURN = /\r(?!\n)/
const FIELD_NAME = AUTH_RESULTS_FIELD_NAME.toLowerCase()
const FIRST_OCTET = FIELD_NAME.charCodeAt(0)
const LOWER_CASE = 0x20
/** RFC 5322 §2.1.1: no line is longer, so no field name is. */
const MAX_LINE_START = 998
/** RFC 5322 §3.6.8, with the blanks of the obsolete syntax; or the beginning of an mbox separator, which some leave in. */
const MAY_BECOME_FIELD_NAME = /^[!-9;-~]+[ \t]*$/
