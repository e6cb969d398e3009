import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MilterNegotiation, MilterStepMode, MilterWishes } from '../../src/wire/milter-negotiation.ts'
import { awaitsReply, negotiate, stepMode } from '../../src/wire/milter-negotiation.ts'
import { MAX_MILTER_PACKET_OCTETS } from '../../src/wire/milter-frame.ts'
import type { MilterAgreement, MilterOffer, MilterStep } from '../../src/wire/milter.ts'
import { canonicalMacroName, MILTER_ACTIONS, MILTER_OPTIONS, MILTER_STEPS } from '../../src/wire/milter.ts'

const ALL_STEPS = Object.keys(MILTER_STEPS) as MilterStep[]
const POSTFIX_6 = { version: 6, actions: 0x1ff, steps: 0x1fffff }
const POSTFIX_4 = { version: 4, actions: 0x1ff, steps: 0x37f }
const POSTFIX_2 = { version: 2, actions: 0x1ff, steps: 0x7f }
/** Sendmail 8.17 with Milter.maxdatasize=1048576. */
const SENDMAIL_LARGE = { version: 6, actions: 0x1ff, steps: 0x201fffff }

const GATE: MilterWishes = {
  actions: ['addHeaders', 'changeHeaders'],
  optionalActions: ['quarantine'],
  steps: ['connect', 'helo', 'mail', 'rcpt', 'header'],
  silentSteps: ['mail', 'header'],
  macros: { connect: ['j', '_', 'client_resolve', '{client_ptr}'], mail: ['{auth_type}', '{auth_type}', '{i}'] },
  maxPacketOctets: 65_536,
}

describe('the bits of the protocol', () => {
  it('are distinct, and all that mfdef.h has', () => {
    const bits = [...Object.values(MILTER_STEPS).flatMap(({ decline, silence }) => [decline, silence]), ...Object.values(MILTER_OPTIONS)]
    expect(bits.reduce((mask, bit) => mask | bit, 0)).toBe(0x301fffff)
    expect(bits.reduce((sum, bit) => sum + bit, 0)).toBe(0x301fffff)
    expect(Object.values(MILTER_ACTIONS).reduce((sum, bit) => sum + bit, 0)).toBe(0x1ff)
  })
})

describe('an MTA that offers everything', () => {
  const agreement = agreed(negotiate(POSTFIX_6, GATE))

  it('gets version, the wished actions, and the request of macros', () => {
    expect(agreement.version).toBe(6)
    expect(agreement.actions).toBe(0x1 | 0x10 | 0x20 | 0x100)
  })

  it('is told which steps not to send, and to which it need not await a reply', () => {
    expect(agreement.steps).toBe(0x200 | 0x40 | 0x10 | 0x100 | 0x4000 | 0x80 | 0x400)
    expect(modes(agreement)).toEqual({
      connect: 'answered',
      helo: 'answered',
      mail: 'silent',
      rcpt: 'answered',
      data: 'absent',
      header: 'silent',
      endOfHeaders: 'absent',
      body: 'absent',
      unknown: 'absent',
    })
  })

  it('is asked for macros by their canonical names, each once', () => {
    expect([...agreement.macros]).toEqual([
      ['connect', ['j', '_', '{client_resolve}', '{client_ptr}']],
      ['mail', ['{auth_type}', 'i']],
    ])
  })
})

describe('an MTA that offers less', () => {
  it('version 2: steps cannot be silenced, macros not asked for, DATA and unknown commands do not exist', () => {
    const agreement = agreed(negotiate({ ...POSTFIX_2, actions: 0x3f }, GATE))
    expect(agreement).toEqual({ version: 2, actions: 0x31, steps: 0x50, macros: new Map() })
    expect(modes(agreement)).toMatchObject({ mail: 'answered', header: 'answered', data: 'absent', unknown: 'absent', body: 'absent' })
  })

  it('version 2 with no_header_reply of Postfix: headers can be silenced', () => {
    expect(modes(agreed(negotiate({ ...POSTFIX_2, steps: 0xff }, GATE))).header).toBe('silent')
  })

  it('version 3: DATA does not exist, unknown commands do', () => {
    const offer = { version: 3, actions: 0x3f, steps: 0x17f }
    expect(modes(agreed(negotiate(offer, { ...GATE, steps: ALL_STEPS })))).toMatchObject({ data: 'absent', unknown: 'answered' })
  })

  it('version 4 with the masks of version 6 may still be asked for macros', () => {
    expect(agreed(negotiate(POSTFIX_4, GATE)).macros.size).toBe(2)
  })

  it('a step that cannot be declined is silenced instead', () => {
    const offer = { version: 6, actions: 0x1ff, steps: POSTFIX_6.steps & ~MILTER_STEPS.body.decline }
    expect(modes(agreed(negotiate(offer, GATE))).body).toBe('silent')
  })

  it('masks of zero mean those of version 1, as in libmilter', () => {
    const agreement = agreed(negotiate({ version: 2, actions: 0, steps: 0 }, { ...GATE, actions: ['addHeaders'] }))
    expect(agreement).toEqual({ version: 2, actions: 0x1, steps: 0x10, macros: new Map() })
    expect(modes(agreement).endOfHeaders).toBe('answered')
  })

  it('without an action that is needed there is no agreement', () => {
    const offer = { version: 6, actions: 0x1, steps: 0x1fffff }
    const wishes: MilterWishes = { ...GATE, actions: ['addHeaders', 'changeHeaders', 'changeBody'] }
    expect(negotiate(offer, wishes)).toEqual({ kind: 'error', error: 'missingActions', missing: ['changeHeaders', 'changeBody'] })
  })

  it.each([0, 1])('version %i is too old', (version) => {
    expect(negotiate({ ...POSTFIX_6, version }, GATE)).toEqual({ kind: 'error', error: 'versionTooOld', version })
  })
})

describe('an MTA that offers more', () => {
  it('than version 6 gets version 6 and no bit that we do not know', () => {
    const agreement = agreed(negotiate({ version: 9, actions: 0xffffffff, steps: 0xffffffff }, { ...GATE, maxPacketOctets: 1 }))
    expect(agreement).toMatchObject({ version: 6, actions: 0x131 })
    expect(agreement.steps & ~0x1fffff).toBe(0)
  })

  it.each([
    [1_048_576, MILTER_OPTIONS.maxData1M],
    [1_048_575, 0],
    [MAX_MILTER_PACKET_OCTETS, MILTER_OPTIONS.maxData1M],
  ])('Sendmail gets its larger packets confirmed when %i octets are read', (maxPacketOctets, confirmed) => {
    const { steps } = agreed(negotiate(SENDMAIL_LARGE, { ...GATE, maxPacketOctets }))
    expect(steps & (MILTER_OPTIONS.maxData1M | MILTER_OPTIONS.maxData256K)).toBe(confirmed)
  })
})

describe('wishes', () => {
  it('rejected recipients and leading spaces are asked for only when wished', () => {
    const bits = MILTER_OPTIONS.rejectedRecipients | MILTER_OPTIONS.headerLeadingSpace
    expect(agreed(negotiate(POSTFIX_6, GATE)).steps & bits).toBe(0)
    expect(agreed(negotiate(POSTFIX_6, { ...GATE, rejectedRecipients: true, headerLeadingSpace: true })).steps & bits).toBe(bits)
  })

  it('macros of the end of the message bring those of the end of headers with them, by which Sendmail looks them up', () => {
    const { macros } = agreed(negotiate(POSTFIX_6, { ...GATE, macros: { endOfMessage: ['i'] } }))
    expect([...macros]).toEqual([
      ['endOfMessage', ['i']],
      ['endOfHeaders', []],
    ])
  })

  it('no macros ask for none', () => {
    const agreement = agreed(negotiate(POSTFIX_6, { ...GATE, macros: undefined }))
    expect(agreement.macros.size).toBe(0)
    expect(agreement.actions & MILTER_ACTIONS.requestMacros).toBe(0)
  })
})

describe('any offer and any wishes', () => {
  const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 0x7f, 0x1ff, 0x1fffff, 0xffffffff))
  const steps = fc.subarray(ALL_STEPS)
  const wishes = fc.record({
    actions: fc.subarray(['addHeaders', 'changeHeaders', 'quarantine'] as const),
    steps,
    silentSteps: steps,
    headerLeadingSpace: fc.boolean(),
    maxPacketOctets: fc.constantFrom(1, 262_144, 1_048_576),
  })

  it('ask for nothing that was not offered, and every needed step comes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), uint32, uint32, wishes, (version, actions, offered, wished) => {
        const negotiation = negotiate({ version, actions, steps: offered }, wished)
        if (negotiation.kind === 'error') return
        const { agreement } = negotiation
        if (actions !== 0) expect((agreement.actions & ~actions) >>> 0).toBe(0)
        if (offered !== 0) expect((agreement.steps & ~offered) >>> 0).toBe(0)
        for (const step of wished.steps) {
          if (agreement.version >= MILTER_STEPS[step].sinceVersion) expect(stepMode(agreement, step)).not.toBe('absent')
          if (!wished.silentSteps.includes(step)) expect(stepMode(agreement, step)).not.toBe('silent')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('who waits for whom', () => {
  it('follows the agreement for steps, and is fixed for all else', () => {
    const agreement = agreed(negotiate(POSTFIX_6, GATE))
    expect((['negotiate', 'connect', 'helo', 'rcpt', 'endOfMessage'] as const).every((kind) => awaitsReply(agreement, kind))).toBe(true)
    const unanswered = ['macros', 'mail', 'header', 'abort', 'quit', 'quitNewConnection'] as const
    expect(unanswered.some((kind) => awaitsReply(agreement, kind))).toBe(false)
  })
})

describe('macro names', () => {
  it.each([
    ['j', 'j'],
    ['{j}', 'j'],
    ['_', '_'],
    ['client_ptr', '{client_ptr}'],
    ['{client_ptr}', '{client_ptr}'],
    ['', ''],
    ['{}', '{{}}'],
  ])('%j is %j', (name, canonical) => {
    expect(canonicalMacroName(name)).toBe(canonical)
    expect(canonicalMacroName(canonical)).toBe(canonical)
  })
})

function agreed(negotiation: MilterNegotiation): MilterAgreement {
  if (negotiation.kind === 'error') throw new TypeError(negotiation.error)
  return negotiation.agreement
}

function modes(agreement: MilterOffer): Record<MilterStep, MilterStepMode> {
  return Object.fromEntries(ALL_STEPS.map((step) => [step, stepMode(agreement, step)])) as Record<MilterStep, MilterStepMode>
}
