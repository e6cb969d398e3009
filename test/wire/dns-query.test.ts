import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalName, name, type DomainName } from '../../src/core/domain-name.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/dns.ts'
import { compareQuestion, encodeQuery, questionEndOf, ReplyReader, setCase, type QueryOptions } from '../../src/wire/dns-query.ts'
import { domainName } from './dns-arbitrary.ts'

const PLAIN: QueryOptions = { recursionDesired: true, edns: null }
const EDNS: QueryOptions = { recursionDesired: false, edns: { udpPayloadSize: 1232, dnssecOk: true } }
const uint16 = fc.integer({ min: 0, max: 0xffff })

describe('encodeQuery', () => {
  it.each([PLAIN, EDNS])('is what encodeMessage makes of the same query: %o', (options) => {
    fc.assert(
      fc.property(uint16, domainName, uint16, (id, asked, typeCode) => {
        const query = encodeQuery(id, asked, typeCode, options)
        const decoded = decodeMessage(query)
        if (decoded.kind === 'malformed') throw new Error(decoded.error)
        expect(decoded.message).toMatchObject({ id, isResponse: false, authenticated: true, recursionDesired: options.recursionDesired })
        expect(decoded.message.questions).toMatchObject([{ name: asked, classCode: 1 }])
        expect(decoded.message.edns).toEqual(options.edns && { ...options.edns, version: 0, options: [] })
        expect(Buffer.compare(query, encodeMessage(decoded.message))).toBe(0)
        expect(questionEndOf(query, options)).toBe(encodeMessage({ ...decoded.message, edns: null }).length)
      }),
    )
  })
})

describe('setCase', () => {
  it('changes nothing but the case of letters, each by a bit of its own', () => {
    fc.assert(
      fc.property(domainName, fc.uint8Array({ minLength: 40, maxLength: 40 }), (asked, bits) => {
        const query = encodeQuery(1, asked, 12, PLAIN)
        const mixed = Buffer.from(query)
        setCase(mixed, questionEndOf(query, PLAIN), bits, 0)
        expect(mixed.length).toBe(query.length)
        expect(nameOf(mixed)).toBe(canonicalName(nameOf(mixed)) === canonicalName(asked) ? nameOf(mixed) : asked)
        expect(mixed.subarray(0, 12)).toEqual(query.subarray(0, 12))
        expect(mixed.subarray(-4)).toEqual(query.subarray(-4))
      }),
    )
  })

  it('takes one bit for each letter', () => {
    const query = encodeQuery(1, name('ab.cd9.EF'), 1, PLAIN)
    setCase(query, questionEndOf(query, PLAIN), Uint8Array.of(0xff, 0b0010_1001), 1)
    expect(nameOf(query)).toBe('Ab.cD9.eF')
  })
})

describe('compareQuestion', () => {
  it('tells the same, another case, another question, none, several and a part of one', () => {
    const query = encodeQuery(1, name('mail.example.com'), 1, PLAIN)
    const end = query.length
    const change = (offset: number, octet: number): Buffer => {
      const changed = Buffer.from(query)
      changed[offset] = octet
      return changed
    }
    expect(compareQuestion(query, query, end)).toBe('same')
    expect(compareQuestion(Buffer.concat([query, Buffer.of(1, 2)]), query, end)).toBe('same')
    expect(compareQuestion(change(13, 0x4d), query, end)).toBe('caseDiffers')
    expect(compareQuestion(change(13, 0x6e), query, end)).toBe('other')
    // 0x24 and 0x04 differ in the bit that makes the case of letters, and are none.
    expect(compareQuestion(change(12, 0x24), query, end)).toBe('other')
    expect(compareQuestion(change(end - 3, 0x21), query, end)).toBe('other')
    expect(compareQuestion(change(end - 1, 0x03), query, end)).toBe('other')
    expect(compareQuestion(change(5, 0), query, end)).toBe('absent')
    expect(compareQuestion(change(5, 2), query, end)).toBe('other')
    expect(compareQuestion(change(4, 1), query, end)).toBe('other')
    expect(compareQuestion(query.subarray(0, end - 1), query, end)).toBe('incomplete')
  })

  it('does not take a letter in the type for one of another case', () => {
    const query = encodeQuery(1, name('mail.example.com'), 0x41, PLAIN)
    const changed = Buffer.from(query)
    changed[query.length - 3] = 0x61
    expect(compareQuestion(changed, query, query.length)).toBe('other')
  })
})

describe('ReplyReader', () => {
  it('gives names that are compressed into the question in the asker’s case', () => {
    const asked = name('7.Reverse.Example.Test')
    const query = encodeQuery(9, asked, 12, PLAIN)
    const sent = Buffer.from(query)
    setCase(sent, query.length, Uint8Array.of(0x55, 0xaa, 0x55, 0xaa), 0)
    const header = [0, 9, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
    const record = [0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, 4, 1, 0x6d, 0xc0, 22]
    const reply = Buffer.from([...header, ...sent.subarray(12), ...record])
    expect(new ReplyReader().read(reply, query.length, asked, 12)).toMatchObject({
      records: [{ type: 'PTR', name: '7.Reverse.Example.Test', target: 'm.Example.Test', ttl: 60 }],
    })
  })
})

function nameOf(query: Uint8Array): DomainName {
  const decoded = decodeMessage(query)
  const asked = decoded.kind === 'message' ? decoded.message.questions[0]?.name : undefined
  if (asked === undefined) throw new Error('no question')
  return asked
}
