/**
 * A replay for a person: the sums, then whom it would hit whose mail was accepted then, then the rest in short.
 * Everything from the log or the DNS is escaped and bounded here.
 */
import { formatAddress } from '../../core/address.ts'
import { argumentText, findingMessage, joinList } from '../../render/finding-text.ts'
import { textStyle, type Layout, type Mark } from '../../render/text-style.ts'
import { wrapLines } from '../../render/wrap.ts'
import { sumOf, type ThenCounts } from './client-table.ts'
import type { JudgedClient } from './judge-clients.ts'
import type { LogFormat } from './log-record.ts'
import type { LogSummary, PolicySummary, RefusedClient, ReplayReport, RuleRow } from './replay-report.ts'

export interface ReplayTextOptions {
  readonly columns: number
  readonly color: boolean
  readonly verbose: boolean
}

export function renderReplayText(report: ReplayReport, options: ReplayTextOptions): string {
  const layout = { columns: options.columns, verbose: options.verbose, style: textStyle(options.color) }
  const sections = [
    heading(report, layout),
    notes(report, layout),
    ruleTable(report.rows, report.policy, layout),
    surprises(report, layout),
    refusedThenToo(report, layout),
    unsure(report, layout),
    networks(report, layout),
    exceptions(report, layout),
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

/** In the lists of a report; `--verbose` shows more, JSON all. */
const SHOWN = { detailed: 10, brief: 10 } as const
const SHOWN_VERBOSE = { detailed: 1000, brief: 1000 } as const

const FORMAT_NAMES: Readonly<Record<LogFormat, string>> = { postfix: 'Postfix', exim: 'Exim', ptrgate: 'ptrgate' }

function heading(report: ReplayReport, { columns, style }: Layout): string[] {
  const { totals, clients } = report
  const period = totals.firstSeen !== null && totals.lastSeen !== null ? `, ${totals.firstSeen} to ${totals.lastSeen}` : ''
  return [
    ...wrapLines(`Replay under ${policyName(report.policy)}`, columns).map((line) => style.heading(line)),
    ...report.logs.flatMap((log) => wrapLines(logLine(log), columns, { first: '  ', rest: '    ' })),
    ...wrapLines(`${counted(sumOf(totals.messages), 'message')} from ${counted(clients, 'client')}${period}.`, columns, { first: '  ' }),
  ]
}

function policyName({ file, preset, dryRun, percent, exemptPostmaster }: PolicySummary): string {
  const parts = [`preset ${preset}`]
  if (dryRun) parts.push('dry run')
  if (percent < 100) parts.push(`${String(percent)} percent`)
  if (exemptPostmaster) parts.push('postmaster exempt')
  return file === null ? `the ${parts.join(', ')}` : `${argumentText(file)} (${parts.join(', ')})`
}

function logLine({ name, format, lines, used, tooLong }: LogSummary): string {
  const what = format === null ? 'none of Postfix, Exim or ptrgate' : `${FORMAT_NAMES[format]}, ${number(used)} of them used`
  const long = tooLong > 0 ? `; ${counted(tooLong, 'line')} left out for being too long` : ''
  return `${argumentText(name)}: ${counted(lines, 'line')}, ${what}${long}`
}

function notes(report: ReplayReport, { columns }: Layout): string[] {
  const { totals, fromLoggedFacts, notJudged, internalErrors } = report
  const judged = report.clients - notJudged.clients
  const texts: string[] = []
  if (judged > fromLoggedFacts) {
    texts.push('DNS was asked now, not when the mail came: who has mended or broken their PTR record since is judged by the new one.')
  }
  if (fromLoggedFacts > 0) texts.push(`What the DNS said then is in ptrgate's log, and was used for ${counted(fromLoggedFacts, 'client')}.`)
  if (totals.withoutClaimedName > 0) {
    texts.push(
      `The log does not hold HELO of ${counted(totals.withoutClaimedName, 'message')}: no rule about HELO was applied to them, so a gate may refuse more.`,
    )
  }
  if (totals.notKept > 0) {
    texts.push(
      `There are more clients than ${number(report.clients)}: ${counted(totals.notKept, 'message')} of the others were not judged. Replay fewer logs at a time.`,
    )
  }
  if (report.interrupted) {
    texts.push(
      `Interrupted: ${counted(notJudged.clients, 'client')} with ${counted(notJudged.messages - totals.notKept, 'message')} not judged.`,
    )
  }
  if (internalErrors > 0) texts.push(`ptrgate itself failed for ${counted(internalErrors, 'client')}; see rule internalError.`)
  return texts.flatMap((text) => wrapLines(text, columns, { first: '- ', rest: '  ' }))
}

function ruleTable(rows: readonly RuleRow[], { dryRun, percent }: PolicySummary, { style, columns }: Layout): string[] {
  if (rows.length === 0) return []
  const line = (cells: readonly [string, string, string, string, string, string]): string => {
    const [action, rule, ...numbers] = cells
    return `  ${action.padEnd(11)}${rule.padEnd(24)}${numbers.map((cell, index) => cell.padStart(index === 2 ? 15 : 10)).join('')}`
  }
  const isRestrained = rows.some(({ messages, enforced }) => enforced < sumOf(messages))
  const table = rows.map(({ action, rule, clients, messages, enforced }) =>
    line([
      action,
      rule,
      number(clients),
      number(sumOf(messages)),
      number(messages.accepted),
      isRestrained ? number(enforced) : '',
    ]).trimEnd(),
  )
  const restraint = dryRun ? 'it is a dry run' : percent < 100 ? `${String(percent)} percent of the clients are in` : 'see the config'
  return [
    style.heading('What the policy calls for'),
    style.faint(line(['', '', 'clients', 'messages', 'accepted then', isRestrained ? 'enforced' : '']).trimEnd()),
    ...table,
    ...(isRestrained
      ? wrapLines(`Enforced: what would really be done, since ${restraint}; the rest is only tagged.`, columns, { first: '  ' })
      : []),
  ]
}

function surprises({ refused, rows, notJudged }: ReplayReport, layout: Layout): string[] {
  if (rows.length === 0) return []
  const feared = refused.filter(isFeared)
  const messages = feared.reduce((sum, client) => sum + client.messages.accepted + client.messages.unknown, 0)
  const title = `Accepted then, and refused by this policy: ${counted(feared.length, 'client')}, ${counted(messages, 'message')}`
  if (feared.length === 0) {
    const verdict = `${notJudged.messages > 0 ? 'Of what was judged, nothing' : 'Nothing'} that was accepted then would be refused.`
    return [`${layout.style.mark('ok')} ${layout.style.heading(verdict)}`]
  }
  return listed(title, feared, limits(layout).detailed, layout, (client) => detailed(client, layout))
}

/** Where the log does not say what became of a message, it may have been accepted. */
function isFeared({ messages }: RefusedClient): boolean {
  return messages.accepted + messages.unknown > 0
}

function detailed({ client, messages }: RefusedClient, { columns, style }: Layout): string[] {
  const { verdict, senders, recipients, lastSeen, claimedName } = client
  const { intended, enforced } = verdict.ordinary
  const field = (label: string, text: string): string[] =>
    wrapLines(text, columns, { first: `      ${label.padEnd(6)}`, rest: ' '.repeat(12) })
  const ptr = verdict.result === null ? 'not asked' : joinList(verdict.ptrNames, 3)
  const reply = [intended.action, ...[intended.code, intended.enhanced].filter((part) => part !== null)].join(' ')
  const held = enforced.action === intended.action ? '' : `; today ${enforced.action}, by ${enforced.rule}`
  return [
    `  ${style.mark(MARKS[intended.action])} ${style.heading(formatAddress(client.address))}`,
    ...wrapLines(reason(client), columns, { first: '      ' }),
    ...field('PTR', ptr),
    ...field('HELO', claimedName === null ? 'not in the log' : argumentText(claimedName)),
    ...field('then', `${thenText(messages)}${lastSeen === null ? '' : `, last ${lastSeen}`}`),
    ...field('now', `${reply}, by ${intended.rule}${held}`),
    ...(senders.length > 0 ? field('from', joinList(senders.map((sender) => (sender === '' ? '<>' : sender)))) : []),
    ...(recipients.length > 0 ? field('to', joinList(recipients)) : []),
  ]
}

const MARKS: Readonly<Record<JudgedClient['verdict']['ordinary']['intended']['action'], Mark>> = {
  accept: 'ok',
  tag: 'notice',
  quarantine: 'warning',
  defer: 'unsure',
  reject: 'error',
}

function reason({ verdict }: JudgedClient): string {
  if (verdict.cause) return findingMessage(verdict.cause, 'terminal')
  return verdict.ordinary.intended.finding ?? verdict.ordinary.intended.rule
}

function refusedThenToo({ refused }: ReplayReport, layout: Layout): string[] {
  const clients = refused.filter((client) => !isFeared(client))
  const title = `Refused then as well: ${counted(clients.length, 'client')}`
  return listed(title, clients, limits(layout).brief, layout, ({ client, messages }) => brief(client, messages, layout))
}

function unsure(report: ReplayReport, layout: Layout): string[] {
  const title = `Could not be told now: ${counted(report.unsure.length, 'client')} (a gate asks them to come back later)`
  return listed(title, report.unsure, limits(layout).brief, layout, (client) => brief(client, client.messages, layout))
}

function brief(client: JudgedClient, messages: ThenCounts, { columns }: Layout): string[] {
  const { verdict, claimedName } = client
  const ip = formatAddress(client.address).padEnd(15)
  const helo = claimedName === null ? '' : `, HELO ${argumentText(claimedName)}`
  return wrapLines(`${ip}  ${verdict.ordinary.intended.rule}${helo}: ${thenText(messages)}`, columns, { first: '  ', rest: '      ' })
}

function networks(report: ReplayReport, { style }: Layout): string[] {
  if (report.networks.length === 0) return []
  const rows = report.networks.map(
    ({ network, clients, messages }) =>
      `  ${network.padEnd(28)}${counted(clients, 'address').padStart(16)}${counted(messages, 'message').padStart(18)}`,
  )
  return [style.heading('Networks with several refused clients'), ...rows]
}

/** The keys of the config that would let the listed ones through: an address by its network, a confirmed name by itself. */
function exceptions({ refused }: ReplayReport, layout: Layout): string[] {
  const feared = refused.filter(isFeared).slice(0, Math.min(limits(layout).detailed, MAX_EXCEPTIONS))
  if (feared.length === 0) return []
  const names = unique(feared.flatMap(({ client }) => client.verdict.confirmedName ?? []).filter(isPlainName))
  const others = unique(
    feared.filter(({ client }) => !isPlainName(client.verdict.confirmedName ?? '')).map(({ client }) => formatAddress(client.address)),
  )
  const yaml = [
    '  policy:',
    ...(others.length > 0 ? ['    networks:', ...others.map((ip) => `      - { cidr: '${ip}', preset: observe }`)] : []),
    ...(names.length > 0 ? ['    names:', ...names.map((name) => `      - { name: '${name}', preset: observe }`)] : []),
  ]
  return [
    ...wrapLines('To only tag the clients listed first, whatever is found of them, the config would say:', layout.columns),
    ...yaml.map((line) => layout.style.literal(line)),
  ]
}

const MAX_EXCEPTIONS = 20

/** Such as the config takes; no DNS name that is not one can become a line of YAML. */
function isPlainName(name: string): boolean {
  return /^[a-z0-9.-]{1,253}$/i.test(name)
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}

function listed<T>(
  title: string,
  items: readonly T[],
  limit: number,
  { columns, style, verbose }: Layout,
  render: (item: T) => readonly string[],
): string[] {
  if (items.length === 0) return []
  const more = items.length - limit
  const hint = verbose ? '--ndjson lists all' : '--verbose lists more, --ndjson all'
  return [
    ...wrapLines(title, columns).map((line) => style.heading(line)),
    ...items.slice(0, limit).flatMap(render),
    ...(more > 0 ? [style.faint(`  and ${number(more)} more (${hint})`)] : []),
  ]
}

function limits({ verbose }: Layout): typeof SHOWN | typeof SHOWN_VERBOSE {
  return verbose ? SHOWN_VERBOSE : SHOWN
}

function thenText({ accepted, deferred, rejected, unknown }: ThenCounts): string {
  const parts = [
    [accepted, 'accepted'],
    [deferred, 'deferred'],
    [rejected, 'rejected'],
    [unknown, 'with an unknown end'],
  ] as const
  const told = parts.filter(([count]) => count > 0).map(([count, word]) => `${number(count)} ${word}`)
  return told.length === 0 ? 'none' : told.join(', ')
}

function counted(count: number, noun: string): string {
  return `${number(count)} ${count === 1 ? noun : noun === 'address' ? 'addresses' : `${noun}s`}`
}

/** 1,234,567 */
function number(count: number): string {
  return String(count).replace(/\B(?=(?:[0-9]{3})+$)/g, ',')
}
