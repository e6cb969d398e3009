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
export function wrapText(text: string, columns: number, options: WrapOptions = {}): string {
  return wrapLines(text, columns, options).join('\n')
}

export function wrapLines(text: string, columns: number, { first = '', rest = first }: WrapOptions = {}): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    const prefix = (): string => (lines.length === 0 ? first : rest)
    let line = ''
    for (const word of paragraph.split(' ')) {
      const width = (): number => Math.max(columns - prefix().length, MIN_WIDTH)
      if (line !== '' && line.length + 1 + word.length > width()) {
        lines.push(prefix() + line)
        line = ''
      }
      line = line === '' ? word : `${line} ${word}`
      while (line.length > width()) {
        const end = breakPoint(line, width())
        lines.push(prefix() + line.slice(0, end))
        line = line.slice(end)
      }
    }
    lines.push((prefix() + line).trimEnd())
  }
  return lines
}

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
