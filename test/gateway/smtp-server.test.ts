import { once } from 'node:events'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { describe, expect, it } from 'vitest'
import { ptrgate, verdictOf } from '../../src/gateway/smtp-server.ts'
import { envelope, fixtures, judged, MESSAGE, PASS, resultOf, unfolded } from './smtp-server-fixture.ts'

const start = fixtures()

describe('ptrgate on a real SMTPServer', () => {
  it.each([
    ['pass', '127.51.0.1', 'mail.pass.test', 'accepted', 'iprev=pass'],
    ['generic', '127.51.0.5', 'mail.pass.test', 'accepted', 'iprev=pass (host-127-51-0-5.dyn.pool.test)'],
    ['HELO that differs', '127.51.0.1', 'other.pass.test', 'accepted', 'iprev=pass'],
  ])('%s: the message goes on with a header', async (_name, address, helo, outcome, header) => {
    const { open, messages, sessions } = await start()
    const client = await open(address)
    expect(await envelope(client, helo)).toBe(outcome)
    expect(await client.data(MESSAGE)).toMatch(/^250/)
    expect(unfolded(messages[0])).toContain(`Authentication-Results: mx.test; ${header}`)
    expect(unfolded(messages[0])).toMatch(/^Authentication-Results: [^\r\n]*\r\nSubject: x\r\n\r\nbody\r\n$/)
    expect(resultOf(sessions[0])).toBe('pass')
  })

  it.each([
    ['no PTR', '127.51.0.2', 'mail.pass.test', /^550 5\.7\.25 [^\n]*127\.51\.0\.2 has no PTR record/],
    ['mismatch', '127.51.0.3', 'mail.pass.test', /^550 5\.7\.25 /],
    ['temperror', '127.51.0.4', 'mail.pass.test', /^451 4\.7\.25 /],
    ['a bare address as HELO', '127.51.0.1', '127.51.0.1', /^550 5\.7\.1 /],
    ['our own name as HELO', '127.51.0.1', 'mx.test', /^550 5\.7\.1 /],
    ['a HELO that is no name', '127.51.0.1', 'a(b)', /^501 5\.5\.2 /],
  ])('%s: refused at RCPT', async (_name, address, helo, refused) => {
    const { open, messages } = await start()
    const client = await open(address)
    expect(await client.reply()).toMatch(/^220 /)
    expect(await client.say(`EHLO ${helo}`)).toMatch(/^250/)
    expect(await client.say('MAIL FROM:<a@pass.test>')).toMatch(/^250/)
    expect(await client.say('RCPT TO:<b@test>')).toMatch(refused)
    expect(await client.say('DATA')).toMatch(/^503/)
    expect(messages).toEqual([])
  })

  it.each([
    ['connect', 1],
    ['helo', 3],
    ['mail', 3],
    ['rcpt', 4],
  ] as const)('stage %s: refused at step %i', async (stage, step) => {
    const { open } = await start({ plugin: { policy: judged({ stage }) } })
    const client = await open('127.51.0.2')
    const replies = [await client.reply()]
    for (const line of ['EHLO x.pass.test', 'MAIL FROM:<a@pass.test>', 'RCPT TO:<b@test>']) {
      if (replies.at(-1)?.startsWith('5') === true) break
      replies.push(await client.say(line))
    }
    expect(replies).toHaveLength(step)
    expect(replies.at(-1)).toMatch(/^550 5\.7\.25 /)
  })

  it('forged headers of ours do not reach the host, those of others do', async () => {
    const { open, messages } = await start()
    const client = await open()
    await envelope(client)
    const other = 'Authentication-Results: mx.other.test; iprev=fail\r\n'
    await client.data(
      `AUTHENTICATION-results:\r\n (x)\r\n MX.test; iprev=pass\r\n${other}authentication-results: mx.test; a=b\r\n${MESSAGE}`,
    )
    const [message] = messages
    expect(message?.match(/mx\.test/gi)).toHaveLength(1)
    expect(unfolded(message).startsWith(PASS)).toBe(true)
    expect(message?.endsWith(`${other}${MESSAGE}`)).toBe(true)
  })

  it('two messages of a session both get the header, and the client is looked up once', async () => {
    const { open, messages, dns } = await start()
    const client = await open()
    await envelope(client)
    await client.data(MESSAGE)
    await client.say('MAIL FROM:<c@pass.test>')
    await client.say('RCPT TO:<d@test>')
    await client.data(MESSAGE)
    expect(messages.map((message) => unfolded(message).startsWith(PASS))).toEqual([true, true])
    expect(dns.queries.filter(({ type }) => type === 'PTR')).toHaveLength(1)
  })

  it('a second HELO does not undo what the first one earned, said before MAIL or after it', async () => {
    const { open } = await start()
    const before = await open()
    await before.reply()
    await before.say('EHLO 127.51.0.1')
    await before.say('EHLO mail.pass.test')
    await before.say('MAIL FROM:<a@pass.test>')
    expect(await before.say('RCPT TO:<b@test>')).toMatch(/^550 5\.7\.1 /)
    const after = await open()
    expect(await envelope(after, 'mx.test')).toMatch(/^550 5\.7\.1 /)
    await after.say('EHLO mail.pass.test')
    await after.say('MAIL FROM:<a@pass.test>')
    expect(await after.say('RCPT TO:<b@test>')).toMatch(/^550 5\.7\.1 /)
  })

  it('a session that has logged in is not judged, and forged headers are removed all the same', async () => {
    const { open, messages, sessions } = await start({
      after: { allowInsecureAuth: true, onAuth: (_auth, _session, callback) => callback(null, { user: 'u' }) },
    })
    const client = await open('127.51.0.2')
    await client.reply()
    await client.say('EHLO 127.51.0.2')
    expect(await client.say(`AUTH PLAIN ${Buffer.from('\0u\0p').toString('base64')}`)).toMatch(/^235/)
    await client.say('MAIL FROM:<a@pass.test>')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^250/)
    await client.data(`Authentication-Results: mx.test; iprev=pass\r\n${MESSAGE}`)
    expect(messages).toEqual([MESSAGE])
    expect(sessions[0] && verdictOf(sessions[0])?.decision.rule).toBe('authenticated')
  })

  it('loopback is skipped unless the policy says otherwise', async () => {
    const { open, dns } = await start({ plugin: { policy: 'balanced' } })
    expect(await envelope(await open('127.51.0.2'), '127.0.0.1')).toBe('accepted')
    expect(dns.queries).toEqual([])
  })

  it('no name from strangers brings a line end into replies or headers', async () => {
    const { open, messages } = await start({ plugin: { policy: judged({ preset: 'observe' }) } })
    const client = await open('127.51.0.6')
    expect(await envelope(client, 'evil"(x)\\')).toBe('accepted')
    await client.data(MESSAGE)
    expect(unfolded(messages[0])).toMatch(/^Authentication-Results: [\x20-\x7e]*\r\nSubject: x\r\n\r\nbody\r\n$/)
  })

  it('a refusal of several lines with line ends in them becomes one reply line of at most 512 octets', async () => {
    const lines = ['first\r\n250 accepted', 'x '.repeat(400)]
    const { open } = await start({ plugin: { replyFor: ({ code, enhanced }) => ({ code, enhanced, lines }) } })
    const client = await open('127.51.0.2')
    const reply = await envelope(client)
    expect(reply).toMatch(/^550 5\.7\.25 first\\u\{0d\}\\u\{0a\}250 accepted x x/)
    expect(reply.length).toBeLessThanOrEqual(510)
    expect(await client.say('NOOP')).toMatch(/^250 OK/)
  })
})

describe('faults of ours', () => {
  const broken = { resolve: () => Promise.reject(new Error('broken')) }

  it.each([
    ['accept', 'accepted'],
    ['defer', /^451 4\./],
  ] as const)('onInternalError: %s', async (onInternalError, outcome) => {
    const { open, errors } = await start({ plugin: { resolver: broken, policy: judged({ onInternalError }) } })
    expect(await envelope(await open('127.51.0.2'))).toMatch(outcome)
    expect(errors.length).toBeGreaterThan(0)
  })

  it('mistaken settings throw at once', () => {
    expect(() => ptrgate({ policy: { preset: 'observe', rules: { fail: 'reject' } } })).toThrow()
    expect(() => ptrgate({ dns: { servers: ['nowhere'] } })).toThrow(/nowhere/)
    expect(() => ptrgate({ addresses: ['mx.test'] })).toThrow(/mx\.test/)
    expect(() => ptrgate({}, { useProxy: true })).toThrow(/useProxy/)
    expect(() => ptrgate({}, { useXClient: ['*'] })).toThrow(/useXClient/)
  })

  it('a hook that is called by hand says how it is meant', () => {
    expect(() => ptrgate().onConnect?.({} as SMTPServerSession, () => undefined)).toThrow(/spread/)
  })
})

describe('behind a proxy', () => {
  const useXClient = ['127.51.0.99']

  it('XCLIENT from a listed peer: the client that it names is judged', async () => {
    const { open, messages, sessions } = await start({ after: { useXClient } })
    const client = await open('127.51.0.99')
    await client.reply()
    await client.say('EHLO proxy.test')
    expect(await client.say('XCLIENT ADDR=203.0.113.2 HELO=real.client.test')).toMatch(/^220/)
    await client.say('EHLO mx.test')
    await client.say('MAIL FROM:<a@client.test>')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^250/)
    await client.data(MESSAGE)
    expect(unfolded(messages[0])).toContain('iprev=pass (real.client.test) policy.iprev=203.0.113.2')
    expect(sessions[0]?.remoteAddress).toBe('203.0.113.2')
  })

  it('XCLIENT to a client without PTR: refused, whoever the proxy is', async () => {
    const { open } = await start({ host: { useXClient } })
    const client = await open('127.51.0.99')
    await client.reply()
    await client.say('EHLO proxy.test')
    await client.say('XCLIENT ADDR=203.0.113.77')
    await client.say('EHLO client.test')
    await client.say('MAIL FROM:<a@client.test>')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^550 5\.7\.25 .*203\.0\.113\.77/)
  })

  it('XCLIENT from any other peer changes nothing', async () => {
    const { open } = await start({ after: { useXClient } })
    const client = await open('127.51.0.2')
    await client.reply()
    await client.say('EHLO client.test')
    expect(await client.say('XCLIENT ADDR=203.0.113.2')).toMatch(/^550/)
    await client.say('MAIL FROM:<a@client.test>')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^550 5\.7\.25 .*127\.51\.0\.2/)
  })

  it('where the server lets everybody say XCLIENT, whoever says it gets what the policy says for a fault of ours', async () => {
    const { open, errors } = await start({ plugin: { policy: judged({ onInternalError: 'defer' }) }, after: { useXClient: true } })
    const client = await open('127.51.0.2')
    await client.reply()
    await client.say('EHLO client.test')
    await client.say('XCLIENT ADDR=203.0.113.2')
    await client.say('EHLO client.test')
    await client.say('MAIL FROM:<a@client.test>')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^451/)
    expect(String(errors[0])).toMatch(/useXClient must list/)
  })

  it('XFORWARD is for logs: judged is who connected', async () => {
    const { open } = await start({ after: { useXForward: true } })
    const client = await open('127.51.0.2')
    await client.reply()
    await client.say('EHLO client.test')
    expect(await client.say('XFORWARD ADDR=203.0.113.2')).toMatch(/^250/)
    await client.say('MAIL FROM:<a@client.test>')
    expect(await client.say('RCPT TO:<b@test>')).toMatch(/^550 5\.7\.25 .*127\.51\.0\.2/)
  })

  it('PROXY from a listed peer: the client that it names is judged; from any other it is no header', async () => {
    const { open, dns } = await start({ after: { useProxy: ['127.51.0.99'] } })
    const proxied = await open('127.51.0.99')
    proxied.send('PROXY TCP4 203.0.113.77 127.0.0.1 5000 25\r\n')
    expect(await envelope(proxied, 'client.test')).toMatch(/^550 5\.7\.25 .*203\.0\.113\.77/)
    expect(dns.queries.map(({ name }) => name)).not.toContain('99.0.51.127.in-addr.arpa')
    const direct = await open('127.51.0.2')
    direct.send('PROXY TCP4 203.0.113.2 127.0.0.1 5000 25\r\n')
    expect(await direct.reply()).toMatch(/^421/)
  })
})

describe('the life of the lookup', () => {
  it('begins before the first hook: at TCP accept', async () => {
    const asked: number[] = []
    const { open, dns } = await start({
      host: {
        onConnect(_session, callback) {
          asked.push(dns.queries.length)
          callback()
        },
      },
    })
    const client = await open('127.51.0.1')
    expect(await client.reply()).toMatch(/^220/)
    // The PTR question was answered, and at least one address question asked, before smtp-server had finished its wait.
    expect(asked[0]).toBeGreaterThanOrEqual(2)
    await client.say('EHLO mail.pass.test')
    await client.say('MAIL FROM:<a@pass.test>')
    expect(dns.queries.filter(({ type }) => type === 'PTR')).toHaveLength(1)
  })

  it('the host’s own list of ignored hosts goes on working', () => {
    const { ignoredHosts } = ptrgate({ resolver: { resolve: () => new Promise(() => undefined) } }, { ignoredHosts: ['127.0.0.9'] })
    expect(['127.0.0.9', '127.0.0.8'].map((address) => ignoredHosts?.includes(address))).toEqual([true, false])
  })

  it('the resolver is released with the server, and made anew for one that listens again', async () => {
    const fixture = await start()
    const { server, port, dns } = fixture
    expect(await envelope(await fixture.open('127.51.0.2'))).toMatch(/^550/)
    const first = await fixture.open()
    first.close()
    const close = new Promise<void>((resolve) => {
      server.close(resolve)
    })
    for (const connection of server.connections) connection.close()
    await close
    const asked = dns.queries.length
    const again = new SMTPServer(server.options)
    again.listen(port, '127.0.0.1')
    await once(again.server, 'listening')
    const client = await fixture.open('127.51.0.3')
    expect(await envelope(client)).toMatch(/^550 5\.7\.25 /)
    expect(dns.queries.length).toBeGreaterThan(asked)
    client.close()
    await new Promise<void>((resolve) => {
      again.close(resolve)
    })
  })
})
