/**
 * `ptrgate check` for a person: the loop and where it breaks, what a receiver concludes, the findings, the fix, the score.
 * Fits the given columns, needs no colour, and shows every stranger's text escaped. What is to be copied is never wrapped.
 */
import { formatAddress, sameAddress } from '../core/address.ts'
import { CATALOGUE, type Finding, type FindingCode, type FindingLevel } from '../findings/catalogue.ts'
import type { IprevResult } from '../iprev/facts.ts'
import { iprevAuthResults } from './auth-results.ts'
import { escapeForTerminal } from './escape.ts'
import { argumentText, findingMessage, joinList } from './finding-text.ts'
import { drawLoop } from './loop-drawing.ts'
import { messageLines, remedyLines } from './remedy-text.ts'
import type { AddressReport, CheckReport, Verdict } from './report-types.ts'
import { markOfLevel, symbolOf, textStyle, type Layout, type Mark, type Style } from './text-style.ts'
import { wrapLines } from './wrap.ts'

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
  const blocks = [
    markedLines(MARK_OF_VERDICT[report.verdict], `${argumentText(report.target)} is ${report.verdict}`, layout),
    routeLines(report, layout),
    findingLines(report.findings, hasSections ? 'About the target' : 'Findings', layout),
    ...report.addresses.flatMap((address) => [
      ...(hasSections ? [addressHeading(address, report, layout)] : []),
      loopLines(address, layout),
      conclusionLines(address, report.authservId, layout),
      findingLines(address.findings, 'Findings', layout),
      remedyLines(address, layout),
      messageLines(address, layout),
    ]),
    summaryLines(report, layout),
  ]
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

const MARK_OF_VERDICT: Readonly<Record<Verdict, Mark>> = { aligned: 'ok', misaligned: 'error', inconclusive: 'unsure' }

function markedLines(mark: Mark, text: string, { columns, style }: Layout): string[] {
  const symbol = symbolOf(mark)
  const [first = '', ...rest] = wrapLines(text, columns, { first: `${symbol} `, rest: '     ' })
  return [style.mark(mark) + style.heading(first.slice(symbol.length)), ...rest]
}

/** MX by MX, the addresses of each. */
function routeLines({ via, targetKind, target }: CheckReport, { columns }: Layout): string[] {
  if (targetKind === 'host' && via.every(({ exchange }) => exchange === target)) return []
  return via.flatMap(({ exchange, preference, addresses }) => {
    const label = preference === null ? (targetKind === 'host' ? 'host' : 'no MX') : `MX ${String(preference)}`
    const to = addresses.length === 0 ? 'no address' : joinList(addresses.map(formatAddress), 8)
    return wrapLines(`${argumentText(exchange)} -> ${to}`, columns, { first: `  ${label.padEnd(8)} `, rest: ' '.repeat(13) })
  })
}

function addressHeading(address: AddressReport, { via }: CheckReport, { style, columns }: Layout): string[] {
  const ip = formatAddress(address.address)
  const hosts = via
    .filter((hop) => hop.addresses.some((candidate) => sameAddress(candidate, address.address)))
    .map(({ exchange }) => exchange)
  const mark = worstMark(address.findings)
  const symbol = symbolOf(mark)
  const first = `== ${symbol} `
  const lines = wrapLines(hosts.length === 0 ? ip : `${ip} (${joinList(hosts, 3)})`, columns, { first, rest: '   ' })
  const [line = '', ...rest] = lines
  const rule = rest.length === 0 ? ` ${'='.repeat(Math.max(0, columns - line.length - 1))}` : ''
  return [`== ${style.mark(mark)}${style.heading(line.slice(first.length - 1) + rule)}`, ...rest]
}

function worstMark(findings: readonly Finding[]): Mark {
  const worst = bySeverity(findings)[0]?.level
  return worst === 'error' || worst === 'inconclusive' ? markOfLevel(worst) : 'ok'
}

function loopLines(address: AddressReport, { columns, style, verbose }: Layout): string[] {
  const drawn = drawLoop(address, { columns: columns - GUTTER, maxOtherNames: verbose ? Infinity : 3 })
  const picture = drawn.map(({ gutter, text }) =>
    typeof gutter === 'string' ? `${gutter.padEnd(GUTTER)}${text}`.trimEnd() : markedLine(gutter.mark, text, style),
  )
  return [...picture, ...heloLines(address, columns, style)]
}

const GUTTER = 7

function markedLine(mark: Mark, text: string, style: Style): string {
  return ` ${style.mark(mark)}${' '.repeat(GUTTER - 1 - symbolOf(mark).length)}${text}`
}

function heloLines({ helo, findings }: AddressReport, columns: number, style: Style): string[] {
  if (!helo) return [style.faint(`${' '.repeat(GUTTER)}HELO was not given (--helo NAME), so it is not judged`)]
  const worst = bySeverity(findings).find(({ code }) => HELO_REMARKS[code] !== undefined)
  const remark = worst ? (HELO_REMARKS[worst.code] ?? '') : ''
  const mark = worst && worst.code !== 'HELO_ALIGNED' ? markOfLevel(worst.level) : 'ok'
  const [first = '', ...rest] = wrapLines(`HELO ${argumentText(helo.claimedName)} ${remark}`.trimEnd(), columns - GUTTER)
  return [markedLine(mark, first, style), ...rest.map((line) => ' '.repeat(GUTTER) + line)]
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

function conclusionLines(
  { iprev, confirmedName, decision }: AddressReport,
  authservId: string,
  { columns, style, verbose }: Layout,
): string[] {
  const row = (label: string, text: string): string[] =>
    wrapLines(text, columns, { first: `    ${label.padEnd(10)}`, rest: ' '.repeat(14) })
  const rule = decision.rule === iprev.result ? '' : ` (${escapeForTerminal(decision.rule)})`
  const intended = decision.intended === decision.action ? '' : `; otherwise ${decision.intended}`
  const { reply } = decision
  const lookups = `${String(iprev.queries)} ${iprev.queries === 1 ? 'query' : 'queries'}${iprev.ptrTtl === null ? '' : `, PTR TTL ${String(iprev.ptrTtl)} s`}, ${iprev.authenticated ? '' : 'not '}DNSSEC-authenticated`
  return [
    `  ${style.heading('What a receiver concludes')}`,
    ...row('iprev', `${iprev.result}: ${RESULT_WORDS[iprev.result]}`),
    ...row('decision', `${decision.action}${reply ? ` at ${decision.stage.toUpperCase()}` : ''}${rule}${intended}`),
    ...(reply
      ? row(
          'reply',
          escapeForTerminal(`${String(reply.code)} ${reply.enhanced === null ? '' : `${reply.enhanced} `}${reply.lines.join(' ')}`),
        )
      : []),
    ...row('header', iprevAuthResults({ authservId, iprev, confirmedName })),
    ...(verbose ? row('lookups', lookups) : []),
  ]
}

/** What is well is in the picture already. */
function findingLines(findings: readonly Finding[], heading: string, layout: Layout): string[] {
  const shown = bySeverity(findings).filter(({ level }) => layout.verbose || level !== 'info')
  if (shown.length === 0) return []
  const paragraphs = shown.map((finding) => findingParagraph(finding, layout))
  const separator = layout.verbose ? [''] : []
  return [`  ${layout.style.heading(heading)}`, ...paragraphs.flatMap((lines, index) => (index === 0 ? lines : [...separator, ...lines]))]
}

function findingParagraph(finding: Finding, { columns, style, verbose }: Layout): string[] {
  const mark = markOfLevel(finding.level)
  const symbol = symbolOf(mark)
  const first = `    ${symbol} ${LEVEL_WORDS[finding.level]} `
  const rest = ' '.repeat(first.length)
  const tag = `(${finding.code})`
  const lines = wrapLines(`${findingMessage(finding, 'terminal')} ${tag}`, columns, { first, rest })
  const colored = lines.map((line, index) => {
    const tagged = line.endsWith(tag) ? line.slice(0, -tag.length) + style.faint(tag) : line
    return index === 0 ? tagged.replace(symbol, style.mark(mark)) : tagged
  })
  const { explanation } = CATALOGUE[finding.code]
  if (!verbose) return colored
  // The catalogue cites sections with a sign that not every terminal has.
  return [...colored, ...wrapLines(explanation.replaceAll('\u00a7', 'section '), columns, { first: rest })]
}

const LEVEL_WORDS: Readonly<Record<FindingLevel, string>> = {
  error: 'error  ',
  inconclusive: 'unsure ',
  warning: 'warning',
  notice: 'notice ',
  info: 'info   ',
}

function bySeverity(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((left, right) => SEVERITY.indexOf(left.level) - SEVERITY.indexOf(right.level))
}

const SEVERITY: readonly FindingLevel[] = ['error', 'inconclusive', 'warning', 'notice', 'info']

function summaryLines({ verdict, score, addresses }: CheckReport, layout: Layout): string[] {
  const points = score.points === null ? 'no score' : `score ${String(score.points)} of ${String(score.of)}`
  return markedLines(MARK_OF_VERDICT[verdict], `${verdict}: ${[...resultParts(addresses), points].join(', ')}`, layout)
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
