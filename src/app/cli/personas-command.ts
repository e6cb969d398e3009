/** `ptrgate personas`: the receivers whose answers `--as` can show, and whose words `explain` knows. */
import { Command } from 'commander'
import type { Persona, ReceiverText } from '../../personas/persona.ts'
import { wrapLines } from '../../render/wrap.ts'
import { readPersonas } from '../personas.ts'
import type { CommandContext } from './context.ts'
import { columnsOf, EXIT, write } from './terminal.ts'

export function personasCommand(context: CommandContext): Command {
  return new Command('personas')
    .description('list the receivers whose answers ptrgate knows')
    .option('--json', 'print one JSON object, with every text and its source', false)
    .action(async ({ json }: { json: boolean }) => {
      const personas = readPersonas()
      await write(context.terminal.stdout, json ? personasJson(personas) : personasText(personas, columnsOf(context.terminal)))
      context.finish(EXIT.aligned)
    })
}

function personasText(personas: readonly Persona[], columns: number): string {
  const width = Math.max(...personas.map(({ name }) => name.length)) + 1
  const lines = personas.flatMap(({ name, description, stage }) =>
    wrapLines(`${description} (${stage})`, columns, { first: `${name.padEnd(width)} `, rest: ' '.repeat(width + 1) }),
  )
  return `${lines.join('\n')}\n`
}

function personasJson(personas: readonly Persona[]): string {
  const listed = personas.map(({ name, description, kind, stage, hosts, texts }) => ({
    name,
    description,
    kind,
    stage,
    hosts,
    texts: texts.map(listedText),
  }))
  return `${JSON.stringify({ ptrgate: 1, kind: 'personas', personas: listed })}\n`
}

function listedText({ use, findings, family, stage, code, enhanced, lines, source, date }: ReceiverText): object {
  const status = enhanced && (enhanced.first === enhanced.last ? enhanced.first : `${enhanced.first}-${enhanced.last}`)
  return { use, findings, family: family === null ? null : `ipv${String(family)}`, stage, code, enhanced: status, lines, source, date }
}
