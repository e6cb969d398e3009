/** Messages through the gateway: smuggling forms, size, backpressure, and clients that leave in the middle. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { unstuffed } from './next-hop-server.ts'
import { sayEnvelope, startRelayFixture } from './relay-fixture.ts'

const SMUGGLED = 'MAIL FROM:<admin@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil'

describe('a smuggled message', () => {
  it.each([
    '\n.\n',
    '\n.\r\n',
    '\r.\r\n',
    '\r.\r',
    '\r.\n',
    '\r\n.\n',
    '\r\n.\r',
    '\n.\r',
    '\n\n.\r\n',
    '\r\n\x00.\r\n',
    '\r\r\n.\r\r\n',
    '\n..\r\n',
    '\r\n..\n',
    '\r\n.\r\r\n',
    '\r\n.\0\r\n',
  ])('behind %j stays a part of the first', async (end) => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send(Buffer.from(`Subject: x\r\n\r\nbody${end}${SMUGGLED}\r\n.\r\n`, 'latin1'))
    expect(await client.reply()).toBe('250 2.0.0 Ok: queued as HOP1')
    expect(await client.say('NOOP')).toMatch(/^250/)
    const [, session] = fixture.hop.sessions
    expect(session?.messages).toHaveLength(1)
    expect(session?.messages[0]).toContain('Subject: smuggled')
    expect(session?.commands.filter((line) => line.startsWith('MAIL'))).toHaveLength(1)
  })

  it('cannot come in pieces either: octet by octet, the dot is still none', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    for (const octet of 'Subject: x\r\n\r\nbody\n.\r\nRSET\r\n.\r\n') {
      client.send(octet)
      await turn()
    }
    expect(await client.reply()).toMatch(/^250/)
    expect(unstuffed(fixture.hop.sessions.at(-1)?.messages[0] ?? '')).toMatch(/\r\n\r\nbody\r\n\.\r\nRSET\r\n$/)
  })

  it('gets no line of its own in our fields', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send(
      'Subject: x\rAuthentication-Results: mx.example.org; iprev=pass\nAuthentication-Results: mx.example.org; spf=pass\r\n\r\nb\r\n.\r\n',
    )
    await client.reply()
    expect(fixture.hop.sessions.at(-1)?.messages[0]?.match(/Authentication-Results/g)).toHaveLength(1)
  })
})

describe('a big message', () => {
  it('of 300 MB passes with flat memory, as fast as the next hop reads', async () => {
    const line = `${'x'.repeat(76)}\r\n`
    const chunk = Buffer.from(line.repeat(1000))
    const chunks = Math.ceil(300_000_000 / chunk.length)
    await using fixture = await startRelayFixture({ hop: { forgets: true, extensions: [] } })
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send('Subject: big\r\n\r\n')
    let peak = 0
    const before = process.memoryUsage().rss
    for (let index = 0; index < chunks; index++) {
      if (!client.socket.write(chunk)) await once(client.socket, 'drain')
      if (index % 50 === 0) peak = Math.max(peak, process.memoryUsage().rss)
    }
    client.send('.\r\n')
    expect(await client.reply()).toMatch(/^250/)
    expect(fixture.hop.received()).toBeGreaterThan(300_000_000)
    // What the collector has not come to yet, and no more however big the message.
    expect(peak - before).toBeLessThan(150_000_000)
  })

  it('waits where the next hop does not read', async () => {
    await using fixture = await startRelayFixture({ hop: { onContent: (_session, socket) => void socket.pause() } })
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    const chunk = Buffer.from(`${'x'.repeat(76)}\r\n`.repeat(1000))
    let sent = 0
    // Kernel buffers take some megabytes; a gateway without backpressure would take all of it.
    for (; sent < 1000 && client.socket.writableLength < 4_000_000; sent++) {
      client.send(chunk)
      for (let index = 0; index < 20; index++) await turn()
    }
    expect(sent).toBeLessThan(1000)
    expect(client.socket.writableLength).toBeGreaterThan(0)
  })

  it('beyond our own limit gets 552, and the next hop gets no end of it', async () => {
    await using fixture = await startRelayFixture({ relay: { limits: { maxMessageOctets: 10_000 } } })
    const client = await fixture.open()
    const { helo } = await sayEnvelope(client)
    expect(helo).toContain('SIZE 10000')
    await client.say('DATA')
    client.send('x'.repeat(20_000))
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /)
    await fixture.hop.settled(() => fixture.hop.sessions.every(({ isClosed }) => isClosed))
    expect(fixture.hop.sessions.at(-1)?.messages).toEqual([])
  })
})

describe('a client that leaves', () => {
  it.each(['cut', 'half-closed'])('in the middle of a message, %s: the next hop gets no end of it', async (how) => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send('Subject: x\r\n\r\nfirst line\r\n')
    await fixture.hop.settled(() => fixture.hop.sessions.at(-1)?.rest.includes('first') === true)
    if (how === 'cut') client.close()
    else client.socket.end('second line\r\n')
    await fixture.hop.settled(() => fixture.hop.sessions.every(({ isClosed }) => isClosed))
    expect(fixture.hop.sessions.at(-1)).toMatchObject({ messages: [], commands: expect.not.arrayContaining(['QUIT']) as string[] })
  })

  it('after its dot, before the reply: the message is delivered, once', async () => {
    let answer = (): void => undefined
    await using fixture = await startRelayFixture({
      hop: {
        onContent: () => {
          answer()
        },
      },
    })
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    const begun = new Promise<void>((resolve) => {
      answer = resolve
    })
    client.send('Subject: x\r\n\r\nall\r\n.\r\n')
    await begun
    client.socket.end()
    await fixture.hop.settled(() => fixture.hop.sessions.every(({ isClosed }) => isClosed))
    expect(fixture.hop.sessions.at(-1)?.messages).toHaveLength(1)
    expect(fixture.hop.sessions.at(-1)?.commands.at(-1)).toBe('QUIT')
  })

  it('while the next hop thinks about MAIL: its session there ends', async () => {
    await using fixture = await startRelayFixture({ hop: { answer: (step) => (step === 'MAIL' ? null : undefined) } })
    const client = await fixture.open()
    await client.reply()
    await client.say('EHLO mail.pass.test')
    client.send('MAIL FROM:<a@pass.test>\r\n')
    await fixture.hop.settled(() => fixture.hop.sessions.at(-1)?.commands.at(-1)?.startsWith('MAIL') === true)
    client.close()
    await fixture.hop.settled(() => fixture.hop.sessions.every(({ isClosed }) => isClosed))
    expect(fixture.events).toEqual([])
  })
})
