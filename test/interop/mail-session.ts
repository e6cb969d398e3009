/**
 * An SMTP session from the machine of the tests to the MTA of the network, which stops at a command of choice: something may
 * happen there before it goes on.
 */
import { expect } from 'vitest'
import { openDialogue, type Dialogue } from '../gateway/smtp-dialogue.ts'
import { messageText, RECIPIENT, SENDER } from './mail-cases.ts'
import { heloName, hostAddress } from './mail-hosts.ts'
import type { MailNetwork } from './mail-network.ts'

export const MAIL_STAGES = ['EHLO', 'MAIL', 'RCPT', 'DATA'] as const
export type MailStage = (typeof MAIL_STAGES)[number]

const AFTER_EHLO = [`MAIL FROM:<${SENDER}>`, `RCPT TO:<${RECIPIENT}>`, 'DATA']

/** Up to and with this command, all of which must be granted. */
export async function openMailSession({ slot }: MailNetwork, port: number, upTo: MailStage): Promise<Dialogue> {
  const session = await openDialogue(port, hostAddress(slot, 'host'), hostAddress(slot, 'mta'))
  expect(await session.reply()).toMatch(/^220 /)
  for (const command of [`EHLO ${heloName(slot, 'host')}`, ...AFTER_EHLO].slice(0, MAIL_STAGES.indexOf(upTo) + 1)) {
    expect(await session.say(command)).toMatch(/^(?:250|354)[ -]/)
  }
  return session
}

/** Goes on to the end of the message, or to the first refusal; gives the last reply. */
export async function finishMailSession(session: Dialogue, from: MailStage, subject: string): Promise<string> {
  let reply = from === 'DATA' ? '354' : ''
  for (const command of AFTER_EHLO.slice(MAIL_STAGES.indexOf(from))) {
    reply = await session.say(command)
    if (!/^[23]/.test(reply)) break
  }
  if (reply.startsWith('354')) reply = await session.say(`${messageText(subject).replaceAll('\n', '\r\n')}.`)
  session.close()
  return reply
}

/** As the client is told to come again. */
export const TEMPORARY = /^451 4\.[0-9]\.[0-9] /
