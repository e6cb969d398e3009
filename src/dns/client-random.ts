/** Random numbers in small portions from a source that is cheaper in large ones. */

export type FillRandom = (target: Uint8Array) => void

const POOL_OCTETS = 4096

export class RandomPool {
  readonly bytes = new Uint8Array(POOL_OCTETS)
  #offset = POOL_OCTETS
  readonly #fill: FillRandom

  constructor(fill: FillRandom) {
    this.#fill = fill
  }

  /** The offset of `octets` fresh bytes in `bytes`, for use at once. */
  take(octets: number): number {
    if (this.#offset + octets > POOL_OCTETS) {
      this.#fill(this.bytes)
      this.#offset = 0
    }
    const offset = this.#offset
    this.#offset += octets
    return offset
  }

  uint16(): number {
    const offset = this.take(2)
    return ((this.bytes[offset] ?? 0) << 8) | (this.bytes[offset + 1] ?? 0)
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16()
  }
}
