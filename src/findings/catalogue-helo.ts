/**
 * The findings about what a client calls itself in HELO or EHLO, in the order in which the checks are made.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

export const HELO_FINDINGS = {
  HELO_SYNTAX: {
    level: 'error',
    message: 'HELO {claimedName} is no valid host name or address literal ({problem}).',
    explanation: prose(`
      RFC 5321 §4.1.1.1 and §4.1.2 allow a domain name of letters, digits, hyphens and dots, or an address literal in brackets.
      Anything else is a syntax error: an empty label, a label that begins or ends with a hyphen, a space, bytes
      outside ASCII.

      Postfix with reject_invalid_helo_hostname answers "501 5.5.2 Helo command rejected: Invalid name", Exim "501 Syntactically
      invalid HELO argument(s)", Gmail "501-5.5.4 HELO/EHLO argument is invalid".
    `),
    remedy:
      'The administrator of the sending server sets its HELO name to the host name that its PTR record shows (Postfix: smtp_helo_name or myhostname; Exim: primary_hostname; Exchange: the FQDN of the send connector).',
  },
  HELO_UNDERSCORE: {
    level: 'warning',
    message: 'HELO {claimedName} holds an underscore, which no host name may.',
    explanation: prose(`
      RFC 5321 §4.1.2 allows letters, digits and hyphens in a domain name, and no underscore. Receivers differ: Postfix, Sendmail
      and Microsoft let it pass, Exim refuses it unless its administrator allowed it (helo_allow_chars): "501 Syntactically invalid
      HELO argument(s)". It usually comes from a Windows computer name or a container. Because so many let it pass, it is a finding
      of its own and not a syntax error here.
    `),
    remedy:
      'The administrator of the sending server sets its HELO name to a host name without underscores, best the one that its PTR record shows.',
  },
  HELO_BARE_ADDRESS: {
    level: 'error',
    message: 'HELO {claimedName} is an address without brackets.',
    explanation: prose(`
      An address may stand in HELO only as a literal, [198.51.100.7] or [IPv6:2001:db8::1] (RFC 5321 §4.1.3). Without brackets it
      is neither a name nor a literal. Mail servers do not do this; simple bulk senders and infected machines do, which is why
      many receivers refuse it (cPanel's Exim: "550 Access denied - Invalid HELO name").
    `),
    remedy: 'The administrator of the sending server or program sets its HELO name to the fully qualified host name of the machine.',
  },
  HELO_LITERAL: {
    level: 'notice',
    message: 'HELO {claimedName} is an address literal, not a name.',
    explanation: prose(`
      A literal is correct syntax, and RFC 5321 §4.1.4 provides it for hosts without a name. A mail server has a name, so
      receivers see a literal as a sign of a badly set-up or improvised sender; some refuse it, and SPF's HELO identity (RFC 7208
      §2.3) cannot be checked with it.
    `),
    remedy: 'The administrator of the sending server sets its HELO name to the confirmed PTR name.',
  },
  HELO_LITERAL_MISMATCH: {
    level: 'warning',
    message: 'HELO {claimedName} is not the address {ip} of the client.',
    explanation: prose(`
      The literal names another address than the one that connected. Usually the machine is behind NAT and knows only its
      internal address, so the public one never appears. Receivers cannot use such a HELO for anything.
    `),
    remedy:
      'The administrator of the sending server sets its HELO name to the host name of the public address. It needs no knowledge of the address then.',
  },
  HELO_LOCALHOST: {
    level: 'warning',
    message: 'HELO {claimedName} is a name of the local host.',
    explanation: prose(`
      Every machine calls itself "localhost", so the name identifies nobody. It is the default of libraries and of servers whose
      host name was never set. RFC 5321 §2.3.5 asks for a name that resolves in the public DNS; Postfix with
      reject_non_fqdn_helo_hostname refuses it, and spam filters score it.
    `),
    remedy:
      'The administrator of the sending server sets the host name of the machine and the HELO name of the mail program to the confirmed PTR name.',
  },
  HELO_NOT_FQDN: {
    level: 'warning',
    message: 'HELO {claimedName} is not fully qualified.',
    explanation: prose(`
      A name without a domain means something different on every network, and RFC 5321 §2.3.5 forbids it in SMTP. It is often a
      Windows computer name or the id of a container. Postfix with reject_non_fqdn_helo_hostname answers "504 5.5.2 Helo command
      rejected: need fully-qualified hostname".
    `),
    remedy:
      'The administrator of the sending server sets the HELO name to the full host name, such as mail.example.com. In a container, set its host name too.',
  },
  HELO_RESERVED_SUFFIX: {
    level: 'warning',
    message: 'HELO {claimedName} ends in the reserved or internal suffix {suffix}.',
    explanation: prose(`
      Names below .local (RFC 6762), .internal, .lan, .test, .invalid, .example (RFC 6761) or home.arpa (RFC 8375) exist only on a
      private network, so no receiver can resolve them. The server uses its internal name outside. Receivers that require a
      resolvable HELO, such as Postfix with reject_unknown_helo_hostname, refuse it.
    `),
    remedy:
      'The administrator of the sending server sets the HELO name for outgoing mail to its public host name; the internal name of the machine can stay.',
  },
  HELO_OUR_NAME: {
    level: 'error',
    message: 'HELO {claimedName} is our own name or address, claimed by a stranger.',
    explanation: prose(`
      The client introduces itself as the server that it is talking to. No honest server does this; it is a trick to get past
      simple filters, and the surest sign of abuse that HELO can give. If it is one of your own machines, it is missing from the
      list of trusted networks.
    `),
    remedy:
      'Refuse it. If the client is yours, the administrator of the receiving server adds its address to trustedNetworks, and gives the client a name of its own.',
  },
  HELO_GENERIC: {
    level: 'notice',
    message: 'HELO {claimedName} looks like a name that a provider gave to a whole pool ({reasons}).',
    explanation: prose(`
      The name is made from an address or carries words such as "dyn", "pool" or "dsl". Home computers and rented servers that
      nobody set up introduce themselves like this. Spam filters score it; few refuse it on its own.
    `),
    remedy: 'The administrator of the sending server has a PTR record set to a name of its own domain, and uses that name in HELO.',
  },
  HELO_UNRESOLVABLE: {
    level: 'warning',
    message: 'HELO {claimedName} does not resolve to any address ({cause}).',
    explanation: prose(`
      RFC 5321 §2.3.5 asks for a HELO name that has an address record. The DNS answered completely: the name does not exist
      (nxdomain) or has neither an A nor an AAAA record (nodata). Postfix with reject_unknown_helo_hostname answers "450 4.7.1
      Helo command rejected: Host not found"; spam filters score it.
    `),
    remedy:
      'The owner of the domain creates an A or AAAA record for the name, or the administrator of the sending server uses the confirmed PTR name in HELO.',
  },
  HELO_UNKNOWN: {
    level: 'inconclusive',
    message: 'Whether HELO {claimedName} resolves could not be told ({outcome}).',
    explanation: prose(`
      The name servers of the claimed name, or the resolver that asked them, failed, refused or did not answer in time. The name
      may be in perfect order. A receiver may defer such mail, but has no ground to refuse it for good.
    `),
    remedy:
      'Repeat the check, and ask another resolver. If it persists, the owner of the domain has to mend its name servers or its delegation.',
  },
  HELO_OTHER_ADDRESS: {
    level: 'notice',
    message: 'HELO {claimedName} resolves to {addresses}, not to {ip}.',
    explanation: prose(`
      The claimed name exists and belongs to other addresses. That is normal for a server that sends from several addresses under
      one name, and RFC 5321 §4.1.4 says that a server must not refuse mail because HELO does not match the address of the client.
      It counts as a weak sign in spam filters.
    `),
    remedy:
      'The owner of the domain adds the sending address to the records of the name, or the administrator gives each sending address its own HELO name.',
  },
  HELO_PTR_DIFFERS: {
    level: 'notice',
    message: 'HELO {claimedName} is none of the PTR names {ptrNames}.',
    explanation: prose(`
      The server calls itself otherwise than its address is called. It is common (Outlook's own servers do it) and allowed: RFC
      5321 §4.1.4 forbids refusing mail for a HELO that does not match. Still, receivers compare the two, and an equal name is
      the easiest way to look like one well-kept server.
    `),
    remedy:
      'The administrator of the sending server sets the HELO name to the confirmed PTR name, or has the PTR record set to the HELO name. Nothing is broken as long as both resolve.',
  },
  HELO_CONFIRMED_DIFFERS: {
    level: 'notice',
    message: 'HELO {claimedName} is not the confirmed name {confirmedName}.',
    explanation: prose(`
      The address has a name that can be believed, and the server claims another one. A claimed name alone proves nothing, since
      anybody can say it; receivers go by the confirmed name and note the difference. RFC 5321 §4.1.4 forbids refusing mail for it.
    `),
    remedy: 'The administrator of the sending server sets the HELO name to the confirmed name.',
  },
  HELO_ORGANISATION_DIFFERS: {
    level: 'notice',
    message: 'HELO {claimedName} and {confirmedName} belong to different organisations ({claimedDomain} and {confirmedDomain}).',
    explanation: prose(`
      The claimed name and the confirmed name do not even share a registered domain. It is normal for a server whose PTR record
      still carries the provider's name, or for a relay that speaks for a customer; in combination with other signs it is typical
      of forged senders.
    `),
    remedy: 'The administrator of the sending server has the PTR record set to a name of its own domain, and uses the same name in HELO.',
  },
  HELO_ALIGNED: {
    level: 'info',
    message: 'HELO {claimedName} is the confirmed name {confirmedName}.',
    explanation: 'Address, PTR record, forward record and HELO name one and the same machine. There is nothing left to improve here.',
    remedy: '',
  },
} satisfies FindingTexts
