/**
 * `ptrgate probe` as JSON, one line an object, described in docs/probe.md. The text is printable ASCII; what a server said
 * decodes to its raw octets as latin1. Octets of certificates are left out, their fingerprints are there.
 */
import { formatAddress } from '../core/address.ts'
import type { Finding } from '../findings/catalogue.ts'
import { escapeJson } from '../render/escape.ts'
import { findingMessage } from '../render/finding-text.ts'
import { iprevJson, JSON_FORMAT } from '../render/report-json.ts'
import type { ProbedAddress, ProbedHost, ProbeEvent, ProbeReport } from './probe.ts'
import type { EndCause, HelloFacts, ReplyFacts, SessionFacts, StartTlsFacts } from './session-facts.ts'
import type { CertificateFacts, TlsFacts } from './tls-facts.ts'

/** Without a line end. */
export function probeJson(report: ProbeReport, options: { readonly transcript: boolean }): string {
  return escapeJson(JSON.stringify(probeObject(report, options)))
}

/** Several reports as one object. */
export function probeListJson(reports: readonly ProbeReport[], options: { readonly transcript: boolean }): string {
  const probes = reports.map((report) => probeObject(report, options))
  return escapeJson(JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'probeList', probes }))
}

/** A step of a conversation, while it is under way. */
export function probeEventJson({ address, session }: ProbeEvent): string {
  const { connection, kind: event, ...rest } = session
  const facts = session.kind === 'tls' ? { facts: tlsObject(session.facts) } : rest
  return escapeJson(JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'probeEvent', ip: formatAddress(address), connection, event, ...facts }))
}

function probeObject(report: ProbeReport, options: { readonly transcript: boolean }): object {
  const { target, port, verdict, vantage, route, hosts, records, findings } = report
  return {
    ptrgate: JSON_FORMAT,
    kind: 'probe',
    target,
    port,
    verdict,
    vantage,
    route,
    mx: hosts.map((host) => hostObject(host, options)),
    dane: hosts.flatMap(({ dane }) => (dane === null ? [] : [dane])),
    mtaSts: records?.mtaSts ?? null,
    tlsRpt: records?.tlsRpt ?? null,
    dmarc: records?.dmarc ?? null,
    findings: findings.map(findingObject),
  }
}

function hostObject({ name, preference, addresses }: ProbedHost, options: { readonly transcript: boolean }): object {
  return { name, preference, addresses: addresses.map((address) => addressObject(address, options)) }
}

function addressObject(
  { address, judgement, session, alignment, findings }: ProbedAddress,
  { transcript }: { readonly transcript: boolean },
): object {
  return {
    ip: formatAddress(address),
    ...(session === null ? NOT_CONNECTED : sessionObject(session)),
    iprev: JSON.parse(iprevJson(judgement.iprev, judgement.confirmedName)) as unknown,
    alignment,
    findings: findings.map(findingObject),
    ...(transcript && session !== null ? { transcript: session.transcript } : {}),
  }
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
