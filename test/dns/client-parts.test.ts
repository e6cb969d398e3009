import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DomainName } from '../../src/core/domain-name.ts'
import { canonicalName, ROOT } from '../../src/core/domain-name.ts'
import { Deadlines, type Clock, type Timed } from '../../src/dns/client-deadlines.ts'
import { AbortWatcher, Lookup } from '../../src/dns/client-lookup.ts'
import { RandomPool } from '../../src/dns/client-random.ts'
import { UpstreamServer } from '../../src/dns/client-server.ts'
import { IdTable, QuestionTable, type ById, type ByQuestion } from '../../src/dns/client-table.ts'
import { parseAddress } from '../../src/core/address.ts'
import type { DnsOutcome } from '../../src/dns/resolver.ts'
import { domainName } from '../wire/dns-arbitrary.ts'

describe('Deadlines', () => {
  it('fall due in their order, each at its time', () => {
    const clock = manualClock()
    const due: string[] = []
    const deadlines = new Deadlines<Entry>(clock, 100, (entry) => due.push(`${entry.label}@${String(clock.now())}`))
    deadlines.add(entryOf('a'), clock.now())
    clock.advance(30)
    deadlines.add(entryOf('b'), clock.now())
    clock.advance(69)
    expect(due).toEqual([])
    clock.advance(1)
    expect(due).toEqual(['a@100'])
    clock.advance(100)
    expect(due).toEqual(['a@100', 'b@130'])
  })

  it('can be taken back from any place', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (kept) => {
        const clock = manualClock()
        const due: Entry[] = []
        const deadlines = new Deadlines<Entry>(clock, 100, (entry) => due.push(entry))
        const entries = kept.map((_, index) => entryOf(String(index)))
        for (const entry of entries) deadlines.add(entry, clock.now())
        entries.forEach((entry, index) => {
          if (kept[index] === false) deadlines.remove(entry)
        })
        clock.advance(100)
        expect(due).toEqual(entries.filter((_, index) => kept[index]))
      }),
    )
  })

  it('keep one timer, and none when nothing is due', () => {
    const clock = manualClock()
    const deadlines = new Deadlines<Entry>(clock, 100, () => undefined)
    const entries = ['a', 'b', 'c'].map(entryOf)
    for (const entry of entries) deadlines.add(entry, clock.now())
    expect(clock.timers()).toBe(1)
    for (const entry of entries) deadlines.remove(entry)
    for (const entry of entries) deadlines.remove(entry)
    expect(clock.timers()).toBe(0)
  })

  it('let what is due add anew', () => {
    const clock = manualClock()
    let turns = 0
    const deadlines = new Deadlines<Entry>(clock, 10, (entry) => {
      if (++turns < 3) deadlines.add(entry, clock.now())
    })
    deadlines.add(entryOf('a'), clock.now())
    clock.advance(100)
    expect([turns, clock.timers()]).toEqual([3, 0])
  })
})

describe('Lookup', () => {
  it('tells its outcome to those who join after its end', async () => {
    const lookup = new Lookup(ROOT, 1, 0)
    const outcome: DnsOutcome = { kind: 'timeout' }
    lookup.settle(outcome)
    const { signal } = new AbortController()
    const late = [lookup.join(), lookup.joinUntil(signal, new AbortWatcher(), () => undefined)]
    expect(await Promise.all(late)).toEqual([outcome, outcome])
  })
})

describe('RandomPool', () => {
  it('gives each octet of its source once, and draws it in large portions', () => {
    let fills = 0
    let next = 0
    const pool = new RandomPool((target) => {
      fills++
      for (let index = 0; index < target.length; index++) target[index] = next++ & 255
    })
    const numbers = Array.from({ length: 5000 }, () => pool.uint16())
    expect(numbers.slice(0, 3)).toEqual([0x0001, 0x0203, 0x0405])
    expect(fills).toBe(3)
  })
})

describe('IdTable', () => {
  it('agrees with a Map', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.boolean()), { maxLength: 300 }), (steps) => {
        const table = new IdTable<IdEntry>()
        const map = new Map<number, IdEntry>()
        for (const [id, isAdded] of steps) {
          const known = map.get(id)
          expect(table.get(id)).toBe(known ?? null)
          if (isAdded && !known) {
            const entry: IdEntry = { id, nextOfId: null }
            table.add(entry)
            map.set(id, entry)
          } else if (!isAdded) {
            table.delete(known ?? { id, nextOfId: null })
            map.delete(id)
          }
          expect(table.size).toBe(map.size)
        }
        expect(new Set(table.entries())).toEqual(new Set(map.values()))
      }),
    )
  })
})

describe('QuestionTable', () => {
  it('agrees with a Map by type and canonical name', () => {
    const step = fc.tuple(domainName, fc.constantFrom(1, 12, 28), fc.boolean(), fc.boolean())
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), fc.integer(), (steps, seed) => {
        const table = new QuestionTable<QuestionEntry>(seed)
        const map = new Map<string, QuestionEntry>()
        for (const [name, typeCode, isUpper, isAdded] of steps) {
          const asked = (isUpper ? name.toUpperCase() : name) as DomainName
          const hash = table.hash(asked, typeCode)
          const key = `${String(typeCode)} ${canonicalName(name)}`
          const known = map.get(key)
          expect(table.get(hash, asked, typeCode)).toBe(known ?? null)
          if (isAdded && !known) {
            const entry: QuestionEntry = { name: asked, typeCode, hash, nextOfHash: null }
            table.add(entry)
            map.set(key, entry)
          } else if (!isAdded && known) {
            table.delete(known)
            map.delete(key)
          }
          expect(table.size).toBe(map.size)
        }
        expect(new Set(table.entries())).toEqual(new Set(map.values()))
      }),
      { numRuns: 30 },
    )
  })
})

describe('UpstreamServer', () => {
  const server = (text: string, scope?: string): UpstreamServer => {
    const address = parseAddress(text)
    if (!address) throw new TypeError(text)
    return new UpstreamServer({ address, port: 53, scope }, 0)
  }

  it.each<[string, string | undefined, string, number, boolean]>([
    ['192.0.2.1', undefined, '192.0.2.1', 53, true],
    ['192.0.2.1', undefined, '192.0.2.1', 54, false],
    ['192.0.2.1', undefined, '192.0.2.2', 53, false],
    ['::ffff:192.0.2.1', undefined, '192.0.2.1', 53, true],
    ['2001:db8::1', undefined, '2001:db8::1', 53, true],
    ['2001:db8::1', undefined, '2001:DB8:0:0::1', 53, true],
    ['2001:db8::1', undefined, '2001:db8::2', 53, false],
    ['fe80::1', 'eth0', 'fe80::1%eth0', 53, true],
    ['fe80::1', 'eth0', 'FE80:0::1%eth0', 53, true],
    ['fe80::1', 'eth0', 'fe80::1%eth1', 53, false],
    ['fe80::1', 'eth0', 'FE80:0::1', 53, false],
  ])('%s %s: an answer from %s port %i', (text, scope, host, port, isSource) => {
    expect(server(text, scope).isSource(host, port)).toBe(isSource)
  })
})

interface Entry extends Timed<Entry> {
  readonly label: string
}

type IdEntry = ById<{ readonly id: number; nextOfId: IdEntry | null }> & { nextOfId: IdEntry | null }

interface QuestionEntry extends ByQuestion<QuestionEntry> {
  readonly typeCode: number
}

function entryOf(label: string): Entry {
  return { label, dueAt: 0, previous: null, next: null, isTimed: false }
}

function manualClock(): Clock & { advance(milliseconds: number): void; timers(): number } {
  let now = 0
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  return {
    now: () => now,
    schedule(callback, delayMs) {
      const timer = { at: now + delayMs, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    timers: () => timers.size,
    advance(milliseconds) {
      const end = now + milliseconds
      for (;;) {
        const [first] = [...timers].filter((timer) => timer.at <= end).sort((left, right) => left.at - right.at)
        if (!first) break
        now = first.at
        timers.delete(first)
        first.callback()
      }
      now = end
    },
  }
}
