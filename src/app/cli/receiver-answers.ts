/**
 * The answers of `ptrgate check --as all` and `ptrgate probe --as`: beside the report of each target, what receivers are known to say to
 * its addresses.
 */
import { formatAddress } from '../../core/address.ts'
import { answersTo, type ReceiverAnswer } from '../../personas/answers.ts'
import type { Persona } from '../../personas/persona.ts'
import { escapeForTerminal, escapeJson } from '../../render/escape.ts'
import { checkJson, JSON_FORMAT } from '../../render/report-json.ts'
import type { AddressReport, CheckReport } from '../../render/report-types.ts'
import { textStyle } from '../../render/text-style.ts'
import { addWrapped } from '../../render/wrap.ts'

/** The check's own object with `answers` behind its other members. */
export function answeredCheckJson(report: CheckReport, personas: readonly Persona[]): string {
  const answers = receiverAnswers(report.addresses, personas)
  return `${checkJson(report).slice(0, -1)},"answers":${escapeJson(JSON.stringify(answers))}}`
}

export type JudgedAddress = Pick<AddressReport, 'address' | 'findings' | 'helo' | 'iprev'>

/** As JSON has it. */
export function receiverAnswers(addresses: readonly JudgedAddress[], personas: readonly Persona[]): readonly object[] {
  return addresses.map((address) => ({
    ip: formatAddress(address.address),
    receivers: answersOf(address, personas).map(({ persona, refusal }) => ({
      persona: persona.name,
      reply: refusal && { ...refusal.reply, stage: refusal.stage, finding: refusal.finding.code },
    })),
  }))
}

export function answeredListJson(reports: readonly CheckReport[], personas: readonly Persona[]): string {
  const checks = reports.map((report) => answeredCheckJson(report, personas))
  return `{"ptrgate":${String(JSON_FORMAT)},"kind":"checkList","checks":[${checks.join(',')}]}`
}

export interface AnswersTextOptions {
  readonly color: boolean
  readonly columns: number
}

/** Begins with an empty line and ends with a line end. */
export function answersText(
  { addresses }: { readonly addresses: readonly JudgedAddress[] },
  personas: readonly Persona[],
  { color, columns }: AnswersTextOptions,
): string {
  if (personas.length === 0) return ''
  const style = textStyle(color)
  const lines: string[] = []
  for (const address of addresses) {
    const answers = answersOf(address, personas)
    const width = Math.max(...answers.map(({ persona }) => persona.name.length))
    lines.push('', `  ${style.heading(`What receivers are known to answer to ${formatAddress(address.address)}`)}`)
    for (const { persona, refusal } of answers) {
      if (!refusal) continue
      const { code, enhanced, lines: words } = refusal.reply
      const text = `${String(code)} ${enhanced === null ? '' : `${enhanced} `}${words.map((line) => line.trim()).join(' ')}`
      addWrapped(lines, `${escapeForTerminal(text)} (${refusal.stage})`, columns, {
        first: `    ${persona.name.padEnd(width)}  `,
        rest: ' '.repeat(width + 6),
      })
    }
    const silent = answers.flatMap(({ persona, refusal }) => (refusal ? [] : [persona.name]))
    if (silent.length > 0) addWrapped(lines, `No words for this are known of: ${silent.join(', ')}`, columns, { first: '    ' })
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function answersOf({ address, findings, helo, iprev }: JudgedAddress, personas: readonly Persona[]): readonly ReceiverAnswer[] {
  return answersTo({ address, findings, names: { helo: helo?.claimedName, ptr: iprev.names[0]?.name } }, personas)
}
