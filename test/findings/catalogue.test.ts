import { describe, expect, it } from 'vitest'
import { CATALOGUE, finding, FINDING_CODES } from '../../src/findings/catalogue.ts'
import { EXAMPLES, exampleFindings } from '../support/finding-examples.ts'

describe.each(FINDING_CODES)('%s', (code) => {
  const { level, message, explanation, remedy } = CATALOGUE[code]
  const placeholders = Array.from(message.matchAll(/\{([^}]*)\}/g), (match) => match[1] ?? '')

  it('names only arguments that the finding has', () => {
    expect(Object.keys(EXAMPLES[code])).toEqual(expect.arrayContaining(placeholders))
  })

  it('shows every argument that its explanation does not speak of instead', () => {
    const hidden = Object.keys(EXAMPLES[code]).filter((argument) => !placeholders.includes(argument))
    expect(['cause', 'score']).toEqual(expect.arrayContaining(hidden))
  })

  it('has a message of one sentence', () => {
    expect(message).toMatch(/^[A-Z{][^\n]*[a-zA-Z)}]\.$/)
    expect(message).not.toMatch(/\. [A-Z]| {2}/)
    expect(message.length).toBeLessThanOrEqual(130)
  })

  it('explains itself in short paragraphs of plain text', () => {
    const paragraphs = explanation.split('\n\n')
    expect(paragraphs.length).toBeLessThanOrEqual(2)
    for (const paragraph of paragraphs) expect(paragraph).toMatch(/^[A-Z"][^\n]{59,700}\.$/)
    for (const text of [explanation, remedy]) expect(text).not.toMatch(/[^\x20-\x7e§\n]| {2}|^ | $/)
  })

  it('says what to do unless there is nothing to mend', () => {
    if (remedy === '') expect(level === 'info' || code === 'IPREV_ABORTED').toBe(true)
    else expect(remedy).toMatch(/^[A-Z][^\n]{20,600}[.?]$/)
  })
})

describe('finding', () => {
  it('has the level of the catalogue unless told otherwise', () => {
    expect(finding('MX_NULL', { domain: 'example.com' })).toEqual({ code: 'MX_NULL', level: 'notice', args: { domain: 'example.com' } })
    expect(finding('MX_NULL', { domain: 'example.com' }, 'error').level).toBe('error')
  })
})

describe('levels', () => {
  it('are inconclusive exactly where it could not be told', () => {
    const inconclusive = FINDING_CODES.filter((code) => CATALOGUE[code].level === 'inconclusive')
    expect(inconclusive).toEqual([
      'PTR_UNKNOWN',
      'FORWARD_UNKNOWN',
      'IPREV_DEADLINE',
      'IPREV_QUERY_CAP',
      'IPREV_ABORTED',
      'HELO_UNKNOWN',
      'TARGET_UNKNOWN',
      'MX_UNKNOWN',
      'RESOLVER_ILL',
      'PROBE_NOT_CONNECTED',
      'PROBE_TURNED_AWAY',
      'PROBE_TIMEOUT',
      'PROBE_BROKEN_OFF',
      'PROBE_OUR_TROUBLE',
      'PROBE_SPECIAL_ADDRESS',
      'EGRESS_BLOCKED',
      'RECEIVER_NO_REASON',
      'SPF_UNKNOWN',
      'DMARC_UNKNOWN',
      'DKIM_KEY_UNKNOWN',
      'MTA_STS_UNKNOWN',
      'MTA_STS_POLICY_UNKNOWN',
      'TLS_RPT_UNKNOWN',
      'DANE_UNTRUSTED',
      'DANE_UNKNOWN',
      'DNSBL_REFUSED',
      'DNSBL_UNKNOWN',
    ])
  })

  it('are at most a notice for a HELO that differs from the PTR', () => {
    for (const code of ['HELO_PTR_DIFFERS', 'HELO_CONFIRMED_DIFFERS', 'HELO_ORGANISATION_DIFFERS', 'HELO_OTHER_ADDRESS'] as const) {
      expect(CATALOGUE[code].level).toBe('notice')
    }
  })
})

it('has an example of every finding', () => {
  expect(exampleFindings().map(({ code }) => code)).toEqual(FINDING_CODES)
})
