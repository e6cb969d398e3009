/** What smtp-server's hooks answer: an error that it turns into a reply. */
import type { SMTPServerError } from 'smtp-server'
import type { SmtpReply } from '../policy/decision.ts'
import { formatReply } from '../render/smtp-reply.ts'

/**
 * smtp-server writes one line, and no enhanced code at connect: the code goes into the text, and several lines into one.
 * What would not fit the 512 octets of a line is cut at a word.
 */
export function refusal(reply: SmtpReply): SMTPServerError {
  const wire = formatReply({ ...reply, lines: [reply.lines.join(' ')] })
  return Object.assign(new Error(wire.slice(4, wire.indexOf('\r\n'))), { responseCode: reply.code })
}

/** The answer that smtp-server itself gives for a handler that throws. */
export function handlerFailure(): SMTPServerError {
  return Object.assign(new Error('4.3.0 Error: internal server error'), { responseCode: 451 })
}
