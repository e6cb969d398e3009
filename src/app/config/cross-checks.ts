/**
 * What no listener of the config can be told by itself: two at one address, a gateway whose mail comes back to us, a mode for
 * a socket that is none. Listeners that are invalid in themselves are left out.
 */
import { formatAddress, parseAddress, unmapAddress } from '../../core/address.ts'
import { formatListenAddress, type ListenAddress } from '../../gateway/listen.ts'
import { listenerSchema, type ParsedListener } from './listener-schema.ts'

export interface CrossProblem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** `listeners` as it stands in the file. */
export function crossCheckListeners(listeners: unknown): CrossProblem[] {
  if (!Array.isArray(listeners)) return []
  const valid = listeners.flatMap((entry: unknown, index): Placed[] => {
    const { data } = listenerSchema.safeParse(entry)
    return data ? [{ index, listener: data }] : []
  })
  return [...socketOptions(valid), ...sharedAddresses(valid), ...ownNextHops(valid)]
}

interface Placed {
  readonly index: number
  readonly listener: ParsedListener
}

function socketOptions(listeners: readonly Placed[]): CrossProblem[] {
  return listeners.flatMap(({ index, listener }) =>
    listener.address.kind === 'unix'
      ? []
      : (['mode', 'group'] as const)
          .filter((key) => listener[key] !== undefined)
          .map((key) => ({ path: ['listeners', index, key], message: `only a unix socket has a ${key}` })),
  )
}

function sharedAddresses(listeners: readonly Placed[]): CrossProblem[] {
  return listeners.flatMap(({ index, listener: { address } }, position) => {
    const earlier = listeners.slice(0, position).find((other) => collides(other.listener.address, address))
    if (earlier === undefined) return []
    return [{ path: ['listeners', index, 'address'], message: describeCollision(address, earlier) }]
  })
}

function describeCollision(address: ListenAddress, { index, listener }: Placed): string {
  const which = `listeners[${String(index)}] (${listener.kind})`
  const text = formatListenAddress(address)
  const other = formatListenAddress(listener.address)
  if (address.kind === 'unix' || listener.address.kind === 'unix') return `${which} listens at ${other}, too`
  if (isEveryAddressFor(canonicalHost(address.host), canonicalHost(listener.address.host)) && text !== other) {
    return `${text} includes ${other}, where ${which} listens`
  }
  return text === other ? `${which} listens at ${other}, too` : `${which} listens at ${other}, which includes ${text}`
}

/** A port of 0 is any that is free. */
function collides(left: ListenAddress, right: ListenAddress): boolean {
  if (left.kind === 'unix' || right.kind === 'unix') return left.kind === 'unix' && right.kind === 'unix' && left.path === right.path
  if (left.port === 0 || left.port !== right.port) return false
  const [leftHost, rightHost] = [canonicalHost(left.host), canonicalHost(right.host)]
  return leftHost === rightHost || isEveryAddressFor(leftHost, rightHost) || isEveryAddressFor(rightHost, leftHost)
}

/** Mail that we hand on must not come back to us, neither at once nor by way of other gateways of ours. */
function ownNextHops(listeners: readonly Placed[]): CrossProblem[] {
  return listeners.flatMap((start) => {
    const path = ['listeners', start.index, 'nextHop']
    const first = listenerBehind(start, listeners)
    if (first === undefined) return []
    const which = `listeners[${String(first.index)}]`
    if (first === start) return [{ path, message: 'the next hop is this listener itself: mail would go round in circles' }]
    if (first.listener.kind !== 'smtp')
      return [{ path, message: `the next hop is our own ${which} (${first.listener.kind}), which speaks no SMTP` }]
    const passed = new Set<Placed>()
    for (let next: Placed | undefined = first; next !== undefined && !passed.has(next); next = listenerBehind(next, listeners)) {
      if (next === start) return [{ path, message: `by way of our own ${which} mail would come back here: it would go round in circles` }]
      passed.add(next)
    }
    return []
  })
}

function listenerBehind({ listener }: Placed, listeners: readonly Placed[]): Placed | undefined {
  return listener.kind === 'smtp' ? listeners.find((other) => isReachedBy(listener.nextHop, other.listener.address)) : undefined
}

function isReachedBy(nextHop: ListenAddress, address: ListenAddress): boolean {
  if (nextHop.kind === 'unix' || address.kind === 'unix' || nextHop.port !== address.port) return collides(nextHop, address)
  const [target, host] = [canonicalHost(nextHop.host), canonicalHost(address.host)]
  if (target === 'localhost') return [...LOOPBACK_HOSTS, ...EVERY_ADDRESS].includes(host)
  return target === host || (LOOPBACK_HOSTS.includes(target) && (host === 'localhost' || isEveryAddressFor(host, target)))
}

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '::1']
const EVERY_ADDRESS = ['0.0.0.0', '::']

/** [::] is both families, as Node listens there. */
function isEveryAddressFor(wide: string, narrow: string): boolean {
  return wide === '::' || (wide === '0.0.0.0' && !narrow.includes(':'))
}

function canonicalHost(host: string): string {
  const address = parseAddress(host)
  return address ? formatAddress(unmapAddress(address)) : host.toLowerCase().replace(/\.$/, '')
}
