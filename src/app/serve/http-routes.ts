/**
 * What the service tells about itself over HTTP: `/healthz`, `/readyz`, `/metrics` and `/v1/events`. Verdicts are the business
 * of the HTTP front end, behind whose guards these routes stand.
 */
import type { Hono } from 'hono'
import type { EventStreams } from './event-stream.ts'
import type { Readiness } from './status.ts'

export interface ServiceView {
  readonly streams: EventStreams
  readiness(): Promise<Readiness>
  /** In the text format of Prometheus. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}

const NEVER_STORED = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }
const JSON_HEADERS = { ...NEVER_STORED, 'Content-Type': 'application/json' }

export function mountServiceRoutes(app: Hono, view: ServiceView): void {
  app.get('/healthz', () => new Response('{"ptrgate":1,"kind":"health","alive":true}\n', { headers: JSON_HEADERS }))
  app.get('/readyz', async () => {
    const readiness = await view.readiness()
    return new Response(`${JSON.stringify(readiness)}\n`, { status: readiness.ready ? 200 : 503, headers: JSON_HEADERS })
  })
  app.get('/metrics', async () => {
    const { contentType, text } = await view.metrics()
    return new Response(text, { headers: { ...NEVER_STORED, 'Content-Type': contentType } })
  })
  app.get('/v1/events', (context) => {
    // Hono answers HEAD with what GET would be given, less its body: a reader that never reads must not take a place.
    const stream = context.req.method === 'HEAD' ? null : view.streams.open()
    if (stream === undefined) {
      return new Response('{"ptrgate":1,"kind":"error","status":503,"reason":"tooManyReaders","problems":[]}\n', {
        status: 503,
        headers: { ...JSON_HEADERS, 'Retry-After': '60' },
      })
    }
    // nginx would hold events back until its buffer is full.
    return new Response(stream, { headers: { ...NEVER_STORED, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' } })
  })
}
