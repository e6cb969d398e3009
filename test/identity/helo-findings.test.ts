import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAddress, reverseName, unmapAddress, type IpAddress } from '../../src/core/address.ts'
import { name } from '../../src/core/domain-name.ts'
import type { FindingCode, FindingLevel } from '../../src/findings/catalogue.ts'
import type { HeloFacts, HeloResolution } from '../../src/identity/facts.ts'
import { heloFindings, type HeloFindingsInput } from '../../src/identity/helo-findings.ts'
import { parseHelo, scopeOfHeloName } from '../../src/identity/helo-form.ts'
import type { IprevFacts, PtrName, PtrNameOutcome } from '../../src/iprev/facts.ts'

const ip = (text: string): IpAddress => {
  const address = parseAddress(text)
  if (!address) throw new TypeError(text)
  return address
}
const PEER = '198.51.100.7'

type Ptr = readonly [ptrName: string, outcome: PtrNameOutcome]

function iprev(names: readonly Ptr[], changes: Partial<IprevFacts> = {}): IprevFacts {
  const address = unmapAddress(ip(PEER))
  const isPass = names.some(([, outcome]) => outcome === 'confirmed')
  return {
    kind: 'iprev',
    address,
    reverseName: reverseName(address),
    result: isPass ? 'pass' : names.length === 0 ? 'permerror' : 'fail',
    reason: isPass ? 'confirmed' : names.length === 0 ? 'noReverseName' : 'elsewhere',
    aliases: [],
    ptrTtl: 300,
    names: names.map(([text, outcome]): PtrName => ({
      name: name(text),
      outcome,
      addresses: [],
      aliases: [],
      ttl: 300,
      authenticated: false,
    })),
    ptrNameCount: names.length,
    truncated: false,
    authenticated: false,
    queries: 2,
    ...changes,
  }
}

function helo(claimedName: string, resolved: HeloResolution | readonly string[]): HeloFacts {
  const form = parseHelo(claimedName)
  const isAsked = form.kind === 'name' && scopeOfHeloName(form.name) === 'qualified'
  const resolution: HeloResolution =
    'kind' in resolved ? resolved : { kind: 'addresses', addresses: resolved.map(ip), aliases: [], ttl: 300 }
  return { kind: 'helo', claimedName, form, resolution: isAsked ? resolution : { kind: 'notAsked' } }
}

const judge = (facts: HeloFacts, reverse: IprevFacts, changes: Partial<HeloFindingsInput> = {}) =>
  heloFindings({ helo: facts, iprev: reverse, ourNames: [], ourAddresses: [], ...changes })
const codes = (...args: Parameters<typeof judge>) => judge(...args).map(({ code }) => code)

const NONE: HeloResolution = { kind: 'none', nxdomain: true }
const CONFIRMED = iprev([['mail.example.com', 'confirmed']])
const NO_PTR = iprev([])

describe('heloFindings', () => {
  const cases: readonly [what: string, helo: HeloFacts, iprev: IprevFacts, expected: readonly FindingCode[]][] = [
    ['the confirmed name', helo('mail.example.com', [PEER]), CONFIRMED, ['HELO_ALIGNED']],
    ['the confirmed name in other letters, with a final dot', helo('MAIL.Example.com.', [PEER]), CONFIRMED, ['HELO_ALIGNED']],
    ['nothing', helo('', NONE), CONFIRMED, ['HELO_SYNTAX']],
    ['a space', helo('mail example.com', NONE), CONFIRMED, ['HELO_SYNTAX']],
    ['8-bit text', helo('müller.example.com', NONE), CONFIRMED, ['HELO_SYNTAX']],
    ['a bare address', helo(PEER, NONE), CONFIRMED, ['HELO_BARE_ADDRESS']],
    ['the literal of the peer', helo(`[${PEER}]`, NONE), CONFIRMED, ['HELO_LITERAL']],
    ['the IPv4-mapped literal of the peer', helo(`[IPv6:::ffff:${PEER}]`, NONE), CONFIRMED, ['HELO_LITERAL']],
    ['the literal of a private address', helo('[10.0.0.5]', NONE), CONFIRMED, ['HELO_LITERAL', 'HELO_LITERAL_MISMATCH']],
    ['localhost', helo('localhost', NONE), CONFIRMED, ['HELO_LOCALHOST']],
    ['localhost.localdomain', helo('localhost.localdomain', NONE), CONFIRMED, ['HELO_LOCALHOST']],
    ['a single label', helo('DESKTOP-7', NONE), CONFIRMED, ['HELO_NOT_FQDN']],
    ['a single label with an underscore', helo('MY_SERVER', NONE), CONFIRMED, ['HELO_UNDERSCORE', 'HELO_NOT_FQDN']],
    ['an underscore', helo('my_mail.example.com', [PEER]), NO_PTR, ['HELO_UNDERSCORE']],
    ['an internal suffix', helo('exchange.corp.local', NONE), NO_PTR, ['HELO_RESERVED_SUFFIX', 'HELO_UNRESOLVABLE']],
    ['an unresolvable name', helo('mail.example.com', NONE), NO_PTR, ['HELO_UNRESOLVABLE']],
    ['a pool name', helo('host-198-51-100-7.dyn.example.net', NONE), NO_PTR, ['HELO_GENERIC', 'HELO_UNRESOLVABLE']],
    ['a name of another address', helo('mail.example.com', ['192.0.2.1']), NO_PTR, ['HELO_OTHER_ADDRESS']],
    [
      'a name with an AAAA only',
      helo('mail.example.com', { kind: 'otherFamilyOnly', addresses: [ip('2001:db8::7')] }),
      NO_PTR,
      ['HELO_OTHER_ADDRESS'],
    ],
    ['a name that could not be looked up', helo('mail.example.com', { kind: 'unknown', outcome: 'timeout' }), NO_PTR, ['HELO_UNKNOWN']],
    [
      'a name that could not be looked up, beside another PTR',
      helo('smtp.example.com', { kind: 'unknown', outcome: 'servfail' }),
      CONFIRMED,
      ['HELO_UNKNOWN', 'HELO_PTR_DIFFERS', 'HELO_CONFIRMED_DIFFERS'],
    ],
    [
      'a resolving name of the same organisation',
      helo('smtp.example.com', [PEER]),
      CONFIRMED,
      ['HELO_PTR_DIFFERS', 'HELO_CONFIRMED_DIFFERS'],
    ],
    [
      'a name of another organisation',
      helo('mail.example.net', ['192.0.2.1']),
      CONFIRMED,
      ['HELO_OTHER_ADDRESS', 'HELO_PTR_DIFFERS', 'HELO_CONFIRMED_DIFFERS', 'HELO_ORGANISATION_DIFFERS'],
    ],
    [
      'another name than an unconfirmed PTR',
      helo('smtp.example.com', [PEER]),
      iprev([['mail.example.com', 'elsewhere']]),
      ['HELO_PTR_DIFFERS'],
    ],
    ['the unconfirmed PTR name itself', helo('mail.example.com', [PEER]), iprev([['mail.example.com', 'timeout']]), []],
  ]
  it.each(cases)('%s', (_, facts, reverse, expected) => {
    expect(codes(facts, reverse)).toEqual(expected)
  })

  describe('several addresses and several names', () => {
    const many: readonly Ptr[] = [
      ['a.example.com', 'elsewhere'],
      ['mail.example.com', 'confirmed'],
      ['smtp.example.net', 'confirmed'],
    ]

    it('a cluster name that resolves to the peer among others is not held against it', () => {
      expect(codes(helo('mail.example.com', ['192.0.2.1', PEER, '192.0.2.2']), CONFIRMED)).toEqual(['HELO_ALIGNED'])
    })

    it('any confirmed name will do', () => {
      expect(judge(helo('smtp.example.net', [PEER]), iprev(many))).toEqual([
        { code: 'HELO_ALIGNED', level: 'info', args: { claimedName: 'smtp.example.net', confirmedName: 'smtp.example.net' } },
      ])
    })

    it('a PTR name that is not the confirmed one differs only from that', () => {
      expect(codes(helo('a.example.com', ['192.0.2.1']), iprev(many))).toEqual(['HELO_OTHER_ADDRESS', 'HELO_CONFIRMED_DIFFERS'])
    })

    it('the organisation of any confirmed name will do', () => {
      expect(codes(helo('out.example.net', [PEER]), iprev(many))).toEqual(['HELO_PTR_DIFFERS', 'HELO_CONFIRMED_DIFFERS'])
    })

    it('a PTR name whose own lookup failed may be a confirmed one', () => {
      const reverse = iprev([
        ['a.example.com', 'timeout'],
        ['mail.example.com', 'confirmed'],
      ])
      expect(codes(helo('a.example.com', { kind: 'unknown', outcome: 'timeout' }), reverse)).toEqual(['HELO_UNKNOWN'])
    })

    it('among names that were ignored may be the claimed one', () => {
      expect(
        codes(helo('smtp.example.com', [PEER]), iprev([['mail.example.com', 'confirmed']], { truncated: true, ptrNameCount: 12 })),
      ).toEqual([])
    })
  })

  describe('our own name and address', () => {
    const ours = { ourNames: [name('mx.example.org')], ourAddresses: [ip('192.0.2.25')] }
    it.each([
      ['our name', 'MX.example.org', ['HELO_OUR_NAME', 'HELO_UNRESOLVABLE']],
      ['our address bare', '192.0.2.25', ['HELO_BARE_ADDRESS', 'HELO_OUR_NAME']],
      ['our address as a literal', '[192.0.2.25]', ['HELO_LITERAL', 'HELO_LITERAL_MISMATCH', 'HELO_OUR_NAME']],
      ['a name below ours', 'a.mx.example.org', ['HELO_UNRESOLVABLE']],
      ['a label that looks like ours', 'mx-example.org', ['HELO_UNRESOLVABLE']],
    ] as const)('%s, claimed by a stranger', (_, claimedName, expected) => {
      expect(codes(helo(claimedName, NONE), NO_PTR, ours)).toEqual(expected)
    })

    it('is nobody’s trick when the client is known, or comes from our address', () => {
      const own = { ...iprev([]), address: ip('192.0.2.25') }
      expect(codes(helo('mx.example.org', NONE), NO_PTR, { ...ours, isStranger: false })).not.toContain('HELO_OUR_NAME')
      expect(codes(helo('[192.0.2.25]', NONE), NO_PTR, { ...ours, isStranger: false })).not.toContain('HELO_OUR_NAME')
      expect(codes(helo('mx.example.org', NONE), own, ours)).not.toContain('HELO_OUR_NAME')
      expect(codes(helo('mx.example.org', NONE), own, { ...ours, isStranger: true })).toContain('HELO_OUR_NAME')
    })
  })

  it('says where the name leads to, with addresses in canonical text', () => {
    expect(judge(helo('mail.example.com', ['192.0.2.1', '192.0.2.2']), NO_PTR)).toEqual([
      {
        code: 'HELO_OTHER_ADDRESS',
        level: 'notice',
        args: { claimedName: 'mail.example.com', ip: PEER, addresses: ['192.0.2.1', '192.0.2.2'] },
      },
    ])
  })

  it('keeps the claimed name as it was sent', () => {
    const claimedName = 'evil\r\nname\u202e'
    expect(judge(helo(claimedName, NONE), NO_PTR)).toEqual([
      { code: 'HELO_SYNTAX', level: 'error', args: { claimedName, problem: 'notAscii' } },
    ])
  })

  it('names the organisations', () => {
    expect(judge(helo('mail.dept.example.co.uk', [PEER]), CONFIRMED).at(-1)).toEqual({
      code: 'HELO_ORGANISATION_DIFFERS',
      level: 'notice',
      args: {
        claimedName: 'mail.dept.example.co.uk',
        confirmedName: 'mail.example.com',
        claimedDomain: 'example.co.uk',
        confirmedDomain: 'example.com',
      },
    })
  })
})

describe('for any claim and any facts', () => {
  const ORDER: readonly FindingCode[] = [
    'HELO_SYNTAX',
    'HELO_UNDERSCORE',
    'HELO_BARE_ADDRESS',
    'HELO_LITERAL',
    'HELO_LITERAL_MISMATCH',
    'HELO_LOCALHOST',
    'HELO_NOT_FQDN',
    'HELO_RESERVED_SUFFIX',
    'HELO_OUR_NAME',
    'HELO_GENERIC',
    'HELO_UNRESOLVABLE',
    'HELO_UNKNOWN',
    'HELO_OTHER_ADDRESS',
    'HELO_PTR_DIFFERS',
    'HELO_CONFIRMED_DIFFERS',
    'HELO_ORGANISATION_DIFFERS',
    'HELO_ALIGNED',
  ]
  const someName = fc.constantFrom(
    'mail.example.com',
    'smtp.example.com',
    'mail.example.net',
    'a_b.example.com',
    'x.local',
    'mail',
    'localhost',
    PEER,
  )
  const claim = fc.oneof(
    someName,
    fc.constantFrom(`[${PEER}]`, '[192.0.2.25]', 'mx.example.org', 'dyn-198-51-100-7.example.net'),
    fc.string(),
  )
  const outcome = fc.constantFrom<PtrNameOutcome>('confirmed', 'elsewhere', 'nxdomain', 'nodata', 'timeout', 'servfail')
  const ptrs = fc.uniqueArray(fc.tuple(someName, outcome), { selector: ([text]) => text, maxLength: 4 })
  const resolved = fc.oneof(
    fc.constantFrom<HeloResolution>(NONE, { kind: 'none', nxdomain: false }, { kind: 'unknown', outcome: 'timeout' }),
    fc.constantFrom([PEER], ['192.0.2.1'], ['192.0.2.1', PEER]),
  )
  interface Situation {
    readonly claim: string
    readonly ptrs: readonly Ptr[]
    readonly resolved: HeloResolution | readonly string[]
    readonly truncated: boolean
  }
  const input: fc.Arbitrary<Situation> = fc.record({ claim, ptrs, resolved, truncated: fc.boolean() })
  const findingsOf = (situation: Situation) =>
    judge(helo(situation.claim, situation.resolved), iprev(situation.ptrs, { truncated: situation.truncated }), {
      ourNames: [name('mx.example.org')],
      ourAddresses: [ip('192.0.2.25')],
    })

  it('the findings are distinct and in the order of the checks', () => {
    fc.assert(
      fc.property(input, (facts) => {
        const positions = findingsOf(facts).map(({ code }) => ORDER.indexOf(code))
        expect(positions).not.toContain(-1)
        expect(positions).toEqual([...new Set(positions)].sort((left, right) => left - right))
      }),
      { numRuns: 1000 },
    )
  })

  it('a HELO that is only different is never more than a notice', () => {
    const mild: ReadonlySet<FindingLevel> = new Set(['info', 'notice'])
    fc.assert(
      fc.property(input, (facts) => {
        for (const { code, level } of findingsOf(facts))
          if (code.endsWith('_DIFFERS') || code === 'HELO_OTHER_ADDRESS') expect(mild).toContain(level)
      }),
    )
  })

  it('what could not be looked up is never called unresolvable or misdirected', () => {
    fc.assert(
      fc.property(input, (facts) => {
        const found = findingsOf({ ...facts, resolved: { kind: 'unknown', outcome: 'timeout' } }).map(({ code }) => code)
        expect(found).not.toContain('HELO_UNRESOLVABLE')
        expect(found).not.toContain('HELO_OTHER_ADDRESS')
      }),
    )
  })

  it('without a PTR nothing is said of one', () => {
    fc.assert(
      fc.property(input, (facts) => {
        const found = findingsOf({ ...facts, ptrs: [] }).map(({ code }) => code)
        expect(found.filter((code) => code.endsWith('_DIFFERS') || code === 'HELO_ALIGNED')).toEqual([])
      }),
    )
  })
})
