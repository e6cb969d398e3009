/** Agreement with dns-packet, another codec, on well-formed messages in both directions. It joins labels with dots, so names are plain here. */
import packet, { type Answer, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress, type IpAddress } from '../../src/core/address.ts'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { nameFromLabels } from '../../src/core/domain-name.ts'
import { decodeMessage, encodeMessage, type DnsMessage } from '../../src/wire/dns.ts'

const uint8 = fc.integer({ min: 0, max: 255 })
const uint16 = fc.integer({ min: 0, max: 65_535 })
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const label = fc.constantFrom('a', 'mail', 'Example', 'com', 'x-1', '_25', '198', 'y'.repeat(63))
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => nameFromLabels(labels))
const octets = (min: number, max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => Buffer.from(bytes))
const address = (family: 4 | 6): fc.Arbitrary<IpAddress> =>
  fc.array(uint8, { minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 }).map((bytes) => ({ family, bytes }))

/** A record as each of the two codecs has it. */
interface Pair {
  readonly ours: Omit<ResourceRecord, 'name' | 'ttl'>
  readonly theirs: { readonly type: Answer['type']; readonly data: unknown }
}

const pair: fc.Arbitrary<Pair> = fc.oneof(
  address(4).map((value) => ({ ours: { type: 'A', address: value }, theirs: { type: 'A', data: formatAddress(value) } }) as const),
  address(6).map((value) => ({ ours: { type: 'AAAA', address: value }, theirs: { type: 'AAAA', data: formatAddress(value) } }) as const),
  fc
    .tuple(fc.constantFrom('PTR' as const, 'CNAME' as const, 'NS' as const), name)
    .map(([type, target]) => ({ ours: { type, target }, theirs: { type, data: target } })),
  fc
    .tuple(uint16, name)
    .map(
      ([preference, exchange]) =>
        ({ ours: { type: 'MX', preference, exchange }, theirs: { type: 'MX', data: { preference, exchange } } }) as const,
    ),
  fc.tuple(name, name, uint32, uint32, uint32, uint32, uint32).map(([primary, mailbox, serial, refresh, retry, expire, minimum]) => ({
    ours: { type: 'SOA', primary, mailbox, serial, refresh, retry, expire, minimum } as const,
    theirs: { type: 'SOA' as const, data: { mname: primary, rname: mailbox, serial, refresh, retry, expire, minimum } },
  })),
  fc.array(octets(0, 255), { minLength: 1, maxLength: 3 }).map((strings) => ({
    ours: { type: 'TXT', strings: strings.map((text) => text.toString('latin1')) } as const,
    theirs: { type: 'TXT' as const, data: strings },
  })),
  fc.tuple(uint16, uint16, uint16, name).map(([priority, weight, port, target]) => ({
    ours: { type: 'SRV', priority, weight, port, target } as const,
    theirs: { type: 'SRV' as const, data: { priority, weight, port, target } },
  })),
  fc.tuple(uint8, uint8, uint8, octets(1, 64)).map(([usage, selector, matching, data]) => ({
    ours: { type: 'TLSA', usage, selector, matching, data: data.toString('hex') } as const,
    theirs: { type: 'TLSA' as const, data: { usage, selector, matchingType: matching, certificate: data } },
  })),
  fc.tuple(uint16, uint8, uint8, octets(1, 48)).map(([keyTag, algorithm, digestType, digest]) => ({
    ours: { type: 'DS', keyTag, algorithm, digestType, digest: digest.toString('hex') } as const,
    theirs: { type: 'DS' as const, data: { keyTag, algorithm, digestType, digest } },
  })),
  fc.tuple(uint16, uint8, octets(1, 128)).map(([flags, algorithm, key]) => ({
    ours: { type: 'DNSKEY', flags, protocol: 3, algorithm, publicKey: key.toString('hex') } as const,
    theirs: { type: 'DNSKEY' as const, data: { flags, algorithm, key } },
  })),
  fc
    .tuple(uint8, uint8, uint32, uint32, uint32, uint16, name, octets(1, 128))
    .map(([algorithm, labels, originalTtl, expiration, inception, keyTag, signer, signature]) => ({
      ours: {
        type: 'RRSIG',
        typeCovered: 'PTR',
        algorithm,
        labels,
        originalTtl,
        expiration,
        inception,
        keyTag,
        signer,
        signature: signature.toString('hex'),
      } as const,
      theirs: {
        type: 'RRSIG' as const,
        data: {
          typeCovered: 'PTR',
          algorithm,
          labels,
          originalTTL: originalTtl,
          expiration,
          inception,
          keyTag,
          signersName: signer,
          signature,
        },
      },
    })),
  fc
    .tuple(fc.boolean(), fc.constantFrom('issue', 'issuewild', 'iodef'), fc.constantFrom('ca.example.net', ';', ''))
    .map(([isCritical, tag, value]) => ({
      ours: { type: 'CAA', flags: isCritical ? 128 : 0, tag, value } as const,
      theirs: { type: 'CAA' as const, data: { flags: isCritical ? 128 : 0, tag, value, issuerCritical: isCritical } },
    })),
)

const owned = fc.record({ pair, name, ttl: fc.integer({ min: 0, max: 0x7fffffff }) })
type Owned = typeof owned extends fc.Arbitrary<infer T> ? T : never

const exchange = fc.record({
  id: uint16,
  question: name,
  answers: fc.array(owned, { maxLength: 6 }),
  authorities: fc.array(owned, { maxLength: 3 }),
  additionals: fc.array(owned, { maxLength: 3 }),
  authenticated: fc.boolean(),
  rcode: fc.constantFrom(0, 2, 3, 5),
  dnssecOk: fc.boolean(),
})
type Exchange = typeof exchange extends fc.Arbitrary<infer T> ? T : never

const ours = ({ pair: { ours: data }, name: owner, ttl }: Owned): ResourceRecord => ({ ...data, name: owner, ttl }) as ResourceRecord
const theirs = ({ pair: { theirs: data }, name: owner, ttl }: Owned): Answer => ({ ...data, name: owner, ttl, class: 'IN' }) as Answer

describe('agreement with dns-packet', () => {
  it('it reads what we write', () => {
    fc.assert(
      fc.property(exchange, (given) => {
        const { id, question, answers, authorities, additionals, authenticated, rcode, dnssecOk } = given
        const read = packet.decode(Buffer.from(encodeMessage(ourMessage(given))))
        expect(read).toMatchObject({ id, type: 'response', questions: [{ name: question, type: 'PTR', class: 'IN' }] })
        expect(read).toMatchObject({ rcode: RCODE_NAMES[rcode], flag_aa: true, flag_rd: true, flag_ra: false, flag_ad: authenticated })
        expect(read.answers?.map(comparable)).toEqual(answers.map(theirs).map(comparable))
        expect(read.authorities?.map(comparable)).toEqual(authorities.map(theirs).map(comparable))
        const [opt, ...others] = (read.additionals ?? []).toReversed()
        expect(others.toReversed().map(comparable)).toEqual(additionals.map(theirs).map(comparable))
        expect(opt).toMatchObject({ type: 'OPT', name: '.', udpPayloadSize: 1232, ednsVersion: 0, flag_do: dnssecOk })
      }),
      { numRuns: 1000 },
    )
  })

  it('we read what it writes', () => {
    fc.assert(
      fc.property(exchange, (given) => {
        const bytes = packet.encode(theirMessage(given))
        expect(decodeMessage(bytes)).toEqual({ kind: 'message', message: ourMessage(given) })
      }),
      { numRuns: 1000 },
    )
  })
})

const RCODE_NAMES: Readonly<Record<number, string>> = { 0: 'NOERROR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 5: 'REFUSED' }

function ourMessage({ id, question, answers, authorities, additionals, authenticated, rcode, dnssecOk }: Exchange): DnsMessage {
  return {
    id,
    isResponse: true,
    opcode: 0,
    authoritative: true,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticated,
    checkingDisabled: false,
    rcode,
    questions: [{ name: question, type: 'PTR', classCode: 1 }],
    answers: answers.map(ours),
    authorities: authorities.map(ours),
    additionals: additionals.map(ours),
    edns: { udpPayloadSize: 1232, version: 0, dnssecOk, options: [] },
  }
}

function theirMessage({ id, question, answers, authorities, additionals, authenticated, rcode, dnssecOk }: Exchange): Packet {
  const flags = packet.RECURSION_DESIRED | packet.AUTHORITATIVE_ANSWER | (authenticated ? packet.AUTHENTIC_DATA : 0) | rcode
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: dnssecOk ? packet.DNSSEC_OK : 0, options: [] } as unknown as Answer
  return {
    id,
    type: 'response',
    flags,
    questions: [{ name: question, type: 'PTR', class: 'IN' }],
    answers: answers.map(theirs),
    authorities: authorities.map(theirs),
    additionals: [...additionals.map(theirs), opt],
  }
}

/** Octets as hexadecimal, addresses in one spelling, and without the fields that it adds of its own. */
function comparable(answer: Answer): unknown {
  const { name: owner, type } = answer
  const { ttl, data } = answer as { ttl?: number; data: unknown }
  return { owner, type, ttl, data: plain(type, data) }
}

function plain(type: Answer['type'], data: unknown): unknown {
  if (type === 'AAAA' && typeof data === 'string') return parseAddress(data)
  if (Buffer.isBuffer(data)) return data.toString('hex')
  if (Array.isArray(data)) return data.map((item: unknown) => plain(type, item))
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(Object.entries(data).map(([key, value]): [string, unknown] => [key, plain(type, value)]))
}
