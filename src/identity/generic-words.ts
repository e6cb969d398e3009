/**
 * The words of a name, for and against: what providers put into names that nobody chose, and what the names of mail servers
 * are made of. Data and look-ups only; how much each counts is said here, how they add up in ptr-quality.ts.
 */
import type { NameParts, Token } from './generic-name.ts'

/** By what a word says of the address: nobody's, changing, an access line's, a customer's, a machine's, the reverse zone's own, or only a hint. */
type WordClass = 'vacant' | 'dynamic' | 'access' | 'customer' | 'machine' | 'reverse' | 'hint'

export interface WeighedWord {
  readonly word: string
  readonly weight: number
  /** It is in the host's own label. */
  readonly isFirst: boolean
}

/** Every distinct pool word below the organisation's domain, the heaviest first. */
export function findPoolWords({ tokens, labels, hostLabels }: NameParts): WeighedWord[] {
  const found: WeighedWord[] = []
  for (let index = 0; index < tokens.length; index++) {
    const text = tokens[index]?.text ?? ''
    if ((tokens[index]?.label ?? hostLabels) >= hostLabels) break
    // In `4xh0y3dsl9` the letters between digits are no words.
    const headEnd = lettersFrom(text)
    note(found, text.slice(0, headEnd), tokens, index)
    if (headEnd < text.length) note(found, text.slice(lettersUpTo(text)), tokens, index)
  }
  for (let label = 0; label < hostLabels; label++) {
    const phrase = phraseIn(labels[label] ?? '')
    if (phrase !== undefined) add(found, { word: phrase, weight: WEIGHTS.vacant.first, isFirst: label === 0 })
  }
  return found.length > 1 ? found.sort((left, right) => right.weight - left.weight) : found
}

/** What says "this is a mail server", and how much that takes away; inner labels say less than the first. */
export function findMailWord(parts: NameParts): WeighedWord | undefined {
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

interface ClassWeights {
  readonly first: number
  readonly inner: number
  /** Added where digits are joined to it: `many` from `enough` of them on, `few` below. `dsl7`, `client304`, `vps2291`. */
  readonly few: number
  readonly many: number
  readonly enough: number
}

const WEIGHTS: Readonly<Record<WordClass, ClassWeights>> = {
  vacant: { first: 50, inner: 35, few: 0, many: 10, enough: 3 },
  dynamic: { first: 50, inner: 50, few: 5, many: 10, enough: 3 },
  access: { first: 40, inner: 40, few: 10, many: 20, enough: 3 },
  customer: { first: 35, inner: 35, few: 5, many: 20, enough: 3 },
  machine: { first: 30, inner: 20, few: 5, many: 20, enough: 4 },
  reverse: { first: 15, inner: 35, few: 0, many: 10, enough: 3 },
  hint: { first: 15, inner: 15, few: 0, many: 10, enough: 3 },
}

const MAIL_WEIGHTS = { first: -30, inner: -25, domain: -10, most: -50 }

function note(found: WeighedWord[], word: string, tokens: readonly Token[], index: number): void {
  const wordClass = word.length < 2 ? undefined : POOL_WORDS.get(word)
  if (wordClass === undefined) return
  const isFirst = tokens[index]?.label === 0
  const weights = WEIGHTS[wordClass]
  const digits = digitsJoined(tokens, index)
  const joined = digits === 0 ? 0 : digits < weights.enough ? weights.few : weights.many
  add(found, { word, weight: (isFirst ? weights.first : weights.inner) + joined, isFirst })
}

/** A word said twice counts once, at its heaviest. */
function add(found: WeighedWord[], word: WeighedWord): void {
  const index = found.findIndex((other) => other.word === word.word)
  if (index < 0) found.push(word)
  else if (word.weight > (found[index]?.weight ?? 0)) found[index] = word
}

/** The digits of a word's own token and of the numbers right beside it in its label: `dsl7`, `vps-2291`, `12-34-pool`. */
function digitsJoined(tokens: readonly Token[], index: number): number {
  const own = tokens[index]
  if (own === undefined) return 0
  let count = countDigits(own.text)
  for (const step of [1, -1]) {
    for (let at = index + step; tokens[at]?.label === own.label; at += step) {
      const text = tokens[at]?.text ?? ''
      if (countDigits(text) < text.length) break
      count += text.length
    }
  }
  return count
}

function countDigits(text: string): number {
  let count = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
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
  dynamic: 'dynamic dyn dynamico dinamico dinamica dinamic dhcp dhcpv adsl vdsl pppoe dialup dialin',
  access:
    'dsl xdsl sdsl hdsl ddsl wdsl wadsl ppp pptp dial dialbs isdn catv docsis cablelink cablemodem hfc bras fttx ftth fttb fttc gpon epon umts gprs cpe dclient',
  customer:
    'pool pools pooles cust custs customer customers client clients clientes cliente clnt user users usuario subscriber subs abo abonent abonne kunde kunden tenant home nat cgn cgnat mobile gsm cell vpn guest roaming cable kabel cm cmts modem broadband broad bredband fiber fibre fibra pon hsd hsi wireless wimax wifi wlan hotspot lte cdma din dip res resnet residential',
  machine: 'vps vds vm vserver vserv virtual instance instances droplet ecs vmi vmd compute',
  reverse: 'rev revip reverse inaddr arpa',
  hint: 'static sta stat fix fixed ded dedicated dedi colo business biz corporate rdns ptr ip ipv ips addr host hosts hst node nodes line lines port inet net access wan lan dia sip clt cl pc ws xplr zone',
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
