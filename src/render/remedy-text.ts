/**
 * The fix for a person: numbered steps with who does each, the records and commands to copy, and what not to do.
 * What is to be copied stands on a line of its own and is never wrapped. Without `verbose`, one way of doing each step.
 */
import { escapeForTerminal } from './escape.ts'
import { argumentText } from './finding-text.ts'
import type { AddressReport, RemedyStep } from './report-types.ts'
import type { Layout } from './text-style.ts'
import { wrapLines } from './wrap.ts'

export function remedyLines(address: AddressReport, layout: Layout): string[] {
  const { remedy, reverseZone } = address
  if (remedy.length === 0) return []
  const { columns, style, verbose } = layout
  const zone = reverseZone?.zone
  const where = [
    ...(zone ? [`reverse zone ${argumentText(zone)}`] : []),
    ...(reverseZone?.provider ? [`at ${argumentText(reverseZone.provider)}`] : []),
  ].join(' ')
  const heading = wrapLines(where === '' ? 'The fix' : `The fix (${where})`, columns, { first: '  ' })
  const steps = remedy.flatMap((step, index) => [...(verbose && index > 0 ? [''] : []), ...stepLines(step, index, layout)])
  return [...heading.map((line) => style.heading(line)), ...steps, ...cautionLines(address, layout)]
}

/** To be sent as it is: not wrapped. */
export function messageLines({ providerMessage }: AddressReport, { style, verbose }: Layout): string[] {
  if (!providerMessage || !verbose) return []
  const lines = [`Subject: ${providerMessage.subject}`, '', ...providerMessage.body.trimEnd().split('\n')]
  return [
    `  ${style.heading('A message to the provider')}`,
    ...lines.map((line) => (line === '' ? '' : `    ${style.literal(escapeForTerminal(line))}`)),
  ]
}

function stepLines(step: RemedyStep, index: number, { columns, style, verbose }: Layout): string[] {
  const first = `    ${String(index + 1)}. `
  const rest = ' '.repeat(first.length)
  const literal = (text: string): string => `${rest}  ${style.literal(escapeForTerminal(text))}`
  return [
    ...wrapLines(`(${ACTORS[step.who] ?? argumentText(step.who)}) ${escapeForTerminal(step.step)}`, columns, { first, rest }),
    ...(step.record === undefined ? [] : [literal(step.record)]),
    ...(step.command === undefined ? [] : [literal(step.command)]),
    ...shownChoices(step, verbose).flatMap(({ label, command, setting }) => [
      ...wrapLines(`${escapeForTerminal(label)}:`, columns, { first: rest }),
      literal(command ?? setting ?? ''),
    ]),
  ]
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
function cautionLines({ remedy, cautions, providerMessage }: AddressReport, { columns, verbose }: Layout): string[] {
  const shown = verbose ? cautions : cautions.slice(0, 1)
  const hidden = cautions.length - shown.length
  const hasHiddenChoices = remedy.some((step) => (step.choices ?? []).length > shownChoices(step, verbose).length)
  const more = [
    ...(hasHiddenChoices ? ['the commands for other programs'] : []),
    ...(hidden > 0 ? [`${String(hidden)} more ${hidden === 1 ? 'warning' : 'warnings'}`] : []),
    ...(providerMessage && !verbose ? ['a message to send to the provider'] : []),
  ]
  const lines = [
    ...shown.flatMap((caution) => wrapLines(escapeForTerminal(caution), columns, { first: '    ' })),
    ...(more.length === 0 ? [] : wrapLines(`(--verbose has ${joinWords(more)})`, columns, { first: '    ' })),
  ]
  return lines.length === 0 ? [] : ['', ...lines]
}

function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
}
