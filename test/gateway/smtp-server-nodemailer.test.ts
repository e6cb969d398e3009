import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTransport } from 'nodemailer'
import { startFixture, type Fixture } from './smtp-server-fixture.ts'

let fixture: Fixture

beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture.close())

function send(localAddress: string): Promise<{ response: string }> {
  const transport = createTransport({ host: '127.0.0.1', port: fixture.port, localAddress, name: 'mail.pass.test', ignoreTLS: true })
  return transport.sendMail({ from: 'a@pass.test', to: 'b@test', subject: 'hello', text: 'a line\n.\nanother' })
}

describe('nodemailer against the plugin', () => {
  it('an aligned client delivers, and the message begins with our header', async () => {
    expect((await send('127.51.0.1')).response).toMatch(/^250/)
    expect(fixture.messages.at(-1)).toMatch(/^Authentication-Results: mx\.test;\s+iprev=pass \(mail\.pass\.test\)/)
    expect(fixture.messages.at(-1)).toContain('\r\n.\r\nanother')
  })

  it('a client without PTR sees the code and text of the refusal', async () => {
    await expect(send('127.51.0.2')).rejects.toMatchObject({ responseCode: 550, response: expect.stringContaining('5.7.25') as string })
  })

  it('a client that could not be looked up sees a temporary one', async () => {
    await expect(send('127.51.0.4')).rejects.toMatchObject({ responseCode: 451, response: expect.stringContaining('4.7.25') as string })
  })
})
