/**
 * Listening sockets of the front ends: TCP (`127.0.0.1:8893`, `[::1]:8893`) and unix (`unix:/run/ptrgate/milter.sock`).
 * Connections are bounded. Closing stops accepting, lets those that are at work finish, and cuts them off after a while.
 * It carries no octets and knows no protocol.
 */
import { closeSync, openSync } from 'node:fs'
import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { parseAddress } from '../core/address.ts'

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Up to the change of mode and group, the socket is what the umask makes of it: its owner's, as a rule. */
  | { readonly kind: 'unix'; readonly path: string; readonly mode?: number | undefined; readonly group?: string | number | undefined }

/** What the listener asks of a protocol's connection. */
export interface ServedConnection {
  /** No new work: end now if nothing is under way, else as soon as that is done. */
  drain(): void
}

export interface ListenOptions {
  readonly address: ListenAddress
  readonly maxConnections: number
  readonly serve: (socket: Socket) => ServedConnection
  /** Of a protocol that Node itself serves (http.Server); it does not listen yet. */
  readonly server?: Server | undefined
  /** Beyond `maxConnections` a connection is closed as soon as it is there. */
  readonly onRefused?: (() => void) | undefined
  /** After the start: for instance a connection refused for want of file descriptors. The listener goes on. */
  readonly onError?: ((error: Error) => void) | undefined
}

export interface Listener {
  /** As `parseListenAddress` takes it, with the true port. */
  readonly address: string
  readonly connections: number
  /** Resolves when the last connection is gone; those that are left after `graceMs` are cut off. */
  close(graceMs?: number): Promise<void>
}

export const DEFAULT_DRAIN_MS = 30_000

/** Undefined for anything else. An IPv6 address has brackets; a host name is looked up by the system. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    return path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= MAX_UNIX_PATH_OCTETS
      ? { kind: 'unix', path }
      : undefined
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):([0-9]{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) return undefined
  return match?.[1] !== undefined && parseAddress(host)?.family !== 6 ? undefined : { kind: 'tcp', host, port }
}

/** sun_path of Linux and its NUL. */
const MAX_UNIX_PATH_OCTETS = 107

export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${String(address.port)}`
}

/** Rejects when the address cannot be had; a unix socket that nobody listens on any more is replaced. */
export async function startListening(options: ListenOptions): Promise<Listener> {
  const { address } = options
  const connections = new Map<Socket, ServedConnection>()
  const server = options.server ?? createServer({ noDelay: true })
  const descriptorLimit = await readDescriptorLimit()
  server.on('connection', (socket) => {
    if (isShortOfDescriptors(descriptorLimit)) {
      socket.destroy()
      options.onError?.(new Error(`a connection was closed: hardly any of the ${String(descriptorLimit)} file descriptors are left`))
      return
    }
    connections.set(socket, options.serve(socket))
    socket.once('close', () => connections.delete(socket))
  })
  server.maxConnections = options.maxConnections
  server.on('drop', () => options.onRefused?.())
  await bind(server, address)
  server.on('error', (error) => options.onError?.(error))
  let closing: Promise<void> | undefined
  return {
    address: formatListenAddress(boundAddress(server, address)),
    get connections() {
      return connections.size
    },
    close(graceMs = DEFAULT_DRAIN_MS) {
      closing ??= closeGracefully(server, connections, graceMs)
      return closing
    },
  }
}

async function bind(server: Server, address: ListenAddress): Promise<void> {
  if (address.kind === 'tcp') {
    await listen(server, { host: address.host, port: address.port })
    return
  }
  try {
    await listen(server, { path: address.path })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await isStale(address.path))) throw error
    await unlink(address.path)
    await listen(server, { path: address.path })
  }
  try {
    if (address.group !== undefined) await chown(address.path, process.geteuid?.() ?? -1, await groupId(address.group))
    if (address.mode !== undefined) await chmod(address.path, address.mode)
  } catch (error) {
    server.close()
    throw error
  }
}

function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A socket that refuses connections has no listener any more. What is no socket is never touched. */
async function isStale(path: string): Promise<boolean> {
  const status = await lstat(path).catch(() => undefined)
  if (!status?.isSocket()) return false
  return new Promise((resolve) => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED')
    })
  })
}

/**
 * Kept for DNS, the next hop and files: with the last one gone, the sessions that are open would fail, and libuv would close
 * connections without a word to anybody.
 */
const RESERVED_DESCRIPTORS = 16

/** Infinite where the system does not say. */
export async function readDescriptorLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, limit] = /^Max open files +([0-9]+)/m.exec(limits) ?? []
  return limit === undefined ? Infinity : Number(limit)
}

/** The system gives out the lowest number that is free: none of those at the top goes to a connection. */
function isShortOfDescriptors(limit: number): boolean {
  if (limit === Infinity) return false
  try {
    const lowestFree = openSync('/dev/null', 'r')
    closeSync(lowestFree)
    return lowestFree >= limit - RESERVED_DESCRIPTORS
  } catch {
    return true
  }
}

async function groupId(group: string | number): Promise<number> {
  if (typeof group === 'number') return group
  const lines = (await readFile('/etc/group', 'utf8')).split('\n')
  const id = lines.map((line) => line.split(':')).find(([name]) => name === group)?.[2]
  if (id === undefined) throw new Error(`there is no group ${JSON.stringify(group)}`)
  return Number(id)
}

function boundAddress(server: Server, address: ListenAddress): ListenAddress {
  const bound = server.address()
  return address.kind === 'tcp' && bound !== null && typeof bound !== 'string' ? { ...address, port: bound.port } : address
}

async function closeGracefully(server: Server, connections: ReadonlyMap<Socket, ServedConnection>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
  })
  for (const connection of [...connections.values()]) connection.drain()
  const timer = setTimeout(() => {
    for (const socket of connections.keys()) socket.destroy()
  }, graceMs)
  await closed
  clearTimeout(timer)
}
