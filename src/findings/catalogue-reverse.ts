/**
 * The findings about the PTR side of an address: whether its reverse name holds a name, through which aliases, and what name.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

export const REVERSE_FINDINGS = {
  FCRDNS_CONFIRMED: {
    level: 'info',
    message: '{ip} has the confirmed name {confirmedName}.',
    explanation: prose(`
      The PTR record of the address holds this name, and the name resolves back to the address. That loop (forward-confirmed
      reverse DNS, "iprev=pass" in RFC 8601 §2.7.3) shows that whoever runs the address and whoever runs the name agree, so the
      name can be believed. Every receiver that looks at reverse DNS at all looks for exactly this.
    `),
    remedy: '',
  },
  PTR_MISSING: {
    level: 'error',
    message: '{ip} has no PTR record: {reverseName} holds none.',
    explanation: prose(`
      The DNS answered completely, and the reverse name of the address either does not exist (noReverseName) or exists without
      a PTR record (noPtrRecord). RFC 8601 §2.7.3 calls this "permerror"; RFC 1912 §2.1 asks for a PTR record for every address
      in use.

      This is the most common reason for mail to be refused before it is read. Gmail and Microsoft answer 550 5.7.25, GMX and
      web.de refuse at the greeting with "554-Bad DNS PTR resource record.", Comcast and freenet.de refuse as well, and a Postfix
      with reject_unknown_client_hostname or reject_unknown_reverse_client_hostname defers or rejects.
    `),
    remedy: prose(`
      Whoever owns the address block (the hosting provider or ISP, not the registrar of the domain) sets the PTR record to the
      server's host name. First make sure that the name has an A or AAAA record for this address: several providers check it
      before they accept the PTR. A record of your own domain's zone cannot replace it.
    `),
  },
  PTR_ALIAS_LOOP: {
    level: 'error',
    message: 'The CNAMEs of {reverseName} run in a circle ({chain}), so {ip} has no PTR record.',
    explanation: prose(`
      The reverse name is an alias, as in classless delegation (RFC 2317), and following the aliases leads back to a name that
      was already visited. No PTR record can be reached. RFC 1034 §3.6.2 treats a CNAME loop as an error, and receivers treat
      the address as one without a PTR.
    `),
    remedy: prose(`
      The operator of the reverse zone (the provider), and the operator of the zone that it delegates to if that is you, correct
      the CNAME so that it ends at a name that holds the PTR record.
    `),
  },
  PTR_ALIAS_DANGLING: {
    level: 'error',
    message: '{reverseName} is an alias of {target}, which holds no PTR record, so {ip} has none.',
    explanation: prose(`
      The provider handed the reverse name of this address on by CNAME (classless delegation, RFC 2317), but the name at the
      end of the chain does not exist or holds no PTR record. For a receiver that is the same as no PTR at all.

      Typical causes: the delegated zone was never created on your name servers, the PTR was written under the plain
      in-addr.arpa name instead of the alias's target, or the zone was lost when the name servers changed.
    `),
    remedy: prose(`
      Whoever runs the zone of the alias's target, usually you as the customer to whom the block was delegated, creates the PTR
      record exactly at that target name. If you do not want to run the zone, ask the provider to replace the CNAME by a PTR
      record.
    `),
  },
  PTR_ALIAS_TOO_DEEP: {
    level: 'error',
    message: '{reverseName} leads through more than {depth} CNAMEs, so {ip} has no usable PTR record.',
    explanation: prose(`
      Resolvers and receivers follow only a limited number of aliases. Classless delegation (RFC 2317) needs one, rarely two.
      A longer chain is a misconfiguration, costs every receiver time, and ends for many of them without a name.
    `),
    remedy:
      'The operators of the zones on the way, beginning with the provider, point the first CNAME directly at the name that holds the PTR record.',
  },
  PTR_DELEGATED: {
    level: 'info',
    message: '{reverseName} is delegated by CNAME to {target} (RFC 2317).',
    explanation: prose(`
      Blocks smaller than a /24 cannot be delegated as a zone of their own, so the provider points each reverse name to a name
      in the customer's zone. Receivers follow the CNAME as part of the ordinary lookup, so nothing is wrong. It tells where
      the PTR record has to be changed: at the target of the alias.
    `),
    remedy: '',
  },
  PTR_UNKNOWN: {
    level: 'inconclusive',
    message: 'Whether {ip} has a PTR record could not be told: the question for {reverseName} gave {outcome}.',
    explanation: prose(`
      The name servers of the reverse zone, or the resolver that asked them, failed, refused, answered nonsense or did not answer
      in time. That is not the same as having no PTR record, and RFC 8601 §2.7.3 calls it "temperror".

      Receivers that enforce reverse DNS defer such mail with a 4xx reply, so it arrives late or not at all while the trouble
      lasts. A lasting SERVFAIL is often a broken delegation of the reverse zone or a failed DNSSEC validation.
    `),
    remedy: prose(`
      Repeat the check, and ask another resolver. If it persists from several places, the operator of the reverse zone (the
      provider, or you if it is delegated to you) has to mend its name servers, delegation or signatures. If only one resolver
      fails, mend that resolver.
    `),
  },
  PTR_MULTIPLE: {
    level: 'notice',
    message: '{ip} has {count} PTR names.',
    explanation: prose(`
      Several PTR records for one address are allowed (RFC 2181 §10.2), and one confirmed name is enough for iprev to pass. But
      answers rotate: a receiver that looks only at the first name sees a different one each time, and may compare it with HELO.
      Names of web sites do not belong into the reverse zone of a mail server.
    `),
    remedy: 'Whoever manages the PTR records keeps one: the name with which the server says HELO.',
  },
  PTR_TRUNCATED: {
    level: 'notice',
    message: '{ip} has {count} PTR names; only the first {kept} were looked up.',
    explanation: prose(`
      Looking up every name would let the owner of an address make each receiver send any number of queries, so receivers stop
      early; RFC 7208 §4.6.4 sets the limit of 10 names for SPF's "ptr". The names behind the limit cannot confirm the address.
    `),
    remedy: 'Whoever manages the PTR records removes all but one: the name with which the server says HELO.',
  },
  PTR_NOT_HOST_NAME: {
    level: 'warning',
    message: 'The PTR name {ptrName} is not a valid host name and cannot confirm {ip}.',
    explanation: prose(`
      A host name consists of labels of letters, digits and hyphens (RFC 1123 §2.1). The DNS itself can carry any byte, so a PTR
      record may hold underscores, spaces, an escaped dot or worse. Receivers treat such a name as forged or as none, and
      careless software may be harmed by it.
    `),
    remedy:
      'Whoever manages the PTR record replaces it by the plain host name of the server. Look for a missing trailing dot, a mail address or a stray space in the zone file.',
  },
  PTR_SINGLE_LABEL: {
    level: 'warning',
    message: 'The PTR name {ptrName} is a single label and cannot confirm {ip}.',
    explanation: prose(`
      A name without a dot, such as "mail" or "localhost", is no public host name: it means something different on every network,
      and RFC 5321 §2.3.5 forbids such names in SMTP. It is not looked up, and the address counts as unconfirmed.
    `),
    remedy:
      'Whoever manages the PTR record writes the fully qualified name, such as mail.example.com, with a trailing dot if it is a zone file.',
  },
  PTR_RESERVED_SUFFIX: {
    level: 'warning',
    message: 'The PTR name {ptrName} of {ip} ends in the reserved suffix {suffix}.',
    explanation: prose(`
      Suffixes such as .local (RFC 6762), .test, .invalid, .example and .localhost (RFC 6761), home.arpa (RFC 8375) and .internal
      are set apart for private use and do not exist in the public DNS, so the name can never be confirmed by a receiver. It
      usually is an internal name that slipped into the public reverse zone, or a local DNS server that answers for addresses
      which are not its own.
    `),
    remedy: prose(`
      Check with a public resolver whether the name is really published. If it is, whoever manages the PTR record replaces it by
      the public host name of the server; if not, only your own resolver invents it.
    `),
  },
  PTR_GENERIC: {
    level: 'warning',
    message: 'The PTR name {ptrName} of {ip} looks like one that a provider gave to a whole pool ({reasons}).',
    explanation: prose(`
      The name is made from the address, carries words such as "dyn", "pool" or "dsl", or is the default of a hosting provider.
      It may be confirmed and still says only that nobody chose a name for this machine, which is what most infected home
      computers and freshly rented servers look like.

      Mail.ru states that it refuses "dynamic IP or generic DNS PTR-records"; many spam filters add to the score, and block
      lists of dynamic ranges are built from such names. Others ignore it.
    `),
    remedy: prose(`
      Ask the provider, or use its control panel, to set the PTR record to a name of your own domain such as mail.example.com,
      after that name has an A or AAAA record for the address. On a dial-up or dynamic address this is not possible: send through
      a relay with a fixed address.
    `),
  },
} satisfies FindingTexts
