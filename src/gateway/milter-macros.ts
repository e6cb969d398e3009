/**
 * The macros of one SMTP session, of which only those in use are kept. They come ahead of their command, in any order, again,
 * and also for commands that were declined; a packet of them replaces those of its stage (as in libmilter).
 */
import type { MilterCommandKind } from '../wire/milter.ts'
import type { MtaOpinion } from './gate-event.ts'

const SESSION_STAGES: ReadonlySet<MilterCommandKind> = new Set<MilterCommandKind>(['connect', 'helo'])
const KEPT: ReadonlySet<string> = new Set([
  'i',
  'j',
  '_',
  '{client_name}',
  '{client_ptr}',
  '{client_resolve}',
  '{daemon_addr}',
  '{daemon_port}',
  '{auth_type}',
])
/** No value that means anything is longer. */
const MAX_VALUE_LENGTH = 512
const RESULTS = { OK: 'pass', FORGED: 'fail', TEMP: 'temperror', FAIL: 'permerror' } as const

export class MilterMacros {
  readonly #stages = new Map<MilterCommandKind, ReadonlyMap<string, string>>()

  set(before: MilterCommandKind | null, macros: ReadonlyMap<string, string>): void {
    if (before === null) return
    const kept = [...macros].filter(([name, value]) => KEPT.has(name) && value !== '' && value.length <= MAX_VALUE_LENGTH)
    if (kept.length === 0) this.#stages.delete(before)
    else this.#stages.set(before, new Map(kept))
  }

  /** Of several stages the last one counts: an MTA may learn a value, as that of `i`, on its way. */
  get(name: string): string | null {
    let found: string | null = null
    for (const macros of this.#stages.values()) found = macros.get(name) ?? found
    return found
  }

  /** At MAIL: what belongs to a message before this one. Its own macros have just come. */
  beginMessage(): void {
    this.#forget((stage) => stage === 'mail')
  }

  endMessage(): void {
    this.#forget(() => false)
  }

  /** Another client follows on the same connection. */
  clear(): void {
    this.#stages.clear()
  }

  #forget(isKept: (stage: MilterCommandKind) => boolean): void {
    for (const stage of this.#stages.keys()) if (!SESSION_STAGES.has(stage) && !isKept(stage)) this.#stages.delete(stage)
  }

  /** Null where the MTA does not say how its lookup ended. */
  opinion(): MtaOpinion | null {
    const resolve = this.get('{client_resolve}')
    if (resolve === null || !Object.hasOwn(RESULTS, resolve)) return null
    return {
      result: RESULTS[resolve as keyof typeof RESULTS],
      clientName: knownName(this.get('{client_name}')),
      ptrName: knownName(this.get('{client_ptr}')),
      mtaName: this.get('j'),
      listenerAddress: this.get('{daemon_addr}'),
      listenerPort: this.get('{daemon_port}'),
      peer: this.get('_'),
    }
  }
}

/** Postfix writes `unknown`, and Sendmail the address in brackets, where there is no name. */
function knownName(name: string | null): string | null {
  return name === 'unknown' || name?.startsWith('[') === true ? null : name
}
