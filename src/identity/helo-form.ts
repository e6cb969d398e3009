/**
 * The argument of HELO or EHLO by its form alone (RFC 5321 §4.1.2, §4.1.3); it asks no DNS and takes any hostile text.
 * More lenient than the RFC where every large receiver is: one trailing dot is dropped, and an underscore is a letter, both as
 * in Postfix (smtpd_check.c, valid_hostname.c). Exim refuses underscores: a finding says so. Raw 8-bit text is `notAscii`.
 */
import { parseAddress, unmapAddress } from '../core/address.ts'
import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS, nameFromLabels, type DomainName } from '../core/domain-name.ts'
import type { HeloForm, HeloProblem } from './facts.ts'

export function parseHelo(claimedName: string): HeloForm {
  if (claimedName === '') return invalid('empty')
  // Before anything reads it to its end: the text may be of any length.
  if (claimedName.length > MAX_NAME_TEXT + 1) return invalid('tooLong')
  if (NOT_ASCII.test(claimedName)) return invalid('notAscii')
  if (claimedName.startsWith('[')) return parseLiteral(claimedName)
  const text = claimedName.endsWith('.') ? claimedName.slice(0, -1) : claimedName
  const address = parseAddress(text)
  if (address) return { kind: 'bareAddress', address: unmapAddress(address) }
  const labels = text.split('.')
  const problem = labels.map(problemOfLabel).find((found) => found !== undefined)
  if (problem) return invalid(problem)
  if (text.length > MAX_NAME_TEXT) return invalid('tooLong')
  if (ONLY_DIGITS_AND_DOTS.test(text)) return invalid('numeric')
  return { kind: 'name', name: nameFromLabels(labels) }
}

/** How far a claimed name reaches: a name of the local host and a single label mean nothing to anybody else. */
export type HeloNameScope = 'localhost' | 'singleLabel' | 'qualified'

export function scopeOfHeloName(name: DomainName): HeloNameScope {
  // The form of a HELO name has no escapes: its dots are between labels.
  if (LOCAL_HOST.test(name)) return 'localhost'
  return name.includes('.') ? 'qualified' : 'singleLabel'
}

/** An underscore is no letter of a host name (RFC 5321 §4.1.2), though most receivers let it pass. */
export function hasUnderscore(name: DomainName): boolean {
  return name.includes('_')
}

/** 255 octets on the wire are one length octet before each label, and the root: 253 characters of text. */
const MAX_NAME_TEXT = MAX_NAME_OCTETS - 2
const NOT_ASCII = /[\u0080-\uffff]/
const NAME_CHARACTERS = /^[a-z0-9_-]*$/i
const ONLY_DIGITS_AND_DOTS = /^[0-9.]*$/
/** What Linux distributions write into /etc/hosts, and so into the HELO of an unconfigured server. */
const LOCAL_HOST = /(?:^|\.)localhost$|^(?:localhost[46]?|ip6-localhost|ip6-loopback)(?:\.localdomain[46]?)*$/i

function invalid(problem: HeloProblem): HeloForm {
  return { kind: 'invalid', problem }
}

/** `IPv6:` is obligatory for IPv6, in any case; no other tag has ever been standardised. */
function parseLiteral(text: string): HeloForm {
  if (!text.endsWith(']')) return invalid('badLiteral')
  const inner = text.slice(1, -1)
  const isTagged = /^ipv6:/i.test(inner)
  const address = parseAddress(isTagged ? inner.slice('IPv6:'.length) : inner)
  if (address?.family !== (isTagged ? 6 : 4)) return invalid('badLiteral')
  return { kind: 'literal', address: unmapAddress(address) }
}

function problemOfLabel(label: string): HeloProblem | undefined {
  if (label === '') return 'emptyLabel'
  if (!NAME_CHARACTERS.test(label)) return 'character'
  if (label.length > MAX_LABEL_OCTETS) return 'labelTooLong'
  return label.startsWith('-') || label.endsWith('-') ? 'hyphen' : undefined
}
