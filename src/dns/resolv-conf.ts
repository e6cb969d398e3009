/**
 * Reads the text of a resolv.conf(5): name servers and the options timeout, attempts and rotate; search lists mean nothing to us.
 * A line that cannot be used is a warning with its number, never an error: the rest still counts. It reads no file.
 */
import { parseAddress, type IpAddress } from '../core/address.ts'

export interface ResolvConf {
  /** Never empty: without a usable line it is 127.0.0.1, as resolv.conf(5) has it. */
  readonly servers: readonly ResolvConfServer[]
  readonly timeoutMs?: number | undefined
  readonly attempts?: number | undefined
  readonly rotate?: boolean | undefined
  readonly warnings: readonly ResolvConfWarning[]
}

export interface ResolvConfServer {
  readonly address: IpAddress
  readonly port: number
  /** The interface of a link-local address: `eth0` in `fe80::1%eth0`. */
  readonly scope?: string | undefined
}

export interface ResolvConfWarning {
  /** Counted from 1. */
  readonly line: number
  readonly reason: string
}

const DNS_PORT = 53
/** The limits of resolv.conf(5): MAXNS, RES_MAXRETRANS, RES_MAXRETRY. */
const MAX_SERVERS = 3
const MAX_TIMEOUT_SECONDS = 30
const MAX_ATTEMPTS = 5
/** Beyond any file that a person wrote. */
const MAX_LINES = 1000
const KNOWN_KEYWORDS = new Set(['domain', 'search', 'sortlist', 'family', 'lookup'])

export function parseResolvConf(text: string): ResolvConf {
  const servers: ResolvConfServer[] = []
  const warnings: ResolvConfWarning[] = []
  let options: ResolvConfOptions = {}
  const lines = text.split(/\r\n|\n|\r/, MAX_LINES + 1)
  for (const [index, content] of lines.entries()) {
    const warn = (reason: string): void => void warnings.push({ line: index + 1, reason })
    if (index === MAX_LINES) {
      warn(`only the first ${String(MAX_LINES)} lines are read`)
      break
    }
    const [keyword, ...values] = wordsOf(content)
    if (keyword === undefined || KNOWN_KEYWORDS.has(keyword)) continue
    if (keyword === 'nameserver') readServer(values[0], servers, warn)
    else if (keyword === 'options') options = { ...options, ...readOptions(values, warn) }
    else warn(`unknown keyword ${JSON.stringify(keyword)}`)
  }
  if (servers.length === 0) servers.push({ address: LOOPBACK_V4, port: DNS_PORT })
  return { servers, ...options, warnings }
}

interface ResolvConfOptions {
  readonly timeoutMs?: number
  readonly attempts?: number
  readonly rotate?: boolean
}

const LOOPBACK_V4: IpAddress = { family: 4, bytes: [127, 0, 0, 1] }
const LOOPBACK_V6: IpAddress = { family: 6, bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] }

function wordsOf(line: string): string[] {
  const comment = line.search(/[#;]/)
  return (comment < 0 ? line : line.slice(0, comment)).split(/[ \t]+/).filter((word) => word !== '')
}

function readServer(text: string | undefined, servers: ResolvConfServer[], warn: (reason: string) => void): void {
  const server = text === undefined ? undefined : parseScopedServer(text)
  if (!server) warn(text === undefined ? 'nameserver without an address' : `not an IP address: ${JSON.stringify(text)}`)
  else if (servers.length >= MAX_SERVERS) warn(`only the first ${String(MAX_SERVERS)} name servers are used`)
  else servers.push(server)
}

function parseScopedServer(text: string): ResolvConfServer | undefined {
  const [addressText = '', scope, ...rest] = text.split('%')
  const address = parseAddress(addressText)
  if (!address || rest.length > 0) return undefined
  if (scope === undefined) return { address: loopbackIfUnspecified(address), port: DNS_PORT }
  return address.family === 6 && SCOPE.test(scope) ? { address, port: DNS_PORT, scope } : undefined
}

/** Linux limits the name of an interface to 15 octets. */
const SCOPE = /^[a-zA-Z0-9_.:-]{1,15}$/

/** 0.0.0.0 and :: mean this host; sent to as they are, the answer would come from another address and be taken for a forgery. */
function loopbackIfUnspecified(address: IpAddress): IpAddress {
  if (address.bytes.some((byte) => byte !== 0)) return address
  return address.family === 4 ? LOOPBACK_V4 : LOOPBACK_V6
}

function readOptions(words: readonly string[], warn: (reason: string) => void): ResolvConfOptions {
  let options: ResolvConfOptions = {}
  for (const word of words) {
    const [name, value] = word.split(':', 2)
    if (name === 'rotate') options = { ...options, rotate: true }
    else if (name === 'timeout') {
      const seconds = readNumber(word, value, MAX_TIMEOUT_SECONDS, warn)
      if (seconds !== undefined) options = { ...options, timeoutMs: seconds * 1000 }
    } else if (name === 'attempts') {
      const attempts = readNumber(word, value, MAX_ATTEMPTS, warn)
      if (attempts !== undefined) options = { ...options, attempts }
    }
  }
  return options
}

/** As the C library does, a number over the limit counts as the limit, and 0 as 1. */
function readNumber(word: string, value: string | undefined, most: number, warn: (reason: string) => void): number | undefined {
  if (value === undefined || !/^[0-9]{1,9}$/.test(value)) {
    warn(`options ${JSON.stringify(word)}: a number is wanted after the colon`)
    return undefined
  }
  return Math.min(Math.max(Number(value), 1), most)
}
