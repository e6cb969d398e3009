/**
 * A client's session at the next hop, opened with its first MAIL and kept for its later ones. Replies come out as the client is to
 * have them: the next hop's own words, or a 451 where it is gone or makes no sense.
 */
import { isPositive, NEXT_HOP_CHANGED, NEXT_HOP_LOST, NEXT_HOP_UNAVAILABLE, nextHopReply, type RelayReply } from './relay-reply.ts'
import type { ReceivedReply } from '../wire/smtp-reply.ts'
import type { IntroducedClient } from './next-hop-client.ts'
import type { Heard } from './next-hop-connection.ts'
import type { NextHop, NextHopSession } from './next-hop.ts'
import type { PathCommand } from './relay-envelope.ts'

export interface EndOfMessage {
  readonly reply: RelayReply
  /** As the next hop gave it; null where there is none. */
  readonly received: ReceivedReply | null
}

export class RelayHop {
  readonly #nextHop: NextHop
  readonly #signal: AbortSignal
  #session: NextHopSession | null = null
  #needsReset = false

  /** `signal`: the client has gone. */
  constructor(nextHop: NextHop, signal: AbortSignal) {
    this.#nextHop = nextHop
    this.#signal = signal
  }

  /** A session that was used before may have ended unnoticed: then MAIL is tried once more in a new one, since alone it does nothing. */
  async mail(command: PathCommand, client: IntroducedClient | null): Promise<RelayReply> {
    const { mailMs } = this.#nextHop.timeouts
    const used = await this.#usedSession()
    if (used !== null && offersAll(used, command)) {
      const heard = await used.connection.command(command.line, mailMs)
      if (heard.kind === 'reply' && heard.reply.code !== 421) return this.#passMail(heard)
    }
    this.leave()
    const opened = await this.#nextHop.open(client, this.#signal)
    if (opened.kind === 'refused') return nextHopReply(opened.reply)
    if (opened.kind === 'failed') {
      this.#report(opened.reason)
      return NEXT_HOP_UNAVAILABLE
    }
    this.#session = opened.session
    this.#needsReset = false
    return offersAll(opened.session, command)
      ? this.#passMail(await opened.session.connection.command(command.line, mailMs))
      : NEXT_HOP_CHANGED
  }

  rcpt({ line }: PathCommand): Promise<RelayReply> {
    return this.#ask('RCPT', line, this.#nextHop.timeouts.rcptMs)
  }

  /** 354 when the message may come. */
  data(): Promise<RelayReply> {
    return this.#ask('DATA', 'DATA', this.#nextHop.timeouts.dataMs)
  }

  /** False once there is no use in sending more. */
  async send(chunk: Buffer): Promise<boolean> {
    return this.#session !== null && (await this.#session.connection.send(chunk, this.#nextHop.timeouts.dataBlockMs))
  }

  /** Without a reply nobody knows what has become of the message: the client keeps it, so it may come twice, but is never lost. */
  async finish(): Promise<EndOfMessage> {
    if (this.#session === null) return { reply: NEXT_HOP_LOST, received: null }
    const heard = await this.#session.connection.finish(this.#nextHop.timeouts.dataEndMs)
    return { reply: this.#pass('end of message', heard), received: heard.kind === 'reply' ? heard.reply : null }
  }

  /** The transaction is over. The next hop hears of it with the next one, or with QUIT. */
  reset(): void {
    this.#needsReset = true
  }

  leave(): void {
    this.#session?.connection.quit()
    this.#session = null
  }

  /** Without a dot: what has been sent of a message is void. */
  drop(): void {
    this.#session?.connection.destroy()
    this.#session = null
  }

  async #usedSession(): Promise<NextHopSession | null> {
    const session = this.#session
    if (!session?.connection.isUsable) return null
    if (!this.#needsReset) return session
    this.#needsReset = false
    const heard = await session.connection.command('RSET', this.#nextHop.timeouts.setupMs)
    return heard.kind === 'reply' && heard.reply.code === 250 ? session : null
  }

  async #ask(step: Step, line: string, timeoutMs: number): Promise<RelayReply> {
    if (this.#session === null) return NEXT_HOP_LOST
    return this.#pass(step, await this.#session.connection.command(line, timeoutMs))
  }

  /** Postfix holds the SIZE of a MAIL that it has refused against the next one, until RSET. */
  #passMail(heard: Heard): RelayReply {
    const reply = this.#pass('MAIL', heard)
    if (!isPositive(reply)) this.#needsReset = true
    return reply
  }

  #pass(step: Step, heard: Heard): RelayReply {
    const problem =
      heard.kind === 'lost' ? heard.reason : isSensible(step, heard.reply.code) ? null : `unexpected reply ${String(heard.reply.code)}`
    if (problem !== null || heard.kind === 'lost') {
      this.drop()
      this.#report(`${step}: ${problem ?? 'lost'}`)
      return NEXT_HOP_LOST
    }
    if (heard.reply.code === 421) this.drop()
    return nextHopReply(heard.reply)
  }

  #report(reason: string): void {
    if (!this.#signal.aborted) this.#nextHop.report(reason)
  }
}

type Step = 'MAIL' | 'RCPT' | 'DATA' | 'end of message'

/** Only 354 leads on from DATA, and nothing but a 2xx takes what the other steps ask for. */
function isSensible(step: Step, code: number): boolean {
  return code >= 400 || (step === 'DATA' ? code === 354 : code < 300)
}

function offersAll({ capabilities }: NextHopSession, { needs }: PathCommand): boolean {
  return [...needs].every((extension) => capabilities.extensions.has(extension))
}
