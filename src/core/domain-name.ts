/**
 * Domain names as label sequences of bytes (RFC 1035 §3.1, RFC 2181 §11), held as text in one normal form.
 * The form is RFC 1035 §5.1 escaping: printable ASCII only, no trailing dot, the root is `.`. It is one-to-one with the
 * labels, so `a\.b.example` (two labels) and `a.b.example` (three) differ, and no raw control byte can be in it.
 */

declare const domainNameBrand: unique symbol
/** Case is kept; compare with `sameName` or on `canonicalName`. */
export type DomainName = string & { readonly [domainNameBrand]: true }

export const ROOT = '.' as DomainName
export const MAX_NAME_OCTETS = 255
export const MAX_LABEL_OCTETS = 63

export type NameSyntaxError = 'empty' | 'emptyLabel' | 'labelTooLong' | 'nameTooLong' | 'badEscape' | 'notAscii'

/** Reads presentation text (`mail.example.com`, `mail.example.com.`, `a\.b.example`, `a\046b.example`). */
export function parseName(text: string): DomainName | undefined {
  const parsed = parseNameStrictly(text)
  return parsed.kind === 'name' ? parsed.name : undefined
}

export function parseNameStrictly(text: string): { kind: 'name'; name: DomainName } | { kind: 'error'; error: NameSyntaxError } {
  if (text === '') return { kind: 'error', error: 'empty' }
  if (text === '.') return { kind: 'name', name: ROOT }
  if (text.length > MAX_TEXT_LENGTH) return { kind: 'error', error: 'nameTooLong' }
  const labels = splitPresentation(text.endsWith('.') && !isEscaped(text, text.length - 1) ? text.slice(0, -1) : text)
  if (typeof labels === 'string') return { kind: 'error', error: labels }
  let octets = 1
  for (const label of labels) {
    if (label.length === 0) return { kind: 'error', error: 'emptyLabel' }
    if (label.length > MAX_LABEL_OCTETS) return { kind: 'error', error: 'labelTooLong' }
    octets += label.length + 1
  }
  if (octets > MAX_NAME_OCTETS) return { kind: 'error', error: 'nameTooLong' }
  return { kind: 'name', name: nameFromLabels(labels) }
}

/** Each of at most 255 octets written as \DDD, and the dots: whatever is longer cannot fit, and is not read to its end. */
const MAX_TEXT_LENGTH = 4 * MAX_NAME_OCTETS

/** Like `parseName`, for names written in code: throws on a mistake. */
export function name(text: string): DomainName {
  const parsed = parseNameStrictly(text)
  if (parsed.kind === 'error') throw new TypeError(`not a domain name (${parsed.error}): ${JSON.stringify(text)}`)
  return parsed.name
}

/** Builds a name from raw labels, one latin1 character an octet. The caller vouches for the lengths. */
export function nameFromLabels(labels: readonly string[]): DomainName {
  return (labels.length === 0 ? '.' : labels.map(escapeLabel).join('.')) as DomainName
}

/** The raw labels, one latin1 character an octet; the root has none. */
export function labelsOf(domainName: DomainName): readonly string[] {
  if (domainName === ROOT) return []
  if (!domainName.includes('\\')) return domainName.split('.')
  const labels = splitPresentation(domainName)
  if (typeof labels === 'string') throw new TypeError(`not a normal-form name: ${domainName}`)
  return labels
}

/** ASCII letters folded (RFC 4343); nothing else is in the normal form, so `toLowerCase` is exact. */
export function canonicalName(domainName: DomainName): DomainName {
  return domainName.toLowerCase() as DomainName
}

export function sameName(left: DomainName, right: DomainName): boolean {
  return left === right || (left.length === right.length && left.toLowerCase() === right.toLowerCase())
}

/** RFC 4034 §6.1: by labels from the right, each by lower-cased octets. */
export function compareNames(left: DomainName, right: DomainName): number {
  const leftLabels = labelsOf(canonicalName(left)).toReversed()
  const rightLabels = labelsOf(canonicalName(right)).toReversed()
  for (let index = 0; index < Math.min(leftLabels.length, rightLabels.length); index++) {
    const a = leftLabels[index] ?? ''
    const b = rightLabels[index] ?? ''
    if (a !== b) return a < b ? -1 : 1
  }
  return leftLabels.length - rightLabels.length
}

/** True for the ancestor itself as well. By whole labels: `evil-example.com` and `evil\.example.com` are not within `example.com`. */
export function isWithin(domainName: DomainName, ancestor: DomainName): boolean {
  if (ancestor === ROOT) return true
  const text = canonicalName(domainName)
  const suffix = canonicalName(ancestor)
  if (!text.endsWith(suffix)) return false
  const dot = text.length - suffix.length - 1
  return dot === -1 || (text[dot] === '.' && !isEscaped(text, dot))
}

/** The name with its first label removed; undefined for the root. */
export function parentName(domainName: DomainName): DomainName | undefined {
  if (domainName === ROOT) return undefined
  let dot = domainName.indexOf('.')
  while (dot > 0 && isEscaped(domainName, dot)) dot = domainName.indexOf('.', dot + 1)
  return dot < 0 ? ROOT : (domainName.slice(dot + 1) as DomainName)
}

export function childName(label: string, parent: DomainName): DomainName {
  return nameFromLabels([label, ...labelsOf(parent)])
}

/** A host name as mail uses it (RFC 1123 §2.1; the underscore that some zones carry is not one). */
export function isHostName(domainName: DomainName): boolean {
  return HOST_NAME.test(domainName)
}

const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i
const PLAIN_LABEL = /^[a-zA-Z0-9_-]*$/

/** `label` holds raw octets as latin1 characters. */
export function escapeLabel(label: string): string {
  if (PLAIN_LABEL.test(label)) return label
  let escaped = ''
  for (let index = 0; index < label.length; index++) {
    const octet = label.charCodeAt(index) & 0xff
    if (octet < 0x21 || octet > 0x7e) escaped += `\\${String(octet).padStart(3, '0')}`
    else if ('."();@$\\'.includes(String.fromCharCode(octet))) escaped += `\\${String.fromCharCode(octet)}`
    else escaped += String.fromCharCode(octet)
  }
  return escaped
}

/** A character is escaped when an odd number of backslashes stands before it. */
function isEscaped(text: string, position: number): boolean {
  let backslashes = 0
  for (let index = position - 1; index >= 0 && text[index] === '\\'; index--) backslashes++
  return backslashes % 2 === 1
}

function splitPresentation(text: string): string[] | NameSyntaxError {
  const labels: string[] = []
  let label = ''
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x2e) {
      labels.push(label)
      label = ''
    } else if (code === 0x5c) {
      const digits = /^[0-9]{3}/.exec(text.slice(index + 1, index + 4))?.[0]
      if (digits !== undefined) {
        if (Number(digits) > 255) return 'badEscape'
        label += String.fromCharCode(Number(digits))
        index += 3
      } else if (index + 1 < text.length && !/[0-9]/.test(text.charAt(index + 1)) && text.charCodeAt(index + 1) < 0x80) {
        label += text.charAt(++index)
      } else return 'badEscape'
    } else if (code > 0x7f) return 'notAscii'
    else label += text.charAt(index)
  }
  labels.push(label)
  return labels
}
