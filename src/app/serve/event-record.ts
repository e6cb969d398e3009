/**
 * What happened, as one flat record: the log prints it, `/v1/events` streams it. Everything in it that strangers chose is
 * printable ASCII of bounded length, so that a line fits into one write of a pipe and can start nothing on a terminal.
 */
import { formatAddress } from '../../core/address.ts'
import { assertNever } from '../../core/assert-never.ts'
import { escapeUnprintable } from '../../core/printable.ts'
import type { GateVerdict } from '../../engine/gate.ts'
import type { GateClient, GateEvent } from '../../gateway/gate-event.ts'
import type { SmtpReply } from '../../policy/decision.ts'

export type RecordLevel = 'debug' | 'info' | 'warn' | 'error'
export type RecordValue = string | number | boolean | null | readonly string[]

export interface EventRecord {
  readonly level: RecordLevel
  readonly event: string
  readonly fields: Readonly<Record<string, RecordValue>>
}

type DecisionEvent = Extract<GateEvent, { kind: 'decision' }>

/** `lookupMs`: how long the lookup of this client took; null where that is not known. */
export function recordOf(listener: string, event: GateEvent, lookupMs: (verdict: GateVerdict) => number | null): EventRecord {
  switch (event.kind) {
    case 'decision':
      return { level: decisionLevel(event), event: 'decision', fields: decisionFields(listener, event, lookupMs(event.verdict)) }
    case 'skipped':
      return { level: 'debug', event: 'skipped', fields: { listener, rule: shown(event.rule, 40), ...clientFields(event.client) } }
    case 'disagreement':
      return { level: 'warn', event: 'disagreement', fields: disagreementFields(listener, event) }
    case 'protocolError':
      return { level: 'warn', event: 'protocolError', fields: { listener, reason: shown(event.reason, 200) } }
    case 'internalError':
      return { level: 'error', event: 'internalError', fields: { listener, error: describeError(event.error) } }
    case 'socketError':
      return { level: 'error', event: 'socketError', fields: { listener, error: describeError(event.error, false) } }
    default:
      return assertNever(event)
  }
}

/** With what it was thrown from, for whoever has to find our fault. */
export function describeError(error: unknown, withStack = true): string {
  if (!(error instanceof Error)) return shown(String(error), 300)
  const stack = withStack ? (error.stack ?? '').split('\n').slice(1, 5) : []
  return shown([`${error.name}: ${error.message}`, ...stack.map((line) => line.trim())].join(' '), 800)
}

/** Printable ASCII whose JSON text has at most `length` characters; what does not fit is cut, and `...` says so. */
export function shown(text: string, length: number): string {
  // Nobody's text is worth escaping to its end if only its beginning is shown.
  const escaped = escapeUnprintable(text.slice(0, length))
  if (escaped.length * 2 <= length && text.length <= length) return escaped
  let cost = 0
  let end = 0
  while (end < escaped.length) {
    cost += escaped[end] === '"' || escaped[end] === '\\' ? 2 : 1
    if (cost > length) break
    end++
  }
  if (end === escaped.length && text.length <= length) return escaped
  return `${escaped.slice(0, Math.max(0, end - 3))}...`
}

/** A name of 255 octets, and an address of the longest kind, as far as they are printable. */
const NAME_LENGTH = 255
const MAX_LISTED = 3

function decisionLevel({ verdict: { decision } }: DecisionEvent): RecordLevel {
  return decision.rule === 'internalError' ? 'error' : 'info'
}

function decisionFields(
  listener: string,
  { moment, verdict, client }: DecisionEvent,
  lookupMs: number | null,
): Readonly<Record<string, RecordValue>> {
  const { decision, judgement } = verdict
  const iprev = judgement?.iprev
  return {
    listener,
    moment,
    ...clientFields(client),
    ptr: (iprev?.names ?? []).slice(0, MAX_LISTED).map(({ name }) => shown(name, NAME_LENGTH)),
    ptrCount: iprev?.ptrNameCount ?? 0,
    confirmedName: shownOrNull(judgement?.confirmedName),
    result: iprev?.result ?? null,
    reason: iprev?.reason ?? null,
    rule: shown(decision.rule, 40),
    action: decision.action,
    intended: decision.intended,
    reply: verdict.reply === null ? null : replyText(verdict.reply),
    findings: (judgement?.findings ?? []).slice(0, MAX_FINDINGS).map(({ code }) => code),
    lookupMs,
  }
}

const MAX_FINDINGS = 20

function clientFields(client: GateClient): Readonly<Record<string, RecordValue>> {
  return {
    queueId: shownOrNull(client.queueId, 64),
    address: client.address === null ? null : formatAddress(client.address),
    helo: shownOrNull(client.claimedName),
    authenticated: client.authenticated,
    from: shownOrNull(client.sender),
    to: client.recipients.slice(0, MAX_LISTED).map((recipient) => shown(recipient, NAME_LENGTH)),
    toCount: client.recipientCount,
  }
}

function disagreementFields(
  listener: string,
  { address, byMta, verdict }: Extract<GateEvent, { kind: 'disagreement' }>,
): Readonly<Record<string, RecordValue>> {
  const { judgement } = verdict
  return {
    listener,
    address: formatAddress(address),
    result: judgement?.iprev.result ?? null,
    confirmedName: shownOrNull(judgement?.confirmedName),
    mtaResult: byMta.result,
    mtaClientName: shownOrNull(byMta.clientName),
    mtaPtrName: shownOrNull(byMta.ptrName),
    mta: shownOrNull(byMta.mtaName),
  }
}

function shownOrNull(text: string | null | undefined, length = NAME_LENGTH): string | null {
  return text === null || text === undefined ? null : shown(text, length)
}

function replyText({ code, enhanced, lines }: SmtpReply): string {
  return shown([String(code), ...(enhanced === null ? [] : [enhanced]), ...lines].join(' '), 400)
}
