/**
 * A bounded cache of short texts in one block of memory outside the garbage-collected heap. On the heap, a hundred thousand
 * entries that come and go cost V8 over 300 MiB, since it lets replaced entries pile up; here the size is fixed.
 * The oldest entries give way to new ones; an entry that is asked for again counts as new. It knows nothing of TTLs.
 */
import type { DnsCache } from './cache.ts'

export interface MemoryCacheSettings {
  /** How many entries of average size fit. */
  readonly entries: number
  /** A larger value is not kept, lest a few huge answers push out thousands of small ones. */
  readonly maxValueLength?: number | undefined
  /** Keeps strangers from choosing names that fall into the same place. */
  readonly random?: (() => number) | undefined
}

export function createMemoryCache(settings: MemoryCacheSettings): DnsCache {
  return new MemoryCache(settings)
}

const AVERAGE_ENTRY_BYTES = 256
const DEFAULT_MAX_VALUE_LENGTH = 4096
const WAYS = 8
/** Before each entry: the length of its key (2 octets) and of its value (4). */
const HEADER_BYTES = 6
/** A name of 255 octets takes up to 1,020 characters when every one is escaped. */
const MAX_KEY_LENGTH = 2048

/**
 * Entries are written one after the other into a ring. A position counts octets since the start and never wraps, so an entry
 * has been overwritten when its position is more than one ring behind, and the index needs no deletion. The index is set
 * associative: a hash names eight places, and the oldest of them is taken when none is free.
 */
class MemoryCache implements DnsCache {
  readonly #ring: Buffer
  readonly #hashes: Uint32Array
  readonly #positions: Float64Array
  readonly #setMask: number
  readonly #seed: number
  readonly #maxValueLength: number
  #end: number

  constructor(settings: MemoryCacheSettings) {
    const entries = Math.max(1, Math.floor(settings.entries))
    this.#maxValueLength = settings.maxValueLength ?? DEFAULT_MAX_VALUE_LENGTH
    const largestEntry = HEADER_BYTES + MAX_KEY_LENGTH + this.#maxValueLength
    this.#ring = Buffer.allocUnsafeSlow(Math.max(entries * AVERAGE_ENTRY_BYTES, largestEntry))
    const sets = 2 ** Math.ceil(Math.log2(Math.max(1, (entries * 1.5) / WAYS)))
    this.#hashes = new Uint32Array(sets * WAYS)
    this.#positions = new Float64Array(sets * WAYS).fill(-Infinity)
    this.#setMask = sets - 1
    this.#seed = Math.floor((settings.random ?? Math.random)() * 2 ** 32)
    this.#end = 0
  }

  get(key: string): string | undefined {
    const hash = this.#hash(key)
    const place = this.#find(key, hash)
    if (place < 0) return undefined
    const position = this.#positions[place] ?? 0
    const value = this.#valueAt(position)
    // Moved to the front only in the older half of the ring, or of its places: a popular entry is copied a few times, not at every hit.
    if (this.#end - position > this.#ring.length / 2 || this.#newerThan(position, hash) >= WAYS / 2) {
      this.#positions[place] = this.#append(key, value)
    }
    return value
  }

  set(key: string, value: string): void {
    const hash = this.#hash(key)
    const known = this.#find(key, hash)
    if (value.length > this.#maxValueLength || key.length > MAX_KEY_LENGTH) {
      if (known >= 0) this.#positions[known] = -Infinity
      return
    }
    const place = known >= 0 ? known : this.#oldestOf(hash)
    this.#hashes[place] = hash
    this.#positions[place] = this.#append(key, value)
  }

  #find(key: string, hash: number): number {
    const first = (hash & this.#setMask) * WAYS
    for (let place = first; place < first + WAYS; place++) {
      if (this.#hashes[place] !== hash) continue
      const position = this.#positions[place] ?? -Infinity
      if (this.#isAlive(position) && this.#keyIs(position, key)) return place
    }
    return -1
  }

  /** An overwritten entry is always older than a live one. */
  #oldestOf(hash: number): number {
    const first = (hash & this.#setMask) * WAYS
    let oldest = first
    for (let place = first + 1; place < first + WAYS; place++) {
      if ((this.#positions[place] ?? 0) < (this.#positions[oldest] ?? 0)) oldest = place
    }
    return oldest
  }

  #newerThan(position: number, hash: number): number {
    const first = (hash & this.#setMask) * WAYS
    let newer = 0
    for (let place = first; place < first + WAYS; place++) if ((this.#positions[place] ?? 0) > position) newer++
    return newer
  }

  #isAlive(position: number): boolean {
    return this.#end - position <= this.#ring.length
  }

  #append(key: string, value: string): number {
    const length = HEADER_BYTES + key.length + value.length
    let offset = this.#end % this.#ring.length
    // An entry is never split: what is left at the end of the ring stays unused.
    if (offset + length > this.#ring.length) {
      this.#end += this.#ring.length - offset
      offset = 0
    }
    const position = this.#end
    this.#ring.writeUInt16LE(key.length, offset)
    this.#ring.writeUInt32LE(value.length, offset + 2)
    this.#ring.write(key, offset + HEADER_BYTES, 'latin1')
    this.#ring.write(value, offset + HEADER_BYTES + key.length, 'latin1')
    this.#end += length
    return position
  }

  #keyIs(position: number, key: string): boolean {
    const offset = position % this.#ring.length
    if (this.#ring.readUInt16LE(offset) !== key.length) return false
    for (let index = 0; index < key.length; index++) {
      if (this.#ring[offset + HEADER_BYTES + index] !== key.charCodeAt(index)) return false
    }
    return true
  }

  #valueAt(position: number): string {
    const offset = position % this.#ring.length
    const start = offset + HEADER_BYTES + this.#ring.readUInt16LE(offset)
    return this.#ring.toString('latin1', start, start + this.#ring.readUInt32LE(offset + 2))
  }

  /** FNV-1a with MurmurHash3's finish, from a random seed. */
  #hash(key: string): number {
    let hash = this.#seed
    for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return (hash ^ (hash >>> 16)) >>> 0
  }
}
