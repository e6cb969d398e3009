import { afterEach, describe, expect, it } from 'vitest'
import type { Socket as UdpSocket } from 'node:dgram'
import { parseAddress, type IpAddress } from '../../src/core/address.ts'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { canonicalName, name, nameFromLabels, type DomainName } from '../../src/core/domain-name.ts'
import { createDnsClient, type DnsClient, type DnsClientOptions } from '../../src/dns/client.ts'
import type { DnsOutcome, RecordType } from '../../src/dns/resolver.ts'
import { encodeMessage, type DnsMessage } from '../../src/wire/dns.ts'
import { octetsOf, startDnsPeer, strangerSocket, type DnsPeer, type PeerQuery } from '../support/dns-peer.ts'

const REVERSE = name('7.100.51.198.in-addr.arpa')
const MAIL = name('mail.example.com')

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('outcomes', () => {
  it('gives the records of the asked type with the least TTL, in the order of the answer', async () => {
    const answers = [ptr(REVERSE, name('b.example.com'), 300), ptr(REVERSE, name('a.example.com'), 60)]
    const outcome = await ask((query) => query.reply(query.answer({ answers })), REVERSE, 'PTR')
    expect(outcome).toEqual({ kind: 'records', records: answers, aliases: [], ttl: 60, authenticated: false })
  })

  it('asks for AD and passes it on', async () => {
    const outcome = await ask((query) => {
      expect(query.message.authenticated).toBe(true)
      query.reply(query.answer({ answers: [ptr(REVERSE, MAIL, 60)], authenticated: true }))
    })
    expect(outcome).toMatchObject({ kind: 'records', authenticated: true })
  })

  it('leaves out records of other owners, other types and other classes', async () => {
    const answers: ResourceRecord[] = [
      ptr(name('8.100.51.198.in-addr.arpa'), name('other.example.com'), 60),
      { type: 'TXT', strings: ['x'], name: REVERSE, ttl: 1 },
      ptr(REVERSE, MAIL, 60),
    ]
    const outcome = await ask((query) => query.reply(query.answer({ answers })))
    expect(outcome).toMatchObject({ kind: 'records', records: [ptr(REVERSE, MAIL, 60)], ttl: 60 })
  })

  it.each<[string, Partial<DnsMessage>, Partial<DnsOutcome>]>([
    ['nodata for the SOA’s minimum', { authorities: [soa('51.198.in-addr.arpa', 900, 300)] }, { kind: 'nodata', ttl: 300 }],
    ['nodata for the SOA’s TTL', { authorities: [soa('51.198.in-addr.arpa', 200, 300)] }, { kind: 'nodata', ttl: 200 }],
    ['nodata without an SOA, not to be cached', {}, { kind: 'nodata', ttl: 0 }],
    ['nodata under a foreign SOA, not to be cached', { authorities: [soa('example.com', 200, 300)] }, { kind: 'nodata', ttl: 0 }],
    ['nxdomain', { rcode: 3, authorities: [soa('in-addr.arpa', 900, 60)] }, { kind: 'nxdomain', ttl: 60, aliases: [] }],
    ['nxdomain without an SOA', { rcode: 3 }, { kind: 'nxdomain', ttl: 0 }],
    ['servfail', { rcode: 2 }, { kind: 'servfail' }],
    ['refused', { rcode: 5 }, { kind: 'refused' }],
    ['any other RCODE by its name', { rcode: 9 }, { kind: 'servfail', detail: 'NOTAUTH' }],
    ['an unknown RCODE by its number', { rcode: 3841 }, { kind: 'servfail', detail: 'RCODE 3841' }],
  ])('%s', async (_, parts, expected) => {
    const outcome = await ask((query) => query.reply(query.answer(parts)))
    expect(outcome).toEqual(expect.objectContaining(expected))
  })

  it('tells a referral from nodata', async () => {
    const authorities: ResourceRecord[] = [{ type: 'NS', target: name('ns.example.com'), name: name('198.in-addr.arpa'), ttl: 60 }]
    const outcome = await ask((query) => query.reply(query.answer({ authorities, recursionAvailable: false })))
    expect(outcome).toEqual({ kind: 'servfail', detail: 'a referral instead of an answer' })
    const recursive = await ask((query) => query.reply(query.answer({ authorities })))
    expect(recursive).toMatchObject({ kind: 'nodata', ttl: 0 })
    const authoritative = await ask((query) => query.reply(query.answer({ authorities, recursionAvailable: false, authoritative: true })))
    expect(authoritative).toMatchObject({ kind: 'nodata', ttl: 0 })
  })

  it('reports an extended error (RFC 8914) with its meaning and text', async () => {
    const outcome = await ask((query) => query.reply(query.answer({ rcode: 2, edns: extendedError(6, 'no DNSKEY') })))
    expect(outcome).toEqual({ kind: 'servfail', detail: 'extended error 6 (DNSSEC Bogus): no DNSKEY' })
  })

  it('cuts a long text of an extended error short', async () => {
    const outcome = await ask((query) => query.reply(query.answer({ rcode: 5, edns: extendedError(18, 'x'.repeat(900)) })))
    expect(outcome).toEqual({ kind: 'refused', detail: `extended error 18 (Prohibited): ${'x'.repeat(200)}` })
  })

  it.each<[string, (whole: Uint8Array) => Uint8Array, RegExp]>([
    ['cut off behind the question', (whole) => whole.subarray(0, -3), /^incomplete at octet/],
    ['with octets left over', (whole) => Buffer.concat([whole, Buffer.of(0)]), /^trailingOctets at octet/],
    ['with a lying RDLENGTH', (whole) => patch(whole, whole.length - 19, 0xff), /^(incomplete|rdataLength) at octet/],
  ])('malformed: an answer %s', async (_, spoil, detail) => {
    const outcome = await ask((query) => {
      query.reply(spoil(encodeMessage(query.answer({ answers: [ptr(REVERSE, MAIL, 60)], edns: null }))))
    })
    expect(outcome).toEqual({ kind: 'malformed', detail: expect.stringMatching(detail) as string })
  })

  it('malformed: an answer cut off within the question, once the time is up', async () => {
    const outcome = await ask((query) =>
      query.reply(query.bytes.map((octet, index) => (index === 2 ? octet | 0x80 : octet)).subarray(0, 20)),
    )
    expect(outcome).toEqual({ kind: 'malformed', detail: 'the answer ends within its question' })
  })

  it('timeout, after as many tries as set', async () => {
    const peer = await startPeer()
    const client = clientOf([peer], { timeoutMs: 20, attempts: 3 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'timeout' })
    expect(client.statistics).toMatchObject({ udpQueries: 3, timeouts: 3, outstanding: 0 })
  })

  it('refuses a type that does not exist as a programmer’s error', async () => {
    const client = clientOf([await startPeer()])
    await expect(client.resolve({ name: REVERSE, type: 'BOGUS' as RecordType })).rejects.toThrow(TypeError)
    await expect(client.resolve({ name: REVERSE, type: 'TYPE70000' })).rejects.toThrow(TypeError)
  })

  it('asks for types that it does not know', async () => {
    const record: ResourceRecord = { type: 'UNKNOWN', typeCode: 65280, data: 'abcd', name: MAIL, ttl: 60 }
    const outcome = await ask((query) => query.reply(query.answer({ answers: [record] })), MAIL, 'TYPE65280')
    expect(outcome).toMatchObject({ kind: 'records', records: [record] })
  })
})

describe('aliases in one answer', () => {
  const first = cname(REVERSE, name('7.0-63.100.51.198.in-addr.arpa'), 100)
  const second = cname(name('7.0-63.100.51.198.in-addr.arpa'), name('ptr7.example.com'), 50)
  const aliases = [
    { name: first.name, target: name('7.0-63.100.51.198.in-addr.arpa'), ttl: 100 },
    { name: second.name, target: name('ptr7.example.com'), ttl: 50 },
  ]

  it.each<[string, Partial<DnsMessage>, DnsOutcome]>([
    [
      'records at the end of the chain, whatever the order of the answer',
      { answers: [ptr(name('PTR7.example.com'), MAIL, 70), second, first] },
      { kind: 'records', records: [ptr(name('PTR7.example.com'), MAIL, 70)], aliases, ttl: 50, authenticated: false },
    ],
    [
      'nodata where an SOA above the last target proves it',
      { answers: [first, second], authorities: [soa('example.com', 900, 40)] },
      { kind: 'nodata', aliases, ttl: 40, authenticated: false },
    ],
    [
      'nxdomain, which is about the last target (RFC 6604)',
      { answers: [first, second], rcode: 3, authorities: [soa('example.com', 900, 700)] },
      { kind: 'nxdomain', aliases, ttl: 50, authenticated: false },
    ],
    [
      'alias where nothing is said about the target',
      { answers: [first, second] },
      { kind: 'alias', target: name('ptr7.example.com'), aliases, ttl: 50, authenticated: false },
    ],
    [
      'alias where the SOA is of another zone',
      { answers: [first, second], authorities: [soa('198.in-addr.arpa', 900, 40)] },
      { kind: 'alias', target: name('ptr7.example.com'), aliases, ttl: 50, authenticated: false },
    ],
    [
      'aliasLoop',
      { answers: [first, cname(name('7.0-63.100.51.198.in-addr.arpa'), REVERSE, 50)] },
      { kind: 'aliasLoop', aliases: [aliases[0] ?? never(), { name: second.name, target: REVERSE, ttl: 50 }] },
    ],
  ])('%s', async (_, parts, expected) => {
    expect(await ask((query) => query.reply(query.answer(parts)))).toEqual(expected)
  })

  it('does not follow a CNAME that was asked for', async () => {
    const outcome = await ask((query) => query.reply(query.answer({ answers: [first] })), REVERSE, 'CNAME')
    expect(outcome).toMatchObject({ kind: 'records', records: [first], aliases: [] })
  })

  it('walks a bounded number of them', async () => {
    const link = (index: number): DomainName => (index === 0 ? REVERSE : name(`n${String(index)}.test`))
    const answers = Array.from({ length: 80 }, (_, index) => cname(link(index), link(index + 1), 60))
    const outcome = await ask((query) => query.reply(encodeMessage(query.answer({ answers }))))
    expect(outcome).toMatchObject({ kind: 'aliasTooDeep' })
  })
})

describe('the query', () => {
  it('is one question with EDNS of 1232 octets, recursion desired and DO as set', async () => {
    let seen: DnsMessage | undefined
    const peer = await startPeer((query) => {
      seen = query.message
      query.reply(query.answer())
    })
    await clientOf([peer], { dnssecOk: true }).resolve({ name: REVERSE, type: 'PTR' })
    expect(seen).toMatchObject({
      opcode: 0,
      recursionDesired: true,
      checkingDisabled: false,
      edns: { udpPayloadSize: 1232, version: 0, dnssecOk: true, options: [] },
    })
    await clientOf([peer], { ednsPayload: null, recursionDesired: false }).resolve({ name: REVERSE, type: 'PTR' })
    expect(seen).toMatchObject({ recursionDesired: false, edns: null })
  })

  it('varies the case of the name, and gives names back in the asker’s', async () => {
    const asked = name('Mail.Example.COM')
    const seen = new Set<string>()
    const peer = await startPeer((query) => {
      seen.add(query.question.name)
      // Both names are compressed into the question, in whatever case it came.
      const target = query.question.name.slice(5) as DomainName
      query.reply(query.answer({ answers: [ptr(query.question.name, target, 60)] }))
    })
    const client = clientOf([peer])
    for (let turn = 0; turn < 20; turn++) {
      expect(await client.resolve({ name: asked, type: 'PTR' })).toMatchObject({ records: [ptr(asked, name('Example.COM'), 60)] })
    }
    expect(seen.size).toBeGreaterThan(10)
    expect(new Set([...seen].map((text) => text.toLowerCase()))).toEqual(new Set(['mail.example.com']))
  })

  it('keeps names with hostile labels whole', async () => {
    const hostile = nameFromLabels(['a.b', '\r\n\0', '\xffÀ', 'x'.repeat(63)])
    const outcome = await ask(
      (query) => query.reply(query.answer({ answers: [ptr(query.question.name, query.question.name, 1)] })),
      hostile,
      'PTR',
    )
    expect(outcome).toMatchObject({ kind: 'records', records: [{ name: hostile }] })
    if (outcome.kind === 'records' && outcome.records[0]?.type === 'PTR') {
      expect(canonicalName(outcome.records[0].target)).toBe(canonicalName(hostile))
    }
  })

  it('asks for the root', async () => {
    const record: ResourceRecord = { type: 'NS', target: name('a.root-servers.net'), name: name('.'), ttl: 60 }
    const outcome = await ask((query) => query.reply(query.answer({ answers: [record] })), name('.'), 'NS')
    expect(outcome).toMatchObject({ kind: 'records', records: [record] })
  })
})

describe('forged answers', () => {
  const forged = [ptr(REVERSE, name('forged.example.net'), 9999)]

  it.each<[string, string, (query: PeerQuery, stranger: UdpSocket) => void]>([
    ['another id', 'id', (query) => query.reply({ ...query.answer({ answers: forged }), id: query.message.id ^ 1 })],
    ['another port', 'source', (query, stranger) => query.replyFrom(stranger, query.answer({ answers: forged }))],
    ['another name', 'question', (query) => query.reply(query.answer({ answers: forged, questions: [{ ...query.question, name: MAIL }] }))],
    ['another type', 'question', (query) => query.reply(query.answer({ answers: forged, questions: [{ ...query.question, type: 'A' }] }))],
    [
      'another class',
      'question',
      (query) => query.reply(query.answer({ answers: forged, questions: [{ ...query.question, classCode: 3 }] })),
    ],
    ['no question', 'question', (query) => query.reply(query.answer({ answers: forged, questions: [] }))],
    ['two questions', 'question', (query) => query.reply(query.answer({ answers: forged, questions: [query.question, query.question] }))],
    ['a question', 'notResponse', (query) => query.reply(query.bytes)],
    ['another opcode', 'notResponse', (query) => query.reply(query.answer({ answers: forged, opcode: 5 }))],
    ['eleven octets', 'short', (query) => query.reply(query.bytes.subarray(0, 11))],
    ['nothing at all', 'short', (query) => query.reply(new Uint8Array(0))],
  ])('%s is ignored and counted, and the true answer counts', async (_, reason, forge) => {
    const stranger = await strangerSocket()
    closers.push(() => stranger.close())
    const peer = await startPeer((query) => {
      forge(query, stranger)
      afterEcho(stranger, query, () => {
        query.reply(query.answer({ answers: [ptr(REVERSE, MAIL, 60)] }))
      })
    })
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: [ptr(REVERSE, MAIL, 60)] })
    // The stranger's echo is a datagram from a wrong source as well.
    const { rejected } = client.statistics
    expect(rejected[reason as keyof typeof rejected]).toBe(reason === 'source' ? 2 : 1)
    expect(client.statistics).toMatchObject({ udpQueries: 1, tcpQueries: 0, replies: 1 })
  })

  it('another address is ignored and counted', async () => {
    const stranger = await strangerSocket('127.0.0.2')
    closers.push(() => stranger.close())
    const peer = await startPeer((query) => {
      query.replyFrom(stranger, query.answer({ answers: forged }))
      afterEcho(stranger, query, () => {
        query.reply(query.answer({ answers: [ptr(REVERSE, MAIL, 60)] }))
      })
    })
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: [ptr(REVERSE, MAIL, 60)] })
    expect(client.statistics.rejected).toMatchObject({ source: 2 })
  })

  it('the wrong case is ignored and counted, and TCP tells the truth', async () => {
    const peer = await startPeer((query) => {
      if (query.transport === 'udp') query.reply(flipCase(query.answer({ answers: forged })))
      else query.reply(query.answer({ answers: [ptr(REVERSE, MAIL, 60)] }))
    })
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: [ptr(REVERSE, MAIL, 60)] })
    expect(client.statistics).toMatchObject({ udpQueries: 1, tcpQueries: 1, caseFallbacks: 1, rejected: { case: 1 } })
    // The server keeps case over TCP: the datagram may have been forged, and 0x20 stays.
    await client.resolve({ name: MAIL, type: 'A' })
    expect(client.statistics.rejected.case).toBe(2)
  })

  it('the wrong case asks only once over TCP, and the true datagram still counts', async () => {
    const peer = await startPeer((query) => {
      if (query.transport === 'tcp') {
        peer.queries[0]?.reply(peer.queries[0].answer({ answers: [ptr(REVERSE, MAIL, 60)] }))
        return
      }
      for (let forgery = 0; forgery < 5; forgery++) query.reply(flipCase(query.answer({ answers: forged })))
    })
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: [ptr(REVERSE, MAIL, 60)] })
    expect(client.statistics).toMatchObject({ tcpQueries: 1, caseFallbacks: 1 })
  })

  it('an answer to an earlier question with the same id on the same port', async () => {
    const peer = await startPeer()
    const client = clientOf([peer], { sockets: 1, attempts: 1, timeoutMs: 20, random: (target) => target.fill(7) })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'timeout' })
    const [late] = peer.queries
    peer.script = (query) => {
      expect([query.message.id, query.sourcePort]).toEqual([late?.message.id, late?.sourcePort])
      late?.reply(late.answer({ answers: forged }))
      query.reply(query.answer({ answers: [ptr(MAIL, MAIL, 60)] }))
    }
    expect(await client.resolve({ name: MAIL, type: 'PTR' })).toMatchObject({ records: [ptr(MAIL, MAIL, 60)] })
    expect(client.statistics.rejected.question).toBe(1)
  })
})

describe('servers that do not keep the case of names', () => {
  it('are found out over TCP, and asked without 0x20 from then on', async () => {
    const lower = (query: PeerQuery): DnsMessage => {
      const questions = [{ ...query.question, name: canonicalName(query.question.name) }]
      return query.answer({ questions, answers: [ptr(canonicalName(query.question.name), MAIL, 60)] })
    }
    const peer = await startPeer((query) => query.reply(lower(query)))
    const client = clientOf([peer])
    for (let turn = 0; turn < 3; turn++) {
      expect(await client.resolve({ name: name(`${String(turn)}.Some.Long.Example.Test`), type: 'PTR' })).toMatchObject({ kind: 'records' })
    }
    expect(client.statistics).toMatchObject({ udpQueries: 3, tcpQueries: 1, rejected: { case: 1 } })
  })

  it('are believed at once where 0x20 is off', async () => {
    const peer = await startPeer((query) => query.reply(flipCase(query.answer({ answers: [ptr(MAIL, MAIL, 60)] }))))
    const client = clientOf([peer], { case0x20: false })
    expect(await client.resolve({ name: MAIL, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(peer.queries[0]?.question.name).toBe(MAIL)
  })
})

describe('several servers', () => {
  it.each([
    [2, 'servfail'],
    [5, 'refused'],
  ])('RCODE %i of one server leads to the next', async (rcode) => {
    const ill = await startPeer((query) => query.reply(query.answer({ rcode })))
    const well = await startPeer(replyWithMail)
    const client = clientOf([ill, well])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
  })

  it('asks nobody twice who has answered, and reports what they said', async () => {
    const first = await startPeer((query) => query.reply(query.answer({ rcode: 2 })))
    const second = await startPeer((query) => query.reply(query.answer({ rcode: 5 })))
    const outcome = await clientOf([first, second], { attempts: 5 }).resolve({ name: REVERSE, type: 'PTR' })
    expect(outcome).toEqual({ kind: 'refused' })
    expect([first.queries.length, second.queries.length]).toEqual([1, 1])
  })

  it('asks a silent one again in its turn, and reports what another one said', async () => {
    const ill = await startPeer((query) => query.reply(query.answer({ rcode: 2 })))
    const silent = await startPeer()
    const outcome = await clientOf([ill, silent], { attempts: 2, timeoutMs: 20 }).resolve({ name: REVERSE, type: 'PTR' })
    expect(outcome).toEqual({ kind: 'servfail' })
    expect([ill.queries.length, silent.queries.length]).toEqual([1, 2])
  })

  it('a malformed answer leads to the next', async () => {
    const ill = await startPeer((query) => query.reply(Buffer.concat([octetsOf(query.answer()), Buffer.of(1)])))
    const client = clientOf([ill, await startPeer(replyWithMail)])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics.malformed).toBe(1)
  })

  it('silence leads to the next; an answer that comes late still counts', async () => {
    const slow = await startPeer()
    const second = await startPeer((query) => {
      expect(query.transport).toBe('udp')
      slow.queries[0]?.reply(slow.queries[0].answer({ answers: [ptr(REVERSE, MAIL, 60)] }))
    })
    const client = clientOf([slow, second], { timeoutMs: 30 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ records: [ptr(REVERSE, MAIL, 60)] })
    expect(client.statistics).toMatchObject({ timeouts: 1, udpQueries: 2 })
  })

  it('a late SERVFAIL does not disturb the try that is under way', async () => {
    const slow = await startPeer()
    const second = await startPeer()
    const client = clientOf([slow, second], { timeoutMs: 150 })
    const outcome = client.resolve({ name: REVERSE, type: 'PTR' })
    const query = await second.queryArrived(1)
    slow.queries[0]?.reply(slow.queries[0].answer({ rcode: 2 }))
    // Once another question has gone there and back, the SERVFAIL has been seen.
    slow.script = replyWithMail
    for (const text of ['a.test', 'b.test']) await client.resolve({ name: name(text), type: 'PTR' })
    expect(client.statistics.replies).toBe(3)
    replyWithMail(query)
    expect(await outcome).toMatchObject({ kind: 'records' })
    expect(second.queries.length).toBe(1)
  })

  it('an answer after the end of its question is counted and ignored', async () => {
    const peer = await startPeer()
    const client = clientOf([peer], { timeoutMs: 20, attempts: 1, sockets: 1 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'timeout' })
    peer.script = (query) => {
      peer.queries[0]?.reply(peer.queries[0].answer())
      replyWithMail(query)
    }
    expect(await client.resolve({ name: MAIL, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics.rejected.id).toBe(1)
  })

  it('takes turns with `rotate`', async () => {
    const peers = [await startPeer(replyWithMail), await startPeer(replyWithMail), await startPeer(replyWithMail)]
    const client = clientOf(peers, { rotate: true })
    for (let turn = 0; turn < 6; turn++) await client.resolve({ name: name(`${String(turn)}.test`), type: 'PTR' })
    expect(peers.map((peer) => peer.queries.length)).toEqual([2, 2, 2])
  })

  it('asks one that keeps silent last, until it answers again', async () => {
    const silent = await startPeer()
    const well = await startPeer(replyWithMail)
    const client = clientOf([silent, well], { timeoutMs: 20 })
    for (let turn = 0; turn < 6; turn++) await client.resolve({ name: name(`${String(turn)}.test`), type: 'PTR' })
    expect([silent.queries.length, well.queries.length]).toEqual([3, 6])
  })

  it('goes on to the next at once where nothing can be sent', async () => {
    const well = await startPeer(replyWithMail)
    // The kernel does not let a broadcast out of an ordinary socket.
    const unreachable = { server: { address: address('255.255.255.255'), port: 53 } }
    const client = clientOf([unreachable, well], { timeoutMs: 60_000 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics).toMatchObject({ transportErrors: 1, timeouts: 0 })
  })

  it('says why nothing could be sent', async () => {
    const client = clientOf([{ server: { address: address('255.255.255.255'), port: 53 } }], { timeoutMs: 60_000 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({
      kind: 'servfail',
      detail: expect.stringContaining('EACCES') as string,
    })
  })

  it('asks over IPv6', async () => {
    const peer = await startPeer(replyWithMail, '::1').catch(() => undefined)
    if (!peer) return
    expect(await clientOf([peer]).resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
  })
})

describe('servers without EDNS', () => {
  const bareHeader = (query: PeerQuery, rcode: number): Buffer =>
    Buffer.from([...query.bytes.subarray(0, 2), 0x80, 0x80 | rcode, 0, 0, 0, 0, 0, 0, 0, 0])

  it.each<[string, (query: PeerQuery) => DnsMessage | Uint8Array]>([
    ['FORMERR', (query) => query.answer({ rcode: 1, edns: null })],
    ['FORMERR as a bare header', (query) => bareHeader(query, 1)],
    ['NOTIMP', (query) => query.answer({ rcode: 4, edns: null })],
    ['BADVERS', (query) => query.answer({ rcode: 16 })],
  ])('%s leads to the same question without EDNS, and the next goes without at once', async (_, refuse) => {
    const peer = await startPeer((query) => {
      if (query.message.edns) query.reply(refuse(query))
      else replyWithMail(query)
    })
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(await client.resolve({ name: MAIL, type: 'PTR' })).toMatchObject({ kind: 'records' })
    expect(client.statistics).toMatchObject({ ednsFallbacks: 1, udpQueries: 3 })
  })

  it('FORMERR without EDNS as well is a failure', async () => {
    const peer = await startPeer((query) => query.reply(query.answer({ rcode: 1, edns: null })))
    const client = clientOf([peer])
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'servfail', detail: 'FORMERR' })
    expect(client.statistics.udpQueries).toBe(2)
  })

  it('a bare header with any other RCODE is no answer', async () => {
    const peer = await startPeer((query) => query.reply(bareHeader(query, 3)))
    const client = clientOf([peer], { timeoutMs: 20, attempts: 1 })
    expect(await client.resolve({ name: REVERSE, type: 'PTR' })).toEqual({ kind: 'timeout' })
    expect(client.statistics.rejected.question).toBe(1)
  })
})

function ask(script: (query: PeerQuery) => void, question = REVERSE, type: RecordType = 'PTR'): Promise<DnsOutcome> {
  return startPeer(script).then((peer) => clientOf([peer], { timeoutMs: 200, attempts: 1 }).resolve({ name: question, type }))
}

async function startPeer(script?: (query: PeerQuery) => void, host?: string): Promise<DnsPeer> {
  const peer = await startDnsPeer(script, host)
  closers.push(() => peer.close())
  return peer
}

function clientOf(peers: readonly Pick<DnsPeer, 'server'>[], options: Partial<DnsClientOptions> = {}): DnsClient {
  const client = createDnsClient({ timeoutMs: 5000, ...options, servers: peers.map((peer) => peer.server) })
  closers.push(() => client.close())
  return client
}

function replyWithMail(query: PeerQuery): void {
  query.reply(query.answer({ answers: [ptr(query.question.name, MAIL, 60)] }))
}

/** Loopback keeps the order of datagrams: what `then` sends arrives after the stranger's, and so after what was sent before. */
function afterEcho(stranger: UdpSocket, query: PeerQuery, then: () => void): void {
  query.replyFrom(stranger, Buffer.from('a stranger speaks'))
  setImmediate(then)
}

/** The same message with the case of each letter of the question turned. */
function flipCase(message: DnsMessage): DnsMessage {
  const turn = (text: string): DomainName =>
    [...text].map((letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase())).join('') as DomainName
  return { ...message, questions: message.questions.map((question) => ({ ...question, name: turn(question.name) })) }
}

function patch(whole: Uint8Array, offset: number, octet: number): Uint8Array {
  const patched = Uint8Array.from(whole)
  patched[offset] = octet
  return patched
}

function ptr(owner: DomainName, target: DomainName, ttl: number): ResourceRecord {
  return { type: 'PTR', target, name: owner, ttl }
}

function cname(owner: DomainName, target: DomainName, ttl: number): ResourceRecord {
  return { type: 'CNAME', target, name: owner, ttl }
}

function soa(owner: string, ttl: number, minimum: number): ResourceRecord {
  const [primary, mailbox] = [name('ns.example.net'), name('hostmaster.example.net')]
  return { type: 'SOA', primary, mailbox, serial: 1, refresh: 2, retry: 3, expire: 4, minimum, name: name(owner), ttl }
}

function extendedError(code: number, text: string): DnsMessage['edns'] {
  const data = Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(text)]).toString('hex')
  return { udpPayloadSize: 1232, version: 0, dnssecOk: false, options: [{ code: 15, data }] }
}

function address(text: string): IpAddress {
  return parseAddress(text) ?? never()
}

function never(): never {
  throw new Error('unreachable')
}
