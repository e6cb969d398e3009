/**
 * The data of milter packets: numbers in network order and strings that end in NUL, read and written.
 * Reading, the first fault sticks and zeros follow, so nothing throws; the caller asks `fault` at the end.
 * Writing, what has no place on the wire is a programmer's error and throws a RangeError.
 */
import { encodeMilterPacket } from './milter-frame.ts'

export type MilterPacketError =
  /** A code that the protocol does not have in this direction. */
  | 'unknownCode'
  /** The data end too early. */
  | 'truncated'
  /** The NUL at the end of a string is missing. */
  | 'unterminated'
  /** Data behind what the packet should hold, a NUL inside of a string included. */
  | 'trailingOctets'
  | 'tooManyStrings'
  /** A macro without a value. */
  | 'macroPairs'
  | 'macroStage'
  /** Neither `U`, `L`, `4` nor `6`. */
  | 'family'
  | 'address'
  /** Not the text of one SMTP reply, 4xx or 5xx. */
  | 'replyFormat'
  /** The classes of basic and enhanced code differ: an MTA says its own text instead. */
  | 'replyClass'
  /** A percent sign that is not doubled: Sendmail says its own text instead. */
  | 'replyPercent'

/** Strings in one packet. Sendmail sends at most 50 macros, and no command has as many parameters. */
export const MAX_MILTER_STRINGS = 1024

export class MilterDataReader {
  readonly #bytes: Buffer
  #position = 0
  #strings = 0
  #fault: MilterPacketError | null = null

  constructor(data: Uint8Array) {
    this.#bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  }

  get fault(): MilterPacketError | null {
    return this.#fault
  }

  isAtEnd(): boolean {
    return this.#position >= this.#bytes.length
  }

  fail(error: MilterPacketError): void {
    this.#fault ??= error
  }

  octet(): number {
    return this.#bytes[this.#advance(1)] ?? 0
  }

  uint16(): number {
    const position = this.#advance(2)
    return this.#fault === null ? this.#bytes.readUInt16BE(position) : 0
  }

  uint32(): number {
    const position = this.#advance(4)
    return this.#fault === null ? this.#bytes.readUInt32BE(position) : 0
  }

  string(): string {
    if (this.#fault !== null) return ''
    const start = this.#position
    const end = this.#bytes.indexOf(0, start)
    if (end < 0) return this.#noString(this.isAtEnd() ? 'truncated' : 'unterminated')
    if (++this.#strings > MAX_MILTER_STRINGS) return this.#noString('tooManyStrings')
    this.#position = end + 1
    return this.#bytes.toString('latin1', start, end)
  }

  /** All to the end; there may be none. */
  strings(): string[] {
    const values: string[] = []
    while (!this.isAtEnd() && this.#fault === null) values.push(this.string())
    return values
  }

  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#position)
    this.#position = this.#bytes.length
    return rest
  }

  /** The packet must end here. */
  end(): void {
    if (!this.isAtEnd()) this.fail('trailingOctets')
  }

  #noString(error: MilterPacketError): string {
    this.fail(error)
    return ''
  }

  #advance(octets: number): number {
    const position = this.#position
    if (position + octets > this.#bytes.length) this.fail('truncated')
    else this.#position = position + octets
    return position
  }
}

export class MilterDataWriter {
  readonly #parts: Buffer[] = []

  octet(value: number): this {
    return this.octets(Uint8Array.of(checked(value, 0xff)))
  }

  uint16(value: number): this {
    const part = Buffer.allocUnsafe(2)
    part.writeUInt16BE(checked(value, 0xffff))
    return this.octets(part)
  }

  uint32(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeUInt32BE(checked(value, 0xffffffff))
    return this.octets(part)
  }

  string(text: string): this {
    if (!OCTETS_WITHOUT_NUL.test(text)) throw new RangeError(`not octets without NUL: ${JSON.stringify(text)}`)
    return this.octets(Buffer.from(`${text}\0`, 'latin1'))
  }

  octets(values: Uint8Array): this {
    this.#parts.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    return this
  }

  packet(code: string): Uint8Array {
    return encodeMilterPacket(code, Buffer.concat(this.#parts))
  }
}

const OCTETS_WITHOUT_NUL = /^[\x01-\xff]*$/

function checked(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`out of range: ${String(value)}`)
  return value
}
