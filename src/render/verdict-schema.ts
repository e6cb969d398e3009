/**
 * The answers of `POST /v1/check` as schemas, the parts those of `ptrgate check --json`. Further properties may come with a
 * newer ptrgate; none goes away within a format.
 */
import { z } from 'zod'
import type { DecisionAction } from '../policy/decision.ts'
import { JSON_FORMAT } from './report-json.ts'
import { decision, enumOf, finding, generic, helo, ip, iprev, printable } from './report-schema.ts'

const intended = enumOf<DecisionAction>({ accept: 1, tag: 1, defer: 1, reject: 1, quarantine: 1 })

export const verdictSchema = z
  .object({
    ptrgate: z.literal(JSON_FORMAT),
    kind: z.literal('decision'),
    ip,
    iprev: iprev.nullable().describe('Null when nothing was looked up: the client is not judged, or ptrgate failed'),
    helo: helo.nullable().describe('Of several the last; null when none was given'),
    generic: generic.nullable(),
    findings: z.array(finding),
    authenticationResults: printable.nullable().describe('The header field to put on top of the message; null when nothing was looked up'),
    decision: decision.extend({ intended: intended.describe('What it would be without dry run, percent, exemption or an ill resolver') }),
    reply: z
      .object({
        code: decision.shape.code.unwrap(),
        enhanced: decision.shape.enhanced,
        text: printable,
        lines: z.array(printable).min(1).describe('As they go over the wire, without line ends'),
      })
      .nullable()
      .describe('To be given now; null to go on, also where a refusal is due only at a later stage'),
  })
  .meta({ id: 'decision' })

export const errorSchema = z
  .object({
    ptrgate: z.literal(JSON_FORMAT),
    kind: z.literal('error'),
    status: z.int().min(400).max(599),
    reason: printable,
    problems: z.array(
      z.object({ path: printable.describe('A JSON Pointer into the request; empty for the whole of it'), message: printable }),
    ),
  })
  .meta({ id: 'error' })
