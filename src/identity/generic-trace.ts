/**
 * What an address leaves in a name that is derived from it. Facts for the generic-PTR judgement, for both families.
 */

export interface AddressTrace {
  /**
   * `whole`: all of it; `most`: three octets, or half of an IPv6 address; `part`: two octets or groups; `octet`: only the
   * last octet; `other`: four numbers that look like an address, but not this one.
   */
  readonly extent: 'whole' | 'most' | 'part' | 'octet' | 'other'
  /** How many digits agree: `10.1` says less than `110.201`. */
  readonly digits: number
  /** Nothing but separators between the parts. */
  readonly tight: boolean
  /** The labels that hold the trace hold nothing else, or a letter or two before zero-padded digits. */
  readonly bare: boolean
}
