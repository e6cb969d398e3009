/**
 * A message taken apart as far as a bounce needs it: header fields, and the leaves of a MIME tree with their texts decoded (RFC 2045,
 * RFC 2046). Everything is bounded, nothing is refused: what is malformed stays as it is. Attachments are not looked into.
 */

export interface MailMessage {
  readonly fields: readonly HeaderField[]
  readonly parts: readonly MessagePart[]
}

export interface HeaderField {
  /** In lower case. */
  readonly name: string
  /** Unfolded. */
  readonly value: string
}

export interface MessagePart {
  /** `text/plain`, in lower case. */
  readonly type: string
  readonly text: string
  /** It belongs to a message within the message: mostly the one that came back. */
  readonly isEnclosed: boolean
}

/** Undefined where the text does not begin with a header. */
export function parseMessage(text: string): MailMessage | undefined {
  const { fields, body } = splitHeader(
    text
      .replace(/\r\n?/g, '\n')
      .replace(/^\n+/, '')
      .replace(/^>?From [^\n]*\n/, ''),
  )
  if (fields.length === 0) return undefined
  const parts: MessagePart[] = []
  collectParts({ fields, body, depth: 0, isEnclosed: false }, parts)
  return { fields, parts }
}

export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value
}

/** Fields up to the first empty line; a line that is none ends them as well, and belongs to the body. */
export function splitHeader(text: string): { readonly fields: readonly HeaderField[]; readonly body: string } {
  const fields: { name: string; value: string }[] = []
  let offset = 0
  while (offset < text.length && fields.length < MAX_FIELDS) {
    const lineEnd = text.indexOf('\n', offset)
    const end = lineEnd < 0 ? text.length : lineEnd
    const line = text.slice(offset, end)
    if (line.trim() === '') return { fields, body: text.slice(end + 1) }
    const last = fields.at(-1)
    const [front, name] = FIELD.exec(line) ?? []
    if (/^[ \t]/.test(line) && last) {
      if (last.value.length < MAX_FIELD_LENGTH) last.value = keepBounded(`${last.value} ${line.trim()}`)
    } else if (front !== undefined && name !== undefined) {
      fields.push({ name: name.toLowerCase(), value: keepBounded(line.slice(front.length).trim()) })
    } else return { fields, body: text.slice(offset) }
    offset = end + 1
  }
  return { fields, body: text.slice(offset) }
}

const FIELD = /^([A-Za-z][!-9;-~]{0,76}):/
const MAX_FIELDS = 500
const MAX_FIELD_LENGTH = 16_384

function keepBounded(value: string): string {
  return value.length > MAX_FIELD_LENGTH ? value.slice(0, MAX_FIELD_LENGTH) : value
}

interface Entity {
  readonly fields: readonly HeaderField[]
  readonly body: string
  readonly depth: number
  readonly isEnclosed: boolean
}

const MAX_DEPTH = 8
const MAX_PARTS = 64

function collectParts({ fields, body, depth, isEnclosed }: Entity, parts: MessagePart[]): void {
  if (parts.length >= MAX_PARTS || depth > MAX_DEPTH) return
  const contentType = fieldValue(fields, 'content-type') ?? 'text/plain'
  const type = (/^[a-z0-9-]+\/[a-z0-9.+-]+/i.exec(contentType)?.[0] ?? 'text/plain').toLowerCase()
  const boundary = parameterOf(contentType, 'boundary')
  if (type.startsWith('multipart/') && boundary !== undefined) {
    for (const part of splitMultipart(body, boundary)) collectParts({ ...splitHeader(part), depth: depth + 1, isEnclosed }, parts)
    return
  }
  const isText = type.startsWith('text/') || type.startsWith('message/')
  if (!isText) return
  const decoded = decodeBody(body, fieldValue(fields, 'content-transfer-encoding') ?? '', parameterOf(contentType, 'charset') ?? '')
  if (type === 'message/rfc822' || type === 'message/global')
    collectParts({ ...splitHeader(decoded.replace(/^\n+/, '')), depth: depth + 1, isEnclosed: true }, parts)
  else parts.push({ type, text: type === 'text/html' ? textOfHtml(decoded) : decoded, isEnclosed })
}

/** Quoted or not; names in any case. */
function parameterOf(value: string, name: string): string | undefined {
  for (const [, found = '', quoted, plain] of value.slice(0, MAX_PARAMETERS).matchAll(PARAMETER)) {
    if (found.toLowerCase() === name) return quoted?.replace(/\\(.)/g, '$1') ?? plain
  }
  return undefined
}

const MAX_PARAMETERS = 2000
const PARAMETER = /;\s{0,20}([a-z0-9*-]{1,40})\s{0,20}=\s{0,20}(?:"((?:[^"\\]|\\.){0,500})"|([^\s;"]{1,500}))/gi

/** What stands ahead of the first boundary and behind the last is none of the parts. */
function splitMultipart(body: string, boundary: string): readonly string[] {
  const parts: string[] = []
  let start = -1
  let offset = 0
  while (offset <= body.length && parts.length < MAX_PARTS) {
    const lineEnd = body.indexOf('\n', offset)
    const end = lineEnd < 0 ? body.length : lineEnd
    const isBoundary = body.startsWith(`--${boundary}`, offset) && /^(?:--)?[ \t]*$/.test(body.slice(offset + 2 + boundary.length, end))
    if (isBoundary) {
      if (start >= 0) parts.push(body.slice(start, offset))
      start = end + 1
      if (body.startsWith('--', offset + 2 + boundary.length)) return parts
    }
    if (lineEnd < 0) break
    offset = end + 1
  }
  // It was cut off.
  if (start >= 0 && start < body.length) parts.push(body.slice(start))
  return parts
}

function decodeBody(body: string, encoding: string, charset: string): string {
  switch (encoding.trim().toLowerCase()) {
    case 'quoted-printable':
      return decodeOctets(octetsOf(body.replace(/[ \t]+$/gm, '').replace(/=\n/g, ''), true), charset)
    case 'base64':
      return decodeOctets(Buffer.from(body.replace(/[^A-Za-z0-9+/]/g, ''), 'base64'), charset)
    default:
      return body
  }
}

/** Letters beyond ASCII were decoded before, and are put back as they came. */
function octetsOf(text: string, isQuoted: boolean): Buffer {
  const unquoted = isQuoted ? text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))) : text
  return /^[\0-\xff]*$/.test(unquoted) ? Buffer.from(unquoted, 'latin1') : Buffer.from(unquoted)
}

/** Only whether it is UTF-8 matters: the texts that are looked for are ASCII. */
function decodeOctets(octets: Buffer, charset: string): string {
  const text = /^utf-?8$/i.test(charset) ? octets.toString('utf8') : octets.toString('latin1')
  return text.replace(/\r\n?/g, '\n')
}

/** The words of a page. */
function textOfHtml(html: string): string {
  return withoutElements(html)
    .replace(/<[^<>]{0,4000}>/g, ' ')
    .replace(/&(?:#([0-9]{1,6})|#x([0-9a-f]{1,5})|([a-z]{2,6}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole
      const point = decimal === undefined ? parseInt(hex ?? '0', 16) : Number(decimal)
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole
    })
}

/** What scripts and style sheets hold is no text. An element without an end reaches to the end of the page. */
function withoutElements(html: string): string {
  const kept: string[] = []
  let offset = 0
  for (const { index, 1: name = '' } of html.matchAll(/<(script|style)\b/gi)) {
    if (index < offset) continue
    kept.push(html.slice(offset, index))
    const end = new RegExp(`</${name}`, 'gi')
    end.lastIndex = index
    if (!end.test(html)) return kept.join(' ')
    offset = end.lastIndex
  }
  return [...kept, html.slice(offset)].join(' ')
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' }
