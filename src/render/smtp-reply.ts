/**
 * SMTP replies for the wire (RFC 5321 §4.2, RFC 2034): a value → lines of at most 512 octets with CRLF, printable ASCII.
 * Whatever text is in the value, the result is one reply with the value's code, and nothing after it.
 */
import { escapeForSmtp } from './escape.ts'
import type { SmtpReply } from '../policy/decision.ts'

/** RFC 5321 §4.5.3.1.5, the code and CRLF included. */
export const MAX_REPLY_LINE_OCTETS = 512
/** More would be a text, not a reply; the rest is left out and marked by `...`. */
export const MAX_REPLY_LINES = 50

/**
 * Long lines are broken at spaces, else hard. An enhanced code that is malformed, or of another class than the basic
 * code, is left out: the two must agree (RFC 3463 §2). Throws when the basic code is none.
 */
export function formatReply(reply: SmtpReply): string {
  if (!Number.isInteger(reply.code) || reply.code < 200 || reply.code > 599) throw new TypeError(`not a reply code: ${String(reply.code)}`)
  const code = String(reply.code)
  const enhanced = reply.enhanced !== null && agrees(code, reply.enhanced) ? `${reply.enhanced} ` : ''
  const lines = breakLines(reply.lines, MAX_REPLY_LINE_OCTETS - 2 - code.length - 1 - enhanced.length)
  let text = ''
  for (const [index, line] of lines.entries()) {
    const separator = index === lines.length - 1 ? ' ' : '-'
    text += `${code}${separator}${line === '' ? enhanced.trimEnd() : enhanced + line}\r\n`
  }
  return text
}

function agrees(code: string, enhanced: string): boolean {
  return ENHANCED.test(enhanced) && enhanced.charAt(0) === code.charAt(0)
}

const ENHANCED = /^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/

function breakLines(texts: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const text of texts) {
    let rest = escapeForSmtp(text)
    while (rest.length > width && lines.length <= MAX_REPLY_LINES) {
      const space = rest.lastIndexOf(' ', width)
      const end = space > 0 ? space : width
      lines.push(rest.slice(0, end))
      rest = rest.slice(space > 0 ? end + 1 : end)
    }
    lines.push(rest)
    if (lines.length > MAX_REPLY_LINES) return [...lines.slice(0, MAX_REPLY_LINES - 1), '...']
  }
  return lines.length === 0 ? [''] : lines
}
