import { describe, expect, it } from 'vitest'
import { DEFAULT_EVENT_STREAM_SETTINGS, EventStreams, type EventStreamSettings } from '../../../src/app/serve/event-stream.ts'

const RECORD = { event: 'decision', fields: { address: '198.51.100.8', action: 'reject' } }
const TIME = '2026-01-02T03:04:05.678Z'
const EVENT = `event: decision\ndata: {"time":"${TIME}","event":"decision","address":"198.51.100.8","action":"reject"}\n\n`

function open(settings: Partial<EventStreamSettings> = {}): {
  readonly streams: EventStreams
  readonly readers: number[]
  dropped: () => number
} {
  const readers: number[] = []
  let dropped = 0
  const hooks = { onReaders: (count: number) => readers.push(count), onDropped: (count: number) => (dropped += count) }
  return { streams: new EventStreams(hooks, { ...DEFAULT_EVENT_STREAM_SETTINGS, ...settings }), readers, dropped: () => dropped }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<string | undefined> {
  const chunk = await reader?.read()
  return chunk?.value && new TextDecoder().decode(chunk.value)
}

describe('/v1/events', () => {
  it('gives each reader each event', async () => {
    const { streams, readers } = open()
    const both = [streams.open()?.getReader(), streams.open()?.getReader()]
    streams.publish(RECORD, TIME)
    for (const reader of both) expect([await read(reader), await read(reader)]).toEqual([': ptrgate events\n\n', EVENT])
    expect(readers).toEqual([1, 2])
    for (const reader of both) await reader?.cancel()
    expect(readers).toEqual([1, 2, 1, 0])
  })

  it('a slow reader loses events, is told how many, and holds no more than its buffer', async () => {
    const { streams, dropped } = open({ bufferOctets: 500 })
    const slow = streams.open()?.getReader()
    for (let count = 0; count < 1000; count++) streams.publish(RECORD, TIME)
    const buffered = 1000 - dropped()
    expect(buffered * EVENT.length).toBeLessThan(500 + EVENT.length)
    await read(slow)
    for (let count = 0; count < buffered; count++) expect(await read(slow)).toBe(EVENT)
    streams.publish(RECORD, TIME)
    expect(await read(slow)).toBe(`event: dropped\ndata: {"event":"dropped","count":${String(1000 - buffered)}}\n\n`)
    expect(await read(slow)).toBe(EVENT)
    await slow?.cancel()
  })

  it('events that were lost on the way here are told as well', async () => {
    const { streams, dropped } = open()
    const reader = streams.open()?.getReader()
    await read(reader)
    streams.countDropped(7)
    streams.publish(RECORD, TIME)
    expect(await read(reader)).toContain('"count":7')
    expect(dropped()).toBe(7)
    await reader?.cancel()
  })

  it('too many readers → no more, until one has gone', async () => {
    const { streams } = open({ maxReaders: 1 })
    const first = streams.open()
    expect(streams.open()).toBeUndefined()
    await first?.cancel()
    const next = streams.open()
    expect(next).toBeDefined()
    await next?.cancel()
  })

  it('close ends every stream, and there are no new ones', async () => {
    const { streams, readers } = open()
    const reader = streams.open()?.getReader()
    streams.close()
    expect(await read(reader)).toBe(': ptrgate events\n\n')
    expect(await read(reader)).toBeUndefined()
    expect(readers).toEqual([1, 0])
    expect(streams.open()).toBeUndefined()
  })

  it('a heartbeat keeps the connection of a reader alive', async () => {
    const { streams } = open({ heartbeatMs: 1 })
    const reader = streams.open()?.getReader()
    expect([await read(reader), await read(reader)]).toEqual([': ptrgate events\n\n', ': heartbeat\n\n'])
    await reader?.cancel()
  })
})
