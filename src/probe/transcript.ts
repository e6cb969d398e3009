/**
 * The conversation line by line, each with the hint that swaks would print before it. Bounded, and without secrets.
 * Lines hold the peer's raw octets as latin1; whoever prints them escapes them.
 */

export interface Transcript {
  readonly lines: readonly TranscriptLine[]
  /** More was said than is kept. */
  readonly truncated: boolean
}

export interface TranscriptLine {
  /** Since the session began. */
  readonly atMs: number
  readonly hint: TranscriptHint
  readonly text: string
}

/** Sent and received, in clear (`-`) and under TLS (`~`); `*` for a refusal or trouble; `===` and `***` are our own remarks. */
export type TranscriptHint = ' ->' | ' ~>' | '<- ' | '<~ ' | '<**' | '<~*' | '===' | '***'

export const MAX_TRANSCRIPT_LINES = 500
export const MAX_TRANSCRIPT_OCTETS = 32_768

export class TranscriptWriter {
  readonly #lines: TranscriptLine[] = []
  readonly #elapsedMs: () => number
  #octets = 0
  #truncated = false
  #isAuthenticating = false

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs
  }

  sent(text: string, underTls: boolean): void {
    this.#add(underTls ? ' ~>' : ' ->', this.#withoutSecret(text))
  }

  /** `code`: of the whole reply. */
  received(lines: readonly string[], code: number, underTls: boolean): void {
    if (code !== CONTINUE) this.#isAuthenticating = false
    const isRefusal = code >= 400
    for (const line of lines) this.#add(underTls ? (isRefusal ? '<~*' : '<~ ') : isRefusal ? '<**' : '<- ', line)
  }

  remark(text: string): void {
    this.#add('===', text)
  }

  trouble(text: string): void {
    this.#add('***', text)
  }

  finish(): Transcript {
    return { lines: [...this.#lines], truncated: this.#truncated }
  }

  #add(hint: TranscriptHint, text: string): void {
    if (this.#lines.length >= MAX_TRANSCRIPT_LINES || this.#octets + text.length > MAX_TRANSCRIPT_OCTETS) {
      this.#truncated = true
      return
    }
    this.#octets += text.length
    this.#lines.push({ atMs: this.#elapsedMs(), hint, text })
  }

  /** The initial response of AUTH, and every answer to a 334 (RFC 4954 §4). */
  #withoutSecret(text: string): string {
    if (this.#isAuthenticating) return HIDDEN
    const auth = AUTH.exec(text)
    if (auth === null) return text
    this.#isAuthenticating = true
    return auth[2] === undefined ? text : `${auth[1] ?? ''} ${HIDDEN}`
  }
}

const CONTINUE = 334
const AUTH = /^(AUTH\s+\S+)(\s+.*)?$/i
const HIDDEN = '<hidden>'
