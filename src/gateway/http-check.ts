/**
 * One request for a verdict → the verdict of the engine, and the event for whoever logs and counts. Each request is a client
 * of its own: what its session has said before stands in the request. It knows nothing of HTTP.
 */
import { openGateSession, type GateSettings, type GateVerdict } from '../engine/gate.ts'
import { skipBeforeLookup } from '../policy/decide.ts'
import type { GateClient, GateEvent } from './gate-event.ts'
import type { CheckRequest } from './http-request.ts'

export interface CheckOptions {
  readonly gate: GateSettings
  readonly onEvent: (event: GateEvent) => void
  /** Whoever asked has gone: the lookups are called off, and nothing is reported. */
  readonly signal: AbortSignal
}

/** Never rejects but for a fault of ours. */
export async function checkClient(request: CheckRequest, { gate, onEvent, signal }: CheckOptions): Promise<GateVerdict> {
  const session = openGateSession(request.address, gate)
  const abort = (): void => {
    session.close()
  }
  signal.addEventListener('abort', abort, { once: true })
  try {
    for (const claimedName of request.helos) session.helo(claimedName)
    if (request.authenticated) session.authenticate()
    const verdict = await session.verdict(request.stage, request.recipient)
    if (!signal.aborted) report(request, verdict, gate, onEvent)
    return verdict
  } finally {
    signal.removeEventListener('abort', abort)
    session.close()
  }
}

/** Who asks at every step is told a refusal once, and that a client is let through at the last one. */
function report(request: CheckRequest, verdict: GateVerdict, gate: GateSettings, onEvent: (event: GateEvent) => void): void {
  if (verdict.reply === null && request.stage !== 'rcpt') return
  const client = describe(request)
  const skipped = skipBeforeLookup(request.address, false, gate.policy)
  if (skipped === undefined) onEvent({ kind: 'decision', moment: request.stage, verdict, client })
  else onEvent({ kind: 'skipped', rule: skipped, client })
}

function describe({ address, helos, authenticated, sender, recipient, queueId }: CheckRequest): GateClient {
  const recipients = recipient === null ? [] : [recipient]
  return { address, claimedName: helos.at(-1) ?? null, authenticated, sender, recipients, recipientCount: recipients.length, queueId }
}
