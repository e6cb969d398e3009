/**
 * A connection of smtp-server whose replies to HELO, MAIL, RCPT and DATA come from a relay session. smtp-server answers a hook that
 * succeeds with a text of its own, sends 354 before anybody was asked, and decodes what it parses; its command handlers are
 * therefore replaced here, which its exported class allows. All that the gateway knows of smtp-server's inside is in this file.
 */
import type { Socket } from 'node:net'
import type { SMTPServer } from 'smtp-server'
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { parseAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import type { GateEvent } from './gate-event.ts'
import type { ServedConnection } from './listen.ts'
import type { NextHopCapabilities } from './next-hop-capabilities.ts'
import * as replies from './relay-reply.ts'
import { isPositive, type RelayReply } from './relay-reply.ts'
import type { RelayClient, RelaySession } from './relay-session.ts'

export interface RelayConnectionSettings {
  readonly open: (client: RelayClient) => RelaySession
  readonly maxMessageOctets: number
  readonly maxSessionMs: number
  readonly onEvent: (event: GateEvent) => void
}

export class RelayConnection extends SMTPConnection implements ServedConnection {
  readonly #settings: RelayConnectionSettings
  readonly #relay: RelaySession
  readonly #timer: NodeJS.Timeout
  #isDraining = false
  #isInTransaction = false
  /** XCLIENT is answered by a greeting, which the client that it names may not get. */
  #greeting: 'passed' | 'held' | 'due' = 'passed'

  constructor(server: SMTPServer, socket: Socket, options: SMTPConnectionOptions | null | undefined, settings: RelayConnectionSettings) {
    super(server, socket, options)
    this.#settings = settings
    this.#relay = settings.open(this.#client(null))
    this.#timer = setTimeout(() => {
      this.#hangUp(replies.SESSION_TOO_LONG)
    }, settings.maxSessionMs)
    this.#timer.unref()
  }

  /** A message that is under way goes on, and its session ends with it. */
  drain(): void {
    this.#isDraining = true
    this.#endIfDrained()
  }

  override connectionReady(next?: () => void): void {
    if (this._closed || this._closing) return
    this.#ask(
      () => this.#relay.greet(),
      (refusal) => {
        if (refusal === null) super.connectionReady(next)
        else this.#hangUp(refusal)
      },
    )
  }

  override _sendGreeting(): void {
    if (this.#greeting === 'passed') super._sendGreeting()
    else this.#greeting = 'due'
  }

  override handler_XCLIENT(command: Buffer, callback: () => void): void {
    this.#greeting = 'held'
    super.handler_XCLIENT(command, () => {
      const isDue = this.#greeting === 'due'
      this.#greeting = 'passed'
      if (!isDue) {
        callback()
        return
      }
      const login = this._xClient.get('LOGIN')
      this.#relay.replaceClient(this.#client(typeof login === 'string' && login !== '' ? login : null))
      this.#ask(
        () => this.#relay.greet(),
        (refusal) => {
          if (refusal === null) super._sendGreeting()
          else this.#hangUp(refusal)
          callback()
        },
      )
    })
  }

  override handler_EHLO(command: Buffer, callback: () => void): void {
    this.#hello(command, callback, (offered) => {
      if (offered !== null) this.#offer(offered)
      super.handler_EHLO(command, callback)
    })
  }

  override handler_HELO(command: Buffer, callback: () => void): void {
    this.#hello(command, callback, () => {
      super.handler_HELO(command, callback)
    })
  }

  override handler_STARTTLS(command: Buffer, callback: () => void): void {
    this.#relay.leave()
    super.handler_STARTTLS(command, callback)
  }

  override handler_MAIL(command: Buffer, callback: () => void): void {
    this.emitConnection()
    if (this.#isDraining || this.#isInTransaction) {
      this.#say(this.#isDraining ? replies.SHUTTING_DOWN : replies.NESTED_MAIL)
      callback()
      return
    }
    this.#answer(callback, async () => {
      const reply = await this.#relay.mail(command.toString('latin1'), this.secure)
      if (!isPositive(reply)) return reply
      this.#isInTransaction = true
      // For smtp-server's own use: it forbids XCLIENT from now on.
      this.session.envelope.mailFrom = { address: '', args: false }
      return reply
    })
  }

  override handler_RCPT(command: Buffer, callback: () => void): void {
    this.#answer(callback, () => this.#relay.rcpt(command.toString('latin1'), this.secure))
  }

  override handler_DATA(command: Buffer, callback: () => void): void {
    if (command.toString('latin1').trim().length > 'DATA'.length) {
      this.#say(replies.NO_PARAMETERS)
      callback()
      return
    }
    this.#answer(callback, async () => {
      const reply = await this.#relay.data()
      if (reply.code === 354) this.#receive()
      else if (reply !== replies.NEED_RECIPIENT) this._resetSession()
      return reply
    })
  }

  override _resetSession(): void {
    super._resetSession()
    this.#isInTransaction = false
    this.#relay.reset()
    if (this.#isDraining) setImmediate(() => this.#endIfDrained())
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    super.send(code, data, context)
    if (code === 421 && typeof data === 'string') this.#settings.onEvent({ kind: 'protocolError', reason: reasonOf(data) })
  }

  override _onClose(): void {
    super._onClose()
    clearTimeout(this.#timer)
    this.#relay.close()
  }

  /** As smtp-server does it, but for who gives the final reply, and when. */
  #receive(): void {
    const parser = this._parser
    if (!parser) return
    const source = parser.startDataMode()
    this._dataStream = source
    const id = `${this.id}.${String(this._transactionCounter + 1)}`
    void this.#relay.content({ source, id, protocol: this._transmissionType() }).then((outcome) => {
      this._dataStream = false
      if (outcome.kind === 'gone' || this._closed) return
      if (outcome.kind === 'cut') {
        this.#hangUp(outcome.reply)
        return
      }
      this.#say(outcome.reply)
      this._transactionCounter++
      this._unrecognizedCommands = 0
      this._resetSession()
      if (this._parser) this._parser.continue()
    })
  }

  #hello(command: Buffer, callback: () => void, goOn: (offered: NextHopCapabilities | null) => void): void {
    const [verb, claimedName = '', ...more] = command.toString().trim().split(/\s+/)
    if (!HELO_ARGUMENT.test(claimedName) || more.length > 0) {
      goOn(null)
      return
    }
    // What a proxy says that the client claims stands for the session; the HELO that follows is the proxy's own.
    const byXclient = this._xClient.get('HELO')
    const heard = typeof byXclient === 'string' && byXclient !== '' ? byXclient : claimedName
    this._resetSession()
    this.#ask(
      () => this.#relay.helo(heard, verb?.toUpperCase() === 'EHLO'),
      (answer) => {
        if ('extensions' in answer) {
          goOn(answer)
          return
        }
        this.#say(answer)
        callback()
      },
    )
  }

  /** smtp-server reads these while it answers EHLO, which it does at once. */
  #offer({ extensions, maxSize }: NextHopCapabilities): void {
    const { maxMessageOctets } = this.#settings
    Object.assign(this._server.options, {
      hide8BITMIME: !extensions.has('8BITMIME'),
      hideSMTPUTF8: !extensions.has('SMTPUTF8'),
      hideDSN: !extensions.has('DSN'),
      hideREQUIRETLS: !extensions.has('REQUIRETLS'),
      hideENHANCEDSTATUSCODES: !extensions.has('ENHANCEDSTATUSCODES'),
      size: extensions.has('SIZE') ? Math.min(maxSize ?? maxMessageOctets, maxMessageOctets) : 0,
    })
  }

  #answer(callback: () => void, work: () => Promise<RelayReply>): void {
    this.#ask(work, (reply) => {
      this.#say(reply)
      callback()
      if (this.#isDraining) this.#endIfDrained()
    })
  }

  /** A fault of ours gets its own reply, and ends nobody else's session. */
  #ask<T>(work: () => Promise<T>, then: (answer: T) => void): void {
    work()
      .then((answer) => {
        if (!this._closed && !this._closing) then(answer)
      })
      .catch((error: unknown) => {
        this.#settings.onEvent({ kind: 'internalError', error })
        this.#hangUp(replies.INTERNAL_ERROR)
      })
  }

  /** The enhanced code is in the text already. */
  #say({ code, lines }: RelayReply): void {
    this.send(code, [...lines], false)
  }

  #hangUp(reply: RelayReply): void {
    this.#say(reply)
    this.close()
  }

  #endIfDrained(): void {
    if (!this.#isInTransaction && !this._handlerPending && !this._closing) this.#hangUp(replies.SHUTTING_DOWN)
  }

  #client(login: string | null): RelayClient {
    return {
      address: parseSocketAddress(this.remoteAddress),
      port: this.remotePort,
      localAddress: parseSocketAddress(this.localAddress),
      localPort: this.localPort,
      login,
    }
  }
}

/** As smtp-server has it for HELO: what it would refuse is no name that was said. */
const HELO_ARGUMENT = /^[^\x00-\x1f\x7f-\x9f]{1,300}$/

function parseSocketAddress(text: string): IpAddress | null {
  const address = parseAddress(text.replace(/%.*$/, ''))
  return address === undefined ? null : unmapAddress(address)
}

/** The 421s of smtp-server itself, as words to be counted by. */
function reasonOf(text: string): string {
  return REASONS.find(([pattern]) => text.includes(pattern))?.[1] ?? 'other'
}

const REASONS = [
  ['Timeout', 'timeout'],
  ['talk too soon', 'earlyTalker'],
  ['unrecognized commands', 'unknownCommands'],
  ['line too long', 'lineTooLong'],
  ['HTTP', 'httpRequest'],
  ['Too many connected', 'tooManyConnections'],
] as const
