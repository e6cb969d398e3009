import { describe, expect, it } from 'vitest'
import { run } from '../../support/command-line.ts'
import { startTestDns } from '../../support/zone.ts'

describe('ptrgate watch', () => {
  it('shows who sees what, and ends with 1 when the time is over', async () => {
    await using dns = await startTestDns('7.100.51.198.in-addr.arpa. 600 PTR old.example.org.\nmail.example.org. A 198.51.100.7')
    const resolver = `127.0.0.1:${String(dns.port)}`
    const common = ['watch', '198.51.100.7', '--expect', 'mail.example.org', '--resolver', resolver, '--for', '1ms']
    const { exitCode, stdout } = await run(common)
    expect(stdout).toContain(`[x]   ${resolver} PTR: old.example.org (for 600 s)`)
    expect(stdout).toContain(`[ok]  ${resolver} A: 198.51.100.7`)
    expect(stdout).toMatch(/not all agree yet; old answers may be\s+(?:\[\?\] )?kept for 600 s more/)
    expect(exitCode).toBe(1)
    const json = JSON.parse((await run([...common, '--json'])).stdout) as Record<string, unknown>
    expect(json).toMatchObject({
      ptrgate: 1,
      kind: 'watch',
      ip: '198.51.100.7',
      expected: 'mail.example.org',
      agreed: false,
      waitSeconds: 600,
    })
  })

  it.each([
    [['watch', '198.51.100.7'], '--expect'],
    [['watch', 'mail.example.org', '--expect', 'mail.example.org'], 'is no IP address'],
    [['watch', '198.51.100.7', '--expect', 'localhost'], 'not the full name of a host'],
    [['watch', '198.51.100.7', '--expect', 'mail.example.org', '--every', '5'], 'a duration needs a unit'],
  ])('%j is a mistake of the user', async (args, message) => {
    const { exitCode, stderr } = await run(args)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(message)
  })
})
