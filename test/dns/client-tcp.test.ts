import { afterEach, describe, expect, it } from 'vitest'
import { name, type DomainName } from '../../src/core/domain-name.ts'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { createDnsClient, type DnsClient, type DnsClientOptions } from '../../src/dns/client.ts'
import type { DnsMessage } from '../../src/wire/dns.ts'
import { framed, octetsOf, startDnsPeer, type DnsPeer, type PeerQuery } from '../support/dns-peer.ts'

const REVERSE = name('7.100.51.198.in-addr.arpa')
const MANY = Array.from({ length: 300 }, (_, index) => ptr(REVERSE, name(`host-${String(index)}.example.com`)))

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('truncated answers', () => {
  it('are asked for again over TCP: 300 PTR records', async () => {
    const peer = await startPeer((query) => query.reply(query.transport === 'udp' ? truncated(query) : query.answer({ answers: MANY })))
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records', records: MANY })
    expect(client.statistics).toMatchObject({ udpQueries: 1, tcpQueries: 1, truncated: 1 })
  })

  it('are not read at all: a server may cut them anywhere', async () => {
    const peer = await startPeer((query) => {
      const whole = octetsOf(query.answer({ answers: MANY, truncated: query.transport === 'udp' }))
      query.reply(query.transport === 'udp' ? whole.subarray(0, 501) : whole)
    })
    expect(await clientOf([peer]).resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
  })

  it('keep TC over TCP from asking on and on', async () => {
    const peer = await startPeer((query) => query.reply(query.answer({ answers: MANY.slice(0, 3), truncated: true })))
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics).toMatchObject({ udpQueries: 1, tcpQueries: 1 })
  })

  it('lead to the next server where TCP is refused', async () => {
    const first = await startPeer(undefined)
    const udpOnly = await startPeer((query) => query.reply(truncated(query)))
    udpOnly.refuseTcp()
    first.script = overTcp((query) => query.reply(query.answer({ answers: MANY })))
    const client = clientOf([udpOnly, first])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics.transportErrors).toBe(1)
  })

  it('say so where there is no next', async () => {
    const peer = await startPeer((query) => query.reply(truncated(query)))
    peer.refuseTcp()
    const outcome = await clientOf([peer], { attempts: 1 }).resolve({ name: REVERSE, type: 'PTR' })
    expect(outcome).toEqual({ kind: 'servfail', detail: expect.stringContaining('ECONNREFUSED') as string })
  })
})

describe('answers over TCP', () => {
  it.each<[string, (query: PeerQuery) => DnsMessage | Uint8Array, string]>([
    ['another id', (query) => ({ ...query.answer({ answers: MANY }), id: query.message.id ^ 1 }), 'id'],
    ['another question', (query) => query.answer({ questions: [{ ...query.question, type: 'A' }] }), 'question'],
    ['less than a header', () => Uint8Array.of(1, 2, 3), 'id'],
    ['no octets at all', () => new Uint8Array(0), 'id'],
    ['a question', (query) => query.bytes, 'notResponse'],
  ])('with %s are ignored and counted, and the true one counts', async (_, forge, reason) => {
    const peer = await startPeer(
      overTcp((query) => {
        query.reply(forge(query))
        query.reply(query.answer({ answers: [ptr(REVERSE, name('mail.example.com'))] }))
      }),
    )
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: [{ target: 'mail.example.com' }] })
    expect(client.statistics.rejected[reason as 'id']).toBe(1)
  })

  it('are put together from single octets', async () => {
    const peer = await startPeer(
      overTcp((query) => {
        for (const octet of framed(octetsOf(query.answer({ answers: MANY.slice(0, 5) })))) query.write(Buffer.of(octet))
      }),
    )
    expect(await clientOf([peer]).resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: MANY.slice(0, 5) })
  })

  it('malformed lead to the next server', async () => {
    const bad = await startPeer(overTcp((query) => query.reply(Buffer.concat([octetsOf(query.answer()), Buffer.of(0)]))))
    const good = await startPeer((query) => query.reply(query.answer({ answers: MANY.slice(0, 1) })))
    expect(await clientOf([bad, good]).resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
  })

  it('that never come time out like any other', async () => {
    const peer = await startPeer(overTcp(() => undefined))
    const client = clientOf([peer], { timeoutMs: 30, attempts: 1 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'timeout' })
    await peer.connectionClosed()
    expect(peer.connections.open).toBe(0)
  })

  it('that break off lead to the next try', async () => {
    let connections = 0
    const peer = await startPeer(
      overTcp((query) => {
        if (++connections > 1) return query.reply(query.answer({ answers: MANY }))
        query.write(framed(octetsOf(query.answer({ answers: MANY }))).subarray(0, 900))
        query.hangUp()
      }),
    )
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics).toMatchObject({ transportErrors: 1, tcpQueries: 2 })
  })
})

describe('connections', () => {
  it('are used again for the next question', async () => {
    const peer = await startPeer(overTcp((query) => query.reply(query.answer())))
    const client = clientOf([peer])
    for (let turn = 0; turn < 5; turn++) await client.resolve({ name: name(`${String(turn)}.test`), type: 'PTR' })
    expect(peer.connections.accepted).toBe(1)
    expect(client.statistics).toMatchObject({ connectionsOpened: 1, tcpQueries: 5 })
  })

  it('that the server closed while they were idle are opened anew without a failure', async () => {
    const peer = await startPeer(
      overTcp((query) => {
        query.reply(query.answer())
        query.hangUp()
      }),
    )
    const client = clientOf([peer])
    for (let turn = 0; turn < 4; turn++) {
      expect(await client.resolve({ name: name(`${String(turn)}.test`), type: 'PTR' })).toMatchObject({ kind: 'nodata' })
    }
    expect(client.statistics.transportErrors).toBe(0)
  })

  it('that the server closes on the next query are opened anew without a failure', async () => {
    const peer = await startPeer(
      overTcp((query) => {
        if (query.question.name.toLowerCase() === 'b.test' && peer.connections.accepted === 1) query.hangUp()
        else query.reply(query.answer())
      }),
    )
    const client = clientOf([peer], { attempts: 1 })
    for (const text of ['a.test', 'b.test'])
      expect(await client.resolve({ name: name(text), type: 'PTR' })).toMatchObject({ kind: 'nodata' })
    expect(client.statistics).toMatchObject({ transportErrors: 0, connectionsOpened: 2 })
  })

  it('are never more than set, and the rest wait', async () => {
    const held: PeerQuery[] = []
    const peer = await startPeer(
      overTcp((query) => {
        held.push(query)
        if (held.length === 2) for (const each of held.splice(0)) each.reply(each.answer())
      }),
    )
    const client = clientOf([peer], { maxTcpConnections: 2 })
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => client.resolve({ name: name(`${String(index)}.test`), type: 'PTR' })),
    )
    expect(outcomes.every((outcome) => outcome.kind === 'nodata')).toBe(true)
    expect(peer.connections.mostOpen).toBe(2)
  })

  it('to one server make room for another', async () => {
    const peers = [
      await startPeer(overTcp((query) => query.reply(query.answer()))),
      await startPeer(overTcp((query) => query.reply(query.answer()))),
    ]
    const client = clientOf(peers, { maxTcpConnections: 1, rotate: true })
    for (let turn = 0; turn < 4; turn++) {
      expect(await client.resolve({ name: name(`${String(turn)}.test`), type: 'PTR' })).toMatchObject({ kind: 'nodata' })
    }
    expect(client.statistics.connectionsOpened).toBe(4)
  })

  it('are closed after a while without questions', async () => {
    const peer = await startPeer(overTcp((query) => query.reply(query.answer())))
    await clientOf([peer], { tcpIdleMs: 20 }).resolve({ name: REVERSE, type: 'PTR' })
    await peer.connectionClosed()
    expect(peer.connections.open).toBe(0)
  })

  it('on which the server speaks out of turn are dropped', async () => {
    const peer = await startPeer(
      overTcp((query) => {
        query.reply(query.answer())
        query.reply(query.answer({ answers: MANY }))
      }),
    )
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'nodata' })
    await peer.connectionClosed()
    expect(await client.resolve({ name: name('2.test'), type: 'PTR' })).toMatchObject({ kind: 'nodata' })
    expect(client.statistics.connectionsOpened).toBe(2)
  })

  it('of an aborted question are dropped, and who waits gets a new one', async () => {
    const peer = await startPeer((query) => {
      const asked = query.question.name.toLowerCase()
      if (query.transport === 'udp') query.reply(query.answer({ truncated: asked !== 'probe.test' }))
      else if (asked !== 'silent.test') query.reply(query.answer())
    })
    const client = clientOf([peer], { maxTcpConnections: 1, attempts: 1 })
    const abort = new AbortController()
    const silent = client.resolve({ name: name('silent.test'), type: 'PTR' }, { signal: abort.signal })
    await peer.queryArrived(2)
    const next = client.resolve({ name: name('next.test'), type: 'PTR' })
    // Once questions that were asked later are answered, the truncated answer has been seen.
    while (client.statistics.tcpQueries < 2) await client.resolve({ name: name('probe.test'), type: 'PTR' })
    abort.abort()
    expect(await silent).toEqual({ kind: 'aborted' })
    expect(await next).toMatchObject({ kind: 'nodata' })
    expect(client.statistics.connectionsOpened).toBe(2)
  })
})

function overTcp(script: (query: PeerQuery) => void): (query: PeerQuery) => void {
  return (query) => {
    if (query.transport === 'udp') query.reply(truncated(query))
    else script(query)
  }
}

function truncated(query: PeerQuery): DnsMessage {
  return query.answer({ truncated: true })
}

async function startPeer(script?: (query: PeerQuery) => void): Promise<DnsPeer> {
  const peer = await startDnsPeer(script)
  closers.push(() => peer.close())
  return peer
}

function clientOf(peers: readonly DnsPeer[], options: Partial<DnsClientOptions> = {}): DnsClient {
  const client = createDnsClient({ timeoutMs: 5000, ...options, servers: peers.map((peer) => peer.server) })
  closers.push(() => client.close())
  return client
}

function ptr(owner: DomainName, target: DomainName): ResourceRecord {
  return { type: 'PTR', target, name: owner, ttl: 60 }
}
