/**
 * `ptrgate check` for a person: the loop and where it breaks, what a receiver concludes, the findings, the fix, the score.
 * Fits the given columns, needs no colour, and shows every stranger's text escaped. What is to be copied is never wrapped.
 */
import { formatAddress } from '../core/address.ts'
import { CATALOGUE, type Finding, type FindingCode, type FindingLevel } from '../findings/catalogue.ts'
import { iprevAuthResults } from './auth-results.ts'
import { escapeForTerminal } from './escape.ts'
import { argumentText, findingMessage, joinList } from './finding-text.ts'
import { drawLoop } from './loop-drawing.ts'
import type { AddressReport, CheckReport, RemedyStep, Verdict } from './report-types.ts'
import { markOfLevel, textStyle, type Mark, type Style } from './text-style.ts'
import { wrapLines } from './wrap.ts'

export interface CheckTextOptions {
  readonly color: boolean
  readonly columns: number
  /** With explanations, all PTR names, lookups, and the settings of every mail server. */
  readonly verbose: boolean
}

interface Layout extends CheckTextOptions {
  readonly style: Style
}

/** Ends with a line end. */
export function renderCheckText(report: CheckReport, options: CheckTextOptions): string {
  const layout: Layout = { ...options, columns: Math.min(Math.max(options.columns, 40), 100), style: textStyle(options.color) }
  const hasSections = report.targetKind !== 'address'
  const blocks = [
    [`${layout.style.mark(MARK_OF_VERDICT[report.verdict])} ${layout.style.heading(argumentText(report.target))} is ${report.verdict}`],
    routeLines(report, layout),
    ...report.addresses.flatMap((address) => [
      ...(hasSections ? [addressHeading(address, report, layout)] : []),
      loopLines(address, layout),
      conclusionLines(address, report.authservId, layout),
      findingLines(address.findings, 'Findings', layout),
      remedyLines(address, layout),
    ]),
    findingLines(report.findings, hasSections && report.addresses.length > 0 ? 'Findings about the target itself' : 'Findings', layout),
    summaryLines(report, layout),
  ]
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

const MARK_OF_VERDICT: Readonly<Record<Verdict, Mark>> = { aligned: 'ok', misaligned: 'error', inconclusive: 'unsure' }

/** MX by MX, the addresses of each. */
function routeLines({ via, targetKind }: CheckReport, { columns }: Layout): string[] {
  return via.flatMap(({ exchange, preference, addresses }) => {
    const label = preference === null ? (targetKind === 'host' ? 'host' : 'no MX') : `MX ${String(preference)}`
    const to = addresses.length === 0 ? 'no address' : joinList(addresses.map(formatAddress), 8)
    return wrapLines(`${argumentText(exchange)} -> ${to}`, columns, { first: `  ${label.padEnd(8)} `, rest: ' '.repeat(13) })
  })
}

function addressHeading(address: AddressReport, { via }: CheckReport, { style, columns }: Layout): string[] {
  const ip = formatAddress(address.address)
  const hosts = via.filter((hop) => hop.addresses.some((candidate) => formatAddress(candidate) === ip)).map(({ exchange }) => exchange)
  const [first = '', ...rest] = wrapLines(hosts.length === 0 ? ip : `${ip} (${joinList(hosts, 3)})`, columns, { first: '== ', rest: '   ' })
  const rule = '='.repeat(Math.max(2, columns - first.length - 1))
  return [style.heading(rest.length === 0 ? `${first} ${rule}` : first), ...rest]
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
  const width = textStyle(false).mark(mark).length
  return ` ${style.mark(mark)}${' '.repeat(GUTTER - 1 - width)}${text}`
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
  const lookups = `${String(iprev.queries)} queries${iprev.ptrTtl === null ? '' : `, PTR TTL ${String(iprev.ptrTtl)} s`}, ${iprev.authenticated ? '' : 'not '}DNSSEC-authenticated`
  return [
    `  ${style.heading('What a receiver concludes')}`,
    ...row('iprev', iprev.result),
    ...row('decision', `${decision.action}${rule}${intended}`),
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

function findingLines(findings: readonly Finding[], heading: string, layout: Layout): string[] {
  if (findings.length === 0) return []
  return [`  ${layout.style.heading(heading)}`, ...bySeverity(findings).flatMap((finding) => findingParagraph(finding, layout))]
}

function findingParagraph(finding: Finding, { columns, style, verbose }: Layout): string[] {
  const mark = markOfLevel(finding.level)
  const symbol = textStyle(false).mark(mark)
  const first = `    ${symbol} ${LEVEL_WORDS[finding.level]} `
  const rest = ' '.repeat(first.length)
  const tag = `(${finding.code})`
  const lines = wrapLines(`${findingMessage(finding, 'terminal')} ${tag}`, columns, { first, rest })
  const colored = lines.map((line, index) => {
    const tagged = line.endsWith(tag) ? line.slice(0, -tag.length) + style.faint(tag) : line
    return index === 0 ? tagged.replace(symbol, style.mark(mark)) : tagged
  })
  const { explanation } = CATALOGUE[finding.code]
  return verbose && explanation !== '' ? [...colored, ...wrapLines(explanation, columns, { first: rest }), ''] : colored
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

function remedyLines({ remedy, reverseZone }: AddressReport, layout: Layout): string[] {
  if (remedy.length === 0) return []
  const { columns, style } = layout
  const zone = reverseZone?.zone
  const where = [
    ...(zone ? [`reverse zone ${argumentText(zone)}`] : []),
    ...(reverseZone?.provider ? [`at ${argumentText(reverseZone.provider)}`] : []),
  ].join(' ')
  const heading = wrapLines(where === '' ? 'The fix' : `The fix (${where})`, columns, { first: '  ' })
  return [...heading.map((line) => style.heading(line)), ...remedy.flatMap((step, index) => stepLines(step, index, layout))]
}

function stepLines({ who, step, record, command, choices }: RemedyStep, index: number, { columns, style, verbose }: Layout): string[] {
  const first = `    ${String(index + 1)}. `
  const rest = ' '.repeat(first.length)
  const text = wrapLines(`${ACTORS[who] ?? escapeForTerminal(who)}: ${escapeLines(step)}`, columns, { first, rest })
  const literal = (source: string): string[] =>
    escapeLines(source)
      .split('\n')
      .map((line) => `${rest}  ${style.literal(line)}`)
  const shown = verbose ? (choices ?? []) : (choices ?? []).slice(0, 1)
  const hidden = (choices ?? []).slice(shown.length).map(({ label }) => label.split(/[,:]/)[0] ?? label)
  return [
    ...text,
    ...(record === undefined ? [] : literal(record)),
    ...(command === undefined ? [] : literal(command)),
    ...shown.flatMap(({ label, command, setting }) => [
      ...wrapLines(`${escapeForTerminal(label)}:`, columns, { first: rest }),
      ...literal(command ?? setting ?? ''),
    ]),
    ...(hidden.length === 0
      ? []
      : wrapLines(`(--verbose has it for ${escapeForTerminal(joinList(hidden, 10))} too)`, columns, { first: rest })),
  ]
}

const ACTORS: Readonly<Record<string, string>> = {
  you: 'You',
  dnsOperator: 'Whoever runs the zone',
  provider: 'The hosting provider',
  isp: 'The ISP',
}

/** A text of ours may have several lines; nothing else in it may move the cursor. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeForTerminal).join('\n')
}

function summaryLines({ verdict, score, addresses }: CheckReport, { columns, style }: Layout): string[] {
  const confirmed = addresses.filter(({ iprev }) => iprev.result === 'pass').length
  const parts = [
    ...(addresses.length === 0 ? ['no address was judged'] : []),
    ...(addresses.length === 1 ? [SINGLE_RESULT[addresses[0]?.iprev.result ?? 'temperror']] : []),
    ...(addresses.length > 1 ? [`${String(confirmed)} of ${String(addresses.length)} addresses forward-confirmed`] : []),
    ...(score.undecided > 0 && addresses.length > 1 ? [`${String(score.undecided)} not judged`] : []),
  ]
  const points = score.points === null ? 'no score' : `score ${String(score.points)} of ${String(score.of)}`
  const symbol = textStyle(false).mark(MARK_OF_VERDICT[verdict])
  return wrapLines(`${symbol} ${verdict}: ${points}, ${parts.join(', ')}`, columns, { rest: '     ' }).map((line) =>
    line.startsWith(symbol) ? style.mark(MARK_OF_VERDICT[verdict]) + line.slice(symbol.length) : line,
  )
}

const SINGLE_RESULT = {
  pass: 'forward-confirmed',
  fail: 'a PTR name that is not confirmed',
  permerror: 'no PTR record',
  temperror: 'it could not be told',
} as const
