import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { organisationalDomain } from '../../src/identity/organisation.ts'

describe('organisationalDomain', () => {
  it.each([
    ['mail.example.com', 'example.com'],
    ['example.com', 'example.com'],
    ['a.b.c.example.co.uk', 'example.co.uk'],
    ['MX1.Example.COM', 'example.com'],
    ['_dmarc.example.com', 'example.com'],
    ['mail.xn--mller-kva.de', 'xn--mller-kva.de'],
    // Nobody has delegated the suffix: its last label counts as one.
    ['mail.corp.local', 'corp.local'],
  ])('%s → %s', (text, domain) => {
    expect(organisationalDomain(name(text))).toBe(domain)
  })

  it('tells the tenants of a private suffix apart', () => {
    expect(organisationalDomain(name('mail.alice.duckdns.org'))).toBe('alice.duckdns.org')
    expect(organisationalDomain(name('mail.bob.duckdns.org'))).toBe('bob.duckdns.org')
  })

  it.each(['.', 'localhost', 'com', 'co.uk', 'duckdns.org', '198.51.100.7', 'a\\.b.example.com', '\\000.example.com', 'a\\@b.example.com'])(
    '%s → undefined',
    (text) => {
      expect(organisationalDomain(name(text))).toBeUndefined()
    },
  )
})
