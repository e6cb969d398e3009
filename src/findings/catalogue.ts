/**
 * The one catalogue of findings: what each code means, its default level and typed arguments, and what to do about it.
 * Every surface (gate, probe, audit, page, docs) shows these; `docs/findings.md` is generated from here.
 */
import { FORWARD_FINDINGS } from './catalogue-forward.ts'
import { HELO_FINDINGS } from './catalogue-helo.ts'
import { PROBE_FINDINGS } from './catalogue-probe.ts'
import { RECEIVER_FINDINGS } from './catalogue-receiver.ts'
import { RECORD_FINDINGS } from './catalogue-records.ts'
import { REVERSE_FINDINGS } from './catalogue-reverse.ts'
import { TARGET_FINDINGS } from './catalogue-target.ts'

/** Low to high. `inconclusive` stands beside them: it could not be told. */
export type FindingLevel = 'info' | 'notice' | 'warning' | 'error' | 'inconclusive'

/** Names are in normal form, addresses in canonical text, `claimedName` is raw hostile text. Rendering escapes them all. */
export interface FindingArguments {
  // The reverse direction
  FCRDNS_CONFIRMED: { ip: string; confirmedName: string }
  PTR_MISSING: { ip: string; reverseName: string; cause: 'noReverseName' | 'noPtrRecord' }
  PTR_ALIAS_LOOP: { ip: string; reverseName: string; chain: readonly string[] }
  PTR_ALIAS_DANGLING: { ip: string; reverseName: string; target: string }
  PTR_ALIAS_TOO_DEEP: { ip: string; reverseName: string; depth: number }
  PTR_DELEGATED: { reverseName: string; target: string }
  PTR_UNKNOWN: { ip: string; reverseName: string; outcome: string }
  PTR_MULTIPLE: { ip: string; count: number }
  PTR_TRUNCATED: { ip: string; count: number; kept: number }
  PTR_NOT_HOST_NAME: { ip: string; ptrName: string }
  PTR_SINGLE_LABEL: { ip: string; ptrName: string }
  PTR_RESERVED_SUFFIX: { ip: string; ptrName: string; suffix: string }
  PTR_GENERIC: { ip: string; ptrName: string; score: number; reasons: readonly string[] }
  // The forward direction
  FCRDNS_MISMATCH: { ip: string; ptrNames: readonly string[] }
  FORWARD_ELSEWHERE: { ip: string; ptrName: string; addresses: readonly string[] }
  FORWARD_NXDOMAIN: { ip: string; ptrName: string }
  FORWARD_NO_ADDRESS: { ip: string; ptrName: string; recordType: 'A' | 'AAAA' }
  FORWARD_ALIAS_BROKEN: { ip: string; ptrName: string; cause: 'aliasLoop' | 'aliasTooDeep' }
  FORWARD_UNKNOWN: { ip: string; ptrName: string; outcome: string }
  IPREV_DEADLINE: { ip: string; deadlineMs: number }
  IPREV_QUERY_CAP: { ip: string; maxQueries: number }
  IPREV_ABORTED: { ip: string }
  // HELO
  HELO_SYNTAX: { claimedName: string; problem: string }
  HELO_UNDERSCORE: { claimedName: string }
  HELO_BARE_ADDRESS: { claimedName: string }
  HELO_LITERAL: { claimedName: string }
  HELO_LITERAL_MISMATCH: { claimedName: string; ip: string }
  HELO_LOCALHOST: { claimedName: string }
  HELO_NOT_FQDN: { claimedName: string }
  HELO_RESERVED_SUFFIX: { claimedName: string; suffix: string }
  HELO_OUR_NAME: { claimedName: string }
  HELO_GENERIC: { claimedName: string; score: number; reasons: readonly string[] }
  HELO_UNRESOLVABLE: { claimedName: string; cause: 'nxdomain' | 'nodata' }
  HELO_UNKNOWN: { claimedName: string; outcome: string }
  HELO_OTHER_ADDRESS: { claimedName: string; ip: string; addresses: readonly string[] }
  HELO_PTR_DIFFERS: { claimedName: string; ptrNames: readonly string[] }
  HELO_CONFIRMED_DIFFERS: { claimedName: string; confirmedName: string }
  HELO_ORGANISATION_DIFFERS: { claimedName: string; confirmedName: string; claimedDomain: string; confirmedDomain: string }
  HELO_ALIGNED: { claimedName: string; confirmedName: string }
  // The target of a check
  ADDRESS_SPECIAL: { ip: string; range: string }
  TARGET_NXDOMAIN: { target: string }
  TARGET_NO_ADDRESS: { target: string }
  TARGET_ALIAS_BROKEN: { target: string }
  TARGET_UNKNOWN: { target: string; outcome: string }
  MX_NULL: { domain: string }
  MX_IMPLICIT: { domain: string }
  MX_ALIAS: { domain: string; exchange: string; target: string }
  MX_NO_ADDRESS: { domain: string; exchange: string }
  MX_IS_ADDRESS: { domain: string; exchange: string }
  MX_UNKNOWN: { domain: string; outcome: string }
  MX_TRUNCATED: { domain: string; count: number; kept: number }
  ADDRESSES_TRUNCATED: { target: string; count: number; kept: number }
  WEBSITE_ADDRESS: { domain: string; ip: string; exchange: string }
  IPV6_ONLY_BROKEN: { target: string; addresses: readonly string[] }
  // Ourselves
  RESOLVER_ILL: { reason: string }
  MTA_DISAGREES: { ip: string; mtaResult: string; result: string; mtaName: string }
  // A conversation with a mail server; `text` is raw hostile text
  PROBE_NOT_CONNECTED: { ip: string; port: number; cause: string }
  PROBE_TURNED_AWAY: { ip: string; stage: string; code: number; text: string }
  PROBE_TIMEOUT: { ip: string; stage: string; seconds: number }
  PROBE_BROKEN_OFF: { ip: string; stage: string; cause: string }
  PROBE_NO_SMTP: { ip: string; port: number; problem: string }
  PROBE_OUR_TROUBLE: { ip: string; cause: string }
  PROBE_SPECIAL_ADDRESS: { ip: string; range: string }
  EGRESS_BLOCKED: { count: number; port: number }
  BANNER_NO_NAME: { ip: string }
  BANNER_DIFFERS: { ip: string; bannerName: string; ehloName: string }
  EHLO_CHANGES: { ip: string; ehloName: string; nameUnderTls: string }
  EHLO_REFUSED: { ip: string; code: number }
  STARTTLS_MISSING: { ip: string }
  STARTTLS_MASKED: { ip: string; keyword: string }
  STARTTLS_REFUSED: { ip: string; code: number; text: string }
  STARTTLS_TRAILING: { ip: string }
  STARTTLS_INJECTION: { ip: string }
  TLS_FAILED: { ip: string; problem: string }
  TLS_OLD: { ip: string; protocol: string }
  TLS_OLD_ACCEPTED: { ip: string; versions: readonly string[] }
  CERTIFICATE_EXPIRED: { ip: string; validTo: string }
  CERTIFICATE_EXPIRES: { ip: string; validTo: string; days: number }
  CERTIFICATE_UNTRUSTED: { ip: string; problem: string }
  CERTIFICATE_OTHER_NAME: { ip: string; names: readonly string[]; serverName: string }
  OPEN_RELAY: { ip: string; sender: string; recipient: string }
  RELAY_REFUSED: { ip: string; code: number }
  NAMES_ALIGNED: { ip: string; name: string }
  VANTAGE_UNCONFIRMED: { ehloName: string }
  // What a receiver said
  RECEIVER_REPUTATION: { ip: string }
  RECEIVER_NO_REASON: { ip: string }
  RECEIVER_OTHER_CAUSE: { status: string; meaning: string }
  // The records around a mail server
  SPF_PASS: { ip: string; domain: string; term: string }
  SPF_NONE: { domain: string }
  SPF_FAIL: { ip: string; domain: string; term: string }
  SPF_SOFTFAIL: { ip: string; domain: string; term: string }
  SPF_NEUTRAL: { ip: string; domain: string }
  SPF_SYNTAX: { domain: string; term: string; position: number; problem: string }
  SPF_MULTIPLE: { domain: string; count: number }
  SPF_TOO_MANY_LOOKUPS: { domain: string; count: number }
  SPF_TOO_MANY_VOID_LOOKUPS: { domain: string }
  SPF_TOO_MANY_MX: { domain: string; count: number }
  SPF_TARGET_WITHOUT_RECORD: { domain: string; term: string }
  SPF_CIRCLE: { domain: string }
  SPF_ALLOWS_ALL: { domain: string; term: string }
  SPF_PTR_TERM: { domain: string; term: string }
  SPF_UNKNOWN: { domain: string; question: string; outcome: string }
  DMARC_NONE: { domain: string }
  DMARC_MULTIPLE: { domain: string; count: number }
  DMARC_INVALID: { domain: string; tag: string; position: number; problem: string }
  DMARC_MONITORING: { domain: string; source: string }
  DMARC_ENFORCED: { domain: string; source: string; policy: string }
  DMARC_TEST_MODE: { domain: string }
  DMARC_PARTIAL: { domain: string; percent: number }
  DMARC_NO_REPORTS: { domain: string }
  DMARC_UNKNOWN: { domain: string; outcome: string }
  DKIM_KEY_VALID: { domain: string; selector: string }
  DKIM_KEY_NONE: { domain: string; selector: string }
  DKIM_KEY_MULTIPLE: { domain: string; selector: string; count: number }
  DKIM_KEY_INVALID: { domain: string; selector: string; position: number; problem: string }
  DKIM_KEY_REVOKED: { domain: string; selector: string }
  DKIM_KEY_TYPE_UNKNOWN: { domain: string; selector: string; type: string }
  DKIM_KEY_SHORT: { domain: string; selector: string; bits: number }
  DKIM_KEY_HASH: { domain: string; selector: string; hashes: readonly string[] }
  DKIM_KEY_NOT_FOR_MAIL: { domain: string; selector: string }
  DKIM_KEY_TEST_MODE: { domain: string; selector: string }
  DKIM_KEY_UNKNOWN: { domain: string; selector: string; outcome: string }
  MTA_STS_NONE: { domain: string }
  MTA_STS_MULTIPLE: { domain: string; count: number }
  MTA_STS_RECORD_INVALID: { domain: string; tag: string; position: number; problem: string }
  MTA_STS_UNKNOWN: { domain: string; outcome: string }
  MTA_STS_FETCH_FAILED: { domain: string; cause: string; detail: string }
  MTA_STS_POLICY_UNKNOWN: { domain: string; outcome: string; detail: string }
  MTA_STS_REDIRECT: { domain: string; status: number; location: string }
  MTA_STS_STATUS: { domain: string; status: number }
  MTA_STS_CONTENT_TYPE: { domain: string; contentType: string }
  MTA_STS_POLICY_INVALID: { domain: string; line: number; key: string; problem: string }
  MTA_STS_MX_NOT_COVERED: { domain: string; exchange: string }
  MTA_STS_SHORT_AGE: { domain: string; seconds: number }
  MTA_STS_MODE_NONE: { domain: string }
  MTA_STS_TESTING: { domain: string }
  MTA_STS_ENFORCED: { domain: string }
  TLS_RPT_NONE: { domain: string }
  TLS_RPT_MULTIPLE: { domain: string; count: number }
  TLS_RPT_INVALID: { domain: string; tag: string; position: number; problem: string }
  TLS_RPT_UNKNOWN: { domain: string; outcome: string }
  DANE_NONE: { exchange: string }
  DANE_INSECURE: { exchange: string; problem: string }
  DANE_UNTRUSTED: { exchange: string }
  DANE_UNKNOWN: { exchange: string; question: string; outcome: string }
  DANE_RECORD_UNUSABLE: { exchange: string; record: string; problem: string }
  DANE_MX_INSECURE: { exchange: string }
  DANE_VALID: { exchange: string }
  DANE_MISMATCH: { exchange: string }
  DANE_RECORD_MISMATCH: { exchange: string; record: string; problem: string }
  DNSBL_LISTED: { ip: string; list: string; codes: readonly string[]; texts: readonly string[] }
  DNSBL_REFUSED: { ip: string; list: string; cause: string; codes: readonly string[] }
  DNSBL_UNKNOWN: { ip: string; list: string; outcome: string }
}

export type FindingCode = keyof FindingArguments
export type Finding<C extends FindingCode = FindingCode> = {
  [K in C]: { readonly code: K; readonly level: FindingLevel; readonly args: Readonly<FindingArguments[K]> }
}[C]

export interface CatalogueEntry {
  readonly level: FindingLevel
  /** One sentence with `{argument}` placeholders for every argument that a reader needs. */
  readonly message: string
  /** Why it matters and how receivers treat it: a short paragraph or two, plain text, an empty line between them. */
  readonly explanation: string
  /** Who has to do what; empty for findings that need nothing. */
  readonly remedy: string
}

export type FindingTexts = { readonly [C in FindingCode]?: CatalogueEntry }

export const CATALOGUE: { readonly [C in FindingCode]: CatalogueEntry } = {
  ...REVERSE_FINDINGS,
  ...FORWARD_FINDINGS,
  ...HELO_FINDINGS,
  ...TARGET_FINDINGS,
  ...PROBE_FINDINGS,
  ...RECEIVER_FINDINGS,
  ...RECORD_FINDINGS,
}

export const FINDING_CODES = Object.keys(CATALOGUE) as FindingCode[]

/** A finding at its default level, or at the one given. */
export function finding<C extends FindingCode>(
  code: C,
  args: FindingArguments[C],
  level: FindingLevel = CATALOGUE[code].level,
): Finding<C> {
  return { code, level, args }
}
