/**
 * More clients than file descriptors: some are turned away, and it is told; sessions that are open go on, lookups included; once the
 * others have left, all is as before. With not one descriptor left a lookup fails for the moment, and nothing for good.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { addressIn, metricsOf, setUp, type LogLine } from '../app/serve/served.ts'
import { MilterTestClient } from '../gateway/milter-client.ts'
import { startHop } from '../gateway/next-hop-server.ts'
import { PolicyTestClient } from '../gateway/policy-client.ts'
import { openDialogue } from '../gateway/smtp-dialogue.ts'
import { judgeByHttp, judgeByMilter, judgeByPolicy, judgeBySmtp, portOf } from './front-ends.ts'
import { closeOf } from './handles.ts'
import { spawnProgram } from './programs.ts'

const CHILD = fileURLToPath(new URL('descriptors-child.ts', import.meta.url))
const SPAWN_TIMEOUT_MS = 90_000
/** Above what the program has open once it is loaded: its listeners, those that ptrgate keeps back, and a few clients. */
const SPARE = 50
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0
/** No PTR, each asked about once. */
const stranger = (number: number): Record<string, string> => ({
  client_address: `198.51.100.${String(number)}`,
  client_port: String(number),
  instance: String(number),
})

describe.skipIf(!hasPrlimit)('file descriptors that run out (needs prlimit, of util-linux)', { timeout: SPAWN_TIMEOUT_MS }, () => {
  it('by too many clients: they are turned away and it is told, open sessions are served, and all is well when they leave', async () => {
    await using setting = await start()
    const { serving, program } = setting
    await using smtpd = await PolicyTestClient.connect(addressIn(serving, 'policy'))
    await using mta = await MilterTestClient.connect(addressIn(serving, 'milter'))
    await mta.negotiate()
    const crowds = await Promise.all(['policy', 'milter', 'smtp', 'http'].map((kind) => crowd(addressIn(serving, kind), SPARE)))
    for (const kind of ['policy', 'milter', 'smtp', 'http']) {
      const line = await program.lines.next('socketError', 0, ({ listener }) => String(listener).startsWith(`${kind}:`))
      expect(line['error']).toMatch(/^Error: a connection was closed: hardly any of the \d+ file descriptors are left$/)
    }
    expect(await smtpd.ask(stranger(20))).toMatch(/^550 5\.7\.25 /)
    await mta.connectFrom('198.51.100.7')
    expect((await mta.deliver({ recipients: ['u@example.org'] })).end?.reply).toEqual({ kind: 'accept' })

    for (const socket of crowds.flat()) socket.destroy()
    await expect.poll(() => sessionsAt(serving), { timeout: 20_000 }).toEqual([0, 1, 1, 1])
    expect(await judgeByMilter(addressIn(serving, 'milter'), '198.51.100.21')).toMatchObject({ kind: 'refused' })
    expect(await judgeByPolicy(addressIn(serving, 'policy'), '198.51.100.22')).toMatchObject({ kind: 'refused' })
    expect(await judgeByHttp(addressIn(serving, 'http'), '198.51.100.23')).toMatchObject({ kind: 'refused' })
    expect(await judgeBySmtp(portOf(addressIn(serving, 'smtp')), '198.51.100.7', 'xclient')).toEqual({ kind: 'taken', reply: null })
    expect(setting.delivered()).toBe(1)
    expect(program.child.exitCode).toBe(null)
  })

  it('down to the last one: 451 for want of a lookup or of the next hop, and true answers once there are some again', async () => {
    await using setting = await start()
    const { serving, program } = setting
    await using smtpd = await PolicyTestClient.connect(addressIn(serving, 'policy'))
    const client = await openDialogue(portOf(addressIn(serving, 'smtp')), '127.0.0.1')
    await client.reply()
    expect(await client.say('EHLO mail.example.com')).toMatch(/^250/)

    program.child.kill('SIGUSR2')
    await program.stderr('taken\n')
    expect(await smtpd.ask(stranger(30))).toBe(
      '451 4.7.25 The reverse DNS of 198.51.100.30 cannot be validated at present. Please try again later.',
    )
    expect(await client.say('MAIL FROM:<a@example.com>')).toMatch(/^451 4\.4\.1 /)
    expect((await program.lines.next('socketError'))['error']).toMatch(/^Error: next hop 127\.0\.0\.1:\d+: EMFILE$/)
    // Not even this one can be kept.
    const [refused] = await crowd(addressIn(serving, 'policy'), 1)
    if (refused) await closeOf(refused)

    program.child.kill('SIGUSR2')
    await program.stderr('given back\n')
    expect(await smtpd.ask(stranger(31))).toMatch(/^550 5\.7\.25 /)
    for (const line of ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.org>']) expect(await client.say(line)).toMatch(/^250/)
    expect(await client.data('Subject: x\r\n\r\nbody\r\n')).toMatch(/^250/)
    expect(setting.delivered()).toBe(1)
    expect(program.lines.of('decision').filter((line) => line['result'] === 'temperror')).toMatchObject([{ action: 'defer' }])
    client.close()
  })
})

interface Setting extends AsyncDisposable {
  readonly program: ReturnType<typeof spawnProgram>
  readonly serving: LogLine
  readonly delivered: () => number
}

async function start(): Promise<Setting> {
  const hop = await startHop({ extensions: [] })
  const setup = await setUp(`
listeners:
  - { kind: policy, address: '127.0.0.1:0' }
  - { kind: milter, address: '127.0.0.1:0' }
  - { kind: smtp, address: '127.0.0.1:0', nextHop: '127.0.0.1:${String(hop.port)}', xclientPeers: ['127.51.0.99'] }
  - { kind: http, address: '127.0.0.1:0' }
`)
  const program = spawnProgram(CHILD, [String(SPARE), setup.file])
  const serving = await program.lines.next('serving')
  // The gateway has asked what the next hop offers.
  await hop.settled(() => hop.sessions.at(-1)?.isClosed === true)
  return {
    program,
    serving,
    delivered: () => hop.sessions.flatMap(({ messages }) => messages).length,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]()
      await setup[Symbol.asyncDispose]()
      await hop[Symbol.asyncDispose]()
    },
  }
}

/** Connections that say nothing. */
function crowd(address: string, size: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: size }, async () => {
      const socket = connect({ host: '127.0.0.1', port: portOf(address) })
      socket.on('error', () => undefined).resume()
      await once(socket, 'connect')
      return socket
    }),
  )
}

/** The scrape itself is one of HTTP. */
async function sessionsAt(serving: LogLine): Promise<readonly number[]> {
  const sessions = await metricsOf(`http://${addressIn(serving, 'http')}`, 'ptrgate_sessions').catch(() => new Map<string, number>())
  return [...sessions.values()].toSorted((left, right) => left - right)
}
