/** What a person wants probed: `example.com`, `mx.example.com:587`, `198.51.100.7`, `[2001:db8::7]:25`. It asks no DNS. */
import { parseTarget, type Target } from '../engine/target.ts'

export interface ProbeTarget {
  /** As it was typed. */
  readonly text: string
  readonly target: Target
  /** Null where none was given. With one, a name is that of a host, and its MX is not asked for. */
  readonly port: number | null
}

export type ParsedProbeTarget =
  { readonly kind: 'target'; readonly target: ProbeTarget } | { readonly kind: 'error'; readonly reason: string }

export function parseProbeTarget(text: string): ParsedProbeTarget {
  const [, host = text, portText] = WITH_PORT.exec(text) ?? []
  const port = portText === undefined ? null : Number(portText)
  if (port !== null && (port < 1 || port > 65_535)) return { kind: 'error', reason: 'a port is a number from 1 to 65535' }
  const parsed = parseTarget(host)
  return parsed.kind === 'error' ? parsed : { kind: 'target', target: { text, target: parsed.target, port } }
}

/** An IPv6 address needs its brackets before a port. */
const WITH_PORT = /^(\[[^\]]*\]|[^:[\]]+):([0-9]{1,6})$/
