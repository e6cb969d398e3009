/** The SMTP gateway under the contract: a trusted XCLIENT names the client, and a next hop keeps what arrives. */
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { parseListenAddress } from '../../src/gateway/listen.ts'
import { startRelay } from '../../src/gateway/relay.ts'
import { startHop } from '../gateway/next-hop-server.ts'
import { reported, type ContractDriver } from './driver.ts'
import { fieldsOf, playClient, PROXY_ADDRESS } from './smtp.ts'

export const RELAY_DRIVER: ContractDriver = {
  name: 'SMTP gateway',
  seesMessages: true,
  canHold: true,
  async run({ client }, { gate }) {
    const events: GateEvent[] = []
    await using hop = await startHop({ extensions: ['SIZE 20000000', '8BITMIME'] })
    const relay = await startRelay({
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      gate,
      nextHop: { address: { kind: 'tcp', host: '127.0.0.1', port: hop.port } },
      xclientPeers: [PROXY_ADDRESS],
      onEvent: (event) => events.push(event),
    })
    try {
      const address = parseListenAddress(relay.address)
      const outcome = await playClient(address?.kind === 'tcp' ? address.port : 0, client, 'xclient')
      const fields = hop.sessions.flatMap(({ messages }) => messages).flatMap(fieldsOf)
      const held = take(fields, /^X-Ptrgate-Quarantine: (.*)$/)
      if (outcome.isTaken && take(fields, /^Received: (.*) by mx\.example\.org with /) === null) throw new Error('no trace of our own')
      return { ...outcome, ...reported(events), fields, held: held && `ptrgate: ${held}` }
    } finally {
      await relay.close(0)
    }
  },
}

/** What only a gateway adds. */
function take(fields: string[], pattern: RegExp): string | null {
  const index = fields.findIndex((field) => pattern.test(field))
  const [found] = index < 0 ? [] : fields.splice(index, 1)
  return (found !== undefined && pattern.exec(found)?.[1]) || null
}
