import { describe, expect, it } from 'vitest'
import type { RecordType } from '../../src/core/dns-record.ts'
import type { Authority, DnsFault, DnsFaultEffect } from '../../src/dns/authority.ts'
import { decodeMessage, RCODE, type DnsMessage } from '../../src/wire/dns.ts'
import { answerLines, PLAIN_EDNS, question, read, tcpClient, udpClient, type UdpClient } from '../support/dns-question.ts'
import { manualClock, startTestDns } from '../support/zone.ts'

const ZONE = `
$ORIGIN lab.test.
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.53
mail A 198.51.100.10
alias CNAME mail
many PTR a
many PTR b
many PTR c
`

const TRUTH = 'mail.lab.test. 3600 IN A 198.51.100.10'
const ASK_MAIL = question('mail.lab.test', 'A', { id: 10 })

/** A question that no fault of these tests is for: its answer shows that nothing came before it. */
const FENCE = question('ns.lab.test', 'A', { id: 11 })

function on(effect: DnsFaultEffect, fault: Partial<DnsFault> = {}): DnsFault {
  return { name: 'mail.lab.test', effect, ...fault }
}

/** Everything that comes back for the question, decoded. */
async function repliesTo(client: UdpClient, message: DnsMessage): Promise<readonly DnsMessage[]> {
  client.send(message)
  client.send(FENCE)
  const replies: DnsMessage[] = []
  for (;;) {
    const reply = read((await client.next()).bytes)
    if (reply.id === FENCE.id && reply.questions[0]?.name === FENCE.questions[0]?.name) return replies
    replies.push(reply)
  }
}

/** The answer in few words: RCODE and records, or `none`. */
async function outcomes(dns: Authority, message: DnsMessage, count = 1): Promise<readonly string[]> {
  await using client = await udpClient(dns)
  const all: string[] = []
  for (let asked = 0; asked < count; asked++) {
    const replies = await repliesTo(client, message)
    all.push(replies.length === 0 ? 'none' : replies.map((reply) => [String(reply.rcode), ...answerLines(reply)].join(' ')).join(' + '))
  }
  return all
}

describe('which questions meet a fault', () => {
  const cases: readonly (readonly [Partial<DnsFault>, string, RecordType, boolean])[] = [
    [{ name: 'mail.lab.test' }, 'mail.lab.test', 'A', true],
    [{ name: 'MAIL.lab.test.' }, 'mail.LAB.test', 'MX', true],
    [{ name: 'mail.lab.test' }, 'x.mail.lab.test', 'A', false],
    [{ name: 'mail.lab.test', type: 'A' }, 'mail.lab.test', 'A', true],
    [{ name: 'mail.lab.test', type: 'A' }, 'mail.lab.test', 'AAAA', false],
    [{ name: '*.lab.test' }, 'mail.lab.test', 'A', true],
    [{ name: '*.lab.test' }, 'x.y.lab.test', 'A', true],
    [{ name: '*.lab.test' }, 'lab.test', 'A', false],
    [{ name: '*.lab.test' }, 'notlab.test', 'A', false],
    [{ name: '*.lab.test' }, 'x\\.lab.test', 'A', false],
    [{ name: '*.lab.test' }, 'x\\\\.lab.test', 'A', true],
    [{ name: '*' }, '.', 'A', true],
    [{ name: '*' }, 'anything.example', 'TXT', true],
    [{ name: '.' }, '.', 'NS', true],
    [{ name: '.' }, 'test', 'NS', false],
    [{ name: 'mail.lab.test', transport: 'tcp' }, 'mail.lab.test', 'A', false],
    [{ name: 'mail.lab.test', transport: 'udp' }, 'mail.lab.test', 'A', true],
  ]
  it.each(cases)('%j: %s %s → %s', async (fault, asked, type, expected) => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'rcode', rcode: 'NOTIMP' }, fault)])
    await using client = await udpClient(dns)
    expect((await client.ask(question(asked, type))).rcode === RCODE.NOTIMP).toBe(expected)
  })

  it('all faults of a question take effect, a later one over an earlier one that it contradicts', async () => {
    const clock = manualClock()
    const faults = [on({ kind: 'delay', ms: 50 }, { name: '*.lab.test' }), on({ kind: 'rcode', rcode: 'SERVFAIL' }), on({ kind: 'nodata' })]
    await using dns = await startTestDns(ZONE, faults, { clock })
    await using client = await udpClient(dns)
    client.send(ASK_MAIL)
    await expect.poll(() => clock.pending).toBe(1)
    clock.advance(50)
    expect(read((await client.next()).bytes)).toMatchObject({ rcode: 0, answers: [] })
    expect(dns.queries.at(-1)?.effects).toEqual(['delay', 'rcode', 'nodata'])
  })

  it('faults can be added, listed, and cleared all or by name', async () => {
    await using dns = await startTestDns(ZONE)
    const servfail = on({ kind: 'rcode', rcode: 'SERVFAIL' })
    dns.faults.add(servfail)
    dns.faults.add(on({ kind: 'rcode', rcode: 'REFUSED' }, { name: '*.lab.test', type: 'MX' }))
    expect(dns.faults.list()).toHaveLength(2)
    expect(await outcomes(dns, ASK_MAIL)).toEqual(['2'])
    dns.faults.clear('mail.lab.test')
    expect(await outcomes(dns, ASK_MAIL)).toEqual([`0 ${TRUTH}`])
    dns.faults.set([servfail])
    expect(dns.faults.list()).toEqual([servfail])
    dns.faults.clear()
    expect(await outcomes(dns, ASK_MAIL)).toEqual([`0 ${TRUTH}`])
  })

  it('faults survive JSON', async () => {
    const faults = [
      on({
        kind: 'sequence',
        steps: [
          { queries: 1, effect: { kind: 'rcode', rcode: 2 } },
          { ms: 5, effect: { kind: 'nodata' } },
        ],
      }),
    ]
    await using dns = await startTestDns(ZONE, JSON.parse(JSON.stringify(faults)) as DnsFault[])
    expect(await outcomes(dns, ASK_MAIL, 2)).toEqual(['2', '0'])
  })
})

describe('effects over UDP', () => {
  const cases: readonly (readonly [string, DnsFaultEffect, readonly string[]])[] = [
    ['SERVFAIL', { kind: 'rcode', rcode: 'SERVFAIL' }, ['2']],
    ['REFUSED', { kind: 'rcode', rcode: 'REFUSED' }, ['5']],
    ['NXDOMAIN', { kind: 'rcode', rcode: 'NXDOMAIN' }, ['3']],
    ['an RCODE by number', { kind: 'rcode', rcode: 9 }, ['9']],
    ['an RCODE above 15 that EDNS would be needed for', { kind: 'rcode', rcode: 23 }, ['2']],
    ['nodata', { kind: 'nodata' }, ['0']],
    ['silence', { kind: 'silence' }, ['none']],
    ['close, which over UDP is silence', { kind: 'close' }, ['none']],
    ['the truth', { kind: 'truth' }, [`0 ${TRUTH}`]],
    [
      'other records, by master file lines about the asked name',
      { kind: 'records', records: ['@ A 10.0.0.1', '  5 A 10.0.0.2', 'www A 10.0.0.3'] },
      ['0 mail.lab.test. 60 IN A 10.0.0.1 mail.lab.test. 5 IN A 10.0.0.2 www.mail.lab.test. 60 IN A 10.0.0.3'],
    ],
    ['no records', { kind: 'records', records: [] }, ['0']],
    ['each record twice', { kind: 'duplicate', what: 'records' }, [`0 ${TRUTH} ${TRUTH}`]],
    ['the reply three times', { kind: 'duplicate', what: 'replies', copies: 3 }, [`0 ${TRUTH} + 0 ${TRUTH} + 0 ${TRUTH}`]],
  ]
  it.each(cases)('%s', async (_, effect, expected) => {
    await using dns = await startTestDns(ZONE, [on(effect)])
    expect(await outcomes(dns, ASK_MAIL)).toEqual(expected)
  })

  it('nodata and the NXDOMAIN of a decoy carry the SOA, so that they are believable', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'nodata' })])
    await using client = await udpClient(dns)
    expect(await client.ask(ASK_MAIL)).toMatchObject({ authorities: [{ type: 'SOA', name: 'lab.test' }] })
  })

  it('an extended RCODE and an extended error (RFC 8914) where the client speaks EDNS', async () => {
    const effect: DnsFaultEffect = { kind: 'rcode', rcode: 23, extendedError: { code: 6, text: 'bogus' } }
    await using dns = await startTestDns(ZONE, [on(effect)])
    await using client = await udpClient(dns)
    expect(await client.ask({ ...ASK_MAIL, edns: PLAIN_EDNS })).toMatchObject({
      rcode: 23,
      edns: { options: [{ code: 15, data: '0006626f677573' }] },
    })
  })

  it('the first two packets are lost, and then it answers', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'silence' }, { first: 2 })])
    expect(await outcomes(dns, ASK_MAIL, 4)).toEqual(['none', 'none', `0 ${TRUTH}`, `0 ${TRUTH}`])
    expect(dns.queries.filter((query) => query.id === 10).map((query) => query.rcode)).toEqual([null, null, 0, 0])
  })

  it('a delay waits for its time, and not less', async () => {
    const clock = manualClock()
    await using dns = await startTestDns(ZONE, [on({ kind: 'delay', ms: 300 })], { clock })
    await using client = await udpClient(dns)
    client.send(ASK_MAIL)
    await expect.poll(() => clock.pending).toBe(1)
    clock.advance(299)
    // What is asked later is answered earlier.
    expect(await client.ask(FENCE)).toMatchObject({ id: FENCE.id })
    clock.advance(1)
    expect(answerLines(read((await client.next()).bytes))).toEqual([TRUTH])
  })

  it('delayed answers are bounded in number', async () => {
    const clock = manualClock()
    await using dns = await startTestDns(ZONE, [on({ kind: 'delay', ms: 300 })], { clock, limits: { maxDelayedAnswers: 2 } })
    await using client = await udpClient(dns)
    for (let sent = 0; sent < 5; sent++) client.send(ASK_MAIL)
    await client.ask(FENCE)
    expect(clock.pending).toBe(2)
    expect(dns.statistics.dropped).toBe(3)
  })

  it('flags of the header, AD even where it was not asked for', async () => {
    const effect: DnsFaultEffect = { kind: 'flags', authenticated: true, authoritative: false, recursionAvailable: false }
    await using dns = await startTestDns(ZONE, [on(effect)])
    await using client = await udpClient(dns)
    expect(await client.ask(ASK_MAIL)).toMatchObject({ authenticated: true, authoritative: false, recursionAvailable: false })
  })

  it('answers turn, stand still, or run backwards', async () => {
    const asked = question('many.lab.test', 'PTR')
    const targets = async (dns: Authority): Promise<readonly string[]> => {
      await using client = await udpClient(dns)
      const seen: string[] = []
      for (let count = 0; count < 3; count++)
        seen.push(
          answerLines(await client.ask(asked))
            .map((line) => line.slice(-12, -10))
            .join(''),
        )
      return seen
    }
    const order = (as: 'fixed' | 'rotate' | 'reverse'): DnsFault => ({ name: 'many.lab.test', effect: { kind: 'order', as } })
    await using dns = await startTestDns(ZONE, [order('rotate')])
    expect(await targets(dns)).toEqual([' a b c', ' b c a', ' c a b'])
    dns.faults.set([order('reverse')])
    expect(await targets(dns)).toEqual([' c b a', ' c b a', ' c b a'])
    await using rotating = await startTestDns(ZONE, [order('fixed')], { flavour: { order: 'rotate' } })
    expect(await targets(rotating)).toEqual([' a b c', ' a b c', ' a b c'])
  })
})

describe('answers that change', () => {
  const A = (last: number): DnsFaultEffect & { kind: 'records' } => ({ kind: 'records', records: [`@ A 10.0.0.${String(last)}`] })
  const answer = (last: number): string => `0 mail.lab.test. 60 IN A 10.0.0.${String(last)}`

  it('by the number of questions, and then the truth', async () => {
    const steps = [
      { queries: 2, effect: A(1) },
      { queries: 1, effect: { kind: 'rcode', rcode: 'SERVFAIL' } as const },
      { queries: 0, effect: A(9) },
      { queries: 1, effect: A(2) },
    ]
    await using dns = await startTestDns(ZONE, [on({ kind: 'sequence', steps })])
    expect(await outcomes(dns, ASK_MAIL, 6)).toEqual([answer(1), answer(1), '2', answer(2), `0 ${TRUTH}`, `0 ${TRUTH}`])
  })

  it('by time since the fault was set; a step without an end stays', async () => {
    const clock = manualClock()
    const steps = [{ ms: 1000, effect: { kind: 'rcode', rcode: 'NXDOMAIN' } as const }, { ms: 1000, effect: A(1) }, { effect: A(2) }]
    await using dns = await startTestDns(ZONE, [on({ kind: 'sequence', steps })], { clock })
    const after = async (ms: number): Promise<string | undefined> => {
      clock.advance(ms)
      return (await outcomes(dns, ASK_MAIL))[0]
    }
    expect([await after(0), await after(999), await after(1), await after(999), await after(1)]).toEqual([
      ...['3', '3', answer(1), answer(1), answer(2)],
    ])
    expect(await after(1_000_000)).toBe(answer(2))
    dns.faults.set(dns.faults.list())
    expect(await after(0)).toBe('3')
    expect(await after(1500)).toBe(answer(1))
    // The second step began when the first was over, not when that was noticed.
    expect(await after(600)).toBe(answer(2))
  })

  it('a step may end by whichever comes first', async () => {
    const clock = manualClock()
    const steps = [
      { ms: 100, queries: 2, effect: A(1) },
      { queries: 1, effect: A(2) },
    ]
    await using dns = await startTestDns(ZONE, [on({ kind: 'sequence', steps })], { clock })
    expect(await outcomes(dns, ASK_MAIL, 4)).toEqual([answer(1), answer(1), answer(2), `0 ${TRUTH}`])
    dns.faults.set(dns.faults.list())
    clock.advance(100)
    expect(await outcomes(dns, ASK_MAIL, 2)).toEqual([answer(2), `0 ${TRUTH}`])
  })
})

describe('truncation', () => {
  it('TC over UDP, the whole answer over TCP', async () => {
    await using dns = await startTestDns(ZONE, [{ name: 'many.lab.test', effect: { kind: 'truncate', keep: 1 } }])
    await using udp = await udpClient(dns)
    const asked = question('many.lab.test', 'PTR')
    expect(await udp.ask(asked)).toMatchObject({ truncated: true, rcode: 0, answers: { length: 1 } })
    await using tcp = await tcpClient(dns)
    expect(await tcp.ask(asked)).toMatchObject({ truncated: false, answers: { length: 3 } })
  })

  it('TC over UDP, and over TCP no answer: either never, or the connection is closed', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'truncate', tcp: 'silence' })])
    expect(await outcomes(dns, ASK_MAIL)).toEqual(['0'])
    await using tcp = await tcpClient(dns)
    tcp.send(ASK_MAIL, FENCE)
    expect(read(await tcp.next()).id).toBe(FENCE.id)
    dns.faults.set([on({ kind: 'truncate', tcp: 'close' })])
    tcp.send(ASK_MAIL)
    await tcp.closed
  })

  it('a fault for TCP only, and one that closes the connection', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'close' }, { transport: 'tcp' })])
    expect(await outcomes(dns, ASK_MAIL)).toEqual([`0 ${TRUTH}`])
    await using tcp = await tcpClient(dns)
    tcp.send(ASK_MAIL)
    await tcp.closed
  })
})

describe('malformed answers', () => {
  const cases = [
    ['empty', 'incomplete'],
    ['short', 'incomplete'],
    ['headerOnly', 'incomplete'],
    ['garbage', 'labelType|pointer|incomplete'],
    ['cut', 'incomplete|rdataLength'],
    ['lyingCounts', 'incomplete'],
    ['lyingLength', 'incomplete|rdataLength'],
    ['compressionLoop', 'pointer'],
    ['forwardPointer', 'pointer'],
    ['badLabel', 'labelType'],
    ['trailing', 'trailingOctets'],
  ] as const
  it.each(cases)('%s: the right id, then %s', async (as, error) => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'malformed', as })])
    await using client = await udpClient(dns)
    await using tcp = await tcpClient(dns)
    client.send(ASK_MAIL)
    tcp.send(ASK_MAIL)
    for (const bytes of [(await client.next()).bytes, await tcp.next()]) {
      const decoded = decodeMessage(bytes)
      expect(decoded.kind === 'malformed' && decoded.error).toMatch(new RegExp(`^(?:${error})$`))
      if (bytes.length >= 2) expect(bytes.readUInt16BE()).toBe(ASK_MAIL.id)
    }
  })

  it('with EDNS, and for an answer without records', async () => {
    await using dns = await startTestDns(ZONE, [
      on({ kind: 'malformed', as: 'lyingCounts' }),
      { name: 'nobody.lab.test', effect: { kind: 'malformed', as: 'cut' } },
    ])
    await using client = await udpClient(dns)
    for (const message of [{ ...ASK_MAIL, edns: PLAIN_EDNS }, question('nobody.lab.test', 'A')]) {
      client.send(message)
      expect(decodeMessage((await client.next()).bytes).kind).toBe('malformed')
    }
  })

  it('well-formed octets that are no answer: without the question, or marked as a question', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'malformed', as: 'noQuestion' })])
    await using client = await udpClient(dns)
    expect(await client.ask(ASK_MAIL)).toMatchObject({ isResponse: true, questions: [], answers: [{ name: 'mail.lab.test' }] })
    dns.faults.set([on({ kind: 'malformed', as: 'notResponse' })])
    expect(await client.ask(ASK_MAIL)).toMatchObject({ isResponse: false, answers: [{ name: 'mail.lab.test' }] })
  })
})

describe('decoys', () => {
  const asked = question('Mail.lab.test', 'A', { id: 10 })
  async function twoReplies(dns: Authority): Promise<readonly { message: DnsMessage; address: string; port: number }[]> {
    await using client = await udpClient(dns)
    client.send(asked)
    const replies = [await client.next(), await client.next()]
    return replies.map(({ bytes, from }) => ({ message: read(bytes), address: from.address, port: from.port }))
  }
  const truth = { id: 10, rcode: 0, questions: asked.questions, answers: { length: 1 } }
  const forged = { rcode: RCODE.NXDOMAIN, answers: [], authorities: [{ type: 'SOA' }] }

  it.each([
    ['id', { id: 10 ^ 0x5555, questions: asked.questions }],
    ['question', { id: 10, questions: [{ name: 'a.lab.test', type: 'A', classCode: 1 }] }],
    ['case', { id: 10, questions: [{ name: 'mAIL.LAB.TEST', type: 'A', classCode: 1 }] }],
    ['port', { id: 10, questions: asked.questions }],
    ['address', { id: 10, questions: asked.questions }],
  ] as const)('wrong %s first, then the true answer', async (as, wrong) => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'decoy', as })])
    const [first, second] = await twoReplies(dns)
    expect(first?.message).toMatchObject({ ...forged, ...wrong })
    expect(second).toMatchObject({ message: truth, address: dns.address, port: dns.port })
    expect(first?.port === dns.port).toBe(as !== 'port')
    expect(first?.address === dns.address).toBe(as !== 'address')
    // The sockets from elsewhere are kept for the next time.
    await twoReplies(dns)
    expect(dns.statistics.errors).toBe(0)
  })

  it('what the forged answer says can be chosen, how often it comes, and that nothing follows', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'decoy', as: 'id', answer: ['@ A 10.6.6.6'], copies: 2 })])
    expect(await outcomes(dns, ASK_MAIL)).toEqual([`0 mail.lab.test. 60 IN A 10.6.6.6 + 0 mail.lab.test. 60 IN A 10.6.6.6 + 0 ${TRUTH}`])
    dns.faults.set([on({ kind: 'decoy', as: 'case', answer: 'truth', then: 'silence' })])
    expect(await outcomes(dns, ASK_MAIL)).toEqual([`0 ${TRUTH}`])
  })

  it('there are none over TCP', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'decoy', as: 'id', then: 'silence' })])
    await using tcp = await tcpClient(dns)
    tcp.send(ASK_MAIL, FENCE)
    expect([read(await tcp.next()).id, read(await tcp.next()).id]).toEqual([10, 11])
  })

  it('on ::1 a wrong address is a wrong port', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'decoy', as: 'address' })], { addresses: ['::1'] })
    const [first, second] = await twoReplies(dns)
    expect(first).toMatchObject({ address: '::1', message: forged })
    expect(first?.port).not.toBe(dns.port)
    expect(second).toMatchObject({ port: dns.port, message: truth })
  })
})

describe('faults behind an alias', () => {
  const asked = question('alias.lab.test', 'A', { id: 10 })

  it('an answer stops before a name that has a fault of its own, so that the client meets it', async () => {
    await using dns = await startTestDns(ZONE, [on({ kind: 'rcode', rcode: 'SERVFAIL' }, { type: 'A' })])
    expect(await outcomes(dns, asked)).toEqual(['0 alias.lab.test. 3600 IN CNAME mail.lab.test.'])
    expect(await outcomes(dns, question('alias.lab.test', 'MX', { id: 10 }))).toEqual(['0 alias.lab.test. 3600 IN CNAME mail.lab.test.'])
  })

  it('a fault that both names meet, and one that is spent, hold nothing up', async () => {
    const whole = `0 alias.lab.test. 3600 IN CNAME mail.lab.test. ${TRUTH}`
    await using dns = await startTestDns(ZONE, [on({ kind: 'order', as: 'fixed' }, { name: '*.lab.test' })])
    expect(await outcomes(dns, asked)).toEqual([whole])
    dns.faults.set([on({ kind: 'silence' }, { first: 1 })])
    expect(await outcomes(dns, ASK_MAIL)).toEqual(['none'])
    expect(await outcomes(dns, asked)).toEqual([whole])
  })

  it('by setting no alias is followed', async () => {
    await using dns = await startTestDns(ZONE, [], { flavour: { followAliases: false } })
    expect(await outcomes(dns, asked)).toEqual(['0 alias.lab.test. 3600 IN CNAME mail.lab.test.'])
  })
})

describe('a fault that makes no sense is refused with a reason', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [on({ kind: 'truth' }, { name: 'a..b' }), 'fault ("a..b"): the name is neither a domain name, nor *.NAME, nor *'],
    [on({ kind: 'truth' }, { name: '*.' }), 'fault ("*."): the name is neither a domain name, nor *.NAME, nor *'],
    [{ ...on({ kind: 'truth' }), type: 'BOGUS' }, 'fault ("mail.lab.test"): "BOGUS" is no record type'],
    [{ ...on({ kind: 'truth' }), transport: 'quic' }, 'fault ("mail.lab.test"): transport must be udp or tcp'],
    [on({ kind: 'truth' }, { first: 1.5 }), 'fault ("mail.lab.test"): first must be a whole number'],
    [{ ...on({ kind: 'truth' }), effect: { kind: 'explode' } }, 'fault ("mail.lab.test"): there is no effect "explode"'],
    [{ ...on({ kind: 'truth' }), effect: { kind: 'rcode', rcode: 'BAD' } }, 'fault ("mail.lab.test"): "BAD" is no RCODE'],
    [on({ kind: 'rcode', rcode: 4096 }), 'fault ("mail.lab.test"): 4096 is no RCODE'],
    [
      on({ kind: 'rcode', rcode: 2, extendedError: { code: 70_000 } }),
      'fault ("mail.lab.test"): extendedError needs a code up to 65535, and a text of up to 200 characters',
    ],
    [
      on({ kind: 'records', records: ['@ A 10.0.0.1', '@ A nowhere'] }),
      'fault ("mail.lab.test"): records:2:5: A: "nowhere" is no IPv4 address',
    ],
    [on({ kind: 'delay', ms: -1 }), 'fault ("mail.lab.test"): ms must be from 0 to 86400000'],
    [on({ kind: 'delay', ms: NaN }), 'fault ("mail.lab.test"): ms must be from 0 to 86400000'],
    [on({ kind: 'truncate', keep: -1 }), 'fault ("mail.lab.test"): keep must be a whole number'],
    [{ ...on({ kind: 'truth' }), effect: { kind: 'truncate', tcp: 'x' } }, 'fault ("mail.lab.test"): tcp must be answer, silence or close'],
    [{ ...on({ kind: 'truth' }), effect: { kind: 'malformed', as: 'x' } }, 'fault ("mail.lab.test"): as must be one of empty, short, '],
    [
      { ...on({ kind: 'truth' }), effect: { kind: 'decoy', as: 'x' } },
      'fault ("mail.lab.test"): as must be one of id, question, case, port, address',
    ],
    [on({ kind: 'decoy', as: 'id', copies: 17 }), 'fault ("mail.lab.test"): copies must be from 1 to 16'],
    [
      { ...on({ kind: 'truth' }), effect: { kind: 'decoy', as: 'id', then: 'x' } },
      'fault ("mail.lab.test"): then must be answer or silence',
    ],
    [
      { ...on({ kind: 'truth' }), effect: { kind: 'decoy', as: 'id', answer: 'x' } },
      'fault ("mail.lab.test"): answer must be nxdomain, truth or records',
    ],
    [on({ kind: 'decoy', as: 'id', answer: ['x'] }), 'fault ("mail.lab.test"): records:1:1: the record type is missing'],
    [{ ...on({ kind: 'truth' }), effect: { kind: 'order', as: 'x' } }, 'fault ("mail.lab.test"): as must be fixed, rotate or reverse'],
    [{ ...on({ kind: 'truth' }), effect: { kind: 'duplicate', what: 'x' } }, 'fault ("mail.lab.test"): what must be records or replies'],
    [on({ kind: 'duplicate', what: 'records', copies: 0 }), 'fault ("mail.lab.test"): copies must be from 1 to 16'],
    [
      on({ kind: 'sequence', steps: [{ queries: -1, effect: { kind: 'truth' } }] }),
      'fault ("mail.lab.test"): queries and ms must be whole numbers',
    ],
    [on({ kind: 'sequence', steps: [{ effect: { kind: 'delay', ms: -1 } }] }), 'fault ("mail.lab.test"): ms must be from 0 to 86400000'],
  ]
  it('each of them, and the faults before stay in force', async () => {
    const before = on({ kind: 'silence' })
    await using dns = await startTestDns(ZONE, [before])
    for (const [fault, reason] of cases) {
      expect(() => {
        dns.faults.add(fault as DnsFault)
      }).toThrow(reason)
    }
    expect(() => {
      dns.faults.set([before, cases[0]?.[0] as DnsFault])
    }).toThrow('fault 2 ("a..b"): the name')
    expect(dns.faults.list()).toEqual([before])
  })
})
