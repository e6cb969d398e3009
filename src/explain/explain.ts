/**
 * `ptrgate explain` as a value: takes a pasted text apart, recognises whose words stand in it, and says what they mean and how to
 * mend it. It asks nobody: what is concluded is what the text tells, and what it does not tell stays unknown.
 */
import { formatAddress, type IpAddress } from '../core/address.ts'
import { specialRange } from '../core/network.ts'
import type { FindingCode } from '../findings/catalogue.ts'
import type { Persona } from '../personas/persona.ts'
import { personaOfHost, recognise, type Recogniser, type Recognition } from '../personas/recognise.ts'
import { whatNotToDo } from '../remedy/cautions.ts'
import { readAuthResults, type AuthResult } from '../wire/auth-results.ts'
import { causeOf, toldFinding, type Explanation, type ToldReply } from './explanation.ts'
import type { HeaderField } from './message.ts'
import { takeApart, type Passage, type ReadLogLine } from './passages.ts'
import { readReceived, type ReceivedClient } from './received.ts'
import { remedyFor } from './remedy.ts'
import { addressIn, speakerNear } from './speaker.ts'
import { meaningOfStatus } from './status.ts'

export interface ExplainSettings {
  readonly personas: readonly Persona[]
  readonly recogniser: Recogniser
  readonly readLogLine: ReadLogLine
}

export function explain(text: string, settings: ExplainSettings): Explanation {
  const { kind, passages, enclosed, fields, isReport } = takeApart(text, settings.readLogLine)
  const statementsIn = (read: readonly Passage[]): readonly Statement[] => read.flatMap((passage) => understand(passage, settings) ?? [])
  const told = best(statementsIn(passages)) ?? best(statementsIn(enclosed))
  // The header of a bounce tells of the bounce's own way; that of any other message of the message.
  const header = isReport || (told && told.codes.length > 0) ? undefined : readHeader(fields)
  const input = header ? header.input : kind
  const { codes, personas, host, address, claimedName, ptrName, status, meaning, reply } = header?.statement ?? told ?? NOTHING
  const shown = {
    ...(address ? { ip: formatAddress(address) } : {}),
    ...(claimedName === null ? {} : { claimedName }),
    ...(ptrName === null ? {} : { ptrName }),
    ...(status === null || meaning === null ? {} : { status, meaning }),
  }
  const [persona, ...others] = personas.filter((candidate) => candidate.kind !== 'collection')
  const remedy = remedyFor({ codes, address, claimedName })
  return {
    kind: 'explain',
    input,
    cause: causeOf(codes),
    findings: codes.map((code) => toldFinding(code, shown)),
    persona: persona ? { name: persona.name, description: persona.description } : null,
    alsoSaidBy: others.map(({ name }) => name),
    host,
    address,
    claimedName,
    reply,
    remedy,
    cautions: whatNotToDo(remedy),
  }
}

/** What one passage or field tells. */
interface Statement {
  readonly codes: readonly FindingCode[]
  readonly personas: readonly Persona[]
  readonly host: string | null
  readonly address: IpAddress | null
  readonly claimedName: string | null
  readonly ptrName: string | null
  /** With its meaning, where the code alone told the cause. */
  readonly status: string | null
  readonly meaning: string | null
  readonly reply: ToldReply | null
}

const NOTHING: Statement = {
  codes: [],
  personas: [],
  host: null,
  address: null,
  claimedName: null,
  ptrName: null,
  status: null,
  meaning: null,
  reply: null,
}

/** Reverse DNS and HELO before anything else: a bounce may hold the replies of several receivers. */
function best(statements: readonly Statement[]): Statement | undefined {
  const rank = ({ codes }: Statement): number =>
    ['reverseDns', 'helo', 'other', 'none', 'unknown'].indexOf(causeOf(codes)) + Number(codes.length === 0)
  return statements.toSorted((left, right) => rank(left) - rank(right))[0]
}

/** Undefined where no reply stands in it. */
function understand(passage: Passage, { recogniser, personas }: ExplainSettings): Statement | undefined {
  const { text, status } = passage
  const first = recognise(recogniser, text, passage.host)
  const at = first?.status.start ?? Math.max(text.search(REPLY), 0)
  const speaker = speakerNear(text, at)
  const host = passage.host ?? speaker?.host ?? null
  // The server is known only now, and may tell apart who says the same.
  const recognition = first && host !== null ? recognise(recogniser, text, host) : first
  const reply = replyAt(text, at, recognition, status)
  const byHost = host === null ? undefined : personaOfHost(personas, host)
  const spoken = reply ? addressIn(`${String(reply.code ?? '')} ${reply.text}`, speaker?.address ?? null) : null
  const common = {
    ...NOTHING,
    host,
    reply,
    address: passage.client?.address ?? recognition?.address ?? spoken,
    claimedName: claimedNameOf(passage, recognition),
  }
  if (recognition) {
    const { findings, ptrName } = recognition
    const isCollection = recognition.personas.every(({ kind }) => kind === 'collection')
    return { ...common, codes: findings, ptrName, personas: isCollection && byHost ? [byHost] : recognition.personas }
  }
  if (!reply) return undefined
  const told = meaningOfStatus(reply.enhanced ?? status)
  return { ...common, ...told, personas: byHost ? [byHost] : [] }
}

const REPLY =
  /(?<![0-9A-Za-z.:=-])[45][0-7][0-9](?:[- ]#?[45]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])|(?:-| (?=[A-Za-z<[("])))|^[45]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])/

/** Without the codes of further lines; up to what the sender's own server says behind it. */
function replyAt(text: string, at: number, recognition: Recognition | undefined, status: string | null): ToldReply | null {
  const rest = text.slice(at, at + MAX_REPLY)
  const [lead, code, enhanced, alone] = LEAD.exec(rest) ?? []
  if (lead === undefined && !recognition && status === null) return null
  const words = rest.slice(lead?.length ?? 0)
  const from = recognition ? Math.max(0, recognition.end - at - (lead?.length ?? 0)) : 0
  const end = words.slice(from).search(BEHIND)
  const whole = end < 0 ? words : words.slice(0, from + end)
  const spoken = code === undefined ? whole : whole.replace(new RegExp(` ${code}[- ](?:[45]\\.[0-9]{1,3}\\.[0-9]{1,3} )?`, 'g'), ' ')
  return { code: code === undefined ? null : Number(code), enhanced: enhanced ?? alone ?? null, text: withoutClosing(spoken.trim()) }
}

/** Postfix logs the reply in parentheses. */
function withoutClosing(text: string): string {
  return text.endsWith(')') && text.split(')').length > text.split('(').length ? text.slice(0, -1) : text
}

const LEAD = /^(?:([45][0-7][0-9])(?:[- ]|$)#?(?:([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))?|([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))/
const BEHIND = / \(in reply to | Reporting-MTA: |; from=<| Action: | Final-Recipient: /
const MAX_REPLY = 800

/** Postfix repeats it in its reply, and logs it; others leave it unsaid. */
function claimedNameOf({ client, text }: Passage, recognition: Recognition | undefined): string | null {
  if (client?.claimedName !== null && client?.claimedName !== undefined) return client.claimedName
  if (recognition?.findings[0]?.startsWith('HELO_') !== true) return null
  return /<([^<>]{0,255})>: $/.exec(text.slice(Math.max(0, recognition.start - 260), recognition.start))?.[1] ?? null
}

interface HeaderReading {
  readonly input: 'authenticationResults' | 'received'
  readonly statement: Statement
}

/** Authentication-Results with an iprev result tells most; else the nearest Received field about a client from outside. */
function readHeader(fields: readonly HeaderField[]): HeaderReading | undefined {
  for (const { name, value } of fields) {
    if (name !== 'authentication-results') continue
    const read = readAuthResults(value)
    const iprev = read.kind === 'authResults' ? read.value.results.find(({ method }) => method === 'iprev') : undefined
    const codes = iprev && CODES_OF_IPREV[iprev.result]
    if (!iprev || !codes || read.kind !== 'authResults') continue
    const address = addressIn(iprev.properties.map((property) => `[${property.value}]`).join(' '), null)
    const statement = { ...NOTHING, codes, host: read.value.authservId, address, ptrName: nameIn(iprev) }
    return { input: 'authenticationResults', statement }
  }
  for (const { name, value } of fields) {
    const client = name === 'received' ? readReceived(value) : undefined
    if (!client || isInside(client.address)) continue
    return { input: 'received', statement: receivedStatement(client, /\bby ([0-9A-Za-z.-]{1,255})/.exec(value)?.[1] ?? null) }
  }
  return undefined
}

const CODES_OF_IPREV: Readonly<Record<string, readonly FindingCode[]>> = {
  pass: ['FCRDNS_CONFIRMED'],
  fail: ['FCRDNS_MISMATCH'],
  permerror: ['PTR_MISSING'],
  temperror: ['PTR_UNKNOWN'],
}

/** As ours and others write it: the name stands in a comment. */
function nameIn({ comment, result }: AuthResult): string | null {
  return result === 'pass' && comment !== null && /^[0-9A-Za-z.-]{3,255}$/.test(comment) ? comment : null
}

function isInside(address: IpAddress): boolean {
  const range = specialRange(address)
  return range !== undefined && range !== 'documentation' && range !== 'benchmark'
}

function receivedStatement({ address, claimedName, lookup, name }: ReceivedClient, host: string | null): Statement {
  const known = { ...NOTHING, host, address, claimedName, ptrName: name }
  switch (lookup) {
    case 'named': {
      const isHelo = claimedName !== null && name !== null && claimedName.toLowerCase() === name.toLowerCase()
      const compared: readonly FindingCode[] = claimedName === null ? [] : [isHelo ? 'HELO_ALIGNED' : 'HELO_CONFIRMED_DIFFERS']
      return { ...known, codes: ['FCRDNS_CONFIRMED', ...compared] }
    }
    case 'forged':
      return { ...known, codes: ['FCRDNS_MISMATCH'] }
    case 'none':
      return { ...known, codes: ['PTR_MISSING', 'PTR_UNKNOWN'] }
    case 'unknown':
      return { ...known, codes: ['PTR_MISSING', 'FCRDNS_MISMATCH', 'PTR_UNKNOWN'] }
    case 'notTold':
      return known
  }
}
