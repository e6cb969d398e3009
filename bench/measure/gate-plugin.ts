/**
 * smtp-server with the plugin against smtp-server without: sessions a second with 800 of them at a time, as fast as they can, and
 * what a session takes longer with as many at a time from clients that are some way off. The resolver knows all of them; they are new
 * to the plugin, or come again and again. Without the plugin smtp-server looks up PTR names by itself; `silent` is told not to.
 */
import { startAskedChild } from '../support/asked-child.ts'
import type { ClientRange, FreshClients, LoadResult, SmtpLoad } from './gate-clients.ts'
import { median, type Measurement } from './table.ts'

export interface PluginBench {
  readonly dnsPort: number
  readonly acquaintances: FreshClients
  readonly load: SmtpLoad
  readonly isQuick: boolean
}

const CONCURRENCY = 800
/** So that 800 sessions at a time keep no core busy. */
const CLIENT_MS = 500
const FAST_SESSIONS = 3200
const SLOW_SESSIONS = 1600

export async function measurePlugin({ dnsPort, acquaintances, load, isQuick }: PluginBench): Promise<Measurement[]> {
  const pairs = isQuick ? 1 : 5
  const servers = MODES.map((mode) => startAskedChild('smtp-server-child.mjs', [mode, String(dnsPort)]))
  try {
    const ports = new Map<Mode, number>()
    for (const [index, mode] of MODES.entries()) ports.set(mode, Number(await servers[index]?.read()))
    const run = (mode: Mode, clients: ClientRange, thinkMs: number): Promise<LoadResult> =>
      load.run({
        port: ports.get(mode) ?? 0,
        sessions: thinkMs === 0 ? FAST_SESSIONS : SLOW_SESSIONS,
        concurrency: CONCURRENCY,
        messageOctets: 4000,
        thinkMs,
        ...clients,
      })
    // The compiler has seen what the server does all day.
    for (let round = 0; round < (isQuick ? 1 : 3); round++) {
      const clients = acquaintances.take(FAST_SESSIONS)
      for (const mode of MODES) await run(mode, clients, 0)
    }
    const regulars = acquaintances.take(CONCURRENCY)
    await run('ptrgate', regulars, 0)
    const round = async (clients: ClientRange, thinkMs: number): Promise<Round> => {
      const before = await run('bare', clients, thinkMs)
      const ptrgate = await run('ptrgate', clients, thinkMs)
      const after = await run('bare', clients, thinkMs)
      return { ptrgate, bare: [before, after], silent: await run('silent', clients, thinkMs) }
    }
    const [known, fresh, slow]: [Round[], Round[], Round[]] = [[], [], []]
    for (let pair = 0; pair < pairs; pair++) {
      known.push(await round(regulars, 0))
      // Those without the plugin keep nothing of a client, so that each round's clients are new to all.
      fresh.push(await round(acquaintances.take(FAST_SESSIONS), 0))
      slow.push(await round(acquaintances.take(SLOW_SESSIONS), CLIENT_MS))
    }
    return [rateOf('clients that it knows', 0.85, known), rateOf('new clients', 0.7, fresh), delayOf(slow)]
  } finally {
    await Promise.all(servers.map((server) => server.end()))
  }
}

const MODES = ['bare', 'silent', 'ptrgate'] as const
type Mode = (typeof MODES)[number]

interface Round {
  readonly ptrgate: LoadResult
  /** Before and after it. */
  readonly bare: readonly [LoadResult, LoadResult]
  readonly silent: LoadResult
}

function rateOf(whose: string, atLeast: number, rounds: readonly Round[]): Measurement {
  const ratios = rounds.map(({ ptrgate, bare }) => rounded((2 * ptrgate.perSecond) / (bare[0].perSecond + bare[1].perSecond), 3))
  const ratiosOfSilent = rounds.map(({ ptrgate, silent }) => rounded(ptrgate.perSecond / silent.perSecond, 3))
  return {
    name: `smtp-server with the plugin, ${whose}, 800 at a time, of bare`,
    value: median(ratios),
    unit: '',
    bound: { kind: 'atLeast', value: atLeast },
    details: {
      rates: rounds.map(({ ptrgate }) => Math.round(ptrgate.perSecond)),
      bareRates: rounds.map(({ bare }) => Math.round(bare[1].perSecond)),
      silentRates: rounds.map(({ silent }) => Math.round(silent.perSecond)),
      ratios,
      ratioOfSilent: median(ratiosOfSilent),
      ratiosOfSilent,
    },
  }
}

function delayOf(rounds: readonly Round[]): Measurement {
  const added = rounds.map(({ ptrgate, bare }) => rounded(ptrgate.medianMs - (bare[0].medianMs + bare[1].medianMs) / 2, 2))
  const addedToSilent = rounds.map(({ ptrgate, silent }) => rounded(ptrgate.medianMs - silent.medianMs, 2))
  return {
    name: 'what the plugin adds to the median session of 800',
    value: median(added),
    unit: 'ms',
    bound: { kind: 'atMost', value: 5 },
    details: {
      added,
      addedToSilent,
      medians: rounds.map(({ ptrgate }) => rounded(ptrgate.medianMs, 1)),
      bareMedians: rounds.map(({ bare }) => rounded(bare[1].medianMs, 1)),
      rates: rounds.map(({ ptrgate }) => Math.round(ptrgate.perSecond)),
      bareRates: rounds.map(({ bare }) => Math.round(bare[1].perSecond)),
    },
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
