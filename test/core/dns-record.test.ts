import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RECORD_TYPE_CODES, recordTypeCode, recordTypeOf, type KnownRecordType } from '../../src/core/dns-record.ts'

describe('record types', () => {
  it.each(Object.entries(RECORD_TYPE_CODES))('%s has the code %i in both directions', (type, code) => {
    expect(recordTypeCode(type as KnownRecordType)).toBe(code)
    expect(recordTypeOf(code)).toBe(type)
  })

  it.each([
    ['TYPE65280', 65280],
    ['TYPE0', 0],
    ['TYPE12', 12],
  ] as const)('%s has the code %i', (type, code) => {
    expect(recordTypeCode(type)).toBe(code)
  })

  it('round trip over every code, with RFC 3597 names for the unknown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65535 }), (code) => {
        expect(recordTypeCode(recordTypeOf(code))).toBe(code)
      }),
    )
    expect(recordTypeOf(65280)).toBe('TYPE65280')
    expect(recordTypeOf(5)).toBe('CNAME')
  })
})
