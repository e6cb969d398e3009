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
    `{"ptrgate":${String(JSON_FORMAT)},"kind":"${kind}","target":"${chars(target)}","targetKind":"${targetKind}","verdict":"${verdict}",` +
    `"via":[${elements(via, hopJson)}],"addresses":[${elements(addresses, addressJson)}],` +
    `"score":{"points":${String(score.points)},"of":${String(score.of)},"undecided":${String(score.undecided)}},` +
    `"findings":[${elements(findings, findingJson)}]}`
  )
}

/** Several reports as one object, for `--json` with several targets. */
export function checkListJson(reports: readonly CheckReport[]): string {
  return `{"ptrgate":${String(JSON_FORMAT)},"kind":"checkList","checks":[${elements(reports, checkJson)}]}`
}

function addressJson(report: AddressReport): string {
  const { address, iprev, confirmedName, helo, generic, findings, decision, remedy, cautions, providerMessage, reverseZone } = report
  return (
    `{"ip":"${formatAddress(address)}","iprev":${iprevJson(iprev, confirmedName)},"helo":${helo ? heloJson(helo) : 'null'},` +
    `"generic":${generic ? `{"score":${String(generic.score)},"reasons":[${elements(generic.reasons, text)}]}` : 'null'},` +
    `"findings":[${elements(findings, findingJson)}],` +
    `"authenticationResults":"${chars(report.authenticationResults)}",` +
    `"decision":${decisionJson(decision)},"remedy":[${elements(remedy, stepJson)}],"cautions":[${elements(cautions, shownText)}],` +
    `"providerMessage":${providerMessage ? messageJson(providerMessage) : 'null'},` +
    `"reverseZone":${reverseZone ? zoneJson(reverseZone) : 'null'}}`
  )
}

export function iprevJson(iprev: IprevFacts, confirmedName: string | null): string {
  return (
    `{"result":"${iprev.result}","reason":"${iprev.reason}","confirmedName":${textOrNull(confirmedName)},` +
    `"names":[${elements(iprev.names, nameJson)}],"nameCount":${String(iprev.ptrNameCount)},"truncated":${String(iprev.truncated)},` +
    `"authenticated":${String(iprev.authenticated)},"reverseName":"${chars(iprev.reverseName)}",` +
    `"aliases":[${elements(iprev.aliases, ({ target }) => text(target))}]}`
  )
}

function nameJson({ name, outcome, addresses }: PtrName): string {
  return `{"name":"${chars(name)}","outcome":"${outcome}","addresses":[${elements(addresses, addressText)}]}`
}

export function heloJson({ claimedName, form, resolution }: HeloFacts): string {
  return (
    `{"claimedName":"${chars(claimedName)}","form":"${form.kind}","problem":${textOrNull(form.kind === 'invalid' ? form.problem : null)},` +
    `"resolution":"${resolution.kind}","addresses":[${'addresses' in resolution ? elements(resolution.addresses, addressText) : ''}]}`
  )
}

export function findingJson(finding: Finding): string {
  const values: Readonly<Record<string, string | number | readonly string[]>> = finding.args
  let args = ''
  for (const name in values) args += `${args === '' ? '' : ','}"${name}":${argumentJson(values[name] ?? '')}`
  return `{"code":"${finding.code}","level":"${finding.level}","args":{${args}},"message":"${chars(findingMessage(finding, 'terminal'))}"}`
}

function argumentJson(value: string | number | readonly string[]): string {
  if (typeof value === 'string') return text(value)
  return typeof value === 'number' ? String(value) : `[${elements(value, text)}]`
}

function decisionJson(decision: Decision): string {
  return `{${decisionMembers(decision)}}`
}

export function decisionMembers({ action, reply, rule, stage }: Decision): string {
  const answer = reply
    ? `"code":${String(reply.code)},"enhanced":${textOrNull(reply.enhanced)},"text":"${chars(escapeForSmtp(reply.lines.join(' ')))}"`
    : '"code":null,"enhanced":null,"text":null'
  return `"action":"${action}",${answer},"rule":"${chars(rule)}","stage":"${stage}"`
}

function hopJson({ exchange, preference, addresses }: MailHop): string {
  return `{"exchange":"${chars(exchange)}","preference":${String(preference)},"addresses":[${elements(addresses, addressText)}]}`
}

function stepJson({ kind, who, step, record, command, choices }: RemedyStep): string {
  const texts = `{"kind":"${chars(kind)}","who":"${chars(who)}","step":${shownText(step)}${member('record', record)}${member('command', command)}`
  return choices === undefined ? `${texts}}` : `${texts},"choices":[${elements(choices, choiceJson)}]}`
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
  return `{"zone":${textOrNull(zone)},"nameservers":[${elements(nameservers, text)}],"provider":${textOrNull(provider)}}`
}

/** What stands between the brackets. */
export function elements<T>(values: readonly T[], write: (value: T) => string): string {
  let joined = ''
  for (const value of values) joined += joined === '' ? write(value) : `,${write(value)}`
  return joined
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
  return `"${chars(value)}"`
}

/** What stands between the quotes. */
function chars(value: string): string {
  return PLAIN.test(value) ? value : escapeJson(JSON.stringify(value)).slice(1, -1)
}

/** Printable ASCII without quote and backslash. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
