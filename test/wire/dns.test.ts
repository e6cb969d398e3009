import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { name, nameFromLabels } from '../../src/core/domain-name.ts'
import { ByteReader, MAX_NAME_WORK } from '../../src/wire/byte-reader.ts'
import type { DnsMessage } from '../../src/wire/dns.ts'
import { decodeMessage, encodeMessage, readMessage } from '../../src/wire/dns.ts'
import { recordFromGenericData } from '../../src/wire/dns-rdata.ts'
import { PLAIN_EDNS, question } from '../support/dns-question.ts'
import { dnsMessage } from './dns-arbitrary.ts'

describe('round trip', () => {
  it('gives back every message, names with hostile labels and their case included', () => {
    fc.assert(
      fc.property(dnsMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual({ kind: 'message', message })
      }),
      { numRuns: 2000 },
    )
  })
})

describe('limits of encoding', () => {
  it('drops whole records from the end and sets TC, and keeps the question and OPT', () => {
    const whole = response({ answers: ptrRecords(100) })
    const decoded = decoded1232(whole)
    expect(decoded.truncated).toBe(true)
    expect(decoded.answers.length).toBeGreaterThan(10)
    expect(decoded.answers).toEqual(whole.answers.slice(0, decoded.answers.length))
    expect(decoded.questions).toEqual(whole.questions)
    expect(decoded.edns).toEqual(whole.edns)
  })

  it('drops additional records without TC (RFC 2181 §9)', () => {
    const decoded = decoded1232(response({ answers: ptrRecords(1), additionals: ptrRecords(100) }))
    expect(decoded.truncated).toBe(false)
    expect(decoded.additionals.length).toBeGreaterThan(10)
  })

  it('never lets a later record point into one that was dropped', () => {
    fc.assert(
      fc.property(dnsMessage, fc.integer({ min: 12, max: 1500 }), (message, maxOctets) => {
        const bytes = encodeMessage(message, { maxOctets })
        const decoded = messageOf(bytes)
        expect(decoded.answers).toEqual(message.answers.slice(0, decoded.answers.length))
        expect(decoded.authorities).toEqual(message.authorities.slice(0, decoded.authorities.length))
        expect(decoded.additionals).toEqual(message.additionals.slice(0, decoded.additionals.length))
        const missing = decoded.answers.length < message.answers.length || decoded.authorities.length < message.authorities.length
        expect(decoded.truncated).toBe(message.truncated || missing)
        const bare = encodeMessage({ ...message, answers: [], authorities: [], additionals: [] })
        expect(bytes.length).toBeLessThanOrEqual(Math.max(maxOctets, bare.length))
      }),
      { numRuns: 500 },
    )
  })

  it('refuses values that have no place on the wire', () => {
    const txt = (strings: readonly string[]): DnsMessage => response({ answers: [{ type: 'TXT', strings, name: name('a.test'), ttl: 1 }] })
    expect(() => encodeMessage(txt(['x'.repeat(256)]))).toThrow(RangeError)
    expect(() => encodeMessage(txt([]))).toThrow(RangeError)
    expect(() => encodeMessage(txt(Array<string>(300).fill('x'.repeat(255))))).toThrow(RangeError)
    expect(() => encodeMessage(response({ rcode: 16, edns: null }))).toThrow(RangeError)
    expect(() => encodeMessage(response({ id: 65536 }))).toThrow(RangeError)
    const odd: ResourceRecord = { type: 'UNKNOWN', typeCode: 999, data: 'abc', name: name('a.test'), ttl: 1 }
    expect(() => encodeMessage(response({ answers: [odd] }))).toThrow(RangeError)
    expect(() => encodeMessage(response({ answers: [{ ...odd, data: 'zz' }] }))).toThrow(RangeError)
  })
})

describe('compression', () => {
  const owner = name('7.2.0.192.in-addr.arpa')
  const withAnswer = (record: ResourceRecord): Uint8Array =>
    encodeMessage(response({ questions: [{ name: owner, type: record.type as 'PTR', classCode: 1 }], answers: [record], edns: null }))

  it('shares suffixes with the question in owner names and in the data of well-known types', () => {
    const alone = withAnswer({ type: 'PTR', target: name('a'), name: owner, ttl: 1 })
    const shared = withAnswer({ type: 'PTR', target: name('a.192.in-addr.arpa'), name: owner, ttl: 1 })
    // One label and a pointer, where the other has one label and the root.
    expect(shared.length).toBe(alone.length + 1)
  })

  it('leaves names whole in the data of SRV and RRSIG (RFC 3597 §4)', () => {
    const srv: ResourceRecord = { type: 'SRV', priority: 1, weight: 2, port: 25, target: owner, name: owner, ttl: 1 }
    expect(Buffer.from(withAnswer(srv)).toString('latin1')).toMatch(/7in-addr|in-addr\x04arpa\0$/)
    expect(messageOf(withAnswer(srv)).answers).toEqual([srv])
  })

  it('reads a compressed SRV target all the same', () => {
    const rdata = [0, 1, 0, 2, 0, 25, 0xc0, 12]
    const bytes = packet([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], QUESTION_A_TEST, [0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 9, 0, 8, ...rdata])
    expect(messageOf(bytes).answers).toEqual([{ type: 'SRV', priority: 1, weight: 2, port: 25, target: 'a.test', name: 'a.test', ttl: 9 }])
  })

  it('points to nothing behind the reach of a pointer', () => {
    const padding = Array.from({ length: 70 }, (): ResourceRecord => ({
      type: 'TXT',
      strings: ['x'.repeat(250)],
      name: name('pad.test'),
      ttl: 1,
    }))
    const far = Array.from({ length: 3 }, (): ResourceRecord => ({
      type: 'PTR',
      target: name('far.away.example'),
      name: name('first.seen.here'),
      ttl: 1,
    }))
    expect(messageOf(encodeMessage(response({ answers: [...padding, ...far] }))).answers).toEqual([...padding, ...far])
  })

  it('tells one label with a dot in it from two labels', () => {
    const dotted = nameFromLabels(['a.b', 'test'])
    const plain = name('a.b.test')
    const message = response({
      answers: [
        { type: 'PTR', target: dotted, name: plain, ttl: 1 },
        { type: 'PTR', target: plain, name: dotted, ttl: 1 },
      ],
    })
    expect(messageOf(encodeMessage(message)).answers).toEqual(message.answers)
  })
})

describe('what is read leniently', () => {
  it('leaves out records of other classes, and keeps the class of a question', () => {
    const chaos = [0xc0, 12, 0, 16, 0, 3, 0, 0, 0, 9, 0, 2, 1, 0x61]
    const question = [1, 0x61, 4, 0x74, 0x65, 0x73, 0x74, 0, 0, 16, 0, 3]
    const message = messageOf(packet([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], question, chaos))
    expect(message.questions).toEqual([{ name: 'a.test', type: 'TXT', classCode: 3 }])
    expect(message.answers).toEqual([])
  })

  it('reads a TTL with its highest bit set as zero (RFC 2181 §8)', () => {
    const record = [0xc0, 12, 0, 1, 0, 1, 0x80, 0, 0, 1, 0, 4, 192, 0, 2, 1]
    expect(messageOf(packet([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], QUESTION_A_TEST, record)).answers[0]?.ttl).toBe(0)
  })
})

describe('malformed input', () => {
  const header = [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
  const record = (type: number, rdata: number[], octets = rdata.length): number[] => [
    0xc0,
    12,
    0,
    type,
    0,
    1,
    0,
    0,
    0,
    9,
    0,
    octets,
    ...rdata,
  ]

  it.each<[string, Uint8Array, string]>([
    ['nothing at all', new Uint8Array(0), 'incomplete'],
    ['half a header', new Uint8Array(7), 'incomplete'],
    [
      'a count that promises more records than there are',
      packet([0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0], QUESTION_A_TEST),
      'incomplete',
    ],
    [
      'a count that promises fewer',
      packet([0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0], QUESTION_A_TEST, record(1, [1, 2, 3, 4])),
      'trailingOctets',
    ],
    ['65,536 octets', new Uint8Array(65_536), 'oversized'],
    ['a pointer to itself', packet(header, [0xc0, 12, 0, 1, 0, 1]), 'pointer'],
    ['a forward pointer', packet(header, [0xc0, 20, 0, 1, 0, 1, 0, 0, 0, 0]), 'pointer'],
    ['a pointer into the header', packet(header, QUESTION_A_TEST, record(12, [0xc0, 4])), 'pointer'],
    ['a loop of a label and a pointer', packet(header, QUESTION_A_TEST, record(12, [1, 0x62, 0xc0, 36])), 'pointer'],
    [
      'a name that runs on over the pointer that led to it',
      packet(
        [0x81, 0x80, 0, 0, 0, 2, 0, 0, 0, 0],
        [0, 0, 99, 0, 1, 0, 0, 0, 9, 0, 1, 3],
        [0xc0, 23, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4],
      ),
      'pointer',
    ],
    ['a label before a name that is too long with it', packet([0x81, 0x80, 0, 0, 0, 3, 0, 0, 0, 0], ...tooLongTogether()), 'nameTooLong'],
    ['a pointer cut in two', packet(header, [0xc0]), 'incomplete'],
    ['a label cut in two', packet(header, [5, 0x61]), 'incomplete'],
    ['an extended label type', packet(header, [0x41, 0, 0, 1, 0, 1]), 'labelType'],
    [
      'a name of 256 octets',
      packet(header, [
        ...Array<number[]>(4)
          .fill([62, ...Array<number>(62).fill(0x61)])
          .flat(),
        2,
        1,
        1,
        0,
        0,
        1,
        0,
        1,
      ]),
      'nameTooLong',
    ],
    ['an RDLENGTH past the end', packet(header, QUESTION_A_TEST, record(1, [1, 2, 3, 4], 5)), 'incomplete'],
    ['an A record of three octets', packet(header, QUESTION_A_TEST, record(1, [1, 2, 3])), 'rdataLength'],
    ['an A record of five octets', packet(header, QUESTION_A_TEST, record(1, [1, 2, 3, 4, 5])), 'rdataLength'],
    ['a PTR name that ends behind its data', packet(header, QUESTION_A_TEST, record(12, [1, 0x61, 0], 2)), 'rdataLength'],
    ['a PTR record without data', packet(header, QUESTION_A_TEST, record(12, [])), 'rdataLength'],
    ['a TXT record without data', packet(header, QUESTION_A_TEST, record(16, [])), 'rdataLength'],
    ['a TXT string longer than its data', packet(header, QUESTION_A_TEST, record(16, [4, 0x61])), 'rdataLength'],
    ['OPT among the answers', packet(header, QUESTION_A_TEST, [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]), 'opt'],
    [
      'OPT owned by a name',
      packet([0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 1], QUESTION_A_TEST, [0xc0, 12, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]),
      'opt',
    ],
    [
      'two OPT records',
      packet([0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 2], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]),
      'opt',
    ],
    [
      'an option longer than OPT',
      packet([0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 9]),
      'rdataLength',
    ],
  ])('%s', (_, bytes, error) => {
    expect(decodeMessage(bytes)).toEqual({ kind: 'malformed', error, offset: expect.any(Number) as number })
  })

  it('a CAA record with an empty tag', () => {
    const caa = [0xc0, 12, 1, 1, 0, 1, 0, 0, 0, 9, 0, 2, 0, 0]
    expect(decodeMessage(packet(header, QUESTION_A_TEST, caa))).toMatchObject({ kind: 'malformed', error: 'rdataValue' })
  })

  it('a chain of 200 pointers', () => {
    const targets = Array.from({ length: 200 }, (_, index) => (index === 0 ? 12 : 36 + 2 * (index - 1)))
    const chain = targets.flatMap((target) => [0xc0 | (target >> 8), target & 255])
    const first = [0xc0, 12, 0, 99, 0, 1, 0, 0, 0, 9, chain.length >> 8, chain.length & 255, ...chain]
    const bytes = packet(
      [0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0],
      QUESTION_A_TEST,
      first,
      [0xc1, 178, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4],
    )
    expect(decodeMessage(bytes)).toMatchObject({ kind: 'malformed', error: 'pointerChain' })
  })
})

describe('bounded cost', () => {
  it('stops walking names in a message full of pointers to different places', () => {
    // Names of 126 labels of one octet, and a pointer to every one of their labels: no two places are the same.
    const blob = Array.from({ length: 16_192 }, (_, index) => (index % 253 === 252 ? 0 : 1))
    const first = [0, 0, 99, 0, 1, 0, 0, 0, 9, blob.length >> 8, blob.length & 255, ...blob]
    const pointers = Array.from({ length: 4000 }, (_, index) => {
      const target = 12 + 11 + 253 * (index % 64) + 2 * Math.floor(index / 64)
      return [0xc0 | (target >> 8), target & 255, 0, 99, 0, 1, 0, 0, 0, 9, 0, 0]
    })
    const bytes = packet([0x81, 0x80, 0, 0, 0x10, 0, 0, 0, 0, 0], first, pointers.flat())
    const reader = new ByteReader(bytes)
    readMessage(reader)
    expect(reader.fault).toMatchObject({ error: 'nameWork' })
    expect(reader.nameWork).toBeLessThanOrEqual(MAX_NAME_WORK + 512)
  })

  it('walks a name once, however many records point to it', () => {
    const long = nameFromLabels(Array<string>(60).fill('abc'))
    const answers = Array.from({ length: 2000 }, (): ResourceRecord => ({ type: 'PTR', target: long, name: long, ttl: 1 }))
    const reader = new ByteReader(encodeMessage(response({ answers })))
    expect(readMessage(reader).answers).toEqual(answers)
    expect(reader.nameWork).toBeLessThan(15_000)
  })

  it('finds the honest largest message within the bounds', () => {
    const answers = Array.from({ length: 5000 }, (_, index): ResourceRecord => ({
      type: 'NS',
      target: name(`${String(index)}.example`),
      name: name(`n${String(index % 7)}.sub.example`),
      ttl: 1,
    }))
    const decoded = messageOf(encodeMessage(response({ answers })))
    expect(decoded.truncated).toBe(true)
    expect(decoded.answers.length).toBeGreaterThan(2500)
  })
})

describe('generic data (RFC 3597)', () => {
  it('reads a known type by its shape and any other as octets', () => {
    const owner = name('a.test')
    expect(recordFromGenericData(owner, 5, 1, Uint8Array.of(127, 0, 0, 1))).toEqual({
      type: 'A',
      address: { family: 4, bytes: [127, 0, 0, 1] },
      name: owner,
      ttl: 5,
    })
    expect(recordFromGenericData(owner, 5, 65280, Uint8Array.of(1, 2))).toEqual({
      type: 'UNKNOWN',
      typeCode: 65280,
      data: '0102',
      name: owner,
      ttl: 5,
    })
  })

  it('refuses data that do not fit the type, pointers included', () => {
    expect(recordFromGenericData(name('a.test'), 5, 1, Uint8Array.of(127, 0, 0))).toBeUndefined()
    expect(recordFromGenericData(name('a.test'), 5, 12, Uint8Array.of(...Array<number>(20).fill(0), 0xc0, 12))).toBeUndefined()
  })
})

/** A name of 251 octets, a pointer to it, and a label of 4 octets with a pointer to it. */
function tooLongTogether(): number[][] {
  const long = [
    ...Array<number[]>(5)
      .fill([49, ...Array<number>(49).fill(0x61)])
      .flat(),
    0,
  ]
  const rest = [0, 99, 0, 1, 0, 0, 0, 9, 0, 0]
  return [long, rest, [0xc0, 12], rest, [4, 1, 1, 1, 1, 0xc0, 12], rest]
}

const QUESTION_A_TEST = [1, 0x61, 4, 0x74, 0x65, 0x73, 0x74, 0, 0, 1, 0, 1]

/** The flags and counts of the header behind an id, and what follows. */
function packet(...parts: readonly number[][]): Uint8Array {
  return Uint8Array.from([0x12, 0x34, ...parts.flat()])
}

function response(parts: Partial<DnsMessage>): DnsMessage {
  return question('7.2.0.192.in-addr.arpa', 'PTR', { id: 0x1234, isResponse: true, recursionAvailable: true, edns: PLAIN_EDNS, ...parts })
}

function ptrRecords(count: number): ResourceRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'PTR',
    target: name(`host-${String(index)}.example.net`),
    name: name('7.2.0.192.in-addr.arpa'),
    ttl: 3600,
  }))
}

function messageOf(bytes: Uint8Array): DnsMessage {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'malformed') throw new Error(`${decoded.error} at ${String(decoded.offset)}`)
  return decoded.message
}

function decoded1232(message: DnsMessage): DnsMessage {
  const bytes = encodeMessage(message, { maxOctets: 1232 })
  expect(bytes.length).toBeLessThanOrEqual(1232)
  return messageOf(bytes)
}
