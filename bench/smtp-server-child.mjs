// An smtp-server in a process of its own: smtp-server-child.mjs bare|silent|ptrgate DNS_PORT [CACHE_ENTRIES]. `bare`: as it comes, which
// looks up the PTR names of each client by itself. `silent`: told not to. `ptrgate`: with the plugin. Prints its port. It reads messages
// and drops them. It ends with its stdin.
import { setServers } from 'node:dns'
import { SMTPServer } from 'smtp-server'
import { ptrgate } from '../dist/index.js'

const [mode, dnsPort, cacheEntries] = process.argv.slice(2)
setServers([`127.0.0.1:${dnsPort}`])
const host = {
  name: 'mx.bench.test',
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: mode === 'silent',
  maxClients: 2000,
  onData(stream, _session, callback) {
    stream.on('end', () => callback())
    stream.resume()
  },
}
const dns = { servers: [`127.0.0.1:${dnsPort}`], ...(cacheEntries ? { cache: { entries: Number(cacheEntries) } } : {}) }
const policy = { preset: 'balanced', networks: [{ cidr: '127.0.0.0/8', skip: false }] }
const fail = (error) => {
  throw error
}
const server = new SMTPServer(mode !== 'ptrgate' ? host : { ...host, ...ptrgate({ dns, policy, onError: fail }, host) })
server.on('error', fail)
// Of all clients at once none may be dropped: one whose handshake got lost would wait for a greeting in vain.
const listening = server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.stdout.write(`${listening.address().port}\n`))
process.stdin.on('end', () => process.exit(0)).resume()
