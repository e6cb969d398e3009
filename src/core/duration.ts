/**
 * Durations as people write them on a command line or in the config: `200ms`, `5s`, `2m`, `24h`, `7d`.
 * One whole or decimal number and one unit; a bare number is refused, since nobody knows its unit.
 */

export type ParsedDuration = { readonly kind: 'duration'; readonly ms: number } | { readonly kind: 'error'; readonly error: string }

/** The longest that Node's timers can wait: one millisecond more and they fire at once. */
export const MAX_DURATION_MS = 2 ** 31 - 1

/** An error is a sentence that begins with the input. */
export function parseDuration(text: string): ParsedDuration {
  const fail = (reason: string): ParsedDuration => ({ kind: 'error', error: `${text === '' ? 'an empty text' : text}: ${reason}` })
  const [, digits, unit] = /^([0-9]{1,12}(?:\.[0-9]{1,6})?)([a-z]*)$/.exec(text) ?? []
  if (digits === undefined || unit === undefined) return fail(`a duration is a number and a unit (${UNIT_NAMES}), such as 5s`)
  if (unit === '') return fail(`a duration needs a unit (${UNIT_NAMES}): ${digits}s for seconds`)
  const factor = UNITS.get(unit)
  if (factor === undefined) return fail(`${unit} is no unit of time; use one of ${UNIT_NAMES}`)
  const exact = Number(digits) * factor
  const ms = Math.round(exact)
  if (Math.abs(exact - ms) > 1e-6) return fail('a duration is a whole number of milliseconds')
  if (ms > MAX_DURATION_MS) return fail('a duration is at most 24d')
  return { kind: 'duration', ms }
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const UNIT_NAMES = [...UNITS.keys()].join(', ')
