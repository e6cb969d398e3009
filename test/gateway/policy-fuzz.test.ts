/** Whatever comes in on a policy service's connection: each whole request gets one answer that can be sent, and nothing else happens. */
import { describe, expect, it } from 'vitest'
import { PolicyDialogue } from '../../src/gateway/policy-dialogue.ts'
import { MarkedMessages } from '../../src/gateway/policy-messages.ts'
import {
  encodePolicyAction,
  PolicyBlockReader,
  POLICY_PROTOCOL_STATES,
  readPolicyRequest,
  type PolicyAction,
} from '../../src/wire/policy-request.ts'
import { latin1, seededRandom } from '../wire/milter-arbitrary.ts'
import { clientAddress, fuzzGates, heapUsed, hostileStream, type Random } from './fuzz.ts'

const RUNS = 200_000

describe(`${String(RUNS)} hostile streams`, () => {
  it('neither throw nor hang, and leave nothing behind', { timeout: 600_000 }, async () => {
    const random = seededRandom(11)
    const gates = fuzzGates()
    const messages = new MarkedMessages(1000)
    const conversations = Array.from({ length: 2000 }, () => conversation(random).map(contentOf))
    const seen = new Map<string, number>()
    const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)
    let heapBefore = 0
    for (let run = 0; run < RUNS; run++) {
      if (run === RUNS / 4) heapBefore = heapUsed()
      const gate = gates[run % gates.length]
      if (!gate) throw new TypeError('no gate')
      const dialogue = new PolicyDialogue({
        gate,
        deferAs: run % 3 === 0 ? 'deferIfPermit' : 'reply',
        messages,
        onEvent: (event) => {
          if (event.kind === 'internalError') throw event.error
          count(event.kind)
        },
      })
      const reader = new PolicyBlockReader({ maxLineOctets: 64 })
      for (const piece of hostileStream(pick(conversations, random), frameOf, random)) {
        const { blocks, fault } = reader.push(piece)
        for (const block of blocks) count(kindOf(await dialogue.answer(readPolicyRequest(block))))
        if (reader.heldOctets > 128) throw new Error(`holds ${String(reader.heldOctets)} octets`)
        if (fault === null) continue
        count(fault)
        break
      }
      dialogue.close()
    }
    // Every corner was reached.
    for (const what of [
      'dunno',
      'reply',
      'deferIfPermit',
      'prepend',
      'hold',
      'skipped',
      'decision',
      'notAnAttribute',
      'emptyRequest',
      'lineTooLong',
    ])
      expect([what, (seen.get(what) ?? 0) > 100]).toEqual([what, true])
    expect(heapUsed() - heapBefore).toBeLessThan(8_000_000)
  })
})

type Attributes = readonly (readonly [name: string, value: string])[]

function conversation(random: Random): readonly Attributes[] {
  const address = clientAddress(random) ?? 'unknown'
  const helo = pick(['mail.example.com', '-bad-', '[198.51.100.7]', 'mx.example.org', '\xff\x01"'], random)
  const instance = `1.${String(random(5000))}`
  return Array.from({ length: 1 + random(4) }, (_, index) => [
    ['request', 'smtpd_access_policy'],
    ['protocol_state', index === 0 ? pick(POLICY_PROTOCOL_STATES, random) : 'RCPT'],
    ['client_address', address],
    ['client_port', pick(['4711', '4712', '0', ''], random)],
    ['helo_name', helo],
    ['sender', 'from@example.com'],
    ['recipient', pick(['user@example.org', 'postmaster@example.org', ''], random)],
    ['instance', instance],
    ['sasl_method', random(8) === 0 ? 'PLAIN' : ''],
  ])
}

function contentOf(attributes: Attributes): Uint8Array {
  return latin1(attributes.map(([name, value]) => `${name}=${value}\n`).join(''))
}

function frameOf(content: Uint8Array): Uint8Array {
  return Buffer.concat([content, latin1('\n')])
}

/** One block on the wire, whatever it says. */
function kindOf(action: PolicyAction): string {
  const { blocks, fault } = new PolicyBlockReader().push(encodePolicyAction(action))
  if (blocks.length !== 1 || fault !== null) throw new Error(`not one answer: ${JSON.stringify(action)}`)
  return action.kind
}

function pick<T>(values: readonly T[], random: Random): T {
  const value = values[random(values.length)]
  if (value === undefined) throw new TypeError('nothing to pick')
  return value
}
