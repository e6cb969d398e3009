import { afterEach, describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { name } from '../../src/core/domain-name.ts'
import type { Authority, AuthorityOptions, DnsFault } from '../../src/dns/authority.ts'
import { createResolver, parseDnsServer, type ResolverHandle, type ResolverSettings } from '../../src/dns/create-resolver.ts'
import { createHealthBreaker } from '../../src/dns/health.ts'
import { startTestDns } from '../support/zone.ts'

const ZONE = `
7.100.51.198.in-addr.arpa 300 PTR mail.example.com
mail.example.com 60 A 198.51.100.7
a0.example.com CNAME a1.example.com
a1.example.com CNAME a2.example.com
a2.example.com A 198.51.100.7
loop1.example.com CNAME loop2.example.com
loop2.example.com CNAME loop1.example.com
self.example.com CNAME self.example.com
dangling.example.com CNAME nothing.example.com
${Array.from({ length: 9 }, (_, index) => `deep${String(index)}.example.com CNAME deep${String(index + 1)}.example.com`).join('\n')}
deep9.example.com A 198.51.100.7
`

const opened: AsyncDisposable[] = []

afterEach(async () => {
  for (const resource of opened.splice(0).toReversed()) await resource[Symbol.asyncDispose]()
})

async function start(
  settings: ResolverSettings = {},
  faults: readonly DnsFault[] = [],
  options: AuthorityOptions = {},
): Promise<{ dns: Authority; resolver: ResolverHandle }> {
  const dns = await startTestDns(ZONE, faults, options)
  const resolver = createResolver({ servers: [dns.server], timeoutMs: 500, ...settings })
  opened.push(dns, resolver)
  return { dns, resolver }
}

const mail = { name: name('mail.example.com'), type: 'A' } as const

describe('createResolver', () => {
  it('asks the servers it is given and remembers what they say', async () => {
    const { dns, resolver } = await start()
    const outcome = await resolver.resolve(mail)
    expect(outcome).toMatchObject({ kind: 'records', ttl: 60, records: [{ type: 'A', address: { bytes: [198, 51, 100, 7] } }] })
    expect(await resolver.resolve(mail)).toEqual(outcome)
    expect(dns.queries).toHaveLength(1)
    expect(resolver.statistics()).toMatchObject({ client: { questions: 1 }, cache: { hits: 1, misses: 1 } })
  })

  it('without a cache every question is asked', async () => {
    const { dns, resolver } = await start({ cache: false })
    await resolver.resolve(mail)
    await resolver.resolve(mail)
    expect(dns.queries).toHaveLength(2)
    expect(resolver.statistics().cache).toBeNull()
  })

  it('has a way past the cache', async () => {
    const { dns, resolver } = await start()
    await resolver.resolve(mail)
    await resolver.uncached.resolve(mail)
    expect(dns.queries).toHaveLength(2)
  })

  it('takes a store of its own for the cache, and its settings', async () => {
    const entries = new Map<string, string>()
    let now = 0
    const store = { get: (key: string) => entries.get(key), set: (key: string, value: string) => void entries.set(key, value) }
    const { dns, resolver } = await start({ cache: { store, maxTtlSeconds: 10, clock: () => now } })
    await resolver.resolve(mail)
    expect([...entries.keys()]).toEqual(['A mail.example.com'])
    now = 10_000
    await resolver.resolve(mail)
    expect(dns.queries).toHaveLength(2)
  })

  describe.each([
    ['when the server follows CNAMEs itself', true],
    ['when each CNAME is an answer of its own', false],
  ])('%s', (_, doesFollow) => {
    it.each([
      ['a0', { kind: 'records', aliases: [{ target: 'a1.example.com' }, { target: 'a2.example.com' }] }],
      ['loop1', { kind: 'aliasLoop' }],
      ['self', { kind: 'aliasLoop' }],
      ['dangling', { kind: 'nxdomain', aliases: [{ target: 'nothing.example.com' }] }],
      ['deep1', { kind: 'records', aliases: { length: 8 } }],
      ['deep0', { kind: 'aliasTooDeep', aliases: { length: 8 } }],
    ])('%s', async (label, expected) => {
      const { resolver } = await start({}, [], { flavour: { followAliases: doesFollow } })
      expect(await resolver.resolve({ name: name(`${label}.example.com`), type: 'A' })).toMatchObject(expected)
    })
  })

  it('shows the breaker what the servers answer, and not what the cache remembers', async () => {
    const health = createHealthBreaker({ minimumNetworks: 1 })
    const reverse = { name: name('7.100.51.198.in-addr.arpa'), type: 'PTR' } as const
    const { dns, resolver } = await start({ health, attempts: 1 })
    await resolver.resolve(reverse)
    expect(health.state()).toMatchObject({ state: 'closed', networks: 1, failing: 0 })
    dns.faults.set([{ name: '*', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }])
    await resolver.resolve(reverse)
    await resolver.uncached.resolve({ name: name('7.101.51.198.in-addr.arpa'), type: 'PTR' })
    expect(health.state()).toMatchObject({ state: 'closed', failing: 0 })
    await resolver.resolve({ name: name('7.100.52.198.in-addr.arpa'), type: 'PTR' })
    await resolver.resolve({ name: name('7.100.53.198.in-addr.arpa'), type: 'PTR' })
    expect(health.state()).toMatchObject({ state: 'open', failing: 2, networks: 3 })
  })

  it('is over once closed', async () => {
    const { resolver } = await start()
    await resolver.close()
    expect(await resolver.resolve(mail)).toEqual({ kind: 'aborted' })
  })

  it('refuses settings that make no sense', () => {
    expect(() => createResolver({ servers: ['dns.example.com'] })).toThrow('"dns.example.com"')
    expect(() => createResolver({ servers: [] })).toThrow('at least one server')
    expect(() => createResolver({ timeoutMs: 0 })).toThrow('timeoutMs')
  })
})

describe('parseDnsServer', () => {
  it.each([
    ['198.51.100.53', '198.51.100.53', 53],
    ['127.0.0.1:5300', '127.0.0.1', 5300],
    ['2001:db8::53', '2001:db8::53', 53],
    ['[2001:db8::53]', '2001:db8::53', 53],
    ['[2001:db8::53]:5300', '2001:db8::53', 5300],
  ])('%s', (text, address, port) => {
    const server = parseDnsServer(text)
    expect(server && [formatAddress(server.address), server.port]).toEqual([address, port])
  })

  it.each(['', 'dns.example.com', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:53:53', '[127.0.0.1', '2001:db8::53%eth0'])(
    'not %j',
    (text) => {
      expect(parseDnsServer(text)).toBeUndefined()
    },
  )
})
