import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openLog } from '../../../src/app/log.ts'
import { describeError, recordOf, shown } from '../../../src/app/serve/event-record.ts'
import { name } from '../../../src/core/domain-name.ts'
import { finding, FINDING_CODES, type Finding } from '../../../src/findings/catalogue.ts'
import type { GateVerdict } from '../../../src/engine/gate.ts'
import type { GateClient, GateEvent } from '../../../src/gateway/gate-event.ts'
import type { IprevFacts } from '../../../src/iprev/facts.ts'
import { address } from '../../support/fake-resolver.ts'

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 2000 }),
  fc.constantFrom('\u001b[2J', '\r\n{"level":"info"}', '"'.repeat(3000), '\\'.repeat(3000), '\u202e'.repeat(1000), '\ud800'),
)

describe('shown', () => {
  it('is printable ASCII, and its JSON text is not longer than wanted', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 4, max: 500 }), (text, length) => {
        const result = shown(text, length)
        expect(result).toMatch(/^[\x20-\x7e]*$/)
        expect(JSON.stringify(result).length - 2).toBeLessThanOrEqual(length)
      }),
    )
  })

  it.each([
    ['mail.example.com', 255, 'mail.example.com'],
    ['abcdefgh', 8, 'abcdefgh'],
    ['abcdefghi', 8, 'abcde...'],
    ['"""""', 10, '"""""'],
    ['""""""', 10, '""...'],
    ['a\nb', 50, 'a\\u{0a}b'],
  ])('%j within %d → %j', (text, length, expected) => {
    expect(shown(text, length)).toBe(expected)
  })
})

describe('a record', () => {
  it('of whatever strangers chose is a line of printable ASCII that fits into one write of a pipe', () => {
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 12 }), (text, texts) => {
        for (const event of [decision(text, texts), skipped(text, texts), disagreement(text), protocolError(text), internalError(text)]) {
          const line = lineOf(event)
          expect(line).toMatch(/^[\x20-\x7e]+\n$/)
          expect(line.length).toBeLessThanOrEqual(4096)
          expect(JSON.parse(line)).toMatchObject({ event: event.kind })
        }
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['decision', 'info'],
    ['skipped', 'debug'],
    ['disagreement', 'warn'],
    ['protocolError', 'warn'],
    ['internalError', 'error'],
  ])('%s → level %s', (kind, level) => {
    const events = [decision('', []), skipped('', []), disagreement(''), protocolError(''), internalError('')]
    const event = events.find((candidate) => candidate.kind === kind)
    expect(event && recordOf('milter', event, () => null).level).toBe(level)
  })

  it('of a socket error names its code, without our stack', () => {
    const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' })
    expect(recordOf('milter', { kind: 'socketError', error }, () => null)).toEqual({
      level: 'error',
      event: 'socketError',
      fields: { listener: 'milter', error: 'Error: accept EMFILE' },
    })
  })

  it('of a fault of ours tells where it was thrown', () => {
    expect(describeError(new TypeError('no'))).toMatch(/^TypeError: no at .*event-record\.test\.ts/)
    expect(describeError('thrown text')).toBe('thrown text')
  })
})

function lineOf(event: GateEvent): string {
  let written = ''
  const log = openLog({ write: (line) => void (written += line), flush: () => Promise.resolve(), flushSync: () => undefined }, 'debug')
  log.write(recordOf('policy:unix:/run/ptrgate/policy.sock', event, () => 12.3))
  return written
}

function client(text: string, texts: readonly string[]): GateClient {
  return {
    address: address('2001:db8:1111:2222:3333:4444:5555:6666'),
    claimedName: text,
    authenticated: false,
    sender: text,
    recipients: texts,
    recipientCount: texts.length,
    queueId: text,
  }
}

const HOSTILE_NAME = name(String.raw`\000\027\"${'\\200'.repeat(55)}.example`)

function verdict(text: string): GateVerdict {
  const iprev: IprevFacts = {
    kind: 'iprev',
    address: address('198.51.100.8'),
    reverseName: name('8.100.51.198.in-addr.arpa'),
    result: 'fail',
    reason: 'elsewhere',
    aliases: [],
    ptrTtl: 60,
    names: Array.from({ length: 10 }, () => ({
      name: HOSTILE_NAME,
      outcome: 'elsewhere',
      addresses: [],
      aliases: [],
      ttl: 60,
      authenticated: false,
    })),
    ptrNameCount: 300,
    truncated: true,
    authenticated: false,
    queries: 11,
  }
  const findings: Finding[] = FINDING_CODES.map(() => finding('HELO_ORGANISATION_DIFFERS', longest))
  const reply = { code: 550, enhanced: '5.7.25', lines: [text, text] }
  const decided = { kind: 'decision', action: 'reject', reply, stage: 'rcpt', rule: 'fail', finding: null, intended: 'reject' } as const
  return { decision: decided, reply, judgement: { iprev, helo: null, confirmedName: HOSTILE_NAME, generic: null, findings }, header: null }
}

const longest = { claimedName: 'x', confirmedName: 'x', claimedDomain: 'x', confirmedDomain: 'x' }

function decision(text: string, texts: readonly string[]): GateEvent {
  return { kind: 'decision', moment: 'rcpt', verdict: verdict(text), client: client(text, texts) }
}

function skipped(text: string, texts: readonly string[]): GateEvent {
  return { kind: 'skipped', rule: 'private', client: client(text, texts) }
}

function disagreement(text: string): GateEvent {
  const byMta = {
    result: 'pass',
    clientName: text,
    ptrName: text,
    mtaName: text,
    listenerAddress: text,
    listenerPort: text,
    peer: text,
  } as const
  return { kind: 'disagreement', address: address('198.51.100.8'), byMta, verdict: verdict(text) }
}

function protocolError(text: string): GateEvent {
  return { kind: 'protocolError', reason: text }
}

function internalError(text: string): GateEvent {
  return { kind: 'internalError', error: new Error(text) }
}
