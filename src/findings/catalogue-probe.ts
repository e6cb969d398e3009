/**
 * The findings about a conversation with a mail server: what it says of itself, its TLS, and why something could not be told.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

const FROM_ELSEWHERE = 'Repeat the probe later, and from another network; compare what the server itself has in its log for our address.'

export const PROBE_FINDINGS = {
  PROBE_NOT_CONNECTED: {
    level: 'inconclusive',
    message: '{ip} was not reached on port {port} ({cause}).',
    explanation: prose(`
      Nothing listens there, a firewall is in between, or the way from here is blocked: many networks let nothing out to port 25.
      From one place these look the same, so it says nothing about the server's names or its TLS.
    `),
    remedy:
      'Probe from another network. If it is reached from there, the way from here is blocked; else look at the server and its firewall.',
  },
  PROBE_TURNED_AWAY: {
    level: 'inconclusive',
    message: '{ip} turned us away at {stage} with {code}: {text}.',
    explanation: prose(`
      The server answered, but did not go on with us: a limit, a blocklist, greylisting, or it does not like the probe's own address
      or name. What would have come after that was not seen, so it is not known, and not missing.
    `),
    remedy: `${FROM_ELSEWHERE} The probe's own address should have a PTR record that resolves back, and say that name (--ehlo).`,
  },
  PROBE_TIMEOUT: {
    level: 'inconclusive',
    message: '{ip} did not answer at {stage} within {seconds} s.',
    explanation: prose(`
      The server was silent, or spoke so slowly that no whole reply came (a tarpit). Some servers delay the greeting on purpose.
      What would have come after that is not known.
    `),
    remedy: `Give it more time with --timeout. ${FROM_ELSEWHERE}`,
  },
  PROBE_BROKEN_OFF: {
    level: 'inconclusive',
    message: '{ip} broke the connection off at {stage} ({cause}).',
    explanation: 'The connection ended without a reply that says why. What would have come after that is not known.',
    remedy: FROM_ELSEWHERE,
  },
  PROBE_NO_SMTP: {
    level: 'warning',
    message: '{ip} does not speak SMTP on port {port} ({problem}).',
    explanation: prose(`
      What came back is no SMTP reply (RFC 5321 §4.2): another service listens there, TLS is expected from the first octet on (port
      465), or something between us has rewritten it. No mail server can deliver to it.
    `),
    remedy: 'Check which service listens on the port. For implicit TLS probe port 465.',
  },
  PROBE_OUR_TROUBLE: {
    level: 'inconclusive',
    message: '{ip} could not be probed because of trouble on this machine ({cause}).',
    explanation: 'The trouble is ours, such as no free file descriptor or no route of that family: it says nothing about the server.',
    remedy: 'Mend it here, or probe from another machine.',
  },
  PROBE_SPECIAL_ADDRESS: {
    level: 'inconclusive',
    message: '{ip} was not probed: it is not a public address ({range}).',
    explanation: prose(`
      A name can point at any address, that of a printer or of this machine included. So that nobody can have services probed that
      are none of their business, addresses that are not public are left alone unless it is asked for.
    `),
    remedy: 'If the server is meant to be there, say --allow-private. Else the owner of the domain corrects the address.',
  },
  EGRESS_BLOCKED: {
    level: 'inconclusive',
    message: 'None of {count} servers was reached on port {port}, though the DNS works: the way out is probably blocked here.',
    explanation: prose(`
      Most providers of homes and clouds let nothing out to port 25, so that every mail server looks dead from there. It is a fact
      about this network, not about the servers.
    `),
    remedy: 'Probe from a machine that may send mail, or have the provider open port 25.',
  },
  BANNER_NO_NAME: {
    level: 'notice',
    message: 'The greeting of {ip} begins with no host name.',
    explanation: prose(`
      RFC 5321 §4.2 has the greeting begin with the server's full name. Nobody refuses mail for it; whoever reads a log or looks for
      the right PTR name is left guessing.
    `),
    remedy: 'Set the host name of the mail server (in Postfix myhostname and smtpd_banner).',
  },
  BANNER_DIFFERS: {
    level: 'notice',
    message: '{ip} greets as {bannerName} and answers EHLO as {ehloName}.',
    explanation: prose(`
      No rule asks for one name in both places, and no receiver compares them. Two names mostly mean that a setting was forgotten, and
      make it unclear which of them the PTR record should show.
    `),
    remedy: 'Set one host name for the mail server.',
  },
  EHLO_CHANGES: {
    level: 'notice',
    message: '{ip} calls itself {ehloName} in clear and {nameUnderTls} under TLS.',
    explanation:
      'The same server answers EHLO with two names. No receiver compares them; it is a sign of a proxy, or of a forgotten setting.',
    remedy: 'Set one host name, in the proxy as well.',
  },
  EHLO_REFUSED: {
    level: 'warning',
    message: '{ip} refuses EHLO ({code}) and takes HELO only.',
    explanation: prose(`
      Without EHLO there are no extensions: no TLS, no limits on size, no 8-bit text. Servers have had to know it since 2001 (RFC
      2821 §3.2); today a firewall that inspects SMTP is the usual reason.
    `),
    remedy: 'Turn off the inspection of SMTP in the firewall, or update the server.',
  },
  STARTTLS_MISSING: {
    level: 'warning',
    message: '{ip} does not offer STARTTLS.',
    explanation: prose(`
      The server answered EHLO, and its list of extensions is without it. All mail to it passes in clear; Gmail shows its readers a
      broken lock, and senders that demand TLS do not deliver.
    `),
    remedy: 'Give the server a certificate and switch TLS on (in Postfix smtpd_tls_security_level = may).',
  },
  STARTTLS_MASKED: {
    level: 'warning',
    message: 'Something has overwritten an extension of {ip} with {keyword}, probably STARTTLS.',
    explanation: prose(`
      Firewalls that inspect SMTP overwrite STARTTLS in the reply to EHLO, so that they can go on reading. From here it cannot be told
      whether the one at our end or the one at theirs does it.
    `),
    remedy: 'Probe from another network. If it is there as well, turn off the inspection of SMTP (Cisco: "fixup" or "inspect esmtp").',
  },
  STARTTLS_REFUSED: {
    level: 'warning',
    message: '{ip} offers STARTTLS and refuses it with {code}: {text}.',
    explanation: 'The server lists the extension, and does not do it: mostly its certificate or key cannot be read.',
    remedy: 'Look for a TLS error in the log of the server, and check that it may read its certificate and key.',
  },
  STARTTLS_TRAILING: {
    level: 'warning',
    message: '{ip} said more in clear behind its answer to STARTTLS.',
    explanation: prose(`
      What stands between that answer and the handshake could have been put there by anybody on the way. A client that takes it for
      said under TLS can be deceived (CVE-2021-38371 and others).
    `),
    remedy: 'Update the mail server, or the proxy that ends its TLS.',
  },
  STARTTLS_INJECTION: {
    level: 'error',
    message: '{ip} carries out under TLS what it was sent in clear behind STARTTLS.',
    explanation: prose(`
      A command that came in clear in one piece with STARTTLS was answered after the handshake (CVE-2011-0411). Somebody on the way
      can put commands before those of a client, and so get hold of its password or its mail.
    `),
    remedy: 'Update the mail server, or the proxy that ends its TLS.',
  },
  TLS_FAILED: {
    level: 'warning',
    message: 'No TLS session with {ip} came about ({problem}).',
    explanation: prose(`
      The server agreed to TLS, and the handshake failed. Most senders then fall back to clear text or keep the mail in their queue.
      It may also be that no protocol version or cipher is common to both: this end speaks TLS 1.0 to 1.3.
    `),
    remedy: 'Test with "openssl s_client -starttls smtp -connect ADDRESS:25" and look into the log of the server.',
  },
  TLS_OLD: {
    level: 'warning',
    message: '{ip} speaks {protocol} at best.',
    explanation:
      'TLS 1.0 and 1.1 are no longer to be used (RFC 8996). Senders with current settings fall back to clear text, or do not deliver.',
    remedy: 'Enable TLS 1.2 and 1.3 on the server; mostly an update does it.',
  },
  TLS_OLD_ACCEPTED: {
    level: 'notice',
    message: '{ip} still accepts {versions}.',
    explanation: prose(`
      RFC 8996 retires TLS 1.0 and 1.1. For mail between servers an old version is still better than clear text, and some senders have
      nothing else; auditors ask for it to be off.
    `),
    remedy: 'If no old sender needs it, disable it (in Postfix smtpd_tls_protocols = >=TLSv1.2).',
  },
  CERTIFICATE_EXPIRED: {
    level: 'warning',
    message: 'The certificate of {ip} is valid until {validTo} only, which is over.',
    explanation:
      'Senders that check certificates (MTA-STS, DANE with a certificate authority, some mail clients) do not deliver; the others do not look.',
    remedy: 'Renew the certificate, and have the mail server reload it.',
  },
  CERTIFICATE_EXPIRES: {
    level: 'notice',
    message: 'The certificate of {ip} expires on {validTo}, in {days} days.',
    explanation: 'Whatever renews it should have done so by now; most do it a month before the end.',
    remedy: 'Check the renewal, and that the mail server reloads the certificate after it.',
  },
  CERTIFICATE_UNTRUSTED: {
    level: 'notice',
    message: 'The certificate of {ip} is not trusted ({problem}).',
    explanation: prose(`
      Mail between servers is mostly encrypted without a check of the certificate, so that a self-signed one works. With MTA-STS in
      mode enforce, senders do not deliver to it; DANE does not need a public authority.
    `),
    remedy: 'Use a certificate of a public authority, with its intermediate certificates.',
  },
  CERTIFICATE_OTHER_NAME: {
    level: 'notice',
    message: 'The certificate of {ip} is for {names}, not for {serverName}.',
    explanation: prose(`
      Most senders do not compare the names. With MTA-STS in mode enforce, or DANE that names an authority, they do, and then do not
      deliver.
    `),
    remedy: 'Get a certificate for the MX name.',
  },
  OPEN_RELAY: {
    level: 'error',
    message: '{ip} takes mail from {sender} for {recipient}, which it should have nothing to do with.',
    explanation: prose(`
      A server that takes mail from strangers for strangers is abused within hours and then blocked everywhere. The test stops at
      RCPT, so that a server which refuses only later looks open, too.
    `),
    remedy: 'Limit relaying to your own domains and to clients that have logged in (in Postfix smtpd_relay_restrictions).',
  },
  RELAY_REFUSED: {
    level: 'info',
    message: '{ip} refuses to relay ({code}).',
    explanation: 'The server took no mail for a recipient that it has nothing to do with, as it should be.',
    remedy: '',
  },
  NAMES_ALIGNED: {
    level: 'info',
    message: '{ip}: greeting, EHLO and PTR agree on {name}.',
    explanation: 'Every layer says the same name, and that name leads back to the address.',
    remedy: '',
  },
  VANTAGE_UNCONFIRMED: {
    level: 'notice',
    message: 'We called ourselves {ehloName}, which nobody could confirm: servers may have turned us away for it.',
    explanation: prose(`
      A probe is judged like every client, by the PTR of its address and by its HELO. Without a name that is ours, what servers refuse
      may be our own fault.
    `),
    remedy: 'Give the confirmed name of this machine with --ehlo, or probe from a machine that has one.',
  },
} satisfies FindingTexts
