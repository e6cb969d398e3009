import { describe, expect, it } from 'vitest'
import { CATALOGUE, finding, FINDING_CODES, type Finding } from '../../src/findings/catalogue.ts'
import { argumentText, findingMessage, joinList, MAX_ARGUMENT_LENGTH } from '../../src/render/finding-text.ts'
import { HOSTILE_TEXT, REPORTS } from './reports.ts'

const ELSEWHERE = finding('FORWARD_ELSEWHERE', {
  ip: '198.51.100.20',
  ptrName: 'mail.example.net',
  addresses: ['203.0.113.5', '203.0.113.6'],
})

describe('findingMessage', () => {
  it('fills in the arguments', () => {
    expect(findingMessage(ELSEWHERE, 'terminal')).toBe('mail.example.net resolves to 203.0.113.5, 203.0.113.6, not to 198.51.100.20.')
  })

  it('fills in numbers', () => {
    expect(findingMessage(finding('PTR_TRUNCATED', { ip: '198.51.100.80', count: 300, kept: 10 }), 'terminal')).toMatch(/300.*10/)
  })

  it('says how much more there is in a long list', () => {
    const addresses = Array.from({ length: 12 }, (_, index) => `203.0.113.${String(index)}`)
    const message = findingMessage(finding('FORWARD_ELSEWHERE', { ip: '198.51.100.20', ptrName: 'a.example', addresses }), 'terminal')
    expect(message).toContain('203.0.113.0, 203.0.113.1, 203.0.113.2, 203.0.113.3, 203.0.113.4 and 7 more')
    expect(message).not.toContain('203.0.113.5')
  })

  it('puts outcomes into words', () => {
    const unknown = finding('FORWARD_UNKNOWN', { ip: '198.51.100.41', ptrName: 'timeout', outcome: 'timeout' })
    expect(findingMessage(unknown, 'terminal')).toMatch(/timeout.*\(no answer in time\)/)
  })

  it('says that an argument is empty', () => {
    expect(findingMessage(finding('HELO_SYNTAX', { claimedName: '', problem: 'empty' }), 'terminal')).toMatch(
      /^HELO \(empty\) .*\(it is empty\)/,
    )
  })

  it('has its quotes and brackets escaped where they would act', () => {
    const helo = finding('HELO_SYNTAX', { claimedName: '<b>"(x)', problem: 'character' })
    expect(findingMessage(helo, 'html')).toContain('HELO &lt;b&gt;&quot;(x) is')
    expect(findingMessage(helo, 'comment')).toContain('HELO <b>"\\(x\\) is')
    expect(findingMessage(helo, 'log')).toContain('HELO <b>\\"(x) is')
    expect(findingMessage(helo, 'smtp')).toContain('HELO <b>"(x) is')
  })

  it('leaves no placeholder open in any finding of the reports', () => {
    const findings: Finding[] = Object.values(REPORTS).flatMap((report) => [
      ...report.findings,
      ...report.addresses.flatMap((address) => address.findings),
    ])
    for (const each of findings) expect(findingMessage(each, 'terminal')).toMatch(/^[\x20-\x7e]+$/)
    for (const each of findings) expect(findingMessage(each, 'terminal')).not.toMatch(/(?<!\\u)\{|\(unknown\)/)
  })

  it.each(FINDING_CODES)('%s has nothing but plain text and names of arguments in its message', (code) => {
    expect(CATALOGUE[code].message.replace(/\{[a-zA-Z]+\}/g, '')).toMatch(/^[\x20-\x7a|~]+$/)
  })

  it.each(FINDING_CODES)('%s is safe and short with hostile arguments', (code) => {
    const names = [...CATALOGUE[code].message.matchAll(/\{([a-zA-Z]+)\}/g)].map((match) => match[1] ?? '')
    const hostile = HOSTILE_TEXT.repeat(100)
    for (const value of [hostile, Array.from({ length: 1000 }, () => hostile)]) {
      const args = Object.fromEntries(names.map((argument) => [argument, value]))
      const message = findingMessage({ code, level: 'error', args } as unknown as Finding, 'terminal')
      expect(message).toMatch(/^[\x20-\x7e]+$/)
      expect(message.length).toBeLessThan(6000)
    }
  })
})

describe('argumentText', () => {
  it('keeps a name of 253 characters and cuts what is longer', () => {
    expect(argumentText('a'.repeat(253))).toBe('a'.repeat(253))
    expect(argumentText('a'.repeat(257))).toBe(`${'a'.repeat(MAX_ARGUMENT_LENGTH - 3)}...`)
    expect(argumentText('\u202e'.repeat(257))).toHaveLength(MAX_ARGUMENT_LENGTH)
  })
})

describe('joinList', () => {
  it.each<[string[], string]>([
    [[], 'none'],
    [['a'], 'a'],
    [['a', 'b'], 'a, b'],
    [['a', 'b', 'c', 'd', 'e'], 'a, b, c, d, e'],
    [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d, e and 1 more'],
  ])('%j → %s', (entries, text) => {
    expect(joinList(entries)).toBe(text)
  })
})
