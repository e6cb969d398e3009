/** The config problems of a text as a person sees them. */
import { formatConfigProblem, readConfig } from '../../../src/app/config/read-config.ts'
import type { ServeConfig } from '../../../src/app/config/schema.ts'

const FILE = '/etc/ptrgate/ptrgate.yaml'

export function problemLines(text: string): string[] {
  const read = readConfig(text, FILE)
  return read.kind === 'config' ? [] : read.problems.map((problem) => formatConfigProblem('ptrgate.yaml', problem))
}

export function configOf(text: string): ServeConfig {
  const read = readConfig(text, FILE)
  if (read.kind === 'problems') throw new Error(read.problems.map((problem) => formatConfigProblem(FILE, problem)).join('\n'))
  return read.config
}
