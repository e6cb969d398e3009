/**
 * A resolver over a table, for tests that need no wire: each question gives its outcome, a sequence of outcomes, or waits until
 * the test lets it go. A question that is not in the table is NXDOMAIN.
 */
import { parseAddress, type IpAddress } from '../../src/core/address.ts'
import { canonicalName, name, type DomainName } from '../../src/core/domain-name.ts'
import type { Alias, DnsOutcome, Question, RecordType, ResolveOptions, Resolver, ResourceRecord } from '../../src/dns/resolver.ts'

export type Answer = DnsOutcome | readonly DnsOutcome[] | 'never' | (() => DnsOutcome | Promise<DnsOutcome>)

export interface FakeResolver extends Resolver {
  /** `TYPE name` of each question in the order in which they were asked. */
  readonly asked: readonly string[]
  readonly options: readonly (ResolveOptions | undefined)[]
}

/** Keys read like a zone: `PTR 7.100.51.198.in-addr.arpa`. */
export function fakeResolver(table: Readonly<Record<string, Answer>>): FakeResolver {
  const answers = new Map(Object.entries(table).map(([key, answer]) => [key.toLowerCase(), answer]))
  const turns = new Map<string, number>()
  const asked: string[] = []
  const allOptions: (ResolveOptions | undefined)[] = []
  return {
    asked,
    options: allOptions,
    async resolve(question: Question, options?: ResolveOptions): Promise<DnsOutcome> {
      if (options?.takeQuery?.() === false) return { kind: 'overBudget' }
      const key = `${question.type} ${canonicalName(question.name)}`
      asked.push(key)
      allOptions.push(options)
      const answer = answers.get(key.toLowerCase())
      if (answer === undefined) return nxdomain()
      if (answer === 'never') return new Promise<DnsOutcome>(() => undefined)
      if (typeof answer === 'function') return answer()
      if (!isSequence(answer)) return answer
      const turn = turns.get(key) ?? 0
      turns.set(key, turn + 1)
      return answer[Math.min(turn, answer.length - 1)] ?? nxdomain()
    },
  }
}

/** A promise with its handle outside: the test decides when the answer comes. */
export function deferred<T>(): { promise: Promise<T>; settle: (value: T) => void } {
  let settle: (value: T) => void = () => undefined
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return { promise, settle }
}

export interface AnswerOptions {
  readonly ttl?: number
  readonly authenticated?: boolean
  readonly aliases?: readonly Alias[]
}

export function ptr(targets: readonly string[], options: AnswerOptions = {}): DnsOutcome {
  return records('PTR', targets, options)
}

export function addresses(texts: readonly string[], options: AnswerOptions = {}): DnsOutcome {
  return records(texts[0]?.includes(':') === true ? 'AAAA' : 'A', texts, options)
}

export function nodata(options: AnswerOptions = {}): DnsOutcome {
  return { kind: 'nodata', ...answered(options) }
}

export function nxdomain(options: AnswerOptions = {}): DnsOutcome {
  return { kind: 'nxdomain', ...answered(options) }
}

/** The last step's target is left unresolved. */
export function aliasOutcome(steps: readonly Alias[], options: AnswerOptions = {}): DnsOutcome {
  const target = steps.at(-1)?.target ?? name('no.target.example')
  return { kind: 'alias', target, ...answered({ ...options, aliases: steps }) }
}

/** `chain('a.example', 'b.example', 'c.example')`: a → b → c. */
export function chain(...names: readonly string[]): Alias[] {
  return names.slice(1).map((target, index) => ({ name: name(names[index] ?? ''), target: name(target), ttl: 300 }))
}

export function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed) throw new TypeError(`not an address: ${text}`)
  return parsed
}

function records(type: Extract<RecordType, 'PTR' | 'A' | 'AAAA'>, values: readonly string[], options: AnswerOptions): DnsOutcome {
  const common = answered(options)
  const owner: DomainName = common.aliases.at(-1)?.target ?? name('owner.example')
  const all = values.map((value): ResourceRecord =>
    type === 'PTR'
      ? { type, name: owner, ttl: common.ttl, target: name(value) }
      : { type, name: owner, ttl: common.ttl, address: address(value) },
  )
  return { kind: 'records', records: all, ...common }
}

function answered({ ttl = 3600, authenticated = false, aliases = [] }: AnswerOptions): {
  ttl: number
  authenticated: boolean
  aliases: readonly Alias[]
} {
  return { ttl, authenticated, aliases }
}

function isSequence(answer: DnsOutcome | readonly DnsOutcome[]): answer is readonly DnsOutcome[] {
  return Array.isArray(answer)
}
