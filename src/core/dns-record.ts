/**
 * Resource records as values: what the wire codec decodes, the zone file holds and every judgement reads.
 * `name` is the owner; `ttl` is in seconds. Types without a shape of their own are RFC 3597 `UNKNOWN` records.
 */
import type { IpAddress } from './address.ts'
import type { DomainName } from './domain-name.ts'

export const RECORD_TYPE_CODES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DS: 43,
  RRSIG: 46,
  DNSKEY: 48,
  TLSA: 52,
  CAA: 257,
} as const

export type KnownRecordType = keyof typeof RECORD_TYPE_CODES
/** A mnemonic of a type that we can read, or RFC 3597's `TYPE65280` for any other. */
export type RecordType = KnownRecordType | `TYPE${number}`

/** Octets as lower-case hexadecimal text, so that records survive JSON. */
export type Hex = string

export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: IpAddress }
  | { readonly type: 'PTR' | 'CNAME' | 'NS'; readonly target: DomainName }
  | {
      readonly type: 'SOA'
      readonly primary: DomainName
      readonly mailbox: DomainName
      readonly serial: number
      readonly refresh: number
      readonly retry: number
      readonly expire: number
      readonly minimum: number
    }
  | { readonly type: 'MX'; readonly preference: number; readonly exchange: DomainName }
  /** Each string holds raw octets as latin1 characters. */
  | { readonly type: 'TXT'; readonly strings: readonly string[] }
  | { readonly type: 'TLSA'; readonly usage: number; readonly selector: number; readonly matching: number; readonly data: Hex }
  | { readonly type: 'SRV'; readonly priority: number; readonly weight: number; readonly port: number; readonly target: DomainName }
  /** `value` holds raw octets as latin1 characters. */
  | { readonly type: 'CAA'; readonly flags: number; readonly tag: string; readonly value: string }
  | { readonly type: 'DS'; readonly keyTag: number; readonly algorithm: number; readonly digestType: number; readonly digest: Hex }
  | { readonly type: 'DNSKEY'; readonly flags: number; readonly protocol: number; readonly algorithm: number; readonly publicKey: Hex }
  | {
      readonly type: 'RRSIG'
      readonly typeCovered: RecordType
      readonly algorithm: number
      readonly labels: number
      readonly originalTtl: number
      readonly expiration: number
      readonly inception: number
      readonly keyTag: number
      readonly signer: DomainName
      readonly signature: Hex
    }
  | { readonly type: 'UNKNOWN'; readonly typeCode: number; readonly data: Hex }

export type ResourceRecord = RecordData & { readonly name: DomainName; readonly ttl: number }
/** The records of one type, with the fields of that type. */
export type RecordOf<T extends ResourceRecord['type']> = Extract<ResourceRecord, { readonly type: T }>

export function recordTypeCode(type: RecordType): number {
  const known = RECORD_TYPE_CODES[type as KnownRecordType] as number | undefined
  return known ?? Number(type.slice(4))
}

export function recordTypeOf(code: number): RecordType {
  return NAME_OF_CODE.get(code) ?? `TYPE${code}`
}

const NAME_OF_CODE = new Map<number, KnownRecordType>(
  Object.entries(RECORD_TYPE_CODES).map(([type, code]) => [code, type as KnownRecordType]),
)
