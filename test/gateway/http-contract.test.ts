/** The contract's cases over HTTP, on TCP and on a unix socket: asked at every step, as JSON and as text, by the published schema. */
import formats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { httpCheckSchema } from '../../src/gateway/http-schema.ts'
import { startHttp } from '../../src/gateway/http.ts'
import type { ListenAddress } from '../../src/gateway/listen.ts'
import type { DecisionStage } from '../../src/policy/decision.ts'
import { CONTRACT_CASES, type ContractCase } from '../contract/cases.ts'
import { startTestGate } from '../contract/gate.ts'
import { ask } from './http-client.ts'

const ajv = new Ajv2020({ allErrors: true })
formats.default(ajv)
const validate = ajv.compile(httpCheckSchema({ closed: true }))

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ptrgate-http-'))
})
afterAll(() => rm(directory, { recursive: true }))

describe('HTTP on TCP', () => {
  it.each(CONTRACT_CASES)('$id', (testCase) => runCase(testCase, { kind: 'tcp', host: '127.0.0.1', port: 0 }))
})

describe('HTTP on a unix socket', () => {
  it.each(CONTRACT_CASES)('$id', (testCase) => runCase(testCase, { kind: 'unix', path: join(directory, 'http.sock') }))
})

interface Decided {
  readonly authenticationResults: string | null
  readonly decision: { readonly action: string; readonly rule: string }
  readonly reply: { readonly lines: readonly string[] } | null
}

async function runCase(testCase: ContractCase, address: ListenAddress): Promise<void> {
  const { client, expect: expected } = testCase
  const events: GateEvent[] = []
  await using dns = await startTestGate(testCase)
  const http = await startHttp({ address, gate: dns.gate, onEvent: (event) => events.push(event) })
  try {
    const who = { ip: client.address, ...(client.authenticated ? { authenticated: true } : {}) }
    const mail = { ...who, helo: client.helos, sender: 'from@example.com' }
    const steps: { stage: DecisionStage; [key: string]: unknown }[] = [
      { ...who, stage: 'connect' },
      ...client.helos.map((_, index) => ({ ...who, helo: client.helos.slice(0, index + 1), stage: 'helo' as const })),
      { ...mail, stage: 'mail' },
      { ...mail, recipient: client.recipient, stage: 'rcpt' },
    ]
    let refusal: { stage: DecisionStage; wire: string } | null = null
    let last: Decided | null = null
    for (const step of steps) {
      if (refusal !== null) break
      const { status, body } = await ask(http.address, { body: JSON.stringify(step) })
      expect(status).toBe(200)
      last = JSON.parse(body) as Decided
      expect(validate(last), JSON.stringify(validate.errors)).toBe(true)
      if (last.reply) refusal = { stage: step.stage, wire: last.reply.lines.map((line) => `${line}\r\n`).join('') }
      const text = await ask(http.address, { path: '/v1/check?format=text', body: JSON.stringify(step) })
      expect(readText(text.body)).toMatchObject({
        action: last.decision.action,
        rule: last.decision.rule,
        header: last.authenticationResults ?? '',
        reply: last.reply?.lines.join('\n') ?? '',
      })
    }
    expect(refusal?.stage ?? null).toBe(expected.refusedAt)
    expect(refusal?.wire ?? null).toBe(expected.reply)
    expect(last?.decision).toMatchObject({ action: expected.action, rule: expected.rule })
    if (expected.refusedAt === null) expect(last?.authenticationResults).toBe(expected.header)
    expect(events.map(outcomeOf)).toEqual([
      { action: expected.action, rule: expected.rule },
      { action: expected.action, rule: expected.rule },
    ])
  } finally {
    await http.close(0)
  }
}

function readText(line: string): Record<string, string> {
  expect(line).toMatch(/^(?:[a-z]+="(?:[^"\\]|\\.)*" ?)+\n$/)
  const unescape = (value: string): string => value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
  return Object.fromEntries([...line.matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [key, unescape(value)]))
}

function outcomeOf(event: GateEvent): object {
  if (event.kind === 'decision') return { action: event.verdict.decision.action, rule: event.verdict.decision.rule }
  return event.kind === 'skipped' ? { action: 'accept', rule: event.rule } : event
}
