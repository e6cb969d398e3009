/**
 * `ptrgate check` for a person: the loop and where it breaks, what a receiver concludes, the findings, the fix, the score.
 * Fits the given columns, needs no colour, and shows every stranger's text escaped. What is to be copied is never wrapped.
 */
import { formatAddress, sameAddress } from '../core/address.ts'
import { CATALOGUE, type Finding, type FindingCode, type FindingLevel } from '../findings/catalogue.ts'
import type { IprevFacts, IprevResult } from '../iprev/facts.ts'
import { escapeForTerminal } from './escape.ts'
import { argumentText, findingMessage, joinList } from './finding-text.ts'
import { drawLoop } from './loop-drawing.ts'
import { addMessage, addRemedy } from './remedy-text.ts'
import type { AddressReport, CheckReport, Verdict } from './report-types.ts'
import { markOfLevel, symbolOf, textStyle, type Layout, type Mark, type Style } from './text-style.ts'
import { addWrapped, wrapLines } from './wrap.ts'

export interface CheckTextOptions {
  readonly color: boolean
  readonly columns: number
  /** With explanations, all PTR names, lookups, every warning, and the commands for every program. */
  readonly verbose: boolean
}

/** Ends with a line end. */
export function renderCheckText(report: CheckReport, options: CheckTextOptions): string {
  const { verbose } = options
  const layout: Layout = { verbose, columns: Math.min(Math.max(options.columns, 40), 100), style: textStyle(options.color) }
  const hasSections = report.targetKind !== 'address'
  const lines: string[] = []
  // A block that has nothing to say leaves no empty line either.
  const block = (add: () => void): void => {
    const before = lines.length
    if (before > 0) lines.push('')
    add()
    if (before > 0 && lines.length === before + 1) lines.pop()
  }
  block(() => {
    addMarked(lines, MARK_OF_VERDICT[report.verdict], `${argumentText(report.target)} is ${report.verdict}`, layout)
  })
  block(() => {
    addRoute(lines, report, layout)
  })
  block(() => {
    addFindings(lines, report.findings, hasSections ? 'About the target' : 'Findings', layout)
  })
  for (const address of report.addresses) {
    if (hasSections)
      block(() => {
        addAddressHeading(lines, address, report, layout)
      })
    block(() => {
      addLoop(lines, address, layout)
    })
    block(() => {
      addConclusion(lines, address, layout)
    })
    block(() => {
      addFindings(lines, address.findings, 'Findings', layout)
    })
    block(() => {
      addRemedy(lines, address, layout)
    })
    block(() => {
      addMessage(lines, address, layout)
    })
  }
  block(() => {
    addSummary(lines, report, layout)
  })
  lines.push('')
  return lines.join('\n')
}

const MARK_OF_VERDICT: Readonly<Record<Verdict, Mark>> = { aligned: 'ok', misaligned: 'error', inconclusive: 'unsure' }

function addMarked(lines: string[], mark: Mark, text: string, { columns, style }: Layout): void {
  const symbol = symbolOf(mark)
  const at = lines.length
  addWrapped(lines, text, columns, { first: `${symbol} `, rest: '     ' })
  if (style.isColored) lines[at] = style.mark(mark) + style.heading((lines[at] ?? '').slice(symbol.length))
}

/** MX by MX, the addresses of each. */
function addRoute(lines: string[], { via, targetKind, target }: CheckReport, { columns }: Layout): void {
  if (targetKind === 'host' && via.every(({ exchange }) => exchange === target)) return
  for (const { exchange, preference, addresses } of via) {
    const label = preference === null ? (targetKind === 'host' ? 'host' : 'no MX') : `MX ${String(preference)}`
    const to = addresses.length === 0 ? 'no address' : joinList(addresses.map(formatAddress), 8)
    addWrapped(lines, `${argumentText(exchange)} -> ${to}`, columns, { first: `  ${label.padEnd(8)} `, rest: ' '.repeat(13) })
  }
}

function addAddressHeading(lines: string[], address: AddressReport, { via }: CheckReport, { style, columns }: Layout): void {
  const ip = formatAddress(address.address)
  const hosts = via
    .filter((hop) => hop.addresses.some((candidate) => sameAddress(candidate, address.address)))
    .map(({ exchange }) => exchange)
  const mark = worstMark(address.findings)
  const symbol = symbolOf(mark)
  const first = `== ${symbol} `
  const heading = hosts.length === 0 ? ip : `${ip} (${joinList(hosts, 3)})`
  const [line = '', ...rest] = wrapLines(heading, columns, { first, rest: '   ' })
  const rule = rest.length === 0 ? ` ${'='.repeat(Math.max(0, columns - line.length - 1))}` : ''
  lines.push(`== ${style.mark(mark)}${style.heading(line.slice(first.length - 1) + rule)}`, ...rest)
}

function worstMark(findings: readonly Finding[]): Mark {
  const worst = bySeverity(findings)[0]?.level
  return worst === 'error' || worst === 'inconclusive' ? markOfLevel(worst) : 'ok'
}

function addLoop(lines: string[], address: AddressReport, layout: Layout): void {
  const { columns, style, verbose } = layout
  for (const { gutter, text } of drawLoop(address, { columns: columns - GUTTER, maxOtherNames: verbose ? Infinity : 3 })) {
    lines.push(typeof gutter === 'string' ? gutter + INDENT.slice(gutter.length) + text : markedLine(gutter.mark, text, style))
  }
  addHelo(lines, address, columns, style)
}

const GUTTER = 7
const INDENT = ' '.repeat(GUTTER)

function markedLine(mark: Mark, text: string, style: Style): string {
  return ` ${style.mark(mark)}${INDENT.slice(1 + symbolOf(mark).length)}${text}`
}

function addHelo(lines: string[], { helo, findings }: AddressReport, columns: number, style: Style): void {
  if (!helo) {
    lines.push(style.faint(`${INDENT}HELO was not given (--helo NAME), so it is not judged`))
    return
  }
  const worst = bySeverity(findings).find(({ code }) => HELO_REMARKS[code] !== undefined)
  const remark = worst ? (HELO_REMARKS[worst.code] ?? '') : ''
  const mark = worst && worst.code !== 'HELO_ALIGNED' ? markOfLevel(worst.level) : 'ok'
  const [first = '', ...rest] = wrapLines(`HELO ${argumentText(helo.claimedName)} ${remark}`.trimEnd(), columns - GUTTER)
  lines.push(markedLine(mark, first, style))
  for (const line of rest) lines.push(INDENT + line)
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

function addConclusion(
  lines: string[],
  { iprev, decision, authenticationResults }: AddressReport,
  { columns, style, verbose }: Layout,
): void {
  const rule = decision.rule === iprev.result ? '' : ` (${escapeForTerminal(decision.rule)})`
  const intended = decision.intended === decision.action ? '' : `; otherwise ${decision.intended}`
  const { reply } = decision
  lines.push(`  ${style.heading('What a receiver concludes')}`)
  const row = (label: keyof typeof ROW_LABELS, text: string): void => {
    addWrapped(lines, text, columns, ROW_LABELS[label])
  }
  row('iprev', `${iprev.result}: ${RESULT_WORDS[iprev.result]}`)
  row('decision', `${decision.action}${reply ? ` at ${decision.stage.toUpperCase()}` : ''}${rule}${intended}`)
  if (reply)
    row('reply', escapeForTerminal(`${String(reply.code)} ${reply.enhanced === null ? '' : `${reply.enhanced} `}${reply.lines.join(' ')}`))
  row('header', authenticationResults)
  if (verbose) row('lookups', lookupsText(iprev))
}

function lookupsText({ queries, ptrTtl, authenticated }: IprevFacts): string {
  const count = `${String(queries)} ${queries === 1 ? 'query' : 'queries'}`
  return `${count}${ptrTtl === null ? '' : `, PTR TTL ${String(ptrTtl)} s`}, ${authenticated ? '' : 'not '}DNSSEC-authenticated`
}

const ROW_REST = ' '.repeat(14)
const ROW_LABELS = {
  iprev: { first: '    iprev     ', rest: ROW_REST },
  decision: { first: '    decision  ', rest: ROW_REST },
  reply: { first: '    reply     ', rest: ROW_REST },
  header: { first: '    header    ', rest: ROW_REST },
  lookups: { first: '    lookups   ', rest: ROW_REST },
}

/** What is well is in the picture already. */
function addFindings(lines: string[], findings: readonly Finding[], heading: string, layout: Layout): void {
  const shown = layout.verbose ? findings : findings.filter(({ level }) => level !== 'info')
  if (shown.length === 0) return
  lines.push(`  ${layout.style.heading(heading)}`)
  for (const [index, finding] of bySeverity(shown).entries()) {
    if (layout.verbose && index > 0) lines.push('')
    addFinding(lines, finding, layout)
  }
}

function addFinding(lines: string[], finding: Finding, { columns, style, verbose }: Layout): void {
  const mark = markOfLevel(finding.level)
  const symbol = symbolOf(mark)
  const first = `    ${symbol} ${LEVEL_WORDS[finding.level]} `
  const rest = ' '.repeat(first.length)
  const tag = `(${finding.code})`
  const start = lines.length
  addWrapped(lines, `${findingMessage(finding, 'terminal')} ${tag}`, columns, { first, rest })
  if (style.isColored) {
    const last = lines.length - 1
    const line = lines[last] ?? ''
    if (line.endsWith(tag)) lines[last] = line.slice(0, -tag.length) + style.faint(tag)
    lines[start] = (lines[start] ?? '').replace(symbol, style.mark(mark))
  }
  // The catalogue cites sections with a sign that not every terminal has.
  if (verbose) addWrapped(lines, CATALOGUE[finding.code].explanation.replaceAll('\u00a7', 'section '), columns, { first: rest })
}

const LEVEL_WORDS: Readonly<Record<FindingLevel, string>> = {
  error: 'error  ',
  inconclusive: 'unsure ',
  warning: 'warning',
  notice: 'notice ',
  info: 'info   ',
}

function bySeverity(findings: readonly Finding[]): Finding[] {
  return findings.length < 2
    ? [...findings]
    : findings.toSorted((left, right) => SEVERITY.indexOf(left.level) - SEVERITY.indexOf(right.level))
}

const SEVERITY: readonly FindingLevel[] = ['error', 'inconclusive', 'warning', 'notice', 'info']

function addSummary(lines: string[], { verdict, score, addresses }: CheckReport, layout: Layout): void {
  const points = score.points === null ? 'no score' : `score ${String(score.points)} of ${String(score.of)}`
  addMarked(lines, MARK_OF_VERDICT[verdict], `${verdict}: ${[...resultParts(addresses), points].join(', ')}`, layout)
}

function resultParts(addresses: readonly AddressReport[]): string[] {
  const [only] = addresses
  if (!only) return ['no address was judged']
  if (addresses.length === 1) return [RESULT_WORDS[only.iprev.result]]
  const count = (result: IprevResult): number => addresses.filter(({ iprev }) => iprev.result === result).length
  const undecided = count('temperror')
  return [
    `${String(count('pass'))} of ${String(addresses.length)} addresses forward-confirmed`,
    ...(undecided === 0 ? [] : [`${String(undecided)} left out, since it could not be told`]),
  ]
}

const RESULT_WORDS: Readonly<Record<IprevResult, string>> = {
  pass: 'forward-confirmed',
  fail: 'no PTR name leads back',
  permerror: 'no PTR record',
  temperror: 'it could not be told',
}
