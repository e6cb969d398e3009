/**
 * The text side of MTA-STS (RFC 8461): the TXT record of §3.1, the policy file of §3.2 with every fault in its line, and which
 * MX hosts the policy's patterns cover (§4.1). Pure.
 */
import { canonicalName, isHostName, parentName, parseName, type DomainName } from '../core/domain-name.ts'
import { findTag, parseTagList, type TagFault } from './tag-list.ts'

export interface MtaStsRecord {
  readonly text: string
  /** Changes with the policy; null where it is missing or malformed, and the record void with it. */
  readonly id: string | null
  readonly faults: readonly TagFault[]
}

export function isMtaStsRecord(text: string): boolean {
  return /^v=STSv1[ \t]*(?:;|$)/.test(text)
}

export function parseMtaStsRecord(text: string): MtaStsRecord {
  const { tags, faults } = parseTagList(text)
  const id = findTag(tags, 'id')
  if (id === undefined) return { text, id: null, faults: [...faults, { position: text.length + 1, problem: 'missingTag', tag: 'id' }] }
  if (/^[A-Za-z0-9]{1,32}$/.test(id.value)) return { text, id: id.value, faults }
  return { text, id: null, faults: [...faults, { position: id.valuePosition, problem: 'badValue', tag: 'id' }] }
}

export type MtaStsMode = 'enforce' | 'testing' | 'none'

export type PolicyProblem = 'noColon' | 'badCharacter' | 'badValue' | 'duplicateKey' | 'missingKey'

export interface PolicyFault {
  /** From 1; behind the last line for what is missing. */
  readonly line: number
  /** The peer's text. */
  readonly key: string
  readonly problem: PolicyProblem
}

export interface MtaStsPolicy {
  /** Null where it is missing or none of the three. */
  readonly mode: MtaStsMode | null
  readonly maxAgeSeconds: number | null
  /** In the order of the file; only those that are well-formed. */
  readonly patterns: readonly string[]
  readonly faults: readonly PolicyFault[]
  /** Whether senders can use it. A line that is no field, or a key written twice, does not spoil it. */
  readonly valid: boolean
}

/** §3.2: a year and a few days. */
export const MAX_AGE_SECONDS = 31_557_600
const MAX_LINES = 1000
const MAX_PATTERNS = 200
const MAX_FAULTS = 20
const MAX_KEY_SHOWN = 64

/** `text` holds raw octets as latin1 characters. */
export function parseMtaStsPolicy(text: string): MtaStsPolicy {
  const faults: PolicyFault[] = []
  const fail = (line: number, problem: PolicyProblem, key: string): void => {
    if (faults.length < MAX_FAULTS) faults.push({ line, key: key.slice(0, MAX_KEY_SHOWN), problem })
  }
  const fields = new Map<string, { readonly value: string; readonly line: number }>()
  const patterns: string[] = []
  let badPatterns = 0
  const lines = text.split('\n', MAX_LINES)
  for (const [index, raw] of lines.entries()) {
    const line = index + 1
    const content = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (content.trim() === '') continue
    const [, key = '', value = ''] = /^([A-Za-z0-9][A-Za-z0-9_.-]*):[ \t]*(.*?)[ \t]*$/.exec(content) ?? []
    if (key === '') fail(line, 'noColon', content)
    else if (key === 'mx') {
      if (!isPattern(value)) {
        fail(line, 'badValue', key)
        badPatterns++
      } else if (patterns.length < MAX_PATTERNS) patterns.push(value.toLowerCase())
    } else if (!KNOWN_KEYS.includes(key)) continue
    else if (fields.has(key)) fail(line, 'duplicateKey', key)
    else {
      fields.set(key, { value, line })
      if (/[^\x20-\x7e]/.test(value)) fail(line, 'badCharacter', key)
    }
  }
  const read = <Value>(key: string, parse: (value: string) => Value | null): Value | null => {
    const field = fields.get(key)
    const value = field ? parse(field.value) : null
    if (value === null) fail(field?.line ?? lines.length + 1, field ? 'badValue' : 'missingKey', key)
    return value
  }
  const version = read('version', (value) => (value === 'STSv1' ? value : null))
  const mode = read('mode', (value) => (isMode(value) ? value : null))
  const maxAgeSeconds = read('max_age', parseMaxAge)
  if (patterns.length === 0 && badPatterns === 0 && mode !== 'none') fail(lines.length + 1, 'missingKey', 'mx')
  const isWhole = version !== null && mode !== null && maxAgeSeconds !== null
  const valid = isWhole && badPatterns === 0 && (patterns.length > 0 || mode === 'none')
  return { mode, maxAgeSeconds, patterns, faults, valid }
}

const KNOWN_KEYS: readonly string[] = ['version', 'mode', 'max_age']

function isMode(value: string): value is MtaStsMode {
  return value === 'enforce' || value === 'testing' || value === 'none'
}

function parseMaxAge(value: string): number | null {
  return /^[0-9]{1,10}$/.test(value) && Number(value) <= MAX_AGE_SECONDS ? Number(value) : null
}

/** A host name, or one whose first label is an asterisk. */
function isPattern(value: string): boolean {
  const name = parseName(value.startsWith('*.') ? value.slice(2) : value)
  return name !== undefined && !value.endsWith('.') && isHostName(name) && name.includes('.')
}

/** The first pattern that covers the host; an asterisk stands for exactly one label (§4.1). */
export function coveringPattern(patterns: readonly string[], host: DomainName): string | null {
  const canonical = canonicalName(host)
  const parent = parentName(canonical)
  return patterns.find((pattern) => pattern === canonical || (parent !== undefined && pattern === `*.${parent}`)) ?? null
}
