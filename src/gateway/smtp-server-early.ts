/**
 * Lookups that began when the TCP connection was accepted, or the PROXY header read, until the SMTP session asks for its own.
 * smtp-server names the address then, but no socket: sessions of one address are alike, so each takes the oldest.
 */
import { formatAddress, parseAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import { startBackgroundTimer, type StartTimer } from '../core/timer.ts'
import type { GateSession } from '../engine/gate.ts'

export interface EarlyLookups {
  begin(addressText: string | undefined): void
  /** Undefined where none was begun, or too long ago. */
  take(address: IpAddress): GateSession | undefined
  close(): void
}

export interface EarlySettings {
  readonly open: (address: IpAddress) => GateSession
  readonly startTimer?: StartTimer | undefined
}

/** Beyond these a lookup begins with its session, and after this time an answer waits in the cache at most. */
export const MAX_EARLY_LOOKUPS = 4096
export const EARLY_LOOKUP_MS = 5000

interface Waiting {
  readonly gate: GateSession
  readonly cancelTimer: () => void
}

export function createEarlyLookups({ open, startTimer = startBackgroundTimer }: EarlySettings): EarlyLookups {
  const waiting = new Map<string, Waiting[]>()
  let size = 0
  const takeOldest = (key: string): Waiting | undefined => {
    const queue = waiting.get(key)
    const oldest = queue?.shift()
    if (queue?.length === 0) waiting.delete(key)
    if (oldest) size--
    return oldest
  }
  return {
    begin(addressText) {
      const address = addressText === undefined ? undefined : parseClientAddress(addressText)
      if (!address || size >= MAX_EARLY_LOOKUPS) return
      const key = formatAddress(address)
      const cancelTimer = startTimer(EARLY_LOOKUP_MS, () => takeOldest(key)?.gate.close())
      const entry = { gate: open(address), cancelTimer }
      const queue = waiting.get(key)
      if (queue) queue.push(entry)
      else waiting.set(key, [entry])
      size++
    },
    take(address) {
      const oldest = takeOldest(formatAddress(address))
      oldest?.cancelTimer()
      return oldest?.gate
    },
    close() {
      for (const { gate, cancelTimer } of [...waiting.values()].flat()) {
        cancelTimer()
        gate.close()
      }
      waiting.clear()
      size = 0
    },
  }
}

/** As sockets and smtp-server write it; undefined for a unix socket's. */
export function parseClientAddress(text: string): IpAddress | undefined {
  const address = parseAddress(text.replace(/%.*$/, ''))
  return address && unmapAddress(address)
}
