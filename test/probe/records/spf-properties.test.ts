import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import type { DnsOutcome, Question, Resolver } from '../../../src/dns/resolver.ts'
import { listSpfAddresses } from '../../../src/probe/spf-addresses.ts'
import { expandMacros, nameOfExpansion, parseDomainSpec, parseMacroString } from '../../../src/probe/spf-macro.ts'
import { parseSpf } from '../../../src/probe/spf-record.ts'
import { checkSpf } from '../../../src/probe/spf.ts'
import { anyAddress } from '../../support/arbitrary.ts'
import { address } from '../../support/fake-resolver.ts'

const VALUES = {
  address: address('198.51.100.7'),
  localPart: 'jack&jill=up',
  senderDomain: 'example.com',
  domain: 'example.com',
  helo: 'a b',
  validatedName: () => Promise.resolve('unknown'),
}

const anyDomainSpec = fc
  .array(
    fc.constantFrom('%{i}', '%{d2}', '%{p}', '%{h}', '%{lr-}', '%{S}', '%', '%%', 'a', 'x.example.com', '.', '..', '/', '-', '1', '\u00ff'),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(''))
const anyTerm = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '+', '-', '~', '?'),
      fc.constantFrom('include:', 'a:', 'mx:', 'ptr:', 'exists:', 'redirect=', 'exp=', 'moo='),
      fc.oneof(anyDomainSpec, fc.constantFrom('a.example', 'b.example', 'c.example')),
      fc.constantFrom('', '', '/24', '//64', '/24//64', '/99'),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('a', 'mx', 'ptr', 'all', '-all', 'ip4:198.51.100.0/24', 'ip6:2001:db8::/32', 'ip4:', ''),
  fc.string({ maxLength: 20 }),
)
const anyRecord = fc.array(anyTerm, { maxLength: 14 }).map((terms) => `v=spf1 ${terms.join(' ')}`)
/** Mostly records that parse, so that their terms are met. */
const anyText = fc.oneof(
  anyRecord,
  fc
    .array(
      fc.constantFrom(
        'include:a.example',
        'include:b.example',
        'a:a.example',
        'mx:b.example',
        'ptr',
        'exists:%{ir}.c.example',
        'mx',
        '?all',
      ),
      {
        maxLength: 14,
      },
    )
    .map((terms) => `v=spf1 ${terms.join(' ')}`),
)
const anyOutcomeKind = fc.constantFrom('records', 'records', 'records', 'nodata', 'nxdomain', 'servfail', 'timeout')

/** Answers everything from what was drawn, whatever is asked; the same question gets the same answer. */
function drawnResolver(texts: readonly string[], kinds: readonly string[]): Resolver & { count: () => number } {
  let count = 0
  const answers = new Map<string, DnsOutcome>()
  const answer = ({ name: owner, type }: Question): DnsOutcome => {
    const index = answers.size
    const common = { aliases: [], ttl: 60, authenticated: false }
    const kind = kinds[index % kinds.length]
    if (kind === 'servfail' || kind === 'timeout') return { kind }
    if (kind === 'nodata' || kind === 'nxdomain') return { kind, ...common }
    const record = { name: owner, ttl: 60 }
    switch (type) {
      case 'TXT':
        return { kind: 'records', records: [{ ...record, type, strings: [texts[index % texts.length] ?? ''] }], ...common }
      case 'MX':
        return {
          kind: 'records',
          records: Array.from({ length: 1 + (index % 12) }, (_, at) => ({
            ...record,
            type,
            preference: at,
            exchange: name(`m${String(at)}.example`),
          })),
          ...common,
        }
      case 'PTR':
        return {
          kind: 'records',
          records: Array.from({ length: 300 }, (_, at) => ({ ...record, type, target: name(`p${String(at)}.example`) })),
          ...common,
        }
      default:
        return { kind: 'records', records: [{ ...record, type: 'A', address: address('203.0.113.1') }], ...common }
    }
  }
  return {
    count: () => count,
    resolve(question, options) {
      if (options?.takeQuery?.() === false) return Promise.resolve({ kind: 'overBudget' })
      count++
      const key = `${question.type} ${question.name}`
      const outcome = answers.get(key) ?? answer(question)
      answers.set(key, outcome)
      return Promise.resolve(outcome)
    },
  }
}

describe('whatever the records say', () => {
  it('an evaluation ends with a result, within its limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyText, { minLength: 1, maxLength: 4 }),
        fc.array(anyOutcomeKind, { minLength: 1, maxLength: 12 }),
        anyAddress,
        fc.string({ maxLength: 30 }),
        async (texts, kinds, client, text) => {
          const resolver = drawnResolver(texts, kinds)
          const facts = await checkSpf({ address: client, domain: name('a.example'), claimedName: text, localPart: text }, { resolver })
          expect(facts.lookupTerms).toBeLessThanOrEqual(11)
          expect(facts.voidLookups).toBeLessThanOrEqual(3)
          // The record itself, ten terms of eleven questions, and one look at the reverse names.
          expect(resolver.count()).toBeLessThanOrEqual(1 + 10 * 11 + 11)
          if (facts.lookupTerms > 10 || facts.voidLookups > 2) expect(facts.result).toBe('permerror')
          if (facts.reason.kind === 'trouble') expect(facts.result).toBe('temperror')
          if (facts.result === 'temperror') expect(facts.reason.kind).toBe('trouble')
        },
      ),
      { numRuns: 400 },
    )
  })

  it('a list ends, within its limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyText, { minLength: 1, maxLength: 4 }),
        fc.array(anyOutcomeKind, { minLength: 1, maxLength: 12 }),
        async (texts, kinds) => {
          const resolver = drawnResolver(texts, kinds)
          const facts = await listSpfAddresses(name('a.example'), { resolver })
          expect(resolver.count()).toBeLessThanOrEqual(40)
          expect(facts.lookupTerms).toBeLessThanOrEqual(300)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('the parser gives terms or one fault within the record', () => {
    fc.assert(
      fc.property(fc.oneof(anyRecord, fc.string()), (text) => {
        const record = `v=spf1 ${text}`
        const parsed = parseSpf(record)
        if (parsed.kind === 'fault') {
          expect(parsed.fault.position).toBeGreaterThan(6)
          expect(parsed.fault.position).toBeLessThanOrEqual(record.length + 1)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['one endless label', `v=spf1 a:${'a'.repeat(65_000)}!`],
    ['one endless label of hyphens', `v=spf1 a:${'a-'.repeat(32_000)}!`],
    ['thousands of labels', `v=spf1 a:${'a.'.repeat(32_000)}com`],
    ['thousands of slashes', `v=spf1 a:${'/1'.repeat(32_000)}`],
    ['thousands of digits', `v=spf1 a/${'1'.repeat(65_000)}`],
    ['thousands of macros', `v=spf1 exists:${'%{s}'.repeat(16_000)}`],
    ['a macro with thousands of delimiters', `v=spf1 exists:%{i${'-'.repeat(65_000)}}.example.com`],
    ['thousands of terms', `v=spf1 ${'a '.repeat(32_000)}`],
  ])('%s is parsed at once', (_what, record) => {
    const before = process.cpuUsage()
    parseSpf(record)
    const { user } = process.cpuUsage(before)
    // A quadratic parser would take seconds of computing.
    expect(user / 1000).toBeLessThan(1000)
  })
})

describe('macros', () => {
  it.each([
    ['%{L}.example.com', 'jack%26jill%3Dup.example.com'],
    ['%{l}.example.com', 'jack&jill=up.example.com'],
    ['%{l=}.example.com', 'jack&jill.up.example.com'],
    ['%{lr=}.example.com', 'up.jack&jill.example.com'],
    ['%{l1=}.example.com', 'up.example.com'],
    ['%{l1=&}.example.com', undefined],
    ['%{D}', 'example.com'],
    ['%{I}', '198.51.100.7'],
    ['%{IR2}', undefined],
    ['%{i2R}', '51.198'],
    ['%{v}.%{p}', 'in-addr.unknown'],
    ['%{H}.example.com', 'a%20b.example.com'],
    ['a%%b.example.com', 'a%b.example.com'],
  ])('%s → %s', async (text, expanded) => {
    const parsed = parseDomainSpec(text)
    expect(parsed.kind === 'parts' ? await expandMacros(parsed.parts, VALUES) : undefined).toBe(expanded)
  })

  it('a long expansion loses whole labels on its left', () => {
    const expanded = `${'label.'.repeat(100)}example.com`
    const cut = nameOfExpansion(expanded) ?? ''
    expect(cut.length).toBeLessThanOrEqual(253)
    expect(cut.length).toBeGreaterThan(253 - 'label.'.length)
    expect(expanded.endsWith(`.${cut}`)).toBe(true)
  })

  it.each(['a..b', '.a', '', '.', 'x'.repeat(64), 'x'.repeat(300)])('%j makes no name', (text) => {
    expect(nameOfExpansion(text)).toBeUndefined()
  })

  it('octets stay octets: a backslash in a local part is no escape', () => {
    expect(nameOfExpansion('a\\.b.example')).toBe('a\\\\.b.example')
  })

  it('an empty macro string is one', () => {
    expect(parseMacroString('')).toEqual({ kind: 'parts', parts: [] })
  })
})
