import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapeLabel, isHostName, name, parseName } from '../../src/core/domain-name.ts'
import { PROBE_FINDINGS } from '../../src/findings/catalogue-probe.ts'
import { RECEIVER_FINDINGS } from '../../src/findings/catalogue-receiver.ts'
import { RECORD_FINDINGS } from '../../src/findings/catalogue-records.ts'
import { CATALOGUE, finding, type Finding, type FindingArguments, type FindingCode } from '../../src/findings/catalogue.ts'
import { heloFindings } from '../../src/identity/helo-findings.ts'
import { ptrQualityFindings } from '../../src/identity/ptr-quality.ts'
import type { IprevFacts, PtrNameOutcome } from '../../src/iprev/facts.ts'
import { iprevFindings } from '../../src/iprev/findings.ts'
import { whatNotToDo } from '../../src/remedy/cautions.ts'
import { chooseDesiredName } from '../../src/remedy/desired-name.ts'
import { identifyProvider } from '../../src/remedy/identify-provider.ts'
import { parseProviders } from '../../src/remedy/providers.ts'
import type { ReverseZoneFacts } from '../../src/remedy/reverse-zone.ts'
import type { RemedyStep } from '../../src/remedy/step.ts'
import { remedySteps, type RemedyInput } from '../../src/remedy/steps.ts'
import { heloFacts, ip, iprevFacts, reverseZoneFacts } from './facts.ts'

const PROVIDERS = parseProviders(readFileSync(new URL('../../config/providers.yaml', import.meta.url), 'utf8'), 'config/providers.yaml')
const PEER = '198.51.100.7'
const NO_ZONE = reverseZoneFacts(PEER, ['ns1.isp.example', 'ns2.isp.example'])

interface Situation {
  readonly iprev: IprevFacts
  readonly helo?: RemedyInput['helo']
  readonly reverseZone?: ReverseZoneFacts | null
  readonly more?: readonly Finding[]
}

/** As the engine does it: every finding that the facts give, and the provider that they show. */
function inputOf({ iprev, helo = null, reverseZone = NO_ZONE, more = [] }: Situation): RemedyInput {
  const own = helo ? heloFindings({ helo, iprev, ourNames: [name('mx.example.org')], ourAddresses: [] }) : []
  const findings = [...iprevFindings(iprev), ...ptrQualityFindings(iprev), ...own, ...more]
  return { address: iprev.address, findings, iprev, helo, reverseZone, provider: identifyProvider({ iprev, reverseZone }, PROVIDERS) }
}

const steps = (situation: Situation): readonly RemedyStep[] => remedySteps(inputOf(situation))
const kinds = (situation: Situation): readonly string[] => steps(situation).map(({ kind }) => kind)

describe('remedySteps', () => {
  it('no PTR, nothing else known: name, record, who to ask, proof', () => {
    expect(steps({ iprev: iprevFacts(PEER, [], { ptrTtl: null }) })).toEqual([
      {
        kind: 'forward',
        who: 'dnsOperator',
        step: 'Choose a host name in your own domain for this server (mail.example.com stands for it here) and publish its address.',
        record: 'mail.example.com. 3600 IN A 198.51.100.7',
      },
      {
        kind: 'reverse',
        who: 'provider',
        step: 'Ask for the PTR record of 198.51.100.7, from whoever gave you the address (hosting provider or ISP). The operator of the zone 100.51.198.in-addr.arpa (nameservers ns1.isp.example, ns2.isp.example) has to set it to mail.example.com.',
        record: '7.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.com.',
      },
      {
        kind: 'verify',
        who: 'you',
        step: 'Then look at the whole loop: 198.51.100.7 must show mail.example.com, and mail.example.com must show 198.51.100.7. Put your own name for mail.example.com.',
        command: 'ptrgate check 198.51.100.7',
        choices: [
          { label: 'PTR alone', command: 'dig +short -x 198.51.100.7' },
          { label: 'A alone', command: 'dig +short mail.example.com A' },
        ],
      },
    ])
  })

  it('no PTR, and a HELO name that already resolves to the address: only the PTR', () => {
    const found = steps({ iprev: iprevFacts(PEER, []), helo: heloFacts('Smtp.Example.org', [PEER]) })
    expect(found.map(({ kind }) => kind)).toEqual(['reverse', 'verify'])
    expect(found[0]?.record).toBe('7.100.51.198.in-addr.arpa. 3600 IN PTR smtp.example.org.')
    expect(found[1]?.command).toBe('ptrgate check 198.51.100.7 --helo Smtp.Example.org')
  })

  it('IPv6: the AAAA record, the whole reverse name, the same order', () => {
    const found = steps({
      iprev: iprevFacts('2001:db8::7', []),
      helo: heloFacts('mail.example.org', { kind: 'otherFamilyOnly', addresses: [ip(PEER)] }),
      reverseZone: null,
    })
    expect(found.map(({ record }) => record)).toEqual([
      'mail.example.org. 3600 IN AAAA 2001:db8::7',
      '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 3600 IN PTR mail.example.org.',
      undefined,
    ])
  })

  it('a provider’s own way, after the forward record that it wants', () => {
    const found = steps({
      iprev: iprevFacts(PEER, [['ec2-198-51-100-7.eu-west-1.compute.amazonaws.com', 'confirmed']]),
      helo: heloFacts('mail.example.org', ['192.0.2.1']),
    })
    expect(found.map(({ kind, who }) => [kind, who])).toEqual([
      ['forward', 'dnsOperator'],
      ['reverse', 'you'],
      ['reverse', 'you'],
      ['verify', 'you'],
    ])
    expect(found[0]?.step).toContain('Do this before the PTR: Amazon EC2 (AWS) refuses')
    expect(found[2]).toEqual({
      kind: 'reverse',
      who: 'you',
      step: 'Amazon EC2 (AWS): Set the reverse DNS name of the Elastic IP. It replaces ec2-198-51-100-7.eu-west-1.compute.amazonaws.com.',
      record: '7.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.org.',
      command: 'aws ec2 modify-address-attribute --allocation-id ALLOCATION_ID --domain-name mail.example.org',
    })
  })

  it.each([
    ['hetzner', ['ns1.your-server.de'], 'hcloud server set-rdns SERVER --ip 198.51.100.7 --hostname mail.example.org'],
    ['gcp', ['ns-gce-public1.googledomains.com'], '--public-ptr-domain=mail.example.org.'],
    ['linode', ['ns1.linode.com'], 'linode-cli networking ip-update 198.51.100.7 --rdns mail.example.org'],
  ])('%s, known by its nameservers', (_, nameservers, command) => {
    const found = steps({
      iprev: iprevFacts(PEER, []),
      helo: heloFacts('mail.example.org', [PEER]),
      reverseZone: reverseZoneFacts(PEER, nameservers),
    })
    expect(found.find(({ kind, record }) => kind === 'reverse' && record !== undefined)?.command).toContain(command)
  })

  it('a PTR name that nobody gave an address: the A record alone', () => {
    expect(steps({ iprev: iprevFacts(PEER, [['mail.example.org', 'nxdomain']]) })).toMatchObject([
      { kind: 'forward', who: 'dnsOperator', record: 'mail.example.org. 3600 IN A 198.51.100.7' },
      { kind: 'verify', step: expect.stringContaining('Caches may show the old PTR for 60 minutes.') as string },
    ])
  })

  it('a PTR name that leads elsewhere may be somebody else’s', () => {
    const [first] = steps({ iprev: iprevFacts(PEER, [['www.example.org', 'elsewhere']]) })
    expect(first?.step).toMatch(/^www\.example\.org resolves to 192\.0\.2\.99, not to 198\.51\.100\.7\..*leave it alone/)
  })

  it('classless delegation: the PTR goes to the name behind the CNAME, whoever the provider is', () => {
    const target = name('7.0-25.100.51.198.in-addr.arpa')
    const zone = {
      name: name('0-25.100.51.198.in-addr.arpa'),
      primary: name('ns.example.org'),
      mailbox: name('x.example.org'),
      nameservers: [name('ns.example.org')],
    }
    const reverseZone: ReverseZoneFacts = {
      ...reverseZoneFacts(PEER, ['ns1.your-server.de']),
      delegated: { target, search: { kind: 'zone', zone } },
    }
    const iprev = iprevFacts(PEER, [], {
      reason: 'aliasDangling',
      aliases: [{ name: name('7.100.51.198.in-addr.arpa'), target, ttl: 300 }],
    })
    expect(steps({ iprev, helo: heloFacts('mail.example.org', [PEER]), reverseZone })[0]).toEqual({
      kind: 'reverse',
      who: 'dnsOperator',
      step: 'The reverse name of 198.51.100.7 is an alias of 7.0-25.100.51.198.in-addr.arpa (RFC 2317): set the PTR record there, in the zone 0-25.100.51.198.in-addr.arpa (nameservers ns.example.org).',
      record: '7.0-25.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.org.',
    })
  })

  it.each(['aliasLoop', 'aliasTooDeep'] as const)('%s: the CNAME has to go', (reason) => {
    const found = steps({
      iprev: iprevFacts(PEER, [], { reason, aliases: [{ name: name('7.100.51.198.in-addr.arpa'), target: name('x.example'), ttl: 1 }] }),
    })
    expect(found[1]).toMatchObject({ kind: 'reverse', who: 'provider', record: '7.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.com.' })
    expect(found[1]?.step).toContain('has to replace the CNAME by a PTR record')
  })

  it('a reverse zone that does not answer, or that nobody was given, is said', () => {
    const at = name('100.51.198.in-addr.arpa')
    const unknown: ReverseZoneFacts = { ...NO_ZONE, reverse: { kind: 'unknown', cause: 'servfail', at, enclosing: null } }
    expect(steps({ iprev: iprevFacts(PEER, []), reverseZone: unknown })[1]?.step).toContain(
      '(not known: 100.51.198.in-addr.arpa did not answer)',
    )
    const missing: ReverseZoneFacts = { ...NO_ZONE, reverse: { kind: 'notDelegated' } }
    expect(steps({ iprev: iprevFacts(PEER, []), reverseZone: missing })[1]?.step).toContain('has no reverse zone yet')
  })

  it('one good PTR name among bad ones: the bad ones go', () => {
    const iprev = iprevFacts(PEER, [
      ['mail.example.org', 'confirmed'],
      ['x.corp.local', 'nxdomain'],
      ['mail', 'singleLabel'],
    ])
    expect(steps({ iprev })[0]).toMatchObject({
      kind: 'cleanup',
      step: 'Keep one PTR record, mail.example.org, and remove the others (x.corp.local, mail).',
      record: '7.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.org.',
    })
  })

  it('far too many PTR names: fewer records, and no guess at which are missing', () => {
    const iprev = iprevFacts(PEER, [['a.example.org', 'elsewhere']], { truncated: true, ptrNameCount: 300 })
    expect(steps({ iprev, helo: heloFacts('mail.example.org', [PEER]) }).map(({ kind }) => kind)).toEqual(['cleanup', 'verify'])
  })

  it('only HELO is wrong: one setting, mail server by mail server, and nothing in the DNS', () => {
    const found = steps({ iprev: iprevFacts(PEER, [['mail.example.org', 'confirmed']]), helo: heloFacts('localhost', []) })
    expect(found.map(({ kind }) => kind)).toEqual(['helo', 'verify'])
    expect(found[0]?.step).toBe('Let the mail server call itself mail.example.org in HELO, its confirmed name.')
    expect(found[0]?.choices).toEqual(
      expect.arrayContaining([
        { label: 'Postfix', command: "postconf -e 'smtp_helo_name = mail.example.org' && postfix reload" },
        { label: 'Exchange, in its Management Shell', command: "Set-SendConnector 'CONNECTOR' -Fqdn mail.example.org" },
      ]),
    )
    expect(found[1]?.command).toBe('ptrgate check 198.51.100.7 --helo mail.example.org')
  })

  it('a HELO that is wrong for certain, beside a PTR that could not be told: a placeholder, and said to be one', () => {
    const iprev = iprevFacts(PEER, [], { result: 'temperror', reason: 'reverseTimeout' })
    const found = steps({ iprev, helo: heloFacts('localhost', []) })
    expect(found.map(({ kind }) => kind)).toEqual(['helo', 'wait', 'verify'])
    expect(found[0]?.step).toBe(
      'Let the mail server call itself mail.example.com in HELO, the name that its PTR record is to have. Put your own name for mail.example.com.',
    )
  })

  it('a HELO without any record, and no PTR: the one name is given both', () => {
    expect(kinds({ iprev: iprevFacts(PEER, []), helo: heloFacts('mail.example.org', { kind: 'none', nxdomain: true }) })).toEqual([
      'forward',
      'reverse',
      'verify',
    ])
  })

  it.each([
    ['the literal of the peer', '[198.51.100.7]', ['helo', 'verify']],
    ['a name with an underscore', 'my_mail.example.org', ['helo', 'verify']],
    ['a name of another address', 'other.example.net', ['helo', 'verify']],
  ] as const)('a confirmed PTR, and in HELO %s', (_, claimedName, expected) => {
    expect(kinds({ iprev: iprevFacts(PEER, [['mail.example.org', 'confirmed']]), helo: heloFacts(claimedName, ['192.0.2.1']) })).toEqual(
      expected,
    )
  })

  it('a multi-homed or cluster sender whose HELO resolves to it is left alone', () => {
    const iprev = iprevFacts(PEER, [['out7.example.org', 'confirmed']])
    expect(steps({ iprev, helo: heloFacts('mail.example.org', ['192.0.2.1', PEER]) })).toEqual([])
    expect(steps({ iprev, helo: heloFacts('mail.example.net', [PEER]) })).toEqual([])
  })

  it('an access line: another line or a relay', () => {
    const found = steps({ iprev: iprevFacts(PEER, [['host-198-51-100-7.dyn.isp.example.net', 'confirmed']]) })
    expect(found.map(({ kind }) => kind)).toEqual(['forward', 'reverse', 'relay', 'verify'])
    expect(found[2]).toMatchObject({ who: 'isp' })
  })

  it('a private address has no PTR that anybody could set', () => {
    const special = finding('ADDRESS_SPECIAL', { ip: '10.0.0.5', range: 'private' })
    expect(steps({ iprev: iprevFacts('10.0.0.5', []), helo: heloFacts('localhost', []), more: [special] })).toMatchObject([
      { kind: 'target', who: 'you' },
    ])
    const example = finding('ADDRESS_SPECIAL', { ip: PEER, range: 'documentation' })
    expect(kinds({ iprev: iprevFacts(PEER, []), more: [example] })).toContain('reverse')
  })

  it('the name can be given', () => {
    const found = remedySteps({
      ...inputOf({ iprev: iprevFacts(PEER, []) }),
      desiredName: { name: name('out.example.net'), source: 'helo' },
    })
    expect(found.map(({ record }) => record)).toContain('7.100.51.198.in-addr.arpa. 3600 IN PTR out.example.net.')
  })

  it('a given name that could be a command is not taken', () => {
    const hostile = name(escapeLabel('$(reboot)') + '.example.net')
    const found = remedySteps({ ...inputOf({ iprev: iprevFacts(PEER, []) }), desiredName: { name: hostile, source: 'helo' } })
    expect(JSON.stringify(found)).not.toContain('reboot')
  })

  it('a claimed name that is no host name, in facts from elsewhere, comes into no command', () => {
    const hostile = name(escapeLabel('$(reboot)') + '.example.net')
    const helo = { ...heloFacts('mail.example.net', [PEER]), form: { kind: 'name', name: hostile } } as const
    const input = inputOf({ iprev: iprevFacts(PEER, []) })
    expect(JSON.stringify(remedySteps({ ...input, helo }))).not.toContain('reboot')
  })

  describe('what could not be told', () => {
    it.each(['reverseServfail', 'reverseTimeout', 'reverseRefused', 'reverseMalformed', 'deadline'] as const)(
      '%s alone → ask again',
      (reason) => {
        const found = steps({ iprev: iprevFacts(PEER, [], { result: 'temperror', reason }) })
        expect(found.map(({ kind }) => kind)).toEqual(['wait'])
        expect(found[0]?.command).toBe('ptrgate check 198.51.100.7 --resolver 9.9.9.9')
      },
    )

    it('a PTR name without an answer may be right: nothing is changed', () => {
      expect(
        kinds({
          iprev: iprevFacts(PEER, [['mail.example.org', 'timeout']]),
          helo: heloFacts('mail.example.org', { kind: 'unknown', outcome: 'timeout' }),
        }),
      ).toEqual(['wait'])
    })

    it('a HELO without an answer, and no PTR: the PTR is missing all the same, the forward record is to be looked at', () => {
      const found = steps({ iprev: iprevFacts(PEER, []), helo: heloFacts('mail.example.org', { kind: 'unknown', outcome: 'timeout' }) })
      expect(found.map(({ kind }) => kind)).toEqual(['forward', 'reverse', 'wait', 'verify'])
      expect(found[0]).toMatchObject({
        step: expect.stringContaining('could not be told') as string,
        command: 'dig +short mail.example.org A',
      })
    })
  })

  describe('what was asked for', () => {
    const target = (code: FindingCode, more: Finding): readonly RemedyStep[] => {
      expect(more.code).toBe(code)
      return steps({ iprev: iprevFacts(PEER, [['mail.example.org', 'confirmed']]), more: [more] })
    }
    it('an MX that is a CNAME', () => {
      expect(
        target('MX_ALIAS', finding('MX_ALIAS', { domain: 'example.org', exchange: 'mx.example.org', target: 'mail.example.org' })),
      ).toMatchObject([{ kind: 'target', who: 'dnsOperator', record: 'example.org. 3600 IN MX 10 mail.example.org.' }])
    })
    it('an MX that is an address', () => {
      expect(target('MX_IS_ADDRESS', finding('MX_IS_ADDRESS', { domain: 'example.org', exchange: PEER }))).toMatchObject([
        { record: 'mail.example.org. 3600 IN A 198.51.100.7\nexample.org. 3600 IN MX 10 mail.example.org.' },
      ])
    })
    it('hostile names make no record', () => {
      const hostile = target('MX_ALIAS', finding('MX_ALIAS', { domain: 'example.org', exchange: 'x', target: 'a\\010b.$(reboot)' }))
      expect(hostile).toMatchObject([{ kind: 'target' }])
      expect(hostile[0]?.record).toBeUndefined()
    })
  })
})

describe('chooseDesiredName', () => {
  const choose = (situation: Situation) => chooseDesiredName(inputOf(situation))
  it.each([
    [
      'a confirmed name stays',
      iprevFacts(PEER, [['mail.example.org', 'confirmed']]),
      'smtp.example.org',
      ['mail.example.org', 'confirmed'],
    ],
    [
      'of several confirmed names the one in HELO',
      iprevFacts(PEER, [
        ['a.example.org', 'confirmed'],
        ['b.example.org', 'confirmed'],
      ]),
      'B.example.org',
      ['b.example.org', 'confirmed'],
    ],
    ['a name that may be confirmed', iprevFacts(PEER, [['a.example.org', 'timeout']]), 'b.example.org', ['a.example.org', 'ptr']],
    ['the HELO name', iprevFacts(PEER, [['a.example.org', 'elsewhere']]), 'b.example.org', ['b.example.org', 'helo']],
    ['a PTR name when HELO is unusable', iprevFacts(PEER, [['a.example.org', 'elsewhere']]), 'localhost', ['a.example.org', 'ptr']],
    [
      'a placeholder when all is pool names',
      iprevFacts(PEER, [['dyn-198-51-100-7.example.net', 'confirmed']]),
      'dyn-198-51-100-7.example.net',
      ['mail.example.com', 'placeholder'],
    ],
    ['a placeholder when HELO is the receiver', iprevFacts(PEER, []), 'mx.example.org', ['mail.example.com', 'placeholder']],
    ['a placeholder when HELO has an underscore', iprevFacts(PEER, []), 'my_mail.example.org', ['mail.example.com', 'placeholder']],
    ['a placeholder when HELO is internal', iprevFacts(PEER, []), 'mail.corp.local', ['mail.example.com', 'placeholder']],
  ] as const)('%s', (_, iprev, claimedName, [expected, source]) => {
    expect(choose({ iprev, helo: heloFacts(claimedName, { kind: 'none', nxdomain: true }) })).toEqual({ name: expected, source })
  })
})

describe('whatNotToDo', () => {
  it('warns of nothing when there is nothing to do', () => {
    expect(whatNotToDo([])).toEqual([])
  })
  it('warns of registrar, second PTR and CNAME when a PTR is to be set, and of the website when an address is', () => {
    const cautions = whatNotToDo(steps({ iprev: iprevFacts(PEER, []) })).join('\n')
    for (const word of ['registrar', 'second PTR', 'CNAME', 'website']) expect(cautions).toContain(word)
  })
  it('says nothing of the PTR when only HELO is wrong', () => {
    const found = steps({ iprev: iprevFacts(PEER, [['mail.example.org', 'confirmed']]), helo: heloFacts('localhost', []) })
    expect(whatNotToDo(found).join()).not.toMatch(/PTR|website/)
  })
})

describe('for any facts', () => {
  const hostileLabel = fc
    .string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)), minLength: 1, maxLength: 12 })
    .map(escapeLabel)
  const label = fc.oneof(
    fc.constantFrom('mail', 'smtp', 'dyn-198-51-100-7', 'a_b', '$(reboot)', '`id`', "';id;'", '-oProxyCommand', 'www').map(escapeLabel),
    hostileLabel,
  )
  const suffix = fc.constantFrom('.example.org', '.example.net', '.corp.local', '.dyn.isp.example.net', '')
  const anyName = fc
    .tuple(label, suffix)
    .map(([first, rest]) => first + rest)
    .filter((text) => parseName(text) !== undefined)
  const askedOutcome = fc.constantFrom<PtrNameOutcome>('confirmed', 'elsewhere', 'nxdomain', 'nodata', 'aliasLoop', 'timeout', 'servfail')
  /** As the lookup does: what can be no mail host's name is not asked. */
  const ptr = fc.tuple(anyName, askedOutcome).map(([text, outcome]): readonly [string, PtrNameOutcome] => {
    const parsed = name(text)
    return [text, !isHostName(parsed) ? 'notHostName' : parsed.includes('.') ? outcome : 'singleLabel']
  })
  const ptrs = fc.uniqueArray(ptr, { selector: ([text]) => name(text).toLowerCase(), maxLength: 4 })
  const claim = fc.oneof(
    anyName,
    fc.string(),
    fc.constantFrom(`[${PEER}]`, '[10.0.0.1]', PEER, 'localhost', 'mx.example.org', '$(reboot)', 'x\r\ny'),
  )
  const resolution = fc.constantFrom(
    [PEER],
    ['192.0.2.1'],
    { kind: 'none', nxdomain: true } as const,
    { kind: 'unknown', outcome: 'timeout' } as const,
  )
  const nameservers = fc.constantFrom(
    ['ns1.isp.example'],
    ['ns1.your-server.de'],
    ['x1.amazonaws.com'],
    ['a.ovh.net'],
    ['$(reboot).evil.example'],
  )
  const reason = fc.constantFrom(
    'noReverseName',
    'noPtrRecord',
    'aliasLoop',
    'aliasDangling',
    'aliasTooDeep',
    'reverseServfail',
    'deadline',
  ) satisfies fc.Arbitrary<IprevFacts['reason']>
  const situation: fc.Arbitrary<Situation> = fc
    .record({ ptrs, claim: fc.option(claim), resolution, nameservers, reason, truncated: fc.boolean() })
    .map(({ ptrs: names, claim: claimedName, resolution: resolved, nameservers: servers, reason: cause, truncated }) => {
      const isTemporary = cause === 'reverseServfail' || cause === 'deadline'
      const without =
        names.length > 0
          ? { truncated, ptrNameCount: truncated ? 300 : names.length }
          : { reason: cause, result: isTemporary ? ('temperror' as const) : ('permerror' as const) }
      const withAlias =
        cause.startsWith('alias') && names.length === 0
          ? {
              aliases: [
                {
                  name: name('7.100.51.198.in-addr.arpa'),
                  target: name('$(x).customer.example'.replace('$(x)', escapeLabel('$(x)'))),
                  ttl: 1,
                },
              ],
            }
          : {}
      return {
        iprev: iprevFacts(PEER, names, { ...without, ...withAlias }),
        helo: claimedName === null ? null : heloFacts(claimedName, resolved),
        reverseZone: reverseZoneFacts(PEER, servers),
      }
    })
  const runs = { numRuns: 2000 }

  it('an aligned client yields no step and no caution', () => {
    const aligned = fc.constantFrom('mail.example.org', 'MX1.example.net', 'a.b.example.co.uk')
    fc.assert(
      fc.property(aligned, nameservers, (hostName, servers) => {
        const found = steps({
          iprev: iprevFacts(PEER, [[hostName, 'confirmed']]),
          helo: heloFacts(hostName, [PEER]),
          reverseZone: reverseZoneFacts(PEER, servers),
        })
        expect(found).toEqual([])
        expect(whatNotToDo(found)).toEqual([])
      }),
    )
  })

  it('every warning and error leads to a step', () => {
    fc.assert(
      fc.property(situation, (facts) => {
        const input = inputOf(facts)
        const serious = input.findings.filter(({ level }) => level === 'warning' || level === 'error')
        if (serious.length > 0) expect(remedySteps(input).filter(({ kind }) => kind !== 'wait' && kind !== 'verify')).not.toEqual([])
      }),
      runs,
    )
  })

  it('only what could not be told → no change at all', () => {
    fc.assert(
      fc.property(situation, (facts) => {
        const input = inputOf(facts)
        const isMild = input.findings.every(({ level }) => level === 'info' || level === 'inconclusive')
        if (isMild) for (const { kind } of remedySteps(input)) expect(kind).toBe('wait')
      }),
      runs,
    )
  })

  it('the steps come in their order, and a change is proved at the end', () => {
    const order = ['target', 'forward', 'reverse', 'cleanup', 'relay', 'helo', 'wait', 'verify']
    fc.assert(
      fc.property(situation, (facts) => {
        const found = kinds(facts)
        expect(found).toEqual(found.toSorted((left, right) => order.indexOf(left) - order.indexOf(right)))
        const changes = found.filter((kind) => kind !== 'wait' && kind !== 'target' && kind !== 'verify')
        expect(found.includes('verify')).toBe(changes.length > 0)
      }),
      runs,
    )
  })

  it('texts are printable ASCII, and commands hold nothing but host names and addresses', () => {
    fc.assert(
      fc.property(situation, (facts) => {
        for (const { step, record, command, choices } of steps(facts)) {
          for (const text of [step, record, command]) expect(text ?? '').toMatch(/^[\x20-\x7e\n]*$/)
          const commands = [command, ...(choices ?? []).flatMap((choice) => [choice.command, choice.setting])]
          for (const text of commands) expect(text ?? '').not.toMatch(/\$\(|reboot|`id`|;id|-oProxy|\\/)
        }
      }),
      runs,
    )
  })

  it('what is already published is never advised', () => {
    fc.assert(
      fc.property(situation, (facts) => {
        const { iprev } = facts
        for (const { kind, record } of steps(facts)) {
          const confirmed = iprev.names.filter(({ outcome }) => outcome === 'confirmed').map((ptrName) => ptrName.name.toLowerCase())
          if (kind === 'forward') for (const ptrName of confirmed) expect(record).not.toBe(`${ptrName}. 3600 IN A ${PEER}`)
          if (kind === 'reverse')
            for (const ptrName of iprev.names)
              expect(record).not.toBe(`7.100.51.198.in-addr.arpa. 3600 IN PTR ${ptrName.name.toLowerCase()}.`)
        }
      }),
      runs,
    )
  })
})

describe('every finding about PTR, HELO and the target of a check', () => {
  // Of the conversation, the records and other receivers' words, the catalogue's own remedy is what there is to do.
  const withoutSteps: ReadonlySet<string> = new Set(Object.keys({ ...PROBE_FINDINGS, ...RECORD_FINDINGS, ...RECEIVER_FINDINGS }))
  const needsStep = (Object.keys(CATALOGUE) as FindingCode[]).filter((code) => {
    const { level, remedy } = CATALOGUE[code]
    return (level === 'warning' || level === 'error') && remedy !== '' && !withoutSteps.has(code)
  })
  const texts = (code: FindingCode): Finding => ({ code, level: CATALOGUE[code].level, args: anyArguments() }) as Finding

  /** Something for every argument that a text may read. */
  function anyArguments(): Partial<FindingArguments[FindingCode]> {
    const text = Object.fromEntries(
      ['ip', 'target', 'domain', 'exchange', 'claimedName', 'ptrName', 'range', 'cause'].map((key) => [key, 'x.example.org']),
    )
    return { ...text, addresses: ['192.0.2.1'], ptrNames: [], reasons: [] }
  }

  it.each(needsStep)('%s leads to a step', (code) => {
    const iprev = iprevFacts(
      PEER,
      code.startsWith('PTR_') ? [['x.example.org', 'elsewhere']] : code === 'FCRDNS_MISMATCH' ? [['y.example.org', 'nxdomain']] : [],
    )
    const helo = code === 'HELO_UNRESOLVABLE' ? heloFacts('mail.example.org', { kind: 'none', nxdomain: true }) : heloFacts('localhost', [])
    const found = remedySteps({ address: ip(PEER), findings: [texts(code)], iprev, helo, reverseZone: null, provider: null })
    expect(found.filter(({ kind }) => kind !== 'verify' && kind !== 'wait')).not.toEqual([])
  })
})
