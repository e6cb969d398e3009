import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { name } from '../../src/core/domain-name.ts'
import { createResolver } from '../../src/dns/create-resolver.ts'
import { watchOnce, type WatchRound } from '../../src/probe/watch.ts'
import { ip } from '../support/arbitrary.ts'
import { startTestDns } from '../support/zone.ts'

const SOA = 'SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 60'
const FRAME = `
. ${SOA}
100.51.198.in-addr.arpa. ${SOA}
100.51.198.in-addr.arpa. NS ns1.example.net.
8.b.d.0.1.0.0.2.ip6.arpa. ${SOA}
8.b.d.0.1.0.0.2.ip6.arpa. NS ns1.example.net.
example.org. ${SOA}
example.org. NS ns2.example.net.
ns1.example.net. A 198.51.100.53
ns2.example.net. A 198.51.100.54
`
const NEW = `${FRAME}
7.100.51.198.in-addr.arpa. 300 PTR mail.example.org.
mail.example.org. A 198.51.100.7
`
const OLD = `${FRAME}
7.100.51.198.in-addr.arpa. 7200 PTR vps-7.hosting.example.
mail.example.org. A 198.51.100.7
`

interface Views {
  /** What the zones' own servers hold. */
  readonly authority?: string
  /** What the resolver that is watched answers. */
  readonly resolver?: string
  readonly address?: string
}

async function round({ authority = NEW, resolver = NEW, address = '198.51.100.7' }: Views): Promise<WatchRound> {
  await using atZone = await startTestDns(authority)
  await using atResolver = await startTestDns(resolver)
  await using direct = createResolver({ servers: [`127.0.0.1:${String(atZone.port)}`], cache: false })
  await using watched = createResolver({ servers: [`127.0.0.1:${String(atResolver.port)}`], cache: false })
  return await watchOnce(ip(address), name('mail.example.org'), {
    resolver: direct,
    resolvers: [{ name: 'the resolver', resolver: watched }],
    askServer: () => direct,
  })
}

function states({ observations }: WatchRound): string[] {
  return observations.map(
    ({ role, observer, question, state, seen }) => `${role} ${observer} ${question.type}: ${[state, ...seen].join(' ')}`,
  )
}

describe('watching a PTR record', () => {
  it('agrees once the servers of both zones and the resolver show the new records', async () => {
    const found = await round({})
    expect(states(found)).toEqual([
      'reverseZone ns1.example.net (198.51.100.53) PTR: agrees mail.example.org',
      'forwardZone ns2.example.net (198.51.100.54) A: agrees 198.51.100.7',
      'resolver the resolver PTR: agrees mail.example.org',
      'resolver the resolver A: agrees 198.51.100.7',
    ])
    expect(found).toMatchObject({ agreed: true, waitSeconds: null })
  })

  it('says for how long a resolver may keep the old answer', async () => {
    const found = await round({ resolver: OLD })
    expect(states(found)[2]).toBe('resolver the resolver PTR: differs vps-7.hosting.example')
    expect(found).toMatchObject({ agreed: false, waitSeconds: 7200 })
  })

  it('waits for nobody where the zone itself is not right yet', async () => {
    const found = await round({ authority: FRAME })
    expect(states(found).slice(0, 2)).toEqual([
      'reverseZone ns1.example.net (198.51.100.53) PTR: absent',
      'forwardZone ns2.example.net (198.51.100.54) A: absent',
    ])
    expect(found).toMatchObject({ agreed: false, waitSeconds: null })
  })

  it('is not kept waiting by a server without an address, but by a zone of which no server answers', async () => {
    const second = NEW.replace('100.51.198.in-addr.arpa. NS', '100.51.198.in-addr.arpa. NS gone.example.net.\n100.51.198.in-addr.arpa. NS')
    expect(await round({ authority: second })).toMatchObject({ agreed: true })
    const none = NEW.replace('NS ns1.example.net.\n8.b', 'NS gone.example.net.\n8.b')
    expect(await round({ authority: none })).toMatchObject({ agreed: false })
  })

  it('asks the zone that the reverse name is delegated to by CNAME (RFC 2317)', async () => {
    const classless = `${FRAME}
7.100.51.198.in-addr.arpa. CNAME 7.0-25.100.51.198.in-addr.arpa.
0-25.100.51.198.in-addr.arpa. ${SOA}
0-25.100.51.198.in-addr.arpa. NS ns2.example.net.
7.0-25.100.51.198.in-addr.arpa. PTR mail.example.org.
mail.example.org. A 198.51.100.7
`
    const found = await round({ authority: classless, resolver: classless })
    expect(states(found)[0]).toBe('reverseZone ns2.example.net (198.51.100.54) PTR: agrees mail.example.org')
    expect(found.agreed).toBe(true)
  })

  it('goes by AAAA for an IPv6 address', async () => {
    const six = `${FRAME}
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.example.org.
mail.example.org. AAAA 2001:db8::7
`
    const found = await round({ authority: six, resolver: six, address: '2001:db8::7' })
    expect(found.observations.map(({ question }) => question.type)).toEqual(['PTR', 'AAAA', 'PTR', 'AAAA'])
    expect(found.agreed).toBe(true)
    expect(formatAddress(found.ip)).toBe('2001:db8::7')
  })
})
