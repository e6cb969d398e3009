/**
 * What the clients of the fixture network send, and what is kept of it: the server's replies and the message as it lies in the
 * recipient's mailbox, with all that changes from run to run replaced. The same list is sent to every MTA in every arrangement.
 */
import type { StartedTestContainer } from 'testcontainers'
import { canonicalText, heloName, hostAddress, hostAddress6, MTA_NAME, type ClientRole } from './mail-hosts.ts'
import type { MailNetwork } from './mail-network.ts'

export interface MailCase {
  readonly id: string
  readonly says: string
  readonly client: ClientRole
  readonly family?: 6
  readonly authenticated?: true
  /** Above the others. */
  readonly headers?: readonly string[]
}

/** Each in one session of its own, by swaks. */
export const MAIL_CASES: readonly MailCase[] = [
  { id: 'pass', says: 'a confirmed client', client: 'aligned' },
  { id: 'no-ptr', says: 'a client without PTR', client: 'noPtr' },
  { id: 'mismatch', says: 'a client whose PTR name is elsewhere', client: 'mismatch' },
  { id: 'temperror', says: 'a client whose reverse zone nobody answers for', client: 'temperror' },
  { id: 'generic', says: 'a client with the PTR name of a pool', client: 'generic' },
  { id: 'ipv6', says: 'a confirmed client over IPv6', client: 'aligned', family: 6 },
  { id: 'ipv6-no-ptr', says: 'a client without PTR over IPv6', client: 'noPtr', family: 6 },
  { id: 'authenticated', says: 'a client without PTR that has logged in', client: 'noPtr', authenticated: true, headers: forgedHeaders() },
  { id: 'forged', says: 'a confirmed client that forges our header, in every form', client: 'aligned', headers: forgedHeaders() },
]

/** Ours in many forms, between two that are not. */
function forgedHeaders(): readonly string[] {
  return [
    'Authentication-Results: other.example.net; spf=pass smtp.mailfrom=example.com',
    `Authentication-Results: ${MTA_NAME}; iprev=pass policy.iprev=198.51.100.1`,
    `AUTHENTICATION-RESULTS: (a comment (within another)) ${MTA_NAME.toUpperCase()} 1; spf=pass smtp.mailfrom=example.com`,
    `Authentication-Results:\n\t"${MTA_NAME}";\n\tdkim=pass header.d=example.com`,
    `Authentication-Results:${MTA_NAME};none`,
    'X-Authentication-Results: mx.example.org; none',
    `authentication-results: ${MTA_NAME}\n ; dmarc=pass header.from=example.com`,
    `Authentication-Results: ${MTA_NAME}.example.net; arc=pass`,
  ]
}

/** Where the messages go: a port of the MTA, or of what stands in front of it. */
export interface MailTarget {
  readonly network: MailNetwork
  readonly mta: StartedTestContainer
  /** Part of the subject, so that what comes by another way is told apart. */
  readonly id: string
  readonly port: number
  readonly at?: 'mta' | 'host'
}

/** Sends the case's message and gives what became of it. */
export async function sendCase(target: MailTarget, { id, client, family, authenticated, headers = [] }: MailCase): Promise<string> {
  const { network, port, at = 'mta' } = target
  const subject = `${target.id}-${id}`
  const addressOf = family === 6 ? hostAddress6 : hostAddress
  const output = await network.run([
    ...['swaks', '--server', addressOf(network.slot, at), '--port', String(port)],
    ...['--local-interface', addressOf(network.slot, client), ...(family === 6 ? ['-6'] : [])],
    ...['--helo', heloName(network.slot, client), '--from', SENDER, '--to', RECIPIENT],
    ...(authenticated ? ['--auth', 'PLAIN', '--auth-user', 'sender@example.org', '--auth-password', 'secret'] : []),
    ...['--data', messageText(subject, headers).replaceAll('\n', '\\n')],
  ])
  const replies = swaksReplies(output)
  const isTaken = replies.includes('\n -> .\n<-  250 ')
  const parts = [replies, ...(isTaken ? [await delivered(target, subject)] : [])]
  return stableText(parts.join('\n'), target)
}

/** Two messages of one session. */
export async function sendTwice(target: MailTarget): Promise<string> {
  const subjects = [`${target.id}-first`, `${target.id}-second`]
  const messages = subjects.flatMap((subject) => [...ENVELOPE, messageText(subject, forgedHeaders().slice(0, 2))])
  const replies = await converse(target, [`EHLO ${heloName(target.network.slot, 'aligned')}`, ...messages])
  const mailbox: string[] = []
  for (const subject of subjects) mailbox.push(await delivered(target, subject))
  return stableText([replies, ...mailbox].join('\n'), target)
}

/** The first HELO claims our own name, the second is honest. */
export async function sendSecondHelo(target: MailTarget): Promise<string> {
  const honest = heloName(target.network.slot, 'aligned')
  return stableText(await converse(target, [`EHLO ${MTA_NAME}`, `EHLO ${honest}`, ...ENVELOPE]), target)
}

export const SENDER = 'from@example.com'
export const RECIPIENT = 'recipient@example.org'
const ENVELOPE = [`MAIL FROM:<${SENDER}>`, `RCPT TO:<${RECIPIENT}>`]

export function messageText(subject: string, headers: readonly string[] = []): string {
  return [
    ...headers,
    `From: <${SENDER}>`,
    `To: <${RECIPIENT}>`,
    `Subject: ${subject}`,
    'Date: Mon, 5 Jan 2026 10:00:00 +0000',
    `Message-Id: <${subject}@example.com>`,
    '',
    'text',
    '',
  ].join('\n')
}

/** Says one step after another, whatever the replies; a step with line ends is a message. */
async function converse({ network, port, at = 'mta' }: MailTarget, steps: readonly string[]): Promise<string> {
  const { slot } = network
  const output = await network.run(['converse', hostAddress(slot, at), String(port), hostAddress(slot, 'aligned'), ...steps])
  const start = output.indexOf(' -> ')
  if (start === -1) throw new Error(`there was no session:\n${output}`)
  // Which extensions a server offers is its own affair.
  return output.slice(start).replaceAll(/^( -> EHLO .*\n)(?:<- {2}250-.*\n)*<- {2}250 .*$/gm, '$1<-  250 …')
}

/** What swaks shows of the session from MAIL on: its commands without the message, and the replies. */
function swaksReplies(output: string): string {
  const lines = output.split(/\r?\n/).map((line) => line.trimEnd())
  const start = lines.findIndex((line) => line.startsWith(' -> MAIL '))
  if (start === -1) throw new Error(`swaks did not get as far as MAIL:\n${output}`)
  const isCommand = (line: string): boolean => /^ -> (?:MAIL |RCPT |DATA$|\.$|QUIT$)/.test(line)
  const seen = lines.slice(start).filter((line) => /^<|^\*\*\*/.test(line) || isCommand(line))
  return `${seen.join('\n')}\n`
}

/** Waits until the message is there. */
export async function delivered({ mta }: Pick<MailTarget, 'mta'>, subject: string): Promise<string> {
  const { output } = await mta.exec(['sh', '-c', FIND_MESSAGE, 'find', subject])
  if (output === '') throw new Error(`the message ${subject} was not delivered`)
  return output.replaceAll('\r\n', '\n')
}

const FIND_MESSAGE = `
for try in $(seq 200); do
  file=$(grep -ls "^Subject: $1\\b" /home/recipient/Maildir/new/* 2>/dev/null | head -n 1)
  if [ -n "$file" ]; then cat "$file"; exit; fi
  sleep 0.05
done`

/** Neither dates nor queue ids are the same twice, and a patch release of the MTA is no difference either. */
function stableText(text: string, { network, id }: MailTarget): string {
  return canonicalText(text, network.slot)
    .replaceAll(`${id}-`, '')
    .replaceAll(
      /(?!Mon, 5 Jan 2026)[A-Z][a-z]{2}, +[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} (?:[+-][0-9]{4}(?: \([A-Z]+\))?|[A-Z]{3,5})/g,
      'DATE',
    )
    .replaceAll(/(\bid |queued as )[0-9A-F]{8,}\b/g, '$1QUEUE-ID')
    .replaceAll(/(\bid |250 2\.0\.0 )[0-9A-Za-z]{8}[0-9]{6}\b/g, '$1QUEUE-ID')
    .replaceAll(/\bid [0-9a-z]{16}\.[0-9]+/g, 'id QUEUE-ID')
    .replaceAll(/\([0-9.]+\/[0-9.]+\/Debian-[^)]+\)/g, '(VERSION)')
}
