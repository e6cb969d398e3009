import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { describe, expect, it } from 'vitest'
import { ptrgate } from '../../src/gateway/smtp-server.ts'
import { startTestDns } from '../support/zone.ts'
import { openDialogue } from './smtp-dialogue.ts'
import { envelope, ZONE } from './smtp-server-fixture.ts'

const DOCS = readFileSync(new URL('../../docs/smtp-server.md', import.meta.url), 'utf8')
const EXAMPLES = [...DOCS.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
const IMPORTS = /^import \{ (?:SMTPServer|ptrgate) \} from '(?:smtp-server|ptrgate)'\n/gm

/** The example as it stands in the page, but on a free port. */
function run(code: string): SMTPServer {
  const body = code.replace(IMPORTS, '').replace('server.listen(25)', "server.listen(0, '127.0.0.1')\nreturn server")
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the examples of the documentation are what is tested here
  const start = new Function('SMTPServer', 'ptrgate', body) as (server: typeof SMTPServer, plugin: typeof ptrgate) => SMTPServer
  return start(SMTPServer, ptrgate)
}

describe('docs/smtp-server.md', () => {
  it('has examples', () => {
    expect(EXAMPLES).toHaveLength(3)
  })

  it.each(EXAMPLES.map((code, index) => [index + 1, code] as const))('example %i takes a message', async (_number, code) => {
    await using dns = await startTestDns(ZONE)
    const server = run(code.replace('127.0.0.1:5300', dns.server))
    await once(server.server, 'listening')
    const client = await openDialogue((server.server.address() as AddressInfo).port, '127.51.0.1')
    expect(await envelope(client)).toBe('accepted')
    expect(await client.data('Subject: x\r\n\r\nbody\r\n')).toMatch(/^250/)
    client.close()
    await new Promise<void>((resolve) => {
      server.close(resolve)
    })
  })
})
