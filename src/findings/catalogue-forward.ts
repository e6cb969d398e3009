/**
 * The findings about the way back: whether the PTR names resolve to the address, and what kept this from being told.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

export const FORWARD_FINDINGS = {
  FCRDNS_MISMATCH: {
    level: 'error',
    message: 'No PTR name of {ip} resolves back to it: {ptrNames}.',
    explanation: prose(`
      The address has a name, but all lookups of the name were answered and none gave the address. Anybody who runs a reverse
      zone can write any name into it, so an unconfirmed name proves nothing and may be forged. RFC 8601 §2.7.3 calls this
      iprev "fail". An address nearby does not count: only the very address does.

      Gmail and Microsoft treat it like a missing PTR and answer 550 5.7.25, free.fr answers "421 Refused. Your reverse DNS entry
      does not resolve to an IP.", and Postfix with reject_unknown_client_hostname refuses it.
    `),
    remedy: prose(`
      The owner of the name's domain adds an A record (for IPv4) or AAAA record (for IPv6) from the name to this address. If the
      name is wrong, the provider sets the PTR to the right one instead; the forward record comes first. Both families need
      their own records.
    `),
  },
  FORWARD_ELSEWHERE: {
    level: 'notice',
    message: '{ptrName} resolves to {addresses}, not to {ip}.',
    explanation: prose(`
      The PTR name exists, but its address records name other machines. Frequent causes: the server moved and only one side was
      changed, the PTR names the web site, or the server sends from an additional address that the name does not list. If another
      PTR name is confirmed this does no harm.
    `),
    remedy:
      'The owner of the domain adds this address to the records of the name, or the PTR record is changed to the name that does resolve to it.',
  },
  FORWARD_NXDOMAIN: {
    level: 'notice',
    message: '{ptrName}, a PTR name of {ip}, does not exist in the DNS.',
    explanation: prose(`
      The name servers of the domain say that there is no such name, so it cannot confirm the address. Often the PTR was set
      before the A record, the name is misspelt, or a zone file lacks the trailing dot so that the name of the reverse zone was
      added to it.
    `),
    remedy: 'The owner of the domain creates an A or AAAA record for the name, or the PTR record is corrected to a name that exists.',
  },
  FORWARD_NO_ADDRESS: {
    level: 'notice',
    message: '{ptrName}, a PTR name of {ip}, has no {recordType} record.',
    explanation: prose(`
      The name exists but holds no address of the family that is needed: A for an IPv4 peer, AAAA for an IPv6 peer. An A record
      never confirms an IPv6 address. This is the usual trap after IPv6 was switched on: the provider set a PTR for the IPv6
      address, and the AAAA record was forgotten.
    `),
    remedy:
      'The owner of the domain adds the missing record, or the mail server is told to send over the family that is set up (Postfix: inet_protocols, or smtp_address_preference).',
  },
  FORWARD_ALIAS_BROKEN: {
    level: 'notice',
    message: 'The CNAMEs of {ptrName}, a PTR name of {ip}, lead nowhere.',
    explanation: prose(`
      The name is an alias, and following its aliases runs in a circle or takes more steps than resolvers go along with (RFC 1034
      §3.6.2). It gives no address, so it cannot confirm one.
    `),
    remedy:
      'The owner of the domain gives the name its own A or AAAA record. The host name of a mail server should not be an alias at all.',
  },
  FORWARD_UNKNOWN: {
    level: 'inconclusive',
    message: 'Where {ptrName}, a PTR name of {ip}, points could not be told ({outcome}).',
    explanation: prose(`
      The PTR record is there, but the name servers of its domain, or the resolver that asked them, failed, refused, answered
      nonsense or were too slow. The address may well be confirmed by this name, so no verdict is given unless another name
      confirms it; RFC 8601 §2.7.3 calls the result "temperror". Receivers that enforce reverse DNS defer such mail.
    `),
    remedy: prose(`
      Repeat the check, and ask another resolver. If it persists, the owner of the domain has to mend its name servers, its
      delegation or its DNSSEC signatures.
    `),
  },
  IPREV_DEADLINE: {
    level: 'inconclusive',
    message: 'The lookups for {ip} did not finish within {deadlineMs} ms.',
    explanation: prose(`
      All lookups about one client share one deadline, so that slow name servers cannot hold up a mail session. What was still
      open when it passed is unknown, and the result is "temperror", never a failure.
    `),
    remedy:
      'Repeat the check: the answers may be cached by now. If it happens often, look at the resolver and its distance, or allow more time with --timeout.',
  },
  IPREV_QUERY_CAP: {
    level: 'inconclusive',
    message: 'The lookups for {ip} were stopped after {maxQueries} queries.',
    explanation: prose(`
      The work for one client is bounded, so that nobody can make a receiver send unlimited queries by publishing many names or
      long chains of aliases. The names that were not looked up could have confirmed the address, so the result is "temperror".
    `),
    remedy:
      'Whoever manages the PTR records of the address removes all but one name, and whoever manages that name gives it an address record instead of aliases.',
  },
  IPREV_ABORTED: {
    level: 'inconclusive',
    message: 'The lookups for {ip} were interrupted.',
    explanation: 'The client went away or the program was stopped before the answers came. Nothing was learned about the address.',
    remedy: '',
  },
} satisfies FindingTexts
