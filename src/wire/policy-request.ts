/**
 * Postfix policy delegation (SMTPD_POLICY_README): `name=value` lines up to an empty one ⇄ requests, and the one-line answer.
 * Values are octets as latin1 characters. A CR ahead of LF is tolerated and dropped; any other is part of its value.
 * It decides nothing, and knows no sockets: many requests follow one another on one connection.
 */
import type { IpAddress } from '../core/address.ts'
import { assertNever } from '../core/assert-never.ts'
import { parseMtaAddress, requireHeaderName, requirePrintable, requireRefusal, unfoldedHeaderValue } from './mta-text.ts'

export const POLICY_PROTOCOL_STATES = ['CONNECT', 'EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'END-OF-MESSAGE', 'VRFY', 'ETRN'] as const
export type PolicyProtocolState = (typeof POLICY_PROTOCOL_STATES)[number]

/** What Postfix does not know it leaves out, leaves empty, or sends as `unknown` or 0: all of these are null here. */
export interface PolicyRequest {
  /** Every attribute as it came, also those that have no field here. */
  readonly attributes: ReadonlyMap<string, string>
  /** `smtpd_access_policy` */
  readonly request: string | null
  /** Null for a state that we do not know, too. */
  readonly protocolState: PolicyProtocolState | null
  readonly protocolName: string | null
  readonly clientAddress: IpAddress | null
  readonly clientPort: number | null
  /** Confirmed by Postfix's own lookup. Null for temporary and permanent failures alike: not to be judged by. */
  readonly clientName: string | null
  /** Unconfirmed, and null likewise. */
  readonly reverseClientName: string | null
  readonly heloName: string | null
  /** Empty for the null sender, and at the states before MAIL. */
  readonly sender: string | null
  /** At RCPT, and later only where there was one alone. */
  readonly recipient: string | null
  /** Only from DATA on. */
  readonly recipientCount: number | null
  /** Null before the first accepted recipient. */
  readonly queueId: string | null
  /** One value a message: the recipients of a message share it. */
  readonly instance: string | null
  /** Octets that the client announced, or at END-OF-MESSAGE has sent. */
  readonly size: number | null
  readonly saslMethod: string | null
  /** Not null when the client has authenticated. */
  readonly saslUsername: string | null
  readonly saslSender: string | null
  readonly encryptionProtocol: string | null
  readonly serverAddress: IpAddress | null
  readonly serverPort: number | null
  readonly policyContext: string | null
}

export type PolicyFault =
  | 'lineTooLong'
  | 'tooManyAttributes'
  | 'requestTooLong'
  /** A line that is no `name=value`. */
  | 'notAnAttribute'
  /** One name with two values. The protocol lets a server choose, but whoever can add a line must not choose for us. */
  | 'conflictingAttribute'
  /** An empty line with nothing ahead of it. */
  | 'emptyRequest'

export interface PolicyLimits {
  readonly maxLineOctets?: number | undefined
  readonly maxAttributes?: number | undefined
  /** All lines of one request with their line ends. */
  readonly maxRequestOctets?: number | undefined
}

/** Postfix 3.7 sends 30 attributes; its own line limit is 2048. */
export const POLICY_LIMITS = { maxLineOctets: 8192, maxAttributes: 128, maxRequestOctets: 65_536 } as const

export interface PolicyBlocks {
  /** Whole blocks that stood ahead of a fault are good. */
  readonly blocks: readonly ReadonlyMap<string, string>[]
  readonly fault: PolicyFault | null
}

/** Cuts a byte stream into blocks of attributes: requests at the server, answers at a client. A fault is final. */
export class PolicyBlockReader {
  readonly #maxLineOctets: number
  readonly #maxAttributes: number
  readonly #maxRequestOctets: number
  /** A line of which the end has not come. */
  #partial: Buffer | null = null
  #partialOctets = 0
  #attributes = new Map<string, string>()
  #requestOctets = 0
  #fault: PolicyFault | null = null

  constructor(limits: PolicyLimits = {}) {
    this.#maxLineOctets = limits.maxLineOctets ?? POLICY_LIMITS.maxLineOctets
    this.#maxAttributes = limits.maxAttributes ?? POLICY_LIMITS.maxAttributes
    this.#maxRequestOctets = limits.maxRequestOctets ?? POLICY_LIMITS.maxRequestOctets
  }

  /** The stream stands inside of a block: an end here would cut it off. */
  get isMidBlock(): boolean {
    return this.#partialOctets > 0 || this.#attributes.size > 0
  }

  /** Memory that the reader holds for the line to come. */
  get heldOctets(): number {
    return this.#partial?.length ?? 0
  }

  push(chunk: Uint8Array): PolicyBlocks {
    const blocks: ReadonlyMap<string, string>[] = []
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let offset = 0
    while (offset < bytes.length && this.#fault === null) {
      const lineFeed = bytes.indexOf(LINE_FEED, offset)
      const end = lineFeed < 0 ? bytes.length : lineFeed
      const line = this.#line(bytes, offset, end, lineFeed >= 0)
      offset = end + 1
      if (line === '') this.#endBlock(blocks)
      else if (line !== undefined) this.#addAttribute(line)
    }
    return { blocks, fault: this.#fault }
  }

  /** A whole line without its end; undefined where there is none yet, or no more. */
  #line(bytes: Buffer, start: number, end: number, isWhole: boolean): string | undefined {
    // One more than the limit may be a CR.
    const lineRoom = this.#maxLineOctets + 1 - this.#partialOctets
    const requestRoom = this.#maxRequestOctets - this.#requestOctets
    const octets = end - start
    this.#requestOctets += octets + (isWhole ? 1 : 0)
    // Of two limits the one that is crossed first counts, however the stream comes in pieces.
    if (octets > lineRoom && lineRoom <= requestRoom) this.#fail('lineTooLong')
    else if (this.#requestOctets > this.#maxRequestOctets) this.#fail('requestTooLong')
    else if (!isWhole || this.#partialOctets > 0) this.#keep(bytes, start, end)
    if (!isWhole || this.#fault !== null) return undefined
    const line = this.#partial?.toString('latin1', 0, this.#partialOctets) ?? bytes.toString('latin1', start, end)
    this.#partial = null
    this.#partialOctets = 0
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text.length <= this.#maxLineOctets) return text
    this.#fail('lineTooLong')
    return undefined
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const octets = this.#partialOctets + end - start
    if (!this.#partial || this.#partial.length < octets) {
      // Not from Node's shared pool: a small piece of it would keep the whole pool alive.
      const grown = Buffer.allocUnsafeSlow(Math.max(octets, (this.#partial?.length ?? MIN_PARTIAL_OCTETS / 2) * 2))
      this.#partial?.copy(grown, 0, 0, this.#partialOctets)
      this.#partial = grown
    }
    bytes.copy(this.#partial, this.#partialOctets, start, end)
    this.#partialOctets = octets
  }

  #addAttribute(line: string): void {
    const equals = line.indexOf('=')
    if (equals <= 0) {
      this.#fail('notAnAttribute')
      return
    }
    const name = line.slice(0, equals)
    const value = line.slice(equals + 1)
    if ((this.#attributes.get(name) ?? value) !== value) this.#fail('conflictingAttribute')
    else if (this.#attributes.set(name, value).size > this.#maxAttributes) this.#fail('tooManyAttributes')
  }

  #endBlock(blocks: ReadonlyMap<string, string>[]): void {
    if (this.#attributes.size === 0) {
      this.#fail('emptyRequest')
      return
    }
    blocks.push(this.#attributes)
    this.#attributes = new Map()
    this.#requestOctets = 0
  }

  /** What was kept is of no use any more. */
  #fail(fault: PolicyFault): void {
    this.#fault ??= fault
    this.#partial = null
    this.#partialOctets = 0
    this.#attributes = new Map()
  }
}

const LINE_FEED = 0x0a
const MIN_PARTIAL_OCTETS = 64

export function readPolicyRequest(attributes: ReadonlyMap<string, string>): PolicyRequest {
  const text = (name: string): string | null => {
    const value = attributes.get(name)
    return value === undefined || value === '' ? null : value
  }
  const known = (name: string): string | null => (attributes.get(name) === 'unknown' ? null : text(name))
  const number = (name: string): number | null => readNumber(attributes.get(name))
  const address = (name: string): IpAddress | null => parseMtaAddress(attributes.get(name) ?? '') ?? null
  const state = attributes.get('protocol_state')
  return {
    attributes,
    request: text('request'),
    protocolState: POLICY_PROTOCOL_STATES.find((name) => name === state) ?? null,
    protocolName: text('protocol_name'),
    clientAddress: address('client_address'),
    clientPort: number('client_port'),
    clientName: known('client_name'),
    reverseClientName: known('reverse_client_name'),
    heloName: text('helo_name'),
    sender: attributes.get('sender') ?? null,
    recipient: text('recipient'),
    recipientCount: number('recipient_count'),
    queueId: text('queue_id'),
    instance: text('instance'),
    size: number('size'),
    saslMethod: text('sasl_method'),
    saslUsername: text('sasl_username'),
    saslSender: text('sasl_sender'),
    encryptionProtocol: text('encryption_protocol'),
    serverAddress: address('server_address'),
    serverPort: number('server_port'),
    policyContext: text('policy_context'),
  }
}

function readNumber(text: string | undefined): number | null {
  const value = text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : 0
  return value === 0 ? null : value
}

/** Throws a RangeError where an attribute could not be read back. */
export function encodePolicyBlock(attributes: Iterable<readonly [name: string, value: string]>): Uint8Array {
  let text = ''
  for (const [name, value] of attributes) {
    if (!ATTRIBUTE_NAME.test(name) || !ATTRIBUTE_VALUE.test(value))
      throw new RangeError(`not an attribute: ${JSON.stringify([name, value])}`)
    text += `${name}=${value}\n`
  }
  return Buffer.from(`${text}\n`, 'latin1')
}

const ATTRIBUTE_NAME = /^[^=\n\u0100-\uffff]+$/
const ATTRIBUTE_VALUE = /^[^\n\u0100-\uffff]*(?<!\r)$/

/** See access(5) of Postfix. */
export type PolicyAction =
  | { readonly kind: 'dunno' | 'ok' }
  /** The code that main.cf sets; the text may be empty, and then Postfix finds its own. */
  | { readonly kind: PolicyTextAction; readonly text: string }
  /** One rendered SMTP reply, 4xx or 5xx. The protocol has room for one line: those of the reply are joined. */
  | { readonly kind: 'reply'; readonly text: string }
  /** A header ahead of the message; a folded value is unfolded. */
  | { readonly kind: 'prepend'; readonly name: string; readonly value: string }

export type PolicyTextAction = 'reject' | 'defer' | 'deferIfPermit' | 'deferIfReject' | 'hold' | 'discard' | 'warn' | 'info'

/** `action=…` and an empty line. Throws a RangeError for text that could be more than one line, or is not printable. */
export function encodePolicyAction(action: PolicyAction): Uint8Array {
  const text = actionText(action).trimEnd()
  if (text.length > MAX_ACTION_OCTETS) throw new RangeError(`too long an action: ${String(text.length)}`)
  return encodePolicyBlock([['action', text]])
}

/** Four of Postfix's lines (line_length_limit): what its attribute reader was written for. */
export const MAX_ACTION_OCTETS = 8192

function actionText(action: PolicyAction): string {
  switch (action.kind) {
    case 'dunno':
      return 'DUNNO'
    case 'ok':
      return 'OK'
    case 'prepend':
      requireHeaderName(action.name)
      return `PREPEND ${action.name}: ${unfoldedHeaderValue(action.value)}`
    case 'reply': {
      const { code, lines } = requireRefusal(action.text)
      return `${String(code)} ${joinLines(lines)}`
    }
    case 'reject':
    case 'defer':
    case 'deferIfPermit':
    case 'deferIfReject':
    case 'hold':
    case 'discard':
    case 'warn':
    case 'info':
      requirePrintable(action.text, 'text of an action')
      return `${ACTION_WORDS[action.kind]} ${action.text}`
    default:
      return assertNever(action)
  }
}

/** The enhanced code stands on every line of a reply, and is said once. */
function joinLines(lines: readonly string[]): string {
  const enhanced = /^[45]\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)/.exec(lines[0] ?? '')?.[0]
  const texts = lines.map((line, index) => {
    if (index === 0 || enhanced === undefined) return line
    return line === enhanced ? '' : line.startsWith(`${enhanced} `) ? line.slice(enhanced.length + 1) : line
  })
  return texts.filter((text) => text !== '').join(' ')
}

const ACTION_WORDS: Readonly<Record<PolicyTextAction, string>> = {
  reject: 'REJECT',
  defer: 'DEFER',
  deferIfPermit: 'DEFER_IF_PERMIT',
  deferIfReject: 'DEFER_IF_REJECT',
  hold: 'HOLD',
  discard: 'DISCARD',
  warn: 'WARN',
  info: 'INFO',
}
