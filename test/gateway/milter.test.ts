/** The milter beyond the contract: what it asks for, order, faults, and what a broken peer costs. */
import { describe, expect, it } from 'vitest'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { Resolver } from '../../src/dns/resolver.ts'
import { startMilter, type MilterLimits } from '../../src/gateway/milter.ts'
import type { PolicyInput } from '../../src/policy/settings.ts'
import { encodeMilterPacket } from '../../src/wire/milter-frame.ts'
import { stepMode } from '../../src/wire/milter-negotiation.ts'
import type { MilterReply, MilterStep } from '../../src/wire/milter.ts'
import { AUTHSERV_ID } from '../contract/cases.ts'
import { startTestGate, type TestGate } from '../contract/gate.ts'
import { deferred } from '../support/fake-resolver.ts'
import { MilterTestClient } from './milter-client.ts'

const ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7`
const USER = 'user@example.org'
const ADDRESS = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

interface Setting extends AsyncDisposable {
  readonly milter: FrontEndHandle
  readonly events: GateEvent[]
  readonly dns: TestGate
  readonly mta: MilterTestClient
}

/** A milter and one MTA that is connected to it and has not said anything. */
async function start(policy: PolicyInput = {}, limits: Partial<MilterLimits> = {}, gate: Partial<TestGate['gate']> = {}): Promise<Setting> {
  const events: GateEvent[] = []
  const dns = await startTestGate({ zone: ZONE, policy })
  const milter = await startMilter({ address: ADDRESS, gate: { ...dns.gate, ...gate }, limits, onEvent: (event) => events.push(event) })
  const mta = await MilterTestClient.connect(milter.address)
  return {
    milter,
    events,
    dns,
    mta,
    async [Symbol.asyncDispose]() {
      mta.socket.destroy()
      await milter.close(0)
      await dns[Symbol.asyncDispose]()
    },
  }
}

function reasons(events: readonly GateEvent[]): readonly string[] {
  return events.flatMap((event) => (event.kind === 'protocolError' ? [event.reason] : []))
}

function insertions(mail: { end: { modifications: readonly MilterReply[] } | null }): readonly string[] {
  return (mail.end?.modifications ?? []).flatMap((change) => (change.kind === 'insertHeader' ? [change.value] : []))
}

describe('negotiation', () => {
  const MODES: readonly (readonly [PolicyInput, Partial<Record<MilterStep, string>>])[] = [
    [{}, { connect: 'silent', helo: 'silent', mail: 'silent', rcpt: 'answered' }],
    [{ preset: 'observe' }, { connect: 'silent', helo: 'silent', mail: 'silent', rcpt: 'silent' }],
    [{ dryRun: true }, { connect: 'silent', helo: 'silent', mail: 'silent', rcpt: 'silent' }],
    [{ stage: 'connect' }, { connect: 'answered', helo: 'answered', mail: 'silent', rcpt: 'answered' }],
    [{ stage: 'mail' }, { connect: 'silent', helo: 'silent', mail: 'answered', rcpt: 'answered' }],
    [
      { preset: 'observe', networks: [{ cidr: '198.51.100.0/24', preset: 'balanced', stage: 'helo' }] },
      { connect: 'silent', helo: 'answered', mail: 'silent', rcpt: 'answered' },
    ],
  ]
  it.each(MODES)('asks for no more replies than the policy needs: %j', async (policy, modes) => {
    await using setting = await start(policy)
    const agreement = await setting.mta.negotiate()
    const common = { header: 'silent', data: 'absent', endOfHeaders: 'absent', body: 'absent', unknown: 'absent' }
    for (const [step, mode] of Object.entries({ ...common, ...modes }))
      expect([step, stepMode(agreement, step as MilterStep)]).toEqual([step, mode])
  })

  it('asks for the macros that it uses', async () => {
    await using setting = await start()
    const { macros } = await setting.mta.negotiate()
    expect(macros.get('connect')).toEqual(['j', '_', '{client_name}', '{client_ptr}', '{client_resolve}', '{daemon_addr}', '{daemon_port}'])
    expect(macros.get('mail')).toEqual(['i', '{auth_type}'])
    expect(macros.get('endOfMessage')).toEqual(['i'])
    expect(macros.get('endOfHeaders')).toEqual([])
  })

  it('asks for quarantine only where the policy may come to it', async () => {
    await using without = await start()
    await using having = await start({ rules: { fail: 'quarantine' } })
    expect((await without.mta.negotiate()).actions & 0x20).toBe(0)
    expect((await having.mta.negotiate()).actions & 0x20).toBe(0x20)
  })

  it.each([
    ['versionTooOld', { version: 1, actions: 0x1ff, steps: 0x1fffff }],
    ['missingActions', { version: 6, actions: 0x1, steps: 0x1fffff }],
  ])('%s ends the connection', async (reason, offer) => {
    await using setting = await start()
    await expect(setting.mta.negotiate(offer)).rejects.toThrow('hung up')
    expect(reasons(setting.events)).toEqual([reason])
  })
})

describe('a session', () => {
  it('gets its header in every one of its messages', async () => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7')
    await setting.mta.helo('mail.example.com')
    const first = await setting.mta.deliver({ recipients: [USER] })
    const second = await setting.mta.deliver({ recipients: [USER, 'other@example.org'], macros: { i: 'QUEUE2' } })
    expect([...insertions(first), ...insertions(second)]).toHaveLength(2)
    const clients = setting.events.flatMap((event) => (event.kind === 'decision' ? [event.client] : []))
    expect(clients.map(({ queueId, recipientCount }) => [queueId, recipientCount])).toEqual([
      ['QUEUE1', 1],
      ['QUEUE2', 2],
    ])
    // PTR and A; HELO is the same name.
    expect(setting.dns.queries()).toBe(2)
  })

  it('forgets the headers of a message that was aborted, or cut off by the next MAIL or HELO without one', async () => {
    await using setting = await start()
    const { mta } = setting
    await mta.negotiate()
    await mta.connectFrom('198.51.100.7')
    const forge = async (): Promise<void> => {
      await mta.send({ kind: 'mail', path: '<a@example.com>', parameters: [] })
      await mta.send({ kind: 'rcpt', path: `<${USER}>`, parameters: [] })
      await mta.send({ kind: 'header', name: 'Authentication-Results', value: `${AUTHSERV_ID}; none` })
    }
    for (const cut of ['abort', 'mail', 'helo'] as const) {
      await forge()
      if (cut === 'abort') await mta.send({ kind: 'abort' })
      if (cut === 'helo') await mta.helo('mail.example.com')
      const { end } = await mta.deliver({ recipients: [USER] })
      expect([cut, end?.modifications.map(({ kind }) => kind)]).toEqual([cut, ['insertHeader']])
    }
  })

  it('a message is not known by the queue id of one that was cut off before it', async () => {
    await using setting = await start()
    const { mta } = setting
    await mta.negotiate()
    await mta.connectFrom('198.51.100.7')
    await mta.send({ kind: 'mail', path: '<a@example.com>', parameters: [] })
    mta.macros('rcpt', { i: 'OLD' })
    await mta.send({ kind: 'rcpt', path: `<${USER}>`, parameters: [] })
    await mta.deliver({ recipients: [USER], macros: { i: '' } })
    const clients = setting.events.flatMap((event) => (event.kind === 'decision' ? [event.client] : []))
    expect(clients.map(({ queueId }) => queueId)).toEqual([null])
  })

  it('deletes forged headers from the last to the first, and counts the honest ones between', async () => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7')
    const { end } = await setting.mta.deliver({
      recipients: [USER],
      headers: [
        ['Authentication-Results', `${AUTHSERV_ID}; iprev=pass`],
        ['Authentication-Results', 'other.example.net; spf=pass'],
        ['authentication-results ', `(x)\n "${AUTHSERV_ID.toUpperCase()}" 1; iprev=pass`],
        ['X-Authentication-Results', `${AUTHSERV_ID}; iprev=pass`],
        ['Authentication-Results', `${AUTHSERV_ID}; dkim=pass`],
      ],
    })
    expect(end?.modifications.map((change) => [change.kind, 'index' in change ? change.index : null])).toEqual([
      ['deleteHeader', 4],
      ['deleteHeader', 3],
      ['deleteHeader', 1],
      ['insertHeader', 0],
    ])
  })

  it('refuses a message with more forged headers than can be deleted', async () => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7')
    const headers = Array.from({ length: 1001 }, () => ['Authentication-Results', `${AUTHSERV_ID}; none`] as const)
    const { end } = await setting.mta.deliver({ recipients: [USER], headers })
    expect(end?.reply).toMatchObject({ kind: 'replyCode', text: expect.stringMatching(/^554 5\.6\.0 /) as unknown })
    expect(end?.modifications).toEqual([])
  })

  it('takes a macro of AUTH for its own message on, and forgets it with the session', async () => {
    await using setting = await start()
    const { mta } = setting
    await mta.negotiate()
    await mta.connectFrom('198.51.100.8')
    mta.macros('mail', { '{auth_type}': 'PLAIN' })
    mta.macros('helo', {})
    await mta.send({ kind: 'mail', path: '<a@example.com>', parameters: [] })
    expect(await mta.send({ kind: 'rcpt', path: `<${USER}>`, parameters: [] })).toEqual({ kind: 'continue' })
    await mta.send({ kind: 'quitNewConnection' })
    await mta.connectFrom('198.51.100.8')
    const { recipients } = await mta.deliver({ recipients: [USER] })
    expect(recipients[0]?.kind).toBe('replyCode')
  })

  it('of a client without an address is not judged, but its headers are not believed', async () => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom({ kind: 'unknown' })
    const { recipients, end } = await setting.mta.deliver({
      recipients: [USER],
      headers: [['Authentication-Results', `${AUTHSERV_ID}; iprev=pass`]],
    })
    expect(recipients).toEqual([{ kind: 'continue' }])
    expect(end).toEqual({
      reply: { kind: 'accept' },
      modifications: [{ kind: 'deleteHeader', index: 1, name: 'Authentication-Results' }],
    })
    expect(setting.events).toMatchObject([
      { kind: 'skipped', rule: 'unknownAddress' },
      { kind: 'decision', moment: 'message', verdict: { decision: { rule: 'unknownAddress' } }, client: { recipientCount: 1 } },
    ])
    expect(setting.dns.queries()).toBe(0)
  })

  it.each([
    ['unixSocket', { kind: 'unix', path: '/run/x' } as const],
    ['loopback', '127.0.0.1'],
  ])('%s is let through by name', async (rule, from) => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom(from)
    const { recipients } = await setting.mta.deliver({ recipients: [USER] })
    expect(recipients).toEqual([{ kind: 'accept' }])
    expect(setting.events).toMatchObject([{ kind: 'skipped', rule }])
    expect(setting.dns.queries()).toBe(0)
  })

  it.each([
    ['FORGED', {}, true],
    ['OK', { '{client_name}': 'mail.example.com' }, false],
    ['OK', { '{client_name}': 'hosts-file.example.com' }, true],
    ['nonsense', {}, false],
  ])('compares with the lookup of the MTA: %s %j', async (resolve, more, differs) => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7', { '{client_resolve}': resolve, ...more })
    await setting.mta.deliver({ recipients: [USER] })
    await setting.mta.deliver({ recipients: [USER] })
    expect(setting.events.filter(({ kind }) => kind === 'disagreement')).toHaveLength(differs ? 1 : 0)
    const decisions = setting.events.flatMap((event) => (event.kind === 'decision' ? [event.verdict.judgement?.findings ?? []] : []))
    expect(decisions.map((findings) => findings.some(({ code }) => code === 'MTA_DISAGREES'))).toEqual([differs, differs])
  })

  it('an MTA that says FAIL of everybody does not look; one that has said anything else disagrees', async () => {
    await using setting = await start()
    const hear = async (resolve: string, more: Readonly<Record<string, string>> = {}): Promise<number> => {
      await using mta = await MilterTestClient.connect(setting.milter.address)
      await mta.negotiate()
      const macros = { j: 'mx.example.org', '{daemon_port}': '25', '{client_resolve}': resolve, '{client_name}': 'unknown' }
      await mta.connectFrom('198.51.100.7', { ...macros, '{client_ptr}': 'unknown', ...more })
      await mta.deliver({ recipients: [USER] })
      return setting.events.filter(({ kind }) => kind === 'disagreement').length
    }
    expect([await hear('FAIL'), await hear('FAIL')]).toEqual([0, 0])
    expect(await hear('FAIL', { '{client_ptr}': 'mail.example.com' })).toBe(1)
    expect(await hear('OK', { '{client_name}': 'mail.example.com' })).toBe(1)
    setting.milter.reload(setting.dns.gate)
    expect(await hear('FAIL')).toBe(2)
    expect(await hear('FAIL', { '{daemon_port}': '587' })).toBe(2)
    expect(await hear('FAIL', { j: 'other.example.org' })).toBe(2)
  })

  it.each([
    ['accept', 'continue'],
    ['defer', 'replyCode'],
  ] as const)('a resolver that throws gets what onInternalError says: %s', async (onInternalError, kind) => {
    const broken = { resolve: () => Promise.reject(new Error('a fault of the test')) }
    await using setting = await start({ onInternalError }, {}, { resolver: broken })
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7')
    const { recipients } = await setting.mta.deliver({ recipients: [USER] })
    expect(recipients[0]?.kind).toBe(kind)
    if (recipients[0]?.kind === 'replyCode') expect(recipients[0].text).toMatch(/^451 4\./)
  })

  it('answers commands that come all at once, in their order', async () => {
    await using setting = await start()
    const { mta } = setting
    await mta.negotiate()
    await mta.connectFrom('198.51.100.8')
    mta.write({ kind: 'mail', path: '<a@example.com>', parameters: [] })
    for (const name of ['a', 'b', 'c']) mta.write({ kind: 'rcpt', path: `<${name}@example.org>`, parameters: [] })
    mta.write({ kind: 'abort' })
    mta.write({ kind: 'quit' })
    const replies = [await mta.read(), await mta.read(), await mta.read()]
    expect(replies.map(({ kind }) => kind)).toEqual(['replyCode', 'replyCode', 'replyCode'])
    await mta.closed
    expect(reasons(setting.events)).toEqual([])
  })
})

describe('a peer that ends its own side', () => {
  it('still gets the answer that it waits for', async () => {
    const { promise: goAhead, settle } = deferred<undefined>()
    await using setting = await start({}, {}, { resolver: { resolve: () => goAhead.then(() => ({ kind: 'timeout' }) as const) } })
    const { mta, milter } = setting
    await mta.negotiate()
    await mta.connectFrom('198.51.100.7')
    mta.write({ kind: 'mail', path: '<a@example.com>', parameters: [] })
    for (const name of ['a', 'b']) mta.write({ kind: 'rcpt', path: `<${name}@example.org>`, parameters: [] })
    mta.socket.end()
    // Once another connection has been served, the end of the first has been seen as well.
    await using other = await MilterTestClient.connect(milter.address)
    await other.negotiate()
    settle(undefined)
    expect([(await mta.read()).kind, (await mta.read()).kind]).toEqual(['replyCode', 'replyCode'])
    await mta.closed
    expect([milter.connections, reasons(setting.events)]).toEqual([1, []])
  })

  it('and waits for nothing is hung up on, and its lookup called off', async () => {
    let isCalledOff = false
    const resolver: Resolver = {
      resolve: (_question, options) =>
        new Promise((resolve) => {
          options?.signal?.addEventListener('abort', () => {
            isCalledOff = true
            resolve({ kind: 'aborted' })
          })
        }),
    }
    await using setting = await start({}, {}, { resolver })
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7')
    setting.mta.socket.end()
    await setting.mta.closed
    expect([setting.milter.connections, isCalledOff, reasons(setting.events)]).toEqual([0, true, []])
  })
})

describe('a peer that breaks the protocol loses its connection, and is counted', () => {
  const hello = encodeMilterPacket('H', Buffer.from('x\0'))
  const BROKEN: readonly (readonly [string, Uint8Array, boolean])[] = [
    ['notNegotiated', hello, false],
    ['outOfOrder', hello, true],
    ['outOfOrder', encodeMilterPacket('R', Buffer.from('<a>\0')), true],
    ['outOfOrder', encodeMilterPacket('E', Buffer.alloc(0)), true],
    ['outOfOrder', encodeMilterPacket('L', Buffer.from('a\0b\0')), true],
    ['unknownCode', encodeMilterPacket('z', Buffer.alloc(0)), true],
    ['unterminated', encodeMilterPacket('H', Buffer.from('x')), true],
    ['truncated', encodeMilterPacket('C', Buffer.from('x\x004')), true],
    ['oversized', Buffer.from('7fffffff', 'hex'), true],
    ['empty', Buffer.alloc(4), true],
  ]
  it.each(BROKEN)('%s', async (reason, octets, afterNegotiation) => {
    await using setting = await start()
    if (afterNegotiation) await setting.mta.negotiate()
    setting.mta.socket.write(octets)
    await setting.mta.closed
    expect(reasons(setting.events)).toEqual([reason])
    await using next = await MilterTestClient.connect(setting.milter.address)
    expect((await next.negotiate()).version).toBe(6)
  })

  it('cut off within a packet', async () => {
    await using setting = await start()
    await setting.mta.negotiate()
    setting.mta.socket.end(Buffer.from([0, 0, 0, 9, 0x48]))
    await setting.mta.closed
    await setting.milter.close()
    expect(reasons(setting.events)).toEqual(['cutOff'])
  })

  it('silent within a packet', async () => {
    await using setting = await start({}, { packetTimeoutMs: 30 })
    await setting.mta.negotiate()
    setting.mta.socket.write(Buffer.from([0, 0, 0, 9, 0x48]))
    await setting.mta.closed
    expect(reasons(setting.events)).toEqual(['timeout'])
  })

  it('one too many', async () => {
    await using setting = await start({}, { maxConnections: 1 })
    await setting.mta.negotiate()
    await using other = await MilterTestClient.connect(setting.milter.address)
    await other.closed
    expect(reasons(setting.events)).toEqual(['tooManyConnections'])
  })
})

describe('closing', () => {
  it('ends idle connections at once and lets a session finish, even one of which it has seen only the negotiation', async () => {
    // With an answer to CONNECT it is sure that the session has begun.
    await using setting = await start({ stage: 'connect' })
    await using fresh = await MilterTestClient.connect(setting.milter.address)
    await using between = await MilterTestClient.connect(setting.milter.address)
    await between.negotiate()
    await between.connectFrom('198.51.100.7')
    between.write({ kind: 'quitNewConnection' })
    const { mta } = setting
    await mta.negotiate()
    const closed = setting.milter.close()
    await Promise.all([fresh.closed, between.closed])
    await mta.connectFrom('198.51.100.7')
    const mail = await mta.deliver({ recipients: [USER] })
    expect(insertions(mail)).toHaveLength(1)
    mta.write({ kind: 'quit' })
    await closed
  })

  it('cuts off what is left when the time is over', async () => {
    await using setting = await start()
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.7')
    await setting.milter.close(10)
    await setting.mta.closed
  })

  it('reloaded settings hold for connections from then on', async () => {
    await using setting = await start()
    await using observing = await startTestGate({ zone: ZONE, policy: { preset: 'observe' } })
    await setting.mta.negotiate()
    await setting.mta.connectFrom('198.51.100.8')
    setting.milter.reload(observing.gate)
    expect((await setting.mta.deliver({ recipients: [USER] })).recipients[0]?.kind).toBe('replyCode')
    await using next = await MilterTestClient.connect(setting.milter.address)
    await next.negotiate()
    await next.connectFrom('198.51.100.8')
    expect(insertions(await next.deliver({ recipients: [USER] }))).toHaveLength(1)
  })
})
