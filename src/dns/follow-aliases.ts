/**
 * Follows CNAMEs over as many questions as a chain needs (RFC 1034 §3.6.2, RFC 2317) and bounds the work: a chain that is too
 * long or runs in a circle is an outcome of its own. Its outcomes are never `alias`. It does not cache and does not retry.
 */
import { canonicalName, type DomainName } from '../core/domain-name.ts'
import { isFailure, type Alias, type DnsOutcome, type Question, type ResolveOptions, type Resolver } from './resolver.ts'

export const DEFAULT_MAX_ALIASES = 8

export function followAliases(inner: Resolver): Resolver {
  return { resolve: (question, options) => resolveChain(inner, question, options ?? NO_OPTIONS) }
}

const NO_OPTIONS: ResolveOptions = {}
const OVER_BUDGET: DnsOutcome = { kind: 'overBudget' }

/** Most answers hold no CNAME: they pass as they are, and an async function for each would cost more than all the rest here. */
function resolveChain(inner: Resolver, question: Question, options: ResolveOptions): Promise<DnsOutcome> {
  if (options.takeQuery?.() === false) return Promise.resolve(OVER_BUDGET)
  return inner.resolve(question, options.takeQuery ? { signal: options.signal } : options).then((first) => {
    const isEnd = isFailure(first) || (first.kind !== 'alias' && first.aliases.length === 0)
    return isEnd ? first : followFrom(first, inner, question, options)
  })
}

async function followFrom(first: DnsOutcome, inner: Resolver, question: Question, options: ResolveOptions): Promise<DnsOutcome> {
  const chain = startChain(question.name, options.maxAliases ?? DEFAULT_MAX_ALIASES)
  let outcome: DnsOutcome = first
  for (;;) {
    if (isFailure(outcome)) return outcome
    const problem = chain.append(outcome.aliases)
    if (problem) return { kind: problem, aliases: chain.aliases }
    if (outcome.kind === 'aliasLoop' || outcome.kind === 'aliasTooDeep') return { kind: outcome.kind, aliases: chain.aliases }
    chain.add(outcome.ttl, outcome.authenticated)
    if (outcome.kind !== 'alias') return { ...outcome, aliases: chain.aliases, ttl: chain.ttl(), authenticated: chain.authenticated() }
    if (outcome.aliases.length === 0) return emptyAlias()

    if (options.signal?.aborted === true) return { kind: 'aborted' }
    if (options.takeQuery?.() === false) return OVER_BUDGET
    const target: DomainName = outcome.target
    outcome = await inner.resolve({ name: target, type: question.type }, { signal: options.signal, aliasOf: question.name })
  }
}

interface Chain {
  readonly aliases: readonly Alias[]
  /** Goes on by these steps, one after the other, and says what is wrong with the first bad one. */
  append(steps: readonly Alias[]): 'aliasLoop' | 'aliasTooDeep' | undefined
  add(ttl: number, authenticated: boolean): void
  ttl(): number
  authenticated(): boolean
}

/**
 * Every step is judged by itself, whether one answer held the whole chain or each took a question: how a server packs its
 * answers must not change the verdict.
 */
function startChain(start: DomainName, maxAliases: number): Chain {
  const visited = new Set([canonicalName(start)])
  const aliases: Alias[] = []
  let leastTtl = Infinity
  let allAuthenticated = true
  return {
    aliases,
    append(steps) {
      for (const step of steps) {
        if (aliases.length >= maxAliases) return visited.has(canonicalName(step.target)) ? 'aliasLoop' : 'aliasTooDeep'
        aliases.push(step)
        const target = canonicalName(step.target)
        if (visited.has(target)) return 'aliasLoop'
        visited.add(target)
      }
      return undefined
    },
    add(ttl, authenticated) {
      leastTtl = Math.min(leastTtl, ttl)
      allAuthenticated &&= authenticated
    },
    ttl: () => leastTtl,
    authenticated: () => allAuthenticated,
  }
}

/** An `alias` without a single CNAME would make no progress. */
function emptyAlias(): DnsOutcome {
  return { kind: 'malformed', detail: 'an alias without a CNAME' }
}
