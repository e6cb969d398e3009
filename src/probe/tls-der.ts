/**
 * As much DER (ITU-T X.690) as it takes to read from a certificate (RFC 5280 §4.1) what node:crypto does not give: its exact key
 * octets, the algorithm that signed it, and its names without an escape. It verifies nothing, and holds no state.
 */
import { formatAddress } from '../core/address.ts'

export interface CertificateParts {
  /** Subject public key info, as it stands in the certificate: encoding it anew may change it. */
  readonly spki: Buffer
  readonly signatureAlgorithm: string
  readonly keyAlgorithm: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly namesTruncated: boolean
}

export const MAX_CERTIFICATE_NAMES = 200

/** Undefined when it is no certificate that could be read. */
export function readCertificateParts(der: Buffer): CertificateParts | undefined {
  const [toBeSigned, algorithm] = childrenOf(elementAt(der, 0)) ?? []
  const fields = childrenOf(toBeSigned)
  if (fields === undefined || algorithm === undefined) return undefined
  // The version is left out of certificates of version 1.
  const spki = fields[fields[0]?.tag === VERSION ? 6 : 5]
  if (spki?.tag !== SEQUENCE) return undefined
  const extensions = fields.find(({ tag }) => tag === EXTENSIONS)
  return {
    spki: spki.whole,
    signatureAlgorithm: algorithmOf(algorithm),
    keyAlgorithm: algorithmOf(childrenOf(spki)?.[0]),
    ...namesOf(childrenOf(childrenOf(extensions)?.[0]) ?? []),
  }
}

interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly whole: Buffer
}

const SEQUENCE = 0x30
const OCTET_STRING = 0x04
const OBJECT_IDENTIFIER = 0x06
const VERSION = 0xa0
const EXTENSIONS = 0xa3
const HASH_PARAMETER = 0xa0
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

/** One-octet tags and lengths of at most three octets: certificates have no others. */
function elementAt(bytes: Buffer, offset: number): Element | undefined {
  const tag = bytes[offset]
  const first = bytes[offset + 1]
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || lengthOctets > 3 || offset + 2 + lengthOctets > bytes.length) return undefined
  const start = offset + 2 + lengthOctets
  const end = start + (lengthOctets === 0 ? first : bytes.readUIntBE(offset + 2, lengthOctets))
  return end > bytes.length ? undefined : { tag, content: bytes.subarray(start, end), whole: bytes.subarray(offset, end) }
}

function childrenOf(element: Element | undefined): Element[] | undefined {
  if (element === undefined || (element.tag & CONSTRUCTED) === 0) return undefined
  const children: Element[] = []
  let offset = 0
  while (offset < element.content.length) {
    const child = elementAt(element.content, offset)
    if (child === undefined) return undefined
    children.push(child)
    offset += child.whole.length
  }
  return children
}

const CONSTRUCTED = 0x20

/** RSA-PSS names its hash in its parameters (RFC 4055 §3.1); SHA-1 is the default. */
function algorithmOf(sequence: Element | undefined): string {
  const [identifier, parameters] = childrenOf(sequence) ?? []
  if (identifier?.tag !== OBJECT_IDENTIFIER) return 'unreadable'
  const oid = formatObjectIdentifier(identifier.content)
  if (oid !== RSA_PSS) return ALGORITHMS[oid] ?? oid
  const hash = childrenOf(parameters)?.find(({ tag }) => tag === HASH_PARAMETER)
  const hashIdentifier = childrenOf(childrenOf(hash)?.[0])?.[0]
  return `rsassaPss${hashIdentifier ? (HASHES[formatObjectIdentifier(hashIdentifier.content)] ?? '') : 'SHA1'}`
}

function namesOf(extensions: readonly Element[]): Pick<CertificateParts, 'dnsNames' | 'ipAddresses' | 'namesTruncated'> {
  const parts = extensions.map((extension) => childrenOf(extension) ?? [])
  const found = parts.find(([identifier]) => identifier && formatObjectIdentifier(identifier.content) === SUBJECT_ALT_NAME)
  const value = found?.find(({ tag }) => tag === OCTET_STRING)
  const names = (value && childrenOf(elementAt(value.content, 0))) ?? []
  const dnsNames = names.filter(({ tag }) => tag === DNS_NAME).map(({ content }) => content.toString('latin1'))
  const ipAddresses = names.filter(({ tag }) => tag === IP_ADDRESS).map(({ content }) => formatOctets(content))
  return {
    dnsNames: dnsNames.slice(0, MAX_CERTIFICATE_NAMES),
    ipAddresses: ipAddresses.slice(0, MAX_CERTIFICATE_NAMES),
    namesTruncated: Math.max(dnsNames.length, ipAddresses.length) > MAX_CERTIFICATE_NAMES,
  }
}

function formatOctets(octets: Buffer): string {
  if (octets.length !== 4 && octets.length !== 16) return `#${octets.toString('hex')}`
  return formatAddress({ family: octets.length === 4 ? 4 : 6, bytes: [...octets] })
}

/** Base 128, big-endian; the first two arcs share a number. */
function formatObjectIdentifier(octets: Buffer): string {
  const arcs: number[] = []
  let arc = 0
  for (const octet of octets) {
    arc = arc * 128 + (octet & 0x7f)
    if (!Number.isSafeInteger(arc)) return 'unreadable'
    if (octet < 0x80) {
      if (arcs.length > 0) arcs.push(arc)
      else arcs.push(Math.min(Math.floor(arc / 40), 2), arc - 40 * Math.min(Math.floor(arc / 40), 2))
      arc = 0
    }
  }
  return arcs.join('.')
}

const SUBJECT_ALT_NAME = '2.5.29.17'
const RSA_PSS = '1.2.840.113549.1.1.10'
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'SHA1',
  '2.16.840.1.101.3.4.2.1': 'SHA256',
  '2.16.840.1.101.3.4.2.2': 'SHA384',
  '2.16.840.1.101.3.4.2.3': 'SHA512',
  '2.16.840.1.101.3.4.2.4': 'SHA224',
}
/** Signatures, and keys that node:crypto may not know. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.1': 'rsa',
  '1.2.840.113549.1.1.2': 'md2WithRSA',
  '1.2.840.113549.1.1.4': 'md5WithRSA',
  '1.2.840.113549.1.1.5': 'sha1WithRSA',
  '1.2.840.113549.1.1.11': 'sha256WithRSA',
  '1.2.840.113549.1.1.12': 'sha384WithRSA',
  '1.2.840.113549.1.1.13': 'sha512WithRSA',
  '1.2.840.113549.1.1.14': 'sha224WithRSA',
  '1.2.840.10045.2.1': 'ec',
  '1.2.840.10045.4.1': 'ecdsaWithSHA1',
  '1.2.840.10045.4.3.1': 'ecdsaWithSHA224',
  '1.2.840.10045.4.3.2': 'ecdsaWithSHA256',
  '1.2.840.10045.4.3.3': 'ecdsaWithSHA384',
  '1.2.840.10045.4.3.4': 'ecdsaWithSHA512',
  '1.2.840.10040.4.1': 'dsa',
  '1.2.840.10040.4.3': 'dsaWithSHA1',
  '2.16.840.1.101.3.4.3.2': 'dsaWithSHA256',
  '1.3.101.112': 'ed25519',
  '1.3.101.113': 'ed448',
  '2.16.840.1.101.3.4.3.17': 'ml-dsa-44',
  '2.16.840.1.101.3.4.3.18': 'ml-dsa-65',
  '2.16.840.1.101.3.4.3.19': 'ml-dsa-87',
}
