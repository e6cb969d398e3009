/** A next hop that goes away, keeps silent or makes no sense, at every step: the client is told to try again, and nothing is lost. */
import { describe, expect, it } from 'vitest'
import { HANG_UP } from './next-hop-server.ts'
import { sayEnvelope, startRelayFixture, troubleIn } from './relay-fixture.ts'

const MESSAGE = 'Subject: hi\r\n\r\nbody\r\n'

describe('a next hop that fails', () => {
  it.each([
    ['greeting', '554 5.3.2 Go away'],
    ['greeting', HANG_UP],
    ['EHLO', '421 4.3.2 Busy'],
    ['MAIL', HANG_UP],
    ['RCPT', HANG_UP],
    ['DATA', HANG_UP],
    ['.', HANG_UP],
    ['MAIL', '354 What?'],
    ['DATA', '250 What?'],
    ['.', '354 What?'],
    ['RCPT', 'no reply at all'],
    ['RCPT', '250 one\r\n250 two\r\n250 three'],
  ])('at %s with %j: a temporary failure, and nothing is delivered', async (at, reply) => {
    await using fixture = await startRelayFixture({
      hop: { answer: (step, _line, _session, sessions) => (step === at && sessions.length > 1 ? reply : undefined) },
    })
    const client = await fixture.open()
    const replies = await sayEnvelope(client)
    const last = Object.values(replies).at(-1) ?? ''
    expect(last.startsWith('250') ? await client.data(MESSAGE) : last).toMatch(/^451 4\.4\.[12] /)
    expect(troubleIn(fixture.events)).not.toEqual([])
    expect(await client.say('NOOP')).toMatch(/^250/)
  })

  it('before it was ever seen: 421 at EHLO, so that nobody gives a message up for want of an extension', async () => {
    await using fixture = await startRelayFixture({ hop: { answer: (step) => (step === 'greeting' ? HANG_UP : undefined) } })
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toMatch(/^421 4\.4\.1 /)
  })

  it('in the midst of a message with a refusal: the client hears it once it is done', async () => {
    let refused = false
    await using fixture = await startRelayFixture({
      hop: {
        onContent(_session, socket) {
          socket.pause()
          if (!refused) socket.write('552 5.3.4 Too big for us\r\n')
          refused = true
        },
      },
    })
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send('Subject: x\r\n\r\n')
    await fixture.hop.settled(() => refused)
    for (let index = 0; index < 100; index++) client.send(`${'x'.repeat(998)}\r\n`)
    client.send('.\r\n')
    expect(await client.reply()).toBe('552 5.3.4 Too big for us')
    expect(fixture.hop.sessions.at(-1)?.messages).toEqual([])
  })

  it('in the midst of a message without a word: 451, and the rest of the session works', async () => {
    let cuts = 0
    await using fixture = await startRelayFixture({
      hop: {
        onContent(_session, socket) {
          if (cuts++ === 0) socket.destroy()
        },
      },
    })
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send('Subject: x\r\n\r\nfirst\r\n')
    await fixture.hop.settled(() => cuts > 0)
    client.send('second\r\n.\r\n')
    expect(await client.reply()).toMatch(/^451 4\.4\.2 /)
    await client.say('MAIL FROM:<a@pass.test>')
    await client.say('RCPT TO:<b@example.org>')
    expect(await client.data(MESSAGE)).toMatch(/^250/)
    expect(fixture.hop.sessions.flatMap(({ messages }) => messages)).toHaveLength(1)
  })

  it('between two messages goes unnoticed: the next MAIL opens another session', async () => {
    await using fixture = await startRelayFixture({
      hop: {
        answer: (step, _line, session) => (step === '.' && session.messages.length > 0 ? '250 2.0.0 Ok\r\n421 4.4.2 Bye' : undefined),
      },
    })
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(await client.data(MESSAGE)).toBe('250 2.0.0 Ok')
    expect(await client.say('MAIL FROM:<a@pass.test>')).toMatch(/^250/)
    await client.say('RCPT TO:<b@example.org>')
    expect(await client.data(MESSAGE)).toBe('250 2.0.0 Ok')
    expect(fixture.hop.sessions.flatMap(({ messages }) => messages)).toHaveLength(2)
  })

  it('by silence: 451 after the time that is set for it', async () => {
    await using fixture = await startRelayFixture({
      hop: { answer: (step) => (step === 'RCPT' ? null : undefined) },
      nextHop: { timeouts: { rcptMs: 50 } },
    })
    const client = await fixture.open()
    expect((await sayEnvelope(client))['rcpt']).toMatch(/^451 4\.4\.2 /)
    expect(troubleIn(fixture.events)).toEqual([expect.stringContaining('RCPT: timeout')])
  })

  it('with 421: passed on, and the session ends', async () => {
    await using fixture = await startRelayFixture({ hop: { answer: (step) => (step === 'RCPT' ? '421 4.3.2 Stopping' : undefined) } })
    const client = await fixture.open()
    expect((await sayEnvelope(client))['rcpt']).toBe('421 4.3.2 Stopping')
    await expect(client.say('NOOP')).rejects.toThrow('hung up')
  })
})
