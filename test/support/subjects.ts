/**
 * Subjects for decisions: iprev facts with any result, and a subject that can be varied from.
 */
import type { IpAddress } from '../../src/core/address.ts'
import { reverseName } from '../../src/core/address.ts'
import { compareNames, name } from '../../src/core/domain-name.ts'
import type { FindingCode } from '../../src/findings/catalogue.ts'
import type { IprevFacts, IprevReason, IprevResult, PtrName, PtrNameOutcome } from '../../src/iprev/facts.ts'
import type { DecisionSubject } from '../../src/policy/decide.ts'
import { ip } from './arbitrary.ts'
import { exampleFinding } from './finding-examples.ts'

/** Every reason belongs to one result. */
export const REASONS: { readonly [R in IprevResult]: readonly IprevReason[] } = {
  pass: ['confirmed'],
  permerror: ['noReverseName', 'noPtrRecord', 'aliasLoop', 'aliasDangling', 'aliasTooDeep'],
  fail: ['elsewhere', 'nameNotFound', 'nameWithoutAddress', 'noUsableName'],
  temperror: [
    'reverseServfail',
    'reverseRefused',
    'reverseTimeout',
    'reverseMalformed',
    'forwardServfail',
    'forwardRefused',
    'forwardTimeout',
    'forwardMalformed',
    'deadline',
    'queryCap',
    'aborted',
  ],
}

export function ptrName(text: string, outcome: PtrNameOutcome): PtrName {
  return { name: name(text), outcome, addresses: [], aliases: [], ttl: 300, authenticated: false }
}

export function iprevFacts(result: IprevResult, address: IpAddress, names: readonly PtrName[] = [], reason?: IprevReason): IprevFacts {
  return {
    kind: 'iprev',
    address,
    reverseName: reverseName(address),
    result,
    reason: reason ?? REASONS[result][0] ?? 'confirmed',
    aliases: [],
    ptrTtl: 300,
    names: names.toSorted((left, right) => compareNames(left.name, right.name)),
    ptrNameCount: names.length,
    truncated: false,
    authenticated: false,
    queries: 2,
  }
}

export interface SubjectParts extends Partial<Omit<DecisionSubject, 'address' | 'iprev' | 'findings'>> {
  readonly from?: string
  /** Nothing was looked up. */
  readonly iprev?: null
  readonly result?: IprevResult
  readonly reason?: IprevReason
  readonly names?: readonly PtrName[]
  readonly codes?: readonly FindingCode[]
}

/** A client at 203.0.113.7 with a confirmed name, unless told otherwise. */
export function subject({ from = '203.0.113.7', result = 'pass', reason, names, codes = [], ...rest }: SubjectParts = {}): DecisionSubject {
  const address = ip(from)
  return {
    address,
    iprev: iprevFacts(result, address, names ?? (result === 'pass' ? [ptrName('mail.example.com', 'confirmed')] : []), reason),
    findings: codes.map((code) => exampleFinding(code)),
    authenticated: false,
    recipient: null,
    resolverIll: false,
    internalError: false,
    ...rest,
  }
}
