/**
 * What the embedded server answers to one message: the truth by its zones, then what the faults in force make of it.
 * Pure: a reply is a plan (when, how often, with what before it), and authority.ts carries it out.
 */
import { assertNever } from '../core/assert-never.ts'
import { childName, labelsOf, nameFromLabels, type DomainName } from '../core/domain-name.ts'
import type { RecordType, ResourceRecord } from '../core/dns-record.ts'
import { RCODE, type DnsMessage, type DnsQuestion, type Edns } from '../wire/dns.ts'
import { parseZone } from '../wire/zone-file.ts'
import {
  rcodeNumber,
  recordLines,
  type DecoyAs,
  type DnsFaultStep,
  type DnsTransport,
  type FaultBook,
  type MalformedAs,
} from './authority-faults.ts'
import { typeOf, type AuthorityZones } from './authority-zones.ts'

/** How the server presents itself when nothing is made to go wrong. */
export interface AuthorityFlavour {
  /** RA: true makes it usable in the place of a resolver. */
  readonly recursionAvailable: boolean
  /** AA on answers from our zones. */
  readonly authoritative: boolean
  /** AD on answers from our zones, where the query carries AD or DO (RFC 6840 §5.8): pretends that they were validated. */
  readonly authenticated: boolean
  /** What is said to questions outside of our zones. */
  readonly outside: 'refused' | 'nxdomain' | 'servfail'
  /** Whether an answer goes on with the target of a CNAME within our zones. It never goes on into a fault that the asked name does not meet. */
  readonly followAliases: boolean
  readonly order: 'fixed' | 'rotate'
  /** The largest UDP answer, and what our own OPT says. */
  readonly udpPayloadSize: number
}

export const DEFAULT_AUTHORITY_FLAVOUR: AuthorityFlavour = {
  recursionAvailable: true,
  authoritative: true,
  authenticated: false,
  outside: 'refused',
  followAliases: true,
  order: 'fixed',
  udpPayloadSize: 1232,
}

export interface ReplyPlan {
  /** Null for no answer. */
  readonly message: DnsMessage | null
  /** What the answer would be without faults, for whatever is made from it. */
  readonly truth: DnsMessage
  readonly delayMs: number
  /** Sent before the answer, each with what is wrong about it. */
  readonly decoys: readonly { readonly as: DecoyAs; readonly message: DnsMessage }[]
  readonly malformed: MalformedAs | null
  /** How often the answer is sent. */
  readonly copies: number
  readonly order: 'fixed' | 'rotate' | 'reverse'
  /** Whether a TCP connection is closed. */
  readonly close: boolean
}

export interface ReplyContext {
  readonly zones: AuthorityZones
  readonly faults: FaultBook
  readonly flavour: AuthorityFlavour
  readonly transport: DnsTransport
  readonly nowMs: number
  /** Rises with each query: by how much rotated answers are turned. */
  readonly turn: number
}

export interface PlannedReply {
  readonly plan: ReplyPlan
  readonly effects: readonly DnsFaultStep[]
}

/** `query` must not be a response. */
export function planReply(query: DnsMessage, context: ReplyContext): PlannedReply {
  const refusal = refusalOf(query)
  const [question] = query.questions
  if (refusal !== undefined || question === undefined) {
    return { plan: planOf(errorReply(query, refusal ?? RCODE.FORMERR, context.flavour), context.flavour), effects: [] }
  }
  const truth = answerTruly(query, question, context)
  const effects = context.faults.take(question.name, question.type, context.transport, context.nowMs)
  const plan = effects.reduce((before, effect) => applyEffect(before, effect, question, context), planOf(truth, context.flavour))
  return { plan: plan.message === null ? plan : { ...plan, message: inOrder(plan.message, plan.order, context.turn) }, effects }
}

/** For a message that cannot be read behind its header (RFC 1035 §4.1.1); undefined where no answer may be given. */
export function replyToUnreadable(bytes: Uint8Array, flavour: AuthorityFlavour): DnsMessage | undefined {
  if (bytes.length < 12) return undefined
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, 12)
  const flags = header.readUInt16BE(2)
  if ((flags & 0x8000) !== 0) return undefined
  const opcode = (flags >> 11) & 15
  const query: DnsMessage = {
    ...{ id: header.readUInt16BE(0), isResponse: false, opcode, authoritative: false, truncated: false, recursionAvailable: false },
    ...{ recursionDesired: (flags & 0x100) !== 0, authenticated: false, checkingDisabled: (flags & 0x10) !== 0, rcode: 0 },
    ...{ questions: [], answers: [], authorities: [], additionals: [], edns: null },
  }
  return errorReply(query, opcode === 0 ? RCODE.FORMERR : RCODE.NOTIMP, flavour)
}

/** How much of an answer this client takes over UDP (RFC 6891 §6.2.3). */
export function udpLimit(query: DnsMessage, flavour: AuthorityFlavour): number {
  return query.edns === null ? 512 : Math.max(512, Math.min(query.edns.udpPayloadSize, flavour.udpPayloadSize))
}

/** The RCODE for a query that is not answered from the zones. */
function refusalOf(query: DnsMessage): number | undefined {
  if (query.opcode !== 0) return RCODE.NOTIMP
  if (query.edns !== null && query.edns.version > 0) return RCODE.BADVERS
  const [question, second] = query.questions
  if (question === undefined || second !== undefined || query.answers.length > 0) return RCODE.FORMERR
  if (question.classCode !== 1) return RCODE.REFUSED
  return META_TYPES.get(question.type)
}

/** RFC 6895 §3.1. Zone transfers are not given; ANY is answered. */
const META_TYPES = new Map<RecordType, number>([
  ['TYPE0', RCODE.FORMERR],
  ['TYPE41', RCODE.FORMERR],
  ['TYPE249', RCODE.FORMERR],
  ['TYPE250', RCODE.FORMERR],
  ['TYPE251', RCODE.REFUSED],
  ['TYPE252', RCODE.REFUSED],
  ['TYPE253', RCODE.NOTIMP],
  ['TYPE254', RCODE.NOTIMP],
])

function answerTruly(query: DnsMessage, question: DnsQuestion, { zones, faults, flavour }: ReplyContext): DnsMessage {
  const answer = zones.lookup({
    name: question.name,
    type: question.type,
    withSignatures: query.edns?.dnssecOk === true,
    follow: (target) => flavour.followAliases && !faults.concernsOnly(target, question.name, question.type),
  })
  if (answer.kind === 'outside') return errorReply(query, OUTSIDE_RCODES[flavour.outside], flavour)
  return {
    ...errorReply(query, answer.nxdomain ? RCODE.NXDOMAIN : RCODE.NOERROR, flavour),
    authoritative: flavour.authoritative && answer.authoritative,
    authenticated: flavour.authenticated && (query.authenticated || query.edns?.dnssecOk === true),
    answers: answer.answers,
    authorities: answer.authorities,
    additionals: answer.additionals,
  }
}

const OUTSIDE_RCODES = { refused: RCODE.REFUSED, nxdomain: RCODE.NXDOMAIN, servfail: RCODE.SERVFAIL } as const

/** The question comes back as it was sent, in its case (0x20). */
function errorReply(query: DnsMessage, rcode: number, flavour: AuthorityFlavour): DnsMessage {
  const edns: Edns | null =
    query.edns === null ? null : { udpPayloadSize: flavour.udpPayloadSize, version: 0, dnssecOk: query.edns.dnssecOk, options: [] }
  return {
    id: query.id,
    isResponse: true,
    opcode: query.opcode,
    authoritative: false,
    truncated: false,
    recursionDesired: query.recursionDesired,
    recursionAvailable: flavour.recursionAvailable,
    authenticated: false,
    checkingDisabled: query.checkingDisabled,
    rcode,
    questions: query.questions.slice(0, 1),
    answers: [],
    authorities: [],
    additionals: [],
    edns,
  }
}

function planOf(message: DnsMessage, { order }: AuthorityFlavour): ReplyPlan {
  return { message, truth: message, delayMs: 0, decoys: [], malformed: null, copies: 1, order, close: false }
}

function applyEffect(plan: ReplyPlan, effect: DnsFaultStep, question: DnsQuestion, context: ReplyContext): ReplyPlan {
  switch (effect.kind) {
    case 'truth':
      return plan
    case 'rcode':
      return { ...plan, message: withRcode(plan.truth, rcodeNumber(effect.rcode), effect.extendedError) }
    case 'nodata':
      return { ...plan, message: { ...empty(plan.truth, RCODE.NOERROR), authorities: soaFor(question, context) } }
    case 'records':
      return { ...plan, message: withRecords(plan.truth, effect.records, question) }
    case 'silence':
      return { ...plan, message: null }
    case 'close':
      return { ...plan, message: null, close: true }
    case 'delay':
      return { ...plan, delayMs: plan.delayMs + effect.ms }
    case 'truncate':
      if (context.transport === 'tcp') return effect.tcp === undefined || effect.tcp === 'answer' ? plan : withoutAnswer(plan, effect.tcp)
      return plan.message === null ? plan : { ...plan, message: truncated(plan.message, effect.keep ?? 0) }
    case 'malformed':
      return { ...plan, malformed: effect.as }
    case 'decoy':
      return context.transport === 'tcp' ? plan : withDecoy(plan, effect, question, context)
    case 'order':
      return { ...plan, order: effect.as }
    case 'duplicate': {
      const copies = effect.copies ?? 2
      if (effect.what === 'replies') return { ...plan, copies }
      const { message } = plan
      const answers = message?.answers.flatMap((record) => Array.from({ length: copies }, () => record)) ?? []
      return message === null ? plan : { ...plan, message: { ...message, answers } }
    }
    case 'flags':
      return plan.message === null ? plan : { ...plan, message: withFlags(plan.message, effect) }
    default:
      return assertNever(effect)
  }
}

function empty(message: DnsMessage, rcode: number): DnsMessage {
  return { ...message, rcode, answers: [], authorities: [], additionals: [] }
}

/** A client without EDNS cannot be told an RCODE above 15. */
function withRcode(truth: DnsMessage, rcode: number, error: { readonly code: number; readonly text?: string } | undefined): DnsMessage {
  if (truth.edns === null) return empty({ ...truth, authenticated: false }, rcode > 15 ? RCODE.SERVFAIL : rcode)
  const options = error === undefined ? [] : [{ code: 15, data: extendedErrorData(error.code, error.text ?? '') }]
  return { ...empty({ ...truth, authenticated: false }, rcode), edns: { ...truth.edns, options } }
}

/** RFC 8914 §2. */
function extendedErrorData(code: number, text: string): string {
  const data = Buffer.concat([Buffer.alloc(2), Buffer.from(text, 'utf8')])
  data.writeUInt16BE(code)
  return data.toString('hex')
}

/** They were found in order when the fault was set; only names relative to a very long one can still be too long. */
function withRecords(truth: DnsMessage, lines: readonly string[], question: DnsQuestion): DnsMessage {
  const zone = parseZone(recordLines(lines), { file: 'records', origin: question.name })
  return zone.kind === 'error' ? empty(truth, RCODE.SERVFAIL) : { ...empty(truth, RCODE.NOERROR), answers: zone.records }
}

function soaFor({ name, type }: DnsQuestion, { zones }: ReplyContext): readonly ResourceRecord[] {
  return zones.soaOfAbsence({ name, type, withSignatures: false, follow: () => false })
}

function withoutAnswer(plan: ReplyPlan, how: 'silence' | 'close'): ReplyPlan {
  return { ...plan, message: null, close: how === 'close' }
}

function truncated(message: DnsMessage, keep: number): DnsMessage {
  return { ...empty(message, message.rcode), truncated: true, answers: message.answers.slice(0, keep) }
}

function withDecoy(
  plan: ReplyPlan,
  effect: Extract<DnsFaultStep, { kind: 'decoy' }>,
  question: DnsQuestion,
  context: ReplyContext,
): ReplyPlan {
  const content = decoyContent(plan.truth, effect.answer ?? 'nxdomain', question, context)
  const decoy = { as: effect.as, message: forge(content, effect.as, question) }
  const decoys = [...plan.decoys, ...Array.from({ length: effect.copies ?? 1 }, () => decoy)]
  return { ...plan, decoys, message: effect.then === 'silence' ? null : plan.message }
}

function decoyContent(
  truth: DnsMessage,
  answer: 'nxdomain' | 'truth' | readonly string[],
  question: DnsQuestion,
  context: ReplyContext,
): DnsMessage {
  if (answer === 'truth') return truth
  if (answer === 'nxdomain') return { ...empty(truth, RCODE.NXDOMAIN), authorities: soaFor(question, context) }
  return withRecords(truth, answer, question)
}

function forge(message: DnsMessage, as: DecoyAs, question: DnsQuestion): DnsMessage {
  switch (as) {
    case 'id':
      return { ...message, id: message.id ^ 0x5555 }
    case 'question':
      return { ...message, questions: [{ ...question, name: otherName(question.name) }] }
    case 'case':
      return { ...message, questions: [{ ...question, name: otherCase(question.name) }] }
    case 'port':
    case 'address':
      return message
    default:
      return assertNever(as)
  }
}

/** A neighbour: the same name with another first label. */
function otherName(asked: DomainName): DomainName {
  const [first = '', ...rest] = labelsOf(asked)
  return childName(first === 'a' ? 'b' : 'a', nameFromLabels(rest))
}

/** Every letter in the other case; a name without letters stays as it is. */
function otherCase(asked: DomainName): DomainName {
  const swap = (letter: string): string => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase())
  return nameFromLabels(labelsOf(asked).map((label) => label.replaceAll(/[a-zA-Z]/g, swap)))
}

function withFlags(message: DnsMessage, effect: Extract<DnsFaultStep, { kind: 'flags' }>): DnsMessage {
  return {
    ...message,
    authenticated: effect.authenticated ?? message.authenticated,
    authoritative: effect.authoritative ?? message.authoritative,
    recursionAvailable: effect.recursionAvailable ?? message.recursionAvailable,
  }
}

/** CNAMEs and signatures stay where they are in the chain; the records that were asked for are turned behind them. */
function inOrder(message: DnsMessage, order: ReplyPlan['order'], turn: number): DnsMessage {
  const type = message.questions[0]?.type
  const asked = message.answers.filter((record) => typeOf(record) === type)
  if (order === 'fixed' || asked.length < 2) return message
  const others = message.answers.filter((record) => typeOf(record) !== type)
  const start = turn % asked.length
  const turned = order === 'reverse' ? asked.toReversed() : [...asked.slice(start), ...asked.slice(0, start)]
  return { ...message, answers: [...others, ...turned] }
}
