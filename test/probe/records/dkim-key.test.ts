import { describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { lookupDkimKey, parseDkimKey } from '../../../src/probe/dkim-key.ts'
import { ED25519, ED25519_SPKI, RSA_1024, RSA_2048, RSA_2048_BARE, RSA_512 } from './dkim-keys.ts'
import { startRecordDns, TROUBLES, txt } from './record-dns.ts'

describe('parseDkimKey', () => {
  it.each<[string, unknown]>([
    [`v=DKIM1; k=rsa; p=${RSA_2048}`, { kind: 'rsa', bits: 2048 }],
    [`p=${RSA_1024}`, { kind: 'rsa', bits: 1024 }],
    [`p=${RSA_512}`, { kind: 'rsa', bits: 512 }],
    [`v=DKIM1; p=${RSA_2048_BARE}`, { kind: 'rsa', bits: 2048 }],
    [`v=DKIM1; p=${RSA_2048.slice(0, 60)} ${RSA_2048.slice(60)}`, { kind: 'rsa', bits: 2048 }],
    [`v=DKIM1; k=ed25519; p=${ED25519}`, { kind: 'ed25519' }],
    ['v=DKIM1; p=', { kind: 'revoked' }],
    ['v=DKIM1; k=dsa; p=AAAA', { kind: 'unknownType', type: 'dsa' }],
  ])('%s', (text, key) => {
    expect(parseDkimKey(text)).toMatchObject({ key, faults: [], testMode: false, strictDomain: false, hashes: null, forMail: true })
  })

  it.each<[string, unknown, unknown]>([
    ['v=DKIM1; k=rsa', { kind: 'unreadable', problem: 'missing' }, [{ position: 15, problem: 'missingTag', tag: 'p' }]],
    ['v=DKIM1; p="abc"', { kind: 'unreadable', problem: 'notBase64' }, [{ position: 12, problem: 'badValue', tag: 'p' }]],
    ['v=DKIM1; p=AAAA', { kind: 'unreadable', problem: 'notKey' }, [{ position: 12, problem: 'badValue', tag: 'p' }]],
    [`p=${RSA_2048.slice(0, 255)}`, { kind: 'unreadable', problem: 'notKey' }, [{ position: 3, problem: 'badValue', tag: 'p' }]],
    [`k=ed25519; p=${ED25519_SPKI}`, { kind: 'unreadable', problem: 'notKey' }, [{ position: 14, problem: 'badValue', tag: 'p' }]],
    [`k=rsa; v=DKIM1; p=${RSA_2048}`, { kind: 'rsa', bits: 2048 }, [{ position: 8, problem: 'misplacedVersion', tag: 'v' }]],
    [`v=dkim1; p=${RSA_2048}`, { kind: 'rsa', bits: 2048 }, [{ position: 1, problem: 'badValue', tag: 'v' }]],
  ])('%s is faulty', (text, key, faults) => {
    expect(parseDkimKey(text)).toMatchObject({ key, faults })
  })

  it('reads flags, hashes and services', () => {
    expect(parseDkimKey(`t=y:s; h=sha1 : SHA256; s=tlsrpt; p=${RSA_1024}`)).toMatchObject({
      testMode: true,
      strictDomain: true,
      hashes: ['sha1', 'sha256'],
      forMail: false,
    })
    expect(parseDkimKey(`h=*; s=email; p=${RSA_1024}`)).toMatchObject({ hashes: null, forMail: true })
  })
})

describe('lookupDkimKey', () => {
  const zone = [
    txt('mail2026._domainkey.example.com', `v=DKIM1; p=${RSA_2048}`),
    txt('a.b._domainkey.example.com', 'p='),
    txt('two._domainkey.example.com', 'p='),
    txt('two._domainkey.example.com', `p=${RSA_1024}`),
    'moved._domainkey.example.com CNAME mail2026._domainkey.example.com',
    'empty._domainkey.example.com A 198.51.100.1',
  ].join('\n')

  it.each<[string, unknown]>([
    ['mail2026', { kind: 'record', record: { key: { kind: 'rsa', bits: 2048 } } }],
    ['a.b', { kind: 'record', record: { key: { kind: 'revoked' } } }],
    ['moved', { kind: 'record', record: { key: { kind: 'rsa' } } }],
    ['two', { kind: 'multiple', count: 2 }],
    ['none', { kind: 'absent' }],
    ['empty', { kind: 'absent' }],
    ['', { kind: 'badSelector' }],
    ['a..b', { kind: 'badSelector' }],
    [`${'x'.repeat(63)}.`.repeat(4), { kind: 'badSelector' }],
  ])('%s', async (selector, answer) => {
    await using dns = await startRecordDns(zone)
    expect(await lookupDkimKey(name('example.com'), selector, { resolver: dns.resolver })).toMatchObject({ selector, answer })
  })

  it.each(TROUBLES)('%s is not absence', async (_what, effect, trouble) => {
    await using dns = await startRecordDns(zone, [{ name: 'mail2026._domainkey.example.com', effect }])
    const { answer } = await lookupDkimKey(name('example.com'), 'mail2026', { resolver: dns.resolver })
    expect(answer).toEqual({ kind: 'unknown', trouble })
  })
})
