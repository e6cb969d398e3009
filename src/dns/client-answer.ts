/**
 * What one reply says about one question (RFC 1034 §4.3.2, RFC 2308, RFC 6604): the CNAMEs that it holds are walked, and where
 * it leaves their target open the outcome is `alias`. A reply that answers nothing (a referral, a bare RCODE) is a failure.
 */
import type { ResourceRecord } from '../core/dns-record.ts'
import type { DomainName } from '../core/domain-name.ts'
import { canonicalName, isWithin, sameName } from '../core/domain-name.ts'
import { RCODE } from '../wire/dns.ts'
import { typeCodeOf } from '../wire/dns-rdata.ts'
import type { DnsReply, ExtendedError } from '../wire/dns-query.ts'
import { TYPE_ANY } from '../wire/dns-query.ts'
import type { Alias, DnsOutcome } from './resolver.ts'

/** More CNAMEs than this in one answer are not walked; whoever follows chains has a lower bound of his own. */
const MAX_ALIASES_IN_ANSWER = 64
const NO_ALIASES: readonly Alias[] = Object.freeze([])

export function interpretReply(reply: DnsReply, name: DomainName, typeCode: number): DnsOutcome {
  if (reply.rcode !== RCODE.NOERROR && reply.rcode !== RCODE.NXDOMAIN) return failureOf(reply)
  const { records, authenticated } = reply
  if (records.length === 0) return negativeOutcome(reply, name, NO_ALIASES)
  if (allAnswer(records, name, typeCode)) {
    return { kind: 'records', records, aliases: NO_ALIASES, ttl: leastTtl(records), authenticated }
  }
  return walkAliases(reply, name, typeCode)
}

function walkAliases(reply: DnsReply, name: DomainName, typeCode: number): DnsOutcome {
  const aliases: Alias[] = []
  const visited = new Set([canonicalName(name)])
  let current = name
  for (;;) {
    const found = reply.records.filter((record) => answers(record, current, typeCode))
    if (found.length > 0) {
      const ttl = Math.min(leastTtl(found), leastTtl(aliases))
      return { kind: 'records', records: found, aliases, ttl, authenticated: reply.authenticated }
    }
    const alias = reply.records.find((record) => record.type === 'CNAME' && sameName(record.name, current))
    if (alias?.type !== 'CNAME') return negativeOutcome(reply, current, aliases)
    if (aliases.length === MAX_ALIASES_IN_ANSWER) return { kind: 'aliasTooDeep', aliases }
    aliases.push({ name: alias.name, target: alias.target, ttl: alias.ttl })
    const target = canonicalName(alias.target)
    if (visited.has(target)) return { kind: 'aliasLoop', aliases }
    visited.add(target)
    current = alias.target
  }
}

/** There is no record at `target`, the question's name or where its aliases led: is that proven, or only left open? */
function negativeOutcome(reply: DnsReply, target: DomainName, aliases: readonly Alias[]): DnsOutcome {
  const { authenticated } = reply
  const proof = reply.soa !== null && isWithin(target, reply.soa.name) ? reply.soa : null
  const aliasTtl = leastTtl(aliases)
  // RFC 2308 §5; without an SOA nothing says for how long it holds.
  const ttl = proof === null ? 0 : Math.min(proof.ttl, proof.minimum, aliasTtl)
  if (reply.rcode === RCODE.NXDOMAIN) return { kind: 'nxdomain', aliases, ttl, authenticated }
  if (proof !== null) return { kind: 'nodata', aliases, ttl, authenticated }
  if (aliases.length > 0) return { kind: 'alias', target, aliases, ttl: aliasTtl, authenticated }
  // RFC 2308 §2.2.1: name servers without an SOA point elsewhere, and say nothing of the name.
  if (reply.hasNameServers && !reply.authoritative && !reply.recursionAvailable)
    return { kind: 'servfail', detail: 'a referral instead of an answer' }
  return { kind: 'nodata', aliases, ttl, authenticated }
}

function failureOf(reply: DnsReply): DnsOutcome {
  const parts: string[] = []
  if (reply.rcode !== RCODE.SERVFAIL && reply.rcode !== RCODE.REFUSED)
    parts.push(RCODE_NAMES[reply.rcode] ?? `RCODE ${String(reply.rcode)}`)
  if (reply.extendedError !== null) parts.push(describeExtendedError(reply.extendedError))
  const kind = reply.rcode === RCODE.REFUSED ? 'refused' : 'servfail'
  return parts.length === 0 ? { kind } : { kind, detail: parts.join('; ') }
}

function describeExtendedError({ code, text }: ExtendedError): string {
  const meaning = EXTENDED_ERROR_NAMES[code]
  const head = meaning === undefined ? `extended error ${String(code)}` : `extended error ${String(code)} (${meaning})`
  return text === '' ? head : `${head}: ${text}`
}

function allAnswer(records: readonly ResourceRecord[], name: DomainName, typeCode: number): boolean {
  for (const record of records) if (!answers(record, name, typeCode)) return false
  return true
}

function answers(record: ResourceRecord, name: DomainName, typeCode: number): boolean {
  if (record.name !== name && !sameName(record.name, name)) return false
  return typeCode === TYPE_ANY || typeCodeOf(record) === typeCode
}

function leastTtl(entries: readonly { readonly ttl: number }[]): number {
  let least = Infinity
  for (const { ttl } of entries) if (ttl < least) least = ttl
  return least
}

/** IANA, DNS RCODEs. */
const RCODE_NAMES: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  4: 'NOTIMP',
  6: 'YXDOMAIN',
  7: 'YXRRSET',
  8: 'NXRRSET',
  9: 'NOTAUTH',
  10: 'NOTZONE',
  16: 'BADVERS',
  23: 'BADCOOKIE',
}

/** IANA, Extended DNS Error Codes (RFC 8914 §4). */
const EXTENDED_ERROR_NAMES: readonly (string | undefined)[] = [
  'Other',
  'Unsupported DNSKEY Algorithm',
  'Unsupported DS Digest Type',
  'Stale Answer',
  'Forged Answer',
  'DNSSEC Indeterminate',
  'DNSSEC Bogus',
  'Signature Expired',
  'Signature Not Yet Valid',
  'DNSKEY Missing',
  'RRSIGs Missing',
  'No Zone Key Bit Set',
  'NSEC Missing',
  'Cached Error',
  'Not Ready',
  'Blocked',
  'Censored',
  'Filtered',
  'Prohibited',
  'Stale NXDOMAIN Answer',
  'Not Authoritative',
  'Not Supported',
  'No Reachable Authority',
  'Network Error',
  'Invalid Data',
]
