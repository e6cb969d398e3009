/**
 * The loop as a picture: address → PTR → name → address, closed by a rail when it closes, and else marked where it breaks; below
 * it what HELO has to do with it. ASCII only; every name is escaped, bounded and wrapped, so that no name can break the picture.
 */
import { formatAddress } from '../core/address.ts'
import { sameName } from '../core/domain-name.ts'
import type { Finding, FindingCode } from '../findings/catalogue.ts'
import type { IprevFacts, PtrName, PtrNameOutcome } from '../iprev/facts.ts'
import { argumentText, joinList } from './finding-text.ts'
import type { AddressReport } from './report-types.ts'
import { markOfLevel, paintMark, SEVERITY, symbolOf, type Layout, type Mark } from './text-style.ts'
import { addWrapped, type WrapOptions } from './wrap.ts'

export function addLoop(lines: string[], report: AddressReport, layout: Layout): void {
  const drawn = nameToDraw(report)
  addPicture(lines, report.iprev, drawn, layout)
  if (drawn) addOtherNames(lines, report.iprev, drawn, layout)
  addHelo(lines, report, layout)
}

/** The confirmed name; else the one that the result hangs on. */
function nameToDraw({ iprev, confirmedName }: AddressReport): PtrName | undefined {
  const confirmed = iprev.names.find(
    ({ name, outcome }) => outcome === 'confirmed' && confirmedName !== null && sameName(name, confirmedName),
  )
  const undecided = iprev.result === 'temperror' ? iprev.names.find(({ outcome }) => isUndecided(outcome)) : undefined
  return confirmed ?? undecided ?? iprev.names[0]
}

function addPicture(lines: string[], iprev: IprevFacts, drawn: PtrName | undefined, layout: Layout): void {
  const { columns } = layout
  const ip = formatAddress(iprev.address)
  const { place, arrow } = drawn?.outcome === 'confirmed' ? RAILED : OPEN
  const start = lines.length
  addWrapped(lines, ip, columns, place)
  addWrapped(lines, `PTR${aliasNote(iprev.aliases.at(-1)?.target)}`, columns, arrow)
  if (!drawn) {
    addMarked(lines, iprev.result === 'temperror' ? 'unsure' : 'error', reverseTrouble(iprev), layout)
    return
  }
  addWrapped(lines, argumentText(drawn.name), columns, place)
  if (drawn.outcome === 'notHostName' || drawn.outcome === 'singleLabel') {
    addMarked(lines, 'error', NOT_ASKED[drawn.outcome], layout)
    return
  }
  const type = iprev.address.family === 4 ? 'A' : 'AAAA'
  addWrapped(lines, `${type}${aliasNote(drawn.aliases.at(-1)?.target)}`, columns, arrow)
  if (drawn.outcome === 'confirmed') {
    addWrapped(lines, ip, columns, place)
    closeRail(lines, start)
    addMarked(lines, 'ok', `the loop closes: ${argumentText(drawn.name)} is confirmed`, layout)
  } else addMarked(lines, isUndecided(drawn.outcome) ? 'unsure' : 'error', forwardTrouble(drawn, ip, type), layout)
}

/** What stands left of the picture: nothing, a rail or a mark. */
const INDENT = '       '
const RAIL = ' |     '
const RAIL_START = ' .->   '
const RAIL_END = " '--   "
const OPEN = picturePrefixes(INDENT)
const RAILED = picturePrefixes(RAIL)

function picturePrefixes(gutter: string): { readonly place: WrapOptions; readonly arrow: WrapOptions } {
  return { place: { first: gutter }, arrow: { first: `${gutter}  | `, rest: `${gutter}  |   ` } }
}

/** Along the lines from `start` on, whose last one is where their first one was. */
function closeRail(lines: string[], start: number): void {
  const end = lines.length - 1
  lines[start] = RAIL_START + (lines[start] ?? '').slice(RAIL.length)
  lines[end] = RAIL_END + (lines[end] ?? '').slice(RAIL.length)
}

function addMarked(lines: string[], mark: Mark, text: string, { columns, style }: Layout): void {
  const at = lines.length
  addWrapped(lines, text, columns, MARKED[mark])
  paintMark(lines, at, mark, style)
}

const MARKED: Readonly<Record<Mark, WrapOptions>> = {
  ok: markPrefix('ok'),
  error: markPrefix('error'),
  unsure: markPrefix('unsure'),
  warning: markPrefix('warning'),
  notice: markPrefix('notice'),
  info: markPrefix('info'),
}

function markPrefix(mark: Mark): WrapOptions {
  return { first: ` ${symbolOf(mark)}`.padEnd(INDENT.length), rest: INDENT }
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

function forwardTrouble({ addresses, outcome }: PtrName, ip: string, type: string): string {
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

function addOtherNames(lines: string[], { names, ptrNameCount }: IprevFacts, drawn: PtrName, { columns, verbose }: Layout): void {
  const limit = verbose ? Infinity : MAX_OTHER_NAMES
  let shown = 0
  for (const other of names) {
    if (other === drawn || shown >= limit) continue
    shown++
    addWrapped(lines, `${argumentText(other.name)} -> ${otherOutcome(other)}`, columns, OTHER_NAME)
  }
  const hidden = ptrNameCount - 1 - shown
  if (hidden > 0) lines.push(`${INDENT}  and ${String(hidden)} more PTR ${hidden === 1 ? 'name' : 'names'}`)
}

/** Beside the drawn one, for who did not ask for all. */
const MAX_OTHER_NAMES = 3
const OTHER_NAME: WrapOptions = { first: `${INDENT}  also `, rest: `${INDENT}       ` }

function otherOutcome({ addresses, outcome }: PtrName): string {
  return outcome === 'elsewhere' ? joinList(addresses.map(formatAddress), 3) : OUTCOMES[outcome]
}

function addHelo(lines: string[], { helo, findings }: AddressReport, layout: Layout): void {
  if (!helo) {
    lines.push(layout.style.faint(`${INDENT}HELO was not given (--helo NAME), so it is not judged`))
    return
  }
  const worst = worstOfHelo(findings)
  const mark = worst && worst.code !== 'HELO_ALIGNED' ? markOfLevel(worst.level) : 'ok'
  const claim = `HELO ${argumentText(helo.claimedName)}`
  addMarked(lines, mark, worst ? `${claim} ${HELO_REMARKS[worst.code] ?? ''}` : claim, layout)
}

function worstOfHelo(findings: readonly Finding[]): Finding | undefined {
  let worst: Finding | undefined
  for (const finding of findings) {
    if (HELO_REMARKS[finding.code] === undefined) continue
    if (worst === undefined || SEVERITY.indexOf(finding.level) < SEVERITY.indexOf(worst.level)) worst = finding
  }
  return worst
}

/** What the finding says of HELO in the picture; its whole sentence stands below. */
const HELO_REMARKS: { readonly [C in FindingCode]?: string } = {
  HELO_SYNTAX: 'is no valid host name or address literal',
  HELO_BARE_ADDRESS: 'is an address without brackets',
  HELO_LITERAL: 'is an address literal, not a name',
  HELO_LITERAL_MISMATCH: 'is not the address of the client',
  HELO_LOCALHOST: 'is a name of the local host',
  HELO_NOT_FQDN: 'is not fully qualified',
  HELO_RESERVED_SUFFIX: 'ends in a reserved suffix',
  HELO_OUR_NAME: "is the receiver's own name or address",
  HELO_GENERIC: 'looks like the name of a pool',
  HELO_UNRESOLVABLE: 'does not resolve',
  HELO_UNKNOWN: 'could not be looked up',
  HELO_OTHER_ADDRESS: 'resolves to another address',
  HELO_PTR_DIFFERS: 'is not the PTR name',
  HELO_CONFIRMED_DIFFERS: 'is not the confirmed name',
  HELO_ORGANISATION_DIFFERS: 'belongs to another organisation',
  HELO_ALIGNED: 'is the confirmed name',
}
