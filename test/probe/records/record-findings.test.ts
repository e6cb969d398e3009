import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { CATALOGUE, type FindingCode, type FindingLevel } from '../../../src/findings/catalogue.ts'
import { RECORD_FINDINGS } from '../../../src/findings/catalogue-records.ts'
import type { DaneAnswer, DaneFacts } from '../../../src/probe/dane.ts'
import { tlsaRecord } from '../../../src/probe/dane.ts'
import type { TlsaMatch } from '../../../src/probe/dane-match.ts'
import { parseDkimKey, type DkimKeyAnswer } from '../../../src/probe/dkim-key.ts'
import { parseDmarc, type DmarcAnswer } from '../../../src/probe/dmarc.ts'
import type { DnsblAnswer } from '../../../src/probe/dnsbl.ts'
import type { HttpsFailure } from '../../../src/probe/https-fetch.ts'
import { parseMtaStsPolicy, parseMtaStsRecord } from '../../../src/probe/mta-sts-policy.ts'
import type { MtaStsFacts, MtaStsPolicyAnswer } from '../../../src/probe/mta-sts.ts'
import type { RecordFacts } from '../../../src/probe/record-facts.ts'
import { recordFindings } from '../../../src/probe/record-findings.ts'
import type { SpfAddresses } from '../../../src/probe/spf-addresses.ts'
import type { SpfReason, SpfResult } from '../../../src/probe/spf.ts'
import { parseTlsRpt, type TlsRptAnswer } from '../../../src/probe/tls-rpt.ts'
import { cidr } from '../../support/arbitrary.ts'
import { address } from '../../support/fake-resolver.ts'
import { ED25519, RSA_1024, RSA_2048, RSA_512 } from './dkim-keys.ts'

const domain = name('example.com')
const exchange = name('mx.example.com')

type Row = readonly [what: string, facts: RecordFacts, expected: readonly (readonly [code: FindingCode, level: FindingLevel])[]]

function spf(result: SpfResult, reason: SpfReason, identity: 'mailFrom' | 'helo' = 'mailFrom'): RecordFacts {
  const base = { address: address('198.51.100.7'), domain, record: null, path: [domain], lookupTerms: 11, voidLookups: 0 }
  return { kind: 'spf', identity, result, reason, ...base }
}

const matched = (term: string): SpfReason => ({ kind: 'matched', term, domain })
const fault = { position: 8, term: 'moo', problem: 'unknownMechanism' } as const

const SPF: readonly Row[] = [
  ['pass', spf('pass', matched('a')), [['SPF_PASS', 'info']]],
  ['fail', spf('fail', matched('-all')), [['SPF_FAIL', 'error']]],
  ['softfail', spf('softfail', matched('~all')), [['SPF_SOFTFAIL', 'warning']]],
  ['neutral by a term', spf('neutral', matched('?all')), [['SPF_NEUTRAL', 'warning']]],
  ['neutral without a match', spf('neutral', { kind: 'noMatch' }), [['SPF_NEUTRAL', 'warning']]],
  ['no record', spf('none', { kind: 'noRecord', nxdomain: true }), [['SPF_NONE', 'warning']]],
  ['no record for HELO', spf('none', { kind: 'noRecord', nxdomain: false }, 'helo'), [['SPF_NONE', 'info']]],
  ['trouble', spf('temperror', { kind: 'trouble', question: 'TXT a.example', trouble: 'timeout' }), [['SPF_UNKNOWN', 'inconclusive']]],
  ['a fault', spf('permerror', { kind: 'syntax', domain, fault }), [['SPF_SYNTAX', 'error']]],
  ['two records', spf('permerror', { kind: 'multipleRecords', domain, count: 2 }), [['SPF_MULTIPLE', 'error']]],
  ['too many lookups', spf('permerror', { kind: 'tooManyLookups' }), [['SPF_TOO_MANY_LOOKUPS', 'error']]],
  ['too many void lookups', spf('permerror', { kind: 'tooManyVoidLookups' }), [['SPF_TOO_MANY_VOID_LOOKUPS', 'error']]],
  ['too many MX', spf('permerror', { kind: 'tooManyMx', domain, count: 11 }), [['SPF_TOO_MANY_MX', 'error']]],
  [
    'include of nothing',
    spf('permerror', { kind: 'targetWithoutRecord', term: 'include:x', target: null }),
    [['SPF_TARGET_WITHOUT_RECORD', 'error']],
  ],
]

function spfList(facts: Partial<SpfAddresses>): RecordFacts {
  return { kind: 'spfAddresses', domain, networks: [], otherTerms: [], problems: [], lookupTerms: 0, truncated: false, ...facts }
}

const LISTS: readonly Row[] = [
  ['nothing to say', spfList({ lookupTerms: 10 }), []],
  ['eleven lookups in all', spfList({ lookupTerms: 11 }), [['SPF_TOO_MANY_LOOKUPS', 'warning']]],
  ['+all', spfList({ otherTerms: [{ term: '+all', domain }] }), [['SPF_ALLOWS_ALL', 'warning']]],
  [
    'a network of everything',
    spfList({ networks: [{ network: cidr('0.0.0.0/0'), term: 'ip4:0.0.0.0/0', domain }] }),
    [['SPF_ALLOWS_ALL', 'warning']],
  ],
  ['ptr', spfList({ otherTerms: [{ term: 'ptr:example.com', domain }] }), [['SPF_PTR_TERM', 'notice']]],
  ['a domain without a record is said once, elsewhere', spfList({ problems: [{ domain, kind: 'noRecord', nxdomain: true }] }), []],
  [
    'problems below',
    spfList({
      problems: [
        { domain: exchange, kind: 'noRecord', nxdomain: true },
        { domain, kind: 'circle' },
        { domain, kind: 'unknown', trouble: 'servfail' },
        { domain, kind: 'multipleRecords', count: 2 },
        { domain, kind: 'syntax', fault },
      ],
    }),
    [
      ['SPF_TARGET_WITHOUT_RECORD', 'error'],
      ['SPF_CIRCLE', 'error'],
      ['SPF_UNKNOWN', 'inconclusive'],
      ['SPF_MULTIPLE', 'error'],
      ['SPF_SYNTAX', 'error'],
    ],
  ],
]

function dmarc(answer: DmarcAnswer): RecordFacts {
  const record = answer.kind === 'record' ? answer.record : null
  const source = record && domain
  return {
    kind: 'dmarc',
    domain,
    asked: [{ domain, answer }],
    source,
    record,
    policy: record?.policy ?? null,
    organisationalDomain: 'example.com',
  }
}

const dmarcText = (text: string): RecordFacts => dmarc({ kind: 'record', record: parseDmarc(text) })

const DMARC: readonly Row[] = [
  ['none', dmarc({ kind: 'absent' }), [['DMARC_NONE', 'warning']]],
  ['two', dmarc({ kind: 'multiple', count: 2 }), [['DMARC_MULTIPLE', 'error']]],
  ['unknown', dmarc({ kind: 'unknown', trouble: 'timeout' }), [['DMARC_UNKNOWN', 'inconclusive']]],
  ['reject', dmarcText('v=DMARC1; p=reject; rua=mailto:a@example.com'), [['DMARC_ENFORCED', 'info']]],
  ['monitoring', dmarcText('v=DMARC1; p=none; rua=mailto:a@example.com; pct=5; t=y'), [['DMARC_MONITORING', 'notice']]],
  [
    'half enforced, and without reports',
    dmarcText('v=DMARC1; p=reject; pct=5; t=y'),
    [
      ['DMARC_ENFORCED', 'info'],
      ['DMARC_TEST_MODE', 'notice'],
      ['DMARC_PARTIAL', 'notice'],
      ['DMARC_NO_REPORTS', 'notice'],
    ],
  ],
  ['no policy', dmarcText('v=DMARC1; p=x'), [['DMARC_INVALID', 'error']]],
  [
    'a fault beside a policy',
    dmarcText('v=DMARC1; p=reject; adkim=x; rua=mailto:a@example.com'),
    [
      ['DMARC_INVALID', 'warning'],
      ['DMARC_ENFORCED', 'info'],
    ],
  ],
]

function mtaSts(policy: MtaStsPolicyAnswer, exchanges: MtaStsFacts['exchanges'] = []): RecordFacts {
  return { kind: 'mtaSts', domain, record: { kind: 'record', record: parseMtaStsRecord('v=STSv1; id=1') }, policy, exchanges }
}

function policy(mode: string, extra = '', contentType: string | null = 'text/plain; charset=utf-8'): MtaStsPolicyAnswer {
  return {
    kind: 'policy',
    policy: parseMtaStsPolicy(`version: STSv1\nmode: ${mode}\nmax_age: 604800\nmx: mx.example.com\n${extra}`),
    contentType,
  }
}

const failure = (cause: HttpsFailure): RecordFacts => mtaSts({ kind: 'failure', failure: cause, detail: null })
const UNCOVERED = [{ exchange, pattern: null }]
const notAsked = { kind: 'notAsked' } as const

const MTA_STS: readonly Row[] = [
  ['none', { kind: 'mtaSts', domain, record: { kind: 'absent' }, policy: notAsked, exchanges: [] }, [['MTA_STS_NONE', 'info']]],
  [
    'two',
    { kind: 'mtaSts', domain, record: { kind: 'multiple', count: 2 }, policy: notAsked, exchanges: [] },
    [['MTA_STS_MULTIPLE', 'error']],
  ],
  [
    'unknown',
    { kind: 'mtaSts', domain, record: { kind: 'unknown', trouble: 'timeout' }, policy: notAsked, exchanges: [] },
    [['MTA_STS_UNKNOWN', 'inconclusive']],
  ],
  [
    'a void record',
    { kind: 'mtaSts', domain, record: { kind: 'record', record: parseMtaStsRecord('v=STSv1;') }, policy: notAsked, exchanges: [] },
    [['MTA_STS_RECORD_INVALID', 'error']],
  ],
  ['enforce', mtaSts(policy('enforce'), [{ exchange, pattern: 'mx.example.com' }]), [['MTA_STS_ENFORCED', 'info']]],
  ['testing', mtaSts(policy('testing')), [['MTA_STS_TESTING', 'notice']]],
  ['mode none', mtaSts(policy('none'), UNCOVERED), [['MTA_STS_MODE_NONE', 'notice']]],
  [
    'an uncovered MX, enforced',
    mtaSts(policy('enforce'), UNCOVERED),
    [
      ['MTA_STS_MX_NOT_COVERED', 'error'],
      ['MTA_STS_ENFORCED', 'info'],
    ],
  ],
  [
    'an uncovered MX, tested',
    mtaSts(policy('testing'), UNCOVERED),
    [
      ['MTA_STS_MX_NOT_COVERED', 'warning'],
      ['MTA_STS_TESTING', 'notice'],
    ],
  ],
  [
    'a superfluous line and a wrong type',
    mtaSts(policy('enforce', 'hello', 'text/plainx')),
    [
      ['MTA_STS_POLICY_INVALID', 'notice'],
      ['MTA_STS_CONTENT_TYPE', 'notice'],
      ['MTA_STS_ENFORCED', 'info'],
    ],
  ],
  ['a void policy', mtaSts(policy('enforced')), [['MTA_STS_POLICY_INVALID', 'error']]],
  [
    'an hour',
    mtaSts({
      ...(policy('enforce') as MtaStsPolicyAnswer & { kind: 'policy' }),
      policy: parseMtaStsPolicy('version: STSv1\nmode: enforce\nmax_age: 3600\nmx: a.example'),
    }),
    [
      ['MTA_STS_SHORT_AGE', 'notice'],
      ['MTA_STS_ENFORCED', 'info'],
    ],
  ],
  ['a redirect', mtaSts({ kind: 'status', status: 302, location: null }), [['MTA_STS_REDIRECT', 'error']]],
  ['404', mtaSts({ kind: 'status', status: 404, location: null }), [['MTA_STS_STATUS', 'error']]],
  ['503', mtaSts({ kind: 'status', status: 503, location: null }), [['MTA_STS_STATUS', 'inconclusive']]],
  ...(['certificate', 'tlsTrouble', 'noAddress', 'connectionRefused', 'badHttp', 'tooLarge'] as const).map((cause): Row => [
    cause,
    failure(cause),
    [['MTA_STS_FETCH_FAILED', 'error']],
  ]),
  ...(['dnsTrouble', 'deadline', 'aborted', 'unreachable', 'connectionReset', 'specialAddress'] as const).map((cause): Row => [
    cause,
    failure(cause),
    [['MTA_STS_POLICY_UNKNOWN', 'inconclusive']],
  ]),
]

const tlsRpt = (answer: TlsRptAnswer): RecordFacts => ({ kind: 'tlsRpt', domain, answer })

const TLS_RPT: readonly Row[] = [
  ['none', tlsRpt({ kind: 'absent' }), [['TLS_RPT_NONE', 'info']]],
  ['two', tlsRpt({ kind: 'multiple', count: 2 }), [['TLS_RPT_MULTIPLE', 'warning']]],
  ['unknown', tlsRpt({ kind: 'unknown', trouble: 'refused' }), [['TLS_RPT_UNKNOWN', 'inconclusive']]],
  ['in order', tlsRpt({ kind: 'record', record: parseTlsRpt('v=TLSRPTv1; rua=mailto:a@example.com') }), []],
  ['faulty', tlsRpt({ kind: 'record', record: parseTlsRpt('v=TLSRPTv1') }), [['TLS_RPT_INVALID', 'warning']]],
]

const USABLE = tlsaRecord(3, 1, 1, 'ab'.repeat(32))
const UNUSABLE = tlsaRecord(1, 1, 1, 'ab'.repeat(32))

function dane(answer: DaneAnswer, match: TlsaMatch | null = null, mx: DaneFacts['mx'] = 'authenticated'): RecordFacts {
  return { kind: 'dane', exchange, port: 25, mx, answer, match }
}

const daneRecords = (...records: (typeof USABLE)[]): DaneAnswer => ({ kind: 'records', owner: exchange, records, truncated: false })
const fits = { record: USABLE, matches: true, depth: 0, mismatch: null } as const
const fitsNot = { record: USABLE, matches: false, depth: null, mismatch: 'noMatch' } as const

const DANE: readonly Row[] = [
  ['no address', dane({ kind: 'noAddress' }), []],
  ['none', dane({ kind: 'absent' }), [['DANE_NONE', 'info']]],
  ['none, unsigned', dane({ kind: 'insecure', step: 'addressRecords', published: 0 }), [['DANE_NONE', 'info']]],
  ['unsigned records', dane({ kind: 'insecure', step: 'addressRecords', published: 2 }), [['DANE_INSECURE', 'warning']]],
  ['unsigned, and nobody knows whether there are records', dane({ kind: 'insecure', step: 'addressRecords', published: null }), []],
  ['a resolver without trust', dane({ kind: 'untrusted', published: 1 }), [['DANE_UNTRUSTED', 'inconclusive']]],
  ['a resolver without trust, records unknown', dane({ kind: 'untrusted', published: null }), [['DANE_UNTRUSTED', 'inconclusive']]],
  ['a resolver without trust, no records', dane({ kind: 'untrusted', published: 0 }), [['DANE_NONE', 'info']]],
  ['unknown', dane({ kind: 'unknown', question: 'TLSA mx.example.com', trouble: 'servfail' }), [['DANE_UNKNOWN', 'inconclusive']]],
  ['records, no certificate seen', dane(daneRecords(USABLE)), []],
  ['an unusable record beside another', dane(daneRecords(USABLE, UNUSABLE)), [['DANE_RECORD_UNUSABLE', 'warning']]],
  ['only an unusable record', dane(daneRecords(UNUSABLE)), [['DANE_RECORD_UNUSABLE', 'error']]],
  ['an unsigned MX', dane(daneRecords(USABLE), null, 'insecure'), [['DANE_MX_INSECURE', 'notice']]],
  ['a fitting certificate', dane(daneRecords(USABLE), { result: 'match', records: [fits] }), [['DANE_VALID', 'info']]],
  [
    'a rollover',
    dane(daneRecords(USABLE, USABLE), { result: 'match', records: [fits, fitsNot] }),
    [
      ['DANE_VALID', 'info'],
      ['DANE_RECORD_MISMATCH', 'info'],
    ],
  ],
  [
    'another certificate',
    dane(daneRecords(USABLE), { result: 'mismatch', records: [fitsNot] }),
    [
      ['DANE_MISMATCH', 'error'],
      ['DANE_RECORD_MISMATCH', 'error'],
    ],
  ],
]

const dnsbl = (answer: DnsblAnswer): RecordFacts => ({
  kind: 'dnsbl',
  address: address('198.51.100.7'),
  list: domain,
  question: domain,
  answer,
})

const DNSBL: readonly Row[] = [
  ['not listed', dnsbl({ kind: 'notListed' }), []],
  ['listed', dnsbl({ kind: 'listed', codes: ['127.0.0.2'], texts: [] }), [['DNSBL_LISTED', 'error']]],
  ['refused', dnsbl({ kind: 'refused', cause: 'refusalCode', codes: ['127.255.255.254'] }), [['DNSBL_REFUSED', 'inconclusive']]],
  ['unknown', dnsbl({ kind: 'unknown', trouble: 'timeout' }), [['DNSBL_UNKNOWN', 'inconclusive']]],
]

const dkim = (answer: DkimKeyAnswer): RecordFacts => ({ kind: 'dkimKey', domain, selector: 's', answer })
const dkimText = (text: string): RecordFacts => dkim({ kind: 'record', record: parseDkimKey(text) })

const DKIM: readonly Row[] = [
  ['none', dkim({ kind: 'absent' }), [['DKIM_KEY_NONE', 'error']]],
  ['no name', dkim({ kind: 'badSelector' }), [['DKIM_KEY_NONE', 'error']]],
  ['two', dkim({ kind: 'multiple', count: 2 }), [['DKIM_KEY_MULTIPLE', 'error']]],
  ['unknown', dkim({ kind: 'unknown', trouble: 'timeout' }), [['DKIM_KEY_UNKNOWN', 'inconclusive']]],
  ['2048 bits', dkimText(`v=DKIM1; p=${RSA_2048}`), [['DKIM_KEY_VALID', 'info']]],
  ['ed25519', dkimText(`k=ed25519; p=${ED25519}`), [['DKIM_KEY_VALID', 'info']]],
  ['1024 bits', dkimText(`p=${RSA_1024}`), [['DKIM_KEY_SHORT', 'notice']]],
  ['512 bits', dkimText(`p=${RSA_512}`), [['DKIM_KEY_SHORT', 'error']]],
  ['revoked', dkimText('p='), [['DKIM_KEY_REVOKED', 'warning']]],
  ['an unknown type', dkimText('k=x; p=AAAA'), [['DKIM_KEY_TYPE_UNKNOWN', 'error']]],
  ['no key', dkimText('p=AAAA'), [['DKIM_KEY_INVALID', 'error']]],
  ['a misplaced version', dkimText(`p=${RSA_2048}; v=DKIM1`), [['DKIM_KEY_INVALID', 'warning']]],
  [
    'everything at once',
    dkimText(`t=y; h=sha1; s=other; p=${RSA_2048}`),
    [
      ['DKIM_KEY_HASH', 'error'],
      ['DKIM_KEY_NOT_FOR_MAIL', 'error'],
      ['DKIM_KEY_TEST_MODE', 'notice'],
    ],
  ],
]

const GROUPS: readonly (readonly [string, readonly Row[]])[] = [
  ['SPF of an address', SPF],
  ['an SPF record as a whole', LISTS],
  ['DMARC', DMARC],
  ['MTA-STS', MTA_STS],
  ['TLS-RPT', TLS_RPT],
  ['DANE', DANE],
  ['blocklists', DNSBL],
  ['DKIM keys', DKIM],
]

describe.each(GROUPS)('%s', (_group, rows) => {
  it.each(rows)('%s', (_what, facts, expected) => {
    const findings = recordFindings([facts])
    expect(findings.map(({ code, level }) => [code, level])).toEqual(expected)
    for (const { code, args } of findings) {
      const placeholders = Array.from(CATALOGUE[code].message.matchAll(/\{([a-zA-Z]+)\}/g), (match) => match[1] ?? '')
      expect(Object.keys(args)).toEqual(expect.arrayContaining(placeholders))
    }
  })
})

describe('recordFindings', () => {
  it('says the same thing once', () => {
    const broken = spf('permerror', { kind: 'syntax', domain, fault })
    expect(recordFindings([broken, broken, spfList({ problems: [{ domain, kind: 'syntax', fault }] })])).toHaveLength(1)
  })

  it('can say everything that the catalogue has about records', () => {
    const said = new Set(GROUPS.flatMap(([, rows]) => recordFindings(rows.map(([, facts]) => facts))).map(({ code }) => code))
    expect([...said].sort()).toEqual(Object.keys(RECORD_FINDINGS).sort())
  })

  it('calls nothing missing or wrong that could not be told', () => {
    for (const [, facts] of GROUPS.flatMap(([, rows]) => rows)) {
      const text = JSON.stringify(facts)
      if (!/"kind":"(?:unknown|trouble)"/.test(text) || facts.kind === 'spfAddresses') continue
      expect(recordFindings([facts]).map(({ level }) => level)).toEqual(['inconclusive'])
    }
  })
})
