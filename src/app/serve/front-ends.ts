/**
 * Starts the front end that a listener of the config asks for, and says plainly why one could not be started.
 */
import type { Hono } from 'hono'
import { readFile } from 'node:fs/promises'
import { formatAddress } from '../../core/address.ts'
import { assertNever } from '../../core/assert-never.ts'
import type { GateSettings } from '../../engine/gate.ts'
import type { FrontEndHandle } from '../../gateway/front-end.ts'
import type { GateEvent } from '../../gateway/gate-event.ts'
import { startHttp } from '../../gateway/http.ts'
import { formatListenAddress } from '../../gateway/listen.ts'
import { startMilter } from '../../gateway/milter.ts'
import { startPolicyDelegation } from '../../gateway/policy-delegation.ts'
import { startRelay } from '../../gateway/relay.ts'
import type { ListenerConfig } from '../config/schema.ts'
import { octetsAsNumbers } from './live-dns.ts'

/** A listener of the config, with the files that it names: a renewed certificate makes it another listener. */
export interface LoadedListener {
  readonly config: ListenerConfig
  /** In PEM. */
  readonly tls: { readonly key: string; readonly cert: string } | undefined
  readonly nextHopAuthority: string | undefined
  /** Equal for listeners that a running front end would serve just the same; it holds a private key. */
  readonly key: string
}

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
    const tls = files && { key: await readPem(files.key), cert: await readPem(files.certificate) }
    const nextHopAuthority = authority && (await readPem(authority))
    // The gateway says its name in its greeting, which no reload changes.
    const name = config.kind === 'smtp' ? authservId : ''
    return { config, tls, nextHopAuthority, key: JSON.stringify([config, tls, nextHopAuthority, name], octetsAsNumbers) }
  } catch (error) {
    throw new ListenerError(config, error)
  }
}

/** Rejects when the address cannot be had. */
export function startFrontEndOf(
  { config, tls, nextHopAuthority }: LoadedListener,
  { gate, onEvent, mount }: FrontEndContext,
): Promise<FrontEndHandle> {
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
        tls,
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

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new TypeError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
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
    // A group that does not exist, a certificate that is none: said by an error without a code, or with one of OpenSSL.
    this.isConfigError =
      reason !== undefined || cause instanceof TypeError || code.startsWith('ERR_OSSL') || message.startsWith('there is no group')
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
