import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once, setMaxListeners } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SessionLimiter, type Release } from '../../src/probe/limiter.ts'
import { probeSession } from '../../src/probe/smtp-session.ts'

const TARGETS = 1000
const MOST_AT_ONCE = 200

const waiting: (() => void)[] = []
let sessions = 0
let port = 0

/** One listener for all of 127.1.x.y: who is asked is the address that the client has dialled. */
const server = createServer((socket) => {
  sessions++
  socket.on('error', () => undefined)
  waiting.push(() => {
    serve(socket, socket.localAddress ?? '')
  })
  // Nobody is served before so many wait, so that they do come at once.
  if (waiting.length === MOST_AT_ONCE) for (const start of waiting.splice(0)) start()
})

/** Every third greets, lists and says goodbye; every third turns away; every third floods. */
function serve(socket: Socket, host: string): void {
  const kind = Number(host.split('.')[3]) % 3
  if (kind === 1) socket.end('421 4.7.0 too many\r\n')
  else if (kind === 2) socket.write(`220-${'x'.repeat(400)}\r\n`.repeat(200))
  else {
    socket.write('220 mx.example.org ESMTP\r\n')
    socket.on('data', (octets) => {
      if (octets.toString('latin1').startsWith('EHLO')) socket.write('250-mx.example.org\r\n250 PIPELINING\r\n')
      else socket.end('221 Bye\r\n')
    })
  }
}

beforeAll(async () => {
  server.listen(0, '0.0.0.0', 1000)
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterAll(() => {
  server.close()
})

test('1,000 targets at once: limits are kept, everybody is told apart, memory is bounded', async () => {
  const limits = { maxSessions: MOST_AT_ONCE, maxSessionsPerHost: 1, pausePerHostMs: 0, sessionsPerSecond: null }
  const startTimer = (ms: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, ms)
    return () => {
      clearTimeout(timer)
    }
  }
  const limiter = new SessionLimiter(limits, { now: () => performance.now(), startTimer })
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const running = new Map<string, number>()
  let mostAtOnce = 0
  let mostOfOneHost = 0
  const admit = async (host: string): Promise<Release | null> => {
    const release = await limiter.acquire(host, signal)
    running.set(host, (running.get(host) ?? 0) + 1)
    mostOfOneHost = Math.max(mostOfOneHost, running.get(host) ?? 0)
    mostAtOnce = Math.max(mostAtOnce, running.size)
    return () => {
      running.delete(host)
      release?.()
    }
  }
  const results = await Promise.all(
    Array.from({ length: TARGETS }, async (_, index) => {
      const address = `127.1.${String(Math.floor(index / 250))}.${String((index % 250) + 1)}`
      const target = { address, port, implicitTls: false, serverName: null }
      // Twice the same host, so that it has to wait for itself.
      const probes = [0, 1].map(() => probeSession(target, { ehloName: 'probe.example.net', admit: () => admit(address) }, signal))
      return Promise.all(probes)
    }),
  )
  const causes = new Map<string, number>()
  for (const { ended } of results.flat()) causes.set(ended.cause.kind, (causes.get(ended.cause.kind) ?? 0) + 1)
  const kinds = results.map(([first]) => Number(first?.address.split('.')[3]) % 3)
  const twice = (kind: number): number => 2 * kinds.filter((other) => other === kind).length
  expect(Object.fromEntries(causes)).toEqual({ done: twice(0), turnedAway: twice(1), malformed: twice(2) })
  expect(sessions).toBe(2 * TARGETS)
  expect(mostOfOneHost).toBe(1)
  expect(mostAtOnce).toBe(MOST_AT_ONCE)
  expect(limiter.hosts).toBe(0)
  // What is kept of each, hostile ones included.
  expect(Math.max(...results.flat().map((facts) => JSON.stringify(facts).length))).toBeLessThan(8192)
})
