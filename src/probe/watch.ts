/**
 * `ptrgate watch`: who sees a new PTR record and its forward record already. The servers of both zones are asked directly, and the
 * resolvers that were given, each by itself and past our own cache; whoever still has the old answer says for how long it will.
 */
import { formatAddress, sameAddress, type IpAddress } from '../core/address.ts'
import { sameName, type DomainName } from '../core/domain-name.ts'
import type { DnsOutcome, Question, Resolver } from '../dns/resolver.ts'
import { resolveAddresses } from '../engine/host-addresses.ts'
import { findReverseZone, findZone, type ZoneSearch } from '../remedy/reverse-zone.ts'

export interface WatchSettings {
  /** Finds the zones and their servers. */
  readonly resolver: Resolver
  /** Each of these is an observer. */
  readonly resolvers: readonly { readonly name: string; readonly resolver: Resolver }[]
  /** Asks this one server, and nobody else. */
  readonly askServer: (address: IpAddress) => Resolver
}

export type ObserverRole = 'reverseZone' | 'forwardZone' | 'resolver'

export interface Observation {
  readonly role: ObserverRole
  /** `ns1.example.net (198.51.100.53)`, or the resolver as it was given. */
  readonly observer: string
  readonly question: Question
  /** `unknown`: it did not answer, or not with an answer. */
  readonly state: 'agrees' | 'differs' | 'absent' | 'unknown'
  /** Names or addresses; for `unknown` what came instead. */
  readonly seen: readonly string[]
  /** For how long the answer may be kept, as the observer says; null where it does not. */
  readonly ttl: number | null
}

export interface WatchRound {
  readonly ip: IpAddress
  readonly expected: DomainName
  readonly observations: readonly Observation[]
  /** Everybody who answered agrees, and of each kind somebody did. */
  readonly agreed: boolean
  /** The longest that an observer may keep an old answer; null when none has one. */
  readonly waitSeconds: number | null
}

const MAX_SERVERS = 8

export async function watchOnce(ip: IpAddress, expected: DomainName, settings: WatchSettings, signal?: AbortSignal): Promise<WatchRound> {
  const { resolver, resolvers } = settings
  const wanted: Wanted = { ip, expected }
  const forward: Question = { name: expected, type: ip.family === 4 ? 'A' : 'AAAA' }
  const [reverseZone, forwardZone] = await Promise.all([
    findReverseZone(ip, { resolver, signal }),
    findZone(expected, { resolver, signal }),
  ])
  const { reverseName, delegated, reverse } = reverseZone
  const atZone: Question = { name: delegated?.target ?? reverseName, type: 'PTR' }
  const asked = await Promise.all([
    askZone('reverseZone', delegated?.search ?? reverse, atZone, wanted, settings, signal),
    askZone('forwardZone', forwardZone, forward, wanted, settings, signal),
    ...resolvers.flatMap(({ name, resolver: own }) =>
      [{ name: reverseName, type: 'PTR' } as const, forward].map(async (question) => [
        observationOf('resolver', name, question, await own.resolve(question, { signal }), wanted),
      ]),
    ),
  ])
  const observations = asked.flat()
  return { ip, expected, observations, agreed: isAgreed(observations), waitSeconds: longestWait(observations) }
}

interface Wanted {
  readonly ip: IpAddress
  readonly expected: DomainName
}

async function askZone(
  role: ObserverRole,
  search: ZoneSearch,
  question: Question,
  wanted: Wanted,
  { resolver, askServer }: WatchSettings,
  signal: AbortSignal | undefined,
): Promise<readonly Observation[]> {
  const unknown = (observer: string, why: string): Observation => ({ role, observer, question, state: 'unknown', seen: [why], ttl: null })
  if (search.kind !== 'zone') return [unknown('the zone', search.kind === 'notDelegated' ? 'not delegated' : search.cause)]
  const { name: zone, nameservers } = search.zone
  if (nameservers === null || nameservers.length === 0) return [unknown(zone, 'its name servers could not be told')]
  const asked = nameservers.slice(0, MAX_SERVERS).map(async (server) => {
    const { addresses } = await resolveAddresses(server, resolver, { signal })
    const [address] = addresses
    if (address === undefined) return unknown(server, 'no address')
    const outcome = await askServer(address).resolve(question, { signal })
    return observationOf(role, `${server} (${formatAddress(address)})`, question, outcome, wanted)
  })
  return Promise.all(asked)
}

function observationOf(role: ObserverRole, observer: string, question: Question, outcome: DnsOutcome, wanted: Wanted): Observation {
  const base = { role, observer, question }
  switch (outcome.kind) {
    case 'records': {
      const seen = outcome.records.flatMap((record) =>
        record.type === 'PTR' ? [record.target] : record.type === 'A' || record.type === 'AAAA' ? [formatAddress(record.address)] : [],
      )
      const agrees = outcome.records.some(
        (record) =>
          (record.type === 'PTR' && sameName(record.target, wanted.expected)) ||
          ((record.type === 'A' || record.type === 'AAAA') && sameAddress(record.address, wanted.ip)),
      )
      return { ...base, state: agrees ? 'agrees' : 'differs', seen, ttl: outcome.ttl }
    }
    case 'nodata':
    case 'nxdomain':
      return { ...base, state: 'absent', seen: [], ttl: outcome.ttl }
    default:
      return { ...base, state: 'unknown', seen: [outcome.kind], ttl: null }
  }
}

const ROLES: readonly ObserverRole[] = ['reverseZone', 'forwardZone', 'resolver']

/** A server that cannot be reached from here keeps nobody waiting, as long as another one of its kind answers. */
function isAgreed(observations: readonly Observation[]): boolean {
  if (observations.some(({ state }) => state === 'differs' || state === 'absent')) return false
  return ROLES.every((role) => observations.some((observation) => observation.role === role && observation.state === 'agrees'))
}

/** The zones' own servers keep nothing: theirs has to be mended, not waited for. */
function longestWait(observations: readonly Observation[]): number | null {
  const waits = observations
    .filter(({ role, state }) => role === 'resolver' && (state === 'differs' || state === 'absent'))
    .flatMap(({ ttl }) => (ttl === null ? [] : [ttl]))
  return waits.length === 0 ? null : Math.max(...waits)
}
