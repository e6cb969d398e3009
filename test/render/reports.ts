/** Check reports as the engine hands them over, for every situation that a rendering must show. */
import { parseAddress, reverseName, type IpAddress } from '../../src/core/address.ts'
import { name, nameFromLabels, type DomainName } from '../../src/core/domain-name.ts'
import { finding, type Finding } from '../../src/findings/catalogue.ts'
import type { HeloFacts } from '../../src/identity/facts.ts'
import { confirmedName, type IprevFacts, type PtrName, type PtrNameOutcome } from '../../src/iprev/facts.ts'
import type { Decision } from '../../src/policy/decision.ts'
import { iprevAuthResults } from '../../src/render/auth-results.ts'
import { scoreOf, verdictOf, type AddressReport, type CheckReport, type RemedyStep } from '../../src/render/report-types.ts'

function ip(text: string): IpAddress {
  const address = parseAddress(text)
  if (!address) throw new TypeError(`not an address: ${text}`)
  return address
}

export function ptr(
  text: string | DomainName,
  outcome: PtrNameOutcome,
  addresses: readonly string[] = [],
  rest: Partial<PtrName> = {},
): PtrName {
  return { name: name(text), outcome, addresses: addresses.map(ip), aliases: [], ttl: 3600, authenticated: false, ...rest }
}

export function iprevFacts(address: string, rest: Pick<IprevFacts, 'result' | 'reason'> & Partial<IprevFacts>): IprevFacts {
  const names = rest.names ?? []
  return {
    kind: 'iprev',
    address: ip(address),
    reverseName: reverseName(ip(address)),
    aliases: [],
    ptrTtl: names.length > 0 ? 3600 : null,
    names,
    ptrNameCount: names.length,
    truncated: false,
    authenticated: false,
    queries: 1 + names.length,
    ...rest,
  }
}

function heloFacts(claimedName: string, addresses: readonly string[] = []): HeloFacts {
  const resolution =
    addresses.length === 0
      ? ({ kind: 'none', nxdomain: true } as const)
      : ({ kind: 'addresses', addresses: addresses.map(ip), aliases: [], ttl: 3600 } as const)
  return { kind: 'helo', claimedName, form: { kind: 'name', name: name(claimedName) }, resolution }
}

const ACCEPT: Decision = {
  kind: 'decision',
  action: 'accept',
  reply: null,
  stage: 'rcpt',
  rule: 'pass',
  finding: 'FCRDNS_CONFIRMED',
  intended: 'accept',
}
const NO_PTR: Decision = {
  kind: 'decision',
  action: 'reject',
  reply: { code: 550, enhanced: '5.7.25', lines: ['Reverse DNS validation failed'] },
  stage: 'rcpt',
  rule: 'permerror',
  finding: 'PTR_MISSING',
  intended: 'reject',
}
const MISMATCH: Decision = {
  ...NO_PTR,
  reply: { code: 550, enhanced: '5.7.25', lines: ['Reverse DNS validation failed'] },
  rule: 'fail',
  finding: 'FCRDNS_MISMATCH',
}
const DEFER: Decision = {
  ...NO_PTR,
  action: 'defer',
  reply: { code: 451, enhanced: '4.7.25', lines: ['Reverse DNS validation could not be completed, try again later'] },
  rule: 'temperror',
  finding: 'PTR_UNKNOWN',
  intended: 'defer',
}

export function addressReport(iprev: IprevFacts, findings: readonly Finding[], rest: Partial<AddressReport> = {}): AddressReport {
  return {
    address: iprev.address,
    iprev,
    helo: null,
    generic: null,
    findings,
    decision: ACCEPT,
    authenticationResults: iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName: confirmedName(iprev, undefined) }),
    confirmedName: confirmedName(iprev, undefined),
    remedy: [],
    cautions: [],
    providerMessage: null,
    reverseZone: null,
    ...rest,
  }
}

export function checkReport(target: string, addresses: readonly AddressReport[], rest: Partial<CheckReport> = {}): CheckReport {
  const findings = rest.findings ?? []
  return {
    kind: 'check',
    target,
    targetKind: 'address',
    via: [],
    verdict: verdictOf({ addresses, findings }, 'error'),
    addresses,
    score: scoreOf(addresses),
    findings,
    ...rest,
  }
}

const HELO = 'mail.example.com'
const VERIFY: RemedyStep = {
  kind: 'verify',
  who: 'you',
  step: 'When the old TTL (1 h) has passed, check again.',
  command: 'ptrgate watch 198.51.100.20 --expect mail.example.com --every 30s --for 2h',
}

function confirmed(address: string): AddressReport {
  const iprev = iprevFacts(address, { result: 'pass', reason: 'confirmed', names: [ptr('mail.example.com', 'confirmed', [address])] })
  return addressReport(
    iprev,
    [
      finding('FCRDNS_CONFIRMED', { ip: address, confirmedName: HELO }),
      finding('HELO_ALIGNED', { claimedName: HELO, confirmedName: HELO }),
    ],
    { helo: heloFacts(HELO, [address]), generic: { score: 0, reasons: [] } },
  )
}

function noPtr(address: string): AddressReport {
  const iprev = iprevFacts(address, { result: 'permerror', reason: 'noReverseName' })
  return addressReport(iprev, [finding('PTR_MISSING', { ip: address, reverseName: iprev.reverseName, cause: 'noReverseName' })], {
    decision: {
      ...NO_PTR,
      reply: { code: 550, enhanced: '5.7.25', lines: [`Reverse DNS validation failed: [${address}] has no PTR record`] },
    },
    reverseZone: {
      zone: name(iprev.address.family === 4 ? '100.51.198.in-addr.arpa' : '8.b.d.0.1.0.0.2.ip6.arpa'),
      nameservers: [name('ns1.hoster.example')],
      provider: 'Hoster',
    },
    remedy: [
      {
        kind: 'reverse',
        who: 'you',
        step: 'Hoster: open the server in the console, Networking, Primary IPs, and edit the reverse DNS entry.',
        record: `${iprev.reverseName}. 3600 IN PTR mail.example.com.`,
        command: `hcloud server set-rdns SERVER --ip ${address} --hostname mail.example.com --with-a-line-that-is-longer-than-eighty-columns`,
      },
      VERIFY,
    ],
    cautions: [
      'Do not look for the PTR at the registrar or in the DNS zone of your domain: a PTR made there has no effect.',
      'Do not add a second PTR record beside the first: one address, one PTR.',
    ],
    providerMessage: {
      subject: `PTR record for ${address}`,
      body: `Hello,\n\nplease set the PTR record (reverse DNS) of our address\n\n  ${address}\n\nto\n\n  mail.example.com\n\nThank you.\n`,
    },
  })
}

function mismatch(): AddressReport {
  const address = '198.51.100.20'
  const iprev = iprevFacts(address, { result: 'fail', reason: 'elsewhere', names: [ptr('mail.example.net', 'elsewhere', ['203.0.113.5'])] })
  return addressReport(
    iprev,
    [
      finding('FCRDNS_MISMATCH', { ip: address, ptrNames: ['mail.example.net'] }),
      finding('FORWARD_ELSEWHERE', { ip: address, ptrName: 'mail.example.net', addresses: ['203.0.113.5'] }),
    ],
    {
      decision: MISMATCH,
      generic: { score: 0, reasons: [] },
      remedy: [
        {
          kind: 'forward',
          who: 'dnsOperator',
          step: 'Add the address to mail.example.net, in the zone example.net. Do not change the registrar, nor the address of the website.',
          record: 'mail.example.net. 3600 IN A 198.51.100.20',
        },
        VERIFY,
      ],
    },
  )
}

function temperror(): AddressReport {
  const iprev = iprevFacts('198.51.100.40', { result: 'temperror', reason: 'reverseServfail' })
  return addressReport(iprev, [finding('PTR_UNKNOWN', { ip: '198.51.100.40', reverseName: iprev.reverseName, outcome: 'servfail' })], {
    decision: DEFER,
    remedy: [
      {
        kind: 'wait',
        who: 'you',
        step: 'Change nothing for this: ask again later, and check your resolver with another one.',
        command: 'ptrgate check 198.51.100.40 --resolver 9.9.9.9',
      },
    ],
  })
}

function forwardTimeout(): AddressReport {
  const iprev = iprevFacts('198.51.100.41', {
    result: 'temperror',
    reason: 'forwardTimeout',
    names: [ptr('a.example.com', 'elsewhere', ['203.0.113.5']), ptr('b.example.com', 'timeout')],
  })
  return addressReport(
    iprev,
    [
      finding('PTR_MULTIPLE', { ip: '198.51.100.41', count: 2 }),
      finding('FORWARD_ELSEWHERE', { ip: '198.51.100.41', ptrName: 'a.example.com', addresses: ['203.0.113.5'] }),
      finding('FORWARD_UNKNOWN', { ip: '198.51.100.41', ptrName: 'b.example.com', outcome: 'timeout' }),
    ],
    { decision: { ...DEFER, finding: 'FORWARD_UNKNOWN' } },
  )
}

function generic(): AddressReport {
  const address = '198.51.100.50'
  const ptrName = '198-51-100-50.static.isp.example'
  const reasons = ['it holds the whole address', 'it holds the word static']
  const iprev = iprevFacts(address, { result: 'pass', reason: 'confirmed', names: [ptr(ptrName, 'confirmed', [address])] })
  return addressReport(
    iprev,
    [
      finding('FCRDNS_CONFIRMED', { ip: address, confirmedName: ptrName }),
      finding('PTR_GENERIC', { ip: address, ptrName, score: 110, reasons }),
      finding('HELO_CONFIRMED_DIFFERS', { claimedName: HELO, confirmedName: ptrName }),
      finding('HELO_ORGANISATION_DIFFERS', {
        claimedName: HELO,
        confirmedName: ptrName,
        claimedDomain: 'example.com',
        confirmedDomain: 'isp.example',
      }),
    ],
    {
      helo: heloFacts(HELO, [address]),
      generic: { score: 110, reasons },
      decision: { ...ACCEPT, action: 'tag', rule: 'genericPtr', finding: 'PTR_GENERIC', intended: 'tag' },
    },
  )
}

function heloDiffers(): AddressReport {
  const address = '198.51.100.60'
  const claimedName = 'web7.internal.example.com'
  const iprev = iprevFacts(address, { result: 'pass', reason: 'confirmed', names: [ptr('mail.example.com', 'confirmed', [address])] })
  return addressReport(
    iprev,
    [
      finding('FCRDNS_CONFIRMED', { ip: address, confirmedName: 'mail.example.com' }),
      finding('HELO_UNRESOLVABLE', { claimedName, cause: 'nxdomain' }),
      finding('HELO_PTR_DIFFERS', { claimedName, ptrNames: ['mail.example.com'] }),
      finding('HELO_CONFIRMED_DIFFERS', { claimedName, confirmedName: 'mail.example.com' }),
    ],
    {
      helo: heloFacts(claimedName),
      decision: { ...ACCEPT, action: 'tag', rule: 'heloUnresolvable', finding: 'HELO_UNRESOLVABLE', intended: 'tag' },
      remedy: [
        {
          kind: 'helo',
          who: 'you',
          step: 'Let the mail server call itself mail.example.com in HELO, its confirmed name.',
          choices: [
            { label: 'Postfix', command: "postconf -e 'smtp_helo_name = mail.example.com' && postfix reload" },
            { label: 'Exim elsewhere, in the remote_smtp transport', setting: 'helo_data = mail.example.com' },
            { label: 'Sendmail, in sendmail.mc', setting: "define(`confDOMAIN_NAME', `mail.example.com')dnl" },
          ],
        },
      ],
    },
  )
}

/** Every character that a hostile PTR name or HELO may try. */
export const HOSTILE_TEXT = 'a\r\nX-Evil: 1\r\n\u0000\u001b[31m"(<b>)\\;\u202e\u2028\u0085\ufeff\ud800\u00fc'
export const HOSTILE_LABEL = 'a\r\nX-Evil: 1\r\n\u0000\u001b[31m"(<b>)\\;\u00fc'
const HOSTILE_NAME = nameFromLabels([HOSTILE_LABEL, 'example', 'com'])
const LONGEST_NAME = nameFromLabels(['\u00ff'.repeat(63), '\u00ff'.repeat(63), '\u00ff'.repeat(63), '\u00ff'.repeat(61)])

function hostile(): AddressReport {
  const address = '198.51.100.70'
  const iprev = iprevFacts(address, {
    result: 'fail',
    reason: 'noUsableName',
    names: [ptr(HOSTILE_NAME, 'notHostName'), ptr(LONGEST_NAME, 'notHostName')],
  })
  return addressReport(
    iprev,
    [
      finding('FCRDNS_MISMATCH', { ip: address, ptrNames: [HOSTILE_NAME, LONGEST_NAME] }),
      finding('PTR_MULTIPLE', { ip: address, count: 2 }),
      finding('PTR_NOT_HOST_NAME', { ip: address, ptrName: HOSTILE_NAME }),
      finding('PTR_NOT_HOST_NAME', { ip: address, ptrName: LONGEST_NAME }),
      finding('HELO_SYNTAX', { claimedName: HOSTILE_TEXT, problem: 'character' }),
    ],
    {
      helo: { kind: 'helo', claimedName: HOSTILE_TEXT, form: { kind: 'invalid', problem: 'character' }, resolution: { kind: 'notAsked' } },
      decision: { ...MISMATCH, reply: { code: 550, enhanced: '5.7.1', lines: [`<${HOSTILE_TEXT}>: rejected`] }, rule: 'heloSyntax' },
      remedy: [{ kind: 'helo', who: HOSTILE_TEXT, step: HOSTILE_TEXT, record: HOSTILE_NAME, command: `echo '${HOSTILE_TEXT}'` }],
      cautions: [HOSTILE_TEXT, HOSTILE_TEXT],
      providerMessage: { subject: HOSTILE_TEXT, body: `Hello,\n\n${HOSTILE_TEXT}\n` },
      reverseZone: { zone: HOSTILE_NAME, nameservers: [HOSTILE_NAME], provider: HOSTILE_TEXT },
    },
  )
}

function truncated(): AddressReport {
  const address = '198.51.100.80'
  const names = Array.from({ length: 10 }, (_, index) =>
    ptr(`host${String(index)}.example.com`, index === 4 ? 'confirmed' : 'elsewhere', [index === 4 ? address : '203.0.113.9']),
  )
  const iprev = iprevFacts(address, { result: 'pass', reason: 'confirmed', names, ptrNameCount: 300, truncated: true })
  return addressReport(
    iprev,
    [
      finding('FCRDNS_CONFIRMED', { ip: address, confirmedName: 'host4.example.com' }),
      finding('PTR_MULTIPLE', { ip: address, count: 300 }),
      finding('PTR_TRUNCATED', { ip: address, count: 300, kept: 10 }),
    ],
    { generic: { score: 0, reasons: [] } },
  )
}

function delegated(): AddressReport {
  const address = '198.51.100.90'
  const target = name('90.64-27.100.51.198.in-addr.arpa')
  const iprev = iprevFacts(address, {
    result: 'pass',
    reason: 'confirmed',
    aliases: [{ name: reverseName(ip(address)), target, ttl: 3600 }],
    names: [
      ptr('mail.example.com', 'confirmed', [address], {
        aliases: [{ name: name('mail.example.com'), target: name('host7.hoster.example'), ttl: 300 }],
      }),
    ],
    authenticated: true,
  })
  return addressReport(iprev, [
    finding('FCRDNS_CONFIRMED', { ip: address, confirmedName: 'mail.example.com' }),
    finding('PTR_DELEGATED', { reverseName: iprev.reverseName, target }),
  ])
}

const V4 = confirmed('198.51.100.10')
const V6 = confirmed('2001:db8::10')
const V6_WITHOUT_PTR = noPtr('2001:db8::30')

function domainReport(): CheckReport {
  const addresses = [V4, V6_WITHOUT_PTR, mismatch()]
  return checkReport('example.com', addresses, {
    targetKind: 'domain',
    via: [
      { exchange: name('mail.example.com'), preference: 10, addresses: [ip('198.51.100.10'), ip('2001:db8::30')] },
      { exchange: name('mail.example.net'), preference: 20, addresses: [ip('198.51.100.20')] },
      { exchange: name('old.example.com'), preference: 30, addresses: [] },
    ],
    findings: [
      finding('MX_NO_ADDRESS', { domain: 'example.com', exchange: 'old.example.com' }),
      finding('WEBSITE_ADDRESS', { domain: 'example.com', ip: '203.0.113.80', exchange: 'mail.example.com' }),
    ],
  })
}

export const REPORTS = {
  aligned: checkReport('mail.example.com', [V4, V6], {
    targetKind: 'host',
    via: [{ exchange: name('mail.example.com'), preference: null, addresses: [V4.address, V6.address] }],
  }),
  'one-address': checkReport('198.51.100.10', [V4]),
  'no-ptr': checkReport('198.51.100.30', [noPtr('198.51.100.30')]),
  'no-ptr-ipv6': checkReport('[2001:db8::30]', [V6_WITHOUT_PTR]),
  mismatch: checkReport('198.51.100.20', [mismatch()]),
  temperror: checkReport('198.51.100.40', [temperror()]),
  'forward-timeout': checkReport('198.51.100.41', [forwardTimeout()]),
  generic: checkReport('198.51.100.50', [generic()]),
  'helo-differs': checkReport('198.51.100.60', [heloDiffers()]),
  'hostile-names': checkReport(HOSTILE_TEXT, [hostile()]),
  'truncated-300': checkReport('198.51.100.80', [truncated()]),
  delegated: checkReport('198.51.100.90', [delegated()]),
  domain: domainReport(),
  'null-mx': checkReport('example.org', [], { targetKind: 'domain', findings: [finding('MX_NULL', { domain: 'example.org' })] }),
} as const satisfies Readonly<Record<string, CheckReport>>

export type ReportName = keyof typeof REPORTS

export function firstAddress(report: ReportName): AddressReport {
  const [address] = REPORTS[report].addresses
  if (!address) throw new TypeError(`${report} has no address`)
  return address
}
