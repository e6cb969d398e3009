/**
 * The gate's settings for clients of the fixture network, whose DNS is unbound's.
 */
import { name } from '../../src/core/domain-name.ts'
import type { GateSettings } from '../../src/engine/gate.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { policySettings, type PolicyInput } from '../../src/policy/settings.ts'
import { MTA_NAME } from './mail-hosts.ts'
import type { MailNetwork } from './mail-network.ts'

export function gateSettings({ resolver }: Pick<MailNetwork, 'resolver'>, policy: PolicyInput = {}): GateSettings {
  return {
    resolver,
    policy: compilePolicy(policySettings(policy), rfc7372.replyFor),
    authservId: MTA_NAME,
    ourNames: [name(MTA_NAME)],
  }
}
