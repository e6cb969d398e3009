/**
 * The zones of the embedded server: an index of records, and what an authoritative server has to say about a name and a type
 * (RFC 1034 §4.3.2, RFC 2308, RFC 4592, RFC 8482). Zones are where the SOA records are. No sockets, no messages.
 */
import { canonicalName, ROOT, type DomainName } from '../core/domain-name.ts'
import { recordTypeOf, type RecordOf, type RecordType, type ResourceRecord } from '../core/dns-record.ts'
import { ByteWriter } from '../wire/byte-writer.ts'
import { writeRecordData } from '../wire/dns-rdata.ts'
import { formatRecord, formatRecordData } from '../wire/zone-file.ts'

export type ZoneAnswer =
  /** No zone of ours holds the name. */
  | { readonly kind: 'outside' }
  | {
      readonly kind: 'answer'
      readonly nxdomain: boolean
      /** False for a referral. */
      readonly authoritative: boolean
      readonly answers: readonly ResourceRecord[]
      readonly authorities: readonly ResourceRecord[]
      readonly additionals: readonly ResourceRecord[]
    }

export interface ZoneQuestion {
  /** In the case that was asked: the answer repeats it. */
  readonly name: DomainName
  /** `TYPE255` is ANY: it gets one of the name's record sets (RFC 8482 §4.1). */
  readonly type: RecordType
  /** Adds the RRSIG records that cover what is answered. */
  readonly withSignatures: boolean
  /** Whether the answer goes on with the target of a CNAME; false leaves that to the client. */
  readonly follow: (target: DomainName) => boolean
}

/** Chooses records to remove: all of a name, or those of one type, or exactly one. */
export type RecordChoice = ResourceRecord | { readonly name: DomainName; readonly type?: RecordType }

export class AuthorityZones {
  /** By canonical name. Every name between a record and the root is here, so that empty non-terminals exist. */
  readonly #nodes = new Map<string, ZoneNode>()

  constructor(records: Iterable<ResourceRecord> = []) {
    this.add(records)
  }

  /** A record that is there already is not added again (RFC 2181 §5); names in data that differ in case are two records. */
  add(records: Iterable<ResourceRecord>): void {
    const all = [...records]
    all.forEach(requireEncodable)
    this.#insert(all)
  }

  /** Gives how many records went. */
  remove(choice: RecordChoice): number {
    const key = canonicalName(choice.name)
    const node = this.#nodes.get(key)
    if (node === undefined) return 0
    let removed = 0
    for (const [type, set] of node.sets) {
      const kept = set.filter((record) => !isChosen(record, type, choice))
      removed += set.length - kept.length
      if (kept.length === 0) node.sets.delete(type)
      else node.sets.set(type, kept)
    }
    this.#prune(key)
    return removed
  }

  /** Puts these records in the place of all others of their names and types. */
  set(records: readonly ResourceRecord[]): void {
    records.forEach(requireEncodable)
    for (const record of records) this.remove({ name: record.name, type: typeOf(record) })
    this.#insert(records)
  }

  /** Puts these records in the place of everything. */
  replace(records: readonly ResourceRecord[]): void {
    records.forEach(requireEncodable)
    this.#nodes.clear()
    this.#insert(records)
  }

  *records(): Generator<ResourceRecord> {
    for (const node of this.#nodes.values()) for (const set of node.sets.values()) yield* set
  }

  /** The names of our zones. */
  apexes(): readonly DomainName[] {
    return [...this.#nodes.entries()].filter(([, node]) => node.sets.has('SOA')).map(([key]) => key as DomainName)
  }

  /** Records under no SOA: they are kept, and a question for them is as any other outside of our zones. */
  unserved(): readonly ResourceRecord[] {
    return [...this.records()].filter((record) => this.#zoneOf(canonicalName(record.name), typeOf(record)) === undefined)
  }

  lookup(question: ZoneQuestion): ZoneAnswer {
    const visited = new Set<string>()
    const answers: ResourceRecord[] = []
    let { name } = question
    for (;;) {
      visited.add(canonicalName(name))
      const step = this.#step(name, question)
      const isFirst = answers.length === 0
      switch (step.kind) {
        case 'outside':
          return isFirst ? step : positive(answers)
        case 'referral':
          return { kind: 'answer', nxdomain: false, authoritative: !isFirst, answers, authorities: step.servers, additionals: step.glue }
        case 'negative':
          return { ...positive(answers), nxdomain: step.nxdomain, authorities: step.authorities }
        case 'records':
          answers.push(...step.records)
          return positive(answers)
        case 'alias': {
          answers.push(...step.records)
          name = step.target
          const isEnd = visited.has(canonicalName(name)) || visited.size > MAX_CHAIN || !question.follow(name)
          if (isEnd) return positive(answers)
        }
      }
    }
  }

  /** The SOA that goes with the absence of a name or type; none outside of our zones. */
  soaOfAbsence(question: ZoneQuestion): readonly ResourceRecord[] {
    const zone = this.#zoneOf(canonicalName(question.name), question.type)
    return zone === undefined ? [] : soaOfAbsence(zone.apex, question)
  }

  #insert(records: readonly ResourceRecord[]): void {
    const dataOfSet = new Map<ResourceRecord[], Set<string>>()
    for (const record of records) {
      const set = setOf(this.#ensure(canonicalName(record.name)), typeOf(record))
      if (set.length > 0) {
        const known = dataOfSet.get(set) ?? new Set(set.map(formatRecordData))
        dataOfSet.set(set, known)
        const data = formatRecordData(record)
        if (known.has(data)) continue
        known.add(data)
      }
      set.push(record)
    }
  }

  #step(name: DomainName, question: ZoneQuestion): Step {
    const key = canonicalName(name)
    const zone = this.#zoneOf(key, question.type)
    if (zone === undefined) return { kind: 'outside' }
    if (zone.cut !== undefined) return this.#referral(zone.cut)
    const node = this.#nodes.get(key) ?? this.#wildcardFor(key)
    if (node === undefined) return { kind: 'negative', nxdomain: true, authorities: soaOfAbsence(zone.apex, question) }
    const alias = question.type === 'CNAME' || question.type === ANY ? undefined : node.sets.get('CNAME')?.[0]
    const set = node.sets.get(question.type === ANY ? firstType(node) : question.type)
    if (set !== undefined) return { kind: 'records', records: withOwner(signed(set, node, question), name) }
    if (alias?.type === 'CNAME') {
      return { kind: 'alias', records: withOwner(signed([alias], node, question), name), target: alias.target }
    }
    return { kind: 'negative', nxdomain: false, authorities: soaOfAbsence(zone.apex, question) }
  }

  /** The deepest zone that holds the name, and the highest delegation on the way down to the name. */
  #zoneOf(key: string, type: RecordType): { apex: ZoneNode; cut: ZoneNode | undefined } | undefined {
    let cut: ZoneNode | undefined
    let childApex: ZoneNode | undefined
    for (let at: string | undefined = key; at !== undefined; at = parentKey(at)) {
      const node = this.#nodes.get(at)
      if (node === undefined) continue
      // RFC 4035 §3.1.4.1: DS belongs to the parent's side of a zone cut.
      const isParentSide = type === 'DS' && at === key
      if (node.sets.has('SOA')) {
        if (!isParentSide) return { apex: node, cut }
        childApex = node
      } else if (node.sets.has('NS') && !isParentSide) cut = node
    }
    return childApex && { apex: childApex, cut: undefined }
  }

  #referral(cut: ZoneNode): Step {
    const servers = cut.sets.get('NS') ?? []
    const glue: ResourceRecord[] = []
    for (const server of servers) {
      if (server.type !== 'NS') continue
      const host = this.#nodes.get(canonicalName(server.target))
      glue.push(...(host?.sets.get('A') ?? []), ...(host?.sets.get('AAAA') ?? []))
    }
    return { kind: 'referral', servers, glue }
  }

  /** RFC 4592 §3.3: the asterisk label below the closest name that exists. A zone's apex exists, so the search stays inside. */
  #wildcardFor(key: string): ZoneNode | undefined {
    for (let at = parentKey(key); at !== undefined; at = parentKey(at)) {
      if (this.#nodes.has(at)) return this.#nodes.get(at === ROOT ? '*' : `*.${at}`)
    }
    return undefined
  }

  #ensure(key: string): ZoneNode {
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const node: ZoneNode = { sets: new Map(), children: 0 }
    this.#nodes.set(key, node)
    const parent = parentKey(key)
    if (parent !== undefined) this.#ensure(parent).children++
    return node
  }

  /** Forgets names that hold nothing and have nothing below them. */
  #prune(key: string): void {
    for (let at: string | undefined = key; at !== undefined; at = parentKey(at)) {
      const node = this.#nodes.get(at)
      if (node === undefined || node.sets.size > 0 || node.children > 0) return
      this.#nodes.delete(at)
      const parent = this.#nodes.get(parentKey(at) ?? '')
      if (parent !== undefined) parent.children--
    }
  }
}

/** RFC 3597's name of the record's type. */
export function typeOf(record: ResourceRecord): RecordType {
  return record.type === 'UNKNOWN' ? recordTypeOf(record.typeCode) : record.type
}

interface ZoneNode {
  readonly sets: Map<RecordType, ResourceRecord[]>
  children: number
}

type Step =
  | { readonly kind: 'outside' }
  | { readonly kind: 'referral'; readonly servers: readonly ResourceRecord[]; readonly glue: readonly ResourceRecord[] }
  | { readonly kind: 'negative'; readonly nxdomain: boolean; readonly authorities: readonly ResourceRecord[] }
  | { readonly kind: 'records'; readonly records: readonly ResourceRecord[] }
  | { readonly kind: 'alias'; readonly records: readonly ResourceRecord[]; readonly target: DomainName }

/** Aliases that one answer may hold; the client goes on from there. */
const MAX_CHAIN = 16
const ANY: RecordType = 'TYPE255'

function positive(answers: readonly ResourceRecord[]): Extract<ZoneAnswer, { kind: 'answer' }> {
  return { kind: 'answer', nxdomain: false, authoritative: true, answers, authorities: [], additionals: [] }
}

/** RFC 2308 §3, §5: for as long as the absence may be remembered. */
function soaOfAbsence(apex: ZoneNode, question: ZoneQuestion): readonly ResourceRecord[] {
  const soa = apex.sets.get('SOA')?.[0]
  if (soa?.type !== 'SOA') return []
  const shortened: RecordOf<'SOA'> = { ...soa, ttl: Math.min(soa.ttl, soa.minimum) }
  return signed([shortened], apex, question)
}

function signed(set: readonly ResourceRecord[], node: ZoneNode, question: ZoneQuestion): readonly ResourceRecord[] {
  const [first] = set
  const signatures = question.withSignatures && first ? node.sets.get('RRSIG') : undefined
  if (signatures === undefined || first === undefined || first.type === 'RRSIG') return set
  const type = typeOf(first)
  return [...set, ...signatures.filter((signature) => signature.type === 'RRSIG' && signature.typeCovered === type)]
}

function withOwner(records: readonly ResourceRecord[], owner: DomainName): readonly ResourceRecord[] {
  return records.every((record) => record.name === owner) ? records : records.map((record) => ({ ...record, name: owner }))
}

function firstType(node: ZoneNode): RecordType {
  for (const type of node.sets.keys()) if (type !== 'RRSIG') return type
  return 'RRSIG'
}

function setOf(node: ZoneNode, type: RecordType): ResourceRecord[] {
  const known = node.sets.get(type)
  if (known !== undefined) return known
  const set: ResourceRecord[] = []
  node.sets.set(type, set)
  return set
}

function isChosen(record: ResourceRecord, type: RecordType, choice: RecordChoice): boolean {
  if (choice.type === undefined) return true
  if ('ttl' in choice) return type === typeOf(choice) && formatRecordData(record) === formatRecordData(choice)
  return type === choice.type
}

/** The name behind the first label, in canonical text; undefined for the root. */
function parentKey(key: string): string | undefined {
  if (key === ROOT) return undefined
  let index = 0
  while (index < key.length && key.charCodeAt(index) !== 0x2e) index += key.charCodeAt(index) === 0x5c ? 2 : 1
  return index >= key.length ? ROOT : key.slice(index + 1)
}

/** A record that cannot be sent is a mistake of whoever adds it, and would otherwise show only when it is asked for. */
function requireEncodable(record: ResourceRecord): void {
  try {
    const writer = new ByteWriter()
    writer.uint32(record.ttl)
    writeRecordData(writer, record)
  } catch (error) {
    throw new TypeError(`this record cannot be sent: ${formatRecord(record)}`, { cause: error })
  }
}
