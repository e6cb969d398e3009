import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { AuthorityZones } from '../../src/dns/authority-zones.ts'
import { startAuthority, type Authority } from '../../src/dns/authority.ts'
import { createResolver, type ResolverHandle } from '../../src/dns/create-resolver.ts'
import { lookupIprev } from '../../src/iprev/lookup.ts'
import { formatRecord, formatZoneFileError, parseZone } from '../../src/wire/zone-file.ts'
import { ip } from '../support/arbitrary.ts'

const text = readFileSync(new URL('../../config/zones/lab.zone', import.meta.url), 'utf8')
const zone = parseZone(text, { file: 'lab.zone' })
if (zone.kind === 'error') throw new SyntaxError(formatZoneFileError(zone))
const { records } = zone

/** The table at the top of the file: what it promises is what a reader will try. */
const rows = [...text.matchAll(/^; {3}([0-9][0-9, -]*?)( \+v6)? {2,}(\S+).*? (pass|fail|permerror)(?: \/ (\w+))?$/gm)].map(
  ([, numbers = '', hasV6, helo = '', v4 = '', v6]) => ({
    hosts: numbersIn(numbers),
    helo,
    v4,
    v6: hasV6 === undefined ? undefined : (v6 ?? v4),
  }),
)

describe('the lab zone', () => {
  let dns: Authority
  let resolver: ResolverHandle
  beforeAll(async () => {
    dns = await startAuthority({ records })
    resolver = createResolver({ servers: [dns.server], cache: false })
  })
  afterAll(async () => {
    await resolver.close()
    await dns.close()
  })

  const iprev = async (address: string): Promise<string> => (await lookupIprev(ip(address), { resolver })).result

  it('has a table with every host that has a reverse name', () => {
    const listed = new Set(rows.flatMap((row) => row.hosts))
    const reverse = records.flatMap((record) => /^([0-9]+)\.(?:100\.51\.198|0\.51\.127)\.in-addr\.arpa$/.exec(record.name)?.[1] ?? [])
    // 53 and 54 are the name servers.
    expect(new Set(reverse.filter((host) => !listed.has(Number(host))))).toEqual(new Set(['53', '54']))
    expect(rows.length).toBeGreaterThan(25)
  })

  it.each(rows)('$hosts ($helo): $v4', async ({ hosts, v4, v6 }) => {
    for (const host of hosts) {
      expect(await iprev(`198.51.100.${String(host)}`)).toBe(v4)
      expect(await iprev(`127.51.0.${String(host)}`)).toBe(v4)
      if (v6 !== undefined) expect(await iprev(`2001:db8:51::${String(host)}`)).toBe(v6)
    }
  })

  it('others have no PTR, and the loopback addresses are confirmed', async () => {
    expect(await iprev('198.51.100.200')).toBe('permerror')
    expect(await iprev('127.51.0.200')).toBe('permerror')
    expect(await iprev('127.0.0.1')).toBe('pass')
    expect(await iprev('::1')).toBe('pass')
  })

  it.each(rows.filter((row) => row.hosts.length <= 2 && row.helo.endsWith('.lab.test')))(
    '$helo resolves to its host',
    async ({ hosts, helo }) => {
      const outcome = await resolver.resolve({ name: name(helo), type: 'A' })
      const addresses = outcome.kind === 'records' ? outcome.records.map((record) => formatRecord(record).split(' ').at(-1)) : []
      expect(addresses).toEqual([`198.51.100.${String(hosts[0])}`, `127.51.0.${String(hosts[0])}`])
    },
  )

  it('holds no record outside of its zones, and every zone has name servers', () => {
    const zones = new AuthorityZones(records)
    expect(zones.unserved()).toEqual([])
    for (const apex of zones.apexes()) expect(records).toContainEqual(expect.objectContaining({ type: 'NS', name: apex }))
  })

  it('has domains whose mail is received in every way', () => {
    const exchanges = (domain: string): readonly string[] =>
      records
        .filter((record) => record.type === 'MX' && record.name === domain)
        .map((record) => formatRecord(record).split(' IN ')[1] ?? '')
    expect(exchanges('lab.test')).toEqual(['MX 10 mail.lab.test.', 'MX 20 mail2.lab.test.'])
    expect(exchanges('null-mx.lab.test')).toEqual(['MX 0 .'])
    expect(exchanges('implicit-mx.lab.test')).toEqual([])
    expect(exchanges('alias-mx.lab.test')).toEqual(['MX 10 helo-alias.lab.test.'])
    expect(exchanges('address-mx.lab.test')).toEqual(['MX 10 198.51.100.10.'])
    expect(exchanges('noaddress-mx.lab.test')).toEqual(['MX 10 noaddress.lab.test.'])
  })
})

function numbersIn(list: string): readonly number[] {
  return list.split(', ').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}
