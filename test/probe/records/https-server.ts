/** An HTTPS server on loopback that answers as a test says, with one of the fixed certificates. */
import { createServer, type ServerOptions } from 'node:https'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface TestWebServer extends AsyncDisposable {
  readonly port: number
  /** `host path` of each request. */
  readonly requests: readonly string[]
  /** The names that clients asked for by SNI. */
  readonly serverNames: readonly string[]
}

export async function startWebServer(identity: Pick<ServerOptions, 'cert' | 'key'>, answer: RequestListener): Promise<TestWebServer> {
  const requests: string[] = []
  const serverNames: string[] = []
  const server = createServer(identity, (request, response) => {
    requests.push(`${request.headers.host ?? ''} ${request.url ?? ''}`)
    answer(request, response)
  })
  server.on('secureConnection', (socket) => {
    if (typeof socket.servername === 'string') serverNames.push(socket.servername)
  })
  // Clients that refuse the certificate break off: that is what is tested.
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    serverNames,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
