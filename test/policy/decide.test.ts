import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/core/address.ts'
import type { FindingCode } from '../../src/findings/catalogue.ts'
import type { IprevResult } from '../../src/iprev/facts.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy, type CompiledPolicy } from '../../src/policy/compile.ts'
import { decide, skipBeforeLookup, strongerDecision } from '../../src/policy/decide.ts'
import type { Decision, ReplyFor } from '../../src/policy/decision.ts'
import { RULES, type PresetName } from '../../src/policy/presets.ts'
import { policySettings, type PolicyInput } from '../../src/policy/settings.ts'
import { ip } from '../support/arbitrary.ts'
import { ptrName, subject, type SubjectParts } from '../support/subjects.ts'

function policyOf(input: PolicyInput | PresetName = {}, replyFor: ReplyFor = rfc7372.replyFor): CompiledPolicy {
  return compilePolicy(policySettings(input), replyFor)
}

function decided(parts: SubjectParts, input: PolicyInput | PresetName = {}): Decision {
  return decide(subject(parts), policyOf(input))
}

/** `reject 550 5.7.25`, or the bare action. */
function shown({ action, reply }: Decision): string {
  return reply ? `${action} ${String(reply.code)} ${String(reply.enhanced)}` : action
}

describe('the table', () => {
  interface TableRow {
    readonly situation: string
    readonly parts: SubjectParts
    readonly rule: string
    readonly finding: FindingCode | null
    readonly observe: string
    readonly balanced: string
    readonly strict: string
  }

  const iprevRow = (
    situation: string,
    parts: SubjectParts & { result: IprevResult },
    finding: FindingCode,
    actions: [string, string, string],
  ): TableRow => ({
    situation,
    parts,
    rule: parts.result,
    finding,
    observe: actions[0],
    balanced: actions[1],
    strict: actions[2],
  })
  const heloRow = (code: FindingCode, rule: string, actions: [string, string, string]): TableRow => ({
    situation: code,
    parts: { codes: [code] },
    rule,
    finding: code,
    observe: actions[0],
    balanced: actions[1],
    strict: actions[2],
  })
  const refused: [string, string, string] = ['tag', 'reject 550 5.7.25', 'reject 550 5.7.25']
  const deferred: [string, string, string] = ['tag', 'defer 451 4.7.25', 'defer 451 4.7.25']
  const tagged: [string, string, string] = ['tag', 'tag', 'tag']
  const strictOnly: [string, string, string] = ['tag', 'tag', 'reject 550 5.7.1']

  const rows: TableRow[] = [
    iprevRow('pass', { result: 'pass' }, 'FCRDNS_CONFIRMED', ['accept', 'accept', 'accept']),
    iprevRow('no reverse name', { result: 'permerror', reason: 'noReverseName' }, 'PTR_MISSING', refused),
    iprevRow('no PTR record', { result: 'permerror', reason: 'noPtrRecord' }, 'PTR_MISSING', refused),
    iprevRow('a loop of aliases', { result: 'permerror', reason: 'aliasLoop' }, 'PTR_ALIAS_LOOP', refused),
    iprevRow('a dangling alias', { result: 'permerror', reason: 'aliasDangling' }, 'PTR_ALIAS_DANGLING', refused),
    iprevRow('too many aliases', { result: 'permerror', reason: 'aliasTooDeep' }, 'PTR_ALIAS_TOO_DEEP', refused),
    iprevRow('names that resolve elsewhere', { result: 'fail', reason: 'elsewhere' }, 'FCRDNS_MISMATCH', refused),
    iprevRow('names that do not exist', { result: 'fail', reason: 'nameNotFound' }, 'FCRDNS_MISMATCH', refused),
    iprevRow('names without an address', { result: 'fail', reason: 'nameWithoutAddress' }, 'FCRDNS_MISMATCH', refused),
    iprevRow('no usable name', { result: 'fail', reason: 'noUsableName' }, 'FCRDNS_MISMATCH', refused),
    iprevRow('PTR SERVFAIL', { result: 'temperror', reason: 'reverseServfail' }, 'PTR_UNKNOWN', deferred),
    iprevRow('PTR timeout', { result: 'temperror', reason: 'reverseTimeout' }, 'PTR_UNKNOWN', deferred),
    iprevRow('forward SERVFAIL', { result: 'temperror', reason: 'forwardServfail' }, 'FORWARD_UNKNOWN', deferred),
    iprevRow('the deadline', { result: 'temperror', reason: 'deadline' }, 'IPREV_DEADLINE', deferred),
    iprevRow('the query cap', { result: 'temperror', reason: 'queryCap' }, 'IPREV_QUERY_CAP', deferred),
    iprevRow('an interruption', { result: 'temperror', reason: 'aborted' }, 'IPREV_ABORTED', deferred),
    heloRow('PTR_GENERIC', 'genericPtr', strictOnly),
    heloRow('HELO_SYNTAX', 'heloSyntax', ['tag', 'reject 501 5.5.2', 'reject 501 5.5.2']),
    heloRow('HELO_UNDERSCORE', 'heloUnderscore', ['tag', 'tag', 'reject 501 5.5.2']),
    heloRow('HELO_BARE_ADDRESS', 'heloBareAddress', ['tag', 'reject 550 5.7.1', 'reject 550 5.7.1']),
    heloRow('HELO_OUR_NAME', 'heloOurName', ['tag', 'reject 550 5.7.1', 'reject 550 5.7.1']),
    heloRow('HELO_UNRESOLVABLE', 'heloUnresolvable', strictOnly),
    heloRow('HELO_NOT_FQDN', 'heloNotFqdn', ['tag', 'tag', 'reject 504 5.5.2']),
    heloRow('HELO_LOCALHOST', 'heloLocalhost', strictOnly),
    heloRow('HELO_RESERVED_SUFFIX', 'heloReservedSuffix', strictOnly),
    heloRow('HELO_PTR_DIFFERS', 'heloDiffers', tagged),
    heloRow('HELO_CONFIRMED_DIFFERS', 'heloDiffers', tagged),
    heloRow('HELO_ORGANISATION_DIFFERS', 'heloOrganisationDiffers', tagged),
    heloRow('HELO_OTHER_ADDRESS', 'heloOtherAddress', tagged),
    heloRow('HELO_LITERAL', 'heloLiteral', tagged),
    heloRow('HELO_LITERAL_MISMATCH', 'heloLiteralMismatch', tagged),
    heloRow('HELO_GENERIC', 'heloGeneric', tagged),
    heloRow('HELO_UNKNOWN', 'heloUnknown', tagged),
    heloRow('HELO_ALIGNED', 'pass', ['accept', 'accept', 'accept']),
  ].map((row) => (row.situation === 'HELO_ALIGNED' ? { ...row, finding: 'FCRDNS_CONFIRMED' } : row))

  describe.each(rows)('$situation', (row) => {
    it.each(['observe', 'balanced', 'strict'] as const)('%s', (preset) => {
      const decision = decided(row.parts, preset)
      expect(shown(decision)).toBe(row[preset])
      expect(decision).toMatchObject({ rule: row.rule, finding: row.finding, intended: decision.action, stage: 'rcpt' })
    })
  })

  it('has a row here for every rule that findings or iprev bring up', () => {
    const covered = new Set(rows.map(({ rule }) => rule))
    expect(Object.keys(RULES).filter((rule) => !covered.has(rule))).toEqual(['resolverIll', 'internalError'])
  })

  it.each([
    ['observe', 'tag', 'tag'],
    ['balanced', 'tag', 'reject'],
    ['strict', 'tag', 'reject'],
  ] as const)('our resolver is ill, %s: %s', (preset, action, intended) => {
    const decision = decided({ result: 'permerror', resolverIll: true }, preset)
    expect(decision).toMatchObject({ action, rule: 'resolverIll', finding: 'RESOLVER_ILL', intended, reply: null })
  })

  it.each([
    ['observe', undefined, 'accept'],
    ['balanced', undefined, 'accept'],
    ['balanced', 'accept', 'accept'],
    ['balanced', 'defer', 'defer 451 4.3.0'],
    ['strict', undefined, 'defer 451 4.3.0'],
    ['strict', 'accept', 'accept'],
  ] as const)('ptrgate itself fails, %s with onInternalError %s: %s', (preset, onInternalError, expected) => {
    const decision = decided({ result: 'permerror', codes: ['HELO_SYNTAX'], internalError: true }, { preset, onInternalError })
    expect(shown(decision)).toBe(expected)
    expect(decision).toMatchObject({ rule: 'internalError', finding: null })
  })
})

describe('several rows at once', () => {
  it.each([
    ['the most severe action wins', { result: 'pass', codes: ['HELO_NOT_FQDN', 'HELO_SYNTAX'] }, 'heloSyntax', 'reject 501 5.5.2'],
    [
      'the order of findings changes nothing',
      { result: 'pass', codes: ['HELO_SYNTAX', 'HELO_NOT_FQDN'] },
      'heloSyntax',
      'reject 501 5.5.2',
    ],
    ['iprev before HELO on a tie', { result: 'fail', codes: ['HELO_SYNTAX'] }, 'fail', 'reject 550 5.7.25'],
    [
      'earlier row first on a tie',
      { result: 'pass', codes: ['HELO_OUR_NAME', 'HELO_BARE_ADDRESS'] },
      'heloBareAddress',
      'reject 550 5.7.1',
    ],
    ['a permanent HELO error beside a temperror', { result: 'temperror', codes: ['HELO_SYNTAX'] }, 'heloSyntax', 'reject 501 5.5.2'],
    ['no PTR beside a HELO that could not be told', { result: 'permerror', codes: ['HELO_UNKNOWN'] }, 'permerror', 'reject 550 5.7.25'],
    ['a temperror beside a mere tag', { result: 'temperror', codes: ['HELO_NOT_FQDN'] }, 'temperror', 'defer 451 4.7.25'],
    ['a HELO that could not be told beside a pass', { result: 'pass', codes: ['HELO_UNKNOWN'] }, 'heloUnknown', 'tag'],
  ] as const)('%s', (_title, parts, rule, expected) => {
    const decision = decided(parts)
    expect(shown(decision)).toBe(expected)
    expect(decision.rule).toBe(rule)
  })

  it('refuses nothing for a generic name while another may yet be confirmed', () => {
    expect(decided({ result: 'temperror', codes: ['PTR_GENERIC'] }, 'strict')).toMatchObject({ action: 'defer', rule: 'temperror' })
    const lenient: PolicyInput = { preset: 'strict', rules: { temperror: 'accept' } }
    expect(decided({ result: 'temperror', codes: ['PTR_GENERIC'] }, lenient)).toMatchObject({ action: 'tag', rule: 'genericPtr' })
    expect(decided({ result: 'fail', codes: ['PTR_GENERIC'] }, { preset: 'strict', rules: { fail: 'tag' } })).toMatchObject({
      rule: 'genericPtr',
      action: 'reject',
    })
  })

  it('accepts as not judged when nothing was looked up and nothing found', () => {
    expect(decided({ iprev: null })).toMatchObject({ action: 'accept', rule: 'notJudged', finding: null })
  })
})

describe('an ill resolver', () => {
  it.each([
    ['temperror', { result: 'temperror' }, 'defer'],
    ['fail', { result: 'fail' }, 'reject'],
    ['generic', { codes: ['PTR_GENERIC'] }, 'reject'],
    ['unresolvable HELO', { codes: ['HELO_UNRESOLVABLE'] }, 'reject'],
    ['nothing at all', { result: 'pass' }, 'tag'],
  ] as const)('%s: only tagged', (_title, parts, intended) => {
    expect(decided({ ...parts, resolverIll: true }, 'strict')).toMatchObject({ action: 'tag', rule: 'resolverIll', intended })
  })

  it.each(['HELO_SYNTAX', 'HELO_BARE_ADDRESS', 'HELO_OUR_NAME', 'HELO_NOT_FQDN', 'HELO_LOCALHOST', 'HELO_RESERVED_SUFFIX'] as const)(
    '%s is refused still: it does not rest on the DNS',
    (code) => {
      expect(decided({ result: 'permerror', codes: [code], resolverIll: true }, 'strict')).toMatchObject({
        action: 'reject',
        finding: code,
        intended: 'reject',
      })
    },
  )

  it('defers for HELO where that is asked for, and says that the DNS would have called for more', () => {
    const decision = decided({ result: 'fail', codes: ['HELO_SYNTAX'], resolverIll: true }, { rules: { heloSyntax: 'defer' } })
    expect(shown(decision)).toBe('defer 451 4.5.2')
    expect(decision).toMatchObject({ rule: 'heloSyntax', intended: 'reject' })
  })

  it('tags a client that was never looked up', () => {
    expect(decided({ iprev: null, resolverIll: true })).toMatchObject({
      action: 'tag',
      rule: 'resolverIll',
      intended: 'tag',
    })
  })
})

describe('skips', () => {
  it.each([
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['::ffff:192.168.1.1', 'private'],
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.1.1', 'linkLocal'],
    ['fe80::1', 'linkLocal'],
    ['100.64.0.1', 'cgnat'],
    ['fd00::1', 'uniqueLocal'],
  ])('%s is skipped as %s', (from, rule) => {
    expect(decided({ from, result: 'permerror', codes: ['HELO_SYNTAX'] }, 'strict')).toEqual({
      kind: 'decision',
      action: 'accept',
      reply: null,
      stage: 'rcpt',
      rule,
      finding: null,
      intended: 'accept',
    })
  })

  it.each(['192.0.2.1', '198.51.100.7', '203.0.113.7', '2001:db8::7', '198.18.0.1', '8.8.8.8', '64:ff9b::a00:1', '2002:a00:1::1'])(
    '%s is judged',
    (from) => {
      expect(decided({ from, result: 'permerror' })).toMatchObject({ action: 'reject', rule: 'permerror' })
    },
  )

  it('authenticated sessions and trusted networks, each by its name', () => {
    expect(decided({ result: 'fail', authenticated: true })).toMatchObject({ action: 'accept', rule: 'authenticated' })
    const trusting: PolicyInput = { trustedNetworks: ['203.0.113.0/24'] }
    expect(decided({ result: 'fail' }, trusting)).toMatchObject({ action: 'accept', rule: 'trustedNetworks' })
    expect(decided({ result: 'fail', from: '::ffff:203.0.113.9' }, trusting)).toMatchObject({ rule: 'trustedNetworks' })
    expect(decided({ result: 'fail', from: '203.0.114.7' }, trusting)).toMatchObject({ rule: 'fail' })
    expect(decided({ result: 'fail', authenticated: true, internalError: true, resolverIll: true }, 'strict')).toMatchObject({
      rule: 'authenticated',
    })
  })

  it('are known before any lookup', () => {
    const policy = policyOf({
      trustedNetworks: ['203.0.113.0/24'],
      networks: [
        { cidr: '198.51.100.0/24', skip: true },
        { cidr: '10.9.0.0/16', skip: false },
      ],
    })
    const rules = ['203.0.113.1', '198.51.100.1', '10.1.1.1', '10.9.1.1', '8.8.8.8'].map((text) =>
      skipBeforeLookup(ip(text), false, policy),
    )
    expect(rules).toEqual(['trustedNetworks', 'networks', 'private', undefined, undefined])
    expect(skipBeforeLookup(ip('8.8.8.8'), true, policy)).toBe('authenticated')
  })
})

describe('networks', () => {
  const nested: PolicyInput = {
    networks: [
      { cidr: '203.0.113.0/24', preset: 'observe' },
      { cidr: ['203.0.113.128/25', '2001:db8::/32'], preset: 'strict', stage: 'connect' },
      { cidr: '203.0.113.200', rules: { genericPtr: 'defer' } },
    ],
  }

  it.each([
    ['203.0.113.7', 'tag', 'rcpt'],
    ['203.0.113.129', 'reject 550 5.7.1', 'connect'],
    ['2001:db8::1', 'reject 550 5.7.1', 'connect'],
    ['203.0.113.200', 'defer 451 4.7.1', 'rcpt'],
    ['198.51.100.1', 'tag', 'rcpt'],
  ])('%s: the longest prefix alone applies, above the settings for everybody', (from, expected, stage) => {
    const decision = decided({ from, codes: ['PTR_GENERIC'] }, nested)
    expect(shown(decision)).toBe(expected)
    expect(decision.stage).toBe(stage)
  })

  it('can skip, and can have a private network judged', () => {
    const policy: PolicyInput = {
      networks: [
        { cidr: '203.0.113.0/24', skip: true },
        { cidr: '10.9.0.0/16', skip: false },
      ],
    }
    expect(decided({ result: 'fail' }, policy)).toMatchObject({ action: 'accept', rule: 'networks' })
    expect(decided({ result: 'fail', from: '10.9.0.1' }, policy)).toMatchObject({ action: 'reject', rule: 'fail' })
    expect(decided({ result: 'fail', from: '10.8.0.1' }, policy)).toMatchObject({ action: 'accept', rule: 'private' })
  })

  it('a preset starts afresh, rules alone build on those for everybody', () => {
    const policy: PolicyInput = {
      rules: { genericPtr: 'reject', heloLiteral: 'reject' },
      networks: [
        { cidr: '203.0.113.0/25', preset: 'balanced', rules: { heloLiteral: 'defer' } },
        { cidr: '203.0.113.128/25', rules: { heloLiteral: 'defer' } },
      ],
    }
    expect(decided({ codes: ['PTR_GENERIC'] }, policy).action).toBe('tag')
    expect(decided({ codes: ['HELO_LITERAL'] }, policy).action).toBe('defer')
    expect(decided({ from: '203.0.113.129', codes: ['PTR_GENERIC'] }, policy).action).toBe('reject')
    expect(decided({ from: '203.0.113.129', codes: ['HELO_LITERAL'] }, policy).action).toBe('defer')
  })
})

describe('names', () => {
  const byName: PolicyInput = {
    names: [
      { name: 'mail.example.com', skip: true },
      { suffix: 'example.com', rules: { heloSyntax: 'tag' } },
      { suffix: 'deep.example.com', rules: { heloSyntax: 'defer' } },
    ],
  }
  const syntax = (confirmedName: string): Decision =>
    decided({ names: [ptrName(confirmedName, 'confirmed')], codes: ['HELO_SYNTAX'] }, byName)

  it.each([
    ['mail.example.com', 'accept', 'names'],
    ['MAIL.example.COM', 'accept', 'names'],
    ['other.example.com', 'tag', 'heloSyntax'],
    ['example.com', 'tag', 'heloSyntax'],
    ['a.deep.example.com', 'defer', 'heloSyntax'],
    ['evil-example.com', 'reject', 'heloSyntax'],
    ['example.com.evil.test', 'reject', 'heloSyntax'],
    ['x.mail.example.com', 'tag', 'heloSyntax'],
  ])('%s: %s by %s', (confirmedName, action, rule) => {
    expect(syntax(confirmedName)).toMatchObject({ action, rule })
  })

  it.each(['elsewhere', 'nxdomain', 'nodata', 'timeout', 'servfail', 'notHostName'] as const)(
    'a PTR name that is %s grants nothing',
    (outcome) => {
      expect(decided({ result: 'fail', names: [ptrName('mail.example.com', outcome)] }, byName)).toMatchObject({
        action: 'reject',
        rule: 'fail',
      })
      const beside = [ptrName('mail.example.com', outcome), ptrName('mx.example.net', 'confirmed')]
      expect(decided({ names: beside, codes: ['HELO_SYNTAX'] }, byName)).toMatchObject({ action: 'reject', rule: 'heloSyntax' })
    },
  )

  it('facts that contradict themselves grant nothing', () => {
    expect(decided({ result: 'fail', names: [ptrName('mail.example.com', 'confirmed')] }, byName)).toMatchObject({
      action: 'reject',
      rule: 'fail',
    })
  })

  it('any of several confirmed names counts, the whole name before a suffix, in whatever order they come', () => {
    const names = [
      ptrName('a.deep.example.com', 'confirmed'),
      ptrName('mail.example.com', 'confirmed'),
      ptrName('zz.example.com', 'confirmed'),
    ]
    for (const order of [names, names.toReversed()]) expect(decided({ names: order, codes: ['HELO_SYNTAX'] }, byName).rule).toBe('names')
    expect(decided({ names: [names[0], names[2]].flatMap((each) => each ?? []), codes: ['HELO_SYNTAX'] }, byName).action).toBe('defer')
  })

  it('stand above networks, and cannot make an observing network refuse', () => {
    const policy: PolicyInput = {
      networks: [{ cidr: '203.0.113.0/24', preset: 'observe' }],
      names: [
        { name: 'mail.example.com', rules: { heloSyntax: 'reject' } },
        { name: 'mx.example.com', preset: 'strict', stage: 'mail' },
      ],
    }
    expect(decided({ codes: ['HELO_SYNTAX'] }, policy)).toMatchObject({ action: 'tag', intended: 'tag' })
    expect(decided({ from: '198.51.100.1', codes: ['HELO_SYNTAX'] }, policy).action).toBe('reject')
    expect(decided({ names: [ptrName('mx.example.com', 'confirmed')], codes: ['HELO_NOT_FQDN'] }, policy)).toMatchObject({
      action: 'reject',
      stage: 'mail',
    })
  })
})

describe('dry run', () => {
  it.each([
    ['a rejection', { result: 'fail' }, 'reject'],
    ['a deferral', { result: 'temperror' }, 'defer'],
  ] as const)('tags instead of %s and says what was intended', (_title, parts, intended) => {
    expect(decided(parts, { dryRun: true })).toMatchObject({ action: 'tag', rule: 'dryRun', intended, reply: null })
  })

  it('keeps the finding, leaves the rest alone, and can be lifted for a network', () => {
    expect(decided({ result: 'permerror' }, { dryRun: true }).finding).toBe('PTR_MISSING')
    expect(decided({}, { dryRun: true })).toMatchObject({ action: 'accept', rule: 'pass', intended: 'accept' })
    expect(decided({ codes: ['HELO_NOT_FQDN'] }, { dryRun: true })).toMatchObject({ action: 'tag', rule: 'heloNotFqdn', intended: 'tag' })
    expect(decided({ result: 'fail' }, { dryRun: true, networks: [{ cidr: '203.0.113.7', dryRun: false }] }).action).toBe('reject')
    expect(decided({ internalError: true }, { preset: 'strict', dryRun: true })).toMatchObject({
      action: 'tag',
      rule: 'dryRun',
      intended: 'defer',
    })
    expect(decided({ codes: ['HELO_SYNTAX'] }, { rules: { heloSyntax: 'quarantine' }, dryRun: true })).toMatchObject({
      action: 'tag',
      intended: 'quarantine',
    })
  })
})

describe('percent', () => {
  const clients = Array.from({ length: 4096 }, (_, index) => `203.${String(index >> 8)}.113.${String(index & 255)}`)
  const rejected = (percent: number, percentSalt = ''): string[] => {
    const policy = policyOf({ percent, percentSalt })
    return clients.filter((from) => decide(subject({ from, result: 'fail' }), policy).action === 'reject')
  }

  it('rejects about that share of neighbouring clients', () => {
    expect(rejected(0)).toHaveLength(0)
    expect(rejected(100)).toHaveLength(4096)
    for (const percent of [1, 10, 50, 90]) {
      expect(Math.abs(rejected(percent).length - 40.96 * percent)).toBeLessThan(3 * Math.sqrt(40.96 * percent * (1 - percent / 100)))
    }
  })

  it('keeps those that it rejected when the share grows, and chooses others with another salt', () => {
    const [few, more] = [rejected(10), new Set(rejected(25))]
    expect(few.every((client) => more.has(client))).toBe(true)
    expect(rejected(10, 'another')).not.toEqual(few)
    expect(rejected(10)).toEqual(few)
  })

  it('does not choose neighbours together', () => {
    const policy = policyOf({ percent: 50 })
    const actions = clients.slice(0, 1024).map((from) => decide(subject({ from, result: 'fail' }), policy).action)
    const changes = actions.filter((action, index) => index > 0 && action !== actions[index - 1])
    expect(Math.abs(changes.length - 512)).toBeLessThan(80)
  })

  it('tags the others and says what was intended', () => {
    expect(decided({ result: 'fail' }, { percent: 0 })).toMatchObject({
      action: 'tag',
      rule: 'percent',
      intended: 'reject',
      finding: 'FCRDNS_MISMATCH',
      reply: null,
    })
  })

  it('does not touch deferrals, and sees a mapped address as the IPv4 one', () => {
    expect(decided({ result: 'temperror' }, { percent: 0 }).action).toBe('defer')
    const actions = (prefix: string): string[] =>
      clients.slice(0, 64).map((client) => decided({ from: `${prefix}${client}`, result: 'fail' }, { percent: 50 }).action)
    expect(actions('::ffff:')).toEqual(actions(''))
  })
})

describe('mail to postmaster', () => {
  const exempting: PolicyInput = { exemptPostmaster: true }

  it.each([
    'postmaster@example.org',
    'Postmaster@EXAMPLE.ORG',
    'postmaster',
    '<postmaster@example.org>',
    '<Postmaster>',
    '"postmaster"@example.org',
  ])('%s is exempt', (recipient) => {
    expect(decided({ result: 'fail', recipient }, exempting)).toMatchObject({ action: 'tag', rule: 'postmaster', intended: 'reject' })
    expect(decided({ result: 'temperror', recipient }, exempting)).toMatchObject({ action: 'tag', rule: 'postmaster', intended: 'defer' })
    expect(decided({ result: 'fail', recipient }).action).toBe('reject')
  })

  it.each(['info@example.org', 'notpostmaster@example.org', 'postmaster+x@example.org', 'postmaster@a@b', 'x@postmaster', ''])(
    '%j is not',
    (recipient) => {
      expect(decided({ result: 'fail', recipient }, exempting)).toMatchObject({ action: 'reject', rule: 'fail' })
    },
  )

  it('without a recipient nothing is exempt, and what is accepted anyway stays so', () => {
    expect(decided({ result: 'fail' }, exempting).action).toBe('reject')
    expect(decided({ recipient: 'postmaster@example.org' }, exempting)).toMatchObject({ action: 'accept', rule: 'pass' })
  })
})

describe('the stage', () => {
  it.each(['connect', 'helo', 'mail', 'rcpt'] as const)('is the one of the settings: %s', (stage) => {
    expect(decided({ result: 'fail' }, { stage }).stage).toBe(stage)
  })

  it('is HELO at the earliest when HELO is the reason', () => {
    expect(decided({ codes: ['HELO_SYNTAX'] }, { stage: 'connect' }).stage).toBe('helo')
    expect(decided({ codes: ['HELO_SYNTAX'] }, { stage: 'mail' }).stage).toBe('mail')
  })
})

describe('actions and codes', () => {
  it.each([
    ['reject', 'reject 504 5.5.2'],
    ['defer', 'defer 451 4.5.2'],
    ['quarantine', 'quarantine'],
    ['tag', 'tag'],
    ['accept', 'accept'],
  ] as const)('heloNotFqdn: %s gives %s', (action, expected) => {
    expect(shown(decided({ codes: ['HELO_NOT_FQDN'] }, { rules: { heloNotFqdn: action, heloDiffers: 'accept' } }))).toBe(expected)
  })

  it('asks for the words with all that a text may need, and no name', () => {
    const requests: unknown[] = []
    const policy = policyOf({ stage: 'mail' }, (request) => {
      requests.push(request)
      return { code: request.code, enhanced: request.enhanced, lines: ['no'] }
    })
    const decision = decide(subject({ from: '::ffff:203.0.113.7', result: 'permerror', reason: 'aliasLoop' }), policy)
    expect(requests).toEqual([
      {
        action: 'reject',
        rule: 'permerror',
        finding: 'PTR_ALIAS_LOOP',
        address: parseAddress('203.0.113.7'),
        stage: 'mail',
        code: 550,
        enhanced: '5.7.25',
      },
    ])
    expect(decision.reply?.lines).toEqual(['no'])
  })

  it.each([
    [{ code: 554, enhanced: null }, '554 null'],
    [{ code: 571, enhanced: '5.1.8' }, '571 5.1.8'],
    [{ code: 421, enhanced: '4.7.1' }, '550 5.7.25'],
    [{ code: 550, enhanced: '4.7.1' }, '550 5.7.25'],
    [{ code: 250, enhanced: '2.0.0' }, '550 5.7.25'],
    [{ code: 5, enhanced: null }, '550 5.7.25'],
    [{ code: 5500, enhanced: null }, '550 5.7.25'],
  ])("a receiver's own codes %j are kept only within the class of the action", (codes, expected) => {
    const { reply } = decide(
      subject({ result: 'fail' }),
      policyOf({}, () => ({ ...codes, lines: ['its own words'] })),
    )
    expect(`${String(reply?.code)} ${String(reply?.enhanced)}`).toBe(expected)
    expect(reply?.lines).toEqual(['its own words'])
  })
})

describe('settings that came past the schema', () => {
  it('cannot have a temporary cause refused for good', () => {
    const settings = policySettings()
    for (const action of ['reject', 'quarantine'] as const) {
      const rules = { temperror: action, heloUnknown: action } as unknown as typeof settings.rules
      const policy = compilePolicy({ ...settings, rules }, rfc7372.replyFor)
      expect(shown(decide(subject({ result: 'temperror' }), policy))).toBe('defer 451 4.7.25')
      expect(shown(decide(subject({ codes: ['HELO_UNKNOWN'] }), policy))).toBe('defer 451 4.7.1')
    }
  })
})

describe('strongerDecision', () => {
  const [accepted, tagged, deferred, rejected] = [
    decided({}),
    decided({ codes: ['HELO_NOT_FQDN'] }),
    decided({ result: 'temperror' }),
    decided({ result: 'fail' }),
  ]

  it('keeps the more severe one, so that a second HELO escapes nothing', () => {
    expect(strongerDecision(rejected, accepted)).toBe(rejected)
    expect(strongerDecision(accepted, rejected)).toBe(rejected)
    expect(strongerDecision(deferred, tagged)).toBe(deferred)
    expect(strongerDecision(deferred, rejected)).toBe(rejected)
  })

  it('keeps the earlier of two equals', () => {
    const again = decided({ result: 'permerror' })
    expect(strongerDecision(rejected, again)).toBe(rejected)
  })
})
