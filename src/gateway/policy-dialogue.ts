/**
 * What a policy service answers to one smtpd, without a socket. Requests carry the whole state of their SMTP session, but not
 * its past: those of one client address and port share a gate session, so that a second HELO escapes nothing.
 */
import { sameAddress, type IpAddress } from '../core/address.ts'
import { openGateSession, type GateSession, type GateSettings, type GateVerdict } from '../engine/gate.ts'
import { skipBeforeLookup } from '../policy/decide.ts'
import type { DecisionStage } from '../policy/decision.ts'
import { formatReply } from '../render/smtp-reply.ts'
import type { PolicyAction, PolicyProtocolState, PolicyRequest } from '../wire/policy-request.ts'
import type { GateClient, GateEvent, GateMoment } from './gate-event.ts'
import type { MarkedMessages } from './policy-messages.ts'

export interface PolicyDialogueSettings {
  readonly gate: GateSettings
  readonly deferAs: 'reply' | 'deferIfPermit'
  readonly messages: MarkedMessages
  readonly onEvent: (event: GateEvent) => void
}

const DUNNO: PolicyAction = { kind: 'dunno' }

/** By the last of them all refusals are due. A client that only asks VRFY or ETRN gets as far as that. */
const STAGE_OF_STATE: Readonly<Record<PolicyProtocolState, DecisionStage>> = {
  CONNECT: 'connect',
  EHLO: 'helo',
  HELO: 'helo',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'rcpt',
  'END-OF-MESSAGE': 'rcpt',
  VRFY: 'rcpt',
  ETRN: 'rcpt',
}

/** In the midst of a message and ahead of its content: Postfix takes no header later, and has no message earlier. */
const PREPENDING_STATES: ReadonlySet<PolicyProtocolState> = new Set<PolicyProtocolState>(['MAIL', 'RCPT', 'DATA'])
/** From the first recipient on, since it may be one for whom nothing is held. */
const SETTLED_STATES: ReadonlySet<PolicyProtocolState> = new Set<PolicyProtocolState>(['RCPT', 'DATA', 'END-OF-MESSAGE'])

interface Client {
  readonly address: IpAddress
  /** Null where Postfix is too old to tell it: then a message is all that can be followed. */
  readonly port: number | null
  readonly instance: string | null
  readonly settings: GateSettings
  readonly gate: GateSession
}

export class PolicyDialogue {
  readonly #settings: PolicyDialogueSettings
  #client: Client | null = null

  constructor(settings: PolicyDialogueSettings) {
    this.#settings = settings
  }

  /** Never rejects. */
  async answer(request: PolicyRequest): Promise<PolicyAction> {
    try {
      return await this.#answer(request)
    } catch (error) {
      this.#settings.onEvent({ kind: 'internalError', error })
      return internalErrorAction(this.#settings.gate)
    }
  }

  close(): void {
    this.#client?.gate.close()
    this.#client = null
  }

  async #answer(request: PolicyRequest): Promise<PolicyAction> {
    const { clientAddress, protocolState } = request
    if (clientAddress === null) return this.#skip('unknownAddress', request)
    // Of a kind that Postfix does not have yet: whatever it asks, mail must go on.
    if (request.request !== 'smtpd_access_policy' || protocolState === null) return DUNNO
    const skipped = skipBeforeLookup(clientAddress, false, this.#settings.gate.policy)
    if (skipped !== undefined) return this.#skip(skipped, request)
    const gate = this.#sessionOf(clientAddress, request)
    if (request.heloName !== null) gate.helo(request.heloName)
    if (isAuthenticated(request)) gate.authenticate()
    const verdict = await gate.verdict(STAGE_OF_STATE[protocolState], request.recipient)
    return this.#actionFor(verdict, protocolState, request)
  }

  #actionFor(verdict: GateVerdict, state: PolicyProtocolState, request: PolicyRequest): PolicyAction {
    const { decision, reply, header } = verdict
    const { instance } = request
    if (reply !== null) {
      this.#decided(STAGE_OF_STATE[state], verdict, request)
      const isLenient = decision.action === 'defer' && (this.#settings.deferAs === 'deferIfPermit' || decision.rule === 'internalError')
      return isLenient ? { kind: 'deferIfPermit', text: textOf(formatReply(reply)) } : { kind: 'reply', text: formatReply(reply) }
    }
    const { messages } = this.#settings
    if (decision.action === 'quarantine' && SETTLED_STATES.has(state) && messages.mark(instance, 'held')) {
      this.#decided('message', verdict, request)
      return { kind: 'hold', text: `ptrgate: ${decision.rule}` }
    }
    if (header === null) {
      if (SETTLED_STATES.has(state) && messages.mark(instance, 'skipped')) this.#decided('message', verdict, request)
      return DUNNO
    }
    // What is not let through yet may be refused, or held, at a later step.
    const isSettled = SETTLED_STATES.has(state) || decision.action === 'accept' || decision.action === 'tag'
    if (!isSettled || !PREPENDING_STATES.has(state) || !messages.mark(instance, 'prepended')) return DUNNO
    if (decision.action !== 'quarantine') this.#decided('message', verdict, request)
    const colon = header.indexOf(':')
    return { kind: 'prepend', name: header.slice(0, colon), value: header.slice(colon + 1).trimStart() }
  }

  #skip(rule: string, request: PolicyRequest): PolicyAction {
    if (this.#settings.messages.mark(request.instance, 'skipped')) {
      this.#settings.onEvent({ kind: 'skipped', rule, client: describe(request) })
    }
    return DUNNO
  }

  #sessionOf(address: IpAddress, { clientPort: port, instance }: PolicyRequest): GateSession {
    const held = this.#client
    const isSame =
      held !== null &&
      held.settings === this.#settings.gate &&
      sameAddress(held.address, address) &&
      (port === null ? held.port === null && instance !== null && held.instance === instance : held.port === port)
    if (isSame) return held.gate
    held?.gate.close()
    const gate = openGateSession(address, this.#settings.gate)
    this.#client = { address, port, instance, settings: this.#settings.gate, gate }
    return gate
  }

  #decided(moment: GateMoment, verdict: GateVerdict, request: PolicyRequest): void {
    this.#settings.onEvent({ kind: 'decision', moment, verdict, client: describe(request) })
  }
}

/** What the policy says where the engine could not say it itself. Postfix adds the code. */
export function internalErrorAction({ policy }: GateSettings): PolicyAction {
  return policy.base.actions.internalError === 'defer' ? { kind: 'deferIfPermit', text: '4.3.0 Please try again later' } : DUNNO
}

function isAuthenticated({ saslUsername, saslMethod }: PolicyRequest): boolean {
  return saslUsername !== null || saslMethod !== null
}

/** Behind the code of each line. The enhanced code stands on every one, and is said once. */
function textOf(reply: string): string {
  const lines = reply
    .trimEnd()
    .split('\r\n')
    .map((line) => line.slice(4))
  const [first = '', ...rest] = lines
  return [first, ...rest.map((line) => line.replace(/^[45]\.[0-9]{1,3}\.[0-9]{1,3} ?/, ''))].join(' ')
}

function describe(request: PolicyRequest): GateClient {
  return {
    address: request.clientAddress,
    claimedName: request.heloName,
    authenticated: isAuthenticated(request),
    sender: request.sender,
    recipients: request.recipient === null ? [] : [request.recipient],
    recipientCount: request.recipientCount ?? (request.recipient === null ? 0 : 1),
    queueId: request.queueId,
  }
}
