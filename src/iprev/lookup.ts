/**
 * iprev (RFC 8601 §2.7.3, §3): asks for the PTR names of an address, asks for the addresses of those names, and compares.
 * Bounded by names, CNAMEs, queries and one deadline over all; the verdict depends on neither the order nor the pace of answers.
 */
import { compareAddresses, reverseName, sameAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { canonicalName, isHostName, labelsOf, type DomainName } from '../core/domain-name.ts'
import type { Alias, DnsFailure, DnsOutcome, Resolver, ResourceRecord } from '../dns/resolver.ts'
import {
  DEFAULT_IPREV_SETTINGS,
  type IprevFacts,
  type IprevReason,
  type IprevResult,
  type IprevSettings,
  type PtrName,
  type PtrNameOutcome,
} from './facts.ts'
import { startLimits, type Limits, type StartTimer } from './limits.ts'

export interface IprevOptions {
  readonly resolver: Resolver
  readonly settings?: Partial<IprevSettings> | undefined
  readonly signal?: AbortSignal | undefined
  readonly startTimer?: StartTimer | undefined
}

export async function lookupIprev(address: IpAddress, options: IprevOptions): Promise<IprevFacts> {
  const settings = { ...DEFAULT_IPREV_SETTINGS, ...options.settings }
  const limits = startLimits(settings, options.signal, options.startTimer)
  try {
    const unmapped = unmapAddress(address)
    const { resolver, signal } = options
    return await lookupWithin({ address: unmapped, reverse: reverseName(unmapped), resolver, settings, limits, signal })
  } finally {
    limits.stop()
  }
}

async function lookupWithin(lookup: Lookup): Promise<IprevFacts> {
  const { address, reverse, settings, limits } = lookup
  const outcome = await limits.race(ask(lookup, reverse, 'PTR'))
  if (outcome === 'deadline' || outcome === 'aborted') return withoutNames(lookup, 'temperror', outcome)
  if (outcome.kind !== 'records') return withoutRecords(lookup, outcome)

  const distinct = distinctNames(outcome.records)
  if (distinct.length === 0) return withoutNames(lookup, 'temperror', 'reverseMalformed')
  const names = await askForward(lookup, distinct.slice(0, settings.maxPtrNames))
  const { result, reason } = judge(names)
  return {
    kind: 'iprev',
    address,
    reverseName: reverse,
    result,
    reason,
    aliases: outcome.aliases,
    ptrTtl: outcome.ttl,
    names,
    ptrNameCount: distinct.length,
    truncated: distinct.length > names.length,
    authenticated: settings.trustAuthenticated && outcome.authenticated && isAuthenticated(result, names),
    queries: limits.queries(),
  }
}

interface Lookup {
  readonly address: IpAddress
  readonly reverse: DomainName
  readonly resolver: Resolver
  readonly settings: IprevSettings
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
}

function ask({ resolver, settings, limits, signal }: Lookup, name: DomainName, type: 'PTR' | 'A' | 'AAAA'): Promise<DnsOutcome> {
  return resolver.resolve({ name, type }, { signal, maxAliases: settings.maxAliases, takeQuery: limits.takeQuery })
}

/** The PTR question gave no names: there are none, or it could not be told. */
function withoutRecords(lookup: Lookup, outcome: Exclude<DnsOutcome, { kind: 'records' }>): IprevFacts {
  switch (outcome.kind) {
    case 'nxdomain':
    case 'nodata': {
      const atOnce = outcome.kind === 'nxdomain' ? 'noReverseName' : 'noPtrRecord'
      return withoutNames(lookup, 'permerror', outcome.aliases.length > 0 ? 'aliasDangling' : atOnce, outcome)
    }
    case 'aliasLoop':
    case 'aliasTooDeep':
      return withoutNames(lookup, 'permerror', outcome.kind, { aliases: outcome.aliases, ttl: null, authenticated: false })
    case 'alias':
      throw notFollowed()
    case 'overBudget':
      return withoutNames(lookup, 'temperror', lookup.limits.expiry() ?? 'queryCap')
    default:
      return withoutNames(lookup, 'temperror', REVERSE_REASONS[outcome.kind])
  }
}

const REVERSE_REASONS: Readonly<Record<Exclude<DnsFailure['kind'], 'overBudget'>, IprevReason>> = {
  servfail: 'reverseServfail',
  refused: 'reverseRefused',
  timeout: 'reverseTimeout',
  malformed: 'reverseMalformed',
  aborted: 'aborted',
}

interface ReverseAnswer {
  readonly aliases: readonly Alias[]
  readonly ttl: number | null
  readonly authenticated: boolean
}

const NO_ANSWER: ReverseAnswer = { aliases: [], ttl: null, authenticated: false }

function withoutNames(
  { address, reverse, settings, limits }: Lookup,
  result: IprevResult,
  reason: IprevReason,
  { aliases, ttl, authenticated }: ReverseAnswer = NO_ANSWER,
): IprevFacts {
  return {
    kind: 'iprev',
    address,
    reverseName: reverse,
    result,
    reason,
    aliases,
    ptrTtl: ttl,
    names: [],
    ptrNameCount: 0,
    truncated: false,
    authenticated: settings.trustAuthenticated && authenticated,
    queries: limits.queries(),
  }
}

/** In canonical order, and in one spelling: neither rotation nor case may change which names are kept and which is chosen. */
function distinctNames(records: readonly ResourceRecord[]): readonly DomainName[] {
  const names = new Set<DomainName>()
  for (const record of records) if (record.type === 'PTR') names.add(canonicalName(record.target))
  if (names.size < 2) return [...names]
  // There may be thousands: the labels of each are taken apart once, not at every comparison.
  return [...names]
    .map((name) => ({ name, key: orderKey(name) }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
    .map(({ name }) => name)
}

/** Compares as RFC 4034 §6.1 has it: labels from the right, octet by octet, and a missing label before any other. */
function orderKey(name: DomainName): string {
  let key = ''
  const labels = labelsOf(name)
  for (let index = labels.length - 1; index >= 0; index--) {
    const label = labels[index] ?? ''
    for (let at = 0; at < label.length; at++) key += String.fromCharCode(label.charCodeAt(at) + 1)
    key += '\0'
  }
  return key
}

/** Waits for every name even after one has confirmed, or the quickest would be chosen; only the deadline cuts that short. */
async function askForward(lookup: Lookup, names: readonly DomainName[]): Promise<readonly PtrName[]> {
  const answered = new Map<DomainName, PtrName>()
  const work = names.map(async (name) => answered.set(name, await askName(lookup, name)))
  await lookup.limits.race(Promise.all(work))
  return names.map((name) => answered.get(name) ?? withoutAddresses(name, lookup.limits.expiry() ?? 'deadline'))
}

async function askName(lookup: Lookup, name: DomainName): Promise<PtrName> {
  if (!isHostName(name)) return withoutAddresses(name, 'notHostName')
  if (!name.includes('.')) return withoutAddresses(name, 'singleLabel')
  const outcome = await ask(lookup, name, lookup.address.family === 4 ? 'A' : 'AAAA')
  switch (outcome.kind) {
    case 'records':
      return withAddresses(lookup, name, outcome)
    case 'nxdomain':
    case 'nodata': {
      const { kind, aliases, ttl, authenticated } = outcome
      return { name, outcome: kind, addresses: [], aliases, ttl, authenticated }
    }
    case 'aliasLoop':
    case 'aliasTooDeep':
      return { ...withoutAddresses(name, outcome.kind), aliases: outcome.aliases }
    case 'alias':
      throw notFollowed()
    case 'overBudget':
      return withoutAddresses(name, lookup.limits.expiry() ?? 'queryCap')
    default:
      return withoutAddresses(name, outcome.kind)
  }
}

function withAddresses({ address, settings }: Lookup, name: DomainName, answer: DnsOutcome & { kind: 'records' }): PtrName {
  const all: IpAddress[] = []
  for (const record of answer.records) if (record.type === 'A' || record.type === 'AAAA') all.push(record.address)
  const isConfirmed = all.some((candidate) => sameAddress(candidate, address))
  const { aliases, ttl, authenticated } = answer
  const addresses = all.length > 1 ? leastAddresses(all, settings.maxAddresses, isConfirmed ? address : undefined) : all
  return { name, outcome: isConfirmed ? 'confirmed' : 'elsewhere', addresses, aliases, ttl, authenticated }
}

/** In canonical order and bounded, since an answer holds up to four thousand; the one that confirms is always among them. */
function leastAddresses(all: readonly IpAddress[], most: number, confirming: IpAddress | undefined): readonly IpAddress[] {
  const least = all.toSorted(compareAddresses).slice(0, most)
  if (confirming && !least.some((address) => sameAddress(address, confirming))) least[least.length - 1] = confirming
  return least
}

function withoutAddresses(name: DomainName, outcome: PtrNameOutcome): PtrName {
  return { name, outcome, addresses: [], aliases: [], ttl: null, authenticated: false }
}

/** What the names come to together. Any pass wins, then any doubt. */
function judge(names: readonly PtrName[]): { readonly result: IprevResult; readonly reason: IprevReason } {
  const reasons = names.map((candidate) => REASONS[candidate.outcome])
  if (reasons.includes('confirmed')) return { result: 'pass', reason: 'confirmed' }
  const unknown = reasons.find((reason) => !FAIL_REASONS.includes(reason))
  if (unknown) return { result: 'temperror', reason: unknown }
  return { result: 'fail', reason: FAIL_REASONS.find((reason) => reasons.includes(reason)) ?? 'noUsableName' }
}

const REASONS: Readonly<Record<PtrNameOutcome, IprevReason>> = {
  confirmed: 'confirmed',
  elsewhere: 'elsewhere',
  nodata: 'nameWithoutAddress',
  aliasLoop: 'nameWithoutAddress',
  aliasTooDeep: 'nameWithoutAddress',
  nxdomain: 'nameNotFound',
  notHostName: 'noUsableName',
  singleLabel: 'noUsableName',
  servfail: 'forwardServfail',
  refused: 'forwardRefused',
  timeout: 'forwardTimeout',
  malformed: 'forwardMalformed',
  deadline: 'deadline',
  queryCap: 'queryCap',
  aborted: 'aborted',
}

/** The nearest miss first. */
const FAIL_REASONS: readonly IprevReason[] = ['elsewhere', 'nameWithoutAddress', 'nameNotFound', 'noUsableName']

/** Every answer that the result rests on was authenticated. */
function isAuthenticated(result: IprevResult, names: readonly PtrName[]): boolean {
  if (result === 'temperror') return false
  return names.every(
    (candidate) => candidate.authenticated || (result === 'pass' ? candidate.outcome !== 'confirmed' : !wasAsked(candidate)),
  )
}

function wasAsked({ outcome }: PtrName): boolean {
  return outcome !== 'notHostName' && outcome !== 'singleLabel'
}

function notFollowed(): TypeError {
  return new TypeError('the resolver must follow CNAMEs: wrap it in followAliases, or use createResolver')
}
