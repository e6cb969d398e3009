import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameFromLabels } from '../../src/core/domain-name.ts'
import type { IprevReason, IprevResult } from '../../src/iprev/facts.ts'
import { iprevAuthResults, iprevAuthResultsValue } from '../../src/render/auth-results.ts'
import { parseAuthResults } from '../../src/wire/auth-results.ts'
import { firstAddress, HOSTILE_LABEL, iprevFacts, ptr } from './reports.ts'

function header(
  result: IprevResult,
  reason: IprevReason,
  names: Parameters<typeof iprevFacts>[1]['names'] = [],
  count = names.length,
): string {
  const iprev = iprevFacts('198.51.100.10', { result, reason, names, ptrNameCount: count })
  return iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName: null })
}

describe('iprevAuthResults', () => {
  it.each([
    ['one-address', 'iprev=pass (mail.example.com) policy.iprev=198.51.100.10'],
    ['no-ptr', 'iprev=permerror reason="no PTR record" policy.iprev=198.51.100.30'],
    ['no-ptr-ipv6', 'iprev=permerror reason="no PTR record" policy.iprev="2001:db8::30"'],
    ['mismatch', 'iprev=fail reason="PTR name mail.example.net resolves elsewhere" policy.iprev=198.51.100.20'],
    ['temperror', 'iprev=temperror reason="PTR lookup: SERVFAIL" policy.iprev=198.51.100.40'],
    ['forward-timeout', 'iprev=temperror reason="address lookup of a PTR name: timeout" policy.iprev=198.51.100.41'],
    ['hostile-names', 'iprev=fail reason="none of 2 PTR names resolves to the address" policy.iprev=198.51.100.70'],
  ] as const)('%s', (report, expected) => {
    const { iprev, confirmedName } = firstAddress(report)
    expect(iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName })).toBe(
      `Authentication-Results: mx.example.org; ${expected}`,
    )
  })

  it('writes the other property for receivers that use it', () => {
    const { iprev, confirmedName } = firstAddress('one-address')
    expect(iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName, property: 'smtp.remote-ip' })).toBe(
      'Authentication-Results: mx.example.org; iprev=pass (mail.example.com) smtp.remote-ip=198.51.100.10',
    )
  })

  it('folds when told', () => {
    const { iprev, confirmedName } = firstAddress('one-address')
    expect(iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName }, { fold: true })).toBe(
      'Authentication-Results: mx.example.org;\r\n iprev=pass (mail.example.com) policy.iprev=198.51.100.10',
    )
  })

  it('shows no name in a comment that is not confirmed', () => {
    const iprev = iprevFacts('198.51.100.10', { result: 'fail', reason: 'elsewhere', names: [ptr('bank.example', 'elsewhere')] })
    const value = iprevAuthResultsValue({ authservId: 'x', iprev, confirmedName: iprev.names[0]?.name ?? null })
    expect(value.results[0]?.comment).toBeNull()
  })

  it('names a single PTR name, counts several', () => {
    expect(header('fail', 'nameNotFound', [ptr('a.example', 'nxdomain')])).toContain('reason="PTR name a.example does not exist"')
    expect(header('fail', 'nameNotFound', [ptr('a.example', 'nxdomain'), ptr('b.example', 'nxdomain')])).toContain(
      'reason="none of 2 PTR names',
    )
    expect(header('fail', 'nameNotFound', [ptr('a.example', 'nxdomain')], 300)).toContain('reason="none of 300 PTR names')
  })

  it.each<[IprevResult, IprevReason]>([
    ['permerror', 'noReverseName'],
    ['permerror', 'noPtrRecord'],
    ['permerror', 'aliasLoop'],
    ['permerror', 'aliasDangling'],
    ['permerror', 'aliasTooDeep'],
    ['fail', 'elsewhere'],
    ['fail', 'nameNotFound'],
    ['fail', 'nameWithoutAddress'],
    ['fail', 'noUsableName'],
    ['temperror', 'reverseServfail'],
    ['temperror', 'reverseRefused'],
    ['temperror', 'reverseTimeout'],
    ['temperror', 'reverseMalformed'],
    ['temperror', 'forwardServfail'],
    ['temperror', 'forwardRefused'],
    ['temperror', 'forwardTimeout'],
    ['temperror', 'forwardMalformed'],
    ['temperror', 'deadline'],
    ['temperror', 'queryCap'],
    ['temperror', 'aborted'],
  ])('%s for %s says why, and can be read back', (result, reason) => {
    const names = result === 'fail' ? [ptr('a.example', 'elsewhere')] : []
    const parsed = parseAuthResults(header(result, reason, names))
    if (parsed.kind === 'error') throw new Error(parsed.reason)
    expect(parsed.value.results[0]).toMatchObject({ method: 'iprev', result, reason: expect.stringMatching(/^[a-zA-Z]/) as string })
  })

  it('lets no name out of its place', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 60 }),
          { minLength: 1, maxLength: 4 },
        ),
        fc.boolean(),
        (labels, pass) => {
          const hostile = nameFromLabels([HOSTILE_LABEL, ...labels])
          const iprev = iprevFacts('198.51.100.10', {
            result: pass ? 'pass' : 'fail',
            reason: pass ? 'confirmed' : 'elsewhere',
            names: [{ ...ptr('a.example', pass ? 'confirmed' : 'elsewhere'), name: hostile }],
          })
          const text = iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName: pass ? hostile : null })
          expect(text).toMatch(/^[\x20-\x7e]+$/)
          const parsed = parseAuthResults(text)
          if (parsed.kind === 'error') throw new Error(parsed.reason)
          expect(parsed.value.results).toHaveLength(1)
          expect(parsed.value.results[0]).toMatchObject({
            result: pass ? 'pass' : 'fail',
            properties: [{ ptype: 'policy', property: 'iprev', value: '198.51.100.10' }],
          })
          if (pass && hostile.length < 700) expect(parsed.value.results[0]?.comment).toBe(hostile)
        },
      ),
      { numRuns: 300 },
    )
  })
})
