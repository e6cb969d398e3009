/**
 * The records of a domain that is probed, and the addresses that send for it: those that the user names, or single addresses of the
 * SPF record. The hosts of its MX receive mail; SPF is held against an address only where it is said to send.
 */
import type { IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import { judgeClient, type ClientJudgement, type JudgeSettings } from '../engine/judge.ts'
import type { Finding } from '../findings/catalogue.ts'
import { lookupDkimKey, type DkimKeyFacts } from './dkim-key.ts'
import { lookupDmarc, type DmarcFacts } from './dmarc.ts'
import { lookupDnsbl, type DnsblFacts } from './dnsbl.ts'
import type { HttpsFetch } from './https-fetch.ts'
import { lookupMtaSts, type MtaStsFacts } from './mta-sts.ts'
import type { RecordFacts } from './record-facts.ts'
import { recordFindings } from './record-findings.ts'
import { listSpfAddresses, type SpfAddresses } from './spf-addresses.ts'
import { checkSpf, type SpfFacts } from './spf.ts'
import { lookupTlsRpt, type TlsRptFacts } from './tls-rpt.ts'

export interface RecordSettings extends JudgeSettings {
  readonly fetch: HttpsFetch
  /** Of DKIM keys. */
  readonly selectors: readonly string[]
  /** Blocklists; none unless the user names them. */
  readonly lists: readonly DomainName[]
  readonly sending: SendingSide
}

export interface SendingSide {
  readonly addresses: readonly IpAddress[]
  /** Those that the SPF record names one by one, as well. */
  readonly fromSpf: boolean
  /** What these say in HELO; null where it is not known. */
  readonly claimedName: string | null
}

export interface DomainRecords {
  readonly mtaSts: MtaStsFacts
  readonly tlsRpt: TlsRptFacts
  readonly dmarc: DmarcFacts
  readonly spf: SpfAddresses
  readonly dkim: readonly DkimKeyFacts[]
}

export interface SendingAddress {
  readonly address: IpAddress
  readonly judgement: ClientJudgement
  /** Null where there is no domain to send for. */
  readonly spf: (SpfFacts & { readonly identity: 'mailFrom' }) | null
  readonly dnsbl: readonly DnsblFacts[]
  readonly findings: readonly Finding[]
}

/** More is a pool, and a matter for an audit. */
export const MAX_SENDING_ADDRESSES = 16

export async function lookupRecords(
  domain: DomainName,
  exchanges: readonly DomainName[],
  { resolver, fetch, selectors }: RecordSettings,
  signal: AbortSignal | undefined,
): Promise<DomainRecords> {
  const options = { resolver, signal }
  const [mtaSts, tlsRpt, dmarc, spf, dkim] = await Promise.all([
    lookupMtaSts(domain, exchanges, { ...options, fetch }),
    lookupTlsRpt(domain, options),
    lookupDmarc(domain, options),
    listSpfAddresses(domain, options),
    Promise.all(selectors.map((selector) => lookupDkimKey(domain, selector, options))),
  ])
  return { mtaSts, tlsRpt, dmarc, spf, dkim }
}

export function recordsOf({ mtaSts, tlsRpt, dmarc, spf, dkim }: DomainRecords): readonly RecordFacts[] {
  return [mtaSts, tlsRpt, dmarc, spf, ...dkim]
}

export async function judgeSending(
  domain: DomainName | null,
  spf: SpfAddresses | null,
  settings: RecordSettings,
  signal: AbortSignal | undefined,
): Promise<readonly SendingAddress[]> {
  const { addresses, fromSpf } = settings.sending
  const listed = fromSpf && spf !== null ? singleAddresses(spf) : []
  return Promise.all(
    [...addresses, ...listed].slice(0, MAX_SENDING_ADDRESSES).map((address) => judgeSender(address, domain, settings, signal)),
  )
}

function singleAddresses({ networks }: SpfAddresses): readonly IpAddress[] {
  return networks.flatMap(({ network: { address, prefixLength } }) => (prefixLength === address.bytes.length * 8 ? [address] : []))
}

async function judgeSender(
  address: IpAddress,
  domain: DomainName | null,
  settings: RecordSettings,
  signal: AbortSignal | undefined,
): Promise<SendingAddress> {
  const { resolver, lists, sending } = settings
  const options = { resolver, signal }
  const claimedName = sending.claimedName ?? ''
  const [judgement, facts, dnsbl] = await Promise.all([
    judgeClient(address, sending.claimedName, settings, signal),
    domain === null ? null : checkSpf({ address, domain, claimedName }, options),
    Promise.all(lists.map((list) => lookupDnsbl(address, list, options))),
  ])
  const spf = facts && { ...facts, identity: 'mailFrom' as const }
  return { address, judgement, spf, dnsbl, findings: [...judgement.findings, ...recordFindings([...(spf ? [spf] : []), ...dnsbl])] }
}
