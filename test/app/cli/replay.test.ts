import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../../src/app/cli/run.ts'
import type { Authority } from '../../../src/dns/authority.ts'
import { Readable, Writable } from 'node:stream'
import { run, type Ran, type RunOptions } from '../../support/command-line.ts'
import { startTestDns } from '../../support/zone.ts'

const ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7
9.100.51.198.in-addr.arpa. PTR lists.example.net.
lists.example.net. A 198.51.100.99
12.100.51.198.in-addr.arpa. PTR evil\\027[31m\\013\\010x.example.net.
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail6.example.com.
mail6.example.com. AAAA 2001:db8:51::7`

const logs = (name: string): string => fileURLToPath(new URL(`../replay/logs/${name}`, import.meta.url))
const POSTFIX = logs('postfix.log')
const EXIM = logs('exim.log')

let dns: Authority
let folder: string

beforeAll(async () => {
  dns = await startTestDns(ZONE, [{ name: '11.100.51.198.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } }])
  folder = mkdtempSync(join(tmpdir(), 'ptrgate-replay-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await dns.close()
})

const server = (): string => `127.0.0.1:${String(dns.port)}`
const replay = (args: readonly string[], options?: RunOptions): Promise<Ran> => run(['replay', ...args, '--resolver', server()], options)

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

interface ReplayJson {
  readonly clients: number
  readonly messages: { readonly total: number }
  readonly rules: readonly {
    readonly action: string
    readonly rule: string
    readonly enforced: number
    readonly messages: { total: number; accepted: number }
  }[]
  readonly refused: readonly { readonly ip: string; readonly intended: { readonly rule: string } }[]
}

async function json(...args: string[]): Promise<ReplayJson> {
  const { stdout, exitCode } = await replay([...args, '--json'])
  expect(exitCode).toBe(0)
  return JSON.parse(stdout) as ReplayJson
}

const rules = ({ rules: rows }: ReplayJson): string[] =>
  rows.map(
    ({ action, rule, messages, enforced }) =>
      `${action} ${rule} ${String(messages.total)} (${String(messages.accepted)} accepted) ${String(enforced)} enforced`,
  )

describe('ptrgate replay', () => {
  it('a Postfix log → sums by rule, and first of all whose mail was accepted', async () => {
    const report = await json(POSTFIX)
    expect(report).toMatchObject({
      ptrgate: 1,
      kind: 'replay',
      logs: [{ format: 'postfix', lines: 42, tooLong: 0 }],
      policy: { file: null, preset: 'balanced' },
      clients: 7,
      messages: { total: 9, accepted: 5, deferred: 1, rejected: 3, unknown: 0 },
      messagesWithoutHelo: 3,
      refusedClients: 3,
      refusedClientsAcceptedThen: 1,
      firstSeen: expect.stringMatching(/-05-03 06:30:11$/) as unknown,
      interrupted: false,
    })
    expect(rules(report)).toEqual([
      'accept pass 2 (2 accepted) 2 enforced',
      'accept authenticated 1 (1 accepted) 1 enforced',
      'defer temperror 1 (1 accepted) 1 enforced',
      'reject permerror 3 (1 accepted) 3 enforced',
      'reject fail 2 (0 accepted) 2 enforced',
    ])
    expect(report.refused.map(({ ip, intended }) => `${ip} ${intended.rule}`)).toEqual([
      '198.51.100.8 permerror',
      '198.51.100.9 fail',
      '198.51.100.10 permerror',
    ])
    expect(report.refused[0]).toMatchObject({
      claimedName: 'mail.example.net',
      iprev: { result: 'permerror', ptrNames: [] },
      intended: { action: 'reject', code: 550, enhanced: '5.7.25' },
      messages: { accepted: 1, deferred: 1 },
      senders: ['billing@example.net'],
      recipients: ['info@example.org', 'bob@example.org'],
    })
  })

  it('an Exim log → HELO of accepted mail is judged as well', async () => {
    const report = await json(EXIM)
    expect(report).toMatchObject({ logs: [{ format: 'exim' }], messagesWithoutHelo: 0 })
    expect(rules(report)).toContain('reject heloSyntax 1 (0 accepted) 1 enforced')
  })

  it('several logs, plain, gzipped and from a pipe → one report', async () => {
    const zipped = file('mainlog.1.gz', gzipSync(readFileSync(EXIM)))
    const { stdout } = await replay([POSTFIX, zipped, '-', '--json'], { stdin: readFileSync(POSTFIX, 'utf8') })
    expect(JSON.parse(stdout)).toMatchObject({
      logs: [{ format: 'postfix' }, { format: 'exim' }, { format: 'postfix', name: 'stdin' }],
      messages: { total: 9 + 7 + 9 },
    })
  })

  it("ptrgate's own log → judged by what the DNS said then, without asking", async () => {
    const decision = {
      level: 'info',
      time: '2026-05-03T06:30:11.000Z',
      event: 'decision',
      address: '198.51.100.7',
      helo: 'mail.example.com',
      from: 'a@example.com',
      to: ['b@example.org'],
      toCount: 1,
      ptr: [],
      result: 'permerror',
      reason: 'noReverseName',
      action: 'tag',
      reply: null,
      findings: ['PTR_MISSING'],
    }
    dns.clearQueries()
    const report = await json(file('ptrgate.log', `${JSON.stringify(decision)}\n`))
    expect(report).toMatchObject({ logs: [{ format: 'ptrgate' }], judgedByLoggedFacts: 1, refusedClientsAcceptedThen: 1 })
    expect(dns.queries).toHaveLength(0)
  })

  it('--policy observe → nothing is refused', async () => {
    const report = await json(POSTFIX, '--policy', 'observe')
    expect(report.refused).toEqual([])
    expect(rules(report)).toContain('tag permerror 3 (1 accepted) 3 enforced')
  })

  it('--config → its policy, its DNS servers, our names; a dry run shows what it means and what it does', async () => {
    const config = file(
      'ptrgate.yaml',
      `name: mail.example.com
dns: { servers: ['${server()}'] }
policy: { preset: balanced, dryRun: true, networks: [{ cidr: 198.51.100.9, skip: true }] }
`,
    )
    const { stdout } = await run(['replay', EXIM, '--config', config, '--json'])
    const report = JSON.parse(stdout) as ReplayJson
    expect(report).toMatchObject({ policy: { file: config, dryRun: true } })
    expect(rules(report)).toEqual([
      'accept authenticated 1 (1 accepted) 1 enforced',
      'accept networks 1 (0 accepted) 1 enforced',
      'accept pass 1 (1 accepted) 1 enforced',
      'reject permerror 2 (1 accepted) 0 enforced',
      'reject heloOurName 1 (1 accepted) 0 enforced',
      'reject heloSyntax 1 (0 accepted) 0 enforced',
    ])
  })

  it('--ndjson → a line for each client, the refused ones first, and the sums', async () => {
    const { stdout } = await replay([POSTFIX, '--ndjson'])
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; verdict?: string })
    expect(lines.map(({ kind, verdict }) => verdict ?? kind)).toEqual([
      ...Array.from({ length: 3 }, () => 'refused'),
      'unsure',
      ...Array.from({ length: 3 }, () => 'letThrough'),
      'replaySummary',
    ])
  })

  it('text: within 80 columns, whom it would hit, and how to let them through', async () => {
    const { stdout, stderr } = await replay([POSTFIX])
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(stdout).toContain('Accepted then, and refused by this policy: 1 client, 1 message')
    expect(stdout).toContain("- { cidr: '198.51.100.8', preset: observe }")
    expect(stdout).toContain('DNS was asked now')
    expect(stderr).toBe('')
  })

  it('the exceptions that it suggests are a config that lets these clients through', async () => {
    const { stdout } = await replay([POSTFIX])
    const yaml = stdout.slice(stdout.indexOf('  policy:')).replace(/^ {2}/gm, '')
    const report = await json(POSTFIX, '--config', file('exceptions.yaml', yaml))
    expect(report).toMatchObject({ refusedClientsAcceptedThen: 0, refusedClients: 2 })
  })

  it('a hostile PTR name, HELO and sender reach neither terminal nor JSON raw', async () => {
    const hostile = file(
      'hostile.log',
      'May  3 06:30:11 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[198.51.100.12]: 550 5.7.1 no; from=<\u001b[2J\u202e@x> to=<\u009b@y> proto=SMTP helo=<\u001b]0;x\u0007>\n',
    )
    for (const format of [[], ['--json'], ['--ndjson'], ['--verbose']]) {
      const { stdout } = await replay([hostile, ...format])
      expect(stdout).toContain('198.51.100.12')
      expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
    }
  })

  it('a log of something else → nothing, said on stderr', async () => {
    const { stdout, stderr, exitCode } = await replay([file('other.log', 'hello\nworld\n')])
    expect(stdout).toMatch(/2 lines, none of\s+Postfix, Exim or\s+ptrgate/)
    expect(stderr).toMatch(/^ptrgate: warning: no line of the logs is one of/)
    expect(exitCode).toBe(0)
  })

  it('--format → that format alone', async () => {
    expect(await json(POSTFIX, '--format', 'exim')).toMatchObject({ logs: [{ format: null, used: 0 }], clients: 0 })
  })

  it('progress on stderr only on a terminal', async () => {
    expect((await replay([POSTFIX], { isTerminal: true })).stderr).toContain('of 7 clients judged')
    expect((await replay([POSTFIX, '--quiet'], { isTerminal: true })).stderr).toBe('')
  })

  it.each<[() => string[], RegExp]>([
    [() => [join(folder, 'missing.log')], /missing\.log: cannot be read \(ENOENT\)/],
    [() => [folder], /a directory, not a log/],
    [() => [POSTFIX, '--config', join(folder, 'missing.yaml')], /--config .*missing\.yaml: cannot be read \(ENOENT\)/],
    [() => [POSTFIX, '--config', file('bad.yaml', 'policy: { prset: balanced }\n')], /bad\.yaml:1:\d+: policy\.prset: /],
    [() => [POSTFIX, '--policy', 'harsh'], /--policy.*harsh/],
    [() => [POSTFIX, '--policy', 'strict', '--config', 'x'], /cannot be used with/],
    [() => ['-', '-'], /stdin can be read only once/],
    [() => [file('cut.gz', gzipSync(readFileSync(POSTFIX)).subarray(0, 500))], /cut\.gz: cannot be read to its end, after \d+ lines \(Z_/],
    [() => [], /missing required argument 'log'/],
  ])('%o → exit 2 and one line that says why', async (args, message) => {
    const { exitCode, stdout, stderr } = await replay(args())
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^ptrgate: .*\n$/)
  })

  it('interrupted while a pipe is silent → exit 130 with what was read so far', async () => {
    let stdout = ''
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        stdout += chunk.toString()
        done()
      },
    })
    const silence = new Readable({ read: () => undefined })
    silence.push(readFileSync(POSTFIX))
    silence.once('resume', () => undefined)
    const finished = runCommandLine(['replay', '-', '--json', '--resolver', server()], {
      stdout: sink,
      stderr: new Writable({
        write(_chunk, _encoding, done) {
          done()
        },
      }),
      stdin: interruptAfterFirst(silence),
      environment: {},
    })
    expect(await finished).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, logs: [{ lines: 42 }], notJudged: { clients: 7, messages: 9 } })
  })
})

/** As Ctrl-C would, once what is there has been read. */
async function* interruptAfterFirst(stream: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const chunk of stream) {
    yield chunk as Buffer
    if (isFirst) process.emit('SIGINT')
    isFirst = false
  }
}
