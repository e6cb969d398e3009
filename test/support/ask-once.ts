/** A program for a test: asks the server on the given port of 127.0.0.1 once over UDP and once over TCP, prints the outcomes, and closes nothing. */
import { name } from '../../src/core/domain-name.ts'
import { createDnsClient } from '../../src/dns/client.ts'

const client = createDnsClient({
  servers: [{ address: { family: 4, bytes: [127, 0, 0, 1] }, port: Number(process.argv[2]) }],
  tcpIdleMs: 600_000,
})
for (const text of ['udp.test', 'tcp.test']) process.stdout.write(`${(await client.resolve({ name: name(text), type: 'A' })).kind}\n`)
