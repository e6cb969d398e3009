import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMilterCommand, encodeMilterCommand, MILTER_COMMAND_CODES } from '../../src/wire/milter-command.ts'
import type { MilterPacketError } from '../../src/wire/milter-data.ts'
import type { MilterPacket } from '../../src/wire/milter-frame.ts'
import { encodeMilterPacket, MilterFrameReader } from '../../src/wire/milter-frame.ts'
import type { MilterCommand } from '../../src/wire/milter.ts'
import { ip } from '../support/arbitrary.ts'
import { hex, latin1, milterCommand, mutate, seededRandom } from './milter-arbitrary.ts'

const EMPTY = Buffer.alloc(0)

/** Each packet as an MTA puts it on the wire, and what it means. */
const PACKETS: readonly (readonly [wire: string, command: MilterCommand])[] = [
  // Postfix 3.7 with milter_protocol = 6.
  ['0000000d 4f 00000006 000001ff 001fffff', { kind: 'negotiate', offer: { version: 6, actions: 0x1ff, steps: 0x1fffff } }],
  ['0000000d 4f 00000002 0000003f 0000007f', { kind: 'negotiate', offer: { version: 2, actions: 0x3f, steps: 0x7f } }],
  [
    `0000001b 44 43 6a00 ${ascii('mx')}00 ${ascii('{client_resolve}')}00 ${ascii('OK')}00`,
    {
      kind: 'macros',
      before: 'connect',
      macros: new Map([
        ['j', 'mx'],
        ['{client_resolve}', 'OK'],
      ]),
    },
  ],
  // Sendmail, when none of the macros has a value.
  ['00000002 44 45', { kind: 'macros', before: 'endOfMessage', macros: new Map() }],
  ['00000006 44 3f 6900 3100', { kind: 'macros', before: null, macros: new Map([['i', '1']]) }],
  [
    `00000022 43 ${ascii('mail.example.com')}00 34 c350 ${ascii('198.51.100.7')}00`,
    { kind: 'connect', nameByMta: 'mail.example.com', peer: { kind: 'ip', address: ip('198.51.100.7'), port: 50000 } },
  ],
  [
    `0000001b 43 ${ascii('[::1]')}00 36 0019 ${ascii('IPv6:2001:db8::1')}00`,
    { kind: 'connect', nameByMta: '[::1]', peer: { kind: 'ip', address: ip('2001:db8::1'), port: 25 } },
  ],
  [
    `00000017 43 ${ascii('localhost')}00 4c 0000 ${ascii('/run/mta')}00`,
    { kind: 'connect', nameByMta: 'localhost', peer: { kind: 'unix', path: '/run/mta' } },
  ],
  [`0000000a 43 ${ascii('unknown')}00 55`, { kind: 'connect', nameByMta: 'unknown', peer: { kind: 'unknown' } }],
  [`00000004 48 ${ascii('mx')}00`, { kind: 'helo', claimedName: 'mx' }],
  ['00000003 48 ff00', { kind: 'helo', claimedName: '\xff' }],
  [`00000015 4d ${ascii('<a@b.test>')}00 ${ascii('SIZE=100')}00`, { kind: 'mail', path: '<a@b.test>', parameters: ['SIZE=100'] }],
  [`00000004 4d ${ascii('<>')}00`, { kind: 'mail', path: '<>', parameters: [] }],
  [`00000007 52 ${ascii('<c@d>')}00`, { kind: 'rcpt', path: '<c@d>', parameters: [] }],
  ['00000001 54', { kind: 'data' }],
  [`0000000e 4c ${ascii('Subject')}00 ${ascii('a')}0a09${ascii('b')}00`, { kind: 'header', name: 'Subject', value: 'a\n\tb' }],
  ['00000001 4e', { kind: 'endOfHeaders' }],
  ['00000005 42 000d0a2e', { kind: 'body', chunk: Buffer.from('\0\r\n.') }],
  ['00000001 45', { kind: 'endOfMessage', chunk: EMPTY }],
  ['00000003 45 0d0a', { kind: 'endOfMessage', chunk: Buffer.from('\r\n') }],
  ['00000001 41', { kind: 'abort' }],
  ['00000001 51', { kind: 'quit' }],
  ['00000001 4b', { kind: 'quitNewConnection' }],
  [`00000006 55 ${ascii('XDBG')}00`, { kind: 'unknown', line: 'XDBG' }],
]

describe('each packet', () => {
  it.each(PACKETS)('%s', (wire, command) => {
    expect(decodeMilterCommand(packetFrom(hex(wire)))).toEqual({ kind: 'command', command })
    expect(Buffer.from(encodeMilterCommand(command)).toString('hex')).toBe(Buffer.from(hex(wire)).toString('hex'))
  })

  it('of every kind is in the table', () => {
    expect(new Set(PACKETS.map(([, command]) => command.kind))).toEqual(new Set(Object.keys(MILTER_COMMAND_CODES)))
  })
})

describe('what is read in more than one form', () => {
  it.each([
    ['6', 'IPv6:2001:db8::1', '2001:db8::1'],
    ['6', 'ipv6:2001:DB8:0::1', '2001:db8::1'],
    ['6', '2001:db8::1', '2001:db8::1'],
    ['6', 'fe80::1%eth0', 'fe80::1'],
    ['6', 'IPv6:::ffff:198.51.100.7', '::ffff:198.51.100.7'],
    ['4', '::ffff:198.51.100.7', '::ffff:198.51.100.7'],
    ['4', '198.51.100.7', '198.51.100.7'],
  ])('an address of family %s as %s', (family, text, address) => {
    const peer = { kind: 'ip', address: ip(address), port: 25 }
    expect(decoded('C', `mx\0${family}\0\x19${text}\0`)).toMatchObject({ kind: 'command', command: { peer } })
  })

  it('an unknown peer with anything behind the family, as libmilter allows', () => {
    expect(decoded('C', 'mx\0U\0\0whatever')).toMatchObject({ kind: 'command', command: { peer: { kind: 'unknown' } } })
  })

  it('an offer that has grown at its end, as libmilter allows', () => {
    const offer = { version: 7, actions: 1, steps: 2 }
    expect(decoded('O', '\0\0\0\x07\0\0\0\x01\0\0\0\x02\0\0\0\x03')).toEqual({ kind: 'command', command: { kind: 'negotiate', offer } })
  })

  it('macro names with braces or without, of which the first counts', () => {
    const macros = new Map([
      ['j', 'first'],
      ['{auth_type}', 'PLAIN'],
    ])
    expect(decoded('D', 'H{j}\0first\0auth_type\0PLAIN\0j\0second\0{auth_type}\0LOGIN\0')).toEqual({
      kind: 'command',
      command: { kind: 'macros', before: 'helo', macros },
    })
  })
})

describe('malformed packets', () => {
  it.each<readonly [code: string, data: string, error: MilterPacketError]>([
    ['Z', '', 'unknownCode'],
    ['\0', '', 'unknownCode'],
    ['c', '', 'unknownCode'],
    ['O', '\0\0\0\x06', 'truncated'],
    ['D', '', 'truncated'],
    ['D', 'Cj\0', 'macroPairs'],
    ['D', 'Cj\0mx\0{v}\0', 'macroPairs'],
    ['D', 'Cj', 'unterminated'],
    ['D', 'Cj\0mx', 'unterminated'],
    ['C', '', 'truncated'],
    ['C', 'mx', 'unterminated'],
    ['C', 'mx\0', 'truncated'],
    ['C', 'mx\x004\0', 'truncated'],
    ['C', 'mx\x004\0\x19', 'truncated'],
    ['C', 'mx\x004\0\x19198.51.100.7', 'unterminated'],
    ['C', 'mx\x004\0\x19198.51.100.7\0x', 'trailingOctets'],
    ['C', 'mx\x004\0\x19198.51.100.07\0', 'address'],
    ['C', 'mx\x006\0\x19\0', 'address'],
    ['C', 'mx\x006\0\x19IPv6:IPv6:::1\0', 'address'],
    ['C', `mx\x006\0\x19${'1'.repeat(100_000)}\0`, 'address'],
    ['C', 'mx\x005\0\x19198.51.100.7\0', 'family'],
    ['H', '', 'truncated'],
    ['H', 'mx', 'unterminated'],
    ['H', 'mx\0evil\0', 'trailingOctets'],
    ['M', '', 'truncated'],
    ['M', '<a@b>', 'unterminated'],
    ['R', '<a@b>\0NOTIFY', 'unterminated'],
    ['R', `<a@b>\0${'\0'.repeat(2000)}`, 'tooManyStrings'],
    ['D', `C${'\0'.repeat(1_000_000)}`, 'tooManyStrings'],
    ['L', 'Subject\0', 'truncated'],
    ['L', 'Subject\0value', 'unterminated'],
    ['L', 'Subject\0val\0ue\0', 'trailingOctets'],
    ['T', 'x', 'trailingOctets'],
    ['N', '\0', 'trailingOctets'],
    ['A', 'x', 'trailingOctets'],
    ['Q', 'x', 'trailingOctets'],
    ['K', 'x', 'trailingOctets'],
    ['U', '', 'truncated'],
    ['U', 'XDBG', 'unterminated'],
  ])('%j with %j', (code, data, error) => {
    expect(decoded(code, data)).toEqual({ kind: 'malformed', error, code: code.charCodeAt(0) })
  })

  it('are found at every point where a packet can be cut off', () => {
    for (const [wire, command] of PACKETS) {
      const { code, data } = packetFrom(hex(wire))
      for (let end = 0; end < data.length; end++) {
        const cut = decodeMilterCommand({ code, data: data.subarray(0, end) })
        // A body has no end of its own, and lists end where a string does.
        if (cut.kind === 'command') expect(['body', 'endOfMessage', 'mail', 'macros']).toContain(cut.command.kind)
        expect(cut).not.toEqual({ kind: 'command', command })
      }
    }
  })
})

describe('encoding', () => {
  it('gives back every command through the frame reader, whatever octets are in it', () => {
    fc.assert(
      fc.property(milterCommand, (command) => {
        const { packets, fault } = new MilterFrameReader().push(encodeMilterCommand(command))
        expect(fault).toBeNull()
        expect(packets.map(decodeMilterCommand)).toEqual([{ kind: 'command', command: withBuffer(command) }])
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses what has no place on the wire', () => {
    expect(() => encodeMilterCommand({ kind: 'helo', claimedName: 'mx\0' })).toThrow(RangeError)
    expect(() => encodeMilterCommand({ kind: 'helo', claimedName: 'mx\u0100' })).toThrow(RangeError)
    expect(() => encodeMilterCommand({ kind: 'mail', path: '<a>', parameters: ['\0'] })).toThrow(RangeError)
    const offer = { version: 6, actions: -1, steps: 0 }
    expect(() => encodeMilterCommand({ kind: 'negotiate', offer })).toThrow(RangeError)
    const peer = { kind: 'ip', address: ip('198.51.100.7'), port: 65536 } as const
    expect(() => encodeMilterCommand({ kind: 'connect', nameByMta: 'mx', peer })).toThrow(RangeError)
  })
})

describe('200,000 mutated packets', () => {
  it('never throw, and what they say can be said again', () => {
    const random = seededRandom(2)
    const samples = PACKETS.map(([wire]) => hex(wire).subarray(4))
    let commands = 0
    for (let run = 0; run < 200_000; run++) {
      const bytes = mutate(samples[random(samples.length)] ?? EMPTY, samples[random(samples.length)] ?? EMPTY, random)
      const result = decodeMilterCommand({ code: bytes[0] ?? 0, data: bytes.subarray(1) })
      if (result.kind === 'malformed') continue
      commands++
      const again = decodeMilterCommand(packetFrom(encodeMilterCommand(result.command)))
      if (run % 20 === 0) expect(again).toEqual(result)
      else if (again.kind !== 'command') throw new Error(`cannot be said again: ${JSON.stringify(result)}`)
    }
    expect(commands).toBeGreaterThan(20_000)
    expect(commands).toBeLessThan(180_000)
  })
})

function ascii(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

function packetFrom(frame: Uint8Array): MilterPacket {
  const { packets, fault } = new MilterFrameReader().push(frame)
  const [packet] = packets
  if (!packet || packets.length > 1 || fault) throw new TypeError(`not one packet: ${Buffer.from(frame).toString('hex')}`)
  return packet
}

function decoded(code: string, data: string): ReturnType<typeof decodeMilterCommand> {
  return decodeMilterCommand(packetFrom(encodeMilterPacket(code, latin1(data))))
}

/** Chunks come back as buffers. */
function withBuffer(command: MilterCommand): MilterCommand {
  return 'chunk' in command ? { ...command, chunk: Buffer.from(command.chunk) } : command
}
