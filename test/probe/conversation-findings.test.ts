import { describe, expect, it } from 'vitest'
import { conversationFindings } from '../../src/probe/conversation-findings.ts'
import type { EndCause, SessionFacts, Stage } from '../../src/probe/session-facts.ts'
import { helloFacts, replyFacts, sessionFacts, tlsFacts } from './session-facts-example.ts'

const NOW = Date.parse('2026-11-21T00:00:00Z')
const RELAY_TEST = { sender: 'a@example.com', recipient: 'b@example.net' }

function found(facts: SessionFacts): string[] {
  return conversationFindings(facts, { now: NOW, relayTest: RELAY_TEST }).map(({ code, level }) => `${code} ${level}`)
}

function ended(stage: Stage, cause: EndCause): SessionFacts {
  return sessionFacts({ facts: { ended: { stage, underTls: false, cause } } })
}

describe('what a conversation shows', () => {
  it('is nothing to speak of when all went well', () => {
    expect(found(sessionFacts({ tls: tlsFacts() }))).toEqual([])
  })

  it.each<[string, SessionFacts, readonly string[]]>([
    ['refused', ended('connect', { kind: 'refused' }), ['PROBE_NOT_CONNECTED inconclusive']],
    ['unreachable', ended('connect', { kind: 'unreachable', code: 'EHOSTUNREACH' }), ['PROBE_NOT_CONNECTED inconclusive']],
    ['silent to SYN', ended('connect', { kind: 'timeout', afterMs: 15_000, heard: '' }), ['PROBE_NOT_CONNECTED inconclusive']],
    ['a tarpit', ended('greeting', { kind: 'timeout', afterMs: 60_000, heard: '2' }), ['PROBE_TIMEOUT inconclusive']],
    ['too slow in all', ended('ehlo', { kind: 'deadline', heard: '' }), ['PROBE_BROKEN_OFF inconclusive']],
    ['a reset', ended('ehlo', { kind: 'reset', heard: '' }), ['PROBE_BROKEN_OFF inconclusive']],
    ['a hang-up', ended('helo', { kind: 'closed', heard: '' }), ['PROBE_BROKEN_OFF inconclusive']],
    ['called off', ended('rcpt', { kind: 'aborted' }), ['PROBE_BROKEN_OFF inconclusive']],
    ['421', ended('greeting', { kind: 'turnedAway', reply: replyFacts(421, 'later') }), ['PROBE_TURNED_AWAY inconclusive']],
    ['another protocol', ended('greeting', { kind: 'malformed', fault: 'noCode', heard: 'SSH-2.0' }), ['PROBE_NO_SMTP warning']],
    ['trouble of ours', ended('connect', { kind: 'local', code: 'EMFILE' }), ['PROBE_OUR_TROUBLE inconclusive']],
  ])('%s', (_, facts, expected) => {
    expect(found(facts)).toEqual(expected)
  })

  const hello = helloFacts('mx.example.org')
  const certificate = (validTo: string | null): SessionFacts => sessionFacts({ tls: tlsFacts({ validTo }) })
  const untrusted = (code: string): SessionFacts => sessionFacts({ tls: tlsFacts({}, { verification: { kind: 'untrusted', code } }) })
  const failed = (cause: EndCause): SessionFacts =>
    sessionFacts({ facts: { tls: { kind: 'failed', handshakeMs: 1, cause }, ended: { stage: 'tls', underTls: false, cause } } })

  it.each<[string, SessionFacts, readonly string[]]>([
    ['a greeting without a name', sessionFacts({ bannerName: null }), ['BANNER_NO_NAME notice']],
    [
      'HELO only',
      sessionFacts({ facts: { hello: { ...hello, ehloRefusal: replyFacts(502, 'no') } as typeof hello } }),
      ['EHLO_REFUSED warning'],
    ],
    ['no STARTTLS', sessionFacts({ facts: { startTls: { kind: 'notOffered', masked: null } } }), ['STARTTLS_MISSING warning']],
    [
      'STARTTLS overwritten',
      sessionFacts({ facts: { startTls: { kind: 'notOffered', masked: 'XXXXXXXA' } } }),
      ['STARTTLS_MASKED warning'],
    ],
    [
      'STARTTLS refused',
      sessionFacts({ facts: { startTls: { kind: 'refused', reply: replyFacts(502, 'no') } } }),
      ['STARTTLS_REFUSED warning'],
    ],
    [
      'STARTTLS refused for now',
      sessionFacts({ facts: { startTls: { kind: 'refused', reply: replyFacts(454, 'later') } } }),
      ['STARTTLS_REFUSED inconclusive'],
    ],
    [
      'text behind STARTTLS',
      sessionFacts({ facts: { startTls: { kind: 'accepted', reply: replyFacts(220, 'go'), trailing: '250 x' } } }),
      ['STARTTLS_TRAILING warning'],
    ],
    ['STARTTLS unanswered', sessionFacts({ facts: { startTls: { kind: 'unanswered' } } }), []],
    ['injection', sessionFacts({ facts: { injection: { kind: 'executed' } } }), ['STARTTLS_INJECTION error']],
    ['a failed handshake, once', failed({ kind: 'tlsFailed', code: 'ERR_SSL', reason: 'no shared cipher' }), ['TLS_FAILED warning']],
    ['a silent handshake, once', failed({ kind: 'timeout', afterMs: 1, heard: '' }), ['TLS_FAILED inconclusive']],
    ['TLS 1.0', sessionFacts({ tls: tlsFacts({}, { protocol: 'TLSv1' }) }), ['TLS_OLD warning']],
    [
      'TLS 1.1 as well',
      sessionFacts({ facts: { oldTls: [{ version: 'TLSv1.1', outcome: { kind: 'accepted', cipher: 'x' } }] } }),
      ['TLS_OLD_ACCEPTED notice'],
    ],
    ['TLS 1.1 untold', sessionFacts({ facts: { oldTls: [{ version: 'TLSv1.1', outcome: { kind: 'cannotAsk', code: 'x' } }] } }), []],
    ['a certificate that is over', certificate('2026-11-20T23:59:59Z'), ['CERTIFICATE_EXPIRED warning']],
    ['a certificate for another week', certificate('2026-11-28T00:00:00Z'), ['CERTIFICATE_EXPIRES notice']],
    ['a certificate for another two weeks', certificate('2026-12-05T00:00:01Z'), []],
    ['a certificate with an unreadable end', certificate(null), []],
    ['a certificate signed by itself', untrusted('DEPTH_ZERO_SELF_SIGNED_CERT'), ['CERTIFICATE_UNTRUSTED notice']],
    [
      'an expired one, said once',
      sessionFacts({
        tls: tlsFacts({ validTo: '2020-01-01T00:00:00Z' }, { verification: { kind: 'untrusted', code: 'CERT_HAS_EXPIRED' } }),
      }),
      ['CERTIFICATE_EXPIRED warning'],
    ],
    [
      'a certificate for another name',
      sessionFacts({ tls: tlsFacts({}, { nameMatch: { kind: 'mismatch', reference: 'mx.example.org' } }) }),
      ['CERTIFICATE_OTHER_NAME notice'],
    ],
    ['an open relay', sessionFacts({ facts: { relay: { kind: 'accepted', reply: replyFacts(250, 'ok') } } }), ['OPEN_RELAY error']],
    [
      'no open relay',
      sessionFacts({ facts: { relay: { kind: 'refused', stage: 'rcpt', reply: replyFacts(554, 'no') } } }),
      ['RELAY_REFUSED info'],
    ],
    [
      'greylisting, which says nothing',
      sessionFacts({ facts: { relay: { kind: 'refused', stage: 'rcpt', reply: replyFacts(451, 'later') } } }),
      [],
    ],
  ])('%s', (_, facts, expected) => {
    expect(found(facts)).toEqual(expected)
  })
})
