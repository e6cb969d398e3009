/**
 * `ptrgate check` as JSON: one line an object, `ptrgate` and `kind` first, keys always in the same order. The format is
 * described by docs/check.schema.json. The JSON text is printable ASCII; `claimedName` and `args` decode to the raw text.
 */
import { formatAddress } from '../core/address.ts'
import type { Finding } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { Decision } from '../policy/decision.ts'
import { iprevAuthResults } from './auth-results.ts'
import { escapeForSmtp, escapeJson } from './escape.ts'
import { findingMessage } from './finding-text.ts'
import type { AddressReport, CheckReport, MailHop, RemedyStep, ReverseZoneSummary } from './report-types.ts'

/** The number of the format: it changes when a reader of the old one would be misled. */
export const JSON_FORMAT = 1

/** One report as one line, without a line end: for `--json` and as a line of `--ndjson`. */
export function checkJson(report: CheckReport): string {
  return escapeJson(JSON.stringify(checkValue(report)))
}

/** Several reports as one object, for `--json` with several targets. */
export function checkListJson(reports: readonly CheckReport[]): string {
  return escapeJson(JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'checkList', checks: reports.map(checkValue) }))
}

function checkValue(report: CheckReport): object {
  return {
    ptrgate: JSON_FORMAT,
    kind: report.kind,
    target: report.target,
    targetKind: report.targetKind,
    verdict: report.verdict,
    via: report.via.map(hopValue),
    addresses: report.addresses.map((address) => addressValue(address, report.authservId)),
    score: { points: report.score.points, of: report.score.of, undecided: report.score.undecided },
    findings: report.findings.map(findingValue),
  }
}

function addressValue(report: AddressReport, authservId: string): object {
  const { iprev, confirmedName, generic } = report
  return {
    ip: formatAddress(report.address),
    iprev: {
      result: iprev.result,
      reason: iprev.reason,
      confirmedName,
      names: iprev.names.map(({ name, outcome, addresses }) => ({ name, outcome, addresses: addresses.map(formatAddress) })),
      nameCount: iprev.ptrNameCount,
      truncated: iprev.truncated,
      authenticated: iprev.authenticated,
      reverseName: iprev.reverseName,
      aliases: iprev.aliases.map(({ target }) => target),
    },
    helo: report.helo && heloValue(report.helo),
    generic: generic && { score: generic.score, reasons: generic.reasons },
    findings: report.findings.map(findingValue),
    authenticationResults: iprevAuthResults({ authservId, iprev, confirmedName }),
    decision: decisionValue(report.decision),
    remedy: report.remedy.map(stepValue),
    reverseZone: report.reverseZone && zoneValue(report.reverseZone),
  }
}

function heloValue({ claimedName, form, resolution }: HeloFacts): object {
  return {
    claimedName,
    form: form.kind,
    problem: form.kind === 'invalid' ? form.problem : null,
    resolution: resolution.kind,
    addresses: 'addresses' in resolution ? resolution.addresses.map(formatAddress) : [],
  }
}

function findingValue(finding: Finding): object {
  return { code: finding.code, level: finding.level, args: finding.args, message: findingMessage(finding, 'terminal') }
}

function decisionValue({ action, reply, rule, stage }: Decision): object {
  return {
    action,
    code: reply ? reply.code : null,
    enhanced: reply ? reply.enhanced : null,
    text: reply ? escapeForSmtp(reply.lines.join(' ')) : null,
    rule,
    stage,
  }
}

function hopValue({ exchange, preference, addresses }: MailHop): object {
  return { exchange, preference, addresses: addresses.map(formatAddress) }
}

/** What is undefined is left out. */
function stepValue({ kind, who, step, record, command, choices }: RemedyStep): object {
  return { kind, who, step, record, command, choices: choices?.map(({ label, command, setting }) => ({ label, command, setting })) }
}

function zoneValue({ zone, nameservers, provider }: ReverseZoneSummary): object {
  return { zone, nameservers, provider }
}
