/**
 * Whether an MTA's own lookup of the client agrees with ours. Both ask the DNS, so a difference tells of a resolver of which
 * one of them should not be trusted: a hosts file, a split view, a stale cache.
 */
import { parseName, sameName } from '../core/domain-name.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { MtaOpinion } from './gate-event.ts'

/** Where both found a confirmed name, any one of ours will do: an MTA looks at the first PTR only. */
export function disagrees(byMta: MtaOpinion, ours: IprevFacts): boolean {
  if (byMta.result !== ours.result) return true
  const theirName = byMta.result === 'pass' && byMta.clientName !== null ? parseName(byMta.clientName) : undefined
  return theirName !== undefined && !ours.names.some(({ name, outcome }) => outcome === 'confirmed' && sameName(name, theirName))
}
