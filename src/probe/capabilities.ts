/**
 * What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1): every line → a value; nothing is dropped.
 * Pure, and without opinion: whether an offer is wise, or kept, is not its matter.
 */

export interface Capabilities {
  /** RFC 1870; `maxOctets` is null for no stated, no fixed (0) or an unreadable limit. */
  readonly size: { readonly maxOctets: number | null; readonly parameter: string } | null
  readonly pipelining: boolean
  readonly eightBitMime: boolean
  readonly smtpUtf8: boolean
  readonly chunking: boolean
  readonly dsn: boolean
  readonly enhancedStatusCodes: boolean
  readonly startTls: boolean
  /** `oldForm`: also or only as `AUTH=LOGIN`, for clients of the nineties. */
  readonly auth: { readonly mechanisms: readonly string[]; readonly oldForm: boolean } | null
  readonly requireTls: boolean
  /** RFC 9422, such as `RCPTMAX=100`. */
  readonly limits: readonly { readonly name: string; readonly value: string }[] | null
  /** The attributes that may be sent; offered only to clients that the server trusts. */
  readonly xclient: readonly string[] | null
  /** RFC 6710. */
  readonly mtPriority: { readonly profile: string | null } | null
  /** Everything else, in order: `HELP`, `ETRN`, `BINARYMIME`, `X-…`; the keyword in upper case. */
  readonly others: readonly { readonly keyword: string; readonly parameters: string }[]
  /** Keywords that came more than once, AUTH in both forms aside. */
  readonly repeated: readonly string[]
  /** A keyword overwritten with X, as firewalls do to STARTTLS and others that they do not want used; null when there is none. */
  readonly masked: string | null
}

/** `lines`: of the reply; its first is the server's name and greeting. */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const offers = lines.slice(1).map(parseOffer)
  const first = (keyword: string): Offer | undefined => offers.find((offer) => offer.keyword === keyword)
  const has = (keyword: string): boolean => first(keyword) !== undefined
  const size = first('SIZE')
  const limits = first('LIMITS')
  const xclient = first('XCLIENT')
  const priority = first('MT-PRIORITY')
  return {
    size: size ? { maxOctets: readSize(size.parameters), parameter: size.parameters } : null,
    pipelining: has('PIPELINING'),
    eightBitMime: has('8BITMIME'),
    smtpUtf8: has('SMTPUTF8'),
    chunking: has('CHUNKING'),
    dsn: has('DSN'),
    enhancedStatusCodes: has('ENHANCEDSTATUSCODES'),
    startTls: has('STARTTLS'),
    auth: readAuth(offers),
    requireTls: has('REQUIRETLS'),
    limits: limits ? words(limits.parameters).map(readLimit) : null,
    xclient: xclient ? words(xclient.parameters).map((attribute) => attribute.toUpperCase()) : null,
    mtPriority: priority ? { profile: words(priority.parameters)[0] ?? null } : null,
    others: offers.filter(({ keyword }) => !KNOWN.has(keyword)).map(({ keyword, parameters }) => ({ keyword, parameters })),
    repeated: repeatedKeywords(offers),
    masked: offers.find(({ keyword }) => MASKED.test(keyword))?.keyword ?? null,
  }
}

interface Offer {
  readonly keyword: string
  readonly parameters: string
  readonly isOldForm: boolean
}

const KNOWN = new Set(
  'SIZE PIPELINING 8BITMIME SMTPUTF8 CHUNKING DSN ENHANCEDSTATUSCODES STARTTLS AUTH REQUIRETLS LIMITS XCLIENT MT-PRIORITY'.split(' '),
)
/** `XXXXXXXA`: as long as the word that was there, or nearly. */
const MASKED = /^X{6,}[A-Z]?$/

function parseOffer(line: string): Offer {
  const text = line.trim()
  const isOldForm = OLD_AUTH.test(text)
  const end = isOldForm ? AUTH.length : text.search(SPACE)
  if (end < 0) return { keyword: text.toUpperCase(), parameters: '', isOldForm }
  return { keyword: text.slice(0, end).toUpperCase(), parameters: text.slice(end + 1).trim(), isOldForm }
}

const AUTH = 'AUTH'
const OLD_AUTH = /^AUTH=/i
const SPACE = /[ \t]/

/** RFC 1870 §4: zero stands for no fixed limit. */
function readSize(parameters: string): number | null {
  return /^[0-9]{1,15}$/.test(parameters) && Number(parameters) > 0 ? Number(parameters) : null
}

function readAuth(offers: readonly Offer[]): Capabilities['auth'] {
  const auths = offers.filter(({ keyword }) => keyword === AUTH)
  if (auths.length === 0) return null
  const mechanisms = auths.flatMap(({ parameters }) => words(parameters).map((mechanism) => mechanism.toUpperCase()))
  return { mechanisms: [...new Set(mechanisms)], oldForm: auths.some(({ isOldForm }) => isOldForm) }
}

function readLimit(word: string): { name: string; value: string } {
  const equals = word.indexOf('=')
  return equals < 0 ? { name: word.toUpperCase(), value: '' } : { name: word.slice(0, equals).toUpperCase(), value: word.slice(equals + 1) }
}

function repeatedKeywords(offers: readonly Offer[]): string[] {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { keyword, isOldForm } of offers) {
    const form = isOldForm ? `${keyword}=` : keyword
    if (seen.has(form)) repeated.add(keyword)
    seen.add(form)
  }
  return [...repeated]
}

function words(text: string): string[] {
  return text.split(/[ \t]+/).filter((word) => word !== '')
}
