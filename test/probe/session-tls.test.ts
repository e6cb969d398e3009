import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { probeSession } from '../../src/probe/smtp-session.ts'
import { readCertificateParts } from '../../src/probe/tls-der.ts'
import type { EstablishedTls } from '../../src/probe/tls-facts.ts'
import { readCertificate } from '../../src/probe/tls-session.ts'
import { hear, reply, say, ScriptedSmtp, secure, type SecureOptions } from '../support/scripted-smtp.ts'
import * as certificates from './session-certificates.ts'

const { EC_KEY, GOOD, INTERMEDIATE, ROOT } = certificates

async function handshake(options: SecureOptions, serverName: string | null = 'mx.example.org'): Promise<EstablishedTls> {
  const script = [
    ...[reply(220, 'mx'), hear('EHLO'), reply(250, 'mx', 'STARTTLS'), hear('STARTTLS'), secure(options, '220 go\r\n')],
    ...[hear('EHLO'), reply(250, 'mx'), hear('QUIT'), say('221 bye\r\n')],
  ]
  const peer = await ScriptedSmtp.listen([script], { stalled: () => Promise.resolve(), passed: () => Promise.resolve() })
  try {
    const target = { address: '127.0.0.1', port: peer.port, implicitTls: false, serverName }
    const { tls } = await probeSession(target, { ehloName: 'probe.example.net', tls: { trustedCertificates: [ROOT] } })
    if (tls.kind !== 'established') throw new Error(JSON.stringify(tls))
    return tls
  } finally {
    await peer.stop()
  }
}

const pem = (...parts: readonly string[]): string => parts.join('\n')
const certificateFacts = (text: string): ReturnType<typeof readCertificate> => readCertificate(new X509Certificate(text))

describe('the facts of a TLS session', () => {
  test('protocol, cipher, key exchange, server name', async () => {
    const tls = await handshake({ cert: pem(GOOD, INTERMEDIATE), key: EC_KEY, ecdhCurve: 'X25519' })
    expect(tls).toMatchObject({
      protocol: 'TLSv1.3',
      cipher: { name: expect.stringMatching(/^TLS_/) as string },
      alpn: null,
      keyExchange: { type: 'ECDH', group: 'X25519', bits: 253 },
      serverName: 'mx.example.org',
      verification: { kind: 'trusted' },
      nameMatch: { kind: 'match', reference: 'mx.example.org', by: 'mx.example.org' },
    })
  })

  test('TLS 1.3 has forward secrecy whatever the group, a hybrid without a name included', async () => {
    const tls = await handshake({ cert: pem(GOOD, INTERMEDIATE), key: EC_KEY })
    expect(tls.keyExchange).not.toBeNull()
  })

  test('no forward secrecy is no key exchange', async () => {
    const options = {
      cert: certificates.WEAK,
      key: certificates.WEAK_KEY,
      ciphers: 'AES128-SHA:@SECLEVEL=0',
      maxVersion: 'TLSv1.2',
    } as const
    expect(await handshake(options)).toMatchObject({
      keyExchange: null,
      cipher: { name: 'TLS_RSA_WITH_AES_128_CBC_SHA', opensslName: 'AES128-SHA' },
    })
  })

  test('the chain is told as it was presented: nothing sorted, dropped or added', async () => {
    const subjects = async (...parts: readonly string[]): Promise<readonly string[]> => {
      const { chain } = await handshake({ cert: pem(...parts), key: EC_KEY })
      return chain.map(({ subject }) => subject)
    }
    const own = 'CN=mx.example.org'
    const intermediate = 'O=ptrgate tests, CN=Test Intermediate'
    const root = 'O=ptrgate tests, CN=Test Root'
    expect(await subjects(GOOD)).toEqual([own])
    expect(await subjects(GOOD, INTERMEDIATE)).toEqual([own, intermediate])
    expect(await subjects(GOOD, INTERMEDIATE, ROOT)).toEqual([own, intermediate, root])
    expect(await subjects(GOOD, ROOT, INTERMEDIATE)).toEqual([own, root, intermediate])
    expect(await subjects(GOOD, certificates.WEAK, INTERMEDIATE)).toEqual([own, own, intermediate])
  })

  test('a chain without end is cut off, and says so', async () => {
    const tls = await handshake({ cert: pem(GOOD, ...Array.from({ length: 20 }, () => INTERMEDIATE)), key: EC_KEY })
    expect(tls.chain).toHaveLength(10)
    expect(tls.chainTruncated).toBe(true)
    expect(tls.verification).toEqual({ kind: 'trusted' })
  })

  test.each([
    ['mx.example.org.', 'mx.example.org', 'match'],
    ['MX.Example.ORG', 'MX.Example.ORG', 'match'],
    ['mail.example.org', 'mail.example.org', 'match'],
    ['other.example.org', 'other.example.org', 'mismatch'],
    ['127.0.0.1', null, 'match'],
    ['127.0.0.2', null, 'mismatch'],
    ['not a name', null, 'mismatch'],
    [null, null, 'noReference'],
  ] as const)('asked for %s it sends SNI %s, and finds a %s', async (reference, serverName, kind) => {
    const tls = await handshake({ cert: pem(GOOD, INTERMEDIATE), key: EC_KEY }, reference)
    expect(tls.serverName).toBe(serverName)
    expect(tls.nameMatch.kind).toBe(kind)
  })

  test('a wildcard stands for one label', async () => {
    const options = { cert: pem(certificates.WILDCARD, INTERMEDIATE), key: EC_KEY }
    expect((await handshake(options, 'mx.example.org')).nameMatch).toMatchObject({ kind: 'match', by: '*.example.org' })
    expect((await handshake(options, 'a.mx.example.org')).nameMatch.kind).toBe('mismatch')
    expect((await handshake(options, 'example.org')).nameMatch.kind).toBe('mismatch')
  })
})

/** Fingerprints of certificate and key as `openssl x509` and `openssl pkey` have told them. */
const READ = [
  {
    text: GOOD,
    fingerprint: '873d22bf413a7f1017b1cc7f96f0e985cbf3a09da25434b0cc3af5887c8a5a8b',
    spkiFingerprint: '85dfd0dda359e97986cb5089437eb855410524893c4d45671f8fcdd059b45f3f',
    key: { type: 'ec', bits: 256, curve: 'prime256v1' },
    signatureAlgorithm: 'ecdsaWithSHA256',
    isSelfSigned: false,
  },
  {
    text: certificates.WEAK,
    fingerprint: '042ee4d5a4b966b2797ca1433ebcae006eea8da6d1d3a5d18a873e41b45b4180',
    spkiFingerprint: '94e4632780dd929cd3a3f463089028b0da7a2098198faca19fb21f3eba7429a6',
    key: { type: 'rsa', bits: 1024, curve: null },
    signatureAlgorithm: 'sha1WithRSA',
    isSelfSigned: true,
  },
  {
    text: certificates.ED25519,
    fingerprint: '6ac17d9cd373100bdae79add80cf12f7a93fcb7d629c443bad15e2c9c077a027',
    spkiFingerprint: 'f751a10314be3da203fb3c8443a293a9f449ddcfaeaecdbb81f8036998927cfd',
    key: { type: 'ed25519', bits: null, curve: null },
    signatureAlgorithm: 'ed25519',
    isSelfSigned: true,
  },
  {
    text: certificates.RSA_PSS,
    fingerprint: '60e2f6ac43e49c23a2c51626692390566760862379fed66e6a5c78a3abd108c7',
    spkiFingerprint: '372857372a92951f395e77c4901dd615baa74777928bf71f1de8199fc8727299',
    key: { type: 'rsa', bits: 2048, curve: null },
    signatureAlgorithm: 'rsassaPssSHA256',
    isSelfSigned: true,
  },
]

describe('the facts of a certificate', () => {
  test.each(READ)('key, signature and fingerprints: $signatureAlgorithm', ({ text, ...expected }) => {
    expect(certificateFacts(text)).toMatchObject(expected)
  })

  test('names, validity, and the octets that DANE compares', () => {
    const facts = certificateFacts(GOOD)
    expect(facts).toMatchObject({
      subject: 'CN=mx.example.org',
      commonName: 'mx.example.org',
      issuer: 'O=ptrgate tests, CN=Test Intermediate',
      dnsNames: ['mx.example.org', 'mail.example.org'],
      ipAddresses: ['127.0.0.1', '2001:db8:51::25'],
      namesTruncated: false,
      validFrom: '2020-01-01T00:00:00.000Z',
      validTo: '2120-01-01T00:00:00.000Z',
      isCa: false,
    })
    expect(facts.der).toBe(new X509Certificate(GOOD).raw.toString('base64'))
    expect(facts.spki).toBe(new X509Certificate(GOOD).publicKey.export({ type: 'spki', format: 'der' }).toString('base64'))
  })

  test('an authority is one', () => {
    expect(certificateFacts(ROOT)).toMatchObject({ isCa: true, isSelfSigned: true, dnsNames: [] })
    expect(certificateFacts(INTERMEDIATE)).toMatchObject({ isCa: true, isSelfSigned: false })
  })

  test('too many names are cut off, and it says so', () => {
    const { dnsNames, namesTruncated } = certificateFacts(certificates.MANY_NAMES)
    expect(dnsNames).toHaveLength(200)
    expect(dnsNames[0]).toBe('1.x')
    expect(namesTruncated).toBe(true)
  })

  test('bent ones are read or not, but nothing throws', () => {
    const originals = [GOOD, certificates.WEAK, certificates.RSA_PSS, certificates.ED25519, ROOT].map(
      (text) => new X509Certificate(text).raw,
    )
    const change = fc.tuple(fc.nat(1200), fc.integer({ min: 0, max: 255 }))
    let read = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(1200),
        (original, changes, length) => {
          const octets = Buffer.from(original)
          for (const [at, octet] of changes) octets[at % octets.length] = octet
          readCertificateParts(octets.subarray(0, length))
          readCertificateParts(octets)
          const certificate = parsed(octets)
          if (certificate === null) return
          read++
          expect(readCertificate(certificate).der).toBe(certificate.raw.toString('base64'))
        },
      ),
      { numRuns: 3000 },
    )
    expect(read).toBeGreaterThan(500)
  })
})

function parsed(octets: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(octets)
  } catch {
    return null
  }
}
