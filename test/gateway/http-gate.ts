/** A gate over a table of DNS answers, for tests of HTTP that need no wire below. */
import { name } from '../../src/core/domain-name.ts'
import type { GateSettings } from '../../src/engine/gate.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { policySettings, type PolicyInput } from '../../src/policy/settings.ts'
import { addresses, fakeResolver, ptr, type Answer } from '../support/fake-resolver.ts'

export const GOOD = '198.51.100.7'
export const BAD = '198.51.100.8'

export const TABLE: Readonly<Record<string, Answer>> = {
  'PTR 7.100.51.198.in-addr.arpa': ptr(['mail.example.com']),
  'A mail.example.com': addresses([GOOD]),
}

export function gateOver(table: Readonly<Record<string, Answer>> = TABLE, policy: PolicyInput = {}): GateSettings {
  return {
    resolver: fakeResolver(table),
    policy: compilePolicy(policySettings(policy), rfc7372.replyFor),
    authservId: 'mx.example.org',
    ourNames: [name('mx.example.org')],
  }
}
