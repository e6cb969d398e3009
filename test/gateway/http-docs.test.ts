import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { httpCheckSchemaText } from '../../src/gateway/http-schema.ts'
import { startHttp } from '../../src/gateway/http.ts'
import { ask } from './http-client.ts'
import { gateOver } from './http-gate.ts'

const PAGE = readFileSync(new URL('../../docs/http-api.md', import.meta.url), 'utf8')

function snippet(name: string): string {
  return new RegExp(`^\`\`\`[a-z]+ ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(PAGE)?.[1] ?? ''
}

describe('docs/http-api.md', () => {
  it('shows what is answered to its own request', async () => {
    const request = /-d '(.*)'$/m.exec(PAGE)?.[1] ?? ''
    const http = await startHttp({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, gate: gateOver() })
    try {
      const answer = await ask(http.address, { body: request })
      expect(JSON.parse(answer.body)).toEqual(JSON.parse(snippet('answer')))
      expect((await ask(http.address, { path: '/v1/check?format=text', body: request })).body).toBe(snippet('text'))
      const error = await ask(http.address, { body: request.replace('helo', 'hello') })
      expect(JSON.parse(error.body)).toEqual(JSON.parse(snippet('error')))
    } finally {
      await http.close(0)
    }
  })

  it('is right about the keys of a request', () => {
    const described = [...PAGE.matchAll(/^\| `(\w+)` /gm)].map(([, key]) => key)
    const { $defs } = JSON.parse(httpCheckSchemaText()) as { $defs: { request: { properties: object } } }
    expect(described).toEqual(Object.keys($defs.request.properties))
  })
})

it('docs/http-check.schema.json is up to date (npm run docs)', () => {
  expect(readFileSync(new URL('../../docs/http-check.schema.json', import.meta.url), 'utf8')).toBe(httpCheckSchemaText())
})
