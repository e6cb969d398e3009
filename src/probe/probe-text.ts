/**
 * `ptrgate probe` for a person: each address with what it says of itself, step by step, which of its names agree, and what that is
 * worth. Fits the given columns, needs no colour, and shows every server's text escaped.
 */
import { formatAddress } from '../core/address.ts'
import { escapeForTerminal } from '../render/escape.ts'
import { argumentText, joinList } from '../render/finding-text.ts'
import { addFindings } from '../render/report-text.ts'
import type { Verdict } from '../render/report-types.ts'
import { beginBlock, textStyle, type Layout, type Mark } from '../render/text-style.ts'
import { addWrapped } from '../render/wrap.ts'
import type { Capabilities } from './capabilities.ts'
import { namesOf } from './conversation-findings.ts'
import type { SendingAddress } from './domain-records.ts'
import { LAYERS, type AlignmentMatrix, type Layer } from './name-alignment.ts'
import type { ProbeChanges } from './probe-baseline.ts'
import type { ProbedAddress, ProbedHost, ProbeReport } from './probe.ts'
import type { EndCause, HelloFacts, SessionFacts } from './session-facts.ts'
import type { EstablishedTls } from './tls-facts.ts'

export interface ProbeTextOptions {
  readonly color: boolean
  readonly columns: number
  readonly verbose: boolean
  readonly transcript: boolean
  /** Since an earlier probe. */
  readonly changes?: ProbeChanges | undefined
}

/** Ends with a line end. */
export function renderProbeText(report: ProbeReport, { color, columns, verbose, transcript, changes }: ProbeTextOptions): string {
  const layout: Layout = { verbose, columns: Math.min(Math.max(columns, 40), 100), style: textStyle(color) }
  const lines: string[] = []
  addVerdict(lines, report, layout)
  for (const host of report.hosts) {
    for (const address of host.addresses) addAddress(lines, address, host, layout, transcript)
  }
  for (const sender of report.sending) addSending(lines, sender, layout)
  addFindings(lines, report.findings, 'About the target', layout)
  if (changes !== undefined) addChanges(lines, changes, layout)
  beginBlock(lines)
  addVerdict(lines, report, layout)
  lines.push('')
  return lines.join('\n')
}

function addVerdict(lines: string[], { target, verdict, hosts, score }: ProbeReport, { columns, style }: Layout): void {
  const count = hosts.reduce((sum, { addresses }) => sum + addresses.length, 0)
  const where = count === 1 ? '1 address' : `${String(count)} addresses`
  const mark = MARK_OF_VERDICT[verdict]
  const at = lines.length
  const points = score === null ? 'no score' : `${score.letter}, ${String(score.points)} of ${String(score.of)}`
  addWrapped(lines, `${argumentText(target)} is ${verdict} (${where} probed; ${points})`, columns, {
    first: `${style.mark(mark)} `,
    rest: '     ',
  })
  lines[at] = style.heading(lines[at] ?? '')
}

const MARK_OF_VERDICT: Readonly<Record<Verdict, Mark>> = { aligned: 'ok', misaligned: 'error', inconclusive: 'unsure' }

function addAddress(lines: string[], probed: ProbedAddress, { name, preference }: ProbedHost, layout: Layout, transcript: boolean): void {
  const { style, columns } = layout
  const ip = formatAddress(probed.address)
  const from = name === null ? '' : ` (${preference === null ? '' : `MX ${String(preference)} `}${argumentText(name)})`
  beginBlock(lines)
  lines.push(style.heading(`== ${ip}${from}`))
  if (probed.session === null) addRow(lines, 'not connected', 'this address was left alone', columns)
  else addSession(lines, probed.session, layout)
  addNames(lines, probed.alignment, layout)
  addFindings(lines, probed.findings, 'Findings', layout)
  if (transcript && probed.session !== null) addTranscript(lines, probed.session, layout)
}

function addSending(lines: string[], { address, judgement, spf, findings }: SendingAddress, layout: Layout): void {
  const { style, columns } = layout
  const { iprev, confirmedName } = judgement
  beginBlock(lines)
  lines.push(style.heading(`== ${formatAddress(address)} (sends)`))
  addRow(lines, 'iprev', confirmedName === null ? iprev.result : `${iprev.result}: ${argumentText(confirmedName)}`, columns)
  if (spf !== null) addRow(lines, 'SPF', `${spf.result} (${argumentText(spf.domain)})`, columns)
  addFindings(lines, findings, 'Findings', layout)
}

function addChanges(lines: string[], { appeared, gone, pointsBefore, points }: ProbeChanges, { style, columns }: Layout): void {
  beginBlock(lines)
  lines.push(`  ${style.heading('Since the baseline')}`)
  for (const key of appeared) addRow(lines, '  new', key, columns)
  for (const key of gone) addRow(lines, '  gone', key, columns)
  if (appeared.length + gone.length === 0) addRow(lines, '  findings', 'the same', columns)
  if (points !== pointsBefore)
    addRow(lines, '  score', `${String(pointsBefore ?? 'none')} before, ${String(points ?? 'none')} now`, columns)
}

function addRow(lines: string[], label: string, text: string, columns: number): void {
  addWrapped(lines, text, columns, { first: `  ${label.padEnd(LABEL_WIDTH)} `, rest: ' '.repeat(LABEL_WIDTH + 3) })
}

const LABEL_WIDTH = 13

function addSession(lines: string[], session: SessionFacts, { columns, verbose }: Layout): void {
  for (const [label, text] of sessionRows(session, verbose)) addRow(lines, label, text, columns)
}

type Row = readonly [label: string, text: string]

/** Step by step, as printable text. */
export function sessionRows(session: SessionFacts, verbose: boolean): readonly Row[] {
  const { connect, greeting, hello, startTls, tls, helloAfterTls, ended } = session
  const rows: Row[] = []
  if (connect.kind === 'connected') rows.push(['connect', `in ${String(Math.round(connect.durationMs))} ms`])
  if (greeting.kind === 'answered') {
    const { reply, software } = greeting
    const version = software?.version ? ` ${argumentText(software.version)}` : ''
    const by = software === null ? '' : ` [${argumentText(software.product)}${version}]`
    rows.push(['greeting', `${replyText(reply.code, reply.lines)}${by}, after ${String(Math.round(reply.delayMs))} ms`])
  }
  rows.push(...helloRows(hello, 'EHLO'))
  if (startTls.kind === 'notOffered') rows.push(['STARTTLS', 'not offered'])
  if (startTls.kind === 'refused') rows.push(['STARTTLS', `refused: ${replyText(startTls.reply.code, startTls.reply.lines)}`])
  if (tls.kind === 'established') rows.push(...tlsRows(tls, verbose))
  if (tls.kind === 'failed') rows.push(['TLS', `failed: ${causeText(tls.cause)}`])
  rows.push(...helloRows(helloAfterTls, 'EHLO in TLS'))
  if (ended.cause.kind !== 'done') rows.push(['ended', `${ended.stage}: ${causeText(ended.cause)}`])
  return rows
}

function helloRows(hello: HelloFacts, label: string): readonly Row[] {
  if (hello.kind === 'refused') return [[label, `refused: ${replyText(hello.ehlo.code, hello.ehlo.lines)}`]]
  if (hello.kind !== 'answered') return []
  const name = hello.claimedName === null ? 'no name' : argumentText(hello.claimedName)
  const offers = hello.capabilities === null ? `${hello.verb} only` : offersText(hello.capabilities)
  return [[label, `${name}: ${offers}`]]
}

function offersText(offers: Capabilities): string {
  const { size, auth, limits, xclient, mtPriority, others } = offers
  const shown = [
    ...(offers.startTls ? ['STARTTLS'] : []),
    ...(size === null ? [] : [size.maxOctets === null ? 'SIZE' : `SIZE ${String(size.maxOctets)}`]),
    ...(auth === null ? [] : [`AUTH ${auth.mechanisms.join(' ')}`]),
    ...(offers.pipelining ? ['PIPELINING'] : []),
    ...(offers.eightBitMime ? ['8BITMIME'] : []),
    ...(offers.smtpUtf8 ? ['SMTPUTF8'] : []),
    ...(offers.chunking ? ['CHUNKING'] : []),
    ...(offers.dsn ? ['DSN'] : []),
    ...(offers.enhancedStatusCodes ? ['ENHANCEDSTATUSCODES'] : []),
    ...(offers.requireTls ? ['REQUIRETLS'] : []),
    ...(limits === null ? [] : ['LIMITS']),
    ...(xclient === null ? [] : ['XCLIENT']),
    ...(mtPriority === null ? [] : ['MT-PRIORITY']),
    ...others.map(({ keyword }) => keyword),
  ]
  return shown.length === 0 ? 'no extensions' : joinList(shown, 24)
}

function tlsRows(tls: EstablishedTls, verbose: boolean): readonly Row[] {
  const { protocol, cipher, keyExchange, verification } = tls
  const exchange = keyExchange === null ? 'no forward secrecy' : [keyExchange.type, keyExchange.group].filter(Boolean).join(' ')
  const rows: Row[] = [['TLS', `${protocol}, ${cipher.name}, ${argumentText(exchange)}`]]
  const [own] = tls.chain
  if (own === undefined) return rows
  const trust = verification.kind === 'trusted' ? 'trusted' : `not trusted (${verification.code})`
  rows.push(['certificate', `${joinList(namesOf(own))}; ${trust}; until ${own.validTo?.slice(0, 10) ?? 'an unreadable date'}`])
  if (!verbose) return rows
  const { key, signatureAlgorithm, issuer, fingerprint } = own
  rows.push(['', `issued by ${argumentText(issuer)}; ${key.type} ${String(key.bits ?? key.curve ?? '')}, ${signatureAlgorithm}`])
  rows.push(['', `SHA-256 ${fingerprint}`])
  return rows
}

function replyText(code: number, lines: readonly string[]): string {
  return argumentText(`${String(code)} ${lines.join(' / ')}`)
}

function causeText(cause: EndCause): string {
  switch (cause.kind) {
    case 'turnedAway':
      return replyText(cause.reply.code, cause.reply.lines)
    case 'timeout':
      return `no answer in ${String(Math.round(cause.afterMs / 1000))} s`
    case 'unreachable':
    case 'local':
      return cause.code
    case 'tlsFailed':
      return argumentText(cause.reason)
    case 'malformed':
      return `no SMTP (${cause.fault})`
    default:
      return CAUSE_WORDS[cause.kind]
  }
}

const CAUSE_WORDS = {
  done: 'done',
  refused: 'connection refused',
  deadline: 'the time was over',
  reset: 'connection reset',
  closed: 'connection closed',
  aborted: 'interrupted',
} as const

/** A row a layer: its names, and how it fits the confirmed name, or else the PTR name. */
function addNames(lines: string[], { layers, pairs }: AlignmentMatrix, { columns, style, verbose }: Layout): void {
  lines.push('', `  ${style.heading('Names')}`)
  const reference: Layer = layers.confirmed.kind === 'names' && layers.confirmed.names.length > 0 ? 'confirmed' : 'ptr'
  for (const layer of LAYERS) {
    const found = layers[layer]
    if (found.kind === 'notSeen') {
      if (verbose) addRow(lines, `  ${LAYER_WORDS[layer]}`, 'not seen', columns)
      continue
    }
    const pair = pairs.find(({ left, right }) => (left === reference && right === layer) || (left === layer && right === reference))
    const fit = pair === undefined || pair.alignment === 'unknown' ? '' : `  ${FIT_WORDS[pair.alignment]}`
    const objection = pair?.objection ? ` (${OBJECTION_WORDS[pair.objection]})` : ''
    addRow(lines, `  ${LAYER_WORDS[layer]}`, `${joinList(found.names, 4)}${fit}${objection}`, columns)
  }
}

export const LAYER_WORDS: Readonly<Record<Layer, string>> = {
  ptr: 'PTR',
  confirmed: 'confirmed',
  banner: 'greeting',
  ehlo: 'EHLO',
  ehloAfterTls: 'EHLO in TLS',
  certificate: 'certificate',
  mx: 'MX',
}
const FIT_WORDS = { equal: '= the same', sameOrganisation: '~ the same organisation', different: '! another', unknown: '' } as const
const OBJECTION_WORDS = { rfc: 'an RFC minds', receivers: 'big receivers mind', taste: 'nobody minds' } as const

function addTranscript(lines: string[], { transcript }: SessionFacts, { style }: Layout): void {
  lines.push('', `  ${style.heading('Transcript')}`)
  for (const { hint, text } of transcript.lines) lines.push(`  ${hint} ${escapeForTerminal(text)}`)
  if (transcript.truncated) lines.push('  === more was said, and is left out')
}
