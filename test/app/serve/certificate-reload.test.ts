/** A gateway whose certificate is renewed: by whom the new one is seen, and what becomes of a bad one. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { startHop, type HopServer } from '../../gateway/next-hop-server.ts'
import { CERTIFICATE } from '../../gateway/relay-certificate.ts'
import { dialogueOn, openDialogue, type Dialogue } from '../../gateway/smtp-dialogue.ts'
import { RENEWED_CERTIFICATE } from './renewed-certificate.ts'
import { addressIn, setUp, spawnServe, startTestService } from './served.ts'

const OLD = new X509Certificate(CERTIFICATE.cert).fingerprint256
const RENEWED = new X509Certificate(RENEWED_CERTIFICATE.cert).fingerprint256

describe('a renewed certificate', () => {
  it('is for every handshake after the reload, and no session is dropped', async () => {
    await using files = await certificateFiles()
    await using hop = await startHop()
    const yaml = gateway(files, hop)
    await using served = await startTestService(yaml)
    const open = (): Promise<Dialogue> => greet(served.address('smtp'))

    const inTheClear = await open()
    const idle = await open()
    expect(await startTls(idle)).toMatchObject({ fingerprint: OLD })
    const { secure: busy } = await startTls(await open())
    for (const line of ['EHLO mail.example.com', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.org>'])
      expect(await busy.say(line)).toMatch(/^250/)
    await files.write(RENEWED_CERTIFICATE)
    expect(await served.reload(yaml)).toEqual({ kind: 'applied', problems: [] })

    expect(await busy.data('Subject: hi\r\n\r\nbody\r\n')).toMatch(/^250/)
    expect(await busy.say('NOOP')).toMatch(/^250/)
    expect(await startTls(inTheClear)).toMatchObject({ fingerprint: RENEWED })
    expect(await startTls(await open())).toMatchObject({ fingerprint: RENEWED })
    expect(hop.sessions.flatMap(({ messages }) => messages)).toHaveLength(1)
  })

  it('in other files, for a listener that is changed in nothing else, is not another listener', async () => {
    await using files = await certificateFiles()
    await using others = await certificateFiles()
    await others.write(RENEWED_CERTIFICATE)
    await using hop = await startHop()
    await using served = await startTestService(gateway(files, hop))
    const before = await greet(served.address('smtp'))
    await served.reload(gateway(others, hop))
    expect(await before.say('NOOP')).toMatch(/^250/)
    expect(await startTls(before)).toMatchObject({ fingerprint: RENEWED })
  })

  it.each([
    ['is not there', (files: Files) => rm(files.certificate), 'certificate', 'cannot be read: ENOENT'],
    ['whose key is not there', (files: Files) => rm(files.key), 'key', 'cannot be read: ENOENT'],
    [
      'is of another key',
      (files: Files) => files.write({ ...CERTIFICATE, cert: RENEWED_CERTIFICATE.cert }),
      'certificate',
      'is not the cert',
    ],
    ['is none', (files: Files) => files.write({ ...CERTIFICATE, cert: 'half writ' }), 'certificate', 'holds no certificate'],
    ['has no key', (files: Files) => files.write({ ...CERTIFICATE, key: CERTIFICATE.cert }), 'key', 'holds no private key'],
  ] as const)('that %s → refused with the name of the file, and the old one goes on', async (_how, spoil, which, why) => {
    await using files = await certificateFiles()
    await using hop = await startHop()
    const yaml = gateway(files, hop)
    await using served = await startTestService(yaml)
    const before = await greet(served.address('smtp'))
    await spoil(files)
    const result = await served.reload(`${yaml}policy: { preset: observe }\n`)
    expect(result).toMatchObject({ kind: 'refused', problems: [expect.stringContaining(`${files[which]} ${why}`) as string] })
    expect(served.lines.of('reloadProblem')).toMatchObject([{ level: 'error', problem: result.problems[0] }])
    expect(await startTls(before)).toMatchObject({ fingerprint: OLD })
    expect(await startTls(await greet(served.address('smtp')))).toMatchObject({ fingerprint: OLD })
  })

  it('an authority of the next hop that is none → refused with the name of its file', async () => {
    await using files = await certificateFiles()
    await using hop = await startHop()
    await using served = await startTestService(gateway(files, hop))
    const yaml = gateway(files, hop, `, nextHopTls: { mode: required, authority: ${files.key} }`)
    expect(await served.reload(yaml)).toMatchObject({
      kind: 'refused',
      problems: [expect.stringContaining(`${files.key} holds no certificate`) as string],
    })
  })

  it('reaches every worker by SIGHUP', { timeout: 90_000 }, async () => {
    await using files = await certificateFiles()
    await using hop = await startHop()
    const yaml = `${gateway(files, hop)}workers: 2\n`
    await using setup = await setUp(yaml)
    await using program = spawnServe(['--config', setup.file])
    const smtp = addressIn(await program.lines.next('serving'), 'smtp')
    // Of many at a time, each worker accepts some.
    const seen = async (): Promise<ReadonlySet<string>> => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => greet(smtp)))
      const handshakes = await Promise.all(clients.map(startTls))
      for (const { secure } of handshakes) secure.close()
      return new Set(handshakes.map(({ fingerprint }) => fingerprint))
    }
    expect(await seen()).toEqual(new Set([OLD]))
    await files.write(RENEWED_CERTIFICATE)
    program.signal('SIGHUP')
    expect(await program.lines.next('reloaded')).toMatchObject({ level: 'info', problems: [] })
    expect(await seen()).toEqual(new Set([RENEWED]))
  })
})

interface Files extends AsyncDisposable {
  readonly key: string
  readonly certificate: string
  write(pem: { readonly key: string; readonly cert: string }): Promise<void>
}

async function certificateFiles(): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'ptrgate-certificate-'))
  const [key, certificate] = [join(folder, 'mx.key'), join(folder, 'mx.pem')]
  const write = async (pem: { readonly key: string; readonly cert: string }): Promise<void> => {
    await writeFile(key, pem.key)
    await writeFile(certificate, pem.cert)
  }
  await write(CERTIFICATE)
  return { key, certificate, write, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

function gateway({ key, certificate }: Files, hop: HopServer, more = ''): string {
  const tls = `tls: { key: ${key}, certificate: ${certificate} }`
  const nextHop = `nextHop: '127.0.0.1:${String(hop.port)}'`
  return `listeners:\n  - { kind: smtp, address: '127.0.0.1:0', maxConnections: 100, ${nextHop}, ${tls}${more} }\n`
}

async function greet(address: string): Promise<Dialogue> {
  const client = await openDialogue(Number(address.split(':').at(-1)))
  expect(await client.reply()).toMatch(/^220 /)
  return client
}

/** Which certificate is shown is what matters here, and not who signed it. */
async function startTls(plain: Dialogue): Promise<{ readonly secure: Dialogue; readonly fingerprint: string }> {
  expect(await plain.say('EHLO mail.example.com')).toContain('STARTTLS')
  expect(await plain.say('STARTTLS')).toMatch(/^220/)
  plain.socket.removeAllListeners('data')
  const socket = connect({ socket: plain.socket, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return { secure: dialogueOn(socket), fingerprint: socket.getPeerCertificate().fingerprint256 }
}
