/**
 * One mail transaction of the gateway: from whom to whom, and the verdict so far. It says nothing to anybody.
 */
import type { GateVerdict } from '../engine/gate.ts'
import { strongerDecision } from '../policy/decide.ts'
import type { ReceivedReply } from '../wire/smtp-reply.ts'

/** More than anybody gives a line in its log. */
const MAX_KEPT_RECIPIENTS = 100

export class RelayMessage {
  readonly sender: string
  readonly isUtf8: boolean
  /** Those that the next hop has accepted. */
  readonly recipients: string[] = []
  recipientCount = 0
  /** The most severe one of the recipients that were accepted; null where nobody is judged. */
  verdict: GateVerdict | null = null

  constructor(sender: string, isUtf8: boolean) {
    this.sender = sender
    this.isUtf8 = isUtf8
  }

  accept(recipient: string, verdict: GateVerdict | null): void {
    this.recipientCount++
    if (this.recipients.length < MAX_KEPT_RECIPIENTS) this.recipients.push(recipient)
    const held = this.verdict
    if (verdict === null || (held !== null && strongerDecision(held.decision, verdict.decision) === held.decision)) return
    this.verdict = verdict
  }
}

/** How Postfix, Exim, Exchange, Sendmail, OpenSMTPD and qmail name a message that they have taken; null for anything else. */
export function queueIdOf({ lines }: ReceivedReply): string | null {
  const text = lines.join(' ').slice(0, MAX_SEARCHED)
  for (const pattern of QUEUE_IDS) {
    const [, id] = pattern.exec(text) ?? []
    if (id !== undefined) return id
  }
  return null
}

const MAX_SEARCHED = 1000
const QUEUE_IDS = [
  /\bqueued as ([\w.-]{1,64})/i,
  /\bInternalId=([0-9]{1,32})/i,
  /\bid=([\w.-]{1,64})/i,
  /^([\w.-]{1,64}) Message accepted/i,
  /\bqp ([0-9]{1,20})/i,
] as const
