import { createHash, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import type { DnsFault } from '../../../src/dns/authority.ts'
import { matchTlsa, type PresentedCertificate } from '../../../src/probe/dane-match.ts'
import { lookupDane, tlsaRecord, type DaneFacts, type TlsaRecord } from '../../../src/probe/dane.ts'
import { CA, INTERMEDIATE, MX_HOST, MX_HOST_COMMON_NAME, MX_HOST_EXPIRED, STRANGER } from './certificates.ts'
import { startRecordDns, TROUBLES } from './record-dns.ts'

const DIGEST = 'ab'.repeat(32)
const ZONE = `
example.com MX 10 mx.example.com
mx.example.com A 198.51.100.7
_25._tcp.mx.example.com TLSA 3 1 1 ${DIGEST}
_25._tcp.mx.example.com TLSA 1 1 1 ${DIGEST}
_25._tcp.mx.example.com TLSA 2 0 2 ${'cd'.repeat(64)}
plain.example.com A 198.51.100.8
alias.example.com CNAME mx.example.com
_25._tcp.both.example.com TLSA 3 1 1 ${'01'.repeat(32)}
both.example.com CNAME mx.example.com
_25._tcp.own.example.com TLSA 3 1 1 ${'02'.repeat(32)}
own.example.com CNAME plain.example.com
_25._tcp.moved.example.com CNAME _25._tcp.mx.example.com
moved.example.com A 198.51.100.9
_465._tcp.plain.example.com TLSA 3 1 1 ${DIGEST}
`

async function lookup(
  exchange: string,
  { faults = [], ad = true, trust = true, port }: { faults?: readonly DnsFault[]; ad?: boolean; trust?: boolean; port?: number } = {},
): Promise<DaneFacts> {
  await using dns = await startRecordDns(ZONE, faults, { flavour: { authenticated: ad } })
  return await lookupDane(name(exchange), name('example.com'), { resolver: dns.resolver, trustAuthenticated: trust, port })
}

/** AD is missing from the answers for this name and type. */
const insecure = (owner: string, type?: DnsFault['type']): DnsFault => ({
  name: owner,
  ...(type === undefined ? {} : { type }),
  effect: { kind: 'flags', authenticated: false },
})

describe('lookupDane', () => {
  it('authenticated records are told, and which of them SMTP can use', async () => {
    const facts = await lookup('mx.example.com')
    expect(facts).toEqual({
      kind: 'dane',
      exchange: 'mx.example.com',
      port: 25,
      mx: 'authenticated',
      answer: {
        kind: 'records',
        owner: 'mx.example.com',
        records: [
          { usage: 3, selector: 1, matching: 1, data: DIGEST, problem: null },
          { usage: 1, selector: 1, matching: 1, data: DIGEST, problem: 'badUsage' },
          { usage: 2, selector: 0, matching: 2, data: 'cd'.repeat(64), problem: null },
        ],
        truncated: false,
      },
    })
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts)
  })

  it.each<[string, unknown]>([
    ['plain.example.com', { kind: 'absent' }],
    ['nowhere.example.com', { kind: 'noAddress' }],
    ['alias.example.com', { kind: 'records', owner: 'mx.example.com' }],
    ['both.example.com', { kind: 'records', owner: 'mx.example.com' }],
    ['own.example.com', { kind: 'records', owner: 'own.example.com' }],
    ['moved.example.com', { kind: 'records', owner: 'moved.example.com' }],
  ])('%s', async (exchange, answer) => {
    expect((await lookup(exchange)).answer).toMatchObject(answer as object)
  })

  it('goes by the port', async () => {
    expect(await lookup('plain.example.com', { port: 465 })).toMatchObject({ port: 465, answer: { kind: 'records' } })
  })

  it.each<[string, string, DnsFault, unknown]>([
    ['its addresses', 'mx.example.com', insecure('mx.example.com', 'A'), { kind: 'insecure', step: 'addressRecords', published: 3 }],
    [
      'the absence of one family',
      'mx.example.com',
      insecure('mx.example.com', 'AAAA'),
      { kind: 'insecure', step: 'addressRecords', published: 3 },
    ],
    ['its TLSA records', 'mx.example.com', insecure('_25._tcp.mx.example.com'), { kind: 'insecure', step: 'tlsaRecords', published: 3 }],
    ['the alias itself', 'alias.example.com', insecure('alias.example.com'), { kind: 'insecure', step: 'aliasRecords', published: 3 }],
    ['nothing published', 'plain.example.com', insecure('plain.example.com'), { kind: 'insecure', step: 'addressRecords', published: 0 }],
  ])('without AD for %s → not usable, and it says so', async (_what, exchange, fault, answer) => {
    expect((await lookup(exchange, { faults: [fault] })).answer).toEqual(answer)
  })

  it('an authenticated alias to a host in an unsigned zone: its own records count (§2.2.2)', async () => {
    const faults = [insecure('own.example.com', 'A'), insecure('own.example.com', 'AAAA')]
    expect((await lookup('own.example.com', { faults })).answer).toMatchObject({ kind: 'records', owner: 'own.example.com' })
    expect((await lookup('alias.example.com', { faults: [insecure('alias.example.com', 'A')] })).answer).toEqual({ kind: 'absent' })
  })

  it('an MX without AD is told beside the records', async () => {
    expect(await lookup('mx.example.com', { faults: [insecure('example.com', 'MX')] })).toMatchObject({
      mx: 'insecure',
      answer: { kind: 'records' },
    })
  })

  it('AD from a resolver that is not trusted means nothing', async () => {
    expect(await lookup('mx.example.com', { trust: false })).toMatchObject({ mx: 'insecure', answer: { kind: 'untrusted', published: 3 } })
    expect((await lookup('plain.example.com', { trust: false })).answer).toEqual({ kind: 'untrusted', published: 0 })
  })

  it('no AD anywhere', async () => {
    expect((await lookup('mx.example.com', { ad: false })).answer).toEqual({ kind: 'insecure', step: 'addressRecords', published: 3 })
  })

  it.each(TROUBLES)('%s for the TLSA records is not absence', async (_what, effect, trouble) => {
    const { answer } = await lookup('plain.example.com', { faults: [{ name: '_25._tcp.plain.example.com', effect }] })
    expect(answer).toEqual({ kind: 'unknown', question: 'TLSA plain.example.com', trouble })
  })

  it.each(TROUBLES)('%s for all addresses is not absence; for one family it is left aside', async (_what, effect, trouble) => {
    const { answer } = await lookup('mx.example.com', { faults: [{ name: 'mx.example.com', effect }] })
    expect(answer).toEqual({ kind: 'unknown', question: 'A mx.example.com', trouble })
    expect((await lookup('mx.example.com', { faults: [{ name: 'mx.example.com', type: 'AAAA', effect }] })).answer.kind).toBe('records')
  })

  it.each(TROUBLES)('%s for the MX leaves its safety open', async (_what, effect) => {
    expect((await lookup('mx.example.com', { faults: [{ name: 'example.com', type: 'MX', effect }] })).mx).toBe('unknown')
  })
})

describe('tlsaRecord', () => {
  it.each<[number, number, number, string, TlsaRecord['problem']]>([
    [0, 0, 1, DIGEST, 'badUsage'],
    [1, 0, 1, DIGEST, 'badUsage'],
    [2, 0, 1, DIGEST, null],
    [3, 1, 1, DIGEST, null],
    [255, 1, 1, DIGEST, 'badUsage'],
    [3, 2, 1, DIGEST, 'badSelector'],
    [3, 1, 3, DIGEST, 'badMatching'],
    [3, 1, 1, 'abcd', 'badLength'],
    [3, 1, 2, DIGEST, 'badLength'],
    [3, 1, 2, DIGEST + DIGEST, null],
    [3, 0, 0, '', 'badLength'],
    [3, 0, 0, 'ab', null],
  ])('%i %i %i %s → %s', (usage, selector, matching, data, problem) => {
    expect(tlsaRecord(usage, selector, matching, data).problem).toBe(problem)
  })
})

function presented(pem: string): PresentedCertificate {
  const certificate = new X509Certificate(pem)
  return { der: certificate.raw, spki: certificate.publicKey.export({ type: 'spki', format: 'der' }) }
}

function recordFor(pem: string, usage: number, selector: number, matching: number): TlsaRecord {
  const { der, spki } = presented(pem)
  const octets = selector === 0 ? der : spki
  const hash = matching === 0 ? undefined : createHash(matching === 1 ? 'sha256' : 'sha512').update(octets)
  return tlsaRecord(usage, selector, matching, hash?.digest('hex') ?? Buffer.from(octets).toString('hex'))
}

const CHAIN = [MX_HOST, INTERMEDIATE, CA].map(presented)
const NOW = Date.UTC(2026, 10, 21)
const NAMES = ['mx.example.com']
const KINDS = [0, 1].flatMap((selector) => [0, 1, 2].map((matching) => [selector, matching] as const))
const none = recordFor(STRANGER, 3, 1, 1)

describe('matchTlsa', () => {
  it.each(KINDS)('usage 3, selector %i, matching %i: the own certificate', (selector, matching) => {
    const record = recordFor(MX_HOST, 3, selector, matching)
    expect(matchTlsa([record], CHAIN, NAMES, NOW)).toEqual({
      result: 'match',
      records: [{ record, matches: true, depth: 0, mismatch: null }],
    })
    expect(matchTlsa([record], [INTERMEDIATE, CA].map(presented), NAMES, NOW).result).toBe('mismatch')
  })

  it.each(KINDS)('usage 2, selector %i, matching %i: an authority of the chain', (selector, matching) => {
    for (const [depth, pem] of [[1, INTERMEDIATE] as const, [2, CA] as const]) {
      const record = recordFor(pem, 2, selector, matching)
      expect(matchTlsa([record], CHAIN, NAMES, NOW)).toMatchObject({ result: 'match', records: [{ matches: true, depth }] })
    }
  })

  it('usage 3 asks for neither name nor dates', () => {
    expect(matchTlsa([recordFor(MX_HOST_EXPIRED, 3, 1, 1)], [presented(MX_HOST_EXPIRED)], ['other.example'], NOW).result).toBe('match')
  })

  it('usage 3 does not mean an authority, nor usage 2 the own certificate', () => {
    expect(matchTlsa([recordFor(INTERMEDIATE, 3, 1, 1)], CHAIN, NAMES, NOW)).toMatchObject({
      result: 'mismatch',
      records: [{ mismatch: 'noMatch' }],
    })
    expect(matchTlsa([recordFor(MX_HOST, 2, 1, 1)], CHAIN, NAMES, NOW)).toMatchObject({
      result: 'mismatch',
      records: [{ mismatch: 'noMatch' }],
    })
  })

  it.each<[string, readonly string[], readonly string[], string, number | null]>([
    ['another name', [MX_HOST, INTERMEDIATE, CA], ['other.example.com'], 'name', 2],
    ['no name', [MX_HOST, INTERMEDIATE, CA], [], 'name', 2],
    ['an expired certificate', [MX_HOST_EXPIRED, INTERMEDIATE, CA], NAMES, 'validity', 2],
    ['a hole in the chain', [MX_HOST, CA], NAMES, 'chain', 1],
    ['a certificate of somebody else in front of it', [STRANGER, INTERMEDIATE, CA], NAMES, 'chain', 2],
    ['no chain', [MX_HOST], NAMES, 'noMatch', null],
    ['nothing', [], NAMES, 'noMatch', null],
  ])('usage 2 with %s', (_what, chain, names, mismatch, depth) => {
    expect(matchTlsa([recordFor(CA, 2, 0, 1)], chain.map(presented), names, NOW)).toMatchObject({
      result: 'mismatch',
      records: [{ matches: false, mismatch, depth }],
    })
  })

  it.each<[string, string, boolean]>([
    ['a wildcard', 'a.wild.example.com', true],
    ['a wildcard for two labels', 'a.b.wild.example.com', false],
    ['another case', 'MX.Example.COM', true],
  ])('usage 2 and %s', (_what, reference, matches) => {
    expect(matchTlsa([recordFor(CA, 2, 1, 1)], CHAIN, [reference], NOW).result).toBe(matches ? 'match' : 'mismatch')
  })

  it('usage 2 goes by the common name where there are no alternative names', () => {
    const chain = [MX_HOST_COMMON_NAME, INTERMEDIATE].map(presented)
    expect(matchTlsa([recordFor(INTERMEDIATE, 2, 1, 1)], chain, NAMES, NOW).result).toBe('match')
  })

  it.each([0, 1])('an authority that is in the record itself need not be sent (selector %i)', (selector) => {
    const record = recordFor(CA, 2, selector, 0)
    expect(matchTlsa([record], [MX_HOST, INTERMEDIATE].map(presented), NAMES, NOW)).toMatchObject({
      result: 'match',
      records: [{ depth: null, matches: true }],
    })
    expect(matchTlsa([record], [MX_HOST].map(presented), NAMES, NOW).result).toBe('mismatch')
    expect(matchTlsa([recordFor(STRANGER, 2, selector, 0)], [MX_HOST, INTERMEDIATE].map(presented), NAMES, NOW).result).toBe('mismatch')
  })

  it('during a rollover one fitting record is enough', () => {
    const fitting = recordFor(MX_HOST, 3, 1, 1)
    for (const records of [
      [fitting, none],
      [none, fitting],
    ]) {
      const match = matchTlsa(records, CHAIN, NAMES, NOW)
      expect(match.result).toBe('match')
      expect(match.records.filter(({ matches }) => matches)).toHaveLength(1)
    }
  })

  it('only unusable records, or none → nothing to check', () => {
    const unusable = tlsaRecord(1, 1, 1, recordFor(MX_HOST, 3, 1, 1).data)
    expect(matchTlsa([unusable], CHAIN, NAMES, NOW)).toMatchObject({ result: 'unusable', records: [{ mismatch: 'unusable' }] })
    expect(matchTlsa([], CHAIN, NAMES, NOW).result).toBe('unusable')
    expect(matchTlsa([unusable, none], CHAIN, NAMES, NOW).result).toBe('mismatch')
  })

  it('octets that are no certificate match nothing by usage 2, and do not throw', () => {
    const garbage = { der: new Uint8Array([1, 2, 3]), spki: new Uint8Array([4]) }
    expect(matchTlsa([recordFor(CA, 2, 0, 1)], [garbage, garbage], NAMES, NOW).result).toBe('mismatch')
    expect(matchTlsa([tlsaRecord(2, 0, 0, '010203')], [garbage, garbage], NAMES, NOW).records[0]).toMatchObject({ mismatch: 'chain' })
    expect(matchTlsa([tlsaRecord(2, 1, 0, 'ff')], [garbage], NAMES, NOW).result).toBe('mismatch')
  })
})
