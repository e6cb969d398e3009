import { describe, expect, it } from 'vitest'
import type { Decision, SmtpReply } from '../../src/policy/decision.ts'
import { verdictJson } from '../../src/render/verdict-json.ts'
import { verdictText } from '../../src/render/verdict-text.ts'
import { ip } from '../support/arbitrary.ts'

function report(reply: SmtpReply | null, header: string | null = null): Parameters<typeof verdictText>[0] {
  const decision: Decision = { kind: 'decision', action: 'reject', reply, stage: 'rcpt', rule: 'fail', finding: null, intended: 'reject' }
  return { address: ip('198.51.100.7'), decision, reply, judgement: null, header }
}

function replyIn(text: string): string | undefined {
  return / reply="((?:[^"\\]|\\.)*)"/.exec(text)?.[1]
}

describe('a verdict as text', () => {
  it.each<[what: string, reply: SmtpReply, text: string]>([
    ['one line', { code: 550, enhanced: '5.7.25', lines: ['no'] }, '550 5.7.25 no'],
    [
      'several lines: the codes once',
      { code: 550, enhanced: '5.7.25', lines: ['no', '', 'not now'] },
      String.raw`550 5.7.25 no\n\nnot now`,
    ],
    ['no enhanced code', { code: 550, enhanced: null, lines: ['no', '5.7.1 not mine'] }, String.raw`550 no\n5.7.1 not mine`],
    ['quotes and backslashes', { code: 451, enhanced: '4.7.25', lines: ['"a" \\n'] }, String.raw`451 4.7.25 \"a\" \\n`],
    ['line ends of a stranger', { code: 451, enhanced: '4.7.25', lines: ['a\r\n250 b'] }, String.raw`451 4.7.25 a\\u{0d}\\u{0a}250 b`],
    ['no text', { code: 550, enhanced: '5.7.1', lines: [''] }, '550 5.7.1'],
  ])('%s', (_, reply, text) => {
    expect(replyIn(verdictText(report(reply)))).toBe(text)
  })

  it('has every key, also where there is nothing to say', () => {
    expect(verdictText(report(null))).toBe(
      'action="reject" intended="reject" rule="fail" stage="rcpt" result="" name="" code="" enhanced="" reply="" header=""\n',
    )
  })
})

describe('a verdict as JSON', () => {
  it('has the lines of the reply as they go over the wire', () => {
    const { reply } = JSON.parse(verdictJson(report({ code: 550, enhanced: '5.7.25', lines: ['a', 'b\n'] }))) as { reply: object }
    expect(reply).toEqual({ code: 550, enhanced: '5.7.25', text: 'a b\\u{0a}', lines: ['550-5.7.25 a', '550 5.7.25 b\\u{0a}'] })
  })
})
