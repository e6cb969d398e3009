/**
 * Reads the config of `ptrgate serve`: all of its problems at once, each with line and column, or the settings.
 * It touches no file: whether a key file or a group exists is seen when it is used.
 */
import { dirname } from 'node:path'
import { escapeUnprintable } from '../../core/printable.ts'
import { configKeys, formatPath } from './config-keys.ts'
import { crossCheckListeners } from './cross-checks.ts'
import { explain, explainedIssues, type ExplainedIssue } from './explain-issue.ts'
import { describeValue } from './fields.ts'
import { configSchema, toServeConfig, type ServeConfig } from './schema.ts'
import { parseYaml, type YamlNode } from './yaml-tree.ts'

/** Line and column are counted from 1; the path is empty where the whole file is meant. */
export interface ConfigProblem {
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
}

export type ReadConfig =
  { readonly kind: 'config'; readonly config: ServeConfig } | { readonly kind: 'problems'; readonly problems: readonly ConfigProblem[] }

/** Paths in it count from the folder of `file`. */
export function readConfig(text: string, file: string): ReadConfig {
  const unreadable = unreadableText(text)
  if (unreadable) return { kind: 'problems', problems: [unreadable] }
  const { root, problems: yamlProblems, placeOf } = parseYaml(text)
  const problems = yamlProblems.map(({ offset, path, message }) => ({ offset, path, message }))
  if (root) {
    const checked = checkTree(root, file)
    if ('config' in checked && problems.length === 0) return { kind: 'config', config: checked.config }
    // What is wrong as YAML is not told a second time as a value.
    const places = new Set(problems.map(({ offset }) => offset))
    const issues = 'issues' in checked ? checked.issues.map((issue) => ({ ...issue, offset: offsetOf(root, issue) })) : []
    problems.push(...issues.filter(({ offset }) => !places.has(offset)))
  }
  return {
    kind: 'problems',
    problems: problems
      .toSorted((left, right) => left.offset - right.offset)
      .map(({ offset, path, message }) => ({ ...placeOf(offset), path: formatPath(path), message })),
  }
}

/** `ptrgate.yaml:12:5: listeners[0].adress: unknown key; did you mean address?`, on one line whatever the file holds. */
export function formatConfigProblem(file: string, { line, column, path, message }: ConfigProblem): string {
  const shown = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path
  return escapeUnprintable(`${file}:${String(line)}:${String(column)}: ${shown === '' ? '' : `${shown}: `}${message}`)
}

const MAX_PATH = 120

/** Some thousand networks fit into a tenth of it. */
const MAX_TEXT_LENGTH = 1024 * 1024

/** What is no text at all deserves one problem, and not one for each line. */
function unreadableText(text: string): ConfigProblem | undefined {
  const problem = (offset: number, message: string): ConfigProblem => {
    const lines = text.slice(0, offset).split('\n')
    return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, path: '', message }
  }
  if (text.length > MAX_TEXT_LENGTH) return problem(0, 'this file is larger than 1 MiB, which no config is')
  const offset = text.search(NO_TEXT)
  if (offset < 0) return undefined
  return problem(offset, text[offset] === '\uFFFD' ? 'this is no UTF-8 text' : 'this is no text: a control character stands here')
}

/** U+FFFD stands where octets were no UTF-8. */
const NO_TEXT = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\uFFFD]/

function checkTree(root: YamlNode, file: string): { readonly config: ServeConfig } | { readonly issues: readonly ExplainedIssue[] } {
  const { value } = root
  if (value === null) return wholeFile('nothing is set in this file; write at least a key such as name')
  if (typeof value !== 'object' || Array.isArray(value))
    return wholeFile(`expected keys with values, such as name: mx.example.org, not ${describeValue(value)}`)
  const parsed = configSchema.safeParse(value, { error: explain })
  const crossProblems = crossCheckListeners((value as { readonly listeners?: unknown }).listeners)
  if (parsed.success && crossProblems.length === 0) return { config: toServeConfig(parsed.data, dirname(file)) }
  const keys = configKeys()
  const issues = (parsed.error?.issues ?? []).flatMap((issue) => explainedIssues(issue, value, keys))
  return { issues: [...issues, ...crossProblems.map((problem) => ({ ...problem, at: 'value' as const }))] }
}

function wholeFile(message: string): { readonly issues: readonly ExplainedIssue[] } {
  return { issues: [{ path: [], at: 'value', message }] }
}

/** Where something is not there, what holds it. */
function offsetOf(root: YamlNode, { path, at }: ExplainedIssue): number {
  let node = root
  let keyOffset = root.offset
  for (const part of path) {
    const child = node.children.get(part)
    if (child === undefined) return node.offset
    keyOffset = child.keyOffset
    node = child.node
  }
  return at === 'key' ? keyOffset : node.offset
}
