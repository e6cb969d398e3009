import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatReply } from '../../src/render/smtp-reply.ts'
import type { PolicyAction, PolicyBlocks, PolicyFault, PolicyLimits } from '../../src/wire/policy-request.ts'
import {
  encodePolicyAction,
  encodePolicyBlock,
  MAX_ACTION_OCTETS,
  POLICY_LIMITS,
  PolicyBlockReader,
  readPolicyRequest,
} from '../../src/wire/policy-request.ts'
import { ip } from '../support/arbitrary.ts'
import { inPieces, latin1, mutate, seededRandom } from './milter-arbitrary.ts'

/** What smtpd of Postfix 3.7 sends at RCPT for a client without TLS and SASL. */
const AT_RCPT = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=198.51.100.7
client_name=unknown
client_port=50412
reverse_client_name=mail.example.com
server_address=198.51.100.25
server_port=25
helo_name=mail.example.com
sender=a=b@example.com
recipient=c@example.org
recipient_count=0
queue_id=
instance=1234.65f0a1b2.3c4d5.0
size=2048
etrn_domain=
stress=
sasl_method=
sasl_username=
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=
encryption_cipher=
encryption_keysize=0
policy_context=

`

describe('a request of Postfix', () => {
  const [block] = read(AT_RCPT).blocks

  it('is read with every attribute', () => {
    expect(read(AT_RCPT)).toMatchObject({ fault: null })
    expect(block?.size).toBe(29)
    expect(block?.get('sender')).toBe('a=b@example.com')
  })

  it('says null for all that Postfix does not know', () => {
    const { attributes, ...fields } = readPolicyRequest(block ?? new Map())
    expect(attributes).toBe(block)
    expect(fields).toEqual({
      request: 'smtpd_access_policy',
      protocolState: 'RCPT',
      protocolName: 'ESMTP',
      clientAddress: ip('198.51.100.7'),
      clientPort: 50412,
      clientName: null,
      reverseClientName: 'mail.example.com',
      heloName: 'mail.example.com',
      sender: 'a=b@example.com',
      recipient: 'c@example.org',
      recipientCount: null,
      queueId: null,
      instance: '1234.65f0a1b2.3c4d5.0',
      size: 2048,
      saslMethod: null,
      saslUsername: null,
      saslSender: null,
      encryptionProtocol: null,
      serverAddress: ip('198.51.100.25'),
      serverPort: 25,
      policyContext: null,
    })
  })

  it.each(['CONNECT', 'EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'END-OF-MESSAGE', 'VRFY', 'ETRN'])('knows the state %s', (state) => {
    expect(readPolicyRequest(new Map([['protocol_state', state]])).protocolState).toBe(state)
  })

  it.each<readonly [name: string, value: string, field: string, read: unknown]>([
    ['protocol_state', 'BDAT', 'protocolState', null],
    ['client_address', 'unknown', 'clientAddress', null],
    ['client_address', '2001:db8::1', 'clientAddress', ip('2001:db8::1')],
    ['client_address', 'IPv6:2001:db8::1', 'clientAddress', ip('2001:db8::1')],
    ['client_address', 'fe80::1%eth0', 'clientAddress', ip('fe80::1')],
    ['client_port', 'unknown', 'clientPort', null],
    ['client_port', '-1', 'clientPort', null],
    ['size', '1e9', 'size', null],
    ['size', '9'.repeat(400), 'size', null],
    ['sender', '', 'sender', ''],
    ['sasl_username', 'unknown', 'saslUsername', 'unknown'],
    ['helo_name', '\xe9\0', 'heloName', '\xe9\0'],
  ])('%s=%j', (name, value, field, expected) => {
    expect(readPolicyRequest(new Map([[name, value]]))).toMatchObject({ [field]: expected })
  })

  it('without any attribute has no field', () => {
    const request = readPolicyRequest(new Map())
    expect(Object.entries(request).filter(([, value]) => value !== null)).toEqual([['attributes', new Map()]])
  })
})

describe('a stream', () => {
  it('holds many requests', () => {
    expect(read(AT_RCPT + 'a=1\n\nb=2\n\nc').blocks.map((block) => block.size)).toEqual([29, 1, 1])
  })

  it('is read alike wherever it is cut in two, and octet by octet', () => {
    const stream = latin1(`${AT_RCPT}a=1\r\n\r\nb=\r\n\n`)
    const whole = new PolicyBlockReader().push(stream)
    expect(whole).toMatchObject({ blocks: [{ size: 29 }, { size: 1 }, { size: 1 }], fault: null })
    for (let cut = 0; cut <= stream.length; cut++) expect(readAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole)
    expect(readAll(Array.from(stream, (octet) => Uint8Array.of(octet)))).toEqual(whole)
  })

  it('gives no request when it ends too early, wherever it does', () => {
    const stream = latin1(AT_RCPT)
    for (let end = 1; end < stream.length; end++) {
      const reader = new PolicyBlockReader()
      expect(reader.push(stream.subarray(0, end))).toEqual({ blocks: [], fault: null })
      expect(reader.isMidBlock).toBe(true)
    }
  })

  it('may end its lines in CRLF; another CR, a NUL and 8-bit octets belong to the value', () => {
    expect(read('a=1\r\nb=\r2\r\r\nc=\0\xff \r\n\r\n').blocks).toEqual([
      new Map([
        ['a', '1'],
        ['b', '\r2\r'],
        ['c', '\0\xff '],
      ]),
    ])
  })

  it('may say the same twice', () => {
    expect(read('a=1\na=1\n\n').blocks).toEqual([new Map([['a', '1']])])
  })

  it('may name what a JavaScript object has of its own', () => {
    expect(read('__proto__=1\nconstructor=2\n\n').blocks[0]?.get('__proto__')).toBe('1')
  })
})

describe('faults', () => {
  it.each<readonly [fault: PolicyFault, what: string, stream: string]>([
    ['notAnAttribute', 'a line without =', 'a=1\nb\n\n'],
    ['notAnAttribute', 'a line without a name', '=1\n\n'],
    ['notAnAttribute', 'a line of a space', ' \n\n'],
    ['emptyRequest', 'nothing ahead of the empty line', '\n'],
    ['emptyRequest', 'two empty lines', 'a=1\n\n\r\n'],
    ['conflictingAttribute', 'an attribute that is added behind the true one', 'sasl_username=\nsasl_username=admin\n\n'],
    ['lineTooLong', 'a line of which no end comes', `a=${'x'.repeat(POLICY_LIMITS.maxLineOctets)}`],
    ['lineTooLong', 'a long line', `a=${'x'.repeat(POLICY_LIMITS.maxLineOctets - 1)}\n\n`],
    ['tooManyAttributes', 'many attributes', Array.from({ length: 129 }, (_, index) => `a${String(index)}=\n`).join('') + '\n'],
    ['requestTooLong', 'much text', Array.from({ length: 9 }, (_, index) => `a${String(index)}=${'x'.repeat(8000)}\n`).join('')],
    ['requestTooLong', 'the same over and over', 'a=1\n'.repeat(20_000)],
  ])('%s: %s', (fault, _, stream) => {
    expect(read(stream).fault).toBe(fault)
    expect(readAll(Array.from(latin1(stream), (octet) => Uint8Array.of(octet))).fault).toBe(fault)
  })

  it('are final, and what came ahead of them is good', () => {
    const reader = new PolicyBlockReader()
    expect(reader.push(latin1('a=1\n\nb\nc=2\n\n'))).toEqual({ blocks: [new Map([['a', '1']])], fault: 'notAnAttribute' })
    expect(reader.push(latin1('d=3\n\n'))).toEqual({ blocks: [], fault: 'notAnAttribute' })
    expect(reader.heldOctets).toBe(0)
  })

  it('begin right behind the limits, which can be set', () => {
    const limits = { maxLineOctets: 5, maxAttributes: 2, maxRequestOctets: 12 }
    expect(read('a=123\r\n\n', limits).fault).toBeNull()
    expect(read('a=1234\n\n', limits).fault).toBe('lineTooLong')
    expect(read('a=1234\r\n\n', limits).fault).toBe('lineTooLong')
    expect(read('a=1\nb=2\n\n', limits).fault).toBeNull()
    expect(read('a=\nb=\nc=\n\n', limits).fault).toBe('tooManyAttributes')
    expect(read('a=123\nb=123\n', limits).fault).toBeNull()
    expect(read('a=123\nb=123\n\n', limits).fault).toBe('requestTooLong')
    expect(read('a=123\nb=12\n\na=123\nb=12\n\n', limits).blocks).toHaveLength(2)
  })
})

describe('memory', () => {
  it('of a reader is bounded by its line limit, small for a short beginning, and given back', () => {
    const reader = new PolicyBlockReader()
    reader.push(latin1('a='))
    expect(reader.heldOctets).toBeLessThanOrEqual(64)
    for (let count = 2; count < POLICY_LIMITS.maxLineOctets; count++) {
      reader.push(latin1('x'))
      expect(reader.heldOctets).toBeLessThanOrEqual(Math.max(64, 2 * count + 2))
    }
    expect(reader.push(latin1('\n\n')).blocks[0]?.get('a')).toBe('x'.repeat(POLICY_LIMITS.maxLineOctets - 2))
    expect(reader.heldOctets).toBe(0)
  })
})

describe('encoding a block', () => {
  const octets = (below: number): fc.Arbitrary<string> =>
    fc
      .array(fc.oneof(fc.nat(below), fc.constantFrom(0, 0x0d, 0x20, 0x3d, 0xff)), { maxLength: 30 })
      .map((values) => String.fromCharCode(...values.filter((value) => value !== 0x0a)))
  const name = octets(255).map((text) => `n${text.replaceAll('=', '')}`)
  const value = octets(255).map((text) => text.replace(/\r+$/, ''))

  it('gives back every block, in any pieces', () => {
    const blocks = fc.array(
      fc.uniqueArray(fc.tuple(name, value), { minLength: 1, maxLength: 8, selector: ([key]) => key }).map((pairs) => new Map(pairs)),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(blocks, fc.nat(), (sent, seed) => {
        const stream = Buffer.concat(sent.map((block) => encodePolicyBlock(block)))
        expect(readAll(inPieces(stream, seededRandom(seed)))).toEqual({ blocks: sent, fault: null })
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a', 'b\nc'],
    ['a', 'b\r'],
    ['a', '\u0100'],
    ['a=b', ''],
    ['a\n', ''],
    ['', 'b'],
  ])('refuses %j=%j, which could not be read back', (key, text) => {
    expect(() => encodePolicyBlock([[key, text]])).toThrow(RangeError)
  })
})

describe('answers', () => {
  it.each<readonly [PolicyAction, string]>([
    [{ kind: 'dunno' }, 'DUNNO'],
    [{ kind: 'ok' }, 'OK'],
    [{ kind: 'reject', text: '5.7.25 no PTR' }, 'REJECT 5.7.25 no PTR'],
    [{ kind: 'reject', text: '' }, 'REJECT'],
    [{ kind: 'defer', text: 'a' }, 'DEFER a'],
    [{ kind: 'deferIfPermit', text: 'no answer' }, 'DEFER_IF_PERMIT no answer'],
    [{ kind: 'deferIfReject', text: 'a' }, 'DEFER_IF_REJECT a'],
    [{ kind: 'hold', text: 'a' }, 'HOLD a'],
    [{ kind: 'discard', text: 'a' }, 'DISCARD a'],
    [{ kind: 'warn', text: 'a' }, 'WARN a'],
    [{ kind: 'info', text: 'a' }, 'INFO a'],
    [{ kind: 'reply', text: '550 5.7.25 no PTR\r\n' }, '550 5.7.25 no PTR'],
    [{ kind: 'reply', text: '451-4.7.25 a\r\n451-4.7.25\r\n451 4.7.25 b\r\n' }, '451 4.7.25 a b'],
    [{ kind: 'reply', text: '550-a\r\n550 5.7.1 b' }, '550 a 5.7.1 b'],
    [{ kind: 'reply', text: '550 198.51.100.7 has no PTR' }, '550 5.0.0 198.51.100.7 has no PTR'],
    [{ kind: 'reply', text: '550 ' }, '550'],
    [{ kind: 'prepend', name: 'X-A', value: 'b;\r\n\tc\n d' }, 'PREPEND X-A: b; c d'],
  ])('%j', (action, text) => {
    expect(Buffer.from(encodePolicyAction(action)).toString('latin1')).toBe(`action=${text}\n\n`)
  })

  it.each<readonly [string, PolicyAction]>([
    ['a second answer', { kind: 'reject', text: 'no\n\naction=OK' }],
    ['a second attribute', { kind: 'warn', text: 'a\nb=c' }],
    ['a CR', { kind: 'info', text: 'a\r' }],
    ['a NUL', { kind: 'hold', text: '\0' }],
    ['an escape sequence', { kind: 'defer', text: '\x1b[2J' }],
    ['letters that are no octets', { kind: 'defer', text: '\u2028' }],
    ['a second header', { kind: 'prepend', name: 'A', value: 'b\nX-Evil: c' }],
    ['the end of the headers', { kind: 'prepend', name: 'A', value: 'b\n\n' }],
    ['a name that is more', { kind: 'prepend', name: 'A: b\nX', value: 'c' }],
    ['two replies', { kind: 'reply', text: '550 a\r\n550 b' }],
    ['a reply that accepts', { kind: 'reply', text: '250 ok' }],
    ['more than Postfix was written to read', { kind: 'warn', text: 'x'.repeat(MAX_ACTION_OCTETS) }],
  ])('are refused with %s', (_, action) => {
    expect(() => encodePolicyAction(action)).toThrow(RangeError)
  })

  it('are one attribute in one block, whatever text was rendered into them', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.constantFrom('5.7.1 x', '\n\naction=OK', '4.4.4', ''))
    fc.assert(
      fc.property(
        fc.integer({ min: 400, max: 599 }),
        fc.constantFrom('5.7.25', '4.7.25', null),
        fc.array(text, { maxLength: 3 }),
        (code, enhanced, lines) => {
          const answer = readAll([encodePolicyAction({ kind: 'reply', text: formatReply({ code, enhanced, lines }) })])
          expect(answer).toMatchObject({ blocks: [{ size: 1 }], fault: null })
          expect(answer.blocks[0]?.get('action')).toMatch(new RegExp(`^${String(code)}(?: [\\x20-\\x7e]*)?$`))
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('200,000 mutated streams', () => {
  it('never throw, never hold more than the limits, and give the same in pieces as in one', () => {
    const random = seededRandom(4)
    const limits = { maxLineOctets: 40, maxAttributes: 4, maxRequestOctets: 60 }
    const samples = [
      'a=1\nb=2\n\n',
      'request=smtpd_access_policy\r\n\r\n',
      'a=\0\xff\na=\0\xff\n\nc=d\n\n',
      'client_address=198.51.100.7\n\n',
    ].map(latin1)
    const seen = new Map<PolicyFault | null, number>()
    for (let run = 0; run < 200_000; run++) {
      const [sample, other] = [samples[random(4)], samples[random(4)]]
      if (!sample || !other) throw new TypeError('no sample')
      const stream = mutate(Buffer.concat([other, sample]), Buffer.concat([sample, other]), random)
      const whole = new PolicyBlockReader(limits).push(stream)
      seen.set(whole.fault, (seen.get(whole.fault) ?? 0) + 1)
      const reader = new PolicyBlockReader(limits)
      let blocks = 0
      for (const piece of inPieces(stream, random)) {
        const pushed = reader.push(piece)
        blocks += pushed.blocks.length
        for (const block of pushed.blocks) readPolicyRequest(block)
        if (reader.heldOctets > 84) throw new Error(`holds ${String(reader.heldOctets)} octets`)
      }
      const { fault } = reader.push(Buffer.alloc(0))
      if (fault !== whole.fault || blocks !== whole.blocks.length) expect({ fault, blocks, stream }).toEqual(whole)
    }
    const faults: (PolicyFault | null)[] = [null, 'notAnAttribute', 'conflictingAttribute', 'emptyRequest', 'lineTooLong', 'requestTooLong']
    for (const fault of faults) expect(seen.get(fault)).toBeGreaterThan(100)
  })
})

function read(text: string, limits: PolicyLimits = {}): PolicyBlocks {
  return new PolicyBlockReader(limits).push(latin1(text))
}

function readAll(pieces: readonly Uint8Array[]): PolicyBlocks {
  const reader = new PolicyBlockReader()
  const blocks = pieces.flatMap((piece) => reader.push(piece).blocks)
  return { blocks, fault: reader.push(Buffer.alloc(0)).fault }
}
