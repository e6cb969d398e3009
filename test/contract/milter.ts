/** The milter under the contract, asked by an MTA that does to the message what it is told. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { ListenAddress } from '../../src/gateway/listen.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import type { DecisionStage } from '../../src/policy/decision.ts'
import type { MilterModification, MilterOffer, MilterReply } from '../../src/wire/milter.ts'
import { isRefusal, MilterTestClient, POSTFIX_OFFER, type MilterMailResult } from '../gateway/milter-client.ts'
import { FIELDS, formatField, type ContractCase, type Field } from './cases.ts'
import { reported, type ContractDriver, type ContractOutcome } from './driver.ts'

const TCP: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 }

export const MILTER_DRIVERS: readonly ContractDriver[] = [
  milterDriver('milter, version 6', POSTFIX_OFFER, () => TCP),
  milterDriver('milter, version 4, which knows no silence', { version: 4, actions: 0x1ff, steps: 0x37f }, () => TCP),
  milterDriver('milter, version 2', { version: 2, actions: 0x3f, steps: 0x7f }, () => TCP),
  milterDriver('milter on a unix socket', POSTFIX_OFFER, unixAddress),
]

function unixAddress(): ListenAddress {
  return { kind: 'unix', path: join(tmpdir(), `ptrgate-milter-${crypto.randomUUID()}.sock`) }
}

function milterDriver(name: string, offer: MilterOffer, address: () => ListenAddress): ContractDriver {
  return {
    name,
    seesMessages: true,
    canHold: true,
    async run(testCase, { gate }) {
      const events: GateEvent[] = []
      const milter = await startMilter({ address: address(), gate, onEvent: (event) => events.push(event) })
      try {
        await using mta = await MilterTestClient.connect(milter.address)
        await mta.negotiate(offer)
        return { ...(await converse(mta, testCase)), ...reported(events) }
      } finally {
        await milter.close(0)
      }
    },
  }
}

async function converse(mta: MilterTestClient, { client }: ContractCase): Promise<Omit<ContractOutcome, 'action' | 'rule' | 'faults'>> {
  const answers: (readonly [DecisionStage, MilterReply | null])[] = [['connect', await mta.connectFrom(client.address)]]
  for (const claimedName of client.helos) answers.push(['helo', await mta.helo(claimedName)])
  // Whoever is let through at the start is asked no more.
  const isOver = answers.some(([, reply]) => reply?.kind === 'accept')
  const macros = client.authenticated ? { '{auth_type}': 'PLAIN' } : {}
  const headers = FIELDS.map(({ name, value }) => [name, value.replaceAll('\r\n', '\n')] as const)
  const mail = isOver ? UNASKED : await mta.deliver({ recipients: [client.recipient ?? ''], headers, macros })
  answers.push(['mail', mail.mail], ['rcpt', mail.recipients[0] ?? null])
  const [refusedAt, refusal] = answers.find(([, reply]) => isRefusal(reply)) ?? [null, null]
  const isTaken = mail.end?.reply.kind === 'accept'
  const changes = mail.end?.modifications ?? []
  return {
    refusedAt,
    reply: refusal?.kind === 'replyCode' ? `${refusal.text}\r\n` : (refusal?.kind ?? null),
    isTaken,
    fields: isTaken ? changes.reduce(applyTo, FIELDS).map(formatField) : [],
    held: changes.find((change) => change.kind === 'quarantine')?.reason ?? null,
  }
}

const UNASKED: MilterMailResult = { mail: null, recipients: [], end: { reply: { kind: 'accept' }, modifications: [] } }

/** As Postfix and Sendmail do it: indexes count the fields of one name from 1, and 0 is the very top. */
function applyTo(fields: readonly Field[], change: MilterModification): readonly Field[] {
  if (change.kind === 'insertHeader') return fields.toSpliced(change.index, 0, { name: change.name, value: change.value, isForged: false })
  if (change.kind !== 'deleteHeader') return fields
  const named = fields.filter(({ name }) => name.toLowerCase() === change.name.toLowerCase())
  return fields.filter((field) => field !== named[change.index - 1])
}
