/**
 * Reads a DNS message octet by octet (RFC 1035 §4.1), names with their compression included, at bounded cost.
 * The first fault sticks: whoever reads goes on with zeros and asks `fault` at the end of each loop, so nothing throws.
 */
import { Buffer } from 'node:buffer'
import type { DomainName } from '../core/domain-name.ts'
import { nameFromLabels, MAX_NAME_OCTETS, ROOT } from '../core/domain-name.ts'

export type DnsWireError =
  /** The input ends before what its header and lengths announce: more octets could complete it. All others are malformed. */
  | 'incomplete'
  /** More than 65,535 octets, which no transport can carry. */
  | 'oversized'
  /** Octets are left over after the last record that the header announces. */
  | 'trailingOctets'
  /** A compression pointer that does not point strictly backward (a loop, or forward), or points into the header. */
  | 'pointer'
  /** More pointers in a row than a name can have labels. */
  | 'pointerChain'
  /** The reserved label types 01 and 10. */
  | 'labelType'
  | 'nameTooLong'
  /** Honest messages never make us walk this much of names: see `MAX_NAME_WORK`. */
  | 'nameWork'
  /** The data of a record do not end where its RDLENGTH says. */
  | 'rdataLength'
  /** Octets that the record's type does not allow. */
  | 'rdataValue'
  /** An OPT record that is not owned by the root, or a second one, or one outside of the additional section. */
  | 'opt'

export interface DnsWireFault {
  readonly error: DnsWireError
  readonly offset: number
}

export const MAX_MESSAGE_OCTETS = 65_535
export const HEADER_OCTETS = 12
/** Octets of names that one message may make us walk. Where a pointer led is remembered, so an honest message needs each octet twice at most. */
export const MAX_NAME_WORK = 2 * MAX_MESSAGE_OCTETS
const MAX_POINTERS_PER_NAME = 127

export class ByteReader {
  position = 0
  /** How many octets of names were walked so far, pointers included. */
  nameWork = 0
  /** False for data outside of a message: every pointer is then a fault. */
  allowPointers = true
  #bytes: Buffer
  #limit: number
  #inRdata = false
  #fault: DnsWireFault | null = null
  #firstName: DomainName | null = null
  /** Names by the offset that a pointer led to; null before the first. A Map that is cleared keeps what it held from the young generation's collector. */
  #names: Map<number, KnownName> | null = null
  readonly #scratch = Buffer.allocUnsafe(MAX_NAME_OCTETS + 1)

  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes)
    this.#limit = bytes.length
  }

  /** Starts over with another message; it saves the hot path an allocation of the reader. */
  reset(bytes: Uint8Array): void {
    this.#bytes = asBuffer(bytes)
    this.#limit = bytes.length
    this.#inRdata = false
    this.#fault = null
    this.#firstName = null
    this.position = 0
    this.nameWork = 0
    this.#names = null
  }

  get fault(): DnsWireFault | null {
    return this.#fault
  }

  get limit(): number {
    return this.#limit
  }

  fail(error: DnsWireError, offset = this.position): void {
    this.#fault ??= { error, offset }
  }

  /** Confines reading to the next octets: the data of a record. */
  enter(octets: number): void {
    const end = this.position + octets
    if (end > this.#bytes.length) {
      this.#runOut()
      return
    }
    this.#limit = end
    this.#inRdata = true
  }

  /** Goes back to the whole message; what was entered must have been read to its end. */
  leave(): void {
    if (this.position !== this.#limit) this.fail('rdataLength')
    this.#limit = this.#bytes.length
    this.#inRdata = false
  }

  octet(): number {
    const value = this.#bytes[this.position]
    if (value === undefined || this.position >= this.#limit) return this.#runOut()
    this.position++
    return value
  }

  uint16(): number {
    const { position } = this
    if (position + 2 > this.#limit) return this.#runOut()
    this.position = position + 2
    return ((this.#bytes[position] ?? 0) << 8) | (this.#bytes[position + 1] ?? 0)
  }

  uint32(): number {
    const { position } = this
    if (position + 4 > this.#limit) return this.#runOut()
    this.position = position + 4
    const bytes = this.#bytes
    return (
      (bytes[position] ?? 0) * 0x1000000 +
      (((bytes[position + 1] ?? 0) << 16) | ((bytes[position + 2] ?? 0) << 8) | (bytes[position + 3] ?? 0))
    )
  }

  skip(octets: number): void {
    if (this.position + octets > this.#limit) this.#runOut()
    else this.position += octets
  }

  octets(count: number): number[] {
    const { position } = this
    if (position + count > this.#limit) {
      this.#runOut()
      return []
    }
    this.position = position + count
    const values: number[] = []
    for (let index = position; index < position + count; index++) values.push(this.#bytes[index] ?? 0)
    return values
  }

  latin1(count: number): string {
    return this.#text('latin1', count)
  }

  hex(count: number): string {
    return this.#text('hex', count)
  }

  /** RFC 1035 §3.3 character-string: a length octet and as many octets. */
  characterString(): string {
    return this.latin1(this.octet())
  }

  /** Pointers to the first name of the message (the question, nearly always) give this text without another walk. */
  knowFirstName(name: DomainName): void {
    this.#firstName = name
  }

  /** Goes past a name without reading it; where it points is not looked at. */
  skipName(): void {
    const bytes = this.#bytes
    let position = this.position
    for (;;) {
      const length = position < this.#limit ? (bytes[position] ?? 0) : -1
      if (length < 0) return void this.#nameRunsOut(-1, position)
      if (length === 0 || length >= 0xc0) {
        this.position = position
        this.skip(length === 0 ? 1 : 2)
        return
      }
      if (length > 63) return void this.#nameFault('labelType', position)
      position += length + 1
    }
  }

  /** Case is kept. After a fault the root is returned. */
  name(): DomainName {
    const start = this.position
    const bytes = this.#bytes
    if (this.#firstName !== null && bytes[start] === 0xc0 && bytes[start + 1] === HEADER_OCTETS && start + 2 <= this.#limit) {
      this.position = start + 2
      return this.#firstName
    }
    const scratch = this.#scratch
    let position = start
    let segmentStart = start
    let limit = this.#limit
    let end = -1
    let octets = 1
    let plain = true
    let pointers = 0
    let firstTarget = 0
    let octetsBeforeTarget = 0
    let known: KnownName | undefined

    for (;;) {
      const length = position < limit ? (bytes[position] ?? 0) : -1
      if (length === 0) break
      if (length > 0 && length <= 63) {
        const next = position + 1 + length
        if (next > limit) return this.#nameRunsOut(end, position)
        if (octets + length + 1 > MAX_NAME_OCTETS) return this.#nameFault('nameTooLong', position)
        // The scratch holds the text, each label behind a dot; the first dot is cut off in the end.
        scratch[octets - 1] = 0x2e
        for (let from = position + 1, to = octets; from < next; from++, to++) {
          const octet = bytes[from] ?? 0
          scratch[to] = octet
          if (PLAIN_OCTETS[octet] === 0) plain = false
        }
        octets += length + 1
        position = next
        continue
      }
      if (length < 0) return this.#nameRunsOut(end, position)
      if (length < 0xc0) return this.#nameFault('labelType', position)
      if (position + 1 >= limit) return this.#nameRunsOut(end, position)
      const target = ((length & 0x3f) << 8) | (bytes[position + 1] ?? 0)
      // Each segment begins and ends before the one that points to it, so no walk can come back to where it was.
      if (target >= segmentStart || target < HEADER_OCTETS || !this.allowPointers) return this.#nameFault('pointer', position)
      if (++pointers > MAX_POINTERS_PER_NAME) return this.#nameFault('pointerChain', position)
      if (end < 0) {
        end = position + 2
        firstTarget = target
        octetsBeforeTarget = octets
      }
      known = this.#names?.get(target)
      if (known !== undefined) break
      limit = segmentStart
      position = segmentStart = target
    }

    this.position = end < 0 ? position + 1 : end
    this.nameWork += octets + pointers
    if (this.nameWork > MAX_NAME_WORK) return this.#nameFault('nameWork', start)
    if (end < 0) return asName(plain ? scratch.toString('latin1', 1, octets - 1) : this.#escapedText(start, octets - 1))

    const suffixOctets = octets - octetsBeforeTarget
    const suffix = this.#names?.get(firstTarget) ?? this.#rememberSuffix(firstTarget, octetsBeforeTarget, suffixOctets, plain, known)
    if (octetsBeforeTarget + suffix.octets - 1 > MAX_NAME_OCTETS) return this.#nameFault('nameTooLong', start)
    if (octetsBeforeTarget === 1) return asName(suffix.text)
    const prefix = plain ? scratch.toString('latin1', 1, octetsBeforeTarget - 1) : this.#escapedText(start, octetsBeforeTarget - 1)
    return asName(suffix.text === '' ? prefix : `${prefix}.${suffix.text}`)
  }

  /** What a pointer to `target` gives: the octets just walked, and behind them a name that was known already. */
  #rememberSuffix(target: number, before: number, octets: number, plain: boolean, tail: KnownName | undefined): KnownName {
    const walked =
      octets === 0 ? '' : plain ? this.#scratch.toString('latin1', before, before + octets - 1) : this.#escapedText(target, octets)
    const rest = tail?.text ?? ''
    const text = walked === '' ? rest : rest === '' ? walked : `${walked}.${rest}`
    const suffix = { text, octets: octets + (tail?.octets ?? 1) }
    this.#names ??= new Map()
    this.#names.set(target, suffix)
    return suffix
  }

  /** Walks again, for a name that needs escapes, over labels of `octets` octets that `name` has found to be in order. */
  #escapedText(start: number, octets: number): string {
    const bytes = this.#bytes
    const labels: string[] = []
    let position = start
    let walked = 0
    while (walked < octets) {
      const length = bytes[position] ?? 0
      if (length >= 0xc0) {
        position = ((length & 0x3f) << 8) | (bytes[position + 1] ?? 0)
        continue
      }
      labels.push(bytes.toString('latin1', position + 1, position + 1 + length))
      position += length + 1
      walked += length + 1
    }
    return labels.length === 0 ? '' : nameFromLabels(labels)
  }

  #text(encoding: 'latin1' | 'hex', count: number): string {
    const { position } = this
    if (position + count > this.#limit) {
      this.#runOut()
      return ''
    }
    this.position = position + count
    return this.#bytes.toString(encoding, position, position + count)
  }

  /** Past the end of the message it is incomplete; past the end of a record's data its RDLENGTH lies. */
  #runOut(): number {
    this.fail(this.#inRdata ? 'rdataLength' : 'incomplete')
    return 0
  }

  /** Behind a pointer the name must have ended before the segment that pointed to it. */
  #nameRunsOut(end: number, offset: number): DomainName {
    if (end >= 0) return this.#nameFault('pointer', offset)
    return this.#nameFault(this.#inRdata ? 'rdataLength' : 'incomplete', offset)
  }

  #nameFault(error: DnsWireError, offset: number): DomainName {
    this.fail(error, offset)
    return ROOT
  }
}

interface KnownName {
  /** Empty for the root. */
  readonly text: string
  readonly octets: number
}

/** The octets that the normal form of core/domain-name.ts holds unescaped. */
const PLAIN_OCTETS = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet > 0x20 && octet < 0x7f && !'."();@$\\'.includes(String.fromCharCode(octet)) ? 1 : 0,
)

function asName(text: string): DomainName {
  return (text === '' ? ROOT : text) as DomainName
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
