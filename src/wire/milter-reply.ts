/**
 * What a filter answers and changes: replies ⇄ packets. Encoding refuses (RangeError) whatever could end a string, a line or
 * a header before its time: text must have been rendered, and so escaped, before it comes here.
 * Decoding is for clients that test a filter; it finds what would make an MTA replace the reply by its own text.
 */
import { assertNever } from '../core/assert-never.ts'
import type { MilterPacketError } from './milter-data.ts'
import { MilterDataReader, MilterDataWriter } from './milter-data.ts'
import type { MilterPacket } from './milter-frame.ts'
import type { MilterAgreement, MilterMacroRequests, MilterMacroStage, MilterReply, MilterReplyKind } from './milter.ts'
import { canonicalMacroName, MILTER_MACRO_STAGES } from './milter.ts'
import { foldedHeaderValue, readRefusal, requireEnvelopeText, requireHeaderName, requirePrintable, requireRefusal } from './mta-text.ts'

export type DecodedMilterReply =
  | { readonly kind: 'reply'; readonly reply: MilterReply }
  | { readonly kind: 'malformed'; readonly error: MilterPacketError; readonly code: number }

/** MILTER_CHUNK_SIZE: also what Sendmail reads at most in one packet, by default. */
export const MAX_MILTER_CHUNK_OCTETS = 65_535
/** MAXFILTERMACROS of Sendmail. */
export const MAX_MACROS_PER_STAGE = 50

/** SMFIR_*, and SMFIC_OPTNEG. Change and deletion of a header share a code. */
export const MILTER_REPLY_CODES: Readonly<Record<MilterReplyKind, string>> = {
  negotiate: 'O',
  continue: 'c',
  accept: 'a',
  reject: 'r',
  tempfail: 't',
  discard: 'd',
  skip: 's',
  progress: 'p',
  shutdown: '4',
  connectionFailure: 'f',
  replyCode: 'y',
  addHeader: 'h',
  insertHeader: 'i',
  changeHeader: 'm',
  deleteHeader: 'm',
  changeSender: 'e',
  addRecipient: '+',
  addRecipientWithParameters: '2',
  deleteRecipient: '-',
  replaceBody: 'b',
  quarantine: 'q',
}

export function encodeMilterReply(reply: MilterReply): Uint8Array {
  const writer = new MilterDataWriter()
  writeReply(reply, writer)
  return writer.packet(MILTER_REPLY_CODES[reply.kind])
}

function writeReply(reply: MilterReply, writer: MilterDataWriter): void {
  switch (reply.kind) {
    case 'negotiate':
      writeAgreement(reply.agreement, writer)
      return
    case 'replyCode':
      writer.string(replyCodeText(reply.text))
      return
    case 'addHeader':
      writeHeader(reply.name, reply.value, writer)
      return
    case 'insertHeader':
      writeHeader(reply.name, reply.value, writer.uint32(headerIndex(reply.index, 0)))
      return
    case 'changeHeader':
      if (reply.value === '') throw new RangeError('an empty value deletes the header: say deleteHeader')
      writeHeader(reply.name, reply.value, writer.uint32(headerIndex(reply.index, 1)))
      return
    case 'deleteHeader':
      writeHeader(reply.name, '', writer.uint32(headerIndex(reply.index, 1)))
      return
    case 'changeSender':
    case 'addRecipientWithParameters':
      writeEnvelopeText(reply.path, writer)
      if (reply.parameters !== null) writeEnvelopeText(reply.parameters, writer)
      return
    case 'addRecipient':
    case 'deleteRecipient':
      writeEnvelopeText(reply.path, writer)
      return
    case 'replaceBody':
      if (reply.chunk.length > MAX_MILTER_CHUNK_OCTETS) throw new RangeError(`too long a chunk: ${String(reply.chunk.length)}`)
      writer.octets(reply.chunk)
      return
    case 'quarantine':
      if (reply.reason === '') throw new RangeError('quarantine needs a reason')
      requirePrintable(reply.reason, 'reason of quarantine')
      writer.string(reply.reason)
      return
    case 'continue':
    case 'accept':
    case 'reject':
    case 'tempfail':
    case 'discard':
    case 'skip':
    case 'progress':
    case 'shutdown':
    case 'connectionFailure':
      return
    default:
      assertNever(reply)
  }
}

/** Sendmail prints the text as a format, and Postfix undoubles it likewise: a percent sign is doubled. */
function replyCodeText(text: string): string {
  const { code, lines } = requireRefusal(text)
  const last = lines.length - 1
  const rendered = lines.map((line, index) => `${String(code)}${index === last ? ' ' : '-'}${line}`).join('\r\n')
  return rendered.replaceAll('%', '%%')
}

function writeHeader(name: string, value: string, writer: MilterDataWriter): void {
  requireHeaderName(name)
  writer.string(name).string(foldedHeaderValue(value))
}

/** Sendmail and Postfix read the index as a signed number. */
function headerIndex(index: number, min: number): number {
  if (index < min || index > 0x7fffffff) throw new RangeError(`not a header index: ${String(index)}`)
  return index
}

function writeEnvelopeText(text: string, writer: MilterDataWriter): void {
  requireEnvelopeText(text)
  writer.string(text)
}

function writeAgreement(agreement: MilterAgreement, writer: MilterDataWriter): void {
  writer.uint32(agreement.version).uint32(agreement.actions).uint32(agreement.steps)
  for (const [stage, names] of agreement.macros) {
    if (names.length > MAX_MACROS_PER_STAGE) throw new RangeError(`more than ${String(MAX_MACROS_PER_STAGE)} macros of one stage`)
    for (const name of names) if (!MACRO_NAME.test(name)) throw new RangeError(`not the name of a macro: ${JSON.stringify(name)}`)
    writer.uint32(MILTER_MACRO_STAGES.indexOf(stage)).string(names.join(' '))
  }
}

const MACRO_NAME = /^(?:[!-+\--z|~]|\{[!-+\--z|~]+\})$/

const REPLY_OF_CODE = new Map(Object.entries(MILTER_REPLY_CODES).map(([kind, code]) => [code.charCodeAt(0), kind as MilterReplyKind]))

export function decodeMilterReply(packet: MilterPacket): DecodedMilterReply {
  const kind = REPLY_OF_CODE.get(packet.code)
  if (kind === undefined) return { kind: 'malformed', error: 'unknownCode', code: packet.code }
  const reader = new MilterDataReader(packet.data)
  const reply = readReply(kind, reader)
  reader.end()
  return reader.fault === null ? { kind: 'reply', reply } : { kind: 'malformed', error: reader.fault, code: packet.code }
}

/** After a fault the reply means nothing: the reader keeps the fault. */
function readReply(kind: MilterReplyKind, reader: MilterDataReader): MilterReply {
  switch (kind) {
    case 'negotiate':
      return { kind, agreement: readAgreement(reader) }
    case 'replyCode':
      return { kind, text: readReplyCodeText(reader) }
    case 'addHeader':
      return { kind, name: reader.string(), value: reader.string() }
    case 'insertHeader':
      return { kind, index: reader.uint32(), name: reader.string(), value: reader.string() }
    case 'changeHeader':
    case 'deleteHeader': {
      const [index, name, value] = [reader.uint32(), reader.string(), reader.string()]
      return value === '' ? { kind: 'deleteHeader', index, name } : { kind: 'changeHeader', index, name, value }
    }
    case 'changeSender':
    case 'addRecipientWithParameters':
      return { kind, path: reader.string(), parameters: reader.isAtEnd() ? null : reader.string() }
    case 'addRecipient':
    case 'deleteRecipient':
      return { kind, path: reader.string() }
    case 'replaceBody':
      return { kind, chunk: reader.rest() }
    case 'quarantine':
      return { kind, reason: reader.string() }
    case 'continue':
    case 'accept':
    case 'reject':
    case 'tempfail':
    case 'discard':
    case 'skip':
    case 'progress':
    case 'shutdown':
    case 'connectionFailure':
      return { kind }
    default:
      return assertNever(kind)
  }
}

function readReplyCodeText(reader: MilterDataReader): string {
  const escaped = reader.string()
  const text = escaped.replaceAll('%%', '%')
  if (reader.fault !== null) return text
  if (escaped.replaceAll('%%', '').includes('%')) reader.fail('replyPercent')
  const read = readRefusal(text)
  if (read.kind === 'problem') reader.fail(read.problem === 'class' ? 'replyClass' : 'replyFormat')
  return text
}

function readAgreement(reader: MilterDataReader): MilterAgreement {
  const options = { version: reader.uint32(), actions: reader.uint32(), steps: reader.uint32() }
  return { ...options, macros: readMacroRequests(reader) }
}

/** Sendmail and Postfix take commas and white space between the names. */
function readMacroRequests(reader: MilterDataReader): MilterMacroRequests {
  const requests = new Map<MilterMacroStage, readonly string[]>()
  while (!reader.isAtEnd() && reader.fault === null) {
    const stage = MILTER_MACRO_STAGES[reader.uint32()]
    const names = reader.string().split(/[,\s]+/)
    if (stage === undefined) reader.fail('macroStage')
    else requests.set(stage, names.filter((name) => name !== '').map(canonicalMacroName))
  }
  return requests
}
