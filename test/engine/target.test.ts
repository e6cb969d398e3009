import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { parseTarget } from '../../src/engine/target.ts'

describe('parseTarget', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['2001:DB8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[IPv6:2001:db8::7]', '2001:db8::7'],
    ['[198.51.100.7]', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
  ])('%s is the address %s', (text, ip) => {
    const parsed = parseTarget(text)
    expect(parsed.kind === 'target' && parsed.target.kind === 'address' && formatAddress(parsed.target.address)).toBe(ip)
  })

  it.each([
    ['mail.example.com', 'mail.example.com'],
    ['mail.example.com.', 'mail.example.com'],
    ['MAIL.Example.com', 'MAIL.Example.com'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['müller.example', 'xn--mller-kva.example'],
    ['localhost', 'localhost'],
  ])('%s is the name %s', (text, name) => {
    const parsed = parseTarget(text)
    expect(parsed.kind === 'target' && parsed.target.kind === 'name' && parsed.target.name).toBe(name)
  })

  it.each([
    ['', 'it is empty'],
    ['mail example.com', 'it holds white space'],
    ['https://example.com/', 'it is a URL; give the host name alone'],
    ['postmaster@example.com', 'it is a mail address; give the domain alone: example.com'],
    ['198.51.100.0/24', 'it is a network; give single addresses'],
    ['[mail.example.com]', 'what is in the brackets is no address'],
    ['fe80::1%eth0', 'an address with a zone id has no reverse name'],
    ['example.com:25', 'a port has no place here'],
    ['2001:db8:::7', 'it is no IPv6 address'],
    ['198.51.100.256', 'it is no IPv4 address; write four decimal numbers from 0 to 255, without leading zeros'],
    ['010.0.0.1', 'it is no IPv4 address; write four decimal numbers from 0 to 255, without leading zeros'],
    ['example..com', 'two dots stand next to each other, or one at the start'],
    ['.example.com', 'two dots stand next to each other, or one at the start'],
    [`${'a'.repeat(64)}.example`, 'a label is longer than 63 octets'],
    [`${'a.'.repeat(130)}example`, 'it is longer than 255 octets'],
    ['exa$mple.com', 'it holds characters that no host name can have'],
    ['-x.example', 'it holds characters that no host name can have'],
    ['\u202eexample.com', 'it is not a name that the DNS could hold'],
  ])('refuses %j: %s', (text, reason) => {
    expect(parseTarget(text)).toEqual({ kind: 'error', reason })
  })
})
