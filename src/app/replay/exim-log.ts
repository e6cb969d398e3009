/**
 * Exim's main log: follows each message from its `<=` line to `Completed`, and takes each refusal by itself.
 * `H=name (helo) [ip]`; without parentheses HELO is the name, or the address itself as a literal. Lines may come through syslog.
 */
import { parseAddress, type IpAddress } from '../../core/address.ts'
import { isPostmaster } from '../../policy/decide.ts'
import { keepText, MAX_CLAIMED_NAME, MAX_EXAMPLES, MAX_MAILBOX, type LogReader, type LogReaderOptions } from './log-record.ts'
import { parseSyslogLine } from './syslog-line.ts'

export function createEximReader(options: LogReaderOptions): LogReader {
  return new EximReader(options)
}

interface OpenMessage {
  readonly address: IpAddress
  readonly claimedName: string | null
  readonly authenticated: boolean
  readonly seenAt: string
  readonly sender: string
  readonly recipients: string[]
  hasOtherRecipients: boolean
}

class EximReader implements LogReader {
  readonly #options: LogReaderOptions
  readonly #messages = new Map<string, OpenMessage>()

  constructor(options: LogReaderOptions) {
    this.#options = options
  }

  read(line: string): boolean {
    const stripped = this.#withoutFront(line)
    if (!stripped) return false
    const { seenAt, text } = stripped
    const [front, id] = MESSAGE_ID.exec(text) ?? []
    if (front !== undefined && id !== undefined) {
      const rest = text.slice(front.length)
      if (rest.startsWith('<= ')) return this.#open(id, seenAt, rest.slice('<= '.length))
      if (rest.startsWith('H=')) return this.#refusal(seenAt, rest)
      return this.#follow(id, rest)
    }
    return text.startsWith('H=') ? this.#refusal(seenAt, text) : this.#refusedCommand(seenAt, text)
  }

  end(): void {
    for (const id of [...this.#messages.keys()]) this.#finish(id)
  }

  #withoutFront(line: string): { seenAt: string; text: string } | undefined {
    const own = EXIM_TIME.exec(line)
    if (own) return { seenAt: `${own[1] ?? ''} ${own[2] ?? ''}`, text: line.slice(own[0].length) }
    const syslog = parseSyslogLine(line, this.#options.latestDay)
    if (!syslog || !/^exim4?$/.test(syslog.program)) return undefined
    return { seenAt: syslog.seenAt, text: syslog.text.replace(EXIM_TIME, '') }
  }

  /** `<= a@example.com H=mail.example.com [198.51.100.7] P=esmtps … for c@d`; without `H=` the message is a local one. */
  #open(id: string, seenAt: string, text: string): boolean {
    const [sender] = SENDER.exec(text) ?? []
    if (sender === undefined) return false
    const host = text.startsWith(' H=', sender.length) ? hostAt(text, sender.length + ' H='.length) : undefined
    if (!host) return false
    const rest = text.slice(host.end)
    this.#finish(id)
    const message: OpenMessage = {
      address: host.address,
      claimedName: host.claimedName === null ? null : keepText(host.claimedName, MAX_CLAIMED_NAME),
      authenticated: AUTHENTICATED_PROTOCOL.test(rest.slice(0, MAX_FIELDS)),
      seenAt,
      sender: sender === '<>' ? '' : keepText(sender, MAX_MAILBOX),
      recipients: [],
      hasOtherRecipients: false,
    }
    this.#messages.set(id, message)
    const recipients = rest.lastIndexOf(' for ')
    if (recipients >= 0) for (const recipient of rest.slice(recipients + ' for '.length).split(' ')) note(message, recipient)
    const oldest = this.#messages.size > this.#options.maxOpenMessages ? this.#messages.keys().next().value : undefined
    if (oldest !== undefined) this.#finish(oldest)
    return true
  }

  /** `=> bob <info@example.org> R=…` for each recipient, with the one that was sent to in angle brackets if it differs; `Completed`. */
  #follow(id: string, rest: string): boolean {
    const message = this.#messages.get(id)
    if (!message) return false
    if (/^Completed(?: |$)/.test(rest)) {
      this.#finish(id)
      return true
    }
    const [, delivered, original] = DELIVERY.exec(rest) ?? []
    if (delivered === undefined) return false
    note(message, original ?? delivered)
    return true
  }

  /** `H=(helo) [ip] F=<a@b> temporarily rejected RCPT <c@d>: …`; other lines that begin so are warnings. */
  #refusal(seenAt: string, text: string): boolean {
    const host = hostAt(text, 'H='.length)
    if (!host) return false
    const rest = text.slice(host.end)
    // A quoted local part may hold anything: what is behind the sender is looked for behind it.
    const senderAt = rest.indexOf(' F=<')
    const sender = senderAt >= 0 && senderAt < refusalAt(rest) ? ENVELOPE_SENDER.exec(rest.slice(senderAt)) : null
    const behind = sender ? rest.slice(senderAt + sender[0].length) : rest
    const refused = REFUSED.exec(behind)
    const between = behind.slice(0, refused?.index)
    // `Warning: …`, `sender verify fail for …: …` and the like refuse nothing themselves.
    if (!refused || between.includes(': ')) return false
    const [, temporarily, recipient] = refused
    this.#options.onRecord({
      address: host.address,
      claimedName: host.claimedName,
      authenticated: between.includes(' A='),
      sender: sender?.[1] ?? null,
      recipients: recipient === undefined ? [] : [recipient],
      isToPostmaster: recipient !== undefined && isPostmaster(recipient),
      then: temporarily === undefined ? 'rejected' : 'deferred',
      seenAt,
    })
    return true
  }

  /** `rejected EHLO from [198.51.100.10]: syntactically invalid argument(s): a_b c`: HELO itself is at the end. */
  #refusedCommand(seenAt: string, text: string): boolean {
    const [command] = /^(?:temporarily )?rejected [A-Z]{4} from (?:H=)?/.exec(text) ?? []
    const host = command === undefined ? undefined : hostAt(text, command.length)
    if (!host) return false
    const [, invalid] = /: syntactically invalid argument\(s\): (.{0,1000})/.exec(text.slice(host.end)) ?? []
    this.#options.onRecord({
      address: host.address,
      claimedName: invalid === undefined ? host.claimedName : invalid === '(no argument given)' ? '' : invalid,
      authenticated: false,
      sender: null,
      recipients: [],
      isToPostmaster: false,
      then: text.startsWith('temporarily') ? 'deferred' : 'rejected',
      seenAt,
    })
    return true
  }

  #finish(id: string): void {
    const message = this.#messages.get(id)
    if (!message) return
    this.#messages.delete(id)
    const { hasOtherRecipients, ...known } = message
    this.#options.onRecord({ ...known, isToPostmaster: known.recipients.length > 0 && !hasOtherRecipients, then: 'accepted' })
  }
}

/** With milliseconds, zone and pid, as log_selector and log_timezone add them. */
const EXIM_TIME = /^([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,6})?(?: [+-][0-9]{4})? (?:\[[0-9]{1,10}\] )?/
/** Of 16 characters, or of 23 since Exim 4.97. */
const MESSAGE_ID = /^([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})) /
/** A quoted local part may hold spaces, and texts that look like fields. */
const SENDER = /^(?:"(?:[^"\\]|\\.){0,320}"[^ ]{0,320}|[^ "]{1,1000})(?= )/
const DELIVERY = /^(?:=>|->|>>|\*>|\*\*|==) ("(?:[^"\\]|\\.){0,320}"[^ ]{0,320}|[^ ]{1,1000})(?: <([^>]{1,1000})>)?/
const ENVELOPE_SENDER = /^ F=<((?:"(?:[^"\\]|\\.){0,320}")?[^">]{0,640})>/
/** esmtpa, esmtpsa, utf8esmtpsa …: the first `P=`, since texts of the client's come behind it. */
const AUTHENTICATED_PROTOCOL = /^(?: [IU]=[^ ]{1,255}){0,2} P=[a-z0-9]{0,12}smtps?a(?: |$)/
const MAX_FIELDS = 1000
const REFUSED = / (temporarily )?rejected (?:RCPT <([^>]{0,1000})>|MAIL|DATA|after DATA|EHLO or HELO|connection in|PRDR|AUTH)/

interface LoggedHost {
  readonly address: IpAddress
  readonly claimedName: string | null
  /** Where what follows it begins. */
  readonly end: number
}

/** `name (helo) [ip]:port`. The host name has been confirmed by Exim, so it holds nothing strange. */
function hostAt(text: string, start: number): LoggedHost | undefined {
  const [matched, name, claimedName, addressText = ''] = HOST.exec(text.slice(start, start + MAX_HOST)) ?? []
  const address = parseAddress(addressText)
  if (matched === undefined || !address) return undefined
  return { address, claimedName: claimedName ?? name ?? null, end: start + matched.length }
}

function refusalAt(text: string): number {
  const at = text.indexOf('rejected ')
  return at < 0 ? text.length : at
}

const MAX_HOST = 2000
const HOST = /^(?:([^ ()[\]]{1,255}) )?(?:\((.{0,1000}?)\) )?\[([0-9A-Fa-f.:]{2,45})\](?::[0-9]{1,5})?/

function note(message: OpenMessage, recipient: string): void {
  if (!isPostmaster(recipient)) message.hasOtherRecipients = true
  if (message.recipients.length < MAX_EXAMPLES && !message.recipients.includes(recipient)) {
    message.recipients.push(keepText(recipient, MAX_MAILBOX))
  }
}
