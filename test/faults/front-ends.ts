/**
 * Every front end, kept running while things break around it: one client after the other is judged, or many at a time.
 * The contract's drivers start a front end for each case; these outlive faults.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { HealthSettings } from '../../src/dns/health.ts'
import type { GateSettings } from '../../src/engine/gate.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import { startHttp } from '../../src/gateway/http.ts'
import { parseListenAddress, type ListenAddress } from '../../src/gateway/listen.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import { startPolicyDelegation } from '../../src/gateway/policy-delegation.ts'
import { startRelay } from '../../src/gateway/relay.ts'
import { ptrgate, type PtrgateOptions } from '../../src/gateway/smtp-server.ts'
import type { PolicyInput } from '../../src/policy/settings.ts'
import { AUTHSERV_ID } from '../contract/cases.ts'
import { playClient, PROXY_ADDRESS } from '../contract/smtp.ts'
import { ask as askHttp } from '../gateway/http-client.ts'
import { isRefusal, MilterTestClient } from '../gateway/milter-client.ts'
import { startHop, type HopServer } from '../gateway/next-hop-server.ts'
import { PolicyTestClient } from '../gateway/policy-client.ts'

/** What a client has heard at the end. `reply`: as the protocol has it, null where it was let through. */
export interface Judged {
  readonly kind: 'taken' | 'deferred' | 'refused'
  readonly reply: string | null
}

export interface LiveFrontEnd extends AsyncDisposable {
  readonly address: string
  readonly events: readonly GateEvent[]
  /** Null where the host counts them. */
  readonly connections: () => number
  /** Messages that have reached whoever is behind it; null where none pass through it. */
  readonly delivered: () => number | null
  /** A connection of its own, from its beginning to its end. */
  judge(client: string): Promise<Judged>
}

export interface FrontEndInput {
  readonly gate: GateSettings
  /** For the plugin, which has a resolver and a breaker of its own. */
  readonly plugin: Pick<PtrgateOptions, 'dns' | 'resolver'> & {
    readonly policy?: PolicyInput
    readonly health?: Partial<HealthSettings>
  }
}

export interface FrontEndKind {
  readonly name: string
  readonly start: (input: FrontEndInput) => Promise<LiveFrontEnd>
}

export const TCP: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 }
const HELO = 'mail.example.com'
const RECIPIENT = 'user@example.org'

export const FRONT_ENDS: readonly FrontEndKind[] = [
  { name: 'milter', start: ({ gate }) => served((onEvent) => startMilter({ address: TCP, gate, onEvent }), judgeByMilter) },
  {
    name: 'policy delegation',
    start: ({ gate }) => served((onEvent) => startPolicyDelegation({ address: TCP, gate, onEvent }), judgeByPolicy),
  },
  { name: 'HTTP', start: ({ gate }) => served((onEvent) => startHttp({ address: TCP, gate, onEvent }), judgeByHttp) },
  { name: 'SMTP gateway', start: startGateway },
  { name: 'plugin for smtp-server', start: startPlugin },
]

export async function judgeByMilter(address: string, client: string): Promise<Judged> {
  await using mta = await MilterTestClient.connect(address)
  await mta.negotiate()
  await mta.connectFrom(client)
  await mta.helo(HELO)
  const { recipients } = await mta.deliver({ recipients: [RECIPIENT] })
  const [reply = null] = recipients
  if (reply === null || !isRefusal(reply)) return TAKEN
  return reply.kind === 'replyCode'
    ? judged(`${reply.text}\r\n`)
    : { kind: reply.kind === 'tempfail' ? 'deferred' : 'refused', reply: null }
}

export async function judgeByPolicy(address: string, client: string): Promise<Judged> {
  await using smtpd = await PolicyTestClient.connect(address)
  return policyAction(await smtpd.ask({ client_address: client, recipient: RECIPIENT, helo_name: HELO, instance: client }))
}

function policyAction(action: string): Judged {
  if (/^[45]/.test(action)) return judged(`${action}\r\n`)
  if (/^DEFER/.test(action)) return { kind: 'deferred', reply: action }
  return /^REJECT/.test(action) ? { kind: 'refused', reply: action } : TAKEN
}

export async function judgeByHttp(address: string, client: string): Promise<Judged> {
  const { body } = await askHttp(address, { body: JSON.stringify({ ip: client, helo: HELO, recipient: RECIPIENT, stage: 'rcpt' }) })
  const { reply } = JSON.parse(body) as { readonly reply: { readonly lines: readonly string[] } | null }
  return reply === null ? TAKEN : judged(reply.lines.map((line) => `${line}\r\n`).join(''))
}

/** The client is named by a proxy that the server trusts. */
export async function judgeBySmtp(port: number, client: string, by: 'xclient' | 'proxyHeader'): Promise<Judged> {
  const { reply } = await playClient(port, { address: client, helos: [HELO], recipient: RECIPIENT }, by)
  return reply === null ? TAKEN : judged(reply)
}

export function portOf(address: string): number {
  const parsed = parseListenAddress(address)
  return parsed?.kind === 'tcp' ? parsed.port : 0
}

const TAKEN: Judged = { kind: 'taken', reply: null }

function judged(reply: string): Judged {
  return { kind: reply.startsWith('4') ? 'deferred' : 'refused', reply }
}

async function served(
  start: (onEvent: (event: GateEvent) => void) => Promise<FrontEndHandle>,
  judge: (address: string, client: string) => Promise<Judged>,
  hop: HopServer | null = null,
): Promise<LiveFrontEnd> {
  const events: GateEvent[] = []
  const handle = await start((event) => events.push(event))
  return {
    address: handle.address,
    events,
    connections: () => handle.connections,
    delivered: () => hop && hop.sessions.flatMap(({ messages }) => messages).length,
    judge: (client) => judge(handle.address, client),
    async [Symbol.asyncDispose]() {
      await handle.close(0)
      await hop?.[Symbol.asyncDispose]()
    },
  }
}

async function startGateway({ gate }: FrontEndInput): Promise<LiveFrontEnd> {
  const hop = await startHop({ extensions: ['8BITMIME'] })
  const nextHop = { address: { kind: 'tcp', host: '127.0.0.1', port: hop.port } } as const
  return served(
    (onEvent) => startRelay({ address: TCP, gate, nextHop, xclientPeers: [PROXY_ADDRESS], onEvent }),
    (address, client) => judgeBySmtp(portOf(address), client, 'xclient'),
    hop,
  )
}

async function startPlugin({ plugin }: FrontEndInput): Promise<LiveFrontEnd> {
  const events: GateEvent[] = []
  let delivered = 0
  const server = new SMTPServer(
    ptrgate(
      { ...plugin, name: AUTHSERV_ID, onError: (error) => events.push({ kind: 'internalError', error }) },
      {
        logger: false,
        authOptional: true,
        disabledCommands: ['STARTTLS'],
        useProxy: [PROXY_ADDRESS],
        onData(stream, _session, callback) {
          stream.resume()
          stream.on('end', () => {
            delivered++
            callback(null)
          })
        },
      },
    ),
  )
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    address: `127.0.0.1:${String(port)}`,
    events,
    connections: () => server.connections.size,
    delivered: () => delivered,
    judge: (client) => judgeBySmtp(port, client, 'proxyHeader'),
    async [Symbol.asyncDispose]() {
      for (const connection of server.connections) connection.close()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
