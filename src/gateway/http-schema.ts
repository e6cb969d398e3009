/** What goes in and out of `POST /v1/check` as one JSON Schema (2020-12), from which docs/http-check.schema.json is written. */
import { z } from 'zod'
import { jsonSchemaOf, schemaText } from '../render/report-schema.ts'
import { errorSchema, verdictSchema } from '../render/verdict-schema.ts'
import { checkRequestSchema } from './http-request.ts'

/** `closed` allows no further properties in answers: for tests, so that nothing is written that is not described. */
export function httpCheckSchema({ closed }: { readonly closed: boolean }): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(z.union([checkRequestSchema, verdictSchema, errorSchema]), 'ptrgate POST /v1/check', closed)
}

export function httpCheckSchemaText(): string {
  return schemaText(httpCheckSchema({ closed: false }))
}
