/**
 * Telling the next hop who the client is, since it sees only us: XCLIENT as Postfix has it (values in xtext, RFC 3461 §4), and the
 * PROXY header, version 1. Values from strangers are encoded here, so that none can end a command.
 */
import { formatAddress, type IpAddress } from '../core/address.ts'
import { isHostName, type DomainName } from '../core/domain-name.ts'

export interface IntroducedClient {
  readonly address: IpAddress
  readonly port: number
  /** Where it has connected to. */
  readonly localAddress: IpAddress | null
  readonly localPort: number
  readonly confirmedName: DomainName | null
  /** The DNS could not tell, so it may have a confirmed name. */
  readonly isNameUnknown: boolean
  readonly claimedName: string | null
  readonly isExtended: boolean
  readonly login: string | null
}

/** Of the XCLIENT README: a command takes no more, and several may follow one another. */
const MAX_COMMAND_OCTETS = 512
const UNAVAILABLE = '[UNAVAILABLE]'

/** Commands without line end, holding those attributes alone that are listed. A value that fits no line is left out. */
export function xclientCommands(client: IntroducedClient, listed: ReadonlySet<string>): string[] {
  const commands: string[] = []
  for (const [name, value] of attributesOf(client)) {
    const attribute = ` ${name}=${value}`
    if (!listed.has(name) || XCLIENT.length + attribute.length > MAX_COMMAND_OCTETS - 2) continue
    const last = commands.at(-1)
    if (last !== undefined && last.length + attribute.length <= MAX_COMMAND_OCTETS - 2) commands[commands.length - 1] = last + attribute
    else commands.push(XCLIENT + attribute)
  }
  return commands
}

const XCLIENT = 'XCLIENT'

/** Each has a value, lest ours stand where the client's is not known. */
function attributesOf(client: IntroducedClient): readonly (readonly [string, string])[] {
  const { address, confirmedName, claimedName, login } = client
  const text = formatAddress(address)
  const unknownName = client.isNameUnknown ? '[TEMPUNAVAIL]' : UNAVAILABLE
  return [
    ['ADDR', address.family === 6 ? `IPV6:${text}` : text],
    ['NAME', confirmedName !== null && isHostName(confirmedName) ? xtext(confirmedName) : unknownName],
    ['PORT', client.port > 0 ? String(client.port) : UNAVAILABLE],
    ['PROTO', client.isExtended ? 'ESMTP' : 'SMTP'],
    ['HELO', claimedName === null ? UNAVAILABLE : xtext(claimedName)],
    ['LOGIN', login === null ? UNAVAILABLE : xtext(login)],
  ]
}

/** RFC 3461 §4: octets beyond printable ASCII, `+` and `=` in hexadecimal. Text is taken as UTF-8. */
export function xtext(text: string): string {
  const octets = Buffer.from(text).toString('latin1')
  return octets.replace(/[^!-*,-<>-~]/g, (octet) => `+${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** The header line of the PROXY protocol, version 1; null stands for a connection of our own. */
export function proxyLine(client: IntroducedClient | null): string {
  if (client === null) return 'PROXY UNKNOWN\r\n'
  const { address, port, localAddress, localPort } = client
  const isSameFamily = localAddress?.family === address.family
  const destination = isSameFamily ? formatAddress(localAddress) : address.family === 6 ? '::' : '0.0.0.0'
  return `PROXY TCP${String(address.family)} ${formatAddress(address)} ${destination} ${String(port)} ${String(isSameFamily ? localPort : 0)}\r\n`
}

/** What to say in EHLO once XCLIENT has introduced the client: later layers of the next hop judge this one. */
export function heloArgument(claimedName: string | null, ourName: string): string {
  return claimedName !== null && /^[!-~]{1,255}$/.test(claimedName) ? claimedName : ourName
}
