/**
 * The one catalogue of findings: what each code means, its default level and typed arguments, and what to do about it.
 * Every surface (gate, probe, audit, page, docs) shows these; `docs/findings.md` is generated from here.
 */
import { FORWARD_FINDINGS } from './catalogue-forward.ts'
import { HELO_FINDINGS } from './catalogue-helo.ts'
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
