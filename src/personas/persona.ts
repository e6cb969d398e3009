/**
 * A receiver whose words ptrgate can use: the policy decides whether mail is refused, the persona how the refusal reads.
 */
import type { ReplyFor } from '../policy/decision.ts'

export interface Persona {
  /** As it is chosen: `--as rfc7372`. */
  readonly name: string
  readonly description: string
  readonly replyFor: ReplyFor
}
