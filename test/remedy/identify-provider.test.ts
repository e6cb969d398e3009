import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { providerOfDefaultName } from '../../src/identity/ptr-quality.ts'
import { identifyProvider, matchesPtrPattern } from '../../src/remedy/identify-provider.ts'
import { parseProviders } from '../../src/remedy/providers.ts'
import { ip, iprevFacts, reverseZoneFacts } from './facts.ts'

const PROVIDERS = parseProviders(readFileSync(new URL('../../config/providers.yaml', import.meta.url), 'utf8'), 'config/providers.yaml')

const identify = (
  address: string,
  ptrNames: readonly string[],
  nameservers: readonly string[] = [],
  outcome: 'confirmed' | 'elsewhere' = 'elsewhere',
) =>
  identifyProvider(
    {
      iprev: iprevFacts(
        address,
        ptrNames.map((ptrName) => [ptrName, outcome] as const),
      ),
      reverseZone: reverseZoneFacts(address, nameservers),
    },
    PROVIDERS,
  )

describe('identifyProvider', () => {
  it.each([
    ['aws', '198.51.100.7', 'ec2-198-51-100-7.eu-west-1.compute.amazonaws.com'],
    ['aws', '198.51.100.7', 'ec2-198-51-100-7.compute-1.amazonaws.com'],
    ['aws', '198.51.100.7', 'EC2-198-51-100-7.EU-West-1.compute.amazonaws.com'],
    ['gcp', '198.51.100.7', '7.100.51.198.bc.googleusercontent.com'],
    ['azure', '198.51.100.7', 'mail7.westeurope.cloudapp.azure.com'],
    ['hetzner', '198.51.100.7', 'static.198-51-100-7.clients.your-server.de'],
    ['linode', '2001:db8::7', '2001-db8--7.ip.linodeusercontent.com'],
    ['ovh', '198.51.100.7', '7.ip-198-51-100.eu'],
    ['ovh', '198.51.100.7', 'ks3012345.kimsufi.com'],
    ['scaleway', '198.51.100.7', '68f02c80-3bed-4e10-a747-4ff774ae905a.pub.instances.scw.cloud'],
    ['hetzner', '198.51.100.7', 'static.7.100.51.198.clients.your-server.de'],
    ['ovh', '198.51.100.7', 'vps-1a2b3c4d.vps.ovh.net'],
    ['ovh', '198.51.100.7', 'ns3012345.ip-198-51-100.eu'],
    ['linode', '198.51.100.7', '198-51-100-7.ip.linodeusercontent.com'],
    ['vultr', '198.51.100.7', '198.51.100.7.vultrusercontent.com'],
    ['scaleway', '198.51.100.7', '7-100-51-198.instances.scw.cloud'],
    ['scaleway', '198.51.100.7', '198-51-100-7.rev.poneytelecom.eu'],
    ['upcloud', '198.51.100.7', '198-51-100-7.de-fra1.upcloud.host'],
    ['ionos', '198.51.100.7', 's123456789.onlinehome-server.info'],
    ['contabo', '198.51.100.7', 'vmi1234567.contaboserver.net'],
    ['netcup', '2001:db8::7', 'v2202501191704311155.powersrv.de'],
  ])('%s by the shape of its PTR name (%s, %s)', (id, address, ptrName) => {
    expect(identify(address, ['mail.example.com', ptrName])).toMatchObject({
      provider: { id },
      recognisedBy: 'ptrName',
      evidence: name(ptrName),
    })
    expect(providerOfDefaultName(ptrName, address)).toBe(id)
  })

  it.each([
    ['the address of a neighbour', 'ec2-198-51-100-8.eu-west-1.compute.amazonaws.com'],
    ['a name with more behind it', 'ec2-198-51-100-7.eu-west-1.compute.amazonaws.com.example.net'],
    ['a name with more before it', 'x.static.7.100.51.198.clients.your-server.de'],
    ['a label that contains dots', 'static\\.7.100.51.198.clients.your-server.de'],
    ["a name of the customer's own", 'mail.example.com'],
  ])('%s is not recognised', (_, ptrName) => {
    expect(identify('198.51.100.7', [ptrName])).toBeNull()
  })

  it.each([
    ['hetzner', 'ns1.your-server.de'],
    ['digitalocean', 'NS2.DigitalOcean.com'],
    ['ovh', 'dns109.ovh.net'],
  ])('%s by the nameserver %s of the reverse zone', (id, nameserver) => {
    expect(identify('198.51.100.7', ['mail.example.com'], ['ns.example.net', nameserver])).toMatchObject({
      provider: { id },
      recognisedBy: 'nameserver',
    })
  })

  it('a wildcard needs whole labels', () => {
    expect(identify('198.51.100.7', [], ['ns.notovh.net', 'ovh.net'])).toBeNull()
  })

  it('nameservers count more than an unconfirmed PTR name, and less than a confirmed one', () => {
    const ptrNames = ['vmi1234567.contaboserver.net']
    expect(identify('198.51.100.7', ptrNames, ['ns1.your-server.de'], 'elsewhere')).toMatchObject({ provider: { id: 'hetzner' } })
    expect(identify('198.51.100.7', ptrNames, ['ns1.your-server.de'], 'confirmed')).toMatchObject({ provider: { id: 'contabo' } })
  })

  it('the zone above one that does not answer still tells the provider', () => {
    const zone = {
      name: name('51.198.in-addr.arpa'),
      primary: name('ns1.your-server.de'),
      mailbox: name('x.your-server.de'),
      nameservers: [name('ns1.your-server.de')],
    }
    const facts = {
      ...reverseZoneFacts('198.51.100.7', []),
      reverse: { kind: 'unknown', cause: 'servfail', at: name('100.51.198.in-addr.arpa'), enclosing: zone },
    } as const
    expect(identifyProvider({ iprev: iprevFacts('198.51.100.7', []), reverseZone: facts }, PROVIDERS)).toMatchObject({
      provider: { id: 'hetzner' },
    })
  })

  it('without any clue there is no provider', () => {
    expect(identify('198.51.100.7', [])).toBeNull()
    expect(identifyProvider({ iprev: iprevFacts('2001:db8::7', []), reverseZone: null }, PROVIDERS)).toBeNull()
  })
})

describe('matchesPtrPattern', () => {
  it('the bytes of an IPv4 address never match for IPv6', () => {
    expect(matchesPtrPattern('{a}.{b}.{c}.{d}.vultr.com', name('32.1.13.184.vultr.com'), ip('2001:db8::7'))).toBe(false)
    expect(matchesPtrPattern('{a}.{b}.{c}.{d}.vultr.com', name('198.51.100.7.vultr.com'), ip('::ffff:198.51.100.7'))).toBe(true)
  })

  it('every dot of a pattern is a dot', () => {
    expect(matchesPtrPattern('a.example.com', name('axexample.com'), ip('198.51.100.7'))).toBe(false)
  })
})
