/**
 * Words for what the schema refuses: what was expected, what stands there, and what was probably meant.
 * Messages that the schema itself gives are better than any from here, and stay.
 */
import type { z } from 'zod'
import { parseDuration } from '../../core/duration.ts'
import { formatPath, type ConfigKey } from './config-keys.ts'
import { describeValue } from './fields.ts'
import { LISTENER_KINDS } from './listener-schema.ts'
import { isSameWord, nearestOf } from './suggest.ts'

export interface ExplainedIssue {
  readonly path: readonly PropertyKey[]
  /** What is at fault: the key, or what stands behind it. */
  readonly at: 'key' | 'value'
  readonly message: string
}

/** For `safeParse`: used where the schema has no words of its own. */
export function explain(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue
  switch (issue.code) {
    case 'invalid_type':
      return explainType(issue.expected, input, issue.path ?? [])
    case 'invalid_value':
      return explainChoice(issue.values.map(String), input)
    case 'invalid_union':
      return typeof issue.discriminator === 'string' ? explainChoice([...LISTENER_KINDS], valueOf(input, issue.discriminator)) : undefined
    case 'too_small':
      if (issue.origin === 'array') return 'the list is empty'
      return issue.origin === 'string' ? 'the text is empty' : `expected ${String(issue.minimum)} or more, not ${describeValue(input)}`
    case 'too_big':
      if (issue.origin === 'array') return `the list has more than ${String(issue.maximum)} entries`
      if (issue.origin === 'string') return `the text has more than ${String(issue.maximum)} characters`
      return `expected ${String(issue.maximum)} or less, not ${describeValue(input)}`
    default:
      return undefined
  }
}

/** A problem for each unknown key, at its own place. `root` is the whole config as it stands in the file. */
export function explainedIssues(issue: z.core.$ZodIssue, root: unknown, keys: readonly ConfigKey[]): ExplainedIssue[] {
  if (issue.code !== 'unrecognized_keys') return entriesAtFault(issue, root)
  return issue.keys.map((key) => ({ path: [...issue.path, key], at: 'key', message: explainUnknownKey(key, issue.path, root, keys) }))
}

/** Where a text or a list of texts may stand, and a list does: those of its entries that are no texts. */
function entriesAtFault(issue: z.core.$ZodIssue, root: unknown): ExplainedIssue[] {
  const within = issue.code === 'invalid_union' && Array.isArray(issue.path.reduce(valueOf, root)) ? issue.errors.flat() : []
  const entries = within.filter(({ path }) => path.length > 0)
  return (entries.length > 0 ? entries : [{ path: [], message: issue.message }]).map(({ path, message }) => ({
    path: [...issue.path, ...path],
    at: 'value',
    message,
  }))
}

function explainType(expected: string, input: unknown, path: readonly PropertyKey[]): string {
  if (input === undefined) return 'is missing, and has no default'
  if (input === null) return explainNothing(TYPE_NAMES[expected] ?? expected, path)
  const hint = hintFor(expected, input, path)
  return `expected ${TYPE_NAMES[expected] ?? expected}, not ${describeValue(input)}${hint === undefined ? '' : `; ${hint}`}`
}

function explainNothing(wanted: string, path: readonly PropertyKey[]): string {
  return typeof path.at(-1) === 'number'
    ? `nothing stands here; write ${wanted}`
    : `nothing stands behind this key; write ${wanted}, or leave the key out`
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'keys with values',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

function hintFor(expected: string, input: unknown, path: readonly PropertyKey[]): string | undefined {
  if (typeof input === 'string') {
    if (expected === 'int' || expected === 'number') return numberHint(input, String(path.at(-1)))
    if (expected === 'boolean') return SPOKEN_BOOLEANS.get(input.toLowerCase())
    if (expected === 'object' && /^[a-z]\w*:\S/i.test(input)) return 'a space is missing behind the colon'
  }
  if (expected === 'array') return 'write [one, two], or each on a line of its own behind a hyphen and a space'
  if (expected === 'string' && typeof input !== 'object') return 'write it in quotes'
  return undefined
}

const SPOKEN_BOOLEANS: ReadonlyMap<string, string> = new Map([
  ...['yes', 'on', 'y', '1', 'true'].map((word) => [word, 'write true'] as const),
  ...['no', 'off', 'n', '0', 'false'].map((word) => [word, 'write false'] as const),
])

function numberHint(text: string, key: string): string | undefined {
  const digits = text.replace(/[_, ]/g, '')
  if (/^[0-9]+(?:\.[0-9]+)?$/.test(digits)) return `write ${digits}`
  const duration = key.endsWith('Ms') ? parseDuration(digits) : undefined
  if (duration?.kind === 'duration') return `write ${String(duration.ms)}, in milliseconds`
  const percent = /^([0-9]{1,3})%$/.exec(digits)?.[1]
  if (percent !== undefined) return `write ${String(key.endsWith('Share') ? Number(percent) / 100 : Number(percent))}`
  return undefined
}

function explainChoice(choices: readonly string[], input: unknown): string {
  if (input === undefined) return `is missing; it is ${enumerate(choices)}`
  if (input === null) return `nothing stands behind this key; write ${enumerate(choices)}`
  const near = typeof input === 'string' ? nearestOf(input, choices) : undefined
  return `expected ${enumerate(choices)}, not ${describeValue(input)}${near === undefined ? '' : `; did you mean ${near}?`}`
}

function explainUnknownKey(key: string, path: readonly PropertyKey[], root: unknown, keys: readonly ConfigKey[]): string {
  const section = formatPath(path, 'anyIndex')
  const kind = section === 'listeners[]' ? valueOf(path.reduce(valueOf, root), 'kind') : undefined
  const isHere = (candidate: ConfigKey): boolean => candidate.section === section && (kind === undefined || candidate.listenerKind === kind)
  const here = keys.filter(isHere).map(({ name }) => name)

  const near = nearestOf(key, here)
  if (near !== undefined) return `unknown key; did you mean ${near}?`
  const elsewhere = keys.filter((candidate) => !isHere(candidate) && isSameWord(candidate.name, key))
  const ofKinds = elsewhere.filter((candidate) => candidate.section === section).map(({ listenerKind }) => String(listenerKind))
  if (ofKinds.length > 0) return `a listener of kind ${String(kind)} has no such key; those of kind ${enumerate(ofKinds)} have`
  const places = shallowest(elsewhere.length > 0 ? elsewhere : keys.filter(({ name }) => nearestOf(key, [name]) !== undefined))
  if (places.length > 0) return `unknown key here; did you mean ${enumerate(places)}?`
  return `unknown key; known here: ${here.join(', ')}`
}

/** Where it may stand, nearest to the top; none if that is too many places to be a help. */
function shallowest(keys: readonly ConfigKey[]): readonly string[] {
  const depthOf = ({ section }: ConfigKey): number => (section === '' ? 0 : section.split('.').length)
  const least = Math.min(...keys.map(depthOf))
  const places = new Set(
    keys.filter((key) => depthOf(key) === least).map(({ section, name }) => (section === '' ? `${name} at the top` : `${section}.${name}`)),
  )
  return places.size <= MAX_PLACES ? [...places] : []
}

const MAX_PLACES = 3

function valueOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<PropertyKey, unknown>>)[key] : undefined
}

function enumerate(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}
