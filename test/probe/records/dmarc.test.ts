import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { lookupDmarc, parseDmarc, type DmarcFacts } from '../../../src/probe/dmarc.ts'
import { startRecordDns, TROUBLES, txt } from './record-dns.ts'

async function lookup(
  domain: string,
  records: Readonly<Record<string, string | readonly string[]>>,
  faults: Parameters<typeof startRecordDns>[1] = [],
): Promise<DmarcFacts & { readonly asked: DmarcFacts['asked']; readonly questions: readonly string[] }> {
  const zone = Object.entries(records).flatMap(([owner, texts]) => [texts].flat().map((text) => txt(owner, text)))
  await using dns = await startRecordDns(zone.join('\n'), faults)
  const facts = await lookupDmarc(name(domain), { resolver: dns.resolver })
  return { ...facts, questions: dns.asked() }
}

describe('parseDmarc', () => {
  it('reads every tag', () => {
    expect(
      parseDmarc(
        'v=DMARC1; p=Reject; sp=quarantine; np=none; adkim=s; aspf=r; pct=25; rua=mailto:a@example.com!10m, https://x.example/r; ruf=mailto:f@example.com; fo=1:d; t=y; psd=n; rf=afrf; ri=86400; new=1',
      ),
    ).toMatchObject({
      policy: 'reject',
      subdomainPolicy: 'quarantine',
      nonexistentPolicy: 'none',
      dkimAlignment: 'strict',
      spfAlignment: 'relaxed',
      percent: 25,
      aggregateReports: ['mailto:a@example.com!10m', 'https://x.example/r'],
      failureReports: ['mailto:f@example.com'],
      failureOptions: ['1', 'd'],
      testMode: true,
      publicSuffix: 'n',
      unknownTags: ['new'],
      faults: [],
    })
  })

  it('fills in the defaults', () => {
    expect(parseDmarc('v=DMARC1; p=none')).toEqual({
      text: 'v=DMARC1; p=none',
      policy: 'none',
      subdomainPolicy: null,
      nonexistentPolicy: null,
      dkimAlignment: 'relaxed',
      spfAlignment: 'relaxed',
      percent: null,
      aggregateReports: [],
      failureReports: [],
      failureOptions: ['0'],
      testMode: false,
      publicSuffix: 'u',
      unknownTags: [],
      faults: [],
    })
  })

  it.each<[string, string | null, readonly unknown[]]>([
    ['v=DMARC1', null, [{ position: 9, problem: 'missingTag', tag: 'p' }]],
    ['v=DMARC1; rua=mailto:a@example.com', 'none', [{ position: 35, problem: 'missingTag', tag: 'p' }]],
    ['v=DMARC1; p=block', null, [{ position: 13, problem: 'badValue', tag: 'p' }]],
    ['v=DMARC1; p=block; rua=mailto:a@example.com', 'none', [{ position: 13, problem: 'badValue', tag: 'p' }]],
    ['v=DMARC1; p=none; sp=off', 'none', [{ position: 22, problem: 'badValue', tag: 'sp' }]],
    ['v=DMARC1; p=none; pct=101', 'none', [{ position: 23, problem: 'badValue', tag: 'pct' }]],
    ['v=DMARC1; p=none; adkim=x', 'none', [{ position: 25, problem: 'badValue', tag: 'adkim' }]],
    ['v=DMARC1; p=none; fo=9', 'none', [{ position: 22, problem: 'badValue', tag: 'fo' }]],
    ['v=DMARC1; p=none; rua=a@example.com', 'none', [{ position: 23, problem: 'badValue', tag: 'rua' }]],
    ['v=DMARC1; p=none; rua=mailto:a@example.com, b@example.com', 'none', [{ position: 45, problem: 'badValue', tag: 'rua' }]],
    ['v=DMARC1; p=none p=reject', null, [{ position: 13, problem: 'badValue', tag: 'p' }]],
    ['v=DMARC1; p=none; p=reject', 'none', [{ position: 19, problem: 'duplicateTag', tag: 'p' }]],
    ['v=DMARC1, p=none', null, [{ position: 17, problem: 'missingTag', tag: 'p' }]],
  ])('%s → %s', (text, policy, faults) => {
    expect(parseDmarc(text)).toMatchObject({ policy, faults })
  })
})

describe('lookupDmarc', () => {
  it('a record of its own applies, and nothing else is asked', async () => {
    const facts = await lookup('mail.example.com', {
      '_dmarc.mail.example.com': 'v=DMARC1; p=quarantine; sp=reject',
      '_dmarc.example.com': 'v=DMARC1; p=reject',
    })
    expect(facts).toMatchObject({ source: 'mail.example.com', policy: 'quarantine', organisationalDomain: 'example.com' })
    expect(facts.questions).toEqual(['TXT _dmarc.mail.example.com'])
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts)
  })

  it.each([
    ['v=DMARC1; p=reject', 'reject'],
    ['v=DMARC1; p=reject; sp=none', 'none'],
    ['v=DMARC1; p=none; sp=reject; np=none', 'reject'],
  ])('the organisational domain speaks for a subdomain without a record: %s → %s', async (text, policy) => {
    const facts = await lookup('a.mail.example.com', { '_dmarc.example.com': text })
    expect(facts).toMatchObject({ source: 'example.com', policy })
    expect(facts.questions).toEqual([
      'TXT _dmarc.a.mail.example.com',
      'TXT _dmarc.mail.example.com',
      'TXT _dmarc.example.com',
      'TXT _dmarc.com',
    ])
  })

  it.each<[string, Record<string, string>, string]>([
    ['the highest record', { '_dmarc.b.example.com': 'v=DMARC1; p=none', '_dmarc.example.com': 'v=DMARC1; p=reject' }, 'example.com'],
    [
      'the one with psd=n',
      { '_dmarc.b.example.com': 'v=DMARC1; p=none; psd=n', '_dmarc.example.com': 'v=DMARC1; p=reject' },
      'b.example.com',
    ],
    [
      'the one below psd=y',
      { '_dmarc.b.example.com': 'v=DMARC1; p=none', '_dmarc.example.com': 'v=DMARC1; p=reject; psd=y' },
      'b.example.com',
    ],
    ['psd=y itself, with nothing right below', { '_dmarc.example.com': 'v=DMARC1; p=reject; psd=y' }, 'example.com'],
  ])('of several above: %s', async (_what, records, source) => {
    expect(await lookup('a.b.example.com', records)).toMatchObject({ source })
  })

  it('a long name is asked for eight times at most', async () => {
    const facts = await lookup('a.b.c.d.e.f.g.h.i.example.com', {})
    expect(facts.questions).toHaveLength(8)
    expect(facts.questions.slice(0, 2)).toEqual(['TXT _dmarc.a.b.c.d.e.f.g.h.i.example.com', 'TXT _dmarc.e.f.g.h.i.example.com'])
    expect(facts).toMatchObject({ source: null, record: null, policy: null })
    expect(facts.asked.every(({ answer }) => answer.kind === 'absent')).toBe(true)
  })

  it.each(['v=dmarc1; p=none', 'v=DMARC2; p=none', 'p=none; v=DMARC1', 'v=DMARC10; p=none', 'x v=DMARC1; p=none'])(
    '%s is no DMARC record',
    async (text) => {
      expect(await lookup('example.com', { '_dmarc.example.com': text })).toMatchObject({ source: null })
    },
  )

  it('of two records none applies', async () => {
    const facts = await lookup('example.com', { '_dmarc.example.com': ['v=DMARC1; p=none', 'v=DMARC1; p=reject', 'other'] })
    expect(facts).toMatchObject({ source: null, record: null })
    expect(facts.asked[0]).toEqual({ domain: 'example.com', answer: { kind: 'multiple', count: 2 } })
  })

  it.each(TROUBLES)('%s at the domain: nothing is said to apply, nor to be absent', async (_what, effect, trouble) => {
    const facts = await lookup('mail.example.com', { '_dmarc.example.com': 'v=DMARC1; p=reject' }, [
      { name: '_dmarc.mail.example.com', effect },
    ])
    expect(facts).toMatchObject({ source: null, policy: null })
    expect(facts.asked).toEqual([{ domain: 'mail.example.com', answer: { kind: 'unknown', trouble } }])
  })

  it.each(TROUBLES)('%s on the way up: a record below it is not taken for the highest', async (_what, effect, trouble) => {
    const facts = await lookup('a.b.example.com', { '_dmarc.b.example.com': 'v=DMARC1; p=reject' }, [
      { name: '_dmarc.example.com', effect },
    ])
    expect(facts).toMatchObject({ source: null })
    expect(facts.asked.at(-1)).toEqual({ domain: 'example.com', answer: { kind: 'unknown', trouble } })
  })
})
