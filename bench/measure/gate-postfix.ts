/**
 * Postfix with ptrgate as milter, or as policy service: SMTP sessions a second. Each of ours is measured between two runs of what it
 * is held against, and the ratio to their mean counts. Where waiting is what counts, that is the same Postfix doing its own
 * reject_unknown_client_hostname. Where every core is full, no milter and no policy service holds that, whatever it does: what Postfix
 * itself does to ask one costs more than its own two lookups. There it is one that says yes to everything.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAskedChild } from '../support/asked-child.ts'
import { startPostfix, type Postfix } from '../support/postfix.ts'
import { startServe, type Served } from '../support/serve.ts'
import type { ClientRange, FreshClients, SmtpLoad } from './gate-clients.ts'
import { median, type Measurement } from './table.ts'

export interface PostfixBench {
  readonly dnsPort: number
  /** The same on port 53, for the system's resolver. */
  readonly nameserver: string
  /** Of whom unbound has not heard yet. */
  readonly strangers: FreshClients
  /** Of whom unbound knows and ptrgate does not. */
  readonly acquaintances: FreshClients
  readonly load: SmtpLoad
  readonly isQuick: boolean
}

const OURS = ['milter', 'policy'] as const
const VARIANTS = ['itself', ...OURS, 'yesMilter', 'yesPolicy'] as const
type Variant = (typeof VARIANTS)[number]

/** A kind of day at a mail server. */
interface Scene {
  readonly name: string
  readonly against: 'itself' | 'yes'
  readonly atLeast: number
  readonly concurrency: number
  readonly thinkMs: number
  readonly messageOctets: number
  readonly clients: (sessions: number) => ClientRange
}

/** Known to everybody after the first time. */
const REGULARS: ClientRange = { first: 0, addresses: 64 }
/** One, less what a single pair is off by. */
const AS_MANY = 0.98
/** How far away a client is: it takes so long before each command. */
const CLIENT_MS = 50

/** Whether waiting counts, as it does on the internet, or only work does. */
function scenes({ strangers, acquaintances }: PostfixBench): Scene[] {
  const remote = { against: 'itself', atLeast: AS_MANY, concurrency: 25, thinkMs: CLIENT_MS, messageOctets: 0 } as const
  const busy = { against: 'yes', atLeast: 0.75, concurrency: 50, thinkMs: 0, messageOctets: 4000 } as const
  return [
    { ...remote, name: 'distinct clients', clients: (sessions) => strangers.take(sessions) },
    { ...remote, name: 'repeated clients', clients: () => REGULARS },
    { ...busy, name: 'distinct clients, no core idle', clients: (sessions) => acquaintances.take(sessions) },
    { ...busy, name: 'repeated clients, no core idle', clients: () => REGULARS },
  ]
}

export async function measurePostfix(bench: PostfixBench): Promise<Measurement[]> {
  const { load, isQuick } = bench
  const served = await startServe(bench.dnsPort)
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-yes-'))
  await chmod(folder, 0o755)
  const yes: Yes = { milterSocket: join(folder, 'milter.sock'), policySocket: join(folder, 'policy.sock') }
  const yesChild = startAskedChild('yes-child.mjs', [yes.milterSocket, yes.policySocket])
  try {
    await yesChild.read()
    const postfix = await startPostfix({ nameserver: bench.nameserver, variants: variants(served, yes) })
    try {
      const measurements: Measurement[] = []
      await warmUp(served, isQuick)
      for (const variant of VARIANTS)
        await load.run({ port: postfix.ports[variant], sessions: 200, concurrency: 50, messageOctets: 4000, thinkMs: 0, ...REGULARS })
      for (const scene of scenes(bench)) measurements.push(...(await compare(scene, postfix, bench)))
      return measurements
    } finally {
      await postfix.stop()
    }
  } finally {
    await Promise.all([served.stop(), yesChild.end()])
    await rm(folder, { recursive: true })
  }
}

type Yes = Pick<Served, 'milterSocket' | 'policySocket'>

/** As a gate that has been running for a while: the compiler has seen what it does all day. */
async function warmUp({ milterPort, policyPort }: Served, isQuick: boolean): Promise<void> {
  const mta = startAskedChild('mta-child.mjs')
  const request = { sessions: isQuick ? 2000 : 8000, concurrency: 20, known: REGULARS.addresses, ...REGULARS }
  await mta.ask({ ...request, kind: 'milter', port: milterPort })
  await mta.ask({ ...request, kind: 'policy', port: policyPort })
  await mta.end()
}

function variants(served: Served, yes: Yes): Record<Variant, Record<string, string>> {
  const withoutNames = { smtpd_peername_lookup: 'no' }
  const milter = ({ milterSocket }: Yes) => ({ smtpd_milters: `unix:${milterSocket}`, ...withoutNames })
  const policy = ({ policySocket }: Yes) => ({
    smtpd_recipient_restrictions: `reject_unauth_destination, check_policy_service unix:${policySocket}`,
    ...withoutNames,
  })
  return {
    itself: { smtpd_client_restrictions: 'reject_unknown_client_hostname' },
    milter: milter(served),
    policy: policy(served),
    yesMilter: milter(yes),
    yesPolicy: policy(yes),
  }
}

async function compare(scene: Scene, { ports }: Postfix<Variant>, { load, isQuick }: PostfixBench): Promise<Measurement[]> {
  const [pairs, sessions] = isQuick ? [1, 400] : [5, 1000]
  const run = async (variant: Variant): Promise<number> =>
    (await load.run({ ...scene, port: ports[variant], sessions, ...scene.clients(sessions) })).perSecond
  const measurements: Measurement[] = []
  for (const ours of OURS) {
    const other = scene.against === 'itself' ? 'itself' : ours === 'milter' ? 'yesMilter' : 'yesPolicy'
    const [rates, otherRates, ratios]: [number[], number[], number[]] = [[], [], []]
    let before = await run(other)
    for (let pair = 0; pair < pairs; pair++) {
      const rate = await run(ours)
      const after = await run(other)
      rates.push(Math.round(rate))
      otherRates.push(Math.round(after))
      ratios.push(Number(((2 * rate) / (before + after)).toFixed(2)))
      before = after
    }
    const details = { rates, [`${other}Rates`]: otherRates, ratios, ...(scene.against === 'yes' ? await ratioToItself(run, rates) : {}) }
    measurements.push({
      name: `Postfix and ${ours}, ${scene.name}, of ${OTHERS[other]}`,
      value: median(ratios),
      unit: '',
      bound: { kind: 'atLeast', value: scene.atLeast },
      details,
    })
  }
  return measurements
}

/** For the curious: where every core is full, against Postfix doing its own lookups after all. */
async function ratioToItself(run: (variant: Variant) => Promise<number>, rates: readonly number[]): Promise<Record<string, number>> {
  const itselfRate = Math.round(await run('itself'))
  return { itselfRate, ratioToItself: Number((median(rates) / itselfRate).toFixed(2)) }
}

const OTHERS = { itself: 'Postfix alone', yesMilter: 'a milter of yes', yesPolicy: 'a service of yes' } as const
