/**
 * The sockets of the embedded server: one UDP socket and one TCP listener for each address, all on the same port,
 * and the odd sockets from which forged answers come. It carries octets and knows no DNS.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { formatAddress, type IpAddress } from '../core/address.ts'

export interface Endpoint {
  readonly address: IpAddress
  readonly udp: UdpSocket
  readonly tcp: Server | null
  /** For answers from a wrong port or address; made when first needed. */
  readonly decoys: Map<DecoyOrigin, Promise<UdpSocket>>
}

export type DecoyOrigin = 'port' | 'address'

export interface BoundEndpoints {
  readonly port: number
  readonly endpoints: readonly Endpoint[]
}

/** Port 0 stands for any that is free everywhere. Rejects when an address cannot be bound. */
export async function bindEndpoints(addresses: readonly IpAddress[], wantedPort: number, withTcp: boolean): Promise<BoundEndpoints> {
  for (let attempt = 1; ; attempt++) {
    const endpoints: Endpoint[] = []
    try {
      let port = wantedPort
      for (const address of addresses) {
        const tcp = withTcp ? createServer({ allowHalfOpen: true, noDelay: true }) : null
        const endpoint = { address, udp: createUdpSocket(address), tcp, decoys: new Map() }
        endpoints.push(endpoint)
        port = await bindUdp(endpoint.udp, port, formatAddress(address))
        if (tcp !== null) await listenTcp(tcp, port, formatAddress(address))
      }
      return { port, endpoints }
    } catch (error) {
      await Promise.all(endpoints.map(closeEndpoint))
      // A port that is free on UDP may be taken on TCP, or on another address.
      const mayRetry = wantedPort === 0 && attempt < MAX_BIND_ATTEMPTS && (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!mayRetry) throw error
    }
  }
}

/** Not to be called twice. */
export async function closeEndpoint({ udp, tcp, decoys }: Endpoint): Promise<void> {
  for (const socket of await Promise.allSettled(decoys.values())) if (socket.status === 'fulfilled') socket.value.close()
  await new Promise<void>((resolve) => udp.close(resolve))
  if (tcp === null) return
  // An error here only means that it never listened.
  await new Promise<void>((resolve) => {
    tcp.close(() => {
      resolve()
    })
  })
}

/** A socket whose port, or whose address, is not that of the server. Where there is no other address it is another port. */
export function decoySocket(endpoint: Endpoint, origin: DecoyOrigin, port: number, onError: (error: Error) => void): Promise<UdpSocket> {
  const known = endpoint.decoys.get(origin)
  if (known !== undefined) return known
  const neighbour = origin === 'address' ? loopbackNeighbour(endpoint.address) : undefined
  const socket = createUdpSocket(endpoint.address)
  const bound = bindUdp(socket, neighbour === undefined ? 0 : port, neighbour ?? formatAddress(endpoint.address)).then(() => {
    socket.on('error', onError)
    return socket
  })
  endpoint.decoys.set(origin, bound)
  return bound
}

const MAX_BIND_ATTEMPTS = 20
/** Room for a burst: the kernel gives what it allows. */
const RECEIVE_BUFFER_OCTETS = 1 << 20

function createUdpSocket({ family }: IpAddress): UdpSocket {
  return createSocket({
    ...(family === 4 ? { type: 'udp4' as const } : { type: 'udp6' as const, ipv6Only: true }),
    recvBufferSize: RECEIVE_BUFFER_OCTETS,
    // Peers are given as addresses: nothing is to be looked up.
    lookup: (address, _options, callback) => {
      callback(null, address, family)
    },
  })
}

function bindUdp(socket: UdpSocket, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, address, () => {
      socket.off('error', reject)
      resolve(socket.address().port)
    })
  })
}

function listenTcp(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, ipv6Only: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Another address of the same machine: all of 127.0.0.0/8 is. */
function loopbackNeighbour({ family, bytes }: IpAddress): string | undefined {
  const [first, second = 0, third = 0, last = 0] = bytes
  return family === 4 && first === 127 ? [127, second, third, last ^ 2].join('.') : undefined
}
