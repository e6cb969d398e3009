import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDkimKey } from '../../../src/probe/dkim-key.ts'
import { parseDmarc } from '../../../src/probe/dmarc.ts'
import { parseMtaStsPolicy, parseMtaStsRecord } from '../../../src/probe/mta-sts-policy.ts'
import { parseTagList } from '../../../src/probe/tag-list.ts'
import { parseTlsRpt } from '../../../src/probe/tls-rpt.ts'

describe('parseTagList', () => {
  it('gives names and values with their places', () => {
    expect(parseTagList('v=DMARC1; p = none ;rua=mailto:a@b')).toEqual({
      tags: [
        { name: 'v', value: 'DMARC1', position: 1, valuePosition: 3 },
        { name: 'p', value: 'none', position: 11, valuePosition: 15 },
        { name: 'rua', value: 'mailto:a@b', position: 21, valuePosition: 25 },
      ],
      faults: [],
    })
  })

  it.each<[string, readonly unknown[]]>([
    ['v=1;', []],
    ['v=1; ', []],
    ['v=1;;p=2', [{ position: 5, problem: 'emptyTag', tag: '' }]],
    ['v=1; none', [{ position: 6, problem: 'noValue', tag: 'none' }]],
    ['v=1; =x', [{ position: 6, problem: 'badTagName', tag: '' }]],
    ['v=1; 9p=x', [{ position: 6, problem: 'badTagName', tag: '9p' }]],
    ['v=1; p=x; P=y', [{ position: 11, problem: 'duplicateTag', tag: 'P' }]],
    ['v=1; p=a\u00e4', [{ position: 9, problem: 'badCharacter', tag: 'p' }]],
    ['v=1; p=', []],
  ])('%j → %j', (text, faults) => {
    expect(parseTagList(text).faults).toEqual(faults)
  })

  it('tells twenty faults and no more', () => {
    expect(parseTagList(';'.repeat(5000)).faults).toHaveLength(20)
  })
})

describe('no record throws', () => {
  const pieces = fc.constantFrom(
    'v',
    'p',
    '=',
    ';',
    'DMARC1',
    'DKIM1',
    'STSv1',
    'TLSRPTv1',
    'rua',
    'mailto:a@b',
    ',',
    'https://x/',
    ' ',
    'sp',
    'reject',
    ':',
    '\n',
    'mx',
    'mode',
    'MIIB',
    'AAAA',
    '\u0000',
  )
  const anyText = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
  )

  it.each([
    ['DMARC', parseDmarc],
    ['DKIM', parseDkimKey],
    ['MTA-STS', parseMtaStsRecord],
    ['MTA-STS policy', parseMtaStsPolicy],
    ['TLS-RPT', parseTlsRpt],
  ] as const)('%s', (_what, parse) => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { faults } = parse(text)
        for (const fault of faults) {
          if ('position' in fault) expect(fault.position).toBeLessThanOrEqual(text.length + 1)
        }
        expect(faults.length).toBeLessThanOrEqual(80)
      }),
      { numRuns: 500 },
    )
  })
})
