/**
 * The alignment matrix: which name each layer of a server claims, how each pair of them fits, and who, if anybody, minds where they
 * do not: an RFC, the big receivers, or only good taste. Pure.
 */
import { parseName, type DomainName } from '../core/domain-name.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import { alignWithAny, type Alignment } from '../identity/alignment.ts'
import { namesOf } from './conversation-findings.ts'
import type { HelloFacts, SessionFacts } from './session-facts.ts'

export const LAYERS = ['ptr', 'confirmed', 'banner', 'ehlo', 'ehloAfterTls', 'certificate', 'mx'] as const
export type Layer = (typeof LAYERS)[number]

/** `notSeen`: we were not let to look, or did not; no name at all is an empty list. */
export type LayerNames = { readonly kind: 'names'; readonly names: readonly string[] } | { readonly kind: 'notSeen' }

/** Who minds that two layers differ. */
export type Objection = 'rfc' | 'receivers' | 'taste'

export interface AlignedPair {
  readonly left: Layer
  readonly right: Layer
  readonly alignment: Alignment
  /** Null where they fit, or where it is not known. */
  readonly objection: Objection | null
}

export interface AlignmentMatrix {
  readonly layers: Readonly<Record<Layer, LayerNames>>
  readonly pairs: readonly AlignedPair[]
}

export interface AlignmentInput {
  readonly ip: string
  /** Null when the PTR could not be looked up. */
  readonly ptrNames: readonly DomainName[] | null
  readonly confirmedName: DomainName | null
  /** Null where no conversation was held. */
  readonly session: SessionFacts | null
  /** Null for a target that no MX names. */
  readonly exchange: DomainName | null
}

export function alignmentMatrix({ ptrNames, confirmedName, session, exchange }: AlignmentInput): AlignmentMatrix {
  const layers: Record<Layer, LayerNames> = {
    ptr: ptrNames === null ? NOT_SEEN : names(ptrNames),
    confirmed: ptrNames === null ? NOT_SEEN : names(confirmedName === null ? [] : [confirmedName]),
    banner: session?.greeting.kind === 'answered' ? names(listOf(session.greeting.claimedName)) : NOT_SEEN,
    ehlo: helloNames(session?.hello),
    ehloAfterTls: helloNames(session?.helloAfterTls),
    certificate: certificateNames(session),
    mx: exchange === null ? NOT_SEEN : names([exchange]),
  }
  const pairs: AlignedPair[] = []
  for (const [index, left] of LAYERS.entries()) {
    for (const right of LAYERS.slice(index + 1)) pairs.push(alignPair(left, layers[left], right, layers[right]))
  }
  return { layers, pairs }
}

/** What is worth a word beside the engine's findings on PTR and HELO. */
export function alignmentFindings({ layers }: AlignmentMatrix, ip: string): Finding[] {
  const [banner, ehlo, under, confirmed] = [layers.banner, layers.ehlo, layers.ehloAfterTls, layers.confirmed].map(firstName)
  const findings: Finding[] = []
  const claimed = under ?? ehlo
  if (banner !== undefined && claimed !== undefined && !isSame(banner, claimed)) {
    findings.push(finding('BANNER_DIFFERS', { ip, bannerName: banner, ehloName: claimed }))
  }
  if (ehlo !== undefined && under !== undefined && !isSame(ehlo, under)) {
    findings.push(finding('EHLO_CHANGES', { ip, ehloName: ehlo, nameUnderTls: under }))
  }
  const all = [banner, ehlo, under].filter((name) => name !== undefined)
  if (confirmed !== undefined && banner !== undefined && claimed !== undefined && all.every((name) => isSame(name, confirmed))) {
    findings.push(finding('NAMES_ALIGNED', { ip, name: confirmed }))
  }
  return findings
}

const NOT_SEEN: LayerNames = { kind: 'notSeen' }

function names(list: readonly string[]): LayerNames {
  return { kind: 'names', names: list }
}

function listOf(name: string | null): readonly string[] {
  return name === null ? [] : [name]
}

function helloNames(hello: HelloFacts | undefined): LayerNames {
  return hello?.kind === 'answered' ? names(listOf(hello.claimedName)) : NOT_SEEN
}

function certificateNames(session: SessionFacts | null): LayerNames {
  const own = session?.tls.kind === 'established' ? session.tls.chain[0] : undefined
  return own === undefined ? NOT_SEEN : names(namesOf(own))
}

function firstName(layer: LayerNames | undefined): string | undefined {
  return layer?.kind === 'names' ? layer.names[0] : undefined
}

function isSame(left: string, right: string): boolean {
  return alignTexts([left], [right]) === 'equal'
}

function alignPair(left: Layer, leftNames: LayerNames, right: Layer, rightNames: LayerNames): AlignedPair {
  const isKnown = leftNames.kind === 'names' && rightNames.kind === 'names'
  const alignment = isKnown ? alignTexts(leftNames.names, rightNames.names) : 'unknown'
  const fits = alignment === 'equal' || alignment === 'unknown'
  return { left, right, alignment, objection: fits ? null : objectionTo(left, right, alignment) }
}

/** The best of all pairs; a certificate's wildcard stands for one label. */
function alignTexts(left: readonly string[], right: readonly string[]): Alignment {
  const parsed = right.map((text) => parseName(text)).filter((name) => name !== undefined)
  const found = left.map((text): Alignment => {
    if (right.some((other) => matchesWildcard(text, other) || matchesWildcard(other, text))) return 'equal'
    return alignWithAny(parseName(text), parsed)
  })
  return BEST_FIRST.find((alignment) => found.includes(alignment)) ?? 'unknown'
}

const BEST_FIRST: readonly Alignment[] = ['equal', 'sameOrganisation', 'unknown', 'different']

function matchesWildcard(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return false
  const dot = name.indexOf('.')
  return dot > 0 && name.slice(dot + 1).toLowerCase() === pattern.slice(2).toLowerCase()
}

/**
 * PTR against confirmed name is iprev itself, which the big receivers ask for. HELO should be a name of the client (RFC 5321 §4.1.1.1),
 * and receivers look whether it fits. An MX name may be any name that has an address, and a greeting is compared by nobody.
 */
function objectionTo(left: Layer, right: Layer, alignment: Alignment): Objection {
  const pair = new Set<Layer>([left, right])
  if (pair.has('ptr') && pair.has('confirmed')) return 'receivers'
  const isHello = pair.has('ehlo') || pair.has('ehloAfterTls')
  if (isHello && (pair.has('ptr') || pair.has('confirmed'))) return alignment === 'different' ? 'receivers' : 'taste'
  // RFC 8461 §4.1 and RFC 7672 §3.2: the certificate is for the MX name.
  if (pair.has('certificate') && pair.has('mx')) return 'rfc'
  return 'taste'
}
