/**
 * Whether a server's certificate chain satisfies TLSA records (RFC 6698 §2.1, RFC 7671 §5, RFC 7672 §3): usage 3 pins the
 * server's own certificate or key and nothing else counts; usage 2 pins an authority, and then chain, validity and name count too.
 */
import { Buffer } from 'node:buffer'
import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { TlsaRecord } from './dane.ts'

/** In DER; the server's own certificate first, as it sent them. */
export interface PresentedCertificate {
  readonly der: Uint8Array
  readonly spki: Uint8Array
}

export type TlsaMismatch =
  /** The record itself is of no use. */
  | 'unusable'
  /** No certificate of the chain is meant. */
  | 'noMatch'
  /** The authority is there, but the server's certificate does not lead to it. */
  | 'chain'
  | 'name'
  /** A certificate on the way is not valid yet, or no longer. */
  | 'validity'

export interface TlsaRecordMatch {
  readonly record: TlsaRecord
  readonly matches: boolean
  /** The certificate that is meant, 0 for the server's own; null for none, or one that the server need not send. */
  readonly depth: number | null
  readonly mismatch: TlsaMismatch | null
}

export interface TlsaMatch {
  /** `unusable`: no record that can be used, so that senders encrypt without checking (RFC 7672 §2.2). */
  readonly result: 'match' | 'mismatch' | 'unusable'
  readonly records: readonly TlsaRecordMatch[]
}

/** A server may send what it likes; real chains have four. */
const MAX_CHAIN = 10

/** `referenceNames` (RFC 7672 §3.2.2): the MX host's name, and the domain or the alias where those are known to lead to it. */
export function matchTlsa(
  records: readonly TlsaRecord[],
  chain: readonly PresentedCertificate[],
  referenceNames: readonly string[],
  nowMs: number,
): TlsaMatch {
  const kept = chain.slice(0, MAX_CHAIN)
  const certificates = kept.map(({ der }) => readCertificate(der))
  const matched = records.map((record) => matchRecord(record, kept, certificates, referenceNames, nowMs))
  const isUsable = records.some(({ problem }) => problem === null)
  const result = matched.some(({ matches }) => matches) ? 'match' : isUsable ? 'mismatch' : 'unusable'
  return { result, records: matched }
}

type Certificates = readonly (X509Certificate | undefined)[]

function matchRecord(
  record: TlsaRecord,
  chain: readonly PresentedCertificate[],
  certificates: Certificates,
  referenceNames: readonly string[],
  nowMs: number,
): TlsaRecordMatch {
  const mismatch = (reason: TlsaMismatch, depth: number | null = null): TlsaRecordMatch => ({
    record,
    matches: false,
    depth,
    mismatch: reason,
  })
  if (record.problem !== null) return mismatch('unusable')
  if (record.usage === 3) {
    // RFC 7671 §5.1: neither the name nor the dates count.
    const own = chain[0]
    return own && isMeant(record, own) ? { record, matches: true, depth: 0, mismatch: null } : mismatch('noMatch')
  }
  const anchor = findAnchor(record, chain, certificates)
  if (anchor === undefined) return mismatch('noMatch')
  const { depth, path } = anchor
  if (path === undefined) return mismatch('chain', depth)
  if (!path.every((certificate) => isValidAt(certificate, nowMs))) return mismatch('validity', depth)
  const own = path[0]
  if (own === undefined || !referenceNames.some((name) => isIssuedFor(own, name))) return mismatch('name', depth)
  return { record, matches: true, depth, mismatch: null }
}

interface Anchor {
  readonly depth: number | null
  /** From the server's own certificate up to the anchor; undefined where they do not lead there. */
  readonly path: readonly X509Certificate[] | undefined
}

/**
 * The authority stands above the server's own certificate in the chain. A record that holds it whole (matching 0) also serves
 * where the server does not send it (RFC 7671 §5.2.2).
 */
function findAnchor(record: TlsaRecord, chain: readonly PresentedCertificate[], certificates: Certificates): Anchor | undefined {
  let broken: Anchor | undefined
  for (let depth = 1; depth < chain.length; depth++) {
    const presented = chain[depth]
    if (presented === undefined || !isMeant(record, presented)) continue
    const path = pathTo(certificates, depth)
    if (path) return { depth, path }
    broken ??= { depth, path }
  }
  return broken ?? (record.matching === 0 ? anchorOutside(record, certificates) : undefined)
}

function anchorOutside(record: TlsaRecord, certificates: Certificates): Anchor | undefined {
  const data = Buffer.from(record.data, 'hex')
  const authority = record.selector === 0 ? readCertificate(data) : undefined
  const key = record.selector === 0 ? authority?.publicKey : readKey(data)
  if (key === undefined) return undefined
  // The highest certificate that the key has signed; from there down the chain must hold.
  for (let depth = certificates.length - 1; depth >= 0; depth--) {
    const last = certificates[depth]
    if (last === undefined || !isSignedBy(last, key)) continue
    if (authority && !last.checkIssued(authority)) continue
    const path = pathTo(certificates, depth)
    return { depth: null, path: path && authority ? [...path, authority] : path }
  }
  return undefined
}

/** The certificates up to `depth` if each is issued and signed by the next one. Servers send them in that order (RFC 8446 §4.4.2). */
function pathTo(certificates: Certificates, depth: number): readonly X509Certificate[] | undefined {
  const path: X509Certificate[] = []
  for (let index = 0; index <= depth; index++) {
    const certificate = certificates[index]
    if (certificate === undefined) return undefined
    const issued = path.at(-1)
    if (issued && !(certificate.ca && issued.checkIssued(certificate) && isSignedBy(issued, certificate.publicKey))) return undefined
    path.push(certificate)
  }
  return path
}

function isMeant(record: TlsaRecord, { der, spki }: PresentedCertificate): boolean {
  const selected = record.selector === 0 ? der : spki
  switch (record.matching) {
    case 0:
      return Buffer.from(selected).toString('hex') === record.data
    case 1:
      return createHash('sha256').update(selected).digest('hex') === record.data
    default:
      return createHash('sha512').update(selected).digest('hex') === record.data
  }
}

function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo)
}

/** §3.2.3: subject alternative names, with the common name where there are none; a wildcard stands for one whole label. */
function isIssuedFor(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name, { subject: 'default', partialWildcards: false }) !== undefined
}

function isSignedBy(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key)
  } catch {
    // A key of another kind than the signature's.
    return false
  }
}

/** Undefined for octets that are no certificate: the peer chose them. */
function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

function readKey(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
