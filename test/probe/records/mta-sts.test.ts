import type { ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { createHttpsFetch, type HttpsFetch } from '../../../src/probe/https-fetch.ts'
import { coveringPattern, parseMtaStsPolicy, parseMtaStsRecord } from '../../../src/probe/mta-sts-policy.ts'
import { lookupMtaSts, MAX_POLICY_OCTETS, type MtaStsFacts } from '../../../src/probe/mta-sts.ts'
import { CA, EXPIRED, GOOD, UNKNOWN_AUTHORITY, WRONG_NAME } from './certificates.ts'
import { startWebServer, type TestWebServer } from './https-server.ts'
import { startRecordDns, TROUBLES, txt } from './record-dns.ts'

const POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n'
const RECORD = txt('_mta-sts.example.com', 'v=STSv1; id=20261121;')
const ZONE = `${RECORD}\nmta-sts.example.com A 127.0.0.1`

describe('parseMtaStsRecord', () => {
  it.each<[string, string | null, readonly unknown[]]>([
    ['v=STSv1; id=20160831085700Z;', '20160831085700Z', []],
    ['v=STSv1;id=1; ext=x', '1', []],
    ['v=STSv1', null, [{ position: 8, problem: 'missingTag', tag: 'id' }]],
    ['v=STSv1; id=', null, [{ position: 13, problem: 'badValue', tag: 'id' }]],
    ['v=STSv1; id=2026-11-21', null, [{ position: 13, problem: 'badValue', tag: 'id' }]],
    [`v=STSv1; id=${'a'.repeat(33)}`, null, [{ position: 13, problem: 'badValue', tag: 'id' }]],
  ])('%s', (text, id, faults) => {
    expect(parseMtaStsRecord(text)).toEqual({ text, id, faults })
  })
})

describe('parseMtaStsPolicy', () => {
  it('reads a policy, with either kind of line end', () => {
    const policy = { mode: 'enforce', maxAgeSeconds: 604_800, patterns: ['mx.example.com', '*.example.net'], faults: [], valid: true }
    expect(parseMtaStsPolicy(POLICY)).toEqual(policy)
    expect(parseMtaStsPolicy(POLICY.replaceAll('\r\n', '\n').trimEnd())).toEqual(policy)
  })

  it.each<[string, string, boolean, readonly unknown[]]>([
    ['no version', 'mode: none\nmax_age: 1', false, [{ line: 3, key: 'version', problem: 'missingKey' }]],
    ['another version', 'version: STSv2\nmode: none\nmax_age: 1', false, [{ line: 1, key: 'version', problem: 'badValue' }]],
    ['no mode', 'version: STSv1\nmax_age: 1\nmx: a.example', false, [{ line: 4, key: 'mode', problem: 'missingKey' }]],
    [
      'an unknown mode',
      'version: STSv1\nmode: enforced\nmax_age: 1\nmx: a.example',
      false,
      [{ line: 2, key: 'mode', problem: 'badValue' }],
    ],
    ['no max_age', 'version: STSv1\nmode: none', false, [{ line: 3, key: 'max_age', problem: 'missingKey' }]],
    [
      'max_age of more than a year',
      'version: STSv1\nmode: none\nmax_age: 31557601',
      false,
      [{ line: 3, key: 'max_age', problem: 'badValue' }],
    ],
    ['max_age with a unit', 'version: STSv1\nmode: none\nmax_age: 7d', false, [{ line: 3, key: 'max_age', problem: 'badValue' }]],
    ['no mx', 'version: STSv1\nmode: testing\nmax_age: 1', false, [{ line: 4, key: 'mx', problem: 'missingKey' }]],
    ['no mx in mode none', 'version: STSv1\nmode: none\nmax_age: 1', true, []],
    [
      'an asterisk within',
      'version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.example',
      false,
      [{ line: 4, key: 'mx', problem: 'badValue' }],
    ],
    ['an asterisk alone', 'version: STSv1\nmode: enforce\nmax_age: 1\nmx: *', false, [{ line: 4, key: 'mx', problem: 'badValue' }]],
    ['a line that is no field', 'version: STSv1\nhello\nmode: none\nmax_age: 1', true, [{ line: 2, key: 'hello', problem: 'noColon' }]],
    [
      'a field twice: the first counts',
      'version: STSv1\nmode: none\nmode: enforce\nmax_age: 1',
      true,
      [{ line: 3, key: 'mode', problem: 'duplicateKey' }],
    ],
    ['an unknown field', 'version: STSv1\nmode: none\nmax_age: 1\nnew: x', true, []],
    [
      'a web page',
      '<!doctype html>\n<p>hello',
      false,
      expect.arrayContaining([{ line: 1, key: '<!doctype html>', problem: 'noColon' }]) as unknown[],
    ],
  ])('%s', (_what, text, valid, faults) => {
    expect(parseMtaStsPolicy(text)).toMatchObject({ valid, faults })
  })

  it('is bounded in lines, patterns and faults', () => {
    const policy = parseMtaStsPolicy(`${'mx: a.example\n'.repeat(900)}${'x\n'.repeat(5000)}`)
    expect(policy.patterns).toHaveLength(200)
    expect(policy.faults).toHaveLength(20)
  })

  it.each<[string, string | null]>([
    ['MX.example.com', 'mx.example.com'],
    ['a.example.net', '*.example.net'],
    ['a.b.example.net', null],
    ['example.net', null],
    ['xexample.net', null],
    ['a\\.b.example.net', '*.example.net'],
    ['mx.example.com.evil.example', null],
  ])('%s is covered by %s', (host, pattern) => {
    expect(coveringPattern(['mx.example.com', '*.example.net'], name(host))).toBe(pattern)
  })
})

interface Setting {
  readonly zone?: string
  readonly faults?: Parameters<typeof startRecordDns>[1]
  readonly port: number
  readonly allowPrivate?: boolean
  readonly deadlineMs?: number
  readonly ca?: string | undefined
}

async function lookup({
  zone = ZONE,
  faults = [],
  port,
  allowPrivate = true,
  deadlineMs = 10_000,
  ca = CA,
}: Setting): Promise<MtaStsFacts> {
  await using dns = await startRecordDns(zone, faults)
  const fetch = createHttpsFetch({ resolver: dns.resolver, port, allowPrivate, ca })
  const exchanges = ['mx.example.com', 'a.example.net', 'mail.example.org'].map(name)
  return await lookupMtaSts(name('example.com'), exchanges, { resolver: dns.resolver, fetch, fetchDeadlineMs: deadlineMs })
}

function serve(body: string, status = 200, headers: Record<string, string> = { 'content-type': 'text/plain' }): Promise<TestWebServer> {
  return startWebServer(GOOD, (_request, response) => response.writeHead(status, headers).end(body))
}

describe('lookupMtaSts', () => {
  it('fetches the policy by the right name and path, and compares the MX hosts', async () => {
    await using web = await serve(POLICY)
    const facts = await lookup({ port: web.port })
    expect(facts).toMatchObject({
      record: { kind: 'record', record: { id: '20261121' } },
      policy: { kind: 'policy', contentType: 'text/plain', policy: { mode: 'enforce', valid: true } },
      exchanges: [
        { exchange: 'mx.example.com', pattern: 'mx.example.com' },
        { exchange: 'a.example.net', pattern: '*.example.net' },
        { exchange: 'mail.example.org', pattern: null },
      ],
    })
    expect(web.requests).toEqual([`mta-sts.example.com:${String(web.port)} /.well-known/mta-sts.txt`])
    expect(web.serverNames).toEqual(['mta-sts.example.com'])
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts)
  })

  it.each<[string, readonly string[], unknown]>([
    ['no record', [], { kind: 'absent' }],
    ['another version', ['v=STSv2; id=1'], { kind: 'absent' }],
    ['two records', ['v=STSv1; id=1', 'v=STSv1; id=2'], { kind: 'multiple', count: 2 }],
    ['a record without id', ['v=STSv1;'], { kind: 'record', record: { id: null } }],
  ])('%s: nothing is fetched', async (_what, texts, record) => {
    await using web = await serve(POLICY)
    const zone = `${texts.map((text) => txt('_mta-sts.example.com', text)).join('\n')}\nmta-sts.example.com A 127.0.0.1`
    expect(await lookup({ zone, port: web.port })).toMatchObject({ record, policy: { kind: 'notAsked' }, exchanges: [] })
    expect(web.requests).toEqual([])
  })

  it.each(TROUBLES)('%s for the record is not absence', async (_what, effect, trouble) => {
    const facts = await lookup({ port: 1, faults: [{ name: '_mta-sts.example.com', effect }] })
    expect(facts).toMatchObject({ record: { kind: 'unknown', trouble }, policy: { kind: 'notAsked' } })
  })

  it.each([301, 302, 307, 308])('a redirect (%i) is not followed', async (status) => {
    await using aim = await serve(POLICY)
    await using web = await serve('', status, { location: `https://mta-sts.example.com:${String(aim.port)}/` })
    expect(await lookup({ port: web.port })).toMatchObject({
      policy: { kind: 'status', status, location: `https://mta-sts.example.com:${String(aim.port)}/` },
    })
    expect(aim.requests).toEqual([])
  })

  it.each([204, 404, 500])('status %i brings no policy', async (status) => {
    await using web = await serve(status === 204 ? '' : POLICY, status)
    expect(await lookup({ port: web.port })).toMatchObject({ policy: { kind: 'status', status, location: null } })
  })

  it.each([
    ['exactly 64 KiB', 0, { kind: 'policy', policy: { valid: true } }],
    ['one octet more', 1, { kind: 'failure', failure: 'tooLarge' }],
  ])('%s', async (_what, more, policy) => {
    const body = POLICY + 'x'.repeat(MAX_POLICY_OCTETS + more - POLICY.length)
    await using web = await serve(body)
    expect(await lookup({ port: web.port })).toMatchObject({ policy })
  })

  it('an answer without end is cut off', async () => {
    await using web = await startWebServer(GOOD, (_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(8192)));
      }
      response.on('drain', pour)
      pour()
    })
    expect(await lookup({ port: web.port })).toMatchObject({ policy: { kind: 'failure', failure: 'tooLarge' } })
  })

  it.each<[string, (response: ServerResponse) => void]>([
    ['says nothing', () => undefined],
    ['stops within the body', (response) => void response.writeHead(200).write('version: STSv1\n')],
  ])('a server that %s runs into the deadline', async (_what, answer) => {
    await using web = await startWebServer(GOOD, (_request, response) => {
      answer(response)
    })
    expect(await lookup({ port: web.port, deadlineMs: 300 })).toMatchObject({ policy: { kind: 'failure', failure: 'deadline' } })
  })

  it.each([
    ['for another name', WRONG_NAME, CA, /mta-sts\.example\.com/],
    ['that has expired', EXPIRED, CA, /expired/],
    ['of an unknown authority', UNKNOWN_AUTHORITY, CA, /unable to/],
    ['that only the test authority has signed', GOOD, undefined, /unable to/],
  ])('a certificate %s is refused', async (_what, identity, ca, detail) => {
    await using web = await startWebServer(identity, (_request, response) => response.end(POLICY))
    await using dns = await startRecordDns(ZONE)
    const fetch = createHttpsFetch({ resolver: dns.resolver, port: web.port, allowPrivate: true, ca })
    const { policy } = await lookupMtaSts(name('example.com'), [], { resolver: dns.resolver, fetch })
    expect(policy).toMatchObject({ kind: 'failure', failure: 'certificate', detail: expect.stringMatching(detail) as string })
    expect(web.requests).toEqual([])
  })

  it('an answer that breaks off is no policy', async () => {
    await using web = await startWebServer(GOOD, (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write(POLICY, () => response.destroy())
    })
    expect(await lookup({ port: web.port })).toMatchObject({ policy: { kind: 'failure', failure: 'connectionReset' } })
  })

  it.each<[string, string, string]>([
    ['no TLS', 'HTTP/1.1 200 OK\r\n\r\n', 'tlsTrouble'],
    ['nothing but a closed connection', '', 'connectionReset'],
  ])('a port that speaks %s', async (_what, greeting, failure) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.resume()
      socket.end(greeting)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    expect(await lookup({ port: (server.address() as AddressInfo).port })).toMatchObject({ policy: { kind: 'failure', failure } })
    await new Promise((resolve) => server.close(resolve))
  })

  it('nobody listens', async () => {
    const web = await serve(POLICY)
    await web[Symbol.asyncDispose]()
    expect(await lookup({ port: web.port })).toMatchObject({ policy: { kind: 'failure', failure: 'connectionRefused' } })
  })

  it('the next address is tried where one refuses', async () => {
    await using web = await serve(POLICY)
    const zone = `${RECORD}\nmta-sts.example.com A 127.0.0.1\nmta-sts.example.com A 127.0.0.0\nmta-sts.example.com AAAA ::1`
    expect(await lookup({ zone, port: web.port })).toMatchObject({ policy: { kind: 'policy' } })
  })

  it.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '0.0.0.0', '100.64.0.1', '198.51.100.1', '224.0.0.1'])(
    '%s is not connected to unless allowed',
    async (ip) => {
      await using web = await serve(POLICY)
      const zone = `${RECORD}\nmta-sts.example.com A ${ip}`
      expect(await lookup({ zone, port: web.port, allowPrivate: false })).toMatchObject({
        policy: { kind: 'failure', failure: 'specialAddress', detail: ip },
      })
      expect(web.serverNames).toEqual([])
    },
  )

  it.each(['::1', 'fc00::1', 'fe80::1', '::ffff:127.0.0.1'])('%s neither', async (ip) => {
    const zone = `${RECORD}\nmta-sts.example.com AAAA ${ip}`
    expect(await lookup({ zone, port: 1, allowPrivate: false })).toMatchObject({ policy: { kind: 'failure', failure: 'specialAddress' } })
  })

  it('a host without an address', async () => {
    expect(await lookup({ zone: RECORD, port: 1 })).toMatchObject({ policy: { kind: 'failure', failure: 'noAddress' } })
  })

  it.each(TROUBLES)('%s for the address of the host is not absence', async (_what, effect, trouble) => {
    const facts = await lookup({ port: 1, faults: [{ name: 'mta-sts.example.com', effect }] })
    expect(facts).toMatchObject({ policy: { kind: 'failure', failure: 'dnsTrouble', detail: trouble } })
  })

  it('an interruption is told as such, before and during the fetch', async () => {
    await using web = await startWebServer(GOOD, () => {
      controller.abort()
    })
    const controller = new AbortController()
    await using dns = await startRecordDns(ZONE)
    const fetch: HttpsFetch = createHttpsFetch({ resolver: dns.resolver, port: web.port, allowPrivate: true, ca: CA })
    const during = await fetch('https://mta-sts.example.com/', { signal: controller.signal, maxOctets: 10, deadlineMs: 10_000 })
    expect(during).toEqual({ kind: 'failure', failure: 'aborted', detail: null })
    const before = await fetch('https://mta-sts.example.com/', { signal: AbortSignal.abort(), maxOctets: 10, deadlineMs: 10_000 })
    expect(before).toEqual({ kind: 'failure', failure: 'aborted', detail: null })
  })
})
