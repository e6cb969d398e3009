/**
 * DANE for SMTP (RFC 7672 §2.2): the TLSA records of an MX host, and whether every answer on the way was authenticated. Records
 * that were not are told, and are of no use. Comparing them with a certificate is dane-match.ts.
 */
import { childName, sameName, type DomainName } from '../core/domain-name.ts'
import type { Alias } from '../dns/resolver.ts'
import { withinLimits, type Ask, type RecordLookupOptions, type Told, type Trouble } from './record-lookup.ts'

export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  /** Lower-case hexadecimal. */
  readonly data: string
  /** Null for a record that SMTP can use. */
  readonly problem: TlsaProblem | null
}

export type TlsaProblem =
  /** PKIX-TA and PKIX-EE (RFC 7672 §3.1.3), and what no RFC defines. */
  | 'badUsage'
  | 'badSelector'
  | 'badMatching'
  /** A digest that is shorter or longer than its kind, or no data. */
  | 'badLength'

/** Whose answer was not authenticated. */
export type DaneStep = 'addressRecords' | 'aliasRecords' | 'tlsaRecords'

export type DaneAnswer =
  /** Authenticated all the way; at least one of them may still be unusable. */
  | { readonly kind: 'records'; readonly owner: DomainName; readonly records: readonly TlsaRecord[]; readonly truncated: boolean }
  | { readonly kind: 'absent' }
  /** DANE cannot be used; `published`: how many TLSA records are there for nothing, null where it could not be told. */
  | { readonly kind: 'insecure'; readonly step: DaneStep; readonly published: number | null }
  /** AD from this resolver means nothing. */
  | { readonly kind: 'untrusted'; readonly published: number | null }
  | { readonly kind: 'noAddress' }
  /** Senders with DANE then keep the mail back (§2.1.2, §2.2). */
  | { readonly kind: 'unknown'; readonly question: string; readonly trouble: Trouble }

export interface DaneFacts {
  readonly kind: 'dane'
  readonly exchange: DomainName
  readonly port: number
  /** Whether the MX records that lead here were authenticated: otherwise a forged MX gets around DANE. */
  readonly mx: 'authenticated' | 'insecure' | 'notAsked' | 'unknown'
  readonly answer: DaneAnswer
}

export interface DaneOptions extends RecordLookupOptions {
  /** Whether AD from this resolver may be believed: a validating one over a trusted path. */
  readonly trustAuthenticated: boolean
  /** 25 unless given. */
  readonly port?: number | undefined
}

const LIMITS = { deadlineMs: 10_000, maxQueries: 40 }
const MAX_RECORDS = 50
const MAX_DATA_OCTETS = 8192

/** `domain`: whose MX the host is; null for a host that was named by itself. */
export function lookupDane(exchange: DomainName, domain: DomainName | null, options: DaneOptions): Promise<DaneFacts> {
  const port = options.port ?? SMTP_PORT
  return withinLimits(options, LIMITS, async (ask) => {
    const [mx, answer] = await Promise.all([askMx(domain, options, ask), askHost(exchange, port, options, ask)])
    return { kind: 'dane', exchange, port, mx, answer }
  })
}

const SMTP_PORT = 25

async function askMx(domain: DomainName | null, { trustAuthenticated }: DaneOptions, ask: Ask): Promise<DaneFacts['mx']> {
  if (domain === null) return 'notAsked'
  const told = await ask(domain, 'MX')
  if (told.kind === 'trouble') return 'unknown'
  return trustAuthenticated && told.authenticated ? 'authenticated' : 'insecure'
}

async function askHost(exchange: DomainName, port: number, { trustAuthenticated }: DaneOptions, ask: Ask): Promise<DaneAnswer> {
  const [v4, v6] = await Promise.all([ask(exchange, 'A'), ask(exchange, 'AAAA')])
  if (v4.kind !== 'records' && v6.kind !== 'records') {
    if (v4.kind === 'trouble') return unknown('A', exchange, v4.trouble)
    return v6.kind === 'trouble' ? unknown('AAAA', exchange, v6.trouble) : { kind: 'noAddress' }
  }
  const told = [v4, v6].filter((answer) => answer.kind !== 'trouble')
  const aliases = told.find((answer) => answer.aliases.length > 0)?.aliases ?? []
  if (!trustAuthenticated) return { kind: 'untrusted', published: await countPublished(exchange, aliases, port, ask) }
  if (told.every((answer) => answer.authenticated)) return askTlsa(bases(exchange, aliases), port, ask)
  // §2.2.2: an alias in a signed zone may lead out of it; records at the alias itself then still count.
  const isAliasSecure = aliases.length > 0 && (await isAuthenticatedAlias(exchange, ask))
  if (isAliasSecure) return askTlsa([exchange], port, ask)
  const step = aliases.length > 0 ? 'aliasRecords' : 'addressRecords'
  return { kind: 'insecure', step, published: await countPublished(exchange, aliases, port, ask) }
}

async function isAuthenticatedAlias(exchange: DomainName, ask: Ask): Promise<boolean> {
  const told = await ask(exchange, 'CNAME')
  return told.kind === 'records' && told.authenticated
}

/** §2.2.3: first where the aliases lead to, then the name itself. */
function bases(exchange: DomainName, aliases: readonly Alias[]): readonly DomainName[] {
  const target = aliases.at(-1)?.target
  return target === undefined || sameName(target, exchange) ? [exchange] : [target, exchange]
}

async function askTlsa(owners: readonly DomainName[], port: number, ask: Ask): Promise<DaneAnswer> {
  for (const owner of owners) {
    const told = await askTlsaOf(owner, port, ask)
    if (told === undefined) continue
    if (told.kind === 'trouble') return unknown('TLSA', owner, told.trouble)
    if (told.kind !== 'records') continue
    const records = told.records.flatMap((record) => (record.type === 'TLSA' ? [record] : []))
    if (!told.authenticated) return { kind: 'insecure', step: 'tlsaRecords', published: records.length }
    const kept = records.slice(0, MAX_RECORDS).map(({ usage, selector, matching, data }) => tlsaRecord(usage, selector, matching, data))
    return { kind: 'records', owner, records: kept, truncated: records.length > kept.length }
  }
  return { kind: 'absent' }
}

/** Undefined where the host's name leaves no room for the port's labels. */
function askTlsaOf(owner: DomainName, port: number, ask: Ask): Promise<Told> | undefined {
  if (owner.length > MAX_OWNER_LENGTH) return undefined
  return ask(childName(`_${String(port)}`, childName('_tcp', owner)), 'TLSA')
}

const MAX_OWNER_LENGTH = 253 - '_65535._tcp.'.length

async function countPublished(exchange: DomainName, aliases: readonly Alias[], port: number, ask: Ask): Promise<number | null> {
  for (const owner of bases(exchange, aliases)) {
    const told = await askTlsaOf(owner, port, ask)
    if (told?.kind === 'trouble') return null
    if (told?.kind === 'records') return told.records.length
  }
  return 0
}

function unknown(type: string, name: DomainName, trouble: Trouble): DaneAnswer {
  return { kind: 'unknown', question: `${type} ${name}`, trouble }
}

/** RFC 6698 §2.1 and RFC 7672 §3.1. */
export function tlsaRecord(usage: number, selector: number, matching: number, data: string): TlsaRecord {
  return { usage, selector, matching, data, problem: problemOf(usage, selector, matching, data) }
}

function problemOf(usage: number, selector: number, matching: number, data: string): TlsaProblem | null {
  if (usage !== 2 && usage !== 3) return 'badUsage'
  if (selector !== 0 && selector !== 1) return 'badSelector'
  const octets = data.length / 2
  switch (matching) {
    case 0:
      return octets === 0 || octets > MAX_DATA_OCTETS ? 'badLength' : null
    case 1:
      return octets === 32 ? null : 'badLength'
    case 2:
      return octets === 64 ? null : 'badLength'
    default:
      return 'badMatching'
  }
}
