/**
 * What the outcomes of the kept PTR names come to together (RFC 8601 §2.7.3): pass, temperror or fail, and why. Pure.
 */
import type { IprevReason, IprevResult, PtrName, PtrNameOutcome } from './facts.ts'

/** Any pass wins, then any doubt. */
export function verdictOf(names: readonly PtrName[]): { readonly result: IprevResult; readonly reason: IprevReason } {
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
export function isAuthenticated(result: IprevResult, names: readonly PtrName[]): boolean {
  if (result === 'temperror') return false
  return names.every(
    (candidate) => candidate.authenticated || (result === 'pass' ? candidate.outcome !== 'confirmed' : !wasAsked(candidate)),
  )
}

function wasAsked({ outcome }: PtrName): boolean {
  return outcome !== 'notHostName' && outcome !== 'singleLabel'
}
