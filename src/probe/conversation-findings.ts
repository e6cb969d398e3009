/**
 * What a conversation with a mail server is worth: facts → findings, pure. What we were not let to see is inconclusive, with its
 * cause; it is never counted as missing. Which names agree is in name-alignment.ts.
 */
import { assertNever } from '../core/assert-never.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import type { EndCause, Ended, SessionFacts, Stage } from './session-facts.ts'
import type { CertificateFacts, EstablishedTls, TlsVersion } from './tls-facts.ts'

export interface ConversationSettings {
  /** Milliseconds since 1970: certificates are held against it. */
  readonly now: number
  /** What was asked of the server in a test for open relays; null without one. */
  readonly relayTest: { readonly sender: string; readonly recipient: string } | null
}

export function conversationFindings(facts: SessionFacts, settings: ConversationSettings): Finding[] {
  const findings: Finding[] = []
  addEnd(findings, facts)
  addHello(findings, facts)
  addStartTls(findings, facts)
  addTls(findings, facts, settings.now)
  addRelay(findings, facts, settings)
  return findings
}

function addEnd(findings: Finding[], { address: ip, port, ended, tls }: SessionFacts): void {
  // Said where TLS is looked at, and the conversation is over by it.
  if (tls.kind === 'failed' && ended.cause === tls.cause) return
  const found = endFinding(ip, port, ended)
  if (found !== null) findings.push(found)
}

function endFinding(ip: string, port: number, { stage, cause }: Ended): Finding | null {
  const at = STAGE_WORDS[stage]
  switch (cause.kind) {
    case 'done':
    case 'tlsFailed':
      return null
    case 'refused':
      return finding('PROBE_NOT_CONNECTED', { ip, port, cause: 'connectionRefused' })
    case 'unreachable':
      return finding('PROBE_NOT_CONNECTED', { ip, port, cause: 'unreachable' })
    case 'timeout':
      if (stage === 'connect') return finding('PROBE_NOT_CONNECTED', { ip, port, cause: 'timeout' })
      return finding('PROBE_TIMEOUT', { ip, stage: at, seconds: Math.round(cause.afterMs / 1000) })
    case 'deadline':
      return finding('PROBE_BROKEN_OFF', { ip, stage: at, cause: 'deadline' })
    case 'reset':
      return finding('PROBE_BROKEN_OFF', { ip, stage: at, cause: 'connectionReset' })
    case 'closed':
      return finding('PROBE_BROKEN_OFF', { ip, stage: at, cause: 'connectionClosed' })
    case 'aborted':
      return finding('PROBE_BROKEN_OFF', { ip, stage: at, cause: 'aborted' })
    case 'turnedAway': {
      const { code, enhanced, lines } = cause.reply
      return finding('PROBE_TURNED_AWAY', { ip, stage: at, code, text: [...(enhanced === null ? [] : [enhanced]), ...lines].join(' ') })
    }
    case 'malformed':
      return finding('PROBE_NO_SMTP', { ip, port, problem: cause.fault })
    case 'local':
      return finding('PROBE_OUR_TROUBLE', { ip, cause: cause.code })
    default:
      return assertNever(cause)
  }
}

const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  connect: 'the connection',
  tls: 'the TLS handshake',
  greeting: 'the greeting',
  ehlo: 'EHLO',
  helo: 'HELO',
  startTls: 'STARTTLS',
  mail: 'MAIL',
  rcpt: 'RCPT',
  rset: 'RSET',
  quit: 'QUIT',
}

function addHello(findings: Finding[], { address: ip, greeting, hello, helloAfterTls }: SessionFacts): void {
  if (greeting.kind === 'answered' && greeting.reply.code === 220 && greeting.claimedName === null) {
    findings.push(finding('BANNER_NO_NAME', { ip }))
  }
  for (const facts of [hello, helloAfterTls]) {
    if (facts.kind !== 'answered' || facts.ehloRefusal === null) continue
    findings.push(finding('EHLO_REFUSED', { ip, code: facts.ehloRefusal.code }))
    return
  }
}

function addStartTls(findings: Finding[], { address: ip, startTls, injection }: SessionFacts): void {
  switch (startTls.kind) {
    case 'notOffered':
      if (startTls.masked === null) findings.push(finding('STARTTLS_MISSING', { ip }))
      else findings.push(finding('STARTTLS_MASKED', { ip, keyword: startTls.masked }))
      break
    case 'refused': {
      const { code, lines } = startTls.reply
      // For now (454): it may be there in a minute.
      const level = code < 500 ? 'inconclusive' : undefined
      findings.push(finding('STARTTLS_REFUSED', { ip, code, text: lines.join(' ') }, level))
      break
    }
    case 'accepted':
      if (startTls.trailing !== null) findings.push(finding('STARTTLS_TRAILING', { ip }))
      break
    case 'notAsked':
    case 'unanswered':
      break
    default:
      assertNever(startTls)
  }
  if (injection.kind === 'executed') findings.push(finding('STARTTLS_INJECTION', { ip }))
}

function addTls(findings: Finding[], { address: ip, tls, oldTls }: SessionFacts, now: number): void {
  if (tls.kind === 'failed') findings.push(handshakeFinding(ip, tls.cause))
  if (tls.kind === 'established') {
    if (OLD_VERSIONS.has(tls.protocol)) findings.push(finding('TLS_OLD', { ip, protocol: tls.protocol }))
    addCertificate(findings, ip, tls, now)
  }
  const versions = oldTls.filter(({ outcome }) => outcome.kind === 'accepted').map(({ version }): string => version)
  const old = versions.filter((version) => OLD_VERSIONS.has(version))
  if (old.length > 0) findings.push(finding('TLS_OLD_ACCEPTED', { ip, versions: old }))
}

const OLD_VERSIONS: ReadonlySet<string> = new Set<TlsVersion>(['TLSv1', 'TLSv1.1'])

/** Silence or a broken connection may come from anywhere on the way; an alert is the server's own word. */
function handshakeFinding(ip: string, cause: EndCause): Finding {
  switch (cause.kind) {
    case 'tlsFailed':
      return finding('TLS_FAILED', { ip, problem: cause.reason })
    case 'timeout':
      return finding('TLS_FAILED', { ip, problem: 'timeout' }, 'inconclusive')
    case 'reset':
      return finding('TLS_FAILED', { ip, problem: 'connectionReset' }, 'inconclusive')
    case 'closed':
      return finding('TLS_FAILED', { ip, problem: 'connectionClosed' }, 'inconclusive')
    default:
      return finding('TLS_FAILED', { ip, problem: cause.kind }, 'inconclusive')
  }
}

const DAY_MS = 86_400_000
const SOON_DAYS = 14

function addCertificate(findings: Finding[], ip: string, tls: EstablishedTls, now: number): void {
  const [own] = tls.chain
  if (own === undefined) return
  const end = own.validTo === null ? NaN : Date.parse(own.validTo)
  const validTo = own.validTo?.slice(0, 10) ?? ''
  const days = Math.floor((end - now) / DAY_MS)
  if (end < now) findings.push(finding('CERTIFICATE_EXPIRED', { ip, validTo }))
  else if (days < SOON_DAYS) findings.push(finding('CERTIFICATE_EXPIRES', { ip, validTo, days }))
  const { verification, nameMatch } = tls
  if (verification.kind === 'untrusted' && !EXPIRY_CODES.has(verification.code)) {
    findings.push(finding('CERTIFICATE_UNTRUSTED', { ip, problem: TRUST_WORDS[verification.code] ?? verification.code }))
  }
  if (nameMatch.kind === 'mismatch') {
    findings.push(finding('CERTIFICATE_OTHER_NAME', { ip, names: namesOf(own), serverName: nameMatch.reference }))
  }
}

/** Said already, with the date. */
const EXPIRY_CODES: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED'])
const TRUST_WORDS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not a public one',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not a public one, or an intermediate certificate is missing',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not a public one, or an intermediate certificate is missing',
  CERT_NOT_YET_VALID: 'it is not valid yet',
}

export function namesOf({ dnsNames, ipAddresses, commonName }: CertificateFacts): readonly string[] {
  const names = [...dnsNames, ...ipAddresses]
  return names.length > 0 || commonName === null ? names : [commonName]
}

function addRelay(findings: Finding[], { address: ip, relay }: SessionFacts, { relayTest }: ConversationSettings): void {
  if (relayTest === null) return
  if (relay.kind === 'accepted') findings.push(finding('OPEN_RELAY', { ip, ...relayTest }))
  // A refusal for now is none: greylisting says nothing about relaying.
  if (relay.kind === 'refused' && relay.reply.code >= 500) findings.push(finding('RELAY_REFUSED', { ip, code: relay.reply.code }))
}
