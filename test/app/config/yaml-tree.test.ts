import { describe, expect, it } from 'vitest'
import { parseYaml } from '../../../src/app/config/yaml-tree.ts'

function valueOf(text: string): unknown {
  const { root, problems } = parseYaml(text)
  expect(problems).toEqual([])
  return root?.value
}

function problemsOf(text: string): string[] {
  const { problems, placeOf } = parseYaml(text)
  return problems.map(({ offset, path, message }) => {
    const { line, column } = placeOf(offset)
    return `${String(line)}:${String(column)} ${path.join('.')}: ${message}`
  })
}

describe('values', () => {
  it.each([
    ['a: 1\nb: [x, 2.5, true, null, ~]\n', { a: 1, b: ['x', 2.5, true, null, null] }],
    ['a: yes\nb: 0o17\nc: 0660\nd: 22:30\ne: 1_000', { a: 'yes', b: 15, c: 660, d: '22:30', e: '1_000' }],
    ['1: a\nnull: b\ntrue: c\n', { 1: 'a', null: 'b', true: 'c' }],
    ['a: &x { p: 1 }\nb: *x\n', { a: { p: 1 }, b: { p: 1 } }],
    ['a: &x 1\nb: &x 2\nc: *x\n', { a: 1, b: 2, c: 2 }],
    ['a: &x { p: 1, q: 1 }\nb: { q: 2, <<: *x, r: 3 }\n', { a: { p: 1, q: 1 }, b: { q: 2, r: 3, p: 1 } }],
    ['a: [&x { p: 1 }, &y { p: 2, q: 2 }]\nb: { <<: [*x, *y] }\n', { a: [{ p: 1 }, { p: 2, q: 2 }], b: { p: 1, q: 2 } }],
    ['"<<": 1\n', { '<<': 1 }],
    ['', null],
  ])('of %j', (text, value) => {
    expect(valueOf(text)).toEqual(value)
  })

  it('a key named __proto__ is a key like any other', () => {
    const value = valueOf('__proto__: { polluted: true }\n')
    expect(Object.keys(value as object)).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('places', () => {
  it('are those of key and value, also behind an alias', () => {
    const { root, placeOf } = parseYaml('a: &x\n  p: 1\nb: *x\nc:\n  - - 5\n')
    const at = (...path: (string | number)[]): unknown => {
      let node = root
      let keyOffset = 0
      for (const part of path) {
        const child = node?.children.get(part)
        keyOffset = child?.keyOffset ?? -1
        node = child?.node
      }
      return [placeOf(keyOffset), placeOf(node?.offset ?? -1)]
    }
    expect(at('a', 'p')).toEqual([
      { line: 2, column: 3 },
      { line: 2, column: 6 },
    ])
    expect(at('b', 'p')).toEqual(at('a', 'p'))
    expect(at('c', 0, 0)).toEqual([
      { line: 5, column: 7 },
      { line: 5, column: 7 },
    ])
  })
})

describe('what aliases can do is bounded', () => {
  it('an alias within what it names', () => {
    expect(problemsOf('a: &x\n  b: *x\n')).toEqual(['2:6 a.b: *x stands within what it names'])
  })

  it('an alias before its anchor', () => {
    expect(problemsOf('a: *x\nb: &x 1\n')).toEqual(['1:4 a: no &x stands before this alias'])
  })

  it('aliases of aliases of aliases: a few hundred octets that stand for 10^9 values', () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) =>
        `a${String(level + 1)}: &a${String(level + 1)} [${Array(10)
          .fill(`*a${String(level)}`)
          .join(', ')}]\n`,
    )
    const text = `a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n${levels.join('')}`
    expect(problemsOf(text)).toEqual(['6:9 a5: this stands for more than 250000 values'])
    expect(parseYaml(text).root).toBeUndefined()
  })

  it('what is merged must be keys with values', () => {
    expect(problemsOf('a: &x 1\nb: { <<: *x }\nc: { <<: [{}, 2] }\n')).toEqual([
      '2:10 b.<<: only keys with values can be merged: an alias of them, or a list of such aliases',
      '3:10 c.<<: only keys with values can be merged: an alias of them, or a list of such aliases',
    ])
  })
})

/** The library calls itself for each level: an overflow there ends the process, and no `catch` sees it. */
describe('nesting is bounded, however it is written', () => {
  it.each([
    ['brackets', '['.repeat(50_000)],
    ['closed brackets', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['braces', '{'.repeat(50_000)],
    ['keys in braces', '{a: '.repeat(20_000)],
    ['hyphens', '- '.repeat(20_000)],
    ['explicit keys', '? '.repeat(20_000)],
    ['stairs', Array.from({ length: 500 }, (_, level) => `${' '.repeat(level)}a:\n`).join('')],
  ])('%s', (_name, text) => {
    expect(parseYaml(text).problems.map(({ message }) => message)).toEqual(['this is nested more than 32 levels deep'])
  })

  it('thirty levels are fine', () => {
    expect(parseYaml(`${'{a: '.repeat(30)}1${'}'.repeat(30)}`).problems).toEqual([])
  })
})
