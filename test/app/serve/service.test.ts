/** The service in one process, over real sockets: what it tells, how it reloads, how it ends. */
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { describe, expect, it } from 'vitest'
import { FINDING_CODES } from '../../../src/findings/catalogue.ts'
import { MilterTestClient } from '../../gateway/milter-client.ts'
import { PolicyTestClient } from '../../gateway/policy-client.ts'
import { metricsOf, startTestService, sumOfMetric, type TestService } from './served.ts'

const LISTENERS = `
listeners:
  - { kind: milter, address: '127.0.0.1:0' }
  - { kind: policy, address: '127.0.0.1:0' }
  - { kind: http, address: '127.0.0.1:0' }
`
const GOOD = { client_address: '198.51.100.7' }
const NO_PTR = { client_address: '198.51.100.8' }

describe('the log', () => {
  it('holds all that an admin greps for, one line a decision', async () => {
    await using served = await startTestService(LISTENERS)
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    await smtpd.ask({ ...NO_PTR, queue_id: 'Q1', helo_name: 'mail.example.com', sender: 'a@b.example', recipient: 'u@example.org' })
    const [line] = served.lines.of('decision')
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      pid: process.pid,
      event: 'decision',
      listener: `policy:${served.address('policy')}`,
      moment: 'rcpt',
      queueId: 'Q1',
      address: '198.51.100.8',
      helo: 'mail.example.com',
      authenticated: false,
      from: 'a@b.example',
      to: ['u@example.org'],
      toCount: 1,
      ptr: [],
      ptrCount: 0,
      confirmedName: null,
      result: 'permerror',
      reason: 'noReverseName',
      rule: 'permerror',
      action: 'reject',
      intended: 'reject',
      reply:
        '550 5.7.25 Reverse DNS validation failed: 198.51.100.8 has no PTR record. ' +
        'Ask the provider of the address to set one to the name of your mail server.',
      findings: ['PTR_MISSING', 'HELO_OTHER_ADDRESS'],
      lookupMs: expect.any(Number) as number,
    })
  })

  it('a PTR, HELO, sender or queue id with control characters → printable ASCII on one line', async () => {
    const zone = String.raw`8.100.51.198.in-addr.arpa. PTR evil\010\027[2J\"\155.example.com.`
    await using served = await startTestService(LISTENERS, zone)
    await using mta = await MilterTestClient.connect(served.address('milter'))
    await mta.negotiate()
    await mta.connectFrom('198.51.100.8')
    await mta.helo('helo\u001b[31m\r\n{"event":"forged"}')
    await mta.deliver({ sender: '<a\u0007@b>', recipients: ['u\r\nx@example.org'], macros: { i: 'Q\n1' } })
    const [line] = served.lines.of('decision')
    expect(JSON.stringify(line)).toMatch(/^[\x20-\x7e]+$/)
    expect(line).toMatchObject({
      queueId: 'Q\\u{0a}1',
      helo: 'helo\\u{1b}[31m\\u{0d}\\u{0a}{"event":"forged"}',
      from: expect.stringContaining('a\\u{07}') as string,
      ptr: ['evil\\010\\027[2j\\"\\155.example.com'],
    })
    expect(served.lines.of('forged')).toEqual([])
  })
})

describe('the metrics', () => {
  it('count decisions, findings, lookups, DNS questions and sessions', async () => {
    await using served = await startTestService(LISTENERS)
    const listener = `policy:${served.address('policy')}`
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    await smtpd.ask({ ...GOOD, instance: '1' })
    await smtpd.ask({ ...NO_PTR, instance: '2' })
    await smtpd.ask({ ...NO_PTR, client_port: '4712', instance: '3' })
    expect(await metricsOf(served.http, 'ptrgate_decisions_total')).toEqual(
      new Map([
        [`{listener="${listener}",action="accept",result="pass"}`, 1],
        [`{listener="${listener}",action="reject",result="permerror"}`, 2],
      ]),
    )
    expect((await metricsOf(served.http, 'ptrgate_findings_total')).get('{code="PTR_MISSING"}')).toBe(2)
    expect((await metricsOf(served.http, 'ptrgate_dns_queries_total')).get('{type="PTR",outcome="nxdomain"}')).toBe(1)
    expect((await metricsOf(served.http, 'ptrgate_lookup_seconds_count')).get('')).toBe(3)
    expect(await sumOfMetric(served.http, 'ptrgate_cache_hits_total')).toBeGreaterThan(0)
    expect((await metricsOf(served.http, 'ptrgate_sessions')).get(`{listener="${listener}"}`)).toBe(1)
  })

  it('a stranger who breaks the protocol is counted by the reason, in words of ours', async () => {
    await using served = await startTestService(LISTENERS)
    await using mta = await MilterTestClient.connect(served.address('milter'))
    mta.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x41]))
    await mta.closed
    const counted = [...(await metricsOf(served.http, 'ptrgate_protocol_errors_total'))].filter(([, count]) => count > 0)
    expect(counted).toEqual([[`{listener="milter:${served.address('milter')}",reason="oversized"}`, 1]])
    expect(served.lines.of('protocolError')).toMatchObject([{ level: 'warn', reason: 'oversized' }])
  })

  it('faults that alerts are made of are there before the first one, for every listener', async () => {
    await using served = await startTestService(LISTENERS)
    const { addresses } = served.service
    expect(addresses).toHaveLength(3)
    const expected = (labels: readonly string[]): ReadonlyMap<string, number> =>
      new Map(addresses.flatMap((listener) => labels.map((label) => [`{listener="${listener}",${label}}`, 0])))
    expect(await metricsOf(served.http, 'ptrgate_errors_total')).toEqual(expected(['kind="internal"', 'kind="socket"']))
    expect(await metricsOf(served.http, 'ptrgate_protocol_errors_total')).toEqual(expected(['reason="tooManyConnections"']))
  })

  it('labels of findings are those of the catalogue', async () => {
    await using served = await startTestService(LISTENERS)
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    await smtpd.ask(NO_PTR)
    for (const labels of (await metricsOf(served.http, 'ptrgate_findings_total')).keys()) {
      expect(FINDING_CODES).toContain(/^\{code="(.*)"\}$/.exec(labels)?.[1])
    }
  })
})

describe('/healthz and /readyz', () => {
  it('all is well → 200, with the listeners', async () => {
    await using served = await startTestService(LISTENERS)
    expect((await fetch(`${served.http}/healthz`)).status).toBe(200)
    const response = await fetch(`${served.http}/readyz`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      ptrgate: 1,
      kind: 'readiness',
      ready: true,
      reasons: [],
      notes: [],
      listeners: [
        { name: `milter:${served.address('milter')}`, up: true, sessions: 0 },
        { name: `policy:${served.address('policy')}`, up: true, sessions: 0 },
        { up: true },
      ],
      workers: null,
    })
  })

  it('our resolver is ill → /readyz 503 with the reason, /healthz still 200, and the log and the metric say so', async () => {
    await using served = await startTestService(`${LISTENERS}health: { minimumNetworks: 1 }\n`)
    served.setup.fault({ name: '*', effect: { kind: 'rcode', rcode: 'SERVFAIL' } })
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    await smtpd.ask({ client_address: '198.51.100.20' })
    const response = await fetch(`${served.http}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({
      ready: false,
      reasons: ['our resolver is ill: 1 of 1 client networks could not be looked up; nothing is refused for DNS reasons'],
    })
    expect((await fetch(`${served.http}/healthz`)).status).toBe(200)
    expect(await sumOfMetric(served.http, 'ptrgate_resolver_open')).toBe(1)
    expect(served.lines.of('resolverHealth')).toMatchObject([{ level: 'warn', state: 'open' }])
  })

  it('every client is private → one warning, a metric and a note, and still ready', async () => {
    await using served = await startTestService(LISTENERS)
    const listener = `policy:${served.address('policy')}`
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    const askFrom = async (client: string, times: number, tag: string): Promise<void> => {
      for (let count = 0; count < times; count++) {
        await smtpd.ask({ client_address: client, client_port: String(count), instance: `${tag}${String(count)}` })
      }
    }
    await askFrom('172.17.0.1', 49, 'a')
    expect(await (await fetch(`${served.http}/readyz`)).json()).toMatchObject({ notes: [] })
    await askFrom('172.17.0.1', 1, 'b')
    for (const time of [1, 2]) {
      const response = await fetch(`${served.http}/readyz`)
      expect(response.status, String(time)).toBe(200)
      expect(await response.json()).toMatchObject({
        notes: [expect.stringContaining(`${listener}: every client so far has had a private`)],
      })
    }
    expect(served.lines.of('hiddenClients')).toMatchObject([{ level: 'warn', listener }])
    expect(await metricsOf(served.http, 'ptrgate_hidden_clients')).toEqual(new Map([[`{listener="${listener}"}`, 1]]))
    await smtpd.ask(GOOD)
    expect(await (await fetch(`${served.http}/readyz`)).json()).toMatchObject({ notes: [] })
  })
})

describe('/v1/events', () => {
  it('streams each decision as it is made', async () => {
    await using served = await startTestService(LISTENERS)
    const controller = new AbortController()
    const response = await fetch(`${served.http}/v1/events`, { signal: controller.signal })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await sumOfMetric(served.http, 'ptrgate_event_streams')).toBe(1)
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    await smtpd.ask(NO_PTR)
    const text = await readUntil(response, /^data: (.*)\n\n/m)
    expect(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '')).toMatchObject({
      event: 'decision',
      address: '198.51.100.8',
      action: 'reject',
    })
    expect(text).toMatch(/^event: decision$/m)
    controller.abort()
  })

  it('ends when the service stops', async () => {
    const served = await startTestService(LISTENERS)
    const response = await fetch(`${served.http}/v1/events`)
    const [text] = await Promise.all([response.text(), served[Symbol.asyncDispose]()])
    expect(text).toBe(': ptrgate events\n\n')
  })
})

describe('a reload', () => {
  it('a good one is in force at once, for the next client of a connection that is open', async () => {
    await using served = await startTestService(LISTENERS)
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    expect(await smtpd.ask(NO_PTR)).toMatch(/^550 /)
    const before = served.service.addresses
    expect(await served.reload(`${LISTENERS}policy: { preset: observe }\n`)).toEqual({ kind: 'applied', problems: [] })
    expect(await smtpd.ask({ ...NO_PTR, client_port: '4712', instance: '2' })).toMatch(/^PREPEND /)
    expect(served.service.addresses).toEqual(before)
    expect(await metricsOf(served.http, 'ptrgate_reloads_total')).toEqual(
      new Map([
        ['{outcome="applied"}', 1],
        ['{outcome="refused"}', 0],
      ]),
    )
  })

  it('a session that is open goes on to its end under what it began with', async () => {
    await using served = await startTestService(LISTENERS)
    await using mta = await MilterTestClient.connect(served.address('milter'))
    await beginSession(served, mta)
    await served.reload(`listeners: [{ kind: http, address: '127.0.0.1:0' }]\npolicy: { preset: observe }\n`)
    expect((await mta.deliver({ recipients: ['u@example.org'] })).recipients).toMatchObject([{ kind: 'replyCode' }])
    // Its listener is gone: once the session is over, so is the connection.
    mta.write({ kind: 'quitNewConnection' })
    await mta.closed
    expect(() => served.address('policy')).toThrow('no listener')
  })

  it('a bad one is refused with all its problems, and the old config stays', async () => {
    await using served = await startTestService(LISTENERS)
    const result = await served.reload(`${LISTENERS}polcy: {}\nworkers: none\n`)
    expect(result.kind).toBe('refused')
    expect(result.problems).toHaveLength(2)
    for (const key of ['polcy', 'workers']) {
      expect(result.problems).toContainEqual(expect.stringMatching(new RegExp(`ptrgate\\.yaml:\\d+:\\d+: ${key}: `)))
    }
    expect(served.lines.of('reloadProblem')).toHaveLength(2)
    expect(served.lines.of('reloadRefused')).toMatchObject([{ level: 'error', problems: 2 }])
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    expect(await smtpd.ask(NO_PTR)).toMatch(/^550 /)
    expect((await metricsOf(served.http, 'ptrgate_reloads_total')).get('{outcome="refused"}')).toBe(1)
  })

  it('a new listener that cannot be had → refused, and no other new one is left', async () => {
    await using served = await startTestService(LISTENERS)
    await using taken = await occupied()
    const socket = `${served.setup.folder}/new.sock`
    const result = await served.reload(`
listeners:
  - { kind: policy, address: 'unix:${socket}' }
  - { kind: milter, address: '127.0.0.1:${String(taken.port)}' }
policy: { preset: observe }
`)
    expect(result).toMatchObject({
      kind: 'refused',
      problems: [expect.stringMatching(new RegExp(`^milter:127\\.0\\.0\\.1:${String(taken.port)}: the address is taken`)) as string],
    })
    await expect(PolicyTestClient.connect(`unix:${socket}`)).rejects.toThrow('ENOENT')
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    expect(await smtpd.ask(NO_PTR)).toMatch(/^550 /)
  })

  it('another listener at the same unix socket → the old one drains, the new one answers', async () => {
    const yaml = (kind: string): string => `
listeners:
  - { kind: ${kind}, address: 'unix:$folder/x.sock', mode: '0600' }
  - { kind: http, address: '127.0.0.1:0' }
`
    await using served = await startTestService(yaml('milter'))
    await using mta = await MilterTestClient.connect(served.address('milter'))
    await beginSession(served, mta)
    expect(await served.reload(yaml('policy'))).toEqual({ kind: 'applied', problems: [] })
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    expect(await smtpd.ask(NO_PTR)).toMatch(/^550 /)
    expect((await mta.deliver({ recipients: ['u@example.org'] })).recipients).toMatchObject([{ kind: 'replyCode' }])
  })

  it('another DNS server → a new resolver, without what the old one remembers', async () => {
    await using served = await startTestService(LISTENERS)
    await using other = await startTestService(
      LISTENERS,
      '8.100.51.198.in-addr.arpa. PTR new.example.com.\nnew.example.com. A 198.51.100.8',
    )
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    expect(await smtpd.ask(NO_PTR)).toMatch(/^550 /)
    const text = `name: mx.example.org\ndns: { servers: ['127.0.0.1:${String(other.setup.dnsPort)}'] }\n${LISTENERS}`
    expect(await served.service.reload({ text, file: 'other.yaml' })).toEqual({ kind: 'applied', problems: [] })
    expect(await smtpd.ask({ ...NO_PTR, client_port: '4712', instance: '2' })).toMatch(/^PREPEND .*iprev=pass \(new\.example\.com\)/)
    expect(await sumOfMetric(served.http, 'ptrgate_cache_misses_total')).toBeGreaterThan(3)
  })

  it('another DNS server while a lookup is under way → the old one finishes it', async () => {
    await using served = await startTestService(LISTENERS)
    served.setup.fault({ name: '*', effect: { kind: 'delay', ms: 300 } })
    await using smtpd = await PolicyTestClient.connect(served.address('policy'))
    const answer = smtpd.ask(GOOD)
    await expect.poll(() => sumOfMetric(served.http, 'ptrgate_cache_misses_total')).toBeGreaterThan(0)
    await served.reload(`${LISTENERS}cache: { entries: 10 }\n`)
    expect(await answer).toMatch(/^PREPEND .*iprev=pass \(mail\.example\.com\)/)
  })
})

describe('an SMTP gateway among the listeners', () => {
  it('greets by our name, though its next hop is down, and the log tells of that', async () => {
    await using free = await occupied()
    await free[Symbol.asyncDispose]()
    await using served = await startTestService(
      `listeners: [{ kind: smtp, address: '127.0.0.1:0', nextHop: '127.0.0.1:${String(free.port)}' }]\n`,
    )
    const [host = '', port] = served.address('smtp').split(':')
    const socket = connect({ host, port: Number(port) })
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    expect(greeting.toString()).toMatch(/^220 mx\.example\.org /)
    socket.destroy()
    await served.lines.next('socketError')
  })

  it('a certificate that cannot be read → an error that names the file', async () => {
    const yaml = `
listeners: [{ kind: smtp, address: '127.0.0.1:0', nextHop: '127.0.0.1:1', tls: { key: $folder/no.key, certificate: $folder/no.pem } }]
`
    await expect(startTestService(yaml)).rejects.toThrow(/^smtp:127\.0\.0\.1:0: \/.*\/no\.key cannot be read: ENOENT/)
  })
})

describe('the end', () => {
  it('a listener that cannot be had → an error that names it and says why, and none is left', async () => {
    await using taken = await occupied()
    const yaml = `
listeners:
  - { kind: policy, address: 'unix:$folder/p.sock' }
  - { kind: milter, address: '127.0.0.1:${String(taken.port)}' }
`
    await expect(startTestService(yaml)).rejects.toThrow(`milter:127.0.0.1:${String(taken.port)}: the address is taken`)
  })

  it('stop → nothing new is accepted, a session that is open comes to its end', async () => {
    await using served = await startTestService(LISTENERS)
    await using mta = await MilterTestClient.connect(served.address('milter'))
    const milter = served.address('milter')
    await beginSession(served, mta)
    let isStopped = false
    const stopped = served.service.stop(20_000).then(() => (isStopped = true))
    await expect
      .poll(() =>
        MilterTestClient.connect(milter).then(
          () => 'accepted',
          () => 'refused',
        ),
      )
      .toBe('refused')
    const readiness = await fetch(`${served.http}/readyz`)
    expect(readiness.status).toBe(503)
    expect(await readiness.json()).toMatchObject({ reasons: ['stopping'] })
    expect((await mta.deliver({ recipients: ['u@example.org'] })).recipients).toMatchObject([{ kind: 'replyCode' }])
    expect(isStopped).toBe(false)
    mta.write({ kind: 'quit' })
    await stopped
    expect(isStopped).toBe(true)
  })

  it('a session that does not end is cut off when the time is over', async () => {
    await using served = await startTestService(LISTENERS)
    await using mta = await MilterTestClient.connect(served.address('milter'))
    await beginSession(served, mta)
    await served.service.stop(50)
    await mta.closed
  })
})

/** Up to where the other side knows of the client. */
async function beginSession(served: TestService, mta: MilterTestClient): Promise<void> {
  await mta.negotiate()
  await mta.connectFrom('198.51.100.8')
  await expect.poll(() => sumOfMetric(served.http, 'ptrgate_cache_misses_total')).toBe(1)
}

async function readUntil(response: Response, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    if (pattern.test(text)) return text
  }
  return text
}

async function occupied(): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      }),
  }
}
