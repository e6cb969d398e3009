/**
 * The `policy:` section of the config: its schema, its types, and errors that say what is wrong with which entry.
 * What a preset means is in presets.ts; what a setting does to a decision is in compile.ts and decide.ts.
 */
import { z } from 'zod'
import { canonicalName, isHostName, parseName, ROOT, type DomainName } from '../core/domain-name.ts'
import { formatNetwork, parseNetwork, type Network } from '../core/network.ts'
import { compareActions, PRESET_NAMES, type PresetName } from './presets.ts'

const permanentCause = z.enum(['accept', 'tag', 'quarantine', 'defer', 'reject']).optional()
const temporaryCause = z
  .enum(['accept', 'tag', 'defer'], { error: 'a temporary cause never gets a permanent answer: accept, tag or defer' })
  .optional()

/** One key for each row of presets.ts that may be set by itself. */
const rules = z.strictObject({
  permerror: permanentCause.describe('The address has no PTR record.'),
  fail: permanentCause.describe('No PTR name resolves back to the address.'),
  temperror: temporaryCause.describe('Reverse DNS could not be told: SERVFAIL, a timeout, a malformed answer.'),
  genericPtr: permanentCause.describe('Every name of the address looks like a pool name.'),
  heloSyntax: permanentCause.describe('HELO is neither a host name nor an address literal.'),
  heloUnderscore: permanentCause.describe('The HELO name would be a host name, but for an underscore.'),
  heloBareAddress: permanentCause.describe('HELO is an address without brackets.'),
  heloOurName: permanentCause.describe('A stranger claims our own name or address.'),
  heloUnresolvable: permanentCause.describe('The HELO name has no address.'),
  heloNotFqdn: permanentCause.describe('The HELO name is a single label.'),
  heloLocalhost: permanentCause.describe('HELO is a name of the local host.'),
  heloReservedSuffix: permanentCause.describe('HELO ends in .local, .internal or the like.'),
  heloDiffers: permanentCause.describe('HELO is not the PTR name. RFC 5321 §4.1.4 forbids refusing for this alone.'),
  heloOrganisationDiffers: permanentCause.describe('HELO and the confirmed name do not share a registered domain.'),
  heloOtherAddress: permanentCause.describe('HELO resolves, but not to the client.'),
  heloLiteral: permanentCause.describe('HELO is an address literal.'),
  heloLiteralMismatch: permanentCause.describe('HELO is the literal of another address.'),
  heloGeneric: permanentCause.describe('HELO looks like a pool name.'),
  heloUnknown: temporaryCause.describe('Whether HELO resolves could not be told.'),
})

const preset = z.enum(PRESET_NAMES)
const stage = z.enum(['connect', 'helo', 'mail', 'rcpt'])
const percent = z.number().min(0).max(100)

const overrides = {
  preset: preset.optional().describe('Starts afresh from this preset; the rules above do not apply here.'),
  rules: rules.optional(),
  stage: stage.optional(),
  dryRun: z.boolean().optional(),
  percent: percent.optional(),
  exemptPostmaster: z.boolean().optional(),
}

const networks = oneOrMore('a network such as 198.51.100.0/24', (text): Read<Network> => {
  const parsed = parseNetwork(text)
  return parsed.kind === 'network' ? { value: parsed.network } : { error: parsed.error }
})

const hostNames = oneOrMore('a host name such as mail.example.com', (text): Read<DomainName> => {
  const parsed = parseName(text)
  if (parsed !== undefined && (isHostName(parsed) || parsed === ROOT)) return { value: canonicalName(parsed) }
  return { error: text.startsWith('.') ? `${text}: write ${text.slice(1)}, without the leading dot` : `${text}: this is no host name` }
})

const networkOverride = z.strictObject({
  cidr: networks.describe('The network or networks for which the entry is meant; a bare address is one by itself.'),
  skip: z.boolean().optional().describe('true: not judged at all. false: judged even if the address is private.'),
  ...overrides,
})
const nameOverride = z
  .strictObject({
    name: hostNames.optional().describe('The confirmed name or names for which the entry is meant: exactly these.'),
    suffix: hostNames.optional().describe('A name, or several, with all that end in it: example.com and whatever.example.com.'),
    skip: z.literal(true).optional().describe('Accepted, whatever else is found.'),
    ...overrides,
  })
  .refine((entry) => (entry.name === undefined) !== (entry.suffix === undefined), {
    error: 'an entry has either a name (that one) or a suffix (it and all below it)',
  })

export const policySettingsSchema = z
  .strictObject({
    preset: preset.default('balanced').describe('observe: only tag. balanced: refuse what big receivers refuse. strict: refuse more.'),
    rules: rules.default({}).describe('What to do in one situation, other than the preset says.'),
    stage: stage.default('rcpt').describe('At which step a refusal is spoken.'),
    dryRun: z.boolean().default(false).describe('Decide and log, but only tag.'),
    percent: percent.default(100).describe('The share of clients for which rejections are enforced; the others are tagged.'),
    percentSalt: z.string().max(64).default('').describe('Another text chooses other clients for the share.'),
    onInternalError: z.enum(['accept', 'defer']).optional().describe('If ptrgate itself fails. Default: accept, but defer under strict.'),
    exemptPostmaster: z.boolean().default(false).describe('Mail to postmaster@ is never refused. Needs stage rcpt.'),
    iprevProperty: z.enum(['policy.iprev', 'smtp.remote-ip']).default('policy.iprev').describe('The property in Authentication-Results.'),
    trustedNetworks: networks.default([]).describe('Clients that are never judged.'),
    networks: z.array(networkOverride).default([]).describe('Other settings for some addresses; the longest prefix wins, alone.'),
    names: z.array(nameOverride).default([]).describe('Other settings for confirmed names; they go above those for networks.'),
  })
  .superRefine((settings, context) => {
    for (const issue of contradictions(settings)) context.addIssue({ code: 'custom', path: issue.path, message: issue.message })
  })

export type PolicySettings = z.output<typeof policySettingsSchema>
export type PolicyInput = z.input<typeof policySettingsSchema>
export type PolicyOverride = PolicySettings['networks'][number] | PolicySettings['names'][number]

/** For settings that are written in code: throws on a mistake. The name of a preset stands for its defaults. */
export function policySettings(input: PolicyInput | PresetName = {}): PolicySettings {
  return policySettingsSchema.parse(typeof input === 'string' ? { preset: input } : input)
}

type Read<T> = { readonly value: T } | { readonly error: string }

/** A text or a list of texts; what is wrong with an entry of a list is told at its index. */
function oneOrMore<T>(what: string, read: (text: string) => Read<T>) {
  const error = `expected ${what}, or a list of them`
  return z.union([z.string(), z.array(z.string()).min(1, { error })], { error }).transform((given, context): readonly T[] =>
    (typeof given === 'string' ? [given] : given).flatMap((text, index) => {
      const result = read(text)
      if ('value' in result) return [result.value]
      context.addIssue({ code: 'custom', message: result.error, path: typeof given === 'string' ? [] : [index] })
      return []
    }),
  )
}

interface Contradiction {
  readonly path: (string | number)[]
  readonly message: string
}

/** What is valid key by key and cannot be meant as a whole. */
function contradictions(settings: PolicySettings): Contradiction[] {
  const layers = [
    { path: [], layer: settings },
    ...settings.networks.map((layer, index) => ({ path: ['networks', index], layer })),
    ...settings.names.map((layer, index) => ({ path: ['names', index], layer })),
  ]
  return [
    ...layers.flatMap(({ path, layer }) => layerContradictions(path, layer, settings)),
    ...(settings.preset === 'observe' && settings.onInternalError === 'defer'
      ? [{ path: ['onInternalError'], message: 'the preset observe refuses nothing' }]
      : []),
    ...duplicates(
      'networks',
      'cidr',
      settings.networks.map(({ cidr }) => cidr.map(formatNetwork)),
    ),
    ...duplicates(
      'names',
      'name',
      settings.names.map(({ name }) => name ?? []),
    ),
    ...duplicates(
      'names',
      'suffix',
      settings.names.map(({ suffix }) => suffix ?? []),
    ),
  ]
}

function layerContradictions(path: (string | number)[], layer: PolicySettings | PolicyOverride, settings: PolicySettings): Contradiction[] {
  const isObserving = (layer.preset ?? settings.preset) === 'observe'
  const refusing = Object.entries(layer.rules ?? {}).filter(
    ([, action]) => isObserving && action !== undefined && compareActions(action, 'tag') > 0,
  )
  const found = refusing.map(([rule, action]) => ({
    path: [...path, 'rules', rule],
    message: `the preset observe refuses nothing, so it cannot ${action}; choose the preset balanced here`,
  }))
  const isTooEarly = layer.exemptPostmaster === true && (layer.stage ?? settings.stage) !== 'rcpt'
  return isTooEarly ? [...found, { path: [...path, 'exemptPostmaster'], message: 'the recipient is known only at stage rcpt' }] : found
}

function duplicates(list: string, key: string, keysOfEntries: readonly (readonly string[])[]): Contradiction[] {
  const seen = new Map<string, number>()
  return keysOfEntries.flatMap((keys, index) =>
    keys.flatMap((text, position) => {
      const earlier = seen.get(text)
      seen.set(text, index)
      // One alone may stand there without a list.
      const path = keys.length === 1 ? [list, index, key] : [list, index, key, position]
      return earlier === undefined ? [] : [{ path, message: `${text} is already in ${list}[${String(earlier)}]` }]
    }),
  )
}
