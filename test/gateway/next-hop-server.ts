/**
 * A next hop that says what a test tells it to, and keeps what it was told. It takes a dot between line ends of any kind for the end of
 * a message, as the servers do through which messages are smuggled.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

export interface HopSession {
  /** Each command, with what it was called with; a PROXY line, too. */
  readonly commands: string[]
  /** As they came over the wire, without the dot; octets as latin1. */
  readonly messages: string[]
  /** Of a message that was cut off. */
  rest: string
  isSecure: boolean
  isClosed: boolean
}

/** Null to say nothing, `HANG_UP` to close without a word. More than one line goes out as it is. */
export type HopReply = string | null
export const HANG_UP = 'hang up'

export interface HopOptions {
  readonly extensions?: readonly string[]
  /** Undefined for what it would say anyway. `greeting`, `.` for the end of a message, else the command's verb. */
  readonly answer?: (step: string, line: string, session: HopSession, sessions: readonly HopSession[]) => HopReply | undefined
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Called with message data as they come; false to stop reading for good. */
  readonly onContent?: (session: HopSession, socket: Socket) => void
  /** Messages are counted, not kept. */
  readonly forgets?: boolean
  readonly port?: number
}

export interface HopServer extends AsyncDisposable {
  readonly port: number
  readonly sessions: readonly HopSession[]
  readonly received: () => number
  /** When that many messages were received in all. */
  readonly settled: (check: () => boolean) => Promise<void>
}

const DEFAULT_REPLIES: Readonly<Record<string, string>> = {
  greeting: '220 hop.test ESMTP',
  HELO: '250 hop.test',
  MAIL: '250 2.1.0 Sender fine by the hop',
  RCPT: '250 2.1.5 Recipient fine by the hop',
  DATA: '354 Go ahead says the hop',
  '.': '250 2.0.0 Ok: queued as HOP1',
  RSET: '250 2.0.0 Ok',
  QUIT: '221 2.0.0 Bye',
  XCLIENT: '220 hop.test ESMTP',
  STARTTLS: '220 2.0.0 Go',
}

const END_OF_MESSAGE = /(^|\r\n|\n|\r)\.(\r\n|\n|\r(?!\n))/

export async function startHop(options: HopOptions = {}): Promise<HopServer> {
  const sessions: HopSession[] = []
  const sockets = new Set<Socket>()
  let wake = (): void => undefined
  let octets = 0
  const server = createServer((socket) => {
    const session: HopSession = { commands: [], messages: [], rest: '', isSecure: false, isClosed: false }
    sessions.push(session)
    sockets.add(socket)
    serve(socket, session)
    socket.once('close', () => {
      sockets.delete(socket)
      session.isClosed = true
      wake()
    })
  })

  function serve(socket: Socket, session: HopSession): void {
    let pending = ''
    let isInMessage = false
    const say = (step: string, line: string): void => {
      const given = options.answer?.(step, line, session, sessions)
      const reply = given === undefined ? (step === 'EHLO' ? helloReply(options, session) : (DEFAULT_REPLIES[step] ?? '500 What?')) : given
      if (reply === HANG_UP) socket.destroy()
      else if (reply !== null) socket.write(`${reply}\r\n`)
      if (step === 'DATA' && reply?.startsWith('354')) isInMessage = true
      if (step === 'QUIT') socket.end()
      if (step === 'STARTTLS' && reply?.startsWith('220') && options.tls) upgrade(options.tls)
    }
    const upgrade = (tls: { readonly key: string; readonly cert: string }): void => {
      socket.removeListener('data', onData)
      const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(tls) })
      session.isSecure = true
      serveMore(secure)
    }
    const serveMore = (secure: Socket): void => {
      secure.on('error', () => undefined)
      const plain = socket
      socket = secure
      secure.once('close', () => plain.destroy())
      secure.on('data', onData)
    }
    const onData = (chunk: Buffer): void => {
      octets += chunk.length
      pending += chunk.toString('latin1')
      while (work()) wake()
      wake()
    }
    /** False when there is nothing whole left. */
    const work = (): boolean => {
      if (isInMessage) {
        options.onContent?.(session, socket)
        const end = END_OF_MESSAGE.exec(pending)
        if (end === null) {
          if (options.forgets === true) pending = pending.slice(-4)
          else session.rest = pending
          return false
        }
        session.messages.push(pending.slice(0, end.index + (end[1]?.length ?? 0)))
        session.rest = ''
        pending = pending.slice(end.index + end[0].length)
        isInMessage = false
        say('.', '')
        return true
      }
      const end = pending.indexOf('\n')
      if (end < 0) return false
      const line = pending.slice(0, end).replace(/\r$/, '')
      pending = pending.slice(end + 1)
      session.commands.push(line)
      if (!line.startsWith('PROXY')) say(line.split(' ')[0]?.toUpperCase() ?? '', line)
      return true
    }
    socket.on('error', () => undefined)
    socket.on('data', onData)
    say('greeting', '')
  }

  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    received: () => octets,
    async settled(check) {
      while (!check()) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function helloReply({ extensions = [], tls }: HopOptions, { isSecure }: HopSession): string {
  const lines = ['hop.test', ...extensions, ...(tls && !isSecure ? ['STARTTLS'] : [])]
  return lines.map((line, index) => `250${index === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n')
}

/** What an honest server would have received: dots taken off again. */
export function unstuffed(message: string): string {
  return message.replace(/^\./gm, '')
}
