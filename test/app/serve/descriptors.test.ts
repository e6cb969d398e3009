/** Whether all listeners together may need more file descriptors than there are. */
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/app/config/read-config.ts'
import { descriptorShortage } from '../../../src/app/serve/descriptors.ts'
import { startTestService } from './served.ts'

const LISTENERS = `
listeners:
  - { kind: milter, address: '127.0.0.1:0', maxConnections: 300 }
  - { kind: smtp, address: '127.0.0.1:0', maxConnections: 400, nextHop: '127.0.0.1:1' }
  - { kind: http, address: '127.0.0.1:0', maxConnections: 50 }
`

function shortage(yaml: string, limit: number): string | null {
  const read = readConfig(yaml, 'ptrgate.yaml')
  if (read.kind === 'problems') throw new TypeError(JSON.stringify(read.problems))
  return descriptorShortage(read.config, limit)
}

describe('the file descriptors that a config may need', () => {
  it.each([
    ['of one process: a session of the gateway takes two', LISTENERS, 300 + 2 * 400 + 50 + 100],
    ['of each worker: HTTP is not its own', `${LISTENERS}workers: 2\n`, 300 + 2 * 400 + 100],
    [
      'of the primary, where HTTP needs more than the mail',
      `workers: 2\nlisteners: [{ kind: http, maxConnections: 5000 }, { kind: milter, maxConnections: 10 }]`,
      5000 + 100,
    ],
  ])('%s', (_whose, yaml, needed) => {
    expect(shortage(yaml, needed)).toBeNull()
    expect(shortage(yaml, Infinity)).toBeNull()
    expect(shortage(yaml, needed - 1)).toMatch(new RegExp(`need ${String(needed)} file descriptors, .* may open ${String(needed - 1)}:`))
  })

  it('more than there are → one warning at the start and at each reload, until it is mended', async () => {
    await using served = await startTestService(LISTENERS, undefined, { descriptorLimit: () => Promise.resolve(1200) })
    const warnings = (): number => served.lines.of('descriptorLimit').length
    expect(served.lines.of('descriptorLimit')).toMatchObject([{ level: 'warn', problem: expect.stringContaining('1250') as string }])
    await served.reload(`${LISTENERS}policy: { preset: observe }\n`)
    expect(warnings()).toBe(2)
    await served.reload(LISTENERS.replace('400', '300'))
    expect(warnings()).toBe(2)
  })
})
