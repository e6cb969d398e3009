/**
 * Hash tables whose entries carry the links themselves. A Map that is filled and emptied thousands of times a second leaves
 * old tables behind that hold what they held (each points to its successor), and the garbage collector cannot keep up.
 */
import type { DomainName } from '../core/domain-name.ts'
import { sameName } from '../core/domain-name.ts'

export interface ById<T> {
  readonly id: number
  nextOfId: T | null
}

/** By a number of 16 bits. The caller adds no id twice. */
export class IdTable<T extends ById<T>> {
  #size = 0
  readonly #buckets: (T | null)[] = Array<T | null>(ID_BUCKETS).fill(null)

  get size(): number {
    return this.#size
  }

  get(id: number): T | null {
    let entry = this.#buckets[id & (ID_BUCKETS - 1)] ?? null
    while (entry !== null && entry.id !== id) entry = entry.nextOfId
    return entry
  }

  add(entry: T): void {
    const bucket = entry.id & (ID_BUCKETS - 1)
    entry.nextOfId = this.#buckets[bucket] ?? null
    this.#buckets[bucket] = entry
    this.#size++
  }

  delete(entry: T): void {
    const bucket = entry.id & (ID_BUCKETS - 1)
    const first = this.#buckets[bucket] ?? null
    if (first === entry) this.#buckets[bucket] = entry.nextOfId
    else {
      let before = first
      while (before !== null && before.nextOfId !== entry) before = before.nextOfId
      if (before === null) return
      before.nextOfId = entry.nextOfId
    }
    entry.nextOfId = null
    this.#size--
  }

  entries(): T[] {
    const entries: T[] = []
    for (const first of this.#buckets) for (let entry = first; entry !== null; entry = entry.nextOfId) entries.push(entry)
    return entries
  }
}

const ID_BUCKETS = 256

export interface ByQuestion<T> {
  readonly name: DomainName
  readonly typeCode: number
  /** `QuestionTable.hash` of both. */
  readonly hash: number
  nextOfHash: T | null
}

/** By type and name, whatever the name's case. The caller adds no question twice. */
export class QuestionTable<T extends ByQuestion<T>> {
  #size = 0
  #buckets: (T | null)[] = Array<T | null>(LEAST_BUCKETS).fill(null)
  readonly #seed: number

  /** The seed must be unpredictable: whoever chooses the names could make them all meet in one bucket. */
  constructor(seed: number) {
    this.#seed = seed
  }

  get size(): number {
    return this.#size
  }

  hash(name: DomainName, typeCode: number): number {
    let hash = this.#seed ^ typeCode
    for (let index = 0; index < name.length; index++) {
      // Letters of either case give the same; that some other characters do as well costs nothing but a comparison.
      hash = Math.imul(hash ^ (name.charCodeAt(index) | 0x20), 0x01000193)
    }
    return hash ^ (hash >>> 15)
  }

  get(hash: number, name: DomainName, typeCode: number): T | null {
    let entry = this.#buckets[hash & (this.#buckets.length - 1)] ?? null
    while (entry !== null && !(entry.hash === hash && entry.typeCode === typeCode && sameName(entry.name, name))) entry = entry.nextOfHash
    return entry
  }

  add(entry: T): void {
    if (this.#size >= this.#buckets.length) this.#grow()
    this.#link(entry)
    this.#size++
  }

  delete(entry: T): void {
    const bucket = entry.hash & (this.#buckets.length - 1)
    const first = this.#buckets[bucket] ?? null
    if (first === entry) this.#buckets[bucket] = entry.nextOfHash
    else {
      let before = first
      while (before !== null && before.nextOfHash !== entry) before = before.nextOfHash
      if (before === null) return
      before.nextOfHash = entry.nextOfHash
    }
    entry.nextOfHash = null
    this.#size--
  }

  entries(): T[] {
    const entries: T[] = []
    for (const first of this.#buckets) for (let entry = first; entry !== null; entry = entry.nextOfHash) entries.push(entry)
    return entries
  }

  #link(entry: T): void {
    const bucket = entry.hash & (this.#buckets.length - 1)
    entry.nextOfHash = this.#buckets[bucket] ?? null
    this.#buckets[bucket] = entry
  }

  #grow(): void {
    const entries = this.entries()
    this.#buckets = Array<T | null>(this.#buckets.length * 2).fill(null)
    for (const entry of entries) this.#link(entry)
  }
}

const LEAST_BUCKETS = 256
