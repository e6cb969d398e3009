// Mail clients in a process of their own. For each JSON line { host, port, sessions, concurrency, first, addresses, messageOctets, thinkMs }
// on stdin it holds that many SMTP sessions, so many at a time, from that many of the benchmark's addresses in turn, and prints how
// many a second, and how long one took. All wait for each reply before they go on; with `thinkMs` also about that long before each command.
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const TIMEOUT_MS = 60_000
/** Commands of a session, each after a thought. */
const STEPS = 6
const LINE = 'A line of text as mail has it, and some more of it until it is full.\r\n'
/** With one header field that is forged. */
const HEADER = `From: <someone@bench.test>\r
To: <user@mx.bench.test>\r
Subject: of the benchmark\r
Authentication-Results: mx.bench.test; iprev=pass (forged)\r
\r
`

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await round(JSON.parse(line)))}\n`)
}

async function round(settings) {
  const { messageOctets } = settings
  const message = messageOctets === 0 ? null : `${HEADER}${LINE.repeat(Math.ceil((messageOctets - HEADER.length) / LINE.length))}.\r\n`
  const times = []
  let next = 0
  const client = async (place) => {
    // Not all at once, since nobody's clients come so: over the time that a session takes.
    if (settings.thinkMs > 0) await sleep((STEPS * settings.thinkMs * place) / settings.concurrency)
    while (next < settings.sessions) {
      const index = settings.first + (next++ % settings.addresses)
      const start = performance.now()
      await session(index, message, settings)
      times.push(performance.now() - start)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: settings.concurrency }, (_, place) => client(place)))
  const perSecond = (settings.sessions / (performance.now() - start)) * 1000
  times.sort((left, right) => left - right)
  return { perSecond, medianMs: times[times.length >> 1], p95Ms: times[Math.floor(times.length * 0.95)] }
}

/** Client `index` of the zones, under its own name; everything it says must be accepted. */
function session(index, message, { host, port, thinkMs }) {
  const [third, fourth] = [index >> 8, index & 255]
  const name = `mail-${third}-${fourth}.bench.test`
  const script = [
    [220, `EHLO ${name}\r\n`],
    [250, `MAIL FROM:<someone@${name}>\r\n`],
    [250, 'RCPT TO:<user@mx.bench.test>\r\n'],
    ...(message === null
      ? [[250, 'RSET\r\n']]
      : [
          [250, 'DATA\r\n'],
          [354, message],
        ]),
    [250, 'QUIT\r\n'],
    [221, null],
  ]
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress: `127.1.${third}.${fourth}`, noDelay: true })
    let step = 0
    let reply = ''
    socket.setEncoding('latin1')
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`${name} got no reply in ${TIMEOUT_MS} ms at step ${step}`)))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${name} was hung up on at step ${step}`)))
    socket.on('data', (chunk) => {
      reply += chunk
      if (!isWhole(reply)) return
      const [code, command] = script[step++]
      if (!reply.startsWith(String(code))) {
        socket.destroy(new Error(`${name} expected ${code}: ${reply.trim()}`))
        return
      }
      reply = ''
      if (command === null) {
        resolve()
        socket.end()
      } else if (thinkMs > 0) setTimeout(() => socket.write(command), thinkMs * spread(index * script.length + step))
      else socket.write(command)
    })
  })
}

/** Between a half and one and a half, one on average: clients that all began at once would else go on in step. */
function spread(seed) {
  return 0.5 + (Math.imul(seed, 2_654_435_761) >>> 0) / 2 ** 32
}

/** Its last line has no hyphen behind the code. */
function isWhole(reply) {
  if (!reply.endsWith('\n')) return false
  return reply[reply.lastIndexOf('\n', reply.length - 2) + 4] !== '-'
}
