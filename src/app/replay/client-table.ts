/**
 * The clients of a log, each address with each name that it claimed once, and what became of their messages at the time.
 * Its memory grows with the clients alone, and is bounded: what comes past the bound is counted and not judged.
 */
import { formatAddress, unmapAddress, type IpAddress } from '../../core/address.ts'
import { keepText, MAX_CLAIMED_NAME, MAX_EXAMPLES, MAX_MAILBOX, type LoggedFacts, type LogRecord, type ThenOutcome } from './log-record.ts'

/** Of a client's messages. */
export type ThenCounts = { readonly [T in ThenOutcome]: number }

export interface LoggedClient {
  readonly address: IpAddress
  readonly claimedName: string | null
  readonly authenticated: boolean
  readonly facts: LoggedFacts | null
  /** Messages that are for anybody, and those for postmaster alone. */
  readonly messages: ThenCounts
  readonly toPostmaster: ThenCounts
  /** Those of accepted messages come first. */
  readonly senders: readonly string[]
  readonly recipients: readonly string[]
  readonly lastSeen: string | null
}

export interface TableTotals {
  readonly messages: ThenCounts
  /** Without a HELO in the log, of those that are not from authenticated clients. */
  readonly withoutClaimedName: number
  /** Of clients past the bound. */
  readonly notKept: number
  readonly firstSeen: string | null
  readonly lastSeen: string | null
}

/** Judged and refused, a client takes about 2.5 KB: half a gigabyte if all are. */
export const MAX_CLIENTS = 200_000

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type MutableClient = Omit<Mutable<LoggedClient>, 'messages' | 'toPostmaster' | 'senders' | 'recipients'> & {
  messages: Mutable<ThenCounts>
  toPostmaster: Mutable<ThenCounts>
  senders: string[]
  recipients: string[]
}

export class ClientTable {
  readonly #maxClients: number
  readonly #clients = new Map<string, MutableClient>()
  readonly #totals: Mutable<TableTotals> & { messages: Mutable<ThenCounts> } = {
    messages: noMessages(),
    withoutClaimedName: 0,
    notKept: 0,
    firstSeen: null,
    lastSeen: null,
  }

  constructor(maxClients = MAX_CLIENTS) {
    this.#maxClients = maxClients
  }

  get clients(): readonly LoggedClient[] {
    return [...this.#clients.values()]
  }

  get size(): number {
    return this.#clients.size
  }

  get totals(): TableTotals {
    return this.#totals
  }

  add(record: LogRecord): void {
    const totals = this.#totals
    totals.messages[record.then]++
    if (record.claimedName === null && !record.authenticated) totals.withoutClaimedName++
    totals.firstSeen = earlier(totals.firstSeen, record.seenAt)
    totals.lastSeen = later(totals.lastSeen, record.seenAt)
    const client = this.#client(record)
    if (!client) {
      totals.notKept++
      return
    }
    const counts = record.isToPostmaster ? client.toPostmaster : client.messages
    counts[record.then]++
    client.lastSeen = later(client.lastSeen, record.seenAt)
    if (record.sender !== null) addExample(client.senders, record.sender, record.then)
    for (const recipient of record.recipients.slice(0, MAX_EXAMPLES)) addExample(client.recipients, recipient, record.then)
  }

  #client(record: LogRecord): MutableClient | undefined {
    const key = keyOf(record)
    const known = this.#clients.get(key)
    if (known || this.#clients.size >= this.#maxClients) return known
    const { address, authenticated, facts } = record
    const client: MutableClient = {
      address: unmapAddress(address),
      claimedName: authenticated || record.claimedName === null ? null : keepText(record.claimedName, MAX_CLAIMED_NAME),
      authenticated,
      facts: facts ? keepFacts(facts) : null,
      messages: noMessages(),
      toPostmaster: noMessages(),
      senders: [],
      recipients: [],
      lastSeen: null,
    }
    this.#clients.set(keepText(key, MAX_KEY), client)
    return client
  }
}

const MAX_KEY = 2000

/** Whoever has logged in is not judged by any name. Case makes no other name. */
function keyOf({ address, claimedName, authenticated, facts }: LogRecord): string {
  const ip = formatAddress(unmapAddress(address))
  if (authenticated) return `${ip} authenticated`
  const then = facts ? `${facts.result} ${facts.reason} ${facts.confirmedName ?? ''} ${facts.findings.join(' ')}` : ''
  return `${ip} ${then} ${claimedName === null ? '' : `=${claimedName.slice(0, MAX_CLAIMED_NAME).toLowerCase()}`}`
}

function keepFacts({ result, reason, ptrNames, confirmedName, findings }: LoggedFacts): LoggedFacts {
  return {
    result,
    reason,
    ptrNames: ptrNames.map((ptrName) => keepText(ptrName, MAX_CLAIMED_NAME)),
    confirmedName: confirmedName === null ? null : keepText(confirmedName, MAX_CLAIMED_NAME),
    findings: findings.slice(0, MAX_FINDINGS),
  }
}

/** As many as the log writes. */
const MAX_FINDINGS = 20

/** An accepted message is what somebody would miss: its sender and recipients push the others out. */
function addExample(examples: string[], text: string, then: ThenOutcome): void {
  const known = examples.indexOf(text)
  if (then !== 'accepted') {
    if (known < 0 && examples.length < MAX_EXAMPLES) examples.push(keepText(text, MAX_MAILBOX))
    return
  }
  if (known === 0) return
  const [example = keepText(text, MAX_MAILBOX)] = known > 0 ? examples.splice(known, 1) : []
  examples.unshift(example)
  if (examples.length > MAX_EXAMPLES) examples.pop()
}

export function noMessages(): Mutable<ThenCounts> {
  return { accepted: 0, deferred: 0, rejected: 0, unknown: 0 }
}

export function sumOf({ accepted, deferred, rejected, unknown }: ThenCounts): number {
  return accepted + deferred + rejected + unknown
}

/** The timestamps are of one form, so their texts compare as their times do. */
function earlier(left: string | null, right: string | null): string | null {
  return left === null || (right !== null && right < left) ? right : left
}

function later(left: string | null, right: string | null): string | null {
  return left === null || (right !== null && right > left) ? right : left
}
