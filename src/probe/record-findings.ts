/**
 * What the records around a mail server are worth: facts → findings, pure. What could not be told is said to be inconclusive, and
 * never counted as missing; what only good practice asks for is at most a notice.
 */
import { assertNever } from '../core/assert-never.ts'
import { formatAddress } from '../core/address.ts'
import { finding, type Finding, type FindingLevel } from '../findings/catalogue.ts'
import type { TlsaRecord } from './dane.ts'
import type { DkimKeyFacts, DkimKeyRecord } from './dkim-key.ts'
import type { DmarcFacts, DmarcRecord } from './dmarc.ts'
import type { DnsblFacts } from './dnsbl.ts'
import type { HttpsFailure } from './https-fetch.ts'
import type { MtaStsFacts } from './mta-sts.ts'
import type { RecordFacts } from './record-facts.ts'
import type { SpfAddresses } from './spf-addresses.ts'
import { MAX_LOOKUP_TERMS } from './spf.ts'
import type { TlsRptFacts } from './tls-rpt.ts'

/** In the order of the facts, and each once: several looks at one record find the same fault. */
export function recordFindings(facts: readonly RecordFacts[]): Finding[] {
  const findings = new Map<string, Finding>()
  for (const each of facts.flatMap(findingsOf)) {
    const key = JSON.stringify([each.code, each.args])
    if (!findings.has(key)) findings.set(key, each)
  }
  return [...findings.values()]
}

function findingsOf(facts: RecordFacts): readonly Finding[] {
  switch (facts.kind) {
    case 'spf':
      return spfFindings(facts)
    case 'spfAddresses':
      return spfAddressesFindings(facts)
    case 'dmarc':
      return dmarcFindings(facts)
    case 'mtaSts':
      return mtaStsFindings(facts)
    case 'tlsRpt':
      return tlsRptFindings(facts)
    case 'dane':
      return daneFindings(facts)
    case 'dnsbl':
      return dnsblFindings(facts)
    case 'dkimKey':
      return dkimFindings(facts)
    default:
      return assertNever(facts)
  }
}

function spfFindings({
  address,
  domain,
  result,
  reason,
  identity,
  lookupTerms,
}: Extract<RecordFacts, { kind: 'spf' }>): readonly Finding[] {
  const ip = formatAddress(address)
  switch (reason.kind) {
    case 'matched': {
      const args = { ip, domain, term: reason.term }
      if (result === 'pass') return [finding('SPF_PASS', args)]
      if (result === 'fail') return [finding('SPF_FAIL', args)]
      return [result === 'softfail' ? finding('SPF_SOFTFAIL', args) : finding('SPF_NEUTRAL', { ip, domain })]
    }
    case 'noMatch':
      return [finding('SPF_NEUTRAL', { ip, domain })]
    case 'noRecord':
    case 'notADomain':
      // SPF of the HELO name is only an extra (RFC 7208 §2.3).
      return [finding('SPF_NONE', { domain }, identity === 'helo' ? 'info' : undefined)]
    case 'trouble':
      return [finding('SPF_UNKNOWN', { domain, question: reason.question, outcome: reason.trouble })]
    case 'syntax': {
      const { term, position, problem } = reason.fault
      return [finding('SPF_SYNTAX', { domain: reason.domain, term, position, problem })]
    }
    case 'multipleRecords':
      return [finding('SPF_MULTIPLE', { domain: reason.domain, count: reason.count })]
    case 'tooManyLookups':
      return [finding('SPF_TOO_MANY_LOOKUPS', { domain, count: lookupTerms })]
    case 'tooManyVoidLookups':
      return [finding('SPF_TOO_MANY_VOID_LOOKUPS', { domain })]
    case 'tooManyMx':
      return [finding('SPF_TOO_MANY_MX', { domain: reason.domain, count: reason.count })]
    case 'targetWithoutRecord':
      return [finding('SPF_TARGET_WITHOUT_RECORD', { domain, term: reason.term })]
    default:
      return assertNever(reason)
  }
}

/** About the record as a whole: what some clients meet, though the ones that were checked may not. */
function spfAddressesFindings({ domain, problems, otherTerms, networks, lookupTerms }: SpfAddresses): readonly Finding[] {
  const findings: Finding[] = []
  for (const problem of problems) {
    switch (problem.kind) {
      case 'syntax': {
        const { term, position, problem: fault } = problem.fault
        findings.push(finding('SPF_SYNTAX', { domain: problem.domain, term, position, problem: fault }))
        break
      }
      case 'multipleRecords':
        findings.push(finding('SPF_MULTIPLE', { domain: problem.domain, count: problem.count }))
        break
      case 'unknown':
        findings.push(finding('SPF_UNKNOWN', { domain, question: `TXT ${problem.domain}`, outcome: problem.trouble }))
        break
      case 'noRecord':
        if (problem.domain !== domain) findings.push(finding('SPF_TARGET_WITHOUT_RECORD', { domain, term: problem.domain }))
        break
      case 'circle':
        findings.push(finding('SPF_CIRCLE', { domain: problem.domain }))
    }
  }
  if (lookupTerms > MAX_LOOKUP_TERMS) findings.push(finding('SPF_TOO_MANY_LOOKUPS', { domain, count: lookupTerms }, 'warning'))
  const everybody = [
    ...otherTerms.filter(({ term }) => /^\+?all$/i.test(term)),
    ...networks.filter(({ network }) => network.prefixLength === 0),
  ]
  for (const entry of everybody) findings.push(finding('SPF_ALLOWS_ALL', { domain: entry.domain, term: entry.term }))
  for (const entry of otherTerms) {
    if (/^\+?ptr(?::|$)/i.test(entry.term)) findings.push(finding('SPF_PTR_TERM', { domain: entry.domain, term: entry.term }))
  }
  return findings
}

function dmarcFindings({ domain, asked, source, record, policy }: DmarcFacts): readonly Finding[] {
  const findings: Finding[] = []
  for (const { domain: at, answer } of asked) {
    if (answer.kind === 'multiple') findings.push(finding('DMARC_MULTIPLE', { domain: at, count: answer.count }))
    if (answer.kind === 'unknown') findings.push(finding('DMARC_UNKNOWN', { domain: at, outcome: answer.trouble }))
  }
  if (source === null || record === null) {
    const isTold = asked.every(({ answer }) => answer.kind === 'absent')
    return isTold ? [finding('DMARC_NONE', { domain })] : findings
  }
  return [...findings, ...dmarcRecordFindings(record, { domain, source, policy })]
}

function dmarcRecordFindings(
  record: DmarcRecord,
  { domain, source, policy }: Pick<DmarcFacts, 'domain' | 'policy'> & { readonly source: string },
): readonly Finding[] {
  const level: FindingLevel = record.policy === null ? 'error' : 'warning'
  const findings: Finding[] = record.faults.map(({ tag, position, problem }) =>
    finding('DMARC_INVALID', { domain: source, tag, position, problem }, level),
  )
  if (policy === null) return findings
  if (policy === 'none') findings.push(finding('DMARC_MONITORING', { domain, source }))
  else findings.push(finding('DMARC_ENFORCED', { domain, source, policy }))
  if (record.testMode && policy !== 'none') findings.push(finding('DMARC_TEST_MODE', { domain: source }))
  if (record.percent !== null && record.percent < 100 && policy !== 'none') {
    findings.push(finding('DMARC_PARTIAL', { domain: source, percent: record.percent }))
  }
  if (record.aggregateReports.length === 0) findings.push(finding('DMARC_NO_REPORTS', { domain: source }))
  return findings
}

function mtaStsFindings(facts: MtaStsFacts): readonly Finding[] {
  const { domain, record } = facts
  switch (record.kind) {
    case 'absent':
      return [finding('MTA_STS_NONE', { domain })]
    case 'multiple':
      return [finding('MTA_STS_MULTIPLE', { domain, count: record.count })]
    case 'unknown':
      return [finding('MTA_STS_UNKNOWN', { domain, outcome: record.trouble })]
    case 'record': {
      const level: FindingLevel = record.record.id === null ? 'error' : 'notice'
      const faults = record.record.faults.map(({ tag, position, problem }) =>
        finding('MTA_STS_RECORD_INVALID', { domain, tag, position, problem }, level),
      )
      return [...faults, ...policyFindings(facts)]
    }
  }
}

function policyFindings({ domain, policy, exchanges }: MtaStsFacts): readonly Finding[] {
  switch (policy.kind) {
    case 'notAsked':
      return []
    case 'failure': {
      if (COULD_NOT_TELL.has(policy.failure)) {
        return [finding('MTA_STS_POLICY_UNKNOWN', { domain, outcome: policy.failure, detail: policy.detail ?? 'no detail' })]
      }
      return [finding('MTA_STS_FETCH_FAILED', { domain, cause: policy.failure, detail: policy.detail ?? 'no detail' })]
    }
    case 'status': {
      const { status, location } = policy
      if (status >= 300 && status < 400) return [finding('MTA_STS_REDIRECT', { domain, status, location: location ?? 'nowhere' })]
      // Trouble of the moment says nothing of the policy.
      const isTemporary = status >= 500 || status === 429
      return [finding('MTA_STS_STATUS', { domain, status }, isTemporary ? 'inconclusive' : undefined)]
    }
    case 'policy': {
      const { mode, maxAgeSeconds, faults, valid } = policy.policy
      const findings: Finding[] = faults.map(({ line, key, problem }) =>
        finding('MTA_STS_POLICY_INVALID', { domain, line, key, problem }, valid ? 'notice' : undefined),
      )
      if (!/^text\/plain(?:[ \t]*;|[ \t]*$)/i.test(policy.contentType ?? '')) {
        findings.push(finding('MTA_STS_CONTENT_TYPE', { domain, contentType: policy.contentType ?? 'none' }))
      }
      if (!valid) return findings
      if (mode === 'none') return [...findings, finding('MTA_STS_MODE_NONE', { domain })]
      for (const { exchange, pattern } of exchanges) {
        const level = mode === 'testing' ? 'warning' : undefined
        if (pattern === null) findings.push(finding('MTA_STS_MX_NOT_COVERED', { domain, exchange }, level))
      }
      if (maxAgeSeconds !== null && maxAgeSeconds < SHORT_AGE_SECONDS) {
        findings.push(finding('MTA_STS_SHORT_AGE', { domain, seconds: maxAgeSeconds }))
      }
      return [...findings, mode === 'testing' ? finding('MTA_STS_TESTING', { domain }) : finding('MTA_STS_ENFORCED', { domain })]
    }
  }
}

/** A day: RFC 8461 §3.2 thinks of weeks, and a policy that runs out between two mails protects nobody. */
const SHORT_AGE_SECONDS = 86_400

/** Seen from here only, or at this moment only; the others any sender meets. */
const COULD_NOT_TELL: ReadonlySet<HttpsFailure> = new Set([
  'dnsTrouble',
  'specialAddress',
  'unreachable',
  'connectionReset',
  'deadline',
  'aborted',
])

function tlsRptFindings({ domain, answer }: TlsRptFacts): readonly Finding[] {
  switch (answer.kind) {
    case 'absent':
      return [finding('TLS_RPT_NONE', { domain })]
    case 'multiple':
      return [finding('TLS_RPT_MULTIPLE', { domain, count: answer.count })]
    case 'unknown':
      return [finding('TLS_RPT_UNKNOWN', { domain, outcome: answer.trouble })]
    case 'record':
      return answer.record.faults.map(({ tag, position, problem }) => finding('TLS_RPT_INVALID', { domain, tag, position, problem }))
  }
}

function daneFindings({ exchange, mx, answer, match }: Extract<RecordFacts, { kind: 'dane' }>): readonly Finding[] {
  switch (answer.kind) {
    case 'noAddress':
      return []
    case 'absent':
      return [finding('DANE_NONE', { exchange })]
    case 'insecure':
      if (answer.published === 0) return [finding('DANE_NONE', { exchange })]
      // Senders do not even ask for TLSA records there, so that it is nothing to anybody whether there are any.
      return answer.published === null ? [] : [finding('DANE_INSECURE', { exchange, problem: answer.step })]
    case 'untrusted':
      return [answer.published === 0 ? finding('DANE_NONE', { exchange }) : finding('DANE_UNTRUSTED', { exchange })]
    case 'unknown':
      return [finding('DANE_UNKNOWN', { exchange, question: answer.question, outcome: answer.trouble })]
    case 'records': {
      const isUsable = answer.records.some(({ problem }) => problem === null)
      const findings: Finding[] = answer.records.flatMap((record) =>
        record.problem === null
          ? []
          : [
              finding(
                'DANE_RECORD_UNUSABLE',
                { exchange, record: recordText(record), problem: record.problem },
                isUsable ? undefined : 'error',
              ),
            ],
      )
      if (mx === 'insecure') findings.push(finding('DANE_MX_INSECURE', { exchange }))
      if (match === null) return findings
      if (match.result === 'match') findings.push(finding('DANE_VALID', { exchange }))
      if (match.result === 'mismatch') findings.push(finding('DANE_MISMATCH', { exchange }))
      for (const { record, mismatch } of match.records) {
        if (mismatch === null || mismatch === 'unusable') continue
        const args = { exchange, record: recordText(record), problem: MISMATCHES[mismatch] }
        findings.push(finding('DANE_RECORD_MISMATCH', args, match.result === 'match' ? undefined : 'error'))
      }
      return findings
    }
  }
}

const MISMATCHES = { noMatch: 'noSuchCertificate', chain: 'brokenChain', name: 'otherName', validity: 'notInForce' } as const
const MAX_DATA_SHOWN = 16

function recordText({ usage, selector, matching, data }: TlsaRecord): string {
  return `${usage} ${selector} ${matching} ${data.length > MAX_DATA_SHOWN ? `${data.slice(0, MAX_DATA_SHOWN)}...` : data}`
}

function dnsblFindings({ address, list, answer }: DnsblFacts): readonly Finding[] {
  const ip = formatAddress(address)
  switch (answer.kind) {
    case 'notListed':
      return []
    case 'listed':
      return [finding('DNSBL_LISTED', { ip, list, codes: answer.codes, texts: answer.texts })]
    case 'refused':
      return [finding('DNSBL_REFUSED', { ip, list, cause: answer.cause, codes: answer.codes })]
    case 'unknown':
      return [finding('DNSBL_UNKNOWN', { ip, list, outcome: answer.trouble })]
  }
}

function dkimFindings({ domain, selector, answer }: DkimKeyFacts): readonly Finding[] {
  switch (answer.kind) {
    case 'absent':
    case 'badSelector':
      return [finding('DKIM_KEY_NONE', { domain, selector })]
    case 'multiple':
      return [finding('DKIM_KEY_MULTIPLE', { domain, selector, count: answer.count })]
    case 'unknown':
      return [finding('DKIM_KEY_UNKNOWN', { domain, selector, outcome: answer.trouble })]
    case 'record':
      return dkimRecordFindings(answer.record, domain, selector)
  }
}

function dkimRecordFindings(record: DkimKeyRecord, domain: string, selector: string): readonly Finding[] {
  const { key, faults, hashes, forMail, testMode } = record
  const level: FindingLevel | undefined = key.kind === 'unreadable' ? 'error' : undefined
  const findings: Finding[] = faults.map(({ position, problem }) =>
    finding('DKIM_KEY_INVALID', { domain, selector, position, problem }, level),
  )
  switch (key.kind) {
    case 'revoked':
      return [...findings, finding('DKIM_KEY_REVOKED', { domain, selector })]
    case 'unknownType':
      return [...findings, finding('DKIM_KEY_TYPE_UNKNOWN', { domain, selector, type: key.type })]
    case 'unreadable':
      return findings
    case 'rsa':
    case 'ed25519':
      break
    default:
      return assertNever(key)
  }
  if (key.kind === 'rsa' && key.bits < RECOMMENDED_RSA_BITS) {
    const isVoid = key.bits < LEAST_RSA_BITS
    findings.push(finding('DKIM_KEY_SHORT', { domain, selector, bits: key.bits }, isVoid ? 'error' : undefined))
  }
  if (hashes !== null && !hashes.includes('sha256')) findings.push(finding('DKIM_KEY_HASH', { domain, selector, hashes }))
  if (!forMail) findings.push(finding('DKIM_KEY_NOT_FOR_MAIL', { domain, selector }))
  if (testMode) findings.push(finding('DKIM_KEY_TEST_MODE', { domain, selector }))
  return findings.length > 0 ? findings : [finding('DKIM_KEY_VALID', { domain, selector })]
}

/** RFC 8301 §3.2. */
const LEAST_RSA_BITS = 1024
const RECOMMENDED_RSA_BITS = 2048
