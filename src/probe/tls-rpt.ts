/**
 * TLS-RPT (RFC 8460 §3): where reports about failed TLS go. The record at `_smtp._tls.DOMAIN`, its syntax and its addresses.
 */
import { childName, type DomainName } from '../core/domain-name.ts'
import { askTexts, withinLimits, type RecordLookupOptions, type Trouble } from './record-lookup.ts'
import { findTag, parseTagList, type TagFault } from './tag-list.ts'

export interface TlsRptRecord {
  readonly text: string
  readonly reports: readonly string[]
  readonly faults: readonly TagFault[]
}

export type TlsRptAnswer =
  | { readonly kind: 'record'; readonly record: TlsRptRecord }
  | { readonly kind: 'absent' }
  /** §3: senders then do as if there were none. */
  | { readonly kind: 'multiple'; readonly count: number }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export interface TlsRptFacts {
  readonly kind: 'tlsRpt'
  readonly domain: DomainName
  readonly answer: TlsRptAnswer
}

const LIMITS = { deadlineMs: 5000, maxQueries: 10 }

export function lookupTlsRpt(domain: DomainName, options: RecordLookupOptions): Promise<TlsRptFacts> {
  return withinLimits(options, LIMITS, async (ask) => {
    // A name that leaves no room for `_smtp._tls.` can have no record.
    if (domain.length > MAX_DOMAIN_LENGTH) return { kind: 'tlsRpt', domain, answer: { kind: 'absent' } }
    const texts = await askTexts(ask, childName('_smtp', childName('_tls', domain)))
    return { kind: 'tlsRpt', domain, answer: texts.kind === 'texts' ? chooseRecord(texts.texts) : answerWithout(texts) }
  })
}

const MAX_DOMAIN_LENGTH = 253 - '_smtp._tls.'.length

function answerWithout(texts: { readonly kind: 'absent' } | { readonly kind: 'unknown'; readonly trouble: Trouble }): TlsRptAnswer {
  return texts.kind === 'absent' ? { kind: 'absent' } : { kind: 'unknown', trouble: texts.trouble }
}

function chooseRecord(texts: readonly string[]): TlsRptAnswer {
  const records = texts.filter((text) => /^v=TLSRPTv1[ \t]*(?:;|$)/.test(text))
  const [text] = records
  if (text === undefined) return { kind: 'absent' }
  return records.length > 1 ? { kind: 'multiple', count: records.length } : { kind: 'record', record: parseTlsRpt(text) }
}

export function parseTlsRpt(text: string): TlsRptRecord {
  const { tags, faults: syntaxFaults } = parseTagList(text)
  const faults = [...syntaxFaults]
  const rua = findTag(tags, 'rua')
  if (rua === undefined) return { text, reports: [], faults: [...faults, { position: text.length + 1, problem: 'missingTag', tag: 'rua' }] }
  const reports: string[] = []
  let offset = 0
  for (const piece of rua.value.split(',').slice(0, MAX_REPORTS)) {
    const uri = piece.trim()
    if (REPORT_URI.test(uri)) reports.push(uri)
    else faults.push({ position: rua.valuePosition + offset + (piece.length - piece.trimStart().length), problem: 'badValue', tag: 'rua' })
    offset += piece.length + 1
  }
  return { text, reports, faults }
}

const MAX_REPORTS = 20
/** §3: mailto or https; commas, exclamation marks and semicolons within are percent-encoded. */
const REPORT_URI = /^(?:mailto:[^\s@,!;]+@[^\s@,!;]+|https:\/\/[^\s,!;]+)$/i
