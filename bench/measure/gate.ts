/** The gate's part of the benchmarks: what is measured with what, and what is missing for it. */
import { parseAddress } from '../../src/core/address.ts'
import { createResolver } from '../../src/dns/create-resolver.ts'
import { lookupIprev } from '../../src/iprev/lookup.ts'
import { makeBenchZones, missingPrograms, startKnotAndUnbound } from '../support/dns-servers.ts'
import { whatPostfixLacks } from '../support/postfix.ts'
import { FreshClients, startSmtpLoad } from './gate-clients.ts'
import { measureIdle, whatIdleLacks } from './gate-idle.ts'
import { measurePlugin } from './gate-plugin.ts'
import { measurePostfix } from './gate-postfix.ts'
import { measureSoak } from './gate-soak.ts'
import type { Measurement } from './table.ts'

/** All of 127.1.0.0/16; unbound hears of the second half only when its clients come. */
const NAMED = 65_536
const WARM = { first: 0, addresses: 42_000 }
const COLD = { first: WARM.addresses, addresses: NAMED - WARM.addresses }
/** Whom REGULARS of the measurements name. */
const REGULARS = 64
/** Where the system's resolver can reach unbound: it knows no port but 53. */
const NAMESERVER = '127.0.53.1'
/** A name server on the same continent. */
const UPSTREAM_MS = 20

/** What keeps parts of it from being measured here. */
export function whatGateLacks(): string[] {
  return [...new Set([...missingPrograms(['unbound', 'knotd']), ...whatPostfixLacks(), ...whatIdleLacks()])]
}

export async function measureGate(isQuick: boolean): Promise<Measurement[]> {
  if (missingPrograms(['unbound', 'knotd']).length > 0) return []
  const { zones, addresses } = makeBenchZones(NAMED)
  const hasPostfix = whatPostfixLacks().length === 0
  const servers = await startKnotAndUnbound({
    zones,
    upstreamDelayMs: UPSTREAM_MS,
    ...(hasPostfix ? { systemAddress: NAMESERVER } : {}),
  })
  const dnsPort = servers.unboundPort
  const load = startSmtpLoad()
  try {
    await warmUp(dnsPort, addresses.slice(WARM.first, WARM.first + WARM.addresses))
    const acquaintances = (): FreshClients => new FreshClients({ first: REGULARS, addresses: WARM.addresses - REGULARS })
    const postfix = { dnsPort, nameserver: NAMESERVER, strangers: new FreshClients(COLD), acquaintances: acquaintances(), load, isQuick }
    const found: Measurement[] = []
    // It takes minutes: whoever waits wants to know for what.
    const part = async (name: string, isPossible: boolean, measure: () => Promise<readonly Measurement[]>): Promise<void> => {
      if (!isPossible) return
      console.error(`measuring: ${name}`)
      found.push(...(await measure()))
    }
    await part('Postfix', hasPostfix, () => measurePostfix(postfix))
    await part('smtp-server', true, () => measurePlugin({ dnsPort, acquaintances: acquaintances(), load, isQuick }))
    await part('idle milter connections', whatIdleLacks().length === 0, () => measureIdle(dnsPort))
    await part('soak', process.platform === 'linux', () => measureSoak({ dnsPort, named: NAMED, seconds: isQuick ? 15 : 120 }))
    return found
  } finally {
    await load.end()
    await servers.stop()
  }
}

/** Unbound learns them. */
async function warmUp(port: number, addresses: readonly string[]): Promise<void> {
  const resolver = createResolver({ servers: [`127.0.0.1:${String(port)}`], cache: false })
  let next = 0
  const work = async (): Promise<void> => {
    while (next < addresses.length) {
      const address = parseAddress(addresses[next++] ?? '')
      if (address === undefined || (await lookupIprev(address, { resolver })).result !== 'pass') throw new Error('the zones are not served')
    }
  }
  await Promise.all(Array.from({ length: 400 }, work))
  await resolver.close()
}
