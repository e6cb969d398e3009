/**
 * A real Sendmail asks our milter about clients with real addresses, over TCP and over a unix socket, with the settings of
 * docs/sendmail.md. What the client is told and what lies in the recipient's mailbox is compared with a golden file for each.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wait, type StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import { describeWithDocker } from '../support/docker.ts'
import { docSnippet } from './doc-snippets.ts'
import { delivered, MAIL_CASES, sendCase, sendSecondHelo, sendTwice, type MailTarget } from './mail-cases.ts'
import { gateSettings } from './mail-gate.ts'
import { hostAddress, hostAddress6, MTA_NAME, type NetworkSlot } from './mail-hosts.ts'
import { finishMailSession, MAIL_STAGES, openMailSession, TEMPORARY, type MailStage } from './mail-session.ts'
import { portOf, startMailNetwork, type MailNetwork } from './mail-network.ts'

const TCP_PORT = 25
const SOCKET_PORT = 2525
const NO_FILTER_PORT = 587

describeWithDocker('a real Sendmail', () => {
  const events: GateEvent[] = []
  const handles: FrontEndHandle[] = []
  let directory: string | undefined
  let network: MailNetwork | undefined
  let mta: StartedTestContainer | undefined

  beforeAll(async () => {
    network = await startMailNetwork()
    directory = await mkdtemp(join(tmpdir(), 'ptrgate-sendmail-'))
    const options = { gate: gateSettings(network), onEvent: (event: GateEvent) => void events.push(event) }
    const overTcp = await startMilter({ address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, ...options })
    const overSocket = await startMilter({ address: { kind: 'unix', path: join(directory, 'milter.sock'), mode: 0o600 }, ...options })
    handles.push(overTcp, overSocket)
    const filters = [
      docSnippet('sendmail.md', 'milter', { '8893@127.0.0.1': `${portOf(overTcp)}@${hostAddress(network.slot, 'host')}` }),
      docSnippet('sendmail.md', 'milter-socket', { "`ptrgate'": "`socket'" }),
    ]
    mta = await startSendmail(network, directory, filters.join(''))
  }, 600_000)

  afterAll(async () => {
    for (const handle of handles) await handle.close(0)
    await network?.close()
    if (directory !== undefined) await rm(directory, { recursive: true })
  })

  function target(id: string, port: number): MailTarget {
    if (!network || !mta) throw new Error('Sendmail has not started')
    return { network, mta, id, port }
  }

  describe('over TCP', () => {
    it.each(MAIL_CASES.map((mailCase) => [mailCase.says, mailCase] as const))('%s', async (_says, mailCase) => {
      await expect(await sendCase(target('tcp', TCP_PORT), mailCase)).toMatchFileSnapshot(`golden/sendmail/${mailCase.id}.txt`)
    })

    it('two messages in one session', async () => {
      await expect(await sendTwice(target('tcp', TCP_PORT))).toMatchFileSnapshot('golden/sendmail/two-messages.txt')
    })

    it('a second HELO', async () => {
      await expect(await sendSecondHelo(target('tcp', TCP_PORT))).toMatchFileSnapshot('golden/sendmail/second-helo.txt')
    })
  })

  const overSocket = MAIL_CASES.filter(({ id }) => ['pass', 'no-ptr', 'forged'].includes(id))
  it.each(overSocket.map((mailCase) => [mailCase.says, mailCase] as const))('the same over a unix socket: %s', async (_says, mailCase) => {
    await expect(await sendCase(target('socket', SOCKET_PORT), mailCase)).toMatchFileSnapshot(`golden/sendmail/${mailCase.id}.txt`)
  })

  it('a port whose list of filters is empty asks none', async () => {
    const { network: where } = target('', 0)
    expect(await finishMailSession(await openMailSession(where, NO_FILTER_PORT, 'EHLO'), 'EHLO', 'no-filter')).toMatch(/^250 /)
    expect(await delivered(target('', 0), 'no-filter')).not.toMatch(/^Authentication-Results:/m)
  })

  it('the milter and Sendmail found the same in the DNS, for every client', () => {
    expect(events.filter(({ kind }) => kind === 'disagreement')).toEqual([])
  })

  it('a client that Sendmail knows from its hosts file alone is a disagreement', async () => {
    const where = target('disagreement', TCP_PORT)
    expect(await sendCase(where, { id: 'hosts-file', says: '', client: 'hostsFile' })).toMatch(/^<\*\* 550 5\.7\.25 /m)
    const [seen, ...others] = events.flatMap((event) => (event.kind === 'disagreement' ? [event] : []))
    expect(others).toEqual([])
    expect(seen?.byMta).toMatchObject({ result: 'pass', clientName: 'known-here.example.com', mtaName: MTA_NAME })
    expect(seen?.verdict.judgement?.iprev.result).toBe('permerror')
  })

  it('our events name the queue id under which Sendmail logs the message', async () => {
    const message = await delivered(target('tcp', TCP_PORT), 'tcp-pass')
    const queueId = /with ESMTP id ([0-9A-Za-z]+)/.exec(message)?.[1]
    const seen = events.flatMap((event) => (event.kind === 'decision' && event.moment === 'message' ? [event.client] : []))
    expect(seen.find((client) => client.queueId === queueId)).toMatchObject({ claimedName: 'aligned.example.com', recipientCount: 1 })
  })

  it('nothing went wrong on our side', () => {
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError' || kind === 'socketError')).toEqual([])
  })

  it('cut off in the middle of sessions, Sendmail goes on as F= says: without it (none), or 4xx (F=T)', async () => {
    const { network: where } = target('', 0)
    const open = async (port: number, stage: MailStage) => ({ port, stage, session: await openMailSession(where, port, stage) })
    const sessions = await Promise.all([TCP_PORT, SOCKET_PORT].flatMap((port) => MAIL_STAGES.map((stage) => open(port, stage))))
    for (const handle of handles) await handle.close(0)
    for (const { port, stage, session } of sessions) {
      const subject = `cut-${String(port)}-${stage}`
      const reply = await finishMailSession(session, stage, subject)
      expect([port, stage, reply]).toEqual([port, stage, expect.stringMatching(port === TCP_PORT ? /^250 2\.0\.0 / : TEMPORARY)])
      if (port === TCP_PORT) expect(await delivered(target('', port), subject)).not.toMatch(/^Authentication-Results:/m)
    }
  })
})

function startSendmail(network: MailNetwork, socketDirectory: string, filters: string): Promise<StartedTestContainer> {
  return network.startMta('sendmail', (container) =>
    container
      .withCommand(['start-sendmail'])
      .withBindMounts([{ source: socketDirectory, target: '/run/ptrgate' }])
      .withCopyContentToContainer([{ content: sendmailMc(network.slot, filters), target: '/etc/mail/sendmail.mc' }])
      .withWaitStrategy(Wait.forSuccessfulCommand(`bash -c ': </dev/tcp/127.0.0.1/${String(SOCKET_PORT)}'`)),
  )
}

/** Without the access database and the delays of Debian's own, which the tests have no use for. */
function sendmailMc(slot: NetworkSlot, filters: string): string {
  const daemon = (name: string, address: string, port: number, filter: string): string =>
    `DAEMON_OPTIONS(\`Name=${name}, ${address}, Port=${String(port)}, InputMailFilters=${filter}')dnl`
  return [
    "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl",
    "OSTYPE(`debian')dnl",
    "DOMAIN(`debian-mta')dnl",
    "undefine(`confHOST_STATUS_DIRECTORY')dnl",
    `define(\`confDOMAIN_NAME', \`${MTA_NAME}')dnl`,
    "LOCAL_DOMAIN(`example.org')dnl",
    "define(`confTO_IDENT', `0')dnl",
    "define(`confAUTH_MECHANISMS', `PLAIN')dnl",
    "TRUST_AUTH_MECH(`PLAIN')dnl",
    "define(`LOCAL_MAILER_PATH', `/usr/local/bin/deliver')dnl",
    "define(`LOCAL_MAILER_ARGS', `deliver $u')dnl",
    "define(`LOCAL_MAILER_FLAGS', `SPn')dnl",
    "FEATURE(`no_default_msa')dnl",
    daemon('tcp', 'Family=inet', TCP_PORT, 'ptrgate'),
    // Without an address it would take the IPv4 connections, too.
    daemon('tcp6', `Family=inet6, Addr=${hostAddress6(slot, 'mta')}`, TCP_PORT, 'ptrgate'),
    daemon('socket', 'Family=inet', SOCKET_PORT, 'socket'),
    daemon('none', 'Family=inet', NO_FILTER_PORT, ''),
    filters.trimEnd(),
    "MAILER(`local')dnl",
    "MAILER(`smtp')dnl",
    '',
  ].join('\n')
}
