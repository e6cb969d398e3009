import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLab } from '../../../src/lab/start-lab.ts'
import { FINDING_CODES } from '../../../src/findings/catalogue.ts'
import { run } from '../../support/command-line.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ptrgate-cli-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('ptrgate findings', () => {
  it('lists every finding with its level', async () => {
    const { stdout, exitCode } = await run(['findings'])
    expect(exitCode).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(FINDING_CODES.length)
    expect(stdout).toMatch(/^PTR_MISSING +error$/m)
  })

  it.each(['PTR_MISSING', 'ptr_missing', 'ptr-missing'])('%s → that finding explained within 80 columns', async (code) => {
    const { stdout, exitCode } = await run(['findings', code])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^PTR_MISSING \(error\)\n/)
    expect(stdout).toContain('What to do:')
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('an unknown code → exit 2 with what was perhaps meant', async () => {
    expect(await run(['findings', 'PTR_MISS'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'ptrgate: no finding is called "PTR_MISS"; did you mean PTR_MISSING?\n',
    })
  })

  it('--json → every field of the catalogue', async () => {
    const { stdout } = await run(['findings', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ ptrgate: 1, kind: 'findings' })
  })
})

describe('ptrgate personas', () => {
  it('lists the receivers', async () => {
    expect((await run(['personas'])).stdout).toMatch(/^rfc7372 +RFC 7372/)
    const { personas } = JSON.parse((await run(['personas', '--json'])).stdout) as { personas: { name: string; texts: object[] }[] }
    expect(personas.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'rfc7372',
        'outlook',
        'exchange-online',
        'gmail',
        'gmx',
        't-online',
        'comcast',
        'freenet',
        'free-fr',
        'mail-ru',
        'cloudflare',
        'postfix-strict',
        'postfix-reverse-only',
        'sendmail',
        'exim',
        'stalwart',
      ]),
    )
    expect(personas.find(({ name }) => name === 'gmx')?.texts[0]).toMatchObject({
      code: 554,
      enhanced: null,
      stage: 'greeting',
      date: '2021-02-09',
    })
  })
})

describe('ptrgate lab', () => {
  it('judges an aligned, a nameless and a mismatched client, and ends with --once', async () => {
    const { stdout, exitCode } = await run(['lab', '--once', '--port-base', '0'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/The lab's DNS answers at 127\.0\.0\.1:[0-9]+/)
    expect(stdout.match(/^\[(ok|x)\] (aligned|misaligned): .*$/gm)).toEqual([
      '[ok] aligned: forward-confirmed, score 25 of 25',
      '[x] misaligned: no PTR record, score 0 of 25',
      '[x] misaligned: no PTR name leads back, score 10 of 25',
    ])
  })

  it('--json → one line with the port, once it answers', async () => {
    const { stdout } = await run(['lab', '--once', '--json', '--port-base', '0'])
    expect(JSON.parse(stdout)).toMatchObject({
      ptrgate: 1,
      kind: 'labReady',
      dns: expect.stringMatching(/^127\.0\.0\.1:[0-9]+$/) as string,
    })
  })

  it('a port that is taken → exit 2 and a way out', async () => {
    await using other = await startLab()
    const { exitCode, stderr } = await run(['lab', '--once', '--port-base', String(other.dns.port)])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/^ptrgate: port [0-9]+ on 127\.0\.0\.1 is taken; .*--port-base/)
  })

  it.each([
    [['--zone', '/nowhere/at.all'], /--zone \/nowhere\/at\.all: cannot be read \(ENOENT\)/],
    [['--listen', 'localhost'], /--listen "localhost": not an address/],
    [['--listen', '0.0.0.0'], /name the one address to listen on/],
    [['--listen', '::'], /name the one address to listen on/],
    [['--listen', '198.51.100.77'], /this machine has no such address/],
    [['--port-base', '70000'], /a port is a number from 0 to 65535/],
  ])('%j → exit 2', async (args, message) => {
    const { exitCode, stderr } = await run(['lab', '--once', '--port-base', '0', ...args])
    expect(stderr).toMatch(message)
    expect(exitCode).toBe(2)
  })

  it('a mistake in the zone → exit 2 with file, line and reason', async () => {
    const zone = file('bad.zone', '$TTL 5m\nmail.example.com. A 198.51.100.300\n')
    const { exitCode, stderr } = await run(['lab', '--once', '--port-base', '0', '--zone', zone])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/bad\.zone:2/)
  })
})

describe('ptrgate', () => {
  it('--version and --help → exit 0', async () => {
    expect(await run(['--version'])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^[0-9]+\.[0-9]+\.[0-9]+\n$/) as string })
    const { exitCode, stdout } = await run(['--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Exit codes: 0 aligned, 1 misaligned')
  })

  it('a mistyped command → exit 2 and the one that was meant', async () => {
    const { exitCode, stderr } = await run(['chekc'])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/unknown command 'chekc'.*\(Did you mean check\?\)/s)
  })

  it('no command → exit 2 and the help', async () => {
    const { exitCode, stderr } = await run([])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Usage: ptrgate')
  })
})
