import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DURATION_MS, parseDuration } from '../../src/core/duration.ts'

describe('parseDuration', () => {
  it.each([
    ['200ms', 200],
    ['0ms', 0],
    ['5s', 5000],
    ['1.5s', 1500],
    ['0.25s', 250],
    ['2m', 120_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['24d', 2_073_600_000],
    ['2147483647ms', 2_147_483_647],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ kind: 'duration', ms })
  })

  it.each([
    ['', 'an empty text: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['5', '5: a duration needs a unit (ms, s, m, h, d): 5s for seconds'],
    ['5 s', '5 s: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['-5s', '-5s: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['s', 's: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['1e3ms', '1e3ms: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['5S', '5S: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['5s\n', '5s\n: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['1h30m', '1h30m: a duration is a number and a unit (ms, s, m, h, d), such as 5s'],
    ['5min', '5min: min is no unit of time; use one of ms, s, m, h, d'],
    ['0.5ms', '0.5ms: a duration is a whole number of milliseconds'],
    ['25d', '25d: a duration is at most 24d'],
    ['2147483648ms', '2147483648ms: a duration is at most 24d'],
    ['999999999999d', '999999999999d: a duration is at most 24d'],
  ])('refuses %j with its reason', (text, error) => {
    expect(parseDuration(text)).toEqual({ kind: 'error', error })
  })

  it('reads every whole number of milliseconds that a timer can wait, and no more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 * MAX_DURATION_MS }), (ms) => {
        const parsed = parseDuration(`${String(ms)}ms`)
        expect(parsed.kind).toBe(ms <= MAX_DURATION_MS ? 'duration' : 'error')
        if (parsed.kind === 'duration') expect(parsed.ms).toBe(ms)
      }),
    )
  })

  it('answers any text with a whole number within bounds or an error that begins with it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,14}[a-z]{0,3}$/)), (text) => {
        const parsed = parseDuration(text)
        if (parsed.kind === 'error') expect(parsed.error.startsWith(text === '' ? 'an empty text' : text)).toBe(true)
        else expect(Number.isInteger(parsed.ms) && parsed.ms >= 0 && parsed.ms <= MAX_DURATION_MS).toBe(true)
      }),
    )
  })
})
