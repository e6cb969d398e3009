/**
 * The body of `POST /v1/check`: octets → a request, or what is wrong with it and where (a JSON Pointer). Strict: a key that is
 * not known is an error, since a misspelt `helo` would otherwise be a HELO that nobody judges.
 */
import { z } from 'zod'
import { parseAddress, unmapAddress, type IpAddress } from '../core/address.ts'
import type { DecisionStage } from '../policy/decision.ts'

export interface CheckRequest {
  readonly address: IpAddress
  readonly helos: readonly string[]
  readonly sender: string | null
  readonly recipient: string | null
  readonly queueId: string | null
  readonly authenticated: boolean
  readonly stage: DecisionStage
}

export interface RequestProblem {
  /** Empty for the whole body. */
  readonly path: string
  readonly message: string
}

export type CheckRequestReading =
  { readonly kind: 'request'; readonly request: CheckRequest } | { readonly kind: 'problems'; readonly problems: readonly RequestProblem[] }

/** Later ones would change nothing (see gate.ts); this many a client may say, and its mail still be judged. */
const MAX_HELOS = 64
/** A request with more is wrong altogether. */
const MAX_PROBLEMS = 8
/** Of a stranger's text in a message. */
const MAX_QUOTED = 64

const NO_ADDRESS = 'expected an IPv4 or IPv6 address, such as 198.51.100.7 or 2001:db8:51::7'

export const checkRequestSchema = z
  .strictObject({
    ip: z
      .string({ error: NO_ADDRESS })
      .refine((text) => parseAddress(text) !== undefined, { error: NO_ADDRESS })
      .describe('The client: an IPv4 or IPv6 address'),
    helo: z
      .union([z.string(), z.array(z.string()).max(MAX_HELOS, { error: `at most ${String(MAX_HELOS)} names` })], {
        error: 'expected a string, or a list of strings',
      })
      .nullish()
      .describe('What the client has said in HELO or EHLO; if more than once, a list in that order'),
    sender: z.string().nullish().describe('Of MAIL FROM; empty for the null path. For the log'),
    recipient: z.string().nullish().describe('Of RCPT TO'),
    queueId: z.string().nullish().describe('For the log'),
    authenticated: z.boolean().nullish().describe('The client has logged in: nothing is held against it'),
    stage: z
      .enum(['connect', 'helo', 'mail', 'rcpt'])
      .nullish()
      .describe('The step that the client is at, rcpt unless given. A refusal is spoken at the step that the policy says, and later'),
  })
  .meta({ id: 'request' })

export function readCheckRequest(body: Uint8Array): CheckRequestReading {
  const json = readJson(body)
  if (json.kind === 'problems') return json
  const parsed = checkRequestSchema.safeParse(json.value)
  if (!parsed.success) return { kind: 'problems', problems: parsed.error.issues.slice(0, MAX_PROBLEMS).map(problemOf) }
  const { ip, helo, sender, recipient, queueId, authenticated, stage } = parsed.data
  const address = parseAddress(ip)
  if (address === undefined) return { kind: 'problems', problems: [{ path: '/ip', message: NO_ADDRESS }] }
  const helos = typeof helo === 'string' ? [helo] : (helo ?? [])
  return {
    kind: 'request',
    request: {
      address: unmapAddress(address),
      helos: helos.filter((claimedName) => claimedName !== ''),
      sender: sender ?? null,
      recipient: nonEmpty(recipient),
      queueId: nonEmpty(queueId),
      authenticated: authenticated ?? false,
      stage: stage ?? 'rcpt',
    },
  }
}

type JsonReading = { readonly kind: 'json'; readonly value: unknown } | Extract<CheckRequestReading, { kind: 'problems' }>

function readJson(body: Uint8Array): JsonReading {
  try {
    return { kind: 'json', value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) }
  } catch (error) {
    const message = error instanceof SyntaxError ? `not JSON: ${shortened(error.message, 2 * MAX_QUOTED)}` : 'not UTF-8'
    return { kind: 'problems', problems: [{ path: '', message }] }
  }
}

function problemOf(issue: z.core.$ZodIssue): RequestProblem {
  const path = issue.path.map((key) => `/${String(key)}`).join('')
  if (issue.code !== 'unrecognized_keys') return { path, message: issue.message }
  const [key = ''] = issue.keys
  const others = issue.keys.length > 1 ? ` (and ${String(issue.keys.length - 1)} more)` : ''
  const pointer = key.replaceAll('~', '~0').replaceAll('/', '~1')
  return { path: `${path}/${shortened(pointer, MAX_QUOTED)}`, message: `unknown key${others}; known are ${KNOWN_KEYS.join(', ')}` }
}

const KNOWN_KEYS = Object.keys(checkRequestSchema.shape)

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text
}

function nonEmpty(text: string | null | undefined): string | null {
  return text === undefined || text === null || text === '' ? null : text
}
