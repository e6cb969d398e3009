/** Reads lines with one reader, and gives what it told in short form. */
import { formatAddress } from '../../../src/core/address.ts'
import { latestDay } from '../../../src/app/replay/syslog-line.ts'
import type { LogReader, LogReaderOptions, LogRecord } from '../../../src/app/replay/log-record.ts'

export const NOW = new Date('2026-06-01T12:00:00Z')

export interface ReadResult {
  readonly records: readonly LogRecord[]
  /** Which lines were of use. */
  readonly used: readonly boolean[]
}

export function readAll(create: (options: LogReaderOptions) => LogReader, lines: readonly string[], maxOpenMessages = 1000): ReadResult {
  const records: LogRecord[] = []
  const reader = create({ onRecord: (record) => records.push(record), latestDay: latestDay(NOW), maxOpenMessages })
  const used = lines.map((line) => reader.read(line))
  reader.end()
  return { records, used }
}

/** `198.51.100.8 helo=mail.example.net <a@b> -> c@d rejected`; `auth` and `postmaster` where they hold. */
export function short({ address, claimedName, authenticated, sender, recipients, isToPostmaster, then }: LogRecord): string {
  return [
    formatAddress(address),
    claimedName === null ? 'no-helo' : `helo=${claimedName}`,
    ...(authenticated ? ['auth'] : []),
    sender === null ? '?' : `<${sender}>`,
    '->',
    recipients.length === 0 ? '?' : recipients.join(','),
    ...(isToPostmaster ? ['postmaster'] : []),
    then,
  ].join(' ')
}
