/** Whatever a client sends: through smtp-server's own reading of DATA and ours of MAIL and RCPT, in-process. */
import { randomInt } from 'node:crypto'
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js'
import { describe, expect, it } from 'vitest'
import { RELAYED_EXTENSIONS } from '../../src/gateway/next-hop-capabilities.ts'
import { heloArgument, proxyLine, xclientCommands, xtext } from '../../src/gateway/next-hop-client.ts'
import { readPathCommand } from '../../src/gateway/relay-envelope.ts'
import { DotStuffing, LineEnds } from '../../src/gateway/relay-lines.ts'
import { messageFields } from '../../src/gateway/relay-fields.ts'
import { address } from '../support/fake-resolver.ts'

const seed = randomInt(2 ** 31)
const random = generator(seed)

describe('200,000 hostile octet streams behind DATA', () => {
  const PIECES = ['\r', '\n', '\r\n', '.', '..', '\r\n.\r\n', '\n.\n', '\n.\r\n', '\r\n.\n', '\r\r\n', 'RSET\r\n', 'x', '\0', '\xff']

  it('are one message up to CRLF.CRLF for every reader of what comes out', async () => {
    for (let index = 0; index < 200; index++) {
      await Promise.all(Array.from({ length: 1000 }, () => checkContent()))
    }
  }, 600_000)

  async function checkContent(): Promise<void> {
    const chunks = Array.from({ length: 1 + random(4) }, () =>
      Array.from({ length: 1 + random(4) }, () => PIECES[random(PIECES.length)] ?? '').join(''),
    )
    chunks.push('\r\n.\r\n')
    const sent = chunks.join('')
    const end = `\r\n${sent}`.indexOf('\r\n.\r\n')
    const { content, commands } = await receive(chunks)
    const lineEnds = new LineEnds()
    const dots = new DotStuffing()
    const out = Buffer.concat([...content.map((chunk) => dots.take(lineEnds.take(chunk))), dots.take(lineEnds.end())]).toString('latin1')
    const isWhole = visible(out) === visible(sent.slice(0, end))
    const isOne = !/(^|\r\n|\n|\r)\.(\r\n|\n|\r)/.test(out) && (out === '' || out.endsWith('\r\n'))
    const isInStep = commands === sent.slice(end + 3).replace(/\r?\n/g, '\n')
    if (!isWhole || !isOne || !isInStep) {
      expect.fail(`seed ${String(seed)}: ${JSON.stringify({ chunks, out, commands, isWhole, isOne, isInStep })}`)
    }
  }

  /** Without dots too: behind a bare LF smtp-server takes some for content, and some off. Those behind CRLF are compared over sockets. */
  function visible(text: string): string {
    return text.replace(/[\r\n.]/g, '')
  }

  /** What smtp-server gives for it: the content, and what it takes for commands behind it. */
  function receive(chunks: readonly string[]): Promise<{ content: Buffer[]; commands: string }> {
    return new Promise((resolve) => {
      const parser = new SMTPStream()
      let commands = ''
      parser.oncommand = (command, next) => {
        commands += `${command.toString('latin1')}\n`
        next?.()
      }
      const content: Buffer[] = []
      const stream = parser.startDataMode()
      stream.on('data', (chunk: Buffer) => content.push(chunk))
      stream.on('end', () => {
        parser.continue()
      })
      parser.on('finish', () => {
        resolve({ content, commands })
      })
      for (const chunk of chunks) parser.write(Buffer.from(chunk, 'latin1'))
      parser.end()
    })
  }
})

describe('200,000 hostile envelopes', () => {
  const PIECES = [
    'MAIL FROM:',
    'RCPT TO:',
    '<',
    '>',
    '"',
    '\\',
    '@',
    'a',
    ' ',
    'SIZE=1',
    ' ORCPT=x',
    '=',
    '\t',
    '\r',
    '\n',
    '\0',
    '\x7f',
    '\xff',
    ' AUTH=<>',
  ]
  const offered = { extensions: new Set(RELAYED_EXTENSIONS), isSecure: true }

  it('become one harmless line, or a refusal', () => {
    for (let index = 0; index < 200_000; index++) {
      const verb = index % 2 === 0 ? 'MAIL FROM' : 'RCPT TO'
      const line =
        (random(4) === 0 ? '' : `${verb}:<`) + Array.from({ length: random(10) }, () => PIECES[random(PIECES.length)] ?? '').join('')
      const read = readPathCommand(verb, line, offered)
      const isRight =
        read.kind === 'refused'
          ? read.reply.code >= 500
          : // What stands within quotes in the path is no parameter.
            read.line.startsWith(`${verb}:${read.path}`) &&
            read.path.startsWith('<') &&
            !/[\0-\x1f\x7f]/.test(read.line) &&
            !/ AUTH=/i.test(read.line.slice(verb.length + 1 + read.path.length))
      if (!isRight) expect.fail(`seed ${String(seed)}: ${JSON.stringify({ line, read })}`)
    }
  })

  it('in a pathological form are read in no time', () => {
    const line = `MAIL FROM:<${'"a" '.repeat(500)}${'\\'.repeat(2000)}`
    for (let index = 0; index < 1000; index++) expect(readPathCommand('MAIL FROM', line, offered).kind).toBe('refused')
  })
})

describe('a hostile HELO', () => {
  const client = {
    address: address('2001:db8::7'),
    port: 25,
    localAddress: null,
    localPort: 0,
    confirmedName: null,
    isNameUnknown: true,
    isExtended: false,
    login: 'a\r\nRSET',
  }
  const listed = new Set(['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO', 'LOGIN'])

  it.each(['x\r\nRSET', 'a b=c+d', '\u{202e}ü\0', '"()\\', 'é'.repeat(300)])('%j ends no command and no field', (claimedName) => {
    for (const command of xclientCommands({ ...client, claimedName }, listed)) {
      expect(command).toMatch(/^XCLIENT(?: [A-Z]+=[!-<>-~]+)+$/)
      expect(command.length).toBeLessThanOrEqual(510)
    }
    expect(heloArgument(claimedName, 'mx.example.org')).toMatch(/^[!-~]+$/)
    const fields = messageFields(null, { ...client, claimedName, ourName: 'mx.example.org', protocol: 'SMTP', id: '1', date: new Date(0) })
    expect(fields.split('\r\n')).toHaveLength(3)
    expect(fields).toMatch(/^[\t\r\n\x20-\x7e]*$/)
  })

  it('is spread over several commands when one is too short', () => {
    const commands = xclientCommands({ ...client, claimedName: 'h'.repeat(300), login: 'l'.repeat(300) }, listed)
    expect(commands.map((command) => command.replace(/(h|l){300}/, '$1…'))).toEqual([
      'XCLIENT ADDR=IPV6:2001:db8::7 NAME=[TEMPUNAVAIL] PORT=25 PROTO=SMTP HELO=h…',
      'XCLIENT LOGIN=l…',
    ])
    expect(xtext('a+b=c ü')).toBe('a+2Bb+3Dc+20+C3+BC')
    expect(proxyLine({ ...client, claimedName: null })).toBe('PROXY TCP6 2001:db8::7 :: 25 0\r\n')
  })
})

/** Fast, and the same again for the same seed. */
function generator(from: number): (below: number) => number {
  let state = from | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
