import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { name, type DomainName } from '../../src/core/domain-name.ts'
import { ByteReader, MAX_NAME_WORK } from '../../src/wire/byte-reader.ts'
import { decodeMessage, encodeMessage, readMessage, type DnsMessage } from '../../src/wire/dns.ts'
import { compareQuestion, encodeQuery, questionEndOf, ReplyReader } from '../../src/wire/dns-query.ts'
import { question } from '../support/dns-question.ts'
import { dnsMessage } from './dns-arbitrary.ts'

/** Octets that the longest name adds to the work before it is noticed. */
const ONE_NAME = 512

describe('every truncation point', () => {
  it.each(Object.keys(realMessages()))('of %s is incomplete, and never anything else', (label) => {
    const bytes = realMessages()[label] ?? NOTHING
    expect(decodeMessage(bytes).kind).toBe('message')
    for (let length = 0; length < bytes.length; length++) {
      const decoded = decodeMessage(bytes.subarray(0, length))
      expect(decoded).toMatchObject({ kind: 'malformed', error: 'incomplete' })
      if (decoded.kind === 'malformed') expect(decoded.offset).toBeLessThanOrEqual(length)
    }
  })

  it('of arbitrary messages is incomplete', () => {
    fc.assert(
      fc.property(dnsMessage, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (message, share) => {
        const bytes = encodeMessage(message)
        expect(decodeMessage(bytes.subarray(0, Math.floor(bytes.length * share)))).toMatchObject({ error: 'incomplete' })
      }),
      { numRuns: 1000 },
    )
  })
})

describe('200,000 mutated messages', () => {
  it('give a message or a typed error, at bounded work', () => {
    const random = generator(20_240_607)
    const originals = [
      ...Object.values(realMessages()),
      ...fc.sample(dnsMessage, { numRuns: 200, seed: 7 }).map((message) => encodeMessage(message)),
    ]
    const seen = new Map<string, number>()
    let mostWork = 0
    for (let turn = 0; turn < 200_000; turn++) {
      const bytes = mutate(originals[random(originals.length)] ?? NOTHING, originals[random(originals.length)] ?? NOTHING, random)
      const reader = new ByteReader(bytes)
      readMessage(reader)
      mostWork = Math.max(mostWork, reader.nameWork)
      const decoded = decodeMessage(bytes)
      const outcome = decoded.kind === 'message' ? 'message' : decoded.error
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
      if (decoded.kind === 'malformed' && decoded.offset > bytes.length) throw new Error(`a fault behind the end: ${outcome}`)
    }
    expect(mostWork).toBeLessThanOrEqual(MAX_NAME_WORK + ONE_NAME)
    // The mutations reach every kind of fault, and not only the first.
    for (const error of ['message', 'incomplete', 'pointer', 'labelType', 'rdataLength', 'trailingOctets', 'opt']) {
      expect(seen.get(error) ?? 0).toBeGreaterThan(100)
    }
  }, 120_000)

  it('that are still messages survive encoding: what we read, we can write', () => {
    const random = generator(99)
    const originals = Object.values(realMessages())
    for (let turn = 0; turn < 20_000; turn++) {
      const decoded = decodeMessage(mutate(originals[turn % originals.length] ?? NOTHING, originals[0] ?? NOTHING, random))
      if (decoded.kind === 'message') expect(decodeMessage(encodeMessage(decoded.message))).toEqual(decoded)
    }
  })

  it('are read in the same way by the client’s short way', () => {
    const random = generator(4711)
    const reader = new ReplyReader()
    const originals = Object.values(realMessages())
    const asked = name('7.100.51.198.in-addr.arpa')
    const options = { recursionDesired: true, edns: null }
    const query = encodeQuery(0x1234, asked, 12, options)
    const questionEnd = questionEndOf(query, options)
    let read = 0
    for (let turn = 0; turn < 50_000; turn++) {
      const bytes = Buffer.from(mutate(originals[random(originals.length)] ?? NOTHING, originals[0] ?? NOTHING, random))
      if (bytes.length < 12 || compareQuestion(bytes, query, questionEnd) !== 'same') continue
      const whole = decodeMessage(bytes)
      const reply = reader.read(bytes, questionEnd, asked, 12)
      if (whole.kind === 'malformed') {
        // What nobody asked for is only stepped over, so it may be malformed inside.
        if (reply === null) expect(reader.fault).not.toBeNull()
        continue
      }
      read++
      expect(reply).toMatchObject({
        rcode: whole.message.rcode,
        authenticated: whole.message.authenticated,
        authoritative: whole.message.authoritative,
        recursionAvailable: whole.message.recursionAvailable,
        records: whole.message.answers.filter((record) => record.type === 'PTR' || record.type === 'CNAME'),
        soa: whole.message.authorities.find((record) => record.type === 'SOA') ?? null,
      })
    }
    expect(read).toBeGreaterThan(1000)
  }, 60_000)
})

describe('messages made to cost', () => {
  const record = (owner: readonly number[], rdata: readonly number[]): number[] => [
    ...owner,
    ...[0, 99, 0, 1, 0, 0, 0, 9, rdata.length >> 8, rdata.length & 255],
    ...rdata,
  ]

  it.each<[string, () => number[]]>([
    [
      'long names of escaped octets, each with a pointer to another place',
      () => {
        const names = Array.from({ length: 120 }, () => [
          ...Array<number[]>(3)
            .fill([63, ...Array<number>(63).fill(0xff)])
            .flat(),
          61,
          ...Array<number>(61).fill(0),
          0,
        ])
        const blob = names.flat()
        const pointers = Array.from({ length: 2500 }, (_, index) => {
          const target = 12 + 11 + (index % 120) * 255 + 64 * (index % 3)
          return target < 0x4000 ? record([0xc0 | (target >> 8), target & 255], []) : record([0], [])
        })
        return [...record([0], blob), ...pointers.flat()]
      },
    ],
    [
      'chains of pointers, each one longer',
      () => {
        const links = Array.from({ length: 8000 }, (_, index) =>
          index === 0 ? [0, 0] : [0xc0 | ((21 + 2 * index) >> 8), (21 + 2 * index) & 255],
        )
        return [
          ...record([0], links.flat()),
          ...Array.from({ length: 3000 }, (_, index) => record([0xc0 | ((23 + 2 * index) >> 8), (23 + 2 * index) & 255], [])).flat(),
        ]
      },
    ],
  ])('%s stop at a bound', (_, build) => {
    const body = build()
    const bytes = Uint8Array.from([0, 0, 0x80, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, ...body]).subarray(0, 65_535)
    const reader = new ByteReader(bytes)
    readMessage(reader)
    expect(reader.fault).not.toBeNull()
    expect(reader.nameWork).toBeLessThanOrEqual(MAX_NAME_WORK + ONE_NAME)
  })
})

const NOTHING = new Uint8Array(0)

type Random = (below: number) => number

/** Small and repeatable (a linear congruential generator); nothing depends on its quality. */
function generator(seed: number): Random {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}

function mutate(original: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(original)
  for (let change = random(4); change >= 0; change--) {
    const at = random(bytes.length)
    const octet = bytes[at] ?? 0
    switch (random(8)) {
      case 0:
        bytes[at] = random(256)
        break
      case 1:
        bytes[at] = octet ^ (1 << random(8))
        break
      case 2:
        bytes[at] = 0xc0 | random(4)
        break
      case 3:
        if (bytes.length > 12) bytes[4 + random(8)] = random(3)
        break
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(8))])
        break
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(random(8), random(256)), bytes.subarray(at)])
        break
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length))])
        break
      default:
        bytes = bytes.subarray(0, at)
    }
  }
  return bytes
}

/** Messages as resolvers and authoritative servers send them. */
function realMessages(): Record<string, Uint8Array> {
  const owner = name('7.100.51.198.in-addr.arpa')
  const delegated = name('7.0-63.100.51.198.in-addr.arpa')
  const mail = name('mail.example.com')
  const soa: ResourceRecord = {
    ...{ type: 'SOA', primary: name('ns1.example.com'), mailbox: name('hostmaster.example.com'), serial: 2024060701 },
    ...{ refresh: 3600, retry: 900, expire: 604800, minimum: 300, name: name('100.51.198.in-addr.arpa'), ttl: 3600 },
  }
  const ns: ResourceRecord = { type: 'NS', target: name('ns1.example.com'), name: name('example.com'), ttl: 3600 }
  const glue: ResourceRecord = { type: 'A', address: { family: 4, bytes: [198, 51, 100, 53] }, name: name('ns1.example.com'), ttl: 3600 }
  const signature: ResourceRecord = {
    ...{ type: 'RRSIG', typeCovered: 'PTR', algorithm: 13, labels: 6, originalTtl: 3600, expiration: 1717800000, inception: 1717200000 },
    ...{ keyTag: 12345, signer: name('100.51.198.in-addr.arpa'), signature: 'ab'.repeat(64), name: owner, ttl: 3600 },
  }
  const ask = (asked: DomainName, type: DnsMessage['questions'][number]['type']): DnsMessage['questions'] => [
    { name: asked, type, classCode: 1 },
  ]
  return {
    'a PTR answer': encodeMessage(message({ answers: [{ type: 'PTR', target: mail, name: owner, ttl: 3600 }] })),
    'a signed PTR answer through a classless delegation': encodeMessage(
      message({
        answers: [
          { type: 'CNAME', target: delegated, name: owner, ttl: 60 },
          { type: 'PTR', target: mail, name: delegated, ttl: 60 },
          signature,
        ],
        edns: { udpPayloadSize: 1232, version: 0, dnssecOk: true, options: [{ code: 10, data: '0011223344556677' }] },
        authenticated: true,
      }),
    ),
    'a referral with glue': encodeMessage(
      message({ questions: ask(mail, 'A'), authorities: [ns], additionals: [glue], recursionAvailable: false }),
    ),
    NXDOMAIN: encodeMessage(message({ rcode: 3, authorities: [soa] })),
    'SERVFAIL with an extended error': encodeMessage(
      message({ rcode: 2, edns: { udpPayloadSize: 1232, version: 0, dnssecOk: false, options: [{ code: 15, data: '0016' + '6e6f' }] } }),
    ),
    'mail records': encodeMessage(
      message({
        questions: ask(name('example.com'), 'MX'),
        answers: [
          { type: 'MX', preference: 10, exchange: mail, name: name('example.com'), ttl: 300 },
          { type: 'TXT', strings: ['v=spf1 mx -all', ''], name: name('example.com'), ttl: 300 },
          { type: 'TLSA', usage: 3, selector: 1, matching: 1, data: 'cd'.repeat(32), name: name('_25._tcp.mail.example.com'), ttl: 300 },
          { type: 'SRV', priority: 0, weight: 5, port: 465, target: mail, name: name('_submissions._tcp.example.com'), ttl: 300 },
          { type: 'CAA', flags: 0, tag: 'issue', value: 'ca.example.net', name: name('example.com'), ttl: 300 },
          { type: 'UNKNOWN', typeCode: 65, data: '00010000010003026832', name: name('example.com'), ttl: 300 },
        ],
      }),
    ),
  }
}

function message(parts: Partial<DnsMessage>): DnsMessage {
  return question('7.100.51.198.in-addr.arpa', 'PTR', { id: 0x1234, isResponse: true, recursionAvailable: true, ...parts })
}
