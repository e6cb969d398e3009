import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseName } from '../../src/core/domain-name.ts'
import { specialRange } from '../../src/core/network.ts'
import { FINDING_CODES, type FindingCode } from '../../src/findings/catalogue.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy, layerFor } from '../../src/policy/compile.ts'
import { decide, skipBeforeLookup, strongerDecision, type DecisionSubject } from '../../src/policy/decide.ts'
import type { ReplyFor } from '../../src/policy/decision.ts'
import { compareActions, isTemporary, PRESET_NAMES, RULE_NAMES, RULES, type Rule, type RuleName } from '../../src/policy/presets.ts'
import { policySettingsSchema, type PolicyInput } from '../../src/policy/settings.ts'
import { anyAddress, ip } from '../support/arbitrary.ts'
import { exampleFinding } from '../support/finding-examples.ts'
import { iprevFacts, ptrName, REASONS } from '../support/subjects.ts'

const hostNames = ['mail.example.com', 'mx.example.com', 'example.com', 'a.deep.example.com', 'evil-example.com', 'mail.example.net']
const peers = [
  '203.0.113.7',
  '203.0.113.200',
  '198.51.100.1',
  '10.0.0.1',
  '127.0.0.1',
  '100.64.0.9',
  '169.254.1.1',
  '2001:db8::7',
  'fd00::1',
  '::ffff:203.0.113.7',
].map(ip)

const anyPeer = fc.oneof(fc.constantFrom(...peers), anyAddress)
const anyPtrName = fc
  .tuple(
    fc.constantFrom(...hostNames),
    fc.constantFrom('confirmed', 'elsewhere', 'nxdomain', 'nodata', 'timeout', 'notHostName', 'deadline'),
  )
  .map(([text, outcome]) => ptrName(text, outcome))

/** Those that a rule is about as often as all others. */
const anyCode = fc.oneof(
  fc.constantFrom(...Object.values<Rule>(RULES).flatMap(({ findings }) => findings ?? [])),
  fc.constantFrom(...FINDING_CODES),
)

const anySubject: fc.Arbitrary<DecisionSubject> = fc
  .record({
    address: anyPeer,
    lookedUp: fc.boolean(),
    result: fc.constantFrom('pass', 'fail', 'temperror', 'permerror'),
    reason: fc.nat(),
    names: fc.uniqueArray(anyPtrName, { maxLength: 4, selector: ({ name }) => name }),
    codes: fc.uniqueArray(anyCode, { maxLength: 8 }),
    authenticated: fc.boolean(),
    recipient: fc.constantFrom(null, 'postmaster@example.org', 'info@example.org'),
    resolverIll: fc.boolean(),
    internalError: fc.boolean(),
  })
  .map(({ address, lookedUp, result, reason, names, codes, ...rest }) => {
    const reasons = REASONS[result]
    const kept = result === 'pass' ? names : names.filter(({ outcome }) => outcome !== 'confirmed')
    return {
      ...rest,
      address,
      iprev: lookedUp ? iprevFacts(result, address, kept, reasons[reason % reasons.length]) : null,
      findings: codes.map((code) => exampleFinding(code)),
    }
  })

/** Absent about half of the time, as in real settings. */
function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined })
}

const anyRules: fc.Arbitrary<PolicyInput['rules']> = fc
  .array(fc.tuple(fc.constantFrom(...RULE_NAMES), fc.constantFrom('accept', 'tag', 'quarantine', 'defer', 'reject')), { maxLength: 6 })
  .map((pairs) => Object.fromEntries(pairs.filter(([rule, action]) => mayBeSet(rule, action))))

function mayBeSet(rule: RuleName, action: string): boolean {
  if (rule === 'pass' || rule === 'resolverIll' || rule === 'internalError') return false
  return !isTemporary(rule) || ['accept', 'tag', 'defer'].includes(action)
}

const layerKeys = {
  preset: maybe(fc.constantFrom(...PRESET_NAMES)),
  rules: maybe(anyRules),
  stage: maybe(fc.constantFrom('connect', 'helo', 'mail', 'rcpt')),
  dryRun: maybe(fc.boolean()),
  percent: maybe(fc.constantFrom(0, 0.5, 30, 100)),
  exemptPostmaster: maybe(fc.boolean()),
} as const

const anyPolicyInput: fc.Arbitrary<PolicyInput> = fc.record({
  ...layerKeys,
  percentSalt: maybe(fc.string({ maxLength: 8 })),
  onInternalError: maybe(fc.constantFrom('accept', 'defer')),
  trustedNetworks: maybe(fc.constantFrom<string[]>([], ['198.51.100.0/24'], ['2001:db8::/32', '203.0.113.200'])),
  networks: maybe(
    fc.uniqueArray(
      fc.record({
        cidr: fc.constantFrom('203.0.113.0/24', '203.0.113.128/25', '0.0.0.0/0', '10.0.0.0/8', '::/0'),
        skip: maybe(fc.boolean()),
        ...layerKeys,
      }),
      {
        maxLength: 3,
        selector: ({ cidr }) => cidr,
      },
    ),
  ),
  names: maybe(
    fc.uniqueArray(
      fc
        .record({
          key: fc.constantFrom('name', 'suffix'),
          text: fc.constantFrom(...hostNames),
          skip: maybe(fc.constant(true as const)),
          ...layerKeys,
        })
        .map(({ key, text, ...rest }) => ({
          name: key === 'name' ? text : undefined,
          suffix: key === 'suffix' ? text : undefined,
          ...rest,
        })),
      { maxLength: 3, selector: ({ name, suffix }) => JSON.stringify([name, suffix]) },
    ),
  ),
})

/** Drawn once: reading settings costs a thousand times what deciding costs. */
const policies = fc
  .sample(anyPolicyInput, { numRuns: 600, seed: 2317 })
  .flatMap((input) => policySettingsSchema.safeParse(input).data ?? [])
  .map((settings) => compilePolicy(settings, rfc7372.replyFor))

const anyPolicy = fc.constantFrom(...policies)
const runs = { numRuns: 1000 }

/** The rules that a finding brings up, from the table itself. */
const ruleOf = new Map(
  RULE_NAMES.flatMap((rule) => ((RULES[rule] as Rule).findings ?? []).map((code) => [code, RULES[rule] as Rule] as const)),
)

/** Something that will still be so tomorrow: no temporary cause, and none that hangs on a lookup that failed. */
function hasPermanentCause({ iprev, findings, resolverIll }: DecisionSubject): boolean {
  const fromIprev = !resolverIll && (iprev?.result === 'permerror' || iprev?.result === 'fail')
  const stands = (code: FindingCode): boolean => {
    const rule = ruleOf.get(code)
    if (rule === undefined || rule.temporary === true || (resolverIll && rule.fromDns === true)) return false
    return code !== 'PTR_GENERIC' || (iprev !== null && iprev.result !== 'temperror')
  }
  return fromIprev || findings.some(({ code }) => stands(code))
}

describe('for any client and any policy', () => {
  it('no temporary cause alone, and no fault of ours, is ever answered 5xx', () => {
    fc.assert(
      fc.property(anySubject, anyPolicy, (subject, policy) => {
        const { action, reply } = decide(subject, policy)
        if (action !== 'reject' && (reply === null || reply.code < 500)) return
        expect(hasPermanentCause(subject)).toBe(true)
        expect(subject.internalError).toBe(false)
      }),
      runs,
    )
  })

  it('a reply stands exactly with a refusal, and its codes agree in class with each other and the action, whatever the persona says', () => {
    const codes = fc.constantFrom(220, 250, 354, 421, 450, 451, 501, 504, 550, 554, 0, 55, 5500, -550)
    const enhanced = fc.constantFrom(null, '2.0.0', '4.7.1', '5.7.25', '57', '', '4')
    fc.assert(
      fc.property(anySubject, anyPolicy, fc.option(fc.tuple(codes, enhanced)), (subject, policy, own) => {
        const replyFor: ReplyFor = own ? () => ({ code: own[0], enhanced: own[1], lines: ['words'] }) : policy.replyFor
        const { action, reply } = decide(subject, { ...policy, replyFor })
        expect(reply !== null).toBe(action === 'defer' || action === 'reject')
        if (!reply) return
        const wanted = action === 'defer' ? '4' : '5'
        expect(String(reply.code)).toMatch(new RegExp(`^${wanted}[0-9]{2}$`))
        if (reply.enhanced !== null) expect(reply.enhanced).toMatch(new RegExp(`^${wanted}\\.`))
        expect(reply.lines.length).toBeGreaterThan(0)
      }),
      runs,
    )
  })

  it('the decision is the same every time, also for facts that came through JSON, and its action does not hang on the order of findings', () => {
    fc.assert(
      fc.property(anySubject, anyPolicy, (subject, policy) => {
        const decision = decide(subject, policy)
        expect(decide(subject, policy)).toEqual(decision)
        expect(decide(JSON.parse(JSON.stringify(subject)) as DecisionSubject, policy)).toEqual(decision)
        const reordered = decide({ ...subject, findings: subject.findings.toReversed() }, policy)
        expect(reordered).toMatchObject({
          action: decision.action,
          rule: decision.rule,
          intended: decision.intended,
          stage: decision.stage,
        })
      }),
      runs,
    )
  })

  it('what is skipped is accepted, whatever was found', () => {
    const skips = new Set([
      'authenticated',
      'trustedNetworks',
      'networks',
      'names',
      'private',
      'loopback',
      'linkLocal',
      'cgnat',
      'uniqueLocal',
    ])
    fc.assert(
      fc.property(anySubject, anyPolicy, (subject, policy) => {
        const decision = decide(subject, policy)
        if (skips.has(decision.rule)) expect(decision).toMatchObject({ action: 'accept', intended: 'accept', reply: null, finding: null })
        if (subject.authenticated) expect(decision.rule).toBe(skipBeforeLookup(subject.address, false, policy) ?? 'authenticated')
        const early = skipBeforeLookup(subject.address, subject.authenticated, policy)
        if (early !== undefined) expect(decision.rule).toBe(early)
        const isPrivate = ['private', 'loopback', 'linkLocal', 'cgnat', 'uniqueLocal'].includes(specialRange(subject.address) ?? '')
        if (isPrivate && layerFor(policy, subject.address, null).skip !== false) expect(decision.action).toBe('accept')
      }),
      runs,
    )
  })

  it('observe and dry run never refuse, defer or quarantine', () => {
    fc.assert(
      fc.property(anySubject, anyPolicy, (subject, policy) => {
        const layer = layerFor(policy, subject.address, subject.iprev)
        const decision = decide(subject, policy)
        if (layer.preset === 'observe' || layer.dryRun) expect(['accept', 'tag']).toContain(decision.action)
        if (layer.preset === 'observe') expect(['accept', 'tag']).toContain(decision.intended)
      }),
      runs,
    )
  })

  it('an ill resolver alone refuses nobody', () => {
    fc.assert(
      fc.property(anySubject, anyPolicy, (subject, policy) => {
        const dnsOnly = subject.findings.filter(({ code }) => (ruleOf.get(code) ?? { fromDns: true }).fromDns === true)
        const decision = decide({ ...subject, findings: dnsOnly, resolverIll: true, internalError: false }, policy)
        expect(['accept', 'tag']).toContain(decision.action)
      }),
      runs,
    )
  })

  it('a PTR name that is not confirmed changes nothing', () => {
    fc.assert(
      fc.property(anySubject, anyPolicy, fc.constantFrom(...hostNames), (subject, policy, text) => {
        const { iprev } = subject
        if (!iprev) return
        const unconfirmed = { ...iprev, names: [...iprev.names.filter(({ name }) => name !== parseName(text)), ptrName(text, 'elsewhere')] }
        const without = { ...iprev, names: iprev.names.filter(({ name }) => name !== parseName(text)) }
        expect(decide({ ...subject, iprev: unconfirmed }, policy)).toEqual(decide({ ...subject, iprev: without }, policy))
      }),
      runs,
    )
  })

  it('one more finding never makes the intention milder, and what was restrained was intended to be more', () => {
    fc.assert(
      fc.property(anySubject, anyPolicy, fc.constantFrom(...FINDING_CODES), (subject, policy, code) => {
        const decision = decide(subject, policy)
        const more = decide({ ...subject, findings: [...subject.findings, exampleFinding(code)] }, policy)
        expect(compareActions(more.intended, decision.intended)).toBeGreaterThanOrEqual(0)
        expect(compareActions(decision.intended, decision.action)).toBeGreaterThanOrEqual(0)
        const restraints = ['dryRun', 'percent', 'postmaster', 'resolverIll']
        if (decision.intended !== decision.action && !subject.resolverIll) expect(restraints).toContain(decision.rule)
      }),
      runs,
    )
  })

  it('the stronger of two decisions is one of them and never milder than either', () => {
    fc.assert(
      fc.property(anySubject, anySubject, anyPolicy, (first, second, policy) => {
        const [earlier, later] = [decide(first, policy), decide(second, policy)]
        const stronger = strongerDecision(earlier, later)
        expect([earlier, later]).toContain(stronger)
        expect(compareActions(stronger.action, earlier.action)).toBeGreaterThanOrEqual(0)
        expect(compareActions(stronger.action, later.action)).toBeGreaterThanOrEqual(0)
      }),
      runs,
    )
  })
})

it('the arbitraries reach every action, nearly every rule and every restraint', () => {
  const seen = new Map<string, number>()
  const count = (key: string): Map<string, number> => seen.set(key, (seen.get(key) ?? 0) + 1)
  fc.assert(
    fc.property(anySubject, anyPolicy, (subject, policy) => {
      const decision = decide({ ...subject, authenticated: false, internalError: subject.internalError && subject.resolverIll }, policy)
      count(decision.action)
      count(decision.rule)
    }),
    { numRuns: 3000, seed: 7 },
  )
  const expected = [
    'accept',
    'tag',
    'quarantine',
    'defer',
    'reject',
    'permerror',
    'fail',
    'temperror',
    'dryRun',
    'percent',
    'postmaster',
    'networks',
    'names',
    'trustedNetworks',
    'resolverIll',
    'internalError',
    'notJudged',
  ]
  expect(expected.filter((key) => (seen.get(key) ?? 0) < 5)).toEqual([])
})
