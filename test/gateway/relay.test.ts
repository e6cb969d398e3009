/** The gateway over real sockets: whose words the client hears, and what reaches the next hop of what it says. */
import { describe, expect, it } from 'vitest'
import { startRelay } from '../../src/gateway/relay.ts'
import { PASSING, PROXY, sayEnvelope, startRelayFixture, troubleIn, WITHOUT_PTR } from './relay-fixture.ts'

const MESSAGE = 'Subject: hi\r\n\r\nbody\r\n'

describe('replies', () => {
  it('are those of the next hop, word for word, positive ones too', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    expect(await sayEnvelope(client)).toMatchObject({
      mail: '250 2.1.0 Sender fine by the hop',
      rcpt: '250 2.1.5 Recipient fine by the hop',
    })
    expect(await client.say('DATA')).toBe('354 Go ahead says the hop')
    client.send(`${MESSAGE}.\r\n`)
    expect(await client.reply()).toBe('250 2.0.0 Ok: queued as HOP1')
  })

  it.each([
    ['MAIL', '550 5.7.1 Not from you'],
    ['MAIL', '452-4.3.1 Full\n452 4.3.1 Come back'],
    ['RCPT', '550 5.1.1 No such user'],
    ['RCPT', '450-4.2.0 Greylisted\n450-4.2.0 for\n450 4.2.0 five minutes'],
    ['RCPT', '251 Will forward'],
    ['RCPT', '571 odd'],
    ['DATA', '554 5.5.1 No'],
    ['.', '554 5.6.0 Spam'],
    ['.', '250-2.6.0 Taken\n250 2.6.0 in two lines'],
    ['.', '452 4.3.1 Full'],
  ])('to %s: %j is passed on', async (at, reply) => {
    await using fixture = await startRelayFixture({
      hop: { answer: (step) => (step === at ? reply.replaceAll('\n', '\r\n') : undefined) },
    })
    const client = await fixture.open()
    const { mail, rcpt } = await sayEnvelope(client)
    const heard = at === 'MAIL' ? mail : at === 'RCPT' ? rcpt : await client.data(MESSAGE)
    expect(heard).toBe(reply)
  })

  it('of a next hop that accepts nobody lead to no DATA', async () => {
    await using fixture = await startRelayFixture({ hop: { answer: (step) => (step === 'RCPT' ? '550 5.1.1 No' : undefined) } })
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(await client.say('DATA')).toMatch(/^503 5\.5\.1 /)
    expect(fixture.hop.sessions.flatMap(({ commands }) => commands)).not.toContain('DATA')
  })
})

describe('what the next hop gets', () => {
  it('is the message with our fields on top, 8-bit octets and dots as they were', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('DATA')
    client.send(Buffer.from('Subject: \xe4\x00\xff\r\n\r\n..dot\r\n...\r\n\xc3\xa9\r\n.\r\n', 'latin1'))
    await client.reply()
    const messages = fixture.hop.sessions.flatMap((session) => session.messages)
    expect(messages).toEqual([
      'Authentication-Results: mx.example.org;\r\n iprev=pass (mail.pass.test) policy.iprev=127.51.0.1\r\n' +
        'Received: from mail.pass.test (mail.pass.test [127.51.0.1])\r\n\tby mx.example.org with ESMTP id ' +
        `${/id (\S+);/.exec(messages[0] ?? '')?.[1] ?? ''};\r\n\tMon, 06 May 2024 07:08:09 +0000\r\n` +
        'Subject: \xe4\x00\xff\r\n\r\n..dot\r\n...\r\n\xc3\xa9\r\n',
    ])
  })

  it('names an unconfirmed client by its address alone, and puts an odd HELO in a comment', async () => {
    await using fixture = await startRelayFixture({ policy: { preset: 'observe', networks: [{ cidr: '127.51.0.0/16', skip: false }] } })
    const client = await fixture.open(WITHOUT_PTR)
    await client.reply()
    await client.say('EHLO a)(b;c\\')
    await client.say('MAIL FROM:<a@b.test>')
    await client.say('RCPT TO:<b@example.org>')
    await client.data(MESSAGE)
    expect(fixture.hop.sessions.at(-1)?.messages[0]).toContain('Received: from unknown (HELO a\\)\\(b;c\\\\) ([127.51.0.2])\r\n')
  })

  it('are the parameters as they were given, but for AUTH', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await client.reply()
    await client.say('EHLO mail.pass.test')
    const mail = 'MAIL FROM:<"a b>"@xn--bcher-kva.test> SIZE=12 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B314 '
    const rcpt = 'RCPT TO:<@relay.test:B@Example.ORG> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Btag@example.org'
    expect(await client.say(`${mail}AUTH=<>`)).toMatch(/^250/)
    expect(await client.say(rcpt)).toMatch(/^250/)
    expect(fixture.hop.sessions.at(-1)?.commands.slice(1)).toEqual([mail.trimEnd(), rcpt])
  })

  it.each([
    ['MAIL FROM:<a@b.test> REQUIRETLS', '555 5.5.4 Unsupported parameter: REQUIRETLS'],
    ['MAIL FROM:<a@b.test> BODY=BINARYMIME', '501 5.5.4 BODY is 7BIT or 8BITMIME'],
    ['MAIL FROM:<a@b.test> X-OTHER=1', '555 5.5.4 Unsupported parameter: X-OTHER'],
    ['MAIL FROM:a@b.test', '501 5.1.7 Syntax: MAIL FROM:<address>'],
    ['MAIL FROM:<a@b.test>\rRSET', '501 5.1.7 Syntax: MAIL FROM:<address>'],
    ['MAIL FROM:<a@b.test> =', '501 5.5.4 Bad parameter syntax'],
    ['MAIL FROM:<a@b.test> SIZE=99999999999', '552 5.3.4 The message is too big'],
  ])('is not %j', async (line, reply) => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await client.reply()
    await client.say('EHLO mail.pass.test')
    expect(await client.say(line)).toBe(reply)
    expect(fixture.hop.sessions.flatMap(({ commands }) => commands).join()).not.toContain('MAIL')
  })

  it('comes in order for several messages, RSET and a second EHLO', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.data(MESSAGE)
    await client.say('NOOP')
    await client.say('MAIL FROM:<second@pass.test>')
    expect(await client.say('RSET')).toMatch(/^250/)
    await client.say('MAIL FROM:<third@pass.test>')
    await client.say('RCPT TO:<b@example.org>')
    await client.data(MESSAGE)
    await client.say('EHLO other.pass.test')
    await client.say('MAIL FROM:<fourth@pass.test>')
    await client.say('QUIT')
    await fixture.hop.settled(() => fixture.hop.sessions.every(({ isClosed }) => isClosed))
    const [, first, second] = fixture.hop.sessions
    expect(first?.commands.map((line) => line.slice(0, 16))).toEqual([
      'EHLO mx.example.',
      'MAIL FROM:<a@pas',
      'RCPT TO:<b@examp',
      'DATA',
      'MAIL FROM:<secon',
      'RSET',
      'MAIL FROM:<third',
      'RCPT TO:<b@examp',
      'DATA',
      'QUIT',
    ])
    expect(first?.messages).toHaveLength(2)
    expect(second?.commands.map((line) => line.slice(0, 16))).toEqual(['EHLO mx.example.', 'MAIL FROM:<fourt', 'QUIT'])
  })
})

it('RSET goes ahead of the MAIL that follows a refused one', async () => {
  await using fixture = await startRelayFixture({
    hop: { answer: (_step, line) => (line.includes('SIZE') ? '552 5.3.4 Too big' : undefined) },
  })
  const client = await fixture.open()
  await client.reply()
  await client.say('EHLO mail.pass.test')
  expect(await client.say('MAIL FROM:<a@pass.test> SIZE=900000')).toBe('552 5.3.4 Too big')
  expect(await client.say('MAIL FROM:<a@pass.test>')).toMatch(/^250/)
  expect(fixture.hop.sessions.at(-1)?.commands.slice(2)).toEqual(['RSET', 'MAIL FROM:<a@pass.test>'])
})

describe('extensions', () => {
  it('are offered as far as the next hop offers them, and CHUNKING and AUTH are not', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await client.reply()
    expect((await client.say('EHLO mail.pass.test')).split('\n')).toEqual([
      '250-mx.example.org',
      '250-PIPELINING',
      '250-8BITMIME',
      '250-SMTPUTF8',
      '250-ENHANCEDSTATUSCODES',
      '250-DSN',
      '250 SIZE 20000000',
    ])
  })

  it('are none for a next hop that has none, and then no parameter is taken', async () => {
    await using fixture = await startRelayFixture({ hop: { extensions: [] } })
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toBe('250-mx.example.org\n250 PIPELINING')
    expect(await client.say('MAIL FROM:<a@b.test> SIZE=1')).toBe('555 5.5.4 Unsupported parameter: SIZE')
    expect(await client.say('MAIL FROM:<a@b.test> SMTPUTF8')).toBe('555 5.5.4 Unsupported parameter: SMTPUTF8')
  })

  it('that are gone when they are used are a temporary failure, and gone at the next EHLO', async () => {
    await using fixture = await startRelayFixture({
      hop: { answer: (step, _line, _session, sessions) => (step === 'EHLO' && sessions.length > 1 ? '250 hop.test' : undefined) },
    })
    const client = await fixture.open()
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).toContain('SMTPUTF8')
    expect(await client.say('MAIL FROM:<a@b.test> SMTPUTF8')).toMatch(/^451 4\.3\.5 /)
    expect(await client.say('EHLO mail.pass.test')).toBe('250-mx.example.org\n250 PIPELINING')
  })

  it('of a next hop that knows HELO alone are none', async () => {
    await using fixture = await startRelayFixture({ hop: { answer: (step) => (step === 'EHLO' ? '500 What?' : undefined) } })
    const client = await fixture.open()
    expect(await sayEnvelope(client)).toMatchObject({
      helo: '250-mx.example.org\n250 PIPELINING',
      rcpt: expect.stringMatching(/^250/) as string,
    })
    expect(await client.data(MESSAGE)).toMatch(/^250/)
  })
})

describe('the real client', () => {
  const XCLIENT = 'XCLIENT NAME ADDR PORT PROTO HELO LOGIN'

  it('is named by XCLIENT where that is offered, in xtext, and EHLO is said anew in its name', async () => {
    await using fixture = await startRelayFixture({ hop: { extensions: [XCLIENT] } })
    const client = await fixture.open()
    await client.reply()
    await client.say('EHLO a=b+c.test')
    await client.say('MAIL FROM:<a@pass.test>')
    expect(fixture.hop.sessions.at(-1)?.commands).toEqual([
      'EHLO mx.example.org',
      expect.stringMatching(
        /^XCLIENT ADDR=127\.51\.0\.1 NAME=mail\.pass\.test PORT=\d+ PROTO=ESMTP HELO=a\+3Db\+2Bc\.test LOGIN=\[UNAVAILABLE\]$/,
      ),
      'EHLO a=b+c.test',
      'MAIL FROM:<a@pass.test>',
    ])
  })

  it('is named with those attributes alone that are listed, and IPv6 with its prefix', async () => {
    await using fixture = await startRelayFixture({ hop: { extensions: ['XCLIENT ADDR NAME'] } })
    const proxy = await fixture.open(PROXY)
    await proxy.reply()
    await proxy.say('XCLIENT ADDR=IPV6:fd00::7')
    await proxy.say('EHLO mail.pass.test')
    await proxy.say('MAIL FROM:<a@pass.test>')
    expect(fixture.hop.sessions.at(-1)?.commands[1]).toBe('XCLIENT ADDR=IPV6:fd00::7 NAME=[UNAVAILABLE]')
  })

  it('that the next hop refuses to hear hears why', async () => {
    await using fixture = await startRelayFixture({
      hop: { extensions: [XCLIENT], answer: (step) => (step === 'XCLIENT' ? '554 5.7.1 Not that one' : undefined) },
    })
    const client = await fixture.open()
    expect(await sayEnvelope(client)).toMatchObject({ mail: '554 5.7.1 Not that one' })
  })

  it('pays nothing for an XCLIENT that is not understood', async () => {
    await using fixture = await startRelayFixture({
      hop: { extensions: [XCLIENT], answer: (step) => (step === 'XCLIENT' ? '501 5.5.4 Bad syntax' : undefined) },
    })
    const client = await fixture.open()
    expect((await sayEnvelope(client))['mail']).toMatch(/^451 4\.4\.1 /)
    expect(troubleIn(fixture.events)).toEqual([expect.stringContaining('XCLIENT: 501')])
  })

  it('is named by a PROXY header where that is set', async () => {
    await using fixture = await startRelayFixture({ nextHop: { proxyHeader: true } })
    const client = await fixture.open()
    await sayEnvelope(client)
    expect(fixture.hop.sessions.map(({ commands }) => commands[0])).toEqual([
      'PROXY UNKNOWN',
      expect.stringMatching(/^PROXY TCP4 127\.51\.0\.1 127\.0\.0\.1 \d+ \d+$/),
    ])
  })

  it('is who the PROXY header of a listed peer says', async () => {
    await using fixture = await startRelayFixture({ relay: { proxyPeers: [PROXY] } })
    const proxy = await fixture.open(PROXY)
    proxy.send(`PROXY TCP4 ${WITHOUT_PTR} 127.0.0.1 5 25\r\n`)
    expect((await sayEnvelope(proxy))['rcpt']).toMatch(/^550 5\.7\.25 .*127\.51\.0\.2 has no PTR/)
  })

  it('cannot name itself: XCLIENT and PROXY of others are nothing', async () => {
    await using fixture = await startRelayFixture({ relay: { proxyPeers: [PROXY], xclientPeers: [PROXY] } })
    const client = await fixture.open(WITHOUT_PTR)
    await client.reply()
    expect(await client.say('EHLO mail.pass.test')).not.toContain('XCLIENT')
    expect(await client.say(`XCLIENT ADDR=${PASSING}`)).toMatch(/^550/)
    expect(await client.say('PROXY TCP4 127.51.0.1 127.0.0.1 5 25')).toMatch(/^500/)
    await client.say('MAIL FROM:<a@b.test>')
    expect(await client.say('RCPT TO:<b@example.org>')).toMatch(/^550 5\.7\.25/)
  })

  it.each([['xclientPeers' as const], ['proxyPeers' as const]])('is nobody that just anybody names: %s: *', async (setting) => {
    await using fixture = await startRelayFixture()
    const options = {
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      nextHop: { address: { kind: 'tcp', host: '127.0.0.1', port: 1 } },
    } as const
    const gate = { authservId: 'mx.example.org' } as Parameters<typeof startRelay>[0]['gate']
    await expect(startRelay({ ...options, gate, [setting]: ['*'] })).rejects.toThrow(TypeError)
    expect(fixture.relay.connections).toBe(0)
  })
})

describe('events', () => {
  it('tell what was let through, under the queue id of the next hop', async () => {
    await using fixture = await startRelayFixture()
    const client = await fixture.open()
    await sayEnvelope(client)
    await client.say('RCPT TO:<c@example.org>')
    await client.data(MESSAGE)
    expect(fixture.events).toMatchObject([
      {
        kind: 'decision',
        moment: 'message',
        verdict: { decision: { action: 'tag', rule: 'heloReservedSuffix' } },
        client: { sender: 'a@pass.test', recipients: ['b@example.org', 'c@example.org'], recipientCount: 2, queueId: 'HOP1' },
      },
    ])
  })

  it('tell of a refusal, and nothing of a message that the next hop refused', async () => {
    await using fixture = await startRelayFixture({ hop: { answer: (step) => (step === '.' ? '554 5.6.0 Spam' : undefined) } })
    const bad = await fixture.open(WITHOUT_PTR)
    await sayEnvelope(bad)
    const good = await fixture.open()
    await sayEnvelope(good)
    await good.data(MESSAGE)
    expect(fixture.events).toMatchObject([{ kind: 'decision', moment: 'rcpt', client: { recipients: ['b@example.org'], queueId: null } }])
  })

  it('tell of early talkers and long lines', async () => {
    await using fixture = await startRelayFixture()
    const early = await fixture.open()
    early.send('EHLO now\r\n')
    expect(await early.reply()).toMatch(/^421 /)
    const long = await fixture.open()
    await long.reply()
    expect(await long.say(`EHLO ${'x'.repeat(3000)}`)).toMatch(/^421 /)
    expect(fixture.events.map((event) => (event.kind === 'protocolError' ? event.reason : event.kind))).toEqual([
      'earlyTalker',
      'lineTooLong',
    ])
  })
})
