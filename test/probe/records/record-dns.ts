/** A zone served over real sockets and a resolver that asks it, for the lookups of records. No cache: every question is counted. */
import type { Authority, AuthorityOptions, DnsFault } from '../../../src/dns/authority.ts'
import { createResolver, type ResolverHandle } from '../../../src/dns/create-resolver.ts'
import { startTestDns } from '../../support/zone.ts'

export interface RecordDns extends AsyncDisposable {
  readonly dns: Authority
  readonly resolver: ResolverHandle
  /** `TYPE name` of each question so far, lower case. */
  asked(): readonly string[]
}

export async function startRecordDns(zone: string, faults: readonly DnsFault[] = [], options: AuthorityOptions = {}): Promise<RecordDns> {
  const dns = await startTestDns(zone, faults, options)
  // Only what is meant to run into the timeout waits for it: a busy machine must not.
  const timeoutMs = faults.some(({ effect }) => effect.kind === 'silence') ? 200 : 10_000
  const resolver = createResolver({ servers: [dns.server], timeoutMs, attempts: 1, cache: false })
  return {
    dns,
    resolver,
    asked: () => dns.queries.map(({ type, name }) => `${type} ${name.toLowerCase()}`),
    async [Symbol.asyncDispose]() {
      await resolver.close()
      await dns.close()
    },
  }
}

/** A TXT record as a line of a zone file, in strings of at most 255 octets. */
export function txt(name: string, text: string): string {
  const strings = text.match(/[^]{1,250}/g) ?? ['']
  return `${name} TXT ${strings.map((piece) => `"${piece.replace(/["\\]/g, '\\$&')}"`).join(' ')}`
}

/** What each kind of trouble looks like to a client. */
export const TROUBLES: readonly (readonly [what: string, effect: DnsFault['effect'], trouble: string])[] = [
  ['SERVFAIL', { kind: 'rcode', rcode: 'SERVFAIL' }, 'servfail'],
  ['REFUSED', { kind: 'rcode', rcode: 'REFUSED' }, 'refused'],
  ['silence', { kind: 'silence' }, 'timeout'],
  ['cut off answers', { kind: 'malformed', as: 'cut' }, 'malformed'],
]
