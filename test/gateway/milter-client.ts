/**
 * An MTA's side of the milter protocol, for tests: it offers, agrees, and waits for a reply where it was agreed that there is one.
 */
import type { Socket } from 'node:net'
import { encodeMilterCommand } from '../../src/wire/milter-command.ts'
import { MilterFrameReader, type MilterPacket } from '../../src/wire/milter-frame.ts'
import { awaitsReply } from '../../src/wire/milter-negotiation.ts'
import { decodeMilterReply } from '../../src/wire/milter-reply.ts'
import type { MilterAgreement, MilterCommand, MilterModification, MilterOffer, MilterPeer, MilterReply } from '../../src/wire/milter.ts'
import { address } from '../support/fake-resolver.ts'
import { SocketReader } from './socket-reader.ts'

/** What Postfix 3.7 offers. */
export const POSTFIX_OFFER: MilterOffer = { version: 6, actions: 0x1ff, steps: 0x1fffff }

export interface MilterMail {
  readonly sender?: string
  readonly recipients: readonly string[]
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly macros?: Readonly<Record<string, string>>
}

export interface MilterMailResult {
  readonly mail: MilterReply | null
  readonly recipients: readonly (MilterReply | null)[]
  /** Null where no recipient was left. */
  readonly end: { readonly reply: MilterReply; readonly modifications: readonly MilterModification[] } | null
}

export class MilterTestClient implements AsyncDisposable {
  readonly socket: Socket
  /** Resolves when the filter has hung up. */
  readonly closed: Promise<void>
  agreement: MilterAgreement | null = null
  readonly #replies: SocketReader<MilterReply>

  private constructor(replies: SocketReader<MilterReply>) {
    this.socket = replies.socket
    this.closed = replies.closed
    this.#replies = replies
  }

  static async connect(to: string): Promise<MilterTestClient> {
    const frames = new MilterFrameReader()
    const decode = (chunk: Buffer): MilterReply[] => frames.push(chunk).packets.map(replyIn)
    return new MilterTestClient(await SocketReader.connect(to, decode))
  }

  write(command: MilterCommand): void {
    this.socket.write(encodeMilterCommand(command))
  }

  async negotiate(offer: MilterOffer = POSTFIX_OFFER): Promise<MilterAgreement> {
    this.write({ kind: 'negotiate', offer })
    const reply = await this.read()
    if (reply.kind !== 'negotiate') throw new Error(`no agreement, but ${reply.kind}`)
    this.agreement = reply.agreement
    return reply.agreement
  }

  /** Null for a step that is declined or silent. */
  async send(command: MilterCommand): Promise<MilterReply | null> {
    this.write(command)
    return this.agreement && awaitsReply(this.agreement, command.kind) ? this.read() : null
  }

  macros(before: MilterCommand['kind'], values: Readonly<Record<string, string>>): void {
    this.write({ kind: 'macros', before, macros: new Map(Object.entries(values)) })
  }

  connectFrom(from: string | MilterPeer, macros: Readonly<Record<string, string>> = {}): Promise<MilterReply | null> {
    const peer: MilterPeer = typeof from === 'string' ? { kind: 'ip', address: address(from), port: 4711 } : from
    this.macros('connect', { j: 'mx.example.org', ...macros })
    return this.send({ kind: 'connect', nameByMta: 'unknown', peer })
  }

  helo(claimedName: string): Promise<MilterReply | null> {
    return this.send({ kind: 'helo', claimedName })
  }

  /** As an MTA does it: recipients that were refused are left out, and without any the message is aborted. */
  async deliver({ sender = '<from@example.com>', recipients, headers = [], macros = {} }: MilterMail): Promise<MilterMailResult> {
    this.macros('mail', { i: 'QUEUE1', ...macros })
    const mail = await this.send({ kind: 'mail', path: sender, parameters: [] })
    if (isRefusal(mail)) return { mail, recipients: [], end: null }
    const answers: (MilterReply | null)[] = []
    for (const recipient of recipients) answers.push(await this.send({ kind: 'rcpt', path: `<${recipient}>`, parameters: [] }))
    if (answers.every(isRefusal)) {
      await this.send({ kind: 'abort' })
      return { mail, recipients: answers, end: null }
    }
    // Whoever is let through altogether is asked no more.
    if (answers.some((answer) => answer?.kind === 'accept')) return { mail, recipients: answers, end: ACCEPTED }
    for (const [name, value] of headers) await this.send({ kind: 'header', name, value })
    return { mail, recipients: answers, end: await this.endOfMessage() }
  }

  async endOfMessage(): Promise<NonNullable<MilterMailResult['end']>> {
    this.write({ kind: 'endOfMessage', chunk: new Uint8Array() })
    const modifications: MilterModification[] = []
    for (;;) {
      const reply = await this.read()
      if (isModification(reply)) modifications.push(reply)
      else return { reply, modifications }
    }
  }

  read(): Promise<MilterReply> {
    return this.#replies.read()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#replies[Symbol.asyncDispose]()
  }
}

function replyIn(packet: MilterPacket): MilterReply {
  const decoded = decodeMilterReply(packet)
  if (decoded.kind === 'malformed') throw new Error(`the filter sent a malformed reply: ${decoded.error}`)
  return decoded.reply
}

const ACCEPTED = { reply: { kind: 'accept' }, modifications: [] } as const

export function isRefusal(reply: MilterReply | null): boolean {
  return reply !== null && ['replyCode', 'reject', 'tempfail'].includes(reply.kind)
}

function isModification(reply: MilterReply): reply is MilterModification {
  return ['addHeader', 'insertHeader', 'changeHeader', 'deleteHeader', 'quarantine'].includes(reply.kind)
}
