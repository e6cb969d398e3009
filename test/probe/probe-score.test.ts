import { describe, expect, it } from 'vitest'
import { finding, type Finding, type FindingLevel } from '../../src/findings/catalogue.ts'
import { probeScore } from '../../src/probe/probe-score.ts'

const at = (level: FindingLevel, ip = '198.51.100.7'): Finding => finding('STARTTLS_MISSING', { ip }, level)
const ehlo = finding('BANNER_NO_NAME', { ip: '198.51.100.7' })

describe('the score of a probe', () => {
  it.each<[string, readonly Finding[], string]>([
    ['nothing found', [], '100 A 0'],
    ['a notice', [ehlo], '98 A 0'],
    ['a warning', [at('warning')], '90 A 0'],
    ['a warning and a notice', [at('warning'), ehlo], '88 B 0'],
    ['the same at two addresses', [at('warning'), at('warning', '198.51.100.8')], '90 A 0'],
    ['the worst of two levels counts', [at('notice'), at('error', '198.51.100.8')], '70 C 0'],
    ['what could not be told', [at('inconclusive')], '100 A 1'],
    ['what is well', [at('info')], '100 A 0'],
  ])('%s', (_, findings, expected) => {
    const score = probeScore(findings, true)
    expect(score && `${String(score.points)} ${score.letter} ${String(score.undecided)}`).toBe(expected)
  })

  it('is never below nothing, and there is none where nobody was seen', () => {
    const many = (['PTR_MISSING', 'OPEN_RELAY', 'STARTTLS_INJECTION', 'FCRDNS_MISMATCH'] as const).map((code) => ({
      ...at('error'),
      code,
    })) as Finding[]
    expect(probeScore(many, true)).toMatchObject({ points: 0, letter: 'F' })
    expect(probeScore([], false)).toBeNull()
  })
})
