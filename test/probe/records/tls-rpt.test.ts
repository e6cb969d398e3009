import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { lookupTlsRpt, parseTlsRpt } from '../../../src/probe/tls-rpt.ts'
import { startRecordDns, TROUBLES, txt } from './record-dns.ts'

describe('parseTlsRpt', () => {
  it.each<[string, readonly string[], readonly unknown[]]>([
    ['v=TLSRPTv1; rua=mailto:a@example.com', ['mailto:a@example.com'], []],
    ['v=TLSRPTv1;rua=mailto:a@example.com,https://r.example/x;', ['mailto:a@example.com', 'https://r.example/x'], []],
    ['v=TLSRPTv1; ext=1; rua=mailto:a@example.com', ['mailto:a@example.com'], []],
    ['v=TLSRPTv1', [], [{ position: 11, problem: 'missingTag', tag: 'rua' }]],
    ['v=TLSRPTv1; rua=a@example.com', [], [{ position: 17, problem: 'badValue', tag: 'rua' }]],
    [
      'v=TLSRPTv1; rua=mailto:a@example.com, http://r.example',
      ['mailto:a@example.com'],
      [{ position: 39, problem: 'badValue', tag: 'rua' }],
    ],
  ])('%s', (text, reports, faults) => {
    expect(parseTlsRpt(text)).toEqual({ text, reports, faults })
  })
})

describe('lookupTlsRpt', () => {
  it.each<[string, readonly string[], unknown]>([
    [
      'one record beside others',
      ['v=TLSRPTv1; rua=mailto:a@example.com', 'x=y'],
      { kind: 'record', record: { reports: ['mailto:a@example.com'] } },
    ],
    ['none', [], { kind: 'absent' }],
    ['only others', ['v=TLSRPTv2; rua=mailto:a@example.com'], { kind: 'absent' }],
    ['two', ['v=TLSRPTv1; rua=mailto:a@example.com', 'v=TLSRPTv1; rua=mailto:b@example.com'], { kind: 'multiple', count: 2 }],
  ])('%s', async (_what, texts, answer) => {
    await using dns = await startRecordDns(texts.map((text) => txt('_smtp._tls.example.com', text)).join('\n'))
    expect(await lookupTlsRpt(name('example.com'), { resolver: dns.resolver })).toMatchObject({
      kind: 'tlsRpt',
      domain: 'example.com',
      answer,
    })
  })

  it.each(TROUBLES)('%s is not absence', async (_what, effect, trouble) => {
    await using dns = await startRecordDns('', [{ name: '_smtp._tls.example.com', effect }])
    expect((await lookupTlsRpt(name('example.com'), { resolver: dns.resolver })).answer).toEqual({ kind: 'unknown', trouble })
  })
})
