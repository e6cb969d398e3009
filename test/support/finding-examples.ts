/**
 * One plausible set of arguments for every finding, so that any surface can be tested by rendering them all.
 */
import { FINDING_CODES, finding, type Finding, type FindingArguments, type FindingCode } from '../../src/findings/catalogue.ts'

const ip = '198.51.100.7'
const reverseName = '7.100.51.198.in-addr.arpa'
const ptrName = 'mail.example.com'
const claimedName = 'mail.example.com'
const confirmedName = 'mail.example.net'

export const EXAMPLES: { readonly [C in FindingCode]: FindingArguments[C] } = {
  FCRDNS_CONFIRMED: { ip, confirmedName },
  PTR_MISSING: { ip, reverseName, cause: 'noReverseName' },
  PTR_ALIAS_LOOP: { ip, reverseName, chain: ['7.0-15.100.51.198.in-addr.arpa', reverseName] },
  PTR_ALIAS_DANGLING: { ip, reverseName, target: '7.0-15.100.51.198.in-addr.arpa' },
  PTR_ALIAS_TOO_DEEP: { ip, reverseName, depth: 8 },
  PTR_DELEGATED: { reverseName, target: '7.0-15.100.51.198.in-addr.arpa' },
  PTR_UNKNOWN: { ip, reverseName, outcome: 'servfail' },
  PTR_MULTIPLE: { ip, count: 3 },
  PTR_TRUNCATED: { ip, count: 300, kept: 10 },
  PTR_NOT_HOST_NAME: { ip, ptrName: 'mail_1.example.com' },
  PTR_SINGLE_LABEL: { ip, ptrName: 'mail' },
  PTR_RESERVED_SUFFIX: { ip, ptrName: 'mail.corp.local', suffix: 'local' },
  PTR_GENERIC: { ip, ptrName: 'host-198-51-100-7.dyn.example.net', score: 95, reasons: ['address:whole', 'word:dyn'] },
  FCRDNS_MISMATCH: { ip, ptrNames: [ptrName, 'mx.example.com'] },
  FORWARD_ELSEWHERE: { ip, ptrName, addresses: ['203.0.113.5', '203.0.113.6'] },
  FORWARD_NXDOMAIN: { ip, ptrName },
  FORWARD_NO_ADDRESS: { ip, ptrName, recordType: 'A' },
  FORWARD_ALIAS_BROKEN: { ip, ptrName, cause: 'aliasLoop' },
  FORWARD_UNKNOWN: { ip, ptrName, outcome: 'timeout' },
  IPREV_DEADLINE: { ip, deadlineMs: 5000 },
  IPREV_QUERY_CAP: { ip, maxQueries: 40 },
  IPREV_ABORTED: { ip },
  HELO_SYNTAX: { claimedName: 'mail_1..example', problem: 'emptyLabel' },
  HELO_UNDERSCORE: { claimedName: 'my_server.example.com' },
  HELO_BARE_ADDRESS: { claimedName: ip },
  HELO_LITERAL: { claimedName: `[${ip}]` },
  HELO_LITERAL_MISMATCH: { claimedName: '[10.0.0.5]', ip },
  HELO_LOCALHOST: { claimedName: 'localhost.localdomain' },
  HELO_NOT_FQDN: { claimedName: 'DESKTOP-7' },
  HELO_RESERVED_SUFFIX: { claimedName: 'mail.corp.local', suffix: 'local' },
  HELO_OUR_NAME: { claimedName: 'mx.example.org' },
  HELO_GENERIC: { claimedName: 'host-198-51-100-7.dyn.example.net', score: 95, reasons: ['address:whole', 'word:dyn'] },
  HELO_UNRESOLVABLE: { claimedName, cause: 'nxdomain' },
  HELO_UNKNOWN: { claimedName, outcome: 'timeout' },
  HELO_OTHER_ADDRESS: { claimedName, ip, addresses: ['203.0.113.5'] },
  HELO_PTR_DIFFERS: { claimedName, ptrNames: [confirmedName] },
  HELO_CONFIRMED_DIFFERS: { claimedName, confirmedName },
  HELO_ORGANISATION_DIFFERS: { claimedName, confirmedName, claimedDomain: 'example.com', confirmedDomain: 'example.net' },
  HELO_ALIGNED: { claimedName, confirmedName: claimedName },
  ADDRESS_SPECIAL: { ip: '10.0.0.5', range: 'private' },
  TARGET_NXDOMAIN: { target: 'no-such.example.com' },
  TARGET_NO_ADDRESS: { target: 'example.com' },
  TARGET_ALIAS_BROKEN: { target: 'www.example.com' },
  TARGET_UNKNOWN: { target: 'example.com', outcome: 'servfail' },
  MX_NULL: { domain: 'example.com' },
  MX_IMPLICIT: { domain: 'example.com' },
  MX_ALIAS: { domain: 'example.com', exchange: 'mx.example.com', target: 'mail.example.net' },
  MX_NO_ADDRESS: { domain: 'example.com', exchange: 'mx.example.com' },
  MX_IS_ADDRESS: { domain: 'example.com', exchange: ip },
  MX_UNKNOWN: { domain: 'example.com', outcome: 'timeout' },
  MX_TRUNCATED: { domain: 'example.com', count: 40, kept: 10 },
  ADDRESSES_TRUNCATED: { target: 'example.com', count: 200, kept: 64 },
  WEBSITE_ADDRESS: { domain: 'example.com', ip: '203.0.113.80', exchange: 'mx.example.com' },
  IPV6_ONLY_BROKEN: { target: 'mail.example.com', addresses: ['2001:db8::7'] },
  RESOLVER_ILL: { reason: '61 of the last 80 lookups failed' },
  MTA_DISAGREES: { ip: '198.51.100.7', mtaResult: 'fail', result: 'pass', mtaName: 'unknown' },
}

export function exampleFinding<C extends FindingCode>(code: C): Finding<C> {
  return finding(code, EXAMPLES[code])
}

/** Every finding once, in the order of the catalogue. */
export function exampleFindings(): Finding[] {
  return FINDING_CODES.map((code) => exampleFinding(code))
}
