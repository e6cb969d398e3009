/**
 * Writes a DNS message octet by octet (RFC 1035 §4.1), names with compression. It grows up to the largest message.
 * Values out of range are a programmer's error and throw a RangeError. Case is kept, so only suffixes equal in case are shared.
 */
import { Buffer } from 'node:buffer'
import type { DomainName } from '../core/domain-name.ts'
import { labelsOf, ROOT } from '../core/domain-name.ts'

/** Pointers have 14 bits. */
const MAX_POINTER_TARGET = 0x3fff

export class ByteWriter {
  #bytes: Buffer
  #length = 0
  readonly #offsetOfSuffix = new Map<string, number>()

  constructor(expectedOctets = 512) {
    this.#bytes = Buffer.allocUnsafe(expectedOctets)
  }

  get length(): number {
    return this.#length
  }

  /** The octets written so far; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Forgets what was written from `length` on, and all names: those that follow are not compressed into what came before. */
  truncate(length: number): void {
    this.#length = length
    this.#offsetOfSuffix.clear()
  }

  octet(value: number): void {
    checkRange(value, 0xff)
    const position = this.#reserve(1)
    this.#bytes[position] = value
  }

  uint16(value: number): void {
    checkRange(value, 0xffff)
    const position = this.#reserve(2)
    this.#bytes.writeUInt16BE(value, position)
  }

  uint32(value: number): void {
    checkRange(value, 0xffffffff)
    const position = this.#reserve(4)
    this.#bytes.writeUInt32BE(value, position)
  }

  octets(values: ArrayLike<number>): void {
    const position = this.#reserve(values.length)
    this.#bytes.set(values, position)
  }

  hex(text: string): void {
    const octets = text.length / 2
    const position = this.#reserve(octets)
    // Buffer stops silently at the first pair that is not hexadecimal.
    if (!Number.isInteger(octets) || this.#bytes.write(text, position, 'hex') !== octets) throw new RangeError('not hexadecimal text')
  }

  latin1(text: string): void {
    const position = this.#reserve(text.length)
    this.#bytes.write(text, position, 'latin1')
  }

  /** RFC 1035 §3.3: at most 255 octets behind their count. */
  characterString(text: string): void {
    this.octet(text.length)
    this.latin1(text)
  }

  /** Writes the data of a record behind their length. */
  withLength(write: () => void): void {
    const start = this.#reserve(2)
    write()
    const octets = this.#length - start - 2
    checkRange(octets, 0xffff)
    this.#bytes.writeUInt16BE(octets, start)
  }

  /** Overwrites two octets that were written before. */
  patchUint16(position: number, value: number): void {
    checkRange(value, 0xffff)
    this.#bytes.writeUInt16BE(value, position)
  }

  compressedName(name: DomainName): void {
    const labels = labelsOf(name)
    // The text from each label on is one-to-one with the labels, so it serves as the key of the suffix.
    let textStart = 0
    for (const label of labels) {
      const suffix = textStart === 0 ? name : name.slice(textStart)
      const target = this.#offsetOfSuffix.get(suffix)
      if (target !== undefined) {
        this.uint16(0xc000 | target)
        return
      }
      if (this.#length <= MAX_POINTER_TARGET) this.#offsetOfSuffix.set(suffix, this.#length)
      this.characterString(label)
      textStart += textLengthOf(name, textStart) + 1
    }
    this.octet(0)
  }

  /** For the data of types whose names must not be compressed (RFC 3597 §4). */
  plainName(name: DomainName): void {
    for (const label of labelsOf(name)) this.characterString(label)
    this.octet(0)
  }

  #reserve(octets: number): number {
    const position = this.#length
    const needed = position + octets
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(grown, 0, 0, position)
      this.#bytes = grown
    }
    this.#length = needed
    return position
  }
}

/** Octets of a name on the wire without compression. */
export function wireLengthOf(name: DomainName): number {
  if (name === ROOT) return 1
  if (!name.includes('\\')) return name.length + 2
  return labelsOf(name).reduce((octets, label) => octets + 1 + label.length, 1)
}

/** How many characters the label that begins at `start` takes in normal form. */
function textLengthOf(name: DomainName, start: number): number {
  let index = start
  while (index < name.length && name.charCodeAt(index) !== 0x2e) index += name.charCodeAt(index) === 0x5c ? 2 : 1
  return index - start
}

function checkRange(value: number, maximum: number): void {
  if (!Number.isInteger(value) || value < 0 || value > maximum)
    throw new RangeError(`${String(value)} is not within 0 to ${String(maximum)}`)
}
