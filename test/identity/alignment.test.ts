import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { alignNames, alignWithAny, type Alignment } from '../../src/identity/alignment.ts'

describe('alignNames', () => {
  const cases: readonly [left: string, right: string, expected: Alignment][] = [
    ['mail.example.com', 'mail.example.com', 'equal'],
    ['mail.example.com', 'MAIL.Example.Com', 'equal'],
    ['mail.example.com', 'smtp.example.com', 'sameOrganisation'],
    ['mail.example.com', 'example.com', 'sameOrganisation'],
    ['a.b.example.co.uk', 'EXAMPLE.co.uk', 'sameOrganisation'],
    ['mail.example.com', 'mail.example.net', 'different'],
    ['mail.example.co.uk', 'mail.other.co.uk', 'different'],
    ['one.duckdns.org', 'two.duckdns.org', 'different'],
    ['mail.example.com', 'mail.notexample.com', 'different'],
    ['localhost', 'localhost', 'equal'],
    ['localhost', 'mail.example.com', 'unknown'],
    ['com', 'mail.example.com', 'unknown'],
    ['mail\\.example.com', 'mail.example.com', 'unknown'],
  ]
  it.each(cases)('%s and %s → %s', (left, right, expected) => {
    expect(alignNames(name(left), name(right))).toBe(expected)
    expect(alignNames(name(right), name(left))).toBe(expected)
  })

  it('a missing name is unknown', () => {
    expect(alignNames(null, name('mail.example.com'))).toBe('unknown')
    expect(alignNames(name('mail.example.com'), undefined)).toBe('unknown')
  })
})

describe('alignWithAny', () => {
  it.each([
    [['mail.example.net', 'mail.example.com'], 'equal'],
    [['mail.example.net', 'smtp.example.com'], 'sameOrganisation'],
    [['mail.example.net', 'mail.example.org'], 'different'],
    [['mail.example.net', 'localhost'], 'unknown'],
    [[], 'unknown'],
  ] as const)('with %j → %s', (candidates, expected) => {
    expect(
      alignWithAny(
        name('mail.example.com'),
        candidates.map((candidate) => name(candidate)),
      ),
    ).toBe(expected)
  })
})
