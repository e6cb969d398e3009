import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPersonas } from '../../src/app/personas.ts'
import type { IpAddress } from '../../src/core/address.ts'
import { CATALOGUE, FINDING_CODES, type FindingCode } from '../../src/findings/catalogue.ts'
import { meaningsOf, type Persona } from '../../src/personas/persona.ts'
import { createRecogniser, normalText, recognise } from '../../src/personas/recognise.ts'
import { findPersona } from '../../src/personas/personas.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import type { ReplyRequest } from '../../src/policy/decision.ts'
import { isTemporary, RULE_NAMES, RULES, type Rule, type RuleName } from '../../src/policy/presets.ts'
import { formatReply } from '../../src/render/smtp-reply.ts'
import { anyIpv4, anyIpv6, ip } from '../support/arbitrary.ts'

const personas = readPersonas()
const recogniser = createRecogniser(personas)

function persona(name: string): Persona {
  const found = findPersona(personas, name)
  if (!found) throw new TypeError(name)
  return found
}

/** Every request that a policy can make: the findings of each rule, and those that stand behind a result of iprev. */
const FINDINGS_OF_IPREV: { readonly [R in RuleName]?: readonly FindingCode[] } = {
  permerror: ['PTR_MISSING', 'PTR_ALIAS_LOOP', 'PTR_ALIAS_DANGLING', 'PTR_ALIAS_TOO_DEEP'],
  fail: ['FCRDNS_MISMATCH'],
  temperror: ['PTR_UNKNOWN', 'FORWARD_UNKNOWN', 'IPREV_DEADLINE', 'IPREV_QUERY_CAP', 'IPREV_ABORTED'],
  resolverIll: ['RESOLVER_ILL'],
}

function requestsFor(address: IpAddress): readonly ReplyRequest[] {
  return RULE_NAMES.filter((rule) => rule !== 'pass').flatMap((rule) => {
    const { code, detail, findings = [] }: Rule = RULES[rule]
    const actions = isTemporary(rule) ? (['defer'] as const) : (['reject', 'defer'] as const)
    return [...(FINDINGS_OF_IPREV[rule] ?? findings), ...(rule === 'internalError' ? [null] : [])].flatMap((finding) =>
      actions.map((action): ReplyRequest => {
        const codes = action === 'reject' ? { code, enhanced: `5.${detail}` } : { code: 451, enhanced: `4.${detail}` }
        return { action, rule, finding, address, stage: 'rcpt', ...codes }
      }),
    )
  })
}

const anyHelo = fc.oneof(
  fc.constantFrom('mail.example.com', '198.51.100.7', 'localhost', 'a b', ''),
  fc.string({ maxLength: 300, unit: 'binary' }),
)

describe.each(personas.map(({ name }) => name))('%s', (name) => {
  const speaking = persona(name)

  it('answers every request of a policy in its class, without a placeholder, and is recognised by it', () => {
    fc.assert(
      fc.property(fc.oneof(anyIpv4, anyIpv6), anyHelo, (address, helo) => {
        for (const request of requestsFor(address)) {
          const reply = speaking.replyFor(request, { helo, ptr: 'ptr.example.net' })
          const expected = request.action === 'reject' ? '5' : '4'
          expect(String(reply.code).charAt(0)).toBe(expected)
          expect(reply.enhanced?.charAt(0) ?? expected).toBe(expected)
          expect(reply.lines.join('')).not.toMatch(helo.includes('{') ? /(?!)/ : /\{[a-z]+\}/)
          const read = recognise(recogniser, normalText(formatReply(reply)), null)
          const isOwn = speaking.ownReplyFor(request, { helo, ptr: 'ptr.example.net' }) !== null
          expect(
            read?.personas.map((candidate) => candidate.name),
            formatReply(reply),
          ).toContain(isOwn ? name : 'rfc7372')
          if (request.finding === null || request.finding === 'RESOLVER_ILL') continue
          expect(
            meaningsOf(request.finding).some((meaning) => read?.findings.includes(meaning)),
            `${request.finding}: ${formatReply(reply)}`,
          ).toBe(true)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('texts that are only recognised', () => {
  it.each(
    personas.flatMap(({ name, texts }) => texts.flatMap((text, index) => (text.use === 'recognise' ? [[name, index, text] as const] : []))),
  )('%s, text %i is found again, broken and quoted in any way', (name, _, text) => {
    fc.assert(
      fc.property(fc.constantFrom('\r\n', ' ', '\n    ', '\r\n> ', '\\n'), fc.boolean(), (lineEnd, hasCodes) => {
        const address = text.family === 6 ? '2001:db8::7' : '198.51.100.7'
        const values: Readonly<Record<string, string>> = {
          ip: address,
          host: 'mx1',
          helo: 'mail.example.com',
          ptr: 'ptr.example.net',
          any: 'x y',
        }
        const lead = hasCodes && text.code !== null ? `${String(text.code)}-${text.enhanced === null ? '' : `${text.enhanced.first} `}` : ''
        const spoken = text.lines
          .map((line) => lead + line.replace(/\{([a-z]+)\}/g, (__, token: string) => values[token] ?? ''))
          .join(lineEnd)
        const read = recognise(recogniser, normalText(spoken), null)
        expect(read?.personas.map((candidate) => candidate.name)).toContain(name)
        expect(read?.findings).toEqual(text.findings)
        if (text.key.includes('{ip}')) expect(read?.address).toEqual(ip(address))
      }),
      { numRuns: 20 },
    )
  })
})

describe('what receivers say', () => {
  const request: ReplyRequest = {
    action: 'reject',
    rule: 'permerror',
    finding: 'PTR_MISSING',
    address: ip('198.51.100.7'),
    stage: 'rcpt',
    code: 550,
    enhanced: '5.7.25',
  }

  it.each([
    ['outlook', {}, ['550 5.7.25 The IP address sending this message does not have a PTR record']],
    ['exchange-online', {}, ['550 5.7.25 The IP address sending this message does not have a PTR record']],
    [
      'exchange-online',
      { address: ip('2001:db8::7') },
      ['550 5.7.25 Access denied, the sending IPv6 address [2001:db8::7] must have a reverse DNS record'],
    ],
    [
      'gmx',
      {},
      [
        '554-gmx.net (mxgmx114) Nemesis ESMTP Service not available',
        '554-No SMTP service',
        '554-Bad DNS PTR resource record.',
        '554 For explanation visit https://www.gmx.net/mail/senderguidelines?ip=198.51.100.7&c=rdns',
      ],
    ],
    ['postfix-strict', {}, ['550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]']],
    [
      'postfix-strict',
      { action: 'defer', rule: 'temperror', finding: 'FORWARD_UNKNOWN', code: 451, enhanced: '4.7.25' },
      ['450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]'],
    ],
    [
      'postfix-strict',
      { rule: 'heloNotFqdn', finding: 'HELO_NOT_FQDN' },
      ['504 5.5.2 <mail>: Helo command rejected: need fully-qualified hostname'],
    ],
    ['freenet', { finding: 'PTR_ALIAS_LOOP' }, ['550 inconsistent or no DNS PTR record for 198.51.100.7 (see RFC 1912 2.1)']],
    ['stalwart', { action: 'defer', rule: 'temperror', finding: 'PTR_UNKNOWN' }, ['451 4.7.25 Temporary error validating reverse DNS.']],
  ] as const)('%s %j', (name, parts, lines) => {
    expect(formatReply(persona(name).replyFor({ ...request, ...parts }, { helo: 'mail' }))).toBe(`${lines.join('\r\n')}\r\n`)
  })

  it.each([
    ['a rule that it has no text for', 'outlook', { rule: 'fail', finding: 'FCRDNS_MISMATCH' }],
    ['a rejection where it only defers', 'free-fr', { rule: 'fail', finding: 'FCRDNS_MISMATCH' }],
    ['a deferral where it only rejects', 'freenet', { action: 'defer', code: 451, enhanced: '4.7.25' }],
    ['a receiver of which too little is known', 't-online', {}],
    ['no finding', 'gmail', { action: 'defer', rule: 'internalError', finding: null, code: 451, enhanced: '4.3.0' }],
  ] as const)('the words of RFC 7372 for %s', (_, name, parts) => {
    const asked: ReplyRequest = { ...request, ...parts }
    expect(persona(name).ownReplyFor(asked)).toBeNull()
    expect(persona(name).replyFor(asked)).toEqual(rfc7372.replyFor(asked))
  })

  it('a text that repeats HELO is not spoken where HELO is not given', () => {
    expect(persona('postfix-strict').ownReplyFor({ ...request, finding: 'HELO_SYNTAX' })).toBeNull()
  })

  it('never answers for good what could not be told', () => {
    for (const code of FINDING_CODES.filter((candidate) => CATALOGUE[candidate].level === 'inconclusive')) {
      for (const { ownReplyFor } of personas) expect(ownReplyFor({ ...request, finding: code }, { helo: 'x', ptr: 'y' })).toBeNull()
    }
  })
})
