/**
 * Text between an MTA and us: how it writes addresses, and what may stand in what we put into its message or SMTP session
 * (milter modifications and replies, policy actions). It refuses and never escapes: rendering has escaped before, so a
 * character that is not allowed is a programmer's error and throws a RangeError. Text is octets as latin1 characters.
 */
import type { IpAddress } from '../core/address.ts'
import { parseAddress } from '../core/address.ts'
import { isPrintable } from '../core/printable.ts'
import type { ReceivedReply } from './smtp-reply.ts'
import { parseReply } from './smtp-reply.ts'

export type Refusal =
  { readonly kind: 'refusal'; readonly reply: ReceivedReply } | { readonly kind: 'problem'; readonly problem: 'format' | 'class' }

/**
 * One whole rendered reply (`550-5.7.25 …CRLF550 5.7.25 …`, the last CRLF may be absent) that refuses: 4xx or 5xx, printable
 * ASCII, lines that end in CRLF, the enhanced code of the same class (RFC 3463 §2), nothing behind it.
 */
export function readRefusal(text: string): Refusal {
  const parsed = parseReply(text, { atEnd: true })
  if (parsed.kind !== 'reply' || parsed.length !== text.length) return { kind: 'problem', problem: 'format' }
  const { reply } = parsed
  if (reply.code < 400 || !rawLines(text).every((line) => REPLY_LINE.test(line))) return { kind: 'problem', problem: 'format' }
  const agree = reply.enhanced === null || reply.enhanced.startsWith(String(reply.code).charAt(0))
  return agree ? { kind: 'refusal', reply } : { kind: 'problem', problem: 'class' }
}

const REPLY_LINE = /^[0-9]{3}[ -][\x20-\x7e]*$/

function rawLines(text: string): string[] {
  return (text.endsWith('\r\n') ? text.slice(0, -2) : text).split('\r\n')
}

export interface RefusalLines {
  readonly code: number
  /** What stands behind the code: the enhanced code, if there is one, and text. */
  readonly lines: readonly string[]
}

/**
 * As `readRefusal`, for sending. Rendering lets no class differ, so an enhanced code of another class is text that looks
 * like one. MTAs take it for one, and Postfix so takes any digit: such text gets a code of the right class ahead of it.
 */
export function requireRefusal(text: string): RefusalLines {
  const read = readRefusal(text)
  if (read.kind === 'problem' && read.problem === 'format') throw new RangeError(`not an SMTP reply that refuses: ${JSON.stringify(text)}`)
  const lines = rawLines(text).map((line) => line.slice(4))
  const isMisread = read.kind === 'problem' || (read.reply.enhanced === null && /^[0-9]/.test(lines[0] ?? ''))
  return { code: Number(text.slice(0, 3)), lines: isMisread ? lines.map((line) => `${text.charAt(0)}.0.0 ${line}`) : lines }
}

export function requirePrintable(text: string, what: string): void {
  if (!isPrintable(text)) throw new RangeError(`not printable ASCII in a ${what}: ${JSON.stringify(text)}`)
}

/** RFC 5322 §2.2: printable ASCII without colon and space. */
export function requireHeaderName(name: string): void {
  if (!HEADER_NAME.test(name)) throw new RangeError(`not a header name: ${JSON.stringify(name)}`)
}

const HEADER_NAME = /^[!-9;-~]{1,255}$/

/** Folded by LF alone, as milters write it: an MTA makes its own line ends. Every line holds more than white space. */
export function foldedHeaderValue(value: string): string {
  const folded = value.replaceAll('\r\n', '\n')
  if (!FOLDED_VALUE.test(folded)) throw new RangeError(`not a header value: ${JSON.stringify(value)}`)
  return folded
}

/** On a single line. */
export function unfoldedHeaderValue(value: string): string {
  return foldedHeaderValue(value).replace(/\n[\t ]+/g, ' ')
}

const FOLDED_VALUE = /^[\t\x20-\x7e\x80-\xff]*(?:\n[\t ]+[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)*$/

/** An address of the envelope as the MTA writes it, with its angle brackets, or ESMTP parameters. */
export function requireEnvelopeText(text: string): void {
  if (!ENVELOPE_TEXT.test(text)) throw new RangeError(`not an envelope address or parameter: ${JSON.stringify(text)}`)
}

const ENVELOPE_TEXT = /^[\x20-\x7e\x80-\xff]+$/

/** Sendmail writes `IPv6:` ahead of an IPv6 address; Postfix leaves the zone behind a link-local one. */
export function parseMtaAddress(text: string): IpAddress | undefined {
  if (text.length > MAX_ADDRESS_TEXT) return undefined
  return parseAddress(text.replace(/^IPv6:/i, '').replace(/%.*$/s, ''))
}

/** Prefix, address and the name of an interface. */
const MAX_ADDRESS_TEXT = 128
