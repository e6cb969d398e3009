/**
 * A replay as JSON: one object (`kind: replay`) with the clients that matter, or an object a line for every client
 * (`replayClient`) and the sums at the end (`replaySummary`). Printable ASCII, so that a terminal can show it.
 */
import { formatAddress } from '../../core/address.ts'
import { escapeJson } from '../../render/escape.ts'
import { sumOf, type ThenCounts } from './client-table.ts'
import type { JudgedClient, Outlook } from './judge-clients.ts'
import type { ReplayReport } from './replay-report.ts'

/** One object must fit into memory, here and wherever it is read; `--ndjson` has no such bound. */
export const MAX_JSON_CLIENTS = 1000

export function replayJson(report: ReplayReport): string {
  const refused = report.refused.slice(0, MAX_JSON_CLIENTS)
  const unsure = report.unsure.slice(0, MAX_JSON_CLIENTS)
  return stringify({
    ptrgate: 1,
    kind: 'replay',
    ...summary(report),
    refused: refused.map(({ client, messages }) => ({ ...clientFields(client), refusedMessages: messages })),
    refusedOmitted: report.refused.length - refused.length,
    unsure: unsure.map(clientFields),
    unsureOmitted: report.unsure.length - unsure.length,
  })
}

export function* replayNdjson(report: ReplayReport): Generator<string> {
  for (const { client, messages } of report.refused) {
    yield `${stringify({ ptrgate: 1, kind: 'replayClient', verdict: 'refused', ...clientFields(client), refusedMessages: messages })}\n`
  }
  for (const client of report.unsure)
    yield `${stringify({ ptrgate: 1, kind: 'replayClient', verdict: 'unsure', ...clientFields(client) })}\n`
  for (const client of report.others)
    yield `${stringify({ ptrgate: 1, kind: 'replayClient', verdict: 'letThrough', ...clientFields(client) })}\n`
  yield `${stringify({ ptrgate: 1, kind: 'replaySummary', ...summary(report) })}\n`
}

function summary(report: ReplayReport): object {
  const { logs, policy, totals, clients, rows, networks, refused, unsure, notJudged, fromLoggedFacts, internalErrors, interrupted } = report
  return {
    logs,
    policy,
    firstSeen: totals.firstSeen,
    lastSeen: totals.lastSeen,
    clients,
    messages: counts(totals.messages),
    messagesWithoutHelo: totals.withoutClaimedName,
    refusedClients: refused.length,
    refusedClientsAcceptedThen: refused.filter(({ messages }) => messages.accepted > 0).length,
    unsureClients: unsure.length,
    notJudged,
    judgedByLoggedFacts: fromLoggedFacts,
    internalErrors,
    interrupted,
    rules: rows.map(({ messages, ...row }) => ({ ...row, messages: counts(messages) })),
    networks,
  }
}

function clientFields({
  address,
  claimedName,
  authenticated,
  messages,
  toPostmaster,
  senders,
  recipients,
  lastSeen,
  facts,
  verdict,
}: JudgedClient): object {
  const { result, reason, ptrNames, ptrNameCount, confirmedName, findings, ordinary } = verdict
  return {
    ip: formatAddress(address),
    claimedName,
    authenticated,
    iprev: result === null ? null : { result, reason, ptrNames, ptrNameCount, confirmedName, asLogged: facts !== null },
    findings,
    ...decisions(ordinary),
    messages: counts(messages),
    messagesToPostmaster: counts(toPostmaster),
    senders,
    recipients,
    lastSeen,
  }
}

function decisions({ intended, enforced }: Outlook): object {
  const { action, rule, finding, code, enhanced } = intended
  return { intended: { action, rule, finding, code, enhanced }, enforced: { action: enforced.action, rule: enforced.rule } }
}

function counts(messages: ThenCounts): object {
  return { total: sumOf(messages), ...messages }
}

function stringify(value: object): string {
  return escapeJson(JSON.stringify(value))
}
