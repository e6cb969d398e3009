// An MTA with its clients, in a process of its own: for each JSON line { kind, port, sessions, concurrency, first, addresses, known }
// on stdin it asks about that many sessions, so many at a time, and prints how many a second. `milter`: a connection a session, with
// a message in it. `policy`: one request a session, on connections that are kept. `idle`: milter connections that are opened up to
// HELO, and stay open for good. Clients below `known` are let through; those above have no name, and are refused.
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { encodeMilterCommand } from '../dist/wire/milter-command.js'
import { MilterFrameReader } from '../dist/wire/milter-frame.js'

const TIMEOUT_MS = 60_000
/** What Postfix 3.7 offers. */
const OFFER = encodeMilterCommand({ kind: 'negotiate', offer: { version: 6, actions: 0x1ff, steps: 0x1fffff } })
const [CONTINUE, ACCEPT, REPLY_CODE, NEGOTIATE] = ['c', 'a', 'y', 'O'].map((letter) => letter.charCodeAt(0))
const BODY = Buffer.from('A line of text as mail has it, and some more of it until it is full.\r\n'.repeat(20))
const HEADERS = [
  ['From', 'someone@bench.test'],
  ['Subject', 'of the benchmark'],
  ['Authentication-Results', 'mx.bench.test; iprev=pass (forged)'],
]

const ask = { milter: milterSession, policy: policySession, idle: idleSession }
const policyConnections = []
const idle = []
let instance = 0

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await round(JSON.parse(line)))}\n`)
}
// Connections that are kept open would keep it alive.
process.exit(0)

async function round(settings) {
  let next = 0
  const worker = async () => {
    while (next < settings.sessions) {
      const index = settings.first + (next++ % settings.addresses)
      await ask[settings.kind](index, settings)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: settings.concurrency }, worker))
  return { perSecond: (settings.sessions / (performance.now() - start)) * 1000, open: idle.length }
}

async function milterSession(index, settings) {
  const { name, isKnown } = clientOf(index, settings)
  const milter = await openMilter(index, settings)
  milter.send(
    ...macros('mail', { i: 'QUEUE1', '{mail_addr}': `someone@${name}` }),
    { kind: 'mail', path: `<someone@${name}>`, parameters: [] },
    { kind: 'rcpt', path: '<user@mx.bench.test>', parameters: [] },
  )
  await milter.read(isKnown ? CONTINUE : REPLY_CODE)
  if (isKnown) {
    milter.send(...HEADERS.map(([header, value]) => ({ kind: 'header', name: header, value })), { kind: 'endOfMessage', chunk: BODY })
    await milter.read(ACCEPT)
  } else milter.send({ kind: 'abort' })
  milter.send({ kind: 'quit' })
  await milter.closed()
}

async function idleSession(index, settings) {
  idle.push(await openMilter(index, settings))
}

/** Connected, negotiated, and told of its client, who has said HELO. */
async function openMilter(index, settings) {
  const { bytes, name } = clientOf(index, settings)
  const frames = new MilterFrameReader()
  const connection = await openConnection(settings.port, (chunk) => frames.push(chunk).packets)
  const milter = {
    send: (...commands) => connection.socket.write(Buffer.concat(commands.map(encodeMilterCommand))),
    closed: connection.closed,
    /** Passes changes of the message by. */
    async read(expected) {
      for (;;) {
        const { code } = await connection.read()
        if (code === expected) return
        if (!['h', 'i', 'm'].includes(String.fromCharCode(code))) throw new Error(`${name}: answered ${String.fromCharCode(code)}`)
      }
    },
  }
  connection.socket.write(OFFER)
  await milter.read(NEGOTIATE)
  milter.send(
    ...macros('connect', { j: 'mx.bench.test', '{client_name}': name, '{client_ptr}': name, '{client_resolve}': 'OK' }),
    { kind: 'connect', nameByMta: name, peer: { kind: 'ip', address: { family: 4, bytes }, port: 40_000 } },
    { kind: 'helo', claimedName: name },
  )
  if (settings.kind === 'idle') connection.socket.setTimeout(0)
  return milter
}

function macros(before, values) {
  return [{ kind: 'macros', before, macros: new Map(Object.entries(values)) }]
}

async function policySession(index, settings) {
  const { bytes, name, isKnown } = clientOf(index, settings)
  const connection = policyConnections.pop() ?? (await openConnection(settings.port, wholeAnswers()))
  const request = {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    protocol_name: 'ESMTP',
    client_address: bytes.join('.'),
    client_name: name,
    client_port: String(40_000 + (instance % 20_000)),
    reverse_client_name: name,
    helo_name: name,
    sender: `someone@${name}`,
    recipient: 'user@mx.bench.test',
    recipient_count: '0',
    queue_id: '',
    instance: `bench.${String(instance++)}.0`,
  }
  const lines = Object.entries(request).map(([attribute, value]) => `${attribute}=${value}\n`)
  connection.socket.write(`${lines.join('')}\n`)
  const answer = await connection.read()
  if (!answer.startsWith(isKnown ? 'action=PREPEND ' : 'action=550 ')) throw new Error(`${name}: ${answer}`)
  policyConnections.push(connection)
}

function wholeAnswers() {
  let held = ''
  return (chunk) => {
    const parts = `${held}${chunk.toString('latin1')}`.split('\n\n')
    held = parts.pop()
    return parts
  }
}

function clientOf(index, { known }) {
  const bytes = [127, 1 + (index >> 16), (index >> 8) & 255, index & 255]
  const isKnown = index < known
  return { bytes, isKnown, name: isKnown ? `mail-${index >> 8}-${index & 255}.bench.test` : `[${bytes.join('.')}]` }
}

/** `decode` makes whole answers of what arrives; they are read one by one. */
function openConnection(port, decode) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const answers = []
    let waiting = null
    let problem = null
    let isClosed = false
    const settle = () => {
      if (waiting === null || (answers.length === 0 && problem === null)) return
      const { fulfil, fail } = waiting
      waiting = null
      if (answers.length > 0) fulfil(answers.shift())
      else fail(problem)
    }
    const closed = new Promise((done) => socket.once('close', done))
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)))
    socket.on('data', (chunk) => {
      for (const answer of decode(chunk)) answers.push(answer)
      settle()
    })
    socket.on('error', (error) => (problem ??= error))
    socket.on('close', () => {
      isClosed = true
      problem ??= new Error('hung up on')
      reject(problem)
      settle()
    })
    socket.on('connect', () =>
      resolve({
        socket,
        closed: () => (isClosed ? Promise.resolve() : closed),
        read: () =>
          new Promise((fulfil, fail) => {
            waiting = { fulfil, fail }
            settle()
          }),
      }),
    )
  })
}
