/**
 * What a front end needs to be held to the contract: a driver that plays one case over a real socket and tells what came of it.
 * A further front end adds a driver in a file of its own, and its name to contract.test.ts.
 */
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import type { DecisionAction, DecisionStage } from '../../src/policy/decision.ts'
import { FIELDS, formatField, type ContractCase } from './cases.ts'
import type { TestGate } from './gate.ts'

export interface ContractDriver {
  readonly name: string
  /** The message passes through it; else it can only say which header to add. */
  readonly seesMessages: boolean
  /** It can have a message put aside; else that is left to whoever reads the verdict. */
  readonly canHold: boolean
  run(testCase: ContractCase, setting: TestGate): Promise<ContractOutcome>
  /** Where the protocol has no room for what is expected: what it says in its place. */
  adapt?(expected: ContractOutcome, testCase: ContractCase): ContractOutcome
}

export interface ContractOutcome {
  /** As it is reported to whoever logs. */
  readonly action: DecisionAction
  readonly rule: string
  /** The first step that was refused. */
  readonly refusedAt: DecisionStage | null
  /** As SMTP has it on the wire, CRLF included. */
  readonly reply: string | null
  /** After all steps, also those behind a refusal. */
  readonly isTaken: boolean
  /** Unfolded, from the top: all of a message that was taken, or what is to be added to it. */
  readonly fields: readonly string[]
  readonly held: string | null
  /** Faults of ours or of the protocol, of which there must be none. */
  readonly faults: readonly GateEvent[]
}

export function expectedOutcome(driver: ContractDriver, testCase: ContractCase): ContractOutcome {
  const { action, rule, refusedAt, reply, header, forgedHeaders } = testCase.expect
  const isTaken = refusedAt === null
  const sent = driver.seesMessages ? FIELDS.filter(({ isForged }) => !isForged || forgedHeaders === 'kept').map(formatField) : []
  const expected: ContractOutcome = {
    action,
    rule,
    refusedAt,
    reply,
    isTaken,
    fields: isTaken ? [...(header === null ? [] : [header]), ...sent] : [],
    held: driver.canHold && action === 'quarantine' ? `ptrgate: ${rule}` : null,
    faults: [],
  }
  return driver.adapt?.(expected, testCase) ?? expected
}

/** The first thing that was decided, and the faults, from the events of a front end. */
export function reported(events: readonly GateEvent[]): Pick<ContractOutcome, 'action' | 'rule' | 'faults'> {
  const faults = events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError' || kind === 'socketError')
  for (const event of events) {
    if (event.kind === 'skipped') return { action: 'accept', rule: event.rule, faults }
    if (event.kind === 'decision') return { action: event.verdict.decision.action, rule: event.verdict.decision.rule, faults }
  }
  return { action: 'accept', rule: 'nothing was reported', faults }
}
