/**
 * ptrgate is killed, or says nothing any more, while SMTP sessions of a real Postfix are open: Postfix goes on as
 * milter_default_action says, nothing is refused for good, nothing that was accepted is lost, and a new ptrgate is used at once.
 */
import type { StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Dialogue } from '../gateway/smtp-dialogue.ts'
import { describeWithDocker } from '../support/docker.ts'
import { delivered } from './mail-cases.ts'
import { hostAddress } from './mail-hosts.ts'
import { startMailNetwork, type MailNetwork } from './mail-network.ts'
import { finishMailSession, MAIL_STAGES, openMailSession, TEMPORARY, type MailStage } from './mail-session.ts'
import { startServing, type ServingProcess } from './serving-process.ts'
import { startPostfix } from './postfix.ts'

const PORTS = { accept: 25, tempfail: 2525 }
const ACTIONS = ['accept', 'tempfail'] as const
type Action = (typeof ACTIONS)[number]

describeWithDocker('Postfix without its ptrgate', () => {
  let network: MailNetwork | undefined
  let mta: StartedTestContainer | undefined
  let milter: ServingProcess | undefined

  beforeAll(async () => {
    network = await startMailNetwork()
    milter = await startServing(network)
    const filter = `inet:${hostAddress(network.slot, 'host')}:${String(milter.port)}`
    const timeouts = ['connect', 'command', 'content'].map((phase) => `milter_${phase}_timeout = 2s`)
    const settings = (action: string): string => [`smtpd_milters = ${filter}`, `milter_default_action = ${action}`, ...timeouts].join('\n')
    const services = ACTIONS.map((action) => ({ port: PORTS[action], settings: settings(action) }))
    mta = await startPostfix(network, { services })
  }, 300_000)

  afterAll(async () => {
    await milter?.kill()
    await network?.close()
  })

  describe.each(['killed', 'frozen'] as const)('%s', (way) => {
    /** By action and stage, what each of the sessions was told in the end. */
    const replies = new Map<string, string>()

    beforeAll(async () => {
      const open = async (action: Action, stage: MailStage) => ({ action, stage, session: await openSession(action, stage) })
      const sessions = await Promise.all(ACTIONS.flatMap((action) => MAIL_STAGES.map((stage) => open(action, stage))))
      await (way === 'killed' ? milter?.kill() : milter?.freeze())
      const finish = async ({ action, stage, session }: Awaited<ReturnType<typeof open>>): Promise<unknown> =>
        replies.set(`${action}-${stage}`, await finishMailSession(session, stage, `${action}-${way}-${stage}`))
      await Promise.all(sessions.map(finish))
    }, 60_000)

    afterAll(restart)

    it.each(MAIL_STAGES)('after %s, accept: the message is taken, without our header', async (stage) => {
      expect(replies.get(`accept-${stage}`)).toMatch(/^250 2\.0\.0 Ok: queued/)
      expect(await delivered(target(), `accept-${way}-${stage}`)).not.toMatch(/^Authentication-Results:/m)
    })

    it.each(MAIL_STAGES)('after %s, tempfail: the client is told to come again', (stage) => {
      expect(replies.get(`tempfail-${stage}`)).toMatch(TEMPORARY)
    })
  })

  it('asked to end (SIGTERM), it judges the sessions that it has, to their end', async () => {
    const sessions = await Promise.all(MAIL_STAGES.map(async (stage) => ({ stage, session: await openSession('accept', stage) })))
    const ended = milter?.end()
    for (const { stage, session } of sessions) {
      expect(await finishMailSession(session, stage, `ended-${stage}`)).toMatch(/^250 2\.0\.0 Ok: queued/)
      expect(await delivered(target(), `ended-${stage}`)).toMatch(OUR_HEADER)
    }
    expect(await ended).toBe(0)
    await restart()
  })

  it('a client that comes while ptrgate is gone is taken, or told to come again', async () => {
    await milter?.kill()
    expect(await finishMailSession(await openSession('accept', 'EHLO'), 'EHLO', 'accept-gone')).toMatch(/^250 /)
    expect(await finishMailSession(await openSession('tempfail', 'EHLO'), 'EHLO', 'tempfail-gone')).toMatch(TEMPORARY)
    await restart()
  })

  it('a session that began while ptrgate was gone is not judged, the next one is', async () => {
    await milter?.kill()
    const early = await openSession('accept', 'EHLO')
    await restart()
    await finishMailSession(early, 'EHLO', 'early')
    expect(await delivered(target(), 'early')).not.toMatch(/^Authentication-Results:/m)
    await finishMailSession(await openSession('accept', 'EHLO'), 'EHLO', 'late')
    expect(await delivered(target(), 'late')).toMatch(OUR_HEADER)
  })

  function openSession(action: Action, upTo: MailStage): Promise<Dialogue> {
    return openMailSession(target().network, PORTS[action], upTo)
  }

  /** On the same port, as a supervisor would. */
  async function restart(): Promise<void> {
    await milter?.kill()
    if (network && milter) milter = await startServing(network, milter.port)
  }

  function target(): { readonly network: MailNetwork; readonly mta: StartedTestContainer } {
    if (!network || !mta) throw new Error('Postfix has not started')
    return { network, mta }
  }
})

const OUR_HEADER = /^Authentication-Results: mx\.example\.org; iprev=pass \(host\.example\.com\)/m
