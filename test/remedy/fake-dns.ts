/**
 * A resolver over a handful of declared nodes: enough DNS for the walk up to a zone cut. A name exists when a declared node is at or
 * below it; everything under a name in `failing` gets no answer.
 */
import { name, isWithin, sameName, type DomainName } from '../../src/core/domain-name.ts'
import type { Alias, DnsFailure, DnsOutcome, Question, Resolver } from '../../src/dns/resolver.ts'

export interface FakeDns {
  /** Zone apex → its nameservers. */
  readonly zones?: Readonly<Record<string, readonly string[]>>
  /** Names that exist without being a zone. */
  readonly nodes?: readonly string[]
  readonly aliases?: Readonly<Record<string, string>>
  readonly failing?: Readonly<Record<string, DnsFailure['kind']>>
}

export function fakeDns(dns: FakeDns): Resolver & { readonly asked: Question[] } {
  const asked: Question[] = []
  return {
    asked,
    resolve(question, options) {
      if (options?.takeQuery?.() === false) return Promise.resolve({ kind: 'overBudget' })
      asked.push(question)
      return Promise.resolve(answer(dns, question))
    },
  }
}

function answer(dns: FakeDns, question: Question): DnsOutcome {
  const aliases = followAliases(dns, question.name)
  const last = aliases.at(-1)
  if (last && aliases.some(({ name: visited }) => sameName(visited, last.target))) return { kind: 'aliasLoop', aliases }
  const owner = last?.target ?? question.name
  const common = { aliases, ttl: 300, authenticated: false }
  const failing = Object.entries(dns.failing ?? {}).find(([top]) => isWithin(owner, name(top)))
  if (failing) return failing[1] === 'malformed' ? { kind: 'malformed', detail: 'declared' } : { kind: failing[1] }
  const nameservers = Object.entries(dns.zones ?? {}).find(([apex]) => sameName(name(apex), owner))?.[1]
  if (nameservers && question.type === 'SOA') return { kind: 'records', ...common, records: [soa(owner)] }
  if (nameservers && question.type === 'NS' && nameservers.length > 0) {
    return {
      kind: 'records',
      ...common,
      records: nameservers.map((target) => ({ type: 'NS', name: owner, ttl: 300, target: name(target) })),
    }
  }
  const known = [...Object.keys(dns.zones ?? {}), ...(dns.nodes ?? []), ...Object.keys(dns.aliases ?? {})]
  return { kind: known.some((node) => isWithin(name(node), owner)) ? 'nodata' : 'nxdomain', ...common }
}

function followAliases(dns: FakeDns, start: DomainName): readonly Alias[] {
  const steps: Alias[] = []
  let current = start
  for (;;) {
    const target = Object.entries(dns.aliases ?? {}).find(([owner]) => sameName(name(owner), current))?.[1]
    if (target === undefined || steps.some((step) => sameName(step.name, current))) return steps
    steps.push({ name: current, target: name(target), ttl: 300 })
    current = name(target)
  }
}

const soa = (owner: DomainName) =>
  ({
    type: 'SOA',
    name: owner,
    ttl: 300,
    primary: name('ns1.isp.example'),
    mailbox: name('hostmaster.isp.example'),
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 1,
  }) as const
