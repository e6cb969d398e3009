import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { formatNetwork } from '../../src/core/network.ts'
import { RULE_NAMES } from '../../src/policy/presets.ts'
import { policySettings, policySettingsSchema } from '../../src/policy/settings.ts'

/** Each issue as `where: what`. */
function problemsOf(input: unknown): string[] {
  const parsed = policySettingsSchema.safeParse(input)
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

describe('the defaults', () => {
  it('are the balanced preset at RCPT, without exceptions', () => {
    expect(policySettings()).toEqual({
      preset: 'balanced',
      rules: {},
      stage: 'rcpt',
      dryRun: false,
      percent: 100,
      percentSalt: '',
      exemptPostmaster: false,
      iprevProperty: 'policy.iprev',
      trustedNetworks: [],
      networks: [],
      names: [],
    })
  })

  it('are those of the preset when only its name is given', () => {
    expect(policySettings('strict')).toEqual(policySettings({ preset: 'strict' }))
  })

  it('the section of the documented example is valid', () => {
    expect(problemsOf({ preset: 'balanced', stage: 'rcpt', dryRun: false, onInternalError: 'accept', networks: [], names: [] })).toEqual([])
  })
})

describe('what is accepted', () => {
  it('reads networks and names, one or several', () => {
    const { networks, names, trustedNetworks } = policySettings({
      trustedNetworks: '10.0.0.0/8',
      networks: [
        { cidr: '198.51.100.0/24', preset: 'strict' },
        { cidr: ['2001:db8::/32', '::ffff:192.0.2.0/120'], skip: true },
      ],
      names: [
        { name: 'Mail.Example.COM.', skip: true },
        { suffix: ['example.net', 'example.org'], dryRun: true },
      ],
    })
    expect(trustedNetworks.map(formatNetwork)).toEqual(['10.0.0.0/8'])
    expect(networks.map(({ cidr }) => cidr.map(formatNetwork))).toEqual([['198.51.100.0/24'], ['2001:db8::/32', '192.0.2.0/24']])
    expect(names.map(({ name, suffix }) => name ?? suffix)).toEqual([['mail.example.com'], ['example.net', 'example.org']])
  })

  it('has a key for every row but the fixed ones', () => {
    const settable = RULE_NAMES.filter((rule) => !['pass', 'resolverIll', 'internalError'].includes(rule))
    for (const rule of settable) expect(problemsOf({ rules: { [rule]: 'defer' } })).toEqual([])
    for (const rule of ['pass', 'resolverIll', 'internalError', 'generic']) expect(problemsOf({ rules: { [rule]: 'tag' } })).toHaveLength(1)
  })

  it('can be described to an editor', () => {
    const schema = z.toJSONSchema(policySettingsSchema, { io: 'input' })
    expect(Object.keys(schema.properties ?? {})).toEqual(Object.keys(policySettingsSchema.shape))
    expect(JSON.stringify(schema)).toContain('Decide and log, but only tag.')
  })
})

describe('what is refused, with its place', () => {
  it.each([
    [{ presett: 'strict' }, ': Unrecognized key: "presett"'],
    [{ preset: 'lenient' }, 'preset: Invalid option: expected one of "observe"|"balanced"|"strict"'],
    [{ rules: { genericPTR: 'reject' } }, 'rules: Unrecognized key: "genericPTR"'],
    [{ rules: { genericPtr: 'refuse' } }, 'rules.genericPtr: Invalid option: expected one of "accept"|"tag"|"quarantine"|"defer"|"reject"'],
    [{ rules: { temperror: 'reject' } }, 'rules.temperror: a temporary cause never gets a permanent answer: accept, tag or defer'],
    [{ rules: { heloUnknown: 'quarantine' } }, 'rules.heloUnknown: a temporary cause never gets a permanent answer: accept, tag or defer'],
    [{ percent: 101 }, 'percent: Too big: expected number to be <=100'],
    [{ percent: -1 }, 'percent: Too small: expected number to be >=0'],
    [{ percent: '10' }, 'percent: Invalid input: expected number, received string'],
    [{ stage: 'data' }, 'stage: Invalid option: expected one of "connect"|"helo"|"mail"|"rcpt"'],
    [{ onInternalError: 'reject' }, 'onInternalError: Invalid option: expected one of "accept"|"defer"'],
    [{ trustedNetworks: ['10.0.0.0/8', '10.0.0.0/33'] }, 'trustedNetworks.1: 10.0.0.0/33: the prefix length of an IPv4 network is 0 to 32'],
    [{ trustedNetworks: 7 }, 'trustedNetworks: expected a network such as 198.51.100.0/24, or a list of them'],
    [
      { networks: [{ cidr: '198.51.100.0/24' }, { cidr: '198.51.100.7/24' }] },
      'networks.1.cidr: 198.51.100.7/24: bits are set behind the prefix; write 198.51.100.0/24 for the network or 198.51.100.7 for the one address',
    ],
    [{ networks: [{ preset: 'strict' }] }, 'networks.0.cidr: expected a network such as 198.51.100.0/24, or a list of them'],
    [{ networks: [{ cidr: [] }] }, 'networks.0.cidr: expected a network such as 198.51.100.0/24, or a list of them'],
    [{ networks: [{ cidr: '10.0.0.0/8', trustedNetworks: [] }] }, 'networks.0: Unrecognized key: "trustedNetworks"'],
    [
      { networks: [{ cidr: '10.0.0.0/8' }, { cidr: ['192.0.2.0/24', '::ffff:10.0.0.0/104'] }] },
      'networks.1.cidr.1: 10.0.0.0/8 is already in networks[0]',
    ],
    [{ names: [{ skip: true }] }, 'names.0: an entry has either a name (that one) or a suffix (it and all below it)'],
    [
      { names: [{ name: 'a.example', suffix: 'b.example' }] },
      'names.0: an entry has either a name (that one) or a suffix (it and all below it)',
    ],
    [{ names: [{ name: 'a.example', skip: false }] }, 'names.0.skip: Invalid input: expected true'],
    [{ names: [{ suffix: '.example.com' }] }, 'names.0.suffix: .example.com: write example.com, without the leading dot'],
    [{ names: [{ suffix: '*.example.com' }] }, 'names.0.suffix: *.example.com: this is no host name'],
    [{ names: [{ name: 'mail_1.example.com' }] }, 'names.0.name: mail_1.example.com: this is no host name'],
    [{ names: [{ name: 'a.example' }, { name: ['b.example', 'A.example.'] }] }, 'names.1.name.1: a.example is already in names[0]'],
    [{ names: [{ suffix: 'example' }, { suffix: 'example' }] }, 'names.1.suffix: example is already in names[0]'],
    [
      { preset: 'observe', rules: { fail: 'reject' } },
      'rules.fail: the preset observe refuses nothing, so it cannot reject; choose the preset balanced here',
    ],
    [{ preset: 'observe', onInternalError: 'defer' }, 'onInternalError: the preset observe refuses nothing'],
    [
      { preset: 'observe', networks: [{ cidr: '10.0.0.0/8', rules: { temperror: 'defer' } }] },
      'networks.0.rules.temperror: the preset observe refuses nothing, so it cannot defer; choose the preset balanced here',
    ],
    [
      { names: [{ name: 'a.example', preset: 'observe', rules: { fail: 'quarantine' } }] },
      'names.0.rules.fail: the preset observe refuses nothing, so it cannot quarantine; choose the preset balanced here',
    ],
    [{ exemptPostmaster: true, stage: 'mail' }, 'exemptPostmaster: the recipient is known only at stage rcpt'],
    [
      { stage: 'helo', networks: [{ cidr: '10.0.0.0/8', exemptPostmaster: true }] },
      'networks.0.exemptPostmaster: the recipient is known only at stage rcpt',
    ],
  ])('%j', (input, problem) => {
    expect(problemsOf(input)).toEqual([problem])
  })

  it.each([
    [{ preset: 'observe', rules: { fail: 'accept', genericPtr: 'tag' } }],
    [{ preset: 'observe', networks: [{ cidr: '10.0.0.0/8', preset: 'balanced', rules: { genericPtr: 'reject' } }] }],
    [{ names: [{ name: 'example.com' }, { suffix: 'example.com' }] }],
    [{ names: [{ suffix: '.' }] }],
    [{ stage: 'mail', networks: [{ cidr: '10.0.0.0/8', stage: 'rcpt', exemptPostmaster: true }] }],
    [{ networks: [{ cidr: '10.0.0.0/8' }, { cidr: '10.0.0.0/9' }] }],
  ])('but not %j', (input) => {
    expect(problemsOf(input)).toEqual([])
  })

  it('reports every mistake of one section at once', () => {
    expect(problemsOf({ percent: 200, stage: 'x', trustedNetworks: ['a', 'b'] })).toHaveLength(4)
  })

  it('throws for settings written in code', () => {
    expect(() => policySettings({ percent: 101 })).toThrow(/percent/)
  })

  it('never throws on anything that a YAML file can hold', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom('networks', 'names', 'rules', 'trustedNetworks', 'percent'), (value, key) => {
        expect(typeof policySettingsSchema.safeParse({ [key]: value }).success).toBe('boolean')
        expect(typeof policySettingsSchema.safeParse({ networks: [{ cidr: value }], names: [value] }).success).toBe('boolean')
      }),
    )
  })
})
