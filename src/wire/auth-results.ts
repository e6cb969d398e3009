/**
 * Authentication-Results header fields: text ⇄ value by the whole grammar of RFC 8601 §2.2 (with RFC 5322 CFWS, RFC 2045
 * tokens, RFC 5321 local parts, and the non-ASCII text of RFC 6532 on input). It decides nothing about who may be believed.
 * Output is printable ASCII: anything else in a value, comment or reason is written as `\u{0d}`, so no text can end the line.
 */
import { escapeUnprintable, isPrintable } from '../core/printable.ts'

export interface AuthResults {
  readonly authservId: string
  /** Null when the field names none, which means 1. */
  readonly version: number | null
  /** The text of comments before the first result; several are joined by a space. */
  readonly comment: string | null
  /** Empty for `none`. */
  readonly results: readonly AuthResult[]
}

export interface AuthResult {
  /** Keywords are lower-cased when read. */
  readonly method: string
  readonly methodVersion: number | null
  readonly result: string
  /** Free text for people; software must not read it. */
  readonly comment: string | null
  readonly reason: string | null
  readonly properties: readonly AuthProperty[]
}

export interface AuthProperty {
  readonly ptype: string
  readonly property: string
  readonly value: string
  readonly comment: string | null
}

export type ParsedAuthResults = { readonly kind: 'authResults'; readonly value: AuthResults } | AuthResultsError

interface AuthResultsError {
  readonly kind: 'error'
  /** Index into the text that was given. */
  readonly offset: number
  readonly reason: AuthResultsErrorReason
}

export type AuthResultsErrorReason =
  | 'tooLong'
  | 'character'
  | 'lineEnd'
  | 'unterminatedComment'
  | 'unterminatedString'
  | 'nestedTooDeep'
  | 'authservIdExpected'
  | 'separatorExpected'
  | 'versionTooLarge'
  | 'resultsExpected'
  | 'noneAmongResults'
  | 'keywordExpected'
  | 'keywordTooLong'
  | 'versionExpected'
  | 'equalsExpected'
  | 'dotExpected'
  | 'valueExpected'
  /** Neither a token nor a quoted string nor an address: `header.b=ab/c` and `policy.iprev=2001:db8::1` need quotes. */
  | 'valueNeedsQuotes'

/** What `readAuthResults` had to forgive. */
export interface Deviation {
  readonly kind:
    'authservIdMissing' | 'resultsMissing' | 'emptyResult' | 'unquotedValue' | 'emptyValue' | 'lateReason' | 'bareProperty' | 'strayText'
  readonly offset: number
  /** At most 100 characters of the place, raw. */
  readonly text: string
}

export type ReadAuthResults =
  | {
      readonly kind: 'authResults'
      /** `authservId` is null where the field names none, as Microsoft's do. */
      readonly value: Omit<AuthResults, 'authservId'> & { readonly authservId: string | null }
      readonly deviations: readonly Deviation[]
    }
  | AuthResultsError

export interface FormatAuthResultsOptions {
  /** Break lines at 78 columns where possible, counting the field name and a space before the first; off unless told. */
  readonly fold?: boolean | undefined
  /** Between folded lines: CRLF on the wire, LF for a milter. */
  readonly lineEnd?: '\r\n' | '\n' | undefined
}

export const AUTH_RESULTS_FIELD_NAME = 'Authentication-Results'
export const MAX_AUTH_RESULTS_LENGTH = 65536
const MAX_COMMENT_DEPTH = 32
const MAX_KEYWORD_LENGTH = 64
/** What one value or comment may take up when written; more is cut and ends in `...`, so that no line can exceed 998 octets. */
const MAX_WRITTEN_VALUE_LENGTH = 800

/** Strict: exactly the grammar. `text` is the field's body; the field name before it and a line end after it are welcome. */
export function parseAuthResults(text: string): ParsedAuthResults {
  const read = new Reader(text, 'strict').read()
  if (read.kind === 'error') return read
  const { authservId, ...rest } = read.value
  // Only a tolerant reader gives null.
  return { kind: 'authResults', value: { authservId: authservId ?? '', ...rest } }
}

/** For headers as they occur: forgives what big receivers write against the grammar, and says what it forgave. */
export function readAuthResults(text: string): ReadAuthResults {
  return new Reader(text, 'tolerant').read()
}

/**
 * Whether a field body claims to be ours (RFC 8601 §5): such fields from outside are forged and must be removed.
 * It errs towards yes: comments and quotes are seen through, case and a trailing dot do not matter, `our.id/queue-id` is
 * ours, and a body too broken to have an authserv-id is ours when it mentions the id at all.
 */
export function isHeaderOf(authservId: string, headerValue: string): boolean {
  const wanted = comparableId(authservId)
  const body = headerValue.slice(0, MAX_AUTH_RESULTS_LENGTH)
  const found = leadingId(body)
  return found === null ? body.toLowerCase().includes(wanted) : comparableId(found) === wanted
}

/** The field's body, without its name. Throws on a keyword that is none: those are written by programmers, never by peers. */
export function formatAuthResults(value: AuthResults, options: FormatAuthResultsOptions = {}): string {
  return joinClauses(clausesOf(value), options.fold === true ? PREFERRED_LINE_LENGTH : Infinity, options.lineEnd ?? '\r\n')
}

/** A whole field, name and all, as it is to stand in a message; what is no such field stays as it is. */
export function foldAuthResults(field: string): string {
  if (field.length <= PREFERRED_LINE_LENGTH) return field
  const parsed = parseAuthResults(field)
  return parsed.kind === 'error' ? field : `${AUTH_RESULTS_FIELD_NAME}: ${formatAuthResults(parsed.value, { fold: true })}`
}

/** The head and one clause a result, each in pieces that a fold may come between. No piece is longer than a line may be. */
function clausesOf(value: AuthResults): readonly (readonly string[])[] {
  let pieces = [formatValue(value.authservId)]
  const clauses = [pieces]
  if (value.version !== null) pieces.push(formatVersion(value.version))
  pushComment(pieces, value.comment)
  if (value.results.length === 0) {
    endWithSemicolon(pieces)
    clauses.push(['none'])
  }
  for (const result of value.results) {
    endWithSemicolon(pieces)
    pieces = resultPieces(result)
    clauses.push(pieces)
  }
  return clauses
}

function resultPieces({ method, methodVersion, result, comment, reason, properties }: AuthResult): string[] {
  const version = methodVersion === null ? '' : `/${formatVersion(methodVersion)}`
  const pieces = [`${checkKeyword(method)}${version}=${checkKeyword(result)}`]
  pushComment(pieces, comment)
  if (reason !== null) pieces.push(`reason=${formatValue(reason)}`)
  for (const { ptype, property, value, comment: remark } of properties) {
    pieces.push(`${checkKeyword(ptype)}.${checkKeyword(property)}=${formatPropertyValue(value)}`)
    pushComment(pieces, remark)
  }
  return pieces
}

function endWithSemicolon(pieces: string[]): void {
  pieces.push(`${pieces.pop() ?? ''};`)
}

/** The words of a comment are pieces of their own: a fold at its spaces changes nothing in it. */
function pushComment(pieces: string[], comment: string | null): void {
  if (comment === null) return
  const written = escapeComment(comment)
  if (written.includes(' ')) pieces.push(...`(${written})`.split(' '))
  else pieces.push(`(${written})`)
}

function formatValue(text: string): string {
  return TOKEN.test(text) && text.length <= MAX_WRITTEN_VALUE_LENGTH ? text : quoteString(text)
}

function formatPropertyValue(text: string): string {
  if (text.length <= MAX_WRITTEN_VALUE_LENGTH && (TOKEN.test(text) || ADDRESS.test(text))) return text
  return quoteString(text)
}

/** The inside of a comment: balanced by escapes, printable, bounded. */
export function escapeComment(text: string): string {
  return escapeWithin(text, COMMENT_SPECIALS)
}

export function quoteString(text: string): string {
  return `"${escapeWithin(text, STRING_SPECIALS)}"`
}

const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/
const ATOM = "[!#$%&'*+\\-/0-9=?A-Z^_`a-z{|}~]+"
const QUOTED_LOCAL_PART = '"(?:[ !#-[\\]-~]|\\\\[ -~])*"'
const SUB_DOMAIN = '[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?'
/** `[ [ local-part ] "@" ] domain-name`; without an `@` it is a token anyway. */
const ADDRESS = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|${QUOTED_LOCAL_PART})?@${SUB_DOMAIN}(?:\\.${SUB_DOMAIN})+$`)
const INTERNATIONAL_ATOM = ATOM.replace('a-z', 'a-z\\u0080-\\uffff')
const INTERNATIONAL_QUOTED = QUOTED_LOCAL_PART.replace(']-~]', ']-~\\u0080-\\uffff]')
const INTERNATIONAL_SUB_DOMAIN = SUB_DOMAIN.replaceAll('A-Za-z', 'A-Za-z\\u0080-\\uffff')
/** What a propspec may hold unquoted, with the non-ASCII of RFC 6531: a token, a domain, an address, or `@` and a domain. */
const INTERNATIONAL_VALUE = new RegExp(
  `${TOKEN.source}|^(?:(?:${INTERNATIONAL_ATOM}(?:\\.${INTERNATIONAL_ATOM})*|${INTERNATIONAL_QUOTED})?@)?` +
    `${INTERNATIONAL_SUB_DOMAIN}(?:\\.${INTERNATIONAL_SUB_DOMAIN})+$`,
)
const COMMENT_SPECIALS = /[()\\]/
const STRING_SPECIALS = /["\\]/

/** Printable, with a backslash before each special, and no longer than a value may be. */
function escapeWithin(text: string, specials: RegExp): string {
  if (text.length <= MAX_WRITTEN_VALUE_LENGTH && !specials.test(text) && isPrintable(text)) return text
  // An input character becomes at least one in the output: more of it than this cannot matter.
  const printable = escapeUnprintable(text.slice(0, MAX_WRITTEN_VALUE_LENGTH + 1))
  let written = ''
  let cutAt = 0
  for (const character of printable) {
    const next = specials.test(character) ? `\\${character}` : character
    if (written.length + next.length > MAX_WRITTEN_VALUE_LENGTH) return `${written.slice(0, cutAt)}...`
    written += next
    if (written.length <= MAX_WRITTEN_VALUE_LENGTH - 3) cutAt = written.length
  }
  return written
}

function formatVersion(version: number): string {
  if (!Number.isInteger(version) || version < 0 || version > MAX_VERSION) throw new TypeError(`not a version: ${String(version)}`)
  return String(version)
}

function checkKeyword(keyword: string): string {
  if (keyword.length > MAX_KEYWORD_LENGTH || !WHOLE_KEYWORD.test(keyword)) throw new TypeError(`not a keyword: ${JSON.stringify(keyword)}`)
  return keyword
}

const WHOLE_KEYWORD = /^[0-9A-Za-z-]*[0-9A-Za-z]$/
const MAX_VERSION = 999_999_999

/** A result that does not fit on the line begins one of its own, and goes on where its pieces allow. */
function joinClauses(clauses: readonly (readonly string[])[], columns: number, lineEnd: string): string {
  let text = ''
  let column = AUTH_RESULTS_FIELD_NAME.length + 2
  for (const pieces of clauses) {
    let length = 0
    for (const piece of pieces) length += 1 + piece.length
    for (let index = 0; index < pieces.length; index++) {
      const piece = pieces[index] ?? ''
      const needed = index === 0 ? length : 1 + piece.length
      if (text === '') {
        text = piece
        column += piece.length
        // Never before an empty piece: that would leave a line of white space only, which ends the header for some readers.
      } else if (piece !== '' && column + needed > columns) {
        text += `${lineEnd} ${piece}`
        column = 1 + piece.length
      } else {
        text += ` ${piece}`
        column += 1 + piece.length
      }
    }
  }
  return text
}

const PREFERRED_LINE_LENGTH = 78

function comparableId(id: string): string {
  return id.toLowerCase().replace(/\.$/, '')
}

/** The authserv-id as the most forgiving reader might see it; null when no reader could be sure of one. */
function leadingId(body: string): string | null {
  const reader = new Reader(body, 'tolerant')
  reader.skipFieldName()
  for (;;) {
    if (!reader.skipGaps([])) return null
    const code = reader.peek()
    if (code === DOUBLE_QUOTE) return reader.readQuotedString()
    if (code > SPACE) return reader.take(TOKEN_RUN) ?? ''
    if (Number.isNaN(code)) return ''
    reader.offset++
  }
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const TAB = 9
const SPACE = 32
const DOUBLE_QUOTE = 34
const OPENING = 40
const CLOSING = 41
const DOT = 46
const SLASH = 47
const SEMICOLON = 59
const EQUALS = 61
const AT = 64
const BACKSLASH = 92

const KEYWORD = /[0-9A-Za-z-]*[0-9A-Za-z]/y
const TOKEN_RUN = /[^\x00-\x20\x7f"(),/:;<=>?@[\\\]]+/y
const ID_RUN = /[^\x00-\x20\x7f"();=]+/y
const VALUE_RUN = /[^\x00-\x20\x7f"();]+/y
const DIGITS = /[0-9]+/y
const NONE = /none(?![0-9a-z-])/iy
const BARE_PROPERTY = /(?!reason=)[\w-]+=/iy
/** What is left of an address after a quoted local part. */
const AT_DOMAIN = /@[^\x00-\x20\x7f"();]*/y

/** A result that is being read. */
interface Draft {
  readonly method: string
  readonly methodVersion: number | null
  readonly result: string
  readonly comments: string[]
  reason: string | null
  readonly properties: { readonly ptype: string; readonly property: string; readonly value: string; readonly comments: string[] }[]
}

type ReadValue = Omit<AuthResults, 'authservId'> & { readonly authservId: string | null }

/** Owns the place in the text. What can fail returns null and leaves `failure` set. */
class Reader {
  offset = 0
  private failure: AuthResultsError | null = null
  private readonly text: string
  private readonly tolerant: boolean
  private readonly deviations: Deviation[] = []
  /** Where a tolerant reader starts to skip when the rest of a result makes no sense. */
  private recoverFrom = 0

  constructor(text: string, mode: 'strict' | 'tolerant') {
    this.text = text
    this.tolerant = mode === 'tolerant'
  }

  read(): ReadAuthResults {
    const value = this.text.length > MAX_AUTH_RESULTS_LENGTH ? this.fail('tooLong', MAX_AUTH_RESULTS_LENGTH) : this.readField()
    if (value) return { kind: 'authResults', value, deviations: this.deviations }
    if (!this.failure) throw new TypeError('a failure without a reason')
    return this.failure
  }

  skipFieldName(): void {
    const found = /^\s*authentication-results[ \t]*:/i.exec(this.text.slice(0, 100))
    if (found) this.offset = found[0].length
  }

  private readField(): ReadValue | null {
    this.skipFieldName()
    const comments: string[] = []
    if (!this.skipGaps(comments)) return null
    const head = this.readHead(comments)
    if (!head) return null
    const results: AuthResult[] = []
    if (head.authservId === null && !this.readResult(results, [])) return null
    let noneAt: number | null = null
    while (this.peek() === SEMICOLON) {
      this.offset++
      const start = this.offset
      const inner: string[] = []
      if (!this.skipGaps(inner)) return null
      const isNone = this.takeNone(inner)
      if (isNone === null) return null
      if (isNone) {
        noneAt = start
        comments.push(...inner)
        if (!this.atSegmentEnd() && !this.skipStray(this.offset)) return this.fail('separatorExpected')
      } else if (this.tolerant && this.atSegmentEnd()) this.forgive('emptyResult', start)
      else if (!this.readResult(results, inner)) return null
      if (noneAt !== null && (results.length > 0 || !this.atEnd()) && !this.forgive('strayText', noneAt)) {
        return this.fail('noneAmongResults', noneAt)
      }
    }
    if (results.length === 0 && noneAt === null && !this.forgive('resultsMissing', this.offset)) return this.fail('resultsExpected')
    return { ...head, comment: joinComments(comments), results }
  }

  /** authserv-id and version, up to the first semicolon. */
  private readHead(comments: string[]): { authservId: string | null; version: number | null } | null {
    const start = this.offset
    const authservId = this.peek() === DOUBLE_QUOTE ? this.readQuotedString() : this.readRun(ID_RUN, TOKEN, 'authservIdExpected')
    const gapStart = this.offset
    if (authservId === null || !this.skipGaps(comments)) return null
    if (this.peek() === EQUALS && this.forgive('authservIdMissing', start)) {
      this.offset = start
      return { authservId: null, version: null }
    }
    let version: number | null = null
    if (this.offset > gapStart && isDigit(this.peek())) {
      const number = this.readVersion()
      if (number === null || !this.skipGaps(comments)) return null
      version = number
    }
    if (!this.atSegmentEnd() && !this.skipStray(this.offset)) return this.fail('separatorExpected')
    return { authservId, version }
  }

  /** Whether `none` stands here, and is not a method of that name. */
  private takeNone(comments: string[]): boolean | null {
    const start = this.offset
    if (this.take(NONE) === null) return false
    const inner: string[] = []
    if (!this.skipGaps(inner)) return null
    if (this.peek() === EQUALS || this.peek() === SLASH) {
      this.offset = start
      return false
    }
    comments.push(...inner)
    return true
  }

  /** One resinfo after its semicolon and gap. */
  private readResult(results: AuthResult[], comments: string[]): true | null {
    this.recoverFrom = this.offset
    const draft = this.readMethod(comments)
    const complete = draft && this.readDetails(draft)
    if (!complete && !this.recover()) return null
    if (draft) results.push(finishResult(draft))
    return true
  }

  /** A tolerant reader goes on at the next semicolon; but a broken line end means that the field is over. */
  private recover(): boolean {
    if (this.failure?.reason === 'lineEnd' || this.failure?.reason === 'nestedTooDeep') return false
    return this.skipStray(this.recoverFrom) === true
  }

  private readMethod(comments: string[]): Draft | null {
    const method = this.readKeyword()
    if (method === null || !this.skipGaps(comments)) return null
    let methodVersion: number | null = null
    if (this.peek() === SLASH) {
      this.offset++
      const version = this.skipGaps(comments) && this.readVersion()
      if (version === null || !this.skipGaps(comments)) return null
      methodVersion = version
    }
    const result = this.skip(EQUALS, 'equalsExpected') && this.skipGaps(comments) && this.readKeyword()
    return result === null ? null : { method, methodVersion, result, comments, reason: null, properties: [] }
  }

  /** reasonspec and propspecs, up to a semicolon or the end. */
  private readDetails(draft: Draft): true | null {
    for (;;) {
      const gapStart = this.offset
      if (!this.skipGaps(draft.properties.at(-1)?.comments ?? draft.comments)) return null
      if (this.atSegmentEnd()) return true
      // Only between propspecs no gap is needed, which shows after a quoted value.
      const adjacent = draft.properties.length > 0 && this.text.charCodeAt(gapStart - 1) === DOUBLE_QUOTE
      this.recoverFrom = this.offset
      if (this.offset === gapStart && !adjacent) return this.fail('separatorExpected')
      if (!this.readDetail(draft)) return null
    }
  }

  private readDetail(draft: Draft): true | null {
    const start = this.offset
    if (this.tolerant && this.take(BARE_PROPERTY) !== null) {
      if (this.peek() !== DOUBLE_QUOTE) this.take(VALUE_RUN)
      else if (this.readQuotedString() === null) return null
      return this.forgive('bareProperty', start)
    }
    const name = this.readKeyword()
    const comments: string[] = []
    if (name === null || !this.skipGaps(comments)) return null
    if (this.peek() === EQUALS && name === 'reason') return this.readReason(draft, start, comments)
    if (!this.skip(DOT, 'dotExpected') || !this.skipGaps(comments)) return null
    const property = this.readKeyword()
    if (property === null || !this.skipGaps(comments) || !this.skip(EQUALS, 'equalsExpected') || !this.skipGaps(comments)) return null
    const value = this.readPropertyValue()
    if (value === null) return null
    draft.properties.push({ ptype: name, property, value, comments })
    return true
  }

  private readReason(draft: Draft, start: number, comments: string[]): true | null {
    if ((draft.reason !== null || draft.properties.length > 0) && !this.forgive('lateReason', start)) return this.fail('dotExpected')
    this.offset++
    if (!this.skipGaps(comments)) return null
    const reason = this.peek() === DOUBLE_QUOTE ? this.readQuotedString() : this.readRun(VALUE_RUN, TOKEN, 'valueExpected')
    if (reason === null) return null
    draft.reason = reason
    draft.comments.push(...comments)
    return true
  }

  private readPropertyValue(): string | null {
    if (this.peek() !== DOUBLE_QUOTE) return this.readRun(VALUE_RUN, INTERNATIONAL_VALUE, 'valueExpected')
    const start = this.offset
    const quoted = this.readQuotedString()
    if (quoted === null || this.peek() !== AT) return quoted
    this.take(AT_DOMAIN)
    const address = this.text.slice(start, this.offset)
    if (INTERNATIONAL_VALUE.test(address) || this.forgive('unquotedValue', start)) return address
    return this.fail('valueNeedsQuotes', start)
  }

  /** What stands here without quotes, which `shape` must allow. */
  private readRun(run: RegExp, shape: RegExp, missing: 'valueExpected' | 'authservIdExpected'): string | null {
    const start = this.offset
    const found = this.take(run)
    if (found === null) return missing === 'valueExpected' && this.forgive('emptyValue', start) ? '' : this.fail(missing)
    if (shape.test(found) || this.forgive('unquotedValue', start)) return found
    return this.fail('valueNeedsQuotes', start)
  }

  private readKeyword(): string | null {
    const start = this.offset
    const keyword = this.take(KEYWORD)
    if (keyword === null) return this.fail('keywordExpected')
    return keyword.length > MAX_KEYWORD_LENGTH ? this.fail('keywordTooLong', start) : keyword.toLowerCase()
  }

  private readVersion(): number | null {
    const start = this.offset
    const digits = this.take(DIGITS)
    if (digits === null) return this.fail('versionExpected')
    const version = Number(digits)
    return version > MAX_VERSION ? this.fail('versionTooLarge', start) : version
  }

  /** CFWS: folding white space, and comments, whose text is collected. */
  skipGaps(comments: string[]): true | null {
    for (;;) {
      const code = this.peek()
      if (code === SPACE || code === TAB) this.offset++
      else if (code === CARRIAGE_RETURN || code === LINE_FEED) {
        if (!this.skipLineEnd()) return null
      } else if (code === OPENING) {
        const comment = this.readComment()
        if (comment === null) return null
        comments.push(comment)
      } else return true
    }
  }

  /** CRLF, or LF alone as milters and files have it, before white space or at the very end. */
  private skipLineEnd(): true | null {
    const start = this.offset
    if (this.peek() === CARRIAGE_RETURN) this.offset++
    if (this.peek() !== LINE_FEED) return this.fail('lineEnd', start)
    this.offset++
    return this.atEnd() || this.peek() === SPACE || this.peek() === TAB ? true : this.fail('lineEnd', start)
  }

  /** The text between the outermost parentheses, unfolded, quoted pairs resolved, inner parentheses kept. */
  private readComment(): string | null {
    const start = this.offset
    let depth = 0
    let content = ''
    let from = start + 1
    while (!this.atEnd()) {
      const code = this.peek()
      if (code === BACKSLASH || code === CARRIAGE_RETURN || code === LINE_FEED) {
        content += this.text.slice(from, this.offset)
        const pair = code === BACKSLASH ? this.readQuotedPair() : this.skipLineEnd() && ''
        if (pair === null) return null
        content += pair
        from = this.offset
        continue
      }
      if (!isTextCode(code)) return this.fail('character')
      this.offset++
      if (code === OPENING && ++depth > MAX_COMMENT_DEPTH) return this.fail('nestedTooDeep', this.offset - 1)
      if (code === CLOSING && --depth === 0) return content + this.text.slice(from, this.offset - 1)
    }
    return this.fail('unterminatedComment', start)
  }

  readQuotedString(): string | null {
    const start = this.offset++
    let content = ''
    let from = this.offset
    while (!this.atEnd()) {
      const code = this.peek()
      if (code === BACKSLASH || code === CARRIAGE_RETURN || code === LINE_FEED) {
        content += this.text.slice(from, this.offset)
        const pair = code === BACKSLASH ? this.readQuotedPair() : this.skipLineEnd() && ''
        if (pair === null) return null
        content += pair
        from = this.offset
        continue
      }
      if (!isTextCode(code)) return this.fail('character')
      this.offset++
      if (code === DOUBLE_QUOTE) return content + this.text.slice(from, this.offset - 1)
    }
    return this.fail('unterminatedString', start)
  }

  private readQuotedPair(): string | null {
    this.offset++
    if (!isTextCode(this.peek())) return this.fail('character')
    return this.text.charAt(this.offset++)
  }

  /** Everything to the next semicolon outside comments and strings, for a tolerant reader. */
  private skipStray(from: number): true | null {
    if (!this.tolerant) return null
    this.offset = from
    while (!this.atSegmentEnd()) {
      const code = this.peek()
      const skipped =
        code === OPENING ? this.readComment() : code === DOUBLE_QUOTE ? this.readQuotedString() : this.skipStrayCharacter(code)
      if (skipped === null && this.failure?.reason === 'lineEnd') return null
      // An unterminated comment or string swallows the rest.
      if (skipped === null) this.offset = this.text.length
    }
    this.failure = null
    return this.forgive('strayText', from)
  }

  private skipStrayCharacter(code: number): string | null {
    if (code === CARRIAGE_RETURN || code === LINE_FEED) return this.skipLineEnd() && ''
    this.offset++
    return ''
  }

  private skip(code: number, missing: AuthResultsErrorReason): true | null {
    if (this.peek() !== code) return this.fail(missing)
    this.offset++
    return true
  }

  take(run: RegExp): string | null {
    run.lastIndex = this.offset
    const found = run.exec(this.text)?.[0] ?? null
    if (found !== null) this.offset += found.length
    return found
  }

  peek(): number {
    return this.text.charCodeAt(this.offset)
  }

  private atEnd(): boolean {
    return this.offset >= this.text.length
  }

  private atSegmentEnd(): boolean {
    return this.atEnd() || this.peek() === SEMICOLON
  }

  private fail(reason: AuthResultsErrorReason, offset = this.offset): null {
    this.failure ??= { kind: 'error', offset, reason }
    return null
  }

  /** True when this reader lets it pass, which it notes. */
  private forgive(kind: Deviation['kind'], start: number): true | null {
    if (!this.tolerant) return null
    this.deviations.push({ kind, offset: start, text: this.text.slice(start, Math.min(this.offset, start + 100)) })
    return true
  }
}

function finishResult({ comments, properties, ...draft }: Draft): AuthResult {
  return {
    method: draft.method,
    methodVersion: draft.methodVersion,
    result: draft.result,
    comment: joinComments(comments),
    reason: draft.reason,
    properties: properties.map((property) => ({
      ptype: property.ptype,
      property: property.property,
      value: property.value,
      comment: joinComments(property.comments),
    })),
  }
}

function joinComments(comments: readonly string[]): string | null {
  return comments.length === 0 ? null : comments.join(' ')
}

/** Printable, white space, or RFC 6532's non-ASCII: what comments and quoted strings may hold. */
function isTextCode(code: number): boolean {
  return (code >= SPACE && code !== 127) || code === TAB
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}
