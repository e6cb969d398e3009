/**
 * Who runs the reverse zone of an address: the zone cut above its in-addr.arpa or ip6.arpa name, found by asking for SOA, with
 * its nameservers. Where the reverse name is a CNAME (RFC 2317), also the zone that it leads to, since the PTR belongs there.
 * Bounded in questions; what could not be told is never "not delegated".
 */
import { reverseName, unmapAddress, type IpAddress } from '../core/address.ts'
import { canonicalName, compareNames, isWithin, labelsOf, name, parentName, sameName, type DomainName } from '../core/domain-name.ts'
import type { DnsOutcome, Question, Resolver } from '../dns/resolver.ts'

export interface ReverseZone {
  readonly name: DomainName
  /** SOA MNAME and RNAME, as published. */
  readonly primary: DomainName
  readonly mailbox: DomainName
  /** In canonical order; null where they could not be told. */
  readonly nameservers: readonly DomainName[] | null
}

type ReverseZoneCause = 'servfail' | 'refused' | 'timeout' | 'malformed' | 'aborted' | 'queryCap'

export type ZoneSearch =
  | { readonly kind: 'zone'; readonly zone: ReverseZone }
  /** Every name up to the top answered, and none is a zone of its own: nobody was given this block. */
  | { readonly kind: 'notDelegated' }
  /** `at` did not answer. The true zone may be there; `enclosing` is the closest one above it that answered. */
  | { readonly kind: 'unknown'; readonly cause: ReverseZoneCause; readonly at: DomainName; readonly enclosing: ReverseZone | null }

export interface ReverseZoneFacts {
  readonly kind: 'reverseZone'
  readonly reverseName: DomainName
  readonly reverse: ZoneSearch
  /** Where the CNAME of the reverse name leads to. */
  readonly delegated: { readonly target: DomainName; readonly search: ZoneSearch } | null
  readonly queries: number
}

export interface ReverseZoneOptions {
  readonly resolver: Resolver
  readonly signal?: AbortSignal | undefined
  readonly maxQueries?: number | undefined
}

/** Enough for all 32 labels of an IPv6 address and the nameservers; most addresses need 5 (IPv4) or 11. */
const DEFAULT_MAX_REVERSE_ZONE_QUERIES = 48

export async function findReverseZone(address: IpAddress, options: ReverseZoneOptions): Promise<ReverseZoneFacts> {
  const asker = createAsker(options)
  const reverse = reverseName(unmapAddress(address))
  const leaf = await asker.ask({ name: reverse, type: 'SOA' })
  const target = aliasTarget(leaf)
  const [search, delegatedSearch] = await Promise.all([
    searchZone(ancestorsOf(reverse), asker),
    target === undefined ? null : searchZone(ancestorsOf(target), asker),
  ])
  const delegated = target === undefined || !delegatedSearch ? null : { target, search: delegatedSearch }
  return { kind: 'reverseZone', reverseName: reverse, reverse: search, delegated, queries: asker.queries() }
}

/** The zone that a name is in, whatever its tree. */
export function findZone(start: DomainName, options: ReverseZoneOptions): Promise<ZoneSearch> {
  return searchZone(ancestorsOf(start), createAsker(options))
}

/** The last name of the chain; undefined without one, or where it leads nowhere at all. */
function aliasTarget(outcome: DnsOutcome): DomainName | undefined {
  switch (outcome.kind) {
    case 'records':
    case 'nodata':
    case 'nxdomain':
      return outcome.aliases.at(-1)?.target
    case 'alias':
      return outcome.target
    default:
      return undefined
  }
}

/** No zone cut is looked for at these or above: they are the registries', not a provider's. */
const TOPS: readonly DomainName[] = [name('in-addr.arpa'), name('ip6.arpa')]

/** The name itself and its ancestors, longest first, down to below the top of its tree. */
function ancestorsOf(start: DomainName): readonly DomainName[] {
  const topLabels = TOPS.some((top) => isWithin(start, top)) ? 2 : 1
  const names: DomainName[] = []
  let current: DomainName | undefined = start
  for (let labels = labelsOf(start).length; labels > topLabels && current; labels--) {
    names.push(current)
    current = parentName(current)
  }
  return names
}

interface Asker {
  /** Each question is sent once, however often it is asked. */
  ask(question: Question): Promise<DnsOutcome>
  queries(): number
}

function createAsker({ resolver, signal, maxQueries = DEFAULT_MAX_REVERSE_ZONE_QUERIES }: ReverseZoneOptions): Asker {
  const outcomes = new Map<string, Promise<DnsOutcome>>()
  let queries = 0
  const takeQuery = (): boolean => queries < maxQueries && ++queries > 0
  return {
    ask(question) {
      const key = `${question.type} ${canonicalName(question.name)}`
      const outcome = outcomes.get(key) ?? resolver.resolve(question, { signal, takeQuery })
      outcomes.set(key, outcome)
      return outcome
    },
    queries: () => queries,
  }
}

/**
 * The longest ancestor with an SOA of its own. Asked in waves, the usual zone cuts first; NXDOMAIN rules out everything below
 * (RFC 8020) and a found zone everything above, so few of an IPv6 address's 32 names are ever asked for.
 */
async function searchZone(ancestors: readonly DomainName[], asker: Asker): Promise<ZoneSearch> {
  const candidates = inOrderOfAsking(ancestors.map((ancestor) => ({ name: ancestor, length: labelsOf(ancestor).length })))
  const answers: Answer[] = []
  for (;;) {
    const isOpen = openLengths(answers)
    const asked = new Set(answers.map(({ candidate }) => candidate))
    const wave = candidates.filter((candidate) => isOpen(candidate.length) && !asked.has(candidate)).slice(0, WAVE)
    if (wave.length === 0) return concludeSearch(answers, asker)
    const outcomes = wave.map(async (candidate) => ({ candidate, outcome: await asker.ask({ name: candidate.name, type: 'SOA' }) }))
    answers.push(...(await Promise.all(outcomes)))
  }
}

const WAVE = 6

interface Candidate {
  readonly name: DomainName
  /** In labels. */
  readonly length: number
}

interface Answer {
  readonly candidate: Candidate
  readonly outcome: DnsOutcome
}

/** IPv6 blocks are mostly cut at these lengths, in labels with ip6.arpa. */
const USUAL_IPV6_CUTS: readonly number[] = [64, 48, 32, 56, 40].map((bits) => bits / 4 + 2)
const IPV6_LABELS = 34

function inOrderOfAsking(longestFirst: readonly Candidate[]): readonly Candidate[] {
  const leaf = longestFirst[0]
  if (leaf?.length !== IPV6_LABELS) return longestFirst
  const usual = longestFirst.filter(({ length }) => USUAL_IPV6_CUTS.includes(length))
  const others = longestFirst.filter((candidate) => candidate !== leaf && !usual.includes(candidate))
  return [leaf, ...usual, ...others.toReversed()]
}

/** Whether the zone cut may still be at a name of this length, after these answers. */
function openLengths(answers: readonly Answer[]): (length: number) => boolean {
  const zoneLength = Math.max(0, ...answers.filter(isApex).map(({ candidate }) => candidate.length))
  const absentFrom = Math.min(...answers.filter(isAbsent).map(({ candidate }) => candidate.length))
  return (length) => length > zoneLength && length < absentFrom
}

function isApex({ outcome }: Answer): boolean {
  return outcome.kind === 'records' && outcome.aliases.length === 0
}

/** An NXDOMAIN behind a CNAME speaks of another name. */
function isAbsent({ outcome }: Answer): boolean {
  return outcome.kind === 'nxdomain' && outcome.aliases.length === 0
}

async function concludeSearch(answers: readonly Answer[], asker: Asker): Promise<ZoneSearch> {
  const shortestFirst = answers.toSorted((left, right) => left.candidate.length - right.candidate.length)
  const apex = shortestFirst.findLast(isApex)
  const zone = apex ? await readZone(apex, asker) : null
  const isOpen = openLengths(answers)
  // The shortest name without an answer is the zone that is ill; those below it fail only with it.
  for (const { candidate, outcome } of shortestFirst) {
    const cause = causeOf(outcome)
    if (cause && isOpen(candidate.length)) return { kind: 'unknown', cause, at: candidate.name, enclosing: zone }
  }
  return zone ? { kind: 'zone', zone } : { kind: 'notDelegated' }
}

async function readZone({ candidate: { name: zoneName }, outcome }: Answer, asker: Asker): Promise<ReverseZone | null> {
  const soa = outcome.kind === 'records' ? outcome.records.find((record) => record.type === 'SOA') : undefined
  if (!soa) return null
  const answer = await asker.ask({ name: zoneName, type: 'NS' })
  const targets = answer.kind === 'records' ? answer.records.flatMap((record) => (record.type === 'NS' ? [record.target] : [])) : null
  return { name: zoneName, primary: soa.primary, mailbox: soa.mailbox, nameservers: targets && distinctNames(targets) }
}

/** RFC 1034 wants two; the largest zones have thirteen. */
const MAX_NAMESERVERS = 16

function distinctNames(names: readonly DomainName[]): readonly DomainName[] {
  const sorted = names.toSorted(compareNames)
  return sorted.filter((entry, index) => index === 0 || !sameName(entry, sorted[index - 1] ?? entry)).slice(0, MAX_NAMESERVERS)
}

function causeOf(outcome: DnsOutcome): ReverseZoneCause | undefined {
  switch (outcome.kind) {
    case 'servfail':
    case 'refused':
    case 'timeout':
    case 'malformed':
    case 'aborted':
      return outcome.kind
    case 'overBudget':
      return 'queryCap'
    default:
      return undefined
  }
}
