/**
 * The Authentication-Results header field that says what iprev gave (RFC 8601 §2.7.3, §3): one value from facts, no judgement.
 * Only a confirmed name stands in a comment; why there is none stands in the reason, so that nobody takes the one for the other.
 */
import { formatAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import { AUTH_RESULTS_FIELD_NAME, formatAuthResults, type AuthResults, type FormatAuthResultsOptions } from '../wire/auth-results.ts'
import { argumentText } from './finding-text.ts'

/** `policy.iprev` is the registered one; some receivers write the other. */
export type IprevProperty = 'policy.iprev' | 'smtp.remote-ip'

export interface IprevAuthResultsInput {
  readonly authservId: string
  readonly iprev: IprevFacts
  readonly confirmedName: DomainName | null
  readonly property?: IprevProperty | undefined
}

/** The whole field, without a line end after it. */
export function iprevAuthResults(input: IprevAuthResultsInput, options?: FormatAuthResultsOptions): string {
  return `${AUTH_RESULTS_FIELD_NAME}: ${formatAuthResults(iprevAuthResultsValue(input), options)}`
}

/** For those who add further results, or need name and body apart. */
export function iprevAuthResultsValue({ authservId, iprev, confirmedName, property = 'policy.iprev' }: IprevAuthResultsInput): AuthResults {
  const [ptype, name] = PROPERTIES[property]
  const value = formatAddress(iprev.address)
  const result = {
    method: 'iprev',
    methodVersion: null,
    result: iprev.result,
    comment: iprev.result === 'pass' ? confirmedName : null,
    reason: reasonOf(iprev),
    properties: [{ ptype, property: name, value, comment: null }],
  }
  return { authservId, version: null, comment: null, results: [result] }
}

const PROPERTIES = { 'policy.iprev': ['policy', 'iprev'], 'smtp.remote-ip': ['smtp', 'remote-ip'] } as const

function reasonOf({ reason, names, ptrNameCount }: IprevFacts): string | null {
  const only = ptrNameCount === 1 ? names[0] : undefined
  switch (reason) {
    case 'confirmed':
      return null
    case 'noReverseName':
    case 'noPtrRecord':
      return 'no PTR record'
    case 'aliasLoop':
      return 'CNAME loop at the reverse name'
    case 'aliasDangling':
      return 'CNAME at the reverse name leads nowhere'
    case 'aliasTooDeep':
      return 'too many CNAMEs at the reverse name'
    case 'elsewhere':
    case 'nameNotFound':
    case 'nameWithoutAddress':
    case 'noUsableName':
      return only
        ? `PTR name ${argumentText(only.name)} ${FAILURES[reason]}`
        : `none of ${String(ptrNameCount)} PTR names resolves to the address`
    case 'reverseServfail':
      return 'PTR lookup: SERVFAIL'
    case 'reverseRefused':
      return 'PTR lookup: REFUSED'
    case 'reverseTimeout':
      return 'PTR lookup: timeout'
    case 'reverseMalformed':
      return 'PTR lookup: malformed answer'
    case 'forwardServfail':
      return 'address lookup of a PTR name: SERVFAIL'
    case 'forwardRefused':
      return 'address lookup of a PTR name: REFUSED'
    case 'forwardTimeout':
      return 'address lookup of a PTR name: timeout'
    case 'forwardMalformed':
      return 'address lookup of a PTR name: malformed answer'
    case 'deadline':
      return 'lookups took too long'
    case 'queryCap':
      return 'too many lookups needed'
    case 'aborted':
      return 'lookups were interrupted'
  }
}

const FAILURES = {
  elsewhere: 'resolves elsewhere',
  nameNotFound: 'does not exist',
  nameWithoutAddress: 'has no address',
  noUsableName: 'is no host name',
} as const
