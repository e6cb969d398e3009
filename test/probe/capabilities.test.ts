import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCapabilities } from '../../src/probe/capabilities.ts'
import { capabilitiesText } from './session-summary.ts'

/** The lines behind the server's name, and what they say. */
const CASES: readonly (readonly [offers: readonly string[], expected: string])[] = [
  [[], ''],
  [['PIPELINING'], 'pipelining'],
  [['8BITMIME', 'SMTPUTF8', 'CHUNKING', 'DSN'], 'eightBitMime smtpUtf8 chunking dsn'],
  [['ENHANCEDSTATUSCODES', 'STARTTLS', 'REQUIRETLS'], 'enhancedStatusCodes startTls requireTls'],
  [['starttls', 'Pipelining'], 'pipelining startTls'],
  [['  STARTTLS  '], 'startTls'],
  [['STARTTLS and more'], 'startTls'],
  [['XSTARTTLS'], '+XSTARTTLS'],
  [['SIZE'], 'size=null'],
  [['SIZE 0'], 'size=null'],
  [['SIZE 52428800'], 'size=52428800'],
  [['SIZE 99999999999999999999'], 'size=null'],
  [['SIZE lots'], 'size=null'],
  [['SIZE=10'], '+SIZE=10'],
  [['AUTH'], 'auth='],
  [['AUTH plain LOGIN'], 'auth=PLAIN,LOGIN'],
  [['AUTH=LOGIN'], 'auth(old)=LOGIN'],
  [['AUTH=LOGIN PLAIN', 'AUTH PLAIN CRAM-MD5'], 'auth(old)=LOGIN,PLAIN,CRAM-MD5'],
  [['AUTH PLAIN', 'AUTH LOGIN'], 'auth=PLAIN,LOGIN repeated:AUTH'],
  [['LIMITS RCPTMAX=100 mailmax=5'], 'limits=RCPTMAX:100,MAILMAX:5'],
  [['LIMITS'], 'limits='],
  [['LIMITS odd'], 'limits=ODD:'],
  [['XCLIENT NAME ADDR helo'], 'xclient=NAME,ADDR,HELO'],
  [['MT-PRIORITY'], 'mtPriority=null'],
  [['MT-PRIORITY MIXER'], 'mtPriority=MIXER'],
  [['HELP', 'ETRN', 'X-Odd some  thing'], '+HELP +ETRN +X-ODD=some  thing'],
  [['\tVRFY\t'], '+VRFY'],
  [[''], '+'],
  [['STARTTLS', 'STARTTLS', 'HELP', 'HELP'], 'startTls +HELP +HELP repeated:STARTTLS,HELP'],
  [['XXXXXXXA'], '+XXXXXXXA masked:XXXXXXXA'],
  [['XXXXXXXX', 'SIZE 5'], 'size=5 +XXXXXXXX masked:XXXXXXXX'],
  [['XXXX'], '+XXXX'],
]

describe('what a reply to EHLO offers', () => {
  test.each(CASES)('%j → %s', (offers, expected) => {
    expect(capabilitiesText(parseCapabilities(['mx.example.org', ...offers]))).toBe(expected)
  })

  test('the first line is the name, whatever it says', () => {
    expect(parseCapabilities(['STARTTLS']).startTls).toBe(false)
    expect(parseCapabilities([]).startTls).toBe(false)
  })

  test('an unreadable SIZE keeps its text', () => {
    expect(parseCapabilities(['', 'SIZE lots of']).size).toEqual({ maxOctets: null, parameter: 'lots of' })
  })

  test('no line is lost, and none throws', () => {
    const word = fc.oneof(
      fc.constantFrom('AUTH', 'AUTH=LOGIN', 'SIZE', 'LIMITS', 'XCLIENT', 'STARTTLS', 'X'),
      fc.string({ unit: 'binary', maxLength: 8 }),
    )
    const line = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const { others } = parseCapabilities(['name', ...lines])
        const known =
          /^(?:size|pipelining|8bitmime|smtputf8|chunking|dsn|enhancedstatuscodes|starttls|auth|requiretls|limits|xclient|mt-priority)(?:[ \t]|$)|^auth=/i
        expect(others).toHaveLength(lines.filter((text) => !known.test(text.trim())).length)
      }),
    )
  })
})
