/**
 * The macros of SPF (RFC 7208 §7): a domain-spec is parsed once, with the place of any fault, and expanded for each client.
 * Letters that belong to explanations only (c, r, t) are faults here.
 */
import { formatAddress, type IpAddress } from '../core/address.ts'
import { nameFromLabels, MAX_LABEL_OCTETS, MAX_NAME_OCTETS, type DomainName } from '../core/domain-name.ts'

export type MacroLetter = 's' | 'l' | 'o' | 'd' | 'i' | 'p' | 'v' | 'h'

export type MacroPart =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'macro'
      readonly letter: MacroLetter
      /** Written as a capital: the value is URL-escaped. */
      readonly escaped: boolean
      /** How many parts from the right; null for all. */
      readonly keep: number | null
      readonly reversed: boolean
      /** Empty where none is written. */
      readonly delimiters: string
    }

export type MacroProblem = 'badMacro' | 'badMacroLetter' | 'badTransformer' | 'badCharacter' | 'badDomain'

export type ParsedMacro =
  | { readonly kind: 'parts'; readonly parts: readonly MacroPart[] }
  /** `offset`: characters from the start of the text. */
  | { readonly kind: 'fault'; readonly offset: number; readonly problem: MacroProblem }

const MACRO = /^%\{([a-zA-Z])([0-9]*)(r?)([.\-+,/_=]*)\}/i
const LETTERS = 'slodipvh'

/** A macro-string: what may follow an unknown modifier's equals sign. */
export function parseMacroString(text: string): ParsedMacro {
  const parts: MacroPart[] = []
  for (let offset = 0; offset < text.length;) {
    const character = text.charAt(offset)
    if (character !== '%') {
      if (character < '!' || character > '~') return { kind: 'fault', offset, problem: 'badCharacter' }
      const end = literalEnd(text, offset)
      parts.push({ kind: 'literal', text: text.slice(offset, end) })
      offset = end
      continue
    }
    const literal = ESCAPES[text.charAt(offset + 1)]
    if (literal !== undefined) {
      parts.push({ kind: 'literal', text: literal })
      offset += 2
      continue
    }
    const match = MACRO.exec(text.slice(offset, offset + MAX_MACRO_LENGTH))
    if (!match) return { kind: 'fault', offset, problem: 'badMacro' }
    const [whole, letter = '', digits = '', reverse = '', delimiters = ''] = match
    const lower = letter.toLowerCase()
    if (!isMacroLetter(lower)) return { kind: 'fault', offset, problem: 'badMacroLetter' }
    if (digits !== '' && Number(digits) === 0) return { kind: 'fault', offset, problem: 'badTransformer' }
    const keep = digits === '' ? null : Number(digits)
    parts.push({ kind: 'macro', letter: lower, escaped: letter !== lower, keep, reversed: reverse !== '', delimiters })
    offset += whole.length
  }
  return { kind: 'parts', parts }
}

/** A macro-string that ends in a macro or in a top label (§7.1 domain-end); one label alone is not enough. */
export function parseDomainSpec(text: string): ParsedMacro {
  const parsed = parseMacroString(text)
  if (parsed.kind === 'fault') return parsed
  if (ENDS_IN_MACRO.test(text) && parsed.parts.length > 0) return parsed
  return hasTopLabel(text) && parsed.parts.at(-1)?.kind === 'literal' ? parsed : { kind: 'fault', offset: 0, problem: 'badDomain' }
}

/** A label of letters, digits and inner hyphens behind a dot; not all digits. */
function hasTopLabel(text: string): boolean {
  const end = text.endsWith('.') ? text.length - 1 : text.length
  const dot = text.lastIndexOf('.', end - 1)
  if (dot < 0 || end - dot - 1 > MAX_LABEL_OCTETS) return false
  const label = text.slice(dot + 1, end)
  return /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i.test(label) && !/^[0-9]+$/.test(label)
}

/** The longest that makes sense; one with more digits or delimiters than that is not read to its end. */
const MAX_MACRO_LENGTH = 64
const ESCAPES: Readonly<Record<string, string>> = { '%': '%', _: ' ', '-': '%20' }
const ENDS_IN_MACRO = /(?:\}|%%|%_|%-)$/

function literalEnd(text: string, from: number): number {
  let end = from
  while (end < text.length && text.charAt(end) >= '!' && text.charAt(end) <= '~' && text.charAt(end) !== '%') end++
  return end
}

function isMacroLetter(letter: string): letter is MacroLetter {
  return LETTERS.includes(letter)
}

/** What the macros stand for; `validatedName` costs questions, and is asked only where a `p` needs it. Octets as latin1 characters. */
export interface MacroValues {
  readonly address: IpAddress
  readonly localPart: string
  readonly senderDomain: string
  readonly domain: string
  readonly helo: string
  readonly validatedName: () => Promise<string>
}

export async function expandMacros(parts: readonly MacroPart[], values: MacroValues): Promise<string> {
  let expanded = ''
  for (const part of parts) {
    if (part.kind === 'literal') expanded += part.text
    else {
      const value = transform(await valueOf(part.letter, values), part)
      expanded += part.escaped ? escapeForUrl(value) : value
    }
    if (expanded.length > MAX_EXPANDED) expanded = expanded.slice(-MAX_EXPANDED)
  }
  return expanded
}

/** Far more than the 253 octets of which §7.3 keeps the right ones. */
const MAX_EXPANDED = 4096

async function valueOf(letter: MacroLetter, values: MacroValues): Promise<string> {
  switch (letter) {
    case 's':
      return `${values.localPart}@${values.senderDomain}`
    case 'l':
      return values.localPart
    case 'o':
      return values.senderDomain
    case 'd':
      return values.domain
    case 'i':
      return dottedAddress(values.address)
    case 'p':
      return values.validatedName()
    case 'v':
      return values.address.family === 4 ? 'in-addr' : 'ip6'
    case 'h':
      return values.helo
  }
}

/** §7.3: nibbles between dots for IPv6. */
function dottedAddress(address: IpAddress): string {
  if (address.family === 4) return formatAddress(address)
  return address.bytes.map((byte) => `${(byte >> 4).toString(16)}.${(byte & 15).toString(16)}`).join('.')
}

function transform(value: string, { keep, reversed, delimiters }: Extract<MacroPart, { kind: 'macro' }>): string {
  if (keep === null && !reversed && delimiters === '') return value
  const separators = new Set(delimiters === '' ? '.' : delimiters)
  const pieces: string[] = []
  let piece = ''
  for (const character of value) {
    if (separators.has(character)) {
      pieces.push(piece)
      piece = ''
    } else piece += character
  }
  pieces.push(piece)
  if (reversed) pieces.reverse()
  return (keep === null ? pieces : pieces.slice(-keep)).join('.')
}

/** RFC 3986 §2.3: everything but the unreserved characters. */
function escapeForUrl(value: string): string {
  return value.replace(/[^A-Za-z0-9._~-]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/**
 * The name that an expanded domain-spec stands for, cut from the left to 253 characters (§7.3). Undefined where no question can
 * be made of it (an empty label, one that is too long): nothing can be published there.
 */
export function nameOfExpansion(expanded: string): DomainName | undefined {
  let text = expanded.endsWith('.') ? expanded.slice(0, -1) : expanded
  while (text.length > MAX_NAME_OCTETS - 2) {
    const dot = text.indexOf('.')
    if (dot < 0) return undefined
    text = text.slice(dot + 1)
  }
  const labels = text.split('.')
  return labels.every((label) => label.length > 0 && label.length <= MAX_LABEL_OCTETS) ? nameFromLabels(labels) : undefined
}
