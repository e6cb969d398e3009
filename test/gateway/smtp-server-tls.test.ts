/** STARTTLS within a session: the client stays the one that connected, and what it has said in the clear still counts against it. */
import { once } from 'node:events'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { CERTIFICATE } from './relay-certificate.ts'
import { dialogueOn, type Dialogue } from './smtp-dialogue.ts'
import { fixtures, MESSAGE, PASS, resultOf, unfolded, type FixtureSettings } from './smtp-server-fixture.ts'

const start = fixtures()
const TLS: FixtureSettings = { after: { ...CERTIFICATE, disabledCommands: [] } }

describe('a client that upgrades to TLS', () => {
  it('is looked up once, and its message gets the header and loses forged ones', async () => {
    const { open, messages, sessions, dns } = await start(TLS)
    const client = await upgrade(await open(), 'mail.pass.test')
    expect(await envelope(client, 'mail.pass.test')).toMatch(/^250/)
    expect(await client.data(`Authentication-Results: mx.test; iprev=pass\r\n${MESSAGE}`)).toMatch(/^250/)
    expect(unfolded(messages[0])).toBe(`${PASS} policy.iprev=127.51.0.1\r\n${MESSAGE}`)
    expect([sessions[0]?.secure, resultOf(sessions[0])]).toEqual([true, 'pass'])
    expect(dns.queries.filter(({ type }) => type === 'PTR')).toHaveLength(1)
  })

  it('without PTR is refused as in the clear', async () => {
    const { open } = await start(TLS)
    const client = await upgrade(await open('127.51.0.2'), 'mail.pass.test')
    expect(await envelope(client, 'mail.pass.test')).toMatch(/^550 5\.7\.25 .*127\.51\.0\.2 has no PTR record/)
  })

  it.each([
    ['before it', '127.51.0.1', 'mail.pass.test'],
    ['behind it', 'mail.pass.test', '127.51.0.1'],
  ])('answers for a bad HELO %s', async (_when, before, after) => {
    const { open } = await start(TLS)
    const client = await upgrade(await open(), before)
    expect(await envelope(client, after)).toMatch(/^550 5\.7\.1 /)
  })

  it('has commands that were pipelined before the handshake dropped', async () => {
    const { open } = await start(TLS)
    const client = await upgrade(await open(), 'mail.pass.test', 'MAIL FROM:<injected@pass.test>\r\n')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^503/)
    expect(await envelope(client, 'mail.pass.test')).toMatch(/^250/)
  })
})

async function upgrade(plain: Dialogue, helo: string, injected = ''): Promise<Dialogue> {
  await plain.reply()
  expect(await plain.say(`EHLO ${helo}`)).toContain('STARTTLS')
  plain.send(`STARTTLS\r\n${injected}`)
  expect(await plain.reply()).toMatch(/^220/)
  plain.socket.removeAllListeners('data')
  const secure = connect({ socket: plain.socket, ca: CERTIFICATE.cert, servername: 'mx.example.org' })
  await once(secure, 'secureConnect')
  return dialogueOn(secure)
}

/** Up to the reply to RCPT. */
async function envelope(client: Dialogue, helo: string): Promise<string> {
  for (const line of [`EHLO ${helo}`, 'MAIL FROM:<a@pass.test>']) expect(await client.say(line)).toMatch(/^250/)
  return client.say('RCPT TO:<b@test>')
}
