/**
 * The hosting providers of config/providers.yaml: how to recognise each, and how a PTR is set there. Parsing and validation only;
 * a mistake names file, line and key. Commands are templates: identify-provider.ts recognises, reverse-steps.ts fills them in.
 */
import { isMap, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { z } from 'zod'

/** `documented`: the provider's own documentation says so. `seen`: third parties show it. `unverified`: neither was found. */
const verification = z.enum(['documented', 'seen', 'unverified'])

const PLACEHOLDERS = ['ip', 'name', 'fqdn'] as const
const PTR_TOKENS = ['a', 'b', 'c', 'd', 'dashed', 'digits', 'hex', 'label'] as const

const sentence = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x20-\x7e]+$/, 'must be one line of plain text')
const template = (tokens: readonly string[]): z.ZodType<string> =>
  sentence.refine((text) => Array.from(text.matchAll(/\{([^}]*)\}/g), (match) => match[1] ?? '').every((token) => tokens.includes(token)), {
    error: `may hold only the placeholders ${tokens.map((token) => `{${token}}`).join(' ')}`,
  })
const hostPattern = z.string().regex(/^(?:\*\.)?(?:[a-z0-9-]+\.)+[a-z]+$/, 'must be a lower-case host name, or *. and a domain')
const url = z.url({ protocol: /^https$/ })

const stepSchema = z.strictObject({
  step: sentence,
  command: template(PLACEHOLDERS).optional(),
  /** For addresses of this family only. */
  only: z.enum(['ipv4', 'ipv6']).optional(),
})

const providerSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be lower-case letters, digits and hyphens'),
  name: sentence,
  /** `you` where the customer sets it, `provider` where support does. */
  setBy: z.enum(['you', 'provider']),
  /** Whether the provider looks for the A or AAAA record before it takes the PTR. */
  forwardFirst: z.boolean(),
  ptrNames: z.array(template(PTR_TOKENS)).default([]),
  nameservers: z.array(hostPattern).default([]),
  recognition: verification,
  steps: z.array(stepSchema).min(1),
  notes: z.array(sentence).default([]),
  verified: verification,
  sources: z.array(url).min(1),
})

const fileSchema = z.strictObject({
  providers: z.array(providerSchema).check(({ value, issues }) => {
    const seen = new Set<string>()
    for (const [index, { id }] of value.entries()) {
      if (seen.has(id)) issues.push({ code: 'custom', message: `${id} stands here twice`, path: [index, 'id'], input: id })
      seen.add(id)
    }
  }),
})

export type Provider = z.output<typeof providerSchema>
export type ProviderStep = Provider['steps'][number]

/** Each problem as `file:line: key: what is wrong`, one a line. */
export class ProvidersError extends Error {
  override readonly name = 'ProvidersError'
}

/** Throws a `ProvidersError` on any mistake; `file` is only named in it. */
export function parseProviders(yamlText: string, file: string): readonly Provider[] {
  const lineCounter = new LineCounter()
  const document = parseDocument(yamlText, { lineCounter, prettyErrors: false })
  const lineOf = (offset: number): string => `${file}:${String(lineCounter.linePos(offset).line)}`
  // One broken bracket makes an error of every line behind it: only the first is worth reading.
  const [syntaxError] = document.errors
  if (syntaxError) throw new ProvidersError(`${lineOf(syntaxError.pos[0])}: ${syntaxError.message}`)
  const parsed = fileSchema.safeParse(document.toJS())
  if (parsed.success) return parsed.data.providers
  // A mistyped key is also a missing one: what was written comes before what is not there.
  const issues = parsed.error.issues.toSorted((left, right) => Number(isUnknownKey(right)) - Number(isUnknownKey(left)))
  const problems = issues.flatMap((issue) =>
    problemsOf(issue).map(({ path, message }) => {
      const key = path.map((part) => (typeof part === 'number' ? String(part + 1) : String(part))).join('.')
      return `${lineOf(offsetOf(document, path))}: ${key === '' ? '' : `${key}: `}${message}`
    }),
  )
  throw new ProvidersError(problems.join('\n'))
}

type Path = readonly PropertyKey[]

/** An unknown key is reported at its own place, not at that of the object around it. */
function problemsOf(issue: z.core.$ZodIssue): { path: Path; message: string }[] {
  if (!isUnknownKey(issue)) return [{ path: issue.path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is no known key' }))
}

function isUnknownKey(issue: z.core.$ZodIssue): issue is z.core.$ZodIssueUnrecognizedKeys {
  return issue.code === 'unrecognized_keys'
}

/** Where the value, or for an unknown key the key, begins in the text; the closest known place around it otherwise. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const pair = isMap(parent) ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key) : undefined
    if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0]
    const node = document.getIn(path.slice(0, length), true)
    if (isNodeWithRange(node)) return node.range[0]
  }
  return 0
}

function isNodeWithRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}
