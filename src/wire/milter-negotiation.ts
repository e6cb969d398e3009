/**
 * What a filter agrees with an MTA, as a pure function of the MTA's offer and the filter's wishes: nothing is asked for
 * that was not offered, since an MTA drops a filter that does (Sendmail: milter_negotiate; Postfix: milter8_connect).
 * Every step costs somebody's mail a round trip, so steps that nobody needs are declined, else silenced.
 */
import type {
  MilterAction,
  MilterAgreement,
  MilterCommandKind,
  MilterMacroRequests,
  MilterMacroStage,
  MilterOffer,
  MilterStep,
} from './milter.ts'
import {
  canonicalMacroName,
  MILTER_ACTIONS,
  MILTER_MACRO_STAGES,
  MILTER_OPTIONS,
  MILTER_STEPS,
  MILTER_VERSION_MAX,
  MILTER_VERSION_MIN,
} from './milter.ts'

export interface MilterWishes {
  /** Without any of these there is no agreement. */
  readonly actions: readonly MilterAction[]
  /** Taken where offered. */
  readonly optionalActions?: readonly MilterAction[] | undefined
  /** What the filter must see; all other steps are declined. */
  readonly steps: readonly MilterStep[]
  /** Those of `steps` to which the filter never has anything to say. */
  readonly silentSteps?: readonly MilterStep[] | undefined
  /** To be sent ahead of each stage. Asked for where the MTA lets us; else it sends what it is configured to. */
  readonly macros?: Readonly<Partial<Record<MilterMacroStage, readonly string[]>>> | undefined
  readonly rejectedRecipients?: boolean | undefined
  readonly headerLeadingSpace?: boolean | undefined
  /** The cap of the frame reader. */
  readonly maxPacketOctets: number
}

export type MilterNegotiation =
  | { readonly kind: 'agreement'; readonly agreement: MilterAgreement }
  | { readonly kind: 'error'; readonly error: 'versionTooOld'; readonly version: number }
  | { readonly kind: 'error'; readonly error: 'missingActions'; readonly missing: readonly MilterAction[] }

export function negotiate(offer: MilterOffer, wishes: MilterWishes): MilterNegotiation {
  if (offer.version < MILTER_VERSION_MIN) return { kind: 'error', error: 'versionTooOld', version: offer.version }
  // libmilter's rule for MTAs that predate the masks.
  const offeredActions = offer.actions === 0 ? V1_ACTIONS : offer.actions
  const offeredSteps = offer.steps === 0 ? V1_STEPS : offer.steps
  const missing = wishes.actions.filter((action) => (offeredActions & MILTER_ACTIONS[action]) === 0)
  if (missing.length > 0) return { kind: 'error', error: 'missingActions', missing }

  const macros = (offeredActions & MILTER_ACTIONS.requestMacros) === 0 ? NO_MACROS : macroRequests(wishes)
  let actions = macros.size > 0 ? MILTER_ACTIONS.requestMacros : 0
  for (const action of [...wishes.actions, ...(wishes.optionalActions ?? [])]) actions |= MILTER_ACTIONS[action]
  return {
    kind: 'agreement',
    agreement: {
      version: Math.min(offer.version, MILTER_VERSION_MAX),
      actions: (actions & offeredActions) >>> 0,
      steps: wantedSteps(offeredSteps, wishes),
      macros,
    },
  }
}

const V1_ACTIONS = 0xf
const V1_STEPS = 0x3f
const NO_MACROS: MilterMacroRequests = new Map()

function wantedSteps(offered: number, wishes: MilterWishes): number {
  let wanted: number = MILTER_OPTIONS.skip
  if (wishes.rejectedRecipients === true) wanted |= MILTER_OPTIONS.rejectedRecipients
  if (wishes.headerLeadingSpace === true) wanted |= MILTER_OPTIONS.headerLeadingSpace
  // Sendmail offers one of these, and logs a warning at every session that does not confirm it.
  if (wishes.maxPacketOctets >= DATA_256K + 1) wanted |= MILTER_OPTIONS.maxData256K
  if (wishes.maxPacketOctets >= DATA_1M + 1) wanted |= MILTER_OPTIONS.maxData1M
  for (const [step, bits] of STEPS) {
    if (wishes.steps.includes(step)) wanted |= wishes.silentSteps?.includes(step) === true ? bits.silence : 0
    else wanted |= (offered & bits.decline) === 0 ? bits.silence : bits.decline
  }
  return (wanted & offered) >>> 0
}

const DATA_256K = 262_143
const DATA_1M = 1_048_575
const STEPS = Object.entries(MILTER_STEPS) as [MilterStep, (typeof MILTER_STEPS)[MilterStep]][]

/**
 * Sendmail looks up whether the macros of the end of the message were asked for in the place of those of the end of headers:
 * whoever asks for the former asks for the latter too, be it for none.
 */
function macroRequests(wishes: MilterWishes): MilterMacroRequests {
  const requests = new Map<MilterMacroStage, readonly string[]>()
  for (const stage of MILTER_MACRO_STAGES) {
    const names = wishes.macros?.[stage]
    if (names) requests.set(stage, [...new Set(names.map(canonicalMacroName))])
  }
  if (requests.has('endOfMessage') && !requests.has('endOfHeaders')) requests.set('endOfHeaders', [])
  return requests
}

/** `absent`: the MTA does not send it. `silent`: it sends it and must not be answered. `answered`: it waits for a reply. */
export type MilterStepMode = 'absent' | 'silent' | 'answered'

export function stepMode(agreement: MilterOffer, step: MilterStep): MilterStepMode {
  const { decline, silence, sinceVersion } = MILTER_STEPS[step]
  if ((agreement.steps & decline) !== 0 || agreement.version < sinceVersion) return 'absent'
  return (agreement.steps & silence) === 0 ? 'answered' : 'silent'
}

/** Whether the MTA waits for a reply to a command. One too many, or one too few, and the two talk at cross purposes. */
export function awaitsReply(agreement: MilterOffer, command: MilterCommandKind): boolean {
  switch (command) {
    case 'macros':
    case 'abort':
    case 'quit':
    case 'quitNewConnection':
      return false
    case 'negotiate':
    case 'endOfMessage':
      return true
    default:
      return (agreement.steps & MILTER_STEPS[command].silence) === 0
  }
}
