import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { providerMessage, type ProviderMessageInput } from '../../src/remedy/message.ts'
import { heloFacts, iprevFacts, reverseZoneFacts } from './facts.ts'

const PEER = '198.51.100.7'

function message(changes: Partial<ProviderMessageInput> = {}) {
  const iprev = iprevFacts(PEER, [])
  return providerMessage({
    address: (changes.iprev ?? iprev).address,
    findings: [],
    iprev,
    helo: heloFacts('mail.example.org', [PEER]),
    reverseZone: reverseZoneFacts(PEER, []),
    provider: null,
    ...changes,
  })
}

describe('providerMessage', () => {
  it('asks for the record, ready to be sent', () => {
    expect(message()).toEqual({
      subject: 'PTR record for 198.51.100.7',
      body: `Hello,

please set the PTR record (reverse DNS) of our address

  198.51.100.7

to

  mail.example.org

There is no PTR record at present. The name resolves to the address (A
record).

In the zone 100.51.198.in-addr.arpa that is:

  7.100.51.198.in-addr.arpa. IN PTR mail.example.org.

Mail servers compare the two directions when ours connects, and refuse
its mail as long as they differ (550 5.7.25, see RFC 8601 section
2.7.3).

Thank you.
`,
    })
  })

  it('IPv6: the reverse name is split over an origin', () => {
    const { body } = message({
      iprev: iprevFacts('2001:db8::7', []),
      helo: heloFacts('mail.example.org', { kind: 'none', nxdomain: true }),
      reverseZone: null,
    })
    expect(body).toContain(`The name will have the address as its
AAAA record.

In the reverse zone that is:

  $ORIGIN 0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.
  7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 IN PTR mail.example.org.
`)
  })

  it('says what is to be replaced', () => {
    const { body } = message({
      iprev: iprevFacts(PEER, [
        ['static.7.100.51.198.clients.your-server.de', 'confirmed'],
        ['old.example.org', 'elsewhere'],
      ]),
      desiredName: { name: name('mail.example.org'), source: 'helo' },
    })
    expect(body.replaceAll('\n', ' ')).toContain(
      'At present it is static.7.100.51.198.clients.your-server.de, old.example.org: please replace that, and keep exactly one PTR record.',
    )
  })

  it('says that an alias leads nowhere', () => {
    expect(message({ iprev: iprevFacts(PEER, [], { reason: 'aliasDangling' }) }).body).toContain('The reverse name is a CNAME at present')
  })

  it('a placeholder is marked as one, so that it is not sent by mistake', () => {
    expect(message({ helo: null }).body.split('\n')[0]).toBe('[Before you send this: put the name of your server for')
  })

  it('counts names that are none instead of showing them', () => {
    const hostile = String.raw`x\013\010Subject:\032spam.example`
    const { body } = message({ iprev: iprevFacts(PEER, [[hostile, 'notHostName']]), helo: heloFacts('mail.example.org', [PEER]) })
    expect(body).not.toContain('spam')
    expect(body.replaceAll('\n', ' ')).toContain('At present it is a name that is no host name')
  })

  it('no line is longer than 72 columns, unless it is one unbreakable name', () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,30}$/)
    const hostName = fc.array(label, { minLength: 2, maxLength: 7 }).map((labels) => labels.join('.'))
    fc.assert(
      fc.property(hostName, fc.array(hostName, { maxLength: 4 }), fc.constantFrom(PEER, '2001:db8::7'), (desired, names, address) => {
        const iprev = iprevFacts(
          address,
          [...new Set(names)].map((ptrName) => [ptrName, 'elsewhere'] as const),
        )
        const { subject, body } = message({ iprev, desiredName: { name: name(desired), source: 'helo' } })
        for (const line of [subject, ...body.split('\n')]) {
          if (line.length > 72) expect(line).toMatch(/^\S+(?: \))?$/)
          expect(line).toMatch(/^[\x20-\x7e]*$/)
        }
      }),
      { numRuns: 500 },
    )
  })
})
