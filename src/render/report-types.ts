/**
 * What the engine hands to rendering for `ptrgate check`, and the two sums over it: verdict and score.
 * Plain data; nothing in it is escaped, and nothing in it is text for people but the remedy's steps.
 */
import type { IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { Finding, FindingLevel } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { Decision } from '../policy/decision.ts'

export interface CheckReport {
  readonly kind: 'check'
  /** As it was typed. */
  readonly target: string
  readonly targetKind: 'address' | 'host' | 'domain'
  /** How the target leads to its addresses; empty for an address. */
  readonly via: readonly MailHop[]
  readonly verdict: Verdict
  readonly addresses: readonly AddressReport[]
  readonly score: Score
  /** Those of the target itself (its MX, its name); each address has its own. */
  readonly findings: readonly Finding[]
}

export interface MailHop {
  readonly exchange: DomainName
  /** Null for a host that no MX names. */
  readonly preference: number | null
  readonly addresses: readonly IpAddress[]
}

export interface AddressReport {
  readonly address: IpAddress
  readonly iprev: IprevFacts
  /** Null when no HELO was given. */
  readonly helo: HeloFacts | null
  /** Of the PTR name that a receiver would look at; null without one. */
  readonly generic: { readonly score: number; readonly reasons: readonly string[] } | null
  readonly findings: readonly Finding[]
  /** What the receiver in question answers. */
  readonly decision: Decision
  /** The header field that the receiver in question writes. */
  readonly authenticationResults: string
  readonly confirmedName: DomainName | null
  /** In the order in which to take them. */
  readonly remedy: readonly RemedyStep[]
  /** What not to do at these steps, whole sentences. */
  readonly cautions: readonly string[]
  /** Ready to be sent to the hosting provider; its body has several lines. Null when nobody has to be asked. */
  readonly providerMessage: { readonly subject: string; readonly body: string } | null
  /** Null when it was not asked. */
  readonly reverseZone: ReverseZoneSummary | null
}

/** The shape of remedy's own steps, as far as they are shown. */
export interface RemedyStep {
  readonly kind: string
  /** `you`, `dnsOperator`, `provider`, `isp`. */
  readonly who: string
  readonly step: string
  /** To be copied into a zone. */
  readonly record?: string | undefined
  /** To be copied into a shell. */
  readonly command?: string | undefined
  /** The same done in different programs. */
  readonly choices?:
    readonly { readonly label: string; readonly command?: string | undefined; readonly setting?: string | undefined }[] | undefined
}

export interface ReverseZoneSummary {
  /** Null when it could not be told. */
  readonly zone: DomainName | null
  readonly nameservers: readonly DomainName[]
  /** The hosting provider's name, where its shape is known. */
  readonly provider: string | null
}

export type Verdict = 'aligned' | 'misaligned' | 'inconclusive'
export type FailLevel = Exclude<FindingLevel, 'inconclusive'>

export interface Score {
  /** Null when no address could be judged. */
  readonly points: number | null
  readonly of: 25
  /** How many addresses were left out because it could not be told. */
  readonly undecided: number
}

const CONFIRMED_POINTS = 25
/** There is a PTR name, and it leads elsewhere: half of the work is done. */
const UNCONFIRMED_POINTS = 10

/**
 * Misaligned when anything is as bad as `failOn`: that is certain, whatever else is not. Otherwise inconclusive when
 * something could not be told, or when no address was judged at all.
 */
export function verdictOf(
  { addresses, findings }: { readonly addresses: readonly Pick<AddressReport, 'findings'>[]; readonly findings: readonly Finding[] },
  failOn: FailLevel,
): Verdict {
  const isFailing = ({ level }: Finding): boolean => level !== 'inconclusive' && LEVELS.indexOf(level) >= LEVELS.indexOf(failOn)
  if (findings.some(isFailing) || addresses.some((address) => address.findings.some(isFailing))) return 'misaligned'
  if (addresses.length === 0 || findings.some(isUndecided)) return 'inconclusive'
  return addresses.some((address) => address.findings.some(isUndecided)) ? 'inconclusive' : 'aligned'
}

function isUndecided({ level }: Finding): boolean {
  return level === 'inconclusive'
}

/**
 * The mean over the addresses that could be judged, IPv6 counting like IPv4, rounded down: 25 only when every one is
 * forward-confirmed. An address without PTR gives 0; one that could not be judged counts for nothing, and is counted.
 */
export function scoreOf(addresses: readonly Pick<AddressReport, 'iprev'>[]): Score {
  let sum = 0
  let judged = 0
  for (const { iprev } of addresses) {
    const points = pointsOf(iprev)
    if (points === null) continue
    sum += points
    judged++
  }
  return { points: judged === 0 ? null : Math.floor(sum / judged), of: CONFIRMED_POINTS, undecided: addresses.length - judged }
}

const LEVELS: readonly FindingLevel[] = ['info', 'notice', 'warning', 'error']

function pointsOf(iprev: IprevFacts): number | null {
  switch (iprev.result) {
    case 'pass':
      return CONFIRMED_POINTS
    case 'fail':
      return UNCONFIRMED_POINTS
    case 'permerror':
      return 0
    case 'temperror':
      return null
  }
}
