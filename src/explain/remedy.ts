/**
 * The steps for what a receiver told, without a lookup: the same as for a check where the address is known, with every fact that
 * only the DNS could tell left open. Where the address is not known, finding it is the first step.
 */
import { formatAddress, reverseName, type IpAddress } from '../core/address.ts'
import { isHostName, parseName } from '../core/domain-name.ts'
import { finding, type Finding, type FindingCode } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import { parseHelo } from '../identity/helo-form.ts'
import type { IprevFacts, IprevReason, IprevResult } from '../iprev/facts.ts'
import { heloSettings } from '../remedy/helo-settings.ts'
import { PLACEHOLDER } from '../remedy/desired-name.ts'
import type { RemedyStep } from '../remedy/step.ts'
import { remedySteps } from '../remedy/steps.ts'
import { causeOf } from './explanation.ts'

export interface ToldFacts {
  readonly codes: readonly FindingCode[]
  readonly address: IpAddress | null
  readonly claimedName: string | null
}

export function remedyFor(facts: ToldFacts): readonly RemedyStep[] {
  const { codes, address } = facts
  switch (causeOf(codes)) {
    case 'reverseDns':
    case 'helo': {
      const ambiguous = codes.length > 1 ? [tellApartStep(facts)] : []
      return address ? [...ambiguous, ...remedySteps(inputOf(facts, address))] : stepsWithoutAddress(facts)
    }
    case 'other':
      return codes[0] === 'RECEIVER_REPUTATION' ? reputationSteps(facts) : []
    case 'unknown':
      return codes.length > 0
        ? [checkStep(facts, 'Make sure that reverse DNS and HELO are right, then write to the contact that the reply names.')]
        : []
    case 'none':
      return []
  }
}

/** What could not be told is left out where something definite may be meant as well: nobody waits then. */
function inputOf({ codes, claimedName }: ToldFacts, address: IpAddress): Parameters<typeof remedySteps>[0] {
  const definite = codes.filter((code) => code !== 'PTR_UNKNOWN' && code !== 'HELO_UNKNOWN')
  const meant = definite.length > 0 ? definite : codes
  return {
    address,
    findings: meant.flatMap((code) => findingOf(code, address, claimedName ?? '')),
    iprev: iprevOf(meant, address),
    helo: meant.some((code) => code.startsWith('HELO_')) || claimedName !== null ? heloOf(claimedName ?? '') : null,
    reverseZone: null,
    provider: null,
  }
}

/** Only the codes that bring up steps, with arguments that none of these steps shows. */
function findingOf(code: FindingCode, address: IpAddress, claimedName: string): readonly Finding[] {
  const ip = formatAddress(address)
  const name = reverseName(address)
  switch (code) {
    case 'PTR_MISSING':
      return [finding(code, { ip, reverseName: name, cause: 'noPtrRecord' })]
    case 'PTR_ALIAS_LOOP':
      return [finding(code, { ip, reverseName: name, chain: [] })]
    case 'PTR_ALIAS_DANGLING':
      return [finding(code, { ip, reverseName: name, target: '' })]
    case 'PTR_ALIAS_TOO_DEEP':
      return [finding(code, { ip, reverseName: name, depth: 0 })]
    case 'PTR_GENERIC':
      return [finding(code, { ip, ptrName: '', score: 0, reasons: [] })]
    case 'PTR_UNKNOWN':
      return [finding(code, { ip, reverseName: name, outcome: 'servfail' })]
    case 'FCRDNS_MISMATCH':
      return [finding(code, { ip, ptrNames: [] })]
    case 'HELO_UNKNOWN':
      return [finding(code, { claimedName, outcome: 'servfail' })]
    case 'HELO_UNRESOLVABLE':
      return [finding(code, { claimedName, cause: 'nxdomain' })]
    case 'HELO_PTR_DIFFERS':
    case 'HELO_CONFIRMED_DIFFERS':
    case 'HELO_ORGANISATION_DIFFERS':
    case 'HELO_OTHER_ADDRESS':
      return [finding('HELO_OTHER_ADDRESS', { claimedName, ip, addresses: [] })]
    default:
      return code.startsWith('HELO_') ? [finding('HELO_SYNTAX', { claimedName, problem: 'character' })] : []
  }
}

function iprevOf(codes: readonly FindingCode[], address: IpAddress): IprevFacts {
  const [result, reason] = codes.reduce<readonly [IprevResult, IprevReason]>(
    (known, code) => REASONS[code] ?? known,
    ['temperror', 'aborted'],
  )
  return {
    kind: 'iprev',
    address,
    reverseName: reverseName(address),
    result,
    reason,
    aliases: [],
    ptrTtl: null,
    names: [],
    ptrNameCount: 0,
    truncated: false,
    authenticated: false,
    queries: 0,
  }
}

const REASONS: { readonly [C in FindingCode]?: readonly [IprevResult, IprevReason] } = {
  PTR_MISSING: ['permerror', 'noPtrRecord'],
  PTR_ALIAS_LOOP: ['permerror', 'aliasLoop'],
  PTR_ALIAS_DANGLING: ['permerror', 'aliasDangling'],
  PTR_ALIAS_TOO_DEEP: ['permerror', 'aliasTooDeep'],
  FCRDNS_MISMATCH: ['fail', 'elsewhere'],
  PTR_UNKNOWN: ['temperror', 'reverseServfail'],
}

function heloOf(claimedName: string): HeloFacts {
  return { kind: 'helo', claimedName, form: parseHelo(claimedName), resolution: { kind: 'notAsked' } }
}

function tellApartStep(facts: ToldFacts): RemedyStep {
  return checkStep(
    facts,
    'The receiver does not say which of these it is. Look at the address as it is now; that names the fix for your provider as well.',
  )
}

function stepsWithoutAddress(facts: ToldFacts): readonly RemedyStep[] {
  const { codes } = facts
  const cause = causeOf(codes)
  const look = checkStep(
    facts,
    'The reply does not name the address that it refused. Find the one from which your server sends, in its log or at your provider, and look at it; that names the fix.',
  )
  if (cause === 'helo') {
    return [
      {
        kind: 'helo',
        who: 'you',
        step: `Let the mail server call itself by the name of its PTR record in HELO. Put your own name for ${PLACEHOLDER}.`,
        choices: heloSettings(PLACEHOLDER),
      },
      look,
    ]
  }
  if (codes.every((code) => code === 'PTR_UNKNOWN')) return [look]
  return [
    look,
    {
      kind: 'reverse',
      who: 'provider',
      step: 'Whoever gave you the address (hosting provider or ISP) sets its PTR record to the host name of your mail server, after that name has the address as its A or AAAA record.',
    },
  ]
}

function reputationSteps(facts: ToldFacts): readonly RemedyStep[] {
  return [
    {
      kind: 'target',
      who: 'you',
      step: 'Reverse DNS is not what was refused here. Find out why the address is listed, end it, and ask for removal at the page or contact that the reply names.',
    },
    checkStep(facts, 'A PTR record may be missing as well; this tells.'),
  ]
}

/** A command holds only addresses and host names; capitals are for the reader to fill in. */
function checkStep({ address, claimedName }: ToldFacts, step: string): RemedyStep {
  const name = claimedName === null ? undefined : parseName(claimedName)
  const helo = name && isHostName(name) ? ` --helo ${name}` : ''
  return { kind: 'verify', who: 'you', step, command: `ptrgate check ${address ? formatAddress(address) : 'ADDRESS'}${helo}` }
}
