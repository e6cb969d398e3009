/**
 * The routes of the HTTP front end, without a socket: who may ask, `POST /v1/check`, and errors as JSON. Nothing here changes
 * state, and nothing sends CORS headers. A page in somebody's browser must not ask us: not from another site (Origin), and not
 * by a name of its own that it lets resolve to us (DNS rebinding, Host).
 */
import { Hono, type Context } from 'hono'
import { accepts } from 'hono/accepts'
import { isIP } from 'node:net'
import type { GateSettings } from '../engine/gate.ts'
import { escapeForTerminal } from '../render/escape.ts'
import { JSON_FORMAT } from '../render/report-json.ts'
import { verdictJson } from '../render/verdict-json.ts'
import { verdictText } from '../render/verdict-text.ts'
import type { GateEvent } from './gate-event.ts'
import { checkClient } from './http-check.ts'
import { readCheckRequest, type RequestProblem } from './http-request.ts'

export interface HttpAppSettings {
  /** Of this moment. */
  readonly gate: () => GateSettings
  /** Names by which we may be asked, beside addresses, names of one label and our authserv-id. */
  readonly hosts: readonly string[]
  readonly maxBodyOctets: number
  readonly onEvent: (event: GateEvent) => void
  /** Adds routes behind the same guards. */
  readonly mount?: ((app: Hono) => void) | undefined
}

type ErrorStatus = 400 | 403 | 404 | 405 | 408 | 413 | 415 | 421 | 431 | 500

const CHECK_PATH = '/v1/check'

export function createHttpApp(settings: HttpAppSettings): Hono {
  const { onEvent } = settings
  const app = new Hono()
  const refuse = (
    status: ErrorStatus,
    reason: string,
    problems: readonly RequestProblem[],
    headers: Record<string, string> = {},
  ): Response => {
    onEvent({ kind: 'protocolError', reason })
    return errorResponse(status, reason, problems, headers)
  }
  app.use(async (context, next) => {
    const problem = strangerProblem(context, settings)
    if (problem !== null) return refuse(problem.status, problem.reason, [problem])
    await next()
    return undefined
  })
  app.post(CHECK_PATH, (context) => check(context, settings, refuse))
  app.all(CHECK_PATH, () => refuse(405, 'methodNotAllowed', [{ path: '', message: 'only POST is known here' }], { Allow: 'POST' }))
  settings.mount?.(app)
  app.notFound(() => refuse(404, 'notFound', [{ path: '', message: 'there is nothing at this path' }]))
  app.onError((error) => {
    onEvent({ kind: 'internalError', error })
    return errorResponse(500, 'internalError', [])
  })
  return app
}

/** Printable ASCII, and never stored by anybody. */
export function errorResponse(
  status: ErrorStatus,
  reason: string,
  problems: readonly RequestProblem[],
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(errorText(status, reason, problems), { status, headers: { ...JSON_HEADERS, ...headers } })
}

export function errorText(status: ErrorStatus, reason: string, problems: readonly RequestProblem[]): string {
  const shown = problems.map(({ path, message }) => ({ path: escapeForTerminal(path), message: escapeForTerminal(message) }))
  return `${JSON.stringify({ ptrgate: JSON_FORMAT, kind: 'error', status, reason, problems: shown })}\n`
}

const COMMON_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }
const JSON_HEADERS = { ...COMMON_HEADERS, 'Content-Type': 'application/json' }
const TEXT_HEADERS = { ...COMMON_HEADERS, 'Content-Type': 'text/plain; charset=us-ascii' }

type Refuse = (status: ErrorStatus, reason: string, problems: readonly RequestProblem[], headers?: Record<string, string>) => Response

async function check(context: Context, settings: HttpAppSettings, refuse: Refuse): Promise<Response> {
  const format = formatOf(context)
  if (format === undefined) return refuse(400, 'badRequest', [{ path: '', message: 'format is json or text' }])
  if (!isJsonContent(context.req.header('content-type')))
    return refuse(415, 'unsupportedMediaType', [{ path: '', message: 'the content type must be application/json, in UTF-8' }])
  const body = await readBody(context.req.raw, settings.maxBodyOctets)
  if (body === 'cutOff') return errorResponse(400, 'cutOff', [])
  if (body === 'tooLarge') {
    const message = `the body is longer than ${String(settings.maxBodyOctets)} octets`
    return refuse(413, 'tooLarge', [{ path: '', message }], { Connection: 'close' })
  }
  const reading = readCheckRequest(body)
  if (reading.kind === 'problems') return refuse(400, 'badRequest', reading.problems)
  const { request } = reading
  const verdict = await checkClient(request, { gate: settings.gate(), onEvent: settings.onEvent, signal: context.req.raw.signal })
  const report = { ...verdict, address: request.address }
  return format === 'text'
    ? new Response(verdictText(report), { headers: TEXT_HEADERS })
    : new Response(`${verdictJson(report)}\n`, { headers: JSON_HEADERS })
}

function formatOf(context: Context): 'json' | 'text' | undefined {
  const wanted = context.req.query('format')
  if (wanted !== undefined) return wanted === 'json' || wanted === 'text' ? wanted : undefined
  const type = accepts(context, { header: 'Accept', supports: ['application/json', 'text/plain'], default: 'application/json' })
  return type === 'text/plain' ? 'text' : 'json'
}

function isJsonContent(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json *(?:; *charset="?utf-8"? *)?$/i.test(contentType)
}

/** What the server has counted as cut off or too slow already is no fault of ours; nobody is left who would read the answer. */
async function readBody(request: Request, maxOctets: number): Promise<Uint8Array | 'tooLarge' | 'cutOff'> {
  try {
    return await readAtMost(request, maxOctets)
  } catch {
    return 'cutOff'
  }
}

/** Of a body that is too long the rest is not read. A length that is told is kept to: the server sees to it. */
async function readAtMost(request: Request, maxOctets: number): Promise<Uint8Array | 'tooLarge'> {
  const declared = request.headers.get('content-length')
  if (declared !== null) return Number(declared) > maxOctets ? 'tooLarge' : new Uint8Array(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength
    if (length > maxOctets) return 'tooLarge'
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

interface StrangerProblem extends RequestProblem {
  readonly status: ErrorStatus
  readonly reason: string
}

function strangerProblem(context: Context, { gate, hosts }: HttpAppSettings): StrangerProblem | null {
  const host = context.req.header('host')
  const name = host === undefined ? undefined : /^(.*?)(?::[0-9]*)?$/.exec(host)?.[1]?.toLowerCase()
  if (name !== undefined && !isExpectedHost(name, [...hosts, gate().authservId]))
    return { status: 421, reason: 'unexpectedHost', path: '', message: 'asked by a name that is none of ours (Host)' }
  const origin = context.req.header('origin')
  if (origin !== undefined && (host === undefined || !/^https?:\/\//.test(origin) || origin.replace(/^https?:\/\//, '') !== host))
    return { status: 403, reason: 'foreignOrigin', path: '', message: 'asked by a page of another site (Origin)' }
  return null
}

/** Whoever rebinds needs a name in the DNS, which is neither an address nor a single label (`localhost`, a container's name). */
function isExpectedHost(name: string, hosts: readonly string[]): boolean {
  if (isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || !name.includes('.')) return true
  return hosts.some((expected) => expected.toLowerCase() === name)
}
