/**
 * A YAML text as plain values in which each key and value knows its place. Duplicate keys, unknown tags, endless aliases and
 * nesting that would exhaust the stack are problems with a place, too. What the keys mean is not known here.
 */
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type CST,
  type Document,
  type Node,
  type Pair,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import { quote } from './fields.ts'

export interface YamlNode {
  /** Plain data, aliases and merge keys resolved; `undefined` nowhere. */
  readonly value: unknown
  /** Where it begins; for nothing at all, where its key begins. */
  readonly offset: number
  /** Of a map by key, of a list by index. */
  readonly children: ReadonlyMap<PropertyKey, YamlChild>
  /** How many values it holds with those behind aliases. */
  readonly size: number
}

export interface YamlChild {
  /** Of a list's entry: where the entry begins. */
  readonly keyOffset: number
  readonly node: YamlNode
}

export interface YamlProblem {
  readonly offset: number
  readonly path: readonly PropertyKey[]
  readonly message: string
}

export interface ParsedYaml {
  /** Undefined when the problems are such that nothing can be said of the rest. */
  readonly root: YamlNode | undefined
  readonly problems: readonly YamlProblem[]
  readonly placeOf: (offset: number) => { readonly line: number; readonly column: number }
}

export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter()
  const placeOf = (offset: number): { line: number; column: number } => {
    const { line, col } = lineCounter.linePos(offset)
    return { line, column: col }
  }
  const broken = (offset: number, message: string): ParsedYaml => ({ root: undefined, problems: [{ offset, path: [], message }], placeOf })

  const tokens = [...new Parser(lineCounter.addNewLine).parse(text)]
  const tooDeep = findTooDeep(tokens)
  if (tooDeep !== undefined) return broken(tooDeep, `this is nested more than ${String(MAX_DEPTH)} levels deep`)
  const [document, second] = [...new Composer(COMPOSER_OPTIONS).compose(tokens, true, text.length)]
  if (!document) return broken(0, 'this is no YAML document')
  // One broken bracket makes an error of every line behind it: only the first is worth reading.
  const [error] = [...document.errors, ...document.warnings].toSorted((left, right) => left.pos[0] - right.pos[0])
  if (error) return broken(...explainSyntax(error, text))
  if (second) return broken(second.range[0], 'a second document begins here (---); a config is one')

  const builder = new TreeBuilder(placeOf)
  const root = builder.build(document)
  return { root: builder.isTooLarge ? undefined : root, problems: builder.problems, placeOf }
}

/** Ours is seven levels at most. The composer calls itself for each level, and a stack that overflows there ends the process. */
const MAX_DEPTH = 32

/** An alias that names an alias that names an alias …: what it stands for must stay small, though it is stored once. */
const MAX_VALUES = 250_000

/** Whatever a %YAML directive says: under version 1.1 `no` is false, and 22:30 a number. */
const COMPOSER_OPTIONS = { schema: 'core', resolveKnownTags: false, uniqueKeys: false, prettyErrors: false } as const

/** Walks with a list of its own instead of calling itself. */
function findTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const pending = tokens.map((token) => ({ token, depth: 0 }))
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { token, depth } = next
    if (depth > MAX_DEPTH) return token.offset
    for (const child of childTokens(token)) if (child) pending.push({ token: child, depth: depth + 1 })
  }
  return undefined
}

function childTokens(token: CST.Token): (CST.Token | null | undefined)[] {
  if (token.type === 'document') return [token.value]
  if (token.type === 'block-map' || token.type === 'block-seq' || token.type === 'flow-collection') {
    return token.items.flatMap((item) => [item.key, item.value])
  }
  return []
}

class TreeBuilder {
  readonly problems: YamlProblem[] = []
  readonly #placeOf: ParsedYaml['placeOf']
  /** By name, each built once; null while it is being built. */
  readonly #anchors = new Map<string, YamlNode | null>()
  isTooLarge = false

  constructor(placeOf: ParsedYaml['placeOf']) {
    this.#placeOf = placeOf
  }

  build(document: Document.Parsed): YamlNode {
    return this.#build(document.contents, [], 0)
  }

  #build(node: Node | null, path: readonly PropertyKey[], keyOffset: number): YamlNode {
    if (isAlias(node)) return this.#aliased(node.source, path, node.range?.[0] ?? keyOffset)
    const anchor = node?.anchor
    if (anchor !== undefined) this.#anchors.set(anchor, null)
    const built = this.#buildOwn(node, path, keyOffset)
    if (anchor !== undefined) this.#anchors.set(anchor, built)
    return built
  }

  #buildOwn(node: Node | null, path: readonly PropertyKey[], keyOffset: number): YamlNode {
    const offset = node?.range?.[0] ?? keyOffset
    if (isMap(node)) return this.#buildMap(node, path, offset)
    if (isSeq(node)) {
      const entries = node.items.map((item, index): [number, YamlChild] => {
        const entry = this.#build(item as Node | null, [...path, index], (item as Node | null)?.range?.[0] ?? offset)
        return [index, { keyOffset: entry.offset, node: entry }]
      })
      return this.#collection(
        entries.map(([, { node: entry }]) => entry.value),
        offset,
        new Map(entries),
        path,
      )
    }
    const value = isScalar(node) ? node.value : null
    return { value, offset: value === null ? keyOffset : offset, children: new Map(), size: 1 }
  }

  #buildMap(map: YAMLMap, path: readonly PropertyKey[], offset: number): YamlNode {
    const children = new Map<PropertyKey, YamlChild>()
    const merged: YamlNode[] = []
    for (const pair of map.items) {
      const { key, keyOffset, isMerge } = this.#keyOf(pair as Pair<Node, Node | null>, path, offset)
      if (key === undefined) continue
      const node = this.#build(pair.value as Node | null, [...path, key], keyOffset)
      const earlier = children.get(key)
      if (isMerge) merged.push(...this.#mergeSources(node, [...path, key]))
      else if (earlier)
        this.#report(keyOffset, [...path, key], `this key already stands in line ${String(this.#placeOf(earlier.keyOffset).line)}`)
      else children.set(key, { keyOffset, node })
    }
    // What is written out goes above what is merged, and the first of those merged above the others.
    for (const source of merged) for (const [key, child] of source.children) if (!children.has(key)) children.set(key, child)
    const value = Object.fromEntries(Array.from(children, ([key, { node }]) => [key, node.value]))
    return this.#collection(value, offset, children, path)
  }

  #keyOf(
    { key }: Pair<Node, Node | null>,
    path: readonly PropertyKey[],
    offset: number,
  ): { key: string | undefined; keyOffset: number; isMerge: boolean } {
    const keyOffset = key.range?.[0] ?? offset
    if (!isScalar(key)) {
      this.#report(keyOffset, path, 'a key is a plain word')
      return { key: undefined, keyOffset, isMerge: false }
    }
    const text = typeof key.value === 'string' ? key.value : (key.source ?? '')
    return { key: text, keyOffset, isMerge: text === '<<' && key.type === 'PLAIN' }
  }

  #mergeSources(node: YamlNode, path: readonly PropertyKey[]): YamlNode[] {
    const sources = Array.isArray(node.value) ? Array.from(node.children.values(), (child) => child.node) : [node]
    if (sources.every(({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value))) return sources
    this.#report(node.offset, path, 'only keys with values can be merged: an alias of them, or a list of such aliases')
    return []
  }

  #aliased(name: string, path: readonly PropertyKey[], offset: number): YamlNode {
    const target = this.#anchors.get(name)
    if (target) return { ...target, offset }
    this.#report(offset, path, target === null ? `*${name} stands within what it names` : `no &${name} stands before this alias`)
    return { value: null, offset, children: new Map(), size: 1 }
  }

  #collection(value: unknown, offset: number, children: ReadonlyMap<PropertyKey, YamlChild>, path: readonly PropertyKey[]): YamlNode {
    let size = 1
    for (const { node } of children.values()) size += node.size
    if (size <= MAX_VALUES) return { value, offset, children, size }
    if (!this.isTooLarge) this.#report(offset, path, `this stands for more than ${String(MAX_VALUES)} values`)
    this.isTooLarge = true
    return { value: null, offset, children: new Map(), size: 1 }
  }

  #report(offset: number, path: readonly PropertyKey[], message: string): void {
    this.problems.push({ offset, path, message })
  }
}

/** In the place of the library's words where a mistake is common. */
function explainSyntax({ code, message, pos: [offset] }: YAMLError, text: string): [offset: number, message: string] {
  const line = text.slice(offset, offset + MAX_EXCERPT).split(/[\r\n]/, 1)[0] ?? ''
  const firstInLine = offset + line.search(/\S|$/)
  switch (code) {
    case 'TAB_AS_INDENT':
      return [offset, 'a tab stands here; YAML indents with spaces']
    case 'TAG_RESOLVE_FAILED':
      return [offset, `a tag such as ${quote(/^!\S*/.exec(line)?.[0] ?? '!')} has no meaning here; write the plain value`]
    case 'BAD_INDENT':
      return message.startsWith('All mapping items')
        ? [firstInLine, 'this line is not indented as those above it']
        : [offset, asIs(message)]
    case 'BLOCK_AS_IMPLICIT_KEY':
      if (/:(?:\s|$)/.test(line)) return [offset, 'a value that holds a colon and a space is written in quotes']
      return [offset + line.length + text.slice(offset + line.length).search(/\S|$/), 'this line is indented too far']
    case 'MULTILINE_IMPLICIT_KEY':
      return [offset, 'a key ends with a colon and a space']
    case 'BAD_SCALAR_START':
      return [offset, `a value that begins with ${quote(line.charAt(0))} is written in quotes`]
    case 'UNEXPECTED_TOKEN':
      return [
        offset,
        message.endsWith('at node end')
          ? 'the value was complete before this; if all of it is one text, write it in quotes'
          : asIs(message),
      ]
    default:
      return [offset, asIs(message)]
  }
}

function asIs(message: string): string {
  return `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
}

const MAX_EXCERPT = 1000
