/**
 * Reads the words of one master-file entry as fields: names, numbers, times, strings, hexadecimal and base64 octets.
 * The first problem sticks and later reads give empty values, so that a record's reader is a plain list of its fields.
 */
import { parseNameStrictly, ROOT, type DomainName, type NameSyntaxError } from '../core/domain-name.ts'
import type { Hex } from '../core/dns-record.ts'
import { problemAt, type ZonePlace, type ZoneProblem, type ZoneToken } from './zone-lexer.ts'

export class FieldReader {
  /** The first thing that was wrong. */
  problem: ZoneProblem | undefined
  /** What every reason begins with: the record's type. */
  label = ''
  readonly #tokens: readonly ZoneToken[]
  readonly #origin: DomainName | undefined
  #next: number

  constructor(tokens: readonly ZoneToken[], origin: DomainName | undefined, start = 0) {
    this.#tokens = tokens
    this.#origin = origin
    this.#next = start
  }

  peek(): ZoneToken | undefined {
    return this.#tokens[this.#next]
  }

  take(what: string): ZoneToken | undefined {
    const token = this.#tokens[this.#next]
    if (token) this.#next++
    else this.fail(`the ${what} is missing`)
    return token
  }

  /** A word that quotes would make no sense around. */
  takeWord(what: string): string {
    const token = this.take(what)
    if (token?.quoted === true) this.fail(`the ${what} is written without quotes`)
    return token?.text ?? ''
  }

  name(what: string): DomainName {
    const text = this.takeWord(what)
    if (this.problem) return ROOT
    const resolved = resolveName(text, this.#origin)
    if (resolved.kind === 'name') return resolved.name
    this.fail(`the ${what} ${resolved.reason}`)
    return ROOT
  }

  integer(what: string, maximum: number): number {
    const text = this.takeWord(what)
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN
    if (value <= maximum) return value
    this.fail(`the ${what} must be a whole number from 0 to ${String(maximum)}, not ${shown(text)}`)
    return 0
  }

  /** Seconds, or with units: `1h30m`. */
  duration(what: string): number {
    const text = this.takeWord(what)
    const seconds = parseDuration(text)
    if (seconds !== undefined) return seconds
    this.fail(`the ${what} must be a time such as 3600 or 1h30m, at most ${String(MAX_TTL)} seconds, not ${shown(text)}`)
    return 0
  }

  /** A character-string as raw octets, one latin1 character each. */
  characterString(what: string, maximum = 255): string {
    const token = this.take(what)
    if (!token) return ''
    const octets = unescapeString(token.text)
    if (octets === undefined) this.fail(`the ${what} ${shown(token.text)} holds an escape that is neither \\X nor \\DDD up to 255`)
    else if (octets.length > maximum) this.fail(`the ${what} has ${String(octets.length)} octets, and ${String(maximum)} is the most`)
    else return octets
    return ''
  }

  /** All words that are left, joined: hexadecimal data may be split by blanks. */
  hexRest(what: string): Hex {
    const text = this.#joinRest(what)
    if (!/^[0-9a-fA-F]*$/.test(text)) this.fail(`the ${what} must be hexadecimal, not ${shown(text)}`)
    else if (text.length % 2 !== 0) this.fail(`the ${what} has an odd number of hexadecimal digits`)
    return text.toLowerCase()
  }

  base64Rest(what: string): Hex {
    const text = this.#joinRest(what)
    if (!BASE64.test(text)) this.fail(`the ${what} must be base64, not ${shown(text)}`)
    return this.problem ? '' : Buffer.from(text, 'base64').toString('hex')
  }

  /** Nothing may follow. */
  end(what: string): void {
    const token = this.peek()
    if (token) this.fail(`unexpected ${shown(token.text)} after the ${what}`, token)
  }

  /** Keeps the first problem; it is placed at the word that was read last unless told. */
  fail(reason: string, place?: ZonePlace): void {
    const at = place ?? this.#tokens[Math.max(this.#next - 1, 0)] ?? { line: 1, column: 1 }
    this.problem ??= problemAt(at, this.label === '' ? reason : `${this.label}: ${reason}`)
  }

  #joinRest(what: string): string {
    let text = ''
    do text += this.takeWord(what)
    while (this.peek() && !this.problem)
    return this.problem ? '' : text
  }
}

const MAX_TTL = 2 ** 31 - 1

export type NameResolution = { readonly kind: 'name'; readonly name: DomainName } | { readonly kind: 'error'; readonly reason: string }

/** A name as a zone writes it: `@`, relative to the origin, or absolute with its trailing dot. */
export function resolveName(text: string, origin: DomainName | undefined): NameResolution {
  if (text === '@') return origin === undefined ? needsOrigin(text) : { kind: 'name', name: origin }
  const isAbsolute = text.endsWith('.') && !endsWithEscapedDot(text)
  if (!isAbsolute && origin === undefined) return needsOrigin(text)
  const suffix = isAbsolute || origin === undefined ? '' : origin === ROOT ? '.' : `.${origin}`
  const relative = isAbsolute ? text.slice(0, -1) : text
  // Nearly every name: no escape, no odd character, short enough whatever the origin's escapes stand for.
  const isPlain = PLAIN_NAME.test(relative) && relative.length + suffix.length <= 253
  if (isPlain) return { kind: 'name', name: (suffix === '.' ? relative : relative + suffix) as DomainName }
  const parsed = parseNameStrictly(text + suffix)
  return parsed.kind === 'name' ? parsed : { kind: 'error', reason: `${shown(text)} is no domain name: ${nameErrorText(parsed.error)}` }
}

/** `3600`, `1h30m`, `2W`; undefined for anything else and for more than 2147483647 seconds (RFC 2181 §8). */
export function parseDuration(text: string): number | undefined {
  if (/^[0-9]{1,10}$/.test(text)) return Number(text) <= MAX_TTL ? Number(text) : undefined
  if (!/^(?:[0-9]{1,10}[smhdw])+$/i.test(text)) return undefined
  let seconds = 0
  for (const part of text.matchAll(/([0-9]+)([smhdw])/gi)) seconds += Number(part[1]) * (UNIT_SECONDS[(part[2] ?? 's').toLowerCase()] ?? 1)
  return seconds <= MAX_TTL ? seconds : undefined
}

/** The octets of a character-string; text beyond ASCII stands for its UTF-8 octets. Undefined for a bad escape. */
function unescapeString(text: string): string | undefined {
  if (PLAIN_STRING.test(text)) return text
  const octets: number[] = []
  for (let index = 0; index < text.length; index++) {
    if (text[index] !== '\\') {
      const point = text.codePointAt(index) ?? 0
      octets.push(...(point < 0x80 ? [point] : Buffer.from(String.fromCodePoint(point), 'utf8')))
      if (point > 0xffff) index++
    } else if (/^[0-9]/.test(text.charAt(index + 1))) {
      const digits = text.slice(index + 1, index + 4)
      if (!/^[0-9]{3}$/.test(digits) || Number(digits) > 255) return undefined
      octets.push(Number(digits))
      index += 3
    } else if (text.charCodeAt(index + 1) < 0x80) octets.push(text.charCodeAt(++index))
    else return undefined
  }
  return octets.map((octet) => String.fromCharCode(octet)).join('')
}

/** Text of the file as an error may show it: quoted, printable and short. */
export function shown(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return `"${short.replaceAll(/[^\x20-\x7e…]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)}"`
}

function nameErrorText(error: NameSyntaxError): string {
  switch (error) {
    case 'empty':
      return 'it is empty'
    case 'emptyLabel':
      return 'it has an empty label'
    case 'labelTooLong':
      return 'a label is longer than 63 octets'
    case 'nameTooLong':
      return 'it is longer than 255 octets'
    case 'badEscape':
      return 'it holds an escape that is neither \\X nor \\DDD up to 255'
    case 'notAscii':
      return 'characters beyond ASCII are written as \\DDD, or in Punycode'
  }
}

function needsOrigin(text: string): NameResolution {
  return { kind: 'error', reason: `${shown(text)} is relative, and there is no $ORIGIN` }
}

function endsWithEscapedDot(text: string): boolean {
  return text.endsWith('\\.') && /(?<!\\)(?:\\\\)*\\\.$/.test(text)
}

const PLAIN_NAME = /^(?:[a-zA-Z0-9_-]{1,63}\.)*[a-zA-Z0-9_-]{1,63}$/
const PLAIN_STRING = /^[\x20-\x5b\x5d-\x7e\t]*$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
