/**
 * The findings that the iprev facts alone give: the verdict first, then what each step and each PTR name contributed.
 * What a PTR name looks like (generic, reserved suffix) is judged in identity, not here.
 */
import { formatAddress } from '../core/address.ts'
import { finding, type Finding, type FindingLevel } from '../findings/catalogue.ts'
import { confirmedName, DEFAULT_IPREV_SETTINGS, type IprevFacts, type IprevReason, type IprevSettings, type PtrName } from './facts.ts'

/** `settings` are those of the lookup: findings name the limit that was hit. */
export function iprevFindings(facts: IprevFacts, settings?: Partial<IprevSettings>): Finding[] {
  const limits = settings ? { ...DEFAULT_IPREV_SETTINGS, ...settings } : DEFAULT_IPREV_SETTINGS
  const findings = verdictFindings(facts, limits)
  findings.push(...reverseFindings(facts))
  for (const name of facts.names) findings.push(...nameFindings(facts, name))
  return findings
}

function verdictFindings(facts: IprevFacts, limits: IprevSettings): Finding[] {
  const ip = formatAddress(facts.address)
  const { reverseName } = facts
  switch (facts.reason) {
    case 'confirmed':
      return [
        finding('FCRDNS_CONFIRMED', { ip, confirmedName: confirmedName(facts, undefined) ?? '' }),
        ...limitFindings(facts, ip, limits),
      ]
    case 'noReverseName':
    case 'noPtrRecord':
      return [finding('PTR_MISSING', { ip, reverseName, cause: facts.reason })]
    case 'aliasLoop':
      return [finding('PTR_ALIAS_LOOP', { ip, reverseName, chain: [reverseName, ...facts.aliases.map((alias) => alias.target)] })]
    case 'aliasDangling':
      return [finding('PTR_ALIAS_DANGLING', { ip, reverseName, target: facts.aliases.at(-1)?.target ?? reverseName })]
    case 'aliasTooDeep':
      return [finding('PTR_ALIAS_TOO_DEEP', { ip, reverseName, depth: limits.maxAliases })]
    case 'elsewhere':
    case 'nameNotFound':
    case 'nameWithoutAddress':
    case 'noUsableName':
      return [finding('FCRDNS_MISMATCH', { ip, ptrNames: facts.names.map((candidate) => candidate.name) })]
    default:
      return temporaryFindings(facts, ip, limits)
  }
}

/** Without a single name it is the PTR question that could not be told; with names, each says so for itself. */
function temporaryFindings(facts: IprevFacts, ip: string, limits: IprevSettings): Finding[] {
  const limited = limitFindings(facts, ip, limits)
  if (facts.names.length > 0) return limited
  return [finding('PTR_UNKNOWN', { ip, reverseName: facts.reverseName, outcome: reverseOutcome(facts.reason) }), ...limited]
}

function reverseOutcome(reason: IprevReason): string {
  return reason.startsWith('reverse') ? reason.slice('reverse'.length).toLowerCase() : reason
}

/** Once a lookup however many names it cut off; on a pass it changed nothing. */
function limitFindings(facts: IprevFacts, ip: string, { deadlineMs, maxQueries }: IprevSettings): Finding[] {
  const isHit = (limit: 'deadline' | 'queryCap' | 'aborted'): boolean =>
    facts.reason === limit || facts.names.some((candidate) => candidate.outcome === limit)
  const level: FindingLevel = facts.result === 'pass' ? 'notice' : 'inconclusive'
  const findings: Finding[] = []
  if (isHit('deadline')) findings.push(finding('IPREV_DEADLINE', { ip, deadlineMs }, level))
  if (isHit('queryCap')) findings.push(finding('IPREV_QUERY_CAP', { ip, maxQueries }, level))
  if (isHit('aborted')) findings.push(finding('IPREV_ABORTED', { ip }, level))
  return findings
}

function reverseFindings(facts: IprevFacts): Finding[] {
  const findings: Finding[] = []
  const { reverseName, ptrNameCount: count, names } = facts
  const target = facts.aliases.at(-1)?.target
  if (target !== undefined && names.length > 0) findings.push(finding('PTR_DELEGATED', { reverseName, target }))
  if (count < 2 && !facts.truncated) return findings
  const ip = formatAddress(facts.address)
  if (count > 1) findings.push(finding('PTR_MULTIPLE', { ip, count }))
  if (facts.truncated) findings.push(finding('PTR_TRUNCATED', { ip, count, kept: names.length }))
  return findings
}

function nameFindings(facts: IprevFacts, candidate: PtrName): Finding[] {
  const { outcome, name: ptrName } = candidate
  if (outcome === 'confirmed') return []
  const ip = formatAddress(facts.address)
  switch (outcome) {
    case 'elsewhere':
      return [finding('FORWARD_ELSEWHERE', { ip, ptrName, addresses: candidate.addresses.map(formatAddress) })]
    case 'nxdomain':
      return [finding('FORWARD_NXDOMAIN', { ip, ptrName })]
    case 'nodata':
      return [finding('FORWARD_NO_ADDRESS', { ip, ptrName, recordType: facts.address.family === 4 ? 'A' : 'AAAA' })]
    case 'aliasLoop':
    case 'aliasTooDeep':
      return [finding('FORWARD_ALIAS_BROKEN', { ip, ptrName, cause: outcome })]
    case 'notHostName':
      return [finding('PTR_NOT_HOST_NAME', { ip, ptrName })]
    case 'singleLabel':
      return [finding('PTR_SINGLE_LABEL', { ip, ptrName })]
    case 'servfail':
    case 'refused':
    case 'timeout':
    case 'malformed':
    case 'deadline':
    case 'queryCap':
    case 'aborted':
      // Another name has confirmed the address: the doubt about this one decides nothing.
      return [finding('FORWARD_UNKNOWN', { ip, ptrName, outcome }, facts.result === 'pass' ? 'notice' : 'inconclusive')]
  }
}
