/**
 * What a replay tells, as a value: how many, whom, by which rule; those first whose mail was accepted then and would be refused.
 * Text and JSON are made of it elsewhere.
 */
import { compareAddresses, formatAddress, type IpAddress } from '../../core/address.ts'
import type { DecisionAction, DecisionStage } from '../../policy/decision.ts'
import { compareActions, isTemporary, RULE_NAMES, type PresetName, type RuleName } from '../../policy/presets.ts'
import { noMessages, sumOf, type TableTotals, type ThenCounts } from './client-table.ts'
import { isHeldBack, type JudgedClient, type Outlook, type ReplayDecision } from './judge-clients.ts'
import type { LogFormat } from './log-record.ts'

export interface LogSummary {
  readonly name: string
  /** Null if not a single line was understood. */
  readonly format: LogFormat | null
  readonly lines: number
  /** Lines that told something of a client. */
  readonly used: number
  readonly tooLong: number
}

export interface PolicySummary {
  /** The file; null for a preset without one. */
  readonly file: string | null
  readonly preset: PresetName
  readonly stage: DecisionStage
  readonly dryRun: boolean
  readonly percent: number
  readonly exemptPostmaster: boolean
}

export interface ReplayInput {
  readonly logs: readonly LogSummary[]
  readonly policy: PolicySummary
  readonly totals: TableTotals
  readonly clients: number
  readonly judged: readonly JudgedClient[]
  readonly internalErrors: number
  readonly interrupted: boolean
}

export interface ReplayReport extends Omit<ReplayInput, 'judged'> {
  /** By what the policy intends; the mildest first. */
  readonly rows: readonly RuleRow[]
  /** Refused, held or deferred for a reason that stands; the worst surprise first. */
  readonly refused: readonly RefusedClient[]
  /** Could not be told now: a gate would have deferred them, and asked again when they came back. */
  readonly unsure: readonly JudgedClient[]
  /** With more than one refused client; the most refused mail first. */
  readonly networks: readonly NetworkRow[]
  readonly others: readonly JudgedClient[]
  /** Clients that the table holds and that the interruption left out, and messages of all that were not judged. */
  readonly notJudged: { readonly clients: number; readonly messages: number }
  readonly fromLoggedFacts: number
}

export interface RuleRow {
  readonly action: DecisionAction
  readonly rule: string
  readonly clients: number
  readonly messages: ThenCounts
  /** Messages for which the action would be taken today. */
  readonly enforced: number
}

export interface RefusedClient {
  readonly client: JudgedClient
  /** Without those that are let through, to postmaster for one. */
  readonly messages: ThenCounts
}

export interface NetworkRow {
  /** A /24, or a /64 of IPv6. */
  readonly network: string
  readonly clients: number
  readonly messages: number
}

export function replayReport({ judged, ...input }: ReplayInput): ReplayReport {
  const refused: RefusedClient[] = []
  const unsure: JudgedClient[] = []
  const others: JudgedClient[] = []
  for (const client of judged) {
    const messages = refusedMessages(client)
    if (sumOf(messages) > 0) refused.push({ client, messages })
    else (isUnsure(client) ? unsure : others).push(client)
  }
  const messagesJudged = judged.reduce((sum, client) => sum + sumOf(client.messages) + sumOf(client.toPostmaster), 0)
  return {
    ...input,
    rows: ruleRows(judged),
    refused: refused.sort(byFear),
    unsure: unsure.sort(byMessages),
    others: others.sort(byMessages),
    networks: networkRows(refused),
    notJudged: { clients: input.clients - judged.length, messages: sumOf(input.totals.messages) - messagesJudged },
    fromLoggedFacts: judged.filter(({ facts }) => facts !== null).length,
  }
}

function outlooksOf({ messages, toPostmaster, verdict }: JudgedClient): readonly { outlook: Outlook; counts: ThenCounts }[] {
  return [
    { outlook: verdict.ordinary, counts: messages },
    { outlook: verdict.toPostmaster, counts: toPostmaster },
  ]
}

function refusedMessages(client: JudgedClient): ThenCounts {
  const refused = noMessages()
  for (const { outlook, counts } of outlooksOf(client)) {
    if (isHeldBack(outlook.intended) && !isTemporaryRule(outlook.intended)) addTo(refused, counts)
  }
  return refused
}

function isUnsure({ verdict: { result, ordinary } }: JudgedClient): boolean {
  return result === 'temperror' || isTemporaryRule(ordinary.intended)
}

function isTemporaryRule({ rule }: ReplayDecision): boolean {
  return isRuleName(rule) && isTemporary(rule)
}

function isRuleName(rule: string): rule is RuleName {
  return (RULE_NAMES as readonly string[]).includes(rule)
}

function ruleRows(judged: readonly JudgedClient[]): readonly RuleRow[] {
  const rows = new Map<
    string,
    { action: DecisionAction; rule: string; clients: number; messages: ReturnType<typeof noMessages>; enforced: number }
  >()
  for (const client of judged) {
    const counted = new Set<string>()
    for (const { outlook, counts } of outlooksOf(client)) {
      const { action, rule } = outlook.intended
      const messages = sumOf(counts)
      if (messages === 0) continue
      const key = `${action} ${rule}`
      const row = rows.get(key) ?? { action, rule, clients: 0, messages: noMessages(), enforced: 0 }
      rows.set(key, row)
      if (!counted.has(key)) row.clients++
      counted.add(key)
      addTo(row.messages, counts)
      if (outlook.enforced.action === action) row.enforced += messages
    }
  }
  return [...rows.values()].sort(
    (left, right) =>
      compareActions(left.action, right.action) || sumOf(right.messages) - sumOf(left.messages) || (left.rule < right.rule ? -1 : 1),
  )
}

/** What was accepted and would be refused is what a switch to rejection is feared for. */
function byFear(left: RefusedClient, right: RefusedClient): number {
  return (
    right.messages.accepted - left.messages.accepted ||
    right.messages.unknown - left.messages.unknown ||
    sumOf(right.messages) - sumOf(left.messages) ||
    compareAddresses(left.client.address, right.client.address)
  )
}

function byMessages(left: JudgedClient, right: JudgedClient): number {
  return sumOf(right.messages) - sumOf(left.messages) || compareAddresses(left.address, right.address)
}

const MAX_NETWORKS = 10

function networkRows(refused: readonly RefusedClient[]): readonly NetworkRow[] {
  const rows = new Map<string, { network: string; addresses: Set<string>; messages: number }>()
  for (const { client, messages } of refused) {
    const network = networkOf(client.address)
    const row = rows.get(network) ?? { network, addresses: new Set(), messages: 0 }
    rows.set(network, row)
    row.addresses.add(formatAddress(client.address))
    row.messages += sumOf(messages)
  }
  return [...rows.values()]
    .map(({ network, addresses, messages }) => ({ network, clients: addresses.size, messages }))
    .filter(({ clients }) => clients > 1)
    .sort((left, right) => right.messages - left.messages || (left.network < right.network ? -1 : 1))
    .slice(0, MAX_NETWORKS)
}

function networkOf({ family, bytes }: IpAddress): string {
  const kept = family === 4 ? 3 : 8
  const network: IpAddress = { family, bytes: bytes.map((byte, index) => (index < kept ? byte : 0)) }
  return `${formatAddress(network)}/${String(kept * 8)}`
}

function addTo(sum: ReturnType<typeof noMessages>, counts: ThenCounts): void {
  sum.accepted += counts.accepted
  sum.deferred += counts.deferred
  sum.rejected += counts.rejected
  sum.unknown += counts.unknown
}
