import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import formats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainJsonSchema } from '../../../src/explain/explanation-json.ts'
import { run, type RunOptions } from '../../support/command-line.ts'

const NO_PTR = '550 5.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]'
const GREETING = `554-gmx.net (mxgmx114) Nemesis ESMTP Service not available
554-No SMTP service
554-Bad DNS PTR resource record.
554 For explanation visit https://www.gmx.net/mail/senderguidelines?ip=198.51.100.7&c=rdns
`

const ajv = new Ajv2020({ allErrors: true })
formats.default(ajv)
const matchesSchema = ajv.compile(explainJsonSchema({ closed: true }))

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ptrgate-explain-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function explainJson(args: readonly string[], options?: RunOptions): Promise<Record<string, unknown>> {
  const { stdout, exitCode } = await run(['explain', ...args, '--json'], options)
  const value: unknown = JSON.parse(stdout)
  expect(matchesSchema(value), JSON.stringify(matchesSchema.errors)).toBe(true)
  return { ...(value as object), exitCode }
}

describe('ptrgate explain', () => {
  it('a reply as an argument → what it is, by whom, of what, and the fix', async () => {
    const { stdout, stderr, exitCode } = await run(['explain', NO_PTR])
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
    expect(stdout).toMatch(/^\[x\] This is about reverse DNS\n/)
    for (const part of [
      'postfix-strict',
      '(PTR_MISSING)',
      '(FCRDNS_MISMATCH)',
      'ptrgate check 198.51.100.7',
      '7.100.51.198.in-addr.arpa. 3600 IN PTR',
    ])
      expect(stdout).toContain(part)
  })

  it('the words of a reply without quotes → the same', async () => {
    expect((await run(['explain', ...NO_PTR.split(' ')])).stdout).toBe((await run(['explain', NO_PTR])).stdout)
  })

  it.each([
    ['a file', () => [file('greeting.txt', GREETING)], undefined],
    ['a file with Windows line ends', () => [file('crlf.txt', GREETING.replaceAll('\n', '\r\n'))], undefined],
    ['a file in UTF-16', () => [file('utf16.txt', Buffer.from(`\ufeff${GREETING}`, 'utf16le'))], undefined],
    ['a file in Latin-1', () => [file('latin1.txt', Buffer.from(`Unzustellbar f\u00fcr:\n${GREETING}`, 'latin1'))], undefined],
    ['stdin by -', () => ['-'], { stdin: GREETING }],
    ['stdin by nothing', () => [], { stdin: GREETING }],
  ])('%s', async (_, args, options) => {
    expect(await explainJson(args(), options)).toMatchObject({ kind: 'explain', persona: 'gmx', ip: '198.51.100.7', exitCode: 1 })
  })

  it.each([
    [NO_PTR, 1, 'reverseDns'],
    ['501 5.5.2 <x>: Helo command rejected: Invalid name', 1, 'helo'],
    ['450 4.7.1 Client host rejected: cannot find your reverse hostname, [198.51.100.7]', 1, 'reverseDns'],
    ['550 5.7.606 Access denied, banned sending IP [198.51.100.7]', 0, 'other'],
    ['Authentication-Results: mx.example.org; iprev=pass policy.iprev=198.51.100.7', 0, 'none'],
    ['550 5.7.1 Message rejected', 3, 'unknown'],
    ['554 IP=198.51.100.7 - A problem occurred. (x) (BL)', 3, 'unknown'],
    ['hello world', 3, 'unknown'],
    ['5.7.25', 1, 'reverseDns'],
  ])('%s → exit %i, %s', async (text, exitCode, cause) => {
    expect(await explainJson([text])).toMatchObject({ exitCode, cause })
  })

  it.each([
    [
      'of Postfix',
      'May  3 06:47:02 mx postfix/smtpd[2133]: NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.8]; from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<mail.example.net>',
      'postfix-strict',
      'mail.example.net',
    ],
    [
      'of Exim',
      '2026-05-03 06:41:41 H=(laptop) [198.51.100.8] F=<a@example.net> rejected RCPT <b@example.org>: rejected - no rDNS',
      'cox',
      'laptop',
    ],
    [
      'of Exim',
      '2026-05-03 06:41:41 H=(laptop) [198.51.100.8] rejected EHLO or HELO laptop: HELO argument does not match calling host',
      'exim',
      'laptop',
    ],
  ])("a line of the log of a receiver %s: the client is the log's", async (_, line, persona, claimedName) => {
    expect(await explainJson([line])).toMatchObject({ input: 'logLine', ip: '198.51.100.8', persona, claimedName, host: null })
  })

  it.each([
    [['no-such-file.eml'], {}, /"no-such-file\.eml": there is no such file; a text is more than one word/],
    [['\u001b[31m'], {}, /"\\u001b\[31m": there is no such file/],
    [['\u202e'], {}, /"\\u\{202e\}": there is no such file/],
    [['.'], {}, /"\.": cannot be read \(EISDIR\)/],
    [['-'], { stdin: ' \n\n' }, /there is nothing to explain/],
    [['x y', '--jsno'], {}, /unknown option '--jsno'/],
  ])('%j → exit 2 and one line that says why', async (args, options, message) => {
    const { exitCode, stdout, stderr } = await run(['explain', ...args], options)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^ptrgate: [\x20-\x7e\n]*\n$/)
  })

  it('more than a MiB → the first one is read, and that is said', async () => {
    const long = `${GREETING}\n${'x '.repeat(600_000)}`
    const { stdout, stderr, exitCode } = await run(['explain', file('long.eml', long)])
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: 'ptrgate: warning: only the first MiB is read\n' })
    expect(stdout).toContain('gmx')
    expect(await run(['explain', '-', '--quiet'], { stdin: `${'x '.repeat(600_000)}${GREETING}` })).toMatchObject({
      exitCode: 3,
      stderr: '',
    })
  })

  it('hostile octets reach neither terminal nor JSON raw, and every line fits', async () => {
    const hostile = Buffer.from('550 5.7.25 No PTR record found \u001b[31m\u202e\u0000 {"x":1}\nSubject: x\n\u009b', 'latin1')
    for (const format of [[], ['--json'], ['--verbose']]) {
      const { stdout } = await run(['explain', file('hostile.txt', hostile), ...format])
      expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
      expect(stdout).not.toMatch(/^Subject:/m)
    }
    const { stdout } = await run(['explain', `504 5.5.2 <${'x'.repeat(250)}>: Helo command rejected: need fully-qualified hostname`])
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  it('colours only on a terminal, unless told', async () => {
    const colours = async (args: readonly string[], options?: RunOptions): Promise<boolean> =>
      (await run(['explain', NO_PTR, ...args], options)).stdout.includes('\u001b[')
    expect(await colours([])).toBe(false)
    expect(await colours([], { isTerminal: true })).toBe(true)
    expect(await colours([], { isTerminal: true, environment: { NO_COLOR: '1' } })).toBe(false)
    expect(await colours(['--color', 'always'])).toBe(true)
  })

  it('--verbose → the commands for every program', async () => {
    const text = '504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname, [198.51.100.7]'
    const brief = (await run(['explain', text])).stdout
    const long = (await run(['explain', text, '--verbose'])).stdout
    expect(brief).toContain('Postfix')
    expect(brief).not.toContain('OpenSMTPD')
    expect(long).toContain('OpenSMTPD')
  })

  it('--help tells the exit codes and gives examples', async () => {
    const { stdout, exitCode } = await run(['explain', '--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/Exit codes: 1 it is about reverse DNS or HELO/)
    expect(stdout).not.toContain('--ndjson')
  })
})

describe('docs/explain.md', () => {
  const page = readFileSync(new URL('../../../docs/explain.md', import.meta.url), 'utf8')
  const examples = Array.from(
    page.matchAll(/```\n\$ ptrgate explain '([^']*)'\n([\s\S]*?)```/g),
    ([, text = '', shown = '']) => [text, shown] as const,
  )

  it('has examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(2)
  })

  it.each(examples)('shows what the program prints for %s', async (text, shown) => {
    expect((await run(['explain', text])).stdout).toBe(shown)
  })
})
