import { describe, expect, it } from 'vitest'
import { parseAddress, type IpAddress } from '../../src/core/address.ts'
import { lookupIprev } from '../../src/iprev/lookup.ts'
import { startLab } from '../../src/lab/start-lab.ts'

const ZONE = `
$TTL 300
. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7
`

function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed) throw new TypeError(text)
  return parsed
}

describe('startLab', () => {
  it('answers from its zone on a free loopback port', async () => {
    await using lab = await startLab({ zone: ZONE })
    expect(lab.dnsServer).toMatch(/^127\.0\.0\.1:[0-9]+$/)
    expect(await lookupIprev(address('198.51.100.7'), lab)).toMatchObject({ result: 'pass' })
  })

  it('what is added is seen at once, although its absence was asked for before', async () => {
    await using lab = await startLab({ zone: ZONE })
    expect(await lookupIprev(address('198.51.100.8'), lab)).toMatchObject({ result: 'permerror' })
    lab.zone.add('8.100.51.198.in-addr.arpa. 300 PTR second.example.com.\nsecond.example.com. 300 A 198.51.100.8')
    expect(await lookupIprev(address('198.51.100.8'), lab)).toMatchObject({ result: 'pass' })
  })

  it('a fault holds until it is cleared', async () => {
    await using lab = await startLab({ zone: ZONE })
    lab.fault({ name: '*', effect: { kind: 'rcode', rcode: 'SERVFAIL' } })
    expect(await lookupIprev(address('198.51.100.7'), lab)).toMatchObject({ result: 'temperror', reason: 'reverseServfail' })
    lab.clearFaults()
    expect(await lookupIprev(address('198.51.100.7'), lab)).toMatchObject({ result: 'pass' })
  })

  it('a mistake in the zone names file, line and reason', async () => {
    await expect(startLab({ zone: 'mail A 198.51.100.300', zoneName: 'my.zone' })).rejects.toThrow(/^my\.zone:1/)
  })

  it('two labs stand side by side', async () => {
    await using one = await startLab({ zone: ZONE })
    await using two = await startLab({ zone: ZONE })
    expect(one.dnsServer).not.toBe(two.dnsServer)
  })
})
