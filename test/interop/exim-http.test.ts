/**
 * A real Exim on a network of its own, with the settings that docs/exim.md tells its reader to copy: it asks us over HTTP about
 * clients with real addresses. What the client is told and what lies in the mailbox is compared with a golden file for each.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wait, type StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { GateSettings } from '../../src/engine/gate.ts'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startHttp } from '../../src/gateway/http.ts'
import { rfc7372 } from '../../src/personas/rfc7372.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { ReplyFor } from '../../src/policy/decision.ts'
import { policySettings } from '../../src/policy/settings.ts'
import { describeWithDocker } from '../support/docker.ts'
import { docSnippet } from './doc-snippets.ts'
import { MAIL_CASES, sendCase, sendSecondHelo, sendTwice, type MailCase, type MailTarget } from './mail-cases.ts'
import { gateSettings } from './mail-gate.ts'
import { hostAddress, MTA_NAME } from './mail-hosts.ts'
import { startMailNetwork, type MailNetwork } from './mail-network.ts'

/** Here Exim asks over the unix socket. */
const SOCKET_PORT = 2525

describeWithDocker('a real Exim', () => {
  const events: GateEvent[] = []
  const eventsOfSocket: GateEvent[] = []
  let network: MailNetwork | undefined
  let socketDirectory = ''
  let http: FrontEndHandle | undefined
  let httpOnSocket: FrontEndHandle | undefined
  let mta: StartedTestContainer | undefined

  beforeAll(async () => {
    socketDirectory = await mkdtemp(join(tmpdir(), 'ptrgate-exim-'))
    await chmod(socketDirectory, 0o755)
    network = await startMailNetwork()
    const gate = gateSettings(network)
    http = await startHttp({ gate, address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, onEvent: (event) => void events.push(event) })
    httpOnSocket = await startHttp({
      gate,
      address: { kind: 'unix', path: join(socketDirectory, 'http.sock'), mode: 0o666 },
      onEvent: (event) => void eventsOfSocket.push(event),
    })
    const port = http.address.slice(http.address.lastIndexOf(':') + 1)
    const config = eximConfig(`${hostAddress(network.slot, 'host')}:${port}`)
    mta = await network.startMta('exim', (container) =>
      container
        .withCommand(['start-exim'])
        .withBindMounts([{ source: socketDirectory, target: '/run/ptrgate' }])
        .withCopyContentToContainer([{ content: config, target: '/etc/exim4/exim4.conf' }])
        .withWaitStrategy(Wait.forLogMessage(/daemon started/, 1)),
    )
  }, 300_000)

  afterAll(async () => {
    await http?.close(0)
    await httpOnSocket?.close(0)
    await network?.close()
    if (socketDirectory !== '') await rm(socketDirectory, { recursive: true })
  })

  function target(id: string, port = 25): MailTarget {
    if (!network || !mta) throw new Error('Exim has not started')
    return { network, mta, id, port }
  }

  async function exec(...command: string[]): Promise<string> {
    return (await target('').mta.exec(command)).output
  }

  /** Under a policy of its own. */
  async function underPolicy(settings: Partial<GateSettings>, act: () => Promise<void>): Promise<void> {
    if (!network || !http) throw new Error('HTTP has not started')
    http.reload({ ...gateSettings(network), ...settings })
    try {
      await act()
    } finally {
      http.reload(gateSettings(network))
    }
  }

  it.each(MAIL_CASES)('$id: $says', async (mailCase) => {
    await expect(stable(await sendCase(target('exim'), mailCase))).toMatchFileSnapshot(`golden/exim/${mailCase.id}.txt`)
  })

  it('the same over a unix socket', async () => {
    for (const mailCase of MAIL_CASES.filter(({ id }) => ['pass', 'no-ptr', 'forged'].includes(id))) {
      const seen = stable(await sendCase(target('exim-socket', SOCKET_PORT), mailCase))
      await expect(seen).toMatchFileSnapshot(`golden/exim/${mailCase.id}.txt`)
    }
    expect(eventsOfSocket.map(({ kind }) => kind)).toEqual(['decision', 'decision', 'decision'])
  })

  it('two messages in one session', async () => {
    await expect(stable(await sendTwice(target('exim')))).toMatchFileSnapshot('golden/exim/two-messages.txt')
  })

  it('a second HELO', async () => {
    await expect(stable(await sendSecondHelo(target('exim')))).toMatchFileSnapshot('golden/exim/second-helo.txt')
  })

  it('our name in a forged header, hidden in every way that RFC 8601 allows and in some that it does not', async () => {
    await expect(stable(await sendCase(target('exim'), HIDDEN))).toMatchFileSnapshot('golden/exim/hidden.txt')
  })

  it('headers that are not ours stay as and where they are', async () => {
    await expect(stable(await sendCase(target('exim'), OTHERS))).toMatchFileSnapshot('golden/exim/others.txt')
  })

  it('more forged headers than Exim looks through are removed altogether', async () => {
    const headers = Array.from(
      { length: 700 },
      (_, index) => `Authentication-Results: a${String(index)}.example.net; ${'x'.repeat(60)}=pass`,
    )
    const flood = { ...HIDDEN, id: 'flood', headers: [...headers, `Authentication-Results: ${MTA_NAME}; iprev=pass`] }
    const result = await sendCase(target('exim'), flood)
    expect(result.match(/^authentication-results:.*/gim)).toEqual([
      expect.stringMatching(/^Authentication-Results: mx\.example\.org; iprev=pass \(aligned/),
    ])
  })

  it('a reply of several lines, with characters that mean something to Exim', async () => {
    const lines = ['first "line" \\ ${primary_hostname} %s', 'second: {line}']
    const replyFor: ReplyFor = ({ code, enhanced }) => ({ code, enhanced, lines })
    await underPolicy({ policy: compilePolicy(policySettings(), replyFor) }, async () => {
      const result = await sendCase(target('exim'), { id: 'lines', says: '', client: 'noPtr' })
      expect(result).toContain(`<** 550-5.7.25 ${lines[0] ?? ''}\n<** 550 5.7.25 ${lines[1] ?? ''}\n`)
    })
  })

  it('a message in quarantine is taken and not delivered', async () => {
    const policy = compilePolicy(policySettings({ rules: { permerror: 'quarantine' } }), rfc7372.replyFor)
    await underPolicy({ policy }, async () => {
      const { network: where } = target('')
      const from = ['--local-interface', hostAddress(where.slot, 'noPtr'), '--helo', 'noptr.example.com', '--from', 'frozen@example.com']
      const output = await where.run(['swaks', '--server', hostAddress(where.slot, 'mta'), ...from, '--to', 'recipient@example.org'])
      expect(output).toMatch(/<- {2}250 OK id=/)
    })
    expect(await exec('exim4', '-bp')).toMatch(/<frozen@example\.com> \*\*\* frozen \*\*\*/)
  })

  it('nothing went wrong on our side, and every refusal was reported with all that Exim knows', () => {
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError')).toEqual([])
    const refused = events.flatMap((event) => (event.kind === 'decision' && event.verdict.decision.action === 'reject' ? [event] : []))
    expect(refused[0]).toMatchObject({
      moment: 'rcpt',
      client: { claimedName: 'noptr.example.com', sender: 'from@example.com', recipients: ['recipient@example.org'] },
    })
  })

  it('while we are not there mail goes on, and the log says why', async () => {
    await http?.close(0)
    await httpOnSocket?.close(0)
    for (const port of [25, SOCKET_PORT]) {
      const id = `gone-${String(port)}`
      expect(await sendCase(target('exim', port), { id, says: '', client: 'noPtr' })).toMatch(new RegExp(`^Subject: ${id}$`, 'm'))
    }
    expect((await exec('cat', '/var/log/exim4/mainlog')).match(/ptrgate: no answer/g)).toHaveLength(2)
  })
})

const HIDDEN: MailCase = {
  id: 'hidden',
  says: '',
  client: 'aligned',
  headers: [
    'Authentication-Results : mx.example.org; iprev=pass',
    'Authentication-Results: (a \\) b) mx.example.org; iprev=pass',
    'Authentication-Results: "mx\\.example\\.org"; iprev=pass',
    'Authentication-Results: mx.example.org(comment)1; iprev=pass',
    `Authentication-Results: ${'('.repeat(300)}${')'.repeat(300)} mx.example.org; iprev=pass`,
    'Authentication-Results: ((not closed) mx.example.org; iprev=pass',
    'Authentication-Results:\n (one: a; colon)\n MX.example.ORG; iprev=pass',
    'Authentication-Results: kept.example.net; spf=pass\n smtp.mailfrom=example.com (mx.example.org: ${primary_hostname})',
    'Authentication-Results: not-mx.example.org; iprev=pass',
  ],
}

const OTHERS: MailCase = {
  id: 'others',
  says: '',
  client: 'aligned',
  headers: ['X-First: 1', 'AUTHENTICATION-RESULTS:other.example.net;\n\tnone', 'X-Last: 1', 'Authentication-Results: mx.example.com; none'],
}

/** What stands around the snippets is as in the settings that Exim comes with. By its port a client chooses how we are asked. */
function eximConfig(ptrgate: string): string {
  const socket = `\${if = {$received_port}{${String(SOCKET_PORT)}}{/run/ptrgate/http.sock}{inet:${ptrgate}}}`
  return [
    `primary_hostname = ${MTA_NAME}`,
    `daemon_smtp_ports = 25 : ${String(SOCKET_PORT)}`,
    'domainlist local_domains = example.org',
    'hostlist relay_from_hosts = 127.0.0.1',
    'acl_smtp_rcpt = acl_check_rcpt',
    'acl_smtp_data = acl_check_data',
    'smtp_enforce_sync = false',
    'log_selector = -host_lookup_failed',
    docSnippet('exim.md', 'main', { 'inet:127.0.0.1:8895': socket }),
    'begin acl',
    docSnippet('exim.md', 'acl'),
    'acl_check_rcpt:',
    '  require domains = +local_domains',
    docSnippet('exim.md', 'rcpt'),
    '  accept',
    'acl_check_data:',
    docSnippet('exim.md', 'data'),
    '  accept',
    'begin routers',
    'local:',
    '  driver = accept',
    '  transport = maildir',
    'begin transports',
    'maildir:',
    '  driver = appendfile',
    '  directory = /home/recipient/Maildir',
    '  maildir_format',
    '  user = recipient',
    'begin authenticators',
    'plain:',
    '  driver = plaintext',
    '  public_name = PLAIN',
    '  server_prompts = :',
    '  server_condition = ${if and {{eq {$auth2}{sender@example.org}}{eq {$auth3}{secret}}}}',
    '  server_set_id = $auth2',
    '',
  ].join('\n')
}

/** Exim breaks replies after 75 characters, which depends on how long the client's address is. */
function stable(text: string): string {
  const unbroken = text.replaceAll(
    /(?<=^<\*\* )([0-9]{3})-([0-9.]+) .*(?:\n<\*\* \1[- ]\2 .*)+/gm,
    (lines, code: string, enhanced: string) => {
      const texts = lines.split('\n').map((line) => line.replace(/^(?:<\*\* )?[0-9]{3}[- ][0-9.]+ /, ''))
      return `${code} ${enhanced} ${texts.join(' ')}`
    },
  )
  return unbroken.replaceAll(/\b[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}\b/g, 'QUEUE-ID')
}
