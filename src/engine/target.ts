/**
 * What a person typed, read as an address or a name: `198.51.100.7`, `[2001:db8::7]`, `mail.example.com`, `müller.example`.
 * It asks no DNS; whether a name is a host or a domain turns out later.
 */
import { domainToASCII } from 'node:url'
import { parseBracketedAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { isHostName, parseNameStrictly, type DomainName, type NameSyntaxError } from '../core/domain-name.ts'

export type Target =
  | { readonly kind: 'address'; readonly text: string; readonly address: IpAddress }
  | { readonly kind: 'name'; readonly text: string; readonly name: DomainName }

export type ParsedTarget = { readonly kind: 'target'; readonly target: Target } | { readonly kind: 'error'; readonly reason: string }

export function parseTarget(text: string): ParsedTarget {
  const address = parseBracketedAddress(text)
  if (address) return { kind: 'target', target: { kind: 'address', text, address: unmapAddress(address) } }
  const reason = reasonAgainst(text)
  if (reason !== undefined) return { kind: 'error', reason }
  const parsed = parseNameStrictly(/[^\x20-\x7e]/.test(text) ? domainToASCII(text) : text)
  if (parsed.kind === 'error') return { kind: 'error', reason: NAME_REASONS[parsed.error] }
  if (!isHostName(parsed.name.replaceAll('_', 'x') as DomainName))
    return { kind: 'error', reason: 'it holds characters that no host name can have' }
  return { kind: 'target', target: { kind: 'name', text, name: parsed.name } }
}

/** The mistakes that people make, each with its own word. */
function reasonAgainst(text: string): string | undefined {
  if (text === '') return 'it is empty'
  if (/\s/.test(text)) return 'it holds white space'
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return 'it is a URL; give the host name alone'
  if (text.includes('@')) return `it is a mail address; give the domain alone: ${text.slice(text.lastIndexOf('@') + 1)}`
  if (text.includes('/')) return 'it is a network; give single addresses'
  if (text.startsWith('[') || text.endsWith(']')) return 'what is in the brackets is no address'
  if (text.includes('%')) return 'an address with a zone id has no reverse name'
  if (text.includes(':')) return /^[^:]+:[0-9]+$/.test(text) ? 'a port has no place here' : 'it is no IPv6 address'
  if (/^[0-9.]+$/.test(text)) return 'it is no IPv4 address; write four decimal numbers from 0 to 255, without leading zeros'
  return undefined
}

const NAME_REASONS: Readonly<Record<NameSyntaxError, string>> = {
  empty: 'it is not a name that the DNS could hold',
  emptyLabel: 'two dots stand next to each other, or one at the start',
  labelTooLong: 'a label is longer than 63 octets',
  nameTooLong: 'it is longer than 255 octets',
  badEscape: 'a backslash in it escapes nothing',
  notAscii: 'it holds characters that no host name can have',
}
