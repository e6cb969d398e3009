/**
 * The words of a name, for and against: what providers put into names that nobody chose, and what the names of mail servers
 * are made of. Data and look-ups only; how much each counts is said here, how they add up in ptr-quality.ts.
 */
import type { NameParts } from './generic-name.ts'

/** By what a word says of the address: nobody's, an access line's, a customer's, a machine's, the reverse zone's own, or only a hint. */
type WordClass = 'vacant' | 'dynamic' | 'access' | 'customer' | 'machine' | 'reverse' | 'hint'

export interface PoolWord {
  readonly word: string
  readonly weight: number
}

export interface MailWord extends PoolWord {
  /** It is in the host's own label. */
  readonly isFirst: boolean
}

/** Every distinct pool word below the organisation's domain, the heaviest first. */
export function findPoolWords(parts: NameParts): PoolWord[] {
  const found: PoolWord[] = []
  for (const { text, label } of parts.tokens) {
    if (label >= parts.hostLabels) break
    // In `4xh0y3dsl9` the letters between digits are no words.
    const headEnd = lettersFrom(text)
    note(found, text.slice(0, headEnd), label, parts)
    if (headEnd < text.length) note(found, text.slice(lettersUpTo(text)), label, parts)
  }
  for (let label = 0; label < parts.hostLabels; label++) {
    const phrase = phraseIn(parts.labels[label] ?? '')
    if (phrase !== undefined) add(found, phrase, WEIGHTS.vacant.first)
  }
  return found.length > 1 ? found.sort((left, right) => right.weight - left.weight) : found
}

/** What says "this is a mail server", and how much that takes away; inner labels say less than the first. */
export function findMailWord(parts: NameParts): MailWord | undefined {
  let word: string | undefined
  let weight = 0
  let isFirst = false
  for (let label = 0; label < parts.hostLabels; label++) {
    const found = mailWordIn(parts.labels[label] ?? '', label === 0)
    if (found === undefined) continue
    word ??= found
    isFirst ||= label === 0
    weight += label === 0 ? MAIL_WEIGHTS.first : MAIL_WEIGHTS.inner
    if (label > 0) break
  }
  if (MAIL_IN_DOMAIN.test(parts.domain)) {
    word ??= 'mail'
    weight += MAIL_WEIGHTS.domain
  }
  return word === undefined ? undefined : { word, weight: Math.max(weight, MAIL_WEIGHTS.most), isFirst }
}

/** What further pool words add to the heaviest, and the most that words can add up to. */
export const FURTHER_WORD_WEIGHT = 10
export const MOST_WORD_WEIGHT = 60

/** `few` is added with one or two digits in the same label, `many` with three or more: `dsl7`, `vps2291`. */
const WEIGHTS: Readonly<Record<WordClass, { first: number; inner: number; few: number; many: number }>> = {
  vacant: { first: 50, inner: 35, few: 0, many: 10 },
  dynamic: { first: 50, inner: 45, few: 5, many: 10 },
  access: { first: 40, inner: 40, few: 10, many: 20 },
  customer: { first: 35, inner: 35, few: 5, many: 20 },
  machine: { first: 30, inner: 20, few: 5, many: 20 },
  reverse: { first: 15, inner: 35, few: 0, many: 10 },
  hint: { first: 15, inner: 15, few: 0, many: 10 },
}

const MAIL_WEIGHTS = { first: -30, inner: -25, domain: -10, most: -50 }

function note(found: PoolWord[], word: string, label: number, { labels }: NameParts): void {
  const wordClass = word.length < 2 ? undefined : POOL_WORDS.get(word)
  if (wordClass !== undefined) add(found, word, weightOf(wordClass, label === 0, digitsIn(labels[label] ?? '')))
}

/** A word said twice counts once, at its heaviest. */
function add(found: PoolWord[], word: string, weight: number): void {
  const index = found.findIndex((other) => other.word === word)
  if (index < 0) found.push({ word, weight })
  else if (weight > (found[index]?.weight ?? 0)) found[index] = { word, weight }
}

function weightOf(wordClass: WordClass, isFirst: boolean, digits: number): number {
  const weights = WEIGHTS[wordClass]
  const base = isFirst ? weights.first : weights.inner
  if (digits === 0) return base
  return base + (digits < 3 ? weights.few : weights.many)
}

function digitsIn(label: string): number {
  let count = 0
  for (let index = 0; index < label.length; index++) {
    const code = label.charCodeAt(index)
    if (code >= 0x30 && code <= 0x39) count++
  }
  return count
}

function lettersFrom(token: string): number {
  let end = 0
  while (end < token.length && token.charCodeAt(end) >= 0x61) end++
  return end
}

function lettersUpTo(token: string): number {
  let start = token.length
  while (start > 0 && token.charCodeAt(start - 1) >= 0x61) start--
  return start
}

function phraseIn(label: string): string | undefined {
  const initial = label.charCodeAt(0)
  return initial === 0x68 || initial === 0x6e ? PHRASES.find((phrase) => label.startsWith(phrase)) : undefined
}

/** Said of addresses that nobody has named yet. All begin with h or n. */
const PHRASES = ['hosted-by', 'no-rdns', 'no-ptr', 'no-reverse', 'no-hostname', 'not-set', 'not-assigned', 'not-configured']

function mailWordIn(label: string, isFirst: boolean): string | undefined {
  const certain = MAIL_WORD.exec(label)?.[1]
  if (certain !== undefined) return certain
  return isFirst ? FIRST_MAIL_WORD.exec(label)?.[1] : undefined
}

/** Telling in any label. No nested repetition: linear in the label. */
const MAIL_WORD = /(mail|smtp|(?<![a-z])(?:mx|outbound|relay)(?![a-z])|mta(?![a-z]))/
/** Telling only where the host itself is named. */
const FIRST_MAIL_WORD =
  /(?<![a-z])(mx|mta|mout|out|outgoing|relay|post|postfix|exim|imap|pop3?|lists?|news|bounces?|newsletter|antispam|spamfilter|zimbra|exchange|correo|poczta|posta)(?=[a-z]{0,4}(?:[^a-z]|$))/
const MAIL_IN_DOMAIN = /mail|smtp|gmx/

const WORDS_BY_CLASS: Readonly<Record<WordClass, string>> = {
  vacant:
    'unassigned unused unallocated unknown unlabelled unnamed unset undefined noname nordns norevdns noptr norev placeholder reserved unspecified',
  dynamic: 'dynamic dyn dynamico dinamico dinamica dinamic adsl vdsl pppoe dialup dialin',
  access:
    'dsl xdsl sdsl hdsl ddsl wdsl wadsl dhcp dhcpv ppp pptp dial dialbs din dip modem isdn cable catv docsis cablelink cm cmts hfc broadband broad bredband bras fttx ftth fttb fttc fiber fibre fibra gpon epon pon kabel hsd hsi wireless wimax wifi wlan hotspot umts gprs lte cdma cpe dclient res resnet residential',
  customer:
    'pool pools pooles cust custs customer customers client clients clientes cliente clnt user users usuario subscriber subs abo abonent abonne kunde kunden tenant home nat cgn cgnat mobile gsm cell vpn guest roaming',
  machine: 'vps vds vm vserver vserv virtual instance instances droplet ecs ec vmi vmd compute',
  reverse: 'rev revip reverse inaddr arpa',
  hint: 'static sta stat fix fixed ded dedicated dedi colo business biz corporate rdns ptr ip ipv ips addr host hosts hst node nodes line lines port inet net access isp wan lan dia sip clt cl pc ws xplr zone',
}

/** Written together as one word: `dyndsl`, `cablemodem`, `adslpool`, `staticip`. The heavier of the two decides. */
const COMPOUND_PARTS =
  'dynamic dyn dialup dial pppoe ppp adsl vdsl xdsl sdsl dsl dhcp cable catv modem broadband wireless wifi fiber ftth pool customer cust client user nat vpn static fix ip host line net link access'

const POOL_WORDS: ReadonlyMap<string, WordClass> = makePoolWords()

function makePoolWords(): Map<string, WordClass> {
  const words = new Map<string, WordClass>()
  const classes = Object.keys(WORDS_BY_CLASS) as WordClass[]
  for (const wordClass of classes) for (const word of WORDS_BY_CLASS[wordClass].split(' ')) words.set(word, wordClass)
  const parts = COMPOUND_PARTS.split(' ')
  for (const left of parts) {
    for (const right of parts) {
      const found = classes.find((wordClass) => words.get(left) === wordClass || words.get(right) === wordClass)
      if (left !== right && found !== undefined && !words.has(left + right)) words.set(left + right, found)
    }
  }
  return words
}
