/**
 * Postfix with ptrgate as milter, or as policy service, against the same Postfix doing its own reject_unknown_client_hostname:
 * SMTP sessions a second. Each of ours is measured between two runs of Postfix by itself, and the ratio to their mean counts.
 * With ptrgate asked Postfix needs no names of its own, so it looks up none (`smtpd_peername_lookup = no`).
 */
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
type Ours = (typeof OURS)[number]
type Variant = Ours | 'itself'

/** A kind of day at a mail server. */
interface Scene {
  readonly name: string
  readonly atLeast: number
  readonly concurrency: number
  readonly thinkMs: number
  readonly messageOctets: number
  readonly clients: (sessions: number) => ClientRange
}

/** Known to everybody after the first time. */
const REGULARS: ClientRange = { first: 0, addresses: 64 }
/** How far away a client is: it takes so long before each command. */
const CLIENT_MS = 50

/** Whether waiting counts, as it does on the internet, or only work does. */
function scenes({ strangers, acquaintances }: PostfixBench): Scene[] {
  const remote = { atLeast: 1, concurrency: 50, thinkMs: CLIENT_MS, messageOctets: 0 }
  const busy = { atLeast: 1, concurrency: 50, thinkMs: 0, messageOctets: 4000 }
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
  try {
    const postfix = await startPostfix({ nameserver: bench.nameserver, variants: variants(served) })
    try {
      const measurements: Measurement[] = []
      await warmUp(served, isQuick)
      for (const variant of [...OURS, 'itself'] as const)
        await load.run({ port: postfix.ports[variant], sessions: 200, concurrency: 50, messageOctets: 4000, thinkMs: 0, ...REGULARS })
      for (const scene of scenes(bench)) measurements.push(...(await compare(scene, postfix, bench)))
      return measurements
    } finally {
      await postfix.stop()
    }
  } finally {
    await served.stop()
  }
}

/** As a gate that has been running for a while: the compiler has seen what it does all day. */
async function warmUp({ milterPort, policyPort }: Served, isQuick: boolean): Promise<void> {
  const mta = startAskedChild('mta-child.mjs')
  const request = { sessions: isQuick ? 2000 : 8000, concurrency: 20, known: REGULARS.addresses, ...REGULARS }
  await mta.ask({ ...request, kind: 'milter', port: milterPort })
  await mta.ask({ ...request, kind: 'policy', port: policyPort })
  await mta.end()
}

function variants({ milterSocket, policySocket }: Served): Record<Variant, Record<string, string>> {
  const withoutNames = { smtpd_peername_lookup: 'no' }
  return {
    itself: { smtpd_client_restrictions: 'reject_unknown_client_hostname' },
    milter: { smtpd_milters: `unix:${milterSocket}`, ...withoutNames },
    policy: { smtpd_recipient_restrictions: `reject_unauth_destination, check_policy_service unix:${policySocket}`, ...withoutNames },
  }
}

async function compare(scene: Scene, { ports }: Postfix<Variant>, { load, isQuick }: PostfixBench): Promise<Measurement[]> {
  const [pairs, sessions] = isQuick ? [1, 400] : [5, 1000]
  const run = async (variant: Variant): Promise<number> =>
    (await load.run({ ...scene, port: ports[variant], sessions, ...scene.clients(sessions) })).perSecond
  const rates: Record<Variant, number[]> = { itself: [], milter: [], policy: [] }
  const ratios: Record<Ours, number[]> = { milter: [], policy: [] }
  let before = await run('itself')
  for (let pair = 0; pair < pairs; pair++) {
    for (const ours of OURS) {
      const rate = await run(ours)
      const after = await run('itself')
      rates[ours].push(Math.round(rate))
      rates.itself.push(Math.round(after))
      ratios[ours].push(Number(((2 * rate) / (before + after)).toFixed(3)))
      before = after
    }
  }
  return OURS.map((ours) => ({
    name: `Postfix and ${ours}, ${scene.name}, of Postfix alone`,
    value: median(ratios[ours]),
    unit: '',
    bound: { kind: 'atLeast', value: scene.atLeast },
    details: { rates: rates[ours], postfixRates: rates.itself, ratios: ratios[ours] },
  }))
}
