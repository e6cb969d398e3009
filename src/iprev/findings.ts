/**
 * The findings that the iprev facts alone give: the verdict first, then what each step and each PTR name contributed.
 * What a PTR name looks like (generic, reserved suffix) is judged in identity, not here.
 */
import { formatAddress } from '../core/address.ts'
import { finding, type Finding, type FindingLevel } from '../findings/catalogue.ts'
import {
  confirmedName,
  DEFAULT_IPREV_SETTINGS,
  type IprevFacts,
  type IprevReason,
  type IprevSettings,
  type PtrName,
  type PtrNameOutcome,
} from './facts.ts'

/** `settings` are those of the lookup: findings name the limit that was hit. */
export function iprevFindings(facts: IprevFacts, settings?: Partial<IprevSettings>): Finding[] {
  const limits = settings ? { ...DEFAULT_IPREV_SETTINGS, ...settings } : DEFAULT_IPREV_SETTINGS
  const ip = formatAddress(facts.address)
  const verdict = verdictFinding(facts, ip, limits)
  const findings = verdict ? [verdict] : []
  addLimits(findings, facts, ip, limits)
  addReverseFindings(findings, facts, ip)
  for (const name of facts.names) if (name.outcome !== 'confirmed') findings.push(nameFinding(facts, ip, name, name.outcome))
  return findings
}

/** Undefined where names are left in doubt: each says so for itself. */
function verdictFinding(facts: IprevFacts, ip: string, limits: IprevSettings): Finding | undefined {
  const { reverseName } = facts
  switch (facts.reason) {
    case 'confirmed':
      return finding('FCRDNS_CONFIRMED', { ip, confirmedName: confirmedName(facts, undefined) ?? '' })
    case 'noReverseName':
    case 'noPtrRecord':
      return finding('PTR_MISSING', { ip, reverseName, cause: facts.reason })
    case 'aliasLoop':
      return finding('PTR_ALIAS_LOOP', { ip, reverseName, chain: [reverseName, ...facts.aliases.map((alias) => alias.target)] })
    case 'aliasDangling':
      return finding('PTR_ALIAS_DANGLING', { ip, reverseName, target: facts.aliases.at(-1)?.target ?? reverseName })
    case 'aliasTooDeep':
      return finding('PTR_ALIAS_TOO_DEEP', { ip, reverseName, depth: limits.maxAliases })
    case 'elsewhere':
    case 'nameNotFound':
    case 'nameWithoutAddress':
    case 'noUsableName':
      return finding('FCRDNS_MISMATCH', { ip, ptrNames: facts.names.map((candidate) => candidate.name) })
    default:
      if (facts.names.length > 0) return undefined
      return finding('PTR_UNKNOWN', { ip, reverseName, outcome: reverseOutcome(facts.reason) })
  }
}

function reverseOutcome(reason: IprevReason): string {
  return reason.startsWith('reverse') ? reason.slice('reverse'.length).toLowerCase() : reason
}

/** Once a lookup however many names it cut off; on a pass it changed nothing. */
function addLimits(findings: Finding[], facts: IprevFacts, ip: string, { deadlineMs, maxQueries }: IprevSettings): void {
  const level = levelOfDoubt(facts)
  if (isHit(facts, 'deadline')) findings.push(finding('IPREV_DEADLINE', { ip, deadlineMs }, level))
  if (isHit(facts, 'queryCap')) findings.push(finding('IPREV_QUERY_CAP', { ip, maxQueries }, level))
  if (isHit(facts, 'aborted')) findings.push(finding('IPREV_ABORTED', { ip }, level))
}

function isHit({ reason, names }: IprevFacts, limit: 'deadline' | 'queryCap' | 'aborted'): boolean {
  return reason === limit || names.some((candidate) => candidate.outcome === limit)
}

function addReverseFindings(
  findings: Finding[],
  { reverseName, aliases, names, ptrNameCount: count, truncated }: IprevFacts,
  ip: string,
): void {
  const target = aliases.at(-1)?.target
  if (target !== undefined && names.length > 0) findings.push(finding('PTR_DELEGATED', { reverseName, target }))
  if (count > 1) findings.push(finding('PTR_MULTIPLE', { ip, count }))
  if (truncated) findings.push(finding('PTR_TRUNCATED', { ip, count, kept: names.length }))
}

function nameFinding(
  facts: IprevFacts,
  ip: string,
  { name: ptrName, addresses }: PtrName,
  outcome: Exclude<PtrNameOutcome, 'confirmed'>,
): Finding {
  switch (outcome) {
    case 'elsewhere':
      return finding('FORWARD_ELSEWHERE', { ip, ptrName, addresses: addresses.map(formatAddress) })
    case 'nxdomain':
      return finding('FORWARD_NXDOMAIN', { ip, ptrName })
    case 'nodata':
      return finding('FORWARD_NO_ADDRESS', { ip, ptrName, recordType: facts.address.family === 4 ? 'A' : 'AAAA' })
    case 'aliasLoop':
    case 'aliasTooDeep':
      return finding('FORWARD_ALIAS_BROKEN', { ip, ptrName, cause: outcome })
    case 'notHostName':
      return finding('PTR_NOT_HOST_NAME', { ip, ptrName })
    case 'singleLabel':
      return finding('PTR_SINGLE_LABEL', { ip, ptrName })
    case 'servfail':
    case 'refused':
    case 'timeout':
    case 'malformed':
    case 'deadline':
    case 'queryCap':
    case 'aborted':
      return finding('FORWARD_UNKNOWN', { ip, ptrName, outcome }, levelOfDoubt(facts))
  }
}

/** Once another name has confirmed the address, what could not be told decides nothing. */
function levelOfDoubt({ result }: IprevFacts): FindingLevel {
  return result === 'pass' ? 'notice' : 'inconclusive'
}
