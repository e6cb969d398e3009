import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { parseResolvConf } from '../../src/dns/resolv-conf.ts'

function serversOf(text: string): string[] {
  return parseResolvConf(text).servers.map(
    ({ address, port, scope }) => `${formatAddress(address)}${scope ? `%${scope}` : ''}#${String(port)}`,
  )
}

describe('parseResolvConf', () => {
  it.each([
    ['one IPv4 server', 'nameserver 198.51.100.53', ['198.51.100.53#53']],
    ['IPv4 and IPv6, in order', 'nameserver 2001:db8::53\nnameserver 198.51.100.53\n', ['2001:db8::53#53', '198.51.100.53#53']],
    ['a link-local server with its interface', 'nameserver fe80::1%eth0', ['fe80::1%eth0#53']],
    ['tabs, spaces and CRLF', '\tnameserver \t 198.51.100.53  \r\nsearch example.com\r\n', ['198.51.100.53#53']],
    [
      'comments, whole and at the end',
      '# a\n; b\nnameserver 198.51.100.53 # c\nnameserver 198.51.100.54;d',
      ['198.51.100.53#53', '198.51.100.54#53'],
    ],
    ['what follows the address is ignored, as the C library does', 'nameserver 198.51.100.53 198.51.100.54', ['198.51.100.53#53']],
    ['nothing at all: this host', '', ['127.0.0.1#53']],
    ['no usable line: this host', 'nameserver dns.example.com', ['127.0.0.1#53']],
    ['0.0.0.0 and :: mean this host', 'nameserver 0.0.0.0\nnameserver ::', ['127.0.0.1#53', '::1#53']],
  ])('%s', (_, text, expected) => {
    expect(serversOf(text)).toEqual(expected)
  })

  it('keeps the first three servers and names the line of the fourth', () => {
    const text = [1, 2, 3, 4].map((last) => `nameserver 198.51.100.${String(last)}`).join('\n')
    expect(serversOf(text)).toHaveLength(3)
    expect(parseResolvConf(text).warnings).toEqual([{ line: 4, reason: 'only the first 3 name servers are used' }])
  })

  it.each([
    ['nameserver', 'nameserver without an address'],
    ['nameserver dns.example.com', 'not an IP address: "dns.example.com"'],
    ['nameserver 198.51.100.256', 'not an IP address: "198.51.100.256"'],
    ['nameserver 010.0.0.1', 'not an IP address: "010.0.0.1"'],
    ['nameserver 198.51.100.1%eth0', 'not an IP address: "198.51.100.1%eth0"'],
    ['nameserver fe80::1%', 'not an IP address: "fe80::1%"'],
    ['nameserver fe80::1%eth0%eth1', 'not an IP address: "fe80::1%eth0%eth1"'],
    ['nameservers 198.51.100.1', 'unknown keyword "nameservers"'],
    ['options timeout', 'options "timeout": a number is wanted after the colon'],
    ['options attempts:many', 'options "attempts:many": a number is wanted after the colon'],
    ['options timeout:-1', 'options "timeout:-1": a number is wanted after the colon'],
  ])('warns of %j with its line and reads on', (line, reason) => {
    const parsed = parseResolvConf(`# first\n${line}\nnameserver 198.51.100.53`)
    expect(parsed.warnings).toEqual([{ line: 2, reason }])
    expect(parsed.servers).toHaveLength(1)
    expect(parsed.servers[0]?.address.bytes).toEqual([198, 51, 100, 53])
  })

  it.each([
    ['options timeout:3 attempts:4 rotate', { timeoutMs: 3000, attempts: 4, rotate: true }],
    ['options rotate\noptions timeout:1', { timeoutMs: 1000, rotate: true }],
    ['options timeout:1\noptions timeout:2', { timeoutMs: 2000 }],
    ['options ndots:2 edns0 trust-ad', {}],
    ['options timeout:99 attempts:99', { timeoutMs: 30_000, attempts: 5 }],
    ['options timeout:0 attempts:0', { timeoutMs: 1000, attempts: 1 }],
  ])('%j', (text, expected) => {
    const { timeoutMs, attempts, rotate, warnings } = parseResolvConf(text)
    expect({ timeoutMs, attempts, rotate }).toEqual({ timeoutMs: undefined, attempts: undefined, rotate: undefined, ...expected })
    expect(warnings).toEqual([])
  })

  it('never throws, and always names at least one server', () => {
    const word = fc.constantFrom(
      'nameserver',
      'options',
      'timeout:',
      'rotate',
      'fe80::1%',
      '127.0.0.1',
      '#',
      ';',
      '\n',
      ' ',
      '\t',
      '\0',
      '%',
    )
    const text = fc.array(fc.oneof(word, fc.string({ maxLength: 5 }))).map((words) => words.join(''))
    fc.assert(
      fc.property(text, (input) => {
        const { servers } = parseResolvConf(input)
        expect(servers.length).toBeGreaterThanOrEqual(1)
        expect(servers.length).toBeLessThanOrEqual(3)
      }),
    )
  })

  it('reads at most a thousand lines', () => {
    const { warnings } = parseResolvConf('x\n'.repeat(5000))
    expect(warnings).toHaveLength(1001)
    expect(warnings.at(-1)).toEqual({ line: 1001, reason: 'only the first 1000 lines are read' })
  })
})
