/**
 * `GET /v1/events`: decisions as server-sent events (WHATWG HTML §9.2) for a bounded number of readers. Nobody waits for a
 * reader: what does not fit into its buffer is left out, and a `dropped` event says how much that was.
 */
import type { EventRecord } from './event-record.ts'

export interface EventStreamSettings {
  readonly maxReaders: number
  /** Of each reader, beyond what the kernel holds. */
  readonly bufferOctets: number
  readonly heartbeatMs: number
}

export const DEFAULT_EVENT_STREAM_SETTINGS: EventStreamSettings = { maxReaders: 16, bufferOctets: 65_536, heartbeatMs: 15_000 }

export interface EventStreamHooks {
  /** When the first one comes, or the last one goes. */
  readonly onReaders: (count: number) => void
  readonly onDropped: (count: number) => void
}

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  dropped: number
}

export class EventStreams {
  readonly #settings: EventStreamSettings
  readonly #hooks: EventStreamHooks
  readonly #readers = new Set<Reader>()
  #heartbeat: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(hooks: EventStreamHooks, settings: EventStreamSettings = DEFAULT_EVENT_STREAM_SETTINGS) {
    this.#hooks = hooks
    this.#settings = settings
  }

  get readers(): number {
    return this.#readers.size
  }

  /** Undefined when there are too many readers, or the service is stopping. */
  open(): ReadableStream<Uint8Array> | undefined {
    if (this.#isClosed || this.#readers.size >= this.#settings.maxReaders) return undefined
    let reader: Reader | undefined
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = { controller, dropped: 0 }
          this.#add(reader)
          controller.enqueue(encode(': ptrgate events\n\n'))
        },
        cancel: () => {
          if (reader) this.#remove(reader)
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: this.#settings.bufferOctets }),
    )
  }

  publish({ event, fields }: Pick<EventRecord, 'event' | 'fields'>, time: string): void {
    if (this.#readers.size === 0) return
    // One line whatever is in it: JSON escapes line ends, and the record holds none.
    const bytes = encode(`event: ${event}\ndata: ${JSON.stringify({ time, event, ...fields })}\n\n`)
    for (const reader of this.#readers) this.#send(reader, bytes)
  }

  /** Events that were lost on the way to here. */
  countDropped(count: number): void {
    this.#hooks.onDropped(count)
    for (const reader of this.#readers) reader.dropped += count
  }

  /** Ends every stream, so that its connection can be closed. */
  close(): void {
    this.#isClosed = true
    for (const reader of [...this.#readers]) {
      this.#remove(reader)
      reader.controller.close()
    }
  }

  #send(reader: Reader, bytes: Uint8Array): void {
    if (!hasRoom(reader)) {
      reader.dropped++
      this.#hooks.onDropped(1)
      return
    }
    if (reader.dropped > 0)
      reader.controller.enqueue(encode(`event: dropped\ndata: {"event":"dropped","count":${String(reader.dropped)}}\n\n`))
    reader.dropped = 0
    reader.controller.enqueue(bytes)
  }

  #add(reader: Reader): void {
    this.#readers.add(reader)
    this.#hooks.onReaders(this.#readers.size)
    this.#heartbeat ??= setInterval(() => {
      for (const each of this.#readers) if (hasRoom(each)) each.controller.enqueue(HEARTBEAT)
    }, this.#settings.heartbeatMs)
    this.#heartbeat.unref()
  }

  #remove(reader: Reader): void {
    if (!this.#readers.delete(reader)) return
    this.#hooks.onReaders(this.#readers.size)
    if (this.#readers.size > 0) return
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }
}

function hasRoom({ controller }: Reader): boolean {
  return (controller.desiredSize ?? 0) > 0
}

function encode(text: string): Uint8Array {
  return ENCODER.encode(text)
}

const ENCODER = new TextEncoder()
const HEARTBEAT = ENCODER.encode(': heartbeat\n\n')
