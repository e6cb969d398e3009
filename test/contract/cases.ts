/**
 * The cases that every front end is run against, over real sockets: who comes, what the DNS says, which policy → what it gets.
 * A front end that cannot say a part of it (a policy service sees no headers) leaves that part out, and nothing else.
 */
import type { DnsFault } from '../../src/dns/authority.ts'
import type { DecisionAction, DecisionStage } from '../../src/policy/decision.ts'
import type { PolicyInput } from '../../src/policy/settings.ts'

export const AUTHSERV_ID = 'mx.example.org'

export interface ContractCase {
  readonly id: string
  readonly client: ContractClient
  /** Master-file lines; a name that is not there does not exist. */
  readonly zone: string
  readonly faults?: readonly DnsFault[]
  readonly policy: PolicyInput
  /** The health breaker is open. */
  readonly resolverIll?: true
  /** Our own resolver throws. */
  readonly internalError?: true
  readonly expect: ContractExpectation
}

export interface ContractClient {
  readonly address: string
  /** Said in this order; the front end goes on after a refusal as long as it is let. */
  readonly helos: readonly string[]
  readonly authenticated?: true
  readonly recipient?: string
}

export interface ContractExpectation {
  readonly action: DecisionAction
  readonly rule: string
  /** The step that is refused; null for a message that is taken. */
  readonly refusedAt: DecisionStage | null
  /** The whole reply as it goes over the wire, CRLF included. */
  readonly reply: string | null
  /** The whole header field that is added, without a line end. */
  readonly header: string | null
  /** What becomes of the Authentication-Results headers of ours that the client has put into its message. */
  readonly forgedHeaders: 'removed' | 'kept'
}

/** A header field of the message that every client sends. */
export interface Field {
  readonly name: string
  /** Folded with CRLF. */
  readonly value: string
  /** It claims to be an Authentication-Results header of ours. */
  readonly isForged: boolean
}

export const FIELDS: readonly Field[] = [
  { name: 'Received', value: 'from a by b; Thu, 1 Jan 2026 00:00:00 +0000', isForged: false },
  { name: 'Authentication-Results', value: `${AUTHSERV_ID}; iprev=pass policy.iprev=198.51.100.7`, isForged: true },
  { name: 'Subject', value: 'test', isForged: false },
  { name: 'Authentication-Results', value: `other.example.net; spf=pass (${AUTHSERV_ID})`, isForged: false },
  { name: 'AUTHENTICATION-results', value: `(we (really) say)\r\n "MX.example.ORG." 1;\r\n\tdkim=pass`, isForged: true },
  { name: 'X-Authentication-Results', value: `${AUTHSERV_ID}; iprev=pass`, isForged: false },
  { name: 'Authentication-Results', value: `${AUTHSERV_ID}/queue-id; none`, isForged: true },
]

export function formatField({ name, value }: Field): string {
  return `${name}: ${value.replace(/\s+/g, ' ')}`
}

const SENDER = '198.51.100.7'
const RECIPIENT = 'user@example.org'
const MAIL: ContractClient = { address: SENDER, helos: ['mail.example.com'], recipient: RECIPIENT }

const PASS_ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7`
const NO_PTR_ZONE = 'mail.example.com. A 198.51.100.7'
const MISMATCH_ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.8`
const GENERIC_NAME = '198-51-100-7.dsl.pool.example.net'
const GENERIC_ZONE = `
7.100.51.198.in-addr.arpa. PTR ${GENERIC_NAME}.
${GENERIC_NAME}. A 198.51.100.7`
const REVERSE_SERVFAIL: DnsFault = { name: '7.100.51.198.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }
const FORWARD_SERVFAIL: DnsFault = { name: 'mail.example.com', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }

const NO_PTR_REPLY =
  '550 5.7.25 Reverse DNS validation failed: 198.51.100.7 has no PTR record. ' +
  'Ask the provider of the address to set one to the name of your mail server.\r\n'
const MISMATCH_REPLY =
  '550 5.7.25 Reverse DNS validation failed: no PTR name of 198.51.100.7 resolves back to it. ' +
  'Give the name an A or AAAA record for this address.\r\n'
const TEMPERROR_REPLY = '451 4.7.25 The reverse DNS of 198.51.100.7 cannot be validated at present. Please try again later.\r\n'
const INTERNAL_REPLY = '451 4.3.0 Local error while mail from 198.51.100.7 was examined. Please try again later.\r\n'
const SYNTAX_REPLY = '501 5.5.2 Syntax error in HELO or EHLO from 198.51.100.7. Send a fully qualified host name.\r\n'

const PASS_HEADER = header('pass (mail.example.com)')
const NO_PTR_HEADER = header('permerror reason="no PTR record"')
const MISMATCH_HEADER = header('fail reason="PTR name mail.example.com resolves elsewhere"')
const TEMPERROR_HEADER = header('temperror reason="PTR lookup: SERVFAIL"')

function header(result: string, value: string = SENDER): string {
  return `Authentication-Results: ${AUTHSERV_ID}; iprev=${result} policy.iprev=${value}`
}

function taken(
  action: DecisionAction,
  rule: string,
  field: string | null,
  forgedHeaders: 'removed' | 'kept' = 'removed',
): ContractExpectation {
  return { action, rule, refusedAt: null, reply: null, header: field, forgedHeaders }
}

function refused(action: 'defer' | 'reject', rule: string, reply: string, refusedAt: DecisionStage = 'rcpt'): ContractExpectation {
  return { action, rule, refusedAt, reply, header: null, forgedHeaders: 'removed' }
}

export const CONTRACT_CASES: readonly ContractCase[] = [
  { id: 'confirmed name → accepted', client: MAIL, zone: PASS_ZONE, policy: {}, expect: taken('accept', 'pass', PASS_HEADER) },
  { id: 'no PTR → 550', client: MAIL, zone: NO_PTR_ZONE, policy: {}, expect: refused('reject', 'permerror', NO_PTR_REPLY) },
  {
    id: 'PTR name resolves elsewhere → 550',
    client: MAIL,
    zone: MISMATCH_ZONE,
    policy: {},
    expect: refused('reject', 'fail', MISMATCH_REPLY),
  },
  {
    id: 'reverse SERVFAIL → 451',
    client: MAIL,
    zone: PASS_ZONE,
    faults: [REVERSE_SERVFAIL],
    policy: {},
    expect: refused('defer', 'temperror', TEMPERROR_REPLY),
  },
  {
    id: 'forward SERVFAIL → 451',
    client: MAIL,
    zone: PASS_ZONE,
    faults: [FORWARD_SERVFAIL],
    policy: {},
    expect: refused('defer', 'temperror', TEMPERROR_REPLY),
  },
  {
    id: 'observe, no PTR → tagged',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { preset: 'observe' },
    expect: taken('tag', 'permerror', NO_PTR_HEADER),
  },
  {
    id: 'observe, mismatch → tagged',
    client: MAIL,
    zone: MISMATCH_ZONE,
    policy: { preset: 'observe' },
    expect: taken('tag', 'fail', MISMATCH_HEADER),
  },
  {
    id: 'observe, SERVFAIL → tagged as temperror',
    client: MAIL,
    zone: PASS_ZONE,
    faults: [REVERSE_SERVFAIL],
    policy: { preset: 'observe' },
    expect: taken('tag', 'temperror', TEMPERROR_HEADER),
  },
  {
    id: 'dry run, no PTR → tagged',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { dryRun: true },
    expect: taken('tag', 'dryRun', NO_PTR_HEADER),
  },
  {
    id: 'nobody in the share, no PTR → tagged',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { percent: 0 },
    expect: taken('tag', 'percent', NO_PTR_HEADER),
  },
  {
    id: 'exempt postmaster, no PTR → tagged',
    client: { ...MAIL, recipient: 'Postmaster@example.org' },
    zone: NO_PTR_ZONE,
    policy: { exemptPostmaster: true },
    expect: taken('tag', 'postmaster', NO_PTR_HEADER),
  },
  {
    id: 'quarantine set for mismatch → quarantined, with header',
    client: MAIL,
    zone: MISMATCH_ZONE,
    policy: { rules: { fail: 'quarantine' } },
    expect: taken('quarantine', 'fail', MISMATCH_HEADER),
  },
  {
    id: 'everybody in the share, no PTR → 550',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { percent: 100 },
    expect: refused('reject', 'permerror', NO_PTR_REPLY),
  },
  {
    id: 'nobody in the share, SERVFAIL → deferred all the same',
    client: MAIL,
    zone: PASS_ZONE,
    faults: [REVERSE_SERVFAIL],
    policy: { percent: 0 },
    expect: refused('defer', 'temperror', TEMPERROR_REPLY),
  },
  {
    id: 'dry run, SERVFAIL → tagged as temperror',
    client: MAIL,
    zone: PASS_ZONE,
    faults: [REVERSE_SERVFAIL],
    policy: { dryRun: true },
    expect: taken('tag', 'dryRun', TEMPERROR_HEADER),
  },
  {
    id: 'exempt postmaster, another recipient → 550',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { exemptPostmaster: true },
    expect: refused('reject', 'permerror', NO_PTR_REPLY),
  },
  {
    id: 'a fault of ours, accept → accepted, not judged, forged headers removed',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { onInternalError: 'accept' },
    internalError: true,
    expect: taken('accept', 'internalError', null),
  },
  {
    id: 'a fault of ours, defer → 451',
    client: MAIL,
    zone: PASS_ZONE,
    policy: { onInternalError: 'defer' },
    internalError: true,
    expect: refused('defer', 'internalError', INTERNAL_REPLY),
  },
  {
    id: 'resolver ill, HELO syntax → refused, which needs no DNS',
    client: { ...MAIL, helos: ['-bad-.example.com'] },
    zone: NO_PTR_ZONE,
    policy: {},
    resolverIll: true,
    expect: refused('reject', 'heloSyntax', SYNTAX_REPLY),
  },
  {
    id: 'resolver ill, no PTR → tagged, header says temperror',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: {},
    resolverIll: true,
    expect: taken('tag', 'resolverIll', TEMPERROR_HEADER),
  },
  {
    id: 'IPv6, confirmed → accepted, address quoted',
    client: { ...MAIL, address: '2001:db8:51::7' },
    zone: `
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.example.com.
mail.example.com. AAAA 2001:db8:51::7`,
    policy: {},
    expect: taken('accept', 'pass', header('pass (mail.example.com)', '"2001:db8:51::7"')),
  },
  {
    id: 'IPv6 without PTR → 550',
    client: { ...MAIL, address: '2001:db8:51::7' },
    zone: 'mail.example.com. AAAA 2001:db8:51::7',
    policy: {},
    expect: refused('reject', 'permerror', NO_PTR_REPLY.replace(SENDER, '2001:db8:51::7')),
  },
  {
    id: 'IPv4-mapped IPv6, confirmed → as IPv4',
    client: { ...MAIL, address: `::ffff:${SENDER}` },
    zone: PASS_ZONE,
    policy: {},
    expect: taken('accept', 'pass', PASS_HEADER),
  },
  {
    id: 'IPv4-mapped IPv6 without PTR → 550, as IPv4',
    client: { ...MAIL, address: `::ffff:${SENDER}` },
    zone: NO_PTR_ZONE,
    policy: { networks: [{ cidr: '::/0', preset: 'observe' }] },
    expect: refused('reject', 'permerror', NO_PTR_REPLY),
  },
  {
    id: 'several PTR names, the last one confirmed → accepted',
    client: MAIL,
    zone: `${PASS_ZONE}\n7.100.51.198.in-addr.arpa. PTR a.example.com.\na.example.com. A 198.51.100.8`,
    policy: {},
    expect: taken('accept', 'pass', PASS_HEADER),
  },
  {
    id: 'a PTR name that is no name → 550, nothing of it in the reply',
    client: MAIL,
    zone: '7.100.51.198.in-addr.arpa. PTR evil\\013\\010250\\032ok.example.com.\nmail.example.com. A 198.51.100.7',
    policy: {},
    expect: refused('reject', 'fail', MISMATCH_REPLY),
  },
  {
    id: 'balanced, generic name → tagged',
    client: { ...MAIL, helos: [GENERIC_NAME] },
    zone: GENERIC_ZONE,
    policy: {},
    expect: taken('tag', 'genericPtr', header(`pass (${GENERIC_NAME})`)),
  },
  {
    id: 'strict, generic name → 550',
    client: { ...MAIL, helos: [GENERIC_NAME] },
    zone: GENERIC_ZONE,
    policy: { preset: 'strict' },
    expect: refused(
      'reject',
      'genericPtr',
      '550 5.7.1 The PTR record of 198.51.100.7 looks like the name of an address pool. ' +
        'Have it set to a name of your own domain, or send through your provider.\r\n',
    ),
  },
  {
    id: 'HELO is another name than the PTR → tagged, never refused',
    client: { ...MAIL, helos: ['other.example.com'] },
    zone: `${PASS_ZONE}\nother.example.com. A 198.51.100.7`,
    policy: { preset: 'strict' },
    expect: taken('tag', 'heloDiffers', PASS_HEADER),
  },
  {
    id: 'HELO is a bare address → 550',
    client: { ...MAIL, helos: [SENDER] },
    zone: PASS_ZONE,
    policy: {},
    expect: refused(
      'reject',
      'heloBareAddress',
      '550 5.7.1 HELO or EHLO from 198.51.100.7 is an address without brackets. ' +
        'Use the host name that the PTR record of the address shows.\r\n',
    ),
  },
  {
    id: 'HELO is no name → 501',
    client: { ...MAIL, helos: ['-bad-.example.com'] },
    zone: PASS_ZONE,
    policy: {},
    expect: refused('reject', 'heloSyntax', SYNTAX_REPLY),
  },
  {
    id: 'HELO is the literal of the client → tagged',
    client: { ...MAIL, helos: [`[${SENDER}]`] },
    zone: PASS_ZONE,
    policy: {},
    expect: taken('tag', 'heloLiteral', PASS_HEADER),
  },
  {
    id: 'balanced, HELO does not resolve → tagged',
    client: { ...MAIL, helos: ['nowhere.example.com'] },
    zone: PASS_ZONE,
    policy: {},
    expect: taken('tag', 'heloUnresolvable', PASS_HEADER),
  },
  {
    id: 'HELO claims our name → 550',
    client: { ...MAIL, helos: [AUTHSERV_ID] },
    zone: `${PASS_ZONE}\n${AUTHSERV_ID}. A 198.51.100.25`,
    policy: {},
    expect: refused(
      'reject',
      'heloOurName',
      '550 5.7.1 HELO or EHLO from 198.51.100.7 claims the identity of this server. ' +
        'Use the host name that the PTR record of the address shows.\r\n',
    ),
  },
  {
    id: 'a second, honest HELO does not heal the first',
    client: { ...MAIL, helos: ['-bad-.example.com', 'mail.example.com'] },
    zone: PASS_ZONE,
    policy: {},
    expect: refused('reject', 'heloSyntax', SYNTAX_REPLY),
  },
  {
    id: 'a second HELO may be the bad one',
    client: { ...MAIL, helos: ['mail.example.com', '-bad-.example.com'] },
    zone: PASS_ZONE,
    policy: {},
    expect: refused('reject', 'heloSyntax', SYNTAX_REPLY),
  },
  {
    id: 'a second HELO does not heal a missing PTR',
    client: { ...MAIL, helos: ['mail.example.com', 'mx.example.com'] },
    zone: NO_PTR_ZONE,
    policy: {},
    expect: refused('reject', 'permerror', NO_PTR_REPLY),
  },
  {
    id: 'stage connect, no PTR → refused there',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { stage: 'connect' },
    expect: refused('reject', 'permerror', NO_PTR_REPLY, 'connect'),
  },
  {
    id: 'stage connect, bad HELO → refused at HELO',
    client: { ...MAIL, helos: ['-bad-.example.com'] },
    zone: PASS_ZONE,
    policy: { stage: 'connect' },
    expect: refused('reject', 'heloSyntax', SYNTAX_REPLY, 'helo'),
  },
  {
    id: 'stage helo, no PTR → refused there',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { stage: 'helo' },
    expect: refused('reject', 'permerror', NO_PTR_REPLY, 'helo'),
  },
  {
    id: 'stage mail, SERVFAIL → deferred there',
    client: MAIL,
    zone: PASS_ZONE,
    faults: [REVERSE_SERVFAIL],
    policy: { stage: 'mail' },
    expect: refused('defer', 'temperror', TEMPERROR_REPLY, 'mail'),
  },
  {
    id: 'stage helo, a second, honest HELO → still refused',
    client: { ...MAIL, helos: ['-bad-.example.com', 'mail.example.com'] },
    zone: PASS_ZONE,
    policy: { stage: 'helo' },
    expect: refused('reject', 'heloSyntax', SYNTAX_REPLY, 'helo'),
  },
  {
    id: 'stage mail, no PTR → refused there',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { stage: 'mail' },
    expect: refused('reject', 'permerror', NO_PTR_REPLY, 'mail'),
  },
  {
    id: 'stage connect, confirmed name → accepted',
    client: MAIL,
    zone: PASS_ZONE,
    policy: { stage: 'connect' },
    expect: taken('accept', 'pass', PASS_HEADER),
  },
  {
    id: 'a network of its own → observed only',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { networks: [{ cidr: '198.51.100.0/28', preset: 'observe' }] },
    expect: taken('tag', 'permerror', NO_PTR_HEADER),
  },
  {
    id: 'a confirmed name that is let through → accepted',
    client: { ...MAIL, helos: [GENERIC_NAME] },
    zone: GENERIC_ZONE,
    policy: { preset: 'strict', names: [{ suffix: 'example.net', skip: true }] },
    expect: taken('accept', 'names', header(`pass (${GENERIC_NAME})`)),
  },
  {
    id: 'a confirmed name with rules of its own → tagged',
    client: { ...MAIL, helos: [GENERIC_NAME] },
    zone: GENERIC_ZONE,
    policy: { preset: 'strict', names: [{ name: GENERIC_NAME, rules: { genericPtr: 'tag' } }] },
    expect: taken('tag', 'genericPtr', header(`pass (${GENERIC_NAME})`)),
  },
  {
    id: 'a name that is let through, but not confirmed → 550',
    client: MAIL,
    zone: MISMATCH_ZONE,
    policy: { names: [{ name: 'mail.example.com', skip: true }] },
    expect: refused('reject', 'fail', MISMATCH_REPLY),
  },
  {
    id: 'a network that is skipped → not judged, and its headers are believed',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { networks: [{ cidr: '198.51.100.0/24', skip: true }] },
    expect: taken('accept', 'networks', null, 'kept'),
  },
  {
    id: 'a private address that is judged nevertheless → 550',
    client: { ...MAIL, address: '10.1.2.3' },
    zone: NO_PTR_ZONE,
    policy: { networks: [{ cidr: '10.0.0.0/8', skip: false }] },
    expect: refused('reject', 'permerror', NO_PTR_REPLY.replace(SENDER, '10.1.2.3')),
  },
  {
    id: 'authenticated, no PTR → not judged, but its headers are not believed',
    client: { ...MAIL, authenticated: true },
    zone: NO_PTR_ZONE,
    policy: {},
    expect: taken('accept', 'authenticated', null),
  },
  {
    id: 'authenticated in a trusted network → its headers are believed',
    client: { ...MAIL, authenticated: true },
    zone: NO_PTR_ZONE,
    policy: { trustedNetworks: '198.51.100.0/24' },
    expect: taken('accept', 'trustedNetworks', null, 'kept'),
  },
  {
    id: 'loopback → not judged, and its headers are believed',
    client: { ...MAIL, address: '127.0.0.1' },
    zone: NO_PTR_ZONE,
    policy: { preset: 'strict' },
    expect: taken('accept', 'loopback', null, 'kept'),
  },
  {
    id: 'trusted network → not judged, and its headers are believed',
    client: MAIL,
    zone: NO_PTR_ZONE,
    policy: { trustedNetworks: '198.51.100.0/24' },
    expect: taken('accept', 'trustedNetworks', null, 'kept'),
  },
  {
    id: 'private address → not judged, and its headers are believed',
    client: { ...MAIL, address: '10.1.2.3' },
    zone: NO_PTR_ZONE,
    policy: {},
    expect: taken('accept', 'private', null, 'kept'),
  },
]
