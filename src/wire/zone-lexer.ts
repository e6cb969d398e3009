/**
 * Splits a master file into entries and words (RFC 1035 §5.1): comments, parentheses over lines, quoted strings.
 * Escapes are kept as written, since what `\.` means depends on whether the word is a name or a string.
 */

export interface ZoneToken {
  /** As written, without the quotes of a quoted string. */
  readonly text: string
  readonly quoted: boolean
  readonly line: number
  readonly column: number
}

/** One record or directive: a line, or several inside parentheses. */
export interface ZoneEntry {
  readonly kind: 'entry'
  /** A line that begins with a blank has the owner of the record before it. */
  readonly startsBlank: boolean
  /** Never empty. */
  readonly tokens: readonly ZoneToken[]
}

export interface ZoneProblem {
  readonly kind: 'problem'
  readonly line: number
  readonly column: number
  readonly reason: string
}

export interface ZonePlace {
  readonly line: number
  readonly column: number
}

export class ZoneLexer {
  readonly #text: string
  // Of this lexer alone: a sticky pattern carries a position.
  readonly #plainWord = new RegExp(PLAIN_WORD, 'y')
  readonly #plainQuoted = new RegExp(PLAIN_QUOTED, 'y')
  #position: number
  #line = 1
  #lineStart: number

  constructor(text: string) {
    this.#text = text
    this.#position = text.startsWith('\ufeff') ? 1 : 0
    this.#lineStart = this.#position
  }

  /** The next entry that is not empty; undefined at the end. Not to be called again after a problem. */
  next(): ZoneEntry | ZoneProblem | undefined {
    const tokens: ZoneToken[] = []
    let openedAt: ZonePlace | undefined
    let startsBlank = this.#isBlank()
    for (;;) {
      while (this.#isBlank()) this.#position++
      const code = this.#text.charCodeAt(this.#position)
      if (Number.isNaN(code)) {
        if (openedAt) return problemAt(openedAt, 'this parenthesis is never closed')
        return tokens.length === 0 ? undefined : { kind: 'entry', startsBlank, tokens }
      }
      if (code === SEMICOLON) this.#skipComment()
      else if (this.#skipLineEnd()) {
        if (openedAt) continue
        if (tokens.length > 0) return { kind: 'entry', startsBlank, tokens }
        startsBlank = this.#isBlank()
      } else if (code === OPEN) {
        if (openedAt) return this.#problem('parentheses do not nest')
        openedAt = this.#place()
        this.#position++
      } else if (code === CLOSE) {
        if (!openedAt) return this.#problem('this parenthesis was never opened')
        openedAt = undefined
        this.#position++
      } else {
        const token = code === QUOTE ? this.#readQuoted() : this.#readWord()
        if ('kind' in token) return token
        tokens.push(token)
      }
    }
  }

  #readWord(): ZoneToken | ZoneProblem {
    const start = this.#position
    for (;;) {
      this.#skip(this.#plainWord)
      const code = this.#text.charCodeAt(this.#position)
      if (code === BACKSLASH) {
        const problem = this.#skipEscape()
        if (problem) return problem
      } else if (code === QUOTE) {
        return this.#problem('a quote inside a word: put the whole string into quotes, or write \\"')
      } else if (this.#atControl()) return this.#problem(`a control character: write it as ${decimalEscape(code)}`)
      else break
    }
    return { text: this.#text.slice(start, this.#position), quoted: false, line: this.#line, column: start - this.#lineStart + 1 }
  }

  #readQuoted(): ZoneToken | ZoneProblem {
    const opening = this.#place()
    const start = ++this.#position
    for (;;) {
      this.#skip(this.#plainQuoted)
      const code = this.#text.charCodeAt(this.#position)
      if (code === QUOTE) break
      if (Number.isNaN(code) || this.#atLineEnd()) return problemAt(opening, 'this quoted string is not closed on its line')
      if (code !== BACKSLASH) return this.#problem(`a control character: write it as ${decimalEscape(code)}`)
      const problem = this.#skipEscape()
      if (problem) return problem
    }
    const text = this.#text.slice(start, this.#position++)
    const after = this.#text.charAt(this.#position)
    if (after !== '' && !' \t\r\n;()"'.includes(after)) return this.#problem('a blank is missing after the quoted string')
    return { text, quoted: true, ...opening }
  }

  #skipEscape(): ZoneProblem | undefined {
    const escaped = this.#text.charCodeAt(this.#position + 1)
    if (Number.isNaN(escaped) || escaped < SPACE || escaped === DELETE) return this.#problem('this backslash escapes nothing')
    this.#position += 2
    return undefined
  }

  /** `pattern` matches the empty text too, so that it always moves to its end. */
  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#position
    pattern.test(this.#text)
    this.#position = pattern.lastIndex
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#position)
    this.#position = end < 0 ? this.#text.length : end
  }

  #skipLineEnd(): boolean {
    if (!this.#atLineEnd()) return false
    this.#position = this.#text.indexOf('\n', this.#position) + 1
    // A carriage return that ends the text.
    if (this.#position === 0) this.#position = this.#text.length
    this.#line++
    this.#lineStart = this.#position
    return true
  }

  #atLineEnd(): boolean {
    const code = this.#text.charCodeAt(this.#position)
    if (code === LINE_FEED) return true
    if (code !== CARRIAGE_RETURN) return false
    const next = this.#text.charCodeAt(this.#position + 1)
    return next === LINE_FEED || Number.isNaN(next)
  }

  /** Any that is no blank and no line end; false at the end of the text. */
  #atControl(): boolean {
    const code = this.#text.charCodeAt(this.#position)
    return code === DELETE || (code < SPACE && code !== TAB && !this.#atLineEnd())
  }

  #isBlank(): boolean {
    const code = this.#text.charCodeAt(this.#position)
    return code === SPACE || code === TAB
  }

  #place(): ZonePlace {
    return { line: this.#line, column: this.#position - this.#lineStart + 1 }
  }

  #problem(reason: string): ZoneProblem {
    return problemAt(this.#place(), reason)
  }
}

export function problemAt(place: ZonePlace, reason: string): ZoneProblem {
  return { kind: 'problem', line: place.line, column: place.column, reason }
}

const TAB = 0x09
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const OPEN = 0x28
const CLOSE = 0x29
const SEMICOLON = 0x3b
const BACKSLASH = 0x5c

const DELETE = 0x7f

const PLAIN_WORD = /[^\u0000-\u0020"();\\\u007f]*/
const PLAIN_QUOTED = /[^\u0000-\u0008\u000a-\u001f"\\\u007f]*/

function decimalEscape(octet: number): string {
  return `\\${String(octet).padStart(3, '0')}`
}
