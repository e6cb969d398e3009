/**
 * Networks in CIDR notation (RFC 4632): parsing with exact errors, longest-prefix lookup, and the ranges that IANA set apart.
 * IPv4-mapped IPv6 addresses and networks are IPv4 ones throughout, so `::/0` does not hold an IPv4 client.
 */
import { compareAddresses, embeddedIpv4, formatAddress, parseAddress, unmapAddress, type IpAddress } from './address.ts'

/** The bits behind `prefixLength` are zero. */
export interface Network {
  readonly address: IpAddress
  readonly prefixLength: number
}

export type ParsedNetwork = { readonly kind: 'network'; readonly network: Network } | { readonly kind: 'error'; readonly error: string }

/** Reads `198.51.100.0/24`, `2001:db8::/32`, or a lone address as a network of one. An error is a sentence that begins with the input. */
export function parseNetwork(text: string): ParsedNetwork {
  const fail = (reason: string): ParsedNetwork => ({ kind: 'error', error: `${text === '' ? 'an empty text' : text}: ${reason}` })
  const slash = text.indexOf('/')
  const addressText = slash < 0 ? text : text.slice(0, slash)
  const address = parseAddress(addressText)
  if (!address) return fail(addressProblem(addressText))
  const bits = address.bytes.length * 8
  const lengthText = slash < 0 ? String(bits) : text.slice(slash + 1)
  const prefixLength = /^(?:0|[1-9][0-9]{0,2})$/.test(lengthText) ? Number(lengthText) : undefined
  if (prefixLength === undefined) return fail(lengthProblem(addressText, lengthText))
  if (prefixLength > bits) return fail(`the prefix length of an IPv${String(address.family)} network is 0 to ${String(bits)}`)
  const masked = { address: maskAddress(address, prefixLength), prefixLength }
  if (compareAddresses(masked.address, address) !== 0) {
    return fail(`bits are set behind the prefix; write ${formatNetwork(masked)} for the network or ${addressText} for the one address`)
  }
  return { kind: 'network', network: unmapNetwork(masked) }
}

/** Canonical text, always with its prefix length. */
export function formatNetwork(network: Network): string {
  return `${formatAddress(network.address)}/${String(network.prefixLength)}`
}

export function networkContains(network: Network, address: IpAddress): boolean {
  const { family, bytes } = unmapAddress(address)
  if (family !== network.address.family) return false
  const wholeBytes = network.prefixLength >> 3
  for (let index = 0; index < wholeBytes; index++) if (bytes[index] !== network.address.bytes[index]) return false
  const rest = network.prefixLength & 7
  return rest === 0 || (((bytes[wholeBytes] ?? 0) ^ (network.address.bytes[wholeBytes] ?? 0)) & (0xff00 >> rest)) === 0
}

export interface NetworkMatch<T> {
  readonly network: Network
  readonly value: T
}

/** An immutable table from networks to values. */
export interface NetworkMap<T> {
  readonly size: number
  /** The entry with the longest prefix that holds the address. */
  find(address: IpAddress): NetworkMatch<T> | undefined
}

/** Of two entries with the same network the later one counts. */
export function networkMap<T>(entries: Iterable<readonly [Network, T]>): NetworkMap<T> {
  const matches = Array.from(entries, ([network, value]) => ({ network, value }))
  const four = flatten(matches.filter(({ network }) => network.address.family === 4))
  const sixteen = flatten(matches.filter(({ network }) => network.address.family === 6))
  return {
    size: matches.length,
    find(address) {
      const { family, bytes } = unmapAddress(address)
      return family === 4 ? findSegment(four, bytes) : findSegment(sixteen, bytes)
    },
  }
}

export type SpecialRange =
  | 'private'
  | 'loopback'
  | 'linkLocal'
  | 'cgnat'
  | 'uniqueLocal'
  | 'multicast'
  | 'broadcast'
  | 'unspecified'
  | 'documentation'
  | 'benchmark'
  | 'reserved'

/** What the address is set apart for; undefined for one that can be seen on the public Internet. */
export function specialRange(address: IpAddress): SpecialRange | undefined {
  const range = SPECIAL_RANGES.find(address)?.value
  return range === 'public' ? undefined : range
}

/**
 * The same for where a connection to the address ends: a translator or a tunnel may turn it into that of
 * a machine inside. As a peer such an address is a stranger like any other.
 */
export function reachedRange(address: IpAddress): SpecialRange | undefined {
  return specialRange(embeddedIpv4(address) ?? address)
}

/**
 * The IANA special-purpose address registries (RFC 6890, RFC 8190 and what was registered since) and the IPv6 address space registry.
 * `public` marks what is globally reachable within a reserved block. Public too: 6to4 (2002::/16), Teredo (2001::/32) and the NAT64
 * prefix 64:ff9b::/96, since a receiver can see them as peers; they have no working reverse zone, which the PTR lookup itself finds.
 */
const SPECIAL_BLOCKS: readonly (readonly [SpecialRange | 'public', readonly string[]])[] = [
  ['unspecified', ['0.0.0.0', '::']],
  ['loopback', ['127.0.0.0/8', '::1']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']],
  ['cgnat', ['100.64.0.0/10']],
  ['linkLocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniqueLocal', ['fc00::/7']],
  ['documentation', ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20']],
  ['benchmark', ['198.18.0.0/15', '2001:2::/48']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  ['broadcast', ['255.255.255.255']],
  ['reserved', ['0.0.0.0/8', '192.0.0.0/24', '192.88.99.0/24', '240.0.0.0/4']],
  // All that IANA has not opened for unicast (discard-only, SRv6 SIDs, site-local, local-use NAT64 …), and the IETF protocol block.
  ['reserved', ['::/0', '2001::/23']],
  ['public', ['192.0.0.9', '192.0.0.10', '2000::/3', '64:ff9b::/96']],
  ['public', ['2001::/32', '2001:1::1', '2001:1::2', '2001:1::3', '2001:3::/32', '2001:4:112::/48', '2001:20::/28', '2001:30::/28']],
]

const SPECIAL_RANGES = networkMap(
  SPECIAL_BLOCKS.flatMap(([range, texts]) =>
    texts.map((text) => {
      const parsed = parseNetwork(text)
      if (parsed.kind === 'error') throw new TypeError(parsed.error)
      return [parsed.network, range] as const
    }),
  ),
)

/** The address line cut where the answer changes: a segment begins at each start and belongs to its owner. Of equal starts the last counts. */
interface Segments<T> {
  /** Addresses one after the other, so that a search touches one block of memory. */
  readonly starts: Uint8Array
  readonly owners: readonly (NetworkMatch<T> | undefined)[]
}

/** CIDR blocks are nested or apart, never crossing: one sweep over the sorted blocks with a stack of the open ones. */
function flatten<T>(matches: readonly NetworkMatch<T>[]): Segments<T> {
  const sorted = matches.toSorted((left, right) => compareNetworks(left.network, right.network))
  const starts: (readonly number[])[] = []
  const owners: (NetworkMatch<T> | undefined)[] = []
  const begin = (start: readonly number[], owner: NetworkMatch<T> | undefined): void => {
    starts.push(start)
    owners.push(owner)
  }
  const open: { match: NetworkMatch<T>; next: readonly number[] | undefined }[] = []
  const closeBefore = (start: readonly number[] | undefined): void => {
    for (let top = open.at(-1); top; top = open.at(-1)) {
      if (start && (!top.next || compareBytes(top.next, start) > 0)) return
      open.pop()
      if (top.next) begin(top.next, open.at(-1)?.match)
    }
  }
  for (const match of sorted) {
    closeBefore(match.network.address.bytes)
    begin(match.network.address.bytes, match)
    open.push({ match, next: firstBehind(match.network) })
  }
  closeBefore(undefined)
  return { starts: Uint8Array.from(starts.flat()), owners }
}

function findSegment<T>({ starts, owners }: Segments<T>, bytes: readonly number[]): NetworkMatch<T> | undefined {
  const width = bytes.length
  let low = 0
  let high = owners.length
  while (low < high) {
    const middle = (low + high) >> 1
    let index = 0
    while (index < width && starts[middle * width + index] === bytes[index]) index++
    if (index === width || (starts[middle * width + index] ?? 0) < (bytes[index] ?? 0)) low = middle + 1
    else high = middle
  }
  return low === 0 ? undefined : owners[low - 1]
}

function compareNetworks(left: Network, right: Network): number {
  return compareBytes(left.address.bytes, right.address.bytes) || left.prefixLength - right.prefixLength
}

function compareBytes(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < left.length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The first address behind the network; undefined where it ends at the last address of all. */
function firstBehind({ address, prefixLength }: Network): readonly number[] | undefined {
  const bytes = [...address.bytes]
  let carry = prefixLength === 0 ? 256 : 1 << (7 - ((prefixLength - 1) & 7))
  for (let index = prefixLength === 0 ? 0 : (prefixLength - 1) >> 3; index >= 0 && carry > 0; index--) {
    const sum = (bytes[index] ?? 0) + carry
    bytes[index] = sum & 255
    carry = sum >> 8
  }
  return carry > 0 ? undefined : bytes
}

function maskAddress({ family, bytes }: IpAddress, prefixLength: number): IpAddress {
  const masked = bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))))
  return { family, bytes: masked }
}

function unmapNetwork(network: Network): Network {
  const address = unmapAddress(network.address)
  // A network of mapped addresses that is wider than /96 would have bits set behind its prefix.
  return address.family === network.address.family ? network : { address, prefixLength: network.prefixLength - 96 }
}

function addressProblem(text: string): string {
  if (text === '') return 'a network is an address and a prefix length, such as 198.51.100.0/24'
  if (text.includes('%')) return 'a network has no zone (the part from the percent sign)'
  if (/(?:^|\.)0[0-9]/.test(text)) return `${text} is no IP address; write its numbers without leading zeros`
  if (/^[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\.?$/.test(text)) return `${text} is no IP address; write all four numbers`
  return `${text} is no IP address`
}

function lengthProblem(addressText: string, text: string): string {
  const mask = parseAddress(text)
  const bits = mask?.family === 4 ? mask.bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('') : ''
  const ones = /^(1*)0*$/.exec(bits)?.[1]
  if (mask && ones !== undefined) return `write the netmask as a prefix length, ${addressText}/${String(ones.length)}`
  return `the prefix length ${JSON.stringify(text)} is not a plain decimal number`
}
