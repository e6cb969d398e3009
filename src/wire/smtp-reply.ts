/**
 * SMTP replies as they come over the wire (RFC 5321 §4.2, enhanced codes of RFC 2034): text → value, multi-line, bounded.
 * It judges nothing and escapes nothing: lines hold the peer's raw octets as latin1. Writing is render/smtp-reply.ts.
 */

export interface ReceivedReply {
  readonly code: number
  /** As it stood, even when its class is not the code's (`550 4.7.1`); null where there is none. */
  readonly enhanced: string | null
  /** Without code, enhanced code and line end. */
  readonly lines: readonly string[]
}

export type ParsedReply =
  /** `length`: how many characters it took; what follows belongs to the next reply. */
  | { readonly kind: 'reply'; readonly reply: ReceivedReply; readonly length: number }
  /** So far legal; more must come. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'error'; readonly offset: number; readonly reason: ReplyErrorReason }

type ReplyErrorReason = 'code' | 'separator' | 'codeChanges' | 'lineTooLong' | 'tooManyLines'

export interface ParseReplyOptions {
  /** Nothing more will come: the last line may lack its line end, as in a pasted text. */
  readonly atEnd?: boolean | undefined
}

/** RFC 5321 §4.5.3.1.5 allows 512 octets; real servers write longer lines, and no reply needs this much. */
export const MAX_RECEIVED_LINE_LENGTH = 4096
export const MAX_RECEIVED_LINES = 200

/** Tolerates LF without CR, a code without a space after it, and the codes of real life beyond RFC 5321's (`571`). */
export function parseReply(text: string, options: ParseReplyOptions = {}): ParsedReply {
  const lines: string[] = []
  let code: string | undefined
  let offset = 0
  for (;;) {
    const lineFeed = text.indexOf('\n', offset)
    const end = lineFeed < 0 ? text.length : lineFeed
    if (end - offset > MAX_RECEIVED_LINE_LENGTH) return { kind: 'error', offset: offset + MAX_RECEIVED_LINE_LENGTH, reason: 'lineTooLong' }
    const isWhole = lineFeed >= 0 || options.atEnd === true
    const line = text.slice(offset, lineFeed > offset && text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end)
    const problem = problemOf(line, isWhole, code)
    if (problem) return { kind: 'error', offset: offset + problem.at, reason: problem.reason }
    if (!isWhole) return { kind: 'incomplete' }
    code = line.slice(0, 3)
    lines.push(line.slice(4))
    offset = lineFeed < 0 ? end : lineFeed + 1
    if (line.charAt(3) !== '-') return { kind: 'reply', reply: replyOf(Number(code), lines), length: offset }
    if (lines.length === MAX_RECEIVED_LINES) return { kind: 'error', offset, reason: 'tooManyLines' }
    if (lineFeed < 0) return { kind: 'incomplete' }
  }
}

const CARRIAGE_RETURN = 13

/** A line that is not whole yet is judged by what is there. */
function problemOf(line: string, isWhole: boolean, code: string | undefined): { at: number; reason: ReplyErrorReason } | undefined {
  const start = line.slice(0, 3)
  if (!(isWhole ? WHOLE_CODE : PART_OF_CODE).test(start)) return { at: 0, reason: 'code' }
  if (code !== undefined && !code.startsWith(start)) return { at: 0, reason: 'codeChanges' }
  const separator = line.charAt(3)
  const isLegal = separator === '' || separator === ' ' || separator === '-' || (separator === '\r' && !isWhole)
  return isLegal ? undefined : { at: 3, reason: 'separator' }
}

const WHOLE_CODE = /^[2-5][0-9]{2}$/
const PART_OF_CODE = /^(?:[2-5][0-9]{0,2})?$/

/** RFC 2034 §4: the enhanced code stands on every line; a line that lacks it is kept as it is. */
function replyOf(code: number, lines: readonly string[]): ReceivedReply {
  const enhanced = ENHANCED.exec(lines[0] ?? '')?.[0] ?? null
  if (enhanced === null) return { code, enhanced, lines }
  return { code, enhanced, lines: lines.map((line) => withoutPrefix(line, enhanced)) }
}

const ENHANCED = /^[245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)/

function withoutPrefix(line: string, enhanced: string): string {
  if (line === enhanced) return ''
  return line.startsWith(`${enhanced} `) ? line.slice(enhanced.length + 1) : line
}
