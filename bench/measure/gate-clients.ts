/** The mail clients of the gate's benchmarks: SMTP sessions from addresses of the zones, held by smtp-load-child.mjs. */
import { startAskedChild } from '../support/asked-child.ts'

/** Addresses `first` to `first + addresses - 1` of the zones, in turn. */
export interface ClientRange {
  readonly first: number
  readonly addresses: number
}

export interface LoadSettings extends ClientRange {
  readonly port: number
  readonly sessions: number
  readonly concurrency: number
  /** Of the message in each session; with 0 it ends after RCPT. */
  readonly messageOctets: number
  readonly thinkMs?: number
}

export interface LoadResult {
  readonly perSecond: number
  readonly medianMs: number
  readonly p95Ms: number
}

export interface SmtpLoad {
  run(settings: LoadSettings): Promise<LoadResult>
  end(): Promise<void>
}

export function startSmtpLoad(): SmtpLoad {
  const child = startAskedChild('smtp-load-child.mjs')
  return {
    run: async (settings) => (await child.ask({ host: '127.0.0.1', thinkMs: 0, ...settings })) as LoadResult,
    end: () => child.end(),
  }
}

/** Hands out addresses of which each is new to whoever is measured. */
export class FreshClients {
  readonly #end: number
  #next: number

  constructor({ first, addresses }: ClientRange) {
    this.#next = first
    this.#end = first + addresses
  }

  take(addresses: number): ClientRange {
    const first = this.#next
    this.#next += addresses
    if (this.#next > this.#end) throw new RangeError(`no more fresh addresses: ${String(this.#next)} of ${String(this.#end)}`)
    return { first, addresses }
  }
}
