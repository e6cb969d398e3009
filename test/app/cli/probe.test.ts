import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { close, hear, reply, say, ScriptedSmtp, secure, type Step } from '../../support/scripted-smtp.ts'
import { run, type Ran } from '../../support/command-line.ts'
import { startTestDns } from '../../support/zone.ts'
import { EC_KEY, GOOD, INTERMEDIATE } from '../../probe/session-certificates.ts'

const ZONE = `
example.org. MX 10 mx.example.org.
example.org. MX 20 mx.example.org.
mx.example.org. A 127.0.0.1
1.0.0.127.in-addr.arpa. PTR mx.example.org.
null.example.org. MX 0 .
example.org. TXT "v=spf1 ip4:198.51.100.7 ip4:198.51.100.64/26 -all"
7.100.51.198.in-addr.arpa. PTR out.example.org.
out.example.org. A 198.51.100.7
2.0.0.127.bl.example.net. A 127.0.0.2
9.100.51.198.bl.example.net. A 127.0.0.2
k1._domainkey.example.org. TXT "v=DKIM1; p="
`
const QUIT: readonly Step[] = [hear('QUIT'), reply(221, 'bye'), close]
const IN_CLEAR: readonly Step[] = [
  reply(220, 'mx.example.org ESMTP Postfix'),
  hear('EHLO probe.example.net'),
  reply(250, 'mx.example.org', 'SIZE 1000'),
]
const WITH_TLS: readonly Step[] = [
  reply(220, 'mx.example.org ESMTP Postfix'),
  hear('EHLO'),
  reply(250, 'mx.example.org', 'STARTTLS'),
  hear('STARTTLS'),
  secure({ key: EC_KEY, cert: `${GOOD}\n${INTERMEDIATE}` }, '220 go on\r\n'),
  hear('EHLO'),
  reply(250, 'mx.example.org', 'AUTH PLAIN'),
  ...QUIT,
]

interface Probed extends Ran {
  readonly peer: ScriptedSmtp
}

/** Nothing in these scripts waits. */
const WATCHER = { stalled: () => Promise.resolve(), passed: () => Promise.resolve() }

async function probe(script: readonly Step[], args: readonly string[], target = 'example.org'): Promise<Probed> {
  await using dns = await startTestDns(ZONE)
  const peer = await ScriptedSmtp.listen([script], WATCHER)
  try {
    const common = ['--resolver', `127.0.0.1:${String(dns.port)}`, '--ehlo', 'probe.example.net', '--timeout', '10s', '--quiet']
    const port = target === 'example.org' ? ['--port', String(peer.port)] : []
    return { ...(await run(['probe', target.replace('PORT', String(peer.port)), ...common, ...port, ...args])), peer }
  } finally {
    await peer.stop()
  }
}

function codes(json: string): string[] {
  const report = JSON.parse(json) as { findings: { code: string }[]; mx: { addresses: { findings: { code: string }[] }[] }[] }
  return [...report.findings, ...report.mx.flatMap(({ addresses }) => addresses.flatMap(({ findings }) => findings))].map(
    ({ code }) => code,
  )
}

describe('ptrgate probe', () => {
  it('finds a server aligned whose greeting, EHLO, TLS and PTR agree, and talks to its address once however many MX name it', async () => {
    const { exitCode, stdout, peer } = await probe(WITH_TLS, ['--allow-private', '--json'])
    expect(codes(stdout)).toEqual(expect.arrayContaining(['FCRDNS_CONFIRMED', 'HELO_ALIGNED', 'NAMES_ALIGNED', 'CERTIFICATE_UNTRUSTED']))
    expect(codes(stdout)).not.toContain('STARTTLS_MISSING')
    expect(exitCode).toBe(0)
    expect(peer.connections).toBe(1)
    const [mx] = (JSON.parse(stdout) as { mx: { addresses: { tls: { protocol: string; certificate: object } }[] }[] }).mx
    expect(mx?.addresses[0]?.tls).toMatchObject({
      kind: 'established',
      protocol: 'TLSv1.3',
      certificate: { dnsNames: expect.any(Array) as unknown },
    })
    expect(stdout).not.toContain('"der"')
  })

  it('says that STARTTLS is missing only where it was let to look', async () => {
    const missing = await probe([...IN_CLEAR, ...QUIT], ['--allow-private', '--json'])
    expect(codes(missing.stdout)).toContain('STARTTLS_MISSING')
    const turnedAway = await probe([reply(554, 'no service for you'), ...QUIT], ['--allow-private', '--json'])
    expect(codes(turnedAway.stdout)).toEqual(expect.arrayContaining(['PROBE_TURNED_AWAY', 'VANTAGE_UNCONFIRMED']))
    expect(codes(turnedAway.stdout)).not.toContain('STARTTLS_MISSING')
    expect(turnedAway.exitCode).toBe(3)
  })

  it('leaves an address alone that is not public, unless told otherwise', async () => {
    const { exitCode, stdout, peer } = await probe(WITH_TLS, ['--json'])
    expect(codes(stdout)).toContain('PROBE_SPECIAL_ADDRESS')
    expect(peer.connections).toBe(0)
    expect(exitCode).toBe(3)
  })

  it('shows what a hostile server says escaped, and within the columns', async () => {
    const hostile = [say('220 \u001b[31mred\u0007 <script>\u00ff\r\n'), hear('EHLO'), reply(250, 'mx.example.org'), ...QUIT]
    const { stdout } = await probe(hostile, ['--allow-private', '--transcript'])
    expect(stdout).toMatch(/^[\n\x20-\x7e]*$/)
    expect(stdout).toContain('\\u{1b}[31mred\\u{07}')
    const report = stdout.slice(0, stdout.indexOf('Transcript'))
    for (const line of report.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('gives each step as a line while it goes on, and then the report', async () => {
    const { stdout } = await probe([...IN_CLEAR, ...QUIT], ['--allow-private', '--ndjson'], 'mx.example.org:PORT')
    const lines = stdout.trimEnd().split('\n')
    const objects = lines.map((line) => JSON.parse(line) as { kind: string; event?: string })
    expect(objects.at(-1)?.kind).toBe('probe')
    expect(objects.slice(0, -1).every(({ kind }) => kind === 'probeEvent')).toBe(true)
    expect(objects.map(({ event }) => event)).toEqual(expect.arrayContaining(['connect', 'greeting', 'hello', 'startTls', 'ended']))
  })

  it('finds an open relay without ever sending a message', async () => {
    const open = [
      ...IN_CLEAR,
      hear('MAIL FROM:<a@example.com>'),
      reply(250, 'ok'),
      hear('RCPT TO:<b@example.net>'),
      reply(250, 'ok'),
      hear('RSET'),
      reply(250, 'ok'),
      ...QUIT,
    ]
    const { exitCode, stdout, peer } = await probe(open, ['--allow-private', '--json', '--relay-test', 'a@example.com,b@example.net'])
    expect(codes(stdout)).toContain('OPEN_RELAY')
    expect(exitCode).toBe(1)
    expect(peer.heard.some((line) => line.startsWith('DATA'))).toBe(false)
  })

  it('judges the addresses that send, which need not be those of the MX', async () => {
    const args = [
      '--sending',
      'spf',
      '--sending',
      '198.51.100.9',
      '--helo',
      'out.example.org',
      '--dnsbl',
      'bl.example.net',
      '--selector',
      'k1',
    ]
    const { exitCode, stdout } = await probe([...IN_CLEAR, ...QUIT], ['--allow-private', '--json', ...args])
    const { sending, findings } = JSON.parse(stdout) as {
      sending: { ip: string; spf: { result: string }; findings: { code: string }[] }[]
      findings: { code: string }[]
    }
    expect(sending.map(({ ip, spf, findings: own }) => [ip, spf.result, own.map(({ code }) => code)])).toEqual([
      ['198.51.100.9', 'fail', expect.arrayContaining(['PTR_MISSING', 'SPF_FAIL', 'DNSBL_LISTED'])],
      ['198.51.100.7', 'pass', expect.arrayContaining(['FCRDNS_CONFIRMED', 'HELO_ALIGNED', 'SPF_PASS'])],
    ])
    expect(findings.map(({ code }) => code)).toContain('DKIM_KEY_REVOKED')
    expect(exitCode).toBe(1)
    const text = await probe([...IN_CLEAR, ...QUIT], ['--allow-private', '--as', 'gmail', ...args])
    expect(text.stdout).toContain('== 198.51.100.9 (sends)')
    expect(text.stdout).toMatch(/gmail +550 5\.7\.25/)
  })

  it('writes a page in which nothing of the server can do anything', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ptrgate-probe-'))
    try {
      const file = join(folder, 'report.html')
      const hostile = [say('220 <script>alert(1)</script>"\'&\u001b[31m\r\n'), hear('EHLO'), reply(250, '<img/src=x>'), ...QUIT]
      await probe(hostile, ['--allow-private', '--html', file, '--transcript'])
      const page = await readFile(file, 'utf8')
      expect(page).not.toMatch(/<script|<img|\u001b|<[^>]*(?:href|src)=|url\(/)
      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
      expect(page).toContain('<svg ')
      const nowhere = await probe([...IN_CLEAR, ...QUIT], ['--allow-private', '--html', join(folder, 'no', 'such', 'folder.html')])
      expect(nowhere.exitCode).toBe(2)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('says what has changed since an earlier report', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ptrgate-probe-'))
    try {
      const file = join(folder, 'before.json')
      const before = await probe([...IN_CLEAR, ...QUIT], ['--allow-private', '--json'])
      await writeFile(file, before.stdout)
      const now = await probe(WITH_TLS, ['--allow-private', '--baseline', file])
      expect(now.stdout).toMatch(/gone +127\.0\.0\.1 STARTTLS_MISSING/)
      expect(now.stdout).toMatch(/new +127\.0\.0\.1 CERTIFICATE_UNTRUSTED/)
      expect(now.stdout).toMatch(/score +[0-9]+ before, [0-9]+ now/)
      await writeFile(file, '{"ptrgate":1,"kind":"check"}')
      const wrong = await run(['probe', 'example.org', '--baseline', file])
      expect(wrong.stderr).toContain('it is no report of ptrgate probe --json')
      expect(wrong.exitCode).toBe(2)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('knows a domain that takes no mail', async () => {
    const { stdout } = await probe([], ['--json'], 'null.example.org')
    expect(codes(stdout)).toEqual(expect.arrayContaining(['MX_NULL']))
  })

  it.each([
    [['probe'], 'missing required argument'],
    [['probe', 'example.org:99999'], 'a port is a number from 1 to 65535'],
    [['probe', 'http://example.org'], 'it is a URL'],
    [['probe', 'example.org', '--port', '0'], 'a port is a number from 1 to 65535'],
    [['probe', 'example.org', '--relay-test', 'a@example.com'], 'two mail addresses'],
    [['probe', 'example.org', '--ehlo', 'two words'], 'not a name'],
    [['probe', 'example.org', '--tls-min', '2'], 'Allowed choices'],
    [['probe', 'example.org', '--sending', '198.51.100.0/24'], 'an IP address, or spf'],
    [['probe', 'example.org', '--dnsbl', 'list'], 'the name of a list'],
    [['probe', 'example.org', '--as', 'nobody'], 'no such receiver'],
  ])('%j is a mistake of the user', async (args, message) => {
    const { exitCode, stderr } = await run(args)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(message)
  })
})
