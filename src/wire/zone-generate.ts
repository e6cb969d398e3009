/**
 * $GENERATE: one line that stands for many records. `$` is the running number, `\$` a dollar sign, and
 * `${offset,width,base}` the number plus an offset, padded with zeros, in base d, o, x, X, or as reversed nibbles n, N.
 */
import type { ZoneProblem, ZoneToken } from './zone-lexer.ts'
import { problemAt } from './zone-lexer.ts'
import { shown } from './zone-fields.ts'

export interface GenerateRange {
  readonly kind: 'range'
  readonly start: number
  readonly stop: number
  readonly step: number
  /** How many numbers it gives. */
  readonly count: number
}

/** A word of the line, cut into literal text and places for the number. */
export interface GenerateTemplate {
  readonly kind: 'template'
  readonly token: ZoneToken
  readonly parts: readonly (string | NumberFormat)[]
}

interface NumberFormat {
  readonly offset: number
  readonly width: number
  readonly base: 'd' | 'o' | 'x' | 'X' | 'n' | 'N'
}

/** `1-10`, `0-254/2`. */
export function parseRange(token: ZoneToken): GenerateRange | ZoneProblem {
  const match = /^([0-9]{1,10})-([0-9]{1,10})(?:\/([0-9]{1,10}))?$/.exec(token.text)
  if (match === null) return problemAt(token, `$GENERATE: the range must be START-STOP or START-STOP/STEP, not ${shown(token.text)}`)
  const [start, stop, step] = [Number(match[1]), Number(match[2]), Number(match[3] ?? '1')]
  if (stop > MAX_NUMBER) return problemAt(token, `$GENERATE: numbers go up to ${String(MAX_NUMBER)}`)
  if (start > stop) return problemAt(token, `$GENERATE: the range ${shown(token.text)} ends before it starts`)
  if (step === 0) return problemAt(token, '$GENERATE: the step must be at least 1')
  return { kind: 'range', start, stop, step, count: Math.floor((stop - start) / step) + 1 }
}

export function parseTemplate(token: ZoneToken): GenerateTemplate | ZoneProblem {
  const { text } = token
  const parts: (string | NumberFormat)[] = []
  let literal = ''
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '\\') literal += character + text.charAt(++index)
    else if (character !== '$') literal += character
    else if (text.charAt(index + 1) === '$') {
      // An older way to write a dollar sign, which BIND still reads.
      literal += '\\$'
      index++
    } else {
      const braces = /^\{[^}]*\}?/.exec(text.slice(index + 1))?.[0]
      const format = braces === undefined ? PLAIN_NUMBER : parseFormat(braces)
      if (format === undefined) {
        const problem = `$GENERATE: ${shown(`$${braces ?? ''}`)} must be \${offset,width,base} with base d, o, x, X, n or N`
        return problemAt(token, problem)
      }
      parts.push(literal, format)
      literal = ''
      index += braces?.length ?? 0
    }
  }
  return { kind: 'template', token, parts: [...parts, literal] }
}

/** The word for one number; undefined when the offset makes the number negative or too large. */
export function fillTemplate(template: GenerateTemplate, number: number): ZoneToken | undefined {
  let text = ''
  for (const part of template.parts) {
    if (typeof part === 'string') text += part
    else {
      const value = number + part.offset
      if (value < 0 || value > MAX_NUMBER) return undefined
      text += formatNumber(value, part)
    }
  }
  return { ...template.token, text }
}

function parseFormat(braces: string): NumberFormat | undefined {
  const match = /^\{([+-]?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?\}$/.exec(braces)
  if (match === null) return undefined
  const [offset, width] = [Number(match[1]), Number(match[2] ?? '0')]
  if (Math.abs(offset) > MAX_NUMBER || width > MAX_WIDTH) return undefined
  return { offset, width, base: (match[3] ?? 'd') as NumberFormat['base'] }
}

function formatNumber(value: number, { width, base }: NumberFormat): string {
  switch (base) {
    case 'd':
      return String(value).padStart(width, '0')
    case 'o':
      return value.toString(8).padStart(width, '0')
    case 'x':
      return value.toString(16).padStart(width, '0')
    case 'X':
      return value.toString(16).toUpperCase().padStart(width, '0')
    case 'n':
      return reversedNibbles(value, width)
    case 'N':
      return reversedNibbles(value, width).toUpperCase()
  }
}

/** As in ip6.arpa. The width counts the dots as well, as in BIND: 3 gives two nibbles, `0.1`. */
function reversedNibbles(value: number, width: number): string {
  const digits = value.toString(16).padStart(Math.ceil(width / 2), '0')
  const nibbles = digits.split('').reverse().join('.')
  return width > nibbles.length ? `${nibbles}.` : nibbles
}

/** That of a signed 32-bit number. */
const MAX_NUMBER = 2 ** 31 - 1
const MAX_WIDTH = 255
const PLAIN_NUMBER: NumberFormat = { offset: 0, width: 0, base: 'd' }
