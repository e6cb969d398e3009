/**
 * What can be made to go wrong in the embedded server, as plain data that a scenario file can hold, and the book of the faults
 * in force: which of them a question meets, by name, type, transport, count and time. What an effect does is in authority-reply.ts.
 */
import { canonicalName, parseName, ROOT, type DomainName } from '../core/domain-name.ts'
import { RECORD_TYPE_CODES, type RecordType } from '../core/dns-record.ts'
import { RCODE } from '../wire/dns.ts'
import { formatZoneFileError, parseZone } from '../wire/zone-file.ts'

/** All faults that a question matches take effect, in the order in which they were set; of two that contradict, the later one holds. */
export interface DnsFault {
  /** A name (`mail.lab.test`), every name below one (`*.lab.test`, without `lab.test` itself), or every name (`*`). */
  readonly name: string
  /** Only questions for this type; all types unless given. */
  readonly type?: RecordType
  /** Only questions over this transport; both unless given. */
  readonly transport?: DnsTransport
  /** Only the first so many questions that match, then no more: `first: 2` with silence is two lost packets. */
  readonly first?: number
  readonly effect: DnsFaultEffect
}

export type DnsTransport = 'udp' | 'tcp'

export type DnsFaultEffect =
  | DnsFaultStep
  /**
   * Effects one after the other, by count of questions or by time since the fault was set. A step without either lasts for ever;
   * after the last step comes the truth.
   */
  | {
      readonly kind: 'sequence'
      readonly steps: readonly { readonly queries?: number; readonly ms?: number; readonly effect: DnsFaultStep }[]
    }

export type DnsFaultStep =
  /** What the zones say; for steps of a sequence. */
  | { readonly kind: 'truth' }
  /** This RCODE and no records. `extendedError` is added where the client speaks EDNS (RFC 8914). */
  | {
      readonly kind: 'rcode'
      readonly rcode: RcodeName | number
      readonly extendedError?: { readonly code: number; readonly text?: string }
    }
  /** The name exists, and nothing of the asked type does. */
  | { readonly kind: 'nodata' }
  /** These records in the place of the zones' answer: lines of a master file in which `@` is the name that was asked. */
  | { readonly kind: 'records'; readonly records: readonly string[] }
  /** No answer at all; over TCP the connection stays open. */
  | { readonly kind: 'silence' }
  /** No answer; a TCP connection is closed. */
  | { readonly kind: 'close' }
  /** The answer comes that much later. Several delays add up. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Over UDP: TC, with the first `keep` records (0 unless given). Over TCP: the whole answer, or none. */
  | { readonly kind: 'truncate'; readonly keep?: number; readonly tcp?: 'answer' | 'silence' | 'close' }
  /** An answer with the right id, but spoiled octets. */
  | { readonly kind: 'malformed'; readonly as: MalformedAs }
  /**
   * First a forged answer that a careful client ignores, then the true one (or nothing). Over TCP only the true one.
   * It says NXDOMAIN unless it is to be `truth`, or lines as in `records`.
   */
  | {
      readonly kind: 'decoy'
      readonly as: DecoyAs
      readonly answer?: 'nxdomain' | 'truth' | readonly string[]
      readonly copies?: number
      readonly then?: 'answer' | 'silence'
    }
  /** The order of the answer's records: as in the zone, turned by one more with each question, or from the last to the first. */
  | { readonly kind: 'order'; readonly as: 'fixed' | 'rotate' | 'reverse' }
  /** Each record of the answer, or the whole reply, several times (2 unless given). */
  | { readonly kind: 'duplicate'; readonly what: 'records' | 'replies'; readonly copies?: number }
  /** Bits of the header. AD is set whether or not it was asked for. */
  | {
      readonly kind: 'flags'
      readonly authenticated?: boolean
      readonly authoritative?: boolean
      readonly recursionAvailable?: boolean
    }

export type RcodeName = keyof typeof RCODE

/** In what the forged answer is wrong. `address` needs one to send from: in 127.0.0.0/8; elsewhere it comes from another port. */
export type DecoyAs = (typeof DECOYS)[number]
const DECOYS = ['id', 'question', 'case', 'port', 'address'] as const

export type MalformedAs = (typeof MALFORMED)[number]
const MALFORMED = [
  /** No octets at all. */
  'empty',
  /** Seven octets: not even a header. */
  'short',
  /** The header of an answer, and nothing behind it. */
  'headerOnly',
  /** Behind the id only 0xff. */
  'garbage',
  /** The true answer without its last octets. */
  'cut',
  /** The true answer, which announces one record more. */
  'lyingCounts',
  /** A record whose data would go on behind the end. */
  'lyingLength',
  /** A name that points to itself. */
  'compressionLoop',
  /** A name that points behind itself. */
  'forwardPointer',
  /** A name with a reserved label type. */
  'badLabel',
  /** The true answer and four more octets. */
  'trailing',
  /** The true answer without its question. */
  'noQuestion',
  /** The true answer, marked as a question. */
  'notResponse',
] as const

/** Which faults are in force. Throws a TypeError for a fault that makes no sense: it says which one and why. */
export class FaultBook {
  #entries: readonly Entry[] = []

  /** In the place of all that were set before. */
  set(faults: readonly DnsFault[], nowMs: number): void {
    this.#entries = faults.map((fault, index) => entryOf(fault, nowMs, `fault ${String(index + 1)}`))
  }

  /** Behind those that were set before. */
  add(fault: DnsFault, nowMs: number): void {
    this.#entries = [...this.#entries, entryOf(fault, nowMs, 'fault')]
  }

  /** All, or those that were set for exactly this name. */
  clear(name?: string): void {
    this.#entries = name === undefined ? [] : this.#entries.filter((entry) => entry.fault.name !== name)
  }

  list(): readonly DnsFault[] {
    return this.#entries.map((entry) => entry.fault)
  }

  /** What this question meets. It counts as one question for each fault that it matches. */
  take(name: DomainName, type: RecordType, transport: DnsTransport, nowMs: number): readonly DnsFaultStep[] {
    if (this.#entries.length === 0) return NO_EFFECTS
    const key = canonicalName(name)
    const effects: DnsFaultStep[] = []
    for (const entry of this.#entries) {
      const { fault } = entry
      if (!matches(entry, key, type) || (fault.transport !== undefined && fault.transport !== transport)) continue
      const effect = takeStep(entry, nowMs)
      if (effect !== undefined && effect.kind !== 'truth') effects.push(effect)
    }
    return effects
  }

  /** Whether a question for this target of a CNAME meets a fault that the asked name itself does not meet. */
  concernsOnly(target: DomainName, asked: DomainName, type: RecordType): boolean {
    if (this.#entries.length === 0) return false
    const targetKey = canonicalName(target)
    const askedKey = canonicalName(asked)
    return this.#entries.some((entry) => !isSpent(entry) && matches(entry, targetKey, type) && !matches(entry, askedKey, type))
  }
}

export function rcodeNumber(rcode: RcodeName | number): number {
  return typeof rcode === 'number' ? rcode : RCODE[rcode]
}

interface Entry {
  readonly fault: DnsFault
  /** Canonical; for a wildcard the name below which it holds. */
  readonly key: string
  readonly isWildcard: boolean
  taken: number
  step: number
  takenInStep: number
  stepStartedMs: number
}

const NO_EFFECTS: readonly DnsFaultStep[] = []

function entryOf(fault: DnsFault, nowMs: number, place: string): Entry {
  const problem = problemOf(fault)
  if (problem !== undefined) throw new TypeError(`${place} (${JSON.stringify(fault.name)}): ${problem}`)
  const isWildcard = fault.name === '*' || fault.name.startsWith('*.')
  const base = isWildcard ? fault.name.slice(2) : fault.name
  const key = canonicalName(base === '' ? ROOT : (parseName(base) ?? ROOT))
  return { fault, key, isWildcard, taken: 0, step: 0, takenInStep: 0, stepStartedMs: nowMs }
}

function matches(entry: Entry, key: string, type: RecordType): boolean {
  if (entry.fault.type !== undefined && entry.fault.type !== type) return false
  if (!entry.isWildcard) return entry.key === key
  if (entry.key === ROOT) return entry.fault.name === '*' || key !== ROOT
  // The suffix must begin behind a dot that separates labels, not behind one inside a label.
  if (!key.endsWith(`.${entry.key}`)) return false
  const before = key.slice(0, key.length - entry.key.length - 1)
  return !/(?<!\\)(?:\\\\)*\\$/.test(before)
}

function isSpent({ fault, taken }: Entry): boolean {
  return fault.first !== undefined && taken >= fault.first
}

function takeStep(entry: Entry, nowMs: number): DnsFaultStep | undefined {
  if (isSpent(entry)) return undefined
  entry.taken++
  const { effect } = entry.fault
  if (effect.kind !== 'sequence') return effect
  for (;;) {
    const step = effect.steps[entry.step]
    if (step === undefined) return undefined
    const isOverByTime = step.ms !== undefined && nowMs - entry.stepStartedMs >= step.ms
    const isOverByCount = step.queries !== undefined && entry.takenInStep >= step.queries
    if (!isOverByTime && !isOverByCount) {
      entry.takenInStep++
      return step.effect
    }
    entry.step++
    entry.takenInStep = 0
    entry.stepStartedMs = isOverByTime ? entry.stepStartedMs + (step.ms ?? 0) : nowMs
  }
}

function problemOf(fault: DnsFault): string | undefined {
  const base = fault.name === '*' ? '.' : fault.name.replace(/^\*\./, '')
  if (parseName(base) === undefined) return 'the name is neither a domain name, nor *.NAME, nor *'
  if (fault.type !== undefined && !isRecordType(fault.type)) return `${JSON.stringify(fault.type)} is no record type`
  if (fault.transport !== undefined && !['udp', 'tcp'].includes(fault.transport)) return 'transport must be udp or tcp'
  if (fault.first !== undefined && !isCount(fault.first)) return 'first must be a whole number'
  if (fault.effect.kind !== 'sequence') return stepProblem(fault.effect)
  for (const { queries, ms, effect } of fault.effect.steps) {
    if ((queries !== undefined && !isCount(queries)) || (ms !== undefined && !isDelay(ms))) return 'queries and ms must be whole numbers'
    const problem = stepProblem(effect)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Faults come from files too, so that what the types promise is checked here. */
function stepProblem(effect: DnsFaultStep): string | undefined {
  switch (effect.kind) {
    case 'truth':
    case 'nodata':
    case 'silence':
    case 'close':
    case 'flags':
      return undefined
    case 'rcode': {
      const number = rcodeNumber(effect.rcode) as number | undefined
      if (number === undefined || !isCount(number) || number > 0xfff) return `${JSON.stringify(effect.rcode)} is no RCODE`
      const error = effect.extendedError
      const isBadError = error !== undefined && (!isCount(error.code) || error.code > 0xffff || (error.text ?? '').length > 200)
      return isBadError ? 'extendedError needs a code up to 65535, and a text of up to 200 characters' : undefined
    }
    case 'records':
      return linesProblem(effect.records)
    case 'delay':
      return isDelay(effect.ms) ? undefined : 'ms must be from 0 to 86400000'
    case 'truncate':
      if (effect.keep !== undefined && !isCount(effect.keep)) return 'keep must be a whole number'
      return ['answer', 'silence', 'close'].includes(effect.tcp ?? 'answer') ? undefined : 'tcp must be answer, silence or close'
    case 'malformed':
      return MALFORMED.includes(effect.as) ? undefined : `as must be one of ${MALFORMED.join(', ')}`
    case 'decoy':
      if (!DECOYS.includes(effect.as)) return `as must be one of ${DECOYS.join(', ')}`
      if (!isCopies(effect.copies)) return COPIES_HELP
      if (!['answer', 'silence'].includes(effect.then ?? 'answer')) return 'then must be answer or silence'
      return typeof effect.answer === 'object' ? linesProblem(effect.answer) : answerProblem(effect.answer)
    case 'order':
      return ['fixed', 'rotate', 'reverse'].includes(effect.as) ? undefined : 'as must be fixed, rotate or reverse'
    case 'duplicate':
      if (!isCopies(effect.copies)) return COPIES_HELP
      return ['records', 'replies'].includes(effect.what) ? undefined : 'what must be records or replies'
    default:
      return `there is no effect ${JSON.stringify((effect as { kind: unknown }).kind)}`
  }
}

function answerProblem(answer: string | undefined): string | undefined {
  return ['nxdomain', 'truth'].includes(answer ?? 'nxdomain') ? undefined : 'answer must be nxdomain, truth or records'
}

function linesProblem(lines: readonly string[]): string | undefined {
  const zone = parseZone(recordLines(lines), { file: 'records', origin: ROOT })
  // The first line is not theirs.
  return zone.kind === 'error' ? formatZoneFileError({ ...zone, line: zone.line - 1 }) : undefined
}

/** The lines of `records` as a master file; without a TTL a record lives for a minute. */
export function recordLines(lines: readonly string[]): string {
  return `$TTL 60\n${lines.join('\n')}\n`
}

function isRecordType(text: string): boolean {
  return Object.hasOwn(RECORD_TYPE_CODES, text) || /^TYPE[0-9]{1,5}$/.test(text)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isDelay(value: number): boolean {
  return value >= 0 && value <= 86_400_000
}

function isCopies(copies: number | undefined): boolean {
  return copies === undefined || (isCount(copies) && copies >= 1 && copies <= 16)
}

const COPIES_HELP = 'copies must be from 1 to 16'
