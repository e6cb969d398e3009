/**
 * Canaries: addresses whose PTR is known, asked again and again to see whether our resolver still tells the truth.
 * Choose several, in different networks, with short TTLs: a resolver that is cut off goes on answering from its cache.
 */
import { formatAddress, reverseName, type IpAddress } from '../core/address.ts'
import { sameName, type DomainName } from '../core/domain-name.ts'
import { startBackgroundTimer, type StartTimer } from '../core/timer.ts'
import type { HealthBreaker } from './health.ts'
import type { DnsOutcome, Resolver } from './resolver.ts'

export interface Canary {
  readonly address: IpAddress
  readonly ptrName: DomainName
}

export interface CanaryResult {
  readonly ip: string
  /** Its PTR was answered and is the known one. A resolver that answers falsely is as ill as one that does not answer. */
  readonly isWell: boolean
  readonly outcome: DnsOutcome['kind'] | 'otherName'
}

export type CanaryReport = readonly CanaryResult[]

/** `resolver` must not cache. */
export async function probeCanaries(resolver: Resolver, canaries: readonly Canary[], signal?: AbortSignal): Promise<CanaryReport> {
  return Promise.all(canaries.map((canary) => probeCanary(resolver, canary, signal)))
}

export interface CanaryWatch {
  readonly resolver: Resolver
  readonly breaker: HealthBreaker
  readonly canaries: readonly Canary[]
  readonly intervalMs: number
  /** Runs the callback once after the time, and gives the way to cancel it. */
  readonly startTimer?: StartTimer | undefined
}

/** Probes at once and then a set time after each report, so that rounds never overlap; gives the way to stop. */
export function watchCanaries({ resolver, breaker, canaries, intervalMs, startTimer = startBackgroundTimer }: CanaryWatch): () => void {
  const stopper = new AbortController()
  let cancelTimer: (() => void) | undefined
  const round = async (): Promise<void> => {
    const report = await probeCanaries(resolver, canaries, stopper.signal)
    if (stopper.signal.aborted) return
    breaker.observeCanaries(report)
    cancelTimer = startTimer(intervalMs, () => void round())
  }
  void round()
  return () => {
    stopper.abort()
    cancelTimer?.()
  }
}

async function probeCanary(resolver: Resolver, { address, ptrName }: Canary, signal?: AbortSignal): Promise<CanaryResult> {
  const ip = formatAddress(address)
  const outcome = await resolver.resolve({ name: reverseName(address), type: 'PTR' }, { signal })
  if (outcome.kind !== 'records') return { ip, isWell: false, outcome: outcome.kind }
  const isWell = outcome.records.some((record) => record.type === 'PTR' && sameName(record.target, ptrName))
  return { ip, isWell, outcome: isWell ? 'records' : 'otherName' }
}
