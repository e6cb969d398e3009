/**
 * Whatever somebody sends: every body gets one answer of the format, every connection ends, nothing throws and nothing is kept.
 * Inputs are requests that have been broken, by a generator with a seed; fast-check chooses seeds and tells one that fails.
 */
import fc from 'fast-check'
import type { Hono } from 'hono'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { GateSettings } from '../../src/engine/gate.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { createHttpApp, errorText } from '../../src/gateway/http-app.ts'
import { checkClient, type CheckOptions } from '../../src/gateway/http-check.ts'
import { readCheckRequest } from '../../src/gateway/http-request.ts'
import { startHttp } from '../../src/gateway/http.ts'
import { verdictJson } from '../../src/render/verdict-json.ts'
import { verdictText } from '../../src/render/verdict-text.ts'
import { check, RawClient } from './http-client.ts'
import { gateOver, GOOD } from './http-gate.ts'

const BODIES_OF_A_SEED = 1000
const SEEDS = 210
const CONNECTIONS_OF_A_SEED = 25
const CONNECTION_SEEDS = 160

const BODIES = [
  { ip: '198.51.100.7' },
  { ip: '198.51.100.8', helo: 'mail.example.com', sender: '<>', recipient: 'postmaster@example.org', queueId: '4ABC' },
  { ip: '2001:db8:51::7', helo: ['[IPv6:2001:db8:51::7]', 'a\r\nb', '-bad-', '\u0000"\\'], authenticated: false, stage: 'helo' },
  { ip: '::ffff:198.51.100.7', helo: '198.51.100.7', authenticated: true, stage: 'connect' },
].map((body) => JSON.stringify(body))

const PIECES = [
  ...[
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    'null',
    '1e999',
    '-0',
    '\\u0000',
    '\\ud800',
    '\\u202e',
    '"ip":',
    '"helo":',
    '"stage":"mail",',
  ],
  ...[
    '"__proto__":',
    '"constructor":{}',
    '['.repeat(500),
    'a'.repeat(300),
    'a'.repeat(3000),
    'a.'.repeat(200),
    '\r\n',
    '\u0000',
    'ü',
    '€',
    '\u{1f4e7}',
    '::',
    '255.',
  ],
]

const HEADS = [
  'POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"ip":"198.51.100.7"}',
  'POST /v1/check?format=text HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"ip":"198.51.100.8"}',
  'POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{"ip":"198.51.100.7"}\r\n0\r\n\r\n',
  'POST /v1/check HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n',
  'GET http://a:b@c/%ff?format=%zz HTTP/1.1\r\nHost: [::1]:99999\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'CONNECT localhost:25 HTTP/1.1\r\nHost: localhost:25\r\n\r\nEHLO x\r\n',
]

const HEAD_PIECES = [
  '\r\n',
  '\n',
  '\r',
  ':',
  ' ',
  '\u0000',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: \r\n',
  'x'.repeat(9000),
  'ffffffffff\r\n',
  '\u00ff',
  'HTTP/2.0',
  'PRI * ',
  '//..\\',
  '%',
]

describe('any bodies', () => {
  it('get one answer each, of the format, and nothing is kept of them', async () => {
    const events: string[] = []
    const onEvent = ({ kind }: GateEvent): void => {
      if (kind === 'internalError') events.push(kind)
    }
    let gates: readonly GateSettings[] = []
    let turn = 0
    let lastLook = 0
    const nextGate = (): GateSettings => gates[turn++ % gates.length] ?? TRUSTING
    const app = createHttpApp({ gate: nextGate, hosts: [], maxBodyOctets: 2048, onEvent })
    const statuses = new Map<number, number>()
    const memory: number[] = []
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        // The table remembers what it was asked.
        gates = [gateOver(), gateOver(undefined, { preset: 'strict', stage: 'mail' }), TRUSTING, TRUSTING, TRUSTING, TRUSTING]
        const random = randomNumbers(seed)
        for (let index = 0; index < BODIES_OF_A_SEED; index++) {
          const body = broken(BODIES, PIECES, random)
          const isText = random(4) === 0
          // The way through requests and responses costs ten times as much as all that is behind it.
          const answer =
            random(8) === 0 ? await answerOf(app, body, isText) : await answerTo(body, isText, { gate: nextGate(), onEvent, signal })
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
          const format = isText && answer.status === 200 ? TEXT_ANSWER : JSON_ANSWER
          if (!format.test(answer.text)) throw new Error(`${String(answer.status)}: ${answer.text}`)
          if (format === JSON_ANSWER) JSON.parse(answer.text)
        }
        if (turn - lastLook < 20_000) return
        lastLook = turn
        memory.push(usedMemory())
      }),
      { numRuns: SEEDS },
    )
    expect(events).toEqual([])
    // Broken, but not so that all of them fail at the first octet.
    expect([...statuses.keys()].toSorted()).toEqual([200, 400, 413])
    for (const status of [200, 400]) expect(statuses.get(status)).toBeGreaterThan((SEEDS * BODIES_OF_A_SEED) / 20)
    expect((memory.at(-1) ?? 0) - (memory[1] ?? 0)).toBeLessThan(20 * 1024 * 1024)
  }, 300_000)
})

/** Nothing is looked up, so that most inputs cost little. */
const TRUSTING = gateOver({}, { trustedNetworks: ['0.0.0.0/0', '::/0'] })
const { signal } = new AbortController()

interface Answer {
  readonly status: number
  readonly text: string
}

async function answerOf(app: Hono, body: Uint8Array<ArrayBuffer>, isText: boolean): Promise<Answer> {
  const headers = { 'Content-Type': 'application/json', ...(isText ? { Accept: 'text/plain' } : {}) }
  const response = await app.fetch(new Request('http://localhost/v1/check', { method: 'POST', headers, body }))
  return { status: response.status, text: await response.text() }
}

/** What the route does, without request and response. */
async function answerTo(body: Uint8Array, isText: boolean, options: CheckOptions): Promise<Answer> {
  const reading = readCheckRequest(body)
  if (reading.kind === 'problems') return { status: 400, text: errorText(400, 'badRequest', reading.problems) }
  const report = { ...(await checkClient(reading.request, options)), address: reading.request.address }
  return { status: 200, text: isText ? verdictText(report) : `${verdictJson(report)}\n` }
}

describe('any octets', () => {
  it('end their connection, and the next client is served', async () => {
    const events: GateEvent[] = []
    const limits = { headersTimeoutMs: 2000, requestTimeoutMs: 2000, idleTimeoutMs: 500 }
    const onEvent = (event: GateEvent): void => void events.push(event)
    const http = await startHttp({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, gate: gateOver(), limits, onEvent })
    try {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const random = randomNumbers(seed)
          const inputs = Array.from({ length: CONNECTIONS_OF_A_SEED }, () => Buffer.from(broken(HEADS, HEAD_PIECES, random)))
          await Promise.all(
            inputs.map(async (input, index) => {
              const client = await RawClient.connect(http.address)
              if (index % 5 === 4) {
                client.socket.write(input)
                client.socket.resetAndDestroy()
                await client.closed
              } else {
                const answer = await client.say(input, { thenEnd: true })
                if (answer !== '' && !/^HTTP\/1\.1 [1-5][0-9]{2} /.test(answer)) throw new Error(answer)
              }
            }),
          )
        }),
        { numRuns: CONNECTION_SEEDS },
      )
      expect(await check(http.address, { ip: GOOD })).toMatchObject({ decision: { action: 'accept' } })
      expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'socketError')).toEqual([])
    } finally {
      await http.close(1000)
    }
    expect(http.connections).toBe(0)
  }, 300_000)
})

const JSON_ANSWER = /^\{"ptrgate":1,"kind":"(?:decision|error)",[\x20-\x7e]*\}\n$/
const TEXT_ANSWER = /^(?:[a-z]+="(?:[^"\\]|\\.)*" ?){10}\n$/

type RandomNumbers = (below: number) => number

/** xorshift32. */
function randomNumbers(seed: number): RandomNumbers {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** One of the texts with up to five changes, and now and then one octet that makes it no UTF-8. */
function broken(texts: readonly string[], pieces: readonly string[], random: RandomNumbers): Uint8Array<ArrayBuffer> {
  let text = texts[random(texts.length)] ?? ''
  for (let changes = random(6); changes > 0; changes--) {
    const at = random(text.length + 1)
    const length = random(12)
    const kept = [text.slice(0, at), text.slice(at), text.slice(at + length)] as const
    switch (random(6)) {
      case 0:
        text = kept[0] + kept[2]
        break
      case 1:
        text = kept[0] + String.fromCharCode(random(256)) + kept[1]
        break
      case 2:
        text = kept[0] + text.slice(at, at + length).repeat(random(40)) + kept[1]
        break
      case 3:
        text = kept[0] + (texts[random(texts.length)] ?? '').slice(random(20)) + kept[1]
        break
      default:
        text = kept[0] + (pieces[random(pieces.length)] ?? '') + kept[1]
    }
  }
  const octets = new TextEncoder().encode(text)
  if (random(20) === 0 && octets.length > 0) octets[random(octets.length)] = 128 + random(128)
  return octets
}

function usedMemory(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
