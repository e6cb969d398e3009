import { describe, expect, test } from 'vitest'
import { probeSession } from '../../src/probe/smtp-session.ts'
import type { SessionEvent, SessionFacts } from '../../src/probe/session-facts.ts'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { close, hear, reply, say, ScriptedSmtp, secure, stall, type Step } from '../support/scripted-smtp.ts'
import { SCRIPTS, TIMEOUTS, type Script } from './scripts.ts'
import { EC_KEY, GOOD, INTERMEDIATE, ROOT } from './session-certificates.ts'
import { FakeClock, settle } from './session-clock.ts'
import { summarise } from './session-summary.ts'

interface Played {
  readonly facts: SessionFacts
  readonly events: readonly SessionEvent[]
  readonly peer: ScriptedSmtp
  readonly clock: FakeClock
}

async function play(script: Script): Promise<Played> {
  const clock = new FakeClock()
  const peer = await ScriptedSmtp.listen(script.peer, {
    stalled: async () => {
      await settle()
      clock.fireNext()
    },
    passed: async (ms) => {
      await settle()
      clock.advance(ms)
    },
  })
  const events: SessionEvent[] = []
  try {
    const facts = await probeSession(
      { address: '127.0.0.1', port: peer.port, implicitTls: false, serverName: 'mx.example.org', ...script.target },
      {
        ehloName: 'probe.example.net',
        timeouts: TIMEOUTS,
        tls: { trustedCertificates: [ROOT] },
        now: clock.now,
        startTimer: clock.startTimer,
        onEvent: (event) => events.push(event),
        ...script.settings,
      },
      script.abort?.signal,
    )
    return { facts, events, peer, clock }
  } finally {
    await peer.stop()
  }
}

test('there are at least eighty scripts, each with a name of its own', () => {
  expect(SCRIPTS.length).toBeGreaterThanOrEqual(80)
  expect(new Set(SCRIPTS.map(({ name }) => name)).size).toBe(SCRIPTS.length)
})

describe('a server that', () => {
  test.each(SCRIPTS.map((script) => [script.name, script] as const))('%s', async (_, script) => {
    const { facts, events, peer, clock } = await play(script)
    expect(peer.complaints).toEqual([])
    expect(summarise(facts)).toEqual(script.expected)
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts)
    expect(clock.timers, 'timers left behind').toBe(0)
    expect(events.findLast(({ connection, kind }) => connection === 'main' && kind === 'ended')).toEqual({
      kind: 'ended',
      connection: 'main',
      ended: facts.ended,
    })
  })
})

const upgrading: readonly Step[] = [
  ...[say('220 mx.example.org\r\n'), hear('EHLO'), reply(250, 'mx.example.org', 'STARTTLS'), hear('STARTTLS')],
  ...[secure({ cert: `${GOOD}\n${INTERMEDIATE}`, key: EC_KEY }, '220 2.0.0 go\r\n'), hear('EHLO'), reply(250, 'mx.example.org', 'SIZE')],
  ...[hear('QUIT'), say('221 2.0.0 Bye\r\n')],
]

const anyServer = { address: '127.0.0.1', port: 1, implicitTls: false, serverName: null }
const us = { ehloName: 'probe.example.net' }

describe('a session', () => {
  test('says who we are, and nothing that it need not say', async () => {
    const { peer } = await play({ name: '', peer: [upgrading], expected: { ended: '' } })
    expect(peer.heard).toEqual(['EHLO probe.example.net', 'STARTTLS', 'EHLO probe.example.net', 'QUIT'])
    expect(peer.connections).toBe(1)
  })

  test('tells its stages as they come', async () => {
    const { events } = await play({ name: '', peer: [upgrading], expected: { ended: '' } })
    const told = events.map((event) => (event.kind === 'stage' ? `${event.stage}${event.underTls ? '~' : ''}` : `=${event.kind}`))
    expect(told.join(' ')).toBe('connect =connect greeting =greeting ehlo =hello startTls =startTls tls =tls ehlo~ =hello quit~ =ended')
  })

  test('keeps a transcript with the hints of swaks', async () => {
    const { facts } = await play({ name: '', peer: [upgrading], expected: { ended: '' } })
    expect(facts.transcript.lines.map(({ hint, text }) => `${hint} ${text}`)).toEqual([
      `=== Trying 127.0.0.1:${String(facts.port)}...`,
      '=== Connected to 127.0.0.1.',
      '<-  220 mx.example.org',
      ' -> EHLO probe.example.net',
      '<-  250-mx.example.org',
      '<-  250 STARTTLS',
      ' -> STARTTLS',
      '<-  220 2.0.0 go',
      '=== TLS started with TLSv1.3, TLS_AES_256_GCM_SHA384',
      ' ~> EHLO probe.example.net',
      '<~  250-mx.example.org',
      '<~  250 SIZE',
      ' ~> QUIT',
      '<~  221 2.0.0 Bye',
    ])
  })

  test('marks refusals and trouble in the transcript', async () => {
    const { facts } = await play({ name: '', peer: [[say('554 5.7.1 no\r\n'), close]], expected: { ended: '' } })
    expect(facts.transcript.lines.slice(2).map(({ hint, text }) => `${hint} ${text}`)).toEqual([
      '<** 554 5.7.1 no',
      '*** Ended at greeting: turnedAway',
      ' -> QUIT',
    ])
  })

  test('a port where nobody listens: refused', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const facts = await probeSession({ ...anyServer, port }, us)
    expect(facts.connect).toMatchObject({ kind: 'failed', cause: { kind: 'refused' } })
    expect(facts.ended).toEqual({ stage: 'connect', underTls: false, cause: { kind: 'refused' } })
    expect(summarise(facts)).toEqual({ ended: 'connect: refused' })
  })

  test('an address that no connection can lead to: unreachable', async () => {
    const facts = await probeSession({ ...anyServer, address: '127.255.255.255' }, us)
    expect(facts.ended.cause).toEqual({ kind: 'unreachable', code: 'ENETUNREACH' })
  })

  test('a connection that does not come about in its time: timeout', async () => {
    const clock = new FakeClock()
    const session = probeSession(anyServer, { ...us, ...{ now: clock.now, startTimer: clock.startTimer } })
    clock.fireNext()
    expect((await session).ended).toEqual({ stage: 'connect', underTls: false, cause: { kind: 'timeout', afterMs: 15_000, heard: '' } })
    expect(clock.timers).toBe(0)
  })

  test('called off before it begins: nothing is connected', async () => {
    const peer = await ScriptedSmtp.listen([[stall]], { stalled: () => Promise.resolve(), passed: () => Promise.resolve() })
    const { ended } = await probeSession({ ...anyServer, port: peer.port }, us, AbortSignal.abort())
    expect(ended).toEqual({ stage: 'connect', underTls: false, cause: { kind: 'aborted' } })
    await settle()
    await peer.stop()
    expect(peer.heard).toEqual([])
  })

  test('speaks over IPv6', async ({ skip }) => {
    const listening = await ScriptedSmtp.listen(
      [upgrading],
      { stalled: () => Promise.resolve(), passed: () => Promise.resolve() },
      '::1',
    ).catch(() => null)
    if (listening === null) return skip('(skipped: no IPv6 on loopback)')
    const facts = await probeSession({ ...anyServer, address: '::1', port: listening.port }, us)
    await listening.stop()
    expect(facts.ended.cause.kind).toBe('done')
    expect(facts.connect).toMatchObject({ kind: 'connected', localAddress: '::1' })
  })

  test('tells times by the clock that it is given', async () => {
    const { facts } = await play({ name: '', peer: [[{ do: 'pass', ms: 7000 }, ...upgrading]], expected: { ended: '' } })
    expect(facts.greeting).toMatchObject({ reply: { delayMs: 7000 } })
    expect(facts.durationMs).toBe(7000)
  })

  test.each([
    [{ ehloName: 'a\r\nMAIL FROM:<>' }],
    [{ ehloName: '' }],
    [{ ehloName: 'two words' }],
    [{ ...us, relayTest: { sender: 'a@b.example>\r\nDATA', recipient: 'c@d.example' } }],
    [{ ...us, relayTest: { sender: 'a@b.example', recipient: '' } }],
    [{ ...us, relayTest: { sender: 'a b@c.example', recipient: 'c@d.example' } }],
  ])('settings that would break the protocol are a mistake of the caller: %j', async (settings) => {
    await expect(probeSession(anyServer, settings)).rejects.toThrow(RangeError)
  })

  test('every connection asks for permission, and gives it back', async () => {
    const log: string[] = []
    const admit = (): Promise<() => void> => {
      log.push('in')
      return Promise.resolve(() => log.push('out'))
    }
    const settings = { admit, checkOldTls: ['TLSv1.2', 'TLSv1.3'], checkInjection: true } as const
    const short = [...upgrading.slice(0, 5), ...upgrading.slice(7)]
    const { facts, peer } = await play({ name: '', peer: [upgrading, short, short, upgrading], settings, expected: { ended: '' } })
    expect(peer.complaints).toEqual([])
    expect(facts.oldTls.map(({ outcome }) => outcome.kind)).toEqual(['accepted', 'accepted'])
    expect(facts.injection.kind).toBe('discarded')
    expect(log.join(' ')).toBe('in out in out in out in out')
  })

  test('without permission there is no connection', async () => {
    const facts = await probeSession(anyServer, { ...us, admit: () => Promise.resolve(null) })
    expect(summarise(facts)).toEqual({ ended: 'connect: aborted' })
  })

  test('what an observer throws is not swallowed, and the connection is closed', async () => {
    const peer = await ScriptedSmtp.listen([[...upgrading.slice(0, 2), stall]], {
      stalled: () => Promise.resolve(),
      passed: () => Promise.resolve(),
    })
    const onEvent = (event: SessionEvent): void => {
      if (event.kind === 'greeting') throw new Error('observer')
    }
    await expect(probeSession({ ...anyServer, port: peer.port }, { ...us, onEvent })).rejects.toThrow('observer')
    await peer.stop()
    expect(peer.complaints).toEqual(['expected EHLO, came the end'])
  })
})
