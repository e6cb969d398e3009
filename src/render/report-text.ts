/**
 * `ptrgate check` for a person: the loop and where it breaks, what a receiver concludes, the findings, the fix, the score.
 * Fits the given columns, needs no colour, and shows every stranger's text escaped. What is to be copied is never wrapped.
 */
import { formatAddress, sameAddress } from '../core/address.ts'
import { CATALOGUE, type Finding, type FindingLevel } from '../findings/catalogue.ts'
import type { IprevFacts, IprevResult } from '../iprev/facts.ts'
import type { SmtpReply } from '../policy/decision.ts'
import { escapeForTerminal } from './escape.ts'
import { argumentText, findingMessage, joinList } from './finding-text.ts'
import { addLoop } from './loop-drawing.ts'
import { addMessage, addRemedy } from './remedy-text.ts'
import type { AddressReport, CheckReport, Verdict } from './report-types.ts'
import { beginBlock, markOfLevel, paintMark, SEVERITY, symbolOf, textStyle, type Layout, type Mark } from './text-style.ts'
import { addWrapped, wrapLines, type WrapOptions } from './wrap.ts'

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
  addMarked(lines, MARK_OF_VERDICT[report.verdict], `${argumentText(report.target)} is ${report.verdict}`, layout)
  addRoute(lines, report, layout)
  addFindings(lines, report.findings, hasSections ? 'About the target' : 'Findings', layout)
  for (const address of report.addresses) {
    if (hasSections) addAddressHeading(lines, address, report, layout)
    beginBlock(lines)
    addLoop(lines, address, layout)
    addConclusion(lines, address, layout)
    addFindings(lines, address.findings, 'Findings', layout)
    addRemedy(lines, address, layout)
    addMessage(lines, address, layout)
  }
  addSummary(lines, report, layout)
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
  if (via.length === 0 || (targetKind === 'host' && via.every(({ exchange }) => exchange === target))) return
  beginBlock(lines)
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
  beginBlock(lines)
  lines.push(`== ${style.mark(mark)}${style.heading(line.slice(first.length - 1) + rule)}`, ...rest)
}

function worstMark(findings: readonly Finding[]): Mark {
  if (findings.some(({ level }) => level === 'error')) return 'error'
  return findings.some(({ level }) => level === 'inconclusive') ? 'unsure' : 'ok'
}

function addConclusion(
  lines: string[],
  { iprev, decision, authenticationResults }: AddressReport,
  { columns, style, verbose }: Layout,
): void {
  const rule = decision.rule === iprev.result ? '' : ` (${escapeForTerminal(decision.rule)})`
  const intended = decision.intended === decision.action ? '' : `; otherwise ${decision.intended}`
  const { reply } = decision
  beginBlock(lines)
  lines.push(`  ${style.heading('What a receiver concludes')}`)
  addWrapped(lines, `${iprev.result}: ${RESULT_WORDS[iprev.result]}`, columns, ROWS.iprev)
  addWrapped(lines, `${decision.action}${reply ? ` at ${decision.stage.toUpperCase()}` : ''}${rule}${intended}`, columns, ROWS.decision)
  if (reply) addWrapped(lines, replyText(reply), columns, ROWS.reply)
  addWrapped(lines, authenticationResults, columns, ROWS.header)
  if (verbose) addWrapped(lines, lookupsText(iprev), columns, ROWS.lookups)
}

function replyText({ code, enhanced, lines }: SmtpReply): string {
  return escapeForTerminal(`${String(code)} ${enhanced === null ? '' : `${enhanced} `}${lines.join(' ')}`)
}

function lookupsText({ queries, ptrTtl, authenticated }: IprevFacts): string {
  const count = `${String(queries)} ${queries === 1 ? 'query' : 'queries'}`
  return `${count}${ptrTtl === null ? '' : `, PTR TTL ${String(ptrTtl)} s`}, ${authenticated ? '' : 'not '}DNSSEC-authenticated`
}

const ROW_REST = ' '.repeat(14)
const ROWS = {
  iprev: { first: '    iprev     ', rest: ROW_REST },
  decision: { first: '    decision  ', rest: ROW_REST },
  reply: { first: '    reply     ', rest: ROW_REST },
  header: { first: '    header    ', rest: ROW_REST },
  lookups: { first: '    lookups   ', rest: ROW_REST },
}

/** What is well is in the picture already. */
export function addFindings(lines: string[], findings: readonly Finding[], heading: string, layout: Layout): void {
  const { verbose, style } = layout
  const start = lines.length
  for (const level of verbose ? SEVERITY : SHOWN_LEVELS) {
    for (const finding of findings) {
      if (finding.level !== level) continue
      if (lines.length === start) {
        beginBlock(lines)
        lines.push(`  ${style.heading(heading)}`)
      } else if (verbose) lines.push('')
      addFinding(lines, finding, layout)
    }
  }
}

const SHOWN_LEVELS = SEVERITY.filter((level) => level !== 'info')

function addFinding(lines: string[], finding: Finding, { columns, style, verbose }: Layout): void {
  const tag = `(${finding.code})`
  const start = lines.length
  addWrapped(lines, `${findingMessage(finding, 'terminal')} ${tag}`, columns, FINDING_PREFIXES[finding.level])
  if (style.isColored) {
    const last = lines.length - 1
    const line = lines[last] ?? ''
    if (line.endsWith(tag)) lines[last] = line.slice(0, -tag.length) + style.faint(tag)
    paintMark(lines, start, markOfLevel(finding.level), style)
  }
  // The catalogue cites sections with a sign that not every terminal has.
  if (verbose) addWrapped(lines, CATALOGUE[finding.code].explanation.replaceAll('\u00a7', 'section '), columns, EXPLANATION_PREFIX)
}

const FINDING_PREFIXES: Readonly<Record<FindingLevel, WrapOptions>> = {
  error: findingPrefix('error', 'error  '),
  inconclusive: findingPrefix('inconclusive', 'unsure '),
  warning: findingPrefix('warning', 'warning'),
  notice: findingPrefix('notice', 'notice '),
  info: findingPrefix('info', 'info   '),
}
const EXPLANATION_PREFIX: WrapOptions = { first: FINDING_PREFIXES.info.rest }

function findingPrefix(level: FindingLevel, word: string): WrapOptions {
  const first = `    ${symbolOf(markOfLevel(level))} ${word} `
  return { first, rest: ' '.repeat(first.length) }
}

function addSummary(lines: string[], { verdict, score, addresses }: CheckReport, layout: Layout): void {
  const points = score.points === null ? 'no score' : `score ${String(score.points)} of ${String(score.of)}`
  beginBlock(lines)
  addMarked(lines, MARK_OF_VERDICT[verdict], `${verdict}: ${resultText(addresses)}, ${points}`, layout)
}

function resultText(addresses: readonly AddressReport[]): string {
  const [only] = addresses
  if (!only) return 'no address was judged'
  if (addresses.length === 1) return RESULT_WORDS[only.iprev.result]
  const count = (result: IprevResult): number => addresses.filter(({ iprev }) => iprev.result === result).length
  const undecided = count('temperror')
  const confirmed = `${String(count('pass'))} of ${String(addresses.length)} addresses forward-confirmed`
  return undecided === 0 ? confirmed : `${confirmed}, ${String(undecided)} left out, since it could not be told`
}

const RESULT_WORDS: Readonly<Record<IprevResult, string>> = {
  pass: 'forward-confirmed',
  fail: 'no PTR name leads back',
  permerror: 'no PTR record',
  temperror: 'it could not be told',
}
