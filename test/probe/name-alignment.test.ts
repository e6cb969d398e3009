import { describe, expect, it } from 'vitest'
import { name } from '../../src/core/domain-name.ts'
import { alignmentFindings, alignmentMatrix, type AlignmentInput, type Layer } from '../../src/probe/name-alignment.ts'
import { sessionFacts, tlsFacts } from './session-facts-example.ts'

const IP = '198.51.100.7'
const MX = name('mx.example.org')

function matrix(changes: Partial<AlignmentInput>) {
  return alignmentMatrix({ ip: IP, ptrNames: [MX], confirmedName: MX, session: sessionFacts(), exchange: MX, ...changes })
}

function pair(changes: Partial<AlignmentInput>, left: Layer, right: Layer): string {
  const found = matrix(changes).pairs.find((candidate) => candidate.left === left && candidate.right === right)
  return found ? `${found.alignment}${found.objection === null ? '' : `, ${found.objection}`}` : 'no such pair'
}

describe('the alignment matrix', () => {
  it('holds each pair of layers once', () => {
    const { pairs } = matrix({})
    expect(pairs).toHaveLength(21)
    expect(new Set(pairs.map(({ left, right }) => [left, right].sort().join())).size).toBe(21)
  })

  it.each<[string, Partial<AlignmentInput>, Layer, Layer, string]>([
    ['the same name', {}, 'ptr', 'banner', 'equal'],
    ['the same name in another case', { session: sessionFacts({ ehloName: 'MX.Example.ORG' }) }, 'confirmed', 'ehlo', 'equal'],
    [
      'another host of the organisation',
      { session: sessionFacts({ ehloName: 'out.example.org' }) },
      'confirmed',
      'ehlo',
      'sameOrganisation, taste',
    ],
    [
      'another organisation in EHLO',
      { session: sessionFacts({ ehloName: 'mx.example.net' }) },
      'confirmed',
      'ehlo',
      'different, receivers',
    ],
    [
      'another organisation in the greeting',
      { session: sessionFacts({ bannerName: 'mx.example.net' }) },
      'ptr',
      'banner',
      'different, taste',
    ],
    ['no PTR', { ptrNames: [], confirmedName: null }, 'ptr', 'ehlo', 'unknown'],
    ['a PTR that could not be told', { ptrNames: null, confirmedName: null }, 'ptr', 'ehlo', 'unknown'],
    ['a PTR name that is not confirmed', { confirmedName: null }, 'ptr', 'confirmed', 'unknown'],
    ['one of several PTR names', { ptrNames: [name('other.example.net'), MX] }, 'ptr', 'banner', 'equal'],
    [
      'a certificate for the MX name',
      { session: sessionFacts({ tls: tlsFacts({ dnsNames: ['mx.example.org'] }) }) },
      'certificate',
      'mx',
      'equal',
    ],
    [
      'a wildcard for one label',
      { session: sessionFacts({ tls: tlsFacts({ dnsNames: ['*.example.org'] }) }) },
      'certificate',
      'mx',
      'equal',
    ],
    ['a wildcard of another level', { session: sessionFacts({ tls: tlsFacts({ dnsNames: ['*.org'] }) }) }, 'certificate', 'mx', 'unknown'],
    [
      'a certificate for another name',
      { session: sessionFacts({ tls: tlsFacts({ dnsNames: ['www.example.net'] }) }) },
      'certificate',
      'mx',
      'different, rfc',
    ],
    ['no conversation', { session: null }, 'banner', 'ehlo', 'unknown'],
    ['no MX', { exchange: null }, 'certificate', 'mx', 'unknown'],
  ])('%s', (_, changes, left, right, expected) => {
    expect(pair(changes, left, right)).toBe(expected)
  })

  it.each<[string, Partial<AlignmentInput>, readonly string[]]>([
    ['all the same', {}, ['NAMES_ALIGNED']],
    ['two names in one server', { session: sessionFacts({ bannerName: 'localhost' }) }, ['BANNER_DIFFERS']],
    ['another name under TLS', { session: sessionFacts({ nameUnderTls: 'proxy.example.org' }) }, ['BANNER_DIFFERS', 'EHLO_CHANGES']],
    ['one name, not confirmed', { confirmedName: null }, []],
    ['no conversation', { session: null }, []],
  ])('finds %s', (_, changes, expected) => {
    expect(alignmentFindings(matrix(changes), IP).map(({ code }) => code)).toEqual(expected)
  })
})
