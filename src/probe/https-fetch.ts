/**
 * One HTTPS GET as MTA-STS needs it (RFC 8461 §3.3): the host's addresses come from our resolver and are connected to as they are,
 * the certificate must fit the name, redirects are not followed, and size and time are bounded. Addresses that are not public
 * are refused unless allowed, so that no name can make us call a machine inside.
 */
import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { formatAddress, type IpAddress } from '../core/address.ts'
import { isHostName, parseName } from '../core/domain-name.ts'
import { reachedRange } from '../core/network.ts'
import type { Resolver } from '../dns/resolver.ts'
import { resolveAddresses } from '../engine/host-addresses.ts'

export interface HttpsFetchOptions {
  readonly signal?: AbortSignal | undefined
  /** Of the body; a longer one is a failure. */
  readonly maxOctets: number
  /** Over all: DNS, connections, answer. */
  readonly deadlineMs: number
}

export type HttpsFailure =
  /** The name has no address. */
  | 'noAddress'
  | 'dnsTrouble'
  /** Only private, loopback or reserved addresses: not connected to. */
  | 'specialAddress'
  | 'connectionRefused'
  | 'unreachable'
  | 'connectionReset'
  | 'certificate'
  | 'tlsTrouble'
  /** No valid HTTP. */
  | 'badHttp'
  | 'tooLarge'
  | 'deadline'
  | 'aborted'

export type HttpsFetched =
  | {
      readonly kind: 'response'
      readonly status: number
      /** By lower-case name; of a repeated field the first. */
      readonly headers: Readonly<Record<string, string>>
      /** Raw octets as latin1 characters. */
      readonly body: string
      readonly address: IpAddress
    }
  /** `detail` may hold a peer's text. */
  | { readonly kind: 'failure'; readonly failure: HttpsFailure; readonly detail: string | null }

export type HttpsFetch = (url: string, options: HttpsFetchOptions) => Promise<HttpsFetched>

export interface HttpsFetcherSettings {
  readonly resolver: Resolver
  readonly allowPrivate?: boolean | undefined
  /** In the place of the well-known authorities; PEM. */
  readonly ca?: string | undefined
  /** 443 unless given; another one is for a lab. */
  readonly port?: number | undefined
  readonly userAgent?: string | undefined
}

/** One after the other: a policy host behind a broken IPv6 is still read over IPv4. */
const MAX_ADDRESSES = 4
const CONNECT_TIMEOUT_MS = 10_000
const MAX_HEADER_OCTETS = 16_384

export function createHttpsFetch(settings: HttpsFetcherSettings): HttpsFetch {
  return async (url, { signal, maxOctets, deadlineMs }) => {
    const controller = new AbortController()
    const timer = setTimeout(() => {
      controller.abort(DEADLINE)
    }, deadlineMs)
    const onAbort = (): void => {
      controller.abort()
    }
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await fetchFrom(new URL(url), settings, maxOctets, controller.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }
}

const DEADLINE = Symbol('deadline')

async function fetchFrom(url: URL, settings: HttpsFetcherSettings, maxOctets: number, signal: AbortSignal): Promise<HttpsFetched> {
  const addresses = await addressesOf(url.hostname, settings, signal)
  if (!Array.isArray(addresses)) return addresses
  let last: HttpsFetched = failed('noAddress')
  for (const address of addresses.slice(0, MAX_ADDRESSES)) {
    if (signal.aborted) return failed(expiryOf(signal))
    last = await get(url, address, settings, maxOctets, signal)
    if (last.kind === 'response' || !isWorthAnotherAddress(last.failure)) return last
  }
  return last
}

async function addressesOf(hostName: string, settings: HttpsFetcherSettings, signal: AbortSignal): Promise<IpAddress[] | HttpsFetched> {
  const name = parseName(hostName)
  if (name === undefined || !isHostName(name)) return failed('noAddress', 'not a host name')
  const answer = await raceAgainst(signal, resolveAddresses(name, settings.resolver, { signal }))
  if (answer === undefined) return failed(expiryOf(signal))
  const usable = answer.addresses.filter((address) => settings.allowPrivate === true || reachedRange(address) === undefined)
  const [special] = answer.addresses
  if (usable.length > 0) return usable
  if (special !== undefined) return failed('specialAddress', formatAddress(special))
  const [trouble] = answer.unknown
  if (trouble !== undefined) return failed('dnsTrouble', trouble.outcome)
  return answer.broken === null ? failed('noAddress') : failed('dnsTrouble', answer.broken)
}

/** Undefined when the signal fires first. */
async function raceAgainst<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value | undefined> {
  if (signal.aborted) return undefined
  let onAbort: () => void = () => undefined
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => {
      resolve(undefined)
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function get(url: URL, address: IpAddress, settings: HttpsFetcherSettings, maxOctets: number, signal: AbortSignal): Promise<HttpsFetched> {
  return new Promise((resolve) => {
    const port = settings.port ?? DEFAULT_PORT
    const request = httpsRequest({
      host: formatAddress(address),
      port,
      // SNI, and the name that the certificate must fit.
      servername: url.hostname,
      path: url.pathname,
      headers: {
        host: port === DEFAULT_PORT ? url.hostname : `${url.hostname}:${String(port)}`,
        'user-agent': settings.userAgent ?? 'ptrgate',
        accept: 'text/plain',
        connection: 'close',
      },
      agent: false,
      minVersion: 'TLSv1.2',
      maxHeaderSize: MAX_HEADER_OCTETS,
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    })
    const settle = (fetched: HttpsFetched): void => {
      clearTimeout(connectTimer)
      signal.removeEventListener('abort', onAbort)
      resolve(fetched)
      request.destroy()
    }
    const onAbort = (): void => {
      settle(failed(expiryOf(signal)))
    }
    const connectTimer = setTimeout(() => {
      settle(failed('unreachable', 'no connection in time'))
    }, CONNECT_TIMEOUT_MS)
    signal.addEventListener('abort', onAbort, { once: true })
    request.on('socket', (socket) => {
      socket.once('secureConnect', () => {
        clearTimeout(connectTimer)
      })
    })
    // Also after it has settled: what a destroyed request still reports must not go unhandled.
    request.on('error', (error) => {
      settle(failed(failureOf(error), error.message))
    })
    request.on('response', (response) => {
      readBody(response, maxOctets, address, settle)
    })
    request.end()
  })
}

const DEFAULT_PORT = 443

function readBody(response: IncomingMessage, maxOctets: number, address: IpAddress, settle: (fetched: HttpsFetched) => void): void {
  const chunks: Buffer[] = []
  let octets = 0
  response.on('data', (chunk: Buffer) => {
    octets += chunk.length
    if (octets > maxOctets) settle(failed('tooLarge', `more than ${String(maxOctets)} octets`))
    else chunks.push(chunk)
  })
  response.on('end', () => {
    const body = Buffer.concat(chunks).toString('latin1')
    settle({ kind: 'response', status: response.statusCode ?? 0, headers: headersOf(response), body, address })
  })
  response.on('error', (error) => {
    settle(failed(failureOf(error), error.message))
  })
}

function headersOf({ headersDistinct }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headersDistinct).flatMap(([name, values]) => (values?.[0] === undefined ? [] : [[name, values[0]]])),
  )
}

function failed(failure: HttpsFailure, detail: string | null = null): HttpsFetched & { kind: 'failure' } {
  return { kind: 'failure', failure, detail }
}

function expiryOf(signal: AbortSignal): 'deadline' | 'aborted' {
  return signal.reason === DEADLINE ? 'deadline' : 'aborted'
}

/** What another address of the same host may well do better. */
function isWorthAnotherAddress(failure: HttpsFailure): boolean {
  return failure === 'connectionRefused' || failure === 'unreachable' || failure === 'connectionReset'
}

function failureOf(error: Error): HttpsFailure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (CERTIFICATE_CODES.test(code)) return 'certificate'
  if (code === 'ECONNREFUSED') return 'connectionRefused'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'connectionReset'
  if (/^(?:ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EACCES|EPERM|ENETDOWN)$/.test(code)) return 'unreachable'
  if (code.startsWith('HPE_')) return 'badHttp'
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO') return 'tlsTrouble'
  return 'badHttp'
}

/** Of OpenSSL's verification, and of Node's comparison of names. */
const CERTIFICATE_CODES =
  /^(?:ERR_TLS_CERT_ALTNAME_INVALID|ERR_TLS_CERT_ALTNAME_FORMAT|CERT_[A-Z_]+|UNABLE_TO_[A-Z_]+|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED|ERROR_IN_CERT_[A-Z_]+)$/
