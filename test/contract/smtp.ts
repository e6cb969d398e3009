/** An SMTP client that plays a case, for the front ends that speak SMTP themselves. A proxy says where it comes from. */
import { openDialogue, type Dialogue } from '../gateway/smtp-dialogue.ts'
import type { DecisionStage } from '../../src/policy/decision.ts'
import { FIELDS, type ContractClient } from './cases.ts'

/** Whom a server has to believe that. */
export const PROXY_ADDRESS = '127.51.0.99'
export const BODY = 'body\r\n'

/** With XCLIENT it also says who has logged in. */
export type Introduction = 'proxyHeader' | 'xclient'

export interface SmtpOutcome {
  readonly refusedAt: DecisionStage | null
  readonly reply: string | null
  readonly isTaken: boolean
}

/** Goes on after a refusal as long as it is let. */
export async function playClient(port: number, client: ContractClient, by: Introduction): Promise<SmtpOutcome> {
  const dialogue = await openDialogue(port, PROXY_ADDRESS)
  const refusals: (readonly [DecisionStage, string])[] = []
  try {
    const note = (stage: DecisionStage, reply: string): boolean => {
      if (!reply.startsWith('2')) refusals.push([stage, `${reply.replaceAll('\n', '\r\n')}\r\n`])
      return reply.startsWith('2')
    }
    const isTaken = note('connect', await introduce(dialogue, client, by)) && (await playSession(dialogue, client, by, note))
    if (refusals.length === 0) await dialogue.say('QUIT')
    const [refusedAt, reply] = refusals[0] ?? [null, null]
    return { refusedAt, reply, isTaken }
  } finally {
    dialogue.close()
  }
}

async function playSession(
  dialogue: Dialogue,
  client: ContractClient,
  by: Introduction,
  note: (stage: DecisionStage, reply: string) => boolean,
): Promise<boolean> {
  for (const claimedName of client.helos) note('helo', await dialogue.say(`EHLO ${claimedName}`))
  if (client.authenticated && by === 'proxyHeader') {
    const reply = await dialogue.say(`AUTH PLAIN ${Buffer.from('\0user\0password').toString('base64')}`)
    if (!reply.startsWith('235')) throw new Error(`AUTH: ${reply}`)
  }
  note('mail', await dialogue.say('MAIL FROM:<from@example.com>'))
  if (!note('rcpt', await dialogue.say(`RCPT TO:<${client.recipient ?? ''}>`))) return false
  const header = FIELDS.map(({ name, value }) => `${name}: ${value}\r\n`).join('')
  return (await dialogue.data(`${header}\r\n${BODY}`)).startsWith('250')
}

/** The reply with which the client's own session begins. */
async function introduce(dialogue: Dialogue, { address, authenticated }: ContractClient, by: Introduction): Promise<string> {
  if (by === 'proxyHeader') dialogue.send(proxyHeader(address))
  const greeting = await dialogue.reply()
  if (by === 'proxyHeader') return greeting
  return dialogue.say(`XCLIENT ADDR=${address.includes(':') ? 'IPV6:' : ''}${address}${authenticated ? ' LOGIN=user' : ''}`)
}

function proxyHeader(address: string): string {
  return address.includes(':') ? `PROXY TCP6 ${address} ::1 4711 25\r\n` : `PROXY TCP4 ${address} 127.0.0.1 4711 25\r\n`
}

/** The header section of a message that came out behind a front end, unfolded; the body has to be as it was sent. */
export function fieldsOf(message: string): string[] {
  const end = message.indexOf('\r\n\r\n')
  if (end < 0 || message.slice(end + 4) !== BODY) throw new Error(`not the message that was sent: ${JSON.stringify(message)}`)
  return message
    .slice(0, end)
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .map((field) => field.replace(/[ \t]+/g, ' '))
}
