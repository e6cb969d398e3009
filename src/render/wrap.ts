/**
 * Plain text in lines of a given width, for terminals. Text must be printable ASCII already: a character is a column.
 * Words longer than a line are cut, so that nothing a stranger named can break the layout; text to be copied is not wrapped.
 */

export interface WrapOptions {
  /** Before the first line and before the others; both count towards the width. */
  readonly first?: string | undefined
  readonly rest?: string | undefined
}

/** Lines joined by line feeds, without one at the end. Empty lines in the text stay. */
export function wrapText(text: string, columns: number, options?: WrapOptions): string {
  return wrapLines(text, columns, options).join('\n')
}

export function wrapLines(text: string, columns: number, options?: WrapOptions): string[] {
  const lines: string[] = []
  addWrapped(lines, text, columns, options)
  return lines
}

/** As `wrapLines`, at the end of lines that are there already. */
export function addWrapped(lines: string[], text: string, columns: number, { first = '', rest = first }: WrapOptions = NO_PREFIXES): void {
  if (!text.includes('\n')) {
    addParagraph(lines, text, columns, first, rest)
    return
  }
  let prefix = first
  for (const paragraph of text.split('\n')) {
    addParagraph(lines, paragraph, columns, prefix, rest)
    prefix = rest
  }
}

const NO_PREFIXES: WrapOptions = {}

/** Spaces stay as they are, but for those at the ends of lines. */
function addParagraph(lines: string[], paragraph: string, columns: number, first: string, rest: string): void {
  // Most are one short line, without spaces at its ends.
  const isShort = first.length + paragraph.length <= columns
  if (isShort && paragraph.charCodeAt(0) > SPACE && paragraph.charCodeAt(paragraph.length - 1) > SPACE) {
    lines.push(first + paragraph)
    return
  }
  let prefix = first
  let start = wordStart(paragraph, 0)
  do {
    const width = Math.max(columns - prefix.length, MIN_WIDTH)
    const end = lineEnd(paragraph, start, width)
    const line = prefix + paragraph.slice(start, end)
    lines.push(paragraph.charCodeAt(end - 1) > SPACE ? line : line.trimEnd())
    start = wordStart(paragraph, end)
    prefix = rest
  } while (start < paragraph.length)
}

/** Where the line that begins at `start` ends: after its last whole word, or within a word that is longer than a line. */
function lineEnd(paragraph: string, start: number, width: number): number {
  if (paragraph.length - start <= width) return paragraph.length
  const space = paragraph.lastIndexOf(' ', start + width)
  return space > start ? space : start + breakPoint(paragraph.slice(start, start + width + LONGEST_ESCAPE), width)
}

function wordStart(paragraph: string, from: number): number {
  let start = from
  while (paragraph.charCodeAt(start) === SPACE) start++
  return start
}

const SPACE = 0x20

/** Within a long word: not in the middle of an escape (`\013`, `\u{202e}`). */
function breakPoint(word: string, width: number): number {
  const escape = word.lastIndexOf('\\', width - 1)
  const length =
    escape > 0 && escape > width - LONGEST_ESCAPE ? (ESCAPE.exec(word.slice(escape, escape + LONGEST_ESCAPE))?.[0].length ?? 1) : 0
  return length > 0 && escape + length > width ? escape : width
}

const LONGEST_ESCAPE = 10
const ESCAPE = /^\\(?:[0-9]{3}|u\{[0-9a-f]+\}|.)/

/** However deep the indent: a column of single letters would help nobody. */
const MIN_WIDTH = 20
