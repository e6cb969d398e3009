import { describe, expect, it } from 'vitest'
import { assessPtrName } from '../../src/identity/ptr-quality.ts'
import { organisationOfRow, parts, readCorpus, scoreCorpus, type CorpusRow, type CorpusScore } from './corpus/corpus.ts'

describe('the corpus', () => {
  it('holds over 1000 names, 500 mail hosts among them, of both families', () => {
    const rows = [...readCorpus('tuning'), ...readCorpus('held-out')]
    expect(rows.length).toBeGreaterThanOrEqual(1000)
    expect(rows.filter((row) => row.label === 'mail').length).toBeGreaterThanOrEqual(500)
    expect(rows.filter((row) => row.address.includes(':')).length).toBeGreaterThanOrEqual(150)
    expect(new Set(rows.map((row) => `${row.name} ${row.address}`)).size).toBe(rows.length)
  })

  it('has no shape and no organisation on both sides of the split', () => {
    const [tuning, heldOut] = parts.map(readCorpus)
    for (const keyOf of [(row: CorpusRow) => row.group, organisationOfRow]) {
      const seen = new Set(tuning?.map(keyOf))
      seen.delete(undefined)
      expect(heldOut?.filter((row) => seen.has(keyOf(row))).map((row) => row.name)).toEqual([])
    }
  })

  it('keeps a third out of tuning', () => {
    const heldOut = readCorpus('held-out').length
    const share = heldOut / (heldOut + readCorpus('tuning').length)
    expect(share).toBeGreaterThan(1 / 3)
    expect(share).toBeLessThan(0.4)
  })
})

describe('generic-PTR detection on the corpus', () => {
  it.each(parts)('reaches precision 0.995 and recall 0.95 on the %s part', (part) => {
    const score = scoreCorpus(readCorpus(part))
    process.stdout.write(`${part}: ${summary(score)}\n`)
    expect(score.falseAlarms.map(describeRow).slice(0, 3), 'false alarms').toEqual([])
    expect(score.precision).toBeGreaterThanOrEqual(0.995)
    expect(score.recall).toBeGreaterThanOrEqual(0.95)
  })

  it('holds its precision for every mail host at any address', () => {
    const mailHosts = parts.flatMap(readCorpus).filter((row) => row.label === 'mail')
    const random = generator(20_240_501)
    let alarms = 0
    for (const { name } of mailHosts) {
      for (let round = 0; round < 40; round++) {
        if (assessPtrName(name, { family: 4, bytes: Array.from({ length: 4 }, random) }).generic) alarms++
        const prefix = [0x20, 0x01, 0x0d, 0xb8]
        const bytes = Array.from({ length: 16 }, (_, index) => prefix[index] ?? (random() < 100 ? 0 : random()))
        if (assessPtrName(name, { family: 6, bytes }).generic) alarms++
      }
    }
    expect(alarms).toBe(0)
  })
})

function summary({ generic, mail, precision, recall, falseAlarms, misses }: CorpusScore): string {
  const counts = `${String(generic)} generic, ${String(mail)} mail hosts`
  return `${counts}: precision ${precision.toFixed(4)} (${String(falseAlarms.length)} false), recall ${recall.toFixed(4)} (${String(misses.length)} missed)`
}

function describeRow({ name, address, assessment }: CorpusScore['falseAlarms'][number]): string {
  return `${name} ${address} ${String(assessment.score)} ${assessment.reasons.join(' ')}`
}

/** Octets, the same ones in each run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 12) & 255
  }
}
