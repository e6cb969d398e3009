/**
 * An SMTP client that a test steers word by word, from an address of its choice: nodemailer's is too well-behaved for that.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Dialogue {
  /** The next whole reply, its lines joined by LF. Rejects when the server has hung up. */
  reply(): Promise<string>
  /** Sends a line and gives the reply to it. */
  say(line: string): Promise<string>
  /** Octets as they are. */
  send(octets: string | Buffer): void
  /** DATA, the octets, and the final reply. The message must end with a line end. */
  data(message: string): Promise<string>
  readonly socket: Socket
  close(): void
}

export async function openDialogue(port: number, localAddress = '127.51.0.1', host = '127.0.0.1'): Promise<Dialogue> {
  const socket = connect({ port, host, localAddress })
  const dialogue = dialogueOn(socket)
  await once(socket, 'connect')
  return dialogue
}

/** On a connection that is there already: one that TLS was begun on, for instance. */
export function dialogueOn(socket: Socket): Dialogue {
  let received = ''
  let isEnded = false
  let wake = (): void => undefined
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    wake()
  })
  socket.on('close', () => {
    isEnded = true
    wake()
  })
  socket.on('error', () => undefined)
  const reply = async (): Promise<string> => {
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\r\n)*\d{3} [^\n]*\r\n/.exec(received)
      if (whole) {
        received = received.slice(whole[0].length)
        return whole[0].trimEnd().replaceAll('\r\n', '\n')
      }
      if (isEnded) throw new Error(`hung up after ${JSON.stringify(received)}`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const say = (line: string): Promise<string> => {
    socket.write(`${line}\r\n`)
    return reply()
  }
  return {
    reply,
    say,
    send: (octets) => void socket.write(octets),
    async data(message) {
      const go = await say('DATA')
      if (!go.startsWith('354')) return go
      socket.write(`${message.replace(/^\./gm, '..')}.\r\n`)
      return reply()
    },
    socket,
    close: () => void socket.destroy(),
  }
}
