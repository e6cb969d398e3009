import { describe, expect, it } from 'vitest'
import { FINDING_CODES } from '../../src/findings/catalogue.ts'
import { compareActions, isTemporary, PRESET_NAMES, presetActions, RULE_NAMES, RULES, type Rule } from '../../src/policy/presets.ts'

const rules: readonly (readonly [string, Rule])[] = Object.entries(RULES)

describe('the presets', () => {
  it('observe refuses nothing, and strict is nowhere milder than balanced', () => {
    for (const [, { observe, balanced, strict }] of rules) {
      expect(compareActions(observe, 'tag')).toBeLessThanOrEqual(0)
      expect(compareActions(strict, balanced)).toBeGreaterThanOrEqual(0)
    }
  })

  it('never answer a temporary cause for good', () => {
    expect(RULE_NAMES.filter(isTemporary)).toEqual(['temperror', 'heloUnknown', 'resolverIll', 'internalError'])
    for (const rule of RULE_NAMES.filter(isTemporary)) {
      for (const preset of PRESET_NAMES) expect(['accept', 'tag', 'defer']).toContain(presetActions(preset)[rule])
    }
  })

  it('never refuse a HELO that differs from the PTR', () => {
    for (const preset of PRESET_NAMES) {
      const { heloDiffers, heloOrganisationDiffers, heloOtherAddress } = presetActions(preset)
      expect([heloDiffers, heloOrganisationDiffers, heloOtherAddress]).toEqual(['tag', 'tag', 'tag'])
    }
  })

  it('have one row for a finding, and only for findings that exist', () => {
    const codes = rules.flatMap(([, { findings }]) => findings ?? [])
    expect(new Set(codes).size).toBe(codes.length)
    expect(FINDING_CODES).toEqual(expect.arrayContaining(codes))
  })
})

it('actions are ordered from mild to severe', () => {
  const sorted = ['accept', 'tag', 'quarantine', 'defer', 'reject'] as const
  expect(sorted.toReversed().toSorted(compareActions)).toEqual(sorted)
})
