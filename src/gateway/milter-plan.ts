/**
 * What the milter asks an MTA for, from what the policy can come to do: steps at which nothing can be refused get no reply,
 * and so cost nobody a round trip; body, data and end of headers are declined. Macros only that are used.
 */
import { compareActions } from '../policy/presets.ts'
import type { CompiledPolicy, PolicyLayer } from '../policy/compile.ts'
import type { DecisionStage } from '../policy/decision.ts'
import type { MilterWishes } from '../wire/milter-negotiation.ts'

export interface MilterPlan {
  /** Stages at which a verdict is waited for; elsewhere there is nothing to say. */
  readonly stages: ReadonlySet<DecisionStage>
  readonly wishes: MilterWishes
}

export function planMilter(policy: CompiledPolicy, maxPacketOctets: number): MilterPlan {
  const stages = speakingStages(policy.layers)
  return {
    stages,
    wishes: {
      actions: policy.layers.some(quarantines) ? ['addHeaders', 'changeHeaders', 'quarantine'] : ['addHeaders', 'changeHeaders'],
      steps: ['connect', 'helo', 'mail', 'rcpt', 'header'],
      silentSteps: ['header', ...STAGES.filter((stage) => !stages.has(stage))],
      macros: MACROS,
      maxPacketOctets,
    },
  }
}

const STAGES: readonly DecisionStage[] = ['connect', 'helo', 'mail', 'rcpt']

/** `i` comes with whichever of these the MTA knows it at. */
const MACROS = {
  connect: ['j', '_', '{client_name}', '{client_ptr}', '{client_resolve}', '{daemon_addr}', '{daemon_port}'],
  helo: [],
  mail: ['i', '{auth_type}'],
  rcpt: ['i'],
  data: [],
  endOfMessage: ['i'],
} as const

/**
 * What is due at connect may rest on HELO and is then said there. RCPT is always one of them: a client may leave out HELO, and
 * an MTA may have ignored what it was told before. A name's layer may lie on top of any network's, so all stages count together.
 */
function speakingStages(layers: readonly PolicyLayer[]): ReadonlySet<DecisionStage> {
  if (!layers.some(refuses) || layers.every(({ dryRun }) => dryRun)) return new Set()
  const stages = new Set<DecisionStage>(['rcpt', ...layers.map(({ stage }) => stage)])
  if (stages.has('connect')) stages.add('helo')
  return stages
}

function refuses({ actions }: PolicyLayer): boolean {
  return Object.values(actions).some((action) => compareActions(action, 'quarantine') > 0)
}

function quarantines({ actions }: PolicyLayer): boolean {
  return Object.values(actions).includes('quarantine')
}
