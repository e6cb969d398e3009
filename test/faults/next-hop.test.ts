/**
 * A next hop that goes wrong at any step, in any way: the client is told to try again and does, and the message arrives exactly once,
 * unless the next hop had it whole and then said nothing: then it may arrive twice, but is never lost.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import type { NextHopTimeouts } from '../../src/gateway/next-hop.ts'
import { HANG_UP, startHop, type HopReply } from '../gateway/next-hop-server.ts'
import { sayEnvelope, startRelayFixture, troubleIn, type RelayFixture } from '../gateway/relay-fixture.ts'
import type { Dialogue } from '../gateway/smtp-dialogue.ts'
import { networkHandlesGone, turnsUntil } from './handles.ts'

const MESSAGE = 'Subject: hi\r\n\r\nbody\r\n'
const STEPS = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'] as const
type Step = (typeof STEPS)[number]

/** Long enough for a next hop that is well on a machine that is busy. */
const SHORT_MS = 1500
const TIMEOUT_OF: Readonly<Record<Step, keyof NextHopTimeouts>> = {
  greeting: 'greetingMs',
  EHLO: 'setupMs',
  MAIL: 'mailMs',
  RCPT: 'rcptMs',
  DATA: 'dataMs',
  '.': 'dataEndMs',
}
/** What a session opened for this client hears ahead of MAIL is no word to the client. */
const IS_SETUP: ReadonlySet<Step> = new Set<Step>(['greeting', 'EHLO'])
const GARBAGE = '\x00\xff\xfe{"not":"smtp"}\r\n\x1b[2J'
const BUSY = '421 4.3.2 Busy, says the hop'

const FAULTS: readonly (readonly [what: string, reply: HopReply])[] = [
  ['keeps silent', null],
  ['says garbage', GARBAGE],
  ['hangs up', HANG_UP],
  ['says 421', BUSY],
]

describe('a next hop that', { concurrent: true }, () => {
  it.each(FAULTS.flatMap(([what, reply]) => STEPS.map((step) => [what, step, reply] as const)))(
    '%s at %s: temporary, and the next try brings the message, once',
    async (_what, at, reply) => {
      let faultsLeft = 1
      await using fixture = await startRelayFixture({
        // The first session is the gateway's own, which asks what it offers.
        hop: { answer: (step, _line, _session, sessions) => (step === at && sessions.length > 1 && faultsLeft-- > 0 ? reply : undefined) },
        nextHop: { timeouts: { [TIMEOUT_OF[at]]: SHORT_MS } },
      })
      const isPassedOn = reply === BUSY && !IS_SETUP.has(at)
      const client = await fixture.open()
      const heard = await send(client)
      expect(heard).toMatch(isPassedOn ? /^421 4\.3\.2 Busy, says the hop$/ : IS_SETUP.has(at) ? /^451 4\.4\.1 / : /^451 4\.4\.2 /)
      if (isPassedOn) await expect(client.say('NOOP')).rejects.toThrow('hung up')
      else expect(troubleIn(fixture.events)).toHaveLength(1)
      expect(await send(isPassedOn ? await fixture.open() : client, isPassedOn)).toMatch(/^250/)
      // It had the first one whole; what it makes of it is its own affair.
      expect(messagesAt(fixture)).toHaveLength(at === '.' ? 2 : 1)
      await leave(fixture)
    },
  )

  it('is reset in the midst of the data, and before the dot: nothing partial is delivered, and the next try brings it once', async () => {
    for (const cutAfter of ['first', 'last']) {
      let cuts = 0
      await using fixture = await startRelayFixture({
        hop: {
          onContent(session, socket) {
            if (cuts === 0 && session.rest.includes(cutAfter)) {
              cuts++
              socket.resetAndDestroy()
            }
          },
        },
      })
      const client = await fixture.open()
      await sayEnvelope(client)
      expect(await client.say('DATA')).toMatch(/^354/)
      client.send('Subject: x\r\n\r\nfirst line\r\n')
      client.send('last line\r\n')
      // It looks at what it has when more comes.
      await turnsUntil(
        () => {
          client.send('more\r\n')
          return cuts > 0
        },
        () => 'it was never cut',
      )
      client.send('.\r\n')
      expect(await client.reply()).toMatch(/^451 4\.4\.2 /)
      expect(messagesAt(fixture)).toEqual([])
      expect(await send(client, false)).toMatch(/^250/)
      expect(messagesAt(fixture)).toHaveLength(1)
      await leave(fixture)
    }
  })

  it('refuses connections: 451 at MAIL, and once it is back, on the same address, the message arrives, once', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toMatch(/^250/)
    const { port } = fixture.hop
    await fixture.hop[Symbol.asyncDispose]()
    expect(await client.say('MAIL FROM:<a@pass.test>')).toMatch(/^451 4\.4\.1 /)
    expect(troubleIn(fixture.events)).toEqual([`next hop 127.0.0.1:${String(port)}: ECONNREFUSED`])
    await using back = await startHop({ port })
    expect(await send(client, false)).toMatch(/^250/)
    expect(back.sessions.flatMap(({ messages }) => messages)).toHaveLength(1)
    client.close()
    await fixture.relay.close(0)
  })

  it('accepts connections and says nothing, for ever: 451 when the time is over, and nothing is left of it', async () => {
    let open = 0
    const silent = createServer((socket) => {
      open++
      socket.on('error', () => undefined).on('close', () => open--)
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    await using fixture = await startRelayFixture({
      nextHop: { address: { kind: 'tcp', host: '127.0.0.1', port }, timeouts: { greetingMs: 200 } },
    })
    const clients = await Promise.all(Array.from({ length: 20 }, () => fixture.open()))
    const heard = await Promise.all(
      clients.map(async (client) => {
        await client.reply()
        return client.say('EHLO mail.pass.test')
      }),
    )
    expect(new Set(heard.map((reply) => reply.slice(0, 9)))).toEqual(new Set(['421 4.4.1']))
    await leave(fixture)
    await turnsUntil(
      () => open === 0,
      () => `${String(open)} connections to the next hop`,
    )
    silent.close()
  })

  it('hangs up on a session that is idle between RCPT and DATA: 451, and the next try works', async () => {
    await using fixture = await startRelayFixture({
      hop: {
        answer: (step, _line, _session, sessions) =>
          step === 'RCPT' && sessions.length === 2 ? '250 2.1.5 Ok\r\n421 4.4.2 Idle' : undefined,
      },
    })
    const client = await fixture.open()
    expect((await sayEnvelope(client))['rcpt']).toBe('250 2.1.5 Ok')
    expect(await client.data(MESSAGE)).toMatch(/^451 4\.4\.2 /)
    expect(await send(client, false)).toMatch(/^250/)
    expect(messagesAt(fixture)).toHaveLength(1)
    await leave(fixture)
  })
})

/** From the greeting, or another try in the same session; the last reply. */
async function send(client: Dialogue, withGreeting = true): Promise<string> {
  if (withGreeting) {
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toMatch(/^250/)
  } else expect(await client.say('RSET')).toMatch(/^250/)
  for (const line of ['MAIL FROM:<a@pass.test>', 'RCPT TO:<b@example.org>']) {
    const reply = await client.say(line)
    if (!reply.startsWith('250')) return reply
  }
  return client.data(MESSAGE)
}

function messagesAt({ hop }: RelayFixture): readonly string[] {
  return hop.sessions.flatMap(({ messages }) => messages)
}

/** Nothing is left of the clients, at the gateway or behind it. */
async function leave({ relay, hop }: RelayFixture): Promise<void> {
  await relay.close(0)
  await turnsUntil(
    () => relay.connections === 0,
    () => `${String(relay.connections)} connections`,
  )
  await hop.settled(() => hop.sessions.every(({ isClosed }) => isClosed))
}

afterAll(networkHandlesGone)
