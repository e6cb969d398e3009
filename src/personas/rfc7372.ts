/**
 * The default words: a receiver that says plainly what is wrong with which address and what to do, with the codes of RFC 7372 §3.3
 * and RFC 5321. No name from the DNS or from HELO is repeated.
 */
import { formatAddress } from '../core/address.ts'
import type { FindingCode } from '../findings/catalogue.ts'
import type { ReplyRequest, SmtpReply } from '../policy/decision.ts'
import type { RuleName } from '../policy/presets.ts'
import type { Persona, ReceiverText } from './persona.ts'

export function rfc7372ReplyFor(request: ReplyRequest): SmtpReply {
  const { rule, finding, code, enhanced } = request
  const { problem, hint } = (finding && TEXT_OF_FINDING[finding]) ?? TEXT_OF_RULE[rule]
  return { code, enhanced, lines: [`${problem.replace('{ip}', formatAddress(request.address))}. ${hint}`] }
}

interface Text {
  readonly problem: string
  readonly hint: string
}

const TRY_AGAIN = 'Please try again later.'
const SET_HELO = 'Use the host name that the PTR record of the address shows.'

/** What each rule's text means when it is read in a bounce; none where it says nothing of reverse DNS or HELO. */
const FINDINGS_OF_RULE: { readonly [R in RuleName]: readonly FindingCode[] } = {
  pass: [],
  permerror: ['PTR_MISSING'],
  fail: ['FCRDNS_MISMATCH'],
  temperror: ['PTR_UNKNOWN'],
  genericPtr: ['PTR_GENERIC'],
  heloSyntax: ['HELO_SYNTAX'],
  heloUnderscore: ['HELO_UNDERSCORE'],
  heloBareAddress: ['HELO_BARE_ADDRESS'],
  heloOurName: ['HELO_OUR_NAME'],
  heloUnresolvable: ['HELO_UNRESOLVABLE'],
  heloNotFqdn: ['HELO_NOT_FQDN'],
  heloLocalhost: ['HELO_LOCALHOST'],
  heloReservedSuffix: ['HELO_RESERVED_SUFFIX'],
  heloDiffers: ['HELO_CONFIRMED_DIFFERS', 'HELO_PTR_DIFFERS'],
  heloOrganisationDiffers: ['HELO_ORGANISATION_DIFFERS'],
  heloOtherAddress: ['HELO_OTHER_ADDRESS'],
  heloLiteral: ['HELO_LITERAL'],
  heloLiteralMismatch: ['HELO_LITERAL_MISMATCH'],
  heloGeneric: ['HELO_GENERIC'],
  heloUnknown: ['HELO_UNKNOWN'],
  resolverIll: ['PTR_UNKNOWN'],
  internalError: ['RECEIVER_NO_REASON'],
}

const TEXT_OF_RULE: { readonly [R in RuleName]: Text } = {
  pass: { problem: 'Mail from {ip} is not accepted', hint: 'Contact the postmaster.' },
  permerror: {
    problem: 'Reverse DNS validation failed: {ip} has no PTR record',
    hint: 'Ask the provider of the address to set one to the name of your mail server.',
  },
  fail: {
    problem: 'Reverse DNS validation failed: no PTR name of {ip} resolves back to it',
    hint: 'Give the name an A or AAAA record for this address.',
  },
  temperror: { problem: 'The reverse DNS of {ip} cannot be validated at present', hint: TRY_AGAIN },
  genericPtr: {
    problem: 'The PTR record of {ip} looks like the name of an address pool',
    hint: 'Have it set to a name of your own domain, or send through your provider.',
  },
  heloSyntax: { problem: 'Syntax error in HELO or EHLO from {ip}', hint: 'Send a fully qualified host name.' },
  heloUnderscore: {
    problem: 'Syntax error in HELO or EHLO from {ip}: an underscore',
    hint: 'Send a host name of letters, digits and hyphens.',
  },
  heloBareAddress: { problem: 'HELO or EHLO from {ip} is an address without brackets', hint: SET_HELO },
  heloOurName: { problem: 'HELO or EHLO from {ip} claims the identity of this server', hint: SET_HELO },
  heloUnresolvable: { problem: 'The name in HELO or EHLO from {ip} has no address', hint: SET_HELO },
  heloNotFqdn: { problem: 'The name in HELO or EHLO from {ip} is not fully qualified', hint: SET_HELO },
  heloLocalhost: { problem: 'HELO or EHLO from {ip} names the local host', hint: SET_HELO },
  heloReservedSuffix: { problem: 'The name in HELO or EHLO from {ip} exists only on a private network', hint: SET_HELO },
  heloDiffers: { problem: 'HELO or EHLO from {ip} is not the name of that address', hint: SET_HELO },
  heloOrganisationDiffers: { problem: 'HELO or EHLO from {ip} belongs to another domain than that address', hint: SET_HELO },
  heloOtherAddress: { problem: 'The name in HELO or EHLO from {ip} belongs to other addresses', hint: SET_HELO },
  heloLiteral: { problem: 'HELO or EHLO from {ip} is an address, not a name', hint: SET_HELO },
  heloLiteralMismatch: { problem: 'HELO or EHLO from {ip} is another address', hint: SET_HELO },
  heloGeneric: { problem: 'The name in HELO or EHLO from {ip} looks like that of an address pool', hint: SET_HELO },
  heloUnknown: { problem: 'The name in HELO or EHLO from {ip} cannot be validated at present', hint: TRY_AGAIN },
  resolverIll: { problem: 'Names cannot be validated at present', hint: TRY_AGAIN },
  internalError: { problem: 'Local error while mail from {ip} was examined', hint: TRY_AGAIN },
}

/** Where a rule has several causes that need different work. */
const TEXT_OF_FINDING: { readonly [C in FindingCode]?: Text } = {
  PTR_ALIAS_LOOP: aliasText('runs in a circle'),
  PTR_ALIAS_DANGLING: aliasText('leads to a name without a PTR record'),
  PTR_ALIAS_TOO_DEEP: aliasText('leads through too many others'),
}

function aliasText(problem: string): Text {
  return {
    problem: `Reverse DNS validation failed: the CNAME at the reverse name of {ip} ${problem}`,
    hint: 'Ask the provider of the address to correct it.',
  }
}

function receiverText(findings: readonly FindingCode[], { problem, hint }: Text): ReceiverText {
  const line = `${problem}. ${hint}`
  const source = 'ptrgate, src/personas/rfc7372.ts'
  return {
    use: 'answer',
    findings,
    family: null,
    stage: 'rcpt',
    code: null,
    enhanced: null,
    lines: [line],
    key: problem,
    source,
    date: 'unknown',
  }
}

export const rfc7372: Persona = {
  name: 'rfc7372',
  description: 'RFC 7372: plain texts with the registered status codes',
  kind: 'software',
  stage: 'rcpt',
  host: '',
  hosts: [],
  texts: [
    ...Object.entries(TEXT_OF_RULE)
      .filter(([rule]) => rule !== 'pass')
      .map(([rule, text]) => receiverText(FINDINGS_OF_RULE[rule as RuleName], text)),
    ...Object.entries(TEXT_OF_FINDING).map(([finding, text]) => receiverText([finding as FindingCode], text)),
  ],
  replyFor: rfc7372ReplyFor,
  // Its words are those that the others fall back to.
  ownReplyFor: () => null,
}
