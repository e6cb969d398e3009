/**
 * What an MTA says to a filter: packets ⇄ commands. Malformed ones are a typed error, never a throw.
 * As strict as the protocol is written, except where libmilter promises leniency: an offer may have grown at its end, and
 * behind family `U` anything may stand. Encoding is for clients that test a filter.
 */
import { formatAddress } from '../core/address.ts'
import { assertNever } from '../core/assert-never.ts'
import type { MilterPacketError } from './milter-data.ts'
import { MilterDataReader, MilterDataWriter } from './milter-data.ts'
import type { MilterPacket } from './milter-frame.ts'
import type { MilterCommand, MilterCommandKind, MilterPeer } from './milter.ts'
import { canonicalMacroName } from './milter.ts'
import { parseMtaAddress } from './mta-text.ts'

export type DecodedMilterCommand =
  | { readonly kind: 'command'; readonly command: MilterCommand }
  | { readonly kind: 'malformed'; readonly error: MilterPacketError; readonly code: number }

/** SMFIC_* */
export const MILTER_COMMAND_CODES: Readonly<Record<MilterCommandKind, string>> = {
  negotiate: 'O',
  macros: 'D',
  connect: 'C',
  helo: 'H',
  mail: 'M',
  rcpt: 'R',
  data: 'T',
  header: 'L',
  endOfHeaders: 'N',
  body: 'B',
  endOfMessage: 'E',
  abort: 'A',
  quit: 'Q',
  quitNewConnection: 'K',
  unknown: 'U',
}

const KIND_OF_CODE = new Map(Object.entries(MILTER_COMMAND_CODES).map(([kind, code]) => [code.charCodeAt(0), kind as MilterCommandKind]))

export function decodeMilterCommand(packet: MilterPacket): DecodedMilterCommand {
  const kind = KIND_OF_CODE.get(packet.code)
  if (kind === undefined) return { kind: 'malformed', error: 'unknownCode', code: packet.code }
  const reader = new MilterDataReader(packet.data)
  const command = readCommand(kind, reader)
  reader.end()
  return reader.fault === null ? { kind: 'command', command } : { kind: 'malformed', error: reader.fault, code: packet.code }
}

/** After a fault the command means nothing: the reader keeps the fault. */
function readCommand(kind: MilterCommandKind, reader: MilterDataReader): MilterCommand {
  switch (kind) {
    case 'negotiate': {
      const offer = { version: reader.uint32(), actions: reader.uint32(), steps: reader.uint32() }
      reader.rest()
      return { kind, offer }
    }
    case 'macros':
      return { kind, before: KIND_OF_CODE.get(reader.octet()) ?? null, macros: readMacros(reader) }
    case 'connect':
      return { kind, nameByMta: reader.string(), peer: readPeer(reader) }
    case 'helo':
      return { kind, claimedName: reader.string() }
    case 'mail':
    case 'rcpt':
      return { kind, path: reader.string(), parameters: reader.strings() }
    case 'header':
      return { kind, name: reader.string(), value: reader.string() }
    case 'body':
    case 'endOfMessage':
      return { kind, chunk: reader.rest() }
    case 'unknown':
      return { kind, line: reader.string() }
    case 'data':
    case 'endOfHeaders':
    case 'abort':
    case 'quit':
    case 'quitNewConnection':
      return { kind }
    default:
      return assertNever(kind)
  }
}

/** Of two values of one macro the first counts, as in libmilter. */
function readMacros(reader: MilterDataReader): ReadonlyMap<string, string> {
  const macros = new Map<string, string>()
  while (!reader.isAtEnd() && reader.fault === null) {
    const name = canonicalMacroName(reader.string())
    if (reader.isAtEnd()) reader.fail('macroPairs')
    const value = reader.string()
    if (!macros.has(name)) macros.set(name, value)
  }
  return macros
}

function readPeer(reader: MilterDataReader): MilterPeer {
  const family = String.fromCharCode(reader.octet())
  if (family === 'U') {
    reader.rest()
    return { kind: 'unknown' }
  }
  const port = reader.uint16()
  const text = reader.string()
  if (family === 'L') return { kind: 'unix', path: text }
  if (family !== '4' && family !== '6') reader.fail('family')
  // The family does not bind: Sendmail sends an IPv4-mapped address as `4`.
  const address = parseMtaAddress(text)
  if (!address) reader.fail('address')
  return address ? { kind: 'ip', address, port } : { kind: 'unknown' }
}

/** Throws a RangeError for text that holds NUL or what is no octet. */
export function encodeMilterCommand(command: MilterCommand): Uint8Array {
  const writer = new MilterDataWriter()
  writeCommand(command, writer)
  return writer.packet(MILTER_COMMAND_CODES[command.kind])
}

function writeCommand(command: MilterCommand, writer: MilterDataWriter): void {
  switch (command.kind) {
    case 'negotiate':
      writer.uint32(command.offer.version).uint32(command.offer.actions).uint32(command.offer.steps)
      return
    case 'macros':
      writer.octet(command.before === null ? NO_COMMAND : MILTER_COMMAND_CODES[command.before].charCodeAt(0))
      for (const [name, value] of command.macros) writer.string(name).string(value)
      return
    case 'connect':
      writePeer(command.peer, writer.string(command.nameByMta))
      return
    case 'helo':
      writer.string(command.claimedName)
      return
    case 'mail':
    case 'rcpt':
      for (const text of [command.path, ...command.parameters]) writer.string(text)
      return
    case 'header':
      writer.string(command.name).string(command.value)
      return
    case 'body':
    case 'endOfMessage':
      writer.octets(command.chunk)
      return
    case 'unknown':
      writer.string(command.line)
      return
    case 'data':
    case 'endOfHeaders':
    case 'abort':
    case 'quit':
    case 'quitNewConnection':
      return
    default:
      assertNever(command)
  }
}

const NO_COMMAND = '?'.charCodeAt(0)

function writePeer(peer: MilterPeer, writer: MilterDataWriter): void {
  switch (peer.kind) {
    case 'ip': {
      const { family } = peer.address
      const text = family === 4 ? formatAddress(peer.address) : `IPv6:${formatAddress(peer.address)}`
      writer.octet(String(family).charCodeAt(0)).uint16(peer.port).string(text)
      return
    }
    case 'unix':
      writer.octet('L'.charCodeAt(0)).uint16(0).string(peer.path)
      return
    case 'unknown':
      writer.octet('U'.charCodeAt(0))
      return
    default:
      assertNever(peer)
  }
}
