import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configJsonSchema, configKeys, type ConfigKey } from '../../../src/app/config/config-keys.ts'
import { LISTENER_KINDS } from '../../../src/app/config/listener-schema.ts'
import { parseYaml } from '../../../src/app/config/yaml-tree.ts'
import { presetActions } from '../../../src/policy/presets.ts'
import { readPackageFile } from '../../../src/app/package-root.ts'
import { configOf, problemLines } from './lines.ts'

const SHIPPED = readPackageFile('config/ptrgate.yaml')
const LINES = SHIPPED.split('\n')

/** `#key: value` and `#  deeper: value`; prose begins with a # and one space. */
const COMMENTED = /^( *)#(?! \S)(.*)$/

function uncomment(line: string): string {
  return line.replace(COMMENTED, '$1$2')
}

const COMPLETE = LINES.slice(1).map(uncomment).join('\n')

/** Runs of commented-out lines: what somebody would uncomment at once. */
const BLOCKS = LINES.flatMap((line, index) =>
  COMMENTED.test(line) && index > 1 && !COMMENTED.test(LINES[index - 1] ?? '') ? [index] : [],
).map((start) => {
  const length = LINES.slice(start).findIndex((line) => !COMMENTED.test(line))
  return { name: `line ${String(start + 1)}: ${LINES[start]?.trim() ?? ''}`, start, end: start + length }
})

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
const matchesSchema = ajv.compile(configJsonSchema())

describe('config/ptrgate.yaml', () => {
  it('sets exactly the defaults', () => {
    expect(problemLines(SHIPPED)).toEqual([])
    // An empty section is as good as none, and a file must hold something.
    expect(configOf(SHIPPED)).toEqual(configOf('dns: {}'))
  })

  it('is valid with every commented key set', () => {
    expect(problemLines(COMPLETE)).toEqual([])
    const config = configOf(COMPLETE)
    expect(config.listeners).toHaveLength(5)
    expect(config.name).toBe('mx.example.org')
  })

  it('is valid with any block of commented keys set', () => {
    expect(BLOCKS.length).toBeGreaterThan(10)
    for (const { name, start, end } of BLOCKS) {
      const text = LINES.map((line, index) => (index >= start && index < end ? uncomment(line) : line)).join('\n')
      expect([name, problemLines(text)]).toEqual([name, []])
      expect([name, configOf(text)]).not.toEqual([name, configOf(SHIPPED)])
    }
  })

  it('has every key of the schema', () => {
    const { root } = parseYaml(COMPLETE)
    const present = new Set(pathsOf(root?.value, ''))
    const rulesOfOverrides = /^policy\.(?:networks|names)\[\]\.rules$/
    const missing = configKeys().filter((key) => !rulesOfOverrides.test(key.section) && !present.has(pathOf(key)))
    expect(missing.filter((key) => !isCommonToListeners(key)).map(pathOf)).toEqual([])
    for (const key of ['address', 'mode', 'group', 'maxConnections']) {
      expect(LISTENER_KINDS.filter((kind) => present.has(`listeners[${kind}].${key}`))).not.toEqual([])
    }
  })

  it('shows the rules as the default preset has them', () => {
    expect(presetActions('balanced')).toMatchObject(configOf(COMPLETE).policy.rules)
  })

  it('fits the published schema as it is, and with every commented key set', () => {
    for (const text of [SHIPPED, COMPLETE]) {
      expect(matchesSchema(parse(text)) ? [] : matchesSchema.errors).toEqual([])
    }
  })

  it('tells editors where the schema is', () => {
    expect(LINES[0]).toBe('# yaml-language-server: $schema=../docs/config.schema.json')
    expect(JSON.parse(readPackageFile('docs/config.schema.json'))).toEqual(JSON.parse(JSON.stringify(configJsonSchema())))
  })
})

describe('the published schema', () => {
  it.each([
    ['an unknown key', 'nmae: mx.example.org'],
    ['an unknown key of a section', 'dns: { timeout: 1 }'],
    ['another type', 'dns: { timeoutMs: 2s }'],
    ['a number out of range', 'iprev: { maxPtrNames: 1000 }'],
    ['a section without keys', 'dns:'],
    ['an unknown kind of listener', 'listeners: [{ kind: lmtp }]'],
    ['a key of another kind', 'listeners: [{ kind: http, deferAs: reply }]'],
    ['a gateway without a next hop', 'listeners: [{ kind: smtp }]'],
    ['no listeners', 'listeners: []'],
    ['a mode without quotes', "listeners: [{ kind: milter, address: 'unix:/m', mode: 0660 }]"],
    ['a permanent answer to a temporary cause', 'policy: { rules: { temperror: reject } }'],
    ['half a key pair', "listeners: [{ kind: smtp, nextHop: 'a.example:25', tls: { key: /k } }]"],
  ])('refuses %s, as the program does', (_name, text) => {
    expect(matchesSchema(parse(text))).toBe(false)
    expect(problemLines(text)).not.toEqual([])
  })

  it('has a meaning and, where one is fixed, a default for every key', () => {
    const keys = configKeys()
    // What an override shares with the policy itself is explained there.
    const ofPolicy = new Set(keys.flatMap(({ section, name }) => (section === 'policy' ? [name] : [])))
    const isShared = ({ section, name }: ConfigKey): boolean => /^policy\.(?:networks|names)\[\]$/.test(section) && ofPolicy.has(name)
    expect(keys.filter((key) => key.meaning === '' && !isShared(key))).toEqual([])
    expect(keys.find(({ section, name }) => section === 'policy' && name === 'networks')?.default).toEqual([])
    expect(keys.find(({ section, name }) => section === 'dns' && name === 'trusted')?.default).toBe(false)
    expect(keys.find(({ listenerKind, name }) => listenerKind === 'milter' && name === 'address')?.default).toBe('127.0.0.1:8893')
  })
})

/** Entries of listeners by kind, of other lists without a number. */
function pathsOf(value: unknown, prefix: string): string[] {
  if (Array.isArray(value)) {
    const entries = value.flatMap((entry: unknown) => {
      const kind = prefix === 'listeners' ? (entry as { readonly kind: string }).kind : ''
      return pathsOf(entry, `${prefix}[${kind}]`)
    })
    return [prefix, ...entries]
  }
  if (typeof value !== 'object' || value === null) return [prefix]
  return [prefix, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, prefix === '' ? key : `${prefix}.${key}`))]
}

function pathOf({ section, name, listenerKind }: ConfigKey): string {
  const holder = listenerKind === undefined ? section : section.replace('[]', `[${listenerKind}]`)
  return holder === '' ? name : `${holder}.${name}`
}

function isCommonToListeners({ section, name }: ConfigKey): boolean {
  return section === 'listeners[]' && ['address', 'mode', 'group', 'maxConnections'].includes(name)
}
