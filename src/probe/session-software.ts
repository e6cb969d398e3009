/**
 * What a greeting claims: the server's name (RFC 5321 §4.3.1: its first word) and the software behind it.
 * Claims, not knowledge: anybody can write any greeting. Versions are told only where the text states them.
 */
import { parseBracketedAddress } from '../core/address.ts'
import { isHostName, parseName } from '../core/domain-name.ts'
import type { ReceivedReply } from '../wire/smtp-reply.ts'
import type { Software } from './session-facts.ts'

/** Null where the first word is no name (`220 ESMTP ready`, `220 ****`). A refusal has a name only if it cannot be a mere word. */
export function readClaimedName({ code, lines }: Pick<ReceivedReply, 'code' | 'lines'>): string | null {
  const [word = '', next] = (lines[0] ?? '').trim().split(/[ \t]+/, 2)
  if (parseBracketedAddress(word) !== undefined || LITERAL.test(word)) return word
  const name = parseName(word.replaceAll('_', '-'))
  if (name === undefined || !isHostName(name) || SERVICE.test(word)) return null
  return word.includes('.') || (code === SERVICE_READY && (next === undefined || SERVICE.test(next))) ? word : null
}

/** As `readClaimedName`, for the reply to EHLO and HELO: whatever stands there is the name (`250 mailserver Hello …`). */
export function readHelloName(lines: readonly string[]): string | null {
  const [word = ''] = (lines[0] ?? '').trim().split(/[ \t]+/, 1)
  return word === '' ? null : word
}

/** The first that fits; null when the greeting keeps it to itself, as many do. */
export function readSoftware(lines: readonly string[]): Software | null {
  const text = lines.slice(0, READ_LINES).join('\n').slice(0, READ_OCTETS)
  for (const [product, pattern, by] of GREETINGS) {
    const match = pattern.exec(text)
    if (match) return { product, version: match.groups?.['version'] ?? null, by }
  }
  return null
}

const LITERAL = /^\[[0-9a-f:.]+\]$/i
/** Software names itself early, and patterns that look for it need not read everything that a stranger writes. */
const READ_LINES = 10
const READ_OCTETS = 1024
const SERVICE_READY = 220
const SERVICE = /^(?:E?SMTP|LMTP)[^\w.-]*$/i

/** More particular ones first: a Gmail or Exchange Online greeting would also fit others. */
const GREETINGS: readonly (readonly [product: string, pattern: RegExp, by: Software['by']])[] = [
  ['Gmail', /^mx\.google\.com ESMTP .*\bgsmtp$/im, 'stated'],
  ['Gmail', /\bESMTP \S+ ?- gsmtp$/im, 'stated'],
  ['Exchange Online', /^\S+\.outlook\.com Microsoft ESMTP MAIL Service/im, 'stated'],
  ['Microsoft Exchange', /\bMicrosoft ESMTP MAIL Service(?:, Version: (?<version>[0-9.]+))?/i, 'stated'],
  ['Amazon SES', /\bSimpleEmailService/i, 'stated'],
  ['OpenSMTPD', /\bOpenSMTPD\b/i, 'stated'],
  ['Postfix', /\bPostfix\b(?: \((?<version>[0-9][\w.-]*)\))?/i, 'stated'],
  ['Exim', /\bExim (?<version>[0-9][\w.-]*)/i, 'stated'],
  ['Exim', /\bExim\b/i, 'stated'],
  ['Sendmail', /\bSendmail (?:[A-Z][\w./-]* )?(?<version>[0-9][\w.+-]*)/i, 'stated'],
  ['Sendmail', /\bSendmail\b/i, 'stated'],
  ['Stalwart', /\bStalwart\b(?: (?:SMTP|ESMTP|Mail Server))?(?: v?(?<version>[0-9][\w.]*))?/i, 'stated'],
  ['netqmail', /\bnetqmail[- ]?(?<version>[0-9][\w.]*)?/i, 'stated'],
  ['qmail', /\bqmail\b/i, 'stated'],
  ['Haraka', /\bHaraka(?:[/ ](?<version>[0-9][\w.-]*))?/i, 'stated'],
  ['mox', /\bESMTP mox\b/i, 'stated'],
  ['Apache James', /\bJAMES SMTP Server(?: (?<version>[0-9][\w.-]*))?/i, 'stated'],
  ['HCL Domino', /\b(?:Lotus|HCL|IBM) Domino(?: Release (?<version>[0-9][\w.]*))?/i, 'stated'],
  ['MDaemon', /\bMDaemon(?: (?<version>[0-9][\w.]*))?/i, 'stated'],
  ['MailEnable', /\bMailEnable Service(?:, Version: (?<version>[0-9.]+))?/i, 'stated'],
  ['IceWarp', /\bIceWarp(?: (?<version>[0-9][\w.]*))?/i, 'stated'],
  ['Kerio Connect', /\bKerio (?:Connect|MailServer)(?: (?<version>[0-9][\w.]*))?/i, 'stated'],
  ['CommuniGate Pro', /\bCommuniGate Pro(?: (?<version>[0-9][\w.]*))?/i, 'stated'],
  ['PowerMTA', /\bPowerMTA(?:\(TM\))?(?: v?(?<version>[0-9][\w.]*))?/i, 'stated'],
  ['Courier', /\bCourier\b/i, 'stated'],
  ['Cisco firewall', /^(?=[^\n]*\*{8})[*20 ]+$/, 'shape'],
  ['qmail', /^[\w-]+(?:\.[\w-]+)+ ESMTP$/, 'shape'],
]
