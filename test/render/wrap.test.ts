import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wrapLines, wrapText } from '../../src/render/wrap.ts'

describe('wrapText', () => {
  it.each<[string, string, number, string]>([
    ['a short text', 'a b c', 40, 'a b c'],
    ['words at the width', 'aaaaaaaaaa bbbbbbbbb cc', 20, 'aaaaaaaaaa bbbbbbbbb\ncc'],
    ['a word longer than the width', 'x'.repeat(45), 20, `${'x'.repeat(20)}\n${'x'.repeat(20)}\nxxxxx`],
    ['paragraphs', 'a\n\nb', 20, 'a\n\nb'],
    ['nothing', '', 20, ''],
  ])('%s', (_, text, columns, wrapped) => {
    expect(wrapText(text, columns)).toBe(wrapped)
  })

  it('indents the first line and the others', () => {
    expect(wrapLines('aaaaaaaaaa bbbbbbbbbb cccccccccc', 26, { first: '* ', rest: '  ' })).toEqual([
      '* aaaaaaaaaa bbbbbbbbbb',
      '  cccccccccc',
    ])
  })

  it('cuts no escape in two', () => {
    expect(wrapLines(`${'a'.repeat(18)}\\255\\255\\255`, 20)).toEqual(['a'.repeat(18), '\\255\\255\\255'])
    expect(wrapLines(`${'a'.repeat(14)}\\u{202e}b`, 20)).toEqual(['a'.repeat(14), '\\u{202e}b'])
    expect(wrapLines(`${'a'.repeat(12)}\\u{202e}b`, 20)).toEqual([`${'a'.repeat(12)}\\u{202e}`, 'b'])
  })

  it('never exceeds the width, and loses nothing but spaces at line ends', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\\', '0', '1', 'u', '{', '}', '.'), maxLength: 300 }),
        fc.integer({ min: 20, max: 60 }),
        (text, columns) => {
          const lines = wrapLines(text, columns)
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
          expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
        },
      ),
      { numRuns: 500 },
    )
  })
})
