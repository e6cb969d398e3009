/**
 * The milter: a listening socket on which MTAs ask what to do with a client and its messages (milter protocol 2 to 6).
 * Octets ⇄ commands and replies; what is answered is in milter-dialogue.ts. A peer that breaks the protocol loses that one
 * connection, and it is counted. In Postfix and Sendmail, name this milter before those that add Authentication-Results of
 * the same authserv-id: what stands in a message before ours has run was sent by the client.
 */
import type { Socket } from 'node:net'
import type { GateSettings } from '../engine/gate.ts'
import { decodeMilterCommand } from '../wire/milter-command.ts'
import { MAX_MILTER_PACKET_OCTETS, MilterFrameReader, type MilterPacket } from '../wire/milter-frame.ts'
import { encodeMilterReply } from '../wire/milter-reply.ts'
import type { MilterReply } from '../wire/milter.ts'
import { startFrontEnd, type FrontEndHandle } from './front-end.ts'
import type { GateEvent } from './gate-event.ts'
import type { ListenAddress, ServedConnection } from './listen.ts'
import { internalErrorReply, MilterDialogue, type MilterAnswer, type MilterDialogueSettings } from './milter-dialogue.ts'
import { LookingServices } from './milter-opinion.ts'
import { planMilter } from './milter-plan.ts'

export interface MilterLimits {
  readonly maxConnections: number
  readonly maxPacketOctets: number
  /** Between two packets; libmilter's own is 7210 s, longer than any SMTP session may pause. */
  readonly idleTimeoutMs: number
  /** Within a packet. */
  readonly packetTimeoutMs: number
}

export const DEFAULT_MILTER_LIMITS: MilterLimits = {
  maxConnections: 20_000,
  maxPacketOctets: MAX_MILTER_PACKET_OCTETS,
  idleTimeoutMs: 7_210_000,
  packetTimeoutMs: 60_000,
}

export interface MilterOptions {
  readonly address: ListenAddress
  readonly gate: GateSettings
  readonly limits?: Partial<MilterLimits> | undefined
  readonly onEvent?: ((event: GateEvent) => void) | undefined
}

/** A reload is for connections from now on; those that are open keep what they were negotiated for. */
export async function startMilter(options: MilterOptions): Promise<FrontEndHandle> {
  const limits = { ...DEFAULT_MILTER_LIMITS, ...options.limits }
  const onEvent = options.onEvent ?? ((): void => undefined)
  const lookingServices = new LookingServices()
  const settingsFor = (gate: GateSettings): MilterDialogueSettings => ({
    gate,
    plan: planMilter(gate.policy, limits.maxPacketOctets),
    lookingServices,
    onEvent,
  })
  let settings = settingsFor(options.gate)
  return startFrontEnd({
    address: options.address,
    maxConnections: limits.maxConnections,
    onEvent,
    serve: (socket) => new MilterConnection(socket, settings, limits),
    reload: (gate) => {
      settings = settingsFor(gate)
    },
  })
}

/** Many of these stand idle at a time: they hold no buffer and no closure that could be shared. */
class MilterConnection implements ServedConnection {
  readonly #socket: Socket
  readonly #settings: MilterDialogueSettings
  readonly #limits: MilterLimits
  readonly #frames: MilterFrameReader
  readonly #dialogue: MilterDialogue
  /** Packets of the chunk that is being worked on; the socket is not read while any is left. */
  #packets: readonly MilterPacket[] = []
  #next = 0
  #streamFault: string | null = null
  #isBusy = false
  #isDraining = false
  #hasPeerEnded = false
  #isEnded = false

  constructor(socket: Socket, settings: MilterDialogueSettings, limits: MilterLimits) {
    this.#socket = socket
    this.#settings = settings
    this.#limits = limits
    this.#frames = new MilterFrameReader({ maxPacketOctets: limits.maxPacketOctets })
    this.#dialogue = new MilterDialogue(settings)
    // A peer that has said its last may still wait for an answer.
    socket.allowHalfOpen = true
    socket.setTimeout(limits.idleTimeoutMs)
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk)
    })
    socket.on('timeout', () => {
      if (this.#isEnded) socket.destroy()
      else this.#fail('timeout')
    })
    socket.on('end', () => {
      this.#peerEnded()
    })
    // A reset is how many MTAs hang up.
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
    if (this.#frames.isMidPacket && !this.#isEnded) this.#report('cutOff')
    this.#hasPeerEnded = true
    this.#endIfDone()
  }

  #receive(chunk: Buffer): void {
    const { packets, fault } = this.#frames.push(chunk)
    this.#socket.setTimeout(this.#frames.isMidPacket ? this.#limits.packetTimeoutMs : this.#limits.idleTimeoutMs)
    this.#packets = packets
    this.#next = 0
    this.#streamFault = fault?.error ?? null
    this.#work()
  }

  /** Strictly one after the other: an answer belongs to the command that it follows. */
  #work(): void {
    while (!this.#isBusy && !this.#isEnded) {
      const packet = this.#packets[this.#next++]
      if (packet === undefined) break
      const answer = this.#answer(packet)
      if (answer instanceof Promise) this.#waitFor(answer)
      else if (this.#send(answer)) this.#waitFor(null)
    }
    if (this.#isBusy || this.#isEnded) return
    this.#packets = []
    this.#next = 0
    if (this.#streamFault !== null) this.#fail(this.#streamFault)
    else this.#endIfDone()
  }

  #answer(packet: MilterPacket): MilterAnswer | Promise<MilterAnswer> | null {
    const decoded = decodeMilterCommand(packet)
    if (decoded.kind === 'command') return this.#dialogue.answer(decoded.command)
    this.#fail(decoded.error)
    return null
  }

  /** For the answer, or (null) for a peer that reads slower than it asks. */
  #waitFor(answer: Promise<MilterAnswer> | null): void {
    this.#isBusy = true
    this.#socket.pause()
    const goOn = (): void => {
      this.#isBusy = false
      this.#socket.resume()
      this.#work()
    }
    if (answer === null) {
      this.#socket.once('drain', goOn)
      return
    }
    void answer.then((settled) => {
      if (this.#send(settled)) this.#waitFor(null)
      else goOn()
    })
  }

  /** True when the peer must read before it gets more. */
  #send(answer: MilterAnswer | null): boolean {
    if (answer === null || this.#isEnded || !this.#socket.writable) return false
    switch (answer.kind) {
      case 'replies':
        if (answer.replies.length > 0) this.#socket.write(this.#encode(answer.replies))
        return this.#socket.writableNeedDrain
      case 'fault':
        this.#fail(answer.reason)
        return false
      case 'end':
        this.#end()
        return false
    }
  }

  /** A reply that the codec refuses is a fault of ours, and must not bring down the others. */
  #encode(replies: readonly MilterReply[]): Uint8Array {
    try {
      return Buffer.concat(replies.map(encodeMilterReply))
    } catch (error) {
      this.#settings.onEvent({ kind: 'internalError', error })
      return encodeMilterReply(internalErrorReply(this.#settings.gate))
    }
  }

  #end(): void {
    this.#isEnded = true
    this.#dialogue.close()
    // For a peer that never reads what was written last.
    this.#socket.setTimeout(this.#limits.packetTimeoutMs)
    this.#socket.destroySoon()
  }

  #endIfDone(): void {
    if (this.#isBusy || this.#isEnded) return
    if (this.#hasPeerEnded || (this.#isDraining && !this.#dialogue.hasSession)) this.#end()
  }

  #fail(reason: string): void {
    this.#isEnded = true
    this.#report(reason)
    this.#socket.destroy()
  }

  #report(reason: string): void {
    this.#settings.onEvent({ kind: 'protocolError', reason })
  }
}
