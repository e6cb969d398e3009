/**
 * Replies on their way to the client: the policy's, the next hop's as it gave them, and the few of the gateway's own.
 * Lines hold what stands behind the code, the enhanced code included, so that nothing is added or lost in writing them.
 */
import type { SmtpReply } from '../policy/decision.ts'
import { formatReply } from '../render/smtp-reply.ts'
import type { ReceivedReply } from '../wire/smtp-reply.ts'

export interface RelayReply {
  readonly code: number
  readonly lines: readonly string[]
}

export function ourReply(code: number, enhanced: string, text: string): RelayReply {
  return policyReply({ code, enhanced, lines: [text] })
}

export function policyReply(reply: SmtpReply): RelayReply {
  const lines = formatReply(reply).trimEnd().split('\r\n')
  return { code: reply.code, lines: lines.map((line) => line.slice(4)) }
}

/** RFC 2034 §4: the enhanced code belongs on every line. Octets are UTF-8, if anything (RFC 6531 §3.7.4.2). */
export function nextHopReply({ code, enhanced, lines }: ReceivedReply): RelayReply {
  const prefix = enhanced === null ? '' : `${enhanced} `
  return { code, lines: lines.map((line) => Buffer.from(line === '' ? prefix.trimEnd() : prefix + line, 'latin1').toString()) }
}

export function isPositive({ code }: RelayReply): boolean {
  return code < 300
}

export const NEXT_HOP_UNAVAILABLE = ourReply(451, '4.4.1', 'The next mail server cannot be reached. Please try again later')
export const NEXT_HOP_LOST = ourReply(451, '4.4.2', 'The connection to the next mail server was lost. Please try again later')
export const NEXT_HOP_CHANGED = ourReply(451, '4.3.5', 'The next mail server has changed what it offers. Please try again later')
export const INTERNAL_ERROR = ourReply(451, '4.3.0', 'Internal error. Please try again later')
export const NEVER_REACHED = ourReply(421, '4.4.1', 'The next mail server cannot be reached. Please try again later')
export const SHUTTING_DOWN = ourReply(421, '4.3.2', 'Shutting down. Please try again later')
export const SESSION_TOO_LONG = ourReply(421, '4.4.2', 'The session has taken too long')
export const NO_PARAMETERS = ourReply(501, '5.5.4', 'Syntax: DATA')
export const NEED_MAIL = ourReply(503, '5.5.1', 'Need MAIL first')
export const NESTED_MAIL = ourReply(503, '5.5.1', 'A message is under way')
export const NEED_RECIPIENT = ourReply(503, '5.5.1', 'Need a recipient that was accepted')
export const TOO_MANY_RECIPIENTS = ourReply(452, '4.5.3', 'Too many recipients')
export const MESSAGE_TOO_BIG = ourReply(552, '5.3.4', 'The message is too big')
