/**
 * The front of a log line: timestamps of RFC 3164 (no year) and ISO 8601, host, program and pid of a syslog line.
 * Times stay the wall clock of the log, so that they can be found again in it; nothing is converted between zones.
 */

export interface SyslogLine {
  readonly seenAt: string
  readonly host: string
  /** `postfix/smtpd`, `exim`. */
  readonly program: string
  readonly pid: string
  readonly text: string
}

/** A day of grace, since the zone of the log is not known: the last day that a timestamp can mean. */
export function latestDay(now: Date): string {
  return new Date(now.getTime() + DAY_MS).toISOString().slice(0, 10)
}

export function parseSyslogLine(line: string, latest: string): SyslogLine | undefined {
  const bsd = BSD_LINE.exec(line)
  if (bsd) {
    const [front, month = '', day = '', time = '', host = '', program = '', pid = ''] = bsd
    const seenAt = withYear(month, day, time, latest)
    return seenAt === undefined ? undefined : { seenAt, host, program, pid, text: line.slice(front.length) }
  }
  const iso = ISO_LINE.exec(line)
  if (!iso) return undefined
  const [front, date = '', time = '', host = '', program = '', pid = ''] = iso
  return { seenAt: `${date} ${time}`, host, program, pid, text: line.slice(front.length) }
}

/** Every repetition is over a class that excludes what follows it: linear on any line. */
const BSD_LINE =
  /^(?:<[0-9]{1,3}>)?([A-Z][a-z]{2}) ([ 0-3][0-9]) ([0-2][0-9]:[0-5][0-9]:[0-6][0-9])(?:\.[0-9]{1,9})? ([^ ]{1,255}) ([^ :[\]]{1,128})(?:\[([0-9]{1,10})\])?: ?/
const ISO_LINE =
  /^(?:<[0-9]{1,3}>[0-9]? ?)?([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-2][0-9]:[0-5][0-9]:[0-6][0-9])(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})? ([^ ]{1,255}) ([^ :[\]]{1,128})(?:\[([0-9]{1,10})\])?: ?/

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY_MS = 86_400_000

/** The latest year in which the day is not in the future. */
function withYear(month: string, day: string, time: string, latest: string): string | undefined {
  const index = MONTHS.indexOf(month)
  if (index < 0) return undefined
  const monthAndDay = `${String(index + 1).padStart(2, '0')}-${day.replace(' ', '0')}`
  const year = latest.slice(0, 4)
  return `${monthAndDay > latest.slice(5) ? String(Number(year) - 1) : year}-${monthAndDay} ${time}`
}
