import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { createDnsClient, type DnsClient, type DnsClientOptions } from '../../src/dns/client.ts'
import { startDnsPeer, type DnsPeer, type PeerQuery } from '../support/dns-peer.ts'

const REVERSE = name('7.100.51.198.in-addr.arpa')

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('equal questions under way', () => {
  it('are asked once, whatever the case of the name', async () => {
    const peer = await startPeer()
    const client = clientOf(peer)
    const asked = ['mail.example.com', 'MAIL.example.com', 'mail.Example.Com'].map((text) =>
      client.resolve({ name: name(text), type: 'A' }),
    )
    const query = await peer.queryArrived(1)
    const late = client.resolve({ name: name('mail.example.com'), type: 'A' })
    query.reply(query.answer())
    const outcomes = await Promise.all([...asked, late])
    expect(new Set(outcomes).size).toBe(1)
    expect(outcomes[0]).toMatchObject({ kind: 'nodata' })
    expect(client.statistics).toMatchObject({ questions: 4, deduplicated: 3, udpQueries: 1 })
  })

  it('of another type or name are asked by themselves', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer)
    await Promise.all([
      client.resolve({ name: name('mail.example.com'), type: 'A' }),
      client.resolve({ name: name('mail.example.com'), type: 'AAAA' }),
      client.resolve({ name: name('mail1.example.com'), type: 'A' }),
    ])
    expect(client.statistics).toMatchObject({ deduplicated: 0, udpQueries: 3 })
  })

  it('are asked again once the first is answered', async () => {
    const client = clientOf(await startPeer(answer))
    await client.resolve({ name: REVERSE, type: 'PTR' })
    await client.resolve({ name: REVERSE, type: 'PTR' })
    expect(client.statistics).toMatchObject({ deduplicated: 0, udpQueries: 2 })
  })

  it('outlive the abort of one caller', async () => {
    const peer = await startPeer()
    const client = clientOf(peer)
    const abort = new AbortController()
    const patient = new AbortController()
    const aborted = client.resolve({ name: REVERSE, type: 'PTR' }, { signal: abort.signal })
    const others = [
      client.resolve({ name: REVERSE, type: 'PTR' }, { signal: patient.signal }),
      client.resolve({ name: REVERSE, type: 'PTR' }),
    ]
    const query = await peer.queryArrived(1)
    abort.abort()
    expect(await aborted).toEqual({ kind: 'aborted' })
    query.reply(query.answer())
    expect(await Promise.all(others)).toMatchObject([{ kind: 'nodata' }, { kind: 'nodata' }])
  })
})

describe('an abort', () => {
  it('of the only caller with a signal is no matter to one without', async () => {
    const peer = await startPeer()
    const client = clientOf(peer)
    const abort = new AbortController()
    const patient = client.resolve({ name: REVERSE, type: 'PTR' })
    const aborted = client.resolve({ name: REVERSE, type: 'PTR' }, { signal: abort.signal })
    const query = await peer.queryArrived(1)
    abort.abort()
    expect(await aborted).toEqual({ kind: 'aborted' })
    query.reply(query.answer())
    expect(await patient).toMatchObject({ kind: 'nodata' })
  })

  it('before the question asks nothing', async () => {
    const client = clientOf(await startPeer(answer))
    expect(await client.resolve({ name: REVERSE, type: 'PTR' }, { signal: AbortSignal.abort() })).toEqual({ kind: 'aborted' })
    expect(client.statistics).toMatchObject({ questions: 0, udpQueries: 0 })
  })

  it('of the last caller ends the question: no retry, its place is free, its answer is unknown', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { maxOutstanding: 1, sockets: 1 })
    const abort = new AbortController()
    const both = [1, 2].map(() => client.resolve({ name: REVERSE, type: 'PTR' }, { signal: abort.signal }))
    const query = await peer.queryArrived(1)
    abort.abort()
    expect(await Promise.all(both)).toEqual([{ kind: 'aborted' }, { kind: 'aborted' }])
    expect(client.statistics.outstanding).toBe(0)
    peer.script = (next) => {
      query.reply(query.answer())
      answer(next)
    }
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'nodata' })
    expect(client.statistics).toMatchObject({ rejected: { id: 1 }, timeouts: 0, udpQueries: 2 })
  })

  it('right after the question sends nothing', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer)
    const abort = new AbortController()
    const aborted = client.resolve({ name: REVERSE, type: 'PTR' }, { signal: abort.signal })
    abort.abort()
    expect(await aborted).toEqual({ kind: 'aborted' })
    await client.resolve({ name: name('other.test'), type: 'PTR' })
    expect(peer.queries.map((query) => query.question.name.toLowerCase())).toEqual(['other.test'])
  })

  it('frees a place in the queue', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { maxOutstanding: 1, queueLimit: 1 })
    void client.resolve({ name: name('first.test'), type: 'A' })
    const abort = new AbortController()
    const queued = client.resolve({ name: name('second.test'), type: 'A' }, { signal: abort.signal })
    expect(client.statistics).toMatchObject({ outstanding: 1, waiting: 1 })
    abort.abort()
    expect(await queued).toEqual({ kind: 'aborted' })
    expect(client.statistics.waiting).toBe(0)
    const third = client.resolve({ name: name('third.test'), type: 'A' })
    const query = await peer.queryArrived(1)
    peer.script = answer
    query.reply(query.answer())
    expect(await third).toMatchObject({ kind: 'nodata' })
    expect(peer.queries.map((each) => each.question.name.toLowerCase())).toEqual(['first.test', 'third.test'])
  })

  it('of a signal that many questions share leaves no listener behind', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer)
    const { signal, added, removed } = countedSignal()
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' }, { signal })),
    )
    expect([added(), removed()]).toEqual([1, 1])
  })
})

describe('the cap on questions', () => {
  it('keeps the rest in the queue, in their order', async () => {
    const held: PeerQuery[] = []
    let most = 0
    const peer = await startPeer((query) => {
      held.push(query)
      most = Math.max(most, held.length)
      if (held.length === 3) for (const each of held.splice(0)) each.reply(each.answer())
    })
    const client = clientOf(peer, { maxOutstanding: 3 })
    const outcomes = Array.from({ length: 12 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' }))
    expect(client.statistics).toMatchObject({ outstanding: 3, waiting: 9, queued: 9 })
    expect((await Promise.all(outcomes)).every((outcome) => outcome.kind === 'nodata')).toBe(true)
    expect(most).toBe(3)
    expect(peer.queries.map((query) => parseInt(query.question.name, 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(client.statistics).toMatchObject({ outstanding: 0, waiting: 0 })
  })

  it('answers servfail at once when the queue is full, but lets equal questions join', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { maxOutstanding: 1, queueLimit: 1 })
    const [first, second] = ['first.test', 'second.test'].map((text) => client.resolve({ name: name(text), type: 'A' }))
    const third = client.resolve({ name: name('third.test'), type: 'A' })
    const joined = client.resolve({ name: name('second.test'), type: 'A' })
    expect(await third).toEqual({ kind: 'servfail', detail: 'too many questions wait for a DNS server already' })
    expect(client.statistics.queueFull).toBe(1)
    const query = await peer.queryArrived(1)
    peer.script = answer
    query.reply(query.answer())
    expect(await Promise.all([first, second, joined])).toMatchObject([{ kind: 'nodata' }, { kind: 'nodata' }, { kind: 'nodata' }])
  })

  it('works through a long queue when nothing can be sent', async () => {
    const client = createDnsClient({
      servers: [{ address: { family: 4, bytes: [255, 255, 255, 255] }, port: 53 }],
      attempts: 1,
      maxOutstanding: 1,
    })
    closers.push(() => client.close())
    const outcomes = await Promise.all(
      Array.from({ length: 3000 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' })),
    )
    expect(outcomes.every((outcome) => outcome.kind === 'servfail')).toBe(true)
  })

  it('sends no more at once than a receive buffer holds, and no answer stops the rest for long', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { maxUnreadQueries: 10, attempts: 1 })
    const outcomes = Array.from({ length: 25 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' }))
    await peer.queryArrived(10)
    expect(client.statistics.udpQueries).toBe(10)
    // The server keeps silent, and still all of them come.
    await peer.queryArrived(25)
    for (const query of peer.queries) query.reply(query.answer())
    expect((await Promise.all(outcomes)).every((outcome) => outcome.kind === 'nodata')).toBe(true)
  })
})

describe('the window of unread queries', () => {
  it('opens again with each answer, and needs no time to pass', async () => {
    const peer = await startPeer(answer)
    const schedule = (): (() => void) => () => undefined
    const client = clientOf(peer, { maxUnreadQueries: 4, clock: { now: () => 1000, schedule } })
    const outcomes = Array.from({ length: 50 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' }))
    expect((await Promise.all(outcomes)).every((outcome) => outcome.kind === 'nodata')).toBe(true)
  })
})

describe('source ports', () => {
  it('are many, and drawn anew for each query', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer, { sockets: 16 })
    for (let turn = 0; turn < 200; turn++) await client.resolve({ name: name(`${String(turn)}.test`), type: 'A' })
    const ports = peer.queries.map((query) => query.sourcePort)
    expect(new Set(ports).size).toBeGreaterThan(10)
    expect(new Set(ports).size).toBeLessThanOrEqual(16)
    const changes = ports.filter((port, index) => port !== ports[index - 1]).length
    expect(changes).toBeGreaterThan(150)
  })

  it('are given up after a number of queries', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer, { sockets: 1, maxQueriesPerSocket: 3 })
    for (let turn = 0; turn < 9; turn++) await client.resolve({ name: name(`${String(turn)}.test`), type: 'A' })
    const ports = peer.queries.map((query) => query.sourcePort)
    expect(new Set(ports).size).toBeGreaterThan(1)
    expect([0, 3, 6].map((start) => new Set(ports.slice(start, start + 3)).size)).toEqual([1, 1, 1])
    expect(client.statistics.socketsOpened).toBe(3)
  })

  it('are given up after a time', async () => {
    let now = 1000
    const peer = await startPeer(answer)
    const schedule = (): (() => void) => () => undefined
    const client = clientOf(peer, { sockets: 1, maxSocketAgeMs: 100, clock: { now: () => now, schedule } })
    for (const time of [1000, 1099, 1100, 1150, 1300]) {
      now = time
      await client.resolve({ name: REVERSE, type: 'PTR' })
    }
    expect(client.statistics.socketsOpened).toBe(3)
  })

  it('stay open until what was asked from them is answered', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { sockets: 1, maxQueriesPerSocket: 1 })
    const first = client.resolve({ name: name('first.test'), type: 'A' })
    const query = await peer.queryArrived(1)
    const second = client.resolve({ name: name('second.test'), type: 'A' })
    const other = await peer.queryArrived(2)
    expect(other.sourcePort).not.toBe(query.sourcePort)
    other.reply(other.answer())
    await second
    query.reply(query.answer())
    expect(await first).toMatchObject({ kind: 'nodata' })
    expect(await isPortFree(query.sourcePort)).toBe(true)
  })

  it('are not used up by a server that keeps silent', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { sockets: 2, maxQueriesPerSocket: 1, timeoutMs: 60_000, maxUnreadQueries: 1000 })
    for (let index = 0; index < 100; index++) {
      void client.resolve({ name: name(`${String(index)}.test`), type: 'A' })
      await peer.queryArrived(index + 1)
    }
    // Two in use, and four retired ones for each of them.
    expect(client.statistics.socketsOpened).toBeLessThanOrEqual(10)
  })
})

describe('ids', () => {
  it('are spread over all 16 bits', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer, { maxOutstanding: 50 })
    await Promise.all(Array.from({ length: 500 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' })))
    const ids = peer.queries.map((query) => query.message.id)
    expect(new Set(ids).size).toBeGreaterThan(480)
    for (let bit = 0; bit < 16; bit++) {
      const set = ids.filter((id) => ((id >> bit) & 1) === 1).length
      expect(set).toBeGreaterThan(150)
      expect(set).toBeLessThan(350)
    }
  })

  it('are never given twice to questions on the same port', async () => {
    const held: PeerQuery[] = []
    const peer = await startPeer((query) => held.push(query))
    // Each id is drawn twice in a row.
    let count = 0
    const client = clientOf(peer, {
      sockets: 1,
      case0x20: false,
      random: (target) => target.forEach((_, index) => (target[index] = (count++ >> 2) & 255)),
    })
    const asked = Array.from({ length: 40 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'A' }))
    await peer.queryArrived(40)
    expect(new Set(held.map((query) => query.message.id)).size).toBe(40)
    for (const query of held) query.reply(query.answer())
    await Promise.all(asked)
  })
})

describe('close', () => {
  it('ends what is under way and what waits as aborted, and whatever is asked later', async () => {
    const peer = await startPeer()
    const client = clientOf(peer, { maxOutstanding: 1 })
    const { signal, added, removed } = countedSignal()
    const asked = [
      client.resolve({ name: name('first.test'), type: 'A' }),
      client.resolve({ name: name('second.test'), type: 'A' }, { signal }),
    ]
    await peer.queryArrived(1)
    await client.close()
    expect(await Promise.all(asked)).toEqual([{ kind: 'aborted' }, { kind: 'aborted' }])
    expect([added(), removed()]).toEqual([1, 1])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'aborted' })
    expect(client.statistics).toMatchObject({ outstanding: 0, waiting: 0, udpQueries: 1 })
    await client.close()
  })

  it('closes every socket', async () => {
    const peer = await startPeer(answer)
    const client = clientOf(peer)
    for (let turn = 0; turn < 50; turn++) await client.resolve({ name: name(`${String(turn)}.test`), type: 'A' })
    const ports = [...new Set(peer.queries.map((query) => query.sourcePort))]
    expect(await Promise.all(ports.map(isPortFree))).not.toContain(true)
    await client.close()
    expect(await Promise.all(ports.map(isPortFree))).not.toContain(false)
  })

  it('is not needed for a process to end: an idle client holds nothing alive', async () => {
    const peer = await startPeer((query) => {
      const truncated = query.transport === 'udp' && query.question.name.toLowerCase() === 'tcp.test'
      query.reply(query.answer({ truncated }))
    })
    const program = fileURLToPath(new URL('../support/ask-once.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', program, String(peer.server.port)], { stdio: ['ignore', 'pipe', 'inherit'] })
    closers.push(() => child.kill())
    const output: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
    const [code] = (await once(child, 'close')) as [number | null]
    expect([code, output.join('')]).toEqual([0, 'nodata\nnodata\n'])
  }, 30_000)
})

describe('settings', () => {
  it.each<Partial<DnsClientOptions>>([
    { servers: [] },
    { timeoutMs: 0 },
    { attempts: 0 },
    { maxOutstanding: 0 },
    { maxOutstanding: 60_000 },
    { sockets: 0 },
    { ednsPayload: 100 },
    { queueLimit: NaN },
    { servers: [{ address: { family: 4, bytes: [127, 0, 0, 1] }, port: 0 }] },
  ])('that make no sense are refused: %o', (options) => {
    const servers = [{ address: { family: 4 as const, bytes: [127, 0, 0, 1] }, port: 53 }]
    expect(() => createDnsClient({ servers, ...options })).toThrow(RangeError)
  })
})

function answer(query: PeerQuery): void {
  query.reply(query.answer())
}

async function startPeer(script?: (query: PeerQuery) => void): Promise<DnsPeer> {
  const peer = await startDnsPeer(script)
  closers.push(() => peer.close())
  return peer
}

function clientOf(peer: DnsPeer, options: Partial<DnsClientOptions> = {}): DnsClient {
  const client = createDnsClient({ timeoutMs: 5000, ...options, servers: [peer.server] })
  closers.push(() => client.close())
  return client
}

async function isPortFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    socket.once('error', () => {
      resolve(false)
    })
    socket.bind({ port, exclusive: true }, () => {
      socket.close(() => {
        resolve(true)
      })
    })
  })
}

function countedSignal(): { signal: AbortSignal; added: () => number; removed: () => number } {
  const { signal } = new AbortController()
  let [added, removed] = [0, 0]
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...given: Parameters<typeof add>): void => {
    added++
    add(...given)
  }
  signal.removeEventListener = (...given: Parameters<typeof remove>): void => {
    removed++
    remove(...given)
  }
  return { signal, added: () => added, removed: () => removed }
}
