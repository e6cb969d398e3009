/**
 * From findings to the ordered steps that mend them: the forward record first, since several providers look for it, then the PTR,
 * then HELO, then the proof. What is already right is never advised, and what could not be told is never changed.
 */
import { formatAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { sameName } from '../core/domain-name.ts'
import type { Finding, FindingCode } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import { desiredNameOf, type DesiredName } from './desired-name.ts'
import { forwardState, forwardSteps } from './forward-steps.ts'
import { heloSettings } from './helo-settings.ts'
import type { RecognisedProvider } from './identify-provider.ts'
import { cleanupSteps, relaySteps, reverseSteps } from './reverse-steps.ts'
import type { ReverseZoneFacts } from './reverse-zone.ts'
import { safeInCommand, type RemedyStep } from './step.ts'
import { targetSteps } from './target-steps.ts'

export interface RemedyInput {
  readonly address: IpAddress
  readonly findings: readonly Finding[]
  readonly iprev: IprevFacts
  readonly helo: HeloFacts | null
  readonly reverseZone: ReverseZoneFacts | null
  readonly provider: RecognisedProvider | null
  /** Chosen from the facts unless told. */
  readonly desiredName?: DesiredName | undefined
}

export function remedySteps(input: RemedyInput): readonly RemedyStep[] {
  const unseen = unseenAddressSteps(input)
  if (unseen.length > 0) return unseen
  const desired = desiredNameOf(input)
  const context: RemedyContext = { ...input, address: unmapAddress(input.address), desired }
  const needs = whatIsNeeded(context)
  const changes = [
    ...targetSteps(input.findings),
    ...(needs.forward ? forwardSteps(context, forwardState(context)) : []),
    ...(needs.reverse ? reverseSteps(context) : []),
    ...(needs.cleanup ? cleanupSteps(context) : []),
    ...(needs.relay ? relaySteps() : []),
    ...(needs.helo ? [heloStep(context)] : []),
  ]
  const proof = changes.some(({ kind }) => kind !== 'target') ? [verifyStep(context, needs.helo)] : []
  return [...changes, ...(needs.wait ? [waitStep(context)] : []), ...proof]
}

interface RemedyContext extends RemedyInput {
  readonly desired: DesiredName
}

type Topic = 'reverse' | 'forward' | 'helo' | 'wait' | 'target' | 'none'

/** Every code has its topic: a new one does not compile without. */
const TOPICS: { readonly [C in FindingCode]: Topic } = {
  FCRDNS_CONFIRMED: 'none',
  PTR_MISSING: 'reverse',
  PTR_ALIAS_LOOP: 'reverse',
  PTR_ALIAS_DANGLING: 'reverse',
  PTR_ALIAS_TOO_DEEP: 'reverse',
  PTR_DELEGATED: 'none',
  PTR_UNKNOWN: 'wait',
  PTR_MULTIPLE: 'none',
  PTR_TRUNCATED: 'reverse',
  PTR_NOT_HOST_NAME: 'reverse',
  PTR_SINGLE_LABEL: 'reverse',
  PTR_RESERVED_SUFFIX: 'reverse',
  PTR_GENERIC: 'reverse',
  FCRDNS_MISMATCH: 'forward',
  FORWARD_ELSEWHERE: 'none',
  FORWARD_NXDOMAIN: 'none',
  FORWARD_NO_ADDRESS: 'none',
  FORWARD_ALIAS_BROKEN: 'none',
  FORWARD_UNKNOWN: 'wait',
  IPREV_DEADLINE: 'wait',
  IPREV_QUERY_CAP: 'wait',
  IPREV_ABORTED: 'wait',
  HELO_SYNTAX: 'helo',
  HELO_UNDERSCORE: 'helo',
  HELO_BARE_ADDRESS: 'helo',
  HELO_LITERAL: 'helo',
  HELO_LITERAL_MISMATCH: 'helo',
  HELO_LOCALHOST: 'helo',
  HELO_NOT_FQDN: 'helo',
  HELO_RESERVED_SUFFIX: 'helo',
  HELO_OUR_NAME: 'helo',
  HELO_GENERIC: 'helo',
  HELO_UNRESOLVABLE: 'helo',
  HELO_UNKNOWN: 'wait',
  HELO_OTHER_ADDRESS: 'helo',
  // Allowed, and common: a server whose HELO resolves to it needs no change.
  HELO_PTR_DIFFERS: 'none',
  HELO_CONFIRMED_DIFFERS: 'none',
  HELO_ORGANISATION_DIFFERS: 'none',
  HELO_ALIGNED: 'none',
  ADDRESS_SPECIAL: 'target',
  TARGET_NXDOMAIN: 'target',
  TARGET_NO_ADDRESS: 'target',
  TARGET_ALIAS_BROKEN: 'target',
  TARGET_UNKNOWN: 'wait',
  MX_NULL: 'none',
  MX_IMPLICIT: 'none',
  MX_ALIAS: 'target',
  MX_NO_ADDRESS: 'target',
  MX_IS_ADDRESS: 'target',
  MX_UNKNOWN: 'wait',
  MX_TRUNCATED: 'none',
  ADDRESSES_TRUNCATED: 'none',
  WEBSITE_ADDRESS: 'none',
  IPV6_ONLY_BROKEN: 'target',
  RESOLVER_ILL: 'wait',
  MTA_DISAGREES: 'none',
  PROBE_NOT_CONNECTED: 'none',
  PROBE_TURNED_AWAY: 'none',
  PROBE_TIMEOUT: 'none',
  PROBE_BROKEN_OFF: 'none',
  PROBE_NO_SMTP: 'none',
  PROBE_OUR_TROUBLE: 'none',
  PROBE_SPECIAL_ADDRESS: 'none',
  EGRESS_BLOCKED: 'none',
  BANNER_NO_NAME: 'none',
  BANNER_DIFFERS: 'none',
  EHLO_CHANGES: 'none',
  EHLO_REFUSED: 'none',
  STARTTLS_MISSING: 'none',
  STARTTLS_MASKED: 'none',
  STARTTLS_REFUSED: 'none',
  STARTTLS_TRAILING: 'none',
  STARTTLS_INJECTION: 'none',
  TLS_FAILED: 'none',
  TLS_OLD: 'none',
  TLS_OLD_ACCEPTED: 'none',
  CERTIFICATE_EXPIRED: 'none',
  CERTIFICATE_EXPIRES: 'none',
  CERTIFICATE_UNTRUSTED: 'none',
  CERTIFICATE_OTHER_NAME: 'none',
  OPEN_RELAY: 'none',
  RELAY_REFUSED: 'none',
  NAMES_ALIGNED: 'none',
  VANTAGE_UNCONFIRMED: 'none',
  RECEIVER_REPUTATION: 'none',
  RECEIVER_NO_REASON: 'none',
  RECEIVER_OTHER_CAUSE: 'none',
  // These concern no reverse zone: each finding says itself what to do.
  SPF_PASS: 'none',
  SPF_NONE: 'none',
  SPF_FAIL: 'none',
  SPF_SOFTFAIL: 'none',
  SPF_NEUTRAL: 'none',
  SPF_SYNTAX: 'none',
  SPF_MULTIPLE: 'none',
  SPF_TOO_MANY_LOOKUPS: 'none',
  SPF_TOO_MANY_VOID_LOOKUPS: 'none',
  SPF_TOO_MANY_MX: 'none',
  SPF_TARGET_WITHOUT_RECORD: 'none',
  SPF_CIRCLE: 'none',
  SPF_ALLOWS_ALL: 'none',
  SPF_PTR_TERM: 'none',
  SPF_UNKNOWN: 'none',
  DMARC_NONE: 'none',
  DMARC_MULTIPLE: 'none',
  DMARC_INVALID: 'none',
  DMARC_MONITORING: 'none',
  DMARC_ENFORCED: 'none',
  DMARC_TEST_MODE: 'none',
  DMARC_PARTIAL: 'none',
  DMARC_NO_REPORTS: 'none',
  DMARC_UNKNOWN: 'none',
  DKIM_KEY_VALID: 'none',
  DKIM_KEY_NONE: 'none',
  DKIM_KEY_MULTIPLE: 'none',
  DKIM_KEY_INVALID: 'none',
  DKIM_KEY_REVOKED: 'none',
  DKIM_KEY_TYPE_UNKNOWN: 'none',
  DKIM_KEY_SHORT: 'none',
  DKIM_KEY_HASH: 'none',
  DKIM_KEY_NOT_FOR_MAIL: 'none',
  DKIM_KEY_TEST_MODE: 'none',
  DKIM_KEY_UNKNOWN: 'none',
  MTA_STS_NONE: 'none',
  MTA_STS_MULTIPLE: 'none',
  MTA_STS_RECORD_INVALID: 'none',
  MTA_STS_UNKNOWN: 'none',
  MTA_STS_FETCH_FAILED: 'none',
  MTA_STS_POLICY_UNKNOWN: 'none',
  MTA_STS_REDIRECT: 'none',
  MTA_STS_STATUS: 'none',
  MTA_STS_CONTENT_TYPE: 'none',
  MTA_STS_POLICY_INVALID: 'none',
  MTA_STS_MX_NOT_COVERED: 'none',
  MTA_STS_SHORT_AGE: 'none',
  MTA_STS_MODE_NONE: 'none',
  MTA_STS_TESTING: 'none',
  MTA_STS_ENFORCED: 'none',
  TLS_RPT_NONE: 'none',
  TLS_RPT_MULTIPLE: 'none',
  TLS_RPT_INVALID: 'none',
  TLS_RPT_UNKNOWN: 'none',
  DANE_NONE: 'none',
  DANE_INSECURE: 'none',
  DANE_UNTRUSTED: 'none',
  DANE_UNKNOWN: 'none',
  DANE_RECORD_UNUSABLE: 'none',
  DANE_MX_INSECURE: 'none',
  DANE_VALID: 'none',
  DANE_MISMATCH: 'none',
  DANE_RECORD_MISMATCH: 'none',
  DNSBL_LISTED: 'none',
  DNSBL_REFUSED: 'none',
  DNSBL_UNKNOWN: 'none',
}

interface Needs {
  readonly forward: boolean
  readonly reverse: boolean
  readonly cleanup: boolean
  readonly relay: boolean
  readonly helo: boolean
  readonly wait: boolean
}

function whatIsNeeded(context: RemedyContext): Needs {
  const { findings, iprev, helo, desired } = context
  const has = (topic: Topic): boolean => findings.some(({ code }) => TOPICS[code] === topic)
  const isPtr = iprev.names.some(({ name }) => sameName(name, desired.name))
  const isHelo = helo?.form.kind === 'name' && sameName(helo.form.name, desired.name)
  // Beyond the names that were kept there may be the desired one: only fewer records can help then.
  const reverse = (has('reverse') || has('forward')) && !isPtr && !iprev.truncated
  const isForwardWanted = reverse || has('forward') || (isHelo && findings.some(({ code }) => code === 'HELO_UNRESOLVABLE'))
  return {
    forward: isForwardWanted,
    reverse,
    cleanup: has('reverse') && !reverse,
    relay: reverse && isAccessLine(findings),
    helo: helo !== null && has('helo') && !isHelo,
    wait: has('wait'),
  }
}

/** Ranges that no receiver ever sees: nobody could set their PTR. Documentation and benchmark ranges serve as examples of seen ones. */
function unseenAddressSteps({ findings }: RemedyInput): readonly RemedyStep[] {
  const special = findings.find((finding): finding is Finding<'ADDRESS_SPECIAL'> => finding.code === 'ADDRESS_SPECIAL')
  const isExample = special?.args.range === 'documentation' || special?.args.range === 'benchmark'
  return special && !isExample ? targetSteps(findings) : []
}

/** Words by which operators of access lines name their customers' addresses. */
const ACCESS_LINE =
  /^word:(?:.*(?:dyn|dinamic|dsl|dial|ppp|dhcp|modem|cable|broad|wireless|wifi|wimax|ftt|fib|kabel).*|isdn|catv|docsis|hfc|gpon|umts|gprs|lte)$/

function isAccessLine(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.code === 'PTR_GENERIC' && finding.args.reasons.some((reason) => ACCESS_LINE.test(reason)))
}

function heloStep({ desired: { name, source } }: RemedyContext): RemedyStep {
  const why =
    source === 'confirmed'
      ? 'its confirmed name'
      : source === 'ptr'
        ? 'the name of its PTR record'
        : 'the name that its PTR record is to have'
  const placeholder = source === 'placeholder' ? ` Put your own name for ${name}.` : ''
  return {
    kind: 'helo',
    who: 'you',
    step: `Let the mail server call itself ${name} in HELO, ${why}.${placeholder}`,
    choices: heloSettings(name),
  }
}

function waitStep({ address, findings }: RemedyContext): RemedyStep {
  const ip = formatAddress(address)
  const isReverse = findings.some(({ code }) => code === 'PTR_UNKNOWN')
  const step = isReverse
    ? `Change nothing for this: whether ${ip} has a PTR record could not be told. Ask again later, and check your resolver with another one. If every resolver fails, the operator of the reverse zone has to mend its nameservers.`
    : 'Change nothing for this: some lookups could not be completed. Ask again later, and check your resolver with another one. If every resolver fails, the operator of the name that fails has to mend its nameservers.'
  return { kind: 'wait', who: 'you', step, command: `ptrgate check ${ip} --resolver 9.9.9.9` }
}

function verifyStep({ address, desired, iprev, helo }: RemedyContext, isHeloChanged: boolean): RemedyStep {
  const ip = formatAddress(address)
  const { name, source } = desired
  const type = address.family === 4 ? 'A' : 'AAAA'
  const patience = iprev.ptrTtl !== null && iprev.ptrTtl > 0 ? `Caches may show the old PTR for ${inWords(iprev.ptrTtl)}. ` : ''
  const placeholder = source === 'placeholder' ? ` Put your own name for ${name}.` : ''
  const claimedName = isHeloChanged ? name : helo?.form.kind === 'name' ? safeInCommand(helo.form.name) : undefined
  return {
    kind: 'verify',
    who: 'you',
    step: `${patience}Then look at the whole loop: ${ip} must show ${name}, and ${name} must show ${ip}.${placeholder}`,
    command: `ptrgate check ${ip}${claimedName === undefined ? '' : ` --helo ${claimedName}`}`,
    choices: [
      { label: 'PTR alone', command: `dig +short -x ${ip}` },
      { label: `${type} alone`, command: `dig +short ${name} ${type}` },
    ],
  }
}

/** Rounded up to a unit that a person would say. */
function inWords(seconds: number): string {
  const [unit, size] =
    seconds > 2 * 86_400 ? (['days', 86_400] as const) : seconds > 2 * 3600 ? (['hours', 3600] as const) : (['minutes', 60] as const)
  const count = Math.ceil(seconds / size)
  return count === 1 ? `a ${unit.slice(0, -1)}` : `${String(count)} ${unit}`
}
