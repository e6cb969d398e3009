/**
 * ptrgate's own log, one JSON object a line (serve/event-record.ts), also behind a syslog front. Its lines hold what the DNS
 * said at the time, so that nothing has to be asked again.
 */
import { parseAddress } from '../../core/address.ts'
import { CATALOGUE, type FindingCode } from '../../findings/catalogue.ts'
import type { IprevReason, IprevResult } from '../../iprev/facts.ts'
import { isPostmaster } from '../../policy/decide.ts'
import { MAX_EXAMPLES, type LoggedFacts, type LogReader, type LogReaderOptions, type ThenOutcome } from './log-record.ts'
import { parseSyslogLine } from './syslog-line.ts'

export function createPtrgateReader({ onRecord, latestDay }: LogReaderOptions): LogReader {
  return {
    read(line) {
      const fields = fieldsOf(line.startsWith('{') ? line : (parseSyslogLine(line, latestDay)?.text ?? ''))
      const address = parseAddress(textOf(fields, 'address') ?? '')
      const event = textOf(fields, 'event')
      if (!fields || !address || (event !== 'decision' && event !== 'skipped')) return false
      const recipients = textsOf(fields, 'to')
      onRecord({
        address,
        claimedName: textOf(fields, 'helo'),
        authenticated: fields['authenticated'] === true,
        sender: textOf(fields, 'from'),
        recipients: recipients.slice(0, MAX_EXAMPLES),
        isToPostmaster: recipients.length > 0 && recipients.length === fields['toCount'] && recipients.every(isPostmaster),
        then: event === 'skipped' ? 'unknown' : outcomeOf(textOf(fields, 'reply')),
        seenAt: seenAtOf(textOf(fields, 'time')),
        facts: event === 'skipped' ? null : factsOf(fields),
      })
      return true
    },
    end: () => undefined,
  }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(json: string): Fields | null {
  if (!json.startsWith('{"')) return null
  try {
    return JSON.parse(json) as Fields
  } catch {
    // A line that was cut, or another program's.
    return null
  }
}

function textOf(fields: Fields | null, key: string): string | null {
  const value = fields?.[key]
  return typeof value === 'string' ? value : null
}

function textsOf(fields: Fields, key: string): readonly string[] {
  const value: unknown = fields[key]
  return Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : []
}

/** A reply that was spoken; without one the message was let through. */
function outcomeOf(reply: string | null): ThenOutcome {
  return reply === null ? 'accepted' : reply.startsWith('4') ? 'deferred' : 'rejected'
}

function seenAtOf(time: string | null): string | null {
  const [, date, clock] = /^([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})/.exec(time ?? '') ?? []
  return date === undefined || clock === undefined ? null : `${date} ${clock}`
}

/** Null where nothing was looked up, or where a line is not as we write it. */
function factsOf(fields: Fields): LoggedFacts | null {
  const result = textOf(fields, 'result')
  const reason = textOf(fields, 'reason')
  if (!isResult(result) || !isReason(reason)) return null
  const findings = textsOf(fields, 'findings').filter(isFindingCode)
  return {
    result,
    reason,
    ptrNames: textsOf(fields, 'ptr').slice(0, MAX_EXAMPLES),
    confirmedName: textOf(fields, 'confirmedName'),
    findings,
  }
}

function isResult(text: string | null): text is IprevResult {
  return text === 'pass' || text === 'fail' || text === 'temperror' || text === 'permerror'
}

function isReason(text: string | null): text is IprevReason {
  return text !== null && Object.hasOwn(REASONS, text)
}

function isFindingCode(text: string): text is FindingCode {
  return Object.hasOwn(CATALOGUE, text)
}

const REASONS: { readonly [R in IprevReason]: true } = {
  confirmed: true,
  noReverseName: true,
  noPtrRecord: true,
  aliasLoop: true,
  aliasDangling: true,
  aliasTooDeep: true,
  elsewhere: true,
  nameNotFound: true,
  nameWithoutAddress: true,
  noUsableName: true,
  reverseServfail: true,
  reverseRefused: true,
  reverseTimeout: true,
  reverseMalformed: true,
  forwardServfail: true,
  forwardRefused: true,
  forwardTimeout: true,
  forwardMalformed: true,
  deadline: true,
  queryCap: true,
  aborted: true,
}
