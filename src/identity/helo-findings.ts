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
  switch (form.kind) {
    case 'invalid':
      return [finding('HELO_SYNTAX', { claimedName, problem: form.problem })]
    case 'bareAddress':
      return [finding('HELO_BARE_ADDRESS', { claimedName }), ...ownAddressFindings(input, form.address)]
    case 'literal':
      return [finding('HELO_LITERAL', { claimedName }), ...literalFindings(input, form.address), ...ownAddressFindings(input, form.address)]
    case 'name':
      return nameFindings(input, form.name)
  }
}

function literalFindings({ helo: { claimedName }, iprev }: HeloFindingsInput, address: IpAddress): Finding[] {
  const peer = unmapAddress(iprev.address)
  return sameAddress(address, peer) ? [] : [finding('HELO_LITERAL_MISMATCH', { claimedName, ip: formatAddress(peer) })]
}

function ownAddressFindings(input: HeloFindingsInput, address: IpAddress): Finding[] {
  const isOurs = input.ourAddresses.some((ours) => sameAddress(unmapAddress(ours), address))
  return isOurs && isStranger(input) ? [finding('HELO_OUR_NAME', { claimedName: input.helo.claimedName })] : []
}

function isStranger({ isStranger: told, ourAddresses, iprev }: HeloFindingsInput): boolean {
  return told ?? !ourAddresses.some((ours) => sameAddress(unmapAddress(ours), unmapAddress(iprev.address)))
}

function nameFindings(input: HeloFindingsInput, name: DomainName): Finding[] {
  const { claimedName } = input.helo
  switch (scopeOfHeloName(name)) {
    case 'localhost':
      return [finding('HELO_LOCALHOST', { claimedName }), ...ownNameFindings(input, name)]
    case 'singleLabel':
      return [...underscoreFindings(input, name), finding('HELO_NOT_FQDN', { claimedName }), ...ownNameFindings(input, name)]
    case 'qualified':
      return [
        ...underscoreFindings(input, name),
        ...suffixFindings(input, name),
        ...ownNameFindings(input, name),
        ...genericFindings(input, name),
        ...resolutionFindings(input),
        ...ptrFindings(input, name),
        ...confirmedFindings(input, name),
      ]
  }
}

function underscoreFindings({ helo: { claimedName } }: HeloFindingsInput, name: DomainName): Finding[] {
  return hasUnderscore(name) ? [finding('HELO_UNDERSCORE', { claimedName })] : []
}

function suffixFindings({ helo: { claimedName } }: HeloFindingsInput, name: DomainName): Finding[] {
  const suffix = reservedSuffix(name)
  return suffix === undefined ? [] : [finding('HELO_RESERVED_SUFFIX', { claimedName, suffix })]
}

function ownNameFindings(input: HeloFindingsInput, name: DomainName): Finding[] {
  const isOurs = input.ourNames.some((ours) => sameName(ours, name))
  return isOurs && isStranger(input) ? [finding('HELO_OUR_NAME', { claimedName: input.helo.claimedName })] : []
}

function genericFindings({ helo: { claimedName }, iprev, assess }: HeloFindingsInput, name: DomainName): Finding[] {
  const { generic, score, reasons } = (assess ?? nameAssessor(iprev.address))(name)
  return generic ? [finding('HELO_GENERIC', { claimedName, score, reasons })] : []
}

function resolutionFindings({ helo: { claimedName, resolution }, iprev }: HeloFindingsInput): Finding[] {
  const peer = unmapAddress(iprev.address)
  switch (resolution.kind) {
    case 'notAsked':
      return []
    case 'unknown':
      return [finding('HELO_UNKNOWN', { claimedName, outcome: resolution.outcome })]
    case 'none':
      return [finding('HELO_UNRESOLVABLE', { claimedName, cause: resolution.nxdomain ? 'nxdomain' : 'nodata' })]
    case 'addresses':
    case 'otherFamilyOnly': {
      const { addresses } = resolution
      if (addresses.some((address) => sameAddress(address, peer))) return []
      return [finding('HELO_OTHER_ADDRESS', { claimedName, ip: formatAddress(peer), addresses: addresses.map(formatAddress) })]
    }
  }
}

/** Only against a set of PTR names that is known and complete: an ignored one may be the one that fits. */
function ptrFindings({ helo: { claimedName }, iprev }: HeloFindingsInput, name: DomainName): Finding[] {
  const { names, truncated } = iprev
  if (names.length === 0 || truncated || names.some((ptr) => sameName(ptr.name, name))) return []
  return [finding('HELO_PTR_DIFFERS', { claimedName, ptrNames: names.map((ptr) => ptr.name) })]
}

function confirmedFindings({ helo: { claimedName }, iprev }: HeloFindingsInput, name: DomainName): Finding[] {
  const confirmedNames = iprev.names.filter((ptr) => ptr.outcome === 'confirmed').map((ptr) => canonicalName(ptr.name))
  const confirmedName = confirmedNames.find((confirmed) => sameName(confirmed, name)) ?? confirmedNames[0]
  if (confirmedName === undefined) return []
  if (sameName(confirmedName, name)) return [finding('HELO_ALIGNED', { claimedName, confirmedName })]
  if (mayStillBeConfirmed(iprev, name)) return []
  const differs = finding('HELO_CONFIRMED_DIFFERS', { claimedName, confirmedName })
  const claimedDomain = organisationalDomain(name)
  const confirmedDomain = organisationalDomain(confirmedName)
  const isForeign = alignWithAny(name, confirmedNames) === 'different'
  if (!isForeign || claimedDomain === undefined || confirmedDomain === undefined) return [differs]
  return [differs, finding('HELO_ORGANISATION_DIFFERS', { claimedName, confirmedName, claimedDomain, confirmedDomain })]
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
