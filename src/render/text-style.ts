/**
 * Marks and colours of the text reports. Every colour only repeats what a mark or a word already says, so that a report
 * without colour, or for eyes that see none, is as clear. Escape sequences come from here alone.
 */
import type { FindingLevel } from '../findings/catalogue.ts'

export type Mark = 'ok' | 'error' | 'unsure' | 'warning' | 'notice' | 'info'

export interface Style {
  /** Without, the other members change nothing. */
  readonly isColored: boolean
  mark(mark: Mark): string
  heading(text: string): string
  /** What may be overlooked. */
  faint(text: string): string
  /** What is to be copied. */
  literal(text: string): string
}

/** What every part of a report needs to know. */
export interface Layout {
  readonly columns: number
  readonly verbose: boolean
  readonly style: Style
}

export function textStyle(color: boolean): Style {
  return color ? COLORED : PLAIN
}

export function markOfLevel(level: FindingLevel): Mark {
  return level === 'inconclusive' ? 'unsure' : level
}

/** As `mark` without colour: for widths. */
export function symbolOf(mark: Mark): string {
  return SYMBOLS[mark]
}

/** Colours the mark of a line that was wrapped without: escape sequences have no width. */
export function paintMark(lines: string[], at: number, mark: Mark, style: Style): void {
  if (style.isColored) lines[at] = (lines[at] ?? '').replace(SYMBOLS[mark], style.mark(mark))
}

/** Blocks stand apart by an empty line. What has nothing to say begins none. */
export function beginBlock(lines: string[]): void {
  if (lines.length > 0) lines.push('')
}

/** The worst first. */
export const SEVERITY: readonly FindingLevel[] = ['error', 'inconclusive', 'warning', 'notice', 'info']

const SYMBOLS: Readonly<Record<Mark, string>> = { ok: '[ok]', error: '[x]', unsure: '[?]', warning: '[!]', notice: '[-]', info: '[i]' }

const PLAIN: Style = {
  isColored: false,
  mark: symbolOf,
  heading: (text) => text,
  faint: (text) => text,
  literal: (text) => text,
}

const MARK_COLORS: Readonly<Record<Mark, string>> = { ok: '32', error: '1;31', unsure: '35', warning: '33', notice: '36', info: '2' }

const COLORED: Style = {
  isColored: true,
  mark: (mark) => paint(MARK_COLORS[mark], SYMBOLS[mark]),
  heading: (text) => paint('1', text),
  faint: (text) => paint('2', text),
  literal: (text) => paint('36', text),
}

function paint(parameters: string, text: string): string {
  return `\u001b[${parameters}m${text}\u001b[0m`
}
