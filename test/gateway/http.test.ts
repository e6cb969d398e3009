/** HTTP beyond the contract: what is refused and how it says so, who may ask, and clients that are slow, half gone or hostile. */
import { describe, expect, it } from 'vitest'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startHttp, type HttpOptions } from '../../src/gateway/http.ts'
import { deferred, nxdomain, ptr } from '../support/fake-resolver.ts'
import { ask, check, RawClient, type Asking } from './http-client.ts'
import { BAD, gateOver, GOOD, TABLE } from './http-gate.ts'

interface Setting extends AsyncDisposable {
  readonly http: FrontEndHandle
  readonly to: string
  readonly events: GateEvent[]
}

async function start(options: Partial<HttpOptions> = {}): Promise<Setting> {
  const events: GateEvent[] = []
  const http = await startHttp({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    gate: gateOver(),
    onEvent: (event) => events.push(event),
    ...options,
  })
  return { http, to: http.address, events, [Symbol.asyncDispose]: () => http.close(0) }
}

function reasons(events: readonly GateEvent[]): readonly string[] {
  return events.map((event) => (event.kind === 'protocolError' ? event.reason : event.kind))
}

function requestText(body: object, head: readonly string[] = [], version = '1.1'): string {
  const text = JSON.stringify(body)
  const lines = [
    `POST /v1/check HTTP/${version}`,
    'Content-Type: application/json',
    `Content-Length: ${String(Buffer.byteLength(text))}`,
    ...head,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${text}`
}

const HOST = 'Host: localhost'

describe('a request that is wrong', () => {
  const bodies: readonly (readonly [what: string, body: string | Buffer, path: string, message: RegExp])[] = [
    ['nothing', '', '', /^not JSON/],
    ['no JSON', '{"ip": x}', '', /^not JSON: .*x/],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), '', /^not UTF-8/],
    ['no object', '[]', '', /expected object/],
    ['no ip', '{}', '/ip', /expected an IPv4 or IPv6 address/],
    ['an ip that is none', '{"ip":"198.51.100"}', '/ip', /expected an IPv4 or IPv6 address/],
    ['an ip with a zone', '{"ip":"fe80::1%eth0"}', '/ip', /expected an IPv4 or IPv6 address/],
    ['an ip of another type', '{"ip":1}', '/ip', /expected an IPv4 or IPv6 address/],
    ['a HELO of another type', '{"ip":"198.51.100.7","helo":7}', '/helo', /expected a string, or a list of strings/],
    ['a list of HELOs with something else', '{"ip":"198.51.100.7","helo":["a",null]}', '/helo', /expected a string, or a list/],
    ['an unknown stage', '{"ip":"198.51.100.7","stage":"data"}', '/stage', /connect/],
    ['an unknown key', '{"ip":"198.51.100.7","hello":"a"}', '/hello', /^unknown key; known are ip, helo, /],
    ['a key that tries to be a line', '{"ip":"198.51.100.7","a\\r\\nb/c~":1}', '/a\\u{0d}\\u{0a}b~1c~0', /^unknown key/],
    ['a key with a meaning in JavaScript', '{"ip":"198.51.100.7","__proto__":{"authenticated":true}}', '/__proto__', /^unknown key/],
  ]

  it.each(bodies)('%s → 400, and what and where', async (_, body, path, message) => {
    await using setting = await start()
    const answer = await ask(setting.to, { body })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatch(/^[\x20-\x7e]+\n$/)
    expect(JSON.parse(answer.body)).toMatchObject({
      ptrgate: 1,
      kind: 'error',
      status: 400,
      reason: 'badRequest',
      problems: [{ path, message: expect.stringMatching(message) as string }],
    })
    expect(reasons(setting.events)).toEqual(['badRequest'])
  })

  const GOOD_BODY = JSON.stringify({ ip: GOOD })
  const askings: readonly (readonly [what: string, asking: Asking, status: number, reason: string])[] = [
    ['another content type', { body: GOOD_BODY, headers: { 'Content-Type': 'text/plain' } }, 415, 'unsupportedMediaType'],
    [
      'the content type of a form',
      { body: GOOD_BODY, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupportedMediaType',
    ],
    ['another charset', { body: GOOD_BODY, headers: { 'Content-Type': 'application/json; charset=latin1' } }, 415, 'unsupportedMediaType'],
    ['another format', { body: GOOD_BODY, path: '/v1/check?format=xml' }, 400, 'badRequest'],
    ['GET', { method: 'GET' }, 405, 'methodNotAllowed'],
    ['OPTIONS, as a browser asks first', { method: 'OPTIONS' }, 405, 'methodNotAllowed'],
    ['another path', { body: GOOD_BODY, path: '/v1/checks' }, 404, 'notFound'],
    ['too long a body', { body: `{"ip":"${'7'.repeat(16_384)}"}` }, 413, 'tooLarge'],
    [
      'a name that an attacker lets resolve to us',
      { body: GOOD_BODY, headers: { Host: 'rebound.example.net:8895' } },
      421,
      'unexpectedHost',
    ],
    [
      'a page of another site',
      { body: GOOD_BODY, headers: { Host: 'localhost', Origin: 'https://www.example.net' } },
      403,
      'foreignOrigin',
    ],
    ['a page of a file', { body: GOOD_BODY, headers: { Host: 'localhost', Origin: 'null' } }, 403, 'foreignOrigin'],
  ]

  it.each(askings)('%s → refused', async (_, asking, status, reason) => {
    await using setting = await start()
    const answer = await ask(setting.to, asking)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ kind: 'error', status, reason })
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(answer.headers.allow).toBe(status === 405 ? 'POST' : undefined)
    expect(reasons(setting.events)).toEqual([reason])
  })

  it('a body that is too long without saying so before → 413', async () => {
    await using setting = await start()
    const client = await RawClient.connect(setting.to)
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`
    const head = ['POST /v1/check HTTP/1.1', HOST, 'Content-Type: application/json', 'Transfer-Encoding: chunked']
    expect(await client.say(`${head.join('\r\n')}\r\n\r\n${chunk.repeat(5)}`)).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/i)
  })
})

describe('a request that is right', () => {
  it.each([
    [{ Host: '127.0.0.1:8895' }, 200],
    [{ Host: '[::1]:8895' }, 200],
    [{ Host: 'ptrgate:8895' }, 200],
    [{ Host: 'MX.example.org' }, 200],
    [{ Host: 'gate.example.org' }, 200],
    [{ Host: 'localhost:8895', Origin: 'http://localhost:8895' }, 200],
    [{ 'Content-Type': 'application/json; charset=UTF-8' }, 200],
  ])('with %j → answered', async (headers, status) => {
    await using setting = await start({ hosts: ['gate.example.org'] })
    expect((await ask(setting.to, { body: JSON.stringify({ ip: GOOD }), headers })).status).toBe(status)
  })

  it.each([
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
    ['text/plain', 'text/plain; charset=us-ascii'],
    ['application/json;q=0.5, text/plain', 'text/plain; charset=us-ascii'],
  ])('that accepts %s → %s', async (accept, type) => {
    await using setting = await start()
    const { headers } = await ask(setting.to, { body: JSON.stringify({ ip: GOOD }), headers: { Accept: accept } })
    expect(headers['content-type']).toBe(type)
  })

  it('null means not given, an empty HELO none at all', async () => {
    await using setting = await start()
    const body = { ip: GOOD, helo: '', sender: null, recipient: null, queueId: null, authenticated: null, stage: null }
    expect(await check(setting.to, body)).toMatchObject({ helo: null, decision: { action: 'accept', rule: 'pass' } })
  })

  it('as text → one line, whose values nobody can leave', async () => {
    const evil = String.raw`x" reply="250 \n ok`
    const table = { ...TABLE, 'PTR 9.100.51.198.in-addr.arpa': ptr([String.raw`a\"\032reply\=\"250\010b.example.com`]) }
    await using setting = await start({ gate: gateOver(table, { preset: 'observe' }) })
    const body = JSON.stringify({ ip: '198.51.100.9', helo: `${evil}\r\nreply="250"` })
    const answer = await ask(setting.to, { path: '/v1/check?format=text', body })
    expect(answer.body).toMatch(/^(?:[a-z]+="(?:[^"\\]|\\.)*" ?)+\n$/)
    expect([...answer.body.matchAll(/(?:^|" )([a-z]+)=(?=")/g)].map(([, key]) => key)).toEqual([
      ...['action', 'intended', 'rule', 'stage', 'result', 'name', 'code', 'enhanced', 'reply', 'header'],
    ])
  })

  it('with anything in HELO → printable JSON that decodes to it', async () => {
    await using setting = await start()
    const helo = 'a\r\n\u001b[31m\u202e\ud800"\\'
    const { body } = await ask(setting.to, { body: JSON.stringify({ ip: GOOD, helo }) })
    expect(body).toMatch(/^[\x20-\x7e]+\n$/)
    expect(JSON.parse(body)).toMatchObject({ helo: { claimedName: helo, form: 'invalid' }, decision: { rule: 'heloSyntax' } })
  })

  it('is reported with all that was told', async () => {
    await using setting = await start()
    await check(setting.to, { ip: BAD, helo: 'mail.example.com', sender: '', recipient: 'a@example.org', queueId: '1abc-2' })
    expect(setting.events).toMatchObject([
      {
        kind: 'decision',
        moment: 'rcpt',
        verdict: { decision: { action: 'reject', rule: 'permerror' } },
        client: { claimedName: 'mail.example.com', authenticated: false, sender: '', recipients: ['a@example.org'], queueId: '1abc-2' },
      },
    ])
  })

  it('at an earlier step is reported only if it is refused there', async () => {
    await using setting = await start({ gate: gateOver(TABLE, { stage: 'helo' }) })
    for (const stage of ['connect', 'helo']) await check(setting.to, { ip: BAD, stage })
    for (const stage of ['connect', 'helo', 'mail', 'rcpt']) await check(setting.to, { ip: GOOD, stage })
    await check(setting.to, { ip: '10.0.0.1' })
    expect(setting.events).toMatchObject([
      { kind: 'decision', moment: 'helo', verdict: { decision: { action: 'reject' } } },
      { kind: 'decision', moment: 'rcpt', verdict: { decision: { action: 'accept' } } },
      { kind: 'skipped', rule: 'private' },
    ])
  })

  it('after a reload is judged by the new policy', async () => {
    await using setting = await start()
    expect(await check(setting.to, { ip: BAD })).toMatchObject({ decision: { action: 'reject' } })
    setting.http.reload(gateOver(TABLE, { preset: 'observe' }))
    expect(await check(setting.to, { ip: BAD })).toMatchObject({ decision: { action: 'tag' } })
  })

  it('gets what the policy says while our resolver throws', async () => {
    const table = { 'PTR 7.100.51.198.in-addr.arpa': () => Promise.reject(new Error('a bug')) }
    await using setting = await start({ gate: gateOver(table, { onInternalError: 'defer' }) })
    expect(await check(setting.to, { ip: GOOD })).toMatchObject({
      decision: { action: 'defer', rule: 'internalError' },
      reply: { code: 451 },
    })
  })
})

describe('a client of HTTP', () => {
  it.each(['1.0', '1.1'])(
    'of version %s that closes its side after the request gets its answer, however long that takes',
    async (version) => {
      const asked = deferred<undefined>()
      const answered = deferred<ReturnType<typeof ptr>>()
      const table = {
        'PTR 8.100.51.198.in-addr.arpa': () => {
          asked.settle(undefined)
          return answered.promise
        },
      }
      await using setting = await start({ gate: gateOver(table) })
      const client = await RawClient.connect(setting.to)
      const answer = client.say(requestText({ ip: BAD }, version === '1.0' ? [] : [HOST], version), { thenEnd: true })
      await asked.promise
      // By the time that others have been served, the server has seen the end.
      for (let others = 0; others < 3; others++) await check(setting.to, { ip: '10.0.0.1' })
      answered.settle(nxdomain())
      expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"reply":\{"code":550,/)
      expect(await answer).not.toMatch(/transfer-encoding/i)
    },
  )

  it('asks several times on one connection, also without waiting, and is answered in order', async () => {
    await using setting = await start()
    const client = await RawClient.connect(setting.to)
    const ips = [GOOD, BAD, '10.0.0.1', GOOD]
    const text = ips.map((ip, index) => requestText({ ip }, [HOST, ...(index === 3 ? ['Connection: close'] : [])])).join('')
    const answer = await client.say(text)
    expect([...answer.matchAll(/"kind":"decision","ip":"([0-9.]+)"/g)].map(([, ip]) => ip)).toEqual(ips)
  })

  it('that asks too often without waiting is cut off', async () => {
    await using setting = await start({ gate: gateOver({ 'PTR 7.100.51.198.in-addr.arpa': 'never' }) })
    const client = await RawClient.connect(setting.to)
    expect(await client.say(requestText({ ip: GOOD }, [HOST]).repeat(40))).toBe('')
    expect(reasons(setting.events)).toContain('tooManyRequestsAtOnce')
  })

  it('that goes away has its lookups called off, and is not reported', async () => {
    const gone = deferred<undefined>()
    const asked = deferred<undefined>()
    const gate = gateOver()
    const resolver = {
      resolve: (_: unknown, options?: { readonly signal?: AbortSignal | undefined }) => {
        asked.settle(undefined)
        options?.signal?.addEventListener('abort', () => {
          gone.settle(undefined)
        })
        return new Promise<never>(() => undefined)
      },
    }
    await using setting = await start({ gate: { ...gate, resolver, iprev: { deadlineMs: 600_000 } } })
    const client = await RawClient.connect(setting.to)
    client.socket.write(requestText({ ip: GOOD }, [HOST]))
    await asked.promise
    client.socket.resetAndDestroy()
    await gone.promise
    expect(setting.events).toEqual([])
  })

  const broken: readonly (readonly [what: string, text: string, status: string, reason: string])[] = [
    ['speaks no HTTP', 'EHLO mail.example.com\r\n', '400', 'malformed'],
    ['says two lengths', requestText({ ip: GOOD }, [HOST, 'Content-Length: 7']), '400', 'malformed'],
    ['says a length and chunks', requestText({ ip: GOOD }, [HOST, 'Transfer-Encoding: chunked']), '400', 'malformed'],
    ['ends its lines with LF alone', requestText({ ip: GOOD }, [HOST]).replaceAll('\r\n', '\n'), '400', 'malformed'],
    ['says too much in its header', requestText({ ip: GOOD }, [HOST, `X: ${'x'.repeat(10_000)}`]), '431', 'headersTooLarge'],
    ['asks for a malformed target', requestText({ ip: GOOD }, [HOST]).replace('/v1/check', 'http://['), '400', 'badRequest'],
  ]

  it.each(broken)('that %s is refused', async (_, text, status, reason) => {
    await using setting = await start()
    const client = await RawClient.connect(setting.to)
    const answer = await client.say(text, { thenEnd: true })
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ kind: 'error', reason })
    expect(reasons(setting.events)).toEqual([reason])
  })

  it.each([
    ['header', 60],
    ['body', 180],
  ])('that closes its side in the midst of the %s is cut off', async (_, length) => {
    await using setting = await start()
    const client = await RawClient.connect(setting.to)
    const text = requestText({ ip: GOOD, helo: 'x'.repeat(400) }, [HOST])
    expect(await client.say(text.slice(0, length), { thenEnd: true })).toMatch(/^HTTP\/1\.1 400 /)
    expect(reasons(setting.events)).toEqual(['cutOff'])
  })

  it('that is slow is cut off with all the others of its kind, and nothing is left of them', async () => {
    const limits = { headersTimeoutMs: 300, requestTimeoutMs: 300 }
    await using setting = await start({ limits })
    const full = requestText({ ip: GOOD, helo: 'x'.repeat(400) }, [HOST])
    const starts = ['', 'P', full.slice(0, 60), full.slice(0, 200)]
    const clients: RawClient[] = []
    for (let index = 0; index < 1000; index++) {
      const client = await RawClient.connect(setting.to)
      client.socket.write(starts[index % starts.length] ?? '')
      clients.push(client)
    }
    expect(await check(setting.to, { ip: GOOD })).toMatchObject({ decision: { action: 'accept' } })
    const answers = await Promise.all(clients.map(({ closed }) => closed))
    expect(new Set(answers.map((answer) => answer.slice(0, 12)))).toEqual(new Set(['HTTP/1.1 408']))
    expect(setting.http.connections).toBe(0)
    expect(reasons(setting.events).filter((reason) => reason === 'timeout')).toHaveLength(1000)
  })

  it('that trickles its header is cut off as well', async () => {
    await using setting = await start({ limits: { headersTimeoutMs: 300 } })
    const client = await RawClient.connect(setting.to)
    const trickle = setInterval(() => client.socket.write('X: y\r\n'), 20)
    client.socket.write('POST /v1/check HTTP/1.1\r\n')
    expect(await client.closed).toMatch(/^HTTP\/1\.1 408 /)
    clearInterval(trickle)
  })

  it('that says nothing more is let go', async () => {
    await using setting = await start({ limits: { idleTimeoutMs: 100 } })
    const client = await RawClient.connect(setting.to)
    expect(await client.say(requestText({ ip: GOOD }, [HOST]))).toMatch(/^HTTP\/1\.1 200 /)
    expect(setting.events.map(({ kind }) => kind)).toEqual(['decision'])
  })

  it('beyond the bound is turned away', async () => {
    await using setting = await start({ limits: { maxConnections: 1 } })
    const first = await RawClient.connect(setting.to)
    const second = await RawClient.connect(setting.to)
    expect(await second.closed).toBe('')
    expect(reasons(setting.events)).toEqual(['tooManyConnections'])
    first.socket.destroy()
  })
})

describe('closing', () => {
  it('answers what is asked, with the end of the connection, and lets idle clients go', async () => {
    const answer = deferred<ReturnType<typeof ptr>>()
    const asked = deferred<undefined>()
    const table = {
      ...TABLE,
      'PTR 7.100.51.198.in-addr.arpa': () => {
        asked.settle(undefined)
        return answer.promise
      },
    }
    await using setting = await start({ gate: gateOver(table) })
    const idle = await RawClient.connect(setting.to)
    idle.socket.write(requestText({ ip: '10.0.0.1' }, [HOST]))
    await new Promise((resolve) => idle.socket.once('data', resolve))
    const busy = await RawClient.connect(setting.to)
    busy.socket.write(requestText({ ip: GOOD }, [HOST]))
    await asked.promise
    const closing = setting.http.close(60_000)
    await idle.closed
    answer.settle(ptr(['mail.example.com']))
    expect(await busy.closed).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*"result":"pass"/i)
    await closing
    expect(setting.http.connections).toBe(0)
  })

  it('cuts off whoever is left after the grace', async () => {
    const asked = deferred<undefined>()
    const never = (): Promise<ReturnType<typeof ptr>> => {
      asked.settle(undefined)
      return new Promise(() => undefined)
    }
    await using setting = await start({ gate: gateOver({ 'PTR 7.100.51.198.in-addr.arpa': never }) })
    const client = await RawClient.connect(setting.to)
    client.socket.write(requestText({ ip: GOOD }, [HOST]))
    await asked.promise
    await setting.http.close(20)
    expect(await client.closed).toBe('')
  })
})

describe('a mounted route', () => {
  const mount: HttpOptions['mount'] = (app) => {
    app.get('/healthz', (context) => context.text('ok'))
    app.get('/broken', () => {
      throw new Error('a bug')
    })
  }

  it('is served beside the others', async () => {
    await using setting = await start({ mount })
    expect(await ask(setting.to, { method: 'GET', path: '/healthz' })).toMatchObject({ status: 200, body: 'ok' })
    expect(await check(setting.to, { ip: GOOD })).toMatchObject({ kind: 'decision' })
  })

  it('stands behind the same guards', async () => {
    await using setting = await start({ mount })
    const headers = { Host: 'rebound.example.net' }
    expect(await ask(setting.to, { method: 'GET', path: '/healthz', headers })).toMatchObject({ status: 421 })
  })

  it('that streams when we close ends its connection with its answer', async () => {
    const stream = deferred<ReadableStreamDefaultController>()
    const endless: HttpOptions['mount'] = (app) => {
      app.get('/stream', () => new Response(new ReadableStream({ start: stream.settle })))
    }
    await using setting = await start({ mount: endless })
    const client = await RawClient.connect(setting.to)
    client.socket.write(`GET /stream HTTP/1.1\r\n${HOST}\r\n\r\n`)
    const controller = await stream.promise
    controller.enqueue(Buffer.from('first'))
    await new Promise((resolve) => client.socket.once('data', resolve))
    const closing = setting.http.close(60_000)
    controller.close()
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*first/)
    await closing
  })

  it('that throws → 500, reported, and nothing of it told', async () => {
    await using setting = await start({ mount })
    const answer = await ask(setting.to, { method: 'GET', path: '/broken' })
    expect(answer.status).toBe(500)
    expect(answer.body).not.toContain('a bug')
    expect(setting.events).toMatchObject([{ kind: 'internalError', error: new Error('a bug') }])
  })
})
