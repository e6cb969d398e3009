/**
 * Which networks a domain's SPF record lets send (RFC 7208): the ip4 and ip6 terms that pass, through includes and redirect.
 * What only a lookup for a certain client could tell (a, mx, ptr, exists, macros) is listed by its text, and not resolved.
 * The whole tree is walked, so that its count of DNS lookups holds for every client.
 */
import { canonicalName, labelsOf, type DomainName } from '../core/domain-name.ts'
import { formatNetwork, type Network } from '../core/network.ts'
import { askTexts, withinLimits, type Ask, type RecordLookupOptions, type Trouble } from './record-lookup.ts'
import { nameOfExpansion, type MacroPart } from './spf-macro.ts'
import { isSpfRecord, parseSpf, type SpfFault, type SpfMechanism } from './spf-record.ts'

export interface SpfNetwork {
  readonly network: Network
  readonly term: string
  /** Whose record holds the term. */
  readonly domain: DomainName
}

export type SpfRecordProblem =
  | { readonly kind: 'noRecord'; readonly nxdomain: boolean }
  | { readonly kind: 'multipleRecords'; readonly count: number }
  | { readonly kind: 'syntax'; readonly fault: SpfFault }
  /** It includes itself, directly or not. */
  | { readonly kind: 'circle' }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export interface SpfAddresses {
  readonly kind: 'spfAddresses'
  readonly domain: DomainName
  /** Each network once, in the order of the record. */
  readonly networks: readonly SpfNetwork[]
  /** Terms that may let further addresses pass. */
  readonly otherTerms: readonly { readonly term: string; readonly domain: DomainName }[]
  /** Records on the way that are missing, faulty or unknown: the list is then not whole. */
  readonly problems: readonly ({ readonly domain: DomainName } & SpfRecordProblem)[]
  /** DNS lookups if no term matches before the last one; more than 10 and some clients get permerror. A lower bound when not whole. */
  readonly lookupTerms: number
  /** More terms or records than are walked. */
  readonly truncated: boolean
}

const MAX_RECORDS = 40
const MAX_NETWORKS = 1000
const MAX_OTHER_TERMS = 100
const MAX_COUNTED_TERMS = 200
const LIMITS = { deadlineMs: 20_000, maxQueries: 80 }

export function listSpfAddresses(domain: DomainName, options: RecordLookupOptions): Promise<SpfAddresses> {
  return withinLimits(options, LIMITS, async (ask) => {
    const walk = new Walk(ask)
    await walk.enter(domain, [], true)
    return { kind: 'spfAddresses', domain, ...walk.result() }
  })
}

type Loaded =
  | { readonly kind: 'record'; readonly mechanisms: readonly SpfMechanism[]; readonly redirect: Redirect | null }
  | { readonly kind: 'problem' }
type Redirect = { readonly text: string; readonly domain: readonly MacroPart[] }

class Walk {
  readonly #ask: Ask
  readonly #loaded = new Map<string, Promise<Loaded>>()
  readonly #networks = new Map<string, SpfNetwork>()
  readonly #otherTerms = new Map<string, { readonly term: string; readonly domain: DomainName }>()
  readonly #problems: ({ readonly domain: DomainName } & SpfRecordProblem)[] = []
  #lookupTerms = 0
  #isTruncated = false

  constructor(ask: Ask) {
    this.#ask = ask
  }

  result(): Omit<SpfAddresses, 'kind' | 'domain'> {
    return {
      networks: [...this.#networks.values()],
      otherTerms: [...this.#otherTerms.values()],
      problems: this.#problems,
      lookupTerms: this.#lookupTerms,
      truncated: this.#isTruncated,
    }
  }

  /** `passes`: whether what passes here passes in the end; an include with another qualifier only counts. */
  async enter(domain: DomainName, via: readonly DomainName[], passes: boolean): Promise<void> {
    if (via.some((earlier) => canonicalName(earlier) === canonicalName(domain))) {
      this.#note(domain, { kind: 'circle' })
      return
    }
    const loaded = await this.#load(domain)
    if (loaded === undefined || loaded.kind === 'problem') return
    const path = [...via, domain]
    for (const mechanism of loaded.mechanisms) {
      await this.#take(mechanism, domain, path, passes && mechanism.qualifier === '+')
      // Nothing behind it is ever read, the redirect included (§5.1).
      if (mechanism.kind === 'all') return
    }
    if (loaded.redirect !== null) await this.#follow(loaded.redirect, domain, path, passes)
  }

  async #take(mechanism: SpfMechanism, domain: DomainName, path: readonly DomainName[], passes: boolean): Promise<void> {
    switch (mechanism.kind) {
      case 'ip4':
      case 'ip6':
        if (passes) this.#addNetwork({ network: mechanism.network, term: mechanism.text, domain })
        break
      case 'include':
        await this.#follow(mechanism, domain, path, passes)
        break
      case 'all':
        if (passes) this.#addOther(mechanism.text, domain)
        break
      default:
        this.#lookupTerms++
        if (passes) this.#addOther(mechanism.text, domain)
    }
  }

  async #follow({ text, domain: parts }: Redirect, domain: DomainName, path: readonly DomainName[], passes: boolean): Promise<void> {
    this.#lookupTerms++
    const target = fixedName(parts, domain)
    if (target === undefined) {
      if (passes) this.#addOther(text, domain)
    } else if (this.#lookupTerms < MAX_COUNTED_TERMS) await this.enter(target, path, passes)
    else this.#isTruncated = true
  }

  /** Undefined where there are too many records already. */
  #load(domain: DomainName): Promise<Loaded> | undefined {
    const key = canonicalName(domain)
    const known = this.#loaded.get(key)
    if (known) return known
    if (this.#loaded.size >= MAX_RECORDS) {
      this.#isTruncated = true
      return undefined
    }
    const loading = this.#loadOnce(domain)
    this.#loaded.set(key, loading)
    return loading
  }

  async #loadOnce(domain: DomainName): Promise<Loaded> {
    const answer = await askTexts(this.#ask, domain)
    if (answer.kind === 'unknown') return this.#note(domain, { kind: 'unknown', trouble: answer.trouble })
    const records = answer.kind === 'texts' ? answer.texts.filter(isSpfRecord) : []
    const [text] = records
    if (text === undefined) return this.#note(domain, { kind: 'noRecord', nxdomain: answer.kind === 'absent' && answer.nxdomain })
    if (records.length > 1) return this.#note(domain, { kind: 'multipleRecords', count: records.length })
    const parsed = parseSpf(text)
    return parsed.kind === 'fault' ? this.#note(domain, { kind: 'syntax', fault: parsed.fault }) : { kind: 'record', ...parsed.record }
  }

  #note(domain: DomainName, problem: SpfRecordProblem): Loaded {
    if (this.#problems.length < MAX_RECORDS) this.#problems.push({ domain, ...problem })
    return { kind: 'problem' }
  }

  #addNetwork(entry: SpfNetwork): void {
    const key = formatNetwork(entry.network)
    if (this.#networks.has(key)) return
    if (this.#networks.size < MAX_NETWORKS) this.#networks.set(key, entry)
    else this.#isTruncated = true
  }

  #addOther(term: string, domain: DomainName): void {
    const key = `${domain} ${term}`
    if (this.#otherTerms.has(key)) return
    if (this.#otherTerms.size < MAX_OTHER_TERMS) this.#otherTerms.set(key, { term: term.slice(0, MAX_TERM_SHOWN), domain })
    else this.#isTruncated = true
  }
}

const MAX_TERM_SHOWN = 256

/** A name that is the same for every client; `%{d}` is, the other macros are not. */
function fixedName(parts: readonly MacroPart[], domain: DomainName): DomainName | undefined {
  let text = ''
  for (const part of parts) {
    if (part.kind === 'literal') text += part.text
    else if (part.letter !== 'd' || part.keep !== null || part.reversed || part.delimiters !== '' || part.escaped) return undefined
    else text += labelsOf(domain).join('.')
  }
  return nameOfExpansion(text)
}
