/**
 * From the text of a persona's file to the persona. A mistake names file, line and column; the file itself is read by the caller.
 */
import { isMap, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { personaOf, type Persona } from './persona.ts'
import { rfc7372 } from './rfc7372.ts'
import { personaData, personaSchema } from './schema.ts'

/** Each problem as `file:line:column: key: what is wrong`, one a line. */
export class PersonaError extends Error {
  override readonly name = 'PersonaError'
}

export interface PersonaFile {
  /** Named in errors. */
  readonly file: string
  readonly text: string
}

/** RFC 7372 first, then the files in their order. Throws a `PersonaError` that tells the mistakes of all of them. */
export function loadPersonas(files: readonly PersonaFile[]): readonly Persona[] {
  const personas: Persona[] = [rfc7372]
  const fileOf = new Map<string, string>()
  const problems: string[] = []
  for (const { file, text } of files) {
    try {
      const persona = parsePersona(text, file)
      const other = fileOf.get(persona.name)
      if (other !== undefined) problems.push(`${file}:1:1: ${persona.name} is also in ${other}`)
      fileOf.set(persona.name, file)
      personas.push(persona)
    } catch (error) {
      if (!(error instanceof PersonaError)) throw error
      problems.push(error.message)
    }
  }
  if (problems.length > 0) throw new PersonaError(problems.join('\n'))
  return personas
}

export function parsePersona(text: string, file: string): Persona {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, schema: 'core' })
  const placeOf = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset)
    return `${file}:${String(line)}:${String(col)}`
  }
  // One broken bracket makes an error of every line behind it: only the first is worth reading.
  const [syntaxError] = document.errors
  if (syntaxError) throw new PersonaError(`${placeOf(syntaxError.pos[0])}: ${syntaxError.message}`)
  const parsed = personaSchema.safeParse(document.toJS({ maxAliasCount: MAX_ALIASES }))
  if (parsed.success) return personaOf(personaData(parsed.data))
  // A mistyped key is also a missing one: what was written comes before what is not there.
  const issues = parsed.error.issues.toSorted((left, right) => Number(isUnknownKey(right)) - Number(isUnknownKey(left)))
  const problems = issues.flatMap((issue) => problemsOf(issue).map((problem) => problemLine(problem, document, placeOf)))
  throw new PersonaError(problems.join('\n'))
}

const MAX_ALIASES = 50

type Path = readonly PropertyKey[]
interface Problem {
  readonly path: Path
  readonly message: string
}

function problemLine({ path, message }: Problem, document: Document, placeOf: (offset: number) => string): string {
  const key = path.map((part) => (typeof part === 'number' ? String(part + 1) : String(part))).join('.')
  return `${placeOf(offsetOf(document, path))}: ${key === '' ? '' : `${key}: `}${message}`
}

/** An unknown key is reported at its own place, not at that of the object around it. */
function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  if (!isUnknownKey(issue)) return [{ path: issue.path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is no known key' }))
}

function isUnknownKey(issue: z.core.$ZodIssue): issue is z.core.$ZodIssueUnrecognizedKeys {
  return issue.code === 'unrecognized_keys'
}

/** Where the key or the entry begins in the text; the closest known place around it otherwise. */
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
