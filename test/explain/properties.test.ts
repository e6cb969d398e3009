import { readFileSync } from 'node:fs'
import formats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FINDING_CODES } from '../../src/findings/catalogue.ts'
import { explainJsonSchema, explainJsonSchemaText, explanationJson } from '../../src/explain/explanation-json.ts'
import { renderExplanation } from '../../src/explain/explanation-text.ts'
import { toldFinding, type Explanation } from '../../src/explain/explanation.ts'
import { remedyFor } from '../../src/explain/remedy.ts'
import { toldMessage } from '../../src/explain/told.ts'
import { ip } from '../support/arbitrary.ts'
import { explained } from './subject.ts'

const ajv = new Ajv2020({ allErrors: true })
formats.default(ajv)
const matchesClosedSchema = ajv.compile(explainJsonSchema({ closed: true }))

function expectSafe(told: Explanation): void {
  const json = explanationJson(told)
  expect(json).toMatch(/^[\x20-\x7e]*$/)
  expect(matchesClosedSchema(JSON.parse(json)), JSON.stringify(matchesClosedSchema.errors)).toBe(true)
  for (const verbose of [false, true]) {
    const text = renderExplanation(told, { color: false, columns: 80, verbose })
    expect(text).toMatch(/^[\x20-\x7e\n]*$/)
    expect(text).toMatch(/\n$/)
  }
}

/** Pieces of everything that is understood, hostile ones among them. */
const piece = fc.oneof(
  fc.constantFrom(
    'Content-Type: multipart/report; boundary="b"\n',
    'Content-Type: message/delivery-status\n\n',
    'Content-Transfer-Encoding: base64\n',
    '--b\n',
    '--b--\n',
    '\n\n',
    'Subject: x\n',
    'Received: from a\u001b[31m (unknown [198.51.100.7]) by b\n',
    'Received: from \u202egro.elpmaxe (evil\u0007 [198.51.100.7] (may be forged)) by x\n',
    'Authentication-Results: mx; iprev=fail policy.iprev=198.51.100.7\n',
    'Status: 5.7.25\n',
    'Diagnostic-Code: smtp; 550 5.7.1 <\u001b]0;x\u0007>: Helo command rejected: Invalid name\n',
    'Remote-MTA: dns; mx.gmx.net\n',
    '550-5.7.25 [198.51.100.7] The IP address sending this message does not have a PTR record setup\r\n',
    '<a\u009b31m\r\nX: y>: Helo command rejected: need fully-qualified hostname',
    'IP=2001:db8::7 - A problem occurred. (x)',
    'Your server IP address [198.51.100.7] does not have a valid reverse DNS entry [\u001b[2Jx].',
    'host mx.google.com[2001:db8::1] said: ',
    'May  3 06:47:02 mx postfix/smtpd[1]: ',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
)

describe('whatever is pasted', () => {
  it('the name of a server is a text of a stranger as well', () => {
    const told = explained('Status: 5.7.25\nRemote-MTA: dns; mx\u001b[31m\u202e.example\nDiagnostic-Code: smtp; 550 5.7.25 x\u009b')
    expect(told.host).toContain('\u001b')
    expectSafe(told)
  })

  it('is explained without harm', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expectSafe(explained(pieces.join('')))
      }),
      { numRuns: 500 },
    )
  })

  it('the same text is always explained in the same way', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('')
        expect(explained(text)).toEqual(explained(text))
      }),
      { numRuns: 50 },
    )
  })
})

describe('every finding', () => {
  it.each(FINDING_CODES)('%s can be told with and without what it speaks of', (code) => {
    for (const args of [{}, { ip: '198.51.100.7', claimedName: '\u001b[31m', ptrName: 'a\nb', status: '5.1.1', meaning: 'x' }])
      expect(toldMessage(toldFinding(code, args))).toMatch(/^The [\x20-\x7e]+\.$/)
    for (const address of [null, ip('198.51.100.7'), ip('2001:db8::7')]) {
      for (const claimedName of [null, 'mail.example.com', '$(reboot)', '\u001b[31m;x']) {
        const steps = remedyFor({ codes: [code], address, claimedName })
        expect(JSON.stringify(steps)).toMatch(/^[\x20-\x7e]*$/)
        for (const { command = '' } of steps) expect(command).not.toMatch(/reboot|\u001b/)
      }
    }
  })
})

describe('the steps', () => {
  const kinds = (...parts: Parameters<typeof remedyFor>): readonly string[] => remedyFor(...parts).map(({ kind }) => kind)
  const address = ip('198.51.100.7')

  it.each([
    [['PTR_MISSING'], ['forward', 'reverse', 'verify']],
    [
      ['PTR_MISSING', 'FCRDNS_MISMATCH'],
      ['verify', 'forward', 'reverse', 'verify'],
    ],
    [['PTR_UNKNOWN'], ['wait']],
    [
      ['PTR_MISSING', 'PTR_UNKNOWN'],
      ['verify', 'forward', 'reverse', 'verify'],
    ],
    [['HELO_SYNTAX'], ['helo', 'verify']],
    [['RECEIVER_REPUTATION'], ['target', 'verify']],
    [['RECEIVER_NO_REASON'], ['verify']],
    [['RECEIVER_OTHER_CAUSE'], []],
    [['FCRDNS_CONFIRMED'], []],
    [[], []],
  ] as const)('for %j are %j', (codes, expected) => {
    expect(kinds({ codes, address, claimedName: null })).toEqual(expected)
  })

  it('without an address begin with finding it, and command nothing about another one', () => {
    const [first] = remedyFor({ codes: ['PTR_MISSING'], address: null, claimedName: null })
    expect(first).toMatchObject({ kind: 'verify', command: 'ptrgate check ADDRESS' })
    expect(kinds({ codes: ['HELO_NOT_FQDN'], address: null, claimedName: 'mail' })).toEqual(['helo', 'verify'])
  })

  it('take a HELO name that can be the name of the server', () => {
    const steps = remedyFor({ codes: ['PTR_MISSING'], address, claimedName: 'mail.example.net' })
    expect(steps.map(({ record }) => record)).toContain('7.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.net.')
  })
})

describe('docs/explain.schema.json', () => {
  it('is what the code says', () => {
    expect(readFileSync(new URL('../../docs/explain.schema.json', import.meta.url), 'utf8')).toBe(explainJsonSchemaText())
  })
})
