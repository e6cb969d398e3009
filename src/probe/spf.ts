/**
 * SPF (RFC 7208 §4): may this address send for this domain? Every limit of §4.6.4 counted exactly, and the way to the answer
 * kept: which term decided, through which includes. Explanations (exp) are not fetched. It judges nothing.
 */
import { Buffer } from 'node:buffer'
import { compareAddresses, reverseName, sameAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { canonicalName, compareNames, isWithin, labelsOf, sameName, type DomainName } from '../core/domain-name.ts'
import { networkContains } from '../core/network.ts'
import { askTexts, withinLimits, type Ask, type RecordLookupOptions, type Told, type Trouble } from './record-lookup.ts'
import { expandMacros, nameOfExpansion, type MacroPart } from './spf-macro.ts'
import { isSpfRecord, parseSpf, type SpfFault, type SpfMechanism, type SpfQualifier, type SpfRecord } from './spf-record.ts'

export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror'

export type SpfReason =
  /** A term decided: pass, fail, softfail or neutral. */
  | { readonly kind: 'matched'; readonly term: string; readonly domain: DomainName }
  /** Neutral: no term matched and there is no redirect. */
  | { readonly kind: 'noMatch' }
  /** None. */
  | { readonly kind: 'noRecord'; readonly nxdomain: boolean }
  /** None: a single label, or the root. */
  | { readonly kind: 'notADomain' }
  /** Temperror. */
  | { readonly kind: 'trouble'; readonly question: string; readonly trouble: Trouble }
  /** Permerror, each of them. */
  | { readonly kind: 'syntax'; readonly domain: DomainName; readonly fault: SpfFault }
  | { readonly kind: 'multipleRecords'; readonly domain: DomainName; readonly count: number }
  | { readonly kind: 'tooManyLookups' }
  | { readonly kind: 'tooManyVoidLookups' }
  | { readonly kind: 'tooManyMx'; readonly domain: DomainName; readonly count: number }
  /** An include or a redirect leads to a domain without a record. `target` is null where it makes no name. */
  | { readonly kind: 'targetWithoutRecord'; readonly term: string; readonly target: DomainName | null }

export interface SpfFacts {
  readonly kind: 'spf'
  readonly address: IpAddress
  readonly domain: DomainName
  readonly result: SpfResult
  readonly reason: SpfReason
  /** The record of the domain itself; null where there is none, or more than one, or it could not be told. */
  readonly record: string | null
  /** The domains whose records lead to the one that decided, the first one included. */
  readonly path: readonly DomainName[]
  /** Terms that cost a DNS lookup, until it was decided; 10 are allowed. */
  readonly lookupTerms: number
  /** Of these, terms whose question found nothing; 2 are allowed. */
  readonly voidLookups: number
}

export interface SpfSubject {
  readonly address: IpAddress
  /** Of MAIL FROM, or the HELO name. */
  readonly domain: DomainName
  /** What the client says in HELO: only `%{h}` reads it. */
  readonly claimedName: string
  /** Of MAIL FROM; `postmaster` unless given (§2.4, §4.3). */
  readonly localPart?: string | undefined
}

export const MAX_LOOKUP_TERMS = 10
const MAX_VOID_LOOKUPS = 2
const MAX_EXCHANGES = 10
const MAX_PTR_NAMES = 10
/** §4.6.4 asks for at least 20 seconds. Ten terms of eleven questions each, and CNAMEs. */
const LIMITS = { deadlineMs: 20_000, maxQueries: 250 }

export function checkSpf(subject: SpfSubject, options: RecordLookupOptions): Promise<SpfFacts> {
  return withinLimits(options, LIMITS, async (ask) => {
    const evaluation = new Evaluation(subject, ask)
    const { result, reason, path } = await evaluation.check(subject.domain, [])
    return {
      kind: 'spf',
      address: evaluation.address,
      domain: subject.domain,
      result,
      reason,
      record: evaluation.record,
      path,
      lookupTerms: evaluation.lookupTerms,
      voidLookups: evaluation.voidLookups,
    }
  })
}

interface Conclusion {
  readonly result: SpfResult
  readonly reason: SpfReason
  readonly path: readonly DomainName[]
}

/** What a term says: it matches, it does not, or the check ends with it. */
type TermOutcome = boolean | Conclusion

class Evaluation {
  readonly address: IpAddress
  lookupTerms = 0
  voidLookups = 0
  record: string | null = null
  readonly #subject: SpfSubject
  readonly #ask: Ask
  #validatedNames: Promise<readonly DomainName[]> | undefined
  #isReverseVoid = false
  /** The term at hand; within an include, the inner one. It counts as void once, however many of its questions find nothing. */
  #term = { isVoid: false }

  constructor(subject: SpfSubject, ask: Ask) {
    this.#subject = subject
    this.#ask = ask
    this.address = unmapAddress(subject.address)
  }

  /** check_host() of §4; `via` are the domains that led here. */
  async check(domain: DomainName, via: readonly DomainName[]): Promise<Conclusion> {
    const path = [...via, domain]
    if (labelsOf(domain).length < 2) return { result: 'none', reason: { kind: 'notADomain' }, path }
    const answer = await askTexts(this.#ask, domain)
    if (answer.kind === 'unknown') {
      return { result: 'temperror', reason: { kind: 'trouble', question: `TXT ${domain}`, trouble: answer.trouble }, path }
    }
    const records = answer.kind === 'texts' ? answer.texts.filter(isSpfRecord) : []
    if (answer.kind === 'absent') this.#term.isVoid = true
    const [text, ...others] = records
    if (text === undefined) {
      return { result: 'none', reason: { kind: 'noRecord', nxdomain: answer.kind === 'absent' && answer.nxdomain }, path }
    }
    if (others.length > 0) {
      return { result: 'permerror', reason: { kind: 'multipleRecords', domain, count: records.length }, path }
    }
    if (via.length === 0) this.record = text
    const parsed = parseSpf(text)
    if (parsed.kind === 'fault') return { result: 'permerror', reason: { kind: 'syntax', domain, fault: parsed.fault }, path }
    return this.#evaluate(parsed.record, domain, path)
  }

  async #evaluate({ mechanisms, redirect }: SpfRecord, domain: DomainName, path: readonly DomainName[]): Promise<Conclusion> {
    for (const mechanism of mechanisms) {
      const outcome = isLookupTerm(mechanism)
        ? await this.#runLookupTerm(path, () => this.#matchByLookup(mechanism, domain, path))
        : this.#matches(mechanism)
      if (typeof outcome !== 'boolean') return outcome
      if (outcome) return { result: RESULTS[mechanism.qualifier], reason: { kind: 'matched', term: mechanism.text, domain }, path }
    }
    if (redirect === null) return { result: 'neutral', reason: { kind: 'noMatch' }, path }
    const outcome = await this.#runLookupTerm(path, async () => {
      const target = await this.#nameOf(redirect.domain, domain)
      return target === undefined ? false : this.check(target, path)
    })
    if (typeof outcome !== 'boolean' && outcome.result !== 'none') return outcome
    return { result: 'permerror', reason: withoutRecord(redirect.text, outcome), path }
  }

  /** Counts the term before it asks anything, and whether it found nothing after. */
  async #runLookupTerm(path: readonly DomainName[], run: () => Promise<TermOutcome>): Promise<TermOutcome> {
    if (this.lookupTerms >= MAX_LOOKUP_TERMS) {
      this.lookupTerms++
      return { result: 'permerror', reason: { kind: 'tooManyLookups' }, path }
    }
    this.lookupTerms++
    const outer = this.#term
    const term = { isVoid: false }
    this.#term = term
    const outcome = await run()
    this.#term = outer
    if (!term.isVoid) return outcome
    this.voidLookups++
    if (this.voidLookups <= MAX_VOID_LOOKUPS) return outcome
    return { result: 'permerror', reason: { kind: 'tooManyVoidLookups' }, path }
  }

  #matches(mechanism: AddressTerm): boolean {
    return mechanism.kind === 'all' || networkContains(mechanism.network, this.address)
  }

  async #matchByLookup(mechanism: LookupTerm, domain: DomainName, path: readonly DomainName[]): Promise<TermOutcome> {
    const target = mechanism.domain === null ? domain : await this.#nameOf(mechanism.domain, domain)
    if (mechanism.kind === 'include') return this.#include(mechanism.text, target, path)
    // §4.3 by analogy: no question can be made of such a name, so that nothing is there.
    if (target === undefined) return false
    switch (mechanism.kind) {
      case 'a':
        return this.#matchAddresses(target, mechanism, path)
      case 'mx':
        return this.#matchExchanges(target, mechanism, path)
      case 'exists': {
        const told = await this.#askForTerm(target, 'A')
        return told.kind === 'trouble' ? troubleWith('A', target, told.trouble, path) : told.kind === 'records'
      }
      case 'ptr':
        return (await this.#validate()).some((name) => isWithin(name, target))
    }
  }

  /** §5.2: only pass matches; what the other record cannot decide, this one cannot either. */
  async #include(term: string, target: DomainName | undefined, path: readonly DomainName[]): Promise<TermOutcome> {
    const outcome = target === undefined ? false : await this.check(target, path)
    if (typeof outcome === 'boolean') return { result: 'permerror', reason: withoutRecord(term, outcome), path }
    switch (outcome.result) {
      case 'pass':
        return true
      case 'fail':
      case 'softfail':
      case 'neutral':
        return false
      case 'none':
        return { result: 'permerror', reason: withoutRecord(term, outcome), path: outcome.path }
      case 'temperror':
      case 'permerror':
        return outcome
    }
  }

  async #matchAddresses(target: DomainName, lengths: PrefixLengths, path: readonly DomainName[]): Promise<TermOutcome> {
    const type = this.#addressType()
    const told = await this.#askForTerm(target, type)
    if (told.kind === 'trouble') return troubleWith(type, target, told.trouble, path)
    return addressesOf(told).some((address) => this.#isInSameNetwork(address, lengths))
  }

  async #matchExchanges(target: DomainName, lengths: PrefixLengths, path: readonly DomainName[]): Promise<TermOutcome> {
    const told = await this.#askForTerm(target, 'MX')
    if (told.kind === 'trouble') return troubleWith('MX', target, told.trouble, path)
    const records = told.kind === 'records' ? told.records.filter((record) => record.type === 'MX') : []
    if (records.length > MAX_EXCHANGES) {
      return { result: 'permerror', reason: { kind: 'tooManyMx', domain: target, count: records.length }, path }
    }
    const sorted = records.toSorted((left, right) => left.preference - right.preference || compareNames(left.exchange, right.exchange))
    for (const { exchange } of sorted) {
      // The root of a null MX (RFC 7505) is no host.
      if (labelsOf(exchange).length === 0) continue
      const outcome = await this.#matchAddresses(exchange, lengths, path)
      if (outcome !== false) return outcome
    }
    return false
  }

  #isInSameNetwork(address: IpAddress, { prefix4, prefix6 }: PrefixLengths): boolean {
    if (address.family !== this.address.family) return false
    const prefixLength = address.family === 4 ? prefix4 : prefix6
    return this.address.bytes.every((byte, index) => {
      const mask = 0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))
      return ((byte ^ (address.bytes[index] ?? 0)) & mask & 255) === 0
    })
  }

  #addressType(): 'A' | 'AAAA' {
    return this.address.family === 4 ? 'A' : 'AAAA'
  }

  async #askForTerm(name: DomainName, type: 'A' | 'AAAA' | 'MX' | 'PTR'): Promise<Told> {
    const told = await this.#ask(name, type)
    if (told.kind === 'nodata' || told.kind === 'nxdomain') this.#term.isVoid = true
    return told
  }

  async #nameOf(parts: readonly MacroPart[], domain: DomainName): Promise<DomainName | undefined> {
    const { claimedName, localPart, domain: senderDomain } = this.#subject
    const expanded = await expandMacros(parts, {
      address: this.address,
      localPart: octetsOf(localPart ?? 'postmaster'),
      senderDomain: plainText(senderDomain),
      domain: plainText(domain),
      helo: octetsOf(claimedName),
      validatedName: () => this.#nameForP(domain),
    })
    return nameOfExpansion(expanded)
  }

  /** §7.3: the domain itself, else a name below it, else any. */
  async #nameForP(domain: DomainName): Promise<string> {
    const names = await this.#validate()
    const best = names.find((name) => sameName(name, domain)) ?? names.find((name) => isWithin(name, domain)) ?? names[0]
    return best === undefined ? 'unknown' : plainText(best)
  }

  /** §5.5: trouble here never ends the check, the client's own zone being at fault. Asked once for all terms. */
  async #validate(): Promise<readonly DomainName[]> {
    this.#validatedNames ??= this.#lookUpValidatedNames()
    const names = await this.#validatedNames
    if (this.#isReverseVoid) this.#term.isVoid = true
    return names
  }

  async #lookUpValidatedNames(): Promise<readonly DomainName[]> {
    const reverse = await this.#ask(reverseName(this.address), 'PTR')
    if (reverse.kind !== 'records') {
      this.#isReverseVoid = reverse.kind !== 'trouble'
      return []
    }
    const names = reverse.records.flatMap((record) => (record.type === 'PTR' ? [canonicalName(record.target)] : []))
    const kept = [...new Set(names)].sort(compareNames).slice(0, MAX_PTR_NAMES)
    const answers = await Promise.all(kept.map((name) => this.#ask(name, this.#addressType())))
    return kept.filter((_, index) => addressesOf(answers[index]).some((address) => sameAddress(address, this.address)))
  }
}

const RESULTS: Readonly<Record<SpfQualifier, SpfResult>> = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' }

type AddressTerm = Extract<SpfMechanism, { readonly kind: 'all' | 'ip4' | 'ip6' }>
type LookupTerm = Exclude<SpfMechanism, AddressTerm>
type PrefixLengths = Pick<Extract<SpfMechanism, { readonly kind: 'a' | 'mx' }>, 'prefix4' | 'prefix6'>

/** §4.6.4 */
export function isLookupTerm(mechanism: SpfMechanism): mechanism is LookupTerm {
  return mechanism.kind !== 'all' && mechanism.kind !== 'ip4' && mechanism.kind !== 'ip6'
}

function withoutRecord(term: string, outcome: boolean | Conclusion): SpfReason {
  const target = typeof outcome === 'boolean' ? null : (outcome.path.at(-1) ?? null)
  return { kind: 'targetWithoutRecord', term, target }
}

function troubleWith(type: string, name: DomainName, trouble: Trouble, path: readonly DomainName[]): Conclusion {
  return { result: 'temperror', reason: { kind: 'trouble', question: `${type} ${name}`, trouble }, path }
}

function addressesOf(told: Told | undefined): readonly IpAddress[] {
  if (told?.kind !== 'records') return []
  return told.records.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [record.address] : [])).sort(compareAddresses)
}

/** Labels joined by dots, unescaped: what the RFC calls a domain is text without an escape. */
function plainText(domain: DomainName): string {
  return labelsOf(domain).join('.')
}

/** One latin1 character an octet, as names hold them. */
function octetsOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
