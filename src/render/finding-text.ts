/**
 * A finding as a sentence: the catalogue's message with the finding's arguments in its places, safe for the surface.
 * Hostile arguments are bounded as well as escaped: a long text is cut, a long list says how many more there are.
 */
import { escapeUnprintable } from '../core/printable.ts'
import { CATALOGUE, FINDING_CODES, type Finding, type FindingCode } from '../findings/catalogue.ts'
import { escapeFor, type Surface } from './escape.ts'

/** A plain name of 255 octets fits. */
export const MAX_ARGUMENT_LENGTH = 256
const MAX_LIST_ENTRIES = 5

export function findingMessage(finding: Finding, surface: Surface): string {
  const message = fillTemplate(TEMPLATES.get(finding.code) ?? [], finding.args)
  return surface === 'terminal' || surface === 'smtp' ? message : escapeFor(surface, message)
}

/** `a, b and 7 more`, for people. */
export function joinList(entries: readonly string[], limit = MAX_LIST_ENTRIES): string {
  if (entries.length === 0) return 'none'
  const shown = entries.slice(0, limit).map(argumentText).join(', ')
  return entries.length > limit ? `${shown} and ${String(entries.length - limit)} more` : shown
}

/** Printable and bounded; what is empty is said to be. */
export function argumentText(text: string): string {
  if (text === '') return '(empty)'
  const printable = escapeUnprintable(text.length > MAX_ARGUMENT_LENGTH ? text.slice(0, MAX_ARGUMENT_LENGTH + 1) : text)
  return printable.length > MAX_ARGUMENT_LENGTH ? `${printable.slice(0, MAX_ARGUMENT_LENGTH - 3)}...` : printable
}

/** Literal texts at even places, argument names at odd ones. */
type Template = readonly string[]

const TEMPLATES: ReadonlyMap<FindingCode, Template> = new Map(
  FINDING_CODES.map((code) => [code, CATALOGUE[code].message.split(/\{([A-Za-z0-9]+)\}/)]),
)

function fillTemplate(template: Template, args: Finding['args']): string {
  const values = args as Readonly<Record<string, string | number | readonly string[] | undefined>>
  let message = ''
  for (let index = 0; index < template.length; index++) {
    const part = template[index] ?? ''
    message += index % 2 === 0 ? part : formatArgument(part, values[part])
  }
  return message
}

function formatArgument(name: string, value: string | number | readonly string[] | undefined): string {
  if (typeof value === 'string') return CODED_ARGUMENTS.has(name) ? (WORDS[value] ?? argumentText(value)) : argumentText(value)
  if (typeof value === 'number') return String(value)
  return value === undefined ? '(unknown)' : joinList(value)
}

/** These hold codes of ours, never text of a stranger's. */
const CODED_ARGUMENTS: ReadonlySet<string> = new Set(['outcome', 'cause', 'problem'])

const WORDS: Readonly<Record<string, string>> = {
  nxdomain: 'NXDOMAIN',
  nodata: 'no address record',
  servfail: 'SERVFAIL',
  refused: 'REFUSED',
  timeout: 'no answer in time',
  malformed: 'a malformed answer',
  deadline: 'no answer before the deadline',
  aborted: 'no answer before the interruption',
  overBudget: 'no answer within the query limit',
  queryCap: 'no answer within the query limit',
  aliasLoop: 'CNAMEs in a circle',
  aliasTooDeep: 'too many CNAMEs',
  empty: 'it is empty',
  tooLong: 'it is too long',
  character: 'a character that no host name can have',
  emptyLabel: 'two dots next to each other, or one at the start',
  labelTooLong: 'a label longer than 63 octets',
  hyphen: 'a label that begins or ends with a hyphen',
  numeric: 'digits and dots that are no address',
  badLiteral: 'a malformed address literal',
  notAscii: 'letters beyond ASCII',
  // Records around a mail server
  noValue: 'no equals sign',
  badTagName: 'no name for a tag',
  emptyTag: 'nothing between two semicolons',
  duplicateTag: 'it is there twice',
  badCharacter: 'a character that may not be there',
  badValue: 'a value that is not allowed',
  misplacedVersion: 'it must come first',
  missingTag: 'it is missing',
  badMacro: 'a percent sign without a macro',
  badMacroLetter: 'an unknown macro letter',
  badTransformer: 'a macro that keeps nothing',
  badDomain: 'no full domain name',
  unknownMechanism: 'an unknown mechanism',
  missingArgument: 'something is missing behind it',
  unexpectedArgument: 'nothing may follow it there',
  badAddress: 'no address of this family',
  badPrefixLength: 'no prefix length of this family',
  duplicateModifier: 'it may be there only once',
  modifierWithQualifier: 'no sign may stand before it',
  noColon: 'no field name and colon',
  duplicateKey: 'it is there twice',
  missingKey: 'it is missing',
  badUsage: 'usage other than 2 and 3',
  badSelector: 'selector other than 0 and 1',
  badMatching: 'matching type other than 0, 1 and 2',
  badLength: 'data of a wrong length',
  addressRecords: 'the addresses come',
  aliasRecords: 'the alias comes',
  tlsaRecords: 'they come',
  noSuchCertificate: 'no certificate of the server is meant',
  brokenChain: 'the chain does not lead to it',
  otherName: 'the certificate is for another name',
  notInForce: 'a certificate is not valid yet, or no longer',
  refusalCode: 'it refuses our resolver',
  outsideLoopback: 'its answer is no blocklist code',
  listsEverything: 'it lists everybody',
  noAddress: 'its host has no address',
  dnsTrouble: 'the address of its host could not be told',
  specialAddress: 'its host is at an address that is not public',
  connectionRefused: 'connection refused',
  unreachable: 'no way to its host',
  connectionReset: 'the connection broke off',
  certificate: 'the certificate is not valid for it',
  tlsTrouble: 'no TLS session came about',
  badHttp: 'the answer is no HTTP',
  tooLarge: 'the answer is too large',
  // A conversation with a mail server
  connectionClosed: 'the connection was closed',
  lineTooLong: 'a line without end',
  tooManyLines: 'a reply without end',
  replyTooLong: 'a reply without end',
  noCode: 'no reply code',
}
