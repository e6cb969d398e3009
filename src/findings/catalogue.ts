/**
 * The one catalogue of findings: what each code means, its default level and typed arguments, and what to do about it.
 * Every surface (gate, probe, audit, page, docs) shows these; `docs/findings.md` is generated from here.
 */
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
  TARGET_UNKNOWN: { target: string; outcome: string }
  MX_NULL: { domain: string }
  MX_IMPLICIT: { domain: string }
  MX_ALIAS: { domain: string; exchange: string; target: string }
  MX_NO_ADDRESS: { domain: string; exchange: string }
  MX_IS_ADDRESS: { domain: string; exchange: string }
  MX_UNKNOWN: { domain: string; outcome: string }
  MX_TRUNCATED: { domain: string; count: number; kept: number }
  WEBSITE_ADDRESS: { domain: string; ip: string; exchange: string }
  IPV6_ONLY_BROKEN: { target: string; addresses: readonly string[] }
  // Ourselves
  RESOLVER_ILL: { reason: string }
}

export type FindingCode = keyof FindingArguments
export type Finding<C extends FindingCode = FindingCode> = {
  [K in C]: { readonly code: K; readonly level: FindingLevel; readonly args: Readonly<FindingArguments[K]> }
}[C]

export interface CatalogueEntry {
  readonly level: FindingLevel
  /** One sentence with `{argument}` placeholders for every argument that a reader needs. */
  readonly message: string
  /** Why it matters and how receivers treat it: a short paragraph or two, plain text. */
  readonly explanation: string
  /** Who has to do what; empty for findings that need nothing. */
  readonly remedy: string
}

export const CATALOGUE: { readonly [C in FindingCode]: CatalogueEntry } = {
  FCRDNS_CONFIRMED: {
    level: 'info',
    message: '{ip} has the confirmed name {confirmedName}.',
    explanation: '',
    remedy: '',
  },
  PTR_MISSING: {
    level: 'error',
    message: '{ip} has no PTR record: {reverseName} holds none.',
    explanation: '',
    remedy: '',
  },
  PTR_ALIAS_LOOP: {
    level: 'error',
    message: 'The CNAMEs of {reverseName} run in a circle.',
    explanation: '',
    remedy: '',
  },
  PTR_ALIAS_DANGLING: {
    level: 'error',
    message: '{reverseName} is an alias of {target}, which holds no PTR record.',
    explanation: '',
    remedy: '',
  },
  PTR_ALIAS_TOO_DEEP: {
    level: 'error',
    message: '{reverseName} leads through more than {depth} CNAMEs.',
    explanation: '',
    remedy: '',
  },
  PTR_DELEGATED: {
    level: 'info',
    message: '{reverseName} is delegated by CNAME to {target} (RFC 2317).',
    explanation: '',
    remedy: '',
  },
  PTR_UNKNOWN: {
    level: 'inconclusive',
    message: 'Whether {ip} has a PTR record could not be told ({outcome}).',
    explanation: '',
    remedy: '',
  },
  PTR_MULTIPLE: {
    level: 'notice',
    message: '{ip} has {count} PTR names.',
    explanation: '',
    remedy: '',
  },
  PTR_TRUNCATED: {
    level: 'notice',
    message: '{ip} has {count} PTR names; only the first {kept} were looked up.',
    explanation: '',
    remedy: '',
  },
  PTR_NOT_HOST_NAME: {
    level: 'warning',
    message: 'The PTR name {ptrName} is not a valid host name and cannot confirm {ip}.',
    explanation: '',
    remedy: '',
  },
  PTR_SINGLE_LABEL: {
    level: 'warning',
    message: 'The PTR name {ptrName} is a single label and cannot confirm {ip}.',
    explanation: '',
    remedy: '',
  },
  PTR_RESERVED_SUFFIX: {
    level: 'warning',
    message: 'The PTR name {ptrName} ends in the reserved suffix {suffix}.',
    explanation: '',
    remedy: '',
  },
  PTR_GENERIC: {
    level: 'warning',
    message: 'The PTR name {ptrName} looks derived from the address or like a pool name.',
    explanation: '',
    remedy: '',
  },
  FCRDNS_MISMATCH: {
    level: 'error',
    message: 'No PTR name of {ip} resolves back to it: {ptrNames}.',
    explanation: '',
    remedy: '',
  },
  FORWARD_ELSEWHERE: {
    level: 'notice',
    message: '{ptrName} resolves to {addresses}, not to {ip}.',
    explanation: '',
    remedy: '',
  },
  FORWARD_NXDOMAIN: {
    level: 'notice',
    message: '{ptrName} does not exist in the DNS.',
    explanation: '',
    remedy: '',
  },
  FORWARD_NO_ADDRESS: {
    level: 'notice',
    message: '{ptrName} has no {recordType} record.',
    explanation: '',
    remedy: '',
  },
  FORWARD_ALIAS_BROKEN: {
    level: 'notice',
    message: 'The CNAMEs of {ptrName} lead nowhere.',
    explanation: '',
    remedy: '',
  },
  FORWARD_UNKNOWN: {
    level: 'inconclusive',
    message: 'Where {ptrName} points could not be told ({outcome}).',
    explanation: '',
    remedy: '',
  },
  IPREV_DEADLINE: {
    level: 'inconclusive',
    message: 'The lookups for {ip} did not finish within {deadlineMs} ms.',
    explanation: '',
    remedy: '',
  },
  IPREV_QUERY_CAP: {
    level: 'inconclusive',
    message: 'The lookups for {ip} were stopped after {maxQueries} queries.',
    explanation: '',
    remedy: '',
  },
  IPREV_ABORTED: {
    level: 'inconclusive',
    message: 'The lookups for {ip} were interrupted.',
    explanation: '',
    remedy: '',
  },
  HELO_SYNTAX: {
    level: 'error',
    message: 'HELO {claimedName} is no valid host name or address literal ({problem}).',
    explanation: '',
    remedy: '',
  },
  HELO_BARE_ADDRESS: {
    level: 'error',
    message: 'HELO {claimedName} is an address without brackets.',
    explanation: '',
    remedy: '',
  },
  HELO_LITERAL: {
    level: 'notice',
    message: 'HELO {claimedName} is an address literal, not a name.',
    explanation: '',
    remedy: '',
  },
  HELO_LITERAL_MISMATCH: {
    level: 'warning',
    message: 'HELO {claimedName} is not the address {ip} of the client.',
    explanation: '',
    remedy: '',
  },
  HELO_LOCALHOST: {
    level: 'warning',
    message: 'HELO {claimedName} is a name of the local host.',
    explanation: '',
    remedy: '',
  },
  HELO_NOT_FQDN: {
    level: 'warning',
    message: 'HELO {claimedName} is not fully qualified.',
    explanation: '',
    remedy: '',
  },
  HELO_RESERVED_SUFFIX: {
    level: 'warning',
    message: 'HELO {claimedName} ends in the reserved or internal suffix {suffix}.',
    explanation: '',
    remedy: '',
  },
  HELO_OUR_NAME: {
    level: 'error',
    message: 'HELO {claimedName} is our own name or address, claimed by a stranger.',
    explanation: '',
    remedy: '',
  },
  HELO_GENERIC: {
    level: 'notice',
    message: 'HELO {claimedName} looks derived from an address or like a pool name.',
    explanation: '',
    remedy: '',
  },
  HELO_UNRESOLVABLE: {
    level: 'warning',
    message: 'HELO {claimedName} does not resolve to any address.',
    explanation: '',
    remedy: '',
  },
  HELO_UNKNOWN: {
    level: 'inconclusive',
    message: 'Whether HELO {claimedName} resolves could not be told ({outcome}).',
    explanation: '',
    remedy: '',
  },
  HELO_OTHER_ADDRESS: {
    level: 'notice',
    message: 'HELO {claimedName} resolves to {addresses}, not to {ip}.',
    explanation: '',
    remedy: '',
  },
  HELO_PTR_DIFFERS: {
    level: 'notice',
    message: 'HELO {claimedName} is none of the PTR names {ptrNames}.',
    explanation: '',
    remedy: '',
  },
  HELO_CONFIRMED_DIFFERS: {
    level: 'notice',
    message: 'HELO {claimedName} is not the confirmed name {confirmedName}.',
    explanation: '',
    remedy: '',
  },
  HELO_ORGANISATION_DIFFERS: {
    level: 'notice',
    message: 'HELO {claimedName} and {confirmedName} belong to different organisations.',
    explanation: '',
    remedy: '',
  },
  HELO_ALIGNED: {
    level: 'info',
    message: 'HELO {claimedName} is the confirmed name.',
    explanation: '',
    remedy: '',
  },
  ADDRESS_SPECIAL: {
    level: 'notice',
    message: '{ip} is a {range} address: no public receiver ever sees it.',
    explanation: '',
    remedy: '',
  },
  TARGET_NXDOMAIN: {
    level: 'error',
    message: '{target} does not exist in the DNS.',
    explanation: '',
    remedy: '',
  },
  TARGET_NO_ADDRESS: {
    level: 'error',
    message: '{target} has no A or AAAA record.',
    explanation: '',
    remedy: '',
  },
  TARGET_UNKNOWN: {
    level: 'inconclusive',
    message: 'The addresses of {target} could not be told ({outcome}).',
    explanation: '',
    remedy: '',
  },
  MX_NULL: {
    level: 'notice',
    message: '{domain} accepts no mail: its MX is null (RFC 7505).',
    explanation: '',
    remedy: '',
  },
  MX_IMPLICIT: {
    level: 'notice',
    message: '{domain} has no MX record; mail goes to its own address.',
    explanation: '',
    remedy: '',
  },
  MX_ALIAS: {
    level: 'warning',
    message: 'The MX {exchange} of {domain} is a CNAME to {target}.',
    explanation: '',
    remedy: '',
  },
  MX_NO_ADDRESS: {
    level: 'error',
    message: 'The MX {exchange} of {domain} has no address.',
    explanation: '',
    remedy: '',
  },
  MX_IS_ADDRESS: {
    level: 'error',
    message: 'The MX of {domain} is the address {exchange}, not a name.',
    explanation: '',
    remedy: '',
  },
  MX_UNKNOWN: {
    level: 'inconclusive',
    message: 'The MX records of {domain} could not be told ({outcome}).',
    explanation: '',
    remedy: '',
  },
  MX_TRUNCATED: {
    level: 'notice',
    message: '{domain} has {count} MX records; only the first {kept} were checked.',
    explanation: '',
    remedy: '',
  },
  WEBSITE_ADDRESS: {
    level: 'notice',
    message: '{ip} is the address of the website {domain}; its mail is handled by {exchange}.',
    explanation: '',
    remedy: '',
  },
  IPV6_ONLY_BROKEN: {
    level: 'warning',
    message: 'The IPv4 addresses of {target} are aligned, its IPv6 addresses are not: {addresses}.',
    explanation: '',
    remedy: '',
  },
  RESOLVER_ILL: {
    level: 'inconclusive',
    message: 'Our own resolver is in trouble ({reason}); nothing is refused for DNS reasons.',
    explanation: '',
    remedy: '',
  },
}

export const FINDING_CODES = Object.keys(CATALOGUE) as FindingCode[]

/** A finding at its default level, or at the one given. */
export function finding<C extends FindingCode>(code: C, args: FindingArguments[C], level: FindingLevel = CATALOGUE[code].level): Finding<C> {
  return { code, level, args } as Finding<C>
}
