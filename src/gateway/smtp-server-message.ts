/**
 * The two things that smtp-server's hooks carry: a refusal as the error that it turns into a reply, and the data stream with our
 * header before it and forged ones taken out. A stream so filtered behaves towards host and server as the bare one does.
 */
import type { SMTPServerDataStream, SMTPServerError } from 'smtp-server'
import type { SmtpReply } from '../policy/decision.ts'
import { formatReply } from '../render/smtp-reply.ts'
import { AUTH_RESULTS_FIELD_NAME, formatAuthResults, parseAuthResults } from '../wire/auth-results.ts'
import { headerStream } from './header-stream.ts'

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

export function filteredStream(source: SMTPServerDataStream, authservId: string, header: string | null): SMTPServerDataStream {
  const filtered = headerStream({ authservId, header: header === null ? null : foldField(header) })
  // An error event that nobody listens to would end the process: smtp-server, too, asks before it emits one.
  const destroy = (error?: Error): void => void filtered.destroy(filtered.listenerCount('error') > 0 ? error : undefined)
  // By hand, since pipe() would itself listen for errors of the stream that the host gets.
  source.on('data', (chunk) => {
    if (!filtered.write(chunk)) source.pause()
  })
  filtered.on('drain', () => source.resume())
  source.once('end', () => filtered.end())
  source.once('error', destroy)
  source.once('close', () => {
    if (!source.readableEnded) destroy()
  })
  filtered.once('close', () => {
    if (!source.readableEnded) source.destroy()
  })
  return Object.defineProperties(filtered, {
    byteLength: { get: () => source.byteLength, enumerable: true },
    sizeExceeded: { get: () => source.sizeExceeded, enumerable: true },
  }) as SMTPServerDataStream
}

/**
 * Gives the host's answer to smtp-server, which replies when the message is over. A host that has answered will not read what it
 * has not begun to read, and a stream that it has destroyed is over: both as smtp-server holds it for the bare stream.
 */
export function answerData(source: SMTPServerDataStream, filtered: SMTPServerDataStream, answer: () => void): void {
  if (filtered.destroyed) source.destroy()
  answer()
  if (filtered.readableFlowing === null) filtered.resume()
}

function foldField(field: string): string {
  const parsed = parseAuthResults(field)
  if (parsed.kind === 'error') return field
  return `${AUTH_RESULTS_FIELD_NAME}: ${formatAuthResults(parsed.value, { fold: true })}`
}
