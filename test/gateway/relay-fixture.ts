/**
 * The gateway on a free port, between a test's zone and a test's next hop. Clients come from 127.51.0.x and are judged, or are named
 * by XCLIENT from 127.51.0.99, which is trusted for that.
 */
import type { DnsFault } from '../../src/dns/authority.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import { parseListenAddress } from '../../src/gateway/listen.ts'
import { startRelay, type NextHopSettings, type RelayOptions } from '../../src/gateway/relay.ts'
import type { PolicyInput } from '../../src/policy/settings.ts'
import { startTestGate } from '../contract/gate.ts'
import { startHop, type HopOptions, type HopServer } from './next-hop-server.ts'
import { openDialogue, type Dialogue } from './smtp-dialogue.ts'

export const PROXY = '127.51.0.99'
export const PASSING = '127.51.0.1'
export const WITHOUT_PTR = '127.51.0.2'

export const RELAY_ZONE = `
1.0.51.127.in-addr.arpa PTR mail.pass.test
mail.pass.test A 127.51.0.1
99.0.51.127.in-addr.arpa PTR proxy.pass.test
proxy.pass.test A 127.51.0.99
`

export const FULL_EXTENSIONS = [
  'SIZE 20000000',
  '8BITMIME',
  'SMTPUTF8',
  'DSN',
  'ENHANCEDSTATUSCODES',
  'CHUNKING',
  'AUTH PLAIN',
  'PIPELINING',
]

export interface RelayFixture extends AsyncDisposable {
  readonly relay: FrontEndHandle
  readonly port: number
  readonly hop: HopServer
  readonly events: GateEvent[]
  readonly open: (localAddress?: string) => Promise<Dialogue>
}

export interface RelayFixtureInput {
  readonly zone?: string
  readonly faults?: readonly DnsFault[]
  readonly policy?: PolicyInput
  readonly resolverIll?: boolean
  readonly hop?: HopOptions
  readonly nextHop?: Partial<NextHopSettings>
  readonly relay?: Partial<RelayOptions>
}

export async function startRelayFixture(input: RelayFixtureInput = {}): Promise<RelayFixture> {
  const { zone = RELAY_ZONE, policy = { networks: [{ cidr: '127.51.0.0/16', skip: false }] } } = input
  const dns = await startTestGate({ zone, policy, faults: input.faults, resolverIll: input.resolverIll })
  const hop = await startHop({ extensions: FULL_EXTENSIONS, ...input.hop })
  const events: GateEvent[] = []
  const relay = await startRelay({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    gate: dns.gate,
    nextHop: { address: { kind: 'tcp', host: '127.0.0.1', port: hop.port }, ...input.nextHop },
    xclientPeers: [PROXY],
    onEvent: (event) => events.push(event),
    now: () => new Date('2024-05-06T07:08:09Z'),
    ...input.relay,
  })
  const address = parseListenAddress(relay.address)
  const port = address?.kind === 'tcp' ? address.port : 0
  const open: Dialogue[] = []
  return {
    relay,
    port,
    hop,
    events,
    async open(localAddress = PASSING) {
      const dialogue = await openDialogue(port, localAddress)
      open.push(dialogue)
      return dialogue
    },
    async [Symbol.asyncDispose]() {
      for (const dialogue of open) dialogue.close()
      await relay.close(0)
      await hop[Symbol.asyncDispose]()
      await dns[Symbol.asyncDispose]()
    },
  }
}

/** Up to the reply to RCPT, or to the first refusal; the replies, by step. */
export async function sayEnvelope(client: Dialogue, recipient = 'b@example.org'): Promise<Record<string, string>> {
  const replies: Record<string, string> = {}
  for (const [step, line] of [
    ['greeting', null],
    ['helo', 'EHLO mail.pass.test'],
    ['mail', 'MAIL FROM:<a@pass.test>'],
    ['rcpt', `RCPT TO:<${recipient}>`],
  ] as const) {
    const reply = line === null ? await client.reply() : await client.say(line)
    replies[step] = reply
    if (!reply.startsWith('2')) break
  }
  return replies
}

export function troubleIn(events: readonly GateEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'socketError' ? [event.error.message] : []))
}
