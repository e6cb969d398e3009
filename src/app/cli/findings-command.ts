/** `ptrgate findings [CODE]`: the catalogue as a list, or one finding explained. */
import { Command } from 'commander'
import { CATALOGUE, FINDING_CODES, type FindingCode } from '../../findings/catalogue.ts'
import { wrapText } from '../../render/wrap.ts'
import { UsageError, type CommandContext } from './context.ts'
import { columnsOf, EXIT, write } from './terminal.ts'

export function findingsCommand(context: CommandContext): Command {
  return new Command('findings')
    .description('list every finding, or explain one')
    .argument('[code]', 'a finding, such as PTR_MISSING')
    .option('--json', 'print one JSON object', false)
    .action(async (typed: string | undefined, { json }: { json: boolean }) => {
      const codes = typed === undefined ? FINDING_CODES : [knownCode(typed)]
      const text = json
        ? findingsJson(codes)
        : typed === undefined
          ? list(codes)
          : codes.map((code) => explain(code, columnsOf(context.terminal))).join('')
      await write(context.terminal.stdout, text)
      context.finish(EXIT.aligned)
    })
}

function list(codes: readonly FindingCode[]): string {
  const width = Math.max(...codes.map((code) => code.length))
  return codes.map((code) => `${code.padEnd(width)}  ${CATALOGUE[code].level}\n`).join('')
}

function explain(code: FindingCode, columns: number): string {
  const { level, message, explanation, remedy } = CATALOGUE[code]
  const parts = [`${code} (${level})`, wrapText(message, columns), wrapText(explanation, columns)]
  if (remedy !== '') parts.push(wrapText(`What to do: ${remedy}`, columns))
  return `${parts.join('\n\n')}\n`
}

function findingsJson(codes: readonly FindingCode[]): string {
  return `${JSON.stringify({ ptrgate: 1, kind: 'findings', findings: codes.map((code) => ({ code, ...CATALOGUE[code] })) })}\n`
}

function knownCode(typed: string): FindingCode {
  const wanted = typed.toUpperCase().replaceAll('-', '_')
  const code = FINDING_CODES.find((candidate) => candidate === wanted)
  if (code) return code
  const near = FINDING_CODES.filter((candidate) => candidate.includes(wanted) || wanted.includes(candidate))
  const hint = near.length > 0 ? `; did you mean ${near.slice(0, 3).join(', ')}?` : '; `ptrgate findings` lists them'
  throw new UsageError(`no finding is called ${JSON.stringify(typed)}${hint}`)
}
