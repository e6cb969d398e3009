/**
 * The receivers that can be chosen by name: the words of RFC 7372, which are code, and those that were loaded from files.
 */
import type { Persona } from './persona.ts'

export type { Persona } from './persona.ts'

export function personaNames(personas: readonly Persona[]): readonly string[] {
  return personas.map(({ name }) => name)
}

/** In any case, since people type it. */
export function findPersona(personas: readonly Persona[], name: string): Persona | undefined {
  return personas.find((candidate) => candidate.name === name.toLowerCase())
}
