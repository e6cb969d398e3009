/**
 * Clients that close one side of their connection, and peers that never close theirs: nothing hangs on them, nothing half is handed on,
 * and others are served. That a half-closed peer gets the answer it waits for is tested with each front end.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import type { GateSettings } from '../../src/engine/gate.ts'
import { encodeMilterCommand } from '../../src/wire/milter-command.ts'
import { gateOver, GOOD } from '../gateway/http-gate.ts'
import { POSTFIX_OFFER } from '../gateway/milter-client.ts'
import { FRONT_ENDS, portOf, type LiveFrontEnd } from './front-ends.ts'
import { closeOf, networkHandlesGone, turnsUntil } from './handles.ts'

const ENVELOPE = 'EHLO mail.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n'
/** What a client has said when it closes its side; none of it is whole. */
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  milter: ['', '\0\0', Buffer.from(encodeMilterCommand({ kind: 'negotiate', offer: POSTFIX_OFFER })).toString('latin1')],
  'policy delegation': ['', 'request=smtpd_access_policy\n', 'request=smtpd_access_policy\nclient_address=198.51.100.7\n'],
  HTTP: ['', 'POST /v1/ch', 'POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{'],
  'SMTP gateway': ['', 'EHLO mail.exam', ENVELOPE, `${ENVELOPE}DATA\r\n`, `${ENVELOPE}DATA\r\nSubject: x\r\n\r\nfirst line\r\n`],
  'plugin for smtp-server': ['', 'EHLO mail.exam', ENVELOPE, `${ENVELOPE}DATA\r\n`, `${ENVELOPE}DATA\r\nSubject: x\r\n\r\nfirst line\r\n`],
}

describe('half-closed connections', () => {
  it.each(FRONT_ENDS)('$name: wherever a client closes its side, it is hung up on, and nothing of it is left', async (kind) => {
    const gate = gateOver()
    await using frontEnd = await kind.start({ gate, plugin: pluginOver(gate) })
    for (const beginning of BEGINNINGS[kind.name] ?? []) {
      const socket = await open(frontEnd, kind.name, true)
      socket.end(beginning, 'latin1')
      await closeOf(socket)
      await turnsUntil(
        () => frontEnd.connections() === 0,
        () => `${String(frontEnd.connections())} after ${JSON.stringify(beginning)}`,
      )
    }
    expect(frontEnd.delivered() ?? 0).toBe(0)
    expect(await frontEnd.judge(GOOD)).toEqual({ kind: 'taken', reply: null })
    expect(frontEnd.events.filter(({ kind: what }) => what === 'internalError')).toEqual([])
  })

  it.each(FRONT_ENDS)('$name: a peer that never closes its side is not waited for', async (kind) => {
    const gate = gateOver()
    const peers: Socket[] = []
    await using frontEnd = await kind.start({ gate, plugin: pluginOver(gate) })
    for (const ending of ENDINGS[kind.name] ?? []) {
      const socket = await open(frontEnd, kind.name, false)
      peers.push(socket)
      socket.write(ending, 'latin1')
      await once(socket, 'end')
    }
    await turnsUntil(
      () => frontEnd.connections() === 0,
      () => `${String(frontEnd.connections())} connections`,
    )
    expect(peers.every((socket) => socket.writable)).toBe(true)
    expect(await frontEnd.judge(GOOD)).toEqual({ kind: 'taken', reply: null })
    for (const socket of peers) socket.destroy()
  })
})

/** What the front end hangs up after. */
const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  milter: ['\0\0\0\x01Q', '\x7f\xff\xff\xff'],
  'policy delegation': ['nonsense\n\n'],
  HTTP: ['GET /v1/check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 'nonsense\r\n\r\n'],
  'SMTP gateway': ['QUIT\r\n'],
  'plugin for smtp-server': ['QUIT\r\n'],
}

/** `closesToo`: as usual; else it keeps its side open for good. A server that speaks first is let do so. */
async function open({ address }: LiveFrontEnd, kind: string, closesToo: boolean): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: portOf(address), allowHalfOpen: !closesToo })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  if (kind === 'SMTP gateway' || kind === 'plugin for smtp-server') await once(socket, 'data')
  return socket.resume()
}

function pluginOver({ resolver }: GateSettings): Parameters<(typeof FRONT_ENDS)[number]['start']>[0]['plugin'] {
  return { resolver, policy: {} }
}

afterAll(networkHandlesGone)
