import { readFileSync } from 'node:fs'
import formats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLab, type Lab } from '../../../src/lab/start-lab.ts'
import { run, type RunOptions } from '../../support/command-line.ts'

const ZONE = `
$TTL 300
. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60
mail.example.com.            A     198.51.100.7
mail.example.com.            AAAA  2001:db8:51::7
7.100.51.198.in-addr.arpa.   PTR   mail.example.com.
$ORIGIN 0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa.
7.0.0.0                      PTR   mail.example.com.
$ORIGIN .
broken.example.com.          A     198.51.100.8
half.example.com.            A     198.51.100.7
half.example.com.            AAAA  2001:db8:51::9
9.100.51.198.in-addr.arpa.   PTR   elsewhere.example.com.
elsewhere.example.com.       A     198.51.100.10
10.100.51.198.in-addr.arpa.  PTR   evil\\013\\010Subject:\\032x\\027[31m.example.com.
example.com.                 A     198.51.100.90
example.com.                 MX    20 broken.example.com.
example.com.                 MX    10 mail.example.com.
null.example.                MX    0 .
implicit.example.            A     198.51.100.7
aliased.example.             MX    10 alias.example.com.
alias.example.com.           CNAME mail.example.com.
literal.example.             MX    10 198.51.100.7.
empty-mx.example.            MX    10 nowhere.example.com.
www.example.com.             A     198.51.100.90
90.100.51.198.in-addr.arpa.  PTR   www.example.com.
`

const schema = JSON.parse(readFileSync(new URL('../../../docs/check.schema.json', import.meta.url), 'utf8')) as object
const ajv = new Ajv2020({ allErrors: true })
formats.default(ajv)
const matchesSchema = ajv.compile(schema)

interface CheckJson {
  readonly target: string
  readonly verdict: string
  readonly addresses: readonly { readonly ip: string; readonly findings: readonly { readonly code: string }[] }[]
  readonly findings: readonly { readonly code: string }[]
}

let lab: Lab

beforeAll(async () => {
  lab = await startLab({ zone: ZONE })
})
afterAll(() => lab.close())

const check = (args: readonly string[], options?: RunOptions): ReturnType<typeof run> =>
  run(['check', ...args, '--resolver', lab.dnsServer], options)

async function checkJson(...args: string[]): Promise<CheckJson & { exitCode: number }> {
  const { stdout, exitCode } = await check([...args, '--json'])
  const value: unknown = JSON.parse(stdout)
  expect(matchesSchema(value), JSON.stringify(matchesSchema.errors)).toBe(true)
  return { ...(value as CheckJson), exitCode }
}

const codes = (report: CheckJson): string[] => report.findings.map(({ code }) => code)

describe('ptrgate check', () => {
  it('an aligned address → aligned, exit 0', async () => {
    const report = await checkJson('198.51.100.7', '--helo', 'mail.example.com')
    expect(report).toMatchObject({ verdict: 'aligned', exitCode: 0 })
  })

  it.each([
    ['198.51.100.8', 'PTR_MISSING'],
    ['198.51.100.9', 'FCRDNS_MISMATCH'],
    ['2001:db8:51::9', 'PTR_MISSING'],
  ])('%s → misaligned by %s, exit 1', async (ip, code) => {
    const report = await checkJson(ip)
    expect(report).toMatchObject({ verdict: 'misaligned', exitCode: 1 })
    expect(report.addresses[0]?.findings.map((finding) => finding.code)).toContain(code)
  })

  it('a resolver that answers SERVFAIL → inconclusive, exit 3, and nothing advised that changes anything', async () => {
    lab.fault({ name: '11.100.51.198.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } })
    const report = await checkJson('198.51.100.11')
    expect(report).toMatchObject({ verdict: 'inconclusive', exitCode: 3 })
    expect(report.addresses[0]).toMatchObject({ decision: { action: 'defer', code: 451, enhanced: '4.7.25' } })
  })

  it('a resolver that does not answer → inconclusive within the timeout', async () => {
    lab.fault({ name: '12.100.51.198.in-addr.arpa', effect: { kind: 'silence' } })
    const report = await checkJson('198.51.100.12', '--timeout', '300ms')
    expect(report).toMatchObject({ verdict: 'inconclusive', exitCode: 3 })
  })

  it('a host → each of its addresses, and IPv6 alone broken is said', async () => {
    const report = await checkJson('half.example.com')
    expect(report.addresses.map(({ ip }) => ip)).toEqual(['198.51.100.7', '2001:db8:51::9'])
    expect(codes(report)).toContain('IPV6_ONLY_BROKEN')
    expect(report).toMatchObject({ targetKind: 'host', verdict: 'misaligned' })
  })

  it('a domain → its MX hosts by preference, and the website is not among them', async () => {
    const report = await checkJson('example.com')
    expect(report).toMatchObject({
      targetKind: 'domain',
      via: [
        { exchange: 'mail.example.com', preference: 10, addresses: ['198.51.100.7', '2001:db8:51::7'] },
        { exchange: 'broken.example.com', preference: 20, addresses: ['198.51.100.8'] },
      ],
    })
    expect(report.findings).toContainEqual(expect.objectContaining({ code: 'WEBSITE_ADDRESS', level: 'info' }))
  })

  it.each([
    ['null.example', 'MX_NULL'],
    ['implicit.example', 'MX_IMPLICIT'],
    ['aliased.example', 'MX_ALIAS'],
    ['literal.example', 'MX_IS_ADDRESS'],
    ['empty-mx.example', 'MX_NO_ADDRESS'],
    ['missing.example', 'TARGET_NXDOMAIN'],
  ])('%s → %s', async (domain, code) => {
    expect(codes(await checkJson(domain))).toContain(code)
  })

  it.each(['www.example.com', '198.51.100.90'])('the website at %s → a note that mail is handled elsewhere', async (target) => {
    expect(codes(await checkJson(target))).toContain('WEBSITE_ADDRESS')
  })

  it('several targets → NDJSON in the order given, each line of the schema', async () => {
    const { stdout, exitCode } = await check(['198.51.100.8', '198.51.100.7', '--ndjson'])
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as CheckJson)
    expect(lines.map(({ target }) => target)).toEqual(['198.51.100.8', '198.51.100.7'])
    for (const line of lines) expect(matchesSchema(line)).toBe(true)
    expect(exitCode).toBe(1)
  })

  it('several targets and --json → one object', async () => {
    const { stdout } = await check(['198.51.100.8', '198.51.100.7', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ ptrgate: 1, kind: 'checkList', checks: [{ kind: 'check' }, { kind: 'check' }] })
  })

  it('- → targets and HELO names from stdin, with comments', async () => {
    const { stdout, exitCode } = await check(['-', '--ndjson'], {
      stdin: '# ours\n198.51.100.7,mail.example.com\r\n\n198.51.100.7 other.example.com # two\n',
    })
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(lines).toMatchObject([
      { addresses: [{ helo: { claimedName: 'mail.example.com' } }] },
      { addresses: [{ helo: { claimedName: 'other.example.com' } }] },
    ])
    expect(exitCode).toBe(0)
  })

  it('--fail-on notice → exit 1 for a HELO that differs', async () => {
    expect((await check(['198.51.100.7', '--helo', 'half.example.com', '--fail-on', 'notice'])).exitCode).toBe(1)
    expect((await check(['198.51.100.7', '--helo', 'half.example.com'])).exitCode).toBe(0)
  })

  it('a hostile PTR name reaches neither terminal nor JSON raw', async () => {
    for (const format of [[], ['--json'], ['--verbose']]) {
      const { stdout } = await check(['198.51.100.10', ...format])
      expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
      expect(stdout).not.toMatch(/^Subject:/m)
    }
  })

  it('colours only on a terminal, unless told', async () => {
    const colours = (text: string): boolean => text.includes('\u001b[')
    expect(colours((await check(['198.51.100.7'])).stdout)).toBe(false)
    expect(colours((await check(['198.51.100.7'], { isTerminal: true })).stdout)).toBe(true)
    expect(colours((await check(['198.51.100.7'], { isTerminal: true, environment: { NO_COLOR: '1' } })).stdout)).toBe(false)
    expect(colours((await check(['198.51.100.7', '--color', 'always'])).stdout)).toBe(true)
    expect(colours((await check(['198.51.100.7', '--color', 'never'], { isTerminal: true })).stdout)).toBe(false)
  })

  it('progress on stderr only on a terminal and with several targets', async () => {
    expect((await check(['198.51.100.7', '198.51.100.8'])).stderr).toBe('')
    expect((await check(['198.51.100.7'], { isTerminal: true })).stderr).toBe('')
    expect((await check(['198.51.100.7', '198.51.100.8'], { isTerminal: true })).stderr).toContain('of 2 checked')
    expect((await check(['198.51.100.7', '198.51.100.8', '--quiet'], { isTerminal: true })).stderr).toBe('')
  })

  it.each([
    [['198.51.100.300'], /argument 1: "198\.51\.100\.300" is no address, host name or domain: it is no IPv4 address/],
    [['198.51.100.7', 'a b'], /argument 2: "a b" .* white space/],
    [['198.51.100.7', '--as', 'nobody'], /--as "nobody": no such receiver; there is rfc7372/],
    [['198.51.100.7', '--timeout', '5'], /--timeout.*a duration needs a unit/],
    [['198.51.100.7', '--fail-on', 'panic'], /--fail-on.*panic/],
    [['198.51.100.7', '--jsno'], /unknown option '--jsno'/],
    [[], /missing required argument 'target'/],
    [['198.51.100.7', '--json', '--ndjson'], /cannot be used with/],
  ])('%j → exit 2 and one line that says why', async (args, message) => {
    const { exitCode, stdout, stderr } = await check(args)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^ptrgate: /)
  })

  it('a bad line of stdin → exit 2 with its number, before anything is asked', async () => {
    lab.dns.clearQueries()
    const { exitCode, stderr } = await check(['-'], { stdin: '198.51.100.7\nfoo bar baz\n' })
    expect(exitCode).toBe(2)
    expect(stderr).toBe('ptrgate: stdin:2: one target and one HELO name a line, not 3 words\n')
    expect(lab.dns.queries).toHaveLength(0)
  })

  it('a bad --resolver → exit 2', async () => {
    const { exitCode, stderr } = await run(['check', '198.51.100.7', '--resolver', 'dns.example'])
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'ptrgate: --resolver "dns.example": not an address with an optional port, such as 127.0.0.1:5300\n',
    })
  })
})
