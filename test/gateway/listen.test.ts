import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  formatListenAddress,
  parseListenAddress,
  startListening,
  type ListenAddress,
  type ListenOptions,
} from '../../src/gateway/listen.ts'

describe('addresses', () => {
  it.each(['127.0.0.1:8893', '[::1]:0', 'localhost:65535', 'unix:/run/ptrgate/milter.sock'])('%s is read and written', (text) => {
    const address = parseListenAddress(text)
    expect(address && formatListenAddress(address)).toBe(text)
  })

  it.each([
    '',
    '8893',
    ':8893',
    '127.0.0.1',
    '127.0.0.1:65536',
    '::1:8893',
    '[127.0.0.1]:1',
    '[]:1',
    'unix:relative.sock',
    'unix:/a\0b',
    `unix:/${'a'.repeat(107)}`,
    'a b:1',
  ])('%j is none', (text) => {
    expect(parseListenAddress(text)).toBeUndefined()
  })
})

describe('a listener', () => {
  let directory = ''
  let path = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ptrgate-listen-'))
    path = join(directory, 'test.sock')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const TCP: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 }

  it('has the true port in its address, and serves there', async () => {
    await using listener = await echo(TCP)
    expect(await greet(listener.address)).toBe('hello')
  })

  it('sets mode and group of a unix socket, and removes it at the end', async () => {
    const group = process.getgid?.() ?? 0
    {
      await using listener = await echo({ kind: 'unix', path, mode: 0o660, group })
      const status = await stat(path)
      expect([status.mode & 0o777, status.gid]).toEqual([0o660, group])
      expect(await greet(listener.address)).toBe('hello')
    }
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  it('refuses a group that there is not, and leaves nothing behind', async () => {
    await expect(echo({ kind: 'unix', path, group: 'no-such-group' })).rejects.toThrow('there is no group "no-such-group"')
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  it('replaces a socket on which nobody listens', async () => {
    await leaveStaleSocket(path)
    await using listener = await echo({ kind: 'unix', path })
    expect(await greet(listener.address)).toBe('hello')
  })

  it('takes nothing away from a listener that is there', async () => {
    await using first = await echo({ kind: 'unix', path })
    await expect(echo({ kind: 'unix', path })).rejects.toThrow('EADDRINUSE')
    expect(await greet(first.address)).toBe('hello')
  })

  it('never removes a file that is no socket', async () => {
    await writeFile(path, 'precious')
    await chmod(path, 0o600)
    await expect(echo({ kind: 'unix', path })).rejects.toThrow('EADDRINUSE')
    expect((await stat(path)).size).toBe(8)
  })

  it('closes connections beyond its bound, and says so', async () => {
    let refused = 0
    await using listener = await echo(TCP, { maxConnections: 1, onRefused: () => refused++ })
    const first = await open(listener.address)
    await closed(await open(listener.address))
    expect(refused).toBe(1)
    first.destroy()
  })

  it('waits for those at work, then cuts them off', async () => {
    const listener = await echo(TCP, { serve: (socket) => (socket.write('hello'), socket.resume(), { drain: () => undefined }) })
    const socket = await open(listener.address)
    await new Promise((resolve) => socket.once('data', resolve))
    expect(listener.connections).toBe(1)
    await Promise.all([closed(socket), listener.close(10)])
    await expect(open(listener.address)).rejects.toThrow('ECONNREFUSED')
  })

  async function echo(
    address: ListenAddress,
    options: Partial<ListenOptions> = {},
  ): Promise<{ readonly address: string; readonly connections: number; close: (graceMs?: number) => Promise<void> } & AsyncDisposable> {
    const serve = (socket: Socket): { drain: () => void } => {
      socket.on('error', () => undefined)
      socket.write('hello')
      return { drain: () => socket.destroySoon() }
    }
    const listener = await startListening({ address, maxConnections: 10, serve, ...options })
    return {
      address: listener.address,
      get connections() {
        return listener.connections
      },
      close: (graceMs) => listener.close(graceMs),
      [Symbol.asyncDispose]: () => listener.close(0),
    }
  }
})

async function open(text: string): Promise<Socket> {
  const where = parseListenAddress(text)
  if (!where) throw new TypeError(`not an address: ${text}`)
  const socket = connect(where.kind === 'unix' ? { path: where.path } : { host: where.host, port: where.port })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}

async function greet(text: string): Promise<string> {
  const socket = await open(text)
  const data = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString('latin1'))))
  socket.destroy()
  return data
}

function closed(socket: Socket): Promise<void> {
  socket.resume().on('error', () => undefined)
  return socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()))
}

/** As a process leaves it that was killed: libuv unlinks the path that it bound, so the file is moved there. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { rename } = await import('node:fs/promises')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.bound`, resolve))
  await rename(`${path}.bound`, path)
  await new Promise((resolve) => server.close(resolve))
}
