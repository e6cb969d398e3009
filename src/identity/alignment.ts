/**
 * How two names belong together: the same name, the same organisation (public suffix list), or neither.
 * Names are compared as labels; what cannot be told is `unknown`, never `different`.
 */
import { sameName, type DomainName } from '../core/domain-name.ts'
import { organisationalDomain } from './organisation.ts'

export type Alignment = 'equal' | 'sameOrganisation' | 'different' | 'unknown'

export function alignNames(left: DomainName | null | undefined, right: DomainName | null | undefined): Alignment {
  if (!left || !right) return 'unknown'
  if (sameName(left, right)) return 'equal'
  const leftDomain = organisationalDomain(left)
  const rightDomain = organisationalDomain(right)
  if (leftDomain === undefined || rightDomain === undefined) return 'unknown'
  return leftDomain.toLowerCase() === rightDomain.toLowerCase() ? 'sameOrganisation' : 'different'
}

/** The best of several: a server with several names is aligned by any of them. `unknown` without any. */
export function alignWithAny(name: DomainName | null | undefined, candidates: readonly DomainName[]): Alignment {
  const found = new Set(candidates.map((candidate) => alignNames(name, candidate)))
  return BEST_FIRST.find((alignment) => found.has(alignment)) ?? 'unknown'
}

/** `unknown` before `different`: one candidate that could not be told may be the one that fits. */
const BEST_FIRST: readonly Alignment[] = ['equal', 'sameOrganisation', 'unknown', 'different']
