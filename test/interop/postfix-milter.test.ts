/**
 * A real Postfix asks our milter and our policy service on the host. Its clients stand behind XCLIENT, so that they come from
 * addresses which have a zone; what the recipient's mailbox holds is what counts.
 */
import { Wait, type StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GateEvent } from '../../src/gateway/gate-event.ts'
import { startMilter, type MilterHandle } from '../../src/gateway/milter.ts'
import { startPolicyDelegation, type PolicyDelegationHandle } from '../../src/gateway/policy-delegation.ts'
import { AUTHSERV_ID } from '../contract/cases.ts'
import { startTestGate, type TestGate } from '../contract/gate.ts'
import { buildFixture, describeWithDocker } from '../support/docker.ts'

const ZONE = `
7.100.51.198.in-addr.arpa. PTR mail.example.com.
mail.example.com. A 198.51.100.7
9.100.51.198.in-addr.arpa. PTR wrong.example.com.
wrong.example.com. A 198.51.100.99
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.5.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.example.com.
mail.example.com. AAAA 2001:db8:51::7`
const SERVFAIL = { name: '10.100.51.198.in-addr.arpa', effect: { kind: 'rcode', rcode: 'SERVFAIL' } } as const

const PASS_FIELD = `Authentication-Results: ${AUTHSERV_ID}; iprev=pass (mail.example.com) policy.iprev=198.51.100.7`
/** As swaks shows a reply to RCPT; nobody is told which of the ports has said it. */
const NO_PTR =
  /<\*\* 550 5\.7\.25 (?:<recipient@example\.org>: Recipient address rejected: )?Reverse DNS validation failed: 198\.51\.100\.8 has no PTR record\./
const MISMATCH = /<\*\* 550 5\.7\.25 .*no PTR name of 198\.51\.100\.9 resolves back to it\./
const TEMPERROR = /<\*\* 451 4\.7\.25 .*The reverse DNS of 198\.51\.100\.10 cannot be validated at present\./

describeWithDocker('a real Postfix', () => {
  const events: GateEvent[] = []
  let dns: TestGate | undefined
  let milter: MilterHandle | undefined
  let policy: PolicyDelegationHandle | undefined
  let postfix: StartedTestContainer | undefined

  beforeAll(async () => {
    dns = await startTestGate({ zone: ZONE, faults: [SERVFAIL] })
    const onEvent = (event: GateEvent): number => events.push(event)
    // The container reaches the host by the gateway of its network.
    milter = await startMilter({ address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, gate: dns.gate, onEvent })
    policy = await startPolicyDelegation({ address: { kind: 'tcp', host: '0.0.0.0', port: 0 }, gate: dns.gate, onEvent })
    const image = await buildFixture('postfix')
    postfix = await image
      .withExtraHosts([{ host: 'ptrgate.internal', ipAddress: 'host-gateway' }])
      .withCopyContentToContainer([{ content: mainCf(portOf(milter.address), portOf(policy.address)), target: '/etc/postfix/main.cf' }])
      .withWaitStrategy(Wait.forLogMessage(/daemon started/, 1))
      .start()
  }, 300_000)

  afterAll(async () => {
    await postfix?.stop()
    await milter?.close(0)
    await policy?.close(0)
    await dns?.[Symbol.asyncDispose]()
  })

  async function run(command: string[]): Promise<string> {
    if (!postfix) throw new Error('Postfix has not started')
    return (await postfix.exec(command)).output
  }

  function swaks(id: string, from: string, port: number, ...more: string[]): Promise<string> {
    const client = ['--xclient', `NAME=[UNAVAILABLE] ADDR=${from}`, '--xclient-optional', '--helo', 'mail.example.com']
    const mail = ['--from', 'from@example.com', '--to', 'recipient@example.org', '--header', `Subject: ${id}`]
    return run(['swaks', '--server', `127.0.0.1:${String(port)}`, ...client, ...mail, ...more])
  }

  /** Waits until the message is there. */
  async function delivered(id: string): Promise<readonly string[]> {
    const text = await run(['sh', '-c', FIND_MESSAGE, 'find', id])
    if (text === '') throw new Error(`the message ${id} was not delivered`)
    const [head = ''] = text.split(/\r?\n\r?\n/)
    return head.replaceAll(/\r?\n[\t ]+/g, ' ').split(/\r?\n/)
  }

  function resultsIn(head: readonly string[]): readonly string[] {
    return head.filter((field) => /^authentication-results\s*:/i.test(field))
  }

  describe.each([
    ['the milter', 25],
    ['policy delegation', 2525],
  ])('asks %s', (kind, port) => {
    it('and delivers mail of a confirmed client, with our header on top', async () => {
      const id = `pass-${String(port)}`
      expect(await swaks(id, '198.51.100.7', port)).toMatch(/250 2\.0\.0 Ok: queued/)
      const head = await delivered(id)
      expect(resultsIn(head)).toEqual([PASS_FIELD])
      // Postfix puts Return-Path, X-Original-To and Delivered-To above everything when it delivers.
      const received = head.findIndex((field) => field.startsWith('Received:'))
      expect(received).toBeGreaterThan(0)
      if (kind === 'the milter') expect(head.indexOf(PASS_FIELD)).toBeLessThan(received)
    })

    it('and refuses a client without PTR', async () => {
      expect(await swaks('none', '198.51.100.8', port)).toMatch(NO_PTR)
    })

    it('and refuses a client whose PTR name is elsewhere', async () => {
      expect(await swaks('mismatch', '198.51.100.9', port)).toMatch(MISMATCH)
    })

    it('and defers a client whose reverse DNS cannot be told', async () => {
      expect(await swaks('temperror', '198.51.100.10', port)).toMatch(TEMPERROR)
    })

    it('and judges IPv6', async () => {
      const id = `ipv6-${String(port)}`
      await swaks(id, 'IPV6:2001:db8:51::7', port)
      expect(resultsIn(await delivered(id))).toEqual([
        `Authentication-Results: ${AUTHSERV_ID}; iprev=pass (mail.example.com) policy.iprev="2001:db8:51::7"`,
      ])
    })

    it('for each of two messages in a session', async () => {
      const ids = [`first-${String(port)}`, `second-${String(port)}`]
      await run(['perl', '-e', TWO_MESSAGES, String(port), ...ids])
      for (const id of ids) expect(resultsIn(await delivered(id))).toEqual([PASS_FIELD])
    })
  })

  it('removes every forged header, however it is written, and no other', async () => {
    const forged = [
      `Authentication-Results: ${AUTHSERV_ID}; iprev=pass policy.iprev=198.51.100.1`,
      'Authentication-Results: other.example.net; spf=pass smtp.mailfrom=example.com',
      `AUTHENTICATION-RESULTS: (a comment) ${AUTHSERV_ID.toUpperCase()} 1; spf=pass smtp.mailfrom=example.com`,
      `Authentication-Results:\n\t"${AUTHSERV_ID}";\n\tdkim=pass header.d=example.com`,
      `Authentication-Results : ${AUTHSERV_ID}; dmarc=pass header.from=example.com`,
    ]
    // swaks puts the subject in its place.
    const data = ['Subject: none', ...forged, 'From: from@example.com', '', 'text'].join('\n')
    expect(await swaks('forged', '198.51.100.7', 25, '--data', data)).toMatch(/250 2\.0\.0 Ok: queued/)
    expect(resultsIn(await delivered('forged'))).toEqual([
      PASS_FIELD,
      'Authentication-Results: other.example.net; spf=pass smtp.mailfrom=example.com',
    ])
  })

  it('tells its own lookup, and a difference is noticed', () => {
    const seen = events.flatMap((event) => (event.kind === 'disagreement' ? [event] : []))
    expect(seen.length).toBeGreaterThan(0)
    expect(seen[0]?.byMta).toMatchObject({ result: 'permerror', mtaName: 'mx.example.org' })
    expect(seen[0]?.verdict.judgement?.iprev.result).not.toBe('permerror')
  })

  it('gives queue ids, and nothing went wrong on our side', () => {
    const messages = events.flatMap((event) => (event.kind === 'decision' && event.moment === 'message' ? [event.client] : []))
    expect(messages.some(({ queueId }) => queueId !== null && /^[0-9A-F]{6,}$/i.test(queueId))).toBe(true)
    expect(events.filter(({ kind }) => kind === 'internalError' || kind === 'protocolError')).toEqual([])
  })
})

const FIND_MESSAGE = `
for try in $(seq 100); do
  file=$(grep -ls "^Subject: $1\\b" /home/recipient/Maildir/new/* | head -n 1)
  if [ -n "$file" ]; then cat "$file"; exit; fi
  sleep 0.1
done`

const TWO_MESSAGES = `
use Net::SMTP;
my ($port, @ids) = @ARGV;
my $smtp = Net::SMTP->new("127.0.0.1", Port => $port, Hello => "mail.example.com") or die;
$smtp->command("XCLIENT", "NAME=[UNAVAILABLE] ADDR=198.51.100.7")->response();
$smtp->hello("mail.example.com");
for my $id (@ids) {
  $smtp->mail('from@example.com') or die $smtp->message;
  $smtp->to('recipient@example.org') or die $smtp->message;
  $smtp->data("Subject: $id\\n\\ntext\\n") or die $smtp->message;
}
$smtp->quit;`

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}

function mainCf(milterPort: string, policyPort: string): string {
  return [
    'compatibility_level = 3.7',
    'maillog_file = /dev/stdout',
    'myhostname = mx.example.org',
    'mydestination = example.org',
    'mynetworks = 127.0.0.0/8',
    'inet_protocols = all',
    'home_mailbox = Maildir/',
    'alias_maps =',
    // No container may ask the public DNS.
    'smtpd_peername_lookup = no',
    'smtpd_authorized_xclient_hosts = 127.0.0.1',
    `smtpd_milters = inet:ptrgate.internal:${milterPort}`,
    'milter_default_action = tempfail',
    `policy_restrictions = check_policy_service inet:ptrgate.internal:${policyPort}, permit_mynetworks, reject_unauth_destination`,
    '',
  ].join('\n')
}
