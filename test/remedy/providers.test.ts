import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseProviders, ProvidersError } from '../../src/remedy/providers.ts'

const FILE = 'config/providers.yaml'
const TEXT = readFileSync(new URL('../../config/providers.yaml', import.meta.url), 'utf8')
const ONE = `providers:
  - id: acme
    name: Acme Hosting
    setBy: you
    forwardFirst: true
    recognition: seen
    steps:
      - step: Set the PTR.
        command: acme rdns {ip} {name}
    verified: documented
    sources: [https://acme.example/rdns]
`

const problemsOf = (text: string): string => {
  try {
    parseProviders(text, FILE)
  } catch (error) {
    if (error instanceof ProvidersError) return error.message
    throw error
  }
  return 'no problem'
}

describe('parseProviders', () => {
  it('reads an entry and fills in what may be left out', () => {
    expect(parseProviders(ONE, FILE)).toEqual([
      {
        id: 'acme',
        name: 'Acme Hosting',
        setBy: 'you',
        forwardFirst: true,
        ptrNames: [],
        nameservers: [],
        recognition: 'seen',
        steps: [{ step: 'Set the PTR.', command: 'acme rdns {ip} {name}' }],
        notes: [],
        verified: 'documented',
        sources: ['https://acme.example/rdns'],
      },
    ])
  })

  it.each([
    ['an unknown key', ONE.replace('forwardFirst', 'forwardfirst'), `${FILE}:5: providers.1.forwardfirst: is no known key`],
    ['a missing key', ONE.replace('    setBy: you\n', ''), `${FILE}:2: providers.1.setBy: `],
    ['a bad choice', ONE.replace('setBy: you', 'setBy: me'), `${FILE}:4: providers.1.setBy: `],
    ['an unknown placeholder', ONE.replace('{name}', '{host}'), `${FILE}:9: providers.1.steps.1.command: may hold only`],
    [
      'a bad nameserver',
      ONE.replace('recognition', 'nameservers: [NS1.acme]\n    recognition'),
      `${FILE}:6: providers.1.nameservers.1: must be`,
    ],
    [
      'a bad PTR token',
      ONE.replace('recognition', "ptrNames: ['{e}.acme.example']\n    recognition"),
      `${FILE}:6: providers.1.ptrNames.1: may hold only`,
    ],
    ['a source without TLS', ONE.replace('https:', 'http:'), `${FILE}:11: providers.1.sources.1: `],
    [
      'a step with a control character',
      ONE.replace('Set the PTR.', '"Set\\ethe PTR."'),
      `${FILE}:8: providers.1.steps.1.step: must be one line`,
    ],
    ['the same id twice', ONE + ONE.replace('providers:\n', ''), `${FILE}:12: providers.2.id: acme stands here twice`],
    ['no list', 'providers: 3\n', `${FILE}:1: providers: `],
    ['an empty file', '', `${FILE}:1: `],
    ['broken YAML', ONE.replace('sources: [', 'sources: [['), `${FILE}:`],
  ])('%s → file, line and key', (_, text, start) => {
    const problems = problemsOf(text)
    expect(problems.slice(0, start.length)).toBe(start)
    expect(problems.split('\n').length).toBeLessThanOrEqual(20)
  })

  it('names several mistakes at once', () => {
    expect(problemsOf(ONE.replace('setBy: you', 'setBy: me').replace('seen', 'heard')).split('\n')).toHaveLength(2)
  })
})

describe('config/providers.yaml', () => {
  const providers = parseProviders(TEXT, FILE)

  it('knows every provider that the generic-name detection knows, and more', () => {
    const known = [
      'aws',
      'azure',
      'gcp',
      'digitalocean',
      'hetzner',
      'ovh',
      'linode',
      'vultr',
      'scaleway',
      'upcloud',
      'ionos',
      'oracle',
      'contabo',
    ]
    expect(providers.map(({ id }) => id)).toEqual(expect.arrayContaining(known))
  })

  it.each(providers.map((provider) => [provider.id, provider] as const))('%s has a step for each family', (_, { steps }) => {
    for (const family of ['ipv4', 'ipv6']) expect(steps.some(({ only }) => only === undefined || only === family)).toBe(true)
  })

  it.each(providers.map((provider) => [provider.id, provider] as const))(
    '%s names the address or the name in its last step',
    (_, { steps }) => {
      for (const family of ['ipv4', 'ipv6']) {
        const last = steps.findLast(({ only }) => only === undefined || only === family)
        expect(`${last?.step ?? ''} ${last?.command ?? ''}`).toMatch(/\{(?:name|fqdn)\}/)
      }
    },
  )
})
