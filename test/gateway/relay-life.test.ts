/** The gateway as a service: TLS on both sides, draining, reloading, limits, unix sockets, and many silent clients. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseListenAddress } from '../../src/gateway/listen.ts'
import { startTestGate } from '../contract/gate.ts'
import { CERTIFICATE } from './relay-certificate.ts'
import { RELAY_ZONE, sayEnvelope, startRelayFixture, WITHOUT_PTR } from './relay-fixture.ts'
import { startHop } from './next-hop-server.ts'
import { openDialogue, type Dialogue } from './smtp-dialogue.ts'

const MESSAGE = 'Subject: hi\r\n\r\nbody\r\n'

describe('STARTTLS from the client', () => {
  it('is not offered without a certificate', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).not.toContain('STARTTLS')
    expect(await client.say('STARTTLS')).toMatch(/^500/)
  })

  it('works, is told in Received, and REQUIRETLS is offered under it', async () => {
    await using fixture = await startRelayFixture({ relay: { tls: CERTIFICATE }, hop: { extensions: ['REQUIRETLS'] } })
    const client = await fixture.open()
    await client.reply()
    const hello = await client.say('EHLO mail.pass.test')
    expect(hello).toContain('STARTTLS')
    expect(hello).not.toContain('REQUIRETLS')
    expect(await client.say('STARTTLS')).toMatch(/^220/)
    const secure = await upgrade(client)
    expect(await ask(secure, 'MAIL FROM:<a@b.test>\r\n')).toMatch(/^503/)
    expect(await ask(secure, 'EHLO mail.pass.test\r\n')).toContain('REQUIRETLS')
    expect(await ask(secure, 'MAIL FROM:<a@b.test> REQUIRETLS\r\n')).toMatch(/^250/)
    expect(await ask(secure, 'RCPT TO:<b@example.org>\r\n')).toMatch(/^250/)
    expect(await ask(secure, 'DATA\r\n')).toMatch(/^354/)
    expect(await ask(secure, `${MESSAGE}.\r\n`)).toMatch(/^250/)
    expect(fixture.hop.sessions.at(-1)?.messages[0]).toContain('with ESMTPS id')
  })

  it('drops what was sent in the clear behind it', async () => {
    await using fixture = await startRelayFixture({ relay: { tls: CERTIFICATE } })
    const client = await fixture.open()
    await client.reply()
    await client.say('EHLO mail.pass.test')
    client.send('STARTTLS\r\nEHLO injected.test\r\nMAIL FROM:<injected@pass.test>\r\n')
    expect(await client.reply()).toMatch(/^220/)
    const secure = await upgrade(client)
    expect(await ask(secure, 'EHLO mail.pass.test\r\n')).toMatch(/^250-mx\.example\.org/)
    expect(await ask(secure, 'MAIL FROM:<true@pass.test>\r\n')).toMatch(/^250/)
    expect(fixture.hop.sessions.flatMap(({ commands }) => commands).join()).not.toContain('injected')
  })
})

describe('TLS to the next hop', () => {
  it.each([
    ['opportunistic', {}, true],
    ['required', { tlsCa: CERTIFICATE.cert }, true],
    ['required', { tlsVerify: false }, true],
    ['never', {}, false],
  ] as const)('%s %j', async (tls, settings, isSecure) => {
    await using fixture = await startRelayFixture({ hop: { tls: CERTIFICATE }, nextHop: { tls, ...settings } })
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(await client.data(MESSAGE)).toMatch(/^250/)
    expect(fixture.hop.sessions.map((session) => session.isSecure)).toEqual([isSecure, isSecure])
  })

  it.each([
    ['its certificate is not to be trusted', { tls: CERTIFICATE }, {}],
    ['its certificate is for another name', { tls: CERTIFICATE }, { tlsCa: CERTIFICATE.cert, tlsName: 'other.test' }],
    ['it offers none', {}, {}],
  ])('required: 451 and 421 where %s', async (_why, hop, nextHop) => {
    await using fixture = await startRelayFixture({ hop, nextHop: { tls: 'required', ...nextHop } })
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toMatch(/^421/)
    expect(fixture.hop.sessions.flatMap(({ commands }) => commands).join()).not.toContain('MAIL')
  })

  it('that fails where it is but opportunistic: once more without', async () => {
    await using fixture = await startRelayFixture({
      hop: { extensions: ['STARTTLS'], answer: (step) => (step === 'STARTTLS' ? '220 Go\r\nno TLS' : undefined) },
    })
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(await client.data(MESSAGE)).toMatch(/^250/)
  })

  it('is not begun over replies that were put behind the 220', async () => {
    await using fixture = await startRelayFixture({
      hop: {
        tls: CERTIFICATE,
        answer: (step, _line, session) => (step === 'STARTTLS' && !session.isSecure ? '220 Go\r\n250-evil\r\n250 XCLIENT ADDR' : undefined),
      },
      nextHop: { tls: 'required', tlsCa: CERTIFICATE.cert },
    })
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toMatch(/^421/)
  })
})

describe('closing', () => {
  it('lets a message that is under way end, and the others go at once', async () => {
    await using fixture = await startRelayFixture()
    const idle = await fixture.open()
    const busy = await fixture.open()
    await idle.reply()
    await sayEnvelope(busy)
    const closed = fixture.relay.close(20_000)
    expect(await idle.reply()).toMatch(/^421 4\.3\.2 /)
    expect(await busy.data(MESSAGE)).toMatch(/^250/)
    expect(await busy.reply()).toMatch(/^421 4\.3\.2 /)
    await closed
    await expect(fixture.open()).rejects.toThrow('ECONNREFUSED')
  })

  it('cuts off what is left after the grace, and the next hop gets no end of it', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send('Subject: x\r\n\r\nfirst line\r\n')
    await fixture.hop.settled(() => fixture.hop.sessions.at(-1)?.rest.includes('first') === true)
    await fixture.relay.close(0)
    await fixture.hop.settled(() => fixture.hop.sessions.every(({ isClosed }) => isClosed))
    expect(fixture.hop.sessions.at(-1)?.messages).toEqual([])
    await expect(client.reply()).rejects.toThrow('hung up')
  })
})

describe('a gateway that is killed', () => {
  it('in the middle of a message leaves the next hop without its end', async () => {
    await using hop = await startHop({ extensions: [] })
    const script = fileURLToPath(new URL('relay-child.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script, String(hop.port)], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const client = await openDialogue(Number(line.toString()))
      await sayEnvelope(client)
      await client.say('DATA')
      client.send('Subject: x\r\n\r\nfirst line\r\n')
      await hop.settled(() => hop.sessions.at(-1)?.rest.includes('first') === true)
      child.kill('SIGKILL')
      await expect(client.reply()).rejects.toThrow('hung up')
      await hop.settled(() => hop.sessions.every(({ isClosed }) => isClosed))
      expect(hop.sessions.at(-1)?.messages).toEqual([])
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe('a reload', () => {
  it('is for sessions from now on', async () => {
    const policy = { networks: [{ cidr: '127.51.0.0/16', skip: false }] }
    await using fixture = await startRelayFixture({ policy: { preset: 'observe', ...policy } })
    const before = await fixture.open(WITHOUT_PTR)
    await before.reply()
    await using other = await startTestGate({ zone: RELAY_ZONE, policy })
    fixture.relay.reload(other.gate)
    const after = await fixture.open(WITHOUT_PTR)
    expect((await sayEnvelope(after))['rcpt']).toMatch(/^550 5\.7\.25/)
    await before.say('EHLO mail.pass.test')
    await before.say('MAIL FROM:<a@b.test>')
    expect(await before.say('RCPT TO:<b@example.org>')).toMatch(/^250/)
  })
})

describe('limits', () => {
  it('on connections: the next one gets 421', async () => {
    await using fixture = await startRelayFixture({ relay: { limits: { maxConnections: 2 } } })
    const first = await fixture.open()
    await first.reply()
    await (await fixture.open()).reply()
    const third = await fixture.open()
    expect(await third.reply()).toMatch(/^421 /)
    expect(fixture.events).toEqual([{ kind: 'protocolError', reason: 'tooManyConnections' }])
    expect(await first.say('NOOP')).toMatch(/^250/)
  })

  it('on recipients: 452, and those before are kept', async () => {
    await using fixture = await startRelayFixture({ relay: { limits: { maxRecipients: 2 } } })
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(await client.say('RCPT TO:<c@example.org>')).toMatch(/^250/)
    expect(await client.say('RCPT TO:<d@example.org>')).toMatch(/^452 4\.5\.3/)
    expect(await client.data(MESSAGE)).toMatch(/^250/)
    expect(fixture.hop.sessions.at(-1)?.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(2)
  })

  it('on silence, and on sessions that never end', async () => {
    await using silent = await startRelayFixture({ relay: { limits: { idleTimeoutMs: 300 } } })
    const client = await silent.open()
    await client.reply()
    expect(await client.reply()).toMatch(/^421 /)
    await using endless = await startRelayFixture({ relay: { limits: { maxSessionMs: 300 } } })
    const other = await endless.open()
    await other.reply()
    expect(await other.reply()).toMatch(/^421 4\.4\.2/)
  })

  it('let a thousand silent clients stand beside one that works, and forget them when they leave', async () => {
    await using fixture = await startRelayFixture()
    const silent = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const socket = connect({ port: fixture.port, host: '127.0.0.1', localAddress: WITHOUT_PTR })
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        return socket
      }),
    )
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(await client.data(MESSAGE)).toMatch(/^250/)
    while (fixture.relay.connections < 1001) await turn()
    for (const [index, socket] of silent.entries()) {
      if (index % 2 === 0) socket.destroy()
      else socket.end()
    }
    while (fixture.relay.connections > 1) await turn()
    expect(await client.say('NOOP')).toMatch(/^250/)
  })
})

describe('a unix socket', () => {
  it('is served, and its clients are not judged', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ptrgate-relay-'))
    try {
      await using fixture = await startRelayFixture({ relay: { address: { kind: 'unix', path: join(directory, 'smtp.sock') } } })
      const address = parseListenAddress(fixture.relay.address)
      const socket = connect({ path: address?.kind === 'unix' ? address.path : '' })
      const say = (line: string): Promise<string> => ask(socket, line)
      expect(await say('')).toMatch(/^220/)
      expect(await say('EHLO mail.pass.test\r\n')).toMatch(/^250/)
      expect(await say('MAIL FROM:<a@b.test>\r\n')).toMatch(/^250/)
      expect(await say('RCPT TO:<b@example.org>\r\n')).toMatch(/^250/)
      expect(await say('DATA\r\n')).toMatch(/^354/)
      expect(await say(`${MESSAGE}.\r\n`)).toMatch(/^250/)
      expect(fixture.hop.sessions.at(-1)?.messages[0]).toMatch(/^Received: from mail\.pass\.test \(unknown\)\r\n/)
      expect(fixture.events).toMatchObject([{ kind: 'skipped', rule: 'unixSocket' }])
      socket.destroy()
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

async function upgrade(client: Dialogue): Promise<TLSSocket> {
  client.socket.removeAllListeners('data')
  const secure = connectTls({ socket: client.socket, ca: CERTIFICATE.cert, servername: 'mx.example.org' })
  await once(secure, 'secureConnect')
  return secure
}

/** The whole reply, which comes in one piece here. */
async function ask(socket: ReturnType<typeof connect>, line: string): Promise<string> {
  if (line !== '') socket.write(line)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString('latin1')
}
