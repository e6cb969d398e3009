/**
 * DNS blocklists (RFC 5782), only those that the user names: is the address listed, with which codes and what text? Answers that
 * are no listings (a refusal of our resolver, a parked domain, a list that lists everything) are told apart. It judges nothing.
 */
import { formatAddress, parseAddress, reverseName, unmapAddress, type IpAddress } from '../core/address.ts'
import { labelsOf, nameFromLabels, parseName, type DomainName } from '../core/domain-name.ts'
import { withinLimits, type Ask, type RecordLookupOptions, type Trouble } from './record-lookup.ts'

export type DnsblAnswer =
  | { readonly kind: 'listed'; readonly codes: readonly string[]; readonly texts: readonly string[] }
  | { readonly kind: 'notListed' }
  /** The list answered, and not about the address. */
  | {
      readonly kind: 'refused'
      readonly cause:
        /** 127.255.255.0/24, or 127.0.0.1: our resolver may not ask, asks too much, or the name of the list is wrong. */
        | 'refusalCode'
        /** Not in 127.0.0.0/8: the list is gone, and its domain points elsewhere. */
        | 'outsideLoopback'
        /** It lists 127.0.0.1 as well, which no working list does (RFC 5782 §5). */
        | 'listsEverything'
      readonly codes: readonly string[]
    }
  | { readonly kind: 'unknown'; readonly trouble: Trouble }

export interface DnsblFacts {
  readonly kind: 'dnsbl'
  readonly address: IpAddress
  readonly list: DomainName
  /** What was asked; null where list and address make no name. */
  readonly question: DomainName | null
  readonly answer: DnsblAnswer
}

const LIMITS = { deadlineMs: 8000, maxQueries: 20 }
const MAX_CODES = 16
const MAX_TEXTS = 4
const MAX_TEXT_LENGTH = 512

export function lookupDnsbl(address: IpAddress, list: DomainName, options: RecordLookupOptions): Promise<DnsblFacts> {
  const peer = unmapAddress(address)
  return withinLimits(options, LIMITS, async (ask) => {
    const question = dnsblName(peer, list)
    const answer: DnsblAnswer =
      question === undefined ? { kind: 'unknown', trouble: 'malformed' } : await askList(peer, list, question, ask)
    return { kind: 'dnsbl', address: peer, list, question: question ?? null, answer }
  })
}

/** RFC 5782 §2.1, §2.4: the labels of the reverse name in front of the list's; undefined where that is too long for a name. */
export function dnsblName(address: IpAddress, list: DomainName): DomainName | undefined {
  const reversed = labelsOf(reverseName(address)).slice(0, -2)
  return parseName(nameFromLabels([...reversed, ...labelsOf(list)]))
}

async function askList(address: IpAddress, list: DomainName, question: DomainName, ask: Ask): Promise<DnsblAnswer> {
  const told = await ask(question, 'A')
  if (told.kind === 'trouble') return { kind: 'unknown', trouble: told.trouble }
  if (told.kind !== 'records') return { kind: 'notListed' }
  const answers = told.records.flatMap((record) => (record.type === 'A' ? [record.address] : []))
  const codes = [...new Set(answers.map(formatAddress))].sort().slice(0, MAX_CODES)
  if (answers.some((answer) => answer.bytes[0] !== 127)) return { kind: 'refused', cause: 'outsideLoopback', codes }
  if (answers.some(isRefusal)) return { kind: 'refused', cause: 'refusalCode', codes }
  if (await listsEverything(address, list, ask)) return { kind: 'refused', cause: 'listsEverything', codes }
  return { kind: 'listed', codes, texts: await askTextsOf(question, ask) }
}

/** Spamhaus answers within 127.255.255.0/24, URIBL and SURBL with 127.0.0.1, which RFC 5782 keeps free of listings. */
function isRefusal({ bytes }: IpAddress): boolean {
  return (bytes[1] === 255 && bytes[2] === 255) || (bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 1)
}

/** Asked only where a listing is about to be claimed. If this cannot be told, the list is believed. */
async function listsEverything(address: IpAddress, list: DomainName, ask: Ask): Promise<boolean> {
  const control = parseAddress(address.family === 4 ? '127.0.0.1' : '::ffff:127.0.0.1')
  const question = control && dnsblName(control, list)
  return question !== undefined && (await ask(question, 'A')).kind === 'records'
}

/** Why, in the list's own words; they are an extra, and trouble with them takes nothing from the listing. */
async function askTextsOf(question: DomainName, ask: Ask): Promise<readonly string[]> {
  const told = await ask(question, 'TXT')
  if (told.kind !== 'records') return []
  const texts = told.records.flatMap((record) => (record.type === 'TXT' ? [record.strings.join('').slice(0, MAX_TEXT_LENGTH)] : []))
  return texts.slice(0, MAX_TEXTS)
}
