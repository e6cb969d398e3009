/**
 * What the gate says of one client at one step, as JSON: one line, keys always in the same order, the pieces those of
 * `ptrgate check` (report-json.ts). The format is described by docs/http-check.schema.json.
 */
import type { IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { Finding } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { Decision, SmtpReply } from '../policy/decision.ts'
import { escapeForSmtp } from './escape.ts'
import { addressText, decisionMembers, elements, findingJson, heloJson, iprevJson, JSON_FORMAT, text, textOrNull } from './report-json.ts'
import { formatReply } from './smtp-reply.ts'

export interface VerdictReport {
  readonly address: IpAddress
  readonly decision: Decision
  /** To be given at this step; null to go on. */
  readonly reply: SmtpReply | null
  /** Null where nothing was looked up. */
  readonly judgement: VerdictFacts | null
  /** The whole header field; null where nothing was looked up. */
  readonly header: string | null
}

export interface VerdictFacts {
  readonly iprev: IprevFacts
  readonly helo: HeloFacts | null
  readonly confirmedName: DomainName | null
  readonly generic: { readonly score: number; readonly reasons: readonly string[] } | null
  readonly findings: readonly Finding[]
}

/** Without a line end. */
export function verdictJson({ address, decision, reply, judgement, header }: VerdictReport): string {
  const { iprev, confirmedName = null, helo, generic, findings = [] } = judgement ?? {}
  return (
    `{"ptrgate":${String(JSON_FORMAT)},"kind":"decision","ip":${addressText(address)},` +
    `"iprev":${iprev ? iprevJson(iprev, confirmedName) : 'null'},"helo":${helo ? heloJson(helo) : 'null'},` +
    `"generic":${generic ? `{"score":${String(generic.score)},"reasons":[${elements(generic.reasons, text)}]}` : 'null'},` +
    `"findings":[${elements(findings, findingJson)}],"authenticationResults":${textOrNull(header)},` +
    `"decision":{${decisionMembers(decision)},"intended":"${decision.intended}"},"reply":${reply ? replyJson(reply) : 'null'}}`
  )
}

function replyJson(reply: SmtpReply): string {
  const lines = formatReply(reply).trimEnd().split('\r\n')
  return (
    `{"code":${String(reply.code)},"enhanced":${textOrNull(reply.enhanced)},"text":${text(escapeForSmtp(reply.lines.join(' ')))},` +
    `"lines":[${elements(lines, text)}]}`
  )
}
