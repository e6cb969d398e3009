/**
 * The options of the smtp-server plugin, checked once, as what a gate session needs: compiled policy, our name, a resolver.
 * The resolver is made at the first client and released with the last server, so that an unused plugin holds nothing.
 */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parseAddress, type IpAddress } from '../core/address.ts'
import { parseName } from '../core/domain-name.ts'
import { createResolver, type ResolverHandle, type ResolverSettings } from '../dns/create-resolver.ts'
import { createHealthBreaker, type HealthSettings } from '../dns/health.ts'
import { parseResolvConf } from '../dns/resolv-conf.ts'
import type { Resolver } from '../dns/resolver.ts'
import type { GateSettings } from '../engine/gate.ts'
import type { IprevSettings } from '../iprev/facts.ts'
import { rfc7372 } from '../personas/rfc7372.ts'
import { compilePolicy } from '../policy/compile.ts'
import type { ReplyFor } from '../policy/decision.ts'
import type { PresetName } from '../policy/presets.ts'
import { policySettings, type PolicyInput, type PolicySettings } from '../policy/settings.ts'

export interface PtrgateSettings {
  /** The name of a preset, or a whole `policy:` section. `balanced` unless given. */
  readonly policy?: PresetName | PolicyInput | undefined
  /** Our authserv-id and host name. Unless given: the server's `name`, else the machine's host name. */
  readonly name?: string | undefined
  /** Addresses that only we may claim in HELO. */
  readonly addresses?: readonly string[] | undefined
  /** Servers and settings of our own DNS client. The servers of /etc/resolv.conf unless given. */
  readonly dns?: Omit<ResolverSettings, 'health'> | undefined
  /** In the place of our own DNS client; whoever made it closes it. Local DNS trouble is then not watched for. */
  readonly resolver?: Resolver | undefined
  readonly health?: Partial<HealthSettings> | undefined
  readonly iprev?: Partial<IprevSettings> | undefined
  /** The words of refusals. Those of RFC 7372 unless given. */
  readonly replyFor?: ReplyFor | undefined
  /** Told of faults of ours, and of settings of the server that cannot be honoured. A process warning unless given. */
  readonly onError?: ((error: unknown) => void) | undefined
}

export interface Engine {
  readonly settings: GateSettings
  /** The same, but for a client whose address nobody vouches for: it gets what the policy says for a fault of ours. */
  settingsWithout(reason: Error): GateSettings
  /** A refusal may be due before the client has said anything. */
  readonly maySpeakAtConnect: boolean
  report(error: unknown): void
  /** Counts where no name was given. */
  setServerName(name: string | undefined): void
  release(): void
}

/** Throws on settings that make no sense. */
export function createEngine(options: PtrgateSettings): Engine {
  const policy = policySettings(options.policy)
  const compiled = compilePolicy(policy, options.replyFor ?? rfc7372.replyFor)
  const source = createResolverSource(options)
  const report = options.onError ?? warn
  let serverName: string | undefined
  const ourName = (): string => options.name ?? serverName ?? hostname()
  const settings: GateSettings = {
    policy: compiled,
    iprevProperty: policy.iprevProperty,
    iprev: options.iprev,
    health: source.health,
    resolver: source.resolver,
    ourAddresses: (options.addresses ?? []).map(toAddress),
    onInternalError: report,
    // Read when a client is judged: the server's own name is known only once it runs.
    get authservId() {
      return ourName()
    },
    get ourNames() {
      const name = parseName(ourName())
      return name === undefined ? [] : [name]
    },
  }
  return {
    settings,
    settingsWithout: (reason) => ({ ...settings, resolver: { resolve: () => Promise.reject(reason) } }),
    maySpeakAtConnect: maySpeakAtConnect(policy),
    report,
    setServerName(name) {
      serverName = name
    },
    release: () => source.release(),
  }
}

interface ResolverSource {
  readonly resolver: Resolver
  readonly health: GateSettings['health']
  release(): void
}

function createResolverSource({ resolver, dns = {}, health: healthSettings, onError = warn }: PtrgateSettings): ResolverSource {
  if (resolver) return { resolver, health: undefined, release: () => undefined }
  const health = createHealthBreaker(healthSettings)
  const system = dns.servers ? {} : systemResolver()
  const settings: ResolverSettings = { ...system, ...dns, servers: dns.servers ?? system.servers, health }
  // Made once for nothing but its checks: it opens no socket before the first question.
  void createResolver(settings).close()
  let handle: ResolverHandle | undefined
  return {
    health,
    resolver: { resolve: (question, how) => (handle ??= createResolver(settings)).resolve(question, how) },
    release() {
      handle?.close().catch(onError)
      handle = undefined
    },
  }
}

const RESOLV_CONF = '/etc/resolv.conf'

/** Without the file it is as resolv.conf(5) has it: a server on this machine. */
function systemResolver(): ResolverSettings {
  let text = ''
  try {
    text = readFileSync(RESOLV_CONF, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const { servers, timeoutMs, attempts, rotate } = parseResolvConf(text)
  return { servers, timeoutMs, attempts, rotate }
}

function maySpeakAtConnect({ stage, networks, names }: PolicySettings): boolean {
  return [stage, ...networks.map((override) => override.stage), ...names.map((override) => override.stage)].includes('connect')
}

function toAddress(text: string): IpAddress {
  const address = parseAddress(text)
  if (!address) throw new TypeError(`not an IP address: ${JSON.stringify(text)}`)
  return address
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), { type: 'PtrgateWarning' })
}
