/**
 * OpenDKIM's miltertest plays an MTA to our milter, as the scripts in docker/fixtures/miltertest say.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import { startTestGate, type TestGate } from '../contract/gate.ts'
import { buildFixture, describeWithDocker } from '../support/docker.ts'
import { portOf } from './mail-network.ts'

const ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7
9.100.51.198.in-addr.arpa. PTR mail.example.com.`
const SERVFAIL = { name: '10.100.51.198.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } } as const

const SCRIPTS = fileURLToPath(new URL('../../docker/fixtures/miltertest', import.meta.url))
const scripts = readdirSync(SCRIPTS).filter((file) => file.endsWith('.lua') && file !== 'support.lua')

describeWithDocker('miltertest', () => {
  const events: GateEvent[] = []
  let dns: TestGate | undefined
  let milter: FrontEndHandle | undefined
  let container: StartedTestContainer | undefined

  beforeAll(async () => {
    dns = await startTestGate({ zone: ZONE, faults: [SERVFAIL] })
    const onEvent = (event: GateEvent): unknown => events.push(event)
    milter = await startMilter({ address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, gate: dns.gate, onEvent })
    const image = await buildFixture('miltertest')
    container = await image
      .withExtraHosts([{ host: 'ptrgate.internal', ipAddress: 'host-gateway' }])
      .withCopyDirectoriesToContainer([{ source: SCRIPTS, target: '/scripts' }])
      .start()
  }, 300_000)

  afterAll(async () => {
    await container?.stop()
    await milter?.close(0)
    await dns?.[Symbol.asyncDispose]()
  })

  it.each(scripts)('%s', async (script) => {
    const socket = `inet:${portOf(milter ?? { address: '' })}@ptrgate.internal`
    const result = await container?.exec(['miltertest', '-D', `socket=${socket}`, '-s', `/scripts/${script}`])
    expect(result).toMatchObject({ output: '', exitCode: 0 })
  })

  it('nothing went wrong on our side', () => {
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError')).toEqual([])
  })
})
