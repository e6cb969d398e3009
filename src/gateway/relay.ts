/**
 * The SMTP gateway: smtp-server in front, the next hop behind, for servers that speak no milter. It judges, adds its header fields and
 * hands everything on at once; it keeps no mail, so nothing is accepted that the next hop has not accepted. No AUTH is offered:
 * this is a door for mail from strangers. A next hop must not take mail for relaying merely because it comes from our address.
 */
import { SMTPServer } from 'smtp-server'
import { parseAddress } from '../core/address.ts'
import { isHostName, parseName } from '../core/domain-name.ts'
import type { GateSettings } from '../engine/gate.ts'
import { startFrontEnd, type FrontEndHandle } from './front-end.ts'
import type { GateEvent } from './gate-event.ts'
import type { ListenAddress } from './listen.ts'
import { NextHop, type NextHopSettings } from './next-hop.ts'
import { RelayConnection } from './relay-connection.ts'
import { RelaySession, type RelayClient } from './relay-session.ts'

export type { NextHopSettings } from './next-hop.ts'

export interface RelayLimits {
  /** More than these are answered with 421. */
  readonly maxConnections: number
  /** Without an octet from the client, while it is its turn. RFC 5321 §4.5.3.2.7 asks for five minutes. */
  readonly idleTimeoutMs: number
  /** Then the session ends, whatever it does: the bound for those who send an octet now and then. */
  readonly maxSessionMs: number
  readonly maxCommandOctets: number
  readonly maxRecipients: number
  /** The next hop's own SIZE counts if it is smaller. */
  readonly maxMessageOctets: number
}

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  maxConnections: 4096,
  idleTimeoutMs: 300_000,
  maxSessionMs: 3_600_000,
  maxCommandOctets: 2048,
  maxRecipients: 1000,
  maxMessageOctets: 1_073_741_824,
}

export interface RelayOptions {
  readonly address: ListenAddress
  readonly gate: GateSettings
  readonly nextHop: NextHopSettings
  /** In the greeting, in Received and in EHLO. The authserv-id unless given. */
  readonly name?: string | undefined
  /** In PEM. STARTTLS is offered if it is there. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  /** Addresses from which XCLIENT is believed. */
  readonly xclientPeers?: readonly string[] | undefined
  /** Addresses that send a PROXY header (version 1) ahead of each connection. */
  readonly proxyPeers?: readonly string[] | undefined
  readonly limits?: Partial<RelayLimits> | undefined
  readonly onEvent?: ((event: GateEvent) => void) | undefined
  readonly now?: (() => Date) | undefined
}

export interface RelayHandle extends FrontEndHandle {
  /** In PEM, for handshakes from now on; a gateway that was started without one never offers STARTTLS. */
  renewCertificate(tls: NonNullable<RelayOptions['tls']>): void
}

/** Connections beyond the limit that may wait for their 421 at a time. */
const MAX_REFUSED_CONNECTIONS = 512

/** Throws on settings that make no sense. A reload is for connections from now on. A next hop that is down is no reason not to start. */
export async function startRelay(options: RelayOptions): Promise<RelayHandle> {
  const { onEvent = (): void => undefined, now = (): Date => new Date(), name: ourName = options.gate.authservId } = options
  const limits = { ...DEFAULT_RELAY_LIMITS, ...options.limits }
  requireHostName(ourName)
  const nextHop = new NextHop(options.nextHop, ourName, (error) => {
    onEvent({ kind: 'socketError', error })
  })
  const server = new SMTPServer({ ...serverOptions(options, limits), name: ourName })
  let { gate } = options
  const settings = {
    ...limits,
    onEvent,
    open: (client: RelayClient): RelaySession => new RelaySession(client, { ...limits, gate, nextHop, ourName, now, onEvent }),
  }
  // By the socket that was accepted, which is what the listener knows.
  const served = new WeakMap<object, RelayConnection>()
  server.connect = (socket, socketOptions): void => {
    const connection = new RelayConnection(server, socket, socketOptions, settings)
    served.set(socket, connection)
    server.connections.add(connection)
    connection.on('error', (error: Error) => {
      onEvent({ kind: 'socketError', error })
    })
    connection.init()
  }
  // Those of the listening socket reach the front end by themselves.
  server.on('error', () => undefined)
  const frontEnd = await startFrontEnd({
    address: options.address,
    maxConnections: limits.maxConnections + MAX_REFUSED_CONNECTIONS,
    onEvent,
    server: server.server,
    serve: (socket) => ({
      drain(): void {
        const connection = served.get(socket)
        // Still to say who it is: PROXY.
        if (connection) connection.drain()
        else socket.destroy()
      },
    }),
    reload(reloaded) {
      gate = reloaded
    },
  })
  // Known before the first client says EHLO, if all goes well.
  void nextHop.capabilities()
  return {
    address: frontEnd.address,
    get connections() {
      return frontEnd.connections
    },
    reload: (reloaded) => {
      frontEnd.reload(reloaded)
    },
    renewCertificate: ({ key, cert }) => {
      server.updateSecureContext({ key, cert })
    },
    async close(graceMs) {
      await frontEnd.close(graceMs)
      nextHop.close()
    },
  }
}

function serverOptions(options: RelayOptions, limits: RelayLimits): NonNullable<ConstructorParameters<typeof SMTPServer>[0]> {
  const { tls } = options
  return {
    ...(tls ? { key: tls.key, cert: tls.cert, minVersion: 'TLSv1.2' } : {}),
    disabledCommands: [...UNWANTED_COMMANDS, ...(tls ? [] : ['STARTTLS'])],
    hideSTARTTLS: tls === undefined,
    disableReverseLookup: true,
    heloResponse: '%s',
    logger: false,
    maxClients: limits.maxConnections,
    maxCommandLength: limits.maxCommandOctets,
    socketTimeout: limits.idleTimeoutMs,
    useXClient: requireAddresses(options.xclientPeers),
    useProxy: requireAddresses(options.proxyPeers),
    onAuth: (auth, _session, callback) => {
      // The LOGIN of an XCLIENT from a listed peer; there is no other way to log in.
      callback(null, { user: auth.username })
    },
  }
}

const UNWANTED_COMMANDS = ['AUTH', 'XFORWARD', 'WIZ', 'SHELL', 'KILL', 'HELP']

/** False for none. Whoever may be anybody would choose the address by which it is judged. */
function requireAddresses(peers: readonly string[] = []): string[] | false {
  const bad = peers.find((peer) => parseAddress(peer) === undefined)
  if (bad !== undefined) throw new TypeError(`not an IP address: ${JSON.stringify(bad)}`)
  return peers.length > 0 && [...peers]
}

function requireHostName(name: string): void {
  const parsed = parseName(name)
  if (parsed === undefined || !isHostName(parsed)) throw new TypeError(`not a host name: ${JSON.stringify(name)}`)
}
