/**
 * `ptrgate explain` for a person: what it is, what was said and by whom, the findings, the fix. Every stranger's text is escaped and
 * bounded, what is to be copied is never wrapped, and no meaning hangs on a colour.
 */
import { formatAddress } from '../core/address.ts'
import type { RemedyStep } from '../remedy/step.ts'
import { escapeForTerminal } from '../render/escape.ts'
import { argumentText } from '../render/finding-text.ts'
import { beginBlock, markOfLevel, paintMark, symbolOf, textStyle, type Layout, type Mark } from '../render/text-style.ts'
import { addWrapped } from '../render/wrap.ts'
import type { Cause, Explanation } from './explanation.ts'
import type { InputKind } from './passages.ts'
import { toldMessage } from './told.ts'

export interface ExplanationTextOptions {
  readonly color: boolean
  readonly columns: number
  /** With the commands for every program, and every warning. */
  readonly verbose: boolean
}

/** Ends with a line end. */
export function renderExplanation(explanation: Explanation, { color, columns, verbose }: ExplanationTextOptions): string {
  const layout: Layout = { columns: Math.min(Math.max(columns, 40), 100), verbose, style: textStyle(color) }
  const lines: string[] = []
  addHeading(lines, explanation, layout)
  addSaid(lines, explanation, layout)
  addFindings(lines, explanation, layout)
  addSteps(lines, explanation, layout)
  lines.push('')
  return lines.join('\n')
}

const MARKS: Readonly<Record<Cause, Mark>> = { reverseDns: 'error', helo: 'error', other: 'notice', none: 'ok', unknown: 'unsure' }

const HEADINGS: Readonly<Record<Cause, string>> = {
  reverseDns: 'This is about reverse DNS',
  helo: 'This is about HELO',
  other: 'This is not about reverse DNS or HELO',
  none: 'This tells of no trouble with reverse DNS',
  unknown: 'ptrgate does not know what this is about',
}

function addHeading(lines: string[], { cause, findings }: Explanation, { columns, style }: Layout): void {
  const mark = MARKS[cause]
  const doubt = cause === 'unknown' && findings.length > 0 ? 'The receiver does not say what this is about' : HEADINGS[cause]
  addWrapped(lines, doubt, columns, { first: `${symbolOf(mark)} `, rest: '     ' })
  paintMark(lines, 0, mark, style)
}

const INPUTS: Readonly<Record<InputKind, string>> = {
  reply: 'an SMTP reply',
  bounce: 'a message that came back, or was received',
  authenticationResults: 'an Authentication-Results field',
  received: 'a Received field',
  logLine: 'a line of a log',
  text: 'a text',
}

function addSaid(
  lines: string[],
  { input, persona, alsoSaidBy, host, address, claimedName, reply }: Explanation,
  { columns, style }: Layout,
): void {
  const others = alsoSaidBy.length === 0 ? '' : `, or ${alsoSaidBy.join(', ')}, with the same words`
  const rows: readonly (readonly [string, string | null])[] = [
    ['read as', INPUTS[input]],
    ['said by', persona ? `${persona.name}: ${persona.description}${others}` : null],
    ['server', host === null ? null : argumentText(host)],
    ['reply', reply && argumentText([reply.code, reply.enhanced, reply.text].filter((part) => part !== null && part !== '').join(' '))],
    ['address', address && formatAddress(address)],
    ['HELO', claimedName === null ? null : argumentText(claimedName)],
  ]
  beginBlock(lines)
  lines.push(`  ${style.heading('What was said')}`)
  for (const [label, value] of rows)
    if (value !== null) addWrapped(lines, value, columns, { first: `    ${label.padEnd(9)} `, rest: ' '.repeat(14) })
}

function addFindings(lines: string[], { findings, cause }: Explanation, { columns, style }: Layout): void {
  beginBlock(lines)
  if (findings.length === 0) {
    addWrapped(lines, UNKNOWN_HINT, columns, { first: '  ' })
    return
  }
  const isEither = findings.length > 1 && cause !== 'none'
  lines.push(`  ${style.heading(isEither ? 'One of these' : 'Findings')}`)
  for (const finding of findings) {
    const mark = markOfLevel(finding.level)
    const first = `    ${symbolOf(mark)} `
    const at = lines.length
    addWrapped(lines, `${toldMessage(finding)} (${finding.code})`, columns, { first, rest: ' '.repeat(first.length) })
    paintMark(lines, at, mark, style)
  }
}

const UNKNOWN_HINT =
  'No text of a known receiver stands in it, and no status code that tells. It may still be about reverse DNS: ptrgate check ADDRESS tells whether that is in order.'

function addSteps(lines: string[], { remedy, cautions }: Explanation, { columns, style, verbose }: Layout): void {
  if (remedy.length === 0) return
  beginBlock(lines)
  lines.push(`  ${style.heading('The fix')}`)
  for (const [index, step] of remedy.entries()) {
    const first = `    ${String(index + 1)}. `
    const rest = ' '.repeat(first.length)
    addWrapped(lines, `(${ACTORS[step.who]}) ${escapeForTerminal(step.step)}`, columns, { first, rest })
    for (const literal of literalsOf(step, verbose)) {
      if (literal.kind === 'label') addWrapped(lines, escapeForTerminal(literal.text), columns, { first: rest })
      else lines.push(`${rest}  ${style.literal(escapeForTerminal(literal.text))}`)
    }
  }
  const shown = verbose ? cautions : cautions.slice(0, 1)
  if (shown.length > 0) lines.push('')
  for (const caution of shown) addWrapped(lines, escapeForTerminal(caution), columns, { first: '    ' })
}

const ACTORS: Readonly<Record<RemedyStep['who'], string>> = {
  you: 'you',
  dnsOperator: 'whoever runs the DNS zone',
  provider: 'the hosting provider',
  isp: 'the ISP',
}

interface Literal {
  readonly kind: 'label' | 'copy'
  readonly text: string
}

/** A record may be of several lines. Without `verbose`, one way of doing the step. */
function literalsOf({ record, command, choices = [] }: RemedyStep, verbose: boolean): readonly Literal[] {
  const copies = [...(record?.split('\n') ?? []), ...(command === undefined ? [] : [command])].map((text): Literal => ({
    kind: 'copy',
    text,
  }))
  const chosen = verbose ? choices : choices.slice(0, command === undefined ? 1 : 0)
  return [
    ...copies,
    ...chosen.flatMap((choice): Literal[] => [
      { kind: 'label', text: `${choice.label}:` },
      { kind: 'copy', text: choice.command ?? choice.setting ?? '' },
    ]),
  ]
}
