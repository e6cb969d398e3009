/**
 * `ptrgate probe` as JSON, one line an object, described in docs/probe.md. The text is printable ASCII; what a server said
 * decodes to its raw octets as latin1. Octets of certificates are left out, their fingerprints are there.
 */
import { formatAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { Finding } from '../findings/catalogue.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import { escapeJson } from '../render/escape.ts'
import { findingMessage } from '../render/finding-text.ts'
import { iprevJson, JSON_FORMAT } from '../render/report-json.ts'
import type { SendingAddress } from './domain-records.ts'
import type { ProbeChanges } from './probe-baseline.ts'
import type { ProbedAddress, ProbedHost, ProbeEvent, ProbeReport } from './probe.ts'
import type { EndCause, HelloFacts, ReplyFacts, SessionFacts, StartTlsFacts } from './session-facts.ts'
import type { CertificateFacts, TlsFacts } from './tls-facts.ts'

export interface ProbeJsonOptions {
  readonly transcript: boolean
  /** What receivers are known to answer to its addresses; nothing unless asked for. */
  readonly answers?: ((report: ProbeReport) => readonly object[]) | undefined
  /** Since an earlier report of the same target; undefined without one. */
  readonly changes?: ((report: ProbeReport) => ProbeChanges | undefined) | undefined
}

/** Without a line end. */
export function probeJson(report: ProbeReport, options: ProbeJsonOptions): string {
  return escapeJson(JSON.stringify(probeObject(report, options)))
}

/** Several reports as one object. */
export function probeListJson(reports: readonly ProbeReport[], options: ProbeJsonOptions): string {
  const probes = reports.map((report) => probeObject(report, options))
  return escapeJson(JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'probeList', probes }))
}

/** A step of a conversation, while it is under way. */
export function probeEventJson({ address, session }: ProbeEvent): string {
  const { connection, kind: event, ...rest } = session
  const facts = session.kind === 'tls' ? { facts: tlsObject(session.facts) } : rest
  return escapeJson(JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'probeEvent', ip: formatAddress(address), connection, event, ...facts }))
}

function probeObject(report: ProbeReport, options: ProbeJsonOptions): object {
  const { target, port, verdict, score, vantage, route, hosts, records, sending, findings } = report
  return {
    ptrgate: JSON_FORMAT,
    kind: 'probe',
    target,
    port,
    verdict,
    score,
    vantage,
    route,
    mx: hosts.map((host) => hostObject(host, options)),
    dane: hosts.flatMap(({ dane }) => (dane === null ? [] : [dane])),
    mtaSts: records?.mtaSts ?? null,
    tlsRpt: records?.tlsRpt ?? null,
    dmarc: records?.dmarc ?? null,
    spf: records?.spf ?? null,
    dkim: records?.dkim ?? [],
    sending: sending.map(sendingObject),
    findings: findings.map(findingObject),
    answers: options.answers?.(report),
    changes: options.changes?.(report),
  }
}

function sendingObject({ address, judgement, spf, dnsbl, findings }: SendingAddress): object {
  const { iprev, confirmedName } = judgement
  return { ip: formatAddress(address), iprev: iprevObject(iprev, confirmedName), spf, dnsbl, findings: findings.map(findingObject) }
}

function hostObject({ name, preference, addresses }: ProbedHost, options: ProbeJsonOptions): object {
  return { name, preference, addresses: addresses.map((address) => addressObject(address, options)) }
}

function addressObject(
  { address, judgement, session, alignment, findings }: ProbedAddress,
  { transcript }: { readonly transcript: boolean },
): object {
  return {
    ip: formatAddress(address),
    ...(session === null ? NOT_CONNECTED : sessionObject(session)),
    iprev: iprevObject(judgement.iprev, judgement.confirmedName),
    alignment,
    findings: findings.map(findingObject),
    ...(transcript && session !== null ? { transcript: session.transcript } : {}),
  }
}

/** As every other report has it. */
function iprevObject(iprev: IprevFacts, confirmedName: DomainName | null): unknown {
  return JSON.parse(iprevJson(iprev, confirmedName))
}

const NOT_CONNECTED = { connect: null, banner: null, ehlo: null, starttls: null, tls: null, ehloAfterTls: null, ended: null, timings: null }

function sessionObject(session: SessionFacts): object {
  const { connect, greeting, hello, startTls, tls, helloAfterTls, relay, oldTls, injection, ended, durationMs, unsolicited } = session
  return {
    connect: connect.kind === 'connected' ? { kind: connect.kind } : { kind: connect.kind, cause: causeObject(connect.cause) },
    banner:
      greeting.kind === 'answered'
        ? { ...replyObject(greeting.reply), claimedName: greeting.claimedName, software: greeting.software }
        : { kind: greeting.kind },
    ehlo: helloObject(hello),
    starttls: startTlsObject(startTls),
    tls: tlsObject(tls),
    ehloAfterTls: helloObject(helloAfterTls),
    relay,
    oldTls,
    injection,
    unsolicited,
    ended: { ...ended, cause: causeObject(ended.cause) },
    timings: {
      connectMs: connect.durationMs,
      greetingMs: greeting.kind === 'answered' ? greeting.reply.delayMs : null,
      handshakeMs: 'handshakeMs' in tls ? tls.handshakeMs : null,
      totalMs: durationMs,
    },
  }
}

function replyObject({ code, enhanced, lines, faults }: ReplyFacts): object {
  return { code, enhanced, text: lines.join('\n'), faults }
}

function causeObject(cause: EndCause): object {
  return cause.kind === 'turnedAway' ? { kind: cause.kind, reply: replyObject(cause.reply) } : cause
}

function helloObject(hello: HelloFacts): object {
  switch (hello.kind) {
    case 'answered':
      return { kind: hello.kind, verb: hello.verb, claimedName: hello.claimedName, capabilities: hello.capabilities }
    case 'refused':
      return { kind: hello.kind, ehlo: replyObject(hello.ehlo), helo: hello.helo && replyObject(hello.helo) }
    default:
      return hello
  }
}

function startTlsObject(facts: StartTlsFacts): object {
  return 'reply' in facts ? { ...facts, reply: replyObject(facts.reply) } : facts
}

function tlsObject(tls: TlsFacts): object {
  if (tls.kind !== 'established') return tls
  const { chain, ...rest } = tls
  const [certificate = null, ...issuers] = chain.map(certificateObject)
  return { ...rest, certificate, issuers }
}

function certificateObject(certificate: CertificateFacts): object {
  return { ...certificate, der: undefined, spki: undefined }
}

function findingObject(finding: Finding): object {
  return { code: finding.code, level: finding.level, args: finding.args, message: findingMessage(finding, 'terminal') }
}
