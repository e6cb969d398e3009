import { describe, expect, it } from 'vitest'
import { FINDING_CODES } from '../../src/findings/catalogue.ts'
import { findPersona, personaNames } from '../../src/personas/personas.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import type { ReplyRequest } from '../../src/policy/decision.ts'
import { RULE_NAMES } from '../../src/policy/presets.ts'
import { ip } from '../support/arbitrary.ts'

const request: ReplyRequest = {
  action: 'reject',
  rule: 'permerror',
  finding: 'PTR_MISSING',
  address: ip('198.51.100.7'),
  stage: 'rcpt',
  code: 550,
  enhanced: '5.7.25',
}

describe('the RFC 7372 texts', () => {
  it.each([
    [
      {},
      'Reverse DNS validation failed: 198.51.100.7 has no PTR record. Ask the provider of the address to set one to the name of your mail server.',
    ],
    [
      { finding: 'PTR_ALIAS_DANGLING' },
      'Reverse DNS validation failed: the CNAME at the reverse name of 198.51.100.7 leads to a name without a PTR record. Ask the provider of the address to correct it.',
    ],
    [
      { rule: 'fail', finding: 'FCRDNS_MISMATCH', address: ip('2001:db8::7') },
      'Reverse DNS validation failed: no PTR name of 2001:db8::7 resolves back to it. Give the name an A or AAAA record for this address.',
    ],
    [
      { action: 'defer', rule: 'temperror', finding: 'PTR_UNKNOWN', code: 451, enhanced: '4.7.25' },
      'The reverse DNS of 198.51.100.7 cannot be validated at present. Please try again later.',
    ],
    [
      { rule: 'heloSyntax', finding: 'HELO_SYNTAX', code: 501, enhanced: '5.5.2' },
      'Syntax error in HELO or EHLO from 198.51.100.7. Send a fully qualified host name.',
    ],
    [
      { action: 'defer', rule: 'internalError', finding: null, code: 451, enhanced: '4.3.0' },
      'Local error while mail from 198.51.100.7 was examined. Please try again later.',
    ],
  ] as const)('%j', (parts, text) => {
    const asked: ReplyRequest = { ...request, ...parts }
    expect(rfc7372.replyFor(asked)).toEqual({ code: asked.code, enhanced: asked.enhanced, lines: [text] })
  })

  it('are one short line of ASCII for every rule and finding, without a placeholder left', () => {
    for (const rule of RULE_NAMES) {
      for (const finding of [null, ...FINDING_CODES]) {
        for (const action of ['defer', 'reject'] as const) {
          const { lines } = rfc7372.replyFor({ ...request, action, rule, finding, address: ip('2001:db8:1111:2222:3333:4444:5555:6666') })
          expect(lines).toHaveLength(1)
          expect(lines[0]).toMatch(/^[A-Z][\x20-\x7a\x7c\x7e]{20,240}\.$/)
        }
      }
    }
  })
})

describe('choosing a persona', () => {
  it('is by name, in any case', () => {
    expect(personaNames([rfc7372])).toEqual(['rfc7372'])
    expect(findPersona([rfc7372], 'rfc7372')).toBe(rfc7372)
    expect(findPersona([rfc7372], 'RFC7372')).toBe(rfc7372)
  })

  it.each(['', 'outlook365', 'rfc', '__proto__', 'toString'])('finds none called %j', (name) => {
    expect(findPersona([rfc7372], name)).toBeUndefined()
  })
})
