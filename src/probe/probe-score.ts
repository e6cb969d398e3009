/**
 * The score of a probe: 100 less what each finding costs, each code counted once however many addresses have it, so that two runs
 * can be compared. What could not be told costs nothing, and is counted beside it. docs/probe.md explains it to readers.
 */
import type { Finding, FindingCode, FindingLevel } from '../findings/catalogue.ts'

export type Letter = 'A' | 'B' | 'C' | 'D' | 'F'

export interface ProbeScore {
  readonly points: number
  readonly of: 100
  readonly letter: Letter
  /** Codes of findings that could not be told. */
  readonly undecided: number
}

const COSTS: Readonly<Record<FindingLevel, number>> = { error: 30, warning: 10, notice: 2, info: 0, inconclusive: 0 }
const LETTERS: readonly (readonly [least: number, Letter])[] = [
  [90, 'A'],
  [75, 'B'],
  [60, 'C'],
  [40, 'D'],
]

/** Null where not a single address was seen: then there is nothing to score. */
export function probeScore(findings: readonly Finding[], hasSeen: boolean): ProbeScore | null {
  if (!hasSeen) return null
  const worst = new Map<FindingCode, FindingLevel>()
  for (const { code, level } of findings) {
    const known = worst.get(code)
    if (known === undefined || COSTS[level] > COSTS[known]) worst.set(code, level)
  }
  const levels = [...worst.values()]
  const points = Math.max(
    0,
    levels.reduce((left, level) => left - COSTS[level], 100),
  )
  const letter = LETTERS.find(([least]) => points >= least)?.[1] ?? 'F'
  return { points, of: 100, letter, undecided: levels.filter((level) => level === 'inconclusive').length }
}
