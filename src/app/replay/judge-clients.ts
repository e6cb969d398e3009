/**
 * Judges the clients of a log with the gate's own engine: by the DNS of now, or by what ptrgate's own log says that it said.
 * Each is decided on twice: as the policy stands, and as if it were neither a dry run nor for a percentage only.
 */
import { setMaxListeners } from 'node:events'
import { reverseName } from '../../core/address.ts'
import { parseName } from '../../core/domain-name.ts'
import { judgeClient, type JudgeSettings } from '../../engine/judge.ts'
import { CATALOGUE, type Finding, type FindingCode } from '../../findings/catalogue.ts'
import { confirmedName, type IprevFacts, type IprevReason, type IprevResult, type PtrName } from '../../iprev/facts.ts'
import { compilePolicy, type CompiledPolicy } from '../../policy/compile.ts'
import { decide, skipBeforeLookup, type DecisionSubject } from '../../policy/decide.ts'
import type { Decision, DecisionAction, ReplyFor } from '../../policy/decision.ts'
import { compareActions } from '../../policy/presets.ts'
import type { PolicySettings } from '../../policy/settings.ts'
import type { LoggedClient } from './client-table.ts'
import { MAX_EXAMPLES, type LoggedFacts } from './log-record.ts'

export interface ReplayPolicy {
  readonly enforced: CompiledPolicy
  readonly intended: CompiledPolicy
}

export interface ClientVerdict {
  /** Null where nothing was looked up: the client is skipped, or we failed. */
  readonly result: IprevResult | null
  readonly reason: IprevReason | null
  readonly ptrNames: readonly string[]
  readonly ptrNameCount: number
  readonly confirmedName: string | null
  readonly findings: readonly FindingCode[]
  /** What a refusal rests on, with its arguments where they are known. */
  readonly cause: Finding | null
  readonly ordinary: Outlook
  /** Of mail to postmaster alone. */
  readonly toPostmaster: Outlook
}

/** What the policy calls for, and what it would do today, which differs in a dry run and with a percentage. */
export interface Outlook {
  readonly intended: ReplayDecision
  readonly enforced: ReplayDecision
}

export interface ReplayDecision {
  readonly action: DecisionAction
  readonly rule: string
  readonly finding: FindingCode | null
  readonly code: number | null
  readonly enhanced: string | null
}

export interface JudgedClient extends LoggedClient {
  readonly verdict: ClientVerdict
}

export interface JudgeOptions {
  readonly judge: JudgeSettings
  readonly policy: ReplayPolicy
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly onJudged: (judged: number) => void
  readonly onInternalError: (error: unknown) => void
}

export function replayPolicy(settings: PolicySettings, replyFor: ReplyFor): ReplayPolicy {
  return { enforced: compilePolicy(settings, replyFor), intended: compilePolicy(unrestrained(settings), replyFor) }
}

/** Those that were judged until the signal, in no order. */
export async function judgeClients(clients: readonly LoggedClient[], options: JudgeOptions): Promise<readonly JudgedClient[]> {
  const judged: JudgedClient[] = []
  // Every lookup listens, so there are as many listeners as lookups, and no leak.
  const signal = AbortSignal.any([options.signal])
  setMaxListeners(0, signal)
  const isCalledOff = (): boolean => signal.aborted
  const waiting = clients.values()
  const work = async (): Promise<void> => {
    for (const client of waiting) {
      if (isCalledOff()) return
      const verdict = await judgeLoggedClient(client, { ...options, signal })
      // A lookup that was called off says nothing of the client.
      if (isCalledOff() && client.facts === null) return
      judged.push({ ...client, verdict })
      options.onJudged(judged.length)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work))
  return judged
}

function unrestrained(settings: PolicySettings): PolicySettings {
  const free = { dryRun: false, percent: 100 } as const
  return {
    ...settings,
    ...free,
    networks: settings.networks.map((override) => ({ ...override, ...free })),
    names: settings.names.map((override) => ({ ...override, ...free })),
  }
}

async function judgeLoggedClient(client: LoggedClient, options: JudgeOptions): Promise<ClientVerdict> {
  const { address, authenticated, claimedName, facts } = client
  const base = { address, authenticated, iprev: null, findings: [], resolverIll: false, internalError: false }
  if (skipBeforeLookup(address, authenticated, options.policy.enforced) !== undefined) return verdictOf(base, options)
  if (facts) return verdictOf({ ...base, ...fromLog(client, facts) }, options)
  try {
    const { iprev, findings } = await judgeClient(address, claimedName, options.judge, options.signal)
    return verdictOf({ ...base, iprev, findings }, options)
  } catch (error) {
    options.onInternalError(error)
    return verdictOf({ ...base, internalError: true }, options)
  }
}

function verdictOf(subject: Omit<DecisionSubject, 'recipient'>, { policy }: JudgeOptions): ClientVerdict {
  const { iprev, findings } = subject
  const outlook = (recipient: string | null): Outlook => ({
    intended: replayDecision(decide({ ...subject, recipient }, policy.intended)),
    enforced: replayDecision(decide({ ...subject, recipient }, policy.enforced)),
  })
  const ordinary = outlook(null)
  const cause = isHeldBack(ordinary.intended) ? findings.find(({ code }) => code === ordinary.intended.finding) : undefined
  return {
    result: iprev?.result ?? null,
    reason: iprev?.reason ?? null,
    ptrNames: (iprev?.names ?? []).slice(0, MAX_EXAMPLES).map(({ name }) => name),
    ptrNameCount: iprev?.ptrNameCount ?? 0,
    confirmedName: iprev ? confirmedName(iprev, undefined) : null,
    findings: findings.map(({ code }) => code),
    cause: cause && Object.keys(cause.args).length > 0 ? cause : null,
    ordinary,
    toPostmaster: outlook('postmaster'),
  }
}

function replayDecision({ action, rule, finding, reply }: Decision): ReplayDecision {
  return { action, rule, finding, code: reply?.code ?? null, enhanced: reply?.enhanced ?? null }
}

/** Not simply let through with or without a mark. */
export function isHeldBack({ action }: ReplayDecision): boolean {
  return compareActions(action, 'tag') > 0
}

/** The log holds codes without their arguments, which is all that a decision looks at. */
function fromLog({ address }: LoggedClient, facts: LoggedFacts): Pick<DecisionSubject, 'iprev' | 'findings' | 'resolverIll'> {
  const { result, reason, ptrNames, findings } = facts
  const confirmed = result === 'pass' && facts.confirmedName !== null ? parseName(facts.confirmedName) : undefined
  const names = ptrNames.flatMap((text): PtrName[] => {
    const name = parseName(text)
    if (name === undefined || name === confirmed) return []
    return [{ name, outcome: 'elsewhere', addresses: [], aliases: [], ttl: null, authenticated: false }]
  })
  if (confirmed !== undefined) {
    names.unshift({ name: confirmed, outcome: 'confirmed', addresses: [address], aliases: [], ttl: null, authenticated: false })
  }
  const iprev: IprevFacts = {
    kind: 'iprev',
    address,
    reverseName: reverseName(address),
    result,
    reason,
    aliases: [],
    ptrTtl: null,
    names,
    ptrNameCount: names.length,
    truncated: false,
    authenticated: false,
    queries: 0,
  }
  return {
    iprev,
    findings: findings.map((code) => ({ code, level: CATALOGUE[code].level, args: {} }) as Finding),
    resolverIll: findings.includes('RESOLVER_ILL'),
  }
}
