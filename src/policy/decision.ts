/**
 * A decision as a value, before any text is made of it. `code` and `enhanced` always agree in class.
 */
import type { IpAddress } from '../core/address.ts'
import type { FindingCode } from '../findings/catalogue.ts'
import type { RuleName } from './presets.ts'

export type DecisionAction = 'accept' | 'tag' | 'defer' | 'reject' | 'quarantine'
/** At which SMTP step a refusal is spoken. */
export type DecisionStage = 'connect' | 'helo' | 'mail' | 'rcpt'

export interface SmtpReply {
  readonly code: number
  /** `5.7.25`; null where the receiver gives none. */
  readonly enhanced: string | null
  /** One or more lines without code and without line ends; rendering escapes them. */
  readonly lines: readonly string[]
}

export interface Decision {
  readonly kind: 'decision'
  readonly action: DecisionAction
  /** Only for `defer` and `reject`. */
  readonly reply: SmtpReply | null
  readonly stage: DecisionStage
  /** Which row of the policy decided: `pass`, `permerror`, `heloSyntax`, `trustedNetworks`, `dryRun` … */
  readonly rule: string
  /** The finding that the decision rests on. */
  readonly finding: FindingCode | null
  /** What would have happened without dry run, percent, exemption or an ill resolver; equal to `action` otherwise. */
  readonly intended: DecisionAction
}

/** What a refusal needs a text for. It holds no name from the DNS or from HELO, so no text can carry one out. */
export interface ReplyRequest {
  readonly action: 'defer' | 'reject'
  readonly rule: RuleName
  readonly finding: FindingCode | null
  readonly address: IpAddress
  readonly stage: DecisionStage
  /** As the policy has them; a receiver's own words may come with other codes of the same class. */
  readonly code: number
  readonly enhanced: string
}

/** The seam for the words of a receiver: the policy decides what is answered, a persona how it reads. */
export type ReplyFor = (request: ReplyRequest) => SmtpReply
