/**
 * DMARC (RFC 9989; RFC 7489 before it): the policy record that applies to a domain, found by the tree walk of §4.10, and its
 * tags with every fault in its place. Whether mail aligns with it is not asked here. It judges nothing.
 */
import { childName, labelsOf, nameFromLabels, sameName, type DomainName } from '../core/domain-name.ts'
import { organisationalDomain } from '../identity/organisation.ts'
import { askTexts, withinLimits, type Ask, type RecordLookupOptions, type Trouble } from './record-lookup.ts'
import { findTag, parseTagList, type Tag, type TagFault, type TagProblem } from './tag-list.ts'

export type DmarcPolicy = 'none' | 'quarantine' | 'reject'
export type DmarcAlignment = 'relaxed' | 'strict'

/** What the tags say, defaults filled in. */
export interface DmarcRecord {
  readonly text: string
  /** Null: neither a policy nor a report address, so that receivers do as if there were no record. */
  readonly policy: DmarcPolicy | null
  /** `sp` and `np`; null where they follow from the others. */
  readonly subdomainPolicy: DmarcPolicy | null
  readonly nonexistentPolicy: DmarcPolicy | null
  readonly dkimAlignment: DmarcAlignment
  readonly spfAlignment: DmarcAlignment
  /** Of RFC 7489, dropped in RFC 9989; null where it is not written. */
  readonly percent: number | null
  readonly aggregateReports: readonly string[]
  readonly failureReports: readonly string[]
  readonly failureOptions: readonly string[]
  readonly testMode: boolean
  readonly publicSuffix: 'y' | 'n' | 'u'
  readonly unknownTags: readonly string[]
  readonly faults: readonly TagFault[]
}

export type DmarcAnswer =
  | { readonly kind: 'record'; readonly record: DmarcRecord }
  | { readonly kind: 'absent' }
  /** Receivers use none of them. */
  | { readonly kind: 'multiple'; readonly count: number }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export interface DmarcFacts {
  readonly kind: 'dmarc'
  readonly domain: DomainName
  /** Each domain that was asked, from the domain itself upwards. */
  readonly asked: readonly { readonly domain: DomainName; readonly answer: DmarcAnswer }[]
  /** Where the record was found that applies; null where there is none, or where it could not be told. */
  readonly source: DomainName | null
  readonly record: DmarcRecord | null
  /** What that record wants for mail from exactly this domain, which exists; null without one. */
  readonly policy: DmarcPolicy | null
  /** By the public suffix list (RFC 7489): many receivers ask only there. */
  readonly organisationalDomain: string | null
}

/** §4.10: eight questions at most. */
const LIMITS = { deadlineMs: 10_000, maxQueries: 40 }
const MAX_WALK = 8

export function lookupDmarc(domain: DomainName, options: RecordLookupOptions): Promise<DmarcFacts> {
  return withinLimits(options, LIMITS, async (ask) => {
    const asked: { domain: DomainName; answer: DmarcAnswer }[] = []
    for (const ancestor of treeWalk(domain)) {
      const answer = await askDmarc(ancestor, ask)
      asked.push({ domain: ancestor, answer })
      // Its own record is the one that applies; above it, a record that names its place ends the walk. Behind trouble nothing is sure.
      if (answer.kind === 'unknown') break
      if (answer.kind === 'record' && (asked.length === 1 || answer.record.publicSuffix !== 'u')) break
    }
    return factsOf(domain, asked)
  })
}

/** The domain, and then its ancestors; a long name goes on with its last seven labels. */
function treeWalk(domain: DomainName): readonly DomainName[] {
  const labels = labelsOf(domain)
  if (labels.length === 0) return []
  const first = labels.length >= MAX_WALK ? labels.length - MAX_WALK + 1 : 1
  return [domain, ...labels.slice(first).map((_, index) => nameFromLabels(labels.slice(first + index)))]
}

async function askDmarc(domain: DomainName, ask: Ask): Promise<DmarcAnswer> {
  // A name that leaves no room for `_dmarc.` can have no record.
  if (domain.length > MAX_DOMAIN_LENGTH) return { kind: 'absent' }
  const answer = await askTexts(ask, childName('_dmarc', domain))
  if (answer.kind !== 'texts') return answer.kind === 'absent' ? { kind: 'absent' } : answer
  const records = answer.texts.filter(isDmarcRecord)
  const [text] = records
  if (text === undefined) return { kind: 'absent' }
  return records.length > 1 ? { kind: 'multiple', count: records.length } : { kind: 'record', record: parseDmarc(text) }
}

const MAX_DOMAIN_LENGTH = 253 - '_dmarc.'.length

function factsOf(domain: DomainName, asked: DmarcFacts['asked']): DmarcFacts {
  const found = applicable(asked)
  const record = found?.record ?? null
  const isOwn = found !== undefined && sameName(found.source, domain)
  const policy = record && (isOwn ? record.policy : (record.subdomainPolicy ?? record.policy))
  const source = found?.source ?? null
  return { kind: 'dmarc', domain, asked, source, record, policy, organisationalDomain: organisationalDomain(domain) ?? null }
}

/**
 * §4.10.1, §4.10.2: the domain's own record, else the one of the organisational domain, which is the highest record found unless
 * `psd` says otherwise. A place that could not be asked may hold the one that counts: then nothing is said to apply.
 */
function applicable(asked: DmarcFacts['asked']): { source: DomainName; record: DmarcRecord } | undefined {
  const own = asked[0]
  if (own?.answer.kind === 'record') return { source: own.domain, record: own.answer.record }
  if (asked.some(({ answer }) => answer.kind === 'unknown')) return undefined
  const highest = asked.findLast(({ answer }) => answer.kind === 'record')
  if (highest?.answer.kind !== 'record') return undefined
  const index = asked.indexOf(highest)
  // One label below a public suffix is the organisational domain; only without a record there does the suffix's own apply.
  const below = highest.answer.record.publicSuffix === 'y' ? asked[index - 1] : undefined
  if (below?.answer.kind === 'record') return { source: below.domain, record: below.answer.record }
  return { source: highest.domain, record: highest.answer.record }
}

/** `v` comes first, and its value is written in capitals. */
export function isDmarcRecord(text: string): boolean {
  return /^[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text)
}

export function parseDmarc(text: string): DmarcRecord {
  const { tags, faults: syntaxFaults } = parseTagList(text)
  const faults = [...syntaxFaults]
  const fail = (tag: Tag, problem: TagProblem = 'badValue', offset = 0): void => {
    faults.push({ position: tag.valuePosition + offset, problem, tag: tag.name })
  }
  const choose = <Value>(name: string, values: Readonly<Record<string, Value>>): Value | null => {
    const tag = findTag(tags, name)
    if (tag === undefined) return null
    const value = Object.entries(values).find(([key]) => key === tag.value.toLowerCase())
    if (value === undefined) fail(tag)
    return value?.[1] ?? null
  }
  const uris = (name: string): readonly string[] => readUris(findTag(tags, name), fail)
  const aggregateReports = uris('rua')
  const written = choose('p', POLICIES)
  if (findTag(tags, 'p') === undefined) faults.push({ position: text.length + 1, problem: 'missingTag', tag: 'p' })
  const percentTag = findTag(tags, 'pct')
  return {
    text,
    // §4.7: without a readable policy, a record that asks for reports counts as `none`.
    policy: written ?? (aggregateReports.length > 0 ? 'none' : null),
    subdomainPolicy: choose('sp', POLICIES),
    nonexistentPolicy: choose('np', POLICIES),
    dkimAlignment: choose('adkim', ALIGNMENTS) ?? 'relaxed',
    spfAlignment: choose('aspf', ALIGNMENTS) ?? 'relaxed',
    percent: readPercent(percentTag, fail),
    aggregateReports,
    failureReports: uris('ruf'),
    failureOptions: readFailureOptions(findTag(tags, 'fo'), fail),
    testMode: choose('t', { y: true, n: false }) ?? false,
    publicSuffix: choose('psd', { y: 'y', n: 'n', u: 'u' } as const) ?? 'u',
    unknownTags: tags.flatMap((tag) => (KNOWN_TAGS.has(tag.name.toLowerCase()) ? [] : [tag.name])).slice(0, MAX_LISTED),
    faults: faults.sort((left, right) => left.position - right.position),
  }
}

const POLICIES = { none: 'none', quarantine: 'quarantine', reject: 'reject' } as const
const ALIGNMENTS = { r: 'relaxed', s: 'strict' } as const
/** `rf` and `ri` of RFC 7489 mean nothing any more, and are no mistake. */
const KNOWN_TAGS = new Set(['v', 'p', 'sp', 'np', 'adkim', 'aspf', 'pct', 'rua', 'ruf', 'fo', 't', 'psd', 'rf', 'ri'])
const MAX_LISTED = 20

type Fail = (tag: Tag, problem?: TagProblem, offset?: number) => void

function readPercent(tag: Tag | undefined, fail: Fail): number | null {
  if (tag === undefined) return null
  if (/^[0-9]{1,3}$/.test(tag.value) && Number(tag.value) <= 100) return Number(tag.value)
  fail(tag)
  return null
}

function readFailureOptions(tag: Tag | undefined, fail: Fail): readonly string[] {
  if (tag === undefined) return ['0']
  const options = tag.value.split(':').map((option) => option.trim().toLowerCase())
  const known = options.filter((option) => /^[01ds]$/.test(option))
  if (known.length < options.length) fail(tag)
  return known.length > 0 ? [...new Set(known)] : ['0']
}

/** RFC 3986 URIs between commas; commas and exclamation marks within one are percent-encoded, `!10m` at its end is an old size limit. */
function readUris(tag: Tag | undefined, fail: Fail): readonly string[] {
  if (tag === undefined) return []
  const uris: string[] = []
  let offset = 0
  for (const piece of tag.value.split(',')) {
    const uri = piece.trim()
    if (REPORT_URI.test(uri)) uris.push(uri)
    else fail(tag, 'badValue', offset + (piece.length - piece.trimStart().length))
    offset += piece.length + 1
    if (uris.length >= MAX_LISTED) break
  }
  return uris
}

const REPORT_URI = /^(?:mailto:[^\s@,!;]+@[^\s@,!;]+(?:![0-9]+[kmgt]?)?|https?:\/\/[^\s,!;]+(?:![0-9]+[kmgt]?)?)$/i
