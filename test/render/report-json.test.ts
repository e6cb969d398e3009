import { readFileSync } from 'node:fs'
import formats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { checkJson, checkListJson } from '../../src/render/report-json.ts'
import { checkJsonSchema, checkJsonSchemaText } from '../../src/render/report-schema.ts'
import { HOSTILE_TEXT, REPORTS } from './reports.ts'

function validator(schema: object): (value: unknown) => string[] {
  const ajv = new Ajv2020({ allErrors: true })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  return (value) => (validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`))
}

const errorsUnderClosedSchema = validator(checkJsonSchema({ closed: true }))
const PUBLISHED = new URL('../../docs/check.schema.json', import.meta.url)

describe('the JSON of a check', () => {
  it.each(Object.entries(REPORTS))('of %s is as the schema says, and nothing else', (_, report) => {
    expect(errorsUnderClosedSchema(JSON.parse(checkJson(report)))).toEqual([])
  })

  it.each(Object.entries(REPORTS))('of %s is one printable line', (_, report) => {
    expect(checkJson(report)).toMatch(/^[\x20-\x7e]+$/)
  })

  it('begins with the format and the kind, and keeps the order of its keys', () => {
    const value = JSON.parse(checkJson(REPORTS['no-ptr'])) as { addresses: [Record<string, unknown>] }
    expect(Object.keys(value)).toEqual(['ptrgate', 'kind', 'target', 'targetKind', 'verdict', 'via', 'addresses', 'score', 'findings'])
    expect(Object.keys(value.addresses[0])).toEqual([
      'ip',
      'iprev',
      'helo',
      'generic',
      'findings',
      'authenticationResults',
      'decision',
      'remedy',
      'cautions',
      'providerMessage',
      'reverseZone',
    ])
  })

  it('of an aligned address', () => {
    expect(JSON.parse(checkJson(REPORTS['one-address']))).toEqual({
      ptrgate: 1,
      kind: 'check',
      target: '198.51.100.10',
      targetKind: 'address',
      verdict: 'aligned',
      via: [],
      addresses: [
        {
          ip: '198.51.100.10',
          iprev: {
            result: 'pass',
            reason: 'confirmed',
            confirmedName: 'mail.example.com',
            names: [{ name: 'mail.example.com', outcome: 'confirmed', addresses: ['198.51.100.10'] }],
            nameCount: 1,
            truncated: false,
            authenticated: false,
            reverseName: '10.100.51.198.in-addr.arpa',
            aliases: [],
          },
          helo: { claimedName: 'mail.example.com', form: 'name', problem: null, resolution: 'addresses', addresses: ['198.51.100.10'] },
          generic: { score: 0, reasons: [] },
          findings: [
            {
              code: 'FCRDNS_CONFIRMED',
              level: 'info',
              args: { ip: '198.51.100.10', confirmedName: 'mail.example.com' },
              message: '198.51.100.10 has the confirmed name mail.example.com.',
            },
            {
              code: 'HELO_ALIGNED',
              level: 'info',
              args: { claimedName: 'mail.example.com', confirmedName: 'mail.example.com' },
              message: 'HELO mail.example.com is the confirmed name mail.example.com.',
            },
          ],
          authenticationResults: 'Authentication-Results: mx.example.org; iprev=pass (mail.example.com) policy.iprev=198.51.100.10',
          decision: { action: 'accept', code: null, enhanced: null, text: null, rule: 'pass', stage: 'rcpt' },
          remedy: [],
          cautions: [],
          providerMessage: null,
          reverseZone: null,
        },
      ],
      score: { points: 25, of: 25, undecided: 0 },
      findings: [],
    })
  })

  it('has what a receiver answers, and the steps', () => {
    const value = JSON.parse(checkJson(REPORTS['no-ptr'])) as { addresses: [{ decision: unknown; remedy: unknown[] }] }
    expect(value.addresses[0].decision).toEqual({
      action: 'reject',
      code: 550,
      enhanced: '5.7.25',
      text: 'Reverse DNS validation failed: [198.51.100.30] has no PTR record',
      rule: 'permerror',
      stage: 'rcpt',
    })
    expect(value.addresses[0].remedy[1]).toEqual({
      kind: 'verify',
      who: 'you',
      step: 'When the old TTL (1 h) has passed, check again.',
      command: 'ptrgate watch 198.51.100.20 --expect mail.example.com --every 30s --for 2h',
    })
  })

  it('gives back the raw claimed name, and shows it escaped in texts', () => {
    const value = JSON.parse(checkJson(REPORTS['hostile-names'])) as {
      target: string
      addresses: [{ helo: { claimedName: string }; findings: { message: string }[]; decision: { text: string } }]
    }
    expect(value.target).toBe(HOSTILE_TEXT)
    expect(value.addresses[0].helo.claimedName).toBe(HOSTILE_TEXT)
    for (const { message } of value.addresses[0].findings) expect(message).toMatch(/^[\x20-\x7e]+$/)
    expect(value.addresses[0].decision.text).toMatch(/^[\x20-\x7e]+$/)
  })

  it('of several targets is one object', () => {
    const value = JSON.parse(checkListJson(Object.values(REPORTS))) as { checks: unknown[] }
    expect(Object.keys(value)).toEqual(['ptrgate', 'kind', 'checks'])
    expect(value.checks).toEqual(Object.values(REPORTS).map((report) => JSON.parse(checkJson(report)) as unknown))
    expect(errorsUnderClosedSchema(value)).toEqual([])
  })
})

describe('the schema', () => {
  it('is published as docs/check.schema.json', () => {
    expect(readFileSync(PUBLISHED, 'utf8')).toBe(checkJsonSchemaText())
  })

  it('in its published form allows what a later version adds', () => {
    const errors = validator(checkJsonSchema({ closed: false }))
    const value = { ...(JSON.parse(checkJson(REPORTS.aligned)) as object), added: true }
    expect(errors(value)).toEqual([])
    expect(errorsUnderClosedSchema(value)).not.toEqual([])
  })

  it.each([
    ['another format', { ptrgate: 2 }],
    ['another kind', { kind: 'probe' }],
    ['no verdict', { verdict: undefined }],
    ['an unknown verdict', { verdict: 'fine' }],
    ['too many points', { score: { points: 26, of: 25, undecided: 0 } }],
    ['an address that is none', { via: [{ exchange: 'a.example', preference: 1, addresses: ['198.51.100.256'] }] }],
    ['a raw control character in a message', { findings: [{ code: 'MX_NULL', level: 'notice', args: {}, message: 'a\nb' }] }],
    ['an unknown finding', { findings: [{ code: 'NOPE', level: 'notice', args: {}, message: '' }] }],
  ])('refuses %s', (_, change) => {
    const value = { ...(JSON.parse(checkJson(REPORTS.aligned)) as object), ...change }
    expect(errorsUnderClosedSchema(JSON.parse(JSON.stringify(value)))).not.toEqual([])
  })
})
