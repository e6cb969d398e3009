/**
 * A finding as a sentence about what the receiver says: it tells nothing that the text did not tell. Safe for terminals.
 */
import type { FindingCode } from '../findings/catalogue.ts'
import { argumentText } from '../render/finding-text.ts'
import type { ToldArguments, ToldFinding } from './explanation.ts'

export function toldMessage({ code, args }: ToldFinding): string {
  const message = MESSAGES[code]
  return message ? message(wordsOf(args)) : `The receiver speaks of ${code}.`
}

interface Words {
  readonly ip: string
  readonly helo: string
  readonly ptr: string
  readonly cause: string
}

function wordsOf({ ip, claimedName, ptrName, status, meaning }: ToldArguments): Words {
  return {
    ip: ip ?? 'the sending address',
    helo: claimedName === undefined ? 'the name in HELO' : `HELO ${argumentText(claimedName)}`,
    ptr: ptrName === undefined ? '' : ` ${argumentText(ptrName)}`,
    cause: `${meaning ?? 'something else'} (${status ?? 'no code'})`,
  }
}

const MESSAGES: { readonly [C in FindingCode]?: (words: Words) => string } = {
  FCRDNS_CONFIRMED: ({ ip, ptr }) =>
    ptr === '' ? `The receiver confirmed the reverse DNS of ${ip}.` : `The receiver knows ${ip} as${ptr}.`,
  PTR_MISSING: ({ ip }) => `The receiver found no PTR record for ${ip}.`,
  PTR_ALIAS_LOOP: ({ ip }) => `The CNAMEs at the reverse name of ${ip} run in a circle.`,
  PTR_ALIAS_DANGLING: ({ ip }) => `The CNAME at the reverse name of ${ip} leads to a name without a PTR record.`,
  PTR_ALIAS_TOO_DEEP: ({ ip }) => `The CNAME at the reverse name of ${ip} leads through too many others.`,
  PTR_UNKNOWN: ({ ip }) => `The receiver could not look up the reverse DNS of ${ip}.`,
  PTR_GENERIC: ({ ip, ptr }) => `The PTR name${ptr} of ${ip} looks to the receiver like one of an address pool.`,
  FCRDNS_MISMATCH: ({ ip, ptr }) => `The PTR name${ptr} of ${ip} does not resolve back to it, as the receiver sees it.`,
  HELO_SYNTAX: ({ helo }) => `The receiver takes ${helo} for no valid host name.`,
  HELO_UNDERSCORE: ({ helo }) => `The receiver takes no underscore in ${helo}.`,
  HELO_BARE_ADDRESS: ({ helo }) => `The receiver takes ${helo} for an address without brackets.`,
  HELO_LITERAL: ({ helo }) => `The receiver wants a name for ${helo}, which is an address.`,
  HELO_LITERAL_MISMATCH: ({ helo, ip }) => `The receiver found that ${helo} is another address than ${ip}.`,
  HELO_LOCALHOST: ({ helo }) => `The receiver takes ${helo} for a name of the local host.`,
  HELO_NOT_FQDN: ({ helo }) => `The receiver misses the domain in ${helo}.`,
  HELO_RESERVED_SUFFIX: ({ helo }) => `The receiver takes ${helo} for a name of a private network.`,
  HELO_OUR_NAME: ({ helo }) => `The receiver takes ${helo} for its own name.`,
  HELO_GENERIC: ({ helo }) => `The receiver takes ${helo} for a name of an address pool.`,
  HELO_UNRESOLVABLE: ({ helo }) => `The receiver found no address for ${helo}.`,
  HELO_UNKNOWN: ({ helo }) => `The receiver could not look up ${helo}.`,
  HELO_OTHER_ADDRESS: ({ helo, ip }) => `The receiver found that ${helo} does not belong to ${ip}.`,
  HELO_PTR_DIFFERS: ({ helo, ip }) => `The receiver found that ${helo} is not the PTR name of ${ip}.`,
  HELO_CONFIRMED_DIFFERS: ({ helo, ip }) => `The receiver found that ${helo} is not the confirmed name of ${ip}.`,
  HELO_ORGANISATION_DIFFERS: ({ helo, ip }) => `The receiver found that ${helo} belongs to another domain than the name of ${ip}.`,
  HELO_ALIGNED: ({ helo }) => `The receiver confirmed ${helo}.`,
  RECEIVER_REPUTATION: ({ ip }) => `The receiver refuses ${ip} for its reputation, not for its reverse DNS.`,
  RECEIVER_NO_REASON: ({ ip }) => `The receiver does not say why it refuses ${ip}.`,
  RECEIVER_OTHER_CAUSE: ({ cause }) => `The receiver names a cause that is neither reverse DNS nor HELO: ${cause}.`,
}
