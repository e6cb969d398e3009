/**
 * What a receiver wrote of its client into a Received field (RFC 5321 §4.4). The form of the comment is each server's own: those of
 * Postfix, Sendmail, Exim, Gmail and qmail are known. Where a form does not say whether a name was looked up, nothing is concluded.
 */
import { parseAddress, type IpAddress } from '../core/address.ts'

export interface ReceivedClient {
  readonly address: IpAddress
  readonly claimedName: string | null
  readonly lookup: ReceivedLookup
  readonly name: string | null
}

/**
 * `named`: it shows a name that it believes. `forged`: a PTR name that does not lead back. `none`: it found no PTR name. `unknown`:
 * it found none that it believes, for whatever reason. `notTold`: it says nothing of a lookup.
 */
export type ReceivedLookup = 'named' | 'forged' | 'none' | 'unknown' | 'notTold'

/** `value`: the unfolded body of the field. */
export function readReceived(value: string): ReceivedClient | undefined {
  const text = value.slice(0, MAX_LENGTH).replace(/\s+/g, ' ')
  for (const form of FORMS) {
    const match = form.expression.exec(text)
    const { ip = '', helo, name } = match?.groups ?? {}
    const address = parseAddress(ip.replace(/^IPv6:/i, '').replace(/%.*$/, ''))
    if (!match || !address) continue
    const shownName = name === undefined || name.toLowerCase() === 'unknown' ? null : name.replace(/\.$/, '')
    return { address, claimedName: helo ?? null, name: shownName, lookup: lookupOf(form.lookup, shownName, text) }
  }
  return undefined
}

const MAX_LENGTH = 4000

/** Exim writes the same form for a client that calls itself by its confirmed name as Sendmail for one without PTR. */
function lookupOf(lookup: ReceivedLookup | 'byName', name: string | null, text: string): ReceivedLookup {
  if (lookup === 'byName') return name === null ? 'unknown' : /\(may be forged\)/.test(text) ? 'forged' : 'named'
  return lookup === 'none' && /\(Exim /.test(text) ? 'notTold' : lookup
}

interface Form {
  readonly expression: RegExp
  readonly lookup: ReceivedLookup | 'byName'
}

const IP = '(?<ip>(?:IPv6:)?[0-9A-Fa-f:.]{2,45}(?:%[^\\] ]{1,20})?)'
const HELO = '(?<helo>[^ ()]{1,300})'
const NAME = '(?<name>[^ ()[\\]@]{1,255})'

const FORMS: readonly Form[] = [
  // Postfix `from helo (name [ip])`, Sendmail `from helo (ident@name [ip] (may be forged))`, Gmail `from helo (name. [ip])`
  { expression: new RegExp(`^from ${HELO} \\((?:[^ ()@]{1,100}@)?${NAME} \\[${IP}\\]`), lookup: 'byName' },
  // Exim `from name ([ip] helo=helo)`
  { expression: new RegExp(`^from ${NAME} \\(\\[${IP}\\](?::[0-9]{1,5})? helo=(?<helo>[^ ()]{1,300})`), lookup: 'byName' },
  // Exim `from [ip] (helo=helo)`
  { expression: new RegExp(`^from \\[${IP}\\](?::[0-9]{1,5})? \\((?:port=[0-9]{1,5} )?helo=(?<helo>[^ ()]{1,300})`), lookup: 'unknown' },
  // qmail `from name (HELO helo) (ip)`
  {
    expression: new RegExp(`^from ${NAME} \\((?:HELO|EHLO) (?<helo>[^()]{1,300})\\) \\((?:[^ ()@]{1,100}@)?\\[?${IP}\\]?\\)`),
    lookup: 'byName',
  },
  // Sendmail and Gmail `from helo ([ip])`
  { expression: new RegExp(`^from ${HELO} \\((?:[^ ()@]{1,100}@)?\\[${IP}\\]\\)`), lookup: 'none' },
  // Exchange `from helo (ip) by`
  { expression: new RegExp(`^from ${HELO} \\(${IP}\\) by `), lookup: 'notTold' },
]
