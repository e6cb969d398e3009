/**
 * Reads the cases of this suite and refuses whatever README.md does not describe, so that a slip in a case is an error and not a
 * case that tests nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'
import { name } from '../../../src/core/domain-name.ts'
import type { ResourceRecord } from '../../../src/core/dns-record.ts'
import type { DnsFault } from '../../../src/dns/authority.ts'
import { formatZoneFileError, parseZone } from '../../../src/wire/zone-file.ts'

/** Every case's zone text belongs into these zones. */
export const ZONES = ['iprev.example', '51.198.in-addr.arpa', '1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa'] as const
export const ORIGIN = ZONES[0]

const oneOrMore = z.union([z.string(), z.array(z.string()).min(2)]).transform((value) => (typeof value === 'string' ? [value] : value))

const verdict = z.strictObject({ result: oneOrMore, reason: oneOrMore })

const expectation = verdict.extend({
  confirmedName: z.string().nullable().default(null),
  names: z.record(z.string(), z.string()).optional(),
  ptrNameCount: z.number().int().optional(),
  truncated: z.boolean().optional(),
  authenticated: z.boolean().optional(),
  aliasCount: z.number().int().optional(),
  queries: z.number().int().optional(),
})

/** The embedded server checks the effect itself. */
const faults = z.array(
  z.strictObject({
    name: z.string(),
    type: z.string().optional(),
    transport: z.enum(['udp', 'tcp']).optional(),
    first: z.number().int().optional(),
    effect: z.looseObject({ kind: z.string() }),
  }),
)

const caseSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]{1,63}$/),
  says: z.string().min(10),
  address: z.string(),
  helo: z.string().optional(),
  zone: z.string().default(''),
  faults: faults.default([]),
  settings: z
    .strictObject({
      maxPtrNames: z.number().optional(),
      maxAliases: z.number().optional(),
      maxQueries: z.number().optional(),
      deadlineMs: z.number().optional(),
      trustAuthenticated: z.boolean().optional(),
    })
    .default({}),
  expect: expectation,
  recursive: z
    .union([
      z.strictObject({ skip: z.string().min(10) }),
      z.strictObject({ note: z.string().min(10), faults: faults.optional(), expect: verdict.optional() }),
    ])
    .optional(),
})

export type IprevCase = z.infer<typeof caseSchema>
export type CaseExpectation = IprevCase['expect']

export function loadCases(): readonly IprevCase[] {
  const folder = fileURLToPath(new URL('cases/', import.meta.url))
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .toSorted()
  return files.flatMap((file) => {
    const parsed = z.array(caseSchema).safeParse(parse(readFileSync(folder + file, 'utf8')))
    if (!parsed.success) throw new TypeError(`${file}: ${z.prettifyError(parsed.error)}`)
    return parsed.data
  })
}

/** The records of one case; relative names belong below the forward zone. */
export function caseRecords(testCase: IprevCase): readonly ResourceRecord[] {
  const zone = parseZone(`$TTL 300\n${testCase.zone}`, { file: testCase.id, origin: name(ORIGIN) })
  if (zone.kind === 'error') throw new TypeError(formatZoneFileError({ ...zone, line: zone.line - 1 }))
  return zone.records
}

/** The SOA records without which there is no zone. */
export function apexRecords(): readonly ResourceRecord[] {
  return ZONES.map((zone) => ({
    type: 'SOA',
    name: name(zone),
    ttl: 300,
    primary: name(`ns.${ORIGIN}`),
    mailbox: name(`hostmaster.${ORIGIN}`),
    serial: 1,
    refresh: 3600,
    retry: 600,
    expire: 86_400,
    minimum: 60,
  }))
}

export function caseFaults(cases: readonly IprevCase[]): readonly DnsFault[] {
  return cases.flatMap((testCase) => testCase.faults as readonly unknown[] as readonly DnsFault[])
}
