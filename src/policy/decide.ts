/**
 * The decision: a pure, synchronous function of what was found and of the compiled policy.
 * Of several rows the most severe action wins, in the table's order on ties. What could not be told is never answered for good, and
 * shields nothing either: a HELO syntax error beside a temperror is rejected, since it stands whatever the DNS will say later.
 */
import { unmapAddress, type IpAddress } from '../core/address.ts'
import { specialRange, type SpecialRange } from '../core/network.ts'
import type { Finding, FindingCode } from '../findings/catalogue.ts'
import type { IprevFacts, IprevReason } from '../iprev/facts.ts'
import { atMostTag, layerFor, type CompiledPolicy, type PolicyLayer } from './compile.ts'
import type { Decision, DecisionAction, DecisionStage, ReplyRequest, SmtpReply } from './decision.ts'
import { compareActions, RULE_NAMES, RULES, type Rule, type RuleName } from './presets.ts'
import { isInShare } from './share.ts'

export interface DecisionSubject {
  readonly address: IpAddress
  /** Null if nothing was looked up. */
  readonly iprev: IprevFacts | null
  readonly findings: readonly Finding[]
  /** The session has logged in. */
  readonly authenticated: boolean
  /** The recipient that is decided on, as it was sent; null before RCPT. */
  readonly recipient: string | null
  /** The health breaker is open: nothing is refused for DNS reasons. */
  readonly resolverIll: boolean
  /** ptrgate itself failed while judging, so the rest of the subject means nothing. */
  readonly internalError: boolean
}

export function decide(subject: DecisionSubject, policy: CompiledPolicy): Decision {
  const layer = layerFor(policy, subject.address, subject.iprev)
  const skipped = skipRule(subject.address, subject.authenticated, policy, layer)
  if (skipped !== undefined) return settled('accept', skipped, layer.stage)
  const row = subject.internalError ? internalErrorRow(layer) : decidingRow(subject, layer)
  return row ? restrained(row, subject, policy, layer) : settled('accept', 'notJudged', layer.stage)
}

/** Why this client is not judged at all, as far as its address tells: so that nothing has to be looked up for it. */
export function skipBeforeLookup(address: IpAddress, authenticated: boolean, policy: CompiledPolicy): string | undefined {
  return skipRule(address, authenticated, policy, layerFor(policy, address, null))
}

/** For a client that says HELO again: the more severe of both decisions, so that a second try never escapes the first. */
export function strongerDecision(earlier: Decision, later: Decision): Decision {
  return compareActions(earlier.action, later.action) >= 0 ? earlier : later
}

/** Documentation and benchmark addresses are judged: they never come from the Internet, but stand for it in labs and tests. */
const SKIPPED_RANGES: ReadonlySet<SpecialRange> = new Set<SpecialRange>(['private', 'loopback', 'linkLocal', 'cgnat', 'uniqueLocal'])

/** The address comes first: it is known at once, and to every front end. */
function skipRule(address: IpAddress, authenticated: boolean, policy: CompiledPolicy, layer: PolicyLayer): string | undefined {
  if (policy.trusted.find(address)) return 'trustedNetworks'
  if (layer.skip === true) return 'networks'
  const range = layer.skip === undefined ? specialRange(address) : undefined
  if (range && SKIPPED_RANGES.has(range)) return range
  if (authenticated) return 'authenticated'
  return layer.skipByName ? 'names' : undefined
}

/** A row of the table that applies, and what it calls for. */
interface Row {
  readonly rule: RuleName
  readonly action: DecisionAction
  readonly finding: FindingCode | null
  readonly intended: DecisionAction
}

function internalErrorRow({ actions: { internalError: action } }: PolicyLayer): Row {
  return { rule: 'internalError', action, finding: null, intended: action }
}

/** With an ill resolver: what stands without the DNS if that refuses, else the tag of its own row. */
function decidingRow(subject: DecisionSubject, layer: PolicyLayer): Row | undefined {
  const strongest = strongestRow(subject, layer, true)
  if (!subject.resolverIll) return strongest
  const standing = strongestRow(subject, layer, false)
  const intended = strongest && compareActions(strongest.action, 'tag') > 0 ? strongest.action : 'tag'
  if (standing && compareActions(standing.action, 'tag') > 0) return { ...standing, intended }
  return { rule: 'resolverIll', action: layer.actions.resolverIll, finding: 'RESOLVER_ILL', intended }
}

function strongestRow(subject: DecisionSubject, layer: PolicyLayer, withDns: boolean): Row | undefined {
  const { iprev, findings } = subject
  let rule: RuleName | undefined
  let action: DecisionAction = 'accept'
  let finding: FindingCode | null = null
  if (iprev && withDns) {
    rule = iprev.result
    action = layer.actions[rule]
    finding = FINDING_OF_REASON[iprev.reason]
  }
  for (const { code } of findings) {
    const candidate = RULE_OF_FINDING.get(code)
    if (candidate === undefined || (!withDns && ruleOf(candidate).fromDns)) continue
    const wanted = candidate === 'genericPtr' ? genericAction(subject, layer) : layer.actions[candidate]
    const difference = compareActions(wanted, action)
    if (rule !== undefined && (difference < 0 || (difference === 0 && orderOf(candidate) >= orderOf(rule)))) continue
    rule = candidate
    action = wanted
    finding = code
  }
  return rule && { rule, action, finding, intended: action }
}

/** While some name could not be looked up, another one may yet be confirmed: nothing is refused for the generic one. */
function genericAction({ iprev }: DecisionSubject, { actions }: PolicyLayer): DecisionAction {
  return iprev && iprev.result !== 'temperror' ? actions.genericPtr : atMostTag(actions.genericPtr)
}

function restrained(row: Row, subject: DecisionSubject, policy: CompiledPolicy, layer: PolicyLayer): Decision {
  const { rule, action, finding, intended } = row
  const stage = laterStage(layer.stage, RULE_NEEDS_HELO.has(rule) ? 'helo' : 'connect')
  const restraint = compareActions(action, 'tag') > 0 ? restraintOf(action, subject, policy, layer) : undefined
  if (restraint !== undefined) return { kind: 'decision', action: 'tag', reply: null, stage, rule: restraint, finding, intended }
  const reply = action === 'defer' || action === 'reject' ? replyTo(row, action, stage, subject, policy) : null
  return { kind: 'decision', action, reply, stage, rule, finding, intended }
}

function restraintOf(action: DecisionAction, subject: DecisionSubject, policy: CompiledPolicy, layer: PolicyLayer): string | undefined {
  if (layer.dryRun) return 'dryRun'
  if (layer.exemptPostmaster && subject.recipient !== null && isPostmaster(subject.recipient)) return 'postmaster'
  if (action === 'reject' && !isInShare(subject.address, policy.shareSeed, layer.percent)) return 'percent'
  return undefined
}

/** RFC 5321 §4.5.1: the local part in any case, quoted or not, and also without a domain. */
export function isPostmaster(recipient: string): boolean {
  return /^<?(?:postmaster|"postmaster")(?:@[^@]*)?>?$/i.test(recipient)
}

function replyTo(
  { rule, finding }: Row,
  action: 'defer' | 'reject',
  stage: DecisionStage,
  subject: DecisionSubject,
  policy: CompiledPolicy,
): SmtpReply {
  const { code, detail } = ruleOf(rule)
  const codes = action === 'reject' ? { code, enhanced: `5.${detail}` } : { code: 451, enhanced: `4.${detail}` }
  const request: ReplyRequest = { action, rule, finding, address: unmapAddress(subject.address), stage, ...codes }
  const reply = policy.replyFor(request)
  return agreesInClass(reply, action) ? reply : { ...codes, lines: reply.lines }
}

/** A receiver's own codes are kept only where basic code, enhanced code and action are of one class. */
function agreesInClass({ code, enhanced }: SmtpReply, action: 'defer' | 'reject'): boolean {
  const wanted = action === 'reject' ? '5' : '4'
  return String(code).length === 3 && String(code).startsWith(wanted) && (enhanced === null || enhanced.startsWith(`${wanted}.`))
}

function settled(action: DecisionAction, rule: string, stage: DecisionStage): Decision {
  return { kind: 'decision', action, reply: null, stage, rule, finding: null, intended: action }
}

function laterStage(left: DecisionStage, right: DecisionStage): DecisionStage {
  return STAGES.indexOf(left) >= STAGES.indexOf(right) ? left : right
}

const STAGES: readonly DecisionStage[] = ['connect', 'helo', 'mail', 'rcpt']

function ruleOf(rule: RuleName): Rule {
  return RULES[rule]
}

function orderOf(rule: RuleName): number {
  return RULE_ORDER.get(rule) ?? RULE_NAMES.length
}

const RULE_ORDER: ReadonlyMap<RuleName, number> = new Map(RULE_NAMES.map((rule, index) => [rule, index]))

const RULE_OF_FINDING: ReadonlyMap<FindingCode, RuleName> = new Map(
  RULE_NAMES.flatMap((rule) => (ruleOf(rule).findings ?? []).map((code) => [code, rule] as const)),
)

/** A refusal for HELO cannot be spoken before there was one. */
const RULE_NEEDS_HELO: ReadonlySet<RuleName> = new Set(RULE_NAMES.filter((rule) => rule.startsWith('helo')))

const FINDING_OF_REASON: { readonly [R in IprevReason]: FindingCode } = {
  confirmed: 'FCRDNS_CONFIRMED',
  noReverseName: 'PTR_MISSING',
  noPtrRecord: 'PTR_MISSING',
  aliasLoop: 'PTR_ALIAS_LOOP',
  aliasDangling: 'PTR_ALIAS_DANGLING',
  aliasTooDeep: 'PTR_ALIAS_TOO_DEEP',
  elsewhere: 'FCRDNS_MISMATCH',
  nameNotFound: 'FCRDNS_MISMATCH',
  nameWithoutAddress: 'FCRDNS_MISMATCH',
  noUsableName: 'FCRDNS_MISMATCH',
  reverseServfail: 'PTR_UNKNOWN',
  reverseRefused: 'PTR_UNKNOWN',
  reverseTimeout: 'PTR_UNKNOWN',
  reverseMalformed: 'PTR_UNKNOWN',
  forwardServfail: 'FORWARD_UNKNOWN',
  forwardRefused: 'FORWARD_UNKNOWN',
  forwardTimeout: 'FORWARD_UNKNOWN',
  forwardMalformed: 'FORWARD_UNKNOWN',
  deadline: 'IPREV_DEADLINE',
  queryCap: 'IPREV_QUERY_CAP',
  aborted: 'IPREV_ABORTED',
}
