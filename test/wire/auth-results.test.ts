import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AUTH_RESULTS_FIELD_NAME,
  formatAuthResults,
  isHeaderOf,
  MAX_AUTH_RESULTS_LENGTH,
  parseAuthResults,
  readAuthResults,
  type AuthProperty,
  type AuthResult,
  type AuthResults,
} from '../../src/wire/auth-results.ts'
import { BROKEN_CASES, LEGAL_CASES } from './auth-results.cases.ts'

describe('parseAuthResults', () => {
  it.each(LEGAL_CASES)('reads $name', ({ text, value }) => {
    expect(parseAuthResults(text)).toEqual({ kind: 'authResults', value })
  })

  it.each(BROKEN_CASES)('refuses $name', ({ text, error }) => {
    expect(parseAuthResults(text)).toEqual({ kind: 'error', ...error })
  })
})

describe('readAuthResults', () => {
  it.each(LEGAL_CASES)('has nothing to forgive in $name', ({ text, value }) => {
    expect(readAuthResults(text)).toEqual({ kind: 'authResults', value, deviations: [] })
  })

  it.each(BROKEN_CASES.filter(({ tolerated }) => tolerated !== null))('makes the best of $name', ({ text, tolerated }) => {
    const read = readAuthResults(text)
    if (read.kind === 'error') throw new Error(`gave up: ${read.reason}`)
    const id = read.value.authservId
    const formatted = formatAuthResults({ ...read.value, authservId: id ?? 'X' })
    expect({ formatted: id === null ? formatted.slice(1) : formatted, deviations: read.deviations.map(({ kind }) => kind) }).toEqual(
      tolerated,
    )
  })

  it.each(BROKEN_CASES.filter(({ tolerated }) => tolerated === null))('gives up on $name', ({ text, error }) => {
    expect(readAuthResults(text)).toEqual({ kind: 'error', ...error })
  })

  it('quotes at most 100 characters of what it forgave', () => {
    const read = readAuthResults(`example.org; ${'?'.repeat(500)}`)
    expect(read.kind === 'authResults' && read.deviations[0]?.text).toBe('?'.repeat(100))
  })
})

describe('formatAuthResults', () => {
  it.each(LEGAL_CASES)('writes $name', ({ text, value, formatted }) => {
    expect(formatAuthResults(value)).toBe(formatted ?? text)
  })

  it('starts each result that does not fit on a line of its own, and goes on at 78 columns', () => {
    const [gmail] = LEGAL_CASES.filter(({ name }) => name === 'Gmail')
    expect(gmail && formatAuthResults(gmail.value, { fold: true })).toBe(
      [
        'mx.google.com;',
        ' dkim=pass header.i=@example.net header.s=s1 header.b=Ab1cD2eF;',
        ' spf=pass (google.com: domain of a+b=example.org@mail.example.net designates',
        ' 192.0.2.7 as permitted sender)',
        ' smtp.mailfrom=a+b=example.org@mail.example.net;',
        ' dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.net',
      ].join('\r\n'),
    )
  })

  it('folds with LF for a milter', () => {
    const value: AuthResults = { authservId: 'x'.repeat(60), version: null, comment: null, results: [] }
    expect(formatAuthResults(value, { fold: true, lineEnd: '\n' })).toBe(`${'x'.repeat(60)};\n none`)
  })

  it('folds at column 78 and not before, the field name counted', () => {
    const longest = 78 - `${AUTH_RESULTS_FIELD_NAME}: ; none`.length
    const none = (length: number): AuthResults => ({ authservId: 'x'.repeat(length), version: null, comment: null, results: [] })
    expect(formatAuthResults(none(longest), { fold: true })).toBe(`${'x'.repeat(longest)}; none`)
    expect(formatAuthResults(none(longest + 1), { fold: true })).toBe(`${'x'.repeat(longest + 1)};\r\n none`)
  })

  it('leaves no folded line of white space only, however many spaces a comment has', () => {
    const spaces = ' '.repeat(120)
    const value: AuthResults = { authservId: 'x', version: null, comment: null, results: [{ ...RESULT, comment: `${spaces}a${spaces}b` }] }
    const folded = formatAuthResults(value, { fold: true })
    for (const line of folded.split('\r\n')) expect(line).toMatch(/^ ?[^ ]/)
    expect(parseAuthResults(folded)).toEqual({ kind: 'authResults', value })
  })

  it('cuts a value that no line could hold', () => {
    const written = formatAuthResults(withReason('"'.repeat(5000)))
    expect(written.length).toBeLessThan(900)
    expect(written).toMatch(/^x; spf=fail reason="(\\")+\.\.\."$/)
    const parsed = parseAuthResults(written)
    expect(parsed.kind).toBe('authResults')
  })

  it.each(['', 'a b', 'a;', 'spf=', 'x-', 'a\r\nb', 'x'.repeat(65), 'ü'])('throws on the method %j, which no peer can choose', (method) => {
    const value = { authservId: 'x', version: null, comment: null, results: [{ ...RESULT, method }] }
    expect(() => formatAuthResults(value)).toThrow(TypeError)
  })

  it.each([-1, 1.5, NaN, 1e9])('throws on the version %d', (version) => {
    expect(() => formatAuthResults({ authservId: 'x', version, comment: null, results: [] })).toThrow(TypeError)
  })
})

describe('isHeaderOf', () => {
  it.each([
    ['mx.example.org; spf=pass'],
    ['MX.Example.ORG; spf=pass'],
    ['mx.example.org 1; none'],
    ['mx.example.org.; spf=pass'],
    ['mx.example.org/4Qz1; dkim=pass'],
    ['"mx.example.org"; spf=pass'],
    ['"mx.\\example.org"; spf=pass'],
    ['(x (y) \\) z) mx.example.org; spf=pass'],
    [' \r\n\t(a)(b)\r\n mx.example.org(c);spf=pass'],
    ['Authentication-Results: mx.example.org; spf=pass'],
    ['\u0000mx.example.org; spf=pass'],
    ['mx.example.org\u0000; spf=pass'],
    ['mx.example.org'],
    ['mx.example.org=pass'],
    ['(never closed mx.example.org; spf=pass'],
    ['"never closed mx.example.org; spf=pass'],
    ['(\r\nmx.example.org; spf=pass'],
  ])('%j claims to be ours', (value) => {
    expect(isHeaderOf('mx.example.org', value)).toBe(true)
  })

  it.each([
    ['mx.example.org.evil.example; spf=pass'],
    ['amx.example.org; spf=pass'],
    ['other.example.org; spf=pass (mx.example.org)'],
    ['other.example.org; spf=pass smtp.helo=mx.example.org'],
    ['(mx.example.org) other.example.org; spf=pass'],
    ['spf=pass smtp.helo=mx.example.org'],
    ['"mx.example.org x"; spf=pass'],
    [''],
    ['; spf=pass'],
    ['(never closed'],
  ])('%j does not', (value) => {
    expect(isHeaderOf('mx.example.org', value)).toBe(false)
  })

  it('knows every header that we could have written', () => {
    fc.assert(
      fc.property(AUTH_RESULTS, fc.boolean(), (value, fold) =>
        isHeaderOf(value.authservId.toUpperCase(), formatAuthResults(value, { fold })),
      ),
      { numRuns: 300 },
    )
  })
})

const RESULT: AuthResult = { method: 'spf', methodVersion: null, result: 'fail', comment: null, reason: null, properties: [] }

function withReason(reason: string): AuthResults {
  return { authservId: 'x', version: null, comment: null, results: [{ ...RESULT, reason }] }
}

const PRINTABLE_TEXT = fc.string({ maxLength: 120, unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) })
const HOSTILE_TEXT = fc.oneof(
  fc.string({ maxLength: 1200, unit: 'binary' }),
  fc.string({
    maxLength: 1200,
    unit: fc.constantFrom('\r', '\n', '\0', '\x1b', '"', '(', ')', '\\', ';', ' ', '\t', '\u202e', '\u00fc', 'a'),
  }),
)
const KEYWORD = fc.stringMatching(/^[a-z0-9-]{0,20}[a-z0-9]$/)
const VERSION = fc.option(fc.integer({ min: 0, max: 999_999_999 }))

function authResultsOf(text: fc.Arbitrary<string>): fc.Arbitrary<AuthResults> {
  const properties: fc.Arbitrary<AuthProperty[]> = fc.array(
    fc.record({ ptype: KEYWORD, property: KEYWORD, value: text, comment: fc.option(text) }),
    { maxLength: 4 },
  )
  const result: fc.Arbitrary<AuthResult> = fc.record({
    method: KEYWORD,
    methodVersion: VERSION,
    result: KEYWORD,
    comment: fc.option(text),
    reason: fc.option(text),
    properties,
  })
  return fc.record({ authservId: text, version: VERSION, comment: fc.option(text), results: fc.array(result, { maxLength: 4 }) })
}

const AUTH_RESULTS = authResultsOf(PRINTABLE_TEXT)

describe('both directions', () => {
  it('reading gives back what was written, folded or not', () => {
    fc.assert(
      fc.property(AUTH_RESULTS, fc.boolean(), fc.constantFrom('\r\n', '\n'), (value, fold, lineEnd) => {
        expect(parseAuthResults(formatAuthResults(value, { fold, lineEnd }))).toEqual({ kind: 'authResults', value })
      }),
      { numRuns: 1000 },
    )
  })

  it('no text makes anything but printable ASCII in lines of 998 octets that each begin with white space', () => {
    fc.assert(
      fc.property(authResultsOf(HOSTILE_TEXT), (value) => {
        const written = `${AUTH_RESULTS_FIELD_NAME}: ${formatAuthResults(value, { fold: true })}`
        const lines = written.split('\r\n')
        for (const [index, line] of lines.entries()) {
          expect(line).toMatch(index === 0 ? /^Authentication-Results: [\x21-\x7e][\x20-\x7e]*$/ : /^ [\x21-\x7e][\x20-\x7e]*$/)
          expect(line.length).toBeLessThanOrEqual(998)
        }
        expect(formatAuthResults(value)).toMatch(/^[\x20-\x7e]*$/)
        const read = parseAuthResults(written)
        if (read.kind === 'error') throw new Error(`${read.reason} at ${String(read.offset)}: ${written}`)
        expect(read.value.results.map(({ method, result }) => [method, result])).toEqual(
          value.results.map(({ method, result }) => [method, result]),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('what was read strictly is read the same after it was written', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LEGAL_CASES), fc.boolean(), ({ value }, fold) => {
        const again = parseAuthResults(formatAuthResults(value, { fold }))
        if (again.kind === 'error') throw new Error(again.reason)
        expect(formatAuthResults(again.value)).toBe(formatAuthResults(value))
      }),
    )
  })
})

describe('hostile input', () => {
  const MUTATED = fc
    .tuple(
      fc.constantFrom(...LEGAL_CASES, ...BROKEN_CASES).filter(({ text }) => text.length < 1000),
      fc.nat(),
      fc.constantFrom('', '(', ')', '"', '\\', ';', '=', '.', '/', '@', ' ', '\r\n', '\r\n ', '\n', '\0', 'none', 'reason=', '\u202e'),
      fc.nat({ max: 3 }),
    )
    .map(([{ text }, place, insertion, removed]) => {
      const at = place % (text.length + 1)
      return text.slice(0, at) + insertion + text.slice(at + removed)
    })

  it('never throws, and what it accepts can be written and read again', () => {
    fc.assert(
      fc.property(fc.oneof(MUTATED, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        const read = parseAuthResults(text)
        if (read.kind === 'authResults') expect(parseAuthResults(formatAuthResults(read.value)).kind).toBe('authResults')
        else expect(read.offset).toBeLessThanOrEqual(text.length)
        const tolerant = readAuthResults(text)
        if (tolerant.kind === 'authResults') formatAuthResults({ ...tolerant.value, authservId: tolerant.value.authservId ?? '' })
        if (read.kind === 'authResults') expect(tolerant).toEqual({ ...read, deviations: [] })
        isHeaderOf('mx.example.org', text)
      }),
      { numRuns: 3000 },
    )
  })

  const repeated = (unit: string): string => unit.repeat(Math.floor((MAX_AUTH_RESULTS_LENGTH - 30) / unit.length))
  it.each([
    ['opening parentheses', `x; spf=pass ${repeated('(')}`],
    ['comments', `x; spf=pass ${repeated('(a)')}`],
    ['comments before the id', repeated('()')],
    ['quotes', `x; spf=pass ${repeated('"')}`],
    ['backslashes', `x; spf=pass (${repeated('\\')}`],
    ['semicolons', `x${repeated(';')}`],
    ['hyphens', `x; ${repeated('-')}`],
    ['results with hyphens', `x; ${repeated('-----------;')}`],
    ['underscores', `x; spf=pass ${repeated('_')}`],
    ['folds', `x;${repeated('\r\n ')}none`],
    ['none', `x;${repeated('none;')}`],
    ['dots in an address', `x; spf=pass a.b=${repeated('a.')}@x`],
    ['hyphens in a domain', `x; spf=pass a.b=@a${repeated('-')}`],
    ['quoted local part', `x; spf=pass a.b="${repeated('\\"')}`],
    ['properties', `x; spf=pass${repeated(' a.b=c')}`],
    ['stray strings', `x; ${repeated('?"";')}`],
    ['open strings', `x; ${repeated('?";')}`],
  ])('reads 64 KiB of %s in linear time', (_, text) => {
    // Linear takes a few milliseconds; quadratic would run into the time limit of the test.
    expect(['authResults', 'error']).toContain(parseAuthResults(text).kind)
    expect(readAuthResults(text)).toBeDefined()
    expect(isHeaderOf('mx.example.org', text)).toBeTypeOf('boolean')
  })
})
