import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'
import { describe, expect, it } from 'vitest'
import { createEarlyLookups, EARLY_LOOKUP_MS, MAX_EARLY_LOOKUPS } from '../../src/gateway/smtp-server-early.ts'
import { ptrgate, verdictOf } from '../../src/gateway/smtp-server.ts'
import { startTestDns, manualClock } from '../support/zone.ts'
import { ip } from '../support/arbitrary.ts'
import { openDialogue } from './smtp-dialogue.ts'
import { envelope, fixtures, judged, MESSAGE, PASS, unfolded, ZONE } from './smtp-server-fixture.ts'

const start = fixtures()
type Callback = (error?: Error | null) => void

/** Hooks that write down that they were called, and what was known of the client then. */
function recorder(): { calls: string[]; hooks: Required<Pick<SMTPServerOptions, 'onConnect' | 'onMailFrom' | 'onRcptTo' | 'onClose'>> } {
  const calls: string[] = []
  const note = (name: string, session: SMTPServerSession, callback: Callback): void => {
    calls.push(`${name} ${verdictOf(session)?.judgement?.iprev.result ?? 'unknown'}`)
    callback()
  }
  const hooks = {
    onConnect: (session: SMTPServerSession, callback: Callback) => note('connect', session, callback),
    onMailFrom: (_address: unknown, session: SMTPServerSession, callback: Callback) => note('mail', session, callback),
    onRcptTo: (_address: unknown, session: SMTPServerSession, callback: Callback) => note('rcpt', session, callback),
    onClose: (session: SMTPServerSession) => note('close', session, () => undefined),
  }
  return { calls, hooks }
}

describe('hooks of the host', () => {
  it.each(['host', 'hooks', 'after'] as const)('are called in order after ours, given as %s', async (how) => {
    const { calls, hooks } = recorder()
    const settings = { host: { host: hooks }, hooks: { plugin: { hooks } }, after: { after: hooks } }[how]
    const { open, messages, server } = await start(settings)
    const client = await open()
    expect(await envelope(client)).toBe('accepted')
    await client.data(MESSAGE)
    await client.say('QUIT')
    client.close()
    while (server.connections.size > 0 || calls.length < 4) await new Promise((resolve) => setImmediate(resolve))
    // A spread that replaces all of ours leaves the first session unjudged, as the documentation says.
    if (how !== 'after') expect(calls).toEqual(['connect unknown', 'mail pass', 'rcpt pass', 'close pass'])
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['connect', 'mail', 'rcpt', 'close'])
    if (how !== 'after') expect(unfolded(messages[0]).startsWith(PASS)).toBe(true)
  })

  it('one that replaces ours in the spread is wrapped, and the client judged all the same', async () => {
    const { calls, hooks } = recorder()
    const { open, messages } = await start({ after: { onConnect: hooks.onConnect, onRcptTo: hooks.onRcptTo } })
    for (const address of ['127.51.0.2', '127.51.0.3']) {
      expect(await envelope(await open(address))).toMatch(/^550 5\.7\.25 /)
    }
    const client = await open()
    expect(await envelope(client)).toBe('accepted')
    await client.data(MESSAGE)
    expect(unfolded(messages[0]).startsWith(PASS)).toBe(true)
    expect(calls).toEqual(['connect unknown', 'connect unknown', 'connect unknown', 'rcpt pass'])
  })

  it('are not called for a client that is refused', async () => {
    const { calls, hooks } = recorder()
    const { open } = await start({ host: hooks })
    expect(await envelope(await open('127.51.0.2'))).toMatch(/^550/)
    expect(calls).toEqual(['connect unknown', 'mail permerror'])
  })

  it.each(['onMailFrom', 'onRcptTo'] as const)('the error of %s goes to the client as it is', async (hook) => {
    const refuse = (_address: unknown, _session: SMTPServerSession, callback: Callback): void =>
      callback(Object.assign(new Error('5.1.1 not here'), { responseCode: 551 }))
    const { open } = await start({ host: { [hook]: refuse } })
    const client = await open()
    expect(await envelope(client)).toBe('551 5.1.1 not here')
  })

  it('one that throws becomes 451, and we are told', async () => {
    const { open, errors } = await start({
      host: {
        onRcptTo() {
          throw new Error('a bug of the host')
        },
      },
    })
    expect(await envelope(await open())).toMatch(/^451 4\.3\.0 /)
    expect(String(errors[0])).toContain('a bug of the host')
  })

  it('methods of a subclass are hooks as well', async () => {
    await using dns = await startTestDns(ZONE)
    let heard = ''
    class OwnServer extends SMTPServer {
      override onData(stream: SMTPServerDataStream, _session: SMTPServerSession, callback: Callback): void {
        stream.on('data', (chunk: Buffer) => (heard += chunk.toString()))
        stream.on('end', () => callback())
      }
    }
    const server = new OwnServer({
      logger: false,
      disabledCommands: ['AUTH', 'STARTTLS'],
      ...ptrgate({ policy: judged(), name: 'mx.test', dns: { servers: [dns.server] } }),
    })
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    const client = await openDialogue((server.server.address() as AddressInfo).port)
    expect(await envelope(client)).toBe('accepted')
    await client.data(MESSAGE)
    client.close()
    await new Promise<void>((resolve) => {
      server.close(resolve)
    })
    expect(unfolded(heard).startsWith(PASS)).toBe(true)
  })
})

describe('the data stream', () => {
  it('a host that answers without reading is served as by a bare server', async () => {
    const { open } = await start({
      after: {
        onData: (_stream, _session, callback) => callback(Object.assign(new Error('5.6.0 not wanted'), { responseCode: 554 })),
      },
    })
    const client = await open()
    await envelope(client)
    expect(await client.data(`Subject: x\r\n\r\n${'x'.repeat(998)}\r\n`.repeat(3000))).toBe('554 5.6.0 not wanted')
    expect(await client.say('NOOP')).toMatch(/^250/)
  })

  it('a host that destroys the stream can still answer', async () => {
    const { open } = await start({
      after: {
        onData(stream, _session, callback) {
          stream.once('data', () => {
            stream.destroy()
            callback(Object.assign(new Error('4.3.0 stop'), { responseCode: 451 }))
          })
        },
      },
    })
    const client = await open()
    await envelope(client)
    expect(await client.data(`Subject: x\r\n\r\n${`${'x'.repeat(900)}\r\n`.repeat(3000)}`)).toBe('451 4.3.0 stop')
  })

  it.each([true, false])('a client that leaves in the middle ends the stream of the host (who listens for errors: %s)', async (listens) => {
    const closed: unknown[] = []
    const { open, server } = await start({
      after: {
        onData(stream) {
          stream.resume()
          if (listens) stream.on('error', (error) => closed.push(error.message))
          stream.on('close', () => closed.push('close'))
        },
      },
    })
    const client = await open()
    await envelope(client)
    await client.say('DATA')
    client.send('Subject: x\r\n\r\nhalf')
    server.on('error', () => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    client.close()
    while (!closed.includes('close')) await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toEqual(listens ? ['Connection closed before the message was received in full', 'close'] : ['close'])
  })

  it('tells the host of size as the bare one does', async () => {
    const seen: unknown[] = []
    const { open } = await start({
      after: {
        size: 1000,
        onData(stream, _session, callback) {
          stream.resume()
          stream.on('end', () => {
            seen.push(stream.byteLength, stream.sizeExceeded)
            callback()
          })
        },
      },
    })
    const client = await open()
    await envelope(client)
    const message = `Subject: x\r\n\r\n${`${'x'.repeat(98)}\r\n`.repeat(20)}`
    await client.data(message)
    expect(seen).toEqual([message.length, true])
  })

  it('100 MB pass with flat memory, also where the host reads slowly', async () => {
    const chunkCount = 1600
    let octets = 0
    let peak = 0
    const { open } = await start({
      after: {
        onData(stream, _session, callback) {
          const read = async (): Promise<void> => {
            let chunks = 0
            for await (const chunk of stream) {
              octets += (chunk as Buffer).length
              if (++chunks % 64 !== 0) continue
              peak = Math.max(peak, process.memoryUsage.rss())
              await new Promise((resolve) => setImmediate(resolve))
            }
          }
          read().then(() => callback(), callback)
        },
      },
    })
    const client = await open()
    await envelope(client)
    await client.say('DATA')
    const block = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(64))
    const before = process.memoryUsage.rss()
    client.send('Subject: x\r\n\r\n')
    for (let index = 0; index < chunkCount; index++) if (!client.socket.write(block)) await once(client.socket, 'drain')
    client.send('.\r\n')
    expect(await client.reply()).toMatch(/^250/)
    expect(octets).toBeGreaterThan(chunkCount * block.length)
    expect(peak - before).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('early lookups', () => {
  function early(): {
    opened: string[]
    closed: string[]
    clock: ReturnType<typeof manualClock>
    lookups: ReturnType<typeof createEarlyLookups>
  } {
    const openedFor: string[] = []
    const closed: string[] = []
    const clock = manualClock()
    const lookups = createEarlyLookups({
      open: (address) => {
        const label = `${address.bytes.join('.')}#${String(openedFor.length)}`
        openedFor.push(label)
        return {
          address,
          helo: () => undefined,
          authenticate: () => undefined,
          verdict: () => Promise.reject(new Error('not asked here')),
          close: () => void closed.push(label),
        }
      },
      startTimer: (milliseconds, callback) => clock.setTimer(milliseconds, callback),
    })
    return { opened: openedFor, closed, clock, lookups }
  }

  it('each is taken once, the oldest first, however the address is written', () => {
    const { opened: openedFor, closed, clock, lookups } = early()
    lookups.begin('::ffff:127.0.0.1')
    lookups.begin('127.0.0.1')
    expect(openedFor).toHaveLength(2)
    expect(lookups.take(ip('127.0.0.1'))).toBeDefined()
    expect(lookups.take(ip('127.0.0.1'))).toBeDefined()
    expect(lookups.take(ip('127.0.0.1'))).toBeUndefined()
    expect([closed, clock.pending]).toEqual([[], 0])
  })

  it('those that nobody takes are called off, and there are never too many', () => {
    const { opened: openedFor, closed, clock, lookups } = early()
    for (let index = 0; index <= MAX_EARLY_LOOKUPS; index++) lookups.begin('127.0.0.1')
    lookups.begin(undefined)
    lookups.begin('')
    expect(openedFor).toHaveLength(MAX_EARLY_LOOKUPS)
    clock.advance(EARLY_LOOKUP_MS)
    expect(closed).toEqual(openedFor)
    lookups.begin('127.0.0.2')
    lookups.close()
    expect([closed.length, clock.pending]).toEqual([MAX_EARLY_LOOKUPS + 1, 0])
  })
})
