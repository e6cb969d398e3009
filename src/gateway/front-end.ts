/**
 * What every front end hands to whoever started it, and how those that serve raw connections get there. Refused connections
 * and trouble with the listening socket become events. It knows no protocol.
 */
import type { Server, Socket } from 'node:net'
import type { GateSettings } from '../engine/gate.ts'
import type { GateEvent } from './gate-event.ts'
import { startListening, type ListenAddress, type ServedConnection } from './listen.ts'

export interface FrontEndHandle {
  /** As `parseListenAddress` takes it, with the true port. */
  readonly address: string
  readonly connections: number
  /** For what begins from now on; what is under way keeps what it began with. */
  reload(gate: GateSettings): void
  /** Stops accepting, and lets what is under way end for that long. */
  close(graceMs?: number): Promise<void>
}

export interface FrontEndOptions {
  readonly address: ListenAddress
  readonly maxConnections: number
  readonly onEvent: (event: GateEvent) => void
  readonly serve: (socket: Socket) => ServedConnection
  readonly server?: Server | undefined
  readonly reload: (gate: GateSettings) => void
}

export async function startFrontEnd(options: FrontEndOptions): Promise<FrontEndHandle> {
  const { onEvent } = options
  const listener = await startListening({
    address: options.address,
    maxConnections: options.maxConnections,
    serve: options.serve,
    server: options.server,
    onRefused: () => {
      onEvent({ kind: 'protocolError', reason: 'tooManyConnections' })
    },
    onError: (error) => {
      onEvent({ kind: 'socketError', error })
    },
  })
  return {
    address: listener.address,
    get connections() {
      return listener.connections
    },
    reload: options.reload,
    close: (graceMs) => listener.close(graceMs),
  }
}
