/**
 * What the next hop offers in its reply to EHLO (RFC 5321 §4.1.1.1), as far as the gateway hands it on or uses it itself.
 * Everything else (CHUNKING, AUTH …) is passed over, and so is never offered to a client.
 */
import type { ReceivedReply } from '../wire/smtp-reply.ts'

/** Those that a client may use through us; what each allows is in relay-envelope.ts. */
export const RELAYED_EXTENSIONS = ['SIZE', '8BITMIME', 'SMTPUTF8', 'DSN', 'REQUIRETLS', 'ENHANCEDSTATUSCODES'] as const
export type RelayedExtension = (typeof RELAYED_EXTENSIONS)[number]

export interface NextHopCapabilities {
  readonly extensions: ReadonlySet<RelayedExtension>
  /** Octets; null where SIZE names no limit, or is not offered. */
  readonly maxSize: number | null
  readonly startTls: boolean
  /** The attributes that XCLIENT may carry; empty where it is not offered to us. */
  readonly xclient: ReadonlySet<string>
}

export const NO_CAPABILITIES: NextHopCapabilities = { extensions: new Set(), maxSize: null, startTls: false, xclient: new Set() }

/** The first line is the server's name. */
export function readCapabilities({ lines }: Pick<ReceivedReply, 'lines'>): NextHopCapabilities {
  const offered = new Map<string, readonly string[]>()
  for (const line of lines.slice(1)) {
    const [keyword = '', ...parameters] = line
      .trim()
      .toUpperCase()
      .split(/[ \t]+/)
    if (!offered.has(keyword)) offered.set(keyword, parameters)
  }
  const [size = ''] = offered.get('SIZE') ?? []
  return {
    extensions: new Set(RELAYED_EXTENSIONS.filter((keyword) => offered.has(keyword))),
    // RFC 1870 §4: zero stands for no fixed limit.
    maxSize: /^[0-9]{1,15}$/.test(size) && Number(size) > 0 ? Number(size) : null,
    startTls: offered.has('STARTTLS'),
    xclient: new Set(offered.get('XCLIENT')),
  }
}
