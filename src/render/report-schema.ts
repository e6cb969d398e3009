/**
 * The JSON of `ptrgate check` as a JSON Schema (2020-12), from which docs/check.schema.json is written.
 * The published schema allows further properties: a newer ptrgate may add some to the same format, and never removes one.
 */
import { z } from 'zod'
import { FINDING_CODES, type FindingLevel } from '../findings/catalogue.ts'
import type { HeloForm, HeloProblem, HeloResolution } from '../identity/facts.ts'
import type { IprevReason, IprevResult, PtrNameOutcome } from '../iprev/facts.ts'
import type { DecisionAction, DecisionStage } from '../policy/decision.ts'
import { JSON_FORMAT } from './report-json.ts'
import type { CheckReport, Verdict } from './report-types.ts'

/** `closed` allows no further properties: for tests, so that nothing is written that is not described. */
export function checkJsonSchema({ closed }: { readonly closed: boolean }): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(z.union([check, checkList]), 'ptrgate check --json', closed)
}

export function jsonSchemaOf(type: z.ZodType, title: string, closed: boolean): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(type, {
    target: 'draft-2020-12',
    override: ({ zodSchema: { _zod: zod }, jsonSchema }) => {
      const isStrict = zod.def.type === 'object' && zod.def.catchall !== undefined
      if (!closed && !isStrict && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  return { $schema, title, ...schema }
}

/** The text of docs/check.schema.json. */
export function checkJsonSchemaText(): string {
  return schemaText(checkJsonSchema({ closed: false }))
}

/** With short lists on one line, as the formatter has them. */
export function schemaText(schema: Readonly<Record<string, unknown>>): string {
  const text = `${JSON.stringify(schema, null, 2)}\n`
  return text.replace(LIST_OF_TEXTS, (list: string, offset: number) => {
    const line = list.replace(/\n */g, ' ').replace('[ ', '[').replace(/ \]$/, ']')
    const column = offset - text.lastIndexOf('\n', offset) - 1
    const comma = text.charAt(offset + list.length) === ',' ? 1 : 0
    return column + line.length + comma <= COLUMNS ? line : list
  })
}

const LIST_OF_TEXTS = /\[\n(?: +"[^"\\]*",?\n)+ *\]/g
const COLUMNS = 140

/** Fails to compile when the union gains or loses a member. */
export function enumOf<T extends string>(members: Readonly<Record<T, 1>>): z.ZodEnum<{ [M in T]: M }> {
  return z.enum(Object.keys(members) as T[])
}

export const ip = z.union([z.ipv4(), z.ipv6()]).meta({ id: 'ip', description: 'In canonical text (RFC 5952)' })
const domainName = z
  .string()
  .regex(/^[\x21-\x7e]+$/)
  .meta({
    id: 'domainName',
    description: 'In the normal form of RFC 1035 section 5.1: octets that are no letters, digits, - or _ are escaped as \\. or \\013',
  })
const ptrNameOutcome = enumOf<PtrNameOutcome>({
  confirmed: 1,
  elsewhere: 1,
  nxdomain: 1,
  nodata: 1,
  aliasLoop: 1,
  aliasTooDeep: 1,
  notHostName: 1,
  singleLabel: 1,
  servfail: 1,
  refused: 1,
  timeout: 1,
  malformed: 1,
  deadline: 1,
  queryCap: 1,
  aborted: 1,
})
const iprevReason = enumOf<IprevReason>({
  confirmed: 1,
  noReverseName: 1,
  noPtrRecord: 1,
  aliasLoop: 1,
  aliasDangling: 1,
  aliasTooDeep: 1,
  elsewhere: 1,
  nameNotFound: 1,
  nameWithoutAddress: 1,
  noUsableName: 1,
  reverseServfail: 1,
  reverseRefused: 1,
  reverseTimeout: 1,
  reverseMalformed: 1,
  forwardServfail: 1,
  forwardRefused: 1,
  forwardTimeout: 1,
  forwardMalformed: 1,
  deadline: 1,
  queryCap: 1,
  aborted: 1,
})
export const printable = z.string().regex(/^[\x20-\x7e]*$/)

export const finding = z
  .object({
    code: z.enum(FINDING_CODES).describe('Explained by `ptrgate findings CODE`'),
    level: enumOf<FindingLevel>({ info: 1, notice: 1, warning: 1, error: 1, inconclusive: 1 }),
    args: z
      .record(z.string(), z.union([z.string(), z.number(), z.array(z.string())]))
      .describe('By code; claimedName is the raw text of a stranger'),
    message: printable.describe('One sentence, escaped'),
  })
  .meta({ id: 'finding' })

export const iprev = z.object({
  result: enumOf<IprevResult>({ pass: 1, fail: 1, temperror: 1, permerror: 1 }).describe('RFC 8601 section 2.7.3'),
  reason: iprevReason,
  confirmedName: domainName.nullable().describe('A PTR name that resolves back to the address; null unless the result is pass'),
  names: z.array(z.object({ name: domainName, outcome: ptrNameOutcome, addresses: z.array(ip) })),
  nameCount: z.int().min(0).describe('How many PTR names there were; more than `names` holds when truncated'),
  truncated: z.boolean(),
  authenticated: z.boolean().describe('Every answer was DNSSEC-authenticated by a resolver that is trusted to say so'),
  reverseName: domainName,
  aliases: z.array(domainName).describe('The CNAMEs between the reverse name and the PTR records (RFC 2317)'),
})

export const helo = z.object({
  claimedName: z.string().describe('The raw text of a stranger'),
  form: enumOf<HeloForm['kind']>({ name: 1, literal: 1, bareAddress: 1, invalid: 1 }),
  problem: enumOf<HeloProblem>({
    empty: 1,
    tooLong: 1,
    character: 1,
    emptyLabel: 1,
    labelTooLong: 1,
    hyphen: 1,
    numeric: 1,
    badLiteral: 1,
    notAscii: 1,
  })
    .nullable()
    .describe('Null unless the form is invalid'),
  resolution: enumOf<HeloResolution['kind']>({ addresses: 1, none: 1, otherFamilyOnly: 1, unknown: 1, notAsked: 1 }),
  addresses: z.array(ip),
})

export const generic = z
  .object({ score: z.number(), reasons: z.array(z.string()) })
  .nullable()
  .describe('How much the PTR name looks like one of a pool; null without a PTR name')

export const decision = z.object({
  action: enumOf<DecisionAction>({ accept: 1, tag: 1, defer: 1, reject: 1, quarantine: 1 }),
  code: z.int().min(200).max(599).nullable(),
  enhanced: z
    .string()
    .regex(/^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/)
    .nullable(),
  text: printable.nullable(),
  rule: printable.describe('The row of the policy that decided'),
  stage: enumOf<DecisionStage>({ connect: 1, helo: 1, mail: 1, rcpt: 1 }),
})

const step = z
  .object({
    kind: z.string(),
    who: z.string().describe('you, dnsOperator, provider or isp'),
    step: printable,
    record: printable.optional().describe('In zone file syntax'),
    command: printable.optional().describe('For a shell'),
    choices: z
      .array(z.object({ label: printable, command: printable.optional(), setting: printable.optional() }))
      .optional()
      .describe('The same done in different programs: one of them is enough'),
  })
  .meta({ id: 'step' })

const address = z
  .object({
    ip,
    iprev,
    helo: helo.nullable().describe('Null when no HELO was given'),
    generic,
    findings: z.array(finding),
    authenticationResults: printable.describe('The header field that a receiver would add'),
    decision,
    remedy: z.array(step).describe('In the order in which to take the steps'),
    cautions: z.array(printable).describe('What not to do'),
    providerMessage: z
      .object({ subject: printable, body: z.string().regex(/^[\n\x20-\x7e]*$/) })
      .nullable()
      .describe('Ready to be sent to whoever has to set the PTR; null when nobody has to be asked'),
    reverseZone: z.object({ zone: domainName.nullable(), nameservers: z.array(domainName), provider: z.string().nullable() }).nullable(),
  })
  .meta({ id: 'address' })

const knownReply = z.object({
  code: z.int().min(400).max(599),
  enhanced: z.string().nullable(),
  lines: z.array(printable),
  stage: z.string(),
  finding: z.enum(FINDING_CODES),
})

const check = z
  .object({
    ptrgate: z.literal(JSON_FORMAT),
    kind: z.literal('check'),
    target: z.string().describe('As it was given'),
    targetKind: enumOf<CheckReport['targetKind']>({ address: 1, host: 1, domain: 1 }),
    verdict: enumOf<Verdict>({ aligned: 1, misaligned: 1, inconclusive: 1 }),
    via: z.array(z.object({ exchange: domainName, preference: z.int().min(0).max(65535).nullable(), addresses: z.array(ip) })),
    addresses: z.array(address),
    score: z.object({
      points: z.int().min(0).max(25).nullable().describe('The mean over the addresses that could be judged; null when none could'),
      of: z.literal(25),
      undecided: z.int().min(0).describe('How many addresses could not be judged'),
    }),
    findings: z.array(finding).describe('Of the target itself; each address has its own'),
    answers: z
      .array(z.object({ ip, receivers: z.array(z.object({ persona: z.string(), reply: knownReply.nullable() })) }))
      .optional()
      .describe('With `--as all`: what each receiver is known to answer to each address; null where no words of it are known'),
  })
  .meta({ id: 'check' })

const checkList = z
  .object({ ptrgate: z.literal(JSON_FORMAT), kind: z.literal('checkList'), checks: z.array(check) })
  .meta({ id: 'checkList' })
