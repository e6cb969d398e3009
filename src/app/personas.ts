/** Reads the receivers that are shipped beside the program. */
import { readdirSync } from 'node:fs'
import { loadPersonas } from '../personas/load.ts'
import type { Persona } from '../personas/persona.ts'
import { packagePath, readPackageFile } from './package-root.ts'

const FOLDER = 'config/personas'

export function readPersonas(): readonly Persona[] {
  const files = readdirSync(packagePath(FOLDER))
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => `${FOLDER}/${name}`)
  return loadPersonas(files.map((file) => ({ file, text: readPackageFile(file) })))
}
