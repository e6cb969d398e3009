/**
 * What the primary and its workers say to each other. A worker reads the config from the same text as the primary, so that
 * both hold the same. Every command is confirmed; records of events come unasked, as long as somebody reads them.
 */
import type { EventRecord } from './event-record.ts'
import type { MetricSnapshot } from './metric-sum.ts'
import type { ProcessStatus } from './status.ts'

export interface ConfigText {
  readonly file: string
  readonly text: string
}

export type WorkerCommand =
  | { readonly kind: 'start'; readonly config: ConfigText }
  | { readonly kind: 'prepare'; readonly config: ConfigText }
  | { readonly kind: 'commit' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'stop'; readonly graceMs: number }

/** `streaming`: whether anybody reads events; it needs no answer. */
export type ToWorker = { readonly id: number; readonly command: WorkerCommand } | { readonly streaming: boolean }

export type WorkerAnswer =
  | { readonly kind: 'done'; readonly problems: readonly string[] }
  /** Nothing has changed. */
  | { readonly kind: 'failed'; readonly message: string; readonly isConfigError: boolean }
  | { readonly kind: 'snapshot'; readonly metrics: MetricSnapshot; readonly status: ProcessStatus }

export type FromWorker =
  /** It listens: what is sent earlier may be lost. */
  | { readonly ready: true }
  | { readonly id: number; readonly answer: WorkerAnswer }
  | { readonly records: readonly TimedRecord[]; readonly dropped: number }

export interface TimedRecord extends Pick<EventRecord, 'event' | 'fields'> {
  readonly time: string
}
