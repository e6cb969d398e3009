/**
 * Reads the facts from a TLS session that stands, and says how we open one: nothing in a certificate ends the session,
 * since what a probe came for is behind it. Old protocols and weak keys are let in for the same reason; they are told.
 */
import { createHash, type KeyObject, type X509Certificate } from 'node:crypto'
import { DEFAULT_CIPHERS, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { parseAddress } from '../core/address.ts'
import { isHostName, parseName } from '../core/domain-name.ts'
import { readCertificateParts } from './tls-der.ts'
import type { CertificateFacts, EstablishedTls, NameMatch, TlsVersion, Verification } from './tls-facts.ts'

export interface TlsRequest {
  /** Asked for with SNI, and held against the certificate. */
  readonly serverName: string | null
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** PEM; the system's unless given. */
  readonly trustedCertificates: readonly string[] | undefined
}

/** Servers send three or four; OpenSSL takes up to 100 kB of them. */
export const MAX_CERTIFICATES = 10

export function tlsOptions(request: TlsRequest): ConnectionOptions {
  const { minVersion, maxVersion, trustedCertificates } = request
  const serverName = sniOf(request.serverName)
  return {
    minVersion,
    maxVersion,
    rejectUnauthorized: false,
    // The name is compared apart from the chain, so that each fault shows.
    checkServerIdentity: () => undefined,
    // TLS 1.0 and 1.1 need it, and so does a key that is too short to be good but long enough to be told.
    ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0`,
    ...(serverName === null ? {} : { servername: serverName }),
    ...(trustedCertificates === undefined ? {} : { ca: [...trustedCertificates] }),
  }
}

/** RFC 6066 §3: neither addresses nor anything else than a host name. */
function sniOf(serverName: string | null): string | null {
  if (serverName === null || parseAddress(serverName) !== undefined) return null
  const name = parseName(serverName)
  return name !== undefined && isHostName(name) ? name : null
}

/** Once a session: node:tls hands the peer's chain out only the first time. */
export function readTlsSession(socket: TLSSocket, request: TlsRequest, handshakeMs: number): EstablishedTls {
  const cipher = socket.getCipher()
  const certificates = presentedChain(socket)
  const [own] = certificates
  return {
    kind: 'established',
    handshakeMs,
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: { name: cipher.standardName, opensslName: cipher.name },
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : null,
    keyExchange: readKeyExchange(socket),
    serverName: sniOf(request.serverName),
    chain: certificates.slice(0, MAX_CERTIFICATES).map(readCertificate),
    chainTruncated: certificates.length > MAX_CERTIFICATES,
    verification: readVerification(socket),
    nameMatch: matchName(own, request.serverName),
  }
}

/** From the handshake itself: `getPeerCertificate(true)` would sort it, drop strangers and add roots of our own. */
function presentedChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let certificate = socket.getPeerX509Certificate()
  while (certificate !== undefined && chain.length <= MAX_CERTIFICATES) {
    chain.push(certificate)
    certificate = certificate.issuerCertificate
  }
  return chain
}

function readKeyExchange(socket: TLSSocket): EstablishedTls['keyExchange'] {
  const info: object | null = socket.getEphemeralKeyInfo()
  if (info === null || !('type' in info) || typeof info.type !== 'string') {
    // Node knows no name for the hybrids with ML-KEM; in TLS 1.3 every key of a first handshake is ephemeral (RFC 8446 §2).
    return socket.getProtocol() === 'TLSv1.3' ? { type: 'ephemeral', group: null, bits: null } : null
  }
  const group = 'name' in info && typeof info.name === 'string' ? info.name : null
  const bits = 'size' in info && typeof info.size === 'number' ? info.size : null
  return { type: info.type, group, bits }
}

/** `authorizationError` is OpenSSL's code as text, though it is declared as an Error. */
function readVerification(socket: TLSSocket): Verification {
  if (socket.authorized) return { kind: 'trusted' }
  const error: unknown = socket.authorizationError
  return { kind: 'untrusted', code: error instanceof Error ? error.message : typeof error === 'string' ? error : 'UNKNOWN' }
}

/** RFC 6125: the common name counts only where there are no DNS names. */
function matchName(certificate: X509Certificate | undefined, reference: string | null): NameMatch {
  if (reference === null) return { kind: 'noReference' }
  const isAddress = parseAddress(reference) !== undefined
  const name = parseName(reference) ?? reference
  const by = isAddress ? certificate?.checkIP(reference) : certificate?.checkHost(name, { partialWildcards: false })
  return by === undefined ? { kind: 'mismatch', reference } : { kind: 'match', reference, by }
}

export function readCertificate(certificate: X509Certificate): CertificateFacts {
  const der = Buffer.from(certificate.raw)
  const parts = readCertificateParts(der)
  const key = publicKeyOf(certificate)
  return {
    subject: oneLine(certificate.subject),
    commonName: commonName(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serialNumber: certificate.serialNumber.toLowerCase(),
    dnsNames: parts?.dnsNames ?? [],
    ipAddresses: parts?.ipAddresses ?? [],
    namesTruncated: parts?.namesTruncated ?? false,
    validFrom: isoDate(certificate.validFrom),
    validTo: isoDate(certificate.validTo),
    key: {
      type: key?.asymmetricKeyType ?? parts?.keyAlgorithm ?? 'unreadable',
      bits: key?.asymmetricKeyDetails?.modulusLength ?? CURVE_BITS[key?.asymmetricKeyDetails?.namedCurve ?? ''] ?? null,
      curve: key?.asymmetricKeyDetails?.namedCurve ?? null,
    },
    signatureAlgorithm: parts?.signatureAlgorithm ?? 'unreadable',
    isCa: certificate.ca,
    isSelfSigned: key !== null && certificate.checkIssued(certificate) && certificate.verify(key),
    fingerprint: sha256(der),
    spkiFingerprint: parts ? sha256(parts.spki) : '',
    der: der.toString('base64'),
    spki: parts?.spki.toString('base64') ?? '',
  }
}

/** Throws for a kind of key that this OpenSSL does not know. */
function publicKeyOf(certificate: X509Certificate): KeyObject | null {
  try {
    return certificate.publicKey
  } catch {
    return null
  }
}

const CURVE_BITS: Readonly<Record<string, number>> = { prime256v1: 256, secp256k1: 256, secp384r1: 384, secp521r1: 521 }
function commonName(distinguishedName: string | undefined): string | null {
  return COMMON_NAME.exec(distinguishedName ?? '')?.[1] ?? null
}

const COMMON_NAME = /^CN=(.*)$/m

/** node:crypto writes an attribute a line, and nothing at all for an empty name. */
function oneLine(distinguishedName: string | undefined): string {
  return (distinguishedName ?? '').split('\n').join(', ')
}

function isoDate(text: string): string | null {
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}

function sha256(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex')
}
