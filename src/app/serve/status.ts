/**
 * How a process is, as plain data that can be sent to another one, and what follows from all of them: whether the service as
 * a whole is ready (`/readyz`), and what an admin should know besides.
 */
import type { HealthState } from '../../dns/health.ts'
import { commonVisibility, type Visibility } from './visibility.ts'

export interface ListenerStatus {
  /** `milter:127.0.0.1:8893` */
  readonly name: string
  readonly isUp: boolean
  readonly sessions: number
  readonly visibility: Visibility
}

export interface ProcessStatus {
  readonly listeners: readonly ListenerStatus[]
  /** Null in a process that asks nothing. */
  readonly resolver: { readonly state: HealthState; readonly reason: string | null } | null
}

export interface WorkerCount {
  readonly wanted: number
  readonly running: number
}

export interface Readiness {
  readonly ptrgate: 1
  readonly kind: 'readiness'
  readonly ready: boolean
  /** Why not; empty when ready. */
  readonly reasons: readonly string[]
  readonly notes: readonly string[]
  readonly listeners: readonly { readonly name: string; readonly up: boolean; readonly sessions: number }[]
  readonly workers: WorkerCount | null
}

export interface ReadinessInput {
  readonly statuses: readonly ProcessStatus[]
  readonly workers: WorkerCount | null
  readonly isStopping: boolean
}

export function readinessOf({ statuses, workers, isStopping }: ReadinessInput): Readiness {
  const listeners = commonListeners(statuses)
  const reasons = [
    ...(isStopping ? ['stopping'] : []),
    ...(workers !== null && workers.running === 0 ? ['no worker is running'] : []),
    ...listeners.filter(({ isUp }) => !isUp).map(({ name }) => `${name} does not listen`),
    ...resolverTrouble(statuses),
  ]
  const notes = [
    ...(workers !== null && workers.running < workers.wanted
      ? [`${String(workers.running)} of ${String(workers.wanted)} workers are running`]
      : []),
    ...hiddenListeners(statuses).map((name) => `${name}: ${HIDDEN_CLIENTS}`),
  ]
  return {
    ptrgate: 1,
    kind: 'readiness',
    ready: reasons.length === 0,
    reasons,
    notes,
    listeners: listeners.map(({ name, isUp, sessions }) => ({ name, up: isUp, sessions })),
    workers,
  }
}

export const HIDDEN_CLIENTS =
  'every client so far has had a private address and none is judged; does NAT or a container hide the real ones? ' +
  'If they are your own, list them in policy.trustedNetworks'

export function hiddenListeners(statuses: readonly ProcessStatus[]): readonly string[] {
  return commonListeners(statuses)
    .filter(({ visibility }) => visibility === 'hidden')
    .map(({ name }) => name)
}

/** A listener of several processes is up as long as one of them accepts for it. */
function commonListeners(statuses: readonly ProcessStatus[]): readonly ListenerStatus[] {
  const byName = new Map<string, ListenerStatus>()
  for (const listener of statuses.flatMap((status) => status.listeners)) {
    const known = byName.get(listener.name)
    byName.set(listener.name, known === undefined ? listener : merge(known, listener))
  }
  return [...byName.values()]
}

function merge(left: ListenerStatus, right: ListenerStatus): ListenerStatus {
  return {
    name: left.name,
    isUp: left.isUp || right.isUp,
    sessions: left.sessions + right.sessions,
    visibility: commonVisibility([left.visibility, right.visibility]),
  }
}

function resolverTrouble(statuses: readonly ProcessStatus[]): readonly string[] {
  const ill = statuses.flatMap(({ resolver }) => (resolver !== null && resolver.state !== 'closed' ? [resolver] : []))
  const asking = statuses.filter(({ resolver }) => resolver !== null).length
  const [first] = ill
  if (first === undefined) return []
  const where = asking > 1 ? ` (in ${String(ill.length)} of ${String(asking)} processes)` : ''
  return [`our resolver is ill: ${first.reason ?? 'unknown'}${where}; nothing is refused for DNS reasons`]
}
