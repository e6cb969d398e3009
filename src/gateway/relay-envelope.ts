/**
 * MAIL and RCPT as the client has sent them (RFC 5321 §4.1.2), to be handed on octet by octet. smtp-server's own reading decodes
 * parameters, rewrites domains and refuses quoted local parts, so it is not used. What the next hop does not offer is refused here.
 */
import type { RelayedExtension } from './next-hop-capabilities.ts'
import { ourReply, type RelayReply } from './relay-reply.ts'

export interface PathCommand {
  readonly kind: 'command'
  /** `<user@example.com>` as it was written; octets as latin1. */
  readonly path: string
  /** For the next hop, without line end. */
  readonly line: string
  /** What the next hop must offer for it. */
  readonly needs: ReadonlySet<RelayedExtension>
  readonly isUtf8: boolean
  /** As SIZE declares it. */
  readonly size: number | null
}

export type ReadPath = PathCommand | { readonly kind: 'refused'; readonly reply: RelayReply }

export interface OfferedToClient {
  readonly extensions: ReadonlySet<RelayedExtension>
  readonly isSecure: boolean
}

type Verb = 'MAIL FROM' | 'RCPT TO'

/** `line`: octets as latin1, without line end. */
export function readPathCommand(verb: Verb, line: string, offered: OfferedToClient): ReadPath {
  const [, path, rest = ''] = SYNTAX[verb].exec(line) ?? []
  if (path === undefined || CONTROL.test(line)) return refused(501, verb === 'MAIL FROM' ? '5.1.7' : '5.1.3', `Syntax: ${verb}:<address>`)
  const parameters = rest.split(' ').filter((parameter) => parameter !== '')
  const needs = new Set<RelayedExtension>()
  const kept: string[] = []
  let size: number | null = null
  for (const parameter of parameters) {
    if (!PARAMETER.test(parameter)) return refused(501, '5.5.4', 'Bad parameter syntax')
    const equals = parameter.indexOf('=')
    const keyword = (equals < 0 ? parameter : parameter.slice(0, equals)).toUpperCase()
    const value = equals < 0 ? null : parameter.slice(equals + 1)
    // Whom the client has authenticated is not for us to vouch for (RFC 4954 §5 has AUTH=<> in its place, which is the default).
    if (verb === 'MAIL FROM' && keyword === 'AUTH') continue
    const extension = EXTENSION_OF[verb].get(keyword)
    if (extension === undefined || !isOffered(extension, offered)) return refused(555, '5.5.4', `Unsupported parameter: ${keyword}`)
    if (keyword === 'BODY' && !/^(?:7BIT|8BITMIME)$/i.test(value ?? '')) return refused(501, '5.5.4', 'BODY is 7BIT or 8BITMIME')
    if (keyword === 'SIZE') size = value !== null && /^[0-9]{1,20}$/.test(value) ? Number(value) : null
    needs.add(extension)
    kept.push(` ${parameter}`)
  }
  return { kind: 'command', path, line: `${verb}:${path}${kept.join('')}`, needs, isUtf8: needs.has('SMTPUTF8'), size }
}

/** A quoted local part may hold spaces and angle brackets. */
const PATH = String.raw`(<(?:[^\\"<> ]|\\.|"(?:[^\\"]|\\.)*")*>)`
const SYNTAX: Readonly<Record<Verb, RegExp>> = {
  'MAIL FROM': new RegExp(`^MAIL FROM: *${PATH}( .*)?$`, 'is'),
  'RCPT TO': new RegExp(`^RCPT TO: *${PATH}( .*)?$`, 'is'),
}
const CONTROL = /[\x00-\x1f\x7f]/
/** RFC 5321 §4.1.2 */
const PARAMETER = /^[a-z0-9][a-z0-9-]*(?:=[^=]+)?$/i

const EXTENSION_OF: Readonly<Record<Verb, ReadonlyMap<string, RelayedExtension>>> = {
  'MAIL FROM': new Map([
    ['SIZE', 'SIZE'],
    ['BODY', '8BITMIME'],
    ['SMTPUTF8', 'SMTPUTF8'],
    ['RET', 'DSN'],
    ['ENVID', 'DSN'],
    ['REQUIRETLS', 'REQUIRETLS'],
  ]),
  'RCPT TO': new Map([
    ['NOTIFY', 'DSN'],
    ['ORCPT', 'DSN'],
  ]),
}

function isOffered(extension: RelayedExtension, { extensions, isSecure }: OfferedToClient): boolean {
  return extensions.has(extension) && (extension !== 'REQUIRETLS' || isSecure)
}

function refused(code: number, enhanced: string, text: string): ReadPath {
  return { kind: 'refused', reply: ourReply(code, enhanced, text) }
}
