/**
 * The receivers that can be chosen by name.
 */
import type { Persona } from './persona.ts'
import { rfc7372 } from './rfc7372.ts'

export type { Persona } from './persona.ts'

export const personas: readonly Persona[] = [rfc7372]

export function personaNames(): readonly string[] {
  return personas.map(({ name }) => name)
}

/** In any case, since people type it. */
export function findPersona(name: string): Persona | undefined {
  return personas.find((candidate) => candidate.name === name.toLowerCase())
}
