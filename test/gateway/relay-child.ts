/** A gateway in a process of its own, to be killed: `relay-child.ts PORT` of the next hop. It prints its own port. */
import { parseListenAddress } from '../../src/gateway/listen.ts'
import { startRelay } from '../../src/gateway/relay.ts'
import { startTestGate } from '../contract/gate.ts'
import { RELAY_ZONE } from './relay-fixture.ts'

const dns = await startTestGate({ zone: RELAY_ZONE })
const nextHop = { address: { kind: 'tcp', host: '127.0.0.1', port: Number(process.argv[2]) } } as const
const relay = await startRelay({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, gate: dns.gate, nextHop })
const address = parseListenAddress(relay.address)
process.stdout.write(`${String(address?.kind === 'tcp' ? address.port : 0)}\n`)
