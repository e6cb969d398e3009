/**
 * What a client costs once its facts are there: findings, decision, and every rendering that a gate makes of them
 * (Authentication-Results field, SMTP reply, one line of JSON), averaged over a mix of clients.
 */
import { formatAddress, reverseName, type IpAddress } from '../../src/core/address.ts'
import { name } from '../../src/core/domain-name.ts'
import { judgeFacts } from '../../src/engine/judge.ts'
import { parseHelo } from '../../src/identity/helo-form.ts'
import type { HeloFacts } from '../../src/identity/facts.ts'
import type { IprevFacts, IprevReason, IprevResult, PtrName } from '../../src/iprev/facts.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { decide } from '../../src/policy/decide.ts'
import { policySettings } from '../../src/policy/settings.ts'
import { iprevAuthResults } from '../../src/render/auth-results.ts'
import { checkJson } from '../../src/render/report-json.ts'
import { formatReply } from '../../src/render/smtp-reply.ts'
import { median, type Measurement } from './table.ts'

const CLIENTS = 20_000
const ROUNDS = 7

export function measureJudgement(): Measurement {
  const clients = Array.from({ length: CLIENTS }, (_, index) => exampleClient(index))
  const policy = compilePolicy(policySettings('balanced'), rfc7372.replyFor)
  const costs: number[] = []
  let octets = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (const { iprev, helo } of clients) octets += serve(iprev, helo, policy)
    costs.push(Number((((performance.now() - start) * 1000) / CLIENTS).toFixed(2)))
  }
  // The first rounds are the compiler's.
  const warm = costs.slice(2)
  return {
    name: 'findings, decision and all renderings, a client',
    value: median(warm),
    unit: 'µs',
    bound: { kind: 'atMost', value: 20 },
    details: { costs, octetsPerClient: Math.round(octets / CLIENTS / ROUNDS) },
  }
}

function serve(iprev: IprevFacts, helo: HeloFacts, policy: ReturnType<typeof compilePolicy>): number {
  const judgement = judgeFacts({ iprev, helo }, {})
  const { address } = iprev
  const { findings, confirmedName } = judgement
  const decision = decide(
    { address, iprev, findings, authenticated: false, recipient: null, resolverIll: false, internalError: false },
    policy,
  )
  const header = iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName })
  const reply = decision.reply ? formatReply(decision.reply) : ''
  const json = checkJson({
    kind: 'check',
    target: formatAddress(address),
    targetKind: 'address',
    authservId: 'mx.example.org',
    via: [],
    verdict: 'aligned',
    addresses: [{ address, ...judgement, generic: null, decision, remedy: [], cautions: [], providerMessage: null, reverseZone: null }],
    score: { points: 25, of: 25, undecided: 0 },
    findings: [],
  })
  return header.length + reply.length + json.length
}

/** Of eight clients five are in order, one has no PTR, one points elsewhere, and one could not be told; one in three speaks IPv6. */
function exampleClient(index: number): { readonly iprev: IprevFacts; readonly helo: HeloFacts } {
  const address: IpAddress =
    index % 3 === 0
      ? { family: 6, bytes: [0x20, 1, 0x0d, 0xb8, 0, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, (index >> 8) & 255, index & 255] }
      : { family: 4, bytes: [198, 51, 100, index & 255] }
  const ptrName = name(`mail-${String(index)}.example.com`)
  const kind = KINDS[index % KINDS.length] ?? 'pass'
  const [result, reason, outcome] = FACTS[kind]
  const ptr: PtrName = { name: ptrName, outcome, addresses: [address], aliases: [], ttl: 300, authenticated: false }
  const hasName = kind === 'pass' || kind === 'elsewhere'
  const iprev: IprevFacts = {
    kind: 'iprev',
    address,
    reverseName: reverseName(address),
    result,
    reason,
    aliases: [],
    ptrTtl: 300,
    names: hasName ? [ptr] : [],
    ptrNameCount: hasName ? 1 : 0,
    truncated: false,
    authenticated: false,
    queries: 2,
  }
  const claimedName = index % 5 === 0 ? `out-${String(index)}.example.com` : ptrName
  const resolution = { kind: 'addresses', addresses: [address], aliases: [], ttl: 300 } as const
  return { iprev, helo: { kind: 'helo', claimedName, form: parseHelo(claimedName), resolution } }
}

const KINDS = ['pass', 'pass', 'none', 'pass', 'elsewhere', 'pass', 'unknown', 'pass'] as const

const FACTS: Readonly<Record<(typeof KINDS)[number], readonly [IprevResult, IprevReason, PtrName['outcome']]>> = {
  pass: ['pass', 'confirmed', 'confirmed'],
  none: ['permerror', 'noReverseName', 'nxdomain'],
  elsewhere: ['fail', 'elsewhere', 'elsewhere'],
  unknown: ['temperror', 'reverseServfail', 'servfail'],
}
