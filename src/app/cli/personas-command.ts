/** `ptrgate personas`: the receivers whose answers `--as` can show. */
import { Command } from 'commander'
import { personas } from '../../personas/personas.ts'
import type { CommandContext } from './context.ts'
import { EXIT, write } from './terminal.ts'

export function personasCommand(context: CommandContext): Command {
  return new Command('personas')
    .description('list the receivers whose answers ptrgate knows')
    .option('--json', 'print one JSON object', false)
    .action(async ({ json }: { json: boolean }) => {
      const listed = personas.map(({ name, description }) => ({ name, description }))
      const text = json
        ? `${JSON.stringify({ ptrgate: 1, kind: 'personas', personas: listed })}\n`
        : listed.map(({ name, description }) => `${name.padEnd(20)} ${description}\n`).join('')
      await write(context.terminal.stdout, text)
      context.finish(EXIT.aligned)
    })
}
