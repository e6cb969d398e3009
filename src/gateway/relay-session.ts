/**
 * What the gateway does for one client, without knowing its socket: asks the gate, then the next hop, and gives the reply that the
 * client is to have. A 2xx comes from the next hop alone. Commands come one after the other; headers are trusted as header-trust.ts says.
 */
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import { openGateSession, type GateSession, type GateSettings, type GateVerdict } from '../engine/gate.ts'
import { skipBeforeLookup } from '../policy/decide.ts'
import type { DecisionStage } from '../policy/decision.ts'
import { mailboxOf, type GateClient, type GateEvent, type GateMoment } from './gate-event.ts'
import { headerStream } from './header-stream.ts'
import { believesHeadersFrom } from './header-trust.ts'
import { NO_CAPABILITIES, type NextHopCapabilities } from './next-hop-capabilities.ts'
import type { IntroducedClient } from './next-hop-client.ts'
import type { NextHop } from './next-hop.ts'
import { readPathCommand } from './relay-envelope.ts'
import { messageFields } from './relay-fields.ts'
import { RelayHop } from './relay-hop.ts'
import { DotStuffing, filterStream, LineEnds } from './relay-lines.ts'
import { queueIdOf, RelayMessage } from './relay-message.ts'
import * as replies from './relay-reply.ts'
import { isPositive, policyReply, type RelayReply } from './relay-reply.ts'

export interface RelaySessionSettings {
  readonly gate: GateSettings
  readonly nextHop: NextHop
  readonly ourName: string
  readonly maxRecipients: number
  readonly maxMessageOctets: number
  readonly now: () => Date
  readonly onEvent: (event: GateEvent) => void
}

export interface RelayClient {
  /** Null for one that has none, on a unix socket. */
  readonly address: IpAddress | null
  readonly port: number
  readonly localAddress: IpAddress | null
  readonly localPort: number
  /** As which user a trusted proxy says that it has logged in. */
  readonly login: string | null
}

export interface Content {
  /** Ends with the client's dot; destroyed if that never comes. */
  readonly source: Readable
  readonly id: string
  /** `ESMTPS` and the like. */
  readonly protocol: string
}

export type ContentOutcome =
  | { readonly kind: 'answer'; readonly reply: RelayReply }
  /** The rest of the message was not read: say this and hang up. */
  | { readonly kind: 'cut'; readonly reply: RelayReply }
  /** There is nobody left to be answered. */
  | { readonly kind: 'gone' }

export class RelaySession {
  readonly #settings: RelaySessionSettings
  readonly #stages: ReadonlySet<DecisionStage>
  readonly #controller = new AbortController()
  readonly #hop: RelayHop
  #client: RelayClient
  #gate: GateSession | null = null
  #isSkipTold = false
  #claimedName: string | null = null
  #isExtended = false
  #offered: NextHopCapabilities = NO_CAPABILITIES
  #message: RelayMessage | null = null
  #isInContent = false

  /** The lookup begins here. */
  constructor(client: RelayClient, settings: RelaySessionSettings) {
    this.#settings = settings
    this.#client = client
    this.#hop = new RelayHop(settings.nextHop, this.#controller.signal)
    const stages = settings.gate.policy.layers.map(({ stage }) => stage)
    // What is due at connect may rest on HELO, and is then said there.
    this.#stages = new Set(stages.includes('connect') ? [...stages, 'helo'] : stages)
    this.#gate = this.#openGate()
  }

  /** A proxy has told who the client really is. */
  replaceClient(client: RelayClient): void {
    this.leave()
    this.#gate?.close()
    this.#client = client
    this.#claimedName = null
    this.#isSkipTold = false
    this.#gate = this.#openGate()
  }

  greet(): Promise<RelayReply | null> {
    return this.#refusalAt('connect')
  }

  /** A refusal, or what the client may be offered. */
  async helo(claimedName: string, isExtended: boolean): Promise<RelayReply | NextHopCapabilities> {
    this.leave()
    this.#claimedName = claimedName
    this.#isExtended = isExtended
    this.#gate?.helo(claimedName)
    const refusal = await this.#refusalAt('helo')
    if (refusal !== null) return refusal
    const capabilities = await this.#settings.nextHop.capabilities()
    // Told of too little, a client would give a message up for good that the next hop may well take (SMTPUTF8, 8BITMIME).
    if (capabilities === null && isExtended) return replies.NEVER_REACHED
    this.#offered = capabilities ?? NO_CAPABILITIES
    return this.#offered
  }

  async mail(line: string, isSecure: boolean): Promise<RelayReply> {
    const read = readPathCommand('MAIL FROM', line, { extensions: this.#offered.extensions, isSecure })
    if (read.kind === 'refused') return read.reply
    if (read.size !== null && read.size > this.#settings.maxMessageOctets) return replies.MESSAGE_TOO_BIG
    this.#message = new RelayMessage(read.path, read.isUtf8)
    this.#tellSkip()
    const verdict = this.#gate && (await this.#gate.verdict('mail'))
    const reply = verdict?.reply ? this.#refuse('mail', verdict) : await this.#hop.mail(read, this.#introduced(verdict))
    if (!isPositive(reply)) this.#message = null
    if (this.#controller.signal.aborted) this.leave()
    return reply
  }

  async rcpt(line: string, isSecure: boolean): Promise<RelayReply> {
    const message = this.#message
    if (message === null) return replies.NEED_MAIL
    const read = readPathCommand('RCPT TO', line, { extensions: this.#offered.extensions, isSecure })
    if (read.kind === 'refused') return read.reply
    if (message.recipientCount >= this.#settings.maxRecipients) return replies.TOO_MANY_RECIPIENTS
    const verdict = this.#gate && (await this.#gate.verdict('rcpt', read.path))
    if (verdict?.reply) return this.#refuse('rcpt', verdict, read.path)
    const reply = await this.#hop.rcpt(read)
    if (isPositive(reply)) message.accept(read.path, verdict)
    return reply
  }

  /** 354 when the message may come. */
  async data(): Promise<RelayReply> {
    return this.#message === null || this.#message.recipientCount === 0 ? replies.NEED_RECIPIENT : this.#hop.data()
  }

  /** Never rejects. */
  async content({ source, id, protocol }: Content): Promise<ContentOutcome> {
    const message = this.#message ?? new RelayMessage('', false)
    this.#message = null
    this.#isInContent = true
    try {
      const fields = messageFields(message.verdict, this.#trace(message, id, protocol))
      if (await this.#send(source, fields)) return { kind: 'answer', reply: await this.#finish(message, id) }
      this.#hop.drop()
      return { kind: 'cut', reply: replies.MESSAGE_TOO_BIG }
    } catch (error) {
      this.#hop.drop()
      if (this.#controller.signal.aborted) return { kind: 'gone' }
      this.#settings.onEvent({ kind: 'internalError', error })
      return { kind: 'cut', reply: replies.INTERNAL_ERROR }
    } finally {
      this.#isInContent = false
      if (this.#controller.signal.aborted) this.leave()
    }
  }

  /** The transaction is over, however it went. */
  reset(): void {
    if (this.#message !== null) this.#hop.reset()
    this.#message = null
  }

  /** What the next hop was told of the client holds no longer. */
  leave(): void {
    this.#message = null
    this.#hop.leave()
  }

  /** A message that has come to its end is still seen through. */
  close(): void {
    this.#controller.abort()
    this.#gate?.close()
    if (!this.#isInContent) this.leave()
  }

  #openGate(): GateSession | null {
    const { address, login } = this.#client
    if (address === null || this.#skipRule() !== null) return null
    const gate = openGateSession(address, this.#settings.gate)
    if (login !== null) gate.authenticate()
    return gate
  }

  /** Why the client is not judged, whatever it will say. */
  #skipRule(): string | null {
    const { address } = this.#client
    return address === null ? 'unixSocket' : (skipBeforeLookup(address, false, this.#settings.gate.policy) ?? null)
  }

  /** Once it wants to send: a proxy may yet name another client, and whoever only looks is nobody's concern. */
  #tellSkip(): void {
    const rule = this.#skipRule()
    if (rule === null || this.#isSkipTold) return
    this.#isSkipTold = true
    this.#settings.onEvent({ kind: 'skipped', rule, client: this.#describe(this.#message, null) })
  }

  async #refusalAt(stage: 'connect' | 'helo'): Promise<RelayReply | null> {
    if (this.#gate === null || !this.#stages.has(stage)) return null
    const verdict = await this.#gate.verdict(stage)
    return verdict.reply === null ? null : this.#refuse(stage, verdict)
  }

  #refuse(moment: GateMoment, verdict: GateVerdict, recipient?: string): RelayReply {
    // Lookups of a client that has left were called off, and what came of that was said to nobody.
    if (!this.#controller.signal.aborted) {
      this.#settings.onEvent({ kind: 'decision', moment, verdict, client: this.#describe(this.#message, null, recipient) })
    }
    return verdict.reply === null ? replies.INTERNAL_ERROR : policyReply(verdict.reply)
  }

  /** False for one that is longer than it may be. Once the next hop takes no more, the rest is read and thrown away. */
  async #send(source: Readable, fields: string): Promise<boolean> {
    const { gate, maxMessageOctets } = this.#settings
    const { address } = this.#client
    const authservId = address === null || believesHeadersFrom(address, gate.policy) ? null : gate.authservId
    let left = maxMessageOctets + fields.length
    await pipeline(
      source,
      filterStream(new LineEnds()),
      headerStream({ authservId, header: fields }),
      filterStream(new DotStuffing()),
      async (content: AsyncIterable<Buffer>) => {
        let isWanted = true
        for await (const chunk of content) {
          left -= chunk.length
          if (left < 0) throw new RangeError('too big')
          if (isWanted) isWanted = await this.#hop.send(chunk)
        }
      },
    ).catch((error: unknown) => {
      if (left >= 0) throw error
    })
    return left >= 0
  }

  async #finish(message: RelayMessage, id: string): Promise<RelayReply> {
    const { reply, received } = await this.#hop.finish()
    if (isPositive(reply) && received !== null && message.verdict !== null) {
      const client = this.#describe(message, queueIdOf(received) ?? id)
      this.#settings.onEvent({ kind: 'decision', moment: 'message', verdict: message.verdict, client })
    }
    return reply
  }

  #trace({ verdict, isUtf8 }: RelayMessage, id: string, protocol: string): Parameters<typeof messageFields>[1] {
    const { ourName, now } = this.#settings
    return {
      address: this.#client.address,
      confirmedName: confirmedNameIn(verdict),
      claimedName: this.#claimedName,
      ourName,
      // RFC 6531 §3.7.3
      protocol: isUtf8 ? protocol.replace('ESMTP', 'UTF8SMTP') : protocol,
      id,
      date: now(),
    }
  }

  #introduced(verdict: GateVerdict | null): IntroducedClient | null {
    const { address, ...client } = this.#client
    if (address === null) return null
    return {
      ...client,
      address,
      confirmedName: confirmedNameIn(verdict),
      isNameUnknown: verdict?.judgement?.iprev.result === 'temperror',
      claimedName: this.#claimedName,
      isExtended: this.#isExtended,
    }
  }

  #describe(message: RelayMessage | null, queueId: string | null, recipient?: string): GateClient {
    return {
      address: this.#client.address,
      claimedName: this.#claimedName,
      authenticated: this.#client.login !== null,
      sender: message ? mailboxOf(message.sender) : null,
      recipients: (recipient === undefined ? (message?.recipients ?? []) : [recipient]).map(mailboxOf),
      recipientCount: recipient === undefined ? (message?.recipientCount ?? 0) : 1,
      queueId,
    }
  }
}

function confirmedNameIn(verdict: GateVerdict | null): DomainName | null {
  return verdict?.judgement?.confirmedName ?? null
}
