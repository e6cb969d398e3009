/** The plugin under the contract, on a real SMTPServer that takes the client's address from a PROXY header. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { ptrgate, verdictOf, type PtrgateOptions } from '../../src/gateway/smtp-server.ts'
import { AUTHSERV_ID, type ContractCase } from './cases.ts'
import type { ContractDriver, ContractOutcome } from './driver.ts'
import { UNANSWERED_CLIENT, type TestGate } from './gate.ts'
import { fieldsOf, playClient, PROXY_ADDRESS } from './smtp.ts'

export const PLUGIN_DRIVER: ContractDriver = {
  name: 'plugin for smtp-server',
  seesMessages: true,
  canHold: false,
  run: runCase,
  // smtp-server has no hook for HELO.
  adapt: (expected) => (expected.refusedAt === 'helo' ? { ...expected, refusedAt: 'mail' } : expected),
}

async function runCase(testCase: ContractCase, setting: TestGate): Promise<ContractOutcome> {
  const faults: GateEvent[] = []
  const messages: string[] = []
  const sessions: SMTPServerSession[] = []
  let wake = (): void => undefined
  const server = new SMTPServer(
    ptrgate(pluginOptions(testCase, setting, faults), {
      logger: false,
      authOptional: true,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      useProxy: [PROXY_ADDRESS],
      onAuth: (_auth, _session, callback) => callback(null, { user: 'user' }),
      onData(stream, _session, callback) {
        text(stream).then(
          (message) => {
            messages.push(message)
            callback(null)
          },
          (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
        )
      },
      onClose(session) {
        sessions.push(session)
        wake()
      },
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  const play = async (client: ContractCase['client']): ReturnType<typeof playClient> => {
    const isClosed = new Promise<void>((resolve) => (wake = resolve))
    const outcome = await playClient(port, client, 'proxyHeader')
    await isClosed
    return outcome
  }
  try {
    if (testCase.resolverIll) await play({ address: UNANSWERED_CLIENT, helos: ['mail.example.com'], recipient: 'user@example.org' })
    messages.length = 0
    const outcome = await play(testCase.client)
    const session = sessions.at(-1)
    const decision = session && verdictOf(session)?.decision
    const fields = messages.flatMap(fieldsOf)
    return { ...outcome, action: decision?.action ?? 'accept', rule: decision?.rule ?? 'none', fields, held: null, faults }
  } finally {
    await new Promise<void>((resolve) => {
      server.close(resolve)
    })
  }
}

/** It makes its own DNS client and breaker, so the DNS must be ill where the case says so. */
function pluginOptions(testCase: ContractCase, { gate, dnsServer }: TestGate, faults: GateEvent[]): PtrgateOptions {
  return {
    policy: testCase.policy,
    name: AUTHSERV_ID,
    ...(testCase.internalError ? { resolver: gate.resolver } : { dns: { servers: [dnsServer], timeoutMs: 2000, attempts: 1 } }),
    ...(testCase.resolverIll ? { health: { minimumNetworks: 1 } } : {}),
    onError: (error) => {
      if (!testCase.internalError) faults.push({ kind: 'internalError', error })
    },
  }
}
