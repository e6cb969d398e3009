/**
 * The config of `ptrgate serve`: its schema, with default and meaning of every key, and the type that the runtime is given.
 * What is read from which text is in fields.ts; positions and wording of problems are in read-config.ts.
 */
import { z } from 'zod'
import { DEFAULT_CACHE_ENTRIES } from '../../dns/create-resolver.ts'
import { DEFAULT_HEALTH_SETTINGS } from '../../dns/health.ts'
import { DEFAULT_DRAIN_MS } from '../../gateway/listen.ts'
import { DEFAULT_IPREV_SETTINGS, type IprevSettings } from '../../iprev/facts.ts'
import { policySettingsSchema } from '../../policy/settings.ts'
import { addressField, describeValue, dnsServerField, hostNameField, milliseconds, share } from './fields.ts'
import { listenerSchema, toListenerConfig, type ListenerConfig } from './listener-schema.ts'

export type { ListenerConfig } from './listener-schema.ts'

const dns = z.strictObject({
  servers: z
    .array(dnsServerField)
    .min(1)
    .max(16)
    .optional()
    .describe('Recursive resolvers, asked in this order; best one on this machine. Default: those of /etc/resolv.conf.'),
  timeoutMs: milliseconds(1, 600_000).optional().describe('For each try. Default: that of /etc/resolv.conf, else 2000.'),
  attempts: z.int().min(1).max(100).optional().describe('Tries of each server. Default: that of /etc/resolv.conf, else 2.'),
  rotate: z.boolean().optional().describe('Begin each question with another server. Default: that of /etc/resolv.conf, else false.'),
  trusted: z
    .boolean()
    .default(false)
    .describe('Believe the servers when they say that an answer passed DNSSEC. Only over a path that nobody else can write to.'),
})

/** Compares keys with one another whatever is wrong with the others, so that all problems are told at once. */
function areValid(...keys: readonly string[]): (payload: z.core.ParsePayload) => boolean {
  return ({ value, issues }) => typeof value === 'object' && value !== null && issues.every(({ path }) => !keys.includes(String(path?.[0])))
}

const iprev = z
  .strictObject({
    deadlineMs: milliseconds(1, 60_000)
      .default(DEFAULT_IPREV_SETTINGS.deadlineMs)
      .describe(
        'For the whole lookup of a client; past it the result is temperror. Stay below the time that the mail server waits for us.',
      ),
    maxPtrNames: z
      .int()
      .min(1)
      .max(100)
      .default(DEFAULT_IPREV_SETTINGS.maxPtrNames)
      .describe('PTR names that are looked up again; the rest are ignored, and a finding says so.'),
    maxQueries: z
      .int()
      .min(2)
      .max(1000)
      .default(DEFAULT_IPREV_SETTINGS.maxQueries)
      .describe('DNS questions for one client, so that a stranger’s zone cannot make us work without end.'),
  })
  .refine(({ maxPtrNames, maxQueries }) => maxQueries > maxPtrNames, {
    path: ['maxQueries'],
    when: areValid('maxPtrNames', 'maxQueries'),
    error: 'too few: it takes one question for the PTR and one for each of maxPtrNames',
  })

const canary = z.strictObject({
  address: addressField.describe('An address whose PTR is known.'),
  ptrName: hostNameField.describe('The PTR name that it has.'),
})

const health = z
  .strictObject({
    windowMs: milliseconds(1000, 3_600_000).default(DEFAULT_HEALTH_SETTINGS.windowMs).describe('How long an answer counts.'),
    openShare: share
      .default(DEFAULT_HEALTH_SETTINGS.openShare)
      .describe('From this share of client networks without an answer on, our resolver counts as ill: nothing is refused for DNS reasons.'),
    closeShare: share.default(DEFAULT_HEALTH_SETTINGS.closeShare).describe('Up to this share it counts as well again.'),
    minimumNetworks: z
      .int()
      .min(1)
      .max(DEFAULT_HEALTH_SETTINGS.maxNetworks)
      .default(DEFAULT_HEALTH_SETTINGS.minimumNetworks)
      .describe('Fewer client networks than this say nothing: a few broken zones are somebody else’s trouble.'),
    closeMinimumNetworks: z
      .int()
      .min(1)
      .max(DEFAULT_HEALTH_SETTINGS.maxNetworks)
      .default(DEFAULT_HEALTH_SETTINGS.closeMinimumNetworks)
      .describe('Networks that must have been seen before it counts as well again.'),
    openMs: milliseconds(100, 3_600_000)
      .default(DEFAULT_HEALTH_SETTINGS.openMs)
      .describe('How long it counts as ill before we look again.'),
    canaries: z
      .array(canary)
      .max(64)
      .default([])
      .describe('Addresses whose PTR is known, asked again and again; where there are any, they decide. Several, in different networks.'),
    canaryIntervalMs: milliseconds(1000, 3_600_000).default(30_000).describe('Pause between two rounds of canaries.'),
    canaryRoundsToOpen: z
      .int()
      .min(1)
      .max(100)
      .default(DEFAULT_HEALTH_SETTINGS.canaryRoundsToOpen)
      .describe('Bad rounds in a row until our resolver counts as ill.'),
    canaryRoundsToClose: z
      .int()
      .min(1)
      .max(100)
      .default(DEFAULT_HEALTH_SETTINGS.canaryRoundsToClose)
      .describe('Good rounds in a row until it counts as well again.'),
    canaryMaxAgeMs: milliseconds(1000)
      .default(DEFAULT_HEALTH_SETTINGS.canaryMaxAgeMs)
      .describe('Older reports are ignored, and the share decides.'),
  })
  .refine(({ openShare, closeShare }) => closeShare <= openShare, {
    path: ['closeShare'],
    when: areValid('openShare', 'closeShare'),
    error: 'it must not be above openShare: what made our resolver ill would make it well',
  })
  .refine(({ canaryIntervalMs, canaryMaxAgeMs }) => canaryIntervalMs < canaryMaxAgeMs, {
    path: ['canaryMaxAgeMs'],
    when: areValid('canaryIntervalMs', 'canaryMaxAgeMs'),
    error: 'it must be above canaryIntervalMs: every report would be too old',
  })

const cache = z.strictObject({
  entries: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(DEFAULT_CACHE_ENTRIES)
    .describe('Answers of the DNS that are kept in memory, in each worker.'),
})

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const log = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info').describe('The least level that is written. Decisions are info.'),
})

export const configSchema = z.strictObject({
  name: hostNameField
    .optional()
    .describe(
      'Our own name and the authserv-id of our headers; strangers may not claim it in HELO. Default: the host name of the machine.',
    ),
  addresses: z.array(addressField).default([]).describe('Our own addresses; strangers may not claim them in HELO.'),
  dns: dns.prefault({}).describe('Whom to ask.'),
  iprev: iprev.prefault({}).describe('Bounds of the lookup of one client.'),
  health: health.prefault({}).describe('When our own resolver counts as ill, so that its trouble never becomes lost mail.'),
  listeners: z
    .array(listenerSchema)
    .min(1, { error: 'without a listener there is nothing to serve' })
    .prefault([{ kind: 'milter' }, { kind: 'policy' }, { kind: 'http' }])
    .describe('The front ends. Several of a kind are possible.'),
  policy: policySettingsSchema.prefault({}).describe('What is done with what was found.'),
  cache: cache.prefault({}).describe('Memory of DNS answers.'),
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(256)], {
      error: ({ input }) => `expected auto or a whole number from 1 to 256, not ${describeValue(input)}`,
    })
    .default(1)
    .describe('Processes that share the listeners; auto: one for each core.'),
  log: log.prefault({}).describe('The log: JSON on stdout, one line an event.'),
  drainMs: milliseconds(0).default(DEFAULT_DRAIN_MS).describe('How long sessions may go on after SIGTERM before they are cut off.'),
})

type ParsedConfig = z.output<typeof configSchema>

export interface ServeConfig extends Omit<ParsedConfig, 'iprev' | 'listeners'> {
  /** `dns.trusted` is in it. */
  readonly iprev: Partial<IprevSettings>
  readonly listeners: readonly ListenerConfig[]
}

/** `folder`: from which the paths of files count. */
export function toServeConfig(parsed: ParsedConfig, folder: string): ServeConfig {
  return {
    ...parsed,
    iprev: { ...parsed.iprev, trustAuthenticated: parsed.dns.trusted },
    listeners: parsed.listeners.map((listener) => toListenerConfig(listener, folder)),
  }
}
