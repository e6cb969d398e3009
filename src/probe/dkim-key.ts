/**
 * DKIM keys in the DNS (RFC 6376 §3.6.1, RFC 8301, RFC 8463): the record of a selector, its tags, and what kind of key it holds.
 * Signatures are not verified here. It judges nothing.
 */
import { Buffer } from 'node:buffer'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { labelsOf, nameFromLabels, parseName, type DomainName } from '../core/domain-name.ts'
import { askTexts, withinLimits, type RecordLookupOptions, type Trouble } from './record-lookup.ts'
import { findTag, parseTagList, type TagFault, type TagList, type TagProblem } from './tag-list.ts'

export type DkimPublicKey =
  | { readonly kind: 'rsa'; readonly bits: number }
  | { readonly kind: 'ed25519' }
  /** An empty `p`. */
  | { readonly kind: 'revoked' }
  /** A `k` that no RFC knows; verifiers ignore such a key. */
  | { readonly kind: 'unknownType'; readonly type: string }
  | { readonly kind: 'unreadable'; readonly problem: 'missing' | 'notBase64' | 'notKey' }

export interface DkimKeyRecord {
  readonly text: string
  readonly key: DkimPublicKey
  /** `t=y`: verifiers treat what fails as if it were not signed. */
  readonly testMode: boolean
  /** `t=s`: no subdomains in `i=`. */
  readonly strictDomain: boolean
  /** `h`; null for all. */
  readonly hashes: readonly string[] | null
  /** False where `s` leaves out email. */
  readonly forMail: boolean
  readonly faults: readonly TagFault[]
}

export type DkimKeyAnswer =
  | { readonly kind: 'record'; readonly record: DkimKeyRecord }
  | { readonly kind: 'absent' }
  /** §3.6.2.2: what a verifier then does is undefined. */
  | { readonly kind: 'multiple'; readonly count: number }
  /** The selector and the domain make no name. */
  | { readonly kind: 'badSelector' }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export interface DkimKeyFacts {
  readonly kind: 'dkimKey'
  readonly domain: DomainName
  /** As it was given. */
  readonly selector: string
  readonly answer: DkimKeyAnswer
}

const LIMITS = { deadlineMs: 5000, maxQueries: 10 }

export function lookupDkimKey(domain: DomainName, selector: string, options: RecordLookupOptions): Promise<DkimKeyFacts> {
  return withinLimits(options, LIMITS, async (ask) => {
    const keyName = nameOfKey(domain, selector)
    if (keyName === undefined) return { kind: 'dkimKey', domain, selector, answer: { kind: 'badSelector' } }
    const texts = await askTexts(ask, keyName)
    return { kind: 'dkimKey', domain, selector, answer: texts.kind === 'texts' ? chooseRecord(texts.texts) : answerWithout(texts) }
  })
}

function answerWithout(texts: { readonly kind: 'absent' } | { readonly kind: 'unknown'; readonly trouble: Trouble }): DkimKeyAnswer {
  return texts.kind === 'absent' ? { kind: 'absent' } : { kind: 'unknown', trouble: texts.trouble }
}

/** Selectors may have several labels (`mta.2026`). */
function nameOfKey(domain: DomainName, selector: string): DomainName | undefined {
  const labels = parseName(selector)
  if (labels === undefined || labelsOf(labels).length === 0) return undefined
  // Through the parser, which knows how long a name may be.
  return parseName(nameFromLabels([...labelsOf(labels), '_domainkey', ...labelsOf(domain)]))
}

/** The version may be missing (§3.6.1), so that any TXT record there is one. */
function chooseRecord(texts: readonly string[]): DkimKeyAnswer {
  const [text] = texts
  if (text === undefined) return { kind: 'absent' }
  return texts.length > 1 ? { kind: 'multiple', count: texts.length } : { kind: 'record', record: parseDkimKey(text) }
}

export function parseDkimKey(text: string): DkimKeyRecord {
  const list = parseTagList(text)
  const faults = [...list.faults, ...versionFaults(list)]
  const value = (name: string): string | undefined => findTag(list.tags, name)?.value
  const flags = listOf(value('t')) ?? []
  const hashes = listOf(value('h'))
  const services = listOf(value('s'))
  const key = readKey(value('k')?.toLowerCase() ?? 'rsa', value('p'))
  const p = findTag(list.tags, 'p')
  if (p === undefined) faults.push({ position: text.length + 1, problem: 'missingTag', tag: 'p' })
  else if (key.kind === 'unreadable') faults.push({ position: p.valuePosition, problem: 'badValue', tag: 'p' })
  return {
    text,
    key,
    testMode: flags.includes('y'),
    strictDomain: flags.includes('s'),
    hashes: hashes === undefined || hashes.includes('*') ? null : hashes,
    forMail: services === undefined || services.includes('*') || services.includes('email'),
    faults: faults.sort((left, right) => left.position - right.position),
  }
}

/** If there is one, it is the first tag, and exactly `DKIM1`. */
function versionFaults({ tags }: TagList): readonly TagFault[] {
  const version = findTag(tags, 'v')
  if (version === undefined) return []
  const problem: TagProblem | null = version.value !== 'DKIM1' ? 'badValue' : version !== tags[0] ? 'misplacedVersion' : null
  return problem === null ? [] : [{ position: version.position, problem, tag: 'v' }]
}

const MAX_LISTED = 10

function listOf(value: string | undefined): readonly string[] | undefined {
  return value
    ?.split(':')
    .slice(0, MAX_LISTED)
    .map((entry) => entry.trim().toLowerCase())
}

function readKey(type: string, value: string | undefined): DkimPublicKey {
  if (value === undefined) return { kind: 'unreadable', problem: 'missing' }
  const base64 = value.replace(/[ \t\r\n]/g, '')
  if (base64 === '') return { kind: 'revoked' }
  if (type !== 'rsa' && type !== 'ed25519') return { kind: 'unknownType', type }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return { kind: 'unreadable', problem: 'notBase64' }
  const bytes = Buffer.from(base64, 'base64')
  if (type === 'ed25519') return bytes.length === ED25519_OCTETS ? { kind: 'ed25519' } : { kind: 'unreadable', problem: 'notKey' }
  // §3.6.1 and its erratum 3017: SubjectPublicKeyInfo, and in the wild a bare RSAPublicKey.
  const bits = rsaBits(bytes, 'spki') ?? rsaBits(bytes, 'pkcs1')
  return bits === undefined ? { kind: 'unreadable', problem: 'notKey' } : { kind: 'rsa', bits }
}

/** RFC 8463 §4: the bare key. */
const ED25519_OCTETS = 32

function rsaBits(key: Buffer, type: 'spki' | 'pkcs1'): number | undefined {
  let parsed: KeyObject
  try {
    parsed = createPublicKey({ key, format: 'der', type })
  } catch {
    // The peer's octets are no such key: that is an answer.
    return undefined
  }
  return parsed.asymmetricKeyType === 'rsa' ? parsed.asymmetricKeyDetails?.modulusLength : undefined
}
