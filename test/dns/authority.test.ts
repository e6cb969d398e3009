import fc from 'fast-check'
import { createSocket } from 'node:dgram'
import { describe, expect, it } from 'vitest'
import { startAuthority, type Authority } from '../../src/dns/authority.ts'
import { encodeMessage, RCODE, type DnsMessage } from '../../src/wire/dns.ts'
import { answerLines, PLAIN_EDNS, question, read, tcpClient, udpClient } from '../support/dns-question.ts'
import { manualClock, startTestDns, zoneRecords } from '../support/zone.ts'

const ZONE = `
$ORIGIN lab.test.
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
mail A 198.51.100.10
alias CNAME mail
sub NS ns.sub
ns.sub A 127.0.0.2
$GENERATE 1-100 many A 10.0.0.$
$GENERATE 1-30 some A 10.0.0.$
@ TXT "v=spf1 -all"
`

async function askUdp(dns: Authority, message: DnsMessage | Uint8Array): Promise<DnsMessage> {
  await using client = await udpClient(dns)
  return await client.ask(message)
}

describe('header and EDNS', () => {
  it('an answer repeats id, RD, CD and the question in its case, and has QR, AA and RA', async () => {
    await using dns = await startTestDns(ZONE)
    const query = question('mAiL.LaB.tEsT', 'A', { id: 0xbeef, checkingDisabled: true })
    expect(await askUdp(dns, query)).toEqual({
      ...query,
      isResponse: true,
      authoritative: true,
      recursionAvailable: true,
      answers: [{ type: 'A', name: 'mAiL.LaB.tEsT', ttl: 3600, address: { family: 4, bytes: [198, 51, 100, 10] } }],
    })
    expect(await askUdp(dns, question('mail.lab.test', 'A', { recursionDesired: false }))).toMatchObject({ recursionDesired: false })
  })

  it('flavours: no RA, no AA, order by turns', async () => {
    await using dns = await startTestDns('x A 10.0.0.1\nx A 10.0.0.2\nx A 10.0.0.3\na CNAME x', [], {
      flavour: { recursionAvailable: false, authoritative: false, order: 'rotate' },
    })
    await using client = await udpClient(dns)
    const first = await client.ask(question('a', 'A'))
    expect(first).toMatchObject({ recursionAvailable: false, authoritative: false, answers: [{ type: 'CNAME' }, {}, {}, {}] })
    const orders = [first, await client.ask(question('a', 'A')), await client.ask(question('a', 'A'))]
    const firsts = orders.map((message) => answerLines(message)[1])
    expect(new Set(firsts)).toEqual(new Set(['x. 3600 IN A 10.0.0.1', 'x. 3600 IN A 10.0.0.2', 'x. 3600 IN A 10.0.0.3']))
  })

  it('AD is set where the flavour pretends validation, for those who ask by AD or DO', async () => {
    await using dns = await startTestDns(ZONE, [], { flavour: { authenticated: true } })
    const mail = (overrides: Partial<DnsMessage>): Promise<DnsMessage> => askUdp(dns, question('mail.lab.test', 'A', overrides))
    expect(await mail({})).toMatchObject({ authenticated: false })
    expect(await mail({ authenticated: true })).toMatchObject({ authenticated: true })
    expect(await mail({ edns: { ...PLAIN_EDNS, dnssecOk: true } })).toMatchObject({ authenticated: true, edns: { dnssecOk: true } })
    expect(await askUdp(dns, question('nobody.lab.test', 'A', { authenticated: true }))).toMatchObject({ authenticated: true, rcode: 3 })
    expect(await askUdp(dns, question('example.org', 'A', { authenticated: true }))).toMatchObject({ authenticated: false, rcode: 5 })
    await using honest = await startTestDns(ZONE)
    expect(await askUdp(honest, question('mail.lab.test', 'A', { authenticated: true }))).toMatchObject({ authenticated: false })
  })

  it('EDNS is answered with our own payload size, DO as sent, no options, and only where it was sent', async () => {
    await using dns = await startTestDns(ZONE)
    const edns = { ...PLAIN_EDNS, udpPayloadSize: 4096, options: [{ code: 10, data: '0011223344556677' }] }
    expect(await askUdp(dns, question('mail.lab.test', 'A', { edns }))).toMatchObject({
      edns: { udpPayloadSize: 1232, version: 0, dnssecOk: false, options: [] },
    })
    expect(await askUdp(dns, question('mail.lab.test', 'A'))).toMatchObject({ edns: null })
  })

  it('an EDNS version that we do not speak → BADVERS, with version 0 and no answer', async () => {
    await using dns = await startTestDns(ZONE)
    expect(await askUdp(dns, question('mail.lab.test', 'A', { edns: { ...PLAIN_EDNS, version: 1 } }))).toMatchObject({
      rcode: RCODE.BADVERS,
      answers: [],
      edns: { version: 0 },
    })
  })

  it('a referral has no AA, and carries glue', async () => {
    await using dns = await startTestDns(ZONE)
    expect(await askUdp(dns, question('x.sub.lab.test', 'A'))).toMatchObject({
      ...{ rcode: 0, authoritative: false, answers: [] },
      authorities: [{ type: 'NS', name: 'sub.lab.test' }],
      additionals: [{ type: 'A', name: 'ns.sub.lab.test' }],
    })
  })

  it.each([
    ['refused', RCODE.REFUSED],
    ['nxdomain', RCODE.NXDOMAIN],
    ['servfail', RCODE.SERVFAIL],
  ] as const)('a name outside of our zones is %s by setting, without AA', async (outside, rcode) => {
    await using dns = await startTestDns(ZONE, [], { flavour: { outside } })
    expect(await askUdp(dns, question('example.org', 'A'))).toMatchObject({ rcode, authoritative: false, answers: [], authorities: [] })
  })

  it.each([
    ['an opcode other than QUERY', { opcode: 4 }, RCODE.NOTIMP],
    ['no question', { questions: [] }, RCODE.FORMERR],
    ['two questions', { questions: [...question('a', 'A').questions, ...question('b', 'A').questions] }, RCODE.FORMERR],
    ['a question with an answer', { answers: zoneRecords('x A 10.0.0.1').slice(0, 1) }, RCODE.FORMERR],
    ['class CH', { questions: [{ ...question('version.bind', 'TXT').questions[0], classCode: 3 }] as never }, RCODE.REFUSED],
    ['a zone transfer', { questions: question('lab.test', 'TYPE252').questions }, RCODE.REFUSED],
    ['a question for OPT', { questions: question('lab.test', 'TYPE41').questions }, RCODE.FORMERR],
    ['MAILB', { questions: question('lab.test', 'TYPE253').questions }, RCODE.NOTIMP],
  ] satisfies [string, Partial<DnsMessage>, number][])('%s → an error and no records', async (_, overrides, rcode) => {
    await using dns = await startTestDns(ZONE)
    const answer = await askUdp(dns, question('mail.lab.test', 'A', overrides))
    expect(answer).toMatchObject({ id: 1, rcode, answers: [], authorities: [], additionals: [], isResponse: true })
  })
})

describe('truncation', () => {
  it.each([
    ['without EDNS at 512 octets', null, 512],
    ['with EDNS at what the client takes', { ...PLAIN_EDNS, udpPayloadSize: 800 }, 800],
    ['never below 512', { ...PLAIN_EDNS, udpPayloadSize: 100 }, 512],
    ['never above our own payload size', { ...PLAIN_EDNS, udpPayloadSize: 65_535 }, 1232],
  ] as const)('%s', async (_, edns, limit) => {
    await using dns = await startTestDns(ZONE)
    await using client = await udpClient(dns)
    client.send(question('many.lab.test', 'A', { edns }))
    const { bytes } = await client.next()
    expect(bytes.length).toBeLessThanOrEqual(limit)
    expect(bytes.length).toBeGreaterThan(limit - 16)
    expect(read(bytes)).toMatchObject({ truncated: true, rcode: 0 })
  })

  it('the whole answer comes over TCP, and an answer that fits has no TC', async () => {
    await using dns = await startTestDns(ZONE)
    await using tcp = await tcpClient(dns)
    expect(await tcp.ask(question('many.lab.test', 'A'))).toMatchObject({ truncated: false, answers: { length: 100 } })
    await using udp = await udpClient(dns)
    expect(await udp.ask(question('some.lab.test', 'A', { edns: PLAIN_EDNS }))).toMatchObject({ truncated: false, answers: { length: 30 } })
  })
})

describe('sockets', () => {
  it('listens on several addresses of both families with one port, on UDP and TCP', async () => {
    await using dns = await startTestDns(ZONE, [], { addresses: ['127.0.0.1', '127.0.0.7', '::1'] })
    expect(dns).toMatchObject({
      address: '127.0.0.1',
      server: `127.0.0.1:${String(dns.port)}`,
      addresses: ['127.0.0.1', '127.0.0.7', '::1'],
    })
    for (const address of dns.addresses) {
      await using udp = await udpClient({ address, port: dns.port })
      expect(await udp.ask(question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
      await using tcp = await tcpClient({ address, port: dns.port })
      expect(await tcp.ask(question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
    }
    expect(dns.queries.map((query) => query.from.address)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.7', '127.0.0.1', '::1', '::1'])
  })

  it('an IPv6 address stands in brackets in what --resolver takes', async () => {
    await using dns = await startAuthority({ addresses: ['::1'] })
    expect(dns.server).toBe(`[::1]:${String(dns.port)}`)
  })

  it('a port that is taken is an error, and nothing stays bound', async () => {
    await using dns = await startTestDns(ZONE)
    await expect(startTestDns(ZONE, [], { addresses: ['127.0.0.9', '127.0.0.1'], port: dns.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await using again = await startTestDns(ZONE, [], { addresses: ['127.0.0.9'], port: dns.port })
    expect(again.port).toBe(dns.port)
  })

  it('options that make no sense are refused before anything is bound', async () => {
    await expect(startTestDns(ZONE, [], { addresses: ['localhost'] })).rejects.toThrow('not an address to listen on: "localhost"')
    await expect(startTestDns(ZONE, [{ name: 'a..b', effect: { kind: 'silence' } }])).rejects.toThrow('fault 1 ("a..b")')
  })

  it('can do without TCP: connections are refused', async () => {
    await using dns = await startTestDns(ZONE, [], { tcp: false })
    await expect(tcpClient(dns)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await askUdp(dns, question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
  })

  it('closing ends connections, cancels what is due, may be done twice, and frees the port', async () => {
    const clock = manualClock()
    const dns = await startTestDns(ZONE, [{ name: '*', effect: { kind: 'delay', ms: 100 } }], { clock })
    await using tcp = await tcpClient(dns)
    tcp.send(question('mail.lab.test', 'A'))
    await using udp = await udpClient(dns)
    udp.send(question('mail.lab.test', 'A'))
    await expect.poll(() => dns.queries.length).toBe(2)
    await Promise.all([dns.close(), dns.close()])
    await tcp.closed
    await expect.poll(() => clock.pending).toBe(0)
    await using again = await startTestDns(ZONE, [], { port: dns.port })
    expect(await askUdp(again, question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
  })

  it('an abort signal closes it, and one that has fired prevents it', async () => {
    const controller = new AbortController()
    const dns = await startTestDns(ZONE, [], { signal: controller.signal })
    await using tcp = await tcpClient(dns)
    controller.abort()
    await tcp.closed
    await dns.close()
    await expect(startTestDns(ZONE, [], { signal: controller.signal })).rejects.toThrow('aborted')
  })

  it('the zones may be changed while it runs', async () => {
    await using dns = await startTestDns(ZONE)
    await using client = await udpClient(dns)
    expect(await client.ask(question('new.lab.test', 'A'))).toMatchObject({ rcode: RCODE.NXDOMAIN })
    dns.zone.add(zoneRecords('new.lab.test A 10.0.0.1').slice(0, 1))
    expect(answerLines(await client.ask(question('new.lab.test', 'A')))).toEqual(['new.lab.test. 3600 IN A 10.0.0.1'])
    dns.zone.set(zoneRecords('new.lab.test 5 A 10.0.0.2').slice(0, 1))
    expect(answerLines(await client.ask(question('new.lab.test', 'A')))).toEqual(['new.lab.test. 5 IN A 10.0.0.2'])
    dns.zone.remove({ name: question('new.lab.test', 'A').questions[0]?.name ?? ('' as never) })
    expect(await client.ask(question('new.lab.test', 'A'))).toMatchObject({ rcode: RCODE.NXDOMAIN })
  })
})

describe('TCP', () => {
  it('answers many questions of one connection, also when they arrive in one piece or octet by octet', async () => {
    await using dns = await startTestDns(ZONE)
    await using tcp = await tcpClient(dns)
    const queries = Array.from({ length: 50 }, (_, id) => question('mail.lab.test', 'A', { id }))
    tcp.send(...queries)
    const ids: number[] = []
    for (let count = 0; count < 50; count++) ids.push(read(await tcp.next()).id)
    expect(ids).toEqual(queries.map((query) => query.id))

    const message = encodeMessage(question('mail.lab.test', 'A', { id: 99 }))
    for (const octet of [0, message.length, ...message]) tcp.write(Buffer.of(octet))
    expect(read(await tcp.next()).id).toBe(99)
  })

  it('a delayed answer does not hold up those behind it (RFC 7766 §6.2.1.1)', async () => {
    const clock = manualClock()
    await using dns = await startTestDns(ZONE, [{ name: 'mail.lab.test', effect: { kind: 'delay', ms: 500 } }], { clock })
    await using tcp = await tcpClient(dns)
    tcp.send(question('mail.lab.test', 'A', { id: 1 }), question('ns.lab.test', 'A', { id: 2 }))
    expect(read(await tcp.next()).id).toBe(2)
    clock.advance(500)
    expect(read(await tcp.next()).id).toBe(1)
  })

  it('a client that has said all it will still gets the answers that are due', async () => {
    const clock = manualClock()
    await using dns = await startTestDns(ZONE, [{ name: 'mail.lab.test', effect: { kind: 'delay', ms: 500 } }], { clock })
    await using tcp = await tcpClient(dns)
    tcp.send(question('mail.lab.test', 'A', { id: 7 }))
    tcp.end()
    await expect.poll(() => dns.queries.length).toBe(1)
    clock.advance(500)
    expect(read(await tcp.next()).id).toBe(7)
    await tcp.closed
  })

  it('a connection that brings no whole message in time is closed, however often it sends an octet', async () => {
    const clock = manualClock()
    await using dns = await startTestDns(ZONE, [], { clock, limits: { tcpIdleMs: 1000 } })
    await using tcp = await tcpClient(dns)
    await tcp.ask(question('mail.lab.test', 'A'))
    clock.advance(900)
    // Each whole message begins the time anew …
    await tcp.ask(question('mail.lab.test', 'A'))
    clock.advance(900)
    await tcp.ask(question('mail.lab.test', 'A'))
    clock.advance(900)
    // … and single octets do not.
    tcp.write(Buffer.of(0))
    clock.advance(100)
    await tcp.closed
  })

  it('connections are bounded in number', async () => {
    await using dns = await startTestDns(ZONE, [], { limits: { maxTcpConnections: 2 } })
    await using first = await tcpClient(dns)
    await using second = await tcpClient(dns)
    await Promise.all([first.ask(question('mail.lab.test', 'A')), second.ask(question('mail.lab.test', 'A'))])
    await using third = await tcpClient(dns)
    await third.closed
    expect(await first.ask(question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
    expect(dns.statistics).toMatchObject({ tcpConnections: 2, tcpRefused: 1 })
  })

  it('a connection with too many answers due is read no further until some are sent', async () => {
    const clock = manualClock()
    await using dns = await startTestDns(ZONE, [{ name: '*', effect: { kind: 'delay', ms: 10 } }], {
      clock,
      limits: { maxTcpPipelined: 2 },
    })
    await using tcp = await tcpClient(dns)
    tcp.send(question('a.lab.test', 'A', { id: 1 }))
    await expect.poll(() => dns.queries.length).toBe(1)
    tcp.send(question('a.lab.test', 'A', { id: 2 }))
    await expect.poll(() => dns.queries.length).toBe(2)
    tcp.send(question('a.lab.test', 'A', { id: 3 }))
    await using udp = await udpClient(dns)
    udp.send(question('b.lab.test', 'A'))
    // The question over UDP, sent later, is read before the third one.
    await expect.poll(() => dns.queries.map((query) => query.transport)).toEqual(['tcp', 'tcp', 'udp'])
    clock.advance(10)
    expect([read(await tcp.next()).id, read(await tcp.next()).id]).toEqual([1, 2])
    await expect.poll(() => dns.queries.length).toBe(4)
  })

  it('octets that are no question end the connection', async () => {
    await using dns = await startTestDns(ZONE)
    for (const octets of [Buffer.of(0, 0), Buffer.of(0, 1, 9), Buffer.concat([Buffer.of(0, 12, 0, 1, 0x80), Buffer.alloc(9)])]) {
      await using tcp = await tcpClient(dns)
      tcp.write(octets)
      await tcp.closed
    }
    await using tcp = await tcpClient(dns)
    const endless = Buffer.concat([Buffer.of(0, 5, 1, 0, 0, 9), Buffer.alloc(65_529)])
    expect(await tcp.ask(endless)).toMatchObject({ id: 5, rcode: RCODE.FORMERR })
    expect(await tcp.ask(question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
  })
})

describe('hostile octets', () => {
  it('a message that breaks off behind its header → FORMERR; a response or less than a header → nothing', async () => {
    await using dns = await startTestDns(ZONE)
    await using client = await udpClient(dns)
    const whole = encodeMessage(question('mail.lab.test', 'A', { id: 77 }))
    expect(await client.ask(whole.subarray(0, 20))).toMatchObject({ id: 77, rcode: RCODE.FORMERR, questions: [], isResponse: true })
    client.send(new Uint8Array())
    client.send(whole.subarray(0, 11))
    client.send({ ...question('mail.lab.test', 'A', { id: 78 }), isResponse: true })
    expect(await client.ask(question('mail.lab.test', 'A', { id: 79 }))).toMatchObject({ id: 79, rcode: 0 })
    expect(dns.statistics).toMatchObject({ unreadable: 4, queries: 1, errors: 0 })
  })

  it('no datagram stops it, makes it throw, or gets more than one answer', async () => {
    await using dns = await startTestDns(ZONE)
    await using client = await udpClient(dns)
    const honest = [
      encodeMessage(question('mail.lab.test', 'A', { edns: PLAIN_EDNS })),
      encodeMessage(question('alias.lab.test', 'TYPE255')),
      encodeMessage({ ...question('many.lab.test', 'A'), answers: zoneRecords('x MX 1 y') }),
    ]
    const mutated = fc
      .tuple(fc.constantFrom(...honest), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }), fc.nat(80))
      .map(([bytes, changes, cut]) => {
        const copy = Buffer.from(bytes)
        for (const [at, octet] of changes) copy[at % copy.length] = octet
        return cut % 3 === 0 ? copy.subarray(0, cut) : copy
      })
    const fence = question('fence.lab.test', 'A', { id: 0xfefe })
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) }),
        async (bytes) => {
          client.send(bytes)
          client.send(fence)
          let answers = 0
          while (!isFence((await client.next()).bytes)) answers++
          expect(answers).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 2000 },
    )
    expect(dns.statistics.errors).toBe(0)
  })

  it('no stream of octets stops it', async () => {
    await using dns = await startTestDns(ZONE)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), async (chunks) => {
        await using tcp = await tcpClient(dns)
        for (const chunk of chunks) tcp.write(chunk)
        tcp.end()
        await tcp.closed
      }),
      { numRuns: 100 },
    )
    await using tcp = await tcpClient(dns)
    expect(await tcp.ask(question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
    expect(dns.statistics.errors).toBe(0)
  })
})

describe('the log of queries', () => {
  it('shows what was asked, as it was asked', async () => {
    const clock = manualClock(5000)
    await using dns = await startTestDns(ZONE, [], { clock })
    await using client = await udpClient(dns)
    await client.ask(question('MAIL.lab.test', 'AAAA', { id: 3, authenticated: true, edns: { ...PLAIN_EDNS, dnssecOk: true } }))
    expect(dns.queries).toEqual([
      {
        ...{ atMs: 5000, transport: 'udp', from: { address: '127.0.0.1', port: client.port }, id: 3, name: 'MAIL.lab.test', type: 'AAAA' },
        ...{ recursionDesired: true, authenticated: true, checkingDisabled: false, edns: { udpPayloadSize: 1232, dnssecOk: true } },
        ...{ effects: [], rcode: 0 },
      },
    ])
    dns.clearQueries()
    expect(dns.queries).toEqual([])
  })

  it('keeps only the last ones', async () => {
    await using dns = await startTestDns(ZONE, [], { limits: { maxLoggedQueries: 3 } })
    await using client = await udpClient(dns)
    for (let id = 1; id <= 10; id++) await client.ask(question('mail.lab.test', 'A', { id }))
    expect(dns.queries.map((query) => query.id)).toEqual([8, 9, 10])
    expect(dns.statistics.queries).toBe(10)
  })
})

it('a datagram from a client that is gone costs nothing', async () => {
  await using dns = await startTestDns(ZONE)
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => {
    socket.send(encodeMessage(question('mail.lab.test', 'A')), dns.port, dns.address, () => {
      socket.close(resolve)
    })
  })
  await expect.poll(() => dns.statistics.queries).toBe(1)
  expect(await askUdp(dns, question('mail.lab.test', 'A'))).toMatchObject({ rcode: 0 })
  expect(dns.statistics.errors).toBe(0)
})

function isFence(bytes: Buffer): boolean {
  return bytes.length > 12 && bytes.readUInt16BE() === 0xfefe && bytes.includes('fence')
}
