/**
 * A real Postfix asks our milter and our policy service about clients with real addresses, or stands behind our gateway, with the
 * settings of docs/postfix.md.
 * What the client is told and what lies in the recipient's mailbox is compared with a golden file for each.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import type { FrontEndHandle } from '../../src/gateway/front-end.ts'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startMilter } from '../../src/gateway/milter.ts'
import { startPolicyDelegation } from '../../src/gateway/policy-delegation.ts'
import { startRelay } from '../../src/gateway/relay.ts'
import { describeWithDocker } from '../support/docker.ts'
import { docSnippet } from './doc-snippets.ts'
import { delivered, MAIL_CASES, sendCase, sendSecondHelo, sendTwice, type MailTarget } from './mail-cases.ts'
import { gateSettings } from './mail-gate.ts'
import { canonicalText, hostAddress, MTA_NAME, type NetworkSlot } from './mail-hosts.ts'
import { portOf, startMailNetwork, type MailNetwork } from './mail-network.ts'
import { finishMailSession, openMailSession } from './mail-session.ts'
import { startPostfix, type PostfixSettings } from './postfix.ts'

const MILTER_PORT = 25
const POLICY_PORT = 2525
const EVERY_HELO_PORT = 2526
const BEHIND_GATEWAY_PORT = 2527
const XCLIENT_PORT = 2528
const MILTER_SOCKET_PORT = 2529
const POLICY_SOCKET_PORT = 2530
const NO_LOOKUP_PORT = 2531

describeWithDocker('a real Postfix', () => {
  const events: GateEvent[] = []
  const handles: FrontEndHandle[] = []
  let socketDirectory = ''
  let gateway: FrontEndHandle | undefined
  let network: MailNetwork | undefined
  let mta: StartedTestContainer | undefined

  beforeAll(async () => {
    socketDirectory = await mkdtemp(join(tmpdir(), 'ptrgate-postfix-'))
    await chmod(socketDirectory, 0o755)
    network = await startMailNetwork()
    const options = {
      address: { kind: 'tcp', host: '0.0.0.0', port: 0 },
      gate: gateSettings(network),
      onEvent: (event: GateEvent) => void events.push(event),
    } as const
    const socket = (name: string) => ({ kind: 'unix', path: join(socketDirectory, name), mode: 0o666 }) as const
    const milter = await startMilter(options)
    const policy = await startPolicyDelegation(options)
    handles.push(milter, policy)
    handles.push(await startMilter({ ...options, address: socket('milter.sock') }))
    handles.push(await startPolicyDelegation({ ...options, address: socket('policy.sock') }))
    mta = await startPostfix(network, postfixSettings(network.slot, milter, policy))
    gateway = await startRelay({
      ...options,
      // Clients of both families come to it.
      address: { kind: 'tcp', host: '::', port: 0 },
      nextHop: { address: { kind: 'tcp', host: hostAddress(network.slot, 'mta'), port: BEHIND_GATEWAY_PORT } },
    })
    handles.push(gateway)
  }, 300_000)

  afterAll(async () => {
    for (const handle of handles) await handle.close(0)
    await network?.close()
    if (socketDirectory !== '') await rm(socketDirectory, { recursive: true })
  })

  function postfixSettings(slot: NetworkSlot, milter: FrontEndHandle, policy: FrontEndHandle): PostfixSettings {
    const host = hostAddress(slot, 'host')
    const snippet = (id: string, replacements = {}): string => docSnippet('postfix.md', id, replacements)
    const policyAddress = { '127.0.0.1:8894': `${host}:${portOf(policy)}` }
    const askPolicy = `smtpd_milters =\n${snippet('policy', policyAddress)}`
    const xclientHost = (address: string) => ({ 'xclient_hosts=127.0.0.1': `xclient_hosts=${address}` })
    return {
      socketDirectory,
      main: snippet('milter', { '127.0.0.1:8893': `${host}:${portOf(milter)}` }),
      services: [
        // Debian's own is chrooted, and there Cyrus SASL finds no passwords.
        { port: MILTER_PORT, settings: '' },
        { port: NO_LOOKUP_PORT, settings: 'smtpd_peername_lookup = no' },
        { port: POLICY_PORT, settings: askPolicy },
        { port: EVERY_HELO_PORT, settings: askPolicy + snippet('policy-every-helo', policyAddress) },
        { port: MILTER_SOCKET_PORT, settings: snippet('milter-socket'), chroot: true },
        { port: POLICY_SOCKET_PORT, settings: `smtpd_milters =\n${snippet('policy-socket')}`, chroot: true },
      ],
      master: [
        snippet('behind-gateway', { '127.0.0.1:10025': String(BEHIND_GATEWAY_PORT), ...xclientHost(host) }).trimEnd(),
        '    -o smtpd_milters=',
        snippet('xclient', { '127.0.0.1:10026': String(XCLIENT_PORT), ...xclientHost(hostAddress(slot, 'aligned')) }),
      ].join('\n'),
    }
  }

  function target(id: string, port: number): MailTarget {
    if (!network || !mta) throw new Error('Postfix has not started')
    return { network, mta, id, port }
  }

  /** The gateway stands on the machine of the tests. */
  function behindGateway(): MailTarget {
    if (!gateway) throw new Error('the gateway has not started')
    return { ...target('gateway', Number(portOf(gateway))), at: 'host' }
  }

  describe.each([
    { id: 'milter', cases: MAIL_CASES, where: () => target('milter', MILTER_PORT) },
    { id: 'policy', cases: MAIL_CASES, where: () => target('policy', POLICY_PORT) },
    // Nobody logs in at the gateway: it is for mail from strangers.
    { id: 'gateway', cases: MAIL_CASES.filter(({ authenticated }) => !authenticated), where: behindGateway },
  ])('with $id', ({ id, cases, where }) => {
    it.each(cases.map((mailCase) => [mailCase.says, mailCase] as const))('%s', async (_says, mailCase) => {
      await expect(await sendCase(where(), mailCase)).toMatchFileSnapshot(`golden/postfix/${id}-${mailCase.id}.txt`)
    })

    it('two messages in one session', async () => {
      await expect(await sendTwice(where())).toMatchFileSnapshot(`golden/postfix/${id}-two-messages.txt`)
    })

    it('a second HELO', async () => {
      await expect(await sendSecondHelo(where())).toMatchFileSnapshot(`golden/postfix/${id}-second-helo.txt`)
    })
  })

  it('a second HELO escapes nothing where the policy service is asked about each', async () => {
    const id = 'policy-every-helo'
    await expect(await sendSecondHelo(target(id, EVERY_HELO_PORT))).toMatchFileSnapshot(`golden/postfix/${id}.txt`)
  })

  it.each([
    ['milter', MILTER_SOCKET_PORT],
    ['policy', POLICY_SOCKET_PORT],
  ] as const)('the same over a unix socket in the chroot: %s', async (id, port) => {
    for (const mailCase of MAIL_CASES.filter((each) => ['pass', 'no-ptr', 'forged'].includes(each.id))) {
      const seen = await sendCase(target(`${id}-socket`, port), mailCase)
      await expect(seen).toMatchFileSnapshot(`golden/postfix/${id}-${mailCase.id}.txt`)
    }
  })

  it('shows what another address would get, by XCLIENT', async () => {
    const { network: where } = target('', 0)
    const command = docSnippet('postfix.md', 'xclient-swaks', {
      '127.0.0.1 --port 10026': `${hostAddress(where.slot, 'mta')} --port ${String(XCLIENT_PORT)}`,
      '198.51.100.8': hostAddress(where.slot, 'noPtr'),
      'you@example.org': 'recipient@example.org',
    })
    expect(canonicalText(await where.run(['sh', '-c', command]), where.slot)).toContain(docSnippet('postfix.md', 'no-ptr-reply').trimEnd())
  })

  it('the milter and Postfix found the same in the DNS, for every client', () => {
    expect(events.filter(({ kind }) => kind === 'disagreement')).toEqual([])
  })

  it('a client that Postfix knows from its hosts file alone is a disagreement', async () => {
    const where = target('disagreement', MILTER_PORT)
    expect(await sendCase(where, { id: 'hosts-file', says: '', client: 'hostsFile' })).toMatch(/^<\*\* 550 5\.7\.25 /m)
    const [seen, ...others] = events.flatMap((event) => (event.kind === 'disagreement' ? [event] : []))
    expect(others).toEqual([])
    expect(seen && formatAddress(seen.address)).toBe(hostAddress(where.network.slot, 'hostsFile'))
    expect(seen?.byMta).toMatchObject({ result: 'pass', clientName: 'known-here.example.com', mtaName: MTA_NAME })
    expect(seen?.verdict.judgement?.iprev.result).toBe('permerror')
  })

  it('a Postfix that looks no client up disagrees with nobody, and its clients are judged all the same', async () => {
    const where = target('no-lookup', NO_LOOKUP_PORT)
    const before = events.length
    expect(await sendCase(where, { id: 'no-lookup-pass', says: '', client: 'aligned' })).toMatch(/iprev=pass \(aligned\.example\.com\)/)
    expect(await sendCase(where, { id: 'no-lookup-no-ptr', says: '', client: 'noPtr' })).toMatch(/^<\*\* 550 5\.7\.25 /m)
    expect(await sendCase(where, { id: 'no-lookup-mismatch', says: '', client: 'mismatch' })).toMatch(/^<\*\* 550 5\.7\.25 /m)
    const seen = events.slice(before)
    expect(seen.filter(({ kind }) => kind === 'decision')).toHaveLength(3)
    expect(seen.filter(({ kind }) => kind === 'disagreement')).toEqual([])
  })

  it('our events name the queue id under which Postfix logs the message', async () => {
    const message = await delivered(target('milter', MILTER_PORT), 'milter-pass')
    const queueId = /with ESMTP id ([0-9A-F]+)/.exec(message)?.[1]
    const seen = events.flatMap((event) => (event.kind === 'decision' && event.moment === 'message' ? [event.client] : []))
    expect(seen.find((client) => client.queueId === queueId)).toMatchObject({ claimedName: 'aligned.example.com', recipientCount: 1 })
  })

  it('nothing went wrong on our side', () => {
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError' || kind === 'socketError')).toEqual([])
  })

  it('once ptrgate is gone, mail goes on unjudged, as the settings say', async () => {
    for (const handle of handles) await handle.close(0)
    for (const [id, port] of Object.entries({ milter: MILTER_PORT, policy: POLICY_PORT })) {
      const where = target(`gone-${id}`, port)
      expect(await finishMailSession(await openMailSession(where.network, port, 'EHLO'), 'EHLO', where.id)).toMatch(/^250 /)
      expect(await delivered(where, where.id)).not.toMatch(/^Authentication-Results:/m)
    }
  })
})
