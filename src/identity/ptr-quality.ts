/**
 * Whether a PTR name looks like one that nobody chose: derived from the address, made of pool words, or a provider's default.
 * Every piece of evidence has a reason and a weight; a name is generic from a score of 50 on. Words of mail servers weigh
 * against it, since a false "generic" can block a real one. docs/generic-ptr.md explains it to administrators.
 */
import { formatAddress, parseAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { parseName, sameName, type DomainName } from '../core/domain-name.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import type { IprevFacts, PtrName } from '../iprev/facts.ts'
import { traceAddress } from './generic-address.ts'
import { takeNameApart, type NameParts, type NumberRun, type Token } from './generic-name.ts'
import { providerOfParts, type ProviderId } from './generic-providers.ts'
import type { AddressTrace } from './generic-trace.ts'
import { findMailWord, findPoolWords, FURTHER_WORD_WEIGHT, MOST_WORD_WEIGHT, type WeighedWord } from './generic-words.ts'
import { reservedSuffix } from './reserved-suffix.ts'

export { providerOfDefaultName } from './generic-providers.ts'

/** Stable codes; they hold nothing of the name itself, so they are safe to print. */
type GenericReason =
  `address:${AddressTrace['extent']}` | `word:${string}` | `provider:${ProviderId}` | 'opaqueLabel' | `mailWord:${string}`

interface GenericEvidence {
  readonly reason: GenericReason
  /** Negative where it speaks for a mail server. */
  readonly weight: number
}

export interface PtrAssessment {
  readonly generic: boolean
  /** 0 to 100. */
  readonly score: number
  readonly reasons: readonly GenericReason[]
  /** The reasons with their weights; they add up to the score before it is cut to 0…100. */
  readonly evidence: readonly GenericEvidence[]
}

export const GENERIC_SCORE = 50

/** Never throws: text that is no domain name is not generic, and without a valid address the name is judged alone. */
export function assessPtrName(name: DomainName | string, address: IpAddress | string): PtrAssessment {
  const text = plainName(name)
  if (text === undefined) return NOT_GENERIC
  const parsed = typeof address === 'string' ? parseAddress(address) : address
  const parts = takeNameApart(text)
  if (parts.hostLabels === 0) return NOT_GENERIC
  const peer = parsed && unmapAddress(parsed)
  const trace = peer && traceAddress(parts, peer)
  const mail = findMailWord(parts)
  const provider = providerOfParts(parts, peer)
  const evidence: GenericEvidence[] = []
  if (trace && trace.extent !== 'octet') evidence.push({ reason: `address:${trace.extent}`, weight: addressWeight(trace) })
  addWords(evidence, parts, trace, mail)
  if (provider !== undefined) evidence.push({ reason: `provider:${provider}`, weight: PROVIDER_WEIGHT })
  if (mail) evidence.push({ reason: `mailWord:${mail.word}`, weight: mail.weight })
  return total(evidence)
}

/** `assessPtrName` for the names of one client. Its PTR name and its HELO are one and the same as a rule: that is judged once. */
export type AssessName = (name: DomainName) => PtrAssessment

export function nameAssessor(address: IpAddress): AssessName {
  let latest: { readonly name: DomainName; readonly assessment: PtrAssessment } | undefined
  return (name) => {
    if (latest === undefined || !sameName(latest.name, name)) latest = { name, assessment: assessPtrName(name, address) }
    return latest.assessment
  }
}

/**
 * `PTR_GENERIC` and `PTR_RESERVED_SUFFIX`. The confirmed names are judged, or the only name where none is confirmed. An address
 * with one name that somebody chose is named: its other names are not held against it.
 */
export function ptrQualityFindings(facts: IprevFacts, assess: AssessName = nameAssessor(facts.address)): Finding[] {
  const findings: Finding[] = []
  for (const ptr of facts.names) {
    const suffix = isUsable(ptr) ? reservedSuffix(ptr.name) : undefined
    if (suffix !== undefined) findings.push(finding('PTR_RESERVED_SUFFIX', { ip: peerText(facts), ptrName: ptr.name, suffix }))
  }
  const judged = judgedNames(facts)
  if (!judged.every((ptr) => assess(ptr.name).generic)) return findings
  for (const { name: ptrName } of judged) {
    const { score, reasons } = assess(ptrName)
    findings.push(finding('PTR_GENERIC', { ip: peerText(facts), ptrName, score, reasons }))
  }
  return findings
}

function judgedNames({ names, truncated }: IprevFacts): readonly PtrName[] {
  const confirmed = names.filter(({ outcome }) => outcome === 'confirmed')
  if (confirmed.length > 0) return confirmed
  return names.length === 1 && !truncated ? names.filter(isUsable) : []
}

function peerText({ address }: IprevFacts): string {
  return formatAddress(unmapAddress(address))
}

/** What is no host name, or a single label, has a finding of its own. */
function isUsable({ outcome }: PtrName): boolean {
  return outcome !== 'notHostName' && outcome !== 'singleLabel'
}

/** Text in the normal form of core/domain-name, which nearly every name already has. */
function plainName(name: string): string | undefined {
  if (name.length <= MAX_PLAIN && PLAIN.test(name)) return name
  return name.length <= MAX_TEXT ? parseName(name) : undefined
}

const MAX_PLAIN = 253
/** The longest text of 255 octets: each as an escape. */
const MAX_TEXT = 1024
const PLAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i

function total(evidence: readonly GenericEvidence[]): PtrAssessment {
  let sum = 0
  for (const { weight } of evidence) sum += weight
  const score = Math.min(100, Math.max(0, sum))
  return { generic: score >= GENERIC_SCORE, score, reasons: evidence.map(({ reason }) => reason), evidence }
}

const PROVIDER_WEIGHT = 60
const NOT_GENERIC: PtrAssessment = { generic: false, score: 0, reasons: [], evidence: [] }

function addressWeight({ extent, digits, tight, bare }: AddressTrace): number {
  switch (extent) {
    case 'whole':
      return 70
    case 'most':
      return 50
    case 'other':
      return 45
    case 'part':
    case 'octet':
      return (digits >= 3 ? 25 : 10) - (tight ? 0 : 10) + (bare && digits >= 3 ? 25 : 0)
  }
}

function addWords(evidence: GenericEvidence[], parts: NameParts, trace: AddressTrace | undefined, mail: WeighedWord | undefined): void {
  const words = findPoolWords(parts)
  const [heaviest] = words
  if (heaviest === undefined) return
  let left = MOST_WORD_WEIGHT
  for (const word of words) {
    const weight = Math.min(left, word === heaviest ? word.weight : FURTHER_WORD_WEIGHT)
    left -= weight
    evidence.push({ reason: `word:${word.word}`, weight })
  }
  if (mail?.isFirst === true) return
  if (trace?.extent === 'octet') evidence.push({ reason: 'address:octet', weight: trace.digits >= 3 ? 15 : 5 })
  const opaque = opacity(parts, heaviest.isFirst)
  if (opaque > 0) evidence.push({ reason: 'opaqueLabel', weight: opaque })
}

/**
 * A first label full of digits says nothing by itself, but under a pool word it is a serial number. Where the pool word is in
 * that label, its digits have already been weighed, unless they are no number at all: `node-1w7jr9qprg76wahm`.
 */
function opacity({ numbers, tokens }: NameParts, isWordFirst: boolean): number {
  if (tokens.some((token) => token.label === 0 && isRandom(token, numbers))) return 25
  if (isWordFirst) return 0
  const own = numbers.filter((number) => number.label === 0)
  if (own.length === 0) return 0
  return own.length >= 2 || (own[0]?.text.length ?? 0) >= 3 ? 15 : 5
}

function isRandom({ start, end }: Token, numbers: readonly NumberRun[]): boolean {
  return end - start >= 12 && numbers.filter((number) => number.start >= start && number.end <= end).length >= 4
}
