import { describe, expect, it } from 'vitest'
import { parseAddress, reverseName, type IpAddress } from '../../src/core/address.ts'
import { name as toName } from '../../src/core/domain-name.ts'
import { assessPtrName, GENERIC_SCORE, providerOfDefaultName, ptrQualityFindings } from '../../src/identity/ptr-quality.ts'
import type { IprevFacts, PtrName, PtrNameOutcome } from '../../src/iprev/facts.ts'

const V4 = '198.51.100.7'
const V6 = '2001:db8:51:7::c0de:1'

describe('names derived from an IPv4 address', () => {
  it.each([
    ['decimal', '198-51-100-7.isp.example.net'],
    ['any separator', '198_51_100_7.isp.example.net'],
    ['as labels', '198.51.100.7.isp.example.net'],
    ['reversed', '7.100.51.198.isp.example.net'],
    ['pairs swapped', 'd51-198-7-100.isp.example.net'],
    ['over several labels', '7.red-198-51-100.isp.example.net'],
    ['with a prefix', 'host198-51-100-7.isp.example.net'],
    ['between letters', '198x51x100x7.ap.isp.example.net'],
    ['zero-padded', '198-051-100-007.isp.example.net'],
    ['padded and run together', 'cl198051100007.isp.example.net'],
    ['padded, reversed, run together', '007100051198.isp.example.net'],
    ['unpadded, run together', 'dyn198511007.isp.example.net'],
    ['hexadecimal', 'pC6336407.isp.example.net'],
    ['hexadecimal, reversed', '076433c6.isp.example.net'],
    ['hexadecimal by octets', 'c6-33-64-07.isp.example.net'],
    ['hexadecimal without padding', 'c6-33-64-7.isp.example.net'],
    ['a 32-bit number', '3325256711.isp.example.net'],
    ['with the organisation’s own domain', 'ip7.ip-198-51-100.eu'],
  ])('%s → whole', (_, ptrName) => {
    const { generic, reasons } = assessPtrName(ptrName, V4)
    expect(reasons).toContain('address:whole')
    expect(generic).toBe(true)
  })

  it.each([
    ['three octets', 'cablelink-51-100-7.isp.example.net', 'address:most', true],
    ['two octets after a pool word', 'adsl-100-7.isp.example.net', 'address:part', true],
    ['two octets and nothing else', '100-207.isp.example.net', 'address:part', true],
    ['two padded octets and a letter', 'c100207.isp.example.net', 'address:part', true],
    ['another address, under a pool word', '203-0-113-9.static.isp.example.net', 'address:other', true],
    ['another address alone', 'v1-2-3-4.isp.example.net', 'address:other', false],
  ])('%s', (_, ptrName, reason, generic) => {
    const assessment = assessPtrName(ptrName, ptrName.includes('207') ? '198.51.100.207' : V4)
    expect(assessment.reasons).toContain(reason)
    expect(assessment.generic).toBe(generic)
  })

  it('does not count a single octet', () => {
    for (const ptrName of ['mx7.example.com', 'out-100.example.com', 'host7.example.com', 'n51.example.com']) {
      expect(assessPtrName(ptrName, V4)).toMatchObject({ generic: false })
    }
  })

  it('does not let the organisation’s domain stand in for an octet', () => {
    expect(assessPtrName('m12-11.163.com', '198.163.11.12').generic).toBe(false)
  })
})

describe('names derived from an IPv6 address', () => {
  it.each([
    ['nibbles run together', 'p20010db80051000700000000c0de0001.dip.isp.example.net'],
    ['nibbles as labels, reversed', `${reverseName(address(V6)).slice(0, 63)}.isp.example.net`],
    ['padded groups', 'dynamic-2001-0db8-0051-0007-0000-0000-c0de-0001.isp.example.net'],
    ['groups as written', '2001-db8-51-7-0-0-c0de-1.isp.example.net'],
    ['compressed', '2001-db8-51-7--c0de-1.isp.example.net'],
    ['upper case', 'P20010DB80051000700000000C0DE0001.isp.example.net'],
  ])('%s → whole', (_, ptrName) => {
    const { generic, reasons } = assessPtrName(ptrName, V6)
    expect(reasons).toContain('address:whole')
    expect(generic).toBe(true)
  })

  it.each([
    ['the prefix', 'cust-2001-db8-51-7.isp.example.net', V6],
    ['the interface identifier', 'h02005efffe00abcd.isp.example.net', '2001:db8::200:5eff:fe00:abcd'],
    ['the MAC address of an EUI-64', 'cpe-00005e00abcd.isp.example.net', '2001:db8::200:5eff:fe00:abcd'],
  ])('%s → most', (_, ptrName, ip) => {
    const { generic, reasons } = assessPtrName(ptrName, ip)
    expect(reasons).toContain('address:most')
    expect(generic).toBe(true)
  })

  it('two groups are the least that tells → part', () => {
    expect(assessPtrName('51-7.isp.example.net', V6)).toMatchObject({ generic: true, reasons: ['address:part'] })
    expect(assessPtrName('51.isp.example.net', V6)).toMatchObject({ generic: false, reasons: [] })
  })

  it('finds the IPv4 address inside 6to4 and NAT64 addresses, and that of a mapped one', () => {
    for (const ip of ['2002:c633:6407::1', '64:ff9b::c633:6407', '::ffff:198.51.100.7']) {
      expect(assessPtrName('198-51-100-7.isp.example.net', ip).reasons).toContain('address:whole')
    }
  })

  it('does not count a single group, or hexadecimal words', () => {
    expect(assessPtrName('mx25.example.com', '2001:db8::25').generic).toBe(false)
    expect(assessPtrName('mail-lf1-x142.google.com', '2a00:1450:4864:20::142').generic).toBe(false)
    expect(assessPtrName('cafe.example.com', '2001:db8:cafe::25').generic).toBe(false)
  })
})

describe('pool words', () => {
  it.each([
    ['ec9z5l.cm.isp.example.net', true],
    ['unassigned.isp.example.net', true],
    ['hosted-by.isp.example.net', true],
    ['no-rdns.isp.example.net', true],
    ['dsl7.isp.example.net', true],
    ['pppoe-client-17.isp.example.net', true],
    ['cust304.lond.broadband.isp.example.net', true],
    ['dyndsl-4711.isp.example.net', true],
    ['vps-2291.hoster.example.net', true],
    ['vps.example.com', false],
    ['vps1.example.com', false],
    ['static.example.com', false],
    ['host1.example.com', false],
    ['pool.example.com', false],
    ['odin.cust.example.com', false],
  ])('%s → %s', (ptrName, generic) => {
    expect(assessPtrName(ptrName, '203.0.113.91').generic).toBe(generic)
  })

  it('count as whole words and never in the organisation’s own domain', () => {
    for (const ptrName of ['www77.generaldynamics.com', 'a77.mobile.de', 'n77.poolside.example.com', 'w77.static.com', 'example.com']) {
      expect(assessPtrName(ptrName, V4)).toMatchObject({ generic: false })
      expect(assessPtrName(ptrName, V4).reasons.filter((reason) => reason.startsWith('word:'))).toEqual([])
    }
  })
})

describe('counter-evidence', () => {
  it.each(['mail.dyn.example.org', 'smtp3.dsl.example.net', 'mx-10-1.example.net', 'cust-mx1.example.net', 'mailpool12.example.com'])(
    'a mail word outweighs a pool word or two octets: %s',
    (ptrName) => {
      expect(assessPtrName(ptrName, '198.51.10.1')).toMatchObject({ generic: false })
    },
  )

  it('a mail word in the same name outweighs even a whole address, but not a pool word beside it', () => {
    expect(assessPtrName('mail-198-51-100-7.example.com', V4)).toMatchObject({ generic: false, score: 40 })
    expect(assessPtrName('out198-51-100-7.mail.example.com', V4)).toMatchObject({ generic: false })
    expect(assessPtrName('mail-198-51-100-7.dsl.isp.example.net', V4)).toMatchObject({ generic: true })
  })
})

describe('assessPtrName', () => {
  it('gives each reason its weight, and the score is their sum', () => {
    const { score, reasons, evidence, generic } = assessPtrName('mail-198-51-100-7.static.isp.example.net', V4)
    expect(reasons).toEqual(evidence.map((piece) => piece.reason))
    expect(score).toBe(evidence.reduce((sum, piece) => sum + piece.weight, 0))
    expect(generic).toBe(score >= GENERIC_SCORE)
  })

  it('judges a name alone where the address is none', () => {
    expect(assessPtrName('unassigned.isp.example.net', 'nonsense').generic).toBe(true)
    expect(assessPtrName('198-51-100-7.isp.example.net', 'nonsense').reasons).not.toContain('address:whole')
  })

  it.each(['', '.', 'localhost', 'a..b', '-', `${'a'.repeat(300)}.example`, 'x'.repeat(100_000), '\\', '198.51.100.7'])(
    'gives %j no address for a host part',
    (ptrName) => {
      expect(assessPtrName(ptrName, '203.0.113.9')).toMatchObject({ generic: false })
    },
  )

  it('reads the escaped normal form and a trailing dot', () => {
    expect(assessPtrName('198-51-100-7.isp.example.net.', V4).generic).toBe(true)
    expect(assessPtrName('198\\.51\\.100\\.7.isp.example.net', V4).generic).toBe(true)
  })
})

describe('providerOfDefaultName', () => {
  it.each([
    ['ec2-198-51-100-7.eu-west-1.compute.amazonaws.com', 'aws'],
    ['ec2-198-51-100-7.compute-1.amazonaws.com', 'aws'],
    ['7.100.51.198.bc.googleusercontent.com', 'gcp'],
    ['vm-1.westeurope.cloudapp.azure.com', 'azure'],
    ['ubuntu-s-1vcpu-2gb-ams3-01.example.com', 'digitalocean'],
    ['static.7.100.51.198.clients.your-server.de', 'hetzner'],
    ['static.198-51-100-7.clients.your-server.de', 'hetzner'],
    ['vps-1a2b3c4d.vps.ovh.net', 'ovh'],
    ['ip7.ip-198-51-100.eu', 'ovh'],
    ['198-51-100-7.ip.linodeusercontent.com', 'linode'],
    ['198.51.100.7.vultrusercontent.com', 'vultr'],
    ['7-100-51-198.instances.scw.cloud', 'scaleway'],
    ['198-51-100-7.rev.poneytelecom.eu', 'scaleway'],
    ['198-51-100-7.de-fra1.upcloud.host', 'upcloud'],
    ['s15462909.onlinehome-server.info', 'ionos'],
    ['vm1.subnet01.vcn01.oraclevcn.com', 'oracle'],
    ['vmi2049644.contaboserver.net', 'contabo'],
    ['7.64.33c6.ip4.static.sl-reverse.com', 'ibm'],
    ['STATIC.7.100.51.198.CLIENTS.YOUR-SERVER.DE', 'hetzner'],
  ])('%s → %s', (ptrName, provider) => {
    expect(providerOfDefaultName(ptrName, V4)).toBe(provider)
    expect(assessPtrName(ptrName, V4)).toMatchObject({ generic: true })
  })

  it('knows a default name for an IPv6 address', () => {
    expect(providerOfDefaultName('2600-3c02--f03c-91ff-fe96-be03.ip.linodeusercontent.com', '2600:3c02::f03c:91ff:fe96:be03')).toBe(
      'linode',
    )
  })

  it.each([
    ['the default name of another address', 'ec2-198-51-100-8.eu-west-1.compute.amazonaws.com'],
    ['a name that somebody chose', 'mail.example.com'],
    ['the provider’s own mail server', '8.mo552.mail-out.ovh.net'],
    ['a look-alike domain', '7.100.51.198.bc.googleusercontent.com.example.com'],
    ['the bare domain', 'vultrusercontent.com'],
    ['a hostile length', 'a'.repeat(5000)],
  ])('%s → undefined', (_, ptrName) => {
    expect(providerOfDefaultName(ptrName, V4)).toBeUndefined()
  })
})

describe('ptrQualityFindings', () => {
  const generic = '198-51-100-7.dsl.isp.example.net'

  it('judges the only name, confirmed or not', () => {
    for (const outcome of ['confirmed', 'nxdomain', 'timeout'] as const) {
      expect(ptrQualityFindings(facts([[generic, outcome]]))).toEqual([
        {
          code: 'PTR_GENERIC',
          level: 'warning',
          args: { ip: V4, ptrName: generic, score: 100, reasons: ['address:whole', 'word:dsl', 'opaqueLabel'] },
        },
      ])
    }
  })

  it('judges the confirmed names where there are any', () => {
    expect(
      codes(
        facts([
          [generic, 'confirmed'],
          ['mail.example.com', 'nxdomain'],
        ]),
      ),
    ).toEqual(['PTR_GENERIC'])
    expect(
      codes(
        facts([
          [generic, 'nxdomain'],
          ['mail.example.com', 'confirmed'],
        ]),
      ),
    ).toEqual([])
  })

  it('holds no generic name against an address that also has a chosen one', () => {
    expect(
      codes(
        facts([
          [generic, 'confirmed'],
          ['mail.example.com', 'confirmed'],
        ]),
      ),
    ).toEqual([])
    expect(
      codes(
        facts([
          [generic, 'confirmed'],
          ['unassigned.isp.example.net', 'confirmed'],
        ]),
      ),
    ).toEqual(['PTR_GENERIC', 'PTR_GENERIC'])
  })

  it('says nothing of several unconfirmed names, nor of one that may not be the only one', () => {
    expect(
      codes(
        facts([
          [generic, 'nxdomain'],
          ['mail.example.com', 'nxdomain'],
        ]),
      ),
    ).toEqual([])
    expect(codes({ ...facts([[generic, 'nxdomain']]), truncated: true, ptrNameCount: 300 })).toEqual([])
  })

  it('names each reserved suffix', () => {
    expect(
      ptrQualityFindings(
        facts([
          ['mail.corp.local', 'nxdomain'],
          ['mail.example.com', 'confirmed'],
        ]),
      ),
    ).toEqual([{ code: 'PTR_RESERVED_SUFFIX', level: 'warning', args: { ip: V4, ptrName: 'mail.corp.local', suffix: 'local' } }])
  })

  it('leaves what is no host name to the finding of its own', () => {
    expect(codes(facts([['under_score.lan', 'notHostName']]))).toEqual([])
    expect(codes(facts([['localhost', 'singleLabel']]))).toEqual([])
    expect(codes(facts([]))).toEqual([])
  })
})

function codes(iprev: IprevFacts): string[] {
  return ptrQualityFindings(iprev).map((found) => found.code)
}

function facts(names: readonly (readonly [string, PtrNameOutcome])[]): IprevFacts {
  const isConfirmed = names.some(([, outcome]) => outcome === 'confirmed')
  return {
    kind: 'iprev',
    address: address(V4),
    reverseName: reverseName(address(V4)),
    result: isConfirmed ? 'pass' : 'fail',
    reason: isConfirmed ? 'confirmed' : 'nameNotFound',
    aliases: [],
    ptrTtl: 300,
    names: names.map(([text, outcome]): PtrName => ({
      name: toName(text),
      outcome,
      addresses: [],
      aliases: [],
      ttl: null,
      authenticated: false,
    })),
    ptrNameCount: names.length,
    truncated: false,
    authenticated: false,
    queries: 1 + names.length,
  }
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(text)
  return parsed
}
