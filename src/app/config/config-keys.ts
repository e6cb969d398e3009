/**
 * Every key of the config as a row: name, kind of value, default, meaning. The reference, the suggestions for mistyped keys and
 * the tests of config/ptrgate.yaml read it; it is taken from the JSON Schema, which is made from schema.ts.
 */
import { z } from 'zod'
import { LISTENER_KINDS, type ListenerKind } from './listener-schema.ts'
import { configSchema } from './schema.ts'

export interface ConfigKey {
  readonly name: string
  /** Of what holds it, with `[]` for any entry of a list: `policy.networks[]`; empty at the top. */
  readonly section: string
  /** Where only listeners of one kind have it. */
  readonly listenerKind: ListenerKind | undefined
  readonly value: string
  readonly isRequired: boolean
  /** Undefined where there is none, or the meaning tells it. */
  readonly default: unknown
  readonly meaning: string
}

export type JsonSchema = Readonly<Record<string, unknown>>

/** What may be written, not what becomes of it (`io: 'input'`). */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // A default behind a transformation is left out, since in general it cannot be written back; an empty list can.
      const { def } = zodSchema._zod
      if (def.type === 'default' && Array.isArray(def.defaultValue) && def.defaultValue.length === 0) jsonSchema.default ??= []
    },
  })
  return { $schema, title: 'The config of ptrgate serve', ...schema }
}

export function configKeys(): readonly ConfigKey[] {
  return keysOf(configJsonSchema(), '', undefined)
}

/** `['policy', 'networks', 3, 'cidr']` → `policy.networks[].cidr`; with `indexes` it is `policy.networks[3].cidr`. */
export function formatPath(path: readonly PropertyKey[], indexes: 'indexes' | 'anyIndex' = 'indexes'): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${indexes === 'indexes' ? String(part) : ''}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

function keysOf(schema: JsonSchema, section: string, kind: ListenerKind | undefined): ConfigKey[] {
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  return Object.entries(recordOf(schema['properties'])).flatMap(([name, property]) => {
    const own = recordOf(property)
    const path = section === '' ? name : `${section}.${name}`
    const key: ConfigKey = {
      name,
      section,
      listenerKind: kind,
      value: describeType(own),
      isRequired: required.includes(name),
      default: own['default'],
      meaning: textOf(own['description']),
    }
    return [key, ...keysOf(own, path, kind), ...keysOfEntries(own, `${path}[]`, kind)]
  })
}

function keysOfEntries(schema: JsonSchema, section: string, kind: ListenerKind | undefined): ConfigKey[] {
  const items = recordOf(schema['items'])
  const variants = listOf(items['oneOf'])
  if (variants.length === 0) return keysOf(items, section, kind)
  return variants.flatMap((variant) => keysOf(variant, section, listenerKindOf(variant)))
}

function listenerKindOf(schema: JsonSchema): ListenerKind | undefined {
  const { const: kind } = recordOf(recordOf(schema['properties'])['kind'])
  return LISTENER_KINDS.find((known) => known === kind)
}

function describeType(schema: JsonSchema): string {
  if ('const' in schema) return String(schema['const'])
  if (Array.isArray(schema['enum'])) return schema['enum'].join(', ')
  const choices = listOf(schema['anyOf'])
  if (choices.length > 0) return choices.map(describeType).join(' or ')
  const { type } = schema
  switch (type) {
    case 'integer':
    case 'number':
      return describeNumber(schema, type === 'integer' ? 'whole number' : 'number')
    case 'boolean':
      return 'true, false'
    case 'string':
      return 'text'
    case 'array':
      return listOf(recordOf(schema['items'])['oneOf']).length > 0 || 'properties' in recordOf(schema['items'])
        ? 'list of entries'
        : `list of ${describeType(recordOf(schema['items']))}s`
    default:
      return 'keys'
  }
}

function describeNumber({ minimum, maximum }: JsonSchema, what: string): string {
  const least = typeof minimum === 'number' ? minimum : Number.MIN_SAFE_INTEGER
  const most = typeof maximum === 'number' ? maximum : Number.MAX_SAFE_INTEGER
  if (most < Number.MAX_SAFE_INTEGER) return `${what}, ${String(least)} to ${String(most)}`
  return `${what} from ${String(least)}`
}

function recordOf(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {}
}

function listOf(value: unknown): JsonSchema[] {
  return Array.isArray(value) ? value.map(recordOf) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
