/** `explain` with the receivers that are shipped, and with the log readers of the command line left out unless given. */
import { readPersonas } from '../../src/app/personas.ts'
import { explain, type ExplainSettings } from '../../src/explain/explain.ts'
import type { Explanation } from '../../src/explain/explanation.ts'
import { createRecogniser } from '../../src/personas/recognise.ts'

const personas = readPersonas()

export const settings: ExplainSettings = { personas, recogniser: createRecogniser(personas), readLogLine: () => undefined }

export function explained(text: string): Explanation {
  return explain(text, settings)
}

export function codesOf({ findings }: Explanation): readonly string[] {
  return findings.map(({ code }) => code)
}
