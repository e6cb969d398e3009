/**
 * `ptrgate check` as JSON: one line an object, `ptrgate` and `kind` first, keys always in the same order. The format is
 * described by docs/check.schema.json. The JSON text is printable ASCII; `claimedName` and `args` decode to the raw text.
 * Written out by hand: a gateway logs such a line for every client, and this takes half the time of JSON.stringify.
 */
import { formatAddress, type IpAddress } from '../core/address.ts'
import type { Finding } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts, PtrName } from '../iprev/facts.ts'
import type { Decision } from '../policy/decision.ts'
import { escapeForSmtp, escapeForTerminal, escapeJson } from './escape.ts'
import { findingMessage } from './finding-text.ts'
import type { AddressReport, CheckReport, MailHop, RemedyStep, ReverseZoneSummary } from './report-types.ts'

/** The number of the format: it changes when a reader of the old one would be misled. */
export const JSON_FORMAT = 1

/** One report as one line, without a line end: for `--json` and as a line of `--ndjson`. */
export function checkJson(report: CheckReport): string {
  const { kind, target, targetKind, verdict, via, addresses, score, findings } = report
  return (
    `{"ptrgate":${String(JSON_FORMAT)},"kind":"${kind}","target":${text(target)},"targetKind":"${targetKind}","verdict":"${verdict}",` +
    `"via":${list(via, hopJson)},"addresses":${list(addresses, addressJson)},` +
    `"score":{"points":${String(score.points)},"of":${String(score.of)},"undecided":${String(score.undecided)}},` +
    `"findings":${list(findings, findingJson)}}`
  )
}

/** Several reports as one object, for `--json` with several targets. */
export function checkListJson(reports: readonly CheckReport[]): string {
  return `{"ptrgate":${String(JSON_FORMAT)},"kind":"checkList","checks":${list(reports, checkJson)}}`
}

function addressJson(report: AddressReport): string {
  const { address, iprev, confirmedName, helo, generic, findings, decision, remedy, cautions, providerMessage, reverseZone } = report
  return (
    `{"ip":${addressText(address)},"iprev":${iprevJson(iprev, confirmedName)},"helo":${helo ? heloJson(helo) : 'null'},` +
    `"generic":${generic ? `{"score":${String(generic.score)},"reasons":${list(generic.reasons, text)}}` : 'null'},` +
    `"findings":${list(findings, findingJson)},` +
    `"authenticationResults":${text(report.authenticationResults)},` +
    `"decision":${decisionJson(decision)},"remedy":${list(remedy, stepJson)},"cautions":${list(cautions, shownText)},` +
    `"providerMessage":${providerMessage ? messageJson(providerMessage) : 'null'},` +
    `"reverseZone":${reverseZone ? zoneJson(reverseZone) : 'null'}}`
  )
}

export function iprevJson(iprev: IprevFacts, confirmedName: string | null): string {
  return (
    `{"result":"${iprev.result}","reason":"${iprev.reason}","confirmedName":${textOrNull(confirmedName)},` +
    `"names":${list(iprev.names, nameJson)},"nameCount":${String(iprev.ptrNameCount)},"truncated":${String(iprev.truncated)},` +
    `"authenticated":${String(iprev.authenticated)},"reverseName":${text(iprev.reverseName)},` +
    `"aliases":${list(iprev.aliases, ({ target }) => text(target))}}`
  )
}

function nameJson({ name, outcome, addresses }: PtrName): string {
  return `{"name":${text(name)},"outcome":"${outcome}","addresses":${list(addresses, addressText)}}`
}

export function heloJson({ claimedName, form, resolution }: HeloFacts): string {
  return (
    `{"claimedName":${text(claimedName)},"form":"${form.kind}","problem":${textOrNull(form.kind === 'invalid' ? form.problem : null)},` +
    `"resolution":"${resolution.kind}","addresses":${'addresses' in resolution ? list(resolution.addresses, addressText) : '[]'}}`
  )
}

export function findingJson(finding: Finding): string {
  const values: Readonly<Record<string, string | number | readonly string[]>> = finding.args
  let args = ''
  for (const name in values) args += `${args === '' ? '' : ','}"${name}":${argumentJson(values[name] ?? '')}`
  return `{"code":"${finding.code}","level":"${finding.level}","args":{${args}},"message":${text(findingMessage(finding, 'terminal'))}}`
}

function argumentJson(value: string | number | readonly string[]): string {
  if (typeof value === 'string') return text(value)
  return typeof value === 'number' ? String(value) : list(value, text)
}

function decisionJson(decision: Decision): string {
  return `{${decisionMembers(decision)}}`
}

export function decisionMembers({ action, reply, rule, stage }: Decision): string {
  const answer = reply
    ? `"code":${String(reply.code)},"enhanced":${textOrNull(reply.enhanced)},"text":${text(escapeForSmtp(reply.lines.join(' ')))}`
    : '"code":null,"enhanced":null,"text":null'
  return `"action":"${action}",${answer},"rule":${text(rule)},"stage":"${stage}"`
}

function hopJson({ exchange, preference, addresses }: MailHop): string {
  return `{"exchange":${text(exchange)},"preference":${String(preference)},"addresses":${list(addresses, addressText)}}`
}

function stepJson({ kind, who, step, record, command, choices }: RemedyStep): string {
  const texts = `{"kind":${text(kind)},"who":${text(who)},"step":${shownText(step)}${member('record', record)}${member('command', command)}`
  return choices === undefined ? `${texts}}` : `${texts},"choices":${list(choices, choiceJson)}}`
}

function choiceJson({ label, command, setting }: NonNullable<RemedyStep['choices']>[number]): string {
  return `{"label":${shownText(label)}${member('command', command)}${member('setting', setting)}}`
}

function member(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${shownText(value)}`
}

/** The line ends of the body are ours; everything else in it is shown as text. */
function messageJson({ subject, body }: NonNullable<AddressReport['providerMessage']>): string {
  return `{"subject":${shownText(subject)},"body":${text(body.split('\n').map(escapeForTerminal).join('\n'))}}`
}

function zoneJson({ zone, nameservers, provider }: ReverseZoneSummary): string {
  return `{"zone":${textOrNull(zone)},"nameservers":${list(nameservers, text)},"provider":${textOrNull(provider)}}`
}

export function list<T>(values: readonly T[], write: (value: T) => string): string {
  let joined = ''
  for (const value of values) joined += joined === '' ? write(value) : `,${write(value)}`
  return `[${joined}]`
}

export function addressText(address: IpAddress): string {
  return `"${formatAddress(address)}"`
}

/** For texts of ours, which somebody may paste into a terminal as they are. */
function shownText(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : text(escapeForTerminal(value))
}

export function textOrNull(value: string | null): string {
  return value === null ? 'null' : text(value)
}

export function text(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : escapeJson(JSON.stringify(value))
}

/** Printable ASCII without quote and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
