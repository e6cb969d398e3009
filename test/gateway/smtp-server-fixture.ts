/**
 * A real SMTPServer with the plugin on a free port, in front of a test zone, that keeps what the host was given.
 * Loopback clients are judged here: they come from 127.51.0.x, whose reverse zone is the test's.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'
import { afterEach } from 'vitest'
import type { Authority, DnsFault } from '../../src/dns/authority.ts'
import { ptrgate, verdictOf, type PtrgateOptions } from '../../src/gateway/smtp-server.ts'
import type { PolicyInput } from '../../src/policy/settings.ts'
import { startTestDns } from '../support/zone.ts'
import { openDialogue, type Dialogue } from './smtp-dialogue.ts'

export const ZONE = `
1.0.51.127.in-addr.arpa PTR mail.pass.test
mail.pass.test A 127.51.0.1
3.0.51.127.in-addr.arpa PTR elsewhere.test
elsewhere.test A 127.51.9.9
4.0.51.127.in-addr.arpa PTR servfail.test
5.0.51.127.in-addr.arpa PTR host-127-51-0-5.dyn.pool.test
host-127-51-0-5.dyn.pool.test A 127.51.0.5
6.0.51.127.in-addr.arpa PTR evil\\013\\010550\\032x\\040\\041\\034.pass.test
2.113.0.203.in-addr.arpa PTR real.client.test
real.client.test A 203.0.113.2
`

const FAULTS: readonly DnsFault[] = [{ name: 'servfail.test', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }]

export const MESSAGE = 'Subject: x\r\n\r\nbody\r\n'
/** How our header begins for the client that passes. */
export const PASS = 'Authentication-Results: mx.test; iprev=pass (mail.pass.test)'

/** The plugin's policy with loopback judged. */
export function judged(policy: PolicyInput = {}, cidr = '127.0.0.0/8'): PolicyInput {
  return { ...policy, networks: [{ cidr, skip: false }] }
}

export interface Fixture {
  readonly dns: Authority
  readonly server: SMTPServer
  readonly port: number
  readonly messages: readonly string[]
  readonly sessions: readonly SMTPServerSession[]
  readonly errors: readonly unknown[]
  readonly open: (localAddress?: string) => Promise<Dialogue>
  close(): Promise<void>
}

export interface FixtureSettings {
  readonly plugin?: PtrgateOptions
  /** Spread after the plugin, as in `{ ...ptrgate(), onData }`. */
  readonly after?: SMTPServerOptions
  /** The second argument of the plugin. */
  readonly host?: SMTPServerOptions
  readonly dns?: (dns: Authority) => Partial<PtrgateOptions>
}

export async function startFixture({ plugin = {}, after = {}, host, dns: dnsOptions }: FixtureSettings = {}): Promise<Fixture> {
  const dns = await startTestDns(ZONE, FAULTS)
  const messages: string[] = []
  const sessions: SMTPServerSession[] = []
  const errors: unknown[] = []
  const server = new SMTPServer({
    logger: false,
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    ...ptrgate(
      {
        policy: judged(),
        name: 'mx.test',
        dns: { servers: [dns.server], timeoutMs: 500 },
        onError: (error) => errors.push(error),
        ...plugin,
        ...dnsOptions?.(dns),
      },
      host,
    ),
    onData(stream, session, callback) {
      sessions.push(session)
      text(stream).then(
        (message) => {
          messages.push(message)
          callback(null)
        },
        () => undefined,
      )
    },
    ...after,
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  const open: Dialogue[] = []
  return {
    dns,
    server,
    port,
    messages,
    sessions,
    errors,
    async open(localAddress) {
      const dialogue = await openDialogue(port, localAddress)
      open.push(dialogue)
      return dialogue
    },
    async close() {
      for (const dialogue of open) dialogue.close()
      await new Promise<void>((resolve) => {
        server.close(resolve)
      })
      await dns.close()
    },
  }
}

export type Start = (settings?: FixtureSettings) => Promise<Fixture>

/** For the tests of a file: what they start is closed after each of them. */
export function fixtures(): Start {
  const started: Fixture[] = []
  afterEach(async () => {
    for (const fixture of started.splice(0)) await fixture.close()
  })
  return async (settings) => {
    const fixture = await startFixture(settings)
    started.push(fixture)
    return fixture
  }
}

/** From the greeting to the reply to RCPT, or to the first refusal. */
export async function envelope(client: Dialogue, helo = 'mail.pass.test'): Promise<string> {
  for (const line of [null, `EHLO ${helo}`, 'MAIL FROM:<a@pass.test>', 'RCPT TO:<b@test>']) {
    const reply = line === null ? await client.reply() : await client.say(line)
    if (!reply.startsWith('2')) return reply
  }
  return 'accepted'
}

export function resultOf(session: SMTPServerSession | undefined): string | undefined {
  return session && verdictOf(session)?.judgement?.iprev.result
}

/** RFC 5322 §2.2.3 */
export function unfolded(message = ''): string {
  return message.replace(/\r\n(?=[ \t])/g, '')
}
