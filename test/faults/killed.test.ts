/**
 * ptrgate is killed in the midst of its sessions: whoever asks sees it at once, no part of a message is left behind it, and the next
 * one listens where it did.
 */
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { addressIn, setUp, type LogLine } from '../app/serve/served.ts'
import { MilterTestClient } from '../gateway/milter-client.ts'
import { startHop } from '../gateway/next-hop-server.ts'
import { PolicyTestClient } from '../gateway/policy-client.ts'
import { openDialogue, type Dialogue } from '../gateway/smtp-dialogue.ts'
import { portOf } from './front-ends.ts'
import { SERVE, spawnProgram } from './programs.ts'

/** On which nothing else takes a port, so that it is free for the one that comes after. */
const HOST = '127.53.1.1'
const ENVELOPE = ['EHLO mail.example.com', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.org>']
const NO_PTR = { client_address: '198.51.100.8' }
const SPAWN_TIMEOUT_MS = 90_000

describe('ptrgate killed in the midst of sessions', { timeout: SPAWN_TIMEOUT_MS }, () => {
  it('hangs up on all, hands on no part of a message, and listens again on the same addresses', async () => {
    await using hop = await startHop({ extensions: [] })
    await using setup = await setUp(config(hop.port, 0))
    await using first = spawnProgram(SERVE, ['serve', '--config', setup.file])
    const serving = await first.lines.next('serving')
    await using sessions = await openSessions(serving)
    sessions.client.send('DATA\r\n')
    expect(await sessions.client.reply()).toMatch(/^354/)
    sessions.client.send('Subject: x\r\n\r\nfirst line\r\n')
    await hop.settled(() => hop.sessions.at(-1)?.rest.includes('first') === true)

    first.child.kill('SIGKILL')
    expect(await first.exited).toBe('SIGKILL')
    await Promise.all([sessions.mta.closed, sessions.smtpd.closed])
    await expect(sessions.client.reply()).rejects.toThrow('hung up after ""')
    await hop.settled(() => hop.sessions.every(({ isClosed }) => isClosed))
    expect(hop.sessions.flatMap(({ messages }) => messages)).toEqual([])
    for (const kind of ['milter', 'policy']) expect(existsSync(addressIn(serving, kind).slice('unix:'.length))).toBe(true)

    await setup.write(config(hop.port, portOf(addressIn(serving, 'smtp'))))
    await using second = spawnProgram(SERVE, ['serve', '--config', setup.file])
    const servingAgain = await second.lines.next('serving')
    expect(servingAgain['listeners']).toEqual(serving['listeners'])
    await using again = await openSessions(servingAgain)
    expect(await again.client.data('Subject: x\r\n\r\nfirst line\r\nsecond line\r\n')).toMatch(/^250/)
    expect((await again.mta.deliver({ recipients: ['u@example.org'] })).end?.reply).toEqual({ kind: 'accept' })
    expect(hop.sessions.flatMap(({ messages }) => messages)).toEqual([expect.stringMatching(/first line\r\nsecond line\r\n$/)])
  })
})

function config(hopPort: number, port: number): string {
  return `
listeners:
  - { kind: milter, address: 'unix:$folder/milter.sock' }
  - { kind: policy, address: 'unix:$folder/policy.sock' }
  - { kind: smtp, address: '${HOST}:${String(port)}', nextHop: '127.0.0.1:${String(hopPort)}' }
`
}

interface Sessions extends AsyncDisposable {
  readonly mta: MilterTestClient
  readonly smtpd: PolicyTestClient
  readonly client: Dialogue
}

/** One at each listener, in the middle of its work. */
async function openSessions(serving: LogLine): Promise<Sessions> {
  const mta = await MilterTestClient.connect(addressIn(serving, 'milter'))
  await mta.negotiate()
  await mta.connectFrom('198.51.100.7')
  await mta.helo('mail.example.com')
  const smtpd = await PolicyTestClient.connect(addressIn(serving, 'policy'))
  expect(await smtpd.ask(NO_PTR)).toMatch(/^550 /)
  const client = await openDialogue(portOf(addressIn(serving, 'smtp')), '127.0.0.1', HOST)
  await client.reply()
  for (const line of ENVELOPE) expect(await client.say(line)).toMatch(/^250/)
  return {
    mta,
    smtpd,
    client,
    async [Symbol.asyncDispose]() {
      client.close()
      await Promise.all([mta[Symbol.asyncDispose](), smtpd[Symbol.asyncDispose]()])
    },
  }
}
