/**
 * HELO judged, in the order of the design: form, whose name it is, what it resolves to, and how it fits the PTR. Pure.
 * A HELO that differs from the PTR is at most a notice (RFC 5321 §4.1.4 forbids refusing for it), and what could not be told
 * or does not apply is not said.
 */
import { formatAddress, sameAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { canonicalName, sameName, type DomainName } from '../core/domain-name.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import type { IprevFacts, PtrName } from '../iprev/facts.ts'
import type { HeloFacts } from './facts.ts'
import { alignWithAny } from './alignment.ts'
import { hasUnderscore, scopeOfHeloName } from './helo-form.ts'
import { organisationalDomain } from './organisation.ts'
import { nameAssessor, type AssessName } from './ptr-quality.ts'
import { reservedSuffix } from './reserved-suffix.ts'

export interface HeloFindingsInput {
  readonly helo: HeloFacts
  readonly iprev: IprevFacts
  /** Names and addresses that only we may claim. */
  readonly ourNames: readonly DomainName[]
  readonly ourAddresses: readonly IpAddress[]
  /** False for clients that may speak in our name. Unless told, everybody is a stranger who does not come from our address. */
  readonly isStranger?: boolean | undefined
  /** Of this client's names; given where they have been assessed already. */
  readonly assess?: AssessName | undefined
}

export function heloFindings(input: HeloFindingsInput): Finding[] {
  const { claimedName, form } = input.helo
  const findings: Finding[] = []
  switch (form.kind) {
    case 'invalid':
      findings.push(finding('HELO_SYNTAX', { claimedName, problem: form.problem }))
      break
    case 'bareAddress':
      findings.push(finding('HELO_BARE_ADDRESS', { claimedName }))
      addOwnAddress(findings, input, form.address)
      break
    case 'literal':
      findings.push(finding('HELO_LITERAL', { claimedName }))
      addLiteral(findings, input, form.address)
      addOwnAddress(findings, input, form.address)
      break
    case 'name':
      addNameFindings(findings, input, form.name)
  }
  return findings
}

function addLiteral(findings: Finding[], { helo: { claimedName }, iprev }: HeloFindingsInput, address: IpAddress): void {
  const peer = unmapAddress(iprev.address)
  if (!sameAddress(address, peer)) findings.push(finding('HELO_LITERAL_MISMATCH', { claimedName, ip: formatAddress(peer) }))
}

function addOwnAddress(findings: Finding[], input: HeloFindingsInput, address: IpAddress): void {
  const isOurs = input.ourAddresses.some((ours) => sameAddress(unmapAddress(ours), address))
  if (isOurs && isStranger(input)) findings.push(finding('HELO_OUR_NAME', { claimedName: input.helo.claimedName }))
}

function isStranger({ isStranger: told, ourAddresses, iprev }: HeloFindingsInput): boolean {
  return told ?? !ourAddresses.some((ours) => sameAddress(unmapAddress(ours), unmapAddress(iprev.address)))
}

function addNameFindings(findings: Finding[], input: HeloFindingsInput, name: DomainName): void {
  const { claimedName } = input.helo
  switch (scopeOfHeloName(name)) {
    case 'localhost':
      findings.push(finding('HELO_LOCALHOST', { claimedName }))
      addOwnName(findings, input, name)
      break
    case 'singleLabel':
      addUnderscore(findings, input, name)
      findings.push(finding('HELO_NOT_FQDN', { claimedName }))
      addOwnName(findings, input, name)
      break
    case 'qualified':
      addUnderscore(findings, input, name)
      addReservedSuffix(findings, input, name)
      addOwnName(findings, input, name)
      addGeneric(findings, input, name)
      addResolution(findings, input)
      addPtr(findings, input, name)
      addConfirmed(findings, input, name)
  }
}

function addUnderscore(findings: Finding[], { helo: { claimedName } }: HeloFindingsInput, name: DomainName): void {
  if (hasUnderscore(name)) findings.push(finding('HELO_UNDERSCORE', { claimedName }))
}

function addReservedSuffix(findings: Finding[], { helo: { claimedName } }: HeloFindingsInput, name: DomainName): void {
  const suffix = reservedSuffix(name)
  if (suffix !== undefined) findings.push(finding('HELO_RESERVED_SUFFIX', { claimedName, suffix }))
}

function addOwnName(findings: Finding[], input: HeloFindingsInput, name: DomainName): void {
  const isOurs = input.ourNames.some((ours) => sameName(ours, name))
  if (isOurs && isStranger(input)) findings.push(finding('HELO_OUR_NAME', { claimedName: input.helo.claimedName }))
}

function addGeneric(findings: Finding[], { helo: { claimedName }, iprev, assess }: HeloFindingsInput, name: DomainName): void {
  const { generic, score, reasons } = (assess ?? nameAssessor(iprev.address))(name)
  if (generic) findings.push(finding('HELO_GENERIC', { claimedName, score, reasons }))
}

function addResolution(findings: Finding[], { helo: { claimedName, resolution }, iprev }: HeloFindingsInput): void {
  switch (resolution.kind) {
    case 'notAsked':
      break
    case 'unknown':
      findings.push(finding('HELO_UNKNOWN', { claimedName, outcome: resolution.outcome }))
      break
    case 'none':
      findings.push(finding('HELO_UNRESOLVABLE', { claimedName, cause: resolution.nxdomain ? 'nxdomain' : 'nodata' }))
      break
    case 'addresses':
    case 'otherFamilyOnly': {
      const { addresses } = resolution
      const peer = unmapAddress(iprev.address)
      if (addresses.some((address) => sameAddress(address, peer))) break
      findings.push(finding('HELO_OTHER_ADDRESS', { claimedName, ip: formatAddress(peer), addresses: addresses.map(formatAddress) }))
    }
  }
}

/** Only against a set of PTR names that is known and complete: an ignored one may be the one that fits. */
function addPtr(findings: Finding[], { helo: { claimedName }, iprev: { names, truncated } }: HeloFindingsInput, name: DomainName): void {
  if (names.length === 0 || truncated || names.some((ptr) => sameName(ptr.name, name))) return
  findings.push(finding('HELO_PTR_DIFFERS', { claimedName, ptrNames: names.map((ptr) => ptr.name) }))
}

function addConfirmed(findings: Finding[], { helo: { claimedName }, iprev }: HeloFindingsInput, name: DomainName): void {
  const confirmed = iprev.names.filter((ptr) => ptr.outcome === 'confirmed')
  const chosen = confirmed.find((ptr) => sameName(ptr.name, name)) ?? confirmed[0]
  if (chosen === undefined) return
  const confirmedName = canonicalName(chosen.name)
  if (sameName(confirmedName, name)) {
    findings.push(finding('HELO_ALIGNED', { claimedName, confirmedName }))
    return
  }
  if (mayStillBeConfirmed(iprev, name)) return
  findings.push(finding('HELO_CONFIRMED_DIFFERS', { claimedName, confirmedName }))
  const confirmedNames = confirmed.map((ptr) => ptr.name)
  if (alignWithAny(name, confirmedNames) !== 'different') return
  const claimedDomain = organisationalDomain(name)
  const confirmedDomain = organisationalDomain(confirmedName)
  if (claimedDomain === undefined || confirmedDomain === undefined) return
  findings.push(finding('HELO_ORGANISATION_DIFFERS', { claimedName, confirmedName, claimedDomain, confirmedDomain }))
}

/** The claimed name is a PTR name whose own lookup failed, or may be one of those that were ignored. */
function mayStillBeConfirmed({ names, truncated }: IprevFacts, name: DomainName): boolean {
  const own = names.find((ptr) => sameName(ptr.name, name))
  return own ? isUndecided(own) : truncated
}

function isUndecided({ outcome }: PtrName): boolean {
  switch (outcome) {
    case 'servfail':
    case 'refused':
    case 'timeout':
    case 'malformed':
    case 'deadline':
    case 'queryCap':
    case 'aborted':
      return true
    default:
      return false
  }
}
