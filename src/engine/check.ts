/**
 * `ptrgate check` as a value: resolves one target to its addresses, judges each by itself, and says how to mend it.
 * DNS only: it connects to no mail server. IPv4 and IPv6 are judged apart and count alike.
 */
import { compareAddresses, formatAddress, sameAddress, type IpAddress } from '../core/address.ts'
import { specialRange } from '../core/network.ts'
import { name as nameInCode, type DomainName } from '../core/domain-name.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import { organisationalDomain } from '../identity/organisation.ts'
import type { Persona } from '../personas/persona.ts'
import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts'
import { decide } from '../policy/decide.ts'
import { policySettings } from '../policy/settings.ts'
import { whatNotToDo } from '../remedy/cautions.ts'
import { identifyProvider } from '../remedy/identify-provider.ts'
import { providerMessage } from '../remedy/message.ts'
import type { Provider } from '../remedy/providers.ts'
import { findReverseZone, type ReverseZoneFacts } from '../remedy/reverse-zone.ts'
import { remedySteps } from '../remedy/steps.ts'
import { iprevAuthResults } from '../render/auth-results.ts'
import {
  scoreOf,
  verdictOf,
  type AddressReport,
  type CheckReport,
  type FailLevel,
  type MailHop,
  type ReverseZoneSummary,
} from '../render/report-types.ts'
import { judgeClient, type ClientJudgement, type JudgeSettings } from './judge.ts'
import { resolveMailRoute, type MailRoute } from './mail-route.ts'
import type { Target } from './target.ts'
import { websiteFinding } from './website.ts'

export interface CheckSettings extends JudgeSettings {
  readonly persona: Persona
  readonly providers: readonly Provider[]
  readonly authservId: string
  readonly failOn: FailLevel
}

/** A name with more is no mail host; what is left out is said in a finding. */
export const MAX_CHECKED_ADDRESSES = 64

export async function checkTarget(
  target: Target,
  claimedName: string | null,
  settings: CheckSettings,
  signal?: AbortSignal,
): Promise<CheckReport> {
  const subject = target.kind === 'address' ? addressSubject(target.address) : await nameSubject(target.name, settings, signal)
  const kept = subject.addresses.slice(0, MAX_CHECKED_ADDRESSES)
  const policy = receiverPolicy(settings.persona)
  const addresses = await Promise.all(kept.map((address) => checkAddress(address, claimedName, { ...settings, policy }, signal)))
  const count = subject.addresses.length
  const truncated = count > kept.length ? [finding('ADDRESSES_TRUNCATED', { target: target.text, count, kept: kept.length })] : []
  const website = target.kind === 'address' ? await websiteOfAddress(addresses, settings, signal) : []
  const findings = [...subject.findings, ...truncated, ...website, ...oneFamilyBroken(target.text, addresses)]
  return {
    kind: 'check',
    target: target.text,
    targetKind: subject.kind,
    via: subject.via,
    verdict: verdictOf({ addresses, findings }, settings.failOn),
    addresses,
    score: scoreOf(addresses),
    findings,
  }
}

interface Subject {
  readonly kind: CheckReport['targetKind']
  readonly via: readonly MailHop[]
  /** Distinct. */
  readonly addresses: readonly IpAddress[]
  readonly findings: readonly Finding[]
}

function addressSubject(address: IpAddress): Subject {
  return { kind: 'address', via: [], addresses: [address], findings: [] }
}

/** A name with MX records is a domain; one with only addresses is a host, which for mail is its own implicit MX. */
async function nameSubject(name: DomainName, settings: CheckSettings, signal: AbortSignal | undefined): Promise<Subject> {
  const route = await resolveMailRoute(name, settings.resolver, { signal })
  const isHost = route.kind === 'implicit' && organisationalDomain(name) !== name.toLowerCase()
  const via = route.hosts.map(({ name: exchange, preference, addresses }) => ({ exchange, preference, addresses }))
  const addresses = distinctAddresses(route.hosts.flatMap((host) => host.addresses))
  const website = await websiteOfName(name, route, settings, signal)
  const implicit = route.kind === 'implicit' && !isHost ? [finding('MX_IMPLICIT', { domain: name })] : []
  return { kind: isHost ? 'host' : 'domain', via, addresses, findings: [...implicit, ...route.findings, ...website] }
}

/** In the order of preference, and each once: several MX names may share an address. */
function distinctAddresses(addresses: readonly IpAddress[]): readonly IpAddress[] {
  return addresses.filter((address, index) => addresses.findIndex((earlier) => sameAddress(earlier, address)) === index)
}

/** Of a domain: that its website's address is not checked. Of a host: that it is the website, and no mail comes from there. */
async function websiteOfName(
  name: DomainName,
  route: MailRoute,
  { resolver }: CheckSettings,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  if (route.kind === 'mx') return websiteFinding({ domain: name, route, checked: null, level: 'info' }, resolver, { signal })
  const organisation = organisationalDomain(name)
  if (route.kind !== 'implicit' || organisation === undefined || organisation === name.toLowerCase()) return []
  const checked = route.hosts.flatMap((host) => host.addresses)
  return websiteFinding({ domain: nameInCode(organisation), route: null, checked }, resolver, { signal })
}

async function websiteOfAddress(
  addresses: readonly AddressReport[],
  { resolver }: CheckSettings,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const [report] = addresses
  const ptrName = report && (report.confirmedName ?? report.iprev.names[0]?.name)
  const organisation = ptrName && organisationalDomain(ptrName)
  if (!report || organisation === undefined) return []
  return websiteFinding({ domain: nameInCode(organisation), route: null, checked: [report.address] }, resolver, { signal })
}

async function checkAddress(
  address: IpAddress,
  claimedName: string | null,
  settings: CheckSettings & { readonly policy: CompiledPolicy },
  signal: AbortSignal | undefined,
): Promise<AddressReport> {
  const judged = await judgeClient(address, claimedName, settings, signal)
  const findings = [...judged.findings, ...specialAddress(address)]
  const decision = decide(
    { address, iprev: judged.iprev, findings, authenticated: false, recipient: null, resolverIll: false, internalError: false },
    settings.policy,
  )
  const mending = await mend(address, { ...judged, findings }, settings, signal)
  const authenticationResults = iprevAuthResults({ ...judged, authservId: settings.authservId })
  return { address, ...judged, findings, decision, authenticationResults, ...mending }
}

/** Documentation and benchmark addresses are no mistake: they stand for public ones in manuals, labs and tests. */
function specialAddress(address: IpAddress): readonly Finding[] {
  const range = specialRange(address)
  if (range === undefined || range === 'documentation' || range === 'benchmark') return []
  return [finding('ADDRESS_SPECIAL', { ip: formatAddress(address), range })]
}

type Mending = Pick<AddressReport, 'remedy' | 'cautions' | 'providerMessage' | 'reverseZone'>

/** Whose the reverse zone is costs questions, so it is asked only where something has to change there. */
async function mend(
  address: IpAddress,
  judged: ClientJudgement,
  { providers, resolver }: CheckSettings,
  signal?: AbortSignal,
): Promise<Mending> {
  const { iprev, helo, findings } = judged
  const isUneasy = findings.some(({ level }) => level === 'warning' || level === 'error')
  const reverseZone = isUneasy ? await findReverseZone(address, { resolver, signal }) : null
  const provider = reverseZone ? identifyProvider({ iprev, reverseZone }, providers) : null
  const input = { address, findings, iprev, helo, reverseZone, provider }
  const remedy = remedySteps(input)
  const needsProvider = remedy.some(({ kind }) => kind === 'reverse' || kind === 'cleanup')
  return {
    remedy,
    cautions: whatNotToDo(remedy),
    providerMessage: needsProvider ? providerMessage(input) : null,
    reverseZone: reverseZone && summaryOf(reverseZone, provider?.provider.name ?? null),
  }
}

function summaryOf({ reverse }: ReverseZoneFacts, provider: string | null): ReverseZoneSummary {
  switch (reverse.kind) {
    case 'zone':
      return { zone: reverse.zone.name, nameservers: reverse.zone.nameservers ?? [], provider }
    case 'unknown':
    case 'notDelegated':
      return { zone: null, nameservers: [], provider }
  }
}

/** Receivers see the address from the Internet, so no range is skipped here as a gate would skip it. */
function receiverPolicy(persona: Persona): CompiledPolicy {
  return compilePolicy(policySettings({ networks: [{ cidr: ['0.0.0.0/0', '::/0'], skip: false }] }), persona.replyFor)
}

/** The mistake that is easiest to miss: IPv4 was set up with care, and IPv6 came by itself. */
function oneFamilyBroken(target: string, reports: readonly AddressReport[]): readonly Finding[] {
  const isBroken = ({ iprev }: AddressReport): boolean => iprev.result === 'fail' || iprev.result === 'permerror'
  const v4 = reports.filter(({ address }) => address.family === 4)
  const broken = reports.filter((report) => report.address.family === 6 && isBroken(report)).map(({ address }) => address)
  if (v4.length === 0 || broken.length === 0 || v4.some(({ iprev }) => iprev.result !== 'pass')) return []
  return [finding('IPV6_ONLY_BROKEN', { target, addresses: broken.sort(compareAddresses).map(formatAddress) })]
}
