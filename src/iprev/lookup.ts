/**
 * iprev (RFC 8601 §2.7.3, §3): asks for the PTR names of an address, asks for the addresses of those names, and compares.
 * Bounded by names, CNAMEs, queries and one deadline over all; the verdict depends on neither the order nor the pace of answers.
 */
import { compareAddresses, reverseName, sameAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { isHostName, type DomainName } from '../core/domain-name.ts'
import type { StartTimer } from '../core/timer.ts'
import type { Alias, DnsFailure, DnsOutcome, Resolver } from '../dns/resolver.ts'
import {
  DEFAULT_IPREV_SETTINGS,
  type IprevFacts,
  type IprevReason,
  type IprevResult,
  type IprevSettings,
  type PtrName,
  type PtrNameOutcome,
} from './facts.ts'
import { Limits, type Expiry } from './limits.ts'
import { distinctNames } from './ptr-names.ts'
import { isAuthenticated, verdictOf } from './verdict.ts'

export interface IprevOptions {
  readonly resolver: Resolver
  readonly settings?: Partial<IprevSettings> | undefined
  readonly signal?: AbortSignal | undefined
  readonly startTimer?: StartTimer | undefined
}

export function lookupIprev(address: IpAddress, options: IprevOptions): Promise<IprevFacts> {
  return new Promise((resolve, reject) => {
    new Lookup(unmapAddress(address), options, resolve, reject).start()
  })
}

/**
 * One lookup under way. Written without promises of its own: it runs for every connecting client, and the deadline only has to
 * look at what has been answered so far.
 */
class Lookup {
  readonly address: IpAddress
  readonly reverse: DomainName
  readonly settings: IprevSettings
  readonly limits: Limits
  readonly #options: IprevOptions
  readonly #resolve: (facts: IprevFacts) => void
  readonly #reject: (error: unknown) => void
  #answer: (DnsOutcome & { readonly kind: 'records' }) | null = null
  #ptrNameCount = 0
  #kept: readonly DomainName[] = []
  /** By the index of the name; a hole where the answer is still to come. */
  readonly #answered: (PtrName | undefined)[] = []
  #missing = 0
  #isSettled = false

  constructor(address: IpAddress, options: IprevOptions, resolve: (facts: IprevFacts) => void, reject: (error: unknown) => void) {
    this.address = address
    this.reverse = reverseName(address)
    this.settings = options.settings ? { ...DEFAULT_IPREV_SETTINGS, ...options.settings } : DEFAULT_IPREV_SETTINGS
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.limits = new Limits(this.settings, this.#onExpiry, options)
  }

  start(): void {
    if (this.#options.signal?.aborted === true) return this.#onExpiry('aborted')
    try {
      this.#ask(this.reverse, 'PTR').then(this.#onReverse, this.#fail)
    } catch (error) {
      this.#fail(error)
    }
  }

  #ask(name: DomainName, type: 'PTR' | 'A' | 'AAAA'): Promise<DnsOutcome> {
    return this.#options.resolver.resolve({ name, type }, this.limits)
  }

  /** Called by a promise whose own result nobody sees: what it throws must reach the caller. */
  readonly #onReverse = (outcome: DnsOutcome): void => {
    if (this.#isSettled) return
    try {
      this.#takeReverse(outcome)
    } catch (error) {
      this.#fail(error)
    }
  }

  #takeReverse(outcome: DnsOutcome): void {
    if (outcome.kind === 'alias') return this.#fail(notFollowed())
    if (outcome.kind !== 'records') return this.#settle(withoutRecords(this, outcome))
    const distinct = distinctNames(outcome.records)
    if (distinct.length === 0) return this.#settle(withoutNames(this, 'temperror', 'reverseMalformed'))
    this.#answer = outcome
    this.#ptrNameCount = distinct.length
    this.#kept = distinct.length > this.settings.maxPtrNames ? distinct.slice(0, this.settings.maxPtrNames) : distinct
    this.#missing = this.#kept.length
    for (const [index, name] of this.#kept.entries()) this.#askName(index, name)
  }

  #askName(index: number, name: DomainName): void {
    if (!isHostName(name)) return this.#onName(index, withoutAddresses(name, 'notHostName'))
    if (!name.includes('.')) return this.#onName(index, withoutAddresses(name, 'singleLabel'))
    this.#ask(name, this.address.family === 4 ? 'A' : 'AAAA').then((outcome) => {
      if (this.#isSettled) return
      try {
        if (outcome.kind === 'alias') this.#fail(notFollowed())
        else this.#onName(index, ptrNameOf(this, name, outcome))
      } catch (error) {
        this.#fail(error)
      }
    }, this.#fail)
  }

  /** Waits for every name even after one has confirmed, or the quickest would be chosen; only the deadline cuts that short. */
  #onName(index: number, ptrName: PtrName): void {
    this.#answered[index] = ptrName
    this.#missing--
    if (this.#missing === 0) this.#conclude('deadline')
  }

  readonly #onExpiry = (cause: Expiry): void => {
    if (this.#isSettled) return
    if (this.#answer === null) this.#settle(withoutNames(this, 'temperror', cause))
    else this.#conclude(cause)
  }

  /** `unanswered`: what became of the names that are still missing. */
  #conclude(unanswered: Expiry): void {
    const answer = this.#answer
    if (answer === null) return
    const names = this.#kept.map((name, index) => this.#answered[index] ?? withoutAddresses(name, unanswered))
    const { result, reason } = verdictOf(names)
    this.#settle({
      kind: 'iprev',
      address: this.address,
      reverseName: this.reverse,
      result,
      reason,
      aliases: answer.aliases,
      ptrTtl: answer.ttl,
      names,
      ptrNameCount: this.#ptrNameCount,
      truncated: this.#ptrNameCount > names.length,
      authenticated: this.settings.trustAuthenticated && answer.authenticated && isAuthenticated(result, names),
      queries: this.limits.queries,
    })
  }

  #settle(facts: IprevFacts): void {
    this.#isSettled = true
    this.limits.stop()
    this.#resolve(facts)
  }

  readonly #fail = (error: unknown): void => {
    this.#isSettled = true
    this.limits.stop()
    this.#reject(error)
  }
}

/** The PTR question gave no names: there are none, or it could not be told. */
function withoutRecords(lookup: Lookup, outcome: Exclude<DnsOutcome, { kind: 'records' | 'alias' }>): IprevFacts {
  switch (outcome.kind) {
    case 'nxdomain':
    case 'nodata': {
      const atOnce = outcome.kind === 'nxdomain' ? 'noReverseName' : 'noPtrRecord'
      return withoutNames(lookup, 'permerror', outcome.aliases.length > 0 ? 'aliasDangling' : atOnce, outcome)
    }
    case 'aliasLoop':
    case 'aliasTooDeep':
      return withoutNames(lookup, 'permerror', outcome.kind, { aliases: outcome.aliases, ttl: null, authenticated: false })
    default:
      return withoutNames(lookup, 'temperror', REVERSE_REASONS[outcome.kind])
  }
}

const REVERSE_REASONS: Readonly<Record<DnsFailure['kind'], IprevReason>> = {
  servfail: 'reverseServfail',
  refused: 'reverseRefused',
  timeout: 'reverseTimeout',
  malformed: 'reverseMalformed',
  aborted: 'aborted',
  overBudget: 'queryCap',
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
    queries: limits.queries,
  }
}

function ptrNameOf(lookup: Lookup, name: DomainName, outcome: Exclude<DnsOutcome, { kind: 'alias' }>): PtrName {
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
    case 'overBudget':
      return withoutAddresses(name, 'queryCap')
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

function notFollowed(): TypeError {
  return new TypeError('the resolver must follow CNAMEs: wrap it in followAliases, or use createResolver')
}
