import { describe, expect, it } from 'vitest'
import { LiveDns, type DnsConfig, type LiveDnsOptions } from '../../../src/app/serve/live-dns.ts'
import { readConfig } from '../../../src/app/config/read-config.ts'
import { name } from '../../../src/core/domain-name.ts'
import { startTestDns } from '../../support/zone.ts'

const QUESTION = { name: name('mail.example.com'), type: 'A' } as const
const PTR = { name: name('8.100.51.198.in-addr.arpa'), type: 'PTR' } as const
const ZONE = 'mail.example.com. A 198.51.100.7'

function config(port: number, more = ''): DnsConfig {
  const read = readConfig(`dns: { servers: ['127.0.0.1:${String(port)}'], timeoutMs: 2000, attempts: 1 }\n${more}`, 'test.yaml')
  if (read.kind === 'problems') throw new TypeError(JSON.stringify(read.problems))
  return read.config
}

function options(): LiveDnsOptions & { readonly queries: string[]; readonly states: string[] } {
  const queries: string[] = []
  const states: string[] = []
  return {
    queries,
    states,
    onQuery: (type, outcome) => queries.push(`${type} ${outcome}`),
    onHealth: ({ state }) => states.push(state),
    onWarning: (warning) => {
      throw new Error(warning)
    },
  }
}

describe('the resolver behind every reload', () => {
  it('the same config → nothing to replace', async () => {
    await using server = await startTestDns(ZONE)
    const dns = new LiveDns(config(server.port), options())
    expect(dns.prepare(config(server.port))).toBeUndefined()
    expect(dns.prepare(config(server.port, 'policy: { preset: observe }'))).toBeUndefined()
    await dns.close()
  })

  it('a question under way at a reload is answered by the old one, later ones by the new one', async () => {
    await using server = await startTestDns(ZONE)
    await using other = await startTestDns('mail.example.com. A 198.51.100.8')
    const dns = new LiveDns(config(server.port), options())
    const underWay = dns.resolver.resolve(QUESTION)
    const prepared = dns.prepare(config(other.port))
    if (prepared === undefined) throw new Error('nothing to replace')
    dns.replace(prepared)
    expect(await underWay).toMatchObject({ kind: 'records', records: [{ address: { bytes: new Uint8Array([198, 51, 100, 7]) } }] })
    expect(await dns.resolver.resolve(QUESTION)).toMatchObject({ records: [{ address: { bytes: new Uint8Array([198, 51, 100, 8]) } }] })
    await dns.close()
  })

  it('counts what went to the servers, and cache hits through a reload', async () => {
    await using server = await startTestDns(ZONE)
    const seen = options()
    const dns = new LiveDns(config(server.port), seen)
    await dns.resolver.resolve(QUESTION)
    await dns.resolver.resolve(QUESTION)
    expect(seen.queries).toEqual(['A records'])
    expect(dns.cacheStatistics()).toEqual({ hits: 1, misses: 1 })
    const prepared = dns.prepare(config(server.port, 'cache: { entries: 5 }'))
    if (prepared === undefined) throw new Error('nothing to replace')
    dns.replace(prepared)
    await dns.resolver.resolve(QUESTION)
    expect(dns.cacheStatistics()).toEqual({ hits: 1, misses: 2 })
    await dns.close()
  })

  it('an ill resolver that a reload has replaced is ill no more, and whoever holds the breaker sees it', async () => {
    await using ill = await startTestDns(ZONE, [{ name: '*', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }])
    await using well = await startTestDns(ZONE)
    const seen = options()
    const dns = new LiveDns(config(ill.port, 'health: { minimumNetworks: 1 }'), seen)
    const { health } = dns
    await dns.resolver.resolve(PTR)
    expect(health.state().state).toBe('open')
    const prepared = dns.prepare(config(well.port, 'health: { minimumNetworks: 1 }'))
    if (prepared === undefined) throw new Error('nothing to replace')
    dns.replace(prepared)
    expect(health.state().state).toBe('closed')
    expect(seen.states).toEqual(['open', 'closed'])
    await dns.close()
  })

  it('canaries are asked, and what they find opens the breaker', async () => {
    await using server = await startTestDns('7.100.51.198.in-addr.arpa. PTR other.example.com.')
    const seen = options()
    const canaries = 'health: { canaryRoundsToOpen: 1, canaries: [{ address: 198.51.100.7, ptrName: mail.example.com }] }'
    const dns = new LiveDns(config(server.port, canaries), seen)
    await expect.poll(() => seen.states).toEqual(['open'])
    expect(dns.health.state().reason).toEqual({ kind: 'canaries', failing: 1, canaries: 1 })
    await dns.close()
  })
})
