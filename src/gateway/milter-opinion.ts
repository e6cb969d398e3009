/**
 * Whether an MTA's own lookup of the client agrees with ours. Both ask the DNS, so a difference tells of a resolver of which
 * one of them should not be trusted: a hosts file, a split view, a stale cache.
 */
import { parseName, sameName } from '../core/domain-name.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { MtaOpinion } from './gate-event.ts'

/**
 * Which services of MTAs look their clients up. With smtpd_peername_lookup=no Postfix says of every client what it says of one
 * without PTR: until a service has said anything else of anybody, that is no opinion. One that finds nothing of anybody is not told.
 */
export class LookingServices {
  readonly #known = new Set<string>()

  isOpinion({ result, clientName, ptrName, mtaName, listenerAddress, listenerPort }: MtaOpinion): boolean {
    const service = JSON.stringify([mtaName, listenerAddress, listenerPort])
    if (result === 'permerror' && clientName === null && ptrName === null) return this.#known.has(service)
    if (this.#known.size < MAX_SERVICES) this.#known.add(service)
    return true
  }
}

/** An MTA has a few. */
const MAX_SERVICES = 1000

/** Where both found a confirmed name, any one of ours will do: an MTA looks at the first PTR only. */
export function disagrees(byMta: MtaOpinion, ours: IprevFacts): boolean {
  if (byMta.result !== ours.result) return true
  const theirName = byMta.result === 'pass' && byMta.clientName !== null ? parseName(byMta.clientName) : undefined
  return theirName !== undefined && !ours.names.some(({ name, outcome }) => outcome === 'confirmed' && sameName(name, theirName))
}
