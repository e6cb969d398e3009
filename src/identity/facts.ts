/**
 * What a client claims to be, and what the DNS says of that claim. A claimed name is hostile text until it is rendered.
 */
import type { IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { Alias } from '../dns/resolver.ts'

/** The argument of HELO or EHLO by its form, before any lookup (RFC 5321 §4.1.2, §4.1.3). */
export type HeloForm =
  | { readonly kind: 'name'; readonly name: DomainName }
  | { readonly kind: 'literal'; readonly address: IpAddress }
  /** `198.51.100.7` or `2001:db8::1` without brackets. */
  | { readonly kind: 'bareAddress'; readonly address: IpAddress }
  | { readonly kind: 'invalid'; readonly problem: HeloProblem }

export type HeloProblem =
  | 'empty'
  | 'tooLong'
  | 'character'
  | 'emptyLabel'
  | 'labelTooLong'
  | 'hyphen'
  /** Nothing but digits and dots, and no address either: `198.51.100.256`, `010.0.0.1`. */
  | 'numeric'
  | 'badLiteral'
  | 'notAscii'

export type HeloResolution =
  /** Asked for the peer's family: A for an IPv4 peer, AAAA for IPv6. */
  | { readonly kind: 'addresses'; readonly addresses: readonly IpAddress[]; readonly aliases: readonly Alias[]; readonly ttl: number }
  /** No address of either family. */
  | { readonly kind: 'none'; readonly nxdomain: boolean }
  /** It has addresses, but only of the other family. */
  | { readonly kind: 'otherFamilyOnly'; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'unknown'; readonly outcome: 'servfail' | 'refused' | 'timeout' | 'malformed' | 'deadline' | 'aborted' }
  /** A literal, a bare address, a single label, a name of the local host or an invalid argument is not looked up. */
  | { readonly kind: 'notAsked' }

export interface HeloFacts {
  readonly kind: 'helo'
  /** Exactly as it was sent, unescaped. */
  readonly claimedName: string
  readonly form: HeloForm
  readonly resolution: HeloResolution
}
