/**
 * One thing that somebody has to do. All texts are printable ASCII: names in normal form, addresses in canonical text, never what a
 * client claimed. A command holds only host names and addresses, so nothing that a stranger published can reach a shell.
 */
import { isHostName, type DomainName } from '../core/domain-name.ts'
import type { RemedyChoice } from './helo-settings.ts'

/**
 * `you`: whoever runs the mail server. `dnsOperator`: whoever edits the named DNS zone. `provider`: whoever rents out the address.
 * `isp`: the operator of an access line.
 */
type RemedyActor = 'you' | 'dnsOperator' | 'provider' | 'isp'

export type RemedyKind = 'forward' | 'reverse' | 'cleanup' | 'helo' | 'relay' | 'target' | 'wait' | 'verify'

export interface RemedyStep {
  readonly kind: RemedyKind
  readonly who: RemedyActor
  readonly step: string
  /** In zone file syntax. */
  readonly record?: string
  readonly command?: string
  /** The same done in different programs: the reader takes his. */
  readonly choices?: readonly RemedyChoice[]
}

/** An hour: long enough for caches, short enough for a mistake. */
const RECORD_TTL = 3600

export function recordLine(owner: DomainName, type: 'A' | 'AAAA' | 'PTR' | 'MX', data: string): string {
  return `${owner}. ${String(RECORD_TTL)} IN ${type} ${data}`
}

/** At most this many names stand in a sentence. */
const MAX_LISTED = 3

export function listNames(names: readonly string[]): string {
  const rest = names.length - MAX_LISTED
  return names.slice(0, MAX_LISTED).join(', ') + (rest > 0 ? ` and ${String(rest)} more` : '')
}

/** Undefined where the name could be anything but a host name: it must not come near a shell then. */
export function safeInCommand(name: DomainName): DomainName | undefined {
  return isHostName(name) ? name : undefined
}
