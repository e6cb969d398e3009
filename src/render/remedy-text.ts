/**
 * The fix for a person: numbered steps with who does each, the records and commands to copy, and what not to do.
 * What is to be copied stands on a line of its own and is never wrapped. Without `verbose`, one way of doing each step.
 */
import { escapeForTerminal } from './escape.ts'
import { argumentText } from './finding-text.ts'
import type { AddressReport, RemedyStep } from './report-types.ts'
import { beginBlock, type Layout } from './text-style.ts'
import { addWrapped, wrapLines } from './wrap.ts'

export function addRemedy(lines: string[], address: AddressReport, layout: Layout): void {
  const { remedy, reverseZone } = address
  if (remedy.length === 0) return
  beginBlock(lines)
  const { columns, style, verbose } = layout
  const zone = reverseZone?.zone ? `reverse zone ${argumentText(reverseZone.zone)}` : ''
  const provider = reverseZone?.provider ? `at ${argumentText(reverseZone.provider)}` : ''
  const where = zone === '' || provider === '' ? zone + provider : `${zone} ${provider}`
  const heading = wrapLines(where === '' ? 'The fix' : `The fix (${where})`, columns, { first: '  ' })
  for (const line of heading) lines.push(style.heading(line))
  for (const [index, step] of remedy.entries()) {
    if (verbose && index > 0) lines.push('')
    addStep(lines, step, index, layout)
  }
  addCautions(lines, address, layout)
}

/** To be sent as it is: not wrapped. */
export function addMessage(lines: string[], { providerMessage }: AddressReport, { style, verbose }: Layout): void {
  if (!providerMessage || !verbose) return
  beginBlock(lines)
  lines.push(`  ${style.heading('A message to the provider')}`)
  for (const line of [`Subject: ${providerMessage.subject}`, '', ...providerMessage.body.trimEnd().split('\n')]) {
    lines.push(line === '' ? '' : `    ${style.literal(escapeForTerminal(line))}`)
  }
}

function addStep(lines: string[], step: RemedyStep, index: number, { columns, style, verbose }: Layout): void {
  const first = `    ${String(index + 1)}. `
  const rest = ' '.repeat(first.length)
  const literal = (text: string): void => {
    lines.push(`${rest}  ${style.literal(escapeForTerminal(text))}`)
  }
  addWrapped(lines, `(${ACTORS[step.who] ?? argumentText(step.who)}) ${escapeForTerminal(step.step)}`, columns, { first, rest })
  if (step.record !== undefined) literal(step.record)
  if (step.command !== undefined) literal(step.command)
  for (const { label, command, setting } of shownChoices(step, verbose)) {
    addWrapped(lines, `${escapeForTerminal(label)}:`, columns, { first: rest })
    literal(command ?? setting ?? '')
  }
}

const ACTORS: Readonly<Record<string, string>> = {
  you: 'you',
  dnsOperator: 'whoever runs the DNS zone',
  provider: 'the hosting provider',
  isp: 'the ISP',
}

type Choices = NonNullable<RemedyStep['choices']>

/** A step that has a command of its own needs none of them. */
function shownChoices({ command, choices = [] }: RemedyStep, verbose: boolean): Choices {
  return verbose ? choices : choices.slice(0, command === undefined ? 1 : 0)
}

/** The first of what not to do is the one that is done most; the others would bury it. */
function addCautions(lines: string[], { remedy, cautions, providerMessage }: AddressReport, { columns, verbose }: Layout): void {
  const shown = verbose ? cautions : cautions.slice(0, 1)
  const hidden = cautions.length - shown.length
  const more: string[] = []
  if (!verbose && remedy.some((step) => (step.choices ?? []).length > shownChoices(step, verbose).length))
    more.push('the commands for other programs')
  if (hidden > 0) more.push(`${String(hidden)} more ${hidden === 1 ? 'warning' : 'warnings'}`)
  if (providerMessage && !verbose) more.push('a message to send to the provider')
  if (shown.length > 0 || more.length > 0) lines.push('')
  for (const caution of shown) addWrapped(lines, escapeForTerminal(caution), columns, CAUTION_INDENT)
  if (more.length > 0) addWrapped(lines, `(--verbose has ${joinWords(more)})`, columns, CAUTION_INDENT)
}

const CAUTION_INDENT = { first: '    ' }

function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
}
