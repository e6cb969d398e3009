/**
 * Hostile streams for the dialogues of the front ends: valid conversations that were damaged in their octets or in the order and
 * content of their parts, and noise. Everything follows from a seed.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { canonicalName, name } from '../../src/core/domain-name.ts'
import type { DnsOutcome, Resolver } from '../../src/dns/resolver.ts'
import type { GateSettings } from '../../src/engine/gate.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { policySettings, type PolicyInput } from '../../src/policy/settings.ts'
import { AUTHSERV_ID } from '../contract/cases.ts'
import { addresses, nxdomain, ptr } from '../support/fake-resolver.ts'
import { inPieces, mutate } from '../wire/milter-arbitrary.ts'

export type Random = (below: number) => number

/** Each with another set of steps at which something may be said. */
const POLICIES: readonly PolicyInput[] = [
  {},
  { preset: 'observe' },
  { preset: 'strict', stage: 'connect', rules: { permerror: 'quarantine' } },
  { stage: 'mail', onInternalError: 'defer', trustedNetworks: '2001:db8:51::/64' },
]

const ANSWERS: ReadonlyMap<string, DnsOutcome> = new Map([
  ['PTR 7.100.51.198.in-addr.arpa', ptr(['mail.example.com'])],
  ['A mail.example.com', addresses(['198.51.100.7'])],
  ['PTR 9.100.51.198.in-addr.arpa', { kind: 'timeout' }],
])
const NOTHING = nxdomain()

/** They answer at once and remember nothing: one good client, one that cannot be told, and no name of any other. */
export function fuzzGates(): readonly GateSettings[] {
  const resolver: Resolver = {
    resolve: ({ type, name: asked }) => Promise.resolve(ANSWERS.get(`${type} ${canonicalName(asked)}`) ?? NOTHING),
  }
  return POLICIES.map((policy) => ({
    resolver,
    policy: compilePolicy(policySettings(policy), rfc7372.replyFor),
    authservId: AUTHSERV_ID,
    ourNames: [name(AUTHSERV_ID)],
  }))
}

/** What comes over the wire for it, in chunks. `frame` makes one part of the conversation out of its content, damaged or not. */
export function hostileStream(
  conversation: readonly Uint8Array[],
  frame: (content: Uint8Array) => Uint8Array,
  random: Random,
): readonly Uint8Array[] {
  const kind = random(8)
  if (kind === 7) return [Buffer.from(Array.from({ length: random(200) }, () => random(256)))]
  const parts = [...conversation]
  // The order: left out, said twice, swapped.
  for (let count = kind < 2 ? 1 + random(3) : 0; count > 0; count--) {
    const [from, to] = [random(parts.length), random(parts.length)]
    parts.splice(to, random(2), ...parts.slice(from, from + 1 + random(2)))
  }
  for (let count = kind >= 2 && kind < 5 ? 1 + random(2) : 0; count > 0; count--) {
    const at = random(parts.length)
    const content = parts[at]
    if (content) parts[at] = mutate(content, content, random)
  }
  const whole = Buffer.concat(parts.map(frame))
  const stream = kind === 5 || kind === 6 ? mutate(whole, whole, random) : whole
  return random(8) === 0 ? inPieces(stream, random) : [stream]
}

/** Most clients are not looked up: that costs more than all the rest, and is not what is tested here. */
export function clientAddress(random: Random): string | null {
  const judged = ['198.51.100.7', '198.51.100.8', '198.51.100.9', '2001:db8:51::7']
  return random(6) === 0 ? (judged[random(judged.length)] ?? null) : random(5) === 0 ? '127.0.0.1' : null
}

/** What is still held when everything that can be given back was. */
export function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
