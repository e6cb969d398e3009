/**
 * A log that cannot be written, as the program sees it: a full disk, and nobody left on either end. Mail is judged all the same, it is
 * told on stderr and counted, and the end is not held up. A reader that goes away is in cli/serve.test.ts.
 */
import { closeSync, existsSync, openSync, watch } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { setUp } from '../app/serve/served.ts'
import { PolicyTestClient } from '../gateway/policy-client.ts'
import { SERVE, spawnProgram } from './programs.ts'

const SPAWN_TIMEOUT_MS = 90_000
const NO_PTR = { client_address: '198.51.100.8' }
/** The mode is set once it listens, which can be seen from outside. */
const CONFIG = `listeners: [{ kind: policy, address: 'unix:$folder/policy.sock', mode: '0660' }]\n`

describe.skipIf(!existsSync('/dev/full'))(
  'a full disk under the log (needs /dev/full)',
  { timeout: SPAWN_TIMEOUT_MS, concurrent: true },
  () => {
    it.each([
      ['stderr is read', true],
      ['nobody reads stderr', false],
    ])('is told once, and mail is judged to the end: %s', async (_what, isStderrRead) => {
      await using setup = await setUp(CONFIG)
      const full = openSync('/dev/full', 'w')
      const listening = modeChanges(setup.folder, 'policy.sock')
      await using program = spawnProgram(SERVE, ['serve', '--config', setup.file], full)
      closeSync(full)
      if (!isStderrRead) program.child.stderr?.destroy()
      const told = 'ptrgate: the log cannot be written (ENOSPC); mail is judged all the same\n'
      if (isStderrRead) expect(await program.stderr('ENOSPC')).toBe(told)
      await listening
      await using smtpd = await PolicyTestClient.connect(`unix:${join(setup.folder, 'policy.sock')}`)
      for (let count = 0; count < 50; count++) {
        expect(await smtpd.ask({ ...NO_PTR, client_port: String(count), instance: String(count) })).toMatch(/^550 5\.7\.25 /)
      }
      program.child.kill('SIGTERM')
      expect(await program.exited).toBe(0)
      if (isStderrRead) expect(await program.stderr('')).toBe(told)
    })
  },
)

/** A file that is there is changed in its mode. */
async function modeChanges(folder: string, name: string): Promise<void> {
  const watcher = watch(folder)
  await new Promise<void>((resolve) => {
    watcher.on('change', (event, file) => {
      if (event === 'change' && file === name) resolve()
    })
  })
  watcher.close()
}
