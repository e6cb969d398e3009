/**
 * The one place that makes strangers' text harmless, for each surface that shows it. The base is printable ASCII: every
 * other character, be it a control, a line end, ESC, a bidirectional mark, 8-bit or a lone surrogate, is shown as `\u{1b}`.
 * Domain names arrive in normal form and so carry their own `\013`; they pass through here all the same.
 */
import { escapeUnprintable } from '../core/printable.ts'
import { escapeComment } from '../wire/auth-results.ts'

export { quoteString as quoteForHeader } from '../wire/auth-results.ts'

/** Where a text will be read. `comment` is the inside of a header comment; for header values there is `quoteForHeader`. */
export type Surface = 'terminal' | 'smtp' | 'log' | 'comment' | 'html'

export function escapeFor(surface: Surface, text: string): string {
  return ESCAPES[surface](text)
}

/** Letters beyond ASCII are escaped as well: in names from the DNS they are octets of no known charset, or a disguise. */
export function escapeForTerminal(text: string): string {
  return escapeUnprintable(text)
}

/** For the text of a reply line. Its length is the business of `formatReply`. */
export function escapeForSmtp(text: string): string {
  return escapeUnprintable(text)
}

/** For the inside of a log value in double quotes, which it does not add. */
export function escapeForLog(text: string): string {
  return escapeUnprintable(text).replace(/["\\]/g, '\\$&')
}

/** For text and for attribute values in either kind of quotes. */
export function escapeForHtml(text: string): string {
  return escapeUnprintable(text).replace(/[&<>"'`]/g, (character) => HTML_ENTITIES[character] ?? '')
}

/** The JSON text itself as printable ASCII: as lossless as before, and safe to print on a terminal. */
export function escapeJson(json: string): string {
  return UNSAFE_IN_JSON.test(json) ? json.replace(/[^\n\x20-\x7e]/g, escapeCodeUnit) : json
}

const ESCAPES: Readonly<Record<Surface, (text: string) => string>> = {
  terminal: escapeForTerminal,
  smtp: escapeForSmtp,
  log: escapeForLog,
  comment: escapeComment,
  html: escapeForHtml,
}

const HTML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

const UNSAFE_IN_JSON = /[^\n\x20-\x7e]/

function escapeCodeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
