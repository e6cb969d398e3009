/**
 * Starts the front end that a listener of the config asks for, and says plainly why one could not be started.
 */
import type { Hono } from 'hono'
import { formatAddress } from '../../core/address.ts'
import { assertNever } from '../../core/assert-never.ts'
import type { GateSettings } from '../../engine/gate.ts'
import type { FrontEndHandle } from '../../gateway/front-end.ts'
import type { GateEvent } from '../../gateway/gate-event.ts'
import { startHttp } from '../../gateway/http.ts'
import { formatListenAddress } from '../../gateway/listen.ts'
import { startMilter } from '../../gateway/milter.ts'
import { startPolicyDelegation } from '../../gateway/policy-delegation.ts'
import { startRelay, type RelayHandle } from '../../gateway/relay.ts'
import type { ListenerConfig } from '../config/schema.ts'
import { octetsAsNumbers } from './live-dns.ts'
import { readAuthority, readServerCertificate, type ServerCertificate } from './pem-files.ts'

/** A listener of the config, with the files that it names. */
export interface LoadedListener {
  readonly config: ListenerConfig
  readonly certificate: ServerCertificate | undefined
  readonly nextHopAuthority: string | undefined
  /** Equal for listeners that one running front end can serve, if need be with a new certificate. */
  readonly key: string
}

/** With `renewCertificate` where STARTTLS is served. */
export type StartedFrontEnd = FrontEndHandle & Partial<Pick<RelayHandle, 'renewCertificate'>>

export interface FrontEndContext {
  readonly gate: GateSettings
  readonly onEvent: (event: GateEvent) => void
  /** Adds the routes of the service to an HTTP listener. */
  readonly mount: (app: Hono) => void
}

/** Throws a `ListenerError`. */
export async function loadListener(config: ListenerConfig, authservId: string): Promise<LoadedListener> {
  const files = config.kind === 'smtp' ? config.tls : undefined
  const authority = config.kind === 'smtp' ? config.nextHopTls.authority : undefined
  try {
    const certificate = files && (await readServerCertificate(files))
    const nextHopAuthority = authority && (await readAuthority(authority))
    // The gateway says its name in its greeting, and whether it offers STARTTLS: no reload changes those.
    const fixed = config.kind === 'smtp' ? { ...config, tls: files !== undefined, authservId } : config
    return { config, certificate, nextHopAuthority, key: JSON.stringify([fixed, nextHopAuthority], octetsAsNumbers) }
  } catch (error) {
    throw new ListenerError(config, error)
  }
}

/** Rejects when the address cannot be had. */
export function startFrontEndOf(
  { config, certificate, nextHopAuthority }: LoadedListener,
  { gate, onEvent, mount }: FrontEndContext,
): Promise<StartedFrontEnd> {
  const { address, maxConnections } = config
  const common = { address, gate, onEvent }
  switch (config.kind) {
    case 'milter':
      return startMilter({ ...common, limits: { maxConnections } })
    case 'policy':
      return startPolicyDelegation({ ...common, deferAs: config.deferAs, limits: { maxConnections } })
    case 'smtp': {
      const { nextHop, nextHopProxy, nextHopTls, maxMessageOctets, xclientPeers, proxyPeers } = config
      const { mode, verify, name } = nextHopTls
      return startRelay({
        ...common,
        nextHop: { address: nextHop, tls: mode, tlsVerify: verify, tlsName: name, tlsCa: nextHopAuthority, proxyHeader: nextHopProxy },
        tls: certificate,
        xclientPeers: xclientPeers.map(formatAddress),
        proxyPeers: proxyPeers.map(formatAddress),
        limits: { maxConnections, ...(maxMessageOctets === undefined ? {} : { maxMessageOctets }) },
      })
    }
    case 'http':
      return startHttp({ ...common, mount, hosts: config.hosts, limits: { maxConnections } })
    default:
      return assertNever(config)
  }
}

export function listenerName({ kind, address }: ListenerConfig): string {
  return `${kind}:${formatListenAddress(address)}`
}

/** A listener could not be started. */
export class ListenerError extends Error {
  override readonly name = 'ListenerError'
  /** The admin's to mend, in the config or on the machine. */
  readonly isConfigError: boolean

  constructor(listener: ListenerConfig, cause: unknown) {
    const { code = '', message }: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
    const reason = (listener.address.kind === 'unix' ? UNIX_REASONS : TCP_REASONS)[code]
    super(`${listenerName(listener)}: ${reason === undefined ? message : `${reason} (${code})`}`, { cause })
    // A certificate that is none is a TypeError; a group that does not exist has no code.
    this.isConfigError = reason !== undefined || cause instanceof TypeError || message.startsWith('there is no group')
  }
}

const TAKEN = 'the address is taken; is another ptrgate, or something else, listening there?'

const TCP_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: TAKEN,
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host name',
  EACCES: 'a port below 1024 is not allowed to this user',
}

const UNIX_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: TAKEN,
  // libuv tells ENOENT as EACCES when it binds a socket.
  EACCES: 'the folder of the socket does not exist, or this user may not write to it',
  EPERM: 'a socket can only be given to a group that this user is a member of',
  ENOTDIR: 'the folder of the socket is no folder',
  EROFS: 'the folder of the socket is on a read-only file system',
}
