/**
 * The table of the policy as data: for each situation what each preset does, and with which codes it is refused.
 * The order of the rows is the order in which they win when several call for the same action.
 */
import type { FindingCode } from '../findings/catalogue.ts'
import type { DecisionAction } from './decision.ts'

export const PRESET_NAMES = ['observe', 'balanced', 'strict'] as const
export type PresetName = (typeof PRESET_NAMES)[number]

export interface Rule {
  readonly observe: DecisionAction
  readonly balanced: DecisionAction
  readonly strict: DecisionAction
  /** Basic code and the enhanced code behind its class digit, for a permanent refusal. A temporary one is always 451. */
  readonly code: number
  readonly detail: string
  /** A temporary cause: it may be deferred at most. */
  readonly temporary?: true
  /** It rests on what the DNS said, so an ill resolver suspends it. */
  readonly fromDns?: true
  /** The findings that bring the row up; the rows of iprev come from its result. */
  readonly findings?: readonly FindingCode[]
}

const TAGGED = { observe: 'tag', balanced: 'tag', strict: 'tag' } as const
const REFUSED = { observe: 'tag', balanced: 'reject', strict: 'reject' } as const
const REFUSED_IF_STRICT = { observe: 'tag', balanced: 'tag', strict: 'reject' } as const
/** RFC 7372 §3.3. */
const REVERSE_DNS = { code: 550, detail: '7.25', fromDns: true } as const
const BY_POLICY = { code: 550, detail: '7.1' } as const

export const RULES = {
  pass: { observe: 'accept', balanced: 'accept', strict: 'accept', ...REVERSE_DNS },
  permerror: { ...REFUSED, ...REVERSE_DNS },
  fail: { ...REFUSED, ...REVERSE_DNS },
  temperror: { observe: 'tag', balanced: 'defer', strict: 'defer', ...REVERSE_DNS, temporary: true },
  genericPtr: { ...REFUSED_IF_STRICT, ...BY_POLICY, fromDns: true, findings: ['PTR_GENERIC'] },
  heloSyntax: { ...REFUSED, code: 501, detail: '5.2', findings: ['HELO_SYNTAX'] },
  // Wrong by the letter, yet what many receivers let pass.
  heloUnderscore: { ...REFUSED_IF_STRICT, code: 501, detail: '5.2', findings: ['HELO_UNDERSCORE'] },
  heloBareAddress: { ...REFUSED, ...BY_POLICY, findings: ['HELO_BARE_ADDRESS'] },
  heloOurName: { ...REFUSED, ...BY_POLICY, findings: ['HELO_OUR_NAME'] },
  heloUnresolvable: { ...REFUSED_IF_STRICT, ...BY_POLICY, fromDns: true, findings: ['HELO_UNRESOLVABLE'] },
  heloNotFqdn: { ...REFUSED_IF_STRICT, code: 504, detail: '5.2', findings: ['HELO_NOT_FQDN'] },
  heloLocalhost: { ...REFUSED_IF_STRICT, ...BY_POLICY, findings: ['HELO_LOCALHOST'] },
  // A name that cannot resolve for anybody outside, known without asking.
  heloReservedSuffix: { ...REFUSED_IF_STRICT, ...BY_POLICY, findings: ['HELO_RESERVED_SUFFIX'] },
  // HELO ≠ PTR: RFC 5321 §4.1.4 forbids refusing for it, so no preset does.
  heloDiffers: { ...TAGGED, ...BY_POLICY, fromDns: true, findings: ['HELO_PTR_DIFFERS', 'HELO_CONFIRMED_DIFFERS'] },
  heloOrganisationDiffers: { ...TAGGED, ...BY_POLICY, fromDns: true, findings: ['HELO_ORGANISATION_DIFFERS'] },
  heloOtherAddress: { ...TAGGED, ...BY_POLICY, fromDns: true, findings: ['HELO_OTHER_ADDRESS'] },
  heloLiteral: { ...TAGGED, ...BY_POLICY, findings: ['HELO_LITERAL'] },
  heloLiteralMismatch: { ...TAGGED, ...BY_POLICY, findings: ['HELO_LITERAL_MISMATCH'] },
  heloGeneric: { ...TAGGED, ...BY_POLICY, findings: ['HELO_GENERIC'] },
  heloUnknown: { ...TAGGED, ...BY_POLICY, fromDns: true, temporary: true, findings: ['HELO_UNKNOWN'] },
  resolverIll: { ...TAGGED, ...REVERSE_DNS, temporary: true },
  internalError: { observe: 'accept', balanced: 'accept', strict: 'defer', code: 451, detail: '3.0', temporary: true },
} as const satisfies Readonly<Record<string, Rule>>

export type RuleName = keyof typeof RULES

export const RULE_NAMES = Object.keys(RULES) as readonly RuleName[]

export function isTemporary(rule: RuleName): boolean {
  const { temporary }: Rule = RULES[rule]
  return temporary === true
}

export type RuleActions = { readonly [R in RuleName]: DecisionAction }

export function presetActions(preset: PresetName): RuleActions {
  return Object.fromEntries(RULE_NAMES.map((rule) => [rule, RULES[rule][preset]])) as RuleActions
}

const SEVERITY: { readonly [A in DecisionAction]: number } = { accept: 0, tag: 1, quarantine: 2, defer: 3, reject: 4 }

/** Negative if `left` is the milder one. */
export function compareActions(left: DecisionAction, right: DecisionAction): number {
  return SEVERITY[left] - SEVERITY[right]
}
