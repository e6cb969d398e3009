/**
 * One session of smtp-server and the gate session of its client. It reads every HELO and every XCLIENT where smtp-server writes
 * them, in the session object that it keeps for the application: there is no hook for either, and a hook sees only the last HELO.
 */
import type { SMTPServerSession } from 'smtp-server'
import type { GateSession, GateVerdict } from '../engine/gate.ts'
import type { DecisionStage } from '../policy/decision.ts'

/** What the plugin puts on the session: null until the client has been judged, at MAIL or as `stage` says. */
export interface JudgedSession {
  ptrgate?: GateVerdict | null
}

export interface ClientSession {
  /** Null where there is no address to judge: a unix socket. Never rejects. */
  verdict(stage: DecisionStage, recipient?: string): Promise<GateVerdict | null>
  readonly latest: GateVerdict | null
  /** Its messages go on as they are. */
  readonly isBelieved: boolean
  close(): void
}

export interface OpenedClient {
  readonly gate: GateSession
  readonly isBelieved: boolean
}

export interface ClientSessionSettings {
  /** Undefined for what is no address. `byXclient`: a proxy gave it, in the place of its own. */
  readonly open: (addressText: string, byXclient: boolean) => OpenedClient | undefined
  /** Whether XCLIENT comes from listed peers only. */
  readonly trustsXclient: boolean
}

/** Whose client was judged last, and how. */
export function verdictOf(session: SMTPServerSession): GateVerdict | null {
  return (session as JudgedSession).ptrgate ?? null
}

export function bindSession(session: SMTPServerSession, settings: ClientSessionSettings): ClientSession {
  return new BoundSession(session, settings)
}

class BoundSession implements ClientSession {
  readonly #session: SMTPServerSession & JudgedSession
  readonly #settings: ClientSessionSettings
  #client: OpenedClient | undefined

  constructor(session: SMTPServerSession, settings: ClientSessionSettings) {
    this.#session = session
    this.#settings = settings
    this.#session.ptrgate = null
    this.#client = settings.open(session.remoteAddress, false)
    this.#hear(session.hostNameAppearsAs)
    watch(session, 'remoteAddress', (value, before) => {
      // XFORWARD writes here too; what it says is for logs, and judged is who connected.
      if (value !== before && value === session.xClient.get('ADDR')) this.#replaceClient(value)
    })
    watch(session, 'hostNameAppearsAs', (value) => this.#hear(value))
  }

  get latest(): GateVerdict | null {
    return this.#session.ptrgate ?? null
  }

  /** A socket file is of this machine, as loopback is. */
  get isBelieved(): boolean {
    return this.#client?.isBelieved ?? this.#session.remoteAddress === ''
  }

  async verdict(stage: DecisionStage, recipient?: string): Promise<GateVerdict | null> {
    const gate = this.#client?.gate
    if (this.#session.user) gate?.authenticate()
    const verdict = gate ? await gate.verdict(stage, recipient ?? null) : null
    this.#session.ptrgate = verdict
    return verdict
  }

  close(): void {
    this.#client?.gate.close()
  }

  #replaceClient(addressText: string): void {
    this.#client?.gate.close()
    this.#session.ptrgate = null
    this.#client = this.#settings.open(addressText, true)
  }

  /** What a proxy says that the client claims stands for the session; the HELO that follows it is the proxy's own. */
  #hear(claimedName: unknown): void {
    const byXclient = this.#settings.trustsXclient ? this.#session.xClient.get('HELO') : undefined
    const heard = typeof byXclient === 'string' && byXclient !== '' ? byXclient : claimedName
    if (typeof heard === 'string' && heard !== '') this.#client?.gate.helo(heard)
  }
}

/** The property goes on as it was, and each value that is written to it is seen. */
function watch(
  session: SMTPServerSession,
  property: 'remoteAddress' | 'hostNameAppearsAs',
  seen: (value: string, before: string) => void,
): void {
  let current = session[property]
  Object.defineProperty(session, property, {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(value: string) {
      const before = current
      current = value
      seen(value, before)
    },
  })
}
