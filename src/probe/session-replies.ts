/**
 * What a server says, as replies: octets in pieces of any size → values (RFC 5321 §4.2), in bounded memory. It knows no socket.
 * Tolerant where a probe learns from it: codes that change, lines without a code, NUL, 8-bit and bare line ends are told as faults.
 * What has no end (a line, a reply) is the end of reading.
 */
import { MAX_RECEIVED_LINE_LENGTH, MAX_RECEIVED_LINES, parseReply, type ReceivedReply } from '../wire/smtp-reply.ts'
import type { EndlessFault, ReplyFault } from './session-facts.ts'

export interface ReadReply extends ReceivedReply {
  readonly faults: readonly ReplyFault[]
  readonly raw: string | null
}

export type NextReply =
  | { readonly kind: 'reply'; readonly reply: ReadReply }
  | { readonly kind: 'incomplete' }
  /** From here on it stays so. */
  | { readonly kind: 'fault'; readonly fault: EndlessFault }

export class ReplyReader {
  /** Whole lines with their ends that no reply has been made of. */
  #lines: string[] = []
  /** Of the last line, whose end is yet to come. */
  #tail = ''
  #octets = 0
  /** How many of the lines are known not to end the reply. */
  #read = 0
  #fault: EndlessFault | null = null
  readonly #maxOctets: number

  /** `maxOctets`: of everything that is held at once. */
  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets
  }

  get octets(): number {
    return this.#octets
  }

  /** What is held, and no reply yet. */
  get pending(): string {
    return this.#lines.join('') + this.#tail
  }

  /** Lines there are, and none of them has a code. */
  get hasOnlyNoise(): boolean {
    return this.#lines.length > 0 && this.#lines.every((line) => codeOf(line) === null)
  }

  push(octets: Buffer): void {
    if (this.#fault !== null) return
    const room = this.#maxOctets - this.#octets
    const text = octets.toString('latin1', 0, Math.min(octets.length, room))
    this.#octets += text.length
    this.#tail += text
    // Only then are there lines to look for, lest a peer that writes octet by octet cost the square of its reply.
    if (text.includes('\n')) this.#splitTail()
    if (this.#tail.length > MAX_RECEIVED_LINE_LENGTH) this.#fail('lineTooLong')
    else if (octets.length > room) this.#fail('replyTooLong')
  }

  next(): NextReply {
    while (this.#read < this.#lines.length) {
      const line = this.#lines[this.#read] ?? ''
      this.#read++
      if (line.length > MAX_RECEIVED_LINE_LENGTH) this.#fail('lineTooLong')
      else if (kindOf(line) === 'final') return { kind: 'reply', reply: this.#take() }
      else if (this.#read >= MAX_RECEIVED_LINES) this.#fail('tooManyLines')
      if (this.#fault !== null) break
    }
    return this.#fault === null ? { kind: 'incomplete' } : { kind: 'fault', fault: this.#fault }
  }

  /** Nothing more will come: a last line without its end counts as a line. */
  end(): void {
    if (this.#tail === '' || this.#fault !== null) return
    this.#lines.push(this.#tail)
    this.#tail = ''
  }

  #splitTail(): void {
    let start = 0
    for (let end = this.#tail.indexOf('\n'); end >= 0; end = this.#tail.indexOf('\n', start)) {
      this.#lines.push(this.#tail.slice(start, end + 1))
      start = end + 1
    }
    this.#tail = this.#tail.slice(start)
  }

  #take(): ReadReply {
    const raw = this.#lines.splice(0, this.#read)
    this.#read = 0
    const text = raw.join('')
    this.#octets -= text.length
    const faults = faultsOf(raw)
    return { ...replyOf(raw), faults, raw: faults.length === 0 ? null : text }
  }

  #fail(fault: EndlessFault): void {
    this.#fault ??= fault
  }
}

/** `noise`: it says nothing about where the reply ends. */
function kindOf(line: string): 'final' | 'more' | 'noise' {
  switch (parseReply(line, { atEnd: !line.endsWith('\n') }).kind) {
    case 'reply':
      return 'final'
    case 'incomplete':
      return 'more'
    case 'error':
      return 'noise'
  }
}

function codeOf(line: string): string | null {
  return kindOf(line) === 'noise' ? null : line.slice(0, 3)
}

/** By its first code and the lines that have one: what is left is legal, as its last line is final. */
function replyOf(raw: readonly string[]): ReceivedReply {
  const coded = raw.filter((line) => kindOf(line) !== 'noise')
  const code = coded[0]?.slice(0, 3) ?? ''
  const parsed = parseReply(coded.map((line) => code + line.slice(3)).join(''), { atEnd: true })
  return parsed.kind === 'reply' ? parsed.reply : { code: Number(code), enhanced: null, lines: coded.map((line) => line.slice(4)) }
}

function faultsOf(raw: readonly string[]): ReplyFault[] {
  const faults = new Set<ReplyFault>()
  const codes = new Set(raw.map(codeOf))
  if (codes.delete(null)) faults.add('noCode')
  if (codes.size > 1) faults.add('codeChanges')
  for (const line of raw) {
    if (line.includes('\0')) faults.add('nul')
    if (CONTROL.test(line)) faults.add('control')
    if (EIGHT_BIT.test(line)) faults.add('eightBit')
    if (/\r(?!\n)/.test(line)) faults.add('bareCarriageReturn')
    if (!line.endsWith('\n')) faults.add('unterminated')
    else if (!line.endsWith('\r\n')) faults.add('bareLineFeed')
    if (line.length > LEGAL_LINE) faults.add('longLine')
  }
  return [...faults]
}

const CONTROL = /[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]/
const EIGHT_BIT = /[\x80-\xff]/
/** RFC 5321 §4.5.3.1.5, with its line end. */
const LEGAL_LINE = 512
