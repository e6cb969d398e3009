/**
 * The form of config/personas/*.yaml, one file a receiver. What a text may not be is refused here, so that nothing wrong can be
 * spoken later: codes of two classes, a permanent code for what could not be told, a key that is no part of its text.
 */
import { z } from 'zod'
import { CATALOGUE, FINDING_CODES } from '../findings/catalogue.ts'
import { PERSONA_KINDS, PLACEHOLDER, STAGES, type PersonaData, type ReceiverText, type StatusRange } from './persona.ts'

const SPOKEN = ['ip', 'helo', 'ptr', 'host'] as const
const RECOGNISED = [...SPOKEN, 'any'] as const
/** A reply has no more (RFC 5321 §4.5.3.1.5), and recognising one takes time by their number. */
const MAX_LINES = 20
const MAX_WILDCARDS = 2

const text = (max: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x20-\x7e]+$/, 'must be one line of printable ASCII')
const hostName = z.string().regex(/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/, 'must be a host name')
const hostPattern = z.string().regex(/^(?:\*\.)?(?:[a-z0-9-]+\.)+[a-z]+$/, 'must be a lower-case host name, or *. and a domain')
const status = z
  .string()
  .regex(
    /^(?:none|[45]\.[0-9]{1,3}\.[0-9]{1,3}(?:-[0-9]{1,3})?)$/,
    'must be none, a status code such as 5.7.25, or a range such as 5.7.606-649',
  )

const receiverText = z
  .strictObject({
    use: z.enum(['answer', 'recognise']).default('answer'),
    findings: z.array(z.enum(FINDING_CODES, 'is no known finding; `ptrgate findings` lists them')).min(1),
    family: z.enum(['ipv4', 'ipv6']).optional(),
    stage: z.enum(STAGES).optional(),
    code: z.int().min(400).max(599).optional(),
    enhanced: status.optional(),
    lines: z.array(text(500)).min(1).max(MAX_LINES),
    key: text(500).optional(),
    source: text(500),
    date: z
      .union([z.string(), z.number().transform(String)])
      .pipe(z.string().regex(/^(?:unknown|[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?)$/, 'must be 2024, 2024-07, 2024-07-31 or unknown')),
  })
  .check(({ value, issues }) => {
    for (const [key, message] of mistakesIn(value)) issues.push({ code: 'custom', message, path: [key], input: value })
  })

type WrittenText = z.output<typeof receiverText>

export const personaSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens'),
    description: text(200),
    kind: z.enum(PERSONA_KINDS),
    stage: z.enum(STAGES),
    host: hostName.optional(),
    hosts: z.array(hostPattern).default([]),
    texts: z.array(receiverText).min(1),
  })
  .check(({ value, issues }) => {
    if (RESERVED_NAMES.has(value.name)) issues.push({ code: 'custom', message: `${value.name} is taken`, path: ['name'], input: value })
    if (value.host === undefined && value.texts.some(({ use, lines }) => use === 'answer' && lines.join('').includes('{host}')))
      issues.push({ code: 'custom', message: 'a text names {host}: host is missing, one of its servers', path: [], input: value })
  })

const RESERVED_NAMES: ReadonlySet<string> = new Set(['rfc7372', 'all'])

/** Under the key that is at fault. */
function mistakesIn({ use, code, enhanced, findings, lines, key }: WrittenText): readonly (readonly [keyof WrittenText, string])[] {
  const mistakes: (readonly [keyof WrittenText, string])[] = []
  const tokens = use === 'answer' ? SPOKEN : RECOGNISED
  const whole = lines.join(' ')
  for (const [place, written] of [
    ['lines', whole],
    ['key', key ?? ''],
  ] as const) {
    const unknown = placeholdersIn(written).find((token) => !RECOGNISED.some((known) => known === token))
    if (unknown !== undefined) mistakes.push([place, `{${unknown}} is no placeholder; there is ${shown(RECOGNISED)}`])
    if (placeholdersIn(written).filter((token) => token === 'any').length > MAX_WILDCARDS)
      mistakes.push([place, `{any} may stand ${String(MAX_WILDCARDS)} times at most`])
  }
  if (placeholdersIn(whole).some((token) => !tokens.some((known) => known === token)))
    mistakes.push(['lines', `a text that is spoken may hold only ${shown(tokens)}`])
  if (literalLength(key ?? whole) < MIN_LITERAL) mistakes.push(['key', 'too little is left to recognise it by without the placeholders'])
  if (use === 'recognise') return mistakes
  if (code === undefined || enhanced === undefined) mistakes.push(['use', 'a text that is spoken needs code and enhanced (or none)'])
  if (enhanced?.includes('-') === true) mistakes.push(['enhanced', 'a text that is spoken has one status code'])
  if (code !== undefined && enhanced !== undefined && enhanced !== 'none' && !enhanced.startsWith(String(code).charAt(0)))
    mistakes.push(['enhanced', `${enhanced} is of another class than ${String(code)}`])
  if (code !== undefined && code >= 500 && findings.some((finding) => CATALOGUE[finding].level === 'inconclusive'))
    mistakes.push(['code', 'what could not be told never gets a permanent answer'])
  return mistakes
}

/** `(DNS:NR)` is the shortest that anybody says. */
const MIN_LITERAL = 8

function placeholdersIn(written: string): readonly string[] {
  return Array.from(written.matchAll(PLACEHOLDER), (match) => match[1] ?? '')
}

function shown(tokens: readonly string[]): string {
  return tokens.map((token) => `{${token}}`).join(' ')
}

/** How much of a text is its own: the more, the surer it is recognised. */
export function literalLength(written: string): number {
  return written.replace(PLACEHOLDER, '').replace(/ /g, '').length
}

export function personaData({ name, description, kind, stage, host, hosts, texts }: z.output<typeof personaSchema>): PersonaData {
  return { name, description, kind, stage, host: host ?? '', hosts, texts: texts.map((written) => textOf(written, stage)) }
}

function textOf(
  { use, findings, family, stage, code, enhanced, lines, key, source, date }: WrittenText,
  usual: PersonaData['stage'],
): ReceiverText {
  return {
    use,
    findings,
    family: family === undefined ? null : family === 'ipv4' ? 4 : 6,
    stage: stage ?? usual,
    code: code ?? null,
    enhanced: enhanced === undefined || enhanced === 'none' ? null : statusRange(enhanced),
    lines,
    key: key ?? lines.join(' ').trim(),
    source,
    date,
  }
}

function statusRange(written: string): StatusRange {
  const [first = '', end] = written.split('-')
  return { first, last: end === undefined ? first : first.replace(/[0-9]+$/, end) }
}
