/**
 * Postfix policy delegation (SMTPD_POLICY_README): a listening socket that answers smtpd's requests, many on one connection.
 * The engine decides; here its verdict becomes an action. A header is prepended once a message, a message is held once.
 * Forged headers stay: the protocol shows none. A peer that breaks the protocol loses that one connection, and it is counted.
 */
import type { Socket } from 'node:net'
import type { GateSettings } from '../engine/gate.ts'
import { encodePolicyAction, PolicyBlockReader, readPolicyRequest, type PolicyAction, type PolicyLimits } from '../wire/policy-request.ts'
import { startFrontEnd, type FrontEndHandle } from './front-end.ts'
import type { GateEvent } from './gate-event.ts'
import type { ListenAddress, ServedConnection } from './listen.ts'
import { internalErrorAction, PolicyDialogue, type PolicyDialogueSettings } from './policy-dialogue.ts'
import { MarkedMessages } from './policy-messages.ts'

export interface PolicyDelegationLimits extends Required<{ [K in keyof PolicyLimits]: number }> {
  readonly maxConnections: number
  /** Between two requests; smtpd itself hangs up after 300 s. */
  readonly idleTimeoutMs: number
  /** Within a request. */
  readonly requestTimeoutMs: number
  /** Messages of which it is remembered that they have their header. */
  readonly maxMessages: number
}

export const DEFAULT_POLICY_DELEGATION_LIMITS: PolicyDelegationLimits = {
  maxLineOctets: 8192,
  maxAttributes: 128,
  maxRequestOctets: 65_536,
  maxConnections: 10_000,
  idleTimeoutMs: 3_600_000,
  requestTimeoutMs: 60_000,
  maxMessages: 20_000,
}

export interface PolicyDelegationOptions {
  readonly address: ListenAddress
  readonly gate: GateSettings
  /** `reply`: with the code of the policy (451), at once. `deferIfPermit`: unless a later restriction rejects, with Postfix's code (450). */
  readonly deferAs?: 'reply' | 'deferIfPermit' | undefined
  readonly limits?: Partial<PolicyDelegationLimits> | undefined
  readonly onEvent?: ((event: GateEvent) => void) | undefined
}

/** A reload is for clients from now on. */
export async function startPolicyDelegation(options: PolicyDelegationOptions): Promise<FrontEndHandle> {
  const limits = { ...DEFAULT_POLICY_DELEGATION_LIMITS, ...options.limits }
  const onEvent = options.onEvent ?? ((): void => undefined)
  const settings: PolicyDialogueSettings & { gate: GateSettings } = {
    gate: options.gate,
    deferAs: options.deferAs ?? 'reply',
    messages: new MarkedMessages(limits.maxMessages),
    onEvent,
  }
  return startFrontEnd({
    address: options.address,
    maxConnections: limits.maxConnections,
    onEvent,
    serve: (socket) => new PolicyConnection(socket, settings, limits),
    reload: (gate) => {
      settings.gate = gate
    },
  })
}

class PolicyConnection implements ServedConnection {
  readonly #socket: Socket
  readonly #settings: PolicyDialogueSettings
  readonly #limits: PolicyDelegationLimits
  readonly #reader: PolicyBlockReader
  readonly #dialogue: PolicyDialogue
  #isBusy = false
  #isDraining = false
  #hasPeerEnded = false
  #isEnded = false

  constructor(socket: Socket, settings: PolicyDialogueSettings, limits: PolicyDelegationLimits) {
    this.#socket = socket
    this.#settings = settings
    this.#limits = limits
    this.#reader = new PolicyBlockReader(limits)
    this.#dialogue = new PolicyDialogue(settings)
    // A client that has said its last may still wait for an answer.
    socket.allowHalfOpen = true
    socket.setTimeout(limits.idleTimeoutMs)
    socket.on('data', (chunk: Buffer) => {
      void this.#receive(chunk)
    })
    socket.on('timeout', () => {
      this.#timeOut()
    })
    socket.on('end', () => {
      this.#peerEnded()
    })
    // A reset is how a client hangs up, too.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isEnded = true
      this.#dialogue.close()
    })
  }

  drain(): void {
    this.#isDraining = true
    this.#endIfDone()
  }

  #peerEnded(): void {
    if (this.#reader.isMidBlock && !this.#isEnded) this.#report('cutOff')
    this.#hasPeerEnded = true
    this.#endIfDone()
  }

  /** The socket is not read while requests of its last chunk are being answered, strictly one after the other. */
  async #receive(chunk: Buffer): Promise<void> {
    const { blocks, fault } = this.#reader.push(chunk)
    this.#isBusy = true
    this.#socket.pause()
    for (const block of blocks) {
      const action = await this.#dialogue.answer(readPolicyRequest(block))
      if (this.#isEnded || !this.#socket.writable) return
      this.#socket.write(this.#encode(action))
      if (this.#socket.writableNeedDrain) await this.#drained()
    }
    this.#isBusy = false
    if (this.#isEnded) return
    if (fault !== null) {
      this.#fail(fault)
      return
    }
    this.#socket.setTimeout(this.#reader.isMidBlock ? this.#limits.requestTimeoutMs : this.#limits.idleTimeoutMs)
    this.#socket.resume()
    this.#endIfDone()
  }

  /** Or closed. */
  #drained(): Promise<void> {
    const socket = this.#socket
    return new Promise((resolve) => {
      const settle = (): void => {
        socket.off('drain', settle).off('close', settle)
        resolve()
      }
      socket.on('drain', settle).on('close', settle)
    })
  }

  /** An action that the codec refuses is a fault of ours, and must not bring down the others. */
  #encode(action: PolicyAction): Uint8Array {
    try {
      return encodePolicyAction(action)
    } catch (error) {
      this.#settings.onEvent({ kind: 'internalError', error })
      return encodePolicyAction(internalErrorAction(this.#settings.gate))
    }
  }

  #endIfDone(): void {
    if (this.#isBusy || this.#isEnded) return
    if (this.#hasPeerEnded || (this.#isDraining && !this.#reader.isMidBlock)) this.#end()
  }

  #timeOut(): void {
    const isStuck = this.#reader.isMidBlock || this.#socket.writableNeedDrain
    if (isStuck && !this.#isEnded) this.#report('timeout')
    if (isStuck || this.#isEnded) this.#socket.destroy()
    // Postfix keeps connections for later; one that it has forgotten is no fault. One that waits for us is not forgotten.
    else if (!this.#isBusy) this.#end()
  }

  #fail(reason: string): void {
    this.#report(reason)
    this.#end()
  }

  /** What was answered still goes out, but not for ever to a peer that does not read. */
  #end(): void {
    this.#isEnded = true
    this.#socket.setTimeout(this.#limits.requestTimeoutMs)
    this.#socket.destroySoon()
  }

  #report(reason: string): void {
    this.#settings.onEvent({ kind: 'protocolError', reason })
  }
}
