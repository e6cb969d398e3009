/**
 * One message on its way through the milter: who sends it to whom, which of its headers are forged, and the verdict so far.
 */
import { strongerDecision } from '../policy/decide.ts'
import type { GateVerdict } from '../engine/gate.ts'
import { AUTH_RESULTS_FIELD_NAME, isHeaderOf } from '../wire/auth-results.ts'
import type { MilterModification } from '../wire/milter.ts'

/** More than any MTA gives a line in its log. */
const MAX_KEPT_RECIPIENTS = 100
/** Honest mail has none. Deleting is a search through all headers, so that many more would be an attack on the MTA. */
export const MAX_FORGED_HEADERS = 1000

export type MilterMessagePhase = 'envelope' | 'headers' | 'body'

export class MilterMessage {
  readonly sender: string
  readonly recipients: string[] = []
  recipientCount = 0
  phase: MilterMessagePhase = 'envelope'
  /** The most severe one of the recipients that were accepted. */
  verdict: GateVerdict | null = null
  #resultHeaders = 0
  readonly #forged: number[] = []

  constructor(sender: string) {
    this.sender = sender
  }

  get hasTooManyForgedHeaders(): boolean {
    return this.#forged.length > MAX_FORGED_HEADERS
  }

  addRecipient(path: string): void {
    this.recipientCount++
    if (this.recipients.length < MAX_KEPT_RECIPIENTS) this.recipients.push(path)
  }

  accept(verdict: GateVerdict): void {
    const held = this.verdict
    this.verdict = held && strongerDecision(held.decision, verdict.decision) === held.decision ? held : verdict
  }

  /** Indexes count the headers of one name, from 1. */
  addHeader(name: string, value: string, authservId: string): void {
    if (name.trimEnd().toLowerCase() !== RESULTS_NAME) return
    this.#resultHeaders++
    if (!this.hasTooManyForgedHeaders && isHeaderOf(authservId, value)) this.#forged.push(this.#resultHeaders)
  }

  /** The last first, since each deletion moves those below it up. */
  deletions(): MilterModification[] {
    return this.#forged.toReversed().map((index) => ({ kind: 'deleteHeader', index, name: AUTH_RESULTS_FIELD_NAME }))
  }
}

const RESULTS_NAME = AUTH_RESULTS_FIELD_NAME.toLowerCase()
