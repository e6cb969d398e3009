/**
 * Two thousand clients at a time that say nothing, or stop in the midst of a word: whoever works is served meanwhile, the others are
 * cut off by the time limits, and nothing is left of them.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import type { GateSettings } from '../../src/engine/gate.ts'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startHttp } from '../../src/gateway/http.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import { startPolicyDelegation } from '../../src/gateway/policy-delegation.ts'
import { startRelay } from '../../src/gateway/relay.ts'
import { PROXY_ADDRESS } from '../contract/smtp.ts'
import { gateOver, GOOD } from '../gateway/http-gate.ts'
import { startHop } from '../gateway/next-hop-server.ts'
import { judgeByHttp, judgeByMilter, judgeByPolicy, judgeBySmtp, portOf, TCP, type Judged } from './front-ends.ts'
import { closeOf, heapInUse, networkHandlesGone, turnsUntil } from './handles.ts'

const CLIENTS = 2000
/** Long enough that one who works is not taken for slow, on a machine that is busy. */
const SLOW_MS = 6000
/** What the code has been compiled to, and the like; a client that was kept would cost a kilobyte and more. */
const HEAP_MARGIN = 16 * 1024 * 1024

interface Kind {
  readonly name: string
  readonly start: (gate: GateSettings, hopPort: number, onEvent: (event: GateEvent) => void) => Promise<FrontEndHandle>
  /** What every other one says, after the server's greeting where there is one. */
  readonly beginning: Buffer | string
  readonly isGreeted: boolean
  readonly judge: (address: string) => Promise<Judged>
  /** Of `CLIENTS`, half of whom have begun to speak. */
  readonly timeouts: { readonly least: number; readonly most: number }
}

const KINDS: readonly Kind[] = [
  {
    name: 'milter',
    start: (gate, _hop, onEvent) =>
      startMilter({ address: TCP, gate, onEvent, limits: { idleTimeoutMs: SLOW_MS, packetTimeoutMs: SLOW_MS } }),
    beginning: Buffer.of(0, 0),
    isGreeted: false,
    judge: (address) => judgeByMilter(address, GOOD),
    timeouts: { least: CLIENTS, most: CLIENTS },
  },
  {
    name: 'policy delegation',
    start: (gate, _hop, onEvent) =>
      startPolicyDelegation({ address: TCP, gate, onEvent, limits: { idleTimeoutMs: SLOW_MS, requestTimeoutMs: SLOW_MS } }),
    beginning: 'request=smtpd',
    isGreeted: false,
    judge: (address) => judgeByPolicy(address, GOOD),
    // One that is idle between two requests breaks no rule, and one whose first octets have not been read by then looks the same.
    timeouts: { least: 1, most: CLIENTS / 2 },
  },
  {
    name: 'HTTP',
    start: (gate, _hop, onEvent) =>
      startHttp({ address: TCP, gate, onEvent, limits: { headersTimeoutMs: SLOW_MS, requestTimeoutMs: SLOW_MS, idleTimeoutMs: SLOW_MS } }),
    beginning: 'POST /v1/ch',
    isGreeted: false,
    judge: (address) => judgeByHttp(address, GOOD),
    timeouts: { least: CLIENTS, most: CLIENTS },
  },
  {
    name: 'SMTP gateway',
    start: (gate, hopPort, onEvent) =>
      startRelay({
        address: TCP,
        gate,
        nextHop: { address: { kind: 'tcp', host: '127.0.0.1', port: hopPort } },
        xclientPeers: [PROXY_ADDRESS],
        limits: { idleTimeoutMs: SLOW_MS },
        onEvent,
      }),
    beginning: 'EHLO mail.exam',
    isGreeted: true,
    judge: (address) => judgeBySmtp(portOf(address), GOOD, 'xclient'),
    timeouts: { least: CLIENTS, most: CLIENTS },
  },
]

describe('two thousand silent and slow clients', () => {
  it.each(KINDS)('$name: cut off, while one who works is served', async ({ start, beginning, isGreeted, judge, timeouts }) => {
    await using hop = await startHop({ extensions: [] })
    const reasons = new Map<string, number>()
    const others: GateEvent[] = []
    const frontEnd = await start(gateOver(), hop.port, (event) => {
      if (event.kind === 'protocolError') reasons.set(event.reason, (reasons.get(event.reason) ?? 0) + 1)
      else others.push(event)
    })
    expect(await judge(frontEnd.address)).toEqual({ kind: 'taken', reply: null })
    const before = heapInUse()
    const closed: Promise<unknown>[] = []
    const port = portOf(frontEnd.address)
    for (let count = 0; count < CLIENTS; count += BATCH) {
      const sockets = await Promise.all(Array.from({ length: BATCH }, () => openSocket(port, closed)))
      for (const [index, socket] of sockets.entries()) {
        if (index % 2 === 1) beginWith(socket, beginning, isGreeted)
        else socket.resume()
      }
    }
    expect(await judge(frontEnd.address)).toEqual({ kind: 'taken', reply: null })
    await Promise.all(closed)
    await turnsUntil(
      () => frontEnd.connections === 0,
      () => `${String(frontEnd.connections)} connections`,
    )
    expect([...reasons.keys()]).toEqual(['timeout'])
    expect(reasons.get('timeout')).toBeGreaterThanOrEqual(timeouts.least)
    expect(reasons.get('timeout')).toBeLessThanOrEqual(timeouts.most)
    expect(new Set(others.map(({ kind }) => kind))).toEqual(new Set(['decision']))
    closed.length = 0
    expect(heapInUse() - before).toBeLessThan(HEAP_MARGIN)
    expect(await judge(frontEnd.address)).toEqual({ kind: 'taken', reply: null })
    await frontEnd.close(0)
  })
})

const BATCH = 200

async function openSocket(port: number, closed: Promise<unknown>[]): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  closed.push(closeOf(socket))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

function beginWith(socket: Socket, beginning: Buffer | string, isGreeted: boolean): void {
  if (isGreeted) socket.once('data', () => void socket.write(beginning))
  else socket.write(beginning)
  socket.resume()
}

afterAll(networkHandlesGone)
