/**
 * A decision as a value, before any text is made of it. `code` and `enhanced` always agree in class.
 */
import type { FindingCode } from '../findings/catalogue.ts'

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
  /** What would have happened without dry run, percent or an ill resolver; equal to `action` otherwise. */
  readonly intended: DecisionAction
}
