/**
 * What the milter answers to each command of an MTA: the order of the protocol, sessions and messages, without a socket.
 * The engine decides; here its verdict becomes a reply code, headers and quarantine. Text of the verdict is put on top of the
 * message, above the Received of the MTA itself (index 0), which is where RFC 8601 §5 lets readers believe it.
 */
import { formatAddress } from '../core/address.ts'
import { assertNever } from '../core/assert-never.ts'
import { openGateSession, type GateSession, type GateSettings, type GateVerdict } from '../engine/gate.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import { skipBeforeLookup } from '../policy/decide.ts'
import type { Decision, DecisionStage, SmtpReply } from '../policy/decision.ts'
import { formatReply } from '../render/smtp-reply.ts'
import { awaitsReply, negotiate } from '../wire/milter-negotiation.ts'
import type { MilterAgreement, MilterCommand, MilterOffer, MilterPeer, MilterReply } from '../wire/milter.ts'
import { mailboxOf, type GateClient, type GateEvent, type GateMoment } from './gate-event.ts'
import { believesHeadersFrom } from './header-trust.ts'
import { MilterMacros } from './milter-macros.ts'
import { MilterMessage } from './milter-message.ts'
import { disagrees, type LookingServices } from './milter-opinion.ts'
import type { MilterPlan } from './milter-plan.ts'

export type MilterAnswer =
  | { readonly kind: 'replies'; readonly replies: readonly MilterReply[] }
  /** The MTA breaks the protocol: nothing more can be said on this connection. */
  | { readonly kind: 'fault'; readonly reason: 'outOfOrder' | 'versionTooOld' | 'missingActions' | 'notNegotiated' }
  | { readonly kind: 'end' }

export interface MilterDialogueSettings {
  readonly gate: GateSettings
  readonly plan: MilterPlan
  readonly lookingServices: LookingServices
  readonly onEvent: (event: GateEvent) => void
}

const NOTHING: MilterAnswer = { kind: 'replies', replies: [] }
const CONTINUE: MilterAnswer = { kind: 'replies', replies: [{ kind: 'continue' }] }
const ACCEPT: MilterAnswer = { kind: 'replies', replies: [{ kind: 'accept' }] }
const OUT_OF_ORDER: MilterAnswer = { kind: 'fault', reason: 'outOfOrder' }
const TOO_MANY_FORGED: SmtpReply = {
  code: 554,
  enhanced: '5.6.0',
  lines: ['Too many Authentication-Results header fields that claim to be from here'],
}

/** One SMTP client, from CONNECT to QUIT. */
interface Client {
  readonly peer: MilterPeer
  /** Null for one that is not judged, whatever it will say. */
  readonly gate: GateSession | null
  readonly skipped: string | null
  /** Nothing that it sends is looked at. */
  readonly isBelieved: boolean
  claimedName: string | null
  authenticated: boolean
  opinionSeen: boolean
  /** What the MTA's own lookup says against ours. */
  disagreement: Finding | null
}

export class MilterDialogue {
  readonly #settings: MilterDialogueSettings
  readonly #macros = new MilterMacros()
  #agreement: MilterAgreement | null = null
  #client: Client | null = null
  #message: MilterMessage | null = null
  #hasSession = false

  constructor(settings: MilterDialogueSettings) {
    this.#settings = settings
  }

  /** From the negotiation on: an MTA keeps the steps that need no answer to itself, so a session may be under way unseen. */
  get hasSession(): boolean {
    return this.#hasSession
  }

  /** A promise only where a verdict has to be waited for. Never throws, never rejects. */
  answer(command: MilterCommand): MilterAnswer | Promise<MilterAnswer> {
    try {
      const answer = this.#answer(command)
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#failed(command, error)) : answer
    } catch (error) {
      return this.#failed(command, error)
    }
  }

  close(): void {
    this.#client?.gate?.close()
    this.#client = null
    this.#message = null
  }

  #answer(command: MilterCommand): MilterAnswer | Promise<MilterAnswer> {
    if (this.#agreement === null && command.kind !== 'negotiate' && command.kind !== 'quit')
      return { kind: 'fault', reason: 'notNegotiated' }
    this.#hasSession = command.kind !== 'quitNewConnection'
    switch (command.kind) {
      case 'negotiate':
        return this.#negotiate(command.offer)
      case 'macros':
        this.#macros.set(command.before, command.macros)
        return NOTHING
      case 'connect':
        return this.#connect(command.peer)
      case 'helo':
        return this.#helo(command.claimedName)
      case 'mail':
        return this.#mail(command.path)
      case 'rcpt':
        return this.#recipient(command.path)
      case 'header':
        return this.#header(command.name, command.value)
      case 'data':
      case 'endOfHeaders':
      case 'body':
        return this.#passOver(command.kind)
      case 'endOfMessage':
        return this.#endOfMessage()
      case 'unknown':
        return this.#nothingToSay('unknown')
      case 'abort':
        this.#endMessage()
        return NOTHING
      case 'quitNewConnection':
        this.close()
        this.#macros.clear()
        return NOTHING
      case 'quit':
        return { kind: 'end' }
      default:
        return assertNever(command)
    }
  }

  #negotiate(offer: MilterOffer): MilterAnswer {
    if (this.#agreement !== null) return OUT_OF_ORDER
    const negotiation = negotiate(offer, this.#settings.plan.wishes)
    if (negotiation.kind === 'error') return { kind: 'fault', reason: negotiation.error }
    this.#agreement = negotiation.agreement
    return { kind: 'replies', replies: [{ kind: 'negotiate', agreement: negotiation.agreement }] }
  }

  #connect(peer: MilterPeer): MilterAnswer | Promise<MilterAnswer> {
    if (this.#client !== null) return OUT_OF_ORDER
    const { gate, onEvent } = this.#settings
    const skipped = skipRule(peer, gate)
    const session = skipped === null && peer.kind === 'ip' ? openGateSession(peer.address, gate) : null
    // A socket file is of this machine, as loopback is. Of whom the MTA itself knows no address nothing is known.
    const isBelieved = peer.kind === 'ip' ? believesHeadersFrom(peer.address, gate.policy) : peer.kind === 'unix'
    this.#client = {
      peer,
      gate: session,
      skipped,
      isBelieved,
      claimedName: null,
      authenticated: false,
      opinionSeen: false,
      disagreement: null,
    }
    if (skipped !== null) onEvent({ kind: 'skipped', rule: skipped, client: this.#describe() })
    return this.#atStage('connect')
  }

  /** Whatever was under way is void: Sendmail sends no ABORT for a message whose MAIL went unanswered. */
  #helo(claimedName: string): MilterAnswer | Promise<MilterAnswer> {
    if (this.#client === null) return OUT_OF_ORDER
    this.#endMessage()
    this.#client.claimedName = claimedName
    this.#client.gate?.helo(claimedName)
    return this.#atStage('helo')
  }

  #mail(sender: string): MilterAnswer | Promise<MilterAnswer> {
    if (this.#client === null) return OUT_OF_ORDER
    this.#macros.beginMessage()
    this.#message = new MilterMessage(sender)
    if (this.#macros.get('{auth_type}') !== null) {
      this.#client.authenticated = true
      this.#client.gate?.authenticate()
    }
    return this.#atStage('mail')
  }

  #recipient(path: string): MilterAnswer | Promise<MilterAnswer> {
    const message = this.#message
    if (message?.phase !== 'envelope') return OUT_OF_ORDER
    if (!this.#speaksAt('rcpt') || !this.#client?.gate) message.addRecipient(path)
    return this.#atStage('rcpt', path)
  }

  #header(name: string, value: string): MilterAnswer {
    const message = this.#message
    if (message === null || message.phase === 'body') return OUT_OF_ORDER
    message.phase = 'headers'
    if (this.#client?.isBelieved === false) message.addHeader(name, value, this.#settings.gate.authservId)
    return this.#nothingToSay('header')
  }

  /** Declined; answered all the same where an MTA cannot be told so. */
  #passOver(kind: 'data' | 'endOfHeaders' | 'body'): MilterAnswer {
    const message = this.#message
    if (message === null || (kind !== 'body' && message.phase === 'body')) return OUT_OF_ORDER
    if (kind !== 'data') message.phase = 'body'
    else if (message.phase === 'envelope') message.phase = 'headers'
    return this.#nothingToSay(kind)
  }

  #speaksAt(stage: DecisionStage): boolean {
    return this.#settings.plan.stages.has(stage) && this.#awaits(stage)
  }

  #awaits(command: MilterCommand['kind']): boolean {
    return this.#agreement !== null && awaitsReply(this.#agreement, command)
  }

  #nothingToSay(command: MilterCommand['kind']): MilterAnswer {
    return this.#awaits(command) ? CONTINUE : NOTHING
  }

  #atStage(stage: DecisionStage, recipient: string | null = null): MilterAnswer | Promise<MilterAnswer> {
    const { gate = null, isBelieved = false } = this.#client ?? {}
    // Whoever is trusted altogether is let through where the MTA listens; then it saves itself the rest.
    if (isBelieved) return this.#awaits(stage) ? ACCEPT : NOTHING
    return gate !== null && this.#speaksAt(stage) ? this.#judge(gate, stage, recipient) : this.#nothingToSay(stage)
  }

  async #judge(gate: GateSession, stage: DecisionStage, recipient: string | null): Promise<MilterAnswer> {
    const verdict = await gate.verdict(stage, recipient)
    this.#compareWithMta(verdict)
    if (verdict.reply !== null) return this.#refuse(stage, verdict, recipient ?? undefined)
    if (recipient !== null) {
      this.#message?.addRecipient(recipient)
      this.#message?.accept(verdict)
    }
    return CONTINUE
  }

  #refuse(moment: GateMoment, verdict: GateVerdict, recipient?: string): MilterAnswer {
    if (verdict.reply === null) return CONTINUE
    this.#decided(moment, verdict, recipient)
    return { kind: 'replies', replies: [{ kind: 'replyCode', text: formatReply(verdict.reply) }] }
  }

  async #endOfMessage(): Promise<MilterAnswer> {
    const message = this.#message
    const client = this.#client
    if (message === null || client === null) return OUT_OF_ORDER
    if (client.isBelieved) {
      this.#endMessage()
      return ACCEPT
    }
    const verdict = message.verdict ?? (client.gate ? await this.#settle(client.gate, message) : unjudged(client.skipped))
    this.#compareWithMta(verdict)
    const answer = verdict.reply === null ? this.#deliver(message, verdict) : this.#refuse('message', verdict)
    this.#endMessage()
    return answer
  }

  /** Where RCPT was not answered each recipient is judged now; those beyond the kept ones as nobody in particular. */
  async #settle(gate: GateSession, message: MilterMessage): Promise<GateVerdict> {
    const kept: (string | null)[] = [...new Set(message.recipients)]
    if (message.recipientCount > message.recipients.length || kept.length === 0) kept.push(null)
    for (const recipient of kept) message.accept(await gate.verdict('rcpt', recipient))
    return message.verdict ?? (await gate.verdict('rcpt', null))
  }

  /** Deletions come first: their indexes are those of the message as it was sent, and ours is of the same name. */
  #deliver(message: MilterMessage, verdict: GateVerdict): MilterAnswer {
    if (message.hasTooManyForgedHeaders) return this.#refuse('message', tooManyForged(verdict))
    const replies: MilterReply[] = message.deletions()
    if (verdict.header !== null) {
      const colon = verdict.header.indexOf(':')
      replies.push({
        kind: 'insertHeader',
        index: 0,
        name: verdict.header.slice(0, colon),
        value: verdict.header.slice(colon + 1).trimStart(),
      })
    }
    if (verdict.decision.action === 'quarantine') replies.push({ kind: 'quarantine', reason: `ptrgate: ${verdict.decision.rule}` })
    replies.push({ kind: 'accept' })
    this.#decided('message', verdict)
    return { kind: 'replies', replies }
  }

  #endMessage(): void {
    this.#message = null
    this.#macros.endMessage()
  }

  /** What the policy says for a fault of ours. Such a command was read, so the MTA may wait for an answer. */
  #failed(command: MilterCommand, error: unknown): MilterAnswer {
    this.#settings.onEvent({ kind: 'internalError', error })
    if (!this.#awaits(command.kind)) return NOTHING
    return { kind: 'replies', replies: [internalErrorReply(this.#settings.gate)] }
  }

  #decided(moment: GateMoment, verdict: GateVerdict, recipient?: string): void {
    const { disagreement = null } = this.#client ?? {}
    this.#settings.onEvent({ kind: 'decision', moment, verdict: withFinding(verdict, disagreement), client: this.#describe(recipient) })
  }

  #describe(recipient?: string): GateClient {
    const { peer, claimedName = null, authenticated = false } = this.#client ?? {}
    return {
      address: peer?.kind === 'ip' ? peer.address : null,
      claimedName,
      authenticated,
      sender: this.#message ? mailboxOf(this.#message.sender) : null,
      recipients: (recipient === undefined ? (this.#message?.recipients ?? []) : [recipient]).map(mailboxOf),
      recipientCount: recipient === undefined ? (this.#message?.recipientCount ?? 0) : 1,
      queueId: this.#macros.get('i'),
    }
  }

  #compareWithMta(verdict: GateVerdict): void {
    const client = this.#client
    if (!client || client.opinionSeen || verdict.judgement === null) return
    client.opinionSeen = true
    const byMta = this.#macros.opinion()
    const { iprev } = verdict.judgement
    if (!byMta || !this.#settings.lookingServices.isOpinion(byMta) || !disagrees(byMta, iprev)) return
    const mtaName = byMta.clientName ?? byMta.ptrName ?? 'no name'
    client.disagreement = finding('MTA_DISAGREES', {
      ip: formatAddress(iprev.address),
      mtaResult: byMta.result,
      result: iprev.result,
      mtaName,
    })
    this.#settings.onEvent({ kind: 'disagreement', address: iprev.address, byMta, verdict: withFinding(verdict, client.disagreement) })
  }
}

/** For whoever logs and counts: the decision was made without it. */
function withFinding(verdict: GateVerdict, found: Finding | null): GateVerdict {
  const { judgement } = verdict
  return found === null || judgement === null
    ? verdict
    : { ...verdict, judgement: { ...judgement, findings: [...judgement.findings, found] } }
}

/** What the policy says where the engine could not say it itself. */
export function internalErrorReply({ policy }: GateSettings): MilterReply {
  return { kind: policy.base.actions.internalError === 'defer' ? 'tempfail' : 'accept' }
}

function unjudged(rule: string | null): GateVerdict {
  const decision: Decision = {
    kind: 'decision',
    action: 'accept',
    reply: null,
    stage: 'rcpt',
    rule: rule ?? 'notJudged',
    finding: null,
    intended: 'accept',
  }
  return { decision, reply: null, judgement: null, header: null }
}

/** A bound of the milter, not a judgement of the client: it could not clean the message. */
function tooManyForged(verdict: GateVerdict): GateVerdict {
  const decision: Decision = { ...verdict.decision, action: 'reject', intended: 'reject', rule: 'forgedHeaders', reply: TOO_MANY_FORGED }
  return { ...verdict, decision, reply: TOO_MANY_FORGED }
}

function skipRule(peer: MilterPeer, gate: GateSettings): string | null {
  switch (peer.kind) {
    case 'ip':
      return skipBeforeLookup(peer.address, false, gate.policy) ?? null
    case 'unix':
      return 'unixSocket'
    case 'unknown':
      return 'unknownAddress'
    default:
      return assertNever(peer)
  }
}
