/**
 * A zone for a test, written where it is used: `await using dns = await startTestDns('host A 127.0.0.1')`.
 * A text without any SOA is served below the root, so that every name has a true answer; give SOA records to test delegation.
 */
import { ROOT } from '../../src/core/domain-name.ts'
import type { ResourceRecord } from '../../src/core/dns-record.ts'
import { startAuthority, type Authority, type AuthorityClock, type AuthorityOptions, type DnsFault } from '../../src/dns/authority.ts'
import { formatZoneFileError, parseZone } from '../../src/wire/zone-file.ts'

/** Names without a trailing dot are relative to the root: `mail.lab.test` and `mail.lab.test.` are one. The TTL is an hour unless given. */
export function zoneRecords(text: string): readonly ResourceRecord[] {
  const records = parse(text)
  return records.some((record) => record.type === 'SOA') ? records : [...records, ...parse(ROOT_SOA)]
}

const ROOT_SOA = '. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60'

function parse(text: string): readonly ResourceRecord[] {
  const zone = parseZone(`$TTL 3600\n${text}`, { file: 'test zone', origin: ROOT })
  // The first line is not the test's own.
  if (zone.kind === 'error') throw new TypeError(formatZoneFileError({ ...zone, line: zone.line - 1 }))
  return zone.records
}

/** Serves the zone on a free port of 127.0.0.1, over UDP and TCP. Close it, or hold it with `await using`. */
export function startTestDns(zoneText: string, faults: readonly DnsFault[] = [], options: AuthorityOptions = {}): Promise<Authority> {
  return startAuthority({ ...options, records: zoneRecords(zoneText), faults })
}

export interface ManualClock extends AuthorityClock {
  /** Moves the time on and runs what has come due, in order. */
  advance(ms: number): void
  /** Timers that are still to come. */
  readonly pending: number
}

/** Time that moves only when a test says so. */
export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs
  let timers: { readonly dueMs: number; readonly callback: () => void }[] = []
  return {
    now: () => nowMs,
    setTimer(ms, callback) {
      const timer = { dueMs: nowMs + ms, callback }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    advance(ms) {
      const endMs = nowMs + ms
      for (;;) {
        const [next] = timers.filter((timer) => timer.dueMs <= endMs).toSorted((left, right) => left.dueMs - right.dueMs)
        if (next === undefined) break
        timers = timers.filter((other) => other !== next)
        nowMs = next.dueMs
        next.callback()
      }
      nowMs = endMs
    },
    get pending() {
      return timers.length
    },
  }
}
