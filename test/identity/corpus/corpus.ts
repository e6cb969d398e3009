/**
 * The labelled corpus of PTR names: its reader, its split and its scores. See README.md beside it.
 */
import { readFileSync } from 'node:fs'
import { getDomain } from 'tldts'
import { assessPtrName, type PtrAssessment } from '../../../src/identity/ptr-quality.ts'

export const parts = ['tuning', 'held-out'] as const
export type Part = (typeof parts)[number]

export interface CorpusRow {
  readonly label: 'generic' | 'mail'
  readonly name: string
  readonly address: string
  /** Rows of one shape or one organisation: a group is never on both sides of the split. */
  readonly group: string
  readonly source: string
}

export function readCorpus(part: Part): CorpusRow[] {
  const text = readFileSync(new URL(`${part}.csv`, import.meta.url), 'utf8')
  const [header, ...lines] = text.trimEnd().split('\n')
  if (header !== 'label,name,address,group,source') throw new Error(`${part}.csv: unknown columns: ${String(header)}`)
  return lines.map((line, index) => {
    const [label, name, address, group, source, ...rest] = line.split(',')
    const isComplete = (label === 'generic' || label === 'mail') && name && address && group && source && rest.length === 0
    if (!isComplete) throw new Error(`${part}.csv:${String(index + 2)}: not a row: ${line}`)
    return { label, name, address, group, source }
  })
}

/** The registered domain that the name is in; undefined for the documentation domains, which any row may use. */
export function organisationOfRow({ name }: CorpusRow): string | undefined {
  const domain = getDomain(name.toLowerCase()) ?? undefined
  return domain !== undefined && /^example\.[a-z]+(\.[a-z]+)?$|\.example$/.test(domain) ? undefined : domain
}

export interface CorpusScore {
  readonly generic: number
  readonly mail: number
  readonly precision: number
  readonly recall: number
  /** Mail hosts called generic, and generic names that were not told. */
  readonly falseAlarms: readonly (CorpusRow & { readonly assessment: PtrAssessment })[]
  readonly misses: readonly (CorpusRow & { readonly assessment: PtrAssessment })[]
}

export function scoreCorpus(rows: readonly CorpusRow[]): CorpusScore {
  const judged = rows.map((row) => ({ ...row, assessment: assessPtrName(row.name, row.address) }))
  const generic = judged.filter((row) => row.label === 'generic')
  const mail = judged.filter((row) => row.label === 'mail')
  const falseAlarms = mail.filter((row) => row.assessment.generic)
  const misses = generic.filter((row) => !row.assessment.generic)
  const found = generic.length - misses.length
  return {
    generic: generic.length,
    mail: mail.length,
    precision: found / (found + falseAlarms.length),
    recall: found / generic.length,
    falseAlarms,
    misses,
  }
}
