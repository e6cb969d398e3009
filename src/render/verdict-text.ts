/**
 * What the gate says of one client at one step, as one line of `key="value"`, for programs without JSON (Exim's `${extract}`,
 * a shell). Every key is always there; the line is printable ASCII; a backslash stands before `"` and `\` of a value, and
 * `\n` between the lines of a reply. So no name of a stranger's can end its value.
 */
import { escapeForLog } from './escape.ts'
import { formatReply } from './smtp-reply.ts'
import type { SmtpReply } from '../policy/decision.ts'
import type { VerdictReport } from './verdict-json.ts'

/** With its line end. */
export function verdictText({ decision, reply, judgement, header }: VerdictReport): string {
  const pairs = [
    ['action', escapeForLog(decision.action)],
    ['intended', escapeForLog(decision.intended)],
    ['rule', escapeForLog(decision.rule)],
    ['stage', escapeForLog(decision.stage)],
    ['result', escapeForLog(judgement?.iprev.result ?? '')],
    ['name', escapeForLog(judgement?.confirmedName ?? '')],
    ['code', reply === null ? '' : String(reply.code)],
    ['enhanced', escapeForLog(reply?.enhanced ?? '')],
    ['reply', reply === null ? '' : replyText(reply)],
    ['header', escapeForLog(header ?? '')],
  ] as const
  return `${pairs.map(([key, value]) => `${key}="${value}"`).join(' ')}\n`
}

/** Code and enhanced code stand once, before the first line: programs that send several lines repeat them by themselves. */
function replyText(reply: SmtpReply): string {
  const [first = '', ...rest] = formatReply(reply).trimEnd().split('\r\n')
  const prefix = /^[0-9]{3}[- ](?:[245]\.[0-9]{1,3}\.[0-9]{1,3}(?: |$))?/
  const texts = [
    `${first.slice(0, 3)} ${first.slice(4)}`,
    ...rest.map((line) => (reply.enhanced === null ? line.slice(4) : line.replace(prefix, ''))),
  ]
  return texts.map(escapeForLog).join('\\n')
}
