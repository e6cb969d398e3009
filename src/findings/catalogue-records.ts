/**
 * The findings about the records around a mail server: SPF, DMARC, DKIM keys, MTA-STS, TLS-RPT, DANE and blocklists.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

const REPEAT =
  'Repeat the check, and ask another resolver with --resolver. If it persists, the owner of the domain has to mend its name servers.'

export const RECORD_FINDINGS = {
  SPF_PASS: {
    level: 'info',
    message: 'SPF lets {ip} send for {domain} ({term}).',
    explanation: 'The SPF record of the domain authorises the address by this term (RFC 7208), so that receivers count SPF as passed.',
    remedy: '',
  },
  SPF_NONE: {
    level: 'warning',
    message: '{domain} has no SPF record.',
    explanation: prose(`
      Without an SPF record nobody can tell which addresses may send for the domain (RFC 7208 §2.6.1). Gmail and Yahoo want SPF or
      DKIM from every sender and both from bulk senders, and Microsoft wants them from senders of many messages; mail with neither
      is refused or filed as spam. For the HELO name the record is only an extra, which helps bounces.
    `),
    remedy:
      'The owner of the domain publishes a TXT record that lists the sending addresses, for example "v=spf1 ip4:ADDRESS -all"; a domain that sends no mail publishes "v=spf1 -all".',
  },
  SPF_FAIL: {
    level: 'error',
    message: 'SPF forbids {ip} to send for {domain} ({term}).',
    explanation: prose(`
      The SPF record says that this address may not send for the domain. Many receivers refuse such mail at once ("550 5.7.23",
      "550 5.7.1 SPF fail"), the others count it against the message, and DMARC cannot pass by SPF.
    `),
    remedy:
      'The owner of the domain adds the address to the SPF record (ip4: or ip6:), or the mail is sent through a server that is listed.',
  },
  SPF_SOFTFAIL: {
    level: 'warning',
    message: 'SPF does not count {ip} among the senders of {domain} ({term}).',
    explanation: prose(`
      The address is not listed, and the record ends in "~all": probably not a sender, though the owner is not sure (RFC 7208
      §2.6.5). Receivers accept such mail with suspicion, and DMARC cannot pass by SPF.
    `),
    remedy: 'The owner of the domain adds the address to the SPF record (ip4: or ip6:) if mail leaves from there.',
  },
  SPF_NEUTRAL: {
    level: 'warning',
    message: 'The SPF record of {domain} says nothing about {ip}.',
    explanation: prose(`
      No term decides about the address, or one with a question mark does. Receivers treat the result "neutral" as if there were no
      record (RFC 7208 §2.6.2), and DMARC cannot pass by SPF.
    `),
    remedy: 'The owner of the domain adds the address to the SPF record (ip4: or ip6:) and ends the record with "-all" or "~all".',
  },
  SPF_SYNTAX: {
    level: 'error',
    message: 'The SPF record of {domain} has a fault in {term} at character {position} ({problem}).',
    explanation: prose(`
      One syntax fault anywhere makes the whole record void: the result is "permerror" for every sender, even where an earlier term
      would match (RFC 7208 §4.6). Some receivers refuse such mail, and DMARC cannot pass by SPF.
    `),
    remedy: 'The owner of the domain corrects the term in the TXT record; the position counts characters from the start of the record.',
  },
  SPF_MULTIPLE: {
    level: 'error',
    message: '{domain} has {count} SPF records where one is allowed.',
    explanation: prose(`
      Of several records that begin with "v=spf1" receivers use none: the result is "permerror" (RFC 7208 §4.5). It usually happens
      when a mail service asks for "its" SPF record and it is added beside the old one.
    `),
    remedy: 'The owner of the domain merges them into one TXT record with one "v=spf1" and one "all" at the end.',
  },
  SPF_TOO_MANY_LOOKUPS: {
    level: 'error',
    message: 'The SPF record of {domain} takes {count} DNS lookups or more, and 10 are allowed.',
    explanation: prose(`
      The terms include, a, mx, ptr, exists and redirect cost a lookup each, those of included records too. With the eleventh the
      result is "permerror" (RFC 7208 §4.6.4). A sender that matches an earlier term still passes, so that the trouble shows only
      for some of the senders.
    `),
    remedy:
      'The owner of the domain drops services that are no longer used, and replaces a, mx and include by ip4 and ip6 where the addresses are known to stay.',
  },
  SPF_TOO_MANY_VOID_LOOKUPS: {
    level: 'error',
    message: 'More than two terms of the SPF record of {domain} lead to names without records.',
    explanation: prose(`
      Terms that ask the DNS and find nothing are limited to two (RFC 7208 §4.6.4); with the third the result is "permerror". They
      are mostly left over from servers or services that are gone.
    `),
    remedy: 'The owner of the domain removes the terms whose names no longer exist.',
  },
  SPF_TOO_MANY_MX: {
    level: 'error',
    message: 'The mx term for {domain} in an SPF record meets {count} MX records, and 10 are allowed.',
    explanation: 'With more than ten MX records the mx term gives "permerror" (RFC 7208 §4.6.4), and the whole record is of no use.',
    remedy: 'The owner of the SPF record replaces the mx term by ip4 and ip6 terms with the addresses of the servers.',
  },
  SPF_TARGET_WITHOUT_RECORD: {
    level: 'error',
    message: 'The SPF record of {domain} refers to a domain without an SPF record ({term}).',
    explanation: prose(`
      An include or a redirect must lead to a domain with an SPF record; otherwise the result is "permerror" (RFC 7208 §5.2, §6.1)
      for every sender that no earlier term matches.
    `),
    remedy: 'The owner of the domain corrects the name, or removes the term if the service is no longer used.',
  },
  SPF_CIRCLE: {
    level: 'error',
    message: 'The SPF record of {domain} includes itself.',
    explanation: prose(`
      Following its includes or its redirect leads back to the same record. Receivers go round until the limit of ten lookups is
      reached, and then give "permerror" (RFC 7208 §4.6.4).
    `),
    remedy: 'The owner of the domain removes the include or redirect that leads back.',
  },
  SPF_ALLOWS_ALL: {
    level: 'warning',
    message: 'The SPF record of {domain} lets everybody send ({term}).',
    explanation: prose(`
      The term matches every address, so that anybody passes SPF, and with it DMARC, in the name of the domain. Receivers treat such
      records as a sign of a careless or a bad sender.
    `),
    remedy: 'The owner of the domain lists the addresses that send, and ends the record with "-all" or "~all".',
  },
  SPF_PTR_TERM: {
    level: 'notice',
    message: 'The SPF record of {domain} uses the term {term}, which RFC 7208 advises against.',
    explanation: prose(`
      The ptr term asks for the reverse name of every client: slow, a burden on others' name servers, and less reliable than the rest
      of SPF (RFC 7208 §5.5). Some receivers skip it, or count it against the sender.
    `),
    remedy: 'The owner of the domain replaces it by ip4, ip6 or a terms.',
  },
  SPF_UNKNOWN: {
    level: 'inconclusive',
    message: 'SPF of {domain} could not be told: {question} gave {outcome}.',
    explanation: prose(`
      A DNS question that the evaluation needs was not answered, so that it is not known whether the address may send. Receivers give
      "temperror" in this case, and most of them ask the sender to try again later (RFC 7208 §2.6.6).
    `),
    remedy: REPEAT,
  },
  DMARC_NONE: {
    level: 'warning',
    message: '{domain} has no DMARC record.',
    explanation: prose(`
      Neither the domain nor its organisational domain publishes a policy at _dmarc (RFC 9989). Anybody can write in its name
      without consequences, and Gmail, Yahoo and Microsoft want at least "p=none" from senders of many messages.
    `),
    remedy: 'The owner of the domain publishes a TXT record at _dmarc, to begin with "v=DMARC1; p=none; rua=mailto:ADDRESS".',
  },
  DMARC_MULTIPLE: {
    level: 'error',
    message: '{domain} has {count} DMARC records where one is allowed.',
    explanation: 'Of several records receivers use none (RFC 9989 §4.10), so that the domain is as unprotected as without a policy.',
    remedy: 'The owner of the domain keeps one TXT record at _dmarc and removes the others.',
  },
  DMARC_INVALID: {
    level: 'warning',
    message: 'The DMARC record of {domain} has a fault in {tag} at character {position} ({problem}).',
    explanation: prose(`
      Receivers leave out a tag that they cannot read and use its default, which is seldom what was meant. Without a policy that can
      be read, and without an address for reports, they do as if there were no record (RFC 9989 §4.7).
    `),
    remedy: 'The owner of the domain corrects the tag in the TXT record at _dmarc; the position counts characters from its start.',
  },
  DMARC_MONITORING: {
    level: 'notice',
    message: 'The DMARC policy for {domain} is none (at {source}): receivers report, and stop nothing.',
    explanation: prose(`
      With "p=none" the domain only asks for reports. That is right while the own senders are being found, and it satisfies the
      sender rules of the large providers; forged mail is still delivered.
    `),
    remedy: 'The owner of the domain reads the reports, mends the senders that do not pass, and then sets "p=quarantine" or "p=reject".',
  },
  DMARC_ENFORCED: {
    level: 'info',
    message: 'The DMARC policy for {domain} is {policy} (at {source}).',
    explanation:
      'Receivers are asked to stop mail in the name of the domain that passes neither SPF nor DKIM with an aligned domain (RFC 9989).',
    remedy: '',
  },
  DMARC_TEST_MODE: {
    level: 'notice',
    message: 'The DMARC policy of {domain} is only being tested (t=y).',
    explanation: 'With "t=y" receivers apply the next weaker policy than the one that is written (RFC 9989 §4.7): nothing is rejected yet.',
    remedy: 'The owner of the domain removes the tag when the reports show that all own mail passes.',
  },
  DMARC_PARTIAL: {
    level: 'notice',
    message: 'The DMARC policy of {domain} is meant for {percent} percent of the mail only (pct).',
    explanation: prose(`
      The tag pct let receivers apply the policy to a share of the mail (RFC 7489 §6.6.4). RFC 9989 has dropped it: some receivers
      still go by it, others apply the policy to everything.
    `),
    remedy: 'The owner of the domain removes pct, and uses "t=y" or a weaker policy until the policy can hold for all mail.',
  },
  DMARC_NO_REPORTS: {
    level: 'notice',
    message: 'The DMARC record of {domain} asks for no reports.',
    explanation: 'Without the tag rua nobody learns which servers send in the name of the domain, nor whether its own mail passes.',
    remedy: 'The owner of the domain adds "rua=mailto:ADDRESS" to the record.',
  },
  DMARC_UNKNOWN: {
    level: 'inconclusive',
    message: 'The DMARC record of {domain} could not be told ({outcome}).',
    explanation: 'The question for the TXT record at _dmarc was not answered, so that it is not known which policy applies.',
    remedy: REPEAT,
  },
  DKIM_KEY_VALID: {
    level: 'info',
    message: 'The DKIM key {selector} of {domain} is in order.',
    explanation: 'The record can be read, its key is long enough, and verifiers may use it for mail (RFC 6376, RFC 8301).',
    remedy: '',
  },
  DKIM_KEY_NONE: {
    level: 'error',
    message: 'There is no DKIM key {selector} at {domain}.',
    explanation: prose(`
      The name SELECTOR._domainkey.DOMAIN holds no TXT record, so that every signature with this selector fails (RFC 6376 §6.1.2).
      The selector stands as "s=" in the DKIM-Signature header of a sent message.
    `),
    remedy:
      'The owner of the domain publishes the key that the mail server signs with, or the server is set to a selector that is published.',
  },
  DKIM_KEY_MULTIPLE: {
    level: 'error',
    message: 'The DKIM key {selector} of {domain} has {count} TXT records where one is allowed.',
    explanation: 'Which of them a verifier takes is undefined (RFC 6376 §3.6.2.2), so that signatures fail at random.',
    remedy: 'The owner of the domain keeps the record with the key in use and removes the others; a new key gets a selector of its own.',
  },
  DKIM_KEY_INVALID: {
    level: 'warning',
    message: 'The DKIM key {selector} of {domain} has a fault at character {position} ({problem}).',
    explanation: prose(`
      The record breaks the syntax of RFC 6376 §3.6.1. Where the key itself cannot be read, every signature with it fails; other
      faults are overlooked by some verifiers and not by others. Long keys are often cut, or pasted with quotes, by a web form.
    `),
    remedy:
      'The owner of the domain publishes the record again exactly as the mail server printed it, split into strings of at most 255 characters.',
  },
  DKIM_KEY_REVOKED: {
    level: 'warning',
    message: 'The DKIM key {selector} of {domain} is revoked.',
    explanation: 'An empty "p=" says that the key is no longer in use (RFC 6376 §3.6.1): signatures with this selector fail.',
    remedy:
      'Check the selector that the mail server signs with now. If it is this one, the server needs a new key, and the owner of the domain publishes it.',
  },
  DKIM_KEY_TYPE_UNKNOWN: {
    level: 'error',
    message: 'The DKIM key {selector} of {domain} is of the unknown type {type}.',
    explanation: 'Verifiers know "rsa" and "ed25519" (RFC 6376, RFC 8463) and ignore any other key, so that its signatures do not count.',
    remedy: 'The owner of the domain corrects "k=", or publishes an RSA key.',
  },
  DKIM_KEY_SHORT: {
    level: 'notice',
    message: 'The DKIM key {selector} of {domain} has {bits} bits only.',
    explanation: prose(`
      RFC 8301 §3.2 asks for at least 1024 bits and recommends 2048. Signatures with fewer than 1024 bits must not be accepted;
      Gmail treats such mail as unsigned. A key of 1024 bits still works everywhere.
    `),
    remedy:
      'The administrator of the sending server makes a new RSA key of 2048 bits under a new selector, and the owner of the domain publishes it.',
  },
  DKIM_KEY_HASH: {
    level: 'error',
    message: 'The DKIM key {selector} of {domain} allows the hashes {hashes} only, and sha256 is not among them (h).',
    explanation: 'Signatures are made with SHA-256, and SHA-1 must not be accepted any more (RFC 8301 §3.1): none can pass with this key.',
    remedy: 'The owner of the domain removes "h=" from the record, or sets it to sha256.',
  },
  DKIM_KEY_NOT_FOR_MAIL: {
    level: 'error',
    message: 'The DKIM key {selector} of {domain} is not meant for email (s).',
    explanation:
      'The tag "s=" names the services for which the key may be used (RFC 6376 §3.6.1); without "email" or "*" verifiers of mail ignore it.',
    remedy: 'The owner of the domain removes "s=" from the record.',
  },
  DKIM_KEY_TEST_MODE: {
    level: 'notice',
    message: 'The DKIM key {selector} of {domain} is marked as a test (t=y).',
    explanation: 'Verifiers may treat a failed signature as if there were none (RFC 6376 §3.6.1), and some give no credit for a good one.',
    remedy: 'The owner of the domain removes "t=y" when signing works.',
  },
  DKIM_KEY_UNKNOWN: {
    level: 'inconclusive',
    message: 'The DKIM key {selector} of {domain} could not be told ({outcome}).',
    explanation: 'The question for the TXT record was not answered, so that it is not known whether the key is published.',
    remedy: REPEAT,
  },
  MTA_STS_NONE: {
    level: 'info',
    message: '{domain} has no MTA-STS record.',
    explanation: prose(`
      MTA-STS (RFC 8461) lets a domain ask for encrypted and verified delivery. Without it, and without DANE, senders encrypt when
      they can, and somebody between the servers can prevent it. No receiver objects to its absence.
    `),
    remedy: 'None needed. To have it, publish the TXT record at _mta-sts and the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt.',
  },
  MTA_STS_MULTIPLE: {
    level: 'error',
    message: '{domain} has {count} MTA-STS records where one is allowed.',
    explanation: 'Of several records senders use none, and do as if the domain had no MTA-STS (RFC 8461 §3.1).',
    remedy: 'The owner of the domain keeps one TXT record at _mta-sts and removes the others.',
  },
  MTA_STS_RECORD_INVALID: {
    level: 'error',
    message: 'The MTA-STS record of {domain} has a fault in {tag} at character {position} ({problem}).',
    explanation: prose(`
      The record is "v=STSv1; id=ID;" with an id of up to 32 letters and digits that changes with every new policy. With a record
      that they cannot read, senders do as if the domain had no MTA-STS (RFC 8461 §3.1).
    `),
    remedy: 'The owner of the domain corrects the TXT record at _mta-sts; the position counts characters from its start.',
  },
  MTA_STS_UNKNOWN: {
    level: 'inconclusive',
    message: 'The MTA-STS record of {domain} could not be told ({outcome}).',
    explanation: 'The question for the TXT record at _mta-sts was not answered, so that it is not known whether the domain has a policy.',
    remedy: REPEAT,
  },
  MTA_STS_FETCH_FAILED: {
    level: 'error',
    message: 'The MTA-STS policy of {domain} cannot be fetched: {cause} ({detail}).',
    explanation: prose(`
      The TXT record announces a policy, and the web server mta-sts.DOMAIN does not give it. Senders without a stored policy then
      deliver as if there were none; senders with one keep to it until it expires (RFC 8461 §3.3). The certificate must be valid,
      be issued for the name mta-sts.DOMAIN, and lead to an authority that senders trust.
    `),
    remedy:
      'The administrator of the web server mends it, so that https://mta-sts.DOMAIN/.well-known/mta-sts.txt answers; or the owner of the domain removes the TXT record.',
  },
  MTA_STS_POLICY_UNKNOWN: {
    level: 'inconclusive',
    message: 'The MTA-STS policy of {domain} could not be fetched from here: {outcome} ({detail}).',
    explanation: prose(`
      No connection to the web server mta-sts.DOMAIN came about, or it broke off. That may be a fault of the moment, or of the network
      between, so that nothing is said about the policy.
    `),
    remedy: 'Repeat the check, also from another network. If it persists, the administrator of the web server looks at it.',
  },
  MTA_STS_REDIRECT: {
    level: 'error',
    message: 'The MTA-STS policy of {domain} is redirected ({status}) to {location}.',
    explanation: 'Senders must not follow redirects here (RFC 8461 §3.3): for them the policy cannot be fetched, and does not exist.',
    remedy: 'The administrator of the web server serves the file under mta-sts.DOMAIN itself, with status 200.',
  },
  MTA_STS_STATUS: {
    level: 'error',
    message: 'The web server answers {status} to the request for the MTA-STS policy of {domain}.',
    explanation: prose(`
      Only status 200 brings a policy (RFC 8461 §3.3). Until then senders deliver as if there were none, or keep to the one that they
      have stored. With 429 or a status from 500 upwards it may be a fault of the moment, which is why that is inconclusive.
    `),
    remedy: 'The administrator of the web server puts the policy at /.well-known/mta-sts.txt of the host mta-sts.DOMAIN.',
  },
  MTA_STS_CONTENT_TYPE: {
    level: 'notice',
    message: 'The MTA-STS policy of {domain} comes with the content type {contentType}, not text/plain.',
    explanation:
      'Senders should check the content type (RFC 8461 §3.2), to be safe from files that strangers can upload; strict ones ignore the policy.',
    remedy: 'The administrator of the web server serves the file as text/plain.',
  },
  MTA_STS_POLICY_INVALID: {
    level: 'error',
    message: 'The MTA-STS policy of {domain} has a fault in {key}, line {line} ({problem}).',
    explanation: prose(`
      A policy holds version, mode, max_age and at least one mx, a line each (RFC 8461 §3.2). Without them, or with a value that is
      not allowed, senders do as if there were no policy; lines that are merely superfluous they skip.
    `),
    remedy: 'The administrator of the web server corrects the file, and the owner of the domain changes the id in the TXT record.',
  },
  MTA_STS_MX_NOT_COVERED: {
    level: 'error',
    message: 'The MTA-STS policy of {domain} does not cover its MX {exchange}.',
    explanation: prose(`
      No mx line of the policy fits the name. Senders that keep to the policy do not deliver to this host (RFC 8461 §4.1, §5): in mode
      "enforce" mail is lost once no other host is left, in mode "testing" it is only reported. An asterisk stands for one label.
    `),
    remedy:
      'The administrator of the web server adds an mx line with the name of the host, and the owner of the domain changes the id in the TXT record.',
  },
  MTA_STS_SHORT_AGE: {
    level: 'notice',
    message: 'The MTA-STS policy of {domain} expires after {seconds} seconds (max_age).',
    explanation:
      'A policy that is stored for less than a day is gone when the next mail comes, and an attacker only has to wait (RFC 8461 §3.2, §10).',
    remedy: 'The administrator of the web server sets max_age to a week or more.',
  },
  MTA_STS_MODE_NONE: {
    level: 'notice',
    message: 'The MTA-STS policy of {domain} has the mode none: it protects nothing.',
    explanation: 'The mode "none" takes an earlier policy back (RFC 8461 §8.3), so that senders forget it.',
    remedy: 'None if this is meant. Otherwise set the mode to testing or enforce and change the id in the TXT record.',
  },
  MTA_STS_TESTING: {
    level: 'notice',
    message: 'The MTA-STS policy of {domain} is in the mode testing.',
    explanation: 'Senders deliver even where the policy is not met, and only report it by TLS-RPT (RFC 8461 §5).',
    remedy: 'When the reports show no failures, set the mode to enforce and change the id in the TXT record.',
  },
  MTA_STS_ENFORCED: {
    level: 'info',
    message: 'The MTA-STS policy of {domain} is in the mode enforce.',
    explanation: 'Senders with MTA-STS deliver only encrypted, to the hosts of the policy, and with a valid certificate (RFC 8461 §5).',
    remedy: '',
  },
  TLS_RPT_NONE: {
    level: 'info',
    message: '{domain} has no TLS-RPT record.',
    explanation:
      'With TLS-RPT (RFC 8460) senders report failures of encryption to an address of the domain. No receiver objects to its absence.',
    remedy: 'None needed. To have reports, publish "v=TLSRPTv1; rua=mailto:ADDRESS" as a TXT record at _smtp._tls.',
  },
  TLS_RPT_MULTIPLE: {
    level: 'warning',
    message: '{domain} has {count} TLS-RPT records where one is allowed.',
    explanation: 'Of several records senders use none (RFC 8460 §3), so that no reports come.',
    remedy: 'The owner of the domain keeps one TXT record at _smtp._tls and removes the others.',
  },
  TLS_RPT_INVALID: {
    level: 'warning',
    message: 'The TLS-RPT record of {domain} has a fault in {tag} at character {position} ({problem}).',
    explanation:
      'The record is "v=TLSRPTv1; rua=URI" with mailto or https addresses between commas (RFC 8460 §3); senders skip what they cannot read.',
    remedy: 'The owner of the domain corrects the TXT record at _smtp._tls; the position counts characters from its start.',
  },
  TLS_RPT_UNKNOWN: {
    level: 'inconclusive',
    message: 'The TLS-RPT record of {domain} could not be told ({outcome}).',
    explanation: 'The question for the TXT record at _smtp._tls was not answered, so that it is not known whether reports are asked for.',
    remedy: REPEAT,
  },
  DANE_NONE: {
    level: 'info',
    message: '{exchange} has no TLSA record.',
    explanation: prose(`
      With DANE (RFC 7672) a domain with DNSSEC tells which certificate its mail server shows, and senders then deliver only
      encrypted and verified. No receiver objects to its absence.
    `),
    remedy: 'None needed. DANE takes a zone that is signed with DNSSEC, and a TLSA record at _25._tcp of the MX host.',
  },
  DANE_INSECURE: {
    level: 'warning',
    message: 'The TLSA records of {exchange} are of no use, since {problem} without DNSSEC authentication.',
    explanation: prose(`
      Senders use TLSA records only when every answer on the way is authenticated: the addresses of the MX host, its aliases and the
      TLSA records themselves (RFC 7672 §2.2). Our resolver did not mark one of them as authenticated. If it does not validate at all,
      nothing is known about the zone.
    `),
    remedy: 'The owner of the zone signs it with DNSSEC and has the DS record published by the registrar; or the TLSA records are removed.',
  },
  DANE_UNTRUSTED: {
    level: 'inconclusive',
    message: 'Whether the TLSA records of {exchange} are authenticated could not be told: our resolver is not trusted.',
    explanation:
      'The AD bit means something only from a validating resolver over a path that nobody can tamper with. TLSA records are published, and not judged.',
    remedy: 'Let ptrgate ask a validating resolver on the same machine, and tell it that its answers can be trusted.',
  },
  DANE_UNKNOWN: {
    level: 'inconclusive',
    message: 'DANE of {exchange} could not be told: {question} gave {outcome}.',
    explanation: prose(`
      The question was not answered. That matters more here than elsewhere: a sender with DANE that cannot learn whether there are
      TLSA records must not deliver, and keeps the mail in its queue (RFC 7672 §2.1.2, §2.2). Signatures that do not validate, and old
      name servers that do not know the type TLSA, show in this way.
    `),
    remedy:
      'Repeat the check. If it persists, the owner of the zone mends its DNSSEC signatures or its name servers; delv or dnsviz show where it breaks.',
  },
  DANE_RECORD_UNUSABLE: {
    level: 'warning',
    message: 'The TLSA record {record} of {exchange} is not usable for SMTP ({problem}).',
    explanation: prose(`
      SMTP uses the usages 2 (an authority) and 3 (the certificate of the server), the selectors 0 and 1 and the matching types 0, 1
      and 2 (RFC 7672 §3.1). Senders skip other records. Where none is left, they encrypt without verifying.
    `),
    remedy: 'The owner of the zone replaces it by a record "3 1 1" with the SHA-256 hash of the public key of the server.',
  },
  DANE_MX_INSECURE: {
    level: 'notice',
    message: 'The MX record that leads to {exchange} is not authenticated, so that a forged one gets around its TLSA records.',
    explanation: prose(`
      DANE protects the way to the host. If the zone of the mail domain is not signed, an attacker can put another host into its MX
      (RFC 7672 §2.2.1). Some senders still verify the TLSA records, others then ignore them.
    `),
    remedy: 'The owner of the mail domain signs its zone with DNSSEC.',
  },
  DANE_VALID: {
    level: 'info',
    message: 'The certificate of {exchange} satisfies its TLSA records.',
    explanation: 'Senders with DANE can verify the server, and deliver only encrypted (RFC 7672).',
    remedy: '',
  },
  DANE_MISMATCH: {
    level: 'error',
    message: 'The certificate of {exchange} satisfies none of its TLSA records.',
    explanation: prose(`
      Senders with DANE do not deliver to this host (RFC 7672 §2.2), and mail waits in their queues until it bounces. It usually
      happens when a certificate is renewed with a new key and the TLSA record stays.
    `),
    remedy:
      'The owner of the zone publishes a TLSA record for the certificate in use at once. For the next renewal, publish the new record two TTLs before the server changes, or keep the key.',
  },
  DANE_RECORD_MISMATCH: {
    level: 'info',
    message: 'The TLSA record {record} of {exchange} does not fit what the server shows ({problem}).',
    explanation: prose(`
      One fitting record is enough, so that others may stand beside it: for a key that comes next, or that was in use before
      (RFC 7671 §8.1). Where none fits, this says why.
    `),
    remedy: 'None needed during a change of keys. Otherwise the owner of the zone removes the record.',
  },
  DNSBL_LISTED: {
    level: 'error',
    message: '{ip} is listed by {list} ({codes}): {texts}.',
    explanation: prose(`
      The blocklist answers with an address of 127.0.0.0/8 for this client (RFC 5782). Receivers that use the list refuse mail from it
      or count it against every message. What the codes mean stands on the web page of the list.
    `),
    remedy:
      'Find out why (a hijacked account, a broken form, an infected machine, a bad neighbour), mend that first, and then ask the list for removal.',
  },
  DNSBL_REFUSED: {
    level: 'inconclusive',
    message: '{list} did not answer about {ip} ({codes}): {cause}.',
    explanation: prose(`
      The answer is no listing. Large lists refuse queries that come through public resolvers, or too many of them, with special
      codes; lists that are gone answer with the address of a web page, or list everybody. Whether the address is listed is not known.
    `),
    remedy:
      'Ask through a resolver of your own, register with the list if it wants that, or take a list that is gone out of the configuration.',
  },
  DNSBL_UNKNOWN: {
    level: 'inconclusive',
    message: 'Whether {list} lists {ip} could not be told ({outcome}).',
    explanation: 'The list did not answer the question, so that nothing is known. Receivers that use it take such a client for not listed.',
    remedy: 'Repeat the check. If it persists, look whether the list is still in service, and whether it answers your resolver.',
  },
} satisfies FindingTexts
