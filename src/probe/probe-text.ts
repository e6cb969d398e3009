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
import { LAYERS, type AlignmentMatrix, type Layer } from './name-alignment.ts'
import type { ProbedAddress, ProbedHost, ProbeReport } from './probe.ts'
import type { EndCause, HelloFacts, SessionFacts } from './session-facts.ts'
import type { EstablishedTls } from './tls-facts.ts'

export interface ProbeTextOptions {
  readonly color: boolean
  readonly columns: number
  readonly verbose: boolean
  readonly transcript: boolean
}

/** Ends with a line end. */
export function renderProbeText(report: ProbeReport, { color, columns, verbose, transcript }: ProbeTextOptions): string {
  const layout: Layout = { verbose, columns: Math.min(Math.max(columns, 40), 100), style: textStyle(color) }
  const lines: string[] = []
  addVerdict(lines, report, layout)
  for (const host of report.hosts) {
    for (const address of host.addresses) addAddress(lines, address, host, layout, transcript)
  }
  addFindings(lines, report.findings, 'About the target', layout)
  beginBlock(lines)
  addVerdict(lines, report, layout)
  lines.push('')
  return lines.join('\n')
}

function addVerdict(lines: string[], { target, verdict, hosts }: ProbeReport, { columns, style }: Layout): void {
  const count = hosts.reduce((sum, { addresses }) => sum + addresses.length, 0)
  const where = count === 1 ? '1 address' : `${String(count)} addresses`
  const mark = MARK_OF_VERDICT[verdict]
  const at = lines.length
  addWrapped(lines, `${argumentText(target)} is ${verdict} (${where} probed)`, columns, { first: `${style.mark(mark)} `, rest: '     ' })
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

function addRow(lines: string[], label: string, text: string, columns: number): void {
  addWrapped(lines, text, columns, { first: `  ${label.padEnd(LABEL_WIDTH)} `, rest: ' '.repeat(LABEL_WIDTH + 3) })
}

const LABEL_WIDTH = 13

function addSession(lines: string[], session: SessionFacts, { columns, verbose }: Layout): void {
  const { connect, greeting, hello, startTls, tls, helloAfterTls, ended } = session
  const row = (label: string, text: string): void => {
    addRow(lines, label, text, columns)
  }
  if (connect.kind === 'connected') row('connect', `in ${String(Math.round(connect.durationMs))} ms`)
  if (greeting.kind === 'answered') {
    const { reply, software } = greeting
    const by =
      software === null
        ? ''
        : ` [${argumentText(software.product)}${software.version === null ? '' : ` ${argumentText(software.version)}`}]`
    row('greeting', `${replyText(reply.code, reply.lines)}${by}, after ${String(Math.round(reply.delayMs))} ms`)
  }
  addHello(lines, hello, 'EHLO', columns)
  if (startTls.kind === 'notOffered') row('STARTTLS', 'not offered')
  if (startTls.kind === 'refused') row('STARTTLS', `refused: ${replyText(startTls.reply.code, startTls.reply.lines)}`)
  if (tls.kind === 'established') addTls(lines, tls, columns, verbose)
  if (tls.kind === 'failed') row('TLS', `failed: ${causeText(tls.cause)}`)
  addHello(lines, helloAfterTls, 'EHLO in TLS', columns)
  if (ended.cause.kind !== 'done') row('ended', `${ended.stage}: ${causeText(ended.cause)}`)
}

function addHello(lines: string[], hello: HelloFacts, label: string, columns: number): void {
  if (hello.kind === 'answered') {
    const name = hello.claimedName === null ? 'no name' : argumentText(hello.claimedName)
    const offers = hello.capabilities === null ? `${hello.verb} only` : offersText(hello.capabilities)
    addRow(lines, label, `${name}: ${offers}`, columns)
  }
  if (hello.kind === 'refused') addRow(lines, label, `refused: ${replyText(hello.ehlo.code, hello.ehlo.lines)}`, columns)
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

function addTls(lines: string[], tls: EstablishedTls, columns: number, verbose: boolean): void {
  const exchange = tls.keyExchange === null ? 'no forward secrecy' : [tls.keyExchange.type, tls.keyExchange.group].filter(Boolean).join(' ')
  addRow(lines, 'TLS', `${tls.protocol}, ${tls.cipher.name}, ${argumentText(exchange)}`, columns)
  const [own] = tls.chain
  if (own === undefined) return
  const trust = tls.verification.kind === 'trusted' ? 'trusted' : `not trusted (${tls.verification.code})`
  addRow(lines, 'certificate', `${joinList(namesOf(own))}; ${trust}; until ${own.validTo?.slice(0, 10) ?? 'an unreadable date'}`, columns)
  if (!verbose) return
  addRow(
    lines,
    '',
    `issued by ${argumentText(own.issuer)}; ${own.key.type} ${String(own.key.bits ?? own.key.curve ?? '')}, ${own.signatureAlgorithm}`,
    columns,
  )
  addRow(lines, '', `SHA-256 ${own.fingerprint}`, columns)
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

const LAYER_WORDS: Readonly<Record<Layer, string>> = {
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
