/**
 * The published descriptions of the config: docs/config.schema.json for editors, docs/config.md for people.
 */
import { schemaText } from '../../render/report-schema.ts'
import { configJsonSchema, configKeys, type ConfigKey } from '../config/config-keys.ts'

export function configSchemaText(): string {
  return schemaText(configJsonSchema())
}

export function configMarkdown(): string {
  const keys = configKeys()
  const sections = [...new Set(keys.map(headingOf))]
  return `${INTRODUCTION}\n${sections.map((heading) => sectionMarkdown(heading, keys)).join('\n')}`
}

const INTRODUCTION = `# The config of ptrgate serve

Generated from the schema; [config/ptrgate.yaml](../config/ptrgate.yaml) is the same as a file to begin with, and says why each default is what it is.

\`ptrgate serve --config FILE --check\` tells every mistake with line and column. Editors that read the line \`# yaml-language-server: $schema=…\` complete keys and underline mistakes; the schema is [config.schema.json](config.schema.json). All keys but those marked _required_ can be left out. Times are whole milliseconds.
`

function headingOf({ section, listenerKind }: ConfigKey): string {
  if (section === '') return 'At the top'
  const kind = listenerKind === undefined ? '' : `, kind ${listenerKind}`
  return section.startsWith('listeners[]') ? `\`${section}\`${kind}` : `\`${section}\``
}

function sectionMarkdown(heading: string, keys: readonly ConfigKey[]): string {
  const own = keys.filter((key) => headingOf(key) === heading)
  const rows = tableMarkdown([['Key', 'Value', 'Default', 'Meaning'], ...own.map((key) => rowOf(key, keys))])
  const twin = keys.find((key) => key.name === own[0]?.name && key.section.endsWith('.rules'))
  const isRepeated = twin !== undefined && headingOf(twin) !== heading
  return `## ${heading}\n\n${isRepeated ? `The same keys as in ${headingOf(twin)}.\n` : rows}`
}

function rowOf(key: ConfigKey, keys: readonly ConfigKey[]): string[] {
  const isOverride = keys.some(({ section, name }) => section === 'policy' && name === key.name)
  const meaning = key.meaning === '' && isOverride ? 'As in `policy`.' : key.meaning
  return [`\`${key.name}\``, key.value, defaultOf(key), meaning]
}

function defaultOf({ isRequired, default: value }: ConfigKey): string {
  if (isRequired) return '_required_'
  if (value === undefined || isEmptyObject(value)) return ''
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((entry) => Object.values(entry as object).join(' ')).join(', ')
  return value === '' ? 'empty' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
}

/** Padded, as the formatter has tables. */
function tableMarkdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  const [head = [], ...body] = rows
  return [head, widths.map((width) => '-'.repeat(width)), ...body].map(line).join('')
}
