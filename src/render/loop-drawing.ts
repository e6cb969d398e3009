/**
 * The loop as a picture: address → PTR → name → address, closed by a rail when it closes, and else marked where it breaks.
 * ASCII only; every name is escaped, bounded and wrapped, so that no name can break the picture.
 */
import { formatAddress } from '../core/address.ts'
import { sameName } from '../core/domain-name.ts'
import type { IprevFacts, PtrName, PtrNameOutcome } from '../iprev/facts.ts'
import { argumentText, joinList } from './finding-text.ts'
import type { AddressReport } from './report-types.ts'
import type { Mark } from './text-style.ts'
import { wrapLines } from './wrap.ts'

/** A line of the picture. The gutter holds the rail or a mark; colour comes later. */
export interface LoopLine {
  readonly gutter: string | { readonly mark: Mark }
  readonly text: string
}

export interface LoopOptions {
  /** For the text beside the gutter. */
  readonly columns: number
  /** How many PTR names beside the drawn one are listed. */
  readonly maxOtherNames: number
}

export function drawLoop(report: AddressReport, options: LoopOptions): readonly LoopLine[] {
  const { iprev } = report
  const drawn = nameToDraw(report)
  const start = [...plain(formatAddress(iprev.address), options), ...arrow(`PTR${aliasNote(iprev.aliases.at(-1)?.target)}`, options)]
  if (!drawn) return [...start, ...marked(iprev.result === 'temperror' ? 'unsure' : 'error', reverseTrouble(iprev), options)]
  const name = plain(argumentText(drawn.name), options)
  if (drawn.outcome === 'notHostName' || drawn.outcome === 'singleLabel') {
    return [...start, ...name, ...marked('error', NOT_ASKED[drawn.outcome], options), ...otherNames(iprev, drawn, options)]
  }
  const type = iprev.address.family === 4 ? 'A' : 'AAAA'
  const path = [...start, ...name, ...arrow(`${type}${aliasNote(drawn.aliases.at(-1)?.target)}`, options)]
  const end =
    drawn.outcome === 'confirmed'
      ? marked('ok', `the loop closes: ${argumentText(drawn.name)} is confirmed`, options)
      : marked(isUndecided(drawn.outcome) ? 'unsure' : 'error', forwardTrouble(drawn, iprev, type), options)
  const picture = drawn.outcome === 'confirmed' ? withRail([...path, ...plain(formatAddress(iprev.address), options)]) : path
  return [...picture, ...end, ...otherNames(iprev, drawn, options)]
}

/** The confirmed name; else the one that the result hangs on. */
function nameToDraw({ iprev, confirmedName }: AddressReport): PtrName | undefined {
  const confirmed = iprev.names.find(
    ({ name, outcome }) => outcome === 'confirmed' && confirmedName !== null && sameName(name, confirmedName),
  )
  const undecided = iprev.result === 'temperror' ? iprev.names.find(({ outcome }) => isUndecided(outcome)) : undefined
  return confirmed ?? undecided ?? iprev.names[0]
}

function plain(text: string, { columns }: LoopOptions): LoopLine[] {
  return wrapLines(text, columns).map((line) => ({ gutter: '', text: line }))
}

function arrow(label: string, { columns }: LoopOptions): LoopLine[] {
  return wrapLines(label, columns, { first: '  | ', rest: '  |   ' }).map((line) => ({ gutter: '', text: line }))
}

function marked(mark: Mark, text: string, { columns }: LoopOptions): LoopLine[] {
  return wrapLines(text, columns).map((line, index) => ({ gutter: index === 0 ? { mark } : '', text: line }))
}

function withRail(lines: readonly LoopLine[]): LoopLine[] {
  return lines.map(({ text }, index) => ({ gutter: index === 0 ? ' .->' : index === lines.length - 1 ? " '--" : ' |', text }))
}

function aliasNote(target: string | undefined): string {
  return target === undefined ? '' : `, by CNAME from ${argumentText(target)}`
}

function reverseTrouble(iprev: IprevFacts): string {
  const reverseName = argumentText(iprev.reverseName)
  const target = argumentText(iprev.aliases.at(-1)?.target ?? iprev.reverseName)
  switch (iprev.reason) {
    case 'noReverseName':
      return `nothing: ${reverseName} does not exist`
    case 'noPtrRecord':
      return `nothing: ${reverseName} holds no PTR record`
    case 'aliasLoop':
      return `nothing: the CNAMEs of ${reverseName} run in a circle`
    case 'aliasDangling':
      return `nothing: ${target} holds no PTR record`
    case 'aliasTooDeep':
      return `nothing: ${reverseName} leads through too many CNAMEs`
    case 'reverseServfail':
      return 'not known: the answer was SERVFAIL'
    case 'reverseRefused':
      return 'not known: the answer was REFUSED'
    case 'reverseTimeout':
      return 'not known: no answer in time'
    case 'reverseMalformed':
      return 'not known: the answer was malformed'
    default:
      return 'not known: the lookup could not be completed'
  }
}

function forwardTrouble({ addresses, outcome }: PtrName, iprev: IprevFacts, type: string): string {
  const ip = formatAddress(iprev.address)
  if (outcome === 'elsewhere') return `${joinList(addresses.map(formatAddress))}: not ${ip}, so the loop does not close`
  return isUndecided(outcome)
    ? `not known: ${OUTCOMES[outcome]}`
    : `nothing: ${outcome === 'nodata' ? `no ${type} record` : OUTCOMES[outcome]}`
}

const NOT_ASKED = {
  notHostName: 'not looked up: this is no valid host name',
  singleLabel: 'not looked up: a single label is no name of a mail host',
} as const

const OUTCOMES: Readonly<Record<PtrNameOutcome, string>> = {
  confirmed: 'confirmed as well',
  elsewhere: 'another address',
  nxdomain: 'no such name',
  nodata: 'no address record',
  aliasLoop: 'CNAMEs in a circle',
  aliasTooDeep: 'too many CNAMEs',
  notHostName: 'no valid host name',
  singleLabel: 'a single label',
  servfail: 'the answer was SERVFAIL',
  refused: 'the answer was REFUSED',
  timeout: 'no answer in time',
  malformed: 'the answer was malformed',
  deadline: 'no answer before the deadline',
  queryCap: 'not asked within the query limit',
  aborted: 'interrupted',
}

function isUndecided(outcome: PtrNameOutcome): boolean {
  return UNDECIDED.has(outcome)
}

const UNDECIDED: ReadonlySet<PtrNameOutcome> = new Set(['servfail', 'refused', 'timeout', 'malformed', 'deadline', 'queryCap', 'aborted'])

function otherNames(iprev: IprevFacts, drawn: PtrName, options: LoopOptions): LoopLine[] {
  const others = iprev.names.filter((candidate) => candidate !== drawn)
  const shown = others.slice(0, options.maxOtherNames)
  const lines = shown.flatMap((other) =>
    wrapLines(`${argumentText(other.name)} -> ${otherOutcome(other)}`, options.columns, { first: '  also ', rest: '       ' }),
  )
  const hidden = iprev.ptrNameCount - 1 - shown.length
  if (hidden > 0) lines.push(`  and ${String(hidden)} more PTR ${hidden === 1 ? 'name' : 'names'}`)
  return lines.map((text) => ({ gutter: '', text }))
}

function otherOutcome({ addresses, outcome }: PtrName): string {
  return outcome === 'elsewhere' ? joinList(addresses.map(formatAddress), 3) : OUTCOMES[outcome]
}
