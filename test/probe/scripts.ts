/**
 * How servers behave, well and badly, and what a session must say about each. A script is the server's part, step by step; `expected`
 * is the whole summary, so that a fact that should not be there fails as well. Nothing here is ever "no STARTTLS" unless it was seen.
 */
import type { SessionSettings, SessionTarget } from '../../src/probe/smtp-session-settings.ts'
import {
  close,
  flood,
  halfClose,
  hear,
  hearAnything,
  pass,
  reply,
  reset,
  run,
  say,
  sayInPieces,
  secure,
  stall,
  type SecureOptions,
  type Step,
} from '../support/scripted-smtp.ts'
import * as certificates from './session-certificates.ts'
import type { Summary } from './session-summary.ts'

export interface Script {
  readonly name: string
  /** A list of steps a connection. */
  readonly peer: readonly (readonly Step[])[]
  readonly expected: Summary
  readonly settings?: Partial<SessionSettings>
  readonly target?: Partial<SessionTarget>
  /** Called off by the step `callOff`. */
  readonly abort?: AbortController
}

export const TIMEOUTS = { connectMs: 15_000, greetingMs: 60_000, commandMs: 30_000, tlsMs: 20_000, quitMs: 3000 }

const NAME = 'mx.example.org'
const banner = say(`220 ${NAME} ESMTP Postfix\r\n`)
const ehlo = (...offers: readonly string[]): Step[] => [hear('EHLO probe.example.net'), reply(250, NAME, ...offers)]
const bye: Step[] = [hear('QUIT'), say('221 2.0.0 Bye\r\n')]

const identity = (cert: string, key: string = certificates.EC_KEY): SecureOptions => ({
  cert: `${cert}\n${certificates.INTERMEDIATE}`,
  key,
  ciphers: 'DEFAULT:@SECLEVEL=0',
})
const GOOD = identity(certificates.GOOD)
const upgrade = (options: SecureOptions = GOOD): Step[] => [hear('STARTTLS'), secure(options, '220 2.0.0 Ready to start TLS\r\n')]

const greeted = { greeting: `220 ${NAME} ESMTP Postfix`, name: NAME, software: 'Postfix' }
const welcome = { ...greeted, hello: `EHLO ${NAME}` }
const inClear = { ...welcome, startTls: 'notOffered', tls: 'noTls', helloAfterTls: 'noTls', quit: '221' }
const offered = { ...welcome, offers: 'startTls' }
const upgraded = { ...offered, startTls: 'accepted' }
const secured = { ...upgraded, tls: 'TLSv1.3 trusted match', helloAfterTls: `EHLO ${NAME}`, offersAfterTls: 'size=100', quit: '221' }
const afterTls: Step[] = [...ehlo('SIZE 100'), ...bye]
const untilStartTls: Step[] = [banner, ...ehlo('STARTTLS')]

/** One whose TLS is as told, and all else as it should be. */
const withTls = (name: string, options: SecureOptions, tls: string): Script => ({
  name,
  peer: [[...untilStartTls, ...upgrade(options), ...afterTls]],
  expected: { ended: 'done', ...secured, tls },
})

const wellBehaved: Script[] = [
  {
    name: 'speaks plain SMTP and nothing else',
    peer: [[banner, ...ehlo('PIPELINING', '8BITMIME'), ...bye]],
    expected: { ended: 'done', ...inClear, offers: 'pipelining eightBitMime' },
  },
  {
    name: 'offers nothing at all',
    peer: [[banner, ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, offers: '' },
  },
  { name: 'upgrades to TLS', peer: [[...untilStartTls, ...upgrade(), ...afterTls]], expected: { ended: 'done', ...secured } },
  {
    name: 'offers other things under TLS',
    peer: [[...untilStartTls, ...upgrade(), ...ehlo('AUTH PLAIN LOGIN', 'REQUIRETLS'), ...bye]],
    expected: { ended: 'done', ...secured, offersAfterTls: 'requireTls auth=PLAIN,LOGIN' },
  },
  {
    name: 'changes its name after TLS',
    peer: [[...untilStartTls, ...upgrade(), hear('EHLO'), reply(250, 'inner.example.net Hello'), ...bye]],
    expected: { ended: 'done', ...secured, helloAfterTls: 'EHLO inner.example.net', offersAfterTls: '' },
  },
  {
    name: 'claims another name at EHLO than in its banner',
    peer: [[banner, hear('EHLO'), reply(250, 'localhost', 'SIZE'), ...bye]],
    expected: { ended: 'done', ...inClear, hello: 'EHLO localhost', offers: 'size=null' },
  },
  {
    name: 'greets in several lines',
    peer: [[reply(220, `${NAME} ESMTP Exim 4.96`, 'No spam here', 'Really'), ...ehlo(), ...bye]],
    expected: {
      ended: 'done',
      ...inClear,
      greeting: `220 ${NAME} ESMTP Exim 4.96 | No spam here | Really`,
      software: 'Exim 4.96',
      offers: '',
    },
  },
  {
    name: 'greets after a long pause',
    peer: [[pass(59_000), banner, ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, offers: '' },
  },
  {
    name: 'is slow at everything, within its time',
    peer: [
      [
        ...[pass(20_000), banner, hear('EHLO'), pass(25_000), reply(250, NAME, 'STARTTLS')],
        ...[hear('STARTTLS'), pass(25_000), secure(GOOD, '220 go\r\n'), hear('EHLO'), pass(25_000), reply(250, NAME, 'SIZE 100'), ...bye],
      ],
    ],
    expected: { ended: 'done', ...secured },
  },
  {
    name: 'writes octet by octet',
    peer: [
      [
        sayInPieces(`220-${NAME} ESMTP Postfix\r\n220 ready\r\n`),
        hear('EHLO'),
        sayInPieces(`250-${NAME}\r\n250 STARTTLS\r\n`),
        ...upgrade(),
        ...afterTls,
      ],
    ],
    expected: { ended: 'done', ...secured, greeting: `220 ${NAME} ESMTP Postfix | ready` },
  },
  {
    name: 'takes QUIT with a wordless end',
    peer: [[banner, ...ehlo(), hear('QUIT'), close]],
    expected: { ended: 'done', ...inClear, offers: '', quit: 'closed' },
  },
  {
    name: 'does not take QUIT at all',
    peer: [[banner, ...ehlo(), hear('QUIT'), stall]],
    expected: { ended: 'done', ...inClear, offers: '', quit: 'timeout 3000' },
  },
  {
    name: 'answers QUIT with 421',
    peer: [[banner, ...ehlo(), hear('QUIT'), say('421 whatever\r\n')]],
    expected: { ended: 'done', ...inClear, offers: '', quit: '421' },
  },
  {
    name: 'resets at QUIT',
    peer: [[banner, ...ehlo(), hear('QUIT'), reset]],
    expected: { ended: 'done', ...inClear, offers: '', quit: 'reset' },
  },
  {
    name: 'has an enhanced code in its replies',
    peer: [[banner, hear('EHLO'), say(`250 2.1.0 ${NAME}\r\n`), ...bye]],
    expected: { ended: 'done', ...inClear, offers: '' },
  },
]

const turningAway: Script[] = [
  ...([421, 450, 554, 521, 571] as const).map((code) => ({
    name: `greets with ${String(code)}`,
    peer: [[say(`${String(code)} ${NAME} not now\r\n`), ...(code === 421 ? [] : bye)]],
    expected: {
      ended: `greeting: turnedAway ${String(code)}`,
      greeting: `${String(code)} ${NAME} not now`,
      name: NAME,
      ...(code === 421 ? {} : { quit: '221' }),
    },
  })),
  {
    name: 'greets with 554, and goes at once',
    peer: [[say(`554 5.7.1 ${NAME} blocked\r\n`), close]],
    expected: { ended: 'greeting: turnedAway 554', greeting: `554 5.7.1 ${NAME} blocked`, name: NAME, quit: 'closed' },
  },
  {
    name: 'greets with 250',
    peer: [[say('250 hello\r\n'), ...bye]],
    expected: { ended: 'greeting: turnedAway 250', greeting: '250 hello', quit: '221' },
  },
  {
    name: 'answers EHLO with 421',
    peer: [[banner, hear('EHLO'), say('421 4.7.0 too many connections\r\n')]],
    expected: { ended: 'ehlo: turnedAway 421', ...greeted, hello: 'refused 421' },
  },
  {
    name: 'answers EHLO with 450: HELO is not tried',
    peer: [[banner, hear('EHLO'), say('450 4.7.25 no PTR\r\n'), ...bye]],
    expected: { ended: 'ehlo: turnedAway 450', ...greeted, hello: 'refused 450', quit: '221' },
  },
  {
    name: 'knows only HELO',
    peer: [[banner, hear('EHLO'), say('502 what\r\n'), hear('HELO probe.example.net'), say(`250 ${NAME}\r\n`), ...bye]],
    expected: { ended: 'done', ...inClear, hello: `HELO ${NAME} after 502`, startTls: 'noEhlo' },
  },
  {
    name: 'refuses EHLO and HELO',
    peer: [[banner, hear('EHLO'), say('550 5.7.25 no PTR\r\n'), hear('HELO'), say('550 5.7.25 no PTR\r\n'), ...bye]],
    expected: { ended: 'helo: turnedAway 550', ...greeted, hello: 'refused 550, HELO 550', quit: '221' },
  },
  {
    name: 'refuses EHLO and goes',
    peer: [[banner, hear('EHLO'), say('550 5.7.1 away\r\n'), close]],
    expected: { ended: 'helo: closed', ...greeted, hello: 'refused 550' },
  },
  {
    name: 'answers HELO with 421',
    peer: [[banner, hear('EHLO'), say('500 what\r\n'), hear('HELO'), say('421 bye\r\n')]],
    expected: { ended: 'helo: turnedAway 421', ...greeted, hello: 'refused 500, HELO 421' },
  },
  {
    name: 'says nothing to HELO',
    peer: [[banner, hear('EHLO'), say('500 what\r\n'), hear('HELO'), stall]],
    expected: { ended: 'helo: timeout 30000', ...greeted, hello: 'refused 500' },
  },
  {
    name: 'answers EHLO with a challenge',
    peer: [[banner, hear('EHLO'), say('334 VXNlcm5hbWU6\r\n'), ...bye]],
    expected: { ended: 'ehlo: turnedAway 334', ...greeted, hello: 'refused 334', quit: '221' },
  },
  {
    name: 'says 421 right behind its banner, without being asked',
    peer: [[say(`220 ${NAME} ESMTP Postfix\r\n421 4.3.2 shutting down\r\n`), close]],
    expected: { ended: 'ehlo: turnedAway 421', ...greeted, hello: 'refused 421' },
  },
  {
    name: 'refuses STARTTLS for now',
    peer: [[...untilStartTls, hear('STARTTLS'), say('454 4.7.0 TLS not available due to local problem\r\n'), ...bye]],
    expected: { ended: 'done', ...offered, startTls: 'refused 454', tls: 'noTls', helloAfterTls: 'noTls', quit: '221' },
  },
  {
    name: 'refuses STARTTLS for good',
    peer: [[...untilStartTls, hear('STARTTLS'), say('502 5.5.1 no\r\n'), ...bye]],
    expected: { ended: 'done', ...offered, startTls: 'refused 502', tls: 'noTls', helloAfterTls: 'noTls', quit: '221' },
  },
  {
    name: 'answers STARTTLS with 250',
    peer: [[...untilStartTls, hear('STARTTLS'), say('250 ok\r\n'), ...bye]],
    expected: { ended: 'done', ...offered, startTls: 'refused 250', tls: 'noTls', helloAfterTls: 'noTls', quit: '221' },
  },
  {
    name: 'answers STARTTLS with 421',
    peer: [[...untilStartTls, hear('STARTTLS'), say('421 4.3.2 shutting down\r\n')]],
    expected: { ended: 'startTls: turnedAway 421', ...offered, startTls: 'refused 421' },
  },
  {
    name: 'answers EHLO under TLS with 421',
    peer: [[...untilStartTls, ...upgrade(), hear('EHLO'), say('421 4.7.0 enough\r\n')]],
    expected: { ended: 'ehlo under TLS: turnedAway 421', ...upgraded, tls: secured.tls, helloAfterTls: 'refused 421' },
  },
  {
    name: 'refuses EHLO under TLS, and takes HELO',
    peer: [[...untilStartTls, ...upgrade(), hear('EHLO'), say('500 what\r\n'), hear('HELO'), say(`250 ${NAME}\r\n`), ...bye]],
    expected: { ended: 'done', ...upgraded, tls: secured.tls, helloAfterTls: `HELO ${NAME} after 500`, quit: '221' },
  },
]

const silent: Script[] = [
  { name: 'says nothing', peer: [[stall]], expected: { ended: 'greeting: timeout 60000', greeting: 'unanswered' } },
  {
    name: 'is a tarpit that stops within its banner',
    peer: [[sayInPieces('220 mx.exa'), stall]],
    expected: { ended: 'greeting: timeout 60000, heard "220 mx.exa"', greeting: 'unanswered' },
  },
  {
    name: 'is a tarpit that never ends its banner',
    peer: [[say('220-one\r\n'), pass(20_000), say('220-two\r\n'), pass(20_000), say('220-three\r\n'), stall]],
    expected: { ended: 'greeting: timeout 60000, heard "220-one\\r\\n220-two\\r\\n220-three\\r\\n"', greeting: 'unanswered' },
  },
  {
    name: 'says nothing to EHLO',
    peer: [[banner, hear('EHLO'), stall]],
    expected: { ended: 'ehlo: timeout 30000', ...greeted, hello: 'unanswered' },
  },
  {
    name: 'stops within its list',
    peer: [[banner, hear('EHLO'), say(`250-${NAME}\r\n250-START`), stall]],
    expected: { ended: `ehlo: timeout 30000, heard "250-${NAME}\\r\\n250-START"`, ...greeted, hello: 'unanswered' },
  },
  {
    name: 'says nothing to STARTTLS',
    peer: [[...untilStartTls, hear('STARTTLS'), stall]],
    expected: { ended: 'startTls: timeout 30000', ...offered, startTls: 'unanswered' },
  },
  {
    name: 'takes STARTTLS and says nothing in the handshake',
    peer: [[...untilStartTls, hear('STARTTLS'), say('220 go\r\n'), hearAnything, stall]],
    expected: { ended: 'tls: timeout 20000', ...upgraded, tls: 'failed: timeout 20000' },
  },
  {
    name: 'says nothing to EHLO under TLS',
    peer: [[...untilStartTls, ...upgrade(), hear('EHLO'), stall]],
    expected: { ended: 'ehlo under TLS: timeout 30000', ...upgraded, tls: secured.tls, helloAfterTls: 'unanswered' },
  },
  {
    name: 'uses up the time for the whole conversation',
    peer: [[pass(50_000), banner, hear('EHLO'), pass(25_000), reply(250, NAME, 'STARTTLS'), hear('STARTTLS'), say('2'), stall]],
    settings: { deadlineMs: 90_000 },
    expected: { ended: 'startTls: deadline, heard "2"', ...offered, startTls: 'unanswered' },
  },
  {
    name: 'uses up the time for the whole conversation before its greeting',
    peer: [[stall]],
    settings: { deadlineMs: 10_000 },
    expected: { ended: 'greeting: deadline', greeting: 'unanswered' },
  },
]

const leaving: Script[] = [
  { name: 'closes without a word', peer: [[close]], expected: { ended: 'greeting: closed', greeting: 'unanswered' } },
  { name: 'resets without a word', peer: [[pass(1), reset]], expected: { ended: 'greeting: reset', greeting: 'unanswered' } },
  {
    name: 'closes within its banner',
    peer: [[say('220-mx\r\n22'), close]],
    expected: { ended: 'greeting: closed, heard "220-mx\\r\\n22"', greeting: 'unanswered' },
  },
  {
    name: 'closes behind its banner',
    peer: [[banner, close]],
    expected: { ended: 'ehlo: closed', ...greeted, hello: 'unanswered' },
  },
  {
    name: 'greets without a line end and closes',
    peer: [[say(`220 ${NAME} ESMTP Postfix`), close]],
    expected: { ended: 'ehlo: closed', ...greeted, hello: 'unanswered', faults: 'unterminated' },
  },
  {
    name: 'half-closes behind its banner',
    peer: [[banner, halfClose]],
    expected: { ended: 'ehlo: closed', ...greeted, hello: 'unanswered' },
  },
  {
    name: 'resets at EHLO',
    peer: [[banner, hear('EHLO'), reset]],
    expected: { ended: 'ehlo: reset', ...greeted, hello: 'unanswered' },
  },
  {
    name: 'closes at EHLO',
    peer: [[banner, hear('EHLO'), close]],
    expected: { ended: 'ehlo: closed', ...greeted, hello: 'unanswered' },
  },
  {
    name: 'closes within its list, whose STARTTLS was seen already',
    peer: [[banner, hear('EHLO'), say(`250-${NAME}\r\n250-STARTTLS\r\n`), close]],
    expected: { ended: `ehlo: closed, heard "250-${NAME}\\r\\n250-STARTTLS\\r\\n"`, ...greeted, hello: 'unanswered' },
  },
  {
    name: 'closes at STARTTLS',
    peer: [[...untilStartTls, hear('STARTTLS'), close]],
    expected: { ended: 'startTls: closed', ...offered, startTls: 'unanswered' },
  },
  {
    name: 'resets at STARTTLS',
    peer: [[...untilStartTls, hear('STARTTLS'), reset]],
    expected: { ended: 'startTls: reset', ...offered, startTls: 'unanswered' },
  },
  {
    name: 'closes in the handshake',
    peer: [[...untilStartTls, hear('STARTTLS'), say('220 go\r\n'), hearAnything, close]],
    expected: { ended: 'tls: closed', ...upgraded, tls: 'failed: closed' },
  },
  {
    name: 'resets in the handshake',
    peer: [[...untilStartTls, hear('STARTTLS'), say('220 go\r\n'), hearAnything, reset]],
    expected: { ended: 'tls: reset', ...upgraded, tls: 'failed: reset' },
  },
  {
    name: 'closes right after the handshake',
    peer: [[...untilStartTls, ...upgrade(), close]],
    expected: { ended: 'ehlo under TLS: closed', ...upgraded, tls: secured.tls, helloAfterTls: 'unanswered' },
  },
  {
    name: 'resets at EHLO under TLS',
    peer: [[...untilStartTls, ...upgrade(), hear('EHLO'), reset]],
    expected: { ended: 'ehlo under TLS: reset', ...upgraded, tls: secured.tls, helloAfterTls: 'unanswered' },
  },
]

const garbled: Script[] = [
  {
    name: 'speaks another protocol',
    peer: [[say('SSH-2.0-OpenSSH_9.2\r\n'), stall]],
    expected: { ended: 'greeting: malformed noCode, heard "SSH-2.0-OpenSSH_9.2\\r\\n"', greeting: 'unanswered' },
  },
  {
    name: 'speaks another protocol and closes',
    peer: [[say('* OK IMAP4rev1\r\n'), close]],
    expected: { ended: 'greeting: malformed noCode, heard "* OK IMAP4rev1\\r\\n"', greeting: 'unanswered' },
  },
  {
    name: 'expects TLS at once',
    peer: [[say('\x15\x03\x01\x00\x02\x02\x46'), close]],
    expected: { ended: 'greeting: malformed noCode, heard "\\u0015\\u0003\\u0001\\u0000\\u0002\\u0002F"', greeting: 'unanswered' },
  },
  {
    name: 'says other things before its banner',
    peer: [[say('*** authorised use only ***\r\n\r\n'), banner, ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, offers: '', faults: 'noCode' },
  },
  {
    name: 'changes its code between the lines of its banner',
    peer: [[say(`220-${NAME} ESMTP Postfix\r\n250 ready\r\n`), ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, greeting: `220 ${NAME} ESMTP Postfix | ready`, offers: '', faults: 'codeChanges' },
  },
  {
    name: 'changes its code within its list',
    peer: [[banner, hear('EHLO'), say(`250-${NAME}\r\n251-PIPELINING\r\n250 STARTTLS\r\n`), ...upgrade(), ...afterTls]],
    expected: { ended: 'done', ...secured, offers: 'pipelining startTls', faults: 'codeChanges' },
  },
  {
    name: 'has a line without a code within its list',
    peer: [[banner, hear('EHLO'), say(`250-${NAME}\r\nPIPELINING\r\n250 STARTTLS\r\n`), ...upgrade(), ...afterTls]],
    expected: { ended: 'done', ...secured, faults: 'noCode' },
  },
  {
    name: 'writes underscores where a minus belongs',
    peer: [[banner, hear('EHLO'), say(`250_${NAME}\r\n250_STARTTLS\r\n`), stall]],
    expected: { ended: `ehlo: malformed noCode, heard "250_${NAME}\\r\\n250_STARTTLS\\r\\n"`, ...greeted, hello: 'unanswered' },
  },
  {
    name: 'ends its lines with a line feed only',
    peer: [[say(`220 ${NAME} ESMTP Postfix\n`), hear('EHLO'), say(`250-${NAME}\n250 SIZE 5\n`), ...bye]],
    expected: { ended: 'done', ...inClear, offers: 'size=5', faults: 'bareLineFeed' },
  },
  {
    name: 'ends its lines with a carriage return only',
    peer: [[say(`220 ${NAME} ESMTP\r`), stall]],
    expected: { ended: `greeting: timeout 60000, heard "220 ${NAME} ESMTP\\r"`, greeting: 'unanswered' },
  },
  {
    name: 'has NUL in its banner',
    peer: [[say(`220 ${NAME} ESMTP Postfix\0\r\n`), ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, greeting: `220 ${NAME} ESMTP Postfix\0`, offers: '', faults: 'nul' },
  },
  {
    name: 'has 8-bit octets in its banner',
    peer: [[say(`220 ${NAME} ESMTP Postfix \xfcber\xe9\r\n`), ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, greeting: `220 ${NAME} ESMTP Postfix \xfcber\xe9`, offers: '', faults: 'eightBit' },
  },
  {
    name: 'has terminal escapes and a bare carriage return in its banner',
    peer: [[say(`220 ${NAME} ESMTP Postfix \x1b[31m\rred\r\n`), ...ehlo(), ...bye]],
    expected: {
      ...{ ended: 'done', ...inClear, greeting: `220 ${NAME} ESMTP Postfix \x1b[31m\rred`, offers: '' },
      faults: 'control bareCarriageReturn',
    },
  },
  {
    name: 'has a line of more than 512 octets',
    peer: [[say(`220 ${NAME} ESMTP ${'x'.repeat(1000)}\r\n`), ...ehlo(), ...bye]],
    expected: {
      ...{ ended: 'done', ...inClear, greeting: `220 ${NAME} ESMTP ${'x'.repeat(1000)}`, offers: '', faults: 'longLine' },
      software: undefined as never,
    },
  },
  {
    name: 'never ends a line',
    peer: [[flood('x'.repeat(1000))]],
    expected: { ended: 'greeting: malformed lineTooLong, heard "xxxxxxxxxx" and more', greeting: 'unanswered' },
  },
  {
    name: 'never ends its banner, fast',
    peer: [[flood('220-again\r\n'.repeat(10))]],
    expected: { ended: 'greeting: malformed tooManyLines, heard "220-again\\r" and more', greeting: 'unanswered' },
  },
  {
    name: 'never ends its list',
    peer: [[banner, hear('EHLO'), flood(`250-X-${'Y'.repeat(400)}\r\n`)]],
    expected: { ended: 'ehlo: malformed replyTooLong, heard "250-X-YYYY" and more', ...greeted, hello: 'unanswered' },
  },
  {
    name: 'never ends saying nothing with many lines',
    peer: [[flood('\r\n'.repeat(50))]],
    expected: { ended: 'greeting: malformed tooManyLines, heard "\\r\\n\\r\\n\\r\\n\\r\\n\\r\\n" and more', greeting: 'unanswered' },
  },
  {
    name: 'floods under TLS',
    peer: [[...untilStartTls, ...upgrade(), hear('EHLO'), flood('z'.repeat(1000))]],
    expected: {
      ...{ ended: 'ehlo under TLS: malformed lineTooLong, heard "zzzzzzzzzz" and more', ...upgraded },
      ...{ tls: secured.tls, helloAfterTls: 'unanswered' },
    },
  },
  {
    name: 'has a code of no known class',
    peer: [[say('620 odd\r\n'), stall]],
    expected: { ended: 'greeting: malformed noCode, heard "620 odd\\r\\n"', greeting: 'unanswered' },
  },
  {
    name: 'greets with a code and nothing else',
    peer: [[say('220\r\n'), ...ehlo(), ...bye]],
    expected: { ...{ ended: 'done', ...inClear, greeting: '220 ', offers: '' }, name: undefined as never, software: undefined as never },
  },
  {
    name: 'hides behind a firewall that rewrites everything',
    peer: [[say(`220 ${'*'.repeat(30)}\r\n`), ...ehlo('8BITMIME', 'XXXXXXXA'), ...bye]],
    expected: {
      ...{ ended: 'done', ...inClear, greeting: `220 ${'*'.repeat(30)}`, name: undefined as never, software: 'Cisco firewall?' },
      ...{ offers: 'eightBitMime +XXXXXXXA masked:XXXXXXXA', startTls: 'notOffered but XXXXXXXA' },
    },
  },
]

const outOfTurn: Script[] = [
  {
    name: 'greets twice',
    peer: [[say(`220 ${NAME} ESMTP Postfix\r\n220 once more\r\n`), ...ehlo(), ...bye]],
    expected: { ended: 'done', ...inClear, offers: '', unsolicited: ['ehlo: 220 once more'] },
  },
  {
    name: 'greets again in place of the answer to EHLO',
    peer: [[banner, hear('EHLO'), say(`220 ${NAME} late\r\n`), reply(250, NAME, 'SIZE 7'), ...bye]],
    expected: { ended: 'done', ...inClear, offers: 'size=7', unsolicited: [`ehlo: 220 ${NAME} late`] },
  },
  {
    name: 'greets again under TLS',
    peer: [[...untilStartTls, ...upgrade(), say(`220 ${NAME} again\r\n`), ...afterTls]],
    expected: { ended: 'done', ...secured, unsolicited: [`ehlo: 220 ${NAME} again`] },
  },
  {
    name: 'greets for ever',
    peer: [[banner, hear('EHLO'), say('220 a\r\n'.repeat(20)), ...bye]],
    expected: {
      ...{ ended: 'done', ...inClear, hello: 'EHLO a', offers: '' },
      unsolicited: Array.from({ length: 10 }, () => 'ehlo: 220 a'),
    },
  },
  {
    name: 'answers before it is asked',
    peer: [[say(`220 ${NAME} ESMTP Postfix\r\n250 ${NAME}\r\n`), ...ehlo('STARTTLS'), ...upgrade(), ...afterTls]],
    expected: { ended: 'done', ...secured, unsolicited: [`ehlo: 250 ${NAME}`] },
  },
  {
    name: 'says something in clear behind its answer to STARTTLS',
    peer: [[...untilStartTls, hear('STARTTLS'), secure(GOOD, '220 go\r\n250 injected\r\n'), ...afterTls]],
    expected: { ended: 'done', ...secured, startTls: 'accepted, then "250 injected"' },
  },
  {
    name: 'says half a line in clear behind its answer to STARTTLS',
    peer: [[...untilStartTls, hear('STARTTLS'), secure(GOOD, '220 go\r\nhalf'), ...afterTls]],
    expected: { ended: 'done', ...secured, startTls: 'accepted, then "half"' },
  },
  {
    name: 'goes on in clear after taking STARTTLS',
    peer: [[...untilStartTls, hear('STARTTLS'), say('220 go\r\n'), hearAnything, say('500 what is this\r\n'), stall]],
    expected: {
      ...{ ended: 'tls: tlsFailed ERR_SSL_WRONG_VERSION_NUMBER', ...upgraded },
      tls: 'failed: tlsFailed ERR_SSL_WRONG_VERSION_NUMBER',
    },
  },
]

const tlsKinds: Script[] = [
  withTls('has a certificate for another name', identity(certificates.OTHER_NAME), 'TLSv1.3 trusted mismatch'),
  withTls('has a wildcard certificate', identity(certificates.WILDCARD), 'TLSv1.3 trusted match'),
  withTls('has its name only as common name', identity(certificates.COMMON_NAME_ONLY), 'TLSv1.3 trusted match'),
  withTls('has an expired certificate', identity(certificates.EXPIRED), 'TLSv1.3 CERT_HAS_EXPIRED match'),
  withTls('has a certificate from the future', identity(certificates.NOT_YET_VALID), 'TLSv1.3 CERT_NOT_YET_VALID match'),
  withTls('has a certificate with 211 names', identity(certificates.MANY_NAMES), 'TLSv1.3 trusted match'),
  withTls(
    'does not send its intermediate certificate',
    { ...GOOD, cert: certificates.GOOD },
    'TLSv1.3 UNABLE_TO_VERIFY_LEAF_SIGNATURE match',
  ),
  withTls(
    'has the self-signed certificate of an installer',
    { cert: certificates.ED25519, key: certificates.ED25519_KEY },
    'TLSv1.3 DEPTH_ZERO_SELF_SIGNED_CERT mismatch',
  ),
  withTls(
    'has a short key and a SHA-1 signature',
    { ...GOOD, cert: certificates.WEAK, key: certificates.WEAK_KEY },
    'TLSv1.3 DEPTH_ZERO_SELF_SIGNED_CERT match',
  ),
  withTls('knows nothing newer than TLS 1.2', { ...GOOD, maxVersion: 'TLSv1.2' }, 'TLSv1.2 trusted match'),
  withTls('knows nothing newer than TLS 1.1', { ...GOOD, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }, 'TLSv1.1 trusted match'),
  withTls('knows nothing newer than TLS 1.0', { ...GOOD, minVersion: 'TLSv1', maxVersion: 'TLSv1' }, 'TLSv1 trusted match'),
  {
    name: 'knows nothing as new as we ask for',
    peer: [[...untilStartTls, hear('STARTTLS'), secure({ ...GOOD, maxVersion: 'TLSv1.2' }, '220 go\r\n')]],
    settings: { tls: { minVersion: 'TLSv1.3', trustedCertificates: [certificates.ROOT] } },
    expected: {
      ...{ ended: 'tls: tlsFailed ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', ...upgraded },
      tls: 'failed: tlsFailed ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    },
  },
  {
    name: 'is compared with no name when there is none',
    peer: [[...untilStartTls, ...upgrade(), ...afterTls]],
    target: { serverName: null },
    expected: { ended: 'done', ...secured, tls: 'TLSv1.3 trusted noReference' },
  },
  {
    name: 'is compared with an address',
    peer: [[...untilStartTls, ...upgrade(), ...afterTls]],
    target: { serverName: '2001:db8:51::25' },
    expected: { ended: 'done', ...secured },
  },
  {
    name: 'speaks TLS from the first octet on',
    peer: [[secure(GOOD), banner, ...ehlo('AUTH PLAIN'), ...bye]],
    target: { implicitTls: true },
    expected: {
      ...{ ended: 'done', tls: secured.tls, ...greeted, hello: 'implicitTls', startTls: 'implicitTls' },
      ...{ helloAfterTls: `EHLO ${NAME}`, offersAfterTls: 'auth=PLAIN', quit: '221' },
    },
  },
  {
    name: 'speaks in clear where TLS was to be from the first octet on',
    peer: [[banner, stall]],
    target: { implicitTls: true },
    expected: {
      ...{ ended: 'tls: tlsFailed ERR_SSL_WRONG_VERSION_NUMBER', tls: 'failed: tlsFailed ERR_SSL_WRONG_VERSION_NUMBER' },
      ...{ hello: 'implicitTls', startTls: 'implicitTls' },
    },
  },
  {
    name: 'says nothing where TLS was to be from the first octet on',
    peer: [[hearAnything, stall]],
    target: { implicitTls: true },
    expected: { ended: 'tls: timeout 20000', tls: 'failed: timeout 20000', hello: 'implicitTls', startTls: 'implicitTls' },
  },
  {
    name: 'greets with 554 under implicit TLS',
    peer: [[secure(GOOD), say('554 no\r\n'), ...bye]],
    target: { implicitTls: true },
    expected: {
      ...{ ended: 'greeting under TLS: turnedAway 554', tls: secured.tls, greeting: '554 no', quit: '221' },
      ...{ hello: 'implicitTls', startTls: 'implicitTls' },
    },
  },
]

const oneMore = (options: SecureOptions): Step[] => [...untilStartTls, ...upgrade(options), ...bye]

const extras: Script[] = [
  {
    name: 'still takes old versions of TLS',
    peer: [
      [...untilStartTls, ...upgrade({ ...GOOD, minVersion: 'TLSv1' }), ...afterTls],
      oneMore({ ...GOOD, minVersion: 'TLSv1' }),
      oneMore({ ...GOOD, minVersion: 'TLSv1.2' }),
      [...untilStartTls, hear('STARTTLS'), say('220 go\r\n'), hearAnything, close],
      [say('421 too many connections\r\n')],
    ],
    settings: { checkOldTls: ['TLSv1', 'TLSv1.1', 'TLSv1.1', 'TLSv1.2'] },
    expected: {
      ...{ ended: 'done', ...secured },
      oldTls: [
        'TLSv1 accepted',
        'TLSv1.1 refused: tlsFailed ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
        'TLSv1.1 refused: closed',
        'TLSv1.2 inconclusive: greeting: turnedAway 421',
      ],
    },
  },
  {
    name: 'refuses STARTTLS to the connection that asks for old versions',
    peer: [
      [...untilStartTls, ...upgrade(), ...afterTls],
      [...untilStartTls, hear('STARTTLS'), say('454 no\r\n'), ...bye],
    ],
    settings: { checkOldTls: ['TLSv1'] },
    expected: { ended: 'done', ...secured, oldTls: ['TLSv1 inconclusive: startTls: turnedAway 454'] },
  },
  {
    name: 'is not asked for old versions without STARTTLS',
    peer: [[banner, ...ehlo(), ...bye]],
    settings: { checkOldTls: ['TLSv1'], checkInjection: true },
    expected: { ended: 'done', ...inClear, offers: '' },
  },
  {
    name: 'carries out under TLS what came in clear',
    peer: [
      [...untilStartTls, ...upgrade(), ...afterTls],
      [...untilStartTls, ...upgrade({ ...GOOD, keepsClearText: true }), hear('NOOP'), say('250 2.0.0 Ok\r\n'), ...ehlo(), ...bye],
    ],
    settings: { checkInjection: true },
    expected: { ended: 'done', ...secured, injection: 'executed' },
  },
  {
    name: 'discards what came in clear behind STARTTLS',
    peer: [[...untilStartTls, ...upgrade(), ...afterTls]],
    settings: { checkInjection: true },
    expected: { ended: 'done', ...secured, injection: 'discarded' },
  },
  {
    name: 'answers in clear what came in clear behind STARTTLS',
    peer: [
      [...untilStartTls, ...upgrade(), ...afterTls],
      [...untilStartTls, hear('STARTTLS'), say('220 go\r\n250 2.0.0 Ok\r\n')],
    ],
    settings: { checkInjection: true },
    expected: { ended: 'done', ...secured, injection: 'answeredInClear "250 2.0.0 Ok"' },
  },
  {
    name: 'refuses STARTTLS with something behind it',
    peer: [
      [...untilStartTls, ...upgrade(), ...afterTls],
      [...untilStartTls, hear('STARTTLS'), say('554 5.5.1 improper pipelining\r\n'), hear('NOOP'), say('250 Ok\r\n'), ...bye],
    ],
    settings: { checkInjection: true },
    expected: { ended: 'done', ...secured, injection: 'refused: turnedAway 554' },
  },
  {
    name: 'turns away the connection that would have tried it',
    peer: [[...untilStartTls, ...upgrade(), ...afterTls], [say('421 slow down\r\n')]],
    settings: { checkInjection: true },
    expected: { ended: 'done', ...secured, injection: 'inconclusive: greeting: turnedAway 421' },
  },
  {
    name: 'is an open relay',
    peer: [
      [
        banner,
        ...ehlo(),
        hear('MAIL FROM:<a@sender.example>'),
        reply(250, 'Ok'),
        hear('RCPT TO:<b@recipient.example>'),
        reply(250, 'Ok'),
        hear('RSET'),
        reply(250, 'Ok'),
        ...bye,
      ],
    ],
    settings: { relayTest: { sender: 'a@sender.example', recipient: 'b@recipient.example' } },
    expected: { ended: 'done', ...inClear, offers: '', relay: 'accepted 250' },
  },
  {
    name: 'does not relay',
    peer: [
      [
        banner,
        ...ehlo(),
        hear('MAIL FROM:<>'),
        reply(250, 'Ok'),
        hear('RCPT TO:'),
        say('554 5.7.1 Relay access denied\r\n'),
        hear('RSET'),
        reply(250, 'Ok'),
        ...bye,
      ],
    ],
    settings: { relayTest: { sender: '', recipient: 'b@recipient.example' } },
    expected: { ended: 'done', ...inClear, offers: '', relay: 'rcpt refused 554' },
  },
  {
    name: 'refuses the sender of a relay test',
    peer: [
      [banner, ...ehlo(), hear('MAIL'), say('530 5.7.0 Must issue a STARTTLS command first\r\n'), hear('RSET'), reply(250, 'Ok'), ...bye],
    ],
    settings: { relayTest: { sender: 'a@sender.example', recipient: 'b@recipient.example' } },
    expected: { ended: 'done', ...inClear, offers: '', relay: 'mail refused 530' },
  },
  {
    name: 'hangs up with 421 at RCPT',
    peer: [[banner, ...ehlo(), hear('MAIL'), reply(250, 'Ok'), hear('RCPT'), say('421 4.7.0 enough\r\n')]],
    settings: { relayTest: { sender: 'a@sender.example', recipient: 'b@recipient.example' } },
    expected: {
      ...{ ended: 'rcpt: turnedAway 421', ...welcome, offers: '' },
      ...{ startTls: 'notOffered', tls: 'noTls', helloAfterTls: 'noTls', relay: 'rcpt refused 421' },
    },
  },
  {
    name: 'says nothing to RCPT',
    peer: [[banner, ...ehlo(), hear('MAIL'), reply(250, 'Ok'), hear('RCPT'), stall]],
    settings: { relayTest: { sender: 'a@sender.example', recipient: 'b@recipient.example' } },
    expected: {
      ...{ ended: 'rcpt: timeout 30000', ...welcome, offers: '' },
      ...{ startTls: 'notOffered', tls: 'noTls', helloAfterTls: 'noTls', relay: 'rcpt unanswered' },
    },
  },
]

/** Called off while the server keeps us waiting. */
function calledOff(name: string, before: readonly Step[], behind: readonly Step[], expected: Summary): Script {
  const abort = new AbortController()
  const callOff = run(() => {
    abort.abort()
  })
  return { name, peer: [[...before, pass(1000), callOff, ...behind]], expected, abort }
}

const called: Script[] = [
  calledOff('is called off before the greeting', [], [stall], { ended: 'greeting: aborted', greeting: 'unanswered' }),
  calledOff('is called off within the list', [banner, hear('EHLO'), say('250-a\r\n')], [stall], {
    ...{ ended: 'ehlo: aborted', ...greeted, hello: 'unanswered' },
  }),
  calledOff('is called off in the handshake', [...untilStartTls, hear('STARTTLS'), say('220 go\r\n'), hearAnything], [stall], {
    ...{ ended: 'tls: aborted', ...upgraded, tls: 'failed: aborted' },
  }),
  calledOff('is called off under TLS', [...untilStartTls, ...upgrade(), hear('EHLO')], [stall], {
    ...{ ended: 'ehlo under TLS: aborted', ...upgraded, tls: secured.tls, helloAfterTls: 'unanswered' },
  }),
]

export const SCRIPTS: readonly Script[] = [
  ...wellBehaved,
  ...turningAway,
  ...silent,
  ...leaving,
  ...garbled,
  ...outOfTurn,
  ...tlsKinds,
  ...extras,
  ...called,
]
