import { describe, expect, it } from 'vitest'
import { finding, type Finding } from '../../src/findings/catalogue.ts'
import { scoreOf, verdictOf, type FailLevel, type Verdict } from '../../src/render/report-types.ts'
import { addressReport, firstAddress, iprevFacts, REPORTS, type ReportName } from './reports.ts'

const PASS = firstAddress('one-address')
const PASS_V6 = REPORTS.aligned.addresses[1] ?? PASS
const FAIL = firstAddress('mismatch')
const NO_PTR = firstAddress('no-ptr-ipv6')
const UNKNOWN = firstAddress('temperror')

function withLevel(level: Finding['level']): Finding {
  return finding('PTR_MULTIPLE', { ip: '198.51.100.10', count: 2 }, level)
}

describe('verdictOf', () => {
  it.each<[string, ReportName, Verdict]>([
    ['every address confirmed', 'aligned', 'aligned'],
    ['a warning', 'generic', 'aligned'],
    ['no PTR', 'no-ptr', 'misaligned'],
    ['a mismatch', 'mismatch', 'misaligned'],
    ['a temporary failure', 'temperror', 'inconclusive'],
    ['one of three confirmed', 'domain', 'misaligned'],
    ['nothing to judge', 'null-mx', 'inconclusive'],
  ])('%s', (_, report, verdict) => {
    expect(verdictOf(REPORTS[report], 'error')).toBe(verdict)
  })

  const LEVELS: readonly FailLevel[] = ['info', 'notice', 'warning', 'error']
  it.each(
    LEVELS.flatMap((level, found) => LEVELS.map((failOn, limit) => [level, failOn, found >= limit ? 'misaligned' : 'aligned'] as const)),
  )('a finding of level %s under --fail-on %s → %s', (level, failOn, verdict) => {
    const address = addressReport(PASS.iprev, [withLevel(level)])
    expect(verdictOf({ addresses: [address], findings: [] }, failOn)).toBe(verdict)
    expect(verdictOf({ addresses: [addressReport(PASS.iprev, [])], findings: [withLevel(level)] }, failOn)).toBe(verdict)
  })

  it('what is certainly wrong outweighs what could not be told', () => {
    expect(verdictOf({ addresses: [UNKNOWN, FAIL], findings: [] }, 'error')).toBe('misaligned')
  })

  it('what could not be told outweighs what is right', () => {
    expect(verdictOf({ addresses: [PASS, UNKNOWN], findings: [] }, 'error')).toBe('inconclusive')
    expect(
      verdictOf({ addresses: [PASS], findings: [finding('MX_UNKNOWN', { domain: 'example.com', outcome: 'timeout' })] }, 'error'),
    ).toBe('inconclusive')
  })

  it('what could not be told is no error, however low the bar', () => {
    expect(verdictOf({ addresses: [addressReport(PASS.iprev, [withLevel('inconclusive')])], findings: [] }, 'info')).toBe('inconclusive')
  })
})

describe('scoreOf', () => {
  it.each([
    ['one confirmed', [PASS], 25, 0],
    ['a PTR that is not confirmed', [FAIL], 10, 0],
    ['no PTR', [NO_PTR], 0, 0],
    ['not known', [UNKNOWN], null, 1],
    ['nothing', [], null, 0],
    ['IPv4 and IPv6 confirmed', [PASS, PASS_V6], 25, 0],
    ['IPv4 confirmed, IPv6 without PTR', [PASS, NO_PTR], 12, 0],
    ['IPv4 confirmed, IPv6 not confirmed', [PASS, FAIL], 17, 0],
    ['one confirmed, one not known', [PASS, UNKNOWN], 25, 1],
    ['one without PTR, one not known', [NO_PTR, UNKNOWN], 0, 1],
    ['all kinds', [PASS, FAIL, NO_PTR, UNKNOWN], 11, 1],
  ] as const)('%s', (_, addresses, points, undecided) => {
    expect(scoreOf(addresses)).toEqual({ points, of: 25, undecided })
  })

  it('a broken alias of the reverse name is no PTR', () => {
    const iprev = iprevFacts('198.51.100.10', { result: 'permerror', reason: 'aliasLoop' })
    expect(scoreOf([addressReport(iprev, [])]).points).toBe(0)
  })
})
