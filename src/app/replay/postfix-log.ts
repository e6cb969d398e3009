/**
 * Postfix's log: follows each message from `client=` to `removed`, and takes each refusal by itself.
 * Postfix logs HELO only with refusals, warnings and the like, so most accepted messages have none, unless another line of
 * the same session gave it. In those lines it writes spaces and angle brackets of a HELO as `?`, so its field can be told.
 */
import { isPostmaster } from '../../policy/decide.ts'
import { parseMtaAddress } from '../../wire/mta-text.ts'
import type { IpAddress } from '../../core/address.ts'
import {
  keepText,
  MAX_CLAIMED_NAME,
  MAX_EXAMPLES,
  MAX_MAILBOX,
  type LogReader,
  type LogReaderOptions,
  type ThenOutcome,
} from './log-record.ts'
import { parseSyslogLine, type SyslogLine } from './syslog-line.ts'

export function createPostfixReader(options: LogReaderOptions): LogReader {
  return new PostfixReader(options)
}

/** What is known of an smtpd process's client; it serves one at a time. */
interface Session {
  addressText: string
  claimedName: string | null
}

interface OpenMessage {
  readonly address: IpAddress
  readonly session: Session
  readonly authenticated: boolean
  seenAt: string
  sender: string | null
  readonly recipients: string[]
  hasOtherRecipients: boolean
  then: ThenOutcome
}

/** smtpd processes of all hosts in one log. */
const MAX_SESSIONS = 20_000

class PostfixReader implements LogReader {
  readonly #options: LogReaderOptions
  readonly #sessions = new Map<string, Session>()
  readonly #messages = new Map<string, OpenMessage>()

  constructor(options: LogReaderOptions) {
    this.#options = options
  }

  read(line: string): boolean {
    const parsed = parseSyslogLine(line, this.#options.latestDay)
    if (!parsed) return false
    const service = parsed.program.slice(parsed.program.lastIndexOf('/') + 1)
    if (service === parsed.program) return false
    switch (service) {
      case 'smtpd':
      case 'postscreen':
      case 'cleanup':
        return this.#receive(parsed, service === 'smtpd')
      default:
        return this.#deliver(parsed)
    }
  }

  end(): void {
    for (const key of [...this.#messages.keys()]) this.#finish(key)
    this.#sessions.clear()
  }

  #receive(line: SyslogLine, isSmtpd: boolean): boolean {
    const { text } = line
    const process = `${line.host} ${line.program} ${line.pid}`
    if (isSmtpd && text.startsWith('disconnect from ')) return this.#sessions.delete(process)
    const colon = text.indexOf(': ')
    const id = colon > 0 ? text.slice(0, colon) : ''
    const rest = text.slice(colon + 2)
    if (id === 'proxy-accept' || id === 'proxy-reject') return this.#proxied(line, process, id === 'proxy-accept')
    if (!QUEUE_ID.test(id)) return false
    if (rest.startsWith('client=')) return this.#open(line, process, id, rest)
    const event = EVENT.exec(rest)
    if (!event) return false
    const [, action = ''] = event
    const what = rest.slice(event[0].length)
    return what.startsWith('header ') || what.startsWith('body ') || what.startsWith('mime-error')
      ? this.#content(line, id, action, what)
      : this.#event(line, process, id, action, what)
  }

  /** `C3CB51AE847: client=mail.example.com[198.51.100.7], sasl_method=PLAIN, sasl_username=bob`, before the first recipient is taken. */
  #open(line: SyslogLine, process: string, id: string, rest: string): boolean {
    const client = CLIENT.exec(rest.slice('client='.length))
    const address = parseMtaAddress(client?.[1] ?? '')
    if (!client || !address) return false
    const key = this.#key(line, process, id)
    this.#finish(key)
    this.#messages.set(key, {
      address,
      session: this.#session(process, client[1] ?? ''),
      authenticated: rest.includes(', sasl_username=', client[0].length) || rest.includes(', sasl_method=', client[0].length),
      seenAt: line.seenAt,
      sender: null,
      recipients: [],
      hasOtherRecipients: false,
      then: 'unknown',
    })
    const oldest = this.#messages.size > this.#options.maxOpenMessages ? this.#messages.keys().next().value : undefined
    if (oldest !== undefined) this.#finish(oldest)
    return true
  }

  /** `NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 550 5.7.1 …; from=<a@b> to=<c@d> proto=ESMTP helo=<x>` */
  #event(line: SyslogLine, process: string, id: string, action: string, what: string): boolean {
    const [front = '', stage = '', addressText = ''] = STAGE.exec(what) ?? []
    const address = parseMtaAddress(addressText)
    if (!address) return false
    const fields = envelopeFields(what)
    const message = this.#messages.get(this.#key(line, process, id))
    const session = message?.session ?? this.#session(process, addressText)
    if (fields.claimedName !== null) session.claimedName = keepText(fields.claimedName, MAX_CLAIMED_NAME)
    if (!REFUSALS.has(action)) return true
    const then = /^(?::[0-9]{1,5})?: 4/.test(what.slice(front.length, front.length + 10)) ? 'deferred' : 'rejected'
    if (message && (stage.startsWith('END-OF-') || stage === 'DATA')) {
      message.then = then
      this.#note(message, fields.sender, fields.recipient)
      return true
    }
    this.#options.onRecord({
      address,
      claimedName: session.claimedName,
      authenticated: fields.authenticated || message?.authenticated === true,
      sender: fields.sender,
      recipients: fields.recipient === null ? [] : [fields.recipient],
      isToPostmaster: fields.recipient !== null && isPostmaster(fields.recipient),
      then,
      seenAt: line.seenAt,
    })
    return true
  }

  /** cleanup's `reject: header Subject: … from name[ip]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>: 5.7.1 …`: text of the message comes first. */
  #content(line: SyslogLine, id: string, action: string, what: string): boolean {
    const message = this.#messages.get(`${line.host} ${id}`)
    if (!message) return false
    const { claimedName, end } = envelopeFields(what)
    if (claimedName !== null) message.session.claimedName = keepText(claimedName, MAX_CLAIMED_NAME)
    if (REFUSALS.has(action)) message.then = /^: ?4/.test(what.slice(end, end + 4)) ? 'deferred' : 'rejected'
    return true
  }

  /** With smtpd_proxy_filter there is no queue id: `proxy-accept: END-OF-MESSAGE: 250 …; from=<a@b> to=<c@d> proto=ESMTP helo=<x>`. */
  #proxied(line: SyslogLine, process: string, isAccepted: boolean): boolean {
    const key = `${process} ${NO_QUEUE}`
    const message = this.#messages.get(key)
    if (!message) return false
    const { claimedName, sender, recipient } = envelopeFields(line.text)
    if (claimedName !== null) message.session.claimedName = keepText(claimedName, MAX_CLAIMED_NAME)
    message.then = isAccepted ? 'accepted' : /: 4[0-9]{2} /.test(line.text.slice(0, 64)) ? 'deferred' : 'rejected'
    this.#note(message, sender, recipient)
    this.#finish(key)
    return true
  }

  /** qmgr's `from=<a@b>, size=…` (the message was taken) and `removed`, and the deliveries' `to=<c@d>, orig_to=<e>, relay=…`. */
  #deliver(line: SyslogLine): boolean {
    const colon = line.text.indexOf(': ')
    const key = `${line.host} ${line.text.slice(0, Math.max(colon, 0))}`
    const message = this.#messages.get(key)
    if (!message) return false
    const rest = line.text.slice(colon + 2)
    if (rest === 'removed') {
      this.#finish(key)
      return true
    }
    const [, sender] = /^from=<(.{0,1000}?)>, /.exec(rest) ?? []
    const [, recipient, original] = /^to=<(.{0,1000}?)>, (?:orig_to=<(.{0,1000}?)>, )?/.exec(rest) ?? []
    if (sender === undefined && recipient === undefined) return false
    if (message.then === 'unknown') message.then = 'accepted'
    this.#note(message, sender ?? null, original ?? recipient ?? null)
    return true
  }

  #note(message: OpenMessage, sender: string | null, recipient: string | null): void {
    if (sender !== null) message.sender ??= keepText(sender, MAX_MAILBOX)
    if (recipient === null) return
    if (!isPostmaster(recipient)) message.hasOtherRecipients = true
    if (message.recipients.length < MAX_EXAMPLES && !message.recipients.includes(recipient)) {
      message.recipients.push(keepText(recipient, MAX_MAILBOX))
    }
  }

  #finish(key: string): void {
    const message = this.#messages.get(key)
    if (!message) return
    this.#messages.delete(key)
    const { address, session, authenticated, sender, recipients, hasOtherRecipients, then, seenAt } = message
    this.#options.onRecord({
      address,
      claimedName: session.claimedName,
      authenticated,
      sender,
      recipients,
      isToPostmaster: recipients.length > 0 && !hasOtherRecipients,
      then,
      seenAt,
    })
  }

  /** A process that has another client now (or the same behind XCLIENT) has another HELO. */
  #session(process: string, addressText: string): Session {
    const known = this.#sessions.get(process)
    if (known?.addressText === addressText) return known
    const session: Session = { addressText: keepText(addressText, MAX_MAILBOX), claimedName: null }
    this.#sessions.set(process, session)
    const oldest = this.#sessions.size > MAX_SESSIONS ? this.#sessions.keys().next().value : undefined
    if (oldest !== undefined) this.#sessions.delete(oldest)
    return session
  }

  #key(line: SyslogLine, process: string, id: string): string {
    return id === NO_QUEUE ? `${process} ${NO_QUEUE}` : `${line.host} ${id}`
  }
}

const NO_QUEUE = 'NOQUEUE'
const QUEUE_ID = /^[0-9A-Za-z]{5,40}$/
/** `name[ip]` or, with smtpd_client_port_logging, `name[ip]:port`; postscreen has no name. */
const CLIENT = /^[^[\], ]{0,255}\[([^[\]]{1,128})\]/
const EVENT = /^([a-z][a-z_-]{2,30}): /
/** Then `: 450 4.7.1 …` as smtpd writes it, or `: 4.7.1 …` as cleanup does for milters. */
const STAGE = /^([A-Z-]{3,20}) from [^[\] ]{0,255}\[([^[\]]{1,128})\]/
const REFUSALS: ReadonlySet<string> = new Set(['reject', 'milter-reject'])

interface EnvelopeFields {
  readonly claimedName: string | null
  readonly sender: string | null
  readonly recipient: string | null
  readonly authenticated: boolean
  /** Where the fields end. */
  readonly end: number
}

/**
 * Read from the end, where Postfix's own text stands: reply texts and quoted local parts may hold anything, even fields like these.
 * postscreen writes commas between them.
 */
function envelopeFields(text: string): EnvelopeFields {
  const helo = text.lastIndexOf(' helo=<')
  const heloEnd = helo < 0 ? -1 : text.indexOf('>', helo)
  const proto = text.lastIndexOf(' proto=', helo < 0 ? undefined : helo)
  const to = proto < 0 ? -1 : text.lastIndexOf(' to=<', proto)
  const from = proto < 0 ? -1 : text.lastIndexOf('; from=<', to < 0 ? proto : to)
  const between = (start: number, end: number): string | null => {
    const close = text.lastIndexOf('>', end)
    return start < 0 || close < start ? null : text.slice(text.indexOf('<', start) + 1, close)
  }
  return {
    claimedName: heloEnd < 0 ? null : text.slice(helo + ' helo=<'.length, heloEnd),
    recipient: between(to, proto),
    sender: between(from, to < 0 ? proto : to),
    authenticated: heloEnd >= 0 && text.startsWith('> sasl_username=<', heloEnd),
    end: heloEnd < 0 ? text.length : heloEnd + 1,
  }
}
