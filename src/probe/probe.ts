/**
 * `ptrgate probe` as a value: every address of every MX, what it says over SMTP and TLS, joined with the engine's judgement of its
 * PTR and with the records around it. Polite: one conversation an address, within the limits that it is given.
 */
import { Buffer } from 'node:buffer'
import { formatAddress, type IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import { reachedRange } from '../core/network.ts'
import { judgeClient, type ClientJudgement } from '../engine/judge.ts'
import { resolveMailRoute, type MailRoute } from '../engine/mail-route.ts'
import { resolveAddresses } from '../engine/host-addresses.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import { verdictOf, type FailLevel, type Verdict } from '../render/report-types.ts'
import { conversationFindings } from './conversation-findings.ts'
import { matchTlsa, type TlsaMatch } from './dane-match.ts'
import { lookupDane, type DaneFacts } from './dane.ts'
import { judgeSending, lookupRecords, recordsOf, type DomainRecords, type RecordSettings, type SendingAddress } from './domain-records.ts'
import type { SessionLimiter } from './limiter.ts'
import { alignmentFindings, alignmentMatrix, type AlignmentMatrix } from './name-alignment.ts'
import type { ProbeTarget } from './probe-target.ts'
import { probeScore, type ProbeScore } from './probe-score.ts'
import { recordFindings } from './record-findings.ts'
import type { SessionEvent, SessionFacts } from './session-facts.ts'
import { probeSession } from './smtp-session.ts'
import { IMPLICIT_TLS_PORT, type RelayTest, type SessionSettings } from './smtp-session-settings.ts'

export interface ProbeSettings extends RecordSettings {
  /** As we call ourselves, and whether anybody can confirm it; null: it was not looked into. */
  readonly ehloName: string
  readonly isEhloConfirmed: boolean | null
  /** For targets that name none. */
  readonly port: number
  readonly session: Pick<SessionSettings, 'timeouts' | 'deadlineMs' | 'tls' | 'checkOldTls' | 'checkInjection'>
  readonly relayTest: RelayTest | null
  readonly limiter: SessionLimiter
  readonly allowPrivate: boolean
  readonly trustAuthenticated: boolean
  readonly failOn: FailLevel
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly onEvent?: ((event: ProbeEvent) => void) | undefined
}

export type ProbeEvent = { readonly address: IpAddress; readonly session: SessionEvent }

export interface ProbeReport {
  readonly kind: 'probe'
  readonly target: string
  readonly port: number
  readonly verdict: Verdict
  /** Null where no address was seen. */
  readonly score: ProbeScore | null
  readonly vantage: { readonly ehloName: string; readonly isConfirmed: boolean | null }
  /** Null for an address, and for a host with a port. */
  readonly route: MailRoute['kind'] | null
  readonly hosts: readonly ProbedHost[]
  /** Null for a target that is no domain. */
  readonly records: DomainRecords | null
  /** Those that send, as far as they are named: the hosts of an MX receive. */
  readonly sending: readonly SendingAddress[]
  /** Those of the target; each address has its own. */
  readonly findings: readonly Finding[]
}

export interface ProbedHost {
  /** Null for an address. */
  readonly name: DomainName | null
  readonly preference: number | null
  readonly addresses: readonly ProbedAddress[]
  readonly dane: (DaneFacts & { readonly match: TlsaMatch | null }) | null
}

export interface ProbedAddress {
  readonly address: IpAddress
  readonly judgement: ClientJudgement
  /** Null where we did not connect. */
  readonly session: SessionFacts | null
  readonly alignment: AlignmentMatrix
  readonly findings: readonly Finding[]
}

/** More is no mail route; what is left out is said. */
export const MAX_PROBED_ADDRESSES = 32

export async function probeTarget(target: ProbeTarget, settings: ProbeSettings, signal?: AbortSignal): Promise<ProbeReport> {
  const port = target.port ?? settings.port
  const subject = await subjectOf(target, settings, signal)
  const count = subject.hosts.reduce((sum, { addresses }) => sum + addresses.length, 0)
  const kept = firstAddresses(subject.hosts, MAX_PROBED_ADDRESSES)
  const truncated =
    count > MAX_PROBED_ADDRESSES ? [finding('ADDRESSES_TRUNCATED', { target: target.text, count, kept: MAX_PROBED_ADDRESSES })] : []
  const sessions = new Map<string, Promise<ProbedAddress>>()
  const probeOnce = (address: IpAddress, exchange: DomainName | null): Promise<ProbedAddress> => {
    const key = formatAddress(address)
    const known = sessions.get(key) ?? probeAddress(address, exchange, port, settings, signal)
    sessions.set(key, known)
    return known
  }
  const [hosts, records] = await Promise.all([
    Promise.all(kept.map((host) => probeHost(host, subject.domain, port, { settings, probeOnce, signal }))),
    subject.domain === null ? null : lookupRecords(subject.domain, namesOfHosts(kept), settings, signal),
  ])
  const sending = await judgeSending(subject.domain, records?.spf ?? null, settings, signal)
  const addresses = hosts.flatMap((host) => host.addresses)
  const findings = [
    ...subject.findings,
    ...truncated,
    ...egressFindings(addresses, port),
    ...vantageFindings(addresses, settings),
    ...recordFindings([...hosts.flatMap(({ dane }) => dane ?? []), ...(records === null ? [] : recordsOf(records))]),
  ]
  return {
    kind: 'probe',
    target: target.text,
    port,
    verdict: verdictOf({ addresses: [...addresses, ...sending], findings }, settings.failOn),
    score: probeScore([...findings, ...[...addresses, ...sending].flatMap((each) => each.findings)], addresses.some(hasAnswered)),
    vantage: { ehloName: settings.ehloName, isConfirmed: settings.isEhloConfirmed },
    route: subject.route,
    hosts,
    records,
    sending,
    findings,
  }
}

/** Somebody was there, and spoke. */
function hasAnswered({ session }: ProbedAddress): boolean {
  return session !== null && session.greeting.kind === 'answered'
}

interface Subject {
  readonly hosts: readonly SubjectHost[]
  /** Whose mail it is; null for an address, and for a host with a port. */
  readonly domain: DomainName | null
  readonly route: MailRoute['kind'] | null
  readonly findings: readonly Finding[]
}

interface SubjectHost {
  readonly name: DomainName | null
  readonly preference: number | null
  readonly addresses: readonly IpAddress[]
}

async function subjectOf({ target, port }: ProbeTarget, { resolver }: ProbeSettings, signal: AbortSignal | undefined): Promise<Subject> {
  if (target.kind === 'address') {
    return { hosts: [{ name: null, preference: null, addresses: [target.address] }], domain: null, route: null, findings: [] }
  }
  const { name } = target
  if (port === null) {
    const route = await resolveMailRoute(name, resolver, { signal })
    const implicit = route.kind === 'implicit' ? [finding('MX_IMPLICIT', { domain: name })] : []
    return { hosts: route.hosts, domain: name, route: route.kind, findings: [...implicit, ...route.findings] }
  }
  const { addresses, nxdomain, broken, unknown } = await resolveAddresses(name, resolver, { signal })
  const findings: Finding[] = unknown.map(({ outcome }) => finding('TARGET_UNKNOWN', { target: name, outcome }))
  if (addresses.length === 0 && broken) findings.push(finding('TARGET_ALIAS_BROKEN', { target: name }))
  else if (addresses.length === 0 && unknown.length === 0)
    findings.push(finding(nxdomain ? 'TARGET_NXDOMAIN' : 'TARGET_NO_ADDRESS', { target: name }))
  return { hosts: [{ name, preference: null, addresses }], domain: null, route: null, findings }
}

/** In the order of preference. */
function firstAddresses(hosts: readonly SubjectHost[], most: number): readonly SubjectHost[] {
  let left = most
  return hosts.map((host) => {
    const addresses = host.addresses.slice(0, left)
    left -= addresses.length
    return { ...host, addresses }
  })
}

interface HostContext {
  readonly settings: ProbeSettings
  readonly probeOnce: (address: IpAddress, exchange: DomainName | null) => Promise<ProbedAddress>
  readonly signal: AbortSignal | undefined
}

async function probeHost(
  { name, preference, addresses }: SubjectHost,
  domain: DomainName | null,
  port: number,
  { settings, probeOnce, signal }: HostContext,
): Promise<ProbedHost> {
  const { resolver, trustAuthenticated, clock } = settings
  const wantsDane = name !== null && addresses.length > 0
  const [probed, dane] = await Promise.all([
    Promise.all(addresses.map((address) => probeOnce(address, name))),
    wantsDane ? lookupDane(name, preference === null ? null : domain, { resolver, signal, trustAuthenticated, port }) : null,
  ])
  return { name, preference, addresses: probed, dane: dane && { ...dane, match: matchDane(dane, probed, name, domain, clock()) } }
}

/** Against the first chain that was seen: the servers behind one name should all show one that fits. */
function matchDane(
  { answer }: DaneFacts,
  probed: readonly ProbedAddress[],
  name: DomainName | null,
  domain: DomainName | null,
  now: number,
): TlsaMatch | null {
  if (answer.kind !== 'records') return null
  const names = [name, domain].filter((reference) => reference !== null)
  const matches = probed.flatMap(({ session }) => {
    if (session?.tls.kind !== 'established') return []
    const chain = session.tls.chain.map(({ der, spki }) => ({ der: Buffer.from(der, 'base64'), spki: Buffer.from(spki, 'base64') }))
    return [matchTlsa(answer.records, chain, names, now)]
  })
  return matches.find(({ result }) => result === 'mismatch') ?? matches[0] ?? null
}

async function probeAddress(
  address: IpAddress,
  exchange: DomainName | null,
  port: number,
  settings: ProbeSettings,
  signal: AbortSignal | undefined,
): Promise<ProbedAddress> {
  const ip = formatAddress(address)
  const range = settings.allowPrivate ? undefined : reachedRange(address)
  const session = range === undefined ? await converse(address, exchange, port, settings, signal) : null
  const judgement = await judgeClient(address, session && claimedNameOf(session), settings, signal)
  const { iprev, confirmedName } = judgement
  const ptrNames = iprev.result === 'temperror' && iprev.names.length === 0 ? null : iprev.names.map(({ name }) => name)
  const alignment = alignmentMatrix({ ip, ptrNames, confirmedName, session, exchange })
  const findings = [
    ...(range === undefined ? [] : [finding('PROBE_SPECIAL_ADDRESS', { ip, range })]),
    ...judgement.findings,
    ...(session === null ? [] : conversationFindings(session, { now: settings.clock(), relayTest: settings.relayTest })),
    ...alignmentFindings(alignment, ip),
  ]
  return { address, judgement, session, alignment, findings }
}

function converse(
  address: IpAddress,
  exchange: DomainName | null,
  port: number,
  { session, ehloName, relayTest, limiter, onEvent }: ProbeSettings,
  signal: AbortSignal | undefined,
): Promise<SessionFacts> {
  const ip = formatAddress(address)
  const target = { address: ip, port, implicitTls: port === IMPLICIT_TLS_PORT, serverName: exchange }
  const own: SessionSettings = {
    ...session,
    ehloName,
    relayTest: relayTest ?? undefined,
    admit: limiter.forHost(ip),
    onEvent: onEvent && ((event) => onEvent({ address, session: event })),
  }
  return probeSession(target, own, signal)
}

/** Under TLS where there is one: that is what clients hold to. */
function claimedNameOf({ hello, helloAfterTls }: SessionFacts): string | null {
  const under = helloAfterTls.kind === 'answered' ? helloAfterTls.claimedName : null
  return under ?? (hello.kind === 'answered' ? hello.claimedName : null)
}

function namesOfHosts(hosts: readonly SubjectHost[]): readonly DomainName[] {
  return hosts.map(({ name }) => name).filter((name) => name !== null)
}

/** Fewer may well be down by themselves. */
const MIN_BLOCKED = 2

function egressFindings(addresses: readonly ProbedAddress[], port: number): readonly Finding[] {
  const tried = addresses.flatMap(({ session }) => (session === null ? [] : [session]))
  const isLost = ({ connect }: SessionFacts): boolean =>
    connect.kind === 'failed' && (connect.cause.kind === 'timeout' || connect.cause.kind === 'unreachable')
  return tried.length >= MIN_BLOCKED && tried.every(isLost) ? [finding('EGRESS_BLOCKED', { count: tried.length, port })] : []
}

/** Only where it may have mattered. */
function vantageFindings(addresses: readonly ProbedAddress[], { ehloName, isEhloConfirmed }: ProbeSettings): readonly Finding[] {
  const isTurnedAway = addresses.some(({ session }) => session?.ended.cause.kind === 'turnedAway')
  return isEhloConfirmed === true || !isTurnedAway ? [] : [finding('VANTAGE_UNCONFIRMED', { ehloName })]
}
