/**
 * The header fields that the gateway puts on top of a message: what the judgement was (RFC 8601), where a quarantine is asked for,
 * and the trace of this hop (RFC 5321 §4.4). Text of the client and of the DNS is escaped here, and can end no field.
 */
import { formatAddress, type IpAddress } from '../core/address.ts'
import { isHostName, type DomainName } from '../core/domain-name.ts'
import type { GateVerdict } from '../engine/gate.ts'
import { escapeFor } from '../render/escape.ts'
import { foldAuthResults } from '../wire/auth-results.ts'

/** A gateway cannot hold a message; whoever delivers it can go by this. The value is the rule of the policy. */
export const QUARANTINE_FIELD_NAME = 'X-Ptrgate-Quarantine'

export interface MessageTrace {
  readonly address: IpAddress | null
  readonly confirmedName: DomainName | null
  readonly claimedName: string | null
  readonly ourName: string
  readonly protocol: string
  readonly id: string
  readonly date: Date
}

/** Without a line end after the last one. The verdict is null for a client that is not judged. */
export function messageFields(verdict: GateVerdict | null, trace: MessageTrace): string {
  const fields = [traceField(trace)]
  if (verdict?.decision.action === 'quarantine') fields.unshift(`${QUARANTINE_FIELD_NAME}: ${verdict.decision.rule}`)
  if (verdict !== null && verdict.header !== null) fields.unshift(foldAuthResults(verdict.header))
  return fields.join('\r\n')
}

function traceField({ address, confirmedName, claimedName, ourName, protocol, id, date }: MessageTrace): string {
  const literal = address === null ? 'unknown' : `[${address.family === 6 ? 'IPv6:' : ''}${formatAddress(address)}]`
  const name = confirmedName !== null && isHostName(confirmedName) ? `${confirmedName} ` : ''
  return `Received: from ${traceName(claimedName)} (${name}${literal})\r\n\tby ${ourName} with ${protocol} id ${id};\r\n\t${formatDate(date)}`
}

/** What is no name stands in a comment, where it can be mistaken for nothing. */
function traceName(claimedName: string | null): string {
  if (claimedName === null) return 'unknown'
  return /^(?:[a-z0-9._-]{1,255}|\[[a-z0-9.:]{1,64}\])$/i.test(claimedName)
    ? claimedName
    : `unknown (HELO ${escapeFor('comment', claimedName)})`
}

/** RFC 5322 §3.3, in UTC. */
export function formatDate(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000')
}
