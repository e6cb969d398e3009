/** `ptrgate serve` as a program: its config, its signals, its workers. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { MilterTestClient } from '../../gateway/milter-client.ts'
import { PolicyTestClient } from '../../gateway/policy-client.ts'
import { run } from '../../support/command-line.ts'
import { addressIn, SERVE_ARGUMENTS, setUp, spawnServe, sumOfMetric, type Program } from '../serve/served.ts'

/** With few enough connections for any machine. */
const LISTENERS = `
listeners:
  - { kind: milter, address: '127.0.0.1:0', maxConnections: 300 }
  - { kind: policy, address: 'unix:$folder/policy.sock', mode: '0660', maxConnections: 300 }
  - { kind: http, address: '127.0.0.1:0', maxConnections: 100 }
`
const NO_PTR = { client_address: '198.51.100.8' }
/** Each process has to be compiled first, on a machine that may be busy. */
const SPAWN_TIMEOUT_MS = 90_000

describe('ptrgate serve --check', () => {
  it('a good config → one line, exit 0', async () => {
    await using setup = await setUp(LISTENERS)
    expect(await run(['serve', '--check', '--config', setup.file])).toEqual({ exitCode: 0, stdout: `${setup.file}: valid\n`, stderr: '' })
  })

  it('a bad one → every problem with its place, exit 2', async () => {
    await using setup = await setUp('polcy: {}\nlisteners:\n  - { kind: milter, adress: x }\nworkers: 0\n')
    const { exitCode, stdout, stderr } = await run(['serve', '--check', '--config', setup.file])
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    const lines = stderr.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(line.startsWith(`${setup.file}:`) && /^:\d+:\d+: /.test(line.slice(setup.file.length))).toBe(true)
    expect(stderr).toMatch(/did you mean policy\?/)
  })

  it.skipIf(process.platform !== 'linux')(
    'fewer file descriptors than it may come to need → valid all the same, with a remark',
    { timeout: SPAWN_TIMEOUT_MS },
    async () => {
      await using setup = await setUp(LISTENERS)
      const check = [process.execPath, ...SERVE_ARGUMENTS, '--check', '--config', setup.file]
      // It fails unless the exit code is 0.
      const { stdout, stderr } = await promisify(execFile)('sh', ['-c', 'ulimit -n 400 && exec "$@"', 'sh', ...check])
      expect(stdout).toBe(`${setup.file}: valid\n`)
      expect(stderr).toMatch(/: remark: all maxConnections together need 800 file descriptors, and a process may open 400: .*\n$/)
    },
  )

  it.each([
    [['--config', '/nowhere/ptrgate.yaml'], 'ptrgate: --config /nowhere/ptrgate.yaml: cannot be read (ENOENT)\n'],
    [['--config', '/'], 'ptrgate: --config /: cannot be read (EISDIR)\n'],
    [[], 'ptrgate: there is no /etc/ptrgate/ptrgate.yaml; name the config by --config FILE\n'],
  ])('%j → exit 2 and one clear line', async (args, stderr) => {
    for (const command of [['serve', '--check'], ['serve']])
      expect(await run([...command, ...args])).toEqual({ exitCode: 2, stdout: '', stderr })
  })
})

describe('ptrgate serve', { timeout: SPAWN_TIMEOUT_MS }, () => {
  it('a listener that cannot be had → exit 2 and one line that says which and why', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    await using setup = await setUp(`listeners: [{ kind: policy, address: '127.0.0.1:${String(port)}' }]\n`)
    await using program = spawnServe(['--config', setup.file])
    expect(await program.exited).toBe(2)
    expect(program.stderr()).toBe(
      `ptrgate: policy:127.0.0.1:${String(port)}: the address is taken; is another ptrgate, or something else, listening there? (EADDRINUSE)\n`,
    )
    taken.close()
  })

  it('SIGHUP reloads, a bad file is refused; SIGTERM lets a session end, and exits 0', async () => {
    await using setup = await setUp(LISTENERS)
    await using program = spawnServe(['--config', setup.file])
    const serving = await program.lines.next('serving')
    await using smtpd = await PolicyTestClient.connect(addressIn(serving, 'policy'))
    expect(await smtpd.ask({ ...NO_PTR, client_port: '1', instance: '1' })).toMatch(/^550 /)

    await setup.write(`${LISTENERS}policy: { preset: nonsense }\n`)
    program.signal('SIGHUP')
    await program.lines.next('reloadRefused')
    expect(program.lines.of('reloadProblem')).toMatchObject([
      { level: 'error', problem: expect.stringContaining('policy.preset') as string },
    ])
    expect(await smtpd.ask({ ...NO_PTR, client_port: '2', instance: '2' })).toMatch(/^550 /)

    await setup.write(`${LISTENERS}policy: { preset: observe }\n`)
    program.signal('SIGHUP')
    await program.lines.next('reloaded')
    expect(await smtpd.ask({ ...NO_PTR, client_port: '3', instance: '3' })).toMatch(/^PREPEND /)

    await using mta = await openSession(serving)
    program.signal('SIGTERM')
    await program.lines.next('stopping')
    await smtpd.closed
    expect((await mta.deliver({ recipients: ['u@example.org'] })).end).toMatchObject({ reply: { kind: 'accept' } })
    expect(program.lines.of('stopped')).toEqual([])
    mta.write({ kind: 'quit' })
    expect(await program.exited).toBe(0)
    await program.lines.next('stopped')
    expect(program.stderr()).toBe('')
  })

  it('a second SIGTERM ends it at once', async () => {
    await using setup = await setUp(LISTENERS)
    await using program = spawnServe(['--config', setup.file])
    await using mta = await openSession(await program.lines.next('serving'))
    program.signal('SIGTERM')
    await program.lines.next('stopping')
    program.signal('SIGTERM')
    expect(await program.exited).toBe(130)
    await mta.closed
  })

  it('nobody reads the log any more → it says so on stderr, and goes on judging', async () => {
    await using setup = await setUp(LISTENERS)
    await using program = spawnServe(['--config', setup.file])
    const serving = await program.lines.next('serving')
    program.child.stdout?.destroy()
    await using smtpd = await PolicyTestClient.connect(addressIn(serving, 'policy'))
    const http = `http://${addressIn(serving, 'http')}`
    let count = 0
    await expect
      .poll(async () => {
        count++
        expect(await smtpd.ask({ ...NO_PTR, client_port: String(count), instance: String(count) })).toMatch(/^550 /)
        return sumOfMetric(http, 'ptrgate_log_lines_lost_total')
      })
      .toBeGreaterThan(0)
    expect(program.stderr()).toBe('ptrgate: the log cannot be written (EPIPE); mail is judged all the same\n')
    program.signal('SIGTERM')
    expect(await program.exited).toBe(0)
  })
})

describe('ptrgate serve with two workers', { timeout: SPAWN_TIMEOUT_MS }, () => {
  it('adds up their metrics, streams their events, survives the death of one, reloads and drains both', async () => {
    await using setup = await setUp(`${LISTENERS}workers: 2\n`)
    await using program = spawnServe(['--config', setup.file])
    const serving = await program.lines.next('serving')
    expect(serving).toMatchObject({ workers: 2 })
    const http = `http://${addressIn(serving, 'http')}`
    const policy = addressIn(serving, 'policy')
    expect((await stat(policy.slice('unix:'.length))).mode & 0o777).toBe(0o660)

    const controller = new AbortController()
    const events = await fetch(`${http}/v1/events`, { signal: controller.signal })
    const reader = (events.body as ReadableStream<Uint8Array>).getReader()

    const pids = await askUntilBothHaveAnswered(program, policy)
    const asked = program.lines.of('decision').length
    expect(await sumOfMetric(http, 'ptrgate_decisions_total')).toBe(asked)
    expect(await sumOfMetric(http, 'ptrgate_workers')).toBe(2)
    let streamed = ''
    while (!streamed.includes('event: decision')) streamed += new TextDecoder().decode((await reader.read()).value)
    controller.abort()

    const [victim = 0] = pids
    process.kill(victim, 'SIGKILL')
    expect(await program.lines.next('workerDied')).toMatchObject({ level: 'error', workerPid: victim, signal: 'SIGKILL' })
    expect(await program.lines.next('workerRestarted')).toMatchObject({ wanted: 2, running: 2 })
    expect(await sumOfMetric(http, 'ptrgate_worker_restarts_total')).toBe(1)
    expect(await sumOfMetric(http, 'ptrgate_decisions_total')).toBe(asked)

    await setup.write(`${LISTENERS}workers: 2\npolicy: { preset: observe }\n`)
    program.signal('SIGHUP')
    await program.lines.next('reloaded')
    const after = await askUntilBothHaveAnswered(program, policy, asked)
    expect(after.has(victim)).toBe(false)
    for (const line of program.lines.of('decision').slice(asked)) expect(line).toMatchObject({ action: 'tag' })

    await using mta = await openSession(serving)
    program.signal('SIGTERM')
    await program.lines.next('stopping')
    await expect.poll(() => fetch(`${http}/readyz`).then(({ status }) => status)).toBe(503)
    expect((await mta.deliver({ recipients: ['u@example.org'] })).end).toMatchObject({ reply: { kind: 'accept' } })
    mta.write({ kind: 'quit' })
    expect(await program.exited).toBe(0)
    await expect(stat(policy.slice('unix:'.length))).rejects.toThrow('ENOENT')
    expect(program.stderr()).toBe('')
  })

  it('a listener that cannot be had → exit 2 and one line, from whichever process it came', async () => {
    await using setup = await setUp("workers: 2\nlisteners: [{ kind: policy, address: 'unix:$folder/nowhere/policy.sock' }]\n")
    await using program = spawnServe(['--config', setup.file])
    expect(await program.exited).toBe(2)
    expect(program.stderr()).toMatch(/^ptrgate: policy:unix:\S+: the folder of the socket does not exist, or .* \(EACCES\)\n$/)
  })
})

describe('ptrgate serve whose log goes nowhere', { timeout: SPAWN_TIMEOUT_MS }, () => {
  it('a stalled reader of stdout stops no mail', async () => {
    await using setup = await setUp(LISTENERS)
    // The pipe is open, and after the first line nobody reads it.
    await using program = spawnServe(['--config', setup.file])
    const serving = await program.lines.next('serving')
    program.child.stdout?.pause()
    await using smtpd = await PolicyTestClient.connect(addressIn(serving, 'policy'))
    const longName = 'a'.repeat(60)
    for (let count = 0; count < 600; count++) {
      const sender = `${longName}@${longName}.${longName}.example`
      expect(await smtpd.ask({ ...NO_PTR, sender, client_port: String(count % 60_000), instance: String(count) })).toMatch(/^550 /)
    }
    program.child.stdout?.resume()
    program.signal('SIGTERM')
    expect(await program.exited).toBe(0)
  })
})

/** In the midst of a session that the policy has looked up. */
async function openSession(serving: Readonly<Record<string, unknown>>): Promise<MilterTestClient> {
  const http = `http://${addressIn(serving, 'http')}`
  const before = await sumOfMetric(http, 'ptrgate_lookup_seconds_count')
  const mta = await MilterTestClient.connect(addressIn(serving, 'milter'))
  await mta.negotiate()
  await mta.connectFrom('198.51.100.7')
  await expect.poll(() => sumOfMetric(http, 'ptrgate_lookup_seconds_count'), { timeout: 10_000 }).toBe(before + 1)
  return mta
}

const MAX_CONNECTIONS = 300

/** New connections, several at a time, until each of two workers has taken one. Gives their pids. */
async function askUntilBothHaveAnswered(program: Program, policy: string, skip = 0): Promise<ReadonlySet<number>> {
  const pids = (): Set<number> =>
    new Set(
      program.lines
        .of('decision')
        .slice(skip)
        .map(({ pid }) => Number(pid)),
    )
  let asked = 0
  while (pids().size < 2 && asked < MAX_CONNECTIONS) {
    const round = Array.from({ length: 10 }, () => String(++asked))
    await Promise.all(
      round.map(async (port) => {
        await using smtpd = await PolicyTestClient.connect(policy)
        await smtpd.ask({ ...NO_PTR, client_port: port, instance: `${String(skip)}.${port}` })
      }),
    )
    await program.lines.next('decision', skip + asked - 1)
  }
  expect(pids().size).toBe(2)
  return pids()
}
