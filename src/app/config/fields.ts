/**
 * Kinds of values in the config, each read from its text once: addresses, names, places to listen, times and shares.
 * An error says what is wanted. What the keys are is in schema.ts.
 */
import { z } from 'zod'
import { parseAddress, unmapAddress, type IpAddress } from '../../core/address.ts'
import { isHostName, parseName, type DomainName } from '../../core/domain-name.ts'
import { MAX_DURATION_MS } from '../../core/duration.ts'
import type { DnsServer } from '../../dns/client.ts'
import { parseDnsServer } from '../../dns/create-resolver.ts'
import { parseListenAddress, type ListenAddress } from '../../gateway/listen.ts'

/** A text and the value that it stands for: undefined for what is none, or a hint at what was meant. */
function textField<T extends object | string>(expected: string, read: (text: string) => Exclude<T, Hint> | Hint | undefined) {
  const error = `expected ${expected}`
  return z
    .string({ error: ({ input }) => (isNothing(input) ? undefined : `${error}, not ${describeValue(input)}${bracketHint(input)}`) })
    .transform((text, context): T => {
      const result = read(text)
      if (result !== undefined && !isHint(result)) return result
      context.addIssue(`${error}, not ${quote(text)}${result === undefined ? '' : `; ${result.hint}`}`)
      return z.NEVER
    })
}

/** The schema's general words for what is missing are better than any special ones. */
export function isNothing(input: unknown): boolean {
  return input === undefined || input === null
}

/** `[::1]:25` and `[::1]` are lists to YAML. */
function bracketHint(input: unknown): string {
  return Array.isArray(input) ? '; what has brackets is written in quotes' : ''
}

interface Hint {
  readonly hint: string
}

function isHint(result: object | string): result is Hint {
  return typeof result === 'object' && 'hint' in result
}

export const addressField = textField<IpAddress>('an IP address', (text) => {
  const address = parseAddress(text)
  if (address) return unmapAddress(address)
  return text.includes('/') ? { hint: 'a network cannot stand here' } : undefined
})

export const dnsServerField = textField<DnsServer>('an IP address with an optional port, such as 127.0.0.1:5300', (text) => {
  const server = parseDnsServer(text)
  return (
    server ?? (/[a-z]/i.test(text) && !text.includes('[') ? { hint: 'a name cannot be looked up before there is a resolver' } : undefined)
  )
})

export const hostNameField = textField<DomainName>('a host name, such as mx.example.org', (text) => {
  const name = parseName(text)
  if (name === undefined || !isHostName(name)) return undefined
  return parseAddress(text) ? { hint: 'an address is no name' } : name
})

export const listenAddressField = textField<ListenAddress>('host:port or unix:/path', readEndpoint)

/** Where something is reached: unlike a place to listen at, it has a port of its own. */
export const nextHopField = textField<ListenAddress>('host:port or unix:/path', (text) => {
  const endpoint = readEndpoint(text)
  return 'kind' in endpoint && endpoint.kind === 'tcp' && endpoint.port === 0 ? { hint: 'a port is 1 to 65535' } : endpoint
})

function readEndpoint(text: string): ListenAddress | Hint {
  if (text.startsWith('unix:')) {
    const hint = text.startsWith('unix:/') ? 'a path has at most 107 octets' : 'the path begins with a slash'
    return parseListenAddress(text) ?? { hint }
  }
  if (text.startsWith('/')) return { hint: `write unix:${text}` }
  if (/^[0-9]+$/.test(text)) return { hint: `write 127.0.0.1:${text}` }
  const parsed = parseListenAddress(text)
  if (parsed?.kind !== 'tcp') return { hint: endpointHint(text) }
  if (parsed.host === '*') return { hint: `every address is '0.0.0.0:${String(parsed.port)}' or '[::]:${String(parsed.port)}'` }
  return isAddressOrName(parsed.host) ? parsed : { hint: `${quote(parsed.host)} is neither an IP address nor a host name` }
}

function endpointHint(text: string): string {
  const [, host, port] = /^([0-9a-f:.]+):([0-9]+)$/i.exec(text) ?? []
  if (host !== undefined && port !== undefined && parseAddress(host)?.family === 6)
    return `an IPv6 address has brackets: '[${host}]:${port}'`
  if (/^[^:]*:[0-9]+$/.test(text)) return 'a port is 0 to 65535'
  return /^[^:]+$/.test(text) ? 'the port is missing' : 'an IPv6 address has brackets'
}

/** A name that ends in a number is a mistyped address: no top-level domain is one. */
function isAddressOrName(host: string): boolean {
  if (parseAddress(host)) return true
  const name = parseName(host)
  return name !== undefined && isHostName(name) && !/(?:^|\.)[0-9]+$/.test(name)
}

export const filePathField = z.string().regex(/^[^\0]+$/, { error: 'expected the path of a file' })

/** Text, since YAML reads a bare 0660 as a decimal number. */
export const fileModeField = z
  .string({ error: "expected a mode in quotes, such as '0660': without them YAML reads a decimal number" })
  .regex(/^0?[0-7]{3}$/, { error: "expected a mode of three octal digits, such as '0660'" })
  .transform((digits) => Number.parseInt(digits, 8))

export function milliseconds(least: number, most: number = MAX_DURATION_MS): z.ZodInt {
  return z.int().min(least).max(most)
}

export const share = z.number().min(0).max(1)

/** As it is named in a problem. */
export function describeValue(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `the text ${quote(value)}`
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'keys with values'
}

/** A text that is longer than any that somebody meant is cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text)
}

const MAX_QUOTED = 60
