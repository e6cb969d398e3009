/**
 * The plugin for smtp-server: options to spread into `new SMTPServer({...})`. It translates hooks into questions to the gate and
 * verdicts into replies and headers, and decides nothing. Hooks of the host are called after ours, wherever they stand: those that
 * replaced ours in the spread are found on the server when it first calls one of ours, and wrapped there.
 */
import type { SMTPServer, SMTPServerOptions, SMTPServerSession } from 'smtp-server'
import { openGateSession } from '../engine/gate.ts'
import { filterHeaders } from './header-stream.ts'
import { believesHeadersFrom } from './header-trust.ts'
import { createEarlyLookups, parseClientAddress, type EarlyLookups } from './smtp-server-early.ts'
import { handlerFailure, refusal } from './smtp-server-message.ts'
import { bindSession, type ClientSession, type OpenedClient } from './smtp-server-session.ts'
import { createEngine, type Engine, type PtrgateSettings } from './smtp-server-settings.ts'
import type { DecisionStage } from '../policy/decision.ts'
import { foldAuthResults } from '../wire/auth-results.ts'

export { verdictOf, type JudgedSession } from './smtp-server-session.ts'

export interface PtrgateOptions extends PtrgateSettings {
  /** The host's own hooks: they are called after ours, unless the client is refused. */
  readonly hooks?: Pick<SMTPServerOptions, HookName> | undefined
}

type HookName = (typeof HOOK_NAMES)[number]
type Hooks = Required<Pick<SMTPServerOptions, HookName>>
const HOOK_NAMES = ['onConnect', 'onMailFrom', 'onRcptTo', 'onData', 'onClose'] as const

/** `host`: options of smtp-server that the result is to hold as well. Throws on settings that make no sense. */
export function ptrgate(options: PtrgateOptions = {}, host: SMTPServerOptions = {}): SMTPServerOptions {
  for (const problem of untrustworthy(host)) throw new TypeError(problem)
  const name = host.name ?? options.name
  const plugin = new Plugin(createEngine({ ...options, name: options.name ?? host.name }), { ...pickHooks(host), ...options.hooks })
  return {
    ...host,
    ...(name === undefined ? {} : { name }),
    disableReverseLookup: true,
    ignoredHosts: plugin.observe(host.ignoredHosts ?? []),
    ...plugin.hooks,
  }
}

class Plugin {
  readonly hooks: Hooks
  readonly #engine: Engine
  readonly #early: EarlyLookups
  /** Where a session keeps its client: of several plugins on one server, each has its own. A WeakMap would cost the collector more. */
  readonly #client = Symbol('ptrgate client')
  readonly #listening = new Set<SMTPServer>()
  readonly #wrapped = new WeakSet<SMTPServer>()
  readonly #observed = new WeakSet<object>()

  constructor(engine: Engine, hostHooks: Partial<Hooks>) {
    this.#engine = engine
    this.#early = createEarlyLookups({ open: (address) => openGateSession(address, engine.settings) })
    this.hooks = {
      onConnect: this.#onConnect((server) => nextHook(server, 'onConnect', hostHooks)),
      onMailFrom: this.#onMailFrom((server) => nextHook(server, 'onMailFrom', hostHooks)),
      onRcptTo: this.#onRcptTo((server) => nextHook(server, 'onRcptTo', hostHooks)),
      onData: this.#onData((server) => nextHook(server, 'onData', hostHooks)),
      onClose: this.#onClose((server) => nextHook(server, 'onClose', hostHooks)),
    }
  }

  /** smtp-server looks each client up in `ignoredHosts` as soon as it knows its address, long before there is a session. */
  observe(hosts: readonly string[]): string[] {
    const includes = (address: string): boolean => {
      this.#early.begin(address)
      return hosts.includes(address)
    }
    const observed = Object.assign([...hosts], { includes })
    this.#observed.add(observed)
    return observed
  }

  #attach(server: SMTPServer): void {
    if (!this.#listening.has(server)) {
      this.#listening.add(server)
      server.once('close', () => this.#detach(server))
      this.#engine.setServerName(server.options.name)
      for (const problem of untrustworthy(server.options)) this.#engine.report(new TypeError(problem))
    }
    if (this.#wrapped.has(server)) return
    this.#wrapped.add(server)
    const { ignoredHosts } = server.options
    if (!ignoredHosts || !this.#observed.has(ignoredHosts)) server.options.ignoredHosts = this.observe(ignoredHosts ?? [])
    this.#wrap(server)
  }

  #wrap(server: SMTPServer): void {
    const [onConnect, onMailFrom, onRcptTo] = [hookOf(server, 'onConnect'), hookOf(server, 'onMailFrom'), hookOf(server, 'onRcptTo')]
    const [onData, onClose] = [hookOf(server, 'onData'), hookOf(server, 'onClose')]
    if (onConnect !== this.hooks.onConnect) server.onConnect = this.#onConnect(() => onConnect)
    if (onMailFrom !== this.hooks.onMailFrom) server.onMailFrom = this.#onMailFrom(() => onMailFrom)
    if (onRcptTo !== this.hooks.onRcptTo) server.onRcptTo = this.#onRcptTo(() => onRcptTo)
    if (onData !== this.hooks.onData) server.onData = this.#onData(() => onData)
    if (onClose !== this.hooks.onClose) server.onClose = this.#onClose(() => onClose)
  }

  #detach(server: SMTPServer): void {
    this.#listening.delete(server)
    if (this.#listening.size > 0) return
    this.#early.close()
    this.#engine.release()
  }

  #clientOf(server: SMTPServer, session: SMTPServerSession): ClientSession {
    this.#attach(server)
    const known = (session as Keeper)[this.#client]
    if (known) return known
    const client = bindSession(session, {
      open: (addressText, byXclient) => this.#open(server, addressText, byXclient),
      trustsXclient: !trustsAnybody(server.options.useXClient),
    })
    Object.defineProperty(session, this.#client, { value: client })
    return client
  }

  #open({ options }: SMTPServer, addressText: string, byXclient: boolean): OpenedClient | undefined {
    const address = parseClientAddress(addressText)
    if (!address) return undefined
    const trust = byXclient ? 'useXClient' : 'useProxy'
    if (trustsAnybody(options[trust])) {
      const settings = this.#engine.settingsWithout(new TypeError(TRUST_PROBLEMS[trust]))
      return { gate: openGateSession(address, settings), isBelieved: false }
    }
    const { settings } = this.#engine
    const gate = this.#early.take(address) ?? openGateSession(address, settings)
    return { gate, isBelieved: believesHeadersFrom(address, settings.policy) }
  }

  /** Asks the gate, then the host, and sees to it that the client gets exactly one answer. */
  #ask(client: ClientSession, stage: DecisionStage, recipient: string | undefined, callback: Answer, next: (answer: Answer) => void): void {
    let isAnswered = false
    const answer: Answer = (error) => {
      isAnswered = true
      callback(error)
    }
    client
      .verdict(stage, recipient)
      .then((verdict) => {
        if (verdict?.reply) answer(refusal(verdict.reply))
        else next(answer)
      })
      .catch((error: unknown) => {
        this.#engine.report(error)
        if (!isAnswered) answer(handlerFailure())
      })
  }

  #onConnect(next: Next<'onConnect'>): Hooks['onConnect'] {
    return onServer((server, session, callback) => {
      const client = this.#clientOf(server, session)
      if (!this.#engine.maySpeakAtConnect) next(server).call(server, session, callback)
      else this.#ask(client, 'connect', undefined, callback, (answer) => next(server).call(server, session, answer))
    })
  }

  #onMailFrom(next: Next<'onMailFrom'>): Hooks['onMailFrom'] {
    return onServer((server, sender, session, callback) => {
      const client = this.#clientOf(server, session)
      this.#ask(client, 'mail', undefined, callback, (answer) => next(server).call(server, sender, session, answer))
    })
  }

  #onRcptTo(next: Next<'onRcptTo'>): Hooks['onRcptTo'] {
    return onServer((server, recipient, session, callback) => {
      const client = this.#clientOf(server, session)
      this.#ask(client, 'rcpt', recipient.address, callback, (answer) => next(server).call(server, recipient, session, answer))
    })
  }

  #onData(next: Next<'onData'>): Hooks['onData'] {
    return onServer((server, stream, session, callback) => {
      const { latest, isBelieved } = this.#clientOf(server, session)
      const header = latest?.header ?? null
      if (!isBelieved) {
        filterHeaders(stream, { authservId: this.#engine.settings.authservId, header: header === null ? null : foldAuthResults(header) })
      }
      next(server).call(server, stream, session, callback)
    })
  }

  #onClose(next: Next<'onClose'>): Hooks['onClose'] {
    return onServer((server, session, callback) => {
      this.#attach(server)
      ;(session as Keeper)[this.#client]?.close()
      next(server).call(server, session, callback)
    })
  }
}

type Keeper = SMTPServerSession & { readonly [plugin: symbol]: ClientSession | undefined }

type Answer = (error?: Error | null) => void
type Next<N extends HookName> = (server: SMTPServer) => Hooks[N]

/** smtp-server calls its hooks as methods of the server, which is how we get to know it. */
function onServer<A extends readonly unknown[]>(hook: (server: SMTPServer, ...given: A) => void): (...given: A) => void {
  return function (this: unknown, ...given: A): void {
    if (!isServer(this)) throw new TypeError('the hooks of ptrgate are to be spread into the options of an SMTPServer, not called')
    hook(this, ...given)
  }
}

function isServer(value: unknown): value is SMTPServer {
  return typeof value === 'object' && value !== null && 'options' in value && 'connections' in value && 'onData' in value
}

/** The host's, else what the class of the server does by itself. */
function nextHook<N extends HookName>(server: SMTPServer, name: N, hostHooks: Partial<Hooks>): Hooks[N] {
  const inherited = Object.getPrototypeOf(server) as Hooks
  return hostHooks[name] ?? inherited[name]
}

/** As a value of its own; whoever calls it names the server. */
function hookOf<N extends HookName>(server: Hooks, name: N): Hooks[N] {
  return server[name]
}

function pickHooks(host: SMTPServerOptions): Partial<Hooks> {
  const names: readonly string[] = HOOK_NAMES
  return Object.fromEntries(Object.entries(host).filter(([name, hook]) => names.includes(name) && hook !== undefined))
}

const TRUST_PROBLEMS = {
  useProxy: 'useProxy must list the proxies: otherwise every client chooses the address by which it is judged',
  useXClient: 'useXClient must list the proxies: otherwise every client chooses the address by which it is judged',
}

function untrustworthy(options: SMTPServerOptions): string[] {
  return [
    ...(trustsAnybody(options.useProxy) ? [TRUST_PROBLEMS.useProxy] : []),
    ...(trustsAnybody(options.useXClient) ? [TRUST_PROBLEMS.useXClient] : []),
  ]
}

function trustsAnybody(peers: boolean | readonly string[] | undefined): boolean {
  return peers === true || (Array.isArray(peers) && peers.includes('*'))
}
