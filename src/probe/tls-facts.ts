/**
 * What a TLS session shows: protocol, cipher, key exchange, certificates, and whether they hold. Facts without opinion, plain JSON.
 * A certificate that does not verify is a fact beside the others; it never means that there is no TLS.
 */
import type { EndCause, NotAsked } from './session-facts.ts'

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

export type TlsFacts = NotAsked | { readonly kind: 'failed'; readonly handshakeMs: number; readonly cause: EndCause } | EstablishedTls

export interface EstablishedTls {
  readonly kind: 'established'
  readonly handshakeMs: number
  /** As Node calls it: `TLSv1.3`. */
  readonly protocol: string
  /** By the name of the IANA registry (`TLS_AES_256_GCM_SHA384`), and OpenSSL's. */
  readonly cipher: { readonly name: string; readonly opensslName: string }
  readonly alpn: string | null
  /** Null when there is no ephemeral key, hence no forward secrecy. */
  readonly keyExchange: { readonly type: string; readonly group: string | null; readonly bits: number | null } | null
  /** As asked with SNI. */
  readonly serverName: string | null
  /** As presented, in that order, the server's own first; nothing is added from a trust store. At most `MAX_CERTIFICATES`. */
  readonly chain: readonly CertificateFacts[]
  readonly chainTruncated: boolean
  readonly verification: Verification
  readonly nameMatch: NameMatch
}

/** Against the CAs of the system (or those given), the name left aside. `code` is OpenSSL's: CERT_HAS_EXPIRED … */
export type Verification = { readonly kind: 'trusted' } | { readonly kind: 'untrusted'; readonly code: string }

export type NameMatch =
  | { readonly kind: 'noReference' }
  /** `by`: the name in the certificate, maybe with a wildcard. */
  | { readonly kind: 'match'; readonly reference: string; readonly by: string }
  | { readonly kind: 'mismatch'; readonly reference: string }

export interface CertificateFacts {
  /** One attribute after the other: `CN=mx.example.org, O=Example`. */
  readonly subject: string
  readonly commonName: string | null
  readonly issuer: string
  readonly serialNumber: string
  /** Subject alternative names; at most `MAX_CERTIFICATE_NAMES` of each, raw. */
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly namesTruncated: boolean
  /** ISO 8601; null when unreadable. */
  readonly validFrom: string | null
  readonly validTo: string | null
  readonly key: { readonly type: string; readonly bits: number | null; readonly curve: string | null }
  /** `sha256WithRSA`, `ecdsaWithSHA256`, `ed25519` …; the dotted object identifier when unknown. */
  readonly signatureAlgorithm: string
  readonly isCa: boolean
  /** Issuer and subject are the same, and the signature is by its own key. */
  readonly isSelfSigned: boolean
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string
  readonly spkiFingerprint: string
  /** Base64, exact octets: what DANE's selectors 0 and 1 compare. Those of the key are empty in a certificate that we cannot read. */
  readonly der: string
  readonly spki: string
}
