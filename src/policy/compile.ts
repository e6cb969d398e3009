/**
 * Turns settings into tables in which a decision only has to look up: a layer for everybody, one for each network, one for each name.
 * All validation has happened in settings.ts.
 */
import { canonicalName, parentName, type DomainName } from '../core/domain-name.ts'
import { networkMap, type NetworkMap } from '../core/network.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import type { DecisionAction, DecisionStage, ReplyFor } from './decision.ts'
import { compareActions, isTemporary, presetActions, RULE_NAMES, type PresetName, type RuleActions, type RuleName } from './presets.ts'
import type { PolicyOverride, PolicySettings } from './settings.ts'
import { shareSeed } from './share.ts'

/** Settings as they apply to some clients, with nothing left open. */
export interface PolicyLayer {
  readonly preset: PresetName
  readonly actions: RuleActions
  readonly onInternalError: 'accept' | 'defer' | undefined
  readonly stage: DecisionStage
  readonly dryRun: boolean
  readonly percent: number
  readonly exemptPostmaster: boolean
  /** By a network; undefined: as the range of the address says. */
  readonly skip: boolean | undefined
  readonly skipByName: boolean
}

export interface NameLayer {
  readonly override: PolicyOverride
  /** The override on top of the layer for everybody, which is nearly always the one below it. */
  readonly onBase: PolicyLayer
}

export interface CompiledPolicy {
  readonly base: PolicyLayer
  /** All that were compiled, for front ends that ask an MTA only for what some client may need. A name's layer may lie on another one. */
  readonly layers: readonly PolicyLayer[]
  readonly trusted: NetworkMap<true>
  readonly networks: NetworkMap<PolicyLayer>
  readonly names: ReadonlyMap<DomainName, NameLayer>
  readonly suffixes: ReadonlyMap<DomainName, NameLayer>
  readonly shareSeed: number
  readonly replyFor: ReplyFor
}

export function compilePolicy(settings: PolicySettings, replyFor: ReplyFor): CompiledPolicy {
  const { preset, rules, onInternalError, stage, dryRun, percent, exemptPostmaster } = settings
  const actions = layerActions(preset, presetActions(preset), rules, onInternalError)
  const base: PolicyLayer = {
    preset,
    actions,
    onInternalError,
    stage,
    dryRun,
    percent,
    exemptPostmaster,
    skip: undefined,
    skipByName: false,
  }
  const networkLayers = settings.networks.map((override) => ({ ...mergeLayer(base, override), skip: override.skip }))
  const nameLayers = settings.names.map((override) => ({ override, onBase: nameLayer(base, override) }))
  return {
    base,
    layers: [base, ...networkLayers, ...nameLayers.map(({ onBase }) => onBase)],
    trusted: networkMap(settings.trustedNetworks.map((network) => [network, true])),
    networks: networkMap(
      settings.networks.flatMap(({ cidr }, index) => cidr.map((network) => [network, networkLayers[index] ?? base] as const)),
    ),
    names: new Map(settings.names.flatMap(({ name }, index) => layersByName(name, nameLayers[index]))),
    suffixes: new Map(settings.names.flatMap(({ suffix }, index) => layersByName(suffix, nameLayers[index]))),
    shareSeed: shareSeed(settings.percentSalt),
    replyFor,
  }
}

function layersByName(names: readonly DomainName[] | undefined, layer: NameLayer | undefined): [DomainName, NameLayer][] {
  return layer && names ? names.map((name) => [name, layer]) : []
}

/** What applies to this client: its network's layer, and above that the one of a confirmed name. A name that is not confirmed counts for nothing. */
export function layerFor(policy: CompiledPolicy, address: IprevFacts['address'], iprev: IprevFacts | null): PolicyLayer {
  const below = policy.networks.find(address)?.value ?? policy.base
  const byName = iprev?.result === 'pass' ? findNameLayer(policy, iprev) : undefined
  if (!byName) return below
  return below === policy.base ? byName.onBase : nameLayer(below, byName.override)
}

/** A whole name before a suffix, a longer suffix before a shorter one, and the canonical order of the names otherwise. */
function findNameLayer({ names, suffixes }: CompiledPolicy, iprev: IprevFacts): NameLayer | undefined {
  if (names.size === 0 && suffixes.size === 0) return undefined
  const confirmed = iprev.names.filter(({ outcome }) => outcome === 'confirmed').map(({ name }) => canonicalName(name))
  for (const name of confirmed) {
    const layer = names.get(name)
    if (layer) return layer
  }
  let found: NameLayer | undefined
  let longest = 0
  for (const name of confirmed) {
    for (let suffix: DomainName | undefined = name; suffix !== undefined && suffix.length > longest; suffix = parentName(suffix)) {
      const layer = suffixes.get(suffix)
      if (!layer) continue
      found = layer
      longest = suffix.length
    }
  }
  return found
}

function nameLayer(below: PolicyLayer, override: PolicyOverride): PolicyLayer {
  return { ...mergeLayer(below, override), skipByName: override.skip ?? false }
}

function mergeLayer(below: PolicyLayer, override: PolicyOverride): PolicyLayer {
  const preset = override.preset ?? below.preset
  const start = override.preset === undefined ? below.actions : presetActions(preset)
  return {
    ...below,
    preset,
    actions: layerActions(preset, start, override.rules ?? {}, below.onInternalError),
    stage: override.stage ?? below.stage,
    dryRun: override.dryRun ?? below.dryRun,
    percent: override.percent ?? below.percent,
    exemptPostmaster: override.exemptPostmaster ?? below.exemptPostmaster,
  }
}

type RuleOverrides = { readonly [R in RuleName]?: DecisionAction | undefined }

/** The promises that hold whatever the rules of a layer say: `observe` refuses nothing, and a temporary cause is never refused for good. */
function layerActions(
  preset: PresetName,
  start: RuleActions,
  rules: RuleOverrides,
  onInternalError: DecisionAction | undefined,
): RuleActions {
  const given: RuleOverrides = onInternalError ? { ...rules, internalError: onInternalError } : rules
  const promised = RULE_NAMES.map((rule) => {
    const action = given[rule] ?? start[rule]
    if (preset === 'observe') return [rule, atMostTag(action)]
    return [rule, isTemporary(rule) && (action === 'reject' || action === 'quarantine') ? 'defer' : action]
  })
  return Object.fromEntries(promised) as RuleActions
}

export function atMostTag(action: DecisionAction): DecisionAction {
  return compareActions(action, 'tag') > 0 ? 'tag' : action
}
