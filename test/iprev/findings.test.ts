import { describe, expect, it } from 'vitest'
import type { Finding } from '../../src/findings/catalogue.ts'
import type { IprevSettings } from '../../src/iprev/facts.ts'
import { iprevFindings } from '../../src/iprev/findings.ts'
import { lookupIprev } from '../../src/iprev/lookup.ts'
import { address, addresses, chain, fakeResolver, nodata, nxdomain, ptr, type Answer } from '../support/fake-resolver.ts'

const ip = '198.51.100.7'
const reverseName = '7.100.51.198.in-addr.arpa'
const REVERSE = `PTR ${reverseName}`
const here = addresses([ip])

async function findingsOf(table: Record<string, Answer>, settings: Partial<IprevSettings> = {}, client = ip): Promise<Finding[]> {
  return iprevFindings(await lookupIprev(address(client), { resolver: fakeResolver(table), settings }), settings)
}

async function codesOf(table: Record<string, Answer>, settings: Partial<IprevSettings> = {}): Promise<string[]> {
  return (await findingsOf(table, settings)).map(({ code, level }) => `${code} ${level}`)
}

describe('iprevFindings', () => {
  it('a pass', async () => {
    expect(await findingsOf({ [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': here })).toEqual([
      { code: 'FCRDNS_CONFIRMED', level: 'info', args: { ip, confirmedName: 'mail.example.com' } },
    ])
  })

  it.each([
    [nxdomain(), { code: 'PTR_MISSING', level: 'error', args: { ip, reverseName, cause: 'noReverseName' } }],
    [nodata(), { code: 'PTR_MISSING', level: 'error', args: { ip, reverseName, cause: 'noPtrRecord' } }],
    [
      { kind: 'aliasLoop', aliases: chain(reverseName, 'b.example', reverseName) },
      { code: 'PTR_ALIAS_LOOP', level: 'error', args: { ip, reverseName, chain: [reverseName, 'b.example', reverseName] } },
    ],
    [
      nxdomain({ aliases: chain(reverseName, 'b.example', 'c.example') }),
      { code: 'PTR_ALIAS_DANGLING', level: 'error', args: { ip, reverseName, target: 'c.example' } },
    ],
    [
      { kind: 'aliasTooDeep', aliases: chain(reverseName, 'b.example') },
      { code: 'PTR_ALIAS_TOO_DEEP', level: 'error', args: { ip, reverseName, depth: 8 } },
    ],
    [{ kind: 'servfail' }, { code: 'PTR_UNKNOWN', level: 'inconclusive', args: { ip, reverseName, outcome: 'servfail' } }],
    [{ kind: 'refused' }, { code: 'PTR_UNKNOWN', level: 'inconclusive', args: { ip, reverseName, outcome: 'refused' } }],
    [{ kind: 'timeout' }, { code: 'PTR_UNKNOWN', level: 'inconclusive', args: { ip, reverseName, outcome: 'timeout' } }],
    [
      { kind: 'malformed', detail: '' },
      { code: 'PTR_UNKNOWN', level: 'inconclusive', args: { ip, reverseName, outcome: 'malformed' } },
    ],
  ] as const)('the PTR question alone: $1.code for $0.kind', async (outcome, expected) => {
    expect(await findingsOf({ [REVERSE]: outcome })).toEqual([expected])
  })

  it.each([
    [addresses(['198.51.100.8', '198.51.100.9']), 'FORWARD_ELSEWHERE', { addresses: ['198.51.100.8', '198.51.100.9'] }],
    [nxdomain(), 'FORWARD_NXDOMAIN', {}],
    [nodata(), 'FORWARD_NO_ADDRESS', { recordType: 'A' }],
    [{ kind: 'aliasLoop', aliases: [] }, 'FORWARD_ALIAS_BROKEN', { cause: 'aliasLoop' }],
    [{ kind: 'aliasTooDeep', aliases: [] }, 'FORWARD_ALIAS_BROKEN', { cause: 'aliasTooDeep' }],
  ] as const)('a fail names the mismatch and its cause: $1', async (outcome, code, args) => {
    expect(await findingsOf({ [REVERSE]: ptr(['mail.example.com']), 'A mail.example.com': outcome })).toEqual([
      { code: 'FCRDNS_MISMATCH', level: 'error', args: { ip, ptrNames: ['mail.example.com'] } },
      { code, level: 'notice', args: { ip, ptrName: 'mail.example.com', ...args } },
    ])
  })

  it('an IPv6 address without AAAA is told that AAAA is missing', async () => {
    const table = {
      'PTR 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa': ptr(['mail.example.com']),
      'AAAA mail.example.com': nodata(),
    }
    expect(await findingsOf(table, {}, '2001:db8:51::7')).toMatchObject([
      { code: 'FCRDNS_MISMATCH' },
      { code: 'FORWARD_NO_ADDRESS', args: { recordType: 'AAAA', ip: '2001:db8:51::7' } },
    ])
  })

  it('names that cannot confirm', async () => {
    expect(await findingsOf({ [REVERSE]: ptr(['localhost', 'a\\.b.example']) })).toMatchObject([
      { code: 'FCRDNS_MISMATCH', args: { ptrNames: ['a\\.b.example', 'localhost'] } },
      { code: 'PTR_MULTIPLE', args: { count: 2 } },
      { code: 'PTR_NOT_HOST_NAME', level: 'warning', args: { ptrName: 'a\\.b.example' } },
      { code: 'PTR_SINGLE_LABEL', level: 'warning', args: { ptrName: 'localhost' } },
    ])
  })

  it('a delegation that works is worth knowing, and no trouble', async () => {
    const aliases = chain(reverseName, '7.0-15.100.51.198.in-addr.arpa')
    expect(await findingsOf({ [REVERSE]: ptr(['mail.example.com'], { aliases }), 'A mail.example.com': here })).toMatchObject([
      { code: 'FCRDNS_CONFIRMED' },
      { code: 'PTR_DELEGATED', level: 'info', args: { reverseName, target: '7.0-15.100.51.198.in-addr.arpa' } },
    ])
  })

  it('many names: how many, and how many were looked up', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `mail${String(index + 10)}.example.com`)
    const findings = await findingsOf({ [REVERSE]: ptr(names), 'A mail10.example.com': here })
    expect(findings.slice(0, 3)).toMatchObject([
      { code: 'FCRDNS_CONFIRMED' },
      { code: 'PTR_MULTIPLE', args: { ip, count: 12 } },
      { code: 'PTR_TRUNCATED', args: { ip, count: 12, kept: 10 } },
    ])
  })

  it('a name that could not be told makes the whole inconclusive, unless another one passed', async () => {
    const table = { [REVERSE]: ptr(['a.example.com', 'b.example.com']), 'A a.example.com': { kind: 'servfail' } } as const
    expect(await codesOf({ ...table, 'A b.example.com': nxdomain() })).toEqual([
      'PTR_MULTIPLE notice',
      'FORWARD_UNKNOWN inconclusive',
      'FORWARD_NXDOMAIN notice',
    ])
    expect(await codesOf({ ...table, 'A b.example.com': here })).toEqual([
      'FCRDNS_CONFIRMED info',
      'PTR_MULTIPLE notice',
      'FORWARD_UNKNOWN notice',
    ])
  })

  it('the query cap is named once, with the setting that was hit', async () => {
    const table = { [REVERSE]: ptr(['a.example.com', 'b.example.com']), 'A a.example.com': here }
    expect(await findingsOf(table, { maxQueries: 1 })).toMatchObject([
      { code: 'IPREV_QUERY_CAP', level: 'inconclusive', args: { ip, maxQueries: 1 } },
      { code: 'PTR_MULTIPLE' },
      { code: 'FORWARD_UNKNOWN', level: 'inconclusive', args: { outcome: 'queryCap' } },
      { code: 'FORWARD_UNKNOWN', level: 'inconclusive' },
    ])
    expect(await codesOf(table, { maxQueries: 2 })).toEqual([
      'FCRDNS_CONFIRMED info',
      'IPREV_QUERY_CAP notice',
      'PTR_MULTIPLE notice',
      'FORWARD_UNKNOWN notice',
    ])
    expect(await codesOf(table, { maxQueries: 0 })).toEqual(['PTR_UNKNOWN inconclusive', 'IPREV_QUERY_CAP inconclusive'])
  })

  it('the deadline and an interruption are named', async () => {
    const facts = await lookupIprev(address(ip), {
      resolver: fakeResolver({ [REVERSE]: 'never' }),
      settings: { deadlineMs: 250 },
      startTimer: (_, callback) => {
        queueMicrotask(callback)
        return () => undefined
      },
    })
    expect(iprevFindings(facts, { deadlineMs: 250 })).toMatchObject([
      { code: 'PTR_UNKNOWN', args: { outcome: 'deadline' } },
      { code: 'IPREV_DEADLINE', level: 'inconclusive', args: { ip, deadlineMs: 250 } },
    ])
    const aborted = await lookupIprev(address(ip), { resolver: fakeResolver({}), signal: AbortSignal.abort() })
    expect(iprevFindings(aborted)).toMatchObject([{ code: 'PTR_UNKNOWN' }, { code: 'IPREV_ABORTED', level: 'inconclusive' }])
  })
})
