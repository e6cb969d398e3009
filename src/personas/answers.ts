/**
 * "Would I be rejected?": what each receiver is known to say to a client with these findings. A receiver without words for any of
 * them may accept the client, or refuse it in words that nobody has written down: the difference is not known here.
 */
import type { IpAddress } from '../core/address.ts'
import type { Finding, FindingLevel } from '../findings/catalogue.ts'
import type { SmtpReply } from '../policy/decision.ts'
import type { Persona, PersonaStage, ReplyNames } from './persona.ts'

export interface ReceiverAnswer {
  readonly persona: Persona
  /** Null where it has no known words for any of the findings. */
  readonly refusal: { readonly reply: SmtpReply; readonly finding: Finding; readonly stage: PersonaStage } | null
}

export interface AskingClient {
  readonly address: IpAddress
  readonly findings: readonly Finding[]
  readonly names: ReplyNames
}

export function answersTo({ address, findings, names }: AskingClient, personas: readonly Persona[]): readonly ReceiverAnswer[] {
  const ordered = SEVERITY.flatMap((level) => findings.filter((finding) => finding.level === level))
  return personas
    .filter(({ texts }) => texts.some(({ use, code }) => use === 'answer' && code !== null))
    .map((persona) => ({ persona, refusal: refusalOf(persona, address, ordered, names) }))
}

/** The worst first; what is well is no ground for anything. */
const SEVERITY: readonly FindingLevel[] = ['error', 'inconclusive', 'warning', 'notice']

function refusalOf(persona: Persona, address: IpAddress, findings: readonly Finding[], names: ReplyNames): ReceiverAnswer['refusal'] {
  for (const finding of findings) {
    const actions = finding.level === 'inconclusive' ? (['defer'] as const) : (['reject', 'defer'] as const)
    for (const action of actions) {
      const own = persona.ownReplyFor({ action, finding: finding.code, address }, names)
      if (own) return { ...own, finding }
    }
  }
  return null
}
