/**
 * The one engine that every front end calls: identity → facts → findings → decision, for one client.
 * It translates nothing, renders nothing and logs nothing.
 */
import type { IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { Resolver } from '../dns/resolver.ts'
import type { Finding } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import { heloFindings } from '../identity/helo-findings.ts'
import { lookupHelo } from '../identity/helo-lookup.ts'
import { nameAssessor, ptrQualityFindings, type AssessName } from '../identity/ptr-quality.ts'
import { confirmedName, DEFAULT_IPREV_SETTINGS, type IprevFacts, type IprevSettings } from '../iprev/facts.ts'
import { iprevFindings } from '../iprev/findings.ts'
import { lookupIprev } from '../iprev/lookup.ts'

export interface JudgeSettings {
  readonly resolver: Resolver
  readonly iprev?: Partial<IprevSettings> | undefined
  /** Names and addresses that only we may claim in HELO. */
  readonly ourNames?: readonly DomainName[] | undefined
  readonly ourAddresses?: readonly IpAddress[] | undefined
}

export interface ClientFacts {
  readonly iprev: IprevFacts
  /** Null as long as the client has said no HELO. */
  readonly helo: HeloFacts | null
}

export interface ClientJudgement extends ClientFacts {
  readonly confirmedName: DomainName | null
  /** Of the name that a receiver would look at: the confirmed one, else the first. Null without a PTR name. */
  readonly generic: { readonly score: number; readonly reasons: readonly string[] } | null
  readonly findings: readonly Finding[]
}

export async function judgeClient(
  address: IpAddress,
  claimedName: string | null,
  settings: JudgeSettings,
  signal?: AbortSignal,
): Promise<ClientJudgement> {
  const { resolver } = settings
  const [iprev, helo] = await Promise.all([
    lookupIprev(address, { resolver, settings: settings.iprev, signal }),
    claimedName === null
      ? null
      : lookupHelo(claimedName, address, { resolver, signal, deadlineMs: settings.iprev?.deadlineMs ?? DEFAULT_IPREV_SETTINGS.deadlineMs }),
  ])
  return judgeFacts({ iprev, helo }, settings)
}

/** The pure half: facts that were gathered earlier, or elsewhere, get the same findings. */
export function judgeFacts(
  { iprev, helo }: ClientFacts,
  settings: Pick<JudgeSettings, 'iprev' | 'ourNames' | 'ourAddresses'>,
): ClientJudgement {
  const assess = nameAssessor(iprev.address)
  const findings = iprevFindings(iprev, settings.iprev)
  findings.push(...ptrQualityFindings(iprev, assess))
  const confirmed = confirmedName(iprev, helo?.form.kind === 'name' ? helo.form.name : undefined)
  const generic = genericOf(confirmed ?? iprev.names[0]?.name, assess)
  if (helo) {
    const { ourNames = [], ourAddresses = [] } = settings
    findings.push(...heloFindings({ helo, iprev, ourNames, ourAddresses, assess }))
  }
  return { iprev, helo, confirmedName: confirmed, generic, findings }
}

function genericOf(ptrName: DomainName | undefined, assess: AssessName): ClientJudgement['generic'] {
  if (ptrName === undefined) return null
  const { score, reasons } = assess(ptrName)
  return { score, reasons }
}
