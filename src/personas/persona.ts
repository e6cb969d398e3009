/**
 * A receiver whose words ptrgate can use: the policy decides whether mail is refused, the persona how the refusal reads. The same
 * texts serve to recognise who refused (recognise.ts). All of them are data, and none is a stranger's: placeholders hold those.
 */
import { formatAddress } from '../core/address.ts'
import type { FindingCode } from '../findings/catalogue.ts'
import type { ReplyRequest, SmtpReply } from '../policy/decision.ts'
import { rfc7372ReplyFor } from './rfc7372.ts'

/** What a text of the receiver's may name beside the address. Strangers' texts, raw: rendering escapes them. */
export interface ReplyNames {
  readonly helo?: string | undefined
  readonly ptr?: string | undefined
}

export const STAGES = ['greeting', 'ehlo', 'mail', 'rcpt', 'data'] as const
export type PersonaStage = (typeof STAGES)[number]

export const PERSONA_KINDS = ['provider', 'software', 'collection'] as const
/** `collection`: texts of receivers that are not known by name. */
export type PersonaKind = (typeof PERSONA_KINDS)[number]

export interface ReceiverText {
  /** `recognise`: too little is known of it to be spoken, or it is no longer said. */
  readonly use: 'answer' | 'recognise'
  /** For what it is said, the likeliest first. */
  readonly findings: readonly FindingCode[]
  readonly family: 4 | 6 | null
  readonly stage: PersonaStage
  /** Null where it is not known, or as the policy has it. */
  readonly code: number | null
  readonly enhanced: StatusRange | null
  /** With `{ip}`, `{helo}`, `{ptr}`, `{host}`; those that are only recognised also with `{any}`. */
  readonly lines: readonly string[]
  /** What it is recognised by: a part of the lines, which may be broken anywhere between words. */
  readonly key: string
  readonly source: string
  /** `2024`, `2024-07`, `2024-07-31` or `unknown`: when the source shows it. */
  readonly date: string
}

/** `5.7.25`, or several that differ in the last number only. */
export interface StatusRange {
  readonly first: string
  readonly last: string
}

export interface PersonaData {
  /** As it is chosen: `--as outlook`. */
  readonly name: string
  readonly description: string
  readonly kind: PersonaKind
  readonly stage: PersonaStage
  /** What stands for `{host}` in its texts: one of its servers. */
  readonly host: string
  /** Its servers, as `*.example.com` or whole names: who it is in a bounce. */
  readonly hosts: readonly string[]
  readonly texts: readonly ReceiverText[]
}

export interface Persona extends PersonaData {
  /** Its own words where it has any for this, else those of RFC 7372. Basic code, enhanced code and action agree in class. */
  readonly replyFor: (request: ReplyRequest, names?: ReplyNames) => SmtpReply
  /** Null where it has no words of its own that could be used. */
  readonly ownReplyFor: (request: OwnReplyRequest, names?: ReplyNames) => OwnReply | null
}

export type OwnReplyRequest = Pick<ReplyRequest, 'action' | 'finding' | 'address'>

export interface OwnReply {
  readonly reply: SmtpReply
  readonly stage: PersonaStage
}

export function personaOf(data: PersonaData): Persona {
  const ownReplyFor: Persona['ownReplyFor'] = (request, names = {}) => ownReply(data, request, names)
  return { ...data, ownReplyFor, replyFor: (request, names) => ownReplyFor(request, names)?.reply ?? rfc7372ReplyFor(request) }
}

function ownReply({ texts, host }: PersonaData, request: OwnReplyRequest, { helo, ptr }: ReplyNames): OwnReply | null {
  const { action, finding, address } = request
  const values = new Map(Object.entries({ ip: formatAddress(address), host, helo, ptr }))
  for (const meant of finding === null ? [] : meaningsOf(finding)) {
    for (const text of texts) {
      if (text.use !== 'answer' || text.code === null || !text.findings.includes(meant)) continue
      if (text.code >= 500 !== (action === 'reject') || (text.family !== null && text.family !== address.family)) continue
      const lines = text.lines.map((line) => fillIn(line, values))
      if (!lines.every((line) => line !== undefined)) continue
      return { reply: { code: text.code, enhanced: text.enhanced?.first ?? null, lines }, stage: text.stage }
    }
  }
  return null
}

/** The finding itself, and the one under which receivers count it that look less closely. */
export function meaningsOf(finding: FindingCode): readonly FindingCode[] {
  const general = GENERAL_FINDING[finding]
  return general === undefined ? [finding] : [finding, general]
}

const GENERAL_FINDING: { readonly [C in FindingCode]?: FindingCode } = {
  PTR_ALIAS_LOOP: 'PTR_MISSING',
  PTR_ALIAS_DANGLING: 'PTR_MISSING',
  PTR_ALIAS_TOO_DEEP: 'PTR_MISSING',
  FORWARD_UNKNOWN: 'PTR_UNKNOWN',
  IPREV_DEADLINE: 'PTR_UNKNOWN',
  IPREV_QUERY_CAP: 'PTR_UNKNOWN',
  IPREV_ABORTED: 'PTR_UNKNOWN',
  HELO_CONFIRMED_DIFFERS: 'HELO_PTR_DIFFERS',
  HELO_UNDERSCORE: 'HELO_SYNTAX',
}

/** Undefined where the text needs a name that is not known. */
function fillIn(line: string, values: ReadonlyMap<string, string | undefined>): string | undefined {
  const isComplete = Array.from(line.matchAll(PLACEHOLDER)).every(([, token = '']) => values.get(token) !== undefined)
  return isComplete ? line.replace(PLACEHOLDER, (_, token: string) => (values.get(token) ?? '').slice(0, MAX_NAME_LENGTH)) : undefined
}

export const PLACEHOLDER = /\{([a-z]+)\}/g
const MAX_NAME_LENGTH = 255
