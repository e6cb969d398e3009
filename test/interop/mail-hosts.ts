/**
 * Who is who on the fixture network of the mail tests, and what the DNS says about each. Several networks can exist at a time, each
 * in a slot of its own: `canonicalText` writes the addresses of any slot as those of the first, so that golden files fit all.
 */

/** A sixteenth part of 198.51.100.0/24, and a /80. */
export interface NetworkSlot {
  readonly index: number
  readonly subnet: string
  readonly subnet6: string
}

export const NETWORK_SLOTS: readonly NetworkSlot[] = Array.from({ length: 16 }, (_, index) => ({
  index,
  subnet: `198.51.100.${String(index * 16)}/28`,
  subnet6: `${prefix6(index)}:/80`,
}))

/** The last part of each address within its slot. */
export const HOSTS = {
  /** The machine that runs the tests, and with it ptrgate: it can be a client, too. */
  host: 1,
  knot: 2,
  unbound: 3,
  mta: 4,
  aligned: 7,
  noPtr: 8,
  mismatch: 9,
  temperror: 10,
  generic: 11,
  /** Without PTR; the hosts file of the MTA gives it a name. */
  hostsFile: 12,
} as const

export type HostRole = keyof typeof HOSTS

/** Those that the client container sends from. */
export const CLIENT_ROLES = ['aligned', 'noPtr', 'mismatch', 'temperror', 'generic', 'hostsFile'] as const
export type ClientRole = (typeof CLIENT_ROLES)[number]

export const MTA_NAME = 'mx.example.org'

export function hostAddress(slot: NetworkSlot, role: HostRole): string {
  return `198.51.100.${String(slot.index * 16 + HOSTS[role])}`
}

export function hostAddress6(slot: NetworkSlot, role: HostRole): string {
  return `${prefix6(slot.index)}:${HOSTS[role].toString(16)}`
}

/** What a client calls itself: a name that resolves to it, so that its reverse DNS alone makes the difference. */
export function heloName(slot: NetworkSlot, role: ClientRole | 'host'): string {
  return role === 'generic' ? genericName(slot) : `${role.toLowerCase()}.example.com`
}

/** By the origin of each zone, its lines in master-file format. */
export function fixtureZones(slot: NetworkSlot): ReadonlyMap<string, string> {
  const apex = '@ 300 SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 60\n@ 300 NS ns.example.com.\n'
  const clients = [...CLIENT_ROLES, 'host'] as const
  const forward = clients.filter((role) => role !== 'generic' && role !== 'mismatch')
  const reversed = (['aligned', 'generic', 'host'] as const).map((role) => [role, heloName(slot, role)] as const)
  return new Map([
    [
      'example.com',
      [
        `${apex}ns 300 A ${hostAddress(slot, 'knot')}`,
        `@ 300 MX 10 ${heloName(slot, 'aligned')}.`,
        ...forward.map((role) => `${heloName(slot, role)}. 300 A ${hostAddress(slot, role)}`),
        ...forward.map((role) => `${heloName(slot, role)}. 300 AAAA ${hostAddress6(slot, role)}`),
        `${heloName(slot, 'mismatch')}. 300 A ${hostAddress(slot, 'mismatch')}`,
        '',
      ].join('\n'),
    ],
    ['example.net', `${apex}${genericName(slot)}. 300 A ${hostAddress(slot, 'generic')}\n`],
    ['example.org', `${apex}mx 300 A ${hostAddress(slot, 'mta')}\nmx 300 AAAA ${hostAddress6(slot, 'mta')}\n@ 300 MX 10 ${MTA_NAME}.\n`],
    [
      REVERSE_ZONE,
      [
        `${apex}${lastLabel(slot, 'mta')} 300 PTR ${MTA_NAME}.`,
        ...reversed.map(([role, name]) => `${lastLabel(slot, role)} 300 PTR ${name}.`),
        // A name of the domain, but of another address.
        `${lastLabel(slot, 'mismatch')} 300 PTR ${heloName(slot, 'aligned')}.`,
        `${lastLabel(slot, 'temperror')} 300 NS ns.example.com.`,
        '',
      ].join('\n'),
    ],
    [
      REVERSE_ZONE_6,
      [
        `${apex}${reverseName6(slot, 'mta')}. 300 PTR ${MTA_NAME}.`,
        `${reverseName6(slot, 'aligned')}. 300 PTR ${heloName(slot, 'aligned')}.`,
        '',
      ].join('\n'),
    ],
  ])
}

/** A zone that is delegated and cannot be loaded: unbound says SERVFAIL. */
export function brokenZone(slot: NetworkSlot): string {
  return `${lastLabel(slot, 'temperror')}.${REVERSE_ZONE}`
}

/** The text of any slot as it would read in the first one. */
export function canonicalText(text: string, slot: NetworkSlot): string {
  const shift = slot.index * 16
  return text
    .replaceAll(/\b198([.-])51\1(?:100)\1([0-9]{1,3})\b/g, (whole, separator: string, last: string) =>
      Number(last) - shift >= 0 && Number(last) - shift < 16 ? ['198', '51', '100', String(Number(last) - shift)].join(separator) : whole,
    )
    .replaceAll(`${prefix6(slot.index)}:`, `${prefix6(0)}:`)
    .replaceAll(`2001:db8:51:0:${slot.index.toString(16)}:0:0:`, '2001:db8:51:0:0:0:0:')
}

const REVERSE_ZONE = '100.51.198.in-addr.arpa'
const REVERSE_ZONE_6 = '1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa'

function prefix6(index: number): string {
  return index === 0 ? '2001:db8:51:' : `2001:db8:51:0:${index.toString(16)}:`
}

function genericName(slot: NetworkSlot): string {
  return `${hostAddress(slot, 'generic').replaceAll('.', '-')}.dsl.pool.example.net`
}

function lastLabel(slot: NetworkSlot, role: HostRole): string {
  return String(slot.index * 16 + HOSTS[role])
}

function reverseName6(slot: NetworkSlot, role: HostRole): string {
  const groups = ['2001', 'db8', '51', '0', slot.index.toString(16), '0', '0', HOSTS[role].toString(16)]
  const nibbles = groups.map((group) => group.padStart(4, '0')).join('')
  return `${[...nibbles].toReversed().join('.')}.ip6.arpa`
}
