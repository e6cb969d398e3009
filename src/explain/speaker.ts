/**
 * Around the words of a receiver in a bounce or a log: which server said them, and which address they may speak of.
 */
import { formatAddress, sameAddress, type IpAddress } from '../core/address.ts'
import { spokenAddress } from '../personas/recognise.ts'

export interface Speaker {
  readonly host: string
  readonly address: IpAddress | null
}

/** The server that is named last ahead of the words, else the first behind them. */
export function speakerNear(text: string, at: number): Speaker | null {
  let before: Speaker | null = null
  let count = 0
  for (const match of text.slice(Math.max(0, at - REACH), at + REACH).matchAll(SPEAKER)) {
    if (++count > MAX_MENTIONS) break
    const { first, second, third, fourth, ip } = match.groups ?? {}
    const speaker = { host: first ?? second ?? third ?? fourth ?? '', address: ip === undefined ? null : (spokenAddress(ip) ?? null) }
    if (match.index > Math.min(at, REACH)) return before ?? speaker
    before = speaker
  }
  return before
}

const REACH = 3000
const MAX_MENTIONS = 200
const NAME = '[0-9A-Za-z][0-9A-Za-z.-]{2,254}'
/** Postfix, Exim: `host name[ip]`, `H=name [ip]`, `relay=name[ip]`; DSN: `Remote-MTA: dns; name`; Sendmail: `while talking to name.:` */
const SPEAKER = new RegExp(
  `(?:\\b(?:host|H=|relay=) ?(?<first>${NAME}) ?\\[(?<ip>[0-9A-Fa-f:.]{2,45})\\]|Remote-MTA: dns; ?(?<second>${NAME})|while talking to (?<third>${NAME}?)\\.?:|connect to (?<fourth>${NAME})\\[)`,
  'gi',
)

/** The first address in the reply that is not the speaker's own: in brackets if there is one. */
export function addressIn(reply: string, speaker: IpAddress | null): IpAddress | null {
  let bare: IpAddress | null = null
  for (const { 1: open, 2: written = '', index } of reply.slice(0, REACH).matchAll(ADDRESS)) {
    const address = spokenAddress(written)
    if (
      !address ||
      SECTION.test(reply.slice(Math.max(0, index - 20), index)) ||
      (speaker && sameAddress(address, speaker)) ||
      formatAddress(address) === '::'
    )
      continue
    if (open === '[') return address
    bare ??= address
  }
  return bare
}

/** `RFC2821 4.1.1.1` */
const SECTION = /(?:RFC ?[0-9]{3,5}|section),? $/i
const ADDRESS =
  /(\[?)(?<![0-9A-Za-z.:-])((?:IPv6:)?(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}))(?![0-9A-Za-z:])/gi
