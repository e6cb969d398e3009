/** The facts of a conversation that went well, for tests that change a part of them. */
import { parseCapabilities } from '../../src/probe/capabilities.ts'
import type { HelloFacts, ReplyFacts, SessionFacts } from '../../src/probe/session-facts.ts'
import type { CertificateFacts, EstablishedTls } from '../../src/probe/tls-facts.ts'

export interface ExampleChanges {
  readonly bannerName?: string | null
  readonly ehloName?: string
  readonly nameUnderTls?: string
  readonly tls?: SessionFacts['tls']
  readonly facts?: Partial<SessionFacts>
}

export function sessionFacts({
  bannerName = 'mx.example.org',
  ehloName = 'mx.example.org',
  nameUnderTls,
  tls = NO_TLS,
  facts,
}: ExampleChanges = {}): SessionFacts {
  return {
    address: '198.51.100.7',
    port: 25,
    implicitTls: false,
    ehloName: 'probe.example.net',
    connect: { kind: 'connected', durationMs: 1, localAddress: '127.0.0.1', localPort: 50_000 },
    greeting: { kind: 'answered', reply: replyFacts(220, `${bannerName ?? ''} ESMTP`), claimedName: bannerName, software: null },
    hello: helloFacts(ehloName),
    startTls: NOT_WANTED,
    tls,
    helloAfterTls: nameUnderTls === undefined ? NOT_WANTED : helloFacts(nameUnderTls),
    relay: NOT_WANTED,
    quit: { kind: 'answered', reply: replyFacts(221, 'bye') },
    ended: { stage: 'quit', underTls: false, cause: { kind: 'done' } },
    unsolicited: [],
    durationMs: 5,
    transcript: { lines: [], truncated: false },
    oldTls: [],
    injection: NOT_WANTED,
    ...facts,
  }
}

export function replyFacts(code: number, ...lines: readonly string[]): ReplyFacts {
  return { code, enhanced: null, lines, delayMs: 1, faults: [], raw: null }
}

export function helloFacts(claimedName: string): HelloFacts {
  const reply = replyFacts(250, claimedName)
  return { kind: 'answered', verb: 'EHLO', reply, claimedName, capabilities: parseCapabilities(reply.lines), ehloRefusal: null }
}

export function tlsFacts(certificate: Partial<CertificateFacts> = {}, changes: Partial<EstablishedTls> = {}): EstablishedTls {
  return {
    kind: 'established',
    handshakeMs: 3,
    protocol: 'TLSv1.3',
    cipher: { name: 'TLS_AES_256_GCM_SHA384', opensslName: 'TLS_AES_256_GCM_SHA384' },
    alpn: null,
    keyExchange: { type: 'ECDH', group: 'X25519', bits: 253 },
    serverName: 'mx.example.org',
    chain: [{ ...CERTIFICATE, ...certificate }],
    chainTruncated: false,
    verification: { kind: 'trusted' },
    nameMatch: { kind: 'match', reference: 'mx.example.org', by: 'mx.example.org' },
    ...changes,
  }
}

const NOT_WANTED = { kind: 'notAsked', why: 'notWanted' } as const
const NO_TLS = { kind: 'notAsked', why: 'noTls' } as const
const CERTIFICATE: CertificateFacts = {
  subject: 'CN=mx.example.org',
  commonName: 'mx.example.org',
  issuer: 'CN=An Authority',
  serialNumber: '01',
  dnsNames: ['mx.example.org'],
  ipAddresses: [],
  namesTruncated: false,
  validFrom: '2026-01-01T00:00:00.000Z',
  validTo: '2027-01-01T00:00:00.000Z',
  key: { type: 'ec', bits: 256, curve: 'prime256v1' },
  signatureAlgorithm: 'ecdsaWithSHA256',
  isCa: false,
  isSelfSigned: false,
  fingerprint: '00',
  spkiFingerprint: '00',
  der: '',
  spki: '',
}
