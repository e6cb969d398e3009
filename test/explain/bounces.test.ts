import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../src/core/address.ts'
import { codesOf, explained } from './subject.ts'

const GMAIL = `host gmail-smtp-in.l.google.com[192.0.2.27] said:
    550-5.7.25 [198.51.100.7] The IP address sending this message does not have
    a 550-5.7.25 PTR record setup, or the corresponding forward DNS entry does
    not 550-5.7.25 point to the sending IP. As a policy, Gmail does not accept
    messages 550-5.7.25 from IPs with missing PTR records. Please visit
    550-5.7.25  https://support.google.com/mail/answer/81126#ip-practices for
    more 550 5.7.25 information. du14-20020a17090 - gsmtp (in reply to
    end of DATA command)`

function report(parts: {
  readonly notification: string
  readonly status: string
  readonly returned?: string
  readonly encoding?: string
}): string {
  const { notification, status, returned = 'From: a@example.com\nSubject: Invoice\n\nHello\n', encoding = '7bit' } = parts
  return `Return-Path: <>
Received: by mail.example.com (Postfix)
\tid 242C7AFEC0D2; Tue,  9 Jan 2024 18:00:25 +0100 (CET)
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="7AF421CA0111.1515517225/mail.example.com"

This is a MIME-encapsulated message.

--7AF421CA0111.1515517225/mail.example.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: ${encoding}

${notification}
--7AF421CA0111.1515517225/mail.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com
X-Postfix-Queue-ID: 7AF421CA0111
Arrival-Date: Tue,  9 Jan 2024 18:00:25 +0100 (CET)

${status}
--7AF421CA0111.1515517225/mail.example.com
Content-Description: Undelivered Message
Content-Type: message/rfc822

${returned}
--7AF421CA0111.1515517225/mail.example.com--
`
}

const UNHELPFUL = 'This is the mail system at host mail.example.com.\nIt could not be delivered.'
const NO_STATUS = 'Final-Recipient: rfc822; bob@example.org\nAction: failed'

const GMX_STATUS = `Final-Recipient: rfc822; bob@web.de
Action: failed
Status: 4.0.0
Remote-MTA: dns; mx-ha03.web.de
Diagnostic-Code: smtp; 554-web.de (mxweb012) Nemesis ESMTP Service not
    available 554-No SMTP service 554 invalid DNS PTR resource record,
    IP=198.51.100.7`

describe('a bounce', () => {
  it('free text of Postfix → receiver, server, address and reply', () => {
    const told = explained(`This is the mail system at host mail.example.com.\n\n<bob@gmail.com>: ${GMAIL}\n`)
    expect(told).toMatchObject({ cause: 'reverseDns', persona: { name: 'gmail' }, alsoSaidBy: [], host: 'gmail-smtp-in.l.google.com' })
    expect(told.address && formatAddress(told.address)).toBe('198.51.100.7')
    expect(told.reply).toMatchObject({ code: 550, enhanced: '5.7.25' })
    expect(told.reply?.text).toMatch(
      /^\[198\.51\.100\.7\] The IP address sending this message does not have a PTR record setup, .* - gsmtp$/,
    )
    expect(told.reply?.text).not.toContain('550')
  })

  it('RFC 3464, by its status part alone', () => {
    const told = explained(report({ notification: UNHELPFUL, status: GMX_STATUS }))
    expect(told).toMatchObject({ input: 'bounce', persona: { name: 'gmx' }, host: 'mx-ha03.web.de', reply: { code: 554, enhanced: null } })
    expect(told.address && formatAddress(told.address)).toBe('198.51.100.7')
  })

  it.each([
    [
      'quoted-printable',
      `<bob@gmail.com>: ${GMAIL}`.replace(/=/g, '=3D').replace(/does not/g, 'does=\nnot'.replace('=\n', '=20=\n')),
      'gmail',
    ],
    ['base64', Buffer.from(`<bob@gmail.com>: ${GMAIL}`).toString('base64').replace(/.{76}/g, '$&\n'), 'gmail'],
    ['BASE64', Buffer.from('550 5.7.25 No PTR record found').toString('base64'), 'maddy'],
  ])('its text in %s', (encoding, notification, persona) => {
    expect(explained(report({ notification, status: NO_STATUS, encoding }))).toMatchObject({ input: 'bounce', persona: { name: persona } })
  })

  it('a page of HTML alone, as Exchange sends it', () => {
    const html = `<html><head><style>p { color: red }</style></head><body><p>Remote&nbsp;Server returned
      <b>&#39;550-5.7.25 [198.51.100.7] The IP address</b> sending this message does not <i>have a PTR record setup</i>&#39;</p></body></html>`
    const text = `Subject: Undeliverable\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${Buffer.from(html).toString('base64')}`
    expect(explained(text)).toMatchObject({ persona: { name: 'gmail' }, reply: { code: 550, enhanced: '5.7.25' } })
  })

  it('passed on as an attachment', () => {
    const inner = report({ notification: UNHELPFUL, status: GMX_STATUS })
    const outer = `From: bob@example.org\nSubject: Fwd: what is this?\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nPlease look.\n\n--x\nContent-Type: message/rfc822\n\n${inner}\n--x--\n`
    expect(explained(outer)).toMatchObject({ input: 'bounce', persona: { name: 'gmx' } })
  })

  it("the server's name tells Outlook.com and Exchange Online apart", () => {
    const text = (host: string): string =>
      `<bob@example.org>: host ${host}[192.0.2.25] said: 550 5.7.25 The IP address sending this message does not have a PTR record (in reply to MAIL FROM command)`
    expect(explained(text('outlook-com.olc.protection.outlook.com'))).toMatchObject({ persona: { name: 'outlook' }, alsoSaidBy: [] })
    expect(explained(text('example-org.mail.protection.outlook.com'))).toMatchObject({
      persona: { name: 'exchange-online' },
      alsoSaidBy: [],
    })
    const nameless = explained('550 5.7.25 The IP address sending this message does not have a PTR record')
    expect([nameless.persona?.name, ...nameless.alsoSaidBy]).toEqual(['exchange-online', 'outlook'])
    expect(nameless.address).toBeNull()
  })

  it('of several recipients, the one that was refused for reverse DNS is explained', () => {
    const status = `Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; 550 5.1.1 No such user\n\n${GMX_STATUS}`
    expect(explained(report({ notification: UNHELPFUL, status }))).toMatchObject({ cause: 'reverseDns', persona: { name: 'gmx' } })
  })

  it('of which the words are not known → its status tells, and the server who it was', () => {
    const status = `Final-Recipient: rfc822; a@freenet.de\nAction: failed\nStatus: 5.7.25\nRemote-MTA: dns; emig.freenet.de\nDiagnostic-Code: smtp; 550 new words`
    expect(explained(report({ notification: UNHELPFUL, status }))).toMatchObject({
      cause: 'reverseDns',
      persona: { name: 'freenet' },
      reply: { code: 550 },
    })
  })

  it('what stands in the message that came back is not taken for the reason, if there is another', () => {
    const returned = 'Subject: Fwd: bounce\n\n550 5.7.25 No PTR record found\n'
    const status =
      'Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using bl.example'
    expect(codesOf(explained(report({ notification: UNHELPFUL, status })))).toEqual(['RECEIVER_REPUTATION'])
    expect(codesOf(explained(report({ notification: UNHELPFUL, status, returned })))).toEqual(['RECEIVER_REPUTATION'])
    expect(explained(report({ notification: UNHELPFUL, status: NO_STATUS, returned }))).toMatchObject({ cause: 'unknown', findings: [] })
  })

  it('a letter that quotes one reply and encloses another message is about its own text', () => {
    const letter = `From: bob@example.org\nSubject: x\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n552 5.2.2 Mailbox full\n--x\nContent-Type: message/rfc822\n\nSubject: y\n\n550 5.7.25 No PTR record found\n--x--\n`
    expect(codesOf(explained(letter))).toEqual(['RECEIVER_OTHER_CAUSE'])
  })

  it("a bounce's own Received fields say nothing of the receiver", () => {
    const bounce = `Received: from mail.example.com (unknown [198.51.100.7]) by mx.example.com (Postfix)\n${report({ notification: UNHELPFUL, status: NO_STATUS })}`
    expect(explained(bounce)).toMatchObject({ cause: 'unknown', findings: [] })
  })

  it("Sendmail's transcript", () => {
    const text = `   ----- Transcript of session follows -----
... while talking to mx.freenet.de.:
>>> RCPT To:<bob@freenet.de>
<<< 550 inconsistent or no DNS PTR record for 198.51.100.7 (see
<<< 550 RFC 1912 2.1)
550 5.1.1 <bob@freenet.de>... User unknown`
    expect(explained(text)).toMatchObject({ persona: { name: 'freenet' }, host: 'mx.freenet.de', cause: 'reverseDns' })
  })

  it('cut off in the middle, or with a boundary that never comes', () => {
    const whole = report({ notification: UNHELPFUL, status: GMX_STATUS })
    const until = whole.indexOf('IP=198.51.100.7') + 15
    expect(explained(whole.slice(0, until))).toMatchObject({ persona: { name: 'gmx' } })
    expect(explained(whole.replaceAll('--7AF421CA0111', '--other')).findings).toEqual([])
  })

  it('nested without end → it stops', () => {
    let text = 'Content-Type: text/plain\n\n550 5.7.25 No PTR record found\n'
    for (let depth = 0; depth < 200; depth++) text = `Content-Type: message/rfc822\n\n${text}`
    expect(explained(`Subject: x\n${text}`).findings).toEqual([])
  })
})
