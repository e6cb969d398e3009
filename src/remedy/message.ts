/**
 * The message with which the PTR is asked for, ready to be sent to the hosting provider or ISP: plain text of at most 72 columns.
 * Only a name or address that is longer than that stands on a line of its own and is not broken.
 */
import { formatAddress, reverseName, unmapAddress, type IpAddress } from '../core/address.ts'
import { isHostName, labelsOf, nameFromLabels, sameName, type DomainName } from '../core/domain-name.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import { desiredNameOf, type DesiredName } from './desired-name.ts'
import { forwardState } from './forward-steps.ts'
import type { RecognisedProvider } from './identify-provider.ts'
import type { ReverseZoneFacts } from './reverse-zone.ts'
import type { Finding } from '../findings/catalogue.ts'

export interface ProviderMessageInput {
  readonly address: IpAddress
  readonly findings: readonly Finding[]
  readonly iprev: IprevFacts
  readonly helo: HeloFacts | null
  readonly reverseZone: ReverseZoneFacts | null
  readonly provider: RecognisedProvider | null
  readonly desiredName?: DesiredName | undefined
}

export interface ProviderMessage {
  readonly subject: string
  readonly body: string
}

export function providerMessage(input: ProviderMessageInput): ProviderMessage {
  const address = unmapAddress(input.address)
  const desired = desiredNameOf(input)
  const ip = formatAddress(address)
  const blocks = [
    ...(desired.source === 'placeholder' ? [paragraph(`[Before you send this: put the name of your server for ${desired.name}.]`)] : []),
    'Hello,',
    paragraph('please set the PTR record (reverse DNS) of our address'),
    indented(ip),
    'to',
    indented(desired.name),
    paragraph([...presentState(input.iprev, desired), ...forwardSentence(input, address, desired)].join(' ')),
    ...recordBlocks(input, address, desired.name),
    paragraph(
      'Mail servers compare the two directions when ours connects, and refuse its mail as long as they differ (550 5.7.25, see RFC 8601 section 2.7.3).',
    ),
    'Thank you.',
  ]
  return { subject: `PTR record for ${ip}`, body: `${blocks.join('\n\n')}\n` }
}

const COLUMNS = 72

function presentState({ names, reason }: IprevFacts, desired: DesiredName): readonly string[] {
  switch (reason) {
    case 'noReverseName':
    case 'noPtrRecord':
      return ['There is no PTR record at present.']
    case 'aliasLoop':
    case 'aliasDangling':
    case 'aliasTooDeep':
      return ['The reverse name is a CNAME at present, which leads to no PTR record.']
    default:
      if (names.length === 0 || isOnly(names, desired.name)) return []
      return [`At present it is ${listed(names.map(({ name }) => name))}: please replace that, and keep exactly one PTR record.`]
  }
}

function isOnly(names: IprevFacts['names'], desired: DomainName): boolean {
  return names.length === 1 && names.every(({ name }) => sameName(name, desired))
}

/** Names that are none, or long enough to be an attack on the reader, are counted instead of shown. */
function listed(names: readonly DomainName[]): string {
  const shown = names.filter((name) => isHostName(name) && name.length <= COLUMNS).slice(0, 3)
  const others = names.length - shown.length
  if (shown.length === 0) return others === 1 ? 'a name that is no host name' : `${String(others)} names`
  return shown.join(', ') + (others > 0 ? ` and ${String(others)} more` : '')
}

function forwardSentence(input: ProviderMessageInput, address: IpAddress, desired: DesiredName): readonly string[] {
  if (desired.source === 'placeholder') return []
  const type = address.family === 4 ? 'A' : 'AAAA'
  const isRight = forwardState({ ...input, address, desired }).kind === 'right'
  return [isRight ? `The name resolves to the address (${type} record).` : `The name will have the address as its ${type} record.`]
}

function recordBlocks({ reverseZone }: ProviderMessageInput, address: IpAddress, name: DomainName): readonly string[] {
  const zone = reverseZone?.reverse.kind === 'zone' ? reverseZone.reverse.zone.name : undefined
  const where = zone === undefined ? 'In the reverse zone that is:' : `In the zone ${zone} that is:`
  if (address.family === 4) return [paragraph(where), recordText(`${reverseName(address)}.`, name)]
  // An IPv6 reverse name alone is longer than a line: half of it becomes the origin.
  const labels = labelsOf(reverseName(address))
  const origin = `${INDENT}$ORIGIN ${nameFromLabels(labels.slice(HOST_NIBBLES))}.`
  return [paragraph(where), `${origin}\n${recordText(nameFromLabels(labels.slice(0, HOST_NIBBLES)), name)}`]
}

const INDENT = '  '
/** The labels of the lower 64 bits. */
const HOST_NIBBLES = 16

/** Parentheses let a record go on in the next line (RFC 1035 §5.1). */
function recordText(owner: string, name: DomainName): string {
  const line = `${INDENT}${owner} IN PTR ${name}.`
  return line.length <= COLUMNS ? line : `${INDENT}${owner} IN PTR (\n${indented(`${name}. )`)}`
}

function indented(text: string): string {
  return text.length + INDENT.length <= COLUMNS ? INDENT + text : text
}

function paragraph(text: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
