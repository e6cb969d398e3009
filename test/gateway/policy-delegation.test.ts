/** Policy delegation beyond the contract: states, instances, authentication, trouble of ours, and broken peers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startPolicyDelegation, type PolicyDelegationOptions } from '../../src/gateway/policy-delegation.ts'
import type { PolicyInput } from '../../src/policy/settings.ts'
import { encodePolicyBlock, POLICY_PROTOCOL_STATES } from '../../src/wire/policy-request.ts'
import { startTestGate, type TestGate } from '../contract/gate.ts'
import { deferred } from '../support/fake-resolver.ts'
import { PolicyTestClient } from './policy-client.ts'

const ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7`
const SERVFAIL = { name: '10.100.51.198.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } } as const
const GOOD = { client_address: '198.51.100.7' }
const BAD = { client_address: '198.51.100.8' }
const PREPEND = /^PREPEND Authentication-Results: mx\.example\.org; iprev=pass /

interface Setting extends AsyncDisposable {
  readonly service: FrontEndHandle
  readonly events: GateEvent[]
  readonly dns: TestGate
  readonly smtpd: PolicyTestClient
}

async function start(
  policy: PolicyInput = {},
  options: Partial<PolicyDelegationOptions> = {},
  gate: Partial<TestGate['gate']> = {},
): Promise<Setting> {
  const events: GateEvent[] = []
  const dns = await startTestGate({ zone: ZONE, faults: [SERVFAIL], policy })
  const service = await startPolicyDelegation({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    gate: { ...dns.gate, ...gate },
    onEvent: (event) => events.push(event),
    ...options,
  })
  const smtpd = await PolicyTestClient.connect(service.address)
  return {
    service,
    events,
    dns,
    smtpd,
    async [Symbol.asyncDispose]() {
      smtpd.socket.destroy()
      await service.close(0)
      await dns[Symbol.asyncDispose]()
    },
  }
}

function reasons(events: readonly GateEvent[]): readonly string[] {
  return events.flatMap((event) => (event.kind === 'protocolError' ? [event.reason] : []))
}

describe('protocol states', () => {
  it('a refusal is due at RCPT and whatever comes after it', async () => {
    await using setting = await start()
    const actions = []
    for (const state of POLICY_PROTOCOL_STATES)
      actions.push([state, (await setting.smtpd.ask({ ...BAD, protocol_state: state })).slice(0, 5)])
    const early = new Set(['CONNECT', 'EHLO', 'HELO', 'MAIL'])
    expect(actions).toEqual(POLICY_PROTOCOL_STATES.map((state) => [state, early.has(state) ? 'DUNNO' : '550 5']))
  })

  it('a header is given only where Postfix can take it', async () => {
    await using setting = await start()
    const taking = new Set(['MAIL', 'RCPT', 'DATA'])
    for (const [index, state] of POLICY_PROTOCOL_STATES.entries()) {
      const action = await setting.smtpd.ask({ ...GOOD, protocol_state: state, instance: `1.1.${String(index)}` })
      expect([state, action]).toEqual([state, taking.has(state) ? (expect.stringMatching(PREPEND) as unknown) : 'DUNNO'])
    }
  })

  it('an unknown state, another kind of request or an unknown client stands in nobody’s way', async () => {
    await using setting = await start()
    expect(await setting.smtpd.ask({ ...BAD, protocol_state: 'TELEPATHY' })).toBe('DUNNO')
    expect(await setting.smtpd.ask({ ...BAD, request: 'smtpd_other_policy' })).toBe('DUNNO')
    expect(await setting.smtpd.ask({ client_address: 'unknown' })).toBe('DUNNO')
    expect(await setting.smtpd.ask({ client_address: '' })).toBe('DUNNO')
    expect(setting.events).toMatchObject([{ kind: 'skipped', rule: 'unknownAddress' }])
  })
})

describe('messages', () => {
  it('get their header once, also over another connection', async () => {
    await using setting = await start()
    await using other = await PolicyTestClient.connect(setting.service.address)
    expect(await setting.smtpd.ask({ ...GOOD, instance: '1.1.1.0' })).toMatch(PREPEND)
    expect(await setting.smtpd.ask({ ...GOOD, instance: '1.1.1.0', recipient: 'b@example.org' })).toBe('DUNNO')
    expect(await other.ask({ ...GOOD, instance: '1.1.1.0' })).toBe('DUNNO')
    expect(await setting.smtpd.ask({ ...GOOD, instance: '1.1.1.1' })).toMatch(PREPEND)
    expect(setting.events.filter(({ kind }) => kind === 'decision')).toHaveLength(2)
  })

  it('are remembered up to a bound', async () => {
    await using setting = await start({}, { limits: { maxMessages: 2 } })
    for (const instance of ['1', '2', '3']) expect(await setting.smtpd.ask({ ...GOOD, instance })).toMatch(PREPEND)
    expect(await setting.smtpd.ask({ ...GOOD, instance: '3' })).toBe('DUNNO')
    expect(await setting.smtpd.ask({ ...GOOD, instance: '1' })).toMatch(PREPEND)
  })

  it('of a client that has logged in are not judged', async () => {
    await using setting = await start()
    expect(await setting.smtpd.ask({ ...BAD, sasl_method: 'PLAIN', sasl_username: 'user' })).toBe('DUNNO')
    expect(setting.events).toMatchObject([
      { kind: 'decision', verdict: { decision: { rule: 'authenticated' } }, client: { authenticated: true } },
    ])
  })

  it('of the next client on the same connection owe nothing to the one before', async () => {
    await using setting = await start()
    expect(await setting.smtpd.ask({ ...GOOD, helo_name: '-bad-' })).toMatch(/^501 5\.5\.2 /)
    expect(await setting.smtpd.ask({ ...GOOD, helo_name: 'mail.example.com' })).toMatch(/^501 5\.5\.2 /)
    expect(await setting.smtpd.ask({ ...GOOD, client_port: '4712', instance: '2' })).toMatch(PREPEND)
    expect(await setting.smtpd.ask({ ...BAD, sasl_username: 'user', client_port: '1', instance: '3' })).toBe('DUNNO')
    expect(await setting.smtpd.ask({ ...BAD, client_port: '2', instance: '4' })).toMatch(/^550 /)
  })
})

describe('deferral', () => {
  const UNKNOWN = { client_address: '198.51.100.10' }

  it('is the reply itself, unless a later restriction shall come first', async () => {
    await using setting = await start()
    await using lenient = await start({}, { deferAs: 'deferIfPermit' })
    const text = '4.7.25 The reverse DNS of 198.51.100.10 cannot be validated at present. Please try again later.'
    expect(await setting.smtpd.ask(UNKNOWN)).toBe(`451 ${text}`)
    expect(await lenient.smtpd.ask(UNKNOWN)).toBe(`DEFER_IF_PERMIT ${text}`)
  })

  it.each([
    ['accept', /^DUNNO$/],
    ['defer', /^DEFER_IF_PERMIT 4\.3\.0 /],
  ] as const)('a resolver that throws gets what onInternalError says: %s', async (onInternalError, expected) => {
    await using setting = await start(
      { onInternalError },
      {},
      { resolver: { resolve: () => Promise.reject(new Error('a fault of the test')) } },
    )
    expect(await setting.smtpd.ask(GOOD)).toMatch(expected)
  })
})

describe('a peer', () => {
  it('may send requests ahead, and gets its answers in order', async () => {
    await using setting = await start()
    for (const client_address of ['198.51.100.8', '198.51.100.7', '127.0.0.1'])
      setting.smtpd.write({ client_address, instance: client_address })
    const actions = [await setting.smtpd.read(), await setting.smtpd.read(), await setting.smtpd.read()]
    expect(actions.map((action) => action.slice(0, 5))).toEqual(['550 5', 'PREPE', 'DUNNO'])
  })

  it.each([
    ['notAnAttribute', 'nonsense\n'],
    ['emptyRequest', '\n'],
    ['conflictingAttribute', 'a=1\na=2\n\n'],
    ['lineTooLong', `a=${'x'.repeat(9000)}`],
  ])('that breaks the protocol loses its connection, and is counted: %s', async (reason, text) => {
    await using setting = await start()
    setting.smtpd.socket.write(text)
    await setting.smtpd.closed
    expect(reasons(setting.events)).toEqual([reason])
  })

  it('that goes away within a request is counted', async () => {
    await using setting = await start()
    setting.smtpd.socket.end('request=smtpd')
    await setting.smtpd.closed
    await setting.service.close()
    expect(reasons(setting.events)).toEqual(['cutOff'])
  })

  it('that ends its own side still gets every answer that it waits for', async () => {
    const { promise: goAhead, settle } = deferred<undefined>()
    const resolver = { resolve: () => goAhead.then(() => ({ kind: 'timeout' }) as const) }
    await using setting = await start({}, {}, { resolver })
    const { smtpd, service } = setting
    smtpd.write(GOOD)
    smtpd.write(BAD)
    smtpd.socket.end(encodePolicyBlock([['client_address', '127.0.0.1']]))
    // Once another connection has been served, the end of the first has been seen as well.
    await using other = await PolicyTestClient.connect(service.address)
    expect(await other.ask({ client_address: '127.0.0.1' })).toBe('DUNNO')
    settle(undefined)
    const answers = [await smtpd.read(), await smtpd.read(), await smtpd.read()]
    expect(answers.map((answer) => answer.slice(0, 5))).toEqual(['451 4', '451 4', 'DUNNO'])
    await smtpd.closed
    other.socket.end()
    await other.closed
    expect([service.connections, reasons(setting.events)]).toEqual([0, []])
  })

  it('that does not read its answers is cut off', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ptrgate-policy-'))
    // A unix socket, since its buffers are small.
    await using setting = await start(
      {},
      { address: { kind: 'unix', path: join(directory, 'policy.sock') }, limits: { idleTimeoutMs: 500, requestTimeoutMs: 500 } },
    )
    setting.smtpd.socket.pause()
    for (let count = 0; count < 3000; count++) setting.smtpd.write(BAD)
    while (setting.service.connections > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(reasons(setting.events)).toEqual(['timeout'])
    await rm(directory, { recursive: true })
  })

  it('that stays silent within a request is cut off', async () => {
    await using setting = await start({}, { limits: { requestTimeoutMs: 30 } })
    setting.smtpd.socket.write('request=smtpd')
    await setting.smtpd.closed
    expect(reasons(setting.events)).toEqual(['timeout'])
  })

  it('that is idle is hung up on when the service closes', async () => {
    await using setting = await start()
    expect(await setting.smtpd.ask(GOOD)).toMatch(PREPEND)
    await setting.service.close()
    await setting.smtpd.closed
    expect(reasons(setting.events)).toEqual([])
  })
})
