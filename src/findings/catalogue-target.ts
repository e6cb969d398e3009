/**
 * The findings about what was asked for (an address, a host or a domain with its MX records) and about ourselves.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

export const TARGET_FINDINGS = {
  ADDRESS_SPECIAL: {
    level: 'notice',
    message: '{ip} is not a public address ({range}): no receiver outside ever sees it.',
    explanation: prose(`
      The address belongs to a range that IANA set apart (RFC 6890): private, loopback, link-local, shared by a carrier (CGNAT,
      RFC 6598), for documentation and so on. Receivers see the public address behind which the server stands, and that is the
      one whose PTR record counts. Reverse DNS of special ranges exists only inside your network.
    `),
    remedy:
      'Find the public address from which the server sends (ask a machine outside, or read the Received header of a delivered mail), and check that one.',
  },
  TARGET_NXDOMAIN: {
    level: 'error',
    message: '{target} does not exist in the DNS.',
    explanation:
      'The name servers say that there is no such name, so there is no address to check and no mail can come from it or go to it.',
    remedy:
      'Check the spelling. If the name is right, the owner of the domain creates its A or AAAA record, or renews a lapsed registration.',
  },
  TARGET_NO_ADDRESS: {
    level: 'error',
    message: '{target} has no A or AAAA record.',
    explanation: 'The name exists, but holds no address of either family, so no host answers to it and no reverse DNS can be checked.',
    remedy: 'The owner of the domain adds an A record, an AAAA record, or both.',
  },
  TARGET_ALIAS_BROKEN: {
    level: 'error',
    message: 'The CNAMEs of {target} lead nowhere.',
    explanation: prose(`
      The name is an alias, and following its aliases runs in a circle or takes more steps than resolvers go along with (RFC 1034
      §3.6.2). Whatever asks for the name gets an error.
    `),
    remedy: 'The owner of the domain points the CNAME at a name that holds the records, or replaces it by the records themselves.',
  },
  TARGET_UNKNOWN: {
    level: 'inconclusive',
    message: 'The addresses of {target} could not be told ({outcome}).',
    explanation: prose(`
      The name servers of the name, or the resolver that asked them, failed, refused, answered nonsense or did not answer in
      time. Nothing can be said about the name, good or bad.
    `),
    remedy:
      'Repeat the check, and ask another resolver with --resolver. If it persists, the owner of the domain has to mend its name servers, delegation or DNSSEC signatures.',
  },
  MX_NULL: {
    level: 'notice',
    message: '{domain} accepts no mail: its MX is null (RFC 7505).',
    explanation: prose(`
      A single MX record with the name "." says that the domain takes no mail at all. Senders give up at once instead of trying
      for days. Such a domain must not be used as a sender address either, since nobody could answer.
    `),
    remedy: 'None if this is meant. Otherwise the owner of the domain replaces the record by the MX of its mail server.',
  },
  MX_IMPLICIT: {
    level: 'notice',
    message: '{domain} has no MX record; mail goes to its own address.',
    explanation: prose(`
      Without an MX record, senders use the address of the domain itself (RFC 5321 §5.1). It works, but often points at a web
      server that takes no mail, and some receivers distrust senders whose domain has no MX.
    `),
    remedy: 'The owner of the domain publishes an MX record that names the mail server, or a null MX (RFC 7505) if there is none.',
  },
  MX_ALIAS: {
    level: 'warning',
    message: 'The MX {exchange} of {domain} is a CNAME to {target}.',
    explanation: prose(`
      The name in an MX record must have address records of its own and must not be an alias (RFC 2181 §10.3, RFC 5321 §5.1). Most
      senders cope, some refuse or loop, and the reverse name can then match only one of the two names.
    `),
    remedy: 'The owner of the domain names the target of the alias in the MX record, or gives the MX name its own A and AAAA records.',
  },
  MX_NO_ADDRESS: {
    level: 'error',
    message: 'The MX {exchange} of {domain} has no address.',
    explanation:
      'The name in the MX record has neither an A nor an AAAA record, so no mail can be delivered there. If it is the only MX, the domain receives nothing.',
    remedy: 'The owner of the domain adds the address records of the name, or removes the MX record.',
  },
  MX_IS_ADDRESS: {
    level: 'error',
    message: 'The MX of {domain} is the address {exchange}, not a name.',
    explanation:
      'An MX record holds a host name (RFC 1035 §3.3.9). Digits written there are read as the labels of a name that does not exist, and senders cannot deliver.',
    remedy: 'The owner of the domain creates a host name with an A or AAAA record for the address, and names that in the MX record.',
  },
  MX_UNKNOWN: {
    level: 'inconclusive',
    message: 'The MX records of {domain} could not be told ({outcome}).',
    explanation: prose(`
      The name servers of the domain, or the resolver that asked them, failed, refused, answered nonsense or did not answer in
      time. Senders keep such mail in their queues and try again; whether an MX exists is not known.
    `),
    remedy:
      'Repeat the check, and ask another resolver with --resolver. If it persists, the owner of the domain has to mend its name servers, delegation or DNSSEC signatures.',
  },
  MX_TRUNCATED: {
    level: 'notice',
    message: '{domain} has {count} MX records; only the first {kept} were checked.',
    explanation:
      'The work for one target is bounded. The records with the lowest preference values, which senders try first, were checked.',
    remedy: 'None needed. Check the other hosts by name if they matter.',
  },
  ADDRESSES_TRUNCATED: {
    level: 'notice',
    message: '{target} has {count} addresses; only the first {kept} were checked.',
    explanation: 'The work for one target is bounded. The addresses of the most preferred hosts were checked.',
    remedy: 'None needed. Check the other addresses by themselves if they matter.',
  },
  WEBSITE_ADDRESS: {
    level: 'notice',
    message: '{ip} is the address of the website {domain}; its mail is handled by {exchange}.',
    explanation: prose(`
      The address of the bare domain usually belongs to its web server. Its PTR record has no influence on mail as long as the web
      server sends none. What receivers judge is the address from which the mail server connects.
    `),
    remedy:
      'Check the mail server instead, and leave the PTR of the website alone. If the web server itself sends mail (forms, a shop), check it as well, or let it send through the mail server.',
  },
  IPV6_ONLY_BROKEN: {
    level: 'warning',
    message: 'The IPv4 addresses of {target} are aligned, its IPv6 addresses are not: {addresses}.',
    explanation: prose(`
      Each address is judged for itself, and mail leaves over IPv6 whenever both sides have it. Gmail and Exchange Online are
      stricter there: Gmail asks for PTR records and authentication in its IPv6 sending guidelines, and Exchange Online answers
      "550 5.7.25 Access denied, the sending IPv6 address must have a reverse DNS record". So mail to some receivers fails while
      everything looks right over IPv4.
    `),
    remedy: prose(`
      Have a PTR record set for exactly the IPv6 address from which the server sends, and an AAAA record from that name to it. Until
      then, let the mail server send over IPv4 only (Postfix: inet_protocols = ipv4). Bind it to one fixed IPv6 address, so that
      no temporary address is used.
    `),
  },
  RESOLVER_ILL: {
    level: 'inconclusive',
    message: 'Our own resolver is in trouble ({reason}); nothing is refused for DNS reasons.',
    explanation: prose(`
      So many lookups fail at present, or names that are known to be right fail, that the fault is most likely on our side. An
      ill resolver makes every client look as if it had no reverse DNS. Until it recovers, clients are only tagged, and results
      from the DNS count as "temperror".
    `),
    remedy:
      'The administrator of this receiver looks at the resolver: is it running, does it reach the Internet, is its clock right (DNSSEC), is a firewall dropping UDP or TCP port 53?',
  },
  MTA_DISAGREES: {
    level: 'notice',
    message: 'The mail server itself looked {ip} up and found {mtaResult} ({mtaName}); we found {result}.',
    explanation: prose(`
      The mail server that asks us has looked the client up as well, and tells what it found. Both ask the DNS, so they differ
      where one of them has another source (a hosts file, a split view), a stale cache, or a resolver in trouble. What the mail
      server says is compared, and never believed: the decision rests on our own lookup.
    `),
    remedy:
      'The administrator of this receiver lets the mail server and ptrgate ask the same resolver, and keeps mail clients out of the hosts file. Many of these at once mean that one of the two resolvers is in trouble.',
  },
} satisfies FindingTexts
