import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameFromLabels } from '../../src/core/domain-name.ts'
import { finding } from '../../src/findings/catalogue.ts'
import { escapeForTerminal } from '../../src/render/escape.ts'
import { renderCheckText } from '../../src/render/report-text.ts'
import { addressReport, checkReport, firstAddress, iprevFacts, ptr, REPORTS } from './reports.ts'

const PLAIN = { color: false, columns: 80, verbose: false } as const
const ENTRIES = Object.entries(REPORTS)
const COLORS = /\u001b\[[0-9;]+m/g

describe('the text of a check', () => {
  it.each(ENTRIES)('%s', async (name, report) => {
    await expect(renderCheckText(report, PLAIN)).toMatchFileSnapshot(`golden/${name}.txt`)
  })

  it('aligned, with all that is known', async () => {
    await expect(renderCheckText(REPORTS['one-address'], { ...PLAIN, verbose: true })).toMatchFileSnapshot('golden/one-address.verbose.txt')
  })

  it('no PTR, with explanations', async () => {
    await expect(renderCheckText(REPORTS['no-ptr'], { ...PLAIN, verbose: true })).toMatchFileSnapshot('golden/no-ptr.verbose.txt')
  })

  it('mismatch, in colour', async () => {
    const text = renderCheckText(REPORTS.mismatch, { ...PLAIN, color: true })
    await expect(text.replaceAll('\u001b', '<ESC>')).toMatchFileSnapshot('golden/mismatch.color.txt')
  })

  it.each(ENTRIES)('%s is printable ASCII in lines that fit, but for what is to be copied', (_, report) => {
    for (const columns of [60, 80, 100]) {
      for (const verbose of [false, true]) {
        const text = renderCheckText(report, { color: false, columns, verbose })
        expect(text).toMatch(/^[\n\x20-\x7e]*\n$/)
        const copied = report.addresses.flatMap(({ remedy, providerMessage }) => [
          `Subject: ${providerMessage?.subject ?? ''}`,
          ...(providerMessage?.body ?? '').split('\n'),
          ...remedy.flatMap(({ record, command, choices = [] }) => [
            record,
            command,
            ...choices.flatMap((choice) => [choice.command, choice.setting]),
          ]),
        ])
        const longLines = text.split('\n').filter((line) => line.length > columns)
        for (const line of longLines)
          expect(copied.some((literal) => literal !== undefined && escapeForTerminal(literal) === line.trim())).toBe(true)
      }
    }
  })

  it.each(ENTRIES)('%s says the same in colour', (_, report) => {
    for (const verbose of [false, true]) {
      const colored = renderCheckText(report, { ...PLAIN, verbose, color: true })
      const plain = renderCheckText(report, { ...PLAIN, verbose })
      expect(colored.replace(COLORS, '')).toBe(plain)
      expect(colored).not.toBe(plain)
    }
  })

  it('leaves no trailing spaces and no double empty lines', () => {
    for (const [, report] of ENTRIES) {
      for (const verbose of [false, true]) expect(renderCheckText(report, { ...PLAIN, verbose })).not.toMatch(/ \n|\n\n\n/)
    }
  })

  it.each(['one-address', 'no-ptr', 'mismatch', 'temperror', 'generic', 'helo-differs', 'truncated-300'] as const)(
    '%s fits one screen',
    (name) => {
      expect(renderCheckText(REPORTS[name], PLAIN).split('\n').length).toBeLessThanOrEqual(36)
    },
  )

  it('shows commands and records whole, each on its line', () => {
    const lines = renderCheckText(REPORTS['no-ptr'], { ...PLAIN, columns: 60 })
      .split('\n')
      .map((line) => line.trim())
    expect(lines).toContain('30.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.com.')
    expect(lines).toContain(firstAddress('no-ptr').remedy[0]?.command)
  })

  it('shows one program unless asked for all', () => {
    const brief = renderCheckText(REPORTS['helo-differs'], PLAIN)
    expect(brief).toContain('postconf')
    expect(brief).not.toContain('helo_data')
    expect(brief).toContain('(--verbose has the commands for other programs)')
    expect(renderCheckText(REPORTS['helo-differs'], { ...PLAIN, verbose: true })).toContain('helo_data = mail.example.com')
  })

  it('lists every PTR name that was looked up when verbose', () => {
    const text = renderCheckText(REPORTS['truncated-300'], { ...PLAIN, verbose: true })
    expect(text).toContain('also host9.example.com -> 203.0.113.9')
    expect(text).toContain('and 290 more PTR names')
  })

  it.each([
    ['reverseTimeout', 'temperror', 'not known: no answer in time'],
    ['reverseRefused', 'temperror', 'not known: the answer was REFUSED'],
    ['reverseMalformed', 'temperror', 'not known: the answer was malformed'],
    ['deadline', 'temperror', 'not known: the lookup could not be completed'],
    ['noPtrRecord', 'permerror', '10.100.51.198.in-addr.arpa holds no PTR record'],
    ['aliasLoop', 'permerror', 'run in a circle'],
    ['aliasDangling', 'permerror', 'nothing: 10.100.51.198.in-addr.arpa holds no PTR record'],
    ['aliasTooDeep', 'permerror', 'too many CNAMEs'],
  ] as const)('says of %s where the loop ends', (reason, result, text) => {
    const report = checkReport('198.51.100.10', [addressReport(iprevFacts('198.51.100.10', { result, reason }), [])])
    expect(renderCheckText(report, PLAIN)).toContain(text)
  })

  it.each([
    ['nxdomain', 'nameNotFound', 'nothing: no such name'],
    ['nodata', 'nameWithoutAddress', 'nothing: no A record'],
    ['aliasLoop', 'elsewhere', 'nothing: CNAMEs in a circle'],
    ['singleLabel', 'noUsableName', 'not looked up: a single label'],
  ] as const)('says of a name with %s where the loop ends', (outcome, reason, text) => {
    const iprev = iprevFacts('198.51.100.10', { result: 'fail', reason, names: [ptr('mail.example.com', outcome)] })
    expect(renderCheckText(checkReport('198.51.100.10', [addressReport(iprev, [])]), PLAIN)).toContain(`[x]   ${text}`)
  })

  it('draws the loop through the confirmed name that was chosen', () => {
    const names = [ptr('a.example.com', 'confirmed', ['198.51.100.10']), ptr('b.example.com', 'confirmed', ['198.51.100.10'])]
    const iprev = iprevFacts('198.51.100.10', { result: 'pass', reason: 'confirmed', names })
    const report = addressReport(iprev, [], { confirmedName: names[1]?.name ?? null })
    expect(renderCheckText(checkReport('198.51.100.10', [report]), PLAIN)).toContain(
      'the loop closes: b.example.com is confirmed\n         also a.example.com -> confirmed as well',
    )
  })

  it('no name can leave its place, whatever it holds', () => {
    const octets = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 63,
    })
    fc.assert(
      fc.property(
        fc.array(octets, { minLength: 1, maxLength: 4 }),
        fc.string({ unit: 'binary', maxLength: 200 }),
        (labels, claimedName) => {
          const hostile = nameFromLabels(labels)
          const iprev = iprevFacts('198.51.100.10', {
            result: 'fail',
            reason: 'elsewhere',
            names: [{ ...ptr('a.example', 'elsewhere', ['203.0.113.1']), name: hostile }],
          })
          const report = checkReport(claimedName, [
            addressReport(
              iprev,
              [
                finding('FCRDNS_MISMATCH', { ip: '198.51.100.10', ptrNames: [hostile] }),
                finding('HELO_SYNTAX', { claimedName, problem: 'character' }),
              ],
              { helo: { kind: 'helo', claimedName, form: { kind: 'invalid', problem: 'character' }, resolution: { kind: 'notAsked' } } },
            ),
          ])
          const text = renderCheckText(report, PLAIN)
          expect(text).toMatch(/^[\n\x20-\x7e]*\n$/)
          for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
        },
      ),
      { numRuns: 200 },
    )
  })
})
