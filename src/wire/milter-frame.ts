/**
 * Milter packets: four octets of length, a code, data. The reader takes a byte stream in any pieces and gives whole
 * packets; a length beyond the cap is refused before anything is allocated, and an announced length allocates nothing
 * until its octets have come. A fault is final: the stream cannot be trusted behind it.
 */

export interface MilterPacket {
  /** An ASCII letter or sign; see milter-command.ts and milter-reply.ts. */
  readonly code: number
  /** May share memory with the chunk that was pushed: copy what shall outlive it. */
  readonly data: Uint8Array
}

export interface MilterFrameFault {
  /** `empty`: a length of zero has no room for a code. */
  readonly error: 'oversized' | 'empty'
  readonly announcedOctets: number
}

export interface MilterFrames {
  /** Whole packets that stood ahead of a fault are good. */
  readonly packets: readonly MilterPacket[]
  readonly fault: MilterFrameFault | null
}

/** Code and data. It suits the largest limit that Sendmail can be told; bodies come in chunks of 65,535 octets by default. */
export const MAX_MILTER_PACKET_OCTETS = 1_048_576
const LENGTH_OCTETS = 4

export class MilterFrameReader {
  readonly #maxPacketOctets: number
  #lengthOctets = 0
  #length = 0
  /** Code and data so far, when a packet comes in pieces. */
  #partial: Buffer | null = null
  #partialOctets = 0
  #fault: MilterFrameFault | null = null

  constructor(options: { readonly maxPacketOctets?: number | undefined } = {}) {
    this.#maxPacketOctets = options.maxPacketOctets ?? MAX_MILTER_PACKET_OCTETS
  }

  /** The stream stands inside of a packet: an end here would cut it off. */
  get isMidPacket(): boolean {
    return this.#lengthOctets > 0
  }

  /** Memory that the reader holds for the packet to come. */
  get heldOctets(): number {
    return this.#partial?.length ?? 0
  }

  push(chunk: Uint8Array): MilterFrames {
    const packets: MilterPacket[] = []
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let offset = 0
    while (offset < bytes.length && this.#fault === null) {
      if (this.#lengthOctets < LENGTH_OCTETS) {
        this.#readLengthOctet(bytes[offset] ?? 0)
        offset++
        continue
      }
      const end = Math.min(offset + this.#length - this.#partialOctets, bytes.length)
      const whole = this.#take(bytes.subarray(offset, end))
      if (whole) packets.push({ code: whole[0] ?? 0, data: whole.subarray(1) })
      offset = end
    }
    return { packets, fault: this.#fault }
  }

  #readLengthOctet(octet: number): void {
    this.#length = this.#length * 256 + octet
    this.#lengthOctets++
    if (this.#lengthOctets < LENGTH_OCTETS) return
    if (this.#length === 0) this.#fault = { error: 'empty', announcedOctets: 0 }
    else if (this.#length > this.#maxPacketOctets) this.#fault = { error: 'oversized', announcedOctets: this.#length }
  }

  /** A packet that lies in one chunk is not copied. */
  #take(piece: Buffer): Buffer | undefined {
    const octets = this.#partialOctets + piece.length
    if (this.#partialOctets > 0 || octets < this.#length) {
      const partial = this.#withRoomFor(octets)
      piece.copy(partial, this.#partialOctets)
      this.#partial = partial
      this.#partialOctets = octets
      if (octets < this.#length) return undefined
    }
    const whole = this.#partial?.subarray(0, octets) ?? piece
    this.#partial = null
    this.#partialOctets = 0
    this.#lengthOctets = 0
    this.#length = 0
    return whole
  }

  /** Grows by doubling, so that neither octets that come one by one nor those that never come cost much. */
  #withRoomFor(octets: number): Buffer {
    const held = this.#partial
    if (held && held.length >= octets) return held
    const capacity = Math.min(this.#length, Math.max(octets, held ? held.length * 2 : MIN_PARTIAL_OCTETS))
    // Not from Node's shared pool: a small piece of it would keep the whole pool alive.
    const grown = Buffer.allocUnsafeSlow(capacity)
    held?.copy(grown, 0, 0, this.#partialOctets)
    return grown
  }
}

const MIN_PARTIAL_OCTETS = 64

/** Any code and data, sense or none: the codecs and hostile tests build on it. */
export function encodeMilterPacket(code: string, data: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(LENGTH_OCTETS + 1 + data.length)
  frame.writeUInt32BE(1 + data.length, 0)
  frame[LENGTH_OCTETS] = code.charCodeAt(0)
  frame.set(data, LENGTH_OCTETS + 1)
  return frame
}
