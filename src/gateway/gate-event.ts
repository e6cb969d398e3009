/**
 * What a front end tells whoever logs and counts: one decision, one disagreement, one fault at a time. Raw facts from strangers:
 * rendering escapes them. It holds no protocol.
 */
import type { IpAddress } from '../core/address.ts'
import type { DecisionStage } from '../policy/decision.ts'
import type { GateVerdict } from '../engine/gate.ts'

/** Everything that an admin greps for; what is not known is null. */
export interface GateClient {
  readonly address: IpAddress | null
  readonly claimedName: string | null
  readonly authenticated: boolean
  /** Mailboxes stand without angle brackets; the empty sender is an empty text. */
  readonly sender: string | null
  /** At a recipient's own decision that one alone; at a message's those that were accepted, as far as they are kept. */
  readonly recipients: readonly string[]
  readonly recipientCount: number
  readonly queueId: string | null
}

/** `message`: all recipients are settled, and the message is taken with this verdict. */
export type GateMoment = DecisionStage | 'message'

/** What the MTA's own lookup said. It is compared, and never believed. */
export interface MtaOpinion {
  readonly result: 'pass' | 'fail' | 'temperror' | 'permerror'
  readonly clientName: string | null
  readonly ptrName: string | null
  /** Which MTA, at which of its addresses and ports, and how it writes the client: `mail.example.com [198.51.100.7]`. */
  readonly mtaName: string | null
  readonly listenerAddress: string | null
  readonly listenerPort: string | null
  readonly peer: string | null
}

export type GateEvent =
  /** A refusal that was spoken, or a message that was let through. */
  | { readonly kind: 'decision'; readonly moment: GateMoment; readonly verdict: GateVerdict; readonly client: GateClient }
  /** Not judged, and why: a rule of the policy (`loopback`, `trustedNetworks` …), `unixSocket` or `unknownAddress`. */
  | { readonly kind: 'skipped'; readonly rule: string; readonly client: GateClient }
  /** Once a session. */
  | { readonly kind: 'disagreement'; readonly address: IpAddress; readonly byMta: MtaOpinion; readonly verdict: GateVerdict }
  /** That connection is closed. */
  | { readonly kind: 'protocolError'; readonly reason: string }
  /** Ours; the client gets what the policy says for it. */
  | { readonly kind: 'internalError'; readonly error: unknown }
  /** Trouble with the listening socket, or with one connection. */
  | { readonly kind: 'socketError'; readonly error: Error }

/** Of an envelope's path, which some protocols give with its angle brackets. */
export function mailboxOf(path: string): string {
  return path.startsWith('<') && path.endsWith('>') ? path.slice(1, -1) : path
}
