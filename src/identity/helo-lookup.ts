/**
 * What the DNS says of the name that a client claims in HELO: A for an IPv4 peer, AAAA for IPv6, the other family only where
 * that gave nothing. Bounded in time, questions (two chains) and addresses kept. Facts only: helo-findings.ts judges them.
 */
import { compareAddresses, sameAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { sameName, type DomainName } from '../core/domain-name.ts'
import { startNodeTimer, type StartTimer } from '../core/timer.ts'
import type { DnsFailure, DnsOutcome, ResolveOptions, Resolver } from '../dns/resolver.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { HeloFacts, HeloForm, HeloResolution } from './facts.ts'
import { parseHelo, scopeOfHeloName } from './helo-form.ts'

export interface HeloLookupOptions {
  /** One that follows CNAMEs. */
  readonly resolver: Resolver
  readonly signal?: AbortSignal | undefined
  /** Over all questions together. */
  readonly deadlineMs: number
  readonly startTimer?: StartTimer | undefined
}

export async function lookupHelo(claimedName: string, peer: IpAddress, options: HeloLookupOptions): Promise<HeloFacts> {
  const form = parseHelo(claimedName)
  const resolution = isAskable(form) ? await resolveInTime(form.name, unmapAddress(peer), options) : NOT_ASKED
  return { kind: 'helo', claimedName, form, resolution }
}

/**
 * The same without asking, where the client calls itself by the PTR name that has just been confirmed: its addresses are known.
 * Undefined for any other name.
 */
export function heloOfConfirmed(claimedName: string, { names }: Pick<IprevFacts, 'names'>): HeloFacts | undefined {
  const form = parseHelo(claimedName)
  if (!isAskable(form)) return undefined
  const confirmed = names.find(({ name, outcome }) => outcome === 'confirmed' && sameName(name, form.name))
  if (confirmed === undefined || confirmed.ttl === null) return undefined
  const { addresses, aliases, ttl } = confirmed
  return { kind: 'helo', claimedName, form, resolution: { kind: 'addresses', addresses, aliases, ttl } }
}

/** A pool of 64 mail servers behind one HELO name is already a large one; an answer can hold thousands. */
export const MAX_HELO_ADDRESSES = 64

const NOT_ASKED: HeloResolution = { kind: 'notAsked' }

function isAskable(form: HeloForm): form is Extract<HeloForm, { kind: 'name' }> {
  return form.kind === 'name' && scopeOfHeloName(form.name) === 'qualified'
}

function resolveInTime(name: DomainName, peer: IpAddress, options: HeloLookupOptions): Promise<HeloResolution> {
  const { resolver, signal, deadlineMs, startTimer = startNodeTimer } = options
  if (signal?.aborted === true) return Promise.resolve({ kind: 'unknown', outcome: 'aborted' })
  return new Promise((resolve, reject) => {
    let isOver = false
    const stop = (): void => {
      isOver = true
      cancelTimer()
      signal?.removeEventListener('abort', onAbort)
    }
    const settle = (resolution: HeloResolution): void => {
      stop()
      resolve(resolution)
    }
    const onAbort = (): void => {
      settle({ kind: 'unknown', outcome: 'aborted' })
    }
    const cancelTimer = startTimer(deadlineMs, () => {
      settle({ kind: 'unknown', outcome: 'deadline' })
    })
    signal?.addEventListener('abort', onAbort)
    // A question that is on its way at the deadline is not called back: its answer still reaches the cache.
    resolveBothFamilies(name, peer, resolver, { signal, takeQuery: () => !isOver })
      .finally(stop)
      .then(resolve, reject)
  })
}

async function resolveBothFamilies(
  name: DomainName,
  peer: IpAddress,
  resolver: Resolver,
  options: ResolveOptions,
): Promise<HeloResolution> {
  const [type, otherType] = peer.family === 4 ? (['A', 'AAAA'] as const) : (['AAAA', 'A'] as const)
  const own = await resolver.resolve({ name, type }, options)
  const addresses = addressesOf(own, peer)
  if (own.kind === 'records' && addresses.length > 0) return { kind: 'addresses', addresses, aliases: own.aliases, ttl: own.ttl }
  if (own.kind !== 'records' && own.kind !== 'nodata') return withoutAddress(own)
  const other = await resolver.resolve({ name, type: otherType }, options)
  const otherAddresses = addressesOf(other, peer)
  return otherAddresses.length > 0 ? { kind: 'otherFamilyOnly', addresses: otherAddresses } : withoutAddress(other)
}

/** NXDOMAIN and a broken chain of CNAMEs hold for every type. */
function withoutAddress(outcome: DnsOutcome): HeloResolution {
  switch (outcome.kind) {
    case 'nxdomain':
      return { kind: 'none', nxdomain: true }
    case 'records':
    case 'nodata':
    case 'aliasLoop':
    case 'aliasTooDeep':
      return { kind: 'none', nxdomain: false }
    // Half a chain, from a resolver that does not follow CNAMEs: its end is not known.
    case 'alias':
      return { kind: 'unknown', outcome: 'malformed' }
    default:
      return { kind: 'unknown', outcome: unknownOutcome(outcome) }
  }
}

/** Distinct and in canonical order; where there are too many, the peer's own is among those kept. */
function addressesOf(outcome: DnsOutcome, peer: IpAddress): readonly IpAddress[] {
  if (outcome.kind !== 'records') return []
  const all = outcome.records.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [unmapAddress(record.address)] : []))
  const sorted = all.sort(compareAddresses).filter((address, index) => {
    const previous = all[index - 1]
    return !previous || !sameAddress(previous, address)
  })
  if (sorted.length <= MAX_HELO_ADDRESSES) return sorted
  const kept = sorted.slice(0, MAX_HELO_ADDRESSES)
  const own = sorted.find((address) => sameAddress(address, peer))
  if (!own || kept.includes(own)) return kept
  return [...kept.slice(0, -1), own].sort(compareAddresses)
}

function unknownOutcome({ kind }: DnsFailure): Extract<HeloResolution, { kind: 'unknown' }>['outcome'] {
  return kind === 'overBudget' ? 'deadline' : kind
}
