/**
 * An SPF record as terms (RFC 7208 §4.6.1, §5, §6), all of it parsed before any of it is used: one fault anywhere spoils the
 * record. Faults carry their place. It asks nothing.
 */
import { parseAddress } from '../core/address.ts'
import type { Network } from '../core/network.ts'
import { parseDomainSpec, parseMacroString, type MacroPart, type MacroProblem } from './spf-macro.ts'

export type SpfQualifier = '+' | '-' | '~' | '?'

interface SpfTermBase {
  /** As it is written, qualifier included. */
  readonly text: string
}

interface Mechanism extends SpfTermBase {
  readonly qualifier: SpfQualifier
}

/** `domain` null stands for the domain whose record it is. Prefix lengths are 32 and 128 unless written. */
export type SpfMechanism =
  | (Mechanism & { readonly kind: 'all' })
  | (Mechanism & { readonly kind: 'include' | 'exists'; readonly domain: readonly MacroPart[] })
  | (Mechanism & {
      readonly kind: 'a' | 'mx'
      readonly domain: readonly MacroPart[] | null
      readonly prefix4: number
      readonly prefix6: number
    })
  | (Mechanism & { readonly kind: 'ptr'; readonly domain: readonly MacroPart[] | null })
  | (Mechanism & { readonly kind: 'ip4' | 'ip6'; readonly network: Network })

export interface SpfRecord {
  readonly mechanisms: readonly SpfMechanism[]
  readonly redirect: (SpfTermBase & { readonly domain: readonly MacroPart[] }) | null
}

export type SpfProblem =
  | MacroProblem
  | 'unknownMechanism'
  | 'missingArgument'
  | 'unexpectedArgument'
  | 'badAddress'
  | 'badPrefixLength'
  | 'duplicateModifier'
  | 'modifierWithQualifier'

export interface SpfFault {
  /** Characters from the start of the record, from 1. */
  readonly position: number
  readonly term: string
  readonly problem: SpfProblem
}

export type ParsedSpf = { readonly kind: 'record'; readonly record: SpfRecord } | { readonly kind: 'fault'; readonly fault: SpfFault }

/** §4.5: the version, and then a space or the end. Only such a record counts; all else in TXT is none of SPF's business. */
export function isSpfRecord(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text)
}

/** The text must be one that `isSpfRecord` takes. */
export function parseSpf(text: string): ParsedSpf {
  const mechanisms: SpfMechanism[] = []
  const modifiers = new Set<string>()
  let redirect: SpfRecord['redirect'] = null
  for (let start = VERSION_LENGTH; start < text.length;) {
    if (text.charAt(start) === ' ') {
      start++
      continue
    }
    const space = text.indexOf(' ', start)
    const term = text.slice(start, space < 0 ? text.length : space)
    const parsed = parseTerm(term)
    const fail = (problem: SpfProblem, offset = 0): ParsedSpf => ({
      kind: 'fault',
      fault: { position: start + offset + 1, term: term.slice(0, MAX_TERM_SHOWN), problem },
    })
    if (parsed.kind === 'fault') return fail(parsed.problem, parsed.offset)
    if (parsed.kind === 'mechanism') mechanisms.push(parsed.mechanism)
    else {
      if ((parsed.name === 'redirect' || parsed.name === 'exp') && modifiers.has(parsed.name)) return fail('duplicateModifier')
      modifiers.add(parsed.name)
      if (parsed.name === 'redirect') redirect = { text: term, domain: parsed.domain }
    }
    start += term.length
  }
  return { kind: 'record', record: { mechanisms, redirect } }
}

const VERSION_LENGTH = 'v=spf1'.length
const MAX_TERM_SHOWN = 256

type Fault = { readonly kind: 'fault'; readonly offset: number; readonly problem: SpfProblem }
type ParsedTerm =
  | { readonly kind: 'mechanism'; readonly mechanism: SpfMechanism }
  | { readonly kind: 'modifier'; readonly name: string; readonly domain: readonly MacroPart[] }
  | Fault

const fault = (offset: number, problem: SpfProblem): Fault => ({ kind: 'fault', offset, problem })

function parseTerm(term: string): ParsedTerm {
  const modifier = /^([+\-?~]?)([a-z][a-z0-9\-_.]*)=/i.exec(term)
  if (modifier) {
    const [head, sign, name = ''] = modifier
    return sign === '' ? parseModifier(name.toLowerCase(), term.slice(head.length), head.length) : fault(0, 'modifierWithQualifier')
  }
  const [head, sign = '', name = ''] = /^([+\-?~]?)([a-z][a-z0-9\-_.]*)/i.exec(term) ?? []
  if (head === undefined) return fault(0, /^[\x21-\x7e]*$/.test(term) ? 'unknownMechanism' : 'badCharacter')
  return parseMechanism(name.toLowerCase(), term, head.length, isQualifier(sign) ? sign : '+')
}

function isQualifier(sign: string): sign is SpfQualifier {
  return sign !== '' && '+-?~'.includes(sign)
}

function parseModifier(name: string, value: string, offset: number): ParsedTerm {
  const needsDomain = name === 'redirect' || name === 'exp'
  const parsed = needsDomain ? parseDomainSpec(value) : parseMacroString(value)
  if (parsed.kind === 'fault') return fault(offset + parsed.offset, parsed.problem)
  return { kind: 'modifier', name, domain: parsed.parts }
}

function parseMechanism(name: string, text: string, headLength: number, qualifier: SpfQualifier): ParsedTerm {
  const rest = text.slice(headLength)
  const base = { text, qualifier }
  switch (name) {
    case 'all':
      return rest === '' ? { kind: 'mechanism', mechanism: { ...base, kind: 'all' } } : fault(headLength, 'unexpectedArgument')
    case 'include':
    case 'exists': {
      if (!rest.startsWith(':')) return fault(headLength, 'missingArgument')
      const domain = parseDomainSpec(rest.slice(1))
      if (domain.kind === 'fault') return fault(headLength + 1 + domain.offset, domain.problem)
      return { kind: 'mechanism', mechanism: { ...base, kind: name, domain: domain.parts } }
    }
    case 'ptr': {
      const domain = parseOptionalDomain(rest)
      if (domain.kind === 'fault') return fault(headLength + domain.offset, domain.problem)
      return { kind: 'mechanism', mechanism: { ...base, kind: 'ptr', domain: domain.parts } }
    }
    case 'a':
    case 'mx':
      return parseHostMechanism(name, rest, headLength, base)
    case 'ip4':
    case 'ip6':
      return parseAddressMechanism(name, rest, headLength, base)
    default:
      return fault(0, 'unknownMechanism')
  }
}

function parseOptionalDomain(rest: string): { kind: 'parts'; parts: readonly MacroPart[] | null } | Fault {
  if (rest === '') return { kind: 'parts', parts: null }
  if (!rest.startsWith(':')) return fault(0, 'unexpectedArgument')
  const parsed = parseDomainSpec(rest.slice(1))
  return parsed.kind === 'fault' ? fault(1 + parsed.offset, parsed.problem) : parsed
}

/** §5.3, §5.4: the prefix lengths stand at the end; a slash further to the left belongs to the name. */
function parseHostMechanism(kind: 'a' | 'mx', rest: string, headLength: number, base: Mechanism): ParsedTerm {
  const [lengths = '', length4, length6] = /(?:\/([0-9]+))?(?:\/\/([0-9]+))?$/.exec(rest) ?? []
  const domain = parseOptionalDomain(rest.slice(0, rest.length - lengths.length))
  if (domain.kind === 'fault') return fault(headLength + domain.offset, domain.problem)
  const prefix4 = prefixLength(length4, 32)
  const prefix6 = prefixLength(length6, 128)
  if (prefix4 === undefined || prefix6 === undefined) return fault(headLength + rest.length - lengths.length, 'badPrefixLength')
  return { kind: 'mechanism', mechanism: { ...base, kind, domain: domain.parts, prefix4, prefix6 } }
}

function parseAddressMechanism(kind: 'ip4' | 'ip6', rest: string, headLength: number, base: Mechanism): ParsedTerm {
  if (!rest.startsWith(':')) return fault(headLength, 'missingArgument')
  const slash = rest.indexOf('/')
  const address = parseAddress(slash < 0 ? rest.slice(1) : rest.slice(1, slash))
  if (address?.family !== (kind === 'ip4' ? 4 : 6)) return fault(headLength + 1, 'badAddress')
  const length = prefixLength(slash < 0 ? undefined : rest.slice(slash + 1), address.bytes.length * 8)
  if (length === undefined) return fault(headLength + slash, 'badPrefixLength')
  return {
    kind: 'mechanism',
    mechanism: { ...base, kind, network: { address: masked(address.bytes, address.family, length), prefixLength: length } },
  }
}

/** Undefined for anything that is not a plain number up to `most`; `most` where none is written. */
function prefixLength(digits: string | undefined, most: number): number | undefined {
  if (digits === undefined) return most
  return /^(?:0|[1-9][0-9]{0,2})$/.test(digits) && Number(digits) <= most ? Number(digits) : undefined
}

function masked(bytes: readonly number[], family: 4 | 6, length: number): Network['address'] {
  return { family, bytes: bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - index * 8)))) }
}
