/**
 * Which receiver's words stand in a text, and which finding they mean: the data that renders replies, read backwards. Replies come
 * broken into lines at any space, with codes in front of each (`550-5.7.25 `), so words are compared and not lines. Of several
 * texts the one with the most words of its own is meant. It judges nothing beyond what is written.
 */
import { parseAddress, type IpAddress } from '../core/address.ts'
import type { FindingCode } from '../findings/catalogue.ts'
import type { Persona, ReceiverText } from './persona.ts'
import { literalLength } from './schema.ts'

export interface Recognition {
  /** The receivers that say it in these words, the likeliest first. */
  readonly personas: readonly Persona[]
  readonly findings: readonly FindingCode[]
  /** Where the words stand in the text. */
  readonly start: number
  readonly end: number
  readonly status: SpokenStatus
  /** As far as the words name them. */
  readonly address: IpAddress | null
  readonly ptrName: string | null
}

/** Basic and enhanced code in front of the words. */
export interface SpokenStatus {
  readonly code: number | null
  readonly enhanced: string | null
  /** Where they begin, or the words if there are none. */
  readonly start: number
}

export interface Recogniser {
  readonly patterns: readonly Pattern[]
}

interface Pattern {
  readonly expression: RegExp
  readonly length: number
  readonly uses: readonly Use[]
}

interface Use {
  readonly persona: Persona
  readonly text: ReceiverText
}

export function createRecogniser(personas: readonly Persona[]): Recogniser {
  const uses = new Map<string, Use[]>()
  for (const persona of personas) {
    for (const text of persona.texts) {
      const key = text.key.toLowerCase()
      uses.set(key, [...(uses.get(key) ?? []), { persona, text }])
    }
  }
  const patterns = Array.from(uses, ([key, users]) => ({ expression: expressionOf(key), length: literalLength(key), uses: users }))
  return { patterns: patterns.toSorted((left, right) => right.length - left.length) }
}

/** `host`: the server that spoke, where it is known; it tells receivers apart that say the same. The text must be normal. */
export function recognise(recogniser: Recogniser, text: string, host: string | null): Recognition | undefined {
  for (const { expression, uses } of recogniser.patterns) {
    const match = expression.exec(text)
    if (!match) continue
    const status = statusBefore(text, match.index)
    const likely = likeliest(uses, status, host)
    const [first] = likely
    if (!first) continue
    const { ip, ptr } = match.groups ?? {}
    return {
      personas: [...new Set(likely.map(({ persona }) => persona))],
      findings: first.text.findings,
      start: match.index,
      end: match.index + match[0].length,
      status,
      address: ip === undefined ? null : (spokenAddress(ip) ?? null),
      ptrName: ptr ?? null,
    }
  }
  return undefined
}

/** The receiver to whom a server belongs, by its name. */
export function personaOfHost(personas: readonly Persona[], host: string): Persona | undefined {
  return personas.find(({ hosts }) => hosts.some((pattern) => isHostOf(pattern, host)))
}

/** One line, one space between words, and none of the marks in front of quoted lines and of those in transcripts. */
export function normalText(text: string): string {
  return text
    .replace(/^[ \t]*(?:[>|][ \t]?)*(?:<<<[ \t])?/gm, ' ')
    .replace(/\\n/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

/** As replies write it: `IPv6:` in front, a full stop or a bracket behind. */
export function spokenAddress(text: string): IpAddress | undefined {
  return parseAddress(text.replace(/^IPv6:/i, '').replace(/(?<=[0-9a-f])[.:]$/i, ''))
}

/** Between two words there may be the code of the next line. */
const GAP = ' (?:[245][0-9]{2}[- ])?(?:[245]\\.[0-9]{1,3}\\.[0-9]{1,3} )?'

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  ip: '(?<ip>(?:IPv6:)?[0-9A-Fa-f:.]{2,45})',
  ptr: '(?<ptr>[^ \\]<>]{1,255})',
  helo: '[^<>]{0,255}',
  host: '[^ ]{1,255}',
  any: '.{0,300}?',
}

function expressionOf(key: string): RegExp {
  const words = key.split(' ').map((word) =>
    word
      .split(/\{([a-z]+)\}/)
      .map((part, index) => (index % 2 === 0 ? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : (PLACEHOLDERS[part] ?? '')))
      .join(''),
  )
  return new RegExp(`(?<![0-9A-Za-z])${words.join(GAP)}`, 'i')
}

/** Narrowed by the server that spoke, then by the codes, as long as any are left. */
function likeliest(uses: readonly Use[], { code, enhanced }: SpokenStatus, host: string | null): readonly Use[] {
  const narrow = (candidates: readonly Use[], fits: (use: Use) => boolean): readonly Use[] => {
    const kept = candidates.filter(fits)
    return kept.length > 0 ? kept : candidates
  }
  const byHost = narrow(uses, ({ persona }) => host !== null && persona.hosts.some((pattern) => isHostOf(pattern, host)))
  const byCode = narrow(byHost, ({ text }) => code !== null && text.code === code)
  const byClass = narrow(byCode, ({ text }) => code !== null && text.code !== null && text.code >= 500 === code >= 500)
  return narrow(byClass, ({ text }) => enhanced !== null && text.enhanced !== null && isWithinRange(enhanced, text.enhanced))
}

function isWithinRange(enhanced: string, { first, last }: { readonly first: string; readonly last: string }): boolean {
  const [from, to, given] = [first, last, enhanced].map(lastNumber)
  return prefixOf(enhanced) === prefixOf(first) && (given ?? 0) >= (from ?? 0) && (given ?? 0) <= (to ?? 0)
}

function lastNumber(status: string): number {
  return Number(status.slice(status.lastIndexOf('.') + 1))
}

function prefixOf(status: string): string {
  return status.slice(0, status.lastIndexOf('.'))
}

function isHostOf(pattern: string, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) || name === pattern.slice(2) : name === pattern
}

/** The last codes ahead of the words, and not those of an earlier reply. */
function statusBefore(text: string, at: number): SpokenStatus {
  const from = Math.max(0, at - MAX_LEAD)
  const lead = text.slice(from, at)
  let status: SpokenStatus = { code: null, enhanced: null, start: at }
  for (const match of lead.matchAll(STATUS)) {
    const [, code, enhanced, alone] = match
    const found = { code: code === undefined ? null : Number(code), enhanced: enhanced ?? alone ?? null, start: from + match.index }
    // Each line of a reply has the codes; the first of them is where it begins.
    const isSame = status.code === found.code && (status.enhanced === found.enhanced || found.enhanced === null)
    if (!isSame || status.code === null) status = found
  }
  return status
}

const MAX_LEAD = 400
const STATUS =
  /(?<![0-9A-Za-z.:=-])(?:([45][0-7][0-9])(?:[- ](?:#?([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))?|(?=$))|([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))/g
