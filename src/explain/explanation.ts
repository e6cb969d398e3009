/**
 * What came out of a pasted text: who refused, what of, and how to mend it. Plain data; nothing in it is escaped.
 */
import type { IpAddress } from '../core/address.ts'
import { CATALOGUE, type FindingCode, type FindingLevel } from '../findings/catalogue.ts'
import type { RemedyStep } from '../remedy/step.ts'
import type { InputKind } from './passages.ts'

/** `none`: it tells of no trouble. `other`: of trouble that is neither reverse DNS nor HELO. `unknown`: it is not understood. */
export type Cause = 'reverseDns' | 'helo' | 'other' | 'none' | 'unknown'

export interface Explanation {
  readonly kind: 'explain'
  readonly input: InputKind
  readonly cause: Cause
  /** Several where the words fit all of them: the likeliest first. */
  readonly findings: readonly ToldFinding[]
  readonly persona: ToldPersona | null
  /** Others who say it in the same words. */
  readonly alsoSaidBy: readonly string[]
  /** The server that spoke, as the input names it. */
  readonly host: string | null
  /** The address that was spoken of. */
  readonly address: IpAddress | null
  readonly claimedName: string | null
  readonly reply: ToldReply | null
  readonly remedy: readonly RemedyStep[]
  readonly cautions: readonly string[]
}

export interface ToldPersona {
  readonly name: string
  readonly description: string
}

export interface ToldReply {
  readonly code: number | null
  readonly enhanced: string | null
  readonly text: string
}

/** A finding as a receiver told it: of its arguments only those that it told. */
export interface ToldFinding {
  readonly code: FindingCode
  readonly level: FindingLevel
  readonly args: ToldArguments
}

export interface ToldArguments {
  readonly ip?: string
  readonly claimedName?: string
  readonly ptrName?: string
  readonly status?: string
  readonly meaning?: string
}

export function toldFinding(code: FindingCode, args: ToldArguments): ToldFinding {
  return { code, level: CATALOGUE[code].level, args }
}

/** Of several the first counts. */
export function causeOf(codes: readonly FindingCode[]): Cause {
  const [first] = codes
  if (first === undefined || first === 'RECEIVER_NO_REASON') return 'unknown'
  if (first === 'RECEIVER_REPUTATION' || first === 'RECEIVER_OTHER_CAUSE') return 'other'
  if (first === 'FCRDNS_CONFIRMED' || first === 'HELO_ALIGNED') return 'none'
  return first.startsWith('HELO_') ? 'helo' : 'reverseDns'
}
