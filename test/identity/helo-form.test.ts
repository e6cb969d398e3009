import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../src/core/address.ts'
import { name, parseName } from '../../src/core/domain-name.ts'
import type { HeloProblem } from '../../src/identity/facts.ts'
import { hasUnderscore, parseHelo, scopeOfHeloName } from '../../src/identity/helo-form.ts'

const label63 = 'a'.repeat(63)
const text253 = [label63, label63, label63, 'b'.repeat(61)].join('.')

describe('parseHelo', () => {
  const names: readonly [claimed: string, expected: string][] = [
    ['mail.example.com', 'mail.example.com'],
    ['MAIL.Example.COM', 'MAIL.Example.COM'],
    ['mail', 'mail'],
    ['localhost', 'localhost'],
    ['xn--mller-kva.example.com', 'xn--mller-kva.example.com'],
    ['mail.example.com.', 'mail.example.com'],
    ['my_server.example.com', 'my_server.example.com'],
    ['_x_.example.com', '_x_.example.com'],
    ['1.example.com', '1.example.com'],
    ['198.51.100.7.example.com', '198.51.100.7.example.com'],
    ['3com.example', '3com.example'],
    ['0x7f.0x1', '0x7f.0x1'],
    [`${label63}.example.com`, `${label63}.example.com`],
    [text253, text253],
    [`${text253}.`, text253],
  ]
  it.each(names)('%j is a name', (claimed, expected) => {
    expect(parseHelo(claimed)).toEqual({ kind: 'name', name: name(expected) })
  })

  const literals: readonly [claimed: string, address: string][] = [
    ['[198.51.100.7]', '198.51.100.7'],
    ['[IPv6:2001:db8::7]', '2001:db8::7'],
    ['[ipv6:2001:DB8:0:0:0:0:0:7]', '2001:db8::7'],
    ['[IPv6:::ffff:198.51.100.7]', '198.51.100.7'],
  ]
  it.each(literals)('%j is the literal of %s', (claimed, address) => {
    expect(parseHelo(claimed)).toEqual({ kind: 'literal', address: parseAddress(address) })
  })

  const bareAddresses: readonly [claimed: string, address: string][] = [
    ['198.51.100.7', '198.51.100.7'],
    ['198.51.100.7.', '198.51.100.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::1', '::1'],
  ]
  it.each(bareAddresses)('%j is the bare address %s', (claimed, address) => {
    expect(parseHelo(claimed)).toEqual({ kind: 'bareAddress', address: parseAddress(address) })
  })

  const problems: readonly [problem: HeloProblem, claimed: string][] = [
    ['empty', ''],
    ['tooLong', `${text253}c`],
    ['tooLong', `${text253}c.`],
    ['tooLong', 'a'.repeat(1_000_000)],
    ['tooLong', 'ü'.repeat(1_000_000)],
    ['labelTooLong', `${label63}a.example.com`],
    ['emptyLabel', '.'],
    ['emptyLabel', '.example.com'],
    ['emptyLabel', 'mail..example.com'],
    ['emptyLabel', 'mail.example.com..'],
    ['hyphen', '-mail.example.com'],
    ['hyphen', 'mail-.example.com'],
    ['hyphen', 'mail.-.com'],
    ['character', 'mail example.com'],
    ['character', ' mail.example.com'],
    ['character', 'mail.example.com\r\nMAIL FROM:<>'],
    ['character', 'mail\0.example.com'],
    ['character', 'mail.example.com\u007f'],
    ['character', 'mail\\.example.com'],
    ['character', 'mail@example.com'],
    ['character', '<mail.example.com>'],
    ['character', '"mail".example.com'],
    ['character', 'IPv6:2001:db8::7'],
    ['character', '*.example.com'],
    ['notAscii', 'müller.example.com'],
    ['notAscii', 'mail.example\u202e.com'],
    ['notAscii', '[ü]'],
    ['notAscii', '\ud800'],
    ['numeric', '198.51.100.256'],
    ['numeric', '010.0.0.1'],
    ['numeric', '198.51.100'],
    ['numeric', '42'],
    ['badLiteral', '['],
    ['badLiteral', '[]'],
    ['badLiteral', '[198.51.100.7'],
    ['badLiteral', '[198.51.100.7].'],
    ['badLiteral', '[198.51.100.07]'],
    ['badLiteral', '[198.51.100.256]'],
    ['badLiteral', '[mail.example.com]'],
    ['badLiteral', '[2001:db8::7]'],
    ['badLiteral', '[IPv6:198.51.100.7]'],
    ['badLiteral', '[IPv6:fe80::1%eth0]'],
    ['badLiteral', '[X-tag:content]'],
  ]
  it.each(problems.map(([problem, claimed]) => ({ problem, claimed, shown: JSON.stringify(claimed.slice(0, 40)) })))(
    '$shown → $problem',
    ({ problem, claimed }) => {
      expect(parseHelo(claimed)).toEqual({ kind: 'invalid', problem })
    },
  )

  it('never throws, and a name it accepts is in normal form without an escape', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.stringMatching(/^[a-z0-9_.[\]:-]{0,300}$/), fc.domain()),
        (claimed) => {
          const form = parseHelo(claimed)
          if (form.kind !== 'name') return
          expect(form.name).toMatch(/^[A-Za-z0-9_.-]+$/)
          expect(parseName(form.name)).toBe(form.name)
          expect(form.name.length).toBeLessThanOrEqual(253)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('reads every address as a literal in brackets and as a bare address without', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    fc.assert(
      fc.property(address, (text) => {
        const parsed = parseAddress(text)
        fc.pre(parsed !== undefined)
        const shown = formatAddress(parsed)
        const literal = shown.includes(':') ? `[IPv6:${shown}]` : `[${shown}]`
        expect(parseHelo(literal).kind).toBe('literal')
        expect(parseHelo(shown).kind).toBe('bareAddress')
      }),
    )
  })
})

describe('scopeOfHeloName', () => {
  it.each([
    ['localhost', 'localhost'],
    ['LOCALHOST', 'localhost'],
    ['localhost.localdomain', 'localhost'],
    ['localhost6.localdomain6', 'localhost'],
    ['ip6-loopback', 'localhost'],
    ['mail.localhost', 'localhost'],
    ['mail', 'singleLabel'],
    ['localdomain', 'singleLabel'],
    ['mail.localdomain', 'qualified'],
    ['localhost.example.com', 'qualified'],
    ['mail.example.com', 'qualified'],
  ])('%s → %s', (text, scope) => {
    expect(scopeOfHeloName(name(text))).toBe(scope)
  })
})

describe('hasUnderscore', () => {
  it('tells the names that Exim refuses', () => {
    expect(hasUnderscore(name('my_server.example.com'))).toBe(true)
    expect(hasUnderscore(name('my-server.example.com'))).toBe(false)
  })
})
