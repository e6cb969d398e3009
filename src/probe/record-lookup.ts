/**
 * How the probe asks for records: one deadline and one cap on questions over a whole lookup, CNAMEs followed by the resolver.
 * An answer is kept, or known to be absent, or could not be told; the three are never merged.
 */
import type { DomainName } from '../core/domain-name.ts'
import { startNodeTimer, type StartTimer } from '../core/timer.ts'
import { isFailure, type DnsFailure, type DnsOutcome, type RecordType, type Resolver } from '../dns/resolver.ts'

export interface RecordLookupOptions {
  /** One that follows CNAMEs. */
  readonly resolver: Resolver
  readonly signal?: AbortSignal | undefined
  /** Over all questions of the lookup together; each kind of lookup has its default. */
  readonly deadlineMs?: number | undefined
  /** Node's timers unless given. */
  readonly startTimer?: StartTimer | undefined
}

/**
 * Why it could not be told. A chain of CNAMEs in a circle or without end is among them: receivers' resolvers answer it with
 * SERVFAIL, so that nobody learns whether there is a record.
 */
export type Trouble = DnsFailure['kind'] | 'deadline' | 'aliasLoop' | 'aliasTooDeep'

export type Told =
  Extract<DnsOutcome, { readonly kind: 'records' | 'nodata' | 'nxdomain' }> | { readonly kind: 'trouble'; readonly trouble: Trouble }

export type Ask = (name: DomainName, type: RecordType) => Promise<Told>

/** Runs a lookup; whatever it asks after the deadline comes out as trouble at once. */
export async function withinLimits<Facts>(
  { resolver, signal, deadlineMs, startTimer = startNodeTimer }: RecordLookupOptions,
  defaults: { readonly maxQueries: number; readonly deadlineMs: number },
  run: (ask: Ask) => Promise<Facts>,
): Promise<Facts> {
  let queries = 0
  let expired: Trouble | undefined = signal?.aborted === true ? 'aborted' : undefined
  let announce: (told: Told) => void = () => undefined
  const expiry = new Promise<Told>((resolve) => {
    announce = resolve
  })
  const expire = (trouble: Trouble): void => {
    expired ??= trouble
    announce({ kind: 'trouble', trouble: expired })
  }
  const onAbort = (): void => {
    expire('aborted')
  }
  const takeQuery = (): boolean => {
    if (expired !== undefined || queries >= defaults.maxQueries) return false
    queries++
    return true
  }
  const cancelTimer = startTimer(deadlineMs ?? defaults.deadlineMs, () => {
    expire('deadline')
  })
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await run(async (name, type) => {
      if (expired !== undefined) return { kind: 'trouble', trouble: expired }
      // A question that is on its way at the deadline is not called back: its answer still reaches the cache.
      return Promise.race([resolver.resolve({ name, type }, { signal, takeQuery }).then(toldOf), expiry])
    })
  } finally {
    cancelTimer()
    signal?.removeEventListener('abort', onAbort)
    expired ??= 'aborted'
  }
}

function toldOf(outcome: DnsOutcome): Told {
  if (isFailure(outcome)) return { kind: 'trouble', trouble: outcome.kind }
  switch (outcome.kind) {
    case 'alias':
      throw new TypeError('the resolver must follow CNAMEs: wrap it in followAliases, or use createResolver')
    case 'aliasLoop':
    case 'aliasTooDeep':
      return { kind: 'trouble', trouble: outcome.kind }
    default:
      return outcome
  }
}

export type TextAnswer =
  /** The strings of each TXT record joined; raw octets as latin1 characters. */
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'absent'; readonly nxdomain: boolean }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export async function askTexts(ask: Ask, name: DomainName): Promise<TextAnswer> {
  const told = await ask(name, 'TXT')
  switch (told.kind) {
    case 'records':
      return { kind: 'texts', texts: told.records.flatMap((record) => (record.type === 'TXT' ? [record.strings.join('')] : [])) }
    case 'nodata':
    case 'nxdomain':
      return { kind: 'absent', nxdomain: told.kind === 'nxdomain' }
    case 'trouble':
      return { kind: 'unknown', trouble: told.trouble }
  }
}
