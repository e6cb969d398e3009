import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLab, type Lab } from '../../../src/lab/start-lab.ts'
import { run } from '../../support/command-line.ts'

const ZONE = `
$TTL 300
. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60
mail.example.com.            A     198.51.100.7
7.100.51.198.in-addr.arpa.   PTR   mail.example.com.
9.100.51.198.in-addr.arpa.   PTR   elsewhere.example.com.
elsewhere.example.com.       A     198.51.100.10
`

interface Answers {
  readonly answers: readonly {
    readonly ip: string
    readonly receivers: readonly {
      readonly persona: string
      readonly reply: { readonly code: number; readonly lines: readonly string[] } | null
    }[]
  }[]
}

let lab: Lab

beforeAll(async () => {
  lab = await startLab({ zone: ZONE })
})
afterAll(() => lab.close())

const check = (...args: string[]): ReturnType<typeof run> => run(['check', ...args, '--resolver', lab.dnsServer])

describe('ptrgate check --as', () => {
  it.each([
    ['outlook', '198.51.100.8', { code: 550, enhanced: '5.7.25', text: 'The IP address sending this message does not have a PTR record' }],
    ['GMX', '198.51.100.9', { code: 554, enhanced: null, text: expect.stringContaining('Bad DNS PTR resource record.') as string }],
    [
      'outlook',
      '198.51.100.9',
      { code: 550, enhanced: '5.7.25', text: expect.stringContaining('Reverse DNS validation failed') as string },
    ],
  ])('%s %s → its words, else those of RFC 7372', async (name, ip, decision) => {
    const { stdout } = await check(ip, '--as', name, '--json')
    expect(JSON.parse(stdout)).toMatchObject({ addresses: [{ decision: { action: 'reject', ...decision } }] })
  })

  it('a receiver that repeats HELO is told it', async () => {
    const { stdout } = await check('198.51.100.7', '--as', 'postfix-strict', '--helo', 'mail..example', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      addresses: [{ decision: { code: 501, enhanced: '5.5.2', text: '<mail..example>: Helo command rejected: Invalid name' } }],
    })
  })

  it('all, in text → every known answer beside the report', async () => {
    const { stdout, exitCode } = await check('198.51.100.8', '--helo', 'laptop', '--as', 'all')
    expect(exitCode).toBe(1)
    expect(stdout).toContain('What receivers are known to answer to 198.51.100.8')
    expect(stdout).toMatch(/^ {4}outlook +550 5\.7\.25 The IP address sending this message/m)
    expect(stdout).toMatch(/No words for this are known of: .*free-fr/)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  it('all, as JSON → the check with answers behind it', async () => {
    const { answers, ...report } = JSON.parse((await check('198.51.100.9', '--as', 'all', '--json')).stdout) as Answers
    expect(report).toEqual(JSON.parse((await check('198.51.100.9', '--json')).stdout))
    expect(answers.map(({ ip }) => ip)).toEqual(['198.51.100.9'])
    const said = new Map(answers[0]?.receivers.map(({ persona, reply }) => [persona, reply?.code]))
    expect(Object.fromEntries(said)).toMatchObject({ gmail: 550, gmx: 554, 'free-fr': 421, sendmail: 451, 'postfix-strict': 550 })
    expect(said.get('postfix-reverse-only')).toBeUndefined()
    expect(said.has('t-online')).toBe(false)
  })

  it('all, for several targets → a list; --ndjson a line each', async () => {
    const list = JSON.parse((await check('198.51.100.7', '198.51.100.8', '--as', 'all', '--json')).stdout) as {
      kind: string
      checks: Answers[]
    }
    expect(list.kind).toBe('checkList')
    expect(list.checks.map(({ answers }) => answers[0]?.receivers.some(({ reply }) => reply !== null))).toEqual([false, true])
    const lines = (await check('198.51.100.7', '198.51.100.8', '--as', 'all', '--ndjson')).stdout.trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as Answers).answers[0]?.ip)).toEqual(['198.51.100.7', '198.51.100.8'])
  })

  it('nobody → exit 2 and whom there is', async () => {
    const { exitCode, stderr } = await check('198.51.100.7', '--as', 'nobody')
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/--as "nobody": no such receiver; there is rfc7372, aol, .*, all\n$/)
  })
})
