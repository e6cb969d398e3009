/**
 * Takes what was pasted apart: a bounce, header fields, log lines, a bare reply or free text → passages in which a receiver may
 * speak, with what is known of each beside its words. It understands no receiver's words itself: see personas/recognise.ts.
 */
import type { IpAddress } from '../core/address.ts'
import { normalText } from '../personas/recognise.ts'
import { parseReply } from '../wire/smtp-reply.ts'
import { fieldValue, parseMessage, splitHeader, type HeaderField, type MailMessage, type MessagePart } from './message.ts'

export type InputKind = 'reply' | 'bounce' | 'authenticationResults' | 'received' | 'logLine' | 'text'

export interface Passage {
  /** Normal text: see `normalText`. */
  readonly text: string
  /** The server that spoke, where something beside the words names it. */
  readonly host: string | null
  /** The code of a delivery status that belongs to the words. */
  readonly status: string | null
  readonly client: LoggedClient | null
}

export interface LoggedClient {
  readonly address: IpAddress
  readonly claimedName: string | null
}

/** The client of a line in the log of the server that refused it; undefined for any other line. */
export type ReadLogLine = (line: string) => LoggedClient | undefined

export interface TakenApart {
  readonly kind: InputKind
  /** The most telling first. */
  readonly passages: readonly Passage[]
  /** Of a message within the message: for where nothing else tells. */
  readonly enclosed: readonly Passage[]
  /** For a message or a header: what it says of its way. */
  readonly fields: readonly HeaderField[]
  /** A delivery status: its header tells of its own way only. */
  readonly isReport: boolean
}

export function takeApart(text: string, readLogLine: ReadLogLine): TakenApart {
  const lines = text.split(/\r\n?|\n/)
  if (lines.some((line) => LOG_LINE.test(line))) return { kind: 'logLine', passages: logPassages(lines, readLogLine), ...NO_MESSAGE }
  const message = parseMessage(text)
  if (message && isMessage(message)) return messageApart(message)
  const trimmed = text.trim()
  const isReply = parseReply(trimmed, { atEnd: true }).kind === 'reply'
  return { kind: isReply ? 'reply' : 'text', passages: [...statusPassages(text), passage(text)], ...NO_MESSAGE }
}

const NO_MESSAGE = { enclosed: [], fields: [], isReport: false } as const

/** Of syslog, with a program in front of the text, or of Exim itself. */
const LOG_LINE =
  /^(?:<[0-9]{1,3}>[0-9]? ?)?(?:[A-Z][a-z]{2} [ 0-3][0-9] [0-9:.]{8,15}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.,]{8,18}(?:Z|[+-][0-9:]{4,5})?) [^ ]{1,255} [^ :[\]]{1,128}(?:\[[0-9]{1,10}\])?: |^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})? (?:[+-][0-9]{4} )?(?:\[[0-9]+\] )?(?:[0-9A-Za-z]{6}-[0-9A-Za-z-]{9,16} |H=|rejected |SMTP )/

const MAX_LOG_LINES = 500
/** As for replay. */
const MAX_LOG_LINE_LENGTH = 65_536

/** Each line by itself: those before and behind it are of other clients. */
function logPassages(lines: readonly string[], readLogLine: ReadLogLine): readonly Passage[] {
  const told = lines.filter((line) => line.trim() !== '' && line.length <= MAX_LOG_LINE_LENGTH).slice(0, MAX_LOG_LINES)
  return told.map((line) => ({
    ...passage(line),
    client: readLogLine(line) ?? null,
    status: /\bdsn=([245]\.[0-9]{1,3}\.[0-9]{1,3})\b/.exec(line)?.[1] ?? null,
  }))
}

/** A header field or two make no message of a text that merely has a colon in its first line. */
function isMessage({ fields }: MailMessage): boolean {
  return fields.some(({ name }) => KNOWN_FIELDS.has(name))
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'received',
  'authentication-results',
  'return-path',
  'content-type',
  'mime-version',
  'message-id',
  'subject',
  'from',
  'to',
  'date',
  'delivered-to',
  'reporting-mta',
])

/** What is enclosed may be a bounce that somebody passed on; beside a delivery status it is the message that came back. */
function messageApart({ fields, parts }: MailMessage): TakenApart {
  const rank = ({ type }: MessagePart): number => (type === STATUS_TYPE ? 0 : type === 'text/plain' ? 1 : 2)
  const passagesOf = (chosen: readonly MessagePart[]): readonly Passage[] =>
    chosen.toSorted((left, right) => rank(left) - rank(right)).flatMap(partPassages)
  const own = parts.filter(({ isEnclosed }) => !isEnclosed)
  const isReport = /^multipart\/report\b/i.test(fieldValue(fields, 'content-type') ?? '') || own.some(({ type }) => type === STATUS_TYPE)
  // The reports of some servers are plain texts in a plain message.
  const pasted = fields.map(({ name, value }) => `${name}: ${value}`).join('\n')
  const told = [...(fields.some(({ name }) => name === 'reporting-mta') ? statusPassages(pasted) : []), ...passagesOf(own)]
  const enclosed = isReport ? [] : passagesOf(parts.filter(({ isEnclosed }) => isEnclosed))
  const kind = isReport || told.length + enclosed.length > 0 ? 'bounce' : headerKind(fields)
  return { kind, passages: told, enclosed, fields, isReport }
}

const STATUS_TYPE = 'message/delivery-status'

function headerKind(fields: readonly HeaderField[]): 'authenticationResults' | 'received' {
  return fields.some(({ name }) => name === 'authentication-results') ? 'authenticationResults' : 'received'
}

function partPassages({ type, text }: MessagePart): readonly Passage[] {
  if (type === STATUS_TYPE) return statusPassages(text)
  if (type === 'text/rfc822-headers') return []
  return text.trim() === '' ? [] : [...statusPassages(text), passage(text)]
}

const MAX_RECIPIENTS = 100

/** RFC 3464: groups of fields, the first of the message and one a recipient; also where they stand in the middle of a text. */
function statusPassages(text: string): readonly Passage[] {
  const passages: Passage[] = []
  for (const block of text.split(/\r?\n[ \t]*\r?\n/)) {
    const start = block.search(/^(?:final-recipient|original-recipient|action|status|remote-mta|diagnostic-code|reporting-mta):/im)
    if (start < 0) continue
    const { fields } = splitHeader(block.slice(start))
    const diagnostic = fieldValue(fields, 'diagnostic-code')
    const status = /^[245]\.[0-9]{1,3}\.[0-9]{1,3}/.exec(fieldValue(fields, 'status') ?? '')?.[0] ?? null
    if (diagnostic === undefined && status === null) continue
    const host = typedValue(fieldValue(fields, 'remote-mta') ?? '')
    passages.push({ text: normalText(typedValue(diagnostic ?? '')), host: host === '' ? null : host, status, client: null })
    if (passages.length === MAX_RECIPIENTS) break
  }
  return passages
}

/** `dns; mx.example.com`, `smtp; 550 …` */
function typedValue(value: string): string {
  return value.replace(/^[A-Za-z0-9.-]{1,40}\s*;\s*/, '').trim()
}

function passage(text: string): Passage {
  return { text: normalText(text), host: null, status: null, client: null }
}
