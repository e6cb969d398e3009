/**
 * The name that an address should have: one that needs the least change, can be believed, and is safe in a command.
 * A confirmed PTR name that is nobody's default stays; else what the server calls itself; else its PTR name; else a placeholder.
 */
import { canonicalName, isHostName, labelsOf, name, sameName, type DomainName } from '../core/domain-name.ts'
import type { Finding, FindingCode } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts, PtrNameOutcome } from '../iprev/facts.ts'

export interface DesiredName {
  /** Always a host name of two labels or more. */
  readonly name: DomainName
  /** `placeholder`: nothing usable is known, the reader has to put a name of his own in its place. */
  readonly source: 'confirmed' | 'helo' | 'ptr' | 'placeholder'
}

export interface DesiredNameClues {
  readonly findings: readonly Finding[]
  readonly iprev: IprevFacts
  readonly helo: HeloFacts | null
}

/** The name that the caller gives, if it can be one, else the one that the facts suggest. */
export function desiredNameOf(input: DesiredNameClues & { readonly desiredName?: DesiredName | undefined }): DesiredName {
  const given = input.desiredName
  return given && isFullHostName(given.name) ? given : chooseDesiredName(input)
}

export function chooseDesiredName({ findings, iprev, helo }: DesiredNameClues): DesiredName {
  const unworthyPtrNames = findings.flatMap((finding) => (isAgainstPtrName(finding) ? [finding.args.ptrName] : []))
  const isWorthy = (candidate: DomainName): boolean =>
    isFullHostName(candidate) && !unworthyPtrNames.some((unworthy) => sameName(unworthy as DomainName, candidate))
  const ptrName = (fits: (outcome: PtrNameOutcome) => boolean): DomainName | undefined =>
    preferring(
      claimed,
      iprev.names.filter(({ name, outcome }) => fits(outcome) && isWorthy(name)).map((ptr) => ptr.name),
    )
  const claimed = helo?.form.kind === 'name' ? helo.form.name : undefined
  const isClaimUsable = claimed !== undefined && isWorthy(claimed) && !findings.some(({ code }) => AGAINST_HELO.has(code))

  const confirmed = ptrName((outcome) => outcome === 'confirmed')
  if (confirmed) return { name: canonicalName(confirmed), source: 'confirmed' }
  // It may well be confirmed: what could not be told is no ground for a change.
  const undecided = ptrName(isUndecided)
  if (undecided) return { name: canonicalName(undecided), source: 'ptr' }
  if (isClaimUsable) return { name: canonicalName(claimed), source: 'helo' }
  const unconfirmed = ptrName(() => true)
  return unconfirmed ? { name: canonicalName(unconfirmed), source: 'ptr' } : { name: PLACEHOLDER, source: 'placeholder' }
}

/** Reserved for documentation (RFC 2606), so that nobody's name is used by mistake. */
export const PLACEHOLDER = name('mail.example.com')

/** So that it can stand in a command, too. */
function isFullHostName(candidate: DomainName): boolean {
  return isHostName(candidate) && labelsOf(candidate).length > 1
}

const AGAINST_PTR_NAME = ['PTR_NOT_HOST_NAME', 'PTR_SINGLE_LABEL', 'PTR_RESERVED_SUFFIX', 'PTR_GENERIC'] as const

function isAgainstPtrName(finding: Finding): finding is Finding<(typeof AGAINST_PTR_NAME)[number]> {
  return AGAINST_PTR_NAME.some((code) => code === finding.code)
}

const AGAINST_HELO: ReadonlySet<FindingCode> = new Set([
  'HELO_SYNTAX',
  'HELO_BARE_ADDRESS',
  'HELO_LOCALHOST',
  'HELO_NOT_FQDN',
  'HELO_RESERVED_SUFFIX',
  'HELO_OUR_NAME',
  'HELO_GENERIC',
])

function preferring(favourite: DomainName | undefined, names: readonly DomainName[]): DomainName | undefined {
  return names.find((candidate) => favourite !== undefined && sameName(candidate, favourite)) ?? names[0]
}

function isUndecided(outcome: PtrNameOutcome): boolean {
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
