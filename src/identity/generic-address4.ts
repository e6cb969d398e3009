/**
 * The trace of an IPv4 address in a name: octets in decimal, hexadecimal or zero-padded, in any order and with any
 * separators or none, all four of them or only some, or run together into one number. Bounded work.
 */
import type { NameParts, NumberRun, Token } from './generic-name.ts'
import type { AddressTrace } from './generic-trace.ts'

export function traceIpv4(parts: NameParts, octets: readonly number[]): AddressTrace | undefined {
  if (parts.numbers.length === 0 && parts.compact.length < 8) return undefined
  if (holdsWholeIpv4(parts, octets)) return { extent: 'whole', digits: 8, tight: true, bare: false }
  const numbers = parts.numbers.length > MAX_PIECES ? parts.numbers.slice(0, MAX_PIECES) : parts.numbers
  const { count, digits, first, last } = bestOctetMatch(numbers, parts.hostEnd, octets)
  if (count === 4) return { extent: 'whole', digits, tight: true, bare: false }
  if (count === 3 && digits >= 4) return { extent: 'most', digits, tight: true, bare: false }
  if (count >= 2) {
    const row = numbers.slice(first, last)
    return { extent: 'part', digits, tight: isTight(row), bare: isBare(parts, row) }
  }
  if (looksLikeAnyAddress(parts)) return { extent: 'other', digits: 4, tight: true, bare: false }
  if (count === 1 && digits >= 2) return { extent: 'octet', digits, tight: true, bare: false }
  return undefined
}

/** Eight hexadecimal digits, twelve padded decimal ones, or the 32-bit number, forwards or backwards. */
function holdsWholeIpv4({ compact, tokens }: NameParts, octets: readonly number[]): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = octets
  if (HEX_RUN.test(compact)) {
    const backwards = `${hex2(d)}${hex2(c)}${hex2(b)}${hex2(a)}`
    if (compact.includes(`${hex2(a)}${hex2(b)}${hex2(c)}${hex2(d)}`) || compact.includes(backwards)) return true
    if (d < 16 && compact.startsWith(backwards.slice(1))) return true
    if (compact.includes(`${pad3(a)}${pad3(b)}${pad3(c)}${pad3(d)}`) || compact.includes(`${pad3(d)}${pad3(c)}${pad3(b)}${pad3(a)}`))
      return true
    const number = String(((a * 256 + b) * 256 + c) * 256 + d)
    if (number.length >= 8 && compact.includes(number)) return true
  }
  return tokens.length > 4 && holdsHexRow(tokens, [hex(a), hex(b), hex(c), hex(d)])
}

/** The shortest of what is looked for; most names have no such run. */
const HEX_RUN = /[0-9a-f]{7}/

/** Octets in hexadecimal without padding, one after the other: `c6-33-64-7`. */
function holdsHexRow(tokens: readonly Token[], octets: readonly string[]): boolean {
  for (let first = 0; first + 3 < Math.min(tokens.length, MAX_PIECES); first++) {
    const text = tokens[first]?.text
    if (text === octets[0] && octets.every((octet, index) => tokens[first + index]?.text === octet)) return true
    if (text === octets[3] && octets.every((octet, index) => tokens[first + 3 - index]?.text === octet)) return true
  }
  return false
}

interface OctetMatch {
  readonly count: number
  readonly digits: number
  /** Offsets in the list of numbers, the last one excluded. */
  readonly first: number
  readonly last: number
}

/**
 * The longest row of neighbouring numbers that are octets of the address, each used once, in any order. It stands in the host's
 * labels; only a row of all four may reach into the organisation's domain, as in `ip81.ip-51-222-115.net`.
 */
function bestOctetMatch(numbers: readonly NumberRun[], hostEnd: number, octets: readonly number[]): OctetMatch {
  const masks = numbers.map(({ text }) => (text.length > 3 ? octetsRunTogether(text, octets) : 0))
  let best = NO_OCTETS
  for (let first = 0; first < numbers.length; first++) {
    if ((numbers[first]?.start ?? 0) >= hostEnd) break
    const row = rowFrom(numbers, masks, first, numbers.length, octets)
    const match = row.count === 4 ? row : rowFrom(numbers, masks, first, hostNumbers(numbers, hostEnd), octets)
    if (match.count > best.count || (match.count === best.count && match.digits > best.digits)) best = match
  }
  return best.count < 4 && scatteredDigits(numbers, octets) >= 7 ? { count: 4, digits: 7, first: 0, last: 0 } : best
}

function hostNumbers(numbers: readonly NumberRun[], hostEnd: number): number {
  let count = numbers.length
  while (count > 0 && (numbers[count - 1]?.end ?? 0) > hostEnd) count--
  return count
}

function rowFrom(
  numbers: readonly NumberRun[],
  masks: readonly number[],
  first: number,
  end: number,
  octets: readonly number[],
): OctetMatch {
  let used = 0
  let digits = 0
  let last = first
  for (; last < end; last++) {
    const text = numbers[last]?.text ?? ''
    const together = masks[last] ?? 0
    const mask = together === 0 ? unusedOctet(text, octets, used) : together
    if (mask === 0 || (mask & used) !== 0) break
    used |= mask
    digits += text.length
  }
  const count = countBits(used)
  // A single number can be told from chance only where it is the last octet.
  return count === 1 && used !== LAST_OCTET ? NO_OCTETS : { count, digits, first, last }
}

const NO_OCTETS: OctetMatch = { count: 0, digits: 0, first: 0, last: 0 }
const LAST_OCTET = 8

function isTight(row: readonly NumberRun[]): boolean {
  return row.every((number, index) => index === 0 || number.start - (row[index - 1]?.end ?? 0) === 1)
}

/** `100-7`, `7.100`, or one zero-padded number after a letter or two: `c100007`. */
function isBare(parts: NameParts, row: readonly NumberRun[]): boolean {
  const isSerial = row.length === 1 && row[0]?.text.length === 6
  return row.every(({ label }) => (isSerial ? SHORT_PREFIX : NO_LETTER).test(parts.labels[label] ?? ''))
}

/** A hostile name has up to 127 numbers; a name that a provider makes has a dozen. */
const MAX_PIECES = 24
const NO_LETTER = /^[^a-z]*$/
const SHORT_PREFIX = /^[a-z]{0,2}[0-9]+$/

function unusedOctet(digits: string, octets: readonly number[], used: number): number {
  if (digits.length > 3) return 0
  const value = Number(digits)
  for (let index = 3; index >= 0; index--) if (octets[index] === value && (used & (1 << index)) === 0) return 1 << index
  return 0
}

/** `200118` is 200.118, `031066` is 31.66 and `10010` may be 100.10: the octets that a longer number is made of, or 0. */
function octetsRunTogether(digits: string, octets: readonly number[]): number {
  if (digits.length > 12) return 0
  for (const write of [String, pad3]) {
    for (let start = 0; start < 4; start++) {
      if (!digits.startsWith(write(octets[start] ?? 0))) continue
      for (const step of [1, -1]) {
        let mask = 0
        let at = 0
        for (let index = start; index >= 0 && index < 4 && at < digits.length; index += step) {
          const written = write(octets[index] ?? 0)
          if (!digits.startsWith(written, at)) break
          at += written.length
          mask |= 1 << index
        }
        if (at === digits.length && countBits(mask) > 1) return mask
      }
    }
  }
  return 0
}

/** All four octets anywhere in the name: the digits that agree, or 0. */
function scatteredDigits(numbers: readonly NumberRun[], octets: readonly number[]): number {
  let used = 0
  let digits = 0
  for (const number of numbers) {
    const mask = unusedOctet(number.text, octets, used)
    if (mask === 0) continue
    used |= mask
    digits += number.text.length
  }
  return used === 15 ? digits : 0
}

/** Four small numbers in a row with one and the same separator between them. */
export function looksLikeAnyAddress({ text, numbers, hostEnd }: NameParts): boolean {
  if (numbers.length < 4) return false
  let row = 0
  let separator = ''
  for (let index = 0; index < Math.min(numbers.length, MAX_PIECES); index++) {
    const number = numbers[index]
    if (number === undefined || number.end > hostEnd) return false
    const isOctet = number.text.length <= 3 && Number(number.text) <= 255
    const previous = numbers[index - 1]
    const isNeighbour = row > 0 && previous !== undefined && number.start - previous.end === 1
    const between = isNeighbour ? text.charAt(number.start - 1) : ''
    if (!isOctet) row = 0
    else if (isNeighbour && (row === 1 || between === separator)) row++
    else row = isNeighbour ? 2 : 1
    separator = between
    if (row === 4) return true
  }
  return false
}

function countBits(mask: number): number {
  return (mask & 1) + ((mask >> 1) & 1) + ((mask >> 2) & 1) + ((mask >> 3) & 1)
}

function hex(octet: number): string {
  return octet.toString(16)
}

function hex2(octet: number): string {
  return HEX2[octet] ?? '00'
}

function pad3(octet: number): string {
  return PAD3[octet] ?? '000'
}

const HEX2: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'))
const PAD3: readonly string[] = Array.from({ length: 256 }, (_, octet) => String(octet).padStart(3, '0'))
