/**
 * What has changed since an earlier probe, by its JSON: findings that came and went, address by address, and the score. Nothing of the
 * old report is believed beyond its shape: it is a file.
 */
import { z } from 'zod'
import { formatAddress } from '../core/address.ts'
import type { Finding } from '../findings/catalogue.ts'
import type { ProbeReport } from './probe.ts'

/** Of the earlier report, what is compared. */
export interface ProbeBaseline {
  readonly target: string
  readonly points: number | null
  /** `198.51.100.7 PTR_MISSING`, or the code alone for those of the target. */
  readonly findings: ReadonlySet<string>
}

export interface ProbeChanges {
  readonly appeared: readonly string[]
  readonly gone: readonly string[]
  readonly pointsBefore: number | null
  readonly points: number | null
}

export type ReadBaseline =
  { readonly kind: 'baselines'; readonly baselines: readonly ProbeBaseline[] } | { readonly kind: 'error'; readonly reason: string }

const found = z.array(z.object({ code: z.string().regex(/^[A-Z0-9_]{1,64}$/) }))
const addresses = z.array(z.object({ ip: z.union([z.ipv4(), z.ipv6()]), findings: found }))
const probe = z.object({
  ptrgate: z.literal(1),
  kind: z.literal('probe'),
  target: z.string(),
  score: z.object({ points: z.number() }).nullable(),
  mx: z.array(z.object({ addresses })),
  sending: addresses,
  findings: found,
})
const report = z.union([probe, z.object({ ptrgate: z.literal(1), kind: z.literal('probeList'), probes: z.array(probe) })])

/** The text of `--json`, of one target or of several. */
export function readBaseline(text: string): ReadBaseline {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'error', reason: 'it is no JSON' }
  }
  const parsed = report.safeParse(value)
  if (!parsed.success) return { kind: 'error', reason: 'it is no report of ptrgate probe --json' }
  const probes = parsed.data.kind === 'probe' ? [parsed.data] : parsed.data.probes
  return {
    kind: 'baselines',
    baselines: probes.map(({ target, score, mx, sending, findings }) => {
      const byAddress = [...mx.flatMap((host) => host.addresses), ...sending]
      const keys = byAddress.flatMap(({ ip, findings: own }) => own.map(({ code }) => `${ip} ${code}`))
      return { target, points: score?.points ?? null, findings: new Set([...findings.map(({ code }) => code), ...keys]) }
    }),
  }
}

/** Of what matters: what is well is not news. */
export function probeChanges(now: ProbeReport, { points: pointsBefore, findings: before }: ProbeBaseline): ProbeChanges {
  const probed = [...now.hosts.flatMap(({ addresses: own }) => own), ...now.sending]
  const current = new Set([
    ...now.findings.filter(matters).map(({ code }) => code),
    ...probed.flatMap(({ address, findings }) => findings.filter(matters).map(({ code }) => `${formatAddress(address)} ${code}`)),
  ])
  const all = new Set([
    ...now.findings.map(({ code }): string => code),
    ...probed.flatMap(({ address, findings }) => findings.map(({ code }) => `${formatAddress(address)} ${code}`)),
  ])
  return {
    appeared: [...current].filter((key) => !before.has(key)).sort(),
    gone: [...before].filter((key) => !all.has(key)).sort(),
    pointsBefore,
    points: now.score?.points ?? null,
  }
}

function matters({ level }: Finding): boolean {
  return level !== 'info'
}
