/**
 * A recursive server as the stub client sees it: where it is, and what experience has shown. Nothing here may be learned from
 * a datagram that a stranger could have sent, except what merely costs speed.
 */
import type { IpAddress } from '../core/address.ts'
import { formatAddress, parseAddress, sameAddress, unmapAddress } from '../core/address.ts'
import type { Clock } from './client-deadlines.ts'

export interface DnsServer {
  readonly address: IpAddress
  readonly port: number
  /** The interface of a link-local IPv6 address: `eth0` in `fe80::1%eth0`. */
  readonly scope?: string | undefined
}

/** After so many timeouts in a row a server is asked last for a while. */
const SIDELINE_AFTER_TIMEOUTS = 3
const SIDELINE_MS = 5000
/** How long a server that refused EDNS is asked without it. */
const WITHOUT_EDNS_MS = 300_000

export class UpstreamServer {
  /** Its place in the client's list. */
  readonly index: number
  readonly family: 4 | 6
  readonly host: string
  readonly port: number
  /** It gives names back in another case, as an answer over TCP has proven: 0x20 would reject all it says. */
  manglesCase = false
  /** False until it answers and again when it does not: only then are errors of sending worth a callback. */
  isAnswering = false
  readonly #address: IpAddress
  #timeoutsInRow = 0
  #sidelinedUntil = 0
  #withoutEdnsUntil = 0

  constructor(server: DnsServer, index: number) {
    this.index = index
    this.#address = unmapAddress(server.address)
    this.family = this.#address.family
    this.host = formatAddress(this.#address) + (server.scope === undefined ? '' : `%${server.scope}`)
    this.port = server.port
  }

  isSource(host: string, port: number): boolean {
    return port === this.port && (host === this.host || this.#isSameAddress(host))
  }

  isSidelined(clock: Clock): boolean {
    return this.#sidelinedUntil !== 0 && this.#sidelinedUntil > clock.now()
  }

  refusesEdns(clock: Clock): boolean {
    return this.#withoutEdnsUntil !== 0 && this.#withoutEdnsUntil > clock.now()
  }

  noteAnswer(): void {
    this.isAnswering = true
    this.#timeoutsInRow = 0
    this.#sidelinedUntil = 0
  }

  noteTimeout(clock: Clock): void {
    this.isAnswering = false
    if (++this.#timeoutsInRow >= SIDELINE_AFTER_TIMEOUTS) this.#sidelinedUntil = clock.now() + SIDELINE_MS
  }

  noteEdnsRefused(clock: Clock): void {
    this.#withoutEdnsUntil = clock.now() + WITHOUT_EDNS_MS
  }

  /** The system may write an IPv6 address in another way than we do. */
  #isSameAddress(host: string): boolean {
    const [text = '', scope] = host.split('%')
    const address = this.family === 6 ? parseAddress(text) : undefined
    if (address === undefined || !sameAddress(address, this.#address)) return false
    return (this.host.split('%')[1] ?? '') === (scope ?? '')
  }
}
