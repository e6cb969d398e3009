/**
 * A name taken apart for the generic-PTR judgement: which labels belong to the host and which to the organisation, and the
 * letters and numbers in them. One pass, linear in the name, no opinion.
 */
import { getDomain } from 'tldts'

/** A maximal run of letters and digits; positions are offsets in `text`. */
export interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly label: number
}

/** A maximal run of digits. */
export type NumberRun = Token

export interface NameParts {
  /** Lower case; what cannot be in a host name is a hyphen. */
  readonly text: string
  readonly labels: readonly string[]
  /** How many of the labels stand below the organisation's domain. */
  readonly hostLabels: number
  /** Where the host's labels end in `text`. */
  readonly hostEnd: number
  /** `amazonaws.com`; the whole name where there is no registrable domain in it. */
  readonly domain: string
  readonly tokens: readonly Token[]
  readonly numbers: readonly NumberRun[]
  /** The text without separators: `198-51-100-7.isp.example` → `198511007ispexample`. */
  readonly compact: string
}

/**
 * `name` is in the normal form of core/domain-name. The organisation is taken from the ICANN part of the public suffix list
 * only: in its private part every EC2 host is an organisation of its own, which would leave no host part to judge.
 */
export function takeNameApart(name: string): NameParts {
  const text = (name.includes('\\') ? name.replace(ESCAPE, '-') : name).toLowerCase()
  const domain = getDomain(text, SUFFIX_LIST) ?? text
  const hostEnd = Math.max(0, text.length - domain.length - 1)
  const labels: string[] = []
  const tokens: Token[] = []
  const numbers: NumberRun[] = []
  scan(text, labels, tokens, numbers)
  const hostLabels = domain === text ? 0 : labels.length - countLabels(domain)
  return { text, labels, hostLabels, hostEnd, domain, tokens, numbers, compact: compactOf(tokens) }
}

const SUFFIX_LIST = { allowPrivateDomains: false, extractHostname: false, validateHostname: false, detectIp: false } as const
const ESCAPE = /\\(?:[0-9]{3}|.)/gs

function countLabels(domain: string): number {
  let count = 1
  for (let index = domain.indexOf('.'); index >= 0; index = domain.indexOf('.', index + 1)) count++
  return count
}

function scan(text: string, labels: string[], tokens: Token[], numbers: NumberRun[]): void {
  let labelStart = 0
  let tokenStart = -1
  let numberStart = -1
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : DOT
    const isDigit = code >= DIGIT_0 && code <= DIGIT_9
    const isLetter = code >= LETTER_A && code <= LETTER_Z
    if (isDigit && numberStart < 0) numberStart = index
    if (!isDigit && numberStart >= 0) {
      numbers.push({ text: text.slice(numberStart, index), start: numberStart, end: index, label: labels.length })
      numberStart = -1
    }
    if ((isDigit || isLetter) && tokenStart < 0) tokenStart = index
    if (!isDigit && !isLetter && tokenStart >= 0) {
      tokens.push({ text: text.slice(tokenStart, index), start: tokenStart, end: index, label: labels.length })
      tokenStart = -1
    }
    if (code === DOT) {
      labels.push(text.slice(labelStart, index))
      labelStart = index + 1
    }
  }
}

function compactOf(tokens: readonly Token[]): string {
  let compact = ''
  for (const { text } of tokens) compact += text
  return compact
}

const DOT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const LETTER_A = 0x61
const LETTER_Z = 0x7a
