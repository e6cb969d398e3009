/**
 * `ptrgate explain --json`: one line, `ptrgate` and `kind` first, keys always in the same order. The format is described by
 * docs/explain.schema.json. The JSON text is printable ASCII; what the receiver wrote decodes to the raw text.
 */
import { z } from 'zod'
import { formatAddress } from '../core/address.ts'
import type { RemedyStep } from '../remedy/step.ts'
import { escapeJson } from '../render/escape.ts'
import { JSON_FORMAT } from '../render/report-json.ts'
import { enumOf, finding, ip, jsonSchemaOf, printable, schemaText } from '../render/report-schema.ts'
import type { Cause, Explanation } from './explanation.ts'
import type { InputKind } from './passages.ts'
import { toldMessage } from './told.ts'

/** Without a line end. */
export function explanationJson(explanation: Explanation): string {
  const { kind, input, cause, findings, persona, alsoSaidBy, host, address, claimedName, reply, remedy, cautions } = explanation
  const value: z.input<typeof schema> = {
    ptrgate: JSON_FORMAT,
    kind,
    input,
    cause,
    findings: findings.map((told) => ({ code: told.code, level: told.level, args: argumentsOf(told.args), message: toldMessage(told) })),
    persona: persona?.name ?? null,
    alsoSaidBy: [...alsoSaidBy],
    host,
    ip: address ? formatAddress(address) : null,
    claimedName,
    reply,
    remedy: remedy.map(stepOf),
    cautions: [...cautions],
  }
  return escapeJson(JSON.stringify(value))
}

/** `closed` allows no further properties: for tests, so that nothing is written that is not described. */
export function explainJsonSchema({ closed }: { readonly closed: boolean }): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(schema, 'ptrgate explain --json', closed)
}

/** The text of docs/explain.schema.json. */
export function explainJsonSchemaText(): string {
  return schemaText(explainJsonSchema({ closed: false }))
}

function argumentsOf(args: Explanation['findings'][number]['args']): Record<string, string> {
  return Object.fromEntries(Object.entries(args))
}

function stepOf({ kind, who, step, record, command, choices }: RemedyStep): z.input<typeof stepSchema> {
  return {
    kind,
    who,
    step,
    ...(record === undefined ? {} : { record }),
    ...(command === undefined ? {} : { command }),
    ...(choices === undefined ? {} : { choices: choices.map((choice) => ({ ...choice })) }),
  }
}

const stepSchema = z
  .object({
    kind: z.string(),
    who: z.string().describe('you, dnsOperator, provider or isp'),
    step: printable,
    record: printable.optional().describe('In zone file syntax'),
    command: printable.optional().describe('For a shell; CAPITALS are to be filled in'),
    choices: z
      .array(z.object({ label: printable, command: printable.optional(), setting: printable.optional() }))
      .optional()
      .describe('The same done in different programs: one of them is enough'),
  })
  .meta({ id: 'step' })

const schema = z.object({
  ptrgate: z.literal(JSON_FORMAT),
  kind: z.literal('explain'),
  input: enumOf<InputKind>({ reply: 1, bounce: 1, authenticationResults: 1, received: 1, logLine: 1, text: 1 }).describe(
    'What the input was taken for',
  ),
  cause: enumOf<Cause>({ reverseDns: 1, helo: 1, other: 1, none: 1, unknown: 1 }).describe(
    'none: the input tells of no trouble. other: of trouble that is neither reverse DNS nor HELO. unknown: it is not understood',
  ),
  findings: z.array(finding).describe('The likeliest first: a reply may fit several. args holds what the input told'),
  persona: z.string().nullable().describe('The receiver whose words these are, as `ptrgate personas` lists it; null if it is not known'),
  alsoSaidBy: z.array(z.string()).describe('Other receivers that say it in the same words'),
  host: z.string().nullable().describe('The server that spoke, as the input names it: the raw text of a stranger'),
  ip: ip.nullable().describe('The address that was spoken of; null if the input does not name it'),
  claimedName: z.string().nullable().describe('The raw text of a stranger'),
  reply: z
    .object({
      code: z.int().min(400).max(579).nullable(),
      enhanced: z
        .string()
        .regex(/^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/)
        .nullable(),
      text: z.string().describe('The raw text of a stranger'),
    })
    .nullable(),
  remedy: z.array(stepSchema).describe('In the order in which to take the steps; nothing was looked up for them'),
  cautions: z.array(printable).describe('What not to do'),
})
