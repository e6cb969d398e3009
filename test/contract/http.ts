/** `POST /v1/check` under the contract, asked at every step with all that the client has said so far. */
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startHttp } from '../../src/gateway/http.ts'
import type { DecisionStage } from '../../src/policy/decision.ts'
import { ask } from '../gateway/http-client.ts'
import type { ContractClient } from './cases.ts'
import { reported, type ContractDriver } from './driver.ts'

export const HTTP_DRIVER: ContractDriver = {
  name: 'HTTP',
  seesMessages: false,
  canHold: false,
  async run({ client }, { gate }) {
    const events: GateEvent[] = []
    const http = await startHttp({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, gate, onEvent: (event) => events.push(event) })
    try {
      const answers: (readonly [DecisionStage, Answer])[] = []
      for (const request of requestsOf(client)) {
        const { body } = await ask(http.address, { body: JSON.stringify(request) })
        answers.push([request.stage, JSON.parse(body) as Answer])
      }
      const [refusedAt, refusal] = answers.find(([, { reply }]) => reply !== null) ?? [null, null]
      const last = answers.at(-1)?.[1]
      const isTaken = last?.reply === null
      const { faults } = reported(events)
      return {
        action: last?.decision.action ?? 'accept',
        rule: last?.decision.rule ?? 'none',
        refusedAt,
        reply: refusal?.reply?.lines.map((line) => `${line}\r\n`).join('') ?? null,
        isTaken,
        fields: isTaken && last.authenticationResults !== null ? [last.authenticationResults] : [],
        held: null,
        faults,
      }
    } finally {
      await http.close(0)
    }
  },
}

interface Answer {
  readonly authenticationResults: string | null
  readonly decision: Pick<Awaited<ReturnType<ContractDriver['run']>>, 'action' | 'rule'>
  readonly reply: { readonly lines: readonly string[] } | null
}

function requestsOf({ address: ip, helos, recipient, authenticated }: ContractClient): { readonly stage: DecisionStage }[] {
  const before = { ip }
  const mail = { ...before, ...(authenticated ? { authenticated } : {}), helo: helos, sender: 'from@example.com' }
  return [
    { ...before, stage: 'connect' },
    ...helos.map((_, index) => ({ ...before, helo: helos.slice(0, index + 1), stage: 'helo' as const })),
    { ...mail, stage: 'mail' },
    { ...mail, recipient, stage: 'rcpt' },
  ] as { readonly stage: DecisionStage }[]
}
