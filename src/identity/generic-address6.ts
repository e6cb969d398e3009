/**
 * The trace of an IPv6 address in a name: its nibbles run together or separated, its groups padded, shortened or compressed,
 * its prefix, its interface identifier, or the MAC address in an EUI-64 (RFC 4291 appendix A).
 */
import type { NameParts, Token } from './generic-name.ts'
import type { AddressTrace } from './generic-trace.ts'

export function traceIpv6(parts: NameParts, bytes: readonly number[]): AddressTrace | undefined {
  return traceNibbles(parts, bytes) ?? traceGroups(parts, bytes)
}

/** Nibbles without gaps, once the separators are gone. */
function traceNibbles({ compact }: NameParts, bytes: readonly number[]): AddressTrace | undefined {
  if (!HEX_RUN.test(compact)) return undefined
  const nibbles = hexOf(bytes)
  const backwards = hexBackwards(bytes)
  if (compact.includes(nibbles) || compact.includes(backwards)) return trace('whole', 32)
  const prefix = nibbles.slice(0, 16)
  const identifier = nibbles.slice(16)
  if (compact.includes(prefix) || compact.includes(backwards.slice(16))) return trace('most', 16)
  if (isTelling(identifier) && (compact.includes(identifier) || compact.includes(backwards.slice(0, 16)))) return trace('most', 16)
  if (holdsMacAddress(compact, bytes)) return trace('most', 12)
  return undefined
}

/** The shortest of what is looked for is a MAC address; most names have no such run. */
const HEX_RUN = /[0-9a-f]{12}/

/** With the universal/local bit as in the address, and flipped back as on the card. */
function holdsMacAddress(compact: string, bytes: readonly number[]): boolean {
  if (bytes[11] !== 0xff || bytes[12] !== 0xfe) return false
  const tail = hexOf([bytes[9] ?? 0, bytes[10] ?? 0, bytes[13] ?? 0, bytes[14] ?? 0, bytes[15] ?? 0])
  return compact.includes(hexOf([(bytes[8] ?? 0) ^ 2]) + tail) || compact.includes(hexOf([bytes[8] ?? 0]) + tail)
}

/** `::1` and `::25` are chosen by hand; their zeros are in too many names. */
function isTelling(identifier: string): boolean {
  return identifier.replaceAll('0', '').length >= 6
}

/** Groups as a person writes them: `2001-db8-0-1`, `2001-0db8-…`, `2001-db8--25`. */
function traceGroups(parts: NameParts, bytes: readonly number[]): AddressTrace | undefined {
  const tokens = parts.tokens.filter((token) => token.end <= parts.hostEnd).slice(0, MAX_TOKENS)
  const values = tokens.map(groupValue)
  // Two groups are the least that tells; most names have not as many.
  if (values.filter((value) => value !== undefined).length < 2) return undefined
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0))
  const needed = groups.filter((group) => group !== 0).length
  let best = NO_MATCH
  for (let first = 0; first < values.length; first++) {
    if (values[first] === undefined) continue
    for (let group = 0; group < 8; group++) {
      if (groups[group] === 0 || groups[group] !== values[first]) continue
      const match = matchGroups(tokens, values, groups, first, group)
      if (match.digits > best.digits) best = match
    }
  }
  const { count, digits, last, first } = best
  if (count < 2 || digits < 3) return undefined
  const bare = tokens.slice(first, last + 1).every((token) => BARE_LABEL.test(parts.labels[token.label] ?? ''))
  if (count >= needed && count >= 3 && digits >= 8) return { ...trace('whole', digits), bare }
  if (count >= 3 && digits >= 8) return { ...trace('most', digits), bare }
  return { extent: 'part', digits, tight: true, bare }
}

const MAX_TOKENS = 40
const BARE_LABEL = /^[0-9a-f-]+$/

interface GroupMatch {
  readonly count: number
  readonly digits: number
  readonly first: number
  readonly last: number
}

const NO_MATCH: GroupMatch = { count: 0, digits: 0, first: 0, last: 0 }

/** From one token and one group on, in step; zero groups may be missing from the name, as in `::`. */
function matchGroups(
  tokens: readonly Token[],
  values: readonly (number | undefined)[],
  groups: readonly number[],
  first: number,
  start: number,
): GroupMatch {
  let group = start
  let index = first
  let count = 0
  let digits = 0
  while (index < values.length && group < 8) {
    if (values[index] === groups[group]) {
      if (groups[group] !== 0) {
        count++
        digits += tokens[index]?.text.replace(LEADING_ZEROS, '').length ?? 0
      }
      index++
      group++
    } else if (groups[group] === 0 && values[index] !== undefined) group++
    else break
  }
  return { count, digits, first, last: index - 1 }
}

const LEADING_ZEROS = /^0+/
const GROUP = /^[0-9a-f]{1,4}$/

function groupValue({ text }: Token): number | undefined {
  return GROUP.test(text) ? Number.parseInt(text, 16) : undefined
}

function trace(extent: 'whole' | 'most', digits: number): AddressTrace {
  return { extent, digits, tight: true, bare: false }
}

function hexOf(bytes: readonly number[]): string {
  let text = ''
  for (const byte of bytes) text += HEX2[byte] ?? ''
  return text
}

/** By nibbles, as in ip6.arpa. */
function hexBackwards(bytes: readonly number[]): string {
  let text = ''
  for (const byte of bytes) text = (SWAPPED_HEX2[byte] ?? '') + text
  return text
}

const HEX2: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const SWAPPED_HEX2: readonly string[] = Array.from({ length: 256 }, (_, byte) => (byte & 15).toString(16) + (byte >> 4).toString(16))
