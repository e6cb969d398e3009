/** Policy delegation under the contract, asked at every step as by a Postfix with smtpd_delay_reject = no. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { ListenAddress } from '../../src/gateway/listen.ts'
import { startPolicyDelegation } from '../../src/gateway/policy-delegation.ts'
import type { DecisionStage } from '../../src/policy/decision.ts'
import { PolicyTestClient } from '../gateway/policy-client.ts'
import type { ContractCase } from './cases.ts'
import { reported, type ContractDriver, type ContractOutcome } from './driver.ts'

export const POLICY_DRIVERS: readonly ContractDriver[] = [
  policyDriver('policy delegation', () => ({ kind: 'tcp', host: '127.0.0.1', port: 0 })),
  policyDriver('policy delegation on a unix socket', () => ({
    kind: 'unix',
    path: join(tmpdir(), `ptrgate-policy-${crypto.randomUUID()}.sock`),
  })),
]

function policyDriver(name: string, address: () => ListenAddress): ContractDriver {
  return {
    name,
    seesMessages: false,
    canHold: true,
    async run(testCase, { gate }) {
      const events: GateEvent[] = []
      const service = await startPolicyDelegation({ address: address(), gate, onEvent: (event) => events.push(event) })
      try {
        await using smtpd = await PolicyTestClient.connect(service.address)
        return { ...(await converse(smtpd, testCase)), ...reported(events) }
      } finally {
        await service.close(0)
      }
    },
    // Trouble of ours is left to the code that Postfix is set to.
    adapt: (expected) =>
      expected.rule === 'internalError' && expected.reply !== null
        ? { ...expected, reply: expected.reply.replace('451 ', 'DEFER_IF_PERMIT ') }
        : expected,
  }
}

/** Each recipient is asked for twice, to see that nothing is said twice. */
async function converse(smtpd: PolicyTestClient, { client }: ContractCase): Promise<Omit<ContractOutcome, 'action' | 'rule' | 'faults'>> {
  const who = { client_address: client.address, ...(client.authenticated ? { sasl_method: 'PLAIN', sasl_username: 'user' } : {}) }
  const before = { ...who, recipient: '', sender: '' }
  const mail = { ...who, helo_name: client.helos.at(-1) ?? '' }
  const recipient = client.recipient ?? ''
  const requests: (readonly [DecisionStage, Readonly<Record<string, string>>])[] = [
    ['connect', { ...before, protocol_state: 'CONNECT', helo_name: '' }],
    ...client.helos.map((helo) => ['helo', { ...before, protocol_state: 'EHLO', helo_name: helo }] as const),
    ['mail', { ...mail, recipient: '', protocol_state: 'MAIL' }],
    ['rcpt', { ...mail, recipient }],
    ['rcpt', { ...mail, recipient }],
  ]
  const actions: (readonly [DecisionStage, string])[] = []
  for (const [stage, request] of requests) actions.push([stage, await smtpd.ask(request)])
  const [refusedAt, refusal] = actions.find(([, action]) => isRefusal(action)) ?? [null, null]
  const isTaken = !isRefusal(actions.at(-1)?.[1] ?? '')
  const textsOf = (word: string): string[] =>
    actions.flatMap(([, action]) => (action.startsWith(`${word} `) ? [action.slice(word.length + 1)] : []))
  return {
    refusedAt,
    reply: refusal === null ? null : `${refusal}\r\n`,
    isTaken,
    fields: isTaken ? textsOf('PREPEND') : [],
    held: textsOf('HOLD').join(' and ') || null,
  }
}

function isRefusal(action: string): boolean {
  return /^(?:[45]|REJECT|DEFER)/.test(action)
}
