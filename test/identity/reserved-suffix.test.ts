import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { reservedSuffix } from '../../src/identity/reserved-suffix.ts'

describe('reservedSuffix', () => {
  it.each([
    ['mail.corp.local', 'local'],
    ['host.INTERNAL', 'internal'],
    ['mail.lan', 'lan'],
    ['localhost.localdomain', 'localdomain'],
    ['mail.localhost', 'localhost'],
    ['printer.home', 'home'],
    ['printer.home.arpa', 'home.arpa'],
    ['Home.Arpa', 'home.arpa'],
    ['dc1.corp', 'corp'],
    ['a.b.test', 'test'],
    ['a.invalid', 'invalid'],
    ['mail.example', 'example'],
    ['abc.onion', 'onion'],
    ['x.alt', 'alt'],
    ['srv.intranet', 'intranet'],
    ['srv.private', 'private'],
    ['a\\.b.local', 'local'],
  ])('%s → %s', (text, suffix) => {
    expect(reservedSuffix(name(text))).toBe(suffix)
  })

  it.each([
    'mail.example.com',
    'example.org',
    'local.example.com',
    'mail.localhost.example.net',
    '7.100.51.198.in-addr.arpa',
    '1.8.b.d.0.1.0.0.2.ip6.arpa',
    'arpa',
    // A single label has a finding of its own.
    'localhost',
    'lan',
    '.',
    'mail.notlocal',
    'a\\.local',
  ])('%s → none', (text) => {
    expect(reservedSuffix(name(text))).toBeUndefined()
  })
})
