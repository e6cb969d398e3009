/**
 * What an enhanced status code alone tells (RFC 3463, RFC 5248's registry, RFC 7372), where nobody's words are known. Receivers give
 * X.7.1 for anything, so that it means nothing here; Gmail gives 4.7.23 for reverse DNS, which its words tell before this is asked.
 */
import type { FindingCode } from '../findings/catalogue.ts'

export interface StatusMeaning {
  readonly codes: readonly FindingCode[]
  readonly status: string | null
  readonly meaning: string | null
}

export function meaningOfStatus(status: string | null): StatusMeaning {
  const [, family = '', detail = ''] = /^([45])\.([0-9]{1,3}\.[0-9]{1,3})$/.exec(status ?? '') ?? []
  if (detail === '7.25') {
    const codes: readonly FindingCode[] = ['PTR_MISSING', 'FCRDNS_MISMATCH']
    return { codes: family === '4' ? [...codes, 'PTR_UNKNOWN'] : codes, status: null, meaning: null }
  }
  if (/^7\.6(?:0[6-9]|[1-4][0-9])$/.test(detail)) return { codes: ['RECEIVER_REPUTATION'], status: null, meaning: null }
  const meaning = OTHER_CAUSES[detail]
  return meaning === undefined ? UNKNOWN : { codes: ['RECEIVER_OTHER_CAUSE'], status, meaning }
}

const UNKNOWN: StatusMeaning = { codes: [], status: null, meaning: null }

const OTHER_CAUSES: Readonly<Record<string, string>> = {
  '1.1': 'the recipient does not exist',
  '1.2': "the recipient's domain does not exist",
  '1.3': "the recipient's address is malformed",
  '1.6': 'the recipient has moved',
  '1.10': "the recipient's domain takes no mail",
  '2.1': 'the mailbox is disabled',
  '2.2': 'the mailbox is full',
  '2.3': 'the message is too long for the mailbox',
  '3.4': 'the message is too big',
  '7.8': 'the login failed',
  '7.20': 'no DKIM signature passed',
  '7.21': 'no acceptable DKIM signature was found',
  '7.22': 'no DKIM signature of the author was found',
  '7.23': 'SPF failed',
  '7.24': 'SPF could not be evaluated',
  '7.26': 'several checks of authentication failed (SPF, DKIM)',
  '7.27': "the sender's domain takes no mail",
}
